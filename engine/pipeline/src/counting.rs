//! How rows are read where only their hits count: what [`count`](crate::count()) and [`Sweep`](crate::Sweep) share.
//!
//! Nothing is read that nobody asks for: columns that no rule touches, the keys where every row stands by itself, whole
//! row groups of Parquet files where no rule can hit. Batches go to as many threads as there are states to count in; the
//! evaluator cuts a batch for all threads anyway, but not all it does to a batch can be cut.
//!
//! These are threads of their own, not tasks of the pool: a task that waits for its blocks would be handed the next task
//! meanwhile, all the rest of the input with it, before it is done with its own batch.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use haechi_connectors::options::Keep;
use haechi_connectors::sinks::parquet::SinkError;
use haechi_evaluate::{EvaluateError, Evaluator, Pruner};
use haechi_model::derive::{DeriveContext, derive_columns, inputs as inputs_of};
use haechi_model::{Kind, Stream};
use haechi_rules::Program;
use haechi_select::SubjectError;

use crate::decide::columns;
use crate::input::{Inputs, Progress, ReadAhead, ReadFailure};

/// Rows to count over.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Where they are.
    pub inputs: &'a Inputs,
    /// What derived columns need besides.
    pub derive: &'a DeriveContext,
    /// Reads row groups of Parquet files too in which no rule can hit, so that faulty rows in them are set aside.
    pub every_row: bool,
    /// How far it is.
    pub progress: &'a Arc<Progress>,
}

/// Why counting failed.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadFailure),
    /// Evaluating failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The rows do not form subjects.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The hits could not be written.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// Counting goes over rows in any order, and what is known at a row depends on those before it.
    #[error("rules ask for features over time (`{0}`): `haechi run` decides by them, counting does not")]
    Feature(String),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// What came in.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Those skipped among them.
    pub rows: u64,
    pub rows_skipped: u64,
    pub set_aside: u64,
    /// Spent reading, evaluating (by the thread that was busiest) and in all.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// Rows about to be read for an evaluator.
pub(crate) struct Counting<'a> {
    rows: Rows<'a>,
    inputs: Inputs,
    stream: &'static Stream,
    /// Columns to read.
    wanted: Vec<&'static str>,
    /// Derived columns that the rules touch.
    derived: Vec<&'static str>,
    /// Free text that nothing is derived from.
    aside: Vec<&'static str>,
    /// A feature that rules name.
    feature: Option<String>,
}

impl<'a> Counting<'a> {
    /// Settles what to read. With `by_subject` every subject is whole and has its key; without, and where no rule looks
    /// across items, keys are not read, a row that comes again counts again, and row groups where no rule of the
    /// evaluator's `program` can hit are skipped.
    pub fn new(rows: Rows<'a>, evaluator: &Evaluator, program: &Arc<Program>, by_subject: bool) -> Self {
        let stream = evaluator.program().stream;
        let (derived, mut wanted) = columns(stream, &[evaluator]);
        // Reading the keys costs more than evaluating the rules.
        let needs_key = by_subject || evaluator.program().looks_across_items();
        wanted.retain(|name| needs_key || reads(evaluator, name));
        let across_rows = |name: &&str| *name == stream.subject_key || stream.together == Some(*name);
        let mut inputs = rows.inputs.clone();
        inputs.options.rows_alone = !needs_key && !wanted.iter().any(across_rows);
        inputs.options.text_by_code = true;
        if inputs.options.rows_alone && !rows.every_row {
            let pruner = Pruner::new(Arc::clone(program));
            inputs.options.keep = Some(Keep::new(move |part| pruner.may_hit(&part.derived(stream))));
        }
        let aside = texts_aside(stream, &derived);
        let feature = evaluator.program().joined_columns().next().map(|column| column.name.to_string());
        Self { rows, inputs, stream, wanted, derived, aside, feature }
    }

    /// Takes every batch, derived columns among it, to one of the states, of which each has a thread: a single one sees
    /// them in order. The first error ends it.
    pub fn each<S: Send>(
        &self,
        states: Vec<S>,
        step: impl Fn(&mut S, &RecordBatch) -> Result<(), CountError> + Sync,
    ) -> Result<(Vec<S>, Tally), CountError> {
        if let Some(feature) = &self.feature {
            return Err(CountError::Feature(feature.clone()));
        }
        let start = Instant::now();
        let progress = self.rows.progress;
        let reader = Mutex::new(ReadAhead::start(&self.inputs, self.stream, &self.wanted, progress)?);
        let next = || reader.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = |state: &mut S| -> Result<Tally, CountError> {
            let (mut rows, mut set_aside, mut busy) = (0, 0, 0.0);
            while let Some(intake) = next() {
                let intake = intake?;
                let began = Instant::now();
                step(state, &self.derive(&intake.batch)?)?;
                set_aside += intake.set_aside.len() as u64;
                rows += intake.batch.num_rows() as u64;
                progress.rows.fetch_add(intake.batch.num_rows() as u64, Ordering::Relaxed);
                busy += began.elapsed().as_secs_f64();
            }
            Ok(Tally { rows, rows_skipped: 0, set_aside, seconds: BTreeMap::from([("evaluate", busy)]) })
        };
        let worker = |mut state: S| {
            let tally = work(&mut state).inspect_err(|_| reader.lock().unwrap_or_else(PoisonError::into_inner).stop());
            tally.map(|tally| (state, tally))
        };
        let done: Vec<Result<(S, Tally), CountError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = states.into_iter().map(|state| scope.spawn(|| worker(state))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let mut states = Vec::with_capacity(done.len());
        let (mut all, mut evaluate) = (Tally::default(), 0.0_f64);
        for one in done {
            let (state, tally) = one?;
            all.rows += tally.rows;
            all.set_aside += tally.set_aside;
            evaluate = evaluate.max(tally.seconds["evaluate"]);
            states.push(state);
        }
        let read = reader.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        all.rows_skipped = progress.rows_skipped.load(Ordering::Relaxed);
        all.rows += all.rows_skipped;
        let total = start.elapsed().as_secs_f64();
        all.seconds = BTreeMap::from([("read", read), ("evaluate", evaluate), ("total", total)]);
        Ok((states, all))
    }

    /// Adds derived columns. Deriving brings all columns into one form; what it does not read goes past it as it came,
    /// since text that came as a dictionary is evaluated once per value.
    fn derive(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.derived.is_empty() {
            return Ok(batch.clone());
        }
        let schema = batch.schema();
        let (aside, read): (Vec<usize>, Vec<usize>) =
            (0..batch.num_columns()).partition(|at| self.aside.contains(&schema.field(*at).name().as_str()));
        let wanted = |name: &str| self.derived.contains(&name);
        let whole = derive_columns(self.stream, &batch.project(&read)?, self.rows.derive, &wanted)?;
        let mut fields = whole.schema().fields().to_vec();
        fields.extend(aside.iter().map(|at| Arc::clone(&schema.fields()[*at])));
        let schema = Schema::new(fields);
        let columns = whole.columns().iter().chain(aside.iter().map(|at| batch.column(*at))).cloned().collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &rows)
    }
}

/// A state a thread, for batches whose order does not matter.
pub(crate) fn one_a_thread<S>(state: impl Fn() -> S) -> Vec<S> {
    (0..rayon::current_num_threads()).map(|_| state()).collect()
}

/// Adds up counts, place by place.
pub(crate) fn add(sums: &mut [u64], counts: &[u64]) {
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

fn texts_aside(stream: &'static Stream, derived: &[&str]) -> Vec<&'static str> {
    let read = |name: &str| derived.iter().any(|column| *column == name || inputs_of(stream, column).contains(&name));
    stream.all_columns().filter(|c| c.kind == Kind::Text && !read(c.name)).map(|c| c.name).collect()
}

/// Whether a column is touched by rules, or by what they touch.
fn reads(evaluator: &Evaluator, name: &str) -> bool {
    let program = evaluator.program();
    let all: Vec<_> = program.stream.all_columns().collect();
    program
        .columns()
        .iter()
        .filter_map(|index| all.get(*index))
        .any(|column| column.name == name || inputs_of(program.stream, column.name).contains(&name))
}
