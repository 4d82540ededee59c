//! Derivation, evaluation and selection with the shipped packs, rows already in memory.
//! `cargo bench -p haechi-benches`; read the throughput as rows per second.

use arrow::array::RecordBatch;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use haechi_benches::{decider, rows};
use haechi_pipeline::{DecideError, Decider};

fn main() {
    divan::main();
}

const STREAMS: [(&str, &str); 3] = [("declaration", "import"), ("consignment", "cargo"), ("traveller", "traveller")];

/// The whole decision.
#[divan::bench(args = STREAMS)]
fn decide(bencher: Bencher<'_, '_>, (stream, pack): (&str, &str)) {
    let (batch, decider) = (rows(stream, 20_000), decider(stream, pack, 4_096));
    bencher.counter(ItemsCount::new(batch.num_rows())).bench(|| decide_on(&decider, &batch));
}

/// Evaluation alone, by rows a block.
#[divan::bench(args = [256, 1_024, 4_096, 16_384])]
fn evaluate_import(bencher: Bencher<'_, '_>, block_rows: usize) {
    let decider = decider("declaration", "import", block_rows);
    let derived = decider.derive(&rows("declaration", 20_000));
    let Ok(batch) = derived else { return };
    bencher
        .counter(ItemsCount::new(batch.num_rows()))
        .bench(|| decider.evaluator().evaluate(black_box(&batch)).map(|hits| hits.len()));
}

/// One declaration of one item: what a single request costs.
#[divan::bench]
fn decide_one(bencher: Bencher<'_, '_>) {
    let (batch, decider) = (rows("declaration", 100).slice(0, 1), decider("declaration", "import", 4_096));
    bencher.bench(|| decide_on(&decider, &batch));
}

/// With nothing known of anybody.
fn decide_on(decider: &Decider, batch: &RecordBatch) -> Result<usize, DecideError> {
    decider.decide(black_box(batch), &mut decider.memory()?).map(|decided| decided.row_hits.len())
}
