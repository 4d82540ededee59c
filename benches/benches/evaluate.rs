//! Evaluation alone: batches in memory to hits, compiled rules, one core (except `scaling`).
//!
//! Items a second are rows, or rule-rows (rows x rules) where the number of rules is what changes. Rows and rules are
//! made from a seed; `by_rules`, `by_batch_rows`, `one_row` and `scaling` read them from the folder that
//! HAECHI_WORKLOAD names, if it names one. `cargo bench -p haechi-benches --bench evaluate -- by_rules`

use arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use haechi_benches::programs::{Pack, evaluator};
use haechi_benches::source::Source;
use haechi_benches::workload::{Kind, Rule, Text, World};
use haechi_benches::{must, one_core, pool};
use haechi_evaluate::Evaluator;
use haechi_model::streams::{DECLARATION, TRAVELLER};

fn main() {
    one_core();
    divan::main();
}

/// Rows of a batch, and rules, where neither is what a benchmark is about.
const ROWS: usize = 65_536;
const RULES: usize = 100;

fn run(bencher: Bencher<'_, '_>, items: usize, evaluator: &Evaluator, batch: &RecordBatch) {
    bencher.counter(ItemsCount::new(items)).bench(|| must(evaluator.evaluate(black_box(batch))).len());
}

fn loaded(rows: usize, rules: usize) -> (RecordBatch, Evaluator) {
    let source = Source::from_environment();
    let mut batches = must(source.batches(rows, rows, Text::AsStream));
    (batches.remove(0), evaluator(&must(source.rules(rules))))
}

/// A hundred rules of one kind. Items are rows.
#[divan::bench(args = Kind::RULES, max_time = 2)]
fn by_rule_kind(bencher: Bencher<'_, '_>, kind: Kind) {
    let world = World::new(7);
    run(bencher, ROWS, &evaluator(&world.rules_of(kind, RULES)), &world.rows().batch(ROWS));
}

/// The same with all text plain: there is no dictionary to look at once a value.
#[divan::bench(args = [Kind::PrefixOriginBound, Kind::OneParty, Kind::PartyList, Kind::Description, Kind::InList], max_time = 2)]
fn by_rule_kind_plain(bencher: Bencher<'_, '_>, kind: Kind) {
    let world = World::new(7);
    let batch = must(Text::Plain.of(&world.rows().batch(ROWS)));
    run(bencher, ROWS, &evaluator(&world.rules_of(kind, RULES)), &batch);
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
enum Column {
    Dictionary,
    PlainText,
    Float64,
    Int32,
    Date,
    Timestamp,
    List,
}

/// A hundred rules of one comparison each, all on one column: a prefix, a bound, or a value in a list. The bounds on
/// numbers, days and instants hit the same rows, about a hundredth of them each. Items are rows.
#[divan::bench(
    args = [
        Column::Dictionary, Column::PlainText, Column::Float64, Column::Int32, Column::Date, Column::Timestamp,
        Column::List,
    ],
    max_time = 2
)]
fn by_column_kind(bencher: Bencher<'_, '_>, column: Column) {
    let world = World::new(7);
    let made = world.rows().batch(ROWS);
    let only = |name: &str, array: &ArrayRef| must(RecordBatch::try_from_iter([(name, array.clone())]));
    let whole = must(cast(&made["customs_value_usd"], &DataType::Int32));
    let numbers = only("customs_value_usd", &must(cast(&whole, &DataType::Float64)));
    let days = must(cast(&whole, &DataType::Date32));
    let bounds = bounds(&numbers, "customs_value_usd", 0.01);
    let day = |n: usize| day(bounds[n] as i32);
    let each = |condition: &dyn Fn(usize) -> String| Rule::numbered((0..RULES).map(condition));
    let (stream, batch, rules) = match column {
        Column::Dictionary => (&DECLARATION, made, world.rules_of(Kind::Prefix, RULES)),
        Column::PlainText => (&DECLARATION, must(Text::Plain.of(&made)), world.rules_of(Kind::Prefix, RULES)),
        Column::Float64 => (&DECLARATION, numbers, each(&|n| format!("customs_value_usd > {}", bounds[n]))),
        Column::Int32 => (
            &DECLARATION,
            only("items_in_declaration", &whole),
            each(&|n| format!("items_in_declaration > {}", bounds[n])),
        ),
        Column::Date => (&TRAVELLER, only("birth_date", &days), each(&|n| format!("birth_date > DATE '{}'", day(n)))),
        Column::Timestamp => {
            let midnights = must(cast(&must(cast(&days, &DataType::Date64)), &DataType::Int64));
            let batch = only("declared_at", &must(cast(&midnights, made["declared_at"].data_type())));
            (&DECLARATION, batch, each(&|n| format!("declared_at > TIMESTAMP '{}T00:00:00Z'", day(n))))
        }
        Column::List => (&DECLARATION, made, each(&|n| format!("array_has(container_ids, 'MSKU{n:07}')"))),
    };
    run(bencher, ROWS, &Pack::write(stream, &rules).evaluator(), &batch);
}

/// A hundred values of a column that about this share of the rows is above.
fn bounds(batch: &RecordBatch, column: &str, share: f64) -> Vec<f64> {
    let mut values = batch[column].as_primitive::<Float64Type>().values().to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    let at = |n: usize| (values.len() as f64 * share * (0.95 + 0.1 * n as f64 / RULES as f64)) as usize;
    (0..RULES).map(|n| values[at(n)]).collect()
}

/// A day as rules write it.
fn day(days: i32) -> String {
    must(cast(&Date32Array::from(vec![days]), &DataType::Utf8)).as_string::<i32>().value(0).to_owned()
}

/// A hundred bounds on one number, each met by about this share of the rows. Items are rows.
#[divan::bench(args = [0.0001, 0.01, 0.3, 0.9], max_time = 2)]
fn by_selectivity(bencher: Bencher<'_, '_>, share: f64) {
    let batch = World::new(7).rows().batch(ROWS);
    let bounds = bounds(&batch, "customs_value_usd", share);
    // Where few rows are above, bounds fall together: a hair between them keeps the rules distinct.
    let below = |(n, bound): (usize, &f64)| format!("customs_value_usd > {}", bound * (1.0 - 1e-9 * n as f64));
    let rules = Rule::numbered(bounds.iter().enumerate().map(below));
    run(bencher, ROWS, &evaluator(&rules), &batch);
}

/// A thousand rules of the mix, by rows of the batch. Items are rows.
#[divan::bench(args = [1, 16, 256, 4_096, 65_536], max_time = 2)]
fn by_batch_rows(bencher: Bencher<'_, '_>, rows: usize) {
    let (batch, evaluator) = loaded(rows, 1_000);
    run(bencher, rows, &evaluator, &batch);
}

/// Rules of the mix, by their number. Items are rule-rows.
#[divan::bench(args = [10, 100, 1_000, 5_000, 10_000], max_time = 3)]
fn by_rules(bencher: Bencher<'_, '_>, rules: usize) {
    let (batch, evaluator) = loaded(ROWS, rules);
    run(bencher, ROWS * rules, &evaluator, &batch);
}

/// One row, by number of rules: the latency of a single request. `measure one-row` gives its tail.
#[divan::bench(args = [100, 1_000, 5_000], max_time = 2)]
fn one_row(bencher: Bencher<'_, '_>, rules: usize) {
    let (batch, evaluator) = loaded(1, rules);
    run(bencher, 1, &evaluator, &batch);
}

/// Five thousand rules of the mix, by threads. Items are rule-rows.
#[divan::bench(args = [1, 2, 4, 8], max_time = 3)]
fn scaling(bencher: Bencher<'_, '_>, threads: usize) {
    let (batch, evaluator) = loaded(2 * ROWS, 5_000);
    let pool = pool(threads);
    bencher
        .counter(ItemsCount::new(batch.num_rows() * 5_000))
        .bench(|| pool.install(|| must(evaluator.evaluate(black_box(&batch))).len()));
}
