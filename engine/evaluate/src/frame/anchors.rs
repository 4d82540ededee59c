//! One look at each value of the text columns: which anchors it has, and which rules it settles.
//!
//! Anchors are counted first and put in their places after, so that the rows of one anchor stand together without a list
//! of its own.

use arrow::array::{Array, AsArray, Int32Array};
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, OperandId};

use super::Frame;
use crate::codes::CodeAtoms;
use crate::error::EvaluateError;
use crate::groups::Groups;
use crate::hits::Settled;
use crate::text::Scratch;
use crate::values::each_text;

/// Rows by anchor.
#[derive(Default)]
pub(crate) struct AnchorRows {
    counts: Vec<u32>,
    /// By anchor: where its rows end.
    ends: Vec<u32>,
    rows: Vec<u32>,
    /// Anchors with rows.
    pub touched: Vec<u32>,
    /// Rows and anchors of columns that are looked at value by value.
    pairs: Vec<(u32, u32)>,
    /// Rows and rules that are settled there.
    settled: Vec<(u32, u32)>,
    scratch: Scratch,
    epoch: u64,
}

impl AnchorRows {
    /// Makes room for so many anchors.
    pub fn fit(&mut self, anchors: usize) {
        self.counts.resize(anchors, 0);
        self.ends.resize(anchors, 0);
    }

    /// Forgets the last block.
    pub fn clear(&mut self) {
        for anchor in self.touched.drain(..) {
            self.counts[anchor as usize] = 0;
        }
        self.pairs.clear();
        self.settled.clear();
    }

    /// The rows of an anchor, ascending.
    pub fn of(&self, anchor: u32) -> &[u32] {
        let (count, end) = (self.counts[anchor as usize], self.ends[anchor as usize]);
        if count == 0 { &[] } else { &self.rows[(end - count) as usize..end as usize] }
    }

    fn count(&mut self, anchors: &[u32]) {
        for anchor in anchors {
            let count = &mut self.counts[*anchor as usize];
            if *count == 0 {
                self.touched.push(*anchor);
            }
            *count += 1;
        }
    }

    /// Gives every anchor its place; while it is filled, `ends` says where the next row goes.
    fn lay_out(&mut self) {
        let mut next = 0;
        for anchor in &self.touched {
            self.ends[*anchor as usize] = next;
            next += self.counts[*anchor as usize];
        }
        self.rows.clear();
        self.rows.resize(next as usize, 0);
    }

    fn put(&mut self, row: u32, anchors: &[u32]) {
        for anchor in anchors {
            let end = &mut self.ends[*anchor as usize];
            self.rows[*end as usize] = row;
            *end += 1;
        }
    }
}

/// The rows of a dictionary column, and what is known of its codes.
pub(crate) struct CodedRows<'e> {
    keys: Int32Array,
    codes: &'e CodeAtoms,
}

impl CodedRows<'_> {
    /// The code of each row that has one.
    fn each(&self, mut visit: impl FnMut(u32, usize)) {
        let keys = self.keys.values();
        match self.keys.nulls() {
            None => keys.iter().enumerate().for_each(|(row, code)| visit(row as u32, *code as usize)),
            Some(nulls) => nulls.valid_indices().for_each(|row| visit(row as u32, keys[row] as usize)),
        }
    }

    /// The rules that the value of a row settles.
    pub fn settled(&self, row: usize) -> &[u32] {
        if self.keys.is_null(row) { &[] } else { self.codes.settled_by(self.keys.value(row) as usize) }
    }
}

impl<'e> Frame<'e> {
    /// Collects the rows of all anchors, if that has not been done.
    pub(super) fn collect_anchors(&mut self) -> Result<(), EvaluateError> {
        if self.slots.anchors.epoch == self.slots.epoch {
            return Ok(());
        }
        let mut anchors = std::mem::take(&mut self.slots.anchors);
        anchors.epoch = self.slots.epoch;
        let mut coded = Vec::new();
        for operand in &self.schedule.looked_at {
            self.load(*operand)?;
            match self.coded(*operand) {
                Some(column) => coded.push(column),
                None => self.look_at_values(*operand, &mut anchors),
            }
        }
        for column in &coded {
            column.each(|_, code| anchors.count(column.codes.anchors_of(code)));
        }
        for at in 0..anchors.pairs.len() {
            let (_, anchor) = anchors.pairs[at];
            anchors.count(&[anchor]);
        }
        anchors.lay_out();
        for column in &coded {
            column.each(|row, code| anchors.put(row, column.codes.anchors_of(code)));
        }
        for at in 0..anchors.pairs.len() {
            let (row, anchor) = anchors.pairs[at];
            anchors.put(row, &[anchor]);
        }
        self.slots.anchors = anchors;
        Ok(())
    }

    /// The rules that values settle, by row. Anchors have been collected.
    pub fn settled(&self) -> Settled<'e> {
        let coded = self.schedule.looked_at.iter().filter_map(|operand| self.coded(*operand));
        let looked_at = &self.slots.anchors.settled;
        Settled {
            coded: coded.filter(|column| !column.codes.settles_nothing()).collect(),
            looked_at: (!looked_at.is_empty()).then(|| Groups::from_pairs(self.rows, looked_at)),
        }
    }

    /// The rules that values settle, one entry a hit, of columns that are looked at value by value.
    pub fn settled_by_value(&self) -> impl Iterator<Item = (u32, u32)> {
        self.slots.anchors.settled.iter().map(|(_, rule)| (*rule, 1))
    }

    fn coded(&self, operand: OperandId) -> Option<CodedRows<'e>> {
        let array = self.slots.operands[operand.0 as usize].array.as_ref()?.as_dictionary_opt::<Int32Type>()?;
        Some(CodedRows { codes: self.codes(operand)?, keys: array.keys().clone() })
    }

    fn look_at_values(&self, operand: OperandId, anchors: &mut AnchorRows) {
        let schedule = self.schedule;
        let array = self.slots.operands[operand.0 as usize].array.as_ref();
        let (Some(array), Some(index)) = (array, &self.plan.texts[operand.0 as usize]) else { return };
        let AnchorRows { pairs, settled, scratch, .. } = anchors;
        // Where a text stands in a value twice, so may its atom.
        let repeats = index.repeats();
        let known = |pairs: &[(u32, u32)], pair: (u32, u32)| repeats && pairs.contains(&pair);
        each_text(array, |row, value| {
            let Some(value) = value else { return };
            let (first_pair, first_settled) = (pairs.len(), settled.len());
            index.atoms_of(value, scratch, |atom| {
                if let Some(anchor) = schedule.anchor_of(AtomId(atom)) {
                    let pair = (row as u32, anchor);
                    if !known(&pairs[first_pair..], pair) {
                        pairs.push(pair);
                    }
                }
                for rule in schedule.settled_by(AtomId(atom)) {
                    let pair = (row as u32, *rule);
                    if !known(&settled[first_settled..], pair) {
                        settled.push(pair);
                    }
                }
            });
        });
    }
}
