//! A few rows one by one: what is left of a block after a selective start.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, Class, Cmp, Node, NodeId, OperandId};

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::numeric;
use crate::numeric::opposite;
use crate::plan::AtomPlan;
use crate::rows;
use crate::text::TextTest;
use crate::values::Texts;

/// For more rows than this a column of few values is decided for the whole block, which costs less than a lookup a row.
const DECIDED_ROWS_MIN: usize = 64;

/// Up to so many rows two columns are compared row by row; more often than that, once for the whole block.
const PAIRED_ROWS_MAX: usize = 8;

impl Frame<'_> {
    /// Keeps the rows where a formula is true.
    pub(super) fn filter(&mut self, id: NodeId, rows: &mut Vec<u32>) -> Result<(), EvaluateError> {
        if let [row] = **rows {
            if !self.is_true(id, row as usize)? {
                rows.clear();
            }
            return Ok(());
        }
        let (plan, schedule) = (self.plan, self.schedule);
        match plan.program.node(id) {
            Node::Always => {}
            Node::Never => rows.clear(),
            Node::Atom { atom, negated } => self.filter_atom(*atom, *negated, rows)?,
            Node::And(_) => {
                for part in &schedule.parts[id.0 as usize] {
                    self.filter(*part, rows)?;
                    if rows.is_empty() {
                        break;
                    }
                }
            }
            Node::Or(_) => self.filter_any(&schedule.parts[id.0 as usize], rows)?,
            Node::Any(..) | Node::All(..) | Node::Holds { .. } => {
                let mut bits = self.slots.take_bits();
                if self.node(id, &mut bits)? {
                    rows::keep(rows, |row| bits::get(&bits, row));
                } else {
                    rows.clear();
                }
                self.slots.give_bits(bits);
            }
        }
        Ok(())
    }

    /// Keeps the rows where any of the parts is true; each part sees only the rows that no other has kept.
    fn filter_any(&mut self, parts: &[NodeId], rows: &mut Vec<u32>) -> Result<(), EvaluateError> {
        let (mut left, mut kept, mut some) = (self.slots.take_rows(), self.slots.take_rows(), self.slots.take_rows());
        left.extend_from_slice(rows);
        // Rows may come value by value; what is taken out below is found by order.
        left.sort_unstable();
        for part in parts {
            some.clear();
            some.extend_from_slice(&left);
            self.filter(*part, &mut some)?;
            if !some.is_empty() {
                let mut gone = some.iter().peekable();
                left.retain(|row| gone.next_if(|gone| *gone == row).is_none());
                kept.extend_from_slice(&some);
            }
            if left.is_empty() {
                break;
            }
        }
        kept.sort_unstable();
        std::mem::swap(rows, &mut kept);
        for spare in [left, kept, some] {
            self.slots.give_rows(spare);
        }
        Ok(())
    }

    pub(super) fn filter_atom(&mut self, id: AtomId, negated: bool, rows: &mut Vec<u32>) -> Result<(), EvaluateError> {
        let plan = self.plan;
        if negated && plan.unknown_when_absent(id) {
            rows.clear();
            return Ok(());
        }
        let atom = plan.program.atom(id);
        if self.slots.atoms[id.0 as usize].epoch != self.slots.epoch {
            match plan.atom(id) {
                AtomPlan::Key(cmp, threshold) => {
                    return self.filter_key(atom.operand, *cmp, *threshold, negated, rows);
                }
                AtomPlan::Text(test) if self.filter_text(id, atom.operand, test, negated, rows)? => return Ok(()),
                AtomPlan::With(cmp, right) if rows.len() <= PAIRED_ROWS_MAX => {
                    return self.filter_pairs(atom.operand, *cmp, *right, negated, rows);
                }
                _ => {}
            }
        }
        self.decide(id)?;
        let decided = &self.slots.atoms[id.0 as usize];
        if decided.any {
            rows::keep(rows, |row| bits::get(&decided.bits, row) != negated);
        } else if !negated {
            rows.clear();
        }
        if negated && !matches!(plan.atom(id), AtomPlan::IsNull) {
            self.keep_known(atom.operand, rows)?;
            if let AtomPlan::With(_, right) = plan.atom(id) {
                self.keep_known(*right, rows)?;
            }
        }
        Ok(())
    }

    fn filter_key(
        &mut self,
        operand: OperandId,
        cmp: Cmp,
        threshold: i64,
        negated: bool,
        rows: &mut Vec<u32>,
    ) -> Result<(), EvaluateError> {
        if !self.load_keys(operand)? {
            rows.clear();
            return Ok(());
        }
        // Where there is a value, a comparison is false exactly where its opposite is true.
        let cmp = if negated { opposite(cmp) } else { cmp };
        numeric::keep(rows, &self.slots.operands[operand.0 as usize].keys, cmp, threshold);
        self.keep_known(operand, rows)
    }

    /// `false`: only the index can say.
    fn filter_text(
        &mut self,
        id: AtomId,
        operand: OperandId,
        test: &TextTest,
        negated: bool,
        rows: &mut Vec<u32>,
    ) -> Result<bool, EvaluateError> {
        if let TextTest::Listed = test {
            return Ok(false);
        }
        let (plan, schedule) = (self.plan, self.schedule);
        self.load(operand)?;
        let codes = self.codes(operand);
        let Some(array) = &self.slots.operands[operand.0 as usize].array else {
            rows.clear();
            return Ok(true);
        };
        if let (Some(codes), Some(dictionary)) = (codes, array.as_dictionary_opt::<Int32Type>()) {
            if codes.few() && rows.len() > DECIDED_ROWS_MIN {
                return Ok(false);
            }
            let keys = dictionary.keys().values();
            codes.keep(plan, schedule, id, negated, keys, rows);
            self.keep_known(operand, rows)?;
            return Ok(true);
        }
        let texts = Texts::new(array);
        rows.retain(|row| {
            let held = texts.at(*row as usize).and_then(|value| test.holds(value));
            held.is_some_and(|held| held != negated)
        });
        Ok(true)
    }

    fn filter_pairs(
        &mut self,
        left: OperandId,
        cmp: Cmp,
        right: OperandId,
        negated: bool,
        rows: &mut Vec<u32>,
    ) -> Result<(), EvaluateError> {
        self.load(left)?;
        self.load(right)?;
        if self.plan.program.operand(left).class == Class::Text {
            let array = |id: OperandId| self.slots.operands[id.0 as usize].array.as_ref();
            let (Some(left), Some(right)) = (array(left), array(right)) else {
                rows.clear();
                return Ok(());
            };
            let (left, right) = (Texts::new(left), Texts::new(right));
            rows.retain(|row| match (left.at(*row as usize), right.at(*row as usize)) {
                (Some(left), Some(right)) => cmp.holds(left.cmp(right)) != negated,
                _ => false,
            });
            return Ok(());
        }
        if !(self.load_keys(left)? && self.load_keys(right)?) {
            rows.clear();
            return Ok(());
        }
        let keys = |id: OperandId| &self.slots.operands[id.0 as usize].keys;
        rows::keep(rows, |row| cmp.holds(keys(left)[row].cmp(&keys(right)[row])) != negated);
        self.keep_known(left, rows)?;
        self.keep_known(right, rows)
    }

    fn keep_known(&mut self, operand: OperandId, rows: &mut Vec<u32>) -> Result<(), EvaluateError> {
        self.load(operand)?;
        if let Some(nulls) = &self.slots.operands[operand.0 as usize].nulls {
            rows::keep(rows, |row| !bits::get(nulls, row));
        }
        Ok(())
    }
}
