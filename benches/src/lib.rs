//! What the benchmarks run on: generated rows, the shipped packs, and the rule-evaluation [`workload`].

use std::fmt::Display;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_datasets::Spec;
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::{Decider, Packs};
use haechi_select::Secret;
use rayon::{ThreadPool, ThreadPoolBuilder};

pub mod features;
pub mod programs;
pub mod schemes;
pub mod source;
pub mod stream;
pub mod workload;

/// 2027-03-03T14:59:59Z: the evening of the generated day, in Seoul.
const AS_OF: i64 = 1_804_085_999_000;

/// The value, or the end of the benchmark.
///
/// # Panics
/// Where there is none.
#[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
pub fn must<T>(result: Result<T, impl Display>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A pool of this many threads.
///
/// # Panics
/// Where the system gives no threads.
pub fn pool(threads: usize) -> ThreadPool {
    must(ThreadPoolBuilder::new().num_threads(threads).build())
}

/// Makes this thread the only one that evaluates, from here on.
///
/// # Panics
/// Where something has evaluated already.
pub fn one_core() {
    must(ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global());
}

/// A stream of the generated world as one batch of about `subjects` subjects.
///
/// # Panics
/// Where the stream is not generated.
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
    must(concat_batches(&first.schema(), &batches))
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
    must(Decider::new(&packs, stream, &Secret::demo(), derive, options))
}
