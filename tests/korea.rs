//! The public Korean import declarations, through the mapping and the import pack.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{BATCH_ROWS, Ran, inputs, ran, repository, shared};

pub const MAPPING: &str = "datasets/mappings/korea-customs-declarations.toml";

/// Every row of these files is a declaration of its own: as many selections, and of the same declarations.
#[test]
fn every_declaration_gets_one_selection() {
    for (file, declarations) in [("df_syn_train_eng.csv", 37_385), ("df_syn_valid_eng.csv", 8_134)] {
        let path = shared("declarations").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let declared: BTreeSet<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(declared.len(), declarations, "{file} is not the file this test was written for");

        let ran = ran("declaration", inputs(&[&path], Some(&repository(MAPPING)), BATCH_ROWS));

        let report = &ran.report;
        assert_eq!((report.rows, report.subjects, report.set_aside), (declarations as u64, declarations as u64, 0));
        let selections = ran.selections();
        assert_eq!(selections.len(), declarations, "{file}");
        let selected: BTreeSet<&str> = selections.iter().map(|row| row["subject_id"].as_str()).collect();
        assert!(selected == declared, "{file}: the selections are of other declarations");
        the_report_is_what_the_files_hold(&ran);
    }
}

fn the_report_is_what_the_files_hold(ran: &Ran) {
    let (selections, hits) = (ran.selections(), ran.hits());
    for (lane, subjects) in &ran.report.lanes {
        let found = selections.iter().filter(|row| row["lane"] == *lane).count() as u64;
        assert_eq!(subjects.as_u64(), Some(found), "{lane}");
    }
    assert_eq!(ran.report.hits, hits.len() as u64);
    assert!(!hits.is_empty(), "a pack of this size hits something in any file of this size");
    for (rule, count) in &ran.report.rules {
        assert_eq!(*count, hits.iter().filter(|row| row["rule_id"] == *rule).count() as u64, "{rule}");
    }
    let chance = selections.iter().filter(|row| row.contains_key("random_stratum")).count() as u64;
    assert_eq!(ran.report.random, chance);
    // Each reason of a selection is a hit on it.
    let hit: BTreeSet<(&str, &str)> =
        hits.iter().map(|row| (row["subject_id"].as_str(), row["rule_id"].as_str())).collect();
    for row in &selections {
        for reason in row["reasons"].trim_matches(['[', ']']).split(", ").filter(|reason| !reason.is_empty()) {
            assert!(hit.contains(&(row["subject_id"].as_str(), reason)), "{}: {reason}", row["subject_id"]);
        }
    }
}
