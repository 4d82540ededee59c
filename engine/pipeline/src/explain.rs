//! One subject again: its rows out of the inputs, decided by the same path, with every step told.

mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::DataType;
use haechi_evaluate::explain::Explanation;
use haechi_model::Stream;
use haechi_select::{RowHit, SubjectDecision};
use serde::Serialize;

use crate::decide::{DecideError, Decider};
use crate::input::{Inputs, Progress, ReadAhead};
use crate::memory::Timeline;
use crate::run::RunError;

/// A subject found in the inputs.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// How its lane came about.
    pub decision: SubjectDecision,
    /// The rules that hit, in the order of the ruleset.
    pub hits: Vec<RuleHit>,
    /// For the rule asked about: each row of the subject, and why or why not.
    pub asked: Vec<Explanation>,
    /// Rows of the subject.
    pub rows: usize,
}

/// A rule that hit the subject.
#[derive(Debug, Serialize)]
pub struct RuleHit {
    /// Its id.
    pub rule: String,
    /// What it looks for.
    pub title: String,
    /// What the officer is to do.
    pub instruction: Option<String>,
    /// Rows of the subject that it hit, from 0.
    pub rows: Vec<usize>,
    /// Where the first of them came from, as far as that was read.
    pub from: Option<Origin>,
    /// Why it hit the first of them.
    pub explanation: Explanation,
}

/// Where a row came from: the bytes themselves are found by it, in the file that is named, or among the messages that the
/// service keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// File, topic or request.
    pub source: String,
    /// Byte, line or segment in it.
    pub position: String,
    /// Of the message, where it has one.
    pub message_id: Option<String>,
    /// Segment or XPath in the message, where it is told.
    pub path: Option<String>,
}

impl Origin {
    fn of(rows: &RecordBatch, row: usize) -> Option<Self> {
        let text = |name: &str| {
            let column = cast(rows.column_by_name(name)?, &DataType::Utf8).ok()?;
            let texts = column.as_string_opt::<i32>()?;
            texts.is_valid(row).then(|| texts.value(row).to_owned()).filter(|text| !text.is_empty())
        };
        Some(Self {
            source: text("source")?,
            position: text("source_position")?,
            message_id: text("message_id"),
            path: text("message_path"),
        })
    }
}

/// A rule that is asked about and is not there.
#[derive(Debug, thiserror::Error)]
#[error("unknown rule `{id}`{}", .near.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
pub struct UnknownRule {
    id: String,
    near: Option<String>,
}

impl Decider {
    /// Which of the rules has this id.
    pub fn rule_named(&self, id: &str) -> Result<usize, UnknownRule> {
        self.ruleset.rule_index(id).ok_or_else(|| {
            let ids = self.ruleset.rules.iter().map(|rule| rule.id.as_str());
            UnknownRule { id: id.to_owned(), near: haechi_rules::diagnostic::nearest(id, ids).map(str::to_owned) }
        })
    }
}

/// Finds a subject in the inputs and decides on it again, with facts beside as in [`crate::RunOptions`]; `rule` asks about
/// one rule in particular. `None`: the inputs do not hold it.
pub fn find_subject(
    decider: &Decider,
    inputs: &Inputs,
    facts: &[(&'static Stream, Inputs)],
    subject: &str,
    rule: Option<usize>,
) -> Result<Option<Finding>, RunError> {
    let progress = Arc::new(Progress::default());
    let mut reader = ReadAhead::start(inputs, decider.stream, decider.columns(), &progress)?;
    let (facts, _) = Timeline::read(decider.memory_plan(), facts)?;
    let mut memory = decider.memory_with(facts)?;
    for intake in reader.by_ref() {
        // Derived before anything is taken out: a column may look across neighbours, and a key may itself be derived.
        let given = intake?.batch;
        let derived = memory.join(&given, decider.derive(&given)?)?;
        let rows = rows_of(&derived, decider.stream.subject_key, subject);
        if rows.is_empty() {
            continue;
        }
        let rows = take_record_batch(&derived, &UInt32Array::from(rows)).map_err(DecideError::from)?;
        return Ok(Some(explain(decider, &rows, rule)?));
    }
    reader.finish()?;
    Ok(None)
}

fn rows_of(batch: &RecordBatch, key: &str, subject: &str) -> Vec<u32> {
    let Some(column) = batch.column_by_name(key).and_then(|c| cast(c, &DataType::Utf8).ok()) else { return Vec::new() };
    let ids = column.as_string::<i32>();
    (0..ids.len()).filter(|row| ids.is_valid(*row) && ids.value(*row) == subject).map(|row| row as u32).collect()
}

/// Why the subject of these rows is decided on as it is.
pub(crate) fn explain(decider: &Decider, derived: &RecordBatch, rule: Option<usize>) -> Result<Finding, DecideError> {
    let subjects = decider.subjects(derived)?;
    let last = subjects.len().saturating_sub(1);
    if last > 0 {
        // Several versions of one subject: the last one stands.
        let of_last = subjects.rows(last);
        return explain(decider, &derived.slice(of_last.start as usize, of_last.len()), rule);
    }
    let evaluator = decider.evaluator();
    let found = evaluator.evaluate(derived)?;
    let pairs: Vec<RowHit> = found.iter().map(|(row, rule)| RowHit { row, rule }).collect();
    let decision = decider.selector().explain(&subjects, last, &pairs)?;
    let of_rule = |row: usize, rule: usize| evaluator.explain(derived, row, rule).map_err(DecideError::from);
    let mut by_rule: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, rule) in found.iter() {
        by_rule.entry(rule as usize).or_default().push(row as usize);
    }
    let hits = by_rule
        .into_iter()
        .map(|(index, rows)| {
            let rule = &decider.ruleset.rules[index];
            let explanation = of_rule(rows[0], index)?;
            let (title, instruction) = (rule.title.clone(), rule.instruction.clone());
            let from = Origin::of(derived, rows[0]);
            Ok(RuleHit { rule: rule.id.clone(), title, instruction, rows, from, explanation })
        })
        .collect::<Result<Vec<_>, DecideError>>()?;
    let asked = match rule {
        Some(rule) => (0..derived.num_rows()).map(|row| of_rule(row, rule)).collect::<Result<_, DecideError>>()?,
        None => Vec::new(),
    };
    Ok(Finding { decision, hits, asked, rows: derived.num_rows() })
}
