//! Across rows: the items of a subject, and the records in a list column, by the offsets of their parents.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::compute::concat;
use haechi_rules::program::{NodeId, Over, Scope};

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::values::{fields_of, records_of};

/// A frame whose rows are the records in a list column.
pub(super) struct RecordFrame<'e> {
    pub frame: Frame<'e>,
    /// Where each row's records begin in the frame, and the end.
    offsets: Vec<usize>,
}

impl Frame<'_> {
    /// The frame of the records in a list column, and where each row's records begin.
    pub fn records(&mut self, list: u32) -> Result<(&mut Self, &[usize]), EvaluateError> {
        let at = self.record_frame(list)?;
        let entry = &mut self.records[at].1;
        Ok((&mut entry.frame, &entry.offsets))
    }

    pub(super) fn bits_of(&mut self, node: NodeId) -> Result<Vec<u64>, EvaluateError> {
        let mut out = vec![0; self.slots.ones.len()];
        if !self.node(node, &mut out)? {
            out.fill(0);
        }
        Ok(out)
    }

    pub(super) fn quantified(
        &mut self,
        over: Over,
        inner: NodeId,
        all: bool,
        out: &mut [u64],
    ) -> Result<bool, EvaluateError> {
        let holds = |bits: &[u64], range: Range<usize>| {
            if all { bits::count_in(bits, range.clone()) == range.len() } else { bits::any_in(bits, range) }
        };
        out.fill(0);
        match over {
            Over::Items => {
                let bits = self.bits_of(inner)?;
                for range in self.subjects() {
                    if holds(&bits, range.clone()) {
                        range.for_each(|row| bits::set(out, row));
                    }
                }
            }
            Over::Records(list) => {
                let (frame, offsets) = self.records(list)?;
                let bits = frame.bits_of(inner)?;
                for (row, window) in offsets.windows(2).enumerate() {
                    if holds(&bits, window[0]..window[1]) {
                        bits::set(out, row);
                    }
                }
            }
        }
        Ok(bits::any(out))
    }

    pub(super) fn list(&self, column: u32) -> Option<ListArray> {
        let array = self.prepared.filter(|_| self.scope == Scope::Row)?.columns[column as usize].as_ref()?;
        array.as_list_opt::<i32>().map(|list| list.slice(self.block.start, self.rows))
    }

    fn record_frame(&mut self, list: u32) -> Result<usize, EvaluateError> {
        if let Some(at) = self.records.iter().position(|(known, _)| *known == list) {
            return Ok(at);
        }
        let slots = self.slots.children.pop().unwrap_or_default();
        let mut frame = Self::new(self.plan, self.schedule, Scope::Records(list), slots);
        let mut offsets = vec![0; self.rows + 1];
        if let Some(lists) = self.list(list) {
            let (mut pieces, mut next): (Vec<ArrayRef>, usize) = (Vec::new(), 0);
            let whole = lists.null_count() == 0;
            for row in 0..lists.len() {
                let range = records_of(&lists, row);
                if !whole && !range.is_empty() {
                    pieces.push(lists.values().slice(range.start, range.len()));
                }
                next += range.len();
                offsets[row + 1] = next;
            }
            let first = lists.value_offsets().first().copied().unwrap_or_default() as usize;
            let values = if whole {
                lists.values().slice(first, next)
            } else {
                // A NULL list may hide values behind it: take the others alone.
                let pieces: Vec<&dyn Array> = pieces.iter().map(|p| &**p).collect();
                if pieces.is_empty() { lists.values().slice(0, 0) } else { concat(&pieces)? }
            };
            let column = self.plan.program.stream.all_columns().nth(list as usize);
            frame.fields = fields_of(&values, column.map(|column| column.kind));
            frame.rows = next;
        }
        frame.slots.begin(frame.rows);
        self.records.push((list, RecordFrame { frame, offsets }));
        Ok(self.records.len() - 1)
    }
}
