//! What is settled about a program before the first row: which atoms each operand answers, and in which order the parts
//! of a conjunction are tried.

use std::sync::Arc;

use haechi_rules::Program;
use haechi_rules::program::{Atom, AtomId, Class, Literal, Node, NodeId, Operand, OperandId, Test};

use crate::error::EvaluateError;
use crate::numeric::literal_key;
use crate::text::TextIndex;

/// A program made ready to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub program: Arc<Program>,
    /// By operand.
    pub operands: Vec<OperandPlan>,
    /// By atom.
    pub atoms: Vec<AtomPlan>,
    /// By node: parts of AND and OR, cheapest and most selective first.
    pub parts: Vec<Box<[NodeId]>>,
    /// By node: used by several others, so worth keeping within a block.
    pub shared: Vec<bool>,
}

/// What one operand answers.
#[derive(Debug, Default)]
pub(crate) struct OperandPlan {
    /// The index of its text atoms, if it has any.
    pub text: Option<TextIndex>,
}

/// How an atom is decided.
#[derive(Debug)]
pub(crate) enum AtomPlan {
    /// By the operand's text index, together with all others there.
    Text,
    /// Its key compares so with a threshold.
    Key(haechi_rules::program::Cmp, i64),
    /// Its key is one of these, sorted.
    KeyIn(Vec<i64>),
    /// Boolean and true.
    IsTrue,
    /// NULL.
    IsNull,
    /// Compares so with another operand.
    With(haechi_rules::program::Cmp, OperandId),
    /// True nowhere.
    Nowhere,
}

impl Plan {
    pub fn new(program: Arc<Program>) -> Result<Self, EvaluateError> {
        let mut by_operand: Vec<Vec<u32>> = vec![Vec::new(); program.operands.len()];
        for (i, atom) in program.atoms.iter().enumerate() {
            by_operand[atom.operand.0 as usize].push(i as u32);
        }
        let operands = program
            .operands
            .iter()
            .zip(&by_operand)
            .map(|(entry, atoms)| {
                let text = match entry.class {
                    Class::Text => TextIndex::new(&program, atoms.iter().map(|i| (*i, program.atom(AtomId(*i)))))?,
                    _ => None,
                };
                Ok(OperandPlan { text })
            })
            .collect::<Result<_, EvaluateError>>()?;
        let atoms = program.atoms.iter().map(|atom| atom_plan(&program, atom)).collect();
        let mut plan = Self { operands, atoms, parts: Vec::new(), shared: shared(&program), program };
        plan.parts = plan.ordered_parts();
        Ok(plan)
    }

    fn ordered_parts(&self) -> Vec<Box<[NodeId]>> {
        let mut costs: Vec<u32> = Vec::with_capacity(self.program.nodes.len());
        let mut parts = Vec::with_capacity(self.program.nodes.len());
        for node in &self.program.nodes {
            let cost_of = |id: &NodeId| costs.get(id.0 as usize).copied().unwrap_or(u32::MAX);
            let (children, cost) = match node {
                Node::And(children) | Node::Or(children) => {
                    let mut children = children.clone();
                    children.sort_by_key(cost_of);
                    let cost = match node {
                        Node::And(_) => children.first().map_or(0, cost_of),
                        _ => children.iter().map(cost_of).sum::<u32>().saturating_add(10),
                    };
                    (children, cost)
                }
                Node::Atom { atom, negated } => (Box::default(), self.atom_cost(*atom) + 20 * u32::from(*negated)),
                Node::Any(_, inner) | Node::All(_, inner) => (Box::default(), cost_of(inner).saturating_add(50)),
                Node::Holds { inner, .. } => (Box::default(), cost_of(inner).saturating_add(5)),
                Node::Always | Node::Never => (Box::default(), 0),
            };
            costs.push(cost.min(1 << 20));
            parts.push(children);
        }
        parts
    }

    /// Lower is tried first: text that few rows have, then numbers, then what has to be computed.
    fn atom_cost(&self, id: AtomId) -> u32 {
        let atom = self.program.atom(id);
        let own = match &self.atoms[id.0 as usize] {
            AtomPlan::Nowhere => 0,
            AtomPlan::Text => match &atom.test {
                Test::Compare(..) | Test::InList(_) | Test::Mentions(_) => 1,
                Test::In { values, .. } => 1 + (values.len() as u32).ilog2(),
                _ => 2,
            },
            AtomPlan::Key(..) | AtomPlan::KeyIn(_) => 6,
            AtomPlan::IsTrue | AtomPlan::IsNull => 7,
            AtomPlan::With(..) => 9,
        };
        let entry = self.program.operand(atom.operand);
        own + match entry.operand {
            Operand::Column(_) | Operand::Member { .. } => 0,
            Operand::Size(_) => 5,
            Operand::Lookup { .. } => 20,
            Operand::Scalar(_) => 100,
            Operand::Condition { .. } | Operand::Count(..) | Operand::Sum(..) => 80,
        }
    }

    /// Whether the atom is never false: where it is not true, it is unknown.
    pub fn unknown_when_absent(&self, id: AtomId) -> bool {
        matches!(&self.program.atom(id).test, Test::In { with_null: true, .. })
    }
}

fn atom_plan(program: &Program, atom: &Atom) -> AtomPlan {
    let class = program.operand(atom.operand).class;
    match &atom.test {
        Test::IsTrue => AtomPlan::IsTrue,
        Test::IsNull => AtomPlan::IsNull,
        Test::CompareWith(cmp, right) => AtomPlan::With(*cmp, *right),
        Test::Compare(..) | Test::In { .. } if class == Class::Text => AtomPlan::Text,
        Test::Compare(cmp, literal) => {
            literal_key(class, literal).map_or(AtomPlan::Nowhere, |key| AtomPlan::Key(*cmp, key))
        }
        Test::In { values, .. } => {
            let mut keys: Vec<i64> = values.iter().filter_map(|v: &Literal| literal_key(class, v)).collect();
            keys.sort_unstable();
            AtomPlan::KeyIn(keys)
        }
        Test::Like { .. } | Test::InList(_) | Test::Mentions(_) => AtomPlan::Text,
    }
}

/// Formulas that stand under several others.
fn shared(program: &Program) -> Vec<bool> {
    let mut uses = vec![0u32; program.nodes.len()];
    let mut used = |id: &NodeId| uses[id.0 as usize] += 1;
    for node in &program.nodes {
        match node {
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(&mut used),
            Node::Any(_, inner) | Node::All(_, inner) | Node::Holds { inner, .. } => used(inner),
            Node::Always | Node::Never | Node::Atom { .. } => {}
        }
    }
    program.roots.iter().for_each(&mut used);
    let composite = |node: &Node| !matches!(node, Node::Always | Node::Never | Node::Atom { .. });
    program.nodes.iter().zip(uses).map(|(node, uses)| uses > 1 && composite(node)).collect()
}
