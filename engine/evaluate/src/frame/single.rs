//! One row: a request of its own, or the last that is left of a block.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, Class, Cmp, Node, NodeId, OperandId};

use super::Frame;
use crate::bits;
use crate::codes::code;
use crate::error::EvaluateError;
use crate::plan::AtomPlan;
use crate::text::TextTest;
use crate::values::Texts;

impl Frame<'_> {
    /// Whether a formula is true for a row.
    pub(super) fn is_true(&mut self, id: NodeId, row: usize) -> Result<bool, EvaluateError> {
        let (plan, schedule) = (self.plan, self.schedule);
        match plan.program.node(id) {
            Node::Always => Ok(true),
            Node::Never => Ok(false),
            Node::Atom { atom, negated } => self.answers(*atom, *negated, row),
            Node::And(_) => self.all_true(schedule.parts[id.0 as usize].iter().copied(), row),
            Node::Or(_) => {
                for part in &schedule.parts[id.0 as usize] {
                    if self.is_true(*part, row)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Any(..) | Node::All(..) | Node::Holds { .. } => {
                let mut bits = self.slots.take_bits();
                let held = self.node(id, &mut bits)? && bits::get(&bits, row);
                self.slots.give_bits(bits);
                Ok(held)
            }
        }
    }

    /// Whether all formulas are true for a row.
    pub(super) fn all_true(&mut self, parts: impl Iterator<Item = NodeId>, row: usize) -> Result<bool, EvaluateError> {
        for part in parts {
            if !self.is_true(part, row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an atom is true (false, if `negated`) for a row; where it is unknown, neither.
    fn answers(&mut self, id: AtomId, negated: bool, row: usize) -> Result<bool, EvaluateError> {
        let plan = self.plan;
        if negated && plan.unknown_when_absent(id) {
            return Ok(false);
        }
        let operand = plan.program.atom(id).operand;
        let held = match plan.atom(id) {
            AtomPlan::Key(cmp, threshold) => {
                self.load_keys(operand)?.then(|| cmp.holds(self.keys(operand)[row].cmp(threshold)))
            }
            AtomPlan::Text(test) => self.text_holds(id, operand, test, row)?,
            AtomPlan::With(cmp, right) => {
                let held = self.pair_holds(operand, *cmp, *right, row)?;
                held.filter(|_| self.is_known(*right, row))
            }
            AtomPlan::IsNull => {
                self.load(operand)?;
                return Ok(self.is_known(operand, row) == negated);
            }
            AtomPlan::KeyIn(_) | AtomPlan::IsTrue | AtomPlan::Nowhere => {
                self.load(operand)?;
                Some(self.holds(id, row)?)
            }
        };
        Ok(held == Some(!negated) && self.is_known(operand, row))
    }

    fn text_holds(
        &mut self,
        id: AtomId,
        operand: OperandId,
        test: &TextTest,
        row: usize,
    ) -> Result<Option<bool>, EvaluateError> {
        self.load(operand)?;
        if let Some(anchor) = self.schedule.anchor_of(id) {
            self.collect_anchors()?;
            return Ok(Some(self.slots.anchors.has(anchor, row as u32)));
        }
        let array = self.slots.operands[operand.0 as usize].array.as_ref();
        let Some(array) = array else { return Ok(None) };
        if let (Some(codes), Some(dictionary)) = (self.codes(operand), array.as_dictionary_opt::<Int32Type>()) {
            let key = dictionary.keys().value(row);
            return Ok(Some(codes.holds(self.plan, self.schedule, id, code(key))));
        }
        match Texts::new(array).at(row).map(|value| test.holds(value)) {
            None => Ok(None),
            Some(Some(held)) => Ok(Some(held)),
            // Only the index knows.
            Some(None) => self.holds(id, row).map(Some),
        }
    }

    fn pair_holds(
        &mut self,
        left: OperandId,
        cmp: Cmp,
        right: OperandId,
        row: usize,
    ) -> Result<Option<bool>, EvaluateError> {
        self.load(left)?;
        self.load(right)?;
        if self.plan.program.operand(left).class == Class::Text {
            let text = |id: OperandId| Texts::new(self.slots.operands[id.0 as usize].array.as_ref()?).at(row);
            return Ok(text(left).zip(text(right)).map(|(left, right)| cmp.holds(left.cmp(right))));
        }
        let known = self.load_keys(left)? && self.load_keys(right)?;
        Ok(known.then(|| cmp.holds(self.keys(left)[row].cmp(&self.keys(right)[row]))))
    }

    fn keys(&self, operand: OperandId) -> &[i64] {
        &self.slots.operands[operand.0 as usize].keys
    }

    fn is_known(&self, operand: OperandId, row: usize) -> bool {
        self.slots.operands[operand.0 as usize].nulls.as_ref().is_none_or(|nulls| !bits::get(nulls, row))
    }
}
