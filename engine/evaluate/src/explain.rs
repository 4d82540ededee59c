//! Why a rule hit a row, or why not: the rule's own formula with the truth of each part and the values it saw.
//!
//! The truths are read from the same frame that finds the hits of a block. A row alone finds its hits from its values
//! (`single`); `tests/alone.rs` holds the two together.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_rules::program::{AtomId, Cmp, Literal, Node, NodeId, Operand, OperandId, Over, Test};
use serde::Serialize;

use crate::batch::Prepared;
use crate::error::EvaluateError;
use crate::evaluator::Evaluator;
use crate::frame::{Frame, Slots};
use crate::plan::{Plan, columns_of_node};
use crate::state::Worker;

/// One part of a rule's condition for one row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The part, as SQL.
    pub condition: String,
    /// True, false, or unknown (`None`) because a value is missing.
    pub truth: Option<bool>,
    /// The values it looked at, by name; only at the leaves. `None` is NULL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, Option<String>)>,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explanation>,
}

impl Explanation {
    /// The leaves that kept the condition from being true, or, where it is true, those that made it so.
    pub fn decisive(&self) -> Vec<&Self> {
        if self.parts.is_empty() {
            return vec![self];
        }
        self.parts.iter().filter(|part| part.truth == self.truth).flat_map(Self::decisive).collect()
    }

    /// As text: all parts, one a line, each as deep as it lies.
    pub fn tree(&self, indent: usize) -> String {
        let mut lines = vec![format!("{:indent$}{}", "", self.line())];
        lines.extend(self.parts.iter().map(|part| part.tree(indent + 2)));
        lines.join("\n")
    }

    /// As one line of text: its truth, what it asks, and the values it saw.
    pub fn line(&self) -> String {
        let mark = match self.truth {
            Some(true) => "yes    ",
            Some(false) => "no     ",
            None => "unknown",
        };
        let seen =
            |(name, value): &(String, Option<String>)| format!("{name} = {}", value.as_deref().unwrap_or("NULL"));
        let values: Vec<String> = self.values.iter().map(seen).collect();
        let values = if values.is_empty() { String::new() } else { format!("   [{}]", values.join(", ")) };
        format!("{mark} {}{values}", self.condition)
    }
}

/// Longest list of constants shown before it is cut.
const SHOWN_MAX: usize = 6;

impl Evaluator {
    /// Explains one rule for one row of a batch, both of which there are.
    pub fn explain(&self, batch: &RecordBatch, row: usize, rule: usize) -> Result<Explanation, EvaluateError> {
        let schedule = self.state.schedule();
        let prepared = Prepared::new(&self.plan, &schedule, batch, false)?;
        let mut frame = Frame::rows(&self.plan, &schedule, Slots::default());
        frame.begin(&prepared, 0..batch.num_rows());
        explain(&self.plan, &mut frame, self.plan.program.roots[rule], row)
    }

    /// The values that expressions of the program have in a batch, in the order of `operands`.
    pub fn values(&self, batch: &RecordBatch, operands: &[OperandId]) -> Result<Vec<ArrayRef>, EvaluateError> {
        let schedule = self.state.schedule();
        let prepared = Prepared::new(&self.plan, &schedule, batch, false)?;
        Worker::new(&self.plan, &schedule, &prepared, &self.state).values(operands)
    }

    /// The names of the columns that a rule reads, in the stream's order, those that are joined last.
    pub fn columns_of(&self, rule: usize) -> Vec<&str> {
        let program = &self.plan.program;
        let mut seen = Vec::new();
        columns_of_node(program, program.roots[rule], &mut seen);
        seen.sort_unstable();
        seen.dedup();
        let mut names = program.all_columns().enumerate();
        let mut name = |index: &usize| names.by_ref().find(|(i, _)| i == index).map(|(_, (name, _))| name);
        seen.iter().filter_map(&mut name).collect()
    }
}

fn explain(plan: &Plan, frame: &mut Frame<'_>, id: NodeId, row: usize) -> Result<Explanation, EvaluateError> {
    let leaf = |condition: &str, truth| Explanation {
        condition: condition.to_owned(),
        truth,
        values: Vec::new(),
        parts: Vec::new(),
    };
    Ok(match plan.program.node(id) {
        Node::Always => leaf("TRUE", Some(true)),
        Node::Never => leaf("never true", None),
        Node::Atom { atom, negated } => explain_atom(plan, frame, *atom, *negated, row)?,
        Node::And(children) | Node::Or(children) => {
            let is_and = matches!(plan.program.node(id), Node::And(_));
            let parts = children.iter().map(|part| explain(plan, frame, *part, row)).collect::<Result<Vec<_>, _>>()?;
            // AND: false beats unknown beats true; OR the other way round.
            let truth = if parts.iter().any(|part| part.truth == Some(!is_and)) {
                Some(!is_and)
            } else if parts.iter().any(|part| part.truth.is_none()) {
                None
            } else {
                Some(is_and)
            };
            Explanation {
                condition: (if is_and { "all of" } else { "any of" }).to_owned(),
                truth,
                values: Vec::new(),
                parts,
            }
        }
        Node::Any(over, inner) | Node::All(over, inner) => {
            let any = matches!(plan.program.node(id), Node::Any(..));
            let witness = witness(plan, frame, *over, *inner, row, any)?;
            let word = if any { "any" } else { "every" };
            Explanation {
                condition: format!("{word} {} has", one_of(plan, *over)),
                // Where there is none to look at, every one has it and no one does.
                truth: witness.as_ref().map_or(Some(!any), |witness| witness.truth),
                values: Vec::new(),
                parts: witness.into_iter().collect(),
            }
        }
        Node::Holds { inner, negated } => {
            let part = explain(plan, frame, *inner, row)?;
            let truth = Some((part.truth == Some(true)) != *negated);
            if part.parts.is_empty() {
                let word = if *negated { "IS NOT TRUE" } else { "IS TRUE" };
                let plain = !part.condition.contains(' ');
                let inner = if plain { part.condition.clone() } else { format!("({})", part.condition) };
                return Ok(Explanation { condition: format!("{inner} {word}"), truth, ..part });
            }
            let condition = (if *negated { "is not true that" } else { "is true that" }).to_owned();
            Explanation { condition, truth, values: Vec::new(), parts: vec![part] }
        }
    })
}

/// The record or row that settles it, explained: the first that is `decisive` (true for "any", false for "every"),
/// else the first that is unknown, else the first of all.
fn witness(
    plan: &Plan,
    frame: &mut Frame<'_>,
    over: Over,
    inner: NodeId,
    row: usize,
    decisive: bool,
) -> Result<Option<Explanation>, EvaluateError> {
    let pick = |frame: &mut Frame<'_>, range: Range<usize>| {
        let mut found: Option<Explanation> = None;
        for candidate in range {
            let part = explain(plan, frame, inner, candidate)?;
            if part.truth == Some(decisive) {
                return Ok(Some(part));
            }
            if found.as_ref().is_none_or(|found| found.truth.is_some() && part.truth.is_none()) {
                found = Some(part);
            }
        }
        Ok(found)
    };
    match over {
        Over::Items => {
            let range = frame.subjects().into_iter().find(|range| range.contains(&row)).unwrap_or(row..row + 1);
            pick(frame, range)
        }
        Over::Records(list) => {
            let (records, offsets) = frame.records(list)?;
            let range = offsets[row]..offsets[row + 1];
            pick(records, range)
        }
    }
}

fn one_of(plan: &Plan, over: Over) -> &'static str {
    match over {
        Over::Items => "item",
        Over::Records(list) => plan
            .program
            .stream
            .all_columns()
            .nth(list as usize)
            .map_or("record", |column| haechi_rules::condition::singular(column.name)),
    }
}

fn explain_atom(
    plan: &Plan,
    frame: &mut Frame<'_>,
    id: AtomId,
    negated: bool,
    row: usize,
) -> Result<Explanation, EvaluateError> {
    let atom = plan.program.atom(id);
    let mut operands = vec![atom.operand];
    if let Test::CompareWith(_, right) = &atom.test {
        operands.push(*right);
    }
    let mut unknown = false;
    let mut values = Vec::new();
    for operand in operands {
        let array = frame.values(operand)?;
        let value = shown(&array, row);
        unknown |= value.is_none() && !matches!(atom.test, Test::IsNull);
        values.push((plan.program.operand(operand).text.to_string(), value));
        for input in inputs(plan, operand) {
            let name = plan.program.operand(input).text.to_string();
            values.push((name, shown(&frame.values(input)?, row)));
        }
    }
    values.dedup();
    let holds = frame.holds(id, row)?;
    let known = holds || !(unknown || plan.unknown_when_absent(id));
    Ok(Explanation {
        condition: sql(plan, id, negated),
        truth: known.then_some(holds != negated),
        values,
        parts: Vec::new(),
    })
}

/// What an operand was computed from.
fn inputs(plan: &Plan, operand: OperandId) -> Vec<OperandId> {
    match &plan.program.operand(operand).operand {
        Operand::Scalar(scalar) => plan.program.scalars[*scalar as usize].inputs.clone(),
        Operand::Lookup { key, .. } => vec![*key],
        _ => Vec::new(),
    }
}

fn shown(array: &ArrayRef, row: usize) -> Option<String> {
    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) || array.data_type().is_null() {
        return None;
    }
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).ok()?;
    Some(formatter.value(row).to_string())
}

/// An atom as its author might have written it.
fn sql(plan: &Plan, id: AtomId, negated: bool) -> String {
    let atom = plan.program.atom(id);
    let name = &plan.program.operand(atom.operand).text;
    let not = if negated { "NOT " } else { "" };
    let literal = |literal: &Literal| literal_text(plan, atom.operand, literal);
    let list = |index: u32| plan.program.lists.get(index as usize).map_or("?", |list| list.name.as_str());
    match &atom.test {
        Test::IsTrue => format!("{not}{name}"),
        Test::IsNull => format!("{name} IS {not}NULL"),
        Test::Compare(Cmp::Eq, value) if negated => format!("{name} <> {}", literal(value)),
        Test::Compare(cmp, value) => format!("{not}{name} {} {}", cmp.sql(), literal(value)),
        Test::CompareWith(cmp, right) => {
            format!("{not}{name} {} {}", cmp.sql(), plan.program.operand(*right).text)
        }
        Test::In { values, .. } => {
            let mut shown: Vec<String> = values.iter().take(SHOWN_MAX).map(literal).collect();
            if values.len() > SHOWN_MAX {
                shown.push(format!("... {} values", values.len()));
            }
            format!("{name} {not}IN ({})", shown.join(", "))
        }
        Test::Like { pattern, ignore_case } => {
            let like = if *ignore_case { "ILIKE" } else { "LIKE" };
            format!("{name} {not}{like} '{}'", pattern.replace('\'', "''"))
        }
        Test::InList(index) => format!("{not}in_list({name}, '{}')", list(*index)),
        Test::Mentions(index) => format!("{not}mentions({name}, '{}')", list(*index)),
    }
}

/// Days and milliseconds in words a person reads.
fn literal_text(plan: &Plan, operand: OperandId, literal: &Literal) -> String {
    use arrow::array::{Date32Array, TimestampMillisecondArray};
    use haechi_rules::program::Class;
    let Literal::Int(value) = literal else { return literal.to_string() };
    let array: ArrayRef = match plan.program.operand(operand).class {
        Class::Date => std::sync::Arc::new(Date32Array::from(vec![*value as i32])),
        Class::Ts => std::sync::Arc::new(TimestampMillisecondArray::from(vec![*value]).with_timezone("UTC")),
        _ => return literal.to_string(),
    };
    shown(&array, 0).map_or_else(|| literal.to_string(), |text| format!("'{text}'"))
}
