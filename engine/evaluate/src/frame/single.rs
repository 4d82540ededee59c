//! The last row that is left of a block: what steps ask is answered from the block's arrays.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, Class, Cmp, NodeId, OperandId};

use super::Frame;
use crate::bits;
use crate::codes::code;
use crate::error::EvaluateError;
use crate::plan::AtomPlan;
use crate::steps::Row;
use crate::values::Texts;

impl<'e> Frame<'e> {
    /// Whether a formula is true for a row.
    pub(super) fn is_true(&mut self, id: NodeId, row: usize) -> Result<bool, EvaluateError> {
        let steps = &self.schedule.steps;
        steps.hold(self.plan, steps.of(id), &mut self.row(row))
    }

    /// A row of the block.
    pub fn row(&mut self, row: usize) -> BlockRow<'_, 'e> {
        BlockRow { frame: self, row }
    }

    fn is_known(&self, operand: OperandId, row: usize) -> bool {
        self.slots.operands[operand.0 as usize].nulls.as_ref().is_none_or(|nulls| !bits::get(nulls, row))
    }
}

/// A row of a frame's block.
pub(crate) struct BlockRow<'f, 'e> {
    frame: &'f mut Frame<'e>,
    row: usize,
}

impl Row for BlockRow<'_, '_> {
    fn key(&mut self, operand: OperandId) -> Result<Option<i64>, EvaluateError> {
        let known = self.frame.load_keys(operand)? && self.frame.is_known(operand, self.row);
        Ok(known.then(|| self.frame.slots.operands[operand.0 as usize].keys[self.row]))
    }

    fn flag(&mut self, operand: OperandId) -> Result<Option<bool>, EvaluateError> {
        self.frame.load(operand)?;
        let array = self.frame.slots.operands[operand.0 as usize].array.as_ref();
        let known = array.filter(|_| self.frame.is_known(operand, self.row));
        Ok(known.and_then(|array| array.as_boolean_opt()).map(|flags| flags.value(self.row)))
    }

    fn is_null(&mut self, operand: OperandId) -> Result<bool, EvaluateError> {
        self.frame.load(operand)?;
        Ok(!self.frame.is_known(operand, self.row))
    }

    fn text(&mut self, atom: AtomId, operand: OperandId) -> Result<Option<bool>, EvaluateError> {
        let (frame, row) = (&mut *self.frame, self.row);
        frame.load(operand)?;
        if !frame.is_known(operand, row) {
            return Ok(None);
        }
        let Some(array) = &frame.slots.operands[operand.0 as usize].array else { return Ok(None) };
        if let (Some(codes), Some(dictionary)) = (frame.codes(operand), array.as_dictionary_opt::<Int32Type>()) {
            let key = dictionary.keys().value(row);
            return Ok(Some(codes.holds(frame.plan, frame.schedule, atom, code(key))));
        }
        let (Some(value), AtomPlan::Text(test)) = (Texts::new(array).at(row), frame.plan.atom(atom)) else {
            return Ok(None);
        };
        match test.holds(value) {
            // Only the index knows.
            None => frame.holds(atom, row).map(Some),
            held => Ok(held),
        }
    }

    fn pair(&mut self, left: OperandId, cmp: Cmp, right: OperandId) -> Result<Option<bool>, EvaluateError> {
        if self.frame.plan.program.operand(left).class != Class::Text {
            let (left, right) = (self.key(left)?, self.key(right)?);
            return Ok(left.zip(right).map(|(left, right)| cmp.holds(left.cmp(&right))));
        }
        self.frame.load(left)?;
        self.frame.load(right)?;
        let text = |id: OperandId| Texts::new(self.frame.slots.operands[id.0 as usize].array.as_ref()?).at(self.row);
        Ok(text(left).zip(text(right)).map(|(left, right)| cmp.holds(left.cmp(right))))
    }

    fn across(&mut self, formula: NodeId) -> Result<bool, EvaluateError> {
        let mut bits = self.frame.slots.take_bits();
        let held = self.frame.node(formula, &mut bits)? && bits::get(&bits, self.row);
        self.frame.slots.give_bits(bits);
        Ok(held)
    }
}
