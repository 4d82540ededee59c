//! The rules over one block: collect the rows of anchors, open the gates, and take each rule that either woke through
//! the rest of its condition.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, NodeId, Operand, OperandId};

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::hits::Found;
use crate::schedule::{SPARSE_ROWS, Start};
use crate::text::Scratch;
use crate::values::each_text;

impl Frame<'_> {
    /// Adds the hits of the block to `found`.
    pub fn run(&mut self, found: &mut Found) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        self.slots.woken.fill(0);
        for operand in &schedule.anchored {
            self.collect_anchors(*operand)?;
        }
        let slots = &mut self.slots;
        for anchor in &slots.touched {
            schedule.anchors[*anchor as usize].rules.iter().for_each(|rule| bits::set(&mut slots.woken, *rule as usize));
        }
        for gate in 0..schedule.gates.len() {
            self.open_gate(gate)?;
        }
        let (mut rows, mut bits) = (self.slots.take_rows(), self.slots.take_bits());
        for word in 0..self.slots.woken.len() {
            let mut woken = self.slots.woken[word];
            while woken != 0 {
                let rule = word * 64 + woken.trailing_zeros() as usize;
                woken &= woken - 1;
                let run = &schedule.rules[rule];
                rows.clear();
                let dense = self.start(&run.start, &mut rows, &mut bits)?;
                let rest = &mut run.rest.iter().copied();
                found.looked_at += if dense { bits::count(&bits) } else { rows.len() } as u64;
                if dense {
                    self.narrow_all(rest, &mut bits, &mut rows)?;
                    found.rows.extend(bits::rows(&bits).map(|row| row as u32));
                    bits.fill(0);
                }
                self.filter_all(rest, &mut rows)?;
                found.rows.extend_from_slice(&rows);
                found.close(rule as u32);
            }
        }
        self.slots.give_rows(rows);
        self.slots.give_bits(bits);
        Ok(())
    }

    /// The rows a rule starts with: as a list, or, where there are many, as bits (`true`).
    fn start(&mut self, start: &Start, rows: &mut Vec<u32>, bits: &mut [u64]) -> Result<bool, EvaluateError> {
        match start {
            Start::Anchor(anchor) => {
                let of = &self.slots.anchors[*anchor as usize];
                if of.len() <= SPARSE_ROWS {
                    rows.extend_from_slice(of);
                    return Ok(false);
                }
                let atom = self.schedule.anchors[*anchor as usize].atom;
                self.decide(atom)?;
                bits.copy_from_slice(&self.slots.atoms[atom.0 as usize].bits);
                Ok(true)
            }
            Start::AnyAnchor(anchors) => {
                for anchor in anchors {
                    rows.extend_from_slice(&self.slots.anchors[*anchor as usize]);
                }
                rows.sort_unstable();
                rows.dedup();
                Ok(false)
            }
            Start::Gate(gate) => {
                let gate = &self.slots.gates[*gate as usize];
                if gate.count <= SPARSE_ROWS {
                    rows.extend(bits::rows(&gate.bits).map(|row| row as u32));
                    return Ok(false);
                }
                bits.copy_from_slice(&gate.bits);
                Ok(true)
            }
            Start::Block if self.rows <= SPARSE_ROWS => {
                rows.extend(0..self.rows as u32);
                Ok(false)
            }
            Start::Block => {
                bits.copy_from_slice(&self.slots.ones);
                Ok(true)
            }
        }
    }

    /// Narrows bits part by part, until few rows are left: those go to `rows`, with the parts that remain.
    fn narrow_all(
        &mut self,
        parts: &mut impl Iterator<Item = NodeId>,
        bits: &mut [u64],
        rows: &mut Vec<u32>,
    ) -> Result<(), EvaluateError> {
        for part in parts.by_ref() {
            if !self.narrow(part, bits)? {
                bits.fill(0);
            }
            if bits::count(bits) <= SPARSE_ROWS {
                rows.extend(bits::rows(bits).map(|row| row as u32));
                bits.fill(0);
                break;
            }
        }
        Ok(())
    }

    fn filter_all(
        &mut self,
        parts: &mut impl Iterator<Item = NodeId>,
        rows: &mut Vec<u32>,
    ) -> Result<(), EvaluateError> {
        for part in parts {
            if rows.is_empty() {
                break;
            }
            self.filter(part, rows)?;
        }
        Ok(())
    }

    fn open_gate(&mut self, gate: usize) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        let mut bits = std::mem::take(&mut self.slots.gates[gate].bits);
        bits.resize(self.slots.ones.len(), 0);
        let open = self.node(schedule.gates[gate].node, &mut bits)?;
        let slots = &mut self.slots;
        let count = if open { bits::count(&bits) } else { 0 };
        slots.gates[gate].bits = bits;
        slots.gates[gate].count = count;
        if count > 0 {
            schedule.gates[gate].rules.iter().for_each(|rule| bits::set(&mut slots.woken, *rule as usize));
        }
        Ok(())
    }

    /// Goes over the rows of a text column once, and notes for each anchor on it where it is true.
    pub(super) fn collect_anchors(&mut self, operand: OperandId) -> Result<(), EvaluateError> {
        let (plan, schedule) = (self.plan, self.schedule);
        self.load(operand)?;
        let slots = &mut self.slots;
        let slot = &mut slots.operands[operand.0 as usize];
        if slot.anchored_epoch == slots.epoch {
            return Ok(());
        }
        slot.anchored_epoch = slots.epoch;
        let (Some(array), Some(prepared)) = (&slot.array, self.prepared) else { return Ok(()) };
        let (anchors, touched) = (&mut slots.anchors, &mut slots.touched);
        let mut note = |anchor: u32, row: u32| {
            let rows = &mut anchors[anchor as usize];
            match rows.last() {
                None => {
                    touched.push(anchor);
                    rows.push(row);
                }
                // The index may hand out an atom twice for a value.
                Some(last) if *last == row => {}
                Some(_) => rows.push(row),
            }
        };
        if let Operand::Column(_) = plan.program.operand(operand).operand
            && let (Some(codes), Some(keys)) = (prepared.codes(operand), array.as_dictionary_opt::<Int32Type>())
        {
            let keys = keys.keys();
            let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0);
            for (row, code) in keys.values().iter().enumerate() {
                if nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                    codes.anchors_of(*code as usize).iter().for_each(|anchor| note(*anchor, row as u32));
                }
            }
            return Ok(());
        }
        let Some(index) = &plan.texts[operand.0 as usize] else { return Ok(()) };
        let mut scratch = Scratch::default();
        each_text(array, |row, value| {
            let Some(value) = value else { return };
            index.atoms_of(value, &mut scratch, |atom| {
                if let Some(anchor) = schedule.anchor_of(AtomId(atom)) {
                    note(anchor, row as u32);
                }
            });
        });
        Ok(())
    }
}
