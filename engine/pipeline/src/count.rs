//! Rules over a file, without policy: how many rows each rule hits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use haechi_connectors::sinks::parquet::{ParquetSink, SinkError};
use haechi_evaluate::{EvaluateError, Evaluator, Hits};
use haechi_model::derive::{DeriveContext, derive_columns, inputs as inputs_of};
use haechi_model::{Kind, Stream};
use haechi_rules::Ruleset;
use serde::Serialize;

use crate::decide::columns;
use crate::input::{Inputs, Progress, ReadAhead, ReadFailure};

/// What counting found.
#[derive(Debug, Serialize)]
pub struct CountReport {
    /// Rows evaluated.
    pub rows: u64,
    /// Rules.
    pub rules: usize,
    /// Hits of all rules.
    pub hits: u64,
    /// Rows set aside.
    pub set_aside: u64,
    /// Where the time went; reading runs beside evaluating.
    pub seconds: BTreeMap<&'static str, f64>,
    /// Hits by rule.
    pub per_rule: serde_json::Map<String, serde_json::Value>,
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
    /// The hits could not be written.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Evaluates every rule over every row of the inputs; with `hits_to`, writes each hit as (row, subject, rule).
///
/// Where nothing asks which subject a row belongs to, each row stands by itself: the keys are not read, and a row that
/// comes again counts again.
pub fn count(
    ruleset: &Ruleset,
    evaluator: &Evaluator,
    inputs: &Inputs,
    derive: &DeriveContext,
    hits_to: Option<&Path>,
    progress: &Arc<Progress>,
) -> Result<CountReport, CountError> {
    let start = Instant::now();
    let stream = ruleset.stream;
    let (derived, base) = columns(stream, &[evaluator]);
    let aside = texts_aside(stream, &derived);
    let mut sink = hits_to.map(|path| ParquetSink::create(path, &hit_schema())).transpose()?;
    let rule_ids: ArrayRef = Arc::new(ruleset.rules.iter().map(|rule| Some(rule.id.as_str())).collect::<StringArray>());
    let mut counts = vec![0u64; ruleset.rules.len()];
    let (mut rows, mut set_aside, mut evaluate) = (0u64, 0u64, 0.0);
    // Without item conditions or a hits file the subject key is not needed, and reading it would cost more than the rules.
    let needs_key = evaluator.program().looks_across_items() || sink.is_some();
    let wanted: Vec<&str> = base.iter().copied().filter(|name| needs_key || evaluator_reads(evaluator, name)).collect();
    let mut inputs = inputs.clone();
    let across_rows = |name: &&str| *name == stream.subject_key || stream.together == Some(*name);
    inputs.options.rows_alone = !needs_key && !wanted.iter().any(across_rows);
    inputs.options.text_by_code = true;
    let mut reader = ReadAhead::start(&inputs, stream, &wanted, progress)?;
    for intake in reader.by_ref() {
        let intake = intake?;
        set_aside += intake.set_aside.len() as u64;
        let began = Instant::now();
        let batch = derive_beside(stream, &intake.batch, derive, &derived, &aside)?;
        let hits = evaluator.evaluate(&batch)?;
        hits.count_into(&mut counts);
        if let Some(sink) = &mut sink {
            sink.write(&hit_rows(&batch, rows, &hits, stream.subject_key, &rule_ids)?)?;
        }
        rows += batch.num_rows() as u64;
        progress.rows.store(rows, Ordering::Relaxed);
        evaluate += began.elapsed().as_secs_f64();
    }
    let read = reader.finish()?;
    if let Some(sink) = sink {
        sink.close()?;
    }
    let total = start.elapsed().as_secs_f64();
    let per_rule = ruleset.rules.iter().zip(&counts).map(|(rule, count)| (rule.id.clone(), (*count).into())).collect();
    Ok(CountReport {
        rows,
        rules: ruleset.rules.len(),
        hits: counts.iter().sum(),
        set_aside,
        seconds: BTreeMap::from([("read", read), ("evaluate", evaluate), ("total", total)]),
        per_rule,
    })
}

/// Free text that nothing is derived from.
fn texts_aside(stream: &'static Stream, derived: &[&str]) -> Vec<&'static str> {
    let read = |name: &str| derived.iter().any(|column| *column == name || inputs_of(stream, column).contains(&name));
    stream.all_columns().filter(|c| c.kind == Kind::Text && !read(c.name)).map(|c| c.name).collect()
}

/// Adds derived columns. Deriving brings all columns into one form; what it does not read goes past it as it came, since
/// text that came as a dictionary is evaluated once per value.
fn derive_beside(
    stream: &'static Stream,
    batch: &RecordBatch,
    context: &DeriveContext,
    derived: &[&str],
    aside: &[&str],
) -> Result<RecordBatch, ArrowError> {
    if derived.is_empty() {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let (aside, read): (Vec<usize>, Vec<usize>) =
        (0..batch.num_columns()).partition(|at| aside.contains(&schema.field(*at).name().as_str()));
    let whole = derive_columns(stream, &batch.project(&read)?, context, &|name| derived.contains(&name))?;
    let mut fields = whole.schema().fields().to_vec();
    fields.extend(aside.iter().map(|at| Arc::clone(&schema.fields()[*at])));
    let schema = Schema::new(fields);
    let columns = whole.columns().iter().chain(aside.iter().map(|at| batch.column(*at))).cloned().collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &rows)
}

fn evaluator_reads(evaluator: &Evaluator, name: &str) -> bool {
    let program = evaluator.program();
    let all: Vec<_> = program.stream.all_columns().collect();
    program.columns().iter().any(|index| {
        let column = all[*index].name;
        column == name || inputs_of(program.stream, column).contains(&name)
    })
}

fn hit_schema() -> Arc<Schema> {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Arc::new(Schema::new(vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("subject_id", DataType::Utf8, true),
        Field::new("rule_id", text, false),
    ]))
}

fn hit_rows(
    batch: &RecordBatch,
    first_row: u64,
    hits: &Hits,
    key: &str,
    rule_ids: &ArrayRef,
) -> Result<RecordBatch, ArrowError> {
    let rows = arrow::array::UInt32Array::from(hits.rows.clone());
    let subjects = match batch.column_by_name(key) {
        Some(column) => {
            let taken = arrow::compute::take(column, &rows, None)?;
            arrow::compute::cast(&taken, &DataType::Utf8)?
        }
        None => arrow::array::new_null_array(&DataType::Utf8, rows.len()),
    };
    let rules = DictionaryArray::<Int32Type>::try_new(
        hits.rules.iter().map(|rule| Some(*rule as i32)).collect::<Int32Array>(),
        Arc::clone(rule_ids),
    )?;
    let numbers: UInt64Array = hits.rows.iter().map(|row| Some(first_row + u64::from(*row))).collect();
    RecordBatch::try_new(hit_schema(), vec![Arc::new(numbers), subjects, Arc::new(rules)])
}
