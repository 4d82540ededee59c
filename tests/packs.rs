//! The shipped packs keep what `rules/packs` promises: no mistakes, tests that pass, somebody who answers for each
//! rule, and no traveller chosen for who they are.

use haechi_evaluate::{Evaluator, Options};
use haechi_model::derive;
use haechi_pipeline::{run_profile_tests, run_tests};

use crate::support::{PACKS, packs};

/// The packs of one stream each, and the one for all of them.
fn shipped() -> impl Iterator<Item = &'static str> {
    PACKS.into_iter().map(|(_, pack)| pack).chain(["findings", "registers"])
}

#[test]
fn packs_have_no_mistakes_and_no_warnings() {
    for pack in shipped() {
        let packs = packs(pack);
        let found: Vec<String> = packs
            .diagnostics
            .iter()
            .map(|d| format!("{}: {} {}", d.position(&packs.sources), d.code, d.message))
            .collect();
        assert!(found.is_empty(), "{pack}:\n{}", found.join("\n"));
    }
}

#[test]
fn packs_are_about_one_stream_and_large_enough() {
    for ((stream, pack), rules_min) in PACKS.into_iter().zip([60, 25, 25]) {
        let packs = packs(pack);
        let streams: Vec<&str> = packs.rulesets.iter().map(|ruleset| ruleset.stream.name).collect();
        assert_eq!(streams, [stream], "{pack}");
        let rules = packs.rulesets[0].rules.len();
        assert!(rules >= rules_min, "{pack} has {rules} rules");
        assert_eq!(packs.policies.len(), 1, "{pack} has a policy");
    }
}

#[test]
fn every_rule_passes_its_tests() {
    for pack in shipped() {
        let packs = packs(pack);
        for ruleset in &packs.rulesets {
            let outcomes = run_tests(ruleset, &packs.sources).unwrap();
            let failed: Vec<String> = outcomes
                .iter()
                .filter(|outcome| !outcome.passed())
                .map(|outcome| format!("{}: {} test {}", outcome.at, outcome.rule, outcome.test))
                .collect();
            assert!(failed.is_empty(), "{pack}:\n{}", failed.join("\n"));
        }
    }
}

#[test]
fn every_rule_has_what_an_officer_needs() {
    for pack in shipped() {
        for rule in packs(pack).rulesets.iter().flat_map(|ruleset| &ruleset.rules) {
            let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
            assert!(!rule.title.trim().is_empty(), "{}: no title", rule.id);
            assert!(given(&rule.owner), "{}: no owner", rule.id);
            assert!(given(&rule.legal_basis), "{}: no legal basis", rule.id);
            assert!(given(&rule.instruction) || rule.lower_to.is_some(), "{}: no instruction", rule.id);
            let expects = |hit: bool| rule.tests.iter().any(|test| test.expect_hit == hit);
            assert!(
                rule.tests.len() >= 2 && expects(true) && expects(false),
                "{}: a hit and no hit are tested",
                rule.id
            );
        }
    }
}

/// Columns that say who somebody is, and what stands in for it. Nobody is chosen by them.
const PROTECTED: [&str; 12] = [
    "gender",
    "birth_date",
    "birth_place",
    "age_years",
    "person_kind",
    "surname",
    "given_names",
    "ssr_codes",
    "remarks",
    "residence_country",
    "address_country",
    "loyalty",
];

#[test]
fn no_traveller_is_chosen_for_who_they_are() {
    let packs = packs("traveller");
    let ruleset = &packs.rulesets[0];
    let evaluator = Evaluator::new(ruleset.program.clone(), Options::default()).unwrap();
    for (index, rule) in ruleset.rules.iter().enumerate() {
        let read = evaluator.columns_of(index);
        assert!(!read.is_empty(), "{} reads something", rule.id);
        for column in PROTECTED {
            // Asked whether it is there, which says how good the data is and nothing about the person.
            let only_missing = every_mention(&rule.when.text, column, &[" IS NULL", " IS NOT NULL"]);
            assert!(!read.contains(&column) || only_missing, "{} reads {column}", rule.id);
        }
        // Which nationality is nobody's business; whether two fields of a document agree is, also with those of before.
        let before = read.contains(&"document.nationality");
        let compared = read.contains(&"document_country") || before;
        assert!(!read.contains(&"nationality") || compared, "{} reads the nationality by itself", rule.id);
        assert!(!before || read.contains(&"nationality"), "{} reads the nationality of before by itself", rule.id);
    }
    // The random arm does not choose by them either.
    let (_, policy) = &packs.policies[0];
    for when in policy.strata().iter().filter_map(|stratum| stratum.when.as_ref()) {
        let named = PROTECTED.iter().chain(&["nationality"]).find(|column| when.contains(**column));
        assert_eq!(named, None, "{when}");
    }
}

/// Columns derived from protected ones are not a way around: only keys and the payer's name are, and rules that ask
/// whether the payer is the traveller ask about the payment.
#[test]
fn no_derived_column_carries_who_somebody_is() {
    let packs = packs("traveller");
    let ruleset = &packs.rulesets[0];
    let evaluator = Evaluator::new(ruleset.program.clone(), Options::default()).unwrap();
    let allowed = ["payer_is_traveller", "name_key", "traveller_id"];
    for (index, rule) in ruleset.rules.iter().enumerate() {
        for column in evaluator.columns_of(index).into_iter().filter(|column| !allowed.contains(column)) {
            let protected = derive::inputs(ruleset.stream, column).iter().find(|input| PROTECTED.contains(input));
            assert_eq!(protected, None, "{} reads {column}", rule.id);
        }
    }
}

/// A key tells one from another and is kept as a hash, so names and dates of birth may be in it. What is counted about
/// anybody may not be who they are; a nationality is kept to be compared, see above.
#[test]
fn nothing_is_remembered_of_who_a_traveller_is() {
    for entity in &packs("traveller").profiles.entities {
        for feature in &entity.features {
            let read = [&feature.of, &feature.filter].into_iter().flatten().map(|sql| sql.text.as_str());
            let read: Vec<&str> = read.flat_map(|sql| sql.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
            let protected = PROTECTED.iter().chain(&["nationality"]).find(|column| read.contains(column));
            let compared = (entity.entity.as_str(), feature.name.as_str()) == ("document", "nationality");
            assert!(protected.is_none() || compared, "{}.{} keeps {protected:?}", entity.entity, feature.name);
        }
    }
}

#[test]
fn what_is_remembered_has_an_owner_a_test_that_passes_and_a_rule_that_asks() {
    let mut asking = 0;
    for pack in shipped() {
        let packs = packs(pack);
        let mut asked: Vec<String> = Vec::new();
        for ruleset in &packs.rulesets {
            let evaluator = Evaluator::new(ruleset.program.clone(), Options::default()).unwrap();
            for rule in 0..ruleset.rules.len() {
                let features = evaluator.columns_of(rule).into_iter().filter(|column| column.contains('.'));
                let before = asked.len();
                asked.extend(features.map(str::to_owned));
                asking += usize::from(asked.len() > before);
            }
        }
        let (tests, failed) = run_profile_tests(&packs);
        assert!(failed.is_empty(), "{pack}: {failed:#?}");
        assert!(tests >= packs.profiles.entities.len(), "{pack}: {tests} tests");
        let all = || packs.profiles.entities.iter().flat_map(|entity| &entity.features);
        asked.extend(all().filter_map(|feature| Some(feature.shrink.as_ref()?.toward.clone())));
        for entity in &packs.profiles.entities {
            let name = &entity.entity;
            assert!(entity.title != *name && entity.owner.is_some() && !entity.tests.is_empty(), "{pack}: {name}");
            for feature in &entity.features {
                let column = format!("{name}.{}", feature.name);
                assert!(feature.title != feature.name, "{pack}: {column} has no title");
                assert!(asked.contains(&column), "{pack}: no rule asks for {column}");
            }
        }
    }
    assert!(asking >= 30, "{asking} rules ask for features");
}

fn every_mention(when: &str, column: &str, followed_by: &[&str]) -> bool {
    when.match_indices(column).all(|(at, _)| {
        let rest = &when[at + column.len()..];
        followed_by.iter().any(|next| rest.starts_with(next))
    })
}
