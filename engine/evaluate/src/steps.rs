//! What formulas ask of one row, in steps of sixteen bytes: small enough that those of a rule share a line of the
//! cache, where its nodes, atoms and operands would each be a line of their own.
//!
//! A step says what is asked, [`Row`] answers it: a row alone from its values, one of a block from the block's arrays.

use haechi_rules::program::{AtomId, Cmp, Node, NodeId, OperandId};

use crate::error::EvaluateError;
use crate::numeric::opposite;
use crate::plan::{AtomPlan, Plan};

/// One question, or several that stand elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Always,
    Never,
    /// The key of an operand compares so with a threshold.
    Key {
        cmp: Cmp,
        operand: OperandId,
        threshold: i64,
    },
    /// Its key is one of those of an atom; is none of them, if negated.
    KeyIn {
        negated: bool,
        operand: OperandId,
        atom: AtomId,
    },
    /// A text atom is true; false, if negated.
    Text {
        negated: bool,
        operand: OperandId,
        atom: AtomId,
    },
    /// The operand is true; false, if negated.
    Flag {
        negated: bool,
        operand: OperandId,
    },
    /// The operand is NULL; is not, if negated.
    Null {
        negated: bool,
        operand: OperandId,
    },
    /// Two operands compare so.
    Pair {
        cmp: Cmp,
        left: OperandId,
        right: OperandId,
    },
    /// All of the inner steps from here to there hold.
    All {
        start: u32,
        end: u32,
    },
    /// Any of them holds.
    Any {
        start: u32,
        end: u32,
    },
    /// An inner step does not hold.
    Not {
        inner: u32,
    },
    /// A formula over items or records: no question about a row alone.
    Across(NodeId),
}

const _: () = assert!(size_of::<Step>() == 16);

/// The steps of all formulas: sixteen bytes a formula, and as much for each part of one.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    by_node: Vec<Step>,
    inner: Vec<Step>,
}

/// Answers what steps ask. `None` where a value is missing.
pub(crate) trait Row {
    /// The sortable integer of an operand.
    fn key(&mut self, operand: OperandId) -> Result<Option<i64>, EvaluateError>;
    /// A Boolean operand.
    fn flag(&mut self, operand: OperandId) -> Result<Option<bool>, EvaluateError>;
    /// Whether an operand is NULL.
    fn is_null(&mut self, operand: OperandId) -> Result<bool, EvaluateError>;
    /// Whether a text atom is true.
    fn text(&mut self, atom: AtomId, operand: OperandId) -> Result<Option<bool>, EvaluateError>;
    /// Whether two operands compare so.
    fn pair(&mut self, left: OperandId, cmp: Cmp, right: OperandId) -> Result<Option<bool>, EvaluateError>;
    /// Whether a formula over items or records is true.
    fn across(&mut self, formula: NodeId) -> Result<bool, EvaluateError>;
}

impl Steps {
    /// Of every formula of a plan, with the parts of each in the order they are tried.
    pub fn new(plan: &Plan, parts: &[Box<[NodeId]>]) -> Self {
        let mut steps = Self { by_node: Vec::with_capacity(plan.program.nodes.len()), inner: Vec::new() };
        for (id, node) in plan.program.nodes.iter().enumerate() {
            let step = steps.step(plan, NodeId(id as u32), node, &parts[id]);
            steps.by_node.push(step);
        }
        steps
    }

    /// Of a formula.
    pub fn of(&self, formula: NodeId) -> Step {
        self.by_node[formula.0 as usize]
    }

    /// Steps of which one has to hold: those of an alternative, or the step itself.
    pub fn either<'s>(&'s self, step: &'s Step) -> &'s [Step] {
        match step {
            Step::Any { start, end } => &self.inner[*start as usize..*end as usize],
            step => std::slice::from_ref(step),
        }
    }

    /// Whether a step holds for a row.
    pub fn hold(&self, plan: &Plan, step: Step, row: &mut impl Row) -> Result<bool, EvaluateError> {
        Ok(match step {
            Step::Always => true,
            Step::Never => false,
            Step::Key { cmp, operand, threshold } => row.key(operand)?.is_some_and(|key| compares(cmp, key, threshold)),
            Step::KeyIn { negated, operand, atom } => match (row.key(operand)?, plan.atom(atom)) {
                (Some(key), AtomPlan::KeyIn(keys)) => keys.binary_search(&key).is_ok() != negated,
                _ => false,
            },
            Step::Text { negated, operand, atom } => row.text(atom, operand)? == Some(!negated),
            Step::Flag { negated, operand } => row.flag(operand)? == Some(!negated),
            Step::Null { negated, operand } => row.is_null(operand)? != negated,
            Step::Pair { cmp, left, right } => row.pair(left, cmp, right)? == Some(true),
            Step::All { start, end } => {
                for step in &self.inner[start as usize..end as usize] {
                    if !self.hold(plan, *step, row)? {
                        return Ok(false);
                    }
                }
                true
            }
            Step::Any { start, end } => {
                for step in &self.inner[start as usize..end as usize] {
                    if self.hold(plan, *step, row)? {
                        return Ok(true);
                    }
                }
                false
            }
            Step::Not { inner } => !self.hold(plan, self.inner[inner as usize], row)?,
            Step::Across(formula) => row.across(formula)?,
        })
    }

    fn step(&mut self, plan: &Plan, id: NodeId, node: &Node, parts: &[NodeId]) -> Step {
        match node {
            Node::Always => Step::Always,
            Node::Never => Step::Never,
            Node::Atom { atom, negated } => atom_step(plan, *atom, *negated),
            Node::And(_) => {
                let (start, end) = self.inner_of(parts);
                Step::All { start, end }
            }
            Node::Or(_) => {
                let (start, end) = self.inner_of(parts);
                Step::Any { start, end }
            }
            Node::Holds { inner, negated: false } => self.of(*inner),
            Node::Holds { inner, negated: true } => Step::Not { inner: self.inner_of(&[*inner]).0 },
            Node::Any(..) | Node::All(..) => Step::Across(id),
        }
    }

    fn inner_of(&mut self, parts: &[NodeId]) -> (u32, u32) {
        let start = self.inner.len();
        self.inner.extend(parts.iter().map(|part| self.by_node[part.0 as usize]));
        (start as u32, self.inner.len() as u32)
    }
}

fn atom_step(plan: &Plan, atom: AtomId, negated: bool) -> Step {
    let operand = plan.program.atom(atom).operand;
    if negated && plan.unknown_when_absent(atom) {
        return Step::Never;
    }
    // Where there are values, a comparison is false exactly where its opposite is true.
    let so = |cmp: Cmp| if negated { opposite(cmp) } else { cmp };
    match plan.atom(atom) {
        AtomPlan::Text(_) => Step::Text { negated, operand, atom },
        AtomPlan::Key(cmp, threshold) => Step::Key { cmp: so(*cmp), operand, threshold: *threshold },
        AtomPlan::KeyIn(_) => Step::KeyIn { negated, operand, atom },
        AtomPlan::IsTrue => Step::Flag { negated, operand },
        AtomPlan::IsNull => Step::Null { negated, operand },
        AtomPlan::With(cmp, right) => Step::Pair { cmp: so(*cmp), left: operand, right: *right },
        // False wherever there is a value.
        AtomPlan::Nowhere if negated => Step::Null { negated: true, operand },
        AtomPlan::Nowhere => Step::Never,
    }
}

/// As [`Cmp::holds`], on integers.
fn compares(cmp: Cmp, left: i64, right: i64) -> bool {
    match cmp {
        Cmp::Eq => left == right,
        Cmp::Ne => left != right,
        Cmp::Lt => left < right,
        Cmp::Le => left <= right,
        Cmp::Gt => left > right,
        Cmp::Ge => left >= right,
    }
}
