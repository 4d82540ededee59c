use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use haechi_model::streams::DECLARATION;
use haechi_model::{Cell, StreamBuilder};
use haechi_rules::condition::Catalog;
use haechi_rules::{Sources, profile};

use super::*;

const PROFILES: &str = "\
entity: importer
keys: {declaration: importer_id}
features:
  - {name: records, aggregate: count, window: all}
---
entity: origin
keys: {declaration: origin_country}
features:
  - {name: importers, aggregate: distinct, of: importer_id, window: all}
---
entity: circle
keys: {declaration: importer_id}
network:
  links: {origin: {declaration: origin_country}}
  window: 400d
  hub: 100
features:
  - {name: importers, aggregate: members}
";

fn plan() -> Arc<ProfilePlan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    std::fs::write(folder.path().join("profiles/profiles.yaml"), PROFILES).unwrap();
    let mut sources = Sources::default();
    let (raw, mut mistakes) = haechi_rules::load(&[folder.path().to_owned()], &mut sources);
    let profiles = profile::compile(&raw.profiles, &Catalog::of(&raw), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    Arc::new(ProfilePlan::new(&profiles, chrono_tz::Tz::UTC).unwrap())
}

/// So many rows of a few importers and one origin, each on a day of its own.
fn rows(days: Range<i64>) -> RecordBatch {
    let columns = ["importer_id", "origin_country", "event_at"];
    let mut builder = StreamBuilder::with_columns(&DECLARATION, &columns).unwrap();
    for day in days {
        let importer = format!("I{}", day % 50);
        let cells = [Cell::Text(&importer), Cell::Text("CN"), Cell::Ts(day * 86_400_000)];
        for (column, cell) in columns.iter().zip(cells) {
            builder.set(builder.index(column).unwrap(), cell).unwrap();
        }
        builder.finish_row();
    }
    builder.finish()
}

/// Passes rows of these days, each a record.
fn pass(profiler: &mut Profiler, days: Range<i64>, asked: &[FeaturePlace], again: bool) {
    let n = (days.end - days.start) as usize;
    let starts: Vec<u32> = (0..=n as u32).collect();
    let (rows, first, known_at_ms) = (rows(days.clone()), days.start as u64, vec![days.end * 86_400_000; n]);
    let records = Records {
        stream: &DECLARATION,
        rows: &rows,
        starts: &starts,
        replaced: None,
        first,
        known_at_ms: &known_at_ms,
    };
    profiler.run(&records, asked, again).map(|_| ()).unwrap();
}

/// A shelf on which nothing is.
struct Bare;

impl Shelf for Bare {
    fn fetch(&self, _: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, crate::ShelfError> {
        Ok(vec![None; keys.len()])
    }
}

#[test]
fn what_was_taken_over_keeps_what_it_was_told_before() {
    let mut filling = Profiler::on(plan(), 7, Arc::new(Bare), |_| true);
    // Often: the origin ties many importers together, and stays open.
    for day in 0..40 {
        pass(&mut filling, 5 * day..5 * day + 5, &[], true);
    }
    filling.caught_up();
    let told = filling.state();
    let mut profiler = Profiler::on(plan(), 7, Arc::new(Bare), |_| false);
    let early = profiler.mark();
    profiler.adopt(filling);
    assert_eq!(profiler.state(), told);
    // Two passes taken back together, in the first block; then one, in the second.
    pass(&mut profiler, 200..205, &[], false);
    pass(&mut profiler, 205..210, &[], false);
    profiler.take_back(early);
    assert_eq!(profiler.state(), told);
    pass(&mut profiler, 200..205, &[], false);
    profiler.keep();
    let kept = profiler.state();
    let mark = profiler.mark();
    pass(&mut profiler, 205..210, &[], false);
    assert_ne!(profiler.state(), kept);
    profiler.take_back(mark);
    assert_eq!(profiler.state(), kept);
}

#[test]
fn a_panic_half_way_is_taken_back() {
    // In small batches, and with others helping.
    for n in [20, 1_000] {
        let mut profiler = Profiler::new(plan(), 7);
        pass(&mut profiler, 0..n, &[], false);
        let before = profiler.state();
        let mark = profiler.mark();
        pass(&mut profiler, n..2 * n, &[], false);
        // Of origins nobody knows such a feature.
        let asked = [(1, 99)];
        let panicking = AssertUnwindSafe(|| pass(&mut profiler, 2 * n..3 * n, &asked, false));
        assert!(catch_unwind(panicking).is_err());
        profiler.take_back(mark);
        assert_eq!(profiler.state(), before);
        profiler.keep();
        pass(&mut profiler, n..2 * n, &[], false);
        assert_ne!(profiler.state(), before);
    }
}
