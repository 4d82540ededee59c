//! How the work is cut changes no selection and no hit: rows a batch, threads.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_connectors::sinks::parquet::ParquetSink;
use haechi_datasets::{Spec, consignments, declarations, travellers};
use haechi_model::derive::derive_columns;
use haechi_model::streams::CONSIGNMENT;
use tempfile::TempDir;

use crate::support::{Row, decider, derive_context, inputs, ran};

const BATCH_ROWS: [usize; 4] = [1, 7, 4_096, 100_000];
const THREADS: [usize; 2] = [1, 2];

#[test]
fn declarations_do_not_depend_on_how_they_are_cut() {
    assert!(decider("declaration").evaluator().program().looks_across_items(), "the pack has rules over all items");
    let batches: Vec<RecordBatch> = declarations(&Spec { declarations: 400, ..Spec::day(11) }).collect();
    check("declaration", &whole(&batches));
}

#[test]
fn travellers_do_not_depend_on_how_they_are_cut() {
    let batches: Vec<RecordBatch> = travellers(&Spec { flights: 3, ..Spec::day(12) }).collect();
    check("traveller", &whole(&batches));
}

/// With `shared_container` as part of the input: it follows from the other bills of a manifest, see below.
#[test]
fn consignments_do_not_depend_on_how_they_are_cut() {
    let batches: Vec<RecordBatch> = consignments(&Spec { house_bills: 300, ..Spec::day(13) }).collect();
    let shared = |name: &str| name == "shared_container";
    check("consignment", &derive_columns(&CONSIGNMENT, &whole(&batches), &derive_context(), &shared).unwrap());
}

#[test]
#[ignore = "`shared_container` is derived from the bills of a batch, and a manifest may be cut between two"]
fn bills_that_share_a_container_are_seen_together() {
    let batches: Vec<RecordBatch> = consignments(&Spec { house_bills: 300, ..Spec::day(13) }).collect();
    check("consignment", &whole(&batches));
}

fn whole(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&batches[0].schema(), batches).unwrap()
}

fn check(stream: &str, rows: &RecordBatch) {
    let folder = TempDir::new().unwrap();
    let path = written(folder.path(), rows);
    let run = |batch_rows: usize| {
        let ran = ran(stream, inputs(&[&path], None, batch_rows));
        assert_eq!((ran.report.rows, ran.report.set_aside), (rows.num_rows() as u64, 0));
        (ran.selections(), ran.hits())
    };
    let (selections, hits) = run(100_000);
    assert!(selections.len() > 100 && hits.len() > 10, "{} selections, {} hits", selections.len(), hits.len());
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
    assert!(different.is_none() && one.len() == other.len(), "{what}: {} and {}, {different:#?}", one.len(), other.len());
}

fn written(folder: &Path, rows: &RecordBatch) -> PathBuf {
    let path = folder.join("rows.parquet");
    let mut sink = ParquetSink::create(&path, &rows.schema()).unwrap();
    sink.write(rows).unwrap();
    sink.close().unwrap();
    path
}
