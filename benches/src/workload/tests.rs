use std::collections::HashSet;

use super::*;
use crate::must;
use crate::programs::evaluator;

#[test]
fn a_seed_always_makes_the_same_however_it_is_cut() {
    let world = World::new(7);
    let whole = world.rows().batch(100);
    let mut rows = world.rows();
    rows.batch(60);
    let second = rows.batch(40);
    let plain = |batch: &RecordBatch| must(Text::Plain.of(batch));
    assert_eq!(plain(&whole.slice(60, 40)), plain(&second));
    assert_eq!(world.rules(20), World::new(7).rules(30)[..20]);
    assert_ne!(world.rules(20), World::new(8).rules(20));
}

#[test]
fn every_kind_compiles_and_hits() {
    let world = World::new(7);
    let batch = world.rows().batch(4_096);
    let more = [Kind::Threshold, Kind::SparseThreshold, Kind::Prefix, Kind::Words, Kind::Flag];
    for kind in Kind::RULES.into_iter().chain(more) {
        let hits = must(evaluator(&world.rules_of(kind, 100)).evaluate(&batch));
        assert!(!hits.is_empty(), "{kind:?}");
    }
}

#[test]
fn the_form_of_text_changes_no_hit() {
    let world = World::new(7);
    let (batch, evaluator) = (world.rows().batch(2_000), evaluator(&world.rules(200)));
    let hits = |text: Text| must(evaluator.evaluate(&must(text.of(&batch))));
    assert!(!hits(Text::AsStream).is_empty());
    assert_eq!(hits(Text::AsStream), hits(Text::ByCode));
    assert_eq!(hits(Text::AsStream), hits(Text::Plain));
}

#[test]
fn the_mix_has_its_shares() {
    let rules = World::new(7).rules(2_000);
    let share = |part: &str| rules.iter().filter(|rule| rule.when.contains(part)).count() as f64 / 2_000.0;
    for (part, expected) in [("importer_id IN (", 0.15), ("description LIKE", 0.10), ("hs_code LIKE", 0.45 + 0.04)] {
        assert!((share(part) - expected).abs() < 0.03, "{part}: {}", share(part));
    }
    let conditions: HashSet<_> = rules.iter().map(|rule| &rule.when).collect();
    assert!(conditions.len() > 1_950, "{}", conditions.len());
}

#[test]
fn what_is_frequent_is_frequent_in_rows_and_rules() {
    let (mut dice, rows, rules) = (Dice::new(1, 9), Zipf::new(1_000, 1.05), Zipf::new(1_000, 0.6));
    let commonest = |zipf: &Zipf, dice: &mut Dice| {
        let mut counts = vec![0u32; 1_000];
        (0..200_000).for_each(|_| counts[zipf.draw(dice)] += 1);
        let most = counts.iter().max().copied().unwrap_or_default();
        counts.iter().position(|count| *count == most)
    };
    assert_eq!(commonest(&rows, &mut dice), commonest(&rules, &mut dice));
}
