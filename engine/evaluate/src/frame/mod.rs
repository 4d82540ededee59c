//! One block of rows on its way through the plan: operands are read, atoms decided and formulas combined at most once,
//! and only when something asks for them.
//!
//! Three ways to the same answer: for many rows a bitmap of the whole block ([`dense`]), for a few a list of row numbers
//! ([`sparse`]), for the last one a yes or no ([`single`]). [`run`] takes the rules through them, from the rows that
//! [`anchors`] finds. Records in list columns get a frame of their own, whose rows are the records ([`records`]).

mod anchors;
mod dense;
mod operands;
mod records;
mod run;
mod single;
mod slots;
mod sparse;

use std::ops::Range;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use haechi_rules::program::{AtomId, OperandId, Scope};

use crate::batch::Prepared;
use crate::bits;
use crate::error::EvaluateError;
use crate::plan::Plan;
use crate::schedule::Schedule;
pub(crate) use anchors::CodedRows;
use records::RecordFrame;
pub(crate) use single::BlockRow;
pub(crate) use slots::Slots;

/// A block of a batch, or the records in a list column of one.
pub(crate) struct Frame<'e> {
    plan: &'e Plan,
    schedule: &'e Schedule,
    prepared: Option<&'e Prepared>,
    scope: Scope,
    block: Range<usize>,
    rows: usize,
    slots: Slots,
    records: Vec<(u32, RecordFrame<'e>)>,
    /// For a frame of records: the fields, by place.
    fields: Vec<Option<ArrayRef>>,
}

impl<'e> Frame<'e> {
    /// A frame for the rows of batches. The slots may come from another frame of the plan.
    pub fn rows(plan: &'e Plan, schedule: &'e Schedule, slots: Slots) -> Self {
        Self::new(plan, schedule, Scope::Row, slots)
    }

    fn new(plan: &'e Plan, schedule: &'e Schedule, scope: Scope, mut slots: Slots) -> Self {
        slots.fit(plan, schedule);
        Self {
            plan,
            schedule,
            prepared: None,
            scope,
            block: 0..0,
            rows: 0,
            slots,
            records: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Goes on to a block of a batch.
    pub fn begin(&mut self, prepared: &'e Prepared, block: Range<usize>) {
        self.prepared = Some(prepared);
        self.rows = block.len();
        self.block = block;
        self.keep_record_slots();
        self.slots.begin(self.rows);
    }

    /// Takes what can be used again by another frame; this one is done.
    pub fn take_slots(&mut self) -> Slots {
        self.keep_record_slots();
        self.slots.release();
        std::mem::take(&mut self.slots)
    }

    fn keep_record_slots(&mut self) {
        for (_, mut records) in self.records.drain(..) {
            self.slots.children.push(records.frame.take_slots());
        }
    }

    /// Whether an atom is true for one row.
    pub fn holds(&mut self, atom: AtomId, row: usize) -> Result<bool, EvaluateError> {
        self.decide(atom)?;
        let decided = &self.slots.atoms[atom.0 as usize];
        Ok(decided.any && bits::get(&decided.bits, row))
    }

    /// The values of an operand in this block.
    pub fn values(&mut self, operand: OperandId) -> Result<ArrayRef, EvaluateError> {
        self.load(operand)?;
        let slot = &self.slots.operands[operand.0 as usize];
        Ok(slot.array.clone().unwrap_or_else(|| new_null_array(&DataType::Null, self.rows)))
    }

    /// The subjects' row ranges in this block.
    pub fn subjects(&self) -> Vec<Range<usize>> {
        self.prepared.map(|p| p.subjects_in(&self.block).collect()).unwrap_or_default()
    }
}
