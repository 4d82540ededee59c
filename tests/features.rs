//! Features over time in a run of files: what each record sees, and what is refused instead of told wrongly.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::{DecideError, Packs, Progress, Rows, count, run_profile_tests};
use haechi_rules::Severity;
use tempfile::TempDir;

use crate::support::{decider_of, inputs, ran_by, ran_with};

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

/// D1 is found out on the 4th, D2 on the 6th: what is known on the 5th knows of D1 alone, though both were inspected
/// before. Then O1 is corrected, and O2 is sent again.
const OUTCOMES: &str = "\
outcome_id,version,subject_kind,subject_id,severity,inspected_at,known_at
O2,1,declaration,D2,0,2026-05-01T12:00:00Z,2026-05-06T00:00:00Z
O1,2,declaration,D1,0,2026-05-01T12:00:00Z,2026-05-08T00:00:00Z
O1,1,declaration,D1,3,2026-05-01T12:00:00Z,2026-05-04T00:00:00Z
O2,1,declaration,D2,0,2026-05-01T12:00:00Z,2026-05-08T00:00:00Z
";

#[test]
fn an_outcome_is_known_to_what_comes_after_it_was_recorded_and_to_nothing_before() {
    let day = |day: u32| format!("D{day},1,I1,2026-05-{day:02}T01:00:00Z\n");
    let declarations: String = [1, 2, 3, 5, 7, 9].into_iter().map(day).collect();
    for (when, hit) in [
        ("importer.hit_rate_365d IS NULL", vec!["D1", "D2", "D3"]),
        ("importer.hit_rate_365d = 1", vec!["D5"]),
        ("importer.hit_rate_365d = 0.5", vec!["D7"]),
        ("importer.hit_rate_365d = 0", vec!["D9"]),
    ] {
        let (folder, path) = pack(when, PROFILES);
        let (file, outcomes) = (folder.path().join("days.csv"), folder.path().join("outcomes.csv"));
        fs::write(&file, format!("declaration_id,item_no,importer_id,declared_at\n{declarations}")).unwrap();
        fs::write(&outcomes, OUTCOMES).unwrap();
        for batch_rows in [1, 4, 4_096] {
            let facts = vec![(Stream::find("outcome").unwrap(), inputs(&[&outcomes], None, batch_rows))];
            let decider = decider_of("declaration", std::slice::from_ref(&path));
            let ran = ran_with(&decider, inputs(&[&file], None, batch_rows), facts);
            let subjects: Vec<String> =
                ran.hits().into_iter().map(|mut hit| hit.remove("subject_id").unwrap()).collect();
            assert_eq!(subjects, hit, "{when}, batches of {batch_rows}");
        }
    }
}

#[test]
fn a_later_version_takes_the_place_of_the_earlier_one_where_files_number_them() {
    let (folder, path) = pack("importer.declarations_90d = 1", PROFILES);
    let file = folder.path().join("days.csv");
    let rows = "D1,1,1,I1,2026-05-01T01:00:00Z\nD2,1,1,I1,2026-05-02T01:00:00Z\nD2,1,2,I1,2026-05-02T01:00:00Z\nD3,1,1,I1,2026-05-03T01:00:00Z\nD2,1,3,I2,2026-05-02T01:00:00Z\nD4,1,1,I1,2026-05-04T01:00:00Z\nD4,1,2,I2,2026-05-04T01:00:00Z\n";
    fs::write(&file, format!("declaration_id,item_no,version,importer_id,declared_at\n{rows}")).unwrap();
    for batch_rows in [1, 3, 4_096] {
        let ran = ran_by(&decider_of("declaration", std::slice::from_ref(&path)), inputs(&[&file], None, batch_rows));
        let hits = ran.hits().into_iter().map(|hit| format!("{} {}", hit["subject_id"], hit["version"]));
        assert_eq!(hits.collect::<Vec<_>>(), ["D2 1", "D2 2", "D4 2"], "batches of {batch_rows}");
    }
}

#[test]
fn a_lower_version_that_comes_later_counts_for_nobody() {
    let (folder, path) = pack("importer.declarations_90d = 1", PROFILES);
    let file = folder.path().join("days.csv");
    // D1 counts in its second version. The first comes after it: it sees neither, and I2 is not known by it.
    let rows = "D1,1,2,I1,2026-05-01T01:00:00Z\nD1,1,1,I2,2026-05-01T01:00:00Z\nD2,1,1,I1,2026-05-02T01:00:00Z\n\
                D3,1,,I2,2026-05-03T01:00:00Z\nD3,1,1,I9,2026-05-03T01:00:00Z\nD4,1,1,I2,2026-05-04T01:00:00Z\n\
                D5,1,1,I9,2026-05-05T01:00:00Z\n";
    fs::write(&file, format!("declaration_id,item_no,version,importer_id,declared_at\n{rows}")).unwrap();
    for batch_rows in [1, 3, 4_096] {
        let ran = ran_by(&decider_of("declaration", std::slice::from_ref(&path)), inputs(&[&file], None, batch_rows));
        let hits = ran.hits().into_iter().map(|mut hit| hit.remove("subject_id").unwrap());
        assert_eq!(hits.collect::<Vec<_>>(), ["D2", "D4"], "batches of {batch_rows}");
    }
}

/// O1 is corrected, and its first version comes after that; O2 comes without a number, again, and corrected; O3 is found
/// out before D9 is declared.
const VERSIONS: &str = "\
outcome_id,version,subject_kind,subject_id,severity,inspected_at,known_at
O1,2,declaration,D1,0,2026-05-01T12:00:00Z,2026-05-04T00:00:00Z
O1,1,declaration,D1,3,2026-05-01T12:00:00Z,2026-05-05T12:00:00Z
O2,1,declaration,D2,3,2026-05-01T12:00:00Z,2026-05-06T00:00:00Z
O2,,declaration,D2,3,2026-05-01T12:00:00Z,2026-05-06T01:00:00Z
O2,2,declaration,D2,0,2026-05-01T12:00:00Z,2026-05-08T00:00:00Z
O3,1,declaration,D9,3,2026-05-01T12:00:00Z,2026-05-08T01:00:00Z
";

#[test]
fn versions_of_facts_count_as_in_the_stream() {
    let day = |day: u32| format!("D{day},1,I1,CN,2026-05-{day:02}T01:00:00Z\n");
    let declarations: String = [1, 2, 3, 5, 6, 7, 9, 10].into_iter().map(day).collect();
    for (when, hit) in [
        ("importer.hit_rate_365d IS NULL", vec!["D1", "D2", "D3"]),
        ("importer.hit_rate_365d = 0", vec!["D5", "D9", "D10"]),
        ("importer.hit_rate_365d = 0.5", vec!["D6", "D7"]),
        // By a column that neither rules nor entities of the declaration name.
        ("origin.found > 0 AND importer.declarations_90d > 0", vec!["D5", "D6", "D7", "D9", "D10"]),
    ] {
        let (folder, path) = pack(when, PROFILES);
        let origin = "entity: origin\nkeys: {declaration: importer_id, outcome: declaration.importer_id}\nfeatures:\n  \
                      - {name: found, stream: outcome, aggregate: count, where: declaration.transport_mode = 'sea', \
                      window: all}\n";
        fs::write(folder.path().join("profiles/origin.yaml"), origin).unwrap();
        let (file, outcomes) = (folder.path().join("days.csv"), folder.path().join("outcomes.csv"));
        let header = "declaration_id,item_no,importer_id,origin_country,declared_at,transport_mode\n";
        fs::write(&file, format!("{header}{}", declarations.replace("Z\n", "Z,sea\n"))).unwrap();
        fs::write(&outcomes, VERSIONS).unwrap();
        for batch_rows in [1, 4, 4_096] {
            let facts = vec![(Stream::find("outcome").unwrap(), inputs(&[&outcomes], None, batch_rows))];
            let decider = decider_of("declaration", std::slice::from_ref(&path));
            let ran = ran_with(&decider, inputs(&[&file], None, batch_rows), facts);
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
    let refused = decider_of("declaration", &[path]).memory().err().unwrap();
    assert!(matches!(refused, DecideError::OtherStream { made_of: "outcome", .. }), "no outcomes were given");

    let (folder, path) = pack("importer.declarations_90d > 3", PROFILES);
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
        ("entity: importer\nretention_days: 30", "entity: importer", "E0811"),
        ("entity: importer\nretention_days: soon", "entity: importer", "E0811"),
        ("keys: {traveller: document_no, declaration:", "keys: {declaration:", "E0811"),
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
