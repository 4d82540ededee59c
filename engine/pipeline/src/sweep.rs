//! One rule over files with many values of one threshold, in one pass: how many rows each value would hit.
//!
//! The threshold as it stands is counted along, so that every value can be read against it. Begin at [`Sweep`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use haechi_evaluate::{EvaluateError, Evaluator, Hits, Options};
use haechi_rules::program::{Literal, Program};
use haechi_rules::sweep::{Kind, Threshold, variants};
use haechi_select::SubjectBatch;
use serde::Serialize;

use crate::counting::{CountError, Counting, Rows, Tally, add, one_a_thread};

/// What a sweep found.
#[derive(Debug, Serialize)]
pub struct SweepReport {
    /// The threshold as the rule has it.
    pub threshold: String,
    /// Rows evaluated or skipped.
    pub rows: u64,
    /// Rows in row groups that were not read, since no value makes the rule hit there.
    pub rows_skipped: u64,
    /// Subjects evaluated, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<u64>,
    /// Rows set aside.
    pub set_aside: u64,
    /// Where the time went; reading runs beside evaluating, which is as long as its busiest thread.
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
    program: Arc<Program>,
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
        let program = Arc::new(variants(program, rule, &threshold, &values));
        Ok(Self { threshold, values, evaluator: Evaluator::new(Arc::clone(&program), options)?, program })
    }

    /// The values, the present one among them.
    pub fn values(&self) -> &[Literal] {
        &self.values
    }

    /// Counts over all rows; with `by_subject` subjects too, for which their keys are read. Without, and where the rule
    /// does not look across items, each row stands by itself: one that comes again counts again, and row groups are
    /// skipped in which no value makes the rule hit, with the faults that rows in them may have.
    pub fn run(&self, rows: Rows<'_>, by_subject: bool) -> Result<SweepReport, CountError> {
        let counting = Counting::new(rows, &self.evaluator, &self.program, by_subject);
        let states = one_a_thread(|| Counts::new(self.values.len(), by_subject));
        let (states, tally) = counting.each(states, |counts, batch| self.count(batch, counts))?;
        let mut counts = Counts::new(self.values.len(), by_subject);
        for state in &states {
            counts.add(state);
        }
        Ok(self.report(&counts, tally))
    }

    /// Adds the hits of a batch in which every subject that is counted is whole.
    fn count(&self, batch: &RecordBatch, counts: &mut Counts) -> Result<(), CountError> {
        let (Some(subjects), Some(kind)) = (&mut counts.subjects, self.evaluator.program().stream.lanes) else {
            return Ok(self.evaluator.count(batch, &mut counts.hits)?);
        };
        let hits = self.evaluator.evaluate(batch)?;
        hits.count_into(&mut counts.hits);
        subjects.add(&SubjectBatch::from_rows(kind, batch)?, &hits);
        Ok(())
    }

    fn report(&self, counts: &Counts, tally: Tally) -> SweepReport {
        let is_present = |value: &Literal| *value == self.threshold.literal;
        let present = self.values.iter().position(is_present).map_or(0, |place| counts.hits[place]);
        let swept = |(place, value): (usize, &Literal)| SweptValue {
            value: self.json(value),
            present: is_present(value),
            hits: counts.hits[place],
            share: counts.hits[place] as f64 / tally.rows.max(1) as f64,
            change: counts.hits[place] as i64 - present as i64,
            subjects: counts.subjects.as_ref().map(|subjects| subjects.hit[place]),
        };
        SweepReport {
            threshold: self.threshold.to_string(),
            rows: tally.rows,
            rows_skipped: tally.rows_skipped,
            subjects: counts.subjects.as_ref().map(|subjects| subjects.all),
            set_aside: tally.set_aside,
            seconds: tally.seconds,
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
    /// By place of the value.
    hits: Vec<u64>,
    subjects: Option<SubjectCounts>,
}

impl Counts {
    fn new(values: usize, by_subject: bool) -> Self {
        let subjects = by_subject.then(|| SubjectCounts { all: 0, hit: vec![0; values] });
        Self { hits: vec![0; values], subjects }
    }

    fn add(&mut self, other: &Self) {
        add(&mut self.hits, &other.hits);
        if let (Some(subjects), Some(others)) = (&mut self.subjects, &other.subjects) {
            subjects.all += others.all;
            add(&mut subjects.hit, &others.hit);
        }
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
