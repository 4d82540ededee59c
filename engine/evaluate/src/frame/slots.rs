//! What a frame remembers, by atom, operand and formula. Slots are used again from block to block and from batch to
//! batch: what they hold is valid where their epoch is the current one, so nothing has to be cleared.

use arrow::array::ArrayRef;

use super::anchors::AnchorRows;
use crate::bits;
use crate::numeric::Ranks;
use crate::plan::Plan;
use crate::schedule::Schedule;

/// The memory of a frame.
#[derive(Default)]
pub(crate) struct Slots {
    pub epoch: u64,
    /// A bit for each row of the block.
    pub ones: Vec<u64>,
    pub atoms: Vec<Decided>,
    pub operands: Vec<OperandSlot>,
    /// Operands whose slot holds an array.
    pub loaded: Vec<u32>,
    /// Formulas that several others use.
    pub memo: Vec<Decided>,
    pub anchors: AnchorRows,
    pub gates: Vec<GateSlot>,
    /// A bit for each rule that has to be looked at.
    pub woken: Vec<u64>,
    /// Slots of record frames.
    pub children: Vec<Slots>,
    spare_bits: Vec<Vec<u64>>,
    spare_rows: Vec<Vec<u32>>,
}

/// Where an atom or a formula is true.
#[derive(Default)]
pub(crate) struct Decided {
    pub epoch: u64,
    /// Whether any bit is set; the bits have no meaning where none is.
    pub any: bool,
    pub bits: Vec<u64>,
}

/// Where a gate is open.
#[derive(Default)]
pub(crate) struct GateSlot {
    pub bits: Vec<u64>,
    /// How many rows.
    pub count: usize,
}

/// The values of an operand.
#[derive(Default)]
pub(crate) struct OperandSlot {
    pub epoch: u64,
    pub array: Option<ArrayRef>,
    pub nulls: Option<Vec<u64>>,
    /// Sortable integers, where they have been asked for.
    pub keys: Vec<i64>,
    pub keys_epoch: u64,
    /// Ranks among the operand's cuts, where they have been asked for.
    pub ranks: Ranks,
    pub ranks_epoch: u64,
    /// For a dictionary of few codes: a bitmap of the rows of each code, one after the other.
    pub code_rows: Vec<u64>,
    pub code_rows_epoch: u64,
    /// Whether all text atoms have been decided by the index.
    pub indexed_epoch: u64,
}

impl Slots {
    /// Makes room for a plan.
    pub fn fit(&mut self, plan: &Plan, schedule: &Schedule) {
        self.atoms.resize_with(plan.atoms.len(), Decided::default);
        self.operands.resize_with(plan.atoms_of.len(), OperandSlot::default);
        self.memo.resize_with(plan.shared.len(), Decided::default);
        self.anchors.fit(schedule.anchors.len());
        self.gates.resize_with(schedule.gates.len(), GateSlot::default);
        self.woken.resize(schedule.rules.len().div_ceil(64), 0);
        // What they were used for before may have been another batch.
        self.epoch += 1;
    }

    /// Forgets the last block.
    pub fn begin(&mut self, rows: usize) {
        self.epoch += 1;
        bits::set_ones(&mut self.ones, rows);
        self.anchors.clear();
    }

    /// Lets go of the batch.
    pub fn release(&mut self) {
        for operand in self.loaded.drain(..) {
            self.operands[operand as usize].array = None;
        }
        self.anchors.clear();
        self.epoch += 1;
    }

    /// A bitmap to work with; give it back.
    pub fn take_bits(&mut self) -> Vec<u64> {
        let mut bits = self.spare_bits.pop().unwrap_or_default();
        bits.resize(self.ones.len(), 0);
        bits
    }

    pub fn give_bits(&mut self, bits: Vec<u64>) {
        self.spare_bits.push(bits);
    }

    /// An empty list of rows to work with; give it back.
    pub fn take_rows(&mut self) -> Vec<u32> {
        self.spare_rows.pop().unwrap_or_default()
    }

    pub fn give_rows(&mut self, mut rows: Vec<u32>) {
        rows.clear();
        self.spare_rows.push(rows);
    }
}
