//! An explanation is of the decision that was taken: the same lane, score and reasons, from the same hits.

use std::collections::BTreeMap;

use haechi_datasets::{Format, Spec, write};
use haechi_pipeline::find_subject;
use tempfile::TempDir;

use crate::support::{BATCH_ROWS, decider, inputs, ran};

#[test]
fn an_explanation_tells_what_was_decided() {
    let spec = Spec { declarations: 300, house_bills: 120, flights: 2, ..Spec::day(21) };
    let folder = TempDir::new().unwrap();
    write(&spec, folder.path(), Format::Parquet).unwrap();
    for (stream, file) in [
        ("declaration", "declarations.parquet"),
        ("consignment", "consignments.parquet"),
        ("traveller", "travellers.parquet"),
    ] {
        let path = folder.path().join(file);
        let ran = ran(stream, inputs(&[&path], None, BATCH_ROWS));
        let mut hits_on: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for hit in ran.hits() {
            hits_on.entry(hit["subject_id"].clone()).or_default().push(hit["rule_id"].clone());
        }
        let selections = ran.selections();
        let (hit, quiet): (Vec<_>, Vec<_>) =
            selections.iter().partition(|row| hits_on.contains_key(&row["subject_id"]));
        assert!(!hit.is_empty(), "{stream}: something is hit");
        for selection in hit.iter().take(8).chain(quiet.iter().take(2)) {
            let subject = &selection["subject_id"];
            let finding =
                find_subject(decider(stream), &inputs(&[&path], None, 64), &[], subject, Some(0)).unwrap().unwrap();
            let decision = &finding.decision;
            assert_eq!(decision.lane.name(), selection["lane"], "{subject}");
            assert_eq!(decision.requested_lane.name(), selection["requested_lane"], "{subject}");
            assert_eq!(format!("[{}]", decision.reasons.join(", ")), selection["reasons"], "{subject}");
            assert_eq!(decision.score, selection["score"].parse::<f64>().unwrap(), "{subject}");
            assert_eq!(finding.rows.to_string(), selection["rows"], "{subject}");
            // A rule stands once with its rows; in the file each hit is a row of its own.
            let mut rules: Vec<&str> =
                finding.hits.iter().flat_map(|hit| hit.rows.iter().map(|_| hit.rule.as_str())).collect();
            let mut written: Vec<&str> = hits_on.get(subject).into_iter().flatten().map(String::as_str).collect();
            rules.sort_unstable();
            written.sort_unstable();
            assert_eq!(rules, written, "{subject}");
            assert!(finding.hits.iter().all(|hit| hit.explanation.truth == Some(true)), "{subject}: a hit is true");
            // The rule asked about is told for each row, and agrees with the hits.
            assert_eq!(finding.asked.len(), finding.rows);
            let first = &decider(stream).ruleset.rules[0].id;
            let asked = finding.asked.iter().filter(|why| why.truth == Some(true)).count();
            assert_eq!(asked, rules.iter().filter(|rule| *rule == first).count(), "{subject}: {first}");
        }
        assert!(find_subject(decider(stream), &inputs(&[&path], None, 64), &[], "NOBODY", None).unwrap().is_none());
    }
}
