//! How the work is cut changes no selection and no hit: rows a batch, threads.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use haechi_connectors::sinks::parquet::ParquetSink;
use haechi_datasets::{Spec, consignments, declarations, travellers};
use tempfile::TempDir;

use crate::support::{PACKS, Row, decider_of, inputs, ran_by, repository};

const BATCH_ROWS: [usize; 4] = [1, 7, 4_096, 100_000];
const THREADS: [usize; 2] = [1, 2];

/// Beside the shipped packs: rules that hit whatever depends on other rows, so that no cut can hide.
const ACROSS_ROWS: [(&str, &str); 3] = [
    (
        "declaration",
        "
rules:
  - {id: across-1, stream: declaration, when: items_in_declaration > 1, score: 1}
  - {id: across-2, stream: declaration, when: any_item(item_no = 2) AND sum_items(net_mass_kg) > net_mass_kg, score: 1}
  - {id: across-3, stream: declaration, when: declaration_value_usd > customs_value_usd, score: 1}
",
    ),
    ("consignment", "rules: [{id: across-1, stream: consignment, when: shared_container IS TRUE, score: 1}]"),
    ("traveller", "rules: [{id: across-1, stream: traveller, when: trip_days > 1, score: 1}]"),
];

#[test]
fn declarations_do_not_depend_on_how_they_are_cut() {
    check("declaration", declarations(&Spec { declarations: 400, ..Spec::day(11) }));
}

#[test]
fn consignments_do_not_depend_on_how_they_are_cut() {
    check("consignment", consignments(&Spec { house_bills: 300, ..Spec::day(13) }));
}

#[test]
fn travellers_do_not_depend_on_how_they_are_cut() {
    check("traveller", travellers(&Spec { flights: 3, ..Spec::day(12) }));
}

fn check(stream: &str, rows: impl Iterator<Item = RecordBatch>) {
    let folder = TempDir::new().unwrap();
    let (_, rules) = ACROSS_ROWS.into_iter().find(|(of, _)| *of == stream).unwrap();
    let across = folder.path().join("across.yaml");
    std::fs::write(&across, rules).unwrap();
    let (_, pack) = PACKS.into_iter().find(|(of, _)| *of == stream).unwrap();
    let decider = decider_of(stream, &[repository("rules/packs").join(pack), across]);
    let (path, n_rows) = written(folder.path(), rows);
    let run = |batch_rows: usize| {
        let ran = ran_by(&decider, inputs(&[&path], None, batch_rows));
        assert_eq!((ran.report.rows, ran.report.set_aside), (n_rows, 0));
        (ran.selections(), ran.hits())
    };
    let (selections, hits) = run(100_000);
    assert!(selections.len() > 100, "{} selections", selections.len());
    for rule in decider.ruleset.rules.iter().filter(|rule| rule.id.starts_with("across-")) {
        let n = hits.iter().filter(|hit| hit["rule_id"] == rule.id).count();
        assert!(n > 20, "{} hits {n} rows; too few to notice anything", rule.id);
    }
    for threads in THREADS {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for batch_rows in BATCH_ROWS {
            let how = format!("{stream}: {batch_rows} rows a batch, {threads} threads");
            let (again, hits_again) = pool.install(|| run(batch_rows));
            same(&format!("{how}, selections"), &selections, &again);
            same(&format!("{how}, hits"), &hits, &hits_again);
        }
    }
}

/// The same rows in the same order.
fn same(what: &str, one: &[Row], other: &[Row]) {
    let different = one.iter().zip(other).find(|(a, b)| a != b);
    assert!(
        different.is_none() && one.len() == other.len(),
        "{what}: {} and {}, {different:#?}",
        one.len(),
        other.len()
    );
}

fn written(folder: &Path, batches: impl Iterator<Item = RecordBatch>) -> (PathBuf, u64) {
    let path = folder.join("rows.parquet");
    let mut batches = batches.peekable();
    let mut sink = ParquetSink::create(&path, &batches.peek().unwrap().schema()).unwrap();
    batches.for_each(|batch| sink.write(&batch).unwrap());
    let rows = sink.close().unwrap();
    (path, rows)
}
