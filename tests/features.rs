//! Features over time in a run of files: what each record sees, and what is refused instead of told wrongly.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::release::{Release, ReleaseContext};
use haechi_pipeline::{DecideError, Decider, Packs, Progress, Rows, count, run_profile_tests};
use haechi_rules::Severity;
use haechi_select::Secret;
use tempfile::TempDir;

use crate::support::{decider_of, inputs, ran_by};

const PROFILES: &str = "\
entity: importer
keys: {declaration: importer_id, outcome: declaration.importer_id}
features:
  - {name: declarations_90d, stream: declaration, aggregate: count, window: 90d}
  - {name: origins_90d, stream: declaration, aggregate: distinct, of: origin_country, window: 90d}
  - {name: hit_rate_365d, stream: outcome, aggregate: share, of: severity >= 2, window: 365d}
tests:
  - records: [{declaration: {importer_id: I1}}, {declaration: {importer_id: I2}}, {declaration: {importer_id: I1}}]
    expect: {declarations_90d: 1}
  - records:
      - outcome: {declaration.importer_id: I1, severity: 2}
      - outcome: {declaration.importer_id: I1, severity: 0}
      - declaration: {importer_id: I1}
    expect: {hit_rate_365d: 0.5, declarations_90d: 0}
";

/// A pack with one rule.
fn pack(when: &str, profiles: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("profiles")).unwrap();
    fs::write(folder.path().join("profiles/importer.yaml"), profiles).unwrap();
    let rule = format!("{{id: r, stream: declaration, when: \"{when}\", lane: scan}}");
    fs::write(folder.path().join("rules.yaml"), rule).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

/// D1 and D3 of one importer, D3 of two items; D2 of another; D4 two hundred days later.
const DECLARATIONS: &str = "\
declaration_id,item_no,importer_id,origin_country,declared_at
D1,1,I1,CN,2026-05-01T01:00:00Z
D2,1,I2,CN,2026-05-01T02:00:00Z
D3,1,I1,VN,2026-05-02T01:00:00Z
D3,2,I1,TH,2026-05-02T01:00:00Z
D4,1,I1,VN,2026-11-20T01:00:00Z
D5,1,I1,VN,2026-11-21T01:00:00Z
";

#[test]
fn a_record_sees_what_came_before_it_and_never_itself_whatever_the_batch() {
    for (when, hit) in [
        ("importer.declarations_90d = 0", vec!["D1", "D2", "D4"]),
        ("importer.declarations_90d = 1 AND importer.origins_90d = 1", vec!["D3", "D3", "D5"]),
        ("importer.declarations_90d IS NULL", vec![]),
    ] {
        let (folder, path) = pack(when, PROFILES);
        let file = folder.path().join("day.csv");
        fs::write(&file, DECLARATIONS).unwrap();
        for batch_rows in [1, 2, 4_096] {
            let ran =
                ran_by(&decider_of("declaration", std::slice::from_ref(&path)), inputs(&[&file], None, batch_rows));
            let subjects: Vec<String> =
                ran.hits().into_iter().map(|mut hit| hit.remove("subject_id").unwrap()).collect();
            assert_eq!(subjects, hit, "{when}, batches of {batch_rows}");
        }
    }
}

#[test]
fn tests_of_profiles_say_what_was_found() {
    let (_folder, path) = pack("importer.declarations_90d > 3", PROFILES);
    assert!(matches!(run_profile_tests(&Packs::load(&[path], None, None)), (2, failed) if failed.is_empty()));
    let (_folder, path) =
        pack("importer.declarations_90d > 3", &PROFILES.replace("declarations_90d: 1}", "declarations_90d: 2}"));
    let (_, failed) = run_profile_tests(&Packs::load(&[path], None, None));
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].reasons, ["declarations_90d: expected 2.0, found 1"]);
}

#[test]
fn what_cannot_be_told_yet_is_refused() {
    let (_folder, path) = pack("importer.hit_rate_365d > 0.5", PROFILES);
    let packs = Packs::load(&[path], None, None);
    let stream = Stream::find("declaration").unwrap();
    let made = Decider::new(&packs, stream, &Secret::demo(), DeriveContext::default(), Options::default());
    assert!(matches!(made, Err(DecideError::OtherStream { made_of: "outcome", .. })), "a run never sees outcomes");

    let (folder, path) = pack("importer.declarations_90d > 3", PROFILES);
    let context = ReleaseContext {
        secret: Secret::demo(),
        zone: chrono_tz::UTC,
        default_stream: None,
        options: Options::default(),
    };
    let refused = Release::load(std::slice::from_ref(&path), None, &context, 0).err().unwrap();
    assert!(refused.summary.contains("importer.declarations_90d"), "{}", refused.summary);

    let file = folder.path().join("day.csv");
    fs::write(&file, DECLARATIONS).unwrap();
    let decider = decider_of("declaration", &[path]);
    let (inputs, derive) = (inputs(&[&file], None, 10), DeriveContext::default());
    let rows = Rows { inputs: &inputs, derive: &derive, every_row: false, progress: &Arc::new(Progress::default()) };
    let error = count(&decider.ruleset, decider.evaluator(), rows, None).err().unwrap();
    assert!(error.to_string().contains("importer.declarations_90d"), "{error}");
}

#[test]
fn mistakes_in_profiles_have_a_place_and_a_code() {
    for (wrong, right, code) in [
        ("aggregate: average", "aggregate: count", "E0805"),
        ("window: 3 months", "window: 90d", "E0806"),
        ("aggregate: sum, of: origin_country", "aggregate: distinct, of: origin_country", "E0807"),
        ("stream: crossing", "stream: outcome", "E0808"),
        ("retention_days: 30, aggregate: count", "aggregate: count", "E0301"),
    ] {
        assert!(PROFILES.contains(right));
        let (_folder, path) = pack("item_no > 1", &PROFILES.replacen(right, wrong, 1));
        let packs = Packs::load(&[path], None, None);
        let errors: Vec<_> = packs.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.iter().any(|d| d.code == code), "{wrong}: {errors:?}");
        assert!(packs.sources.position(&errors[0].span).contains("importer.yaml"));
    }
    let (_folder, path) = pack("importer.declaration_90d > 3", PROFILES);
    let unknown = Packs::load(&[path], None, None).diagnostics;
    assert!(
        unknown.iter().any(|d| d.code == "E0213" && d.help.as_ref().is_some_and(|h| h.contains("declarations_90d")))
    );
}
