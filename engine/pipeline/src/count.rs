//! Rules over a file, without policy: how many rows each rule hits.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use haechi_connectors::sinks::parquet::{ParquetSink, SinkError};
use haechi_evaluate::{Evaluator, Hits};
use haechi_rules::Ruleset;
use serde::Serialize;

use crate::counting::{CountError, Counting, Rows, add, one_a_thread};

/// What counting found.
#[derive(Debug, Serialize)]
pub struct CountReport {
    /// Rows evaluated or skipped.
    pub rows: u64,
    /// Rows in row groups that were not read, since no rule can hit there.
    pub rows_skipped: u64,
    /// Rules.
    pub rules: usize,
    /// Hits of all rules.
    pub hits: u64,
    /// Rows set aside.
    pub set_aside: u64,
    /// Where the time went; reading runs beside evaluating, which is as long as its busiest thread.
    pub seconds: BTreeMap<&'static str, f64>,
    /// Hits by rule.
    pub per_rule: serde_json::Map<String, serde_json::Value>,
}

/// Evaluates every rule over every row of the inputs; with `hits_to`, writes each hit as (row, subject, rule).
///
/// Where nothing asks which subject a row belongs to, each row stands by itself: the keys are not read, a row that comes
/// again counts again, and row groups are skipped in which no rule can hit, with the faults that rows in them may have.
pub fn count(
    ruleset: &Ruleset,
    evaluator: &Evaluator,
    rows: Rows<'_>,
    hits_to: Option<&Path>,
) -> Result<CountReport, CountError> {
    let counting = Counting::new(rows, evaluator, &ruleset.program, hits_to.is_some());
    let n_rules = ruleset.rules.len();
    let (counts, tally) = match hits_to {
        None => {
            let states = one_a_thread(|| vec![0; n_rules]);
            counting.each(states, |counts: &mut Vec<u64>, batch| Ok(evaluator.count(batch, counts)?))?
        }
        Some(path) => {
            let states = vec![HitsFile::create(path, ruleset)?];
            let (files, tally) = counting.each(states, |file, batch| file.write(batch, &evaluator.evaluate(batch)?))?;
            (files.into_iter().map(HitsFile::close).collect::<Result<_, _>>()?, tally)
        }
    };
    let mut sums = vec![0; n_rules];
    for counts in &counts {
        add(&mut sums, counts);
    }
    let per_rule = ruleset.rules.iter().zip(&sums).map(|(rule, count)| (rule.id.clone(), (*count).into())).collect();
    Ok(CountReport {
        rows: tally.rows,
        rows_skipped: tally.rows_skipped,
        rules: n_rules,
        hits: sums.iter().sum(),
        set_aside: tally.set_aside,
        seconds: tally.seconds,
        per_rule,
    })
}

/// A file of hits being written.
struct HitsFile {
    sink: ParquetSink,
    key: &'static str,
    rule_ids: ArrayRef,
    /// Rows before the next batch.
    rows: u64,
    /// By rule.
    counts: Vec<u64>,
}

impl HitsFile {
    fn create(path: &Path, ruleset: &Ruleset) -> Result<Self, SinkError> {
        let sink = ParquetSink::create(path, &hit_schema())?;
        let ids = ruleset.rules.iter().map(|rule| Some(rule.id.as_str()));
        let rule_ids: ArrayRef = Arc::new(ids.collect::<StringArray>());
        Ok(Self { sink, key: ruleset.stream.subject_key, rule_ids, rows: 0, counts: vec![0; ruleset.rules.len()] })
    }

    fn write(&mut self, batch: &RecordBatch, hits: &Hits) -> Result<(), CountError> {
        hits.count_into(&mut self.counts);
        self.sink.write(&hit_rows(batch, self.rows, hits, self.key, &self.rule_ids)?)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// The hits by rule.
    fn close(self) -> Result<Vec<u64>, SinkError> {
        self.sink.close()?;
        Ok(self.counts)
    }
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
    let rows = arrow::array::UInt32Array::from_iter_values(hits.rows());
    let subjects = match batch.column_by_name(key) {
        Some(column) => {
            let taken = arrow::compute::take(column, &rows, None)?;
            arrow::compute::cast(&taken, &DataType::Utf8)?
        }
        None => arrow::array::new_null_array(&DataType::Utf8, rows.len()),
    };
    let rules = DictionaryArray::<Int32Type>::try_new(
        hits.rules().iter().map(|rule| Some(*rule as i32)).collect::<Int32Array>(),
        Arc::clone(rule_ids),
    )?;
    let numbers: UInt64Array = UInt64Array::from_iter_values(hits.rows().map(|row| first_row + u64::from(row)));
    RecordBatch::try_new(hit_schema(), vec![Arc::new(numbers), subjects, Arc::new(rules)])
}
