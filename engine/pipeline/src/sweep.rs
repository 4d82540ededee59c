//! One rule over files with many values of one threshold, in one pass: how many rows each value would hit.
//!
//! The threshold as it stands is counted along, so that every value can be read against it. Begin at [`Sweep`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow::array::RecordBatch;
use haechi_evaluate::{EvaluateError, Evaluator, Hits, Options};
use haechi_model::derive::{DeriveContext, derive_columns, inputs as inputs_of};
use haechi_rules::program::{Literal, Program};
use haechi_rules::sweep::{Kind, Threshold, variants};
use haechi_select::SubjectBatch;
use serde::Serialize;

use crate::decide::{DecideError, columns};
use crate::input::{Inputs, Progress, ReadAhead};
use crate::run::RunError;

/// What a sweep found.
#[derive(Debug, Serialize)]
pub struct SweepReport {
    /// The threshold as the rule has it.
    pub threshold: String,
    /// Rows evaluated.
    pub rows: u64,
    /// Subjects evaluated, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u64>,
    /// Rows set aside.
    pub set_aside: u64,
    /// Where the time went; reading runs beside evaluating.
    pub seconds: BTreeMap<&'static str, f64>,
    /// By value, ascending; the present one among them.
    pub values: Vec<SweptValue>,
}

/// What one value hits.
#[derive(Debug, Serialize)]
pub struct SweptValue {
    /// The value: a number, or a day as text.
    pub value: serde_json::Value,
    /// Whether it is the one that stands in the rule.
    pub present: bool,
    /// Rows hit.
    pub hits: u64,
    /// Part of all rows, 0 to 1.
    pub share: f64,
    /// Rows hit more (or less) than by the present value.
    pub change: i64,
    /// Subjects hit, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u64>,
}

/// A rule ready to be counted at every value of a threshold.
#[derive(Debug)]
pub struct Sweep {
    threshold: Threshold,
    values: Vec<Literal>,
    evaluator: Evaluator,
}

impl Sweep {
    /// The rule at these values (ascending) and at the present one.
    pub fn new(
        program: &Program,
        rule: usize,
        threshold: Threshold,
        mut values: Vec<Literal>,
        options: Options,
    ) -> Result<Self, EvaluateError> {
        if !values.contains(&threshold.literal) {
            let below = |value: &Literal| value.as_f64() < threshold.literal.as_f64();
            values.insert(values.partition_point(below), threshold.literal.clone());
        }
        let program = variants(program, rule, &threshold, &values);
        Ok(Self { threshold, values, evaluator: Evaluator::new(Arc::new(program), options)? })
    }

    /// The values, the present one among them.
    pub fn values(&self) -> &[Literal] {
        &self.values
    }

    /// Counts over all rows of the inputs; with `by_subject` subjects too, for which their keys are read.
    pub fn run(
        &self,
        inputs: &Inputs,
        derive: &DeriveContext,
        by_subject: bool,
        progress: &Arc<Progress>,
    ) -> Result<SweepReport, RunError> {
        let start = Instant::now();
        let (derived, wanted) = self.columns(by_subject);
        let stream = self.evaluator.program().stream;
        let mut counts = Counts::new(self.values.len(), by_subject);
        let (mut set_aside, mut evaluate) = (0u64, 0.0);
        let mut reader = ReadAhead::start(inputs, stream, &wanted, progress)?;
        for intake in reader.by_ref() {
            let intake = intake?;
            set_aside += intake.set_aside.len() as u64;
            let began = Instant::now();
            let derived = derive_columns(stream, &intake.batch, derive, &|name| derived.contains(&name));
            self.count(&derived.map_err(DecideError::from)?, &mut counts)?;
            progress.rows.store(counts.rows, Ordering::Relaxed);
            evaluate += began.elapsed().as_secs_f64();
        }
        let read = reader.finish()?;
        let seconds =
            BTreeMap::from([("read", read), ("evaluate", evaluate), ("total", start.elapsed().as_secs_f64())]);
        Ok(self.report(&counts, set_aside, seconds))
    }

    /// Adds the hits of a batch in which every subject is whole.
    fn count(&self, batch: &RecordBatch, counts: &mut Counts) -> Result<(), DecideError> {
        let hits = self.evaluator.evaluate(batch)?;
        hits.count_into(&mut counts.hits);
        counts.rows += batch.num_rows() as u64;
        if let (Some(subjects), Some(kind)) = (&mut counts.subjects, self.evaluator.program().stream.lanes) {
            subjects.add(&SubjectBatch::from_rows(kind, batch)?, &hits);
        }
        Ok(())
    }

    /// The derived columns that the rule touches, and the columns to read. Keys cost more to read than most rules to
    /// evaluate: they are left out where nobody asks which rows belong together.
    fn columns(&self, by_subject: bool) -> (Vec<&'static str>, Vec<&'static str>) {
        let program = self.evaluator.program();
        let (derived, mut wanted) = columns(program.stream, &[&self.evaluator]);
        if !by_subject && !program.looks_across_items() {
            let all: Vec<_> = program.stream.all_columns().map(|column| column.name).collect();
            let read: Vec<_> = program.columns().into_iter().map(|index| all[index]).collect();
            let needed = |name: &str| {
                read.iter().any(|column| *column == name || inputs_of(program.stream, column).contains(&name))
            };
            wanted.retain(|name| needed(name));
        }
        (derived, wanted)
    }

    fn report(&self, counts: &Counts, set_aside: u64, seconds: BTreeMap<&'static str, f64>) -> SweepReport {
        let is_present = |value: &Literal| *value == self.threshold.literal;
        let present = self.values.iter().position(is_present).map_or(0, |place| counts.hits[place]);
        let swept = |(place, value): (usize, &Literal)| SweptValue {
            value: self.json(value),
            present: is_present(value),
            hits: counts.hits[place],
            share: counts.hits[place] as f64 / counts.rows.max(1) as f64,
            change: counts.hits[place] as i64 - present as i64,
            subjects: counts.subjects.as_ref().map(|subjects| subjects.hit[place]),
        };
        SweepReport {
            threshold: self.threshold.to_string(),
            rows: counts.rows,
            subjects: counts.subjects.as_ref().map(|subjects| subjects.all),
            set_aside,
            seconds,
            values: self.values.iter().enumerate().map(swept).collect(),
        }
    }

    fn json(&self, value: &Literal) -> serde_json::Value {
        match (self.threshold.kind(), value) {
            (Kind::Number, Literal::Int(whole)) => (*whole).into(),
            (Kind::Number, Literal::Float(bits)) => f64::from_bits(*bits).into(),
            _ => self.threshold.shown(value).into(),
        }
    }
}

/// What has been counted so far.
struct Counts {
    rows: u64,
    /// By place of the value.
    hits: Vec<u64>,
    subjects: Option<SubjectCounts>,
}

impl Counts {
    fn new(values: usize, by_subject: bool) -> Self {
        let subjects = by_subject.then(|| SubjectCounts { all: 0, hit: vec![0; values] });
        Self { rows: 0, hits: vec![0; values], subjects }
    }
}

/// Subjects, each counted once however many of its rows are hit.
struct SubjectCounts {
    all: u64,
    /// By place of the value.
    hit: Vec<u64>,
}

impl SubjectCounts {
    fn add(&mut self, subjects: &SubjectBatch, hits: &Hits) {
        // Hits come by row: a value has hit this subject already if it hit a row from the subject's first on.
        let mut hit_last = vec![None; self.hit.len()];
        let mut starts = subjects.first_rows().iter().copied().peekable();
        let mut first = 0;
        for (row, value) in hits.iter() {
            while let Some(start) = starts.next_if(|start| *start <= row) {
                first = start;
            }
            let last: &mut Option<u32> = &mut hit_last[value as usize];
            if last.is_none_or(|last| last < first) {
                self.hit[value as usize] += 1;
            }
            *last = Some(row);
        }
        self.all += subjects.len() as u64;
    }
}

#[cfg(test)]
mod tests;
