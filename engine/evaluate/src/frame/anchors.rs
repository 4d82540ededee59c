//! One look at each value of the text columns: which anchors it has, and which rules it settles.
//!
//! Anchors are counted first and put in their places after, so that the rows of one anchor stand together without a list
//! of its own.

use arrow::array::{Array, AsArray, Int32Array};
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, OperandId};

use super::Frame;
use crate::codes::{CodeAtoms, code};
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
    /// Rows whose value has any anchor.
    anchored: Vec<u32>,
    /// Rows and anchors, as they are found.
    pairs: Vec<(u32, u32)>,
    /// Rows and rules that are settled there.
    settled: Vec<(u32, u32)>,
    scratch: Scratch,
    /// Atoms of the value that is looked at.
    atoms: Vec<u32>,
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

    /// Whether a row has an anchor.
    pub fn has(&self, anchor: u32, row: u32) -> bool {
        self.of(anchor).binary_search(&row).is_ok()
    }

    fn look_at_codes(&mut self, column: &CodedRows<'_>) {
        let (keys, mut found) = (column.keys.values(), std::mem::take(&mut self.anchored));
        found.clear();
        match column.keys.nulls() {
            // Most values have no anchor. Which do is not to be guessed, so it is not branched on.
            None => {
                found.resize(keys.len(), 0);
                let mut n = 0;
                for (row, key) in keys.iter().enumerate() {
                    found[n] = row as u32;
                    n += usize::from(column.codes.has_anchors(code(*key)));
                }
                found.truncate(n);
            }
            Some(nulls) => {
                let anchored = |row: &usize| column.codes.has_anchors(code(keys[*row]));
                found.extend(nulls.valid_indices().filter(anchored).map(|row| row as u32));
            }
        }
        for row in &found {
            for anchor in column.codes.anchors_of(code(keys[*row as usize])) {
                self.note(*row, *anchor);
            }
        }
        self.anchored = found;
    }

    fn note(&mut self, row: u32, anchor: u32) {
        let count = &mut self.counts[anchor as usize];
        if *count == 0 {
            self.touched.push(anchor);
        }
        *count += 1;
        self.pairs.push((row, anchor));
    }

    /// Puts the rows of each anchor together.
    fn put_in_place(&mut self) {
        let mut next = 0;
        for anchor in &self.touched {
            self.ends[*anchor as usize] = next;
            next += self.counts[*anchor as usize];
        }
        self.rows.clear();
        self.rows.resize(next as usize, 0);
        for (row, anchor) in &self.pairs {
            let end = &mut self.ends[*anchor as usize];
            self.rows[*end as usize] = *row;
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
    /// The rules that the value of a row settles.
    pub fn settled(&self, row: usize) -> &[u32] {
        if self.keys.is_null(row) { &[] } else { self.codes.settled_by(code(self.keys.value(row))) }
    }
}

impl<'e> Frame<'e> {
    /// Collects the rows of all anchors, if that has not been done.
    pub(super) fn collect_anchors(&mut self) -> Result<(), EvaluateError> {
        if self.slots.anchors.epoch == self.slots.epoch {
            return Ok(());
        }
        for operand in &self.schedule.looked_at {
            self.load(*operand)?;
        }
        let mut anchors = std::mem::take(&mut self.slots.anchors);
        anchors.epoch = self.slots.epoch;
        for operand in &self.schedule.looked_at {
            match self.coded(*operand) {
                Some(column) => anchors.look_at_codes(&column),
                None => self.look_at_values(*operand, &mut anchors),
            }
        }
        anchors.put_in_place();
        self.slots.anchors = anchors;
        Ok(())
    }

    /// The rules that values settle, by row. Anchors have been collected.
    pub fn settled(&self) -> Settled<'e> {
        let coded = self.schedule.looked_at.iter().filter_map(|operand| self.coded(*operand));
        let looked_at = &self.slots.anchors.settled;
        Settled {
            coded: coded.filter(|column| !column.codes.settles_nothing()).collect(),
            looked_at: (!looked_at.is_empty()).then(|| Groups::sorted(self.rows, looked_at)),
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
        let (mut scratch, mut atoms) = (std::mem::take(&mut anchors.scratch), std::mem::take(&mut anchors.atoms));
        each_text(array, |row, value| {
            let Some(value) = value else { return };
            atoms.clear();
            index.atoms_of(value, &mut scratch, |atom| atoms.push(atom));
            if index.repeats() {
                // Where a text stands in a value twice, so may its atom.
                atoms.sort_unstable();
                atoms.dedup();
            }
            for atom in atoms.iter().map(|atom| AtomId(*atom)) {
                if let Some(anchor) = schedule.anchor_of(atom) {
                    anchors.note(row as u32, anchor);
                }
                anchors.settled.extend(schedule.settled_by(atom).iter().map(|rule| (row as u32, *rule)));
            }
        });
        (anchors.scratch, anchors.atoms) = (scratch, atoms);
    }
}
