use super::*;

const EXAMPLE: &str = "\
# what the README shows
stream: declaration
scores:                     # total score of the hits of the subject -> lane asked for
  - {at_least: 80, lane: examine}
  - {at_least: 40, lane: documents}
random:
  - {stratum: baseline, rate: 0.005, lane: documents}           # everyone
  - {stratum: express, when: \"transport_mode = 'express'\", rate: 0.01, lane: scan}
";

fn check_mistakes(text: &str, expected: &str) {
    let found = Policy::parse("policy.yaml", text, None).expect_err("a policy with mistakes").to_string();
    assert_eq!(found, expected.trim_end());
}

#[test]
fn the_documented_policy_is_read() {
    let policy = Policy::parse("policy.yaml", EXAMPLE, None).unwrap();
    let lane = |name| SubjectKind::Declaration.lane(name).unwrap();
    assert_eq!(policy.kind(), SubjectKind::Declaration);
    assert_eq!(
        policy.thresholds(),
        [Threshold { at_least: 40.0, lane: lane("documents") }, Threshold { at_least: 80.0, lane: lane("examine") }]
    );
    assert_eq!(
        policy.strata(),
        [
            Stratum { name: "baseline".into(), when: None, when_at: None, rate: 0.005, lane: lane("documents") },
            Stratum {
                name: "express".into(),
                when: Some("transport_mode = 'express'".into()),
                when_at: Some((8, 30)),
                rate: 0.01,
                lane: lane("scan")
            },
        ]
    );
}

#[test]
fn the_stratum_without_a_condition_is_for_everyone_else_wherever_it_stands() {
    let policy = Policy::parse("policy.yaml", EXAMPLE, None).unwrap();
    assert_eq!(policy.stratum_where(|_, when| when.contains("express")), Some(1));
    assert_eq!(policy.stratum_where(|_, _| false), Some(0));
    assert_eq!(Policy::none(SubjectKind::Traveller).stratum_where(|_, _| true), None);
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once_where_they_stand() {
    check_mistakes(
        "\
stream: declaration
score:
  - {at_least: 1, lane: scan}
scores:
  - {at_least: forty, lane: documents}
  - {at_least: -1, lane: dokuments}
  - {at_least: 10, lane: scan}
  - {at_least: 20, lane: documents}
  - {at_least: 30, lane: release}
  - {lane: examine, at_lest: 5}
  - examine
random:
  - {stratum: baseline, rate: 5%, lane: documents}
  - {stratum: one, rate: 1.5, lane: scan, lane: examine}
  - {stratum: two, rate: 0.1, lane: scan}
  - {stratum: two, rate: 0.1, lane: gate}
  - {stratum: three, rate: 0.2, lane: scan}
  - {stratum: [a], when: , rate: .1, lane: 3}
  - {stratum: none, rate: nan, lane: scan}
",
        "\
policy.yaml:2:1: unknown key `score` in a policy, nearest is `scores`
policy.yaml:5:16: `at_least` is `forty`, not a number above 0
policy.yaml:6:16: `at_least` is `-1`, not a number above 0
policy.yaml:6:26: unknown lane `dokuments` of a declaration, nearest is `documents`
policy.yaml:8:5: never matters: 10 points ask for `scan` already, so more points have to ask for a stricter lane than that
policy.yaml:9:26: `release` is what a subject gets anyway: name a stricter lane, or take this out
policy.yaml:10:5: a score threshold lacks `at_least`
policy.yaml:10:21: unknown key `at_lest` in a score threshold, nearest is `at_least`
policy.yaml:11:5: `scores` is text, not a mapping
policy.yaml:13:31: `rate` is `5%`, not a part from 0 to 1
policy.yaml:14:26: `rate` is `1.5`, not a part from 0 to 1
policy.yaml:14:43: key `lane` stands here twice
policy.yaml:16:37: unknown lane `gate` of a declaration, known are `release`, `post_audit`, `documents`, `scan`, `examine`
policy.yaml:17:5: stratum `three` has no `when`, and neither has `two`: only one may be for everyone else
policy.yaml:18:15: `stratum` is a list, not text
policy.yaml:18:24: `when` is nothing, not text
policy.yaml:18:44: unknown lane `3` of a declaration, known are `release`, `post_audit`, `documents`, `scan`, `examine`
policy.yaml:19:27: `rate` is `nan`, not a part from 0 to 1
",
    );
}

#[test]
fn strata_keep_apart() {
    check_mistakes(
        "stream: traveller
random:
  - {stratum: a, when: crew, rate: 0.1, lane: refer}
  - {stratum: a, rate: 0.1, lane: refer}
",
        "policy.yaml:4:5: stratum `a` stands here twice",
    );
}

#[test]
fn the_stream_is_known_or_nothing_is() {
    check_mistakes("scores: []", "policy.yaml:1:1: a policy lacks `stream`");
    check_mistakes("", "policy.yaml:1:1: a policy lacks `stream`");
    check_mistakes(
        "stream: travelers\nscores: [{at_least: 1, lane: what}]",
        "policy.yaml:1:9: unknown stream `travelers`, nearest is `traveller`",
    );
    check_mistakes(
        "stream: outcome",
        "policy.yaml:1:9: unknown stream `outcome`, known are `declaration`, `consignment`, `traveller`",
    );
}

#[test]
fn the_pack_gives_the_stream_and_contradicts_another() {
    let text = "scores: [{at_least: 10, lane: refer}]";
    let policy = Policy::parse("p", text, Some(SubjectKind::Traveller)).unwrap();
    assert_eq!(policy.kind(), SubjectKind::Traveller);
    let empty = Policy::parse("p", "# nothing yet\n", Some(SubjectKind::Traveller)).unwrap();
    assert_eq!(empty, Policy::none(SubjectKind::Traveller));
    let errors = Policy::parse("p", "stream: declaration", Some(SubjectKind::Traveller)).unwrap_err();
    assert_eq!(errors.to_string(), "p:1:9: the policy is for `declaration`, the pack for `traveller`");
}

#[test]
fn yaml_that_costs_more_than_its_length_is_refused() {
    check_mistakes(
        "stream: declaration\nscores: &s []\nrandom: *s",
        "policy.yaml:3:9: aliases are not used in policy files: write the value itself",
    );
    check_mistakes(&"- ".repeat(100_000), "policy.yaml:1:33: nested more than 16 deep");
    check_mistakes(
        "stream: declaration\n---\nstream: declaration",
        "policy.yaml:2:1: a policy file holds one document, and here a second begins",
    );
    let broken = Policy::parse("policy.yaml", "stream: [declaration", None).unwrap_err();
    assert!(broken.to_string().contains(": not YAML: "), "{broken}");
}

#[test]
fn the_hash_is_about_what_is_decided_and_nothing_else() {
    let hash = |text: &str, key: &str| Policy::parse("p", text, None).unwrap().hash(key);
    let reference = hash(EXAMPLE, "key");
    let reordered = EXAMPLE.replace("  - {at_least: 80, lane: examine}\n", "");
    let reordered = reordered.replace("random:", "  - at_least: 80.0\n    lane: 'examine'\nrandom: # chance");
    assert_ne!(reordered, EXAMPLE);
    assert_eq!(hash(&reordered, "key"), reference, "layout, comments, order of thresholds");
    assert_ne!(hash(EXAMPLE, "other key"), reference);
    assert_ne!(hash(&EXAMPLE.replace("0.005", "0.006"), "key"), reference);
    assert_ne!(hash(&EXAMPLE.replace("'express'", "'post'"), "key"), reference);
}

#[test]
fn the_canonical_form_stays_as_it_is() {
    // Stored hashes depend on it: a change here is a change of every policy hash.
    assert_eq!(
        Policy::parse("p", EXAMPLE, None).unwrap().canonical(),
        r#"{"stream":"declaration","scores":[{"at_least":40.0,"lane":"documents"},{"at_least":80.0,"lane":"examine"}],"random":[{"stratum":"baseline","when":null,"rate":0.005,"lane":"documents"},{"stratum":"express","when":"transport_mode = 'express'","rate":0.01,"lane":"scan"}]}"#
    );
}

proptest::proptest! {
    /// A policy file comes from outside: whatever it holds, reading it ends in a policy or in mistakes.
    #[test]
    fn no_text_makes_reading_stop_short(text in r#"([ \n:\-{}\[\],'"&*!#|>a-f0-9.%é]|stream: declaration\n|scores:\n|random:\n|at_least|rate|lane: scan){0,60}"#) {
        match Policy::parse("p", &text, None) {
            Ok(policy) => assert!(!policy.canonical().is_empty()),
            Err(errors) => assert!(!errors.mistakes.is_empty()),
        }
    }
}
