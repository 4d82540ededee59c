//! What the benchmarks run on: generated rows and the shipped packs.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_datasets::Spec;
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::{Decider, Packs};
use haechi_select::Secret;

/// 2027-03-03T14:59:59Z: the evening of the generated day, in Seoul.
const AS_OF: i64 = 1_804_085_999_000;

/// A stream of the generated world as one batch of about `subjects` subjects.
///
/// # Panics
/// Where the stream is not generated; a benchmark has nobody to report to.
#[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
pub fn rows(stream: &str, subjects: u64) -> RecordBatch {
    let mut spec = Spec::day(7);
    (spec.declarations, spec.house_bills, spec.flights) = (subjects, subjects, (subjects / 170).max(1));
    let batches: Vec<RecordBatch> = match stream {
        "declaration" => haechi_datasets::declarations(&spec).collect(),
        "consignment" => haechi_datasets::consignments(&spec).collect(),
        "traveller" => haechi_datasets::travellers(&spec).collect(),
        other => panic!("stream `{other}` is not generated"),
    };
    let Some(first) = batches.first() else { panic!("nothing was generated") };
    concat_batches(&first.schema(), &batches).unwrap_or_else(|e| panic!("{e}"))
}

/// The shipped pack of a stream, ready to decide.
///
/// # Panics
/// Where the pack has errors.
#[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
pub fn decider(stream: &str, pack: &str, block_rows: usize) -> Decider {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs")).join(pack);
    let packs = Packs::load(&[folder], None, None);
    let Some(stream) = Stream::find(stream) else { panic!("no stream `{stream}`") };
    let derive = DeriveContext { now: Some(AS_OF), ..DeriveContext::default() };
    let options = Options { block_rows };
    Decider::new(&packs, stream, &Secret::demo(), derive, options).unwrap_or_else(|e| panic!("{e}"))
}
