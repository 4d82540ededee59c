//! Damaged rows are set aside one by one, each for what is wrong with it, and cost no other row its selection.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tempfile::TempDir;

use crate::damage::{Way, damage};
use crate::korea::MAPPING;
use crate::support::{BATCH_ROWS, inputs, ran, repository, shared};

#[test]
fn every_row_is_selected_or_set_aside_for_a_true_reason() {
    for (file, seed) in [("df_syn_train_eng.csv", 7), ("df_syn_valid_eng.csv", 8)] {
        let text = fs::read_to_string(shared("declarations").join(file)).unwrap();
        let damaged = damage(&text, 20, seed);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(file);
        fs::write(&path, &damaged.bytes).unwrap();
        let ways: BTreeSet<Way> = damaged.lines.values().map(|(way, _)| *way).collect();
        assert_eq!(ways.len(), Way::ALL.len(), "every way was used");
        let share = damaged.lines.len() as f64 / damaged.rows as f64;
        assert!((0.04..0.06).contains(&share), "{share} of the rows are damaged");

        let ran = ran("declaration", inputs(&[&path], Some(&repository(MAPPING)), BATCH_ROWS));

        // Nothing is lost.
        assert_eq!(ran.report.rows + ran.report.set_aside, damaged.rows, "{file}");
        let selected: BTreeSet<String> =
            ran.selections().into_iter().map(|mut row| row.remove("subject_id").unwrap()).collect();
        assert_eq!(selected.len() as u64, ran.report.subjects);
        let lost: Vec<_> = damaged.whole.difference(&selected).take(5).collect();
        let invented: Vec<_> = selected.difference(&damaged.whole).take(5).collect();
        assert!(lost.is_empty() && invented.is_empty(), "{file}: lost {lost:?}, invented {invented:?}");

        // Each damaged line is set aside, at its place, for what was done to it, with its text; and no other line is.
        let reasons: BTreeMap<u64, String> = damaged
            .lines
            .iter()
            .map(|(line, (way, text))| (*line, format!("{way:?}: {} {}", way.code(), String::from_utf8_lossy(text))))
            .collect();
        let mut found = BTreeMap::new();
        for unit in ran.quarantine() {
            let position = unit["position"].as_str().unwrap();
            let line: u64 = position.strip_prefix("line ").unwrap().parse().unwrap();
            assert_eq!(unit["source"].as_str(), path.to_str());
            assert!(unit["reason"].as_str().unwrap().starts_with(&format!("{position}, ")), "{unit}");
            let way = damaged.lines.get(&line).map_or("whole".to_owned(), |(way, _)| format!("{way:?}"));
            let told = format!("{way}: {} {}", unit["code"].as_str().unwrap(), unit["text"].as_str().unwrap());
            assert_eq!(found.insert(line, told), None, "line {line} was set aside twice");
        }
        for (line, reason) in &reasons {
            assert_eq!(found.get(line), Some(reason), "{file}, line {line}");
        }
        assert_eq!(found.len(), reasons.len(), "{file}: lines that nothing is wrong with were set aside");
    }
}
