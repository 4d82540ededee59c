//! One rule with many values of one of its thresholds: a program that holds the rule's formula once a value, so that
//! one pass over the rows counts the hits of all of them.
//!
//! The value is put into the compiled formula and not into the text, so it is right wherever the threshold stands:
//! under NOT and OR, inside `any_item()`, below `IS TRUE`, in the condition that `count_items()` counts. What does not
//! depend on the threshold stands in the program once. A threshold written twice (same operand, operator and constant)
//! is one atom, and both move.
//!
//! Begin at [`thresholds`] (what can be swept); [`Parameter`] reads over which values.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::program::{Atom, AtomId, Literal, Node, NodeId, Operand, OperandId, Program, Scalar, Test};

mod parameter;
mod threshold;

pub use parameter::{Kind, Parameter, ParameterError, VALUES_MAX};
pub use threshold::{ChooseError, Threshold, choose, thresholds};

/// The program whose root `i` is the rule with `values[i]` in place of the threshold's constant. The values are of the
/// operand's class, as [`Parameter::values`] gives them.
pub fn variants(program: &Program, rule: usize, threshold: &Threshold, values: &[Literal]) -> Program {
    let mut made = Program::new(program.stream, Arc::clone(&program.joined));
    for value in values {
        let (nodes, operands) = (FxHashMap::default(), FxHashMap::default());
        let mut copy = Copy { from: program, to: &mut made, swept: threshold.atom, value, nodes, operands };
        let root = copy.node(program.roots[rule]);
        made.roots.push(root);
    }
    made
}

/// One rule on its way into another program. What has been copied is remembered: parts stand under several others.
struct Copy<'p> {
    from: &'p Program,
    to: &'p mut Program,
    swept: AtomId,
    value: &'p Literal,
    nodes: FxHashMap<NodeId, NodeId>,
    operands: FxHashMap<OperandId, OperandId>,
}

impl Copy<'_> {
    fn node(&mut self, id: NodeId) -> NodeId {
        if let Some(known) = self.nodes.get(&id) {
            return *known;
        }
        let from = self.from;
        let made = match from.node(id) {
            node @ (Node::Always | Node::Never) => self.to.intern_node(node.clone()),
            Node::Atom { atom, negated } => self.atom(*atom, *negated),
            Node::And(parts) => {
                let parts: Vec<NodeId> = parts.iter().map(|part| self.node(*part)).collect();
                self.to.and(parts)
            }
            Node::Or(parts) => {
                let parts: Vec<NodeId> = parts.iter().map(|part| self.node(*part)).collect();
                self.to.or(parts)
            }
            Node::Any(over, inner) => {
                let inner = self.node(*inner);
                self.to.intern_node(Node::Any(*over, inner))
            }
            Node::All(over, inner) => {
                let inner = self.node(*inner);
                self.to.intern_node(Node::All(*over, inner))
            }
            Node::Holds { inner, negated } => {
                let inner = self.node(*inner);
                self.to.intern_node(Node::Holds { inner, negated: *negated })
            }
        };
        self.nodes.insert(id, made);
        made
    }

    fn atom(&mut self, id: AtomId, negated: bool) -> NodeId {
        let from = self.from;
        let Atom { operand, test } = from.atom(id);
        let operand = self.operand(*operand);
        let test = match test {
            Test::Compare(cmp, _) if id == self.swept => Test::Compare(*cmp, self.value.clone()),
            Test::CompareWith(cmp, right) => Test::CompareWith(*cmp, self.operand(*right)),
            Test::InList(list) => Test::InList(self.to.intern_list(&from.lists[*list as usize])),
            Test::Mentions(list) => Test::Mentions(self.to.intern_list(&from.lists[*list as usize])),
            test @ (Test::IsTrue | Test::IsNull | Test::Compare(..) | Test::In { .. } | Test::Like { .. }) => {
                test.clone()
            }
        };
        self.to.test(operand, test, negated)
    }

    fn operand(&mut self, id: OperandId) -> OperandId {
        if let Some(known) = self.operands.get(&id) {
            return *known;
        }
        let from = self.from;
        let entry = from.operand(id);
        let operand = match &entry.operand {
            plain @ (Operand::Column(_) | Operand::Member { .. } | Operand::Size(_)) => plain.clone(),
            Operand::Lookup { table, column, key } => {
                let table = self.to.intern_table(&from.tables[*table as usize]);
                Operand::Lookup { table, column: *column, key: self.operand(*key) }
            }
            Operand::Scalar(scalar) => Operand::Scalar(self.scalar(*scalar)),
            Operand::Condition { yes, no } => Operand::Condition { yes: self.node(*yes), no: self.node(*no) },
            Operand::Count(over, node) => Operand::Count(*over, self.node(*node)),
            Operand::Sum(over, summed) => Operand::Sum(*over, self.operand(*summed)),
        };
        let made = self.to.intern_operand(operand, entry.class, entry.scope, || Arc::clone(&entry.text));
        self.operands.insert(id, made);
        made
    }

    /// An expression reads its inputs by place, so it can be kept as it is over the copies of them.
    fn scalar(&mut self, index: u32) -> u32 {
        let Scalar { inputs, schema, expr } = &self.from.scalars[index as usize];
        let inputs: Vec<OperandId> = inputs.iter().map(|input| self.operand(*input)).collect();
        let scalar = Scalar { inputs: inputs.clone(), schema: Arc::clone(schema), expr: Arc::clone(expr) };
        self.to.intern_scalar((format!("scalar {index}"), inputs), scalar)
    }
}
