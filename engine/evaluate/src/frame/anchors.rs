//! One look at each value of the text columns: which anchors it has, and which rules it settles.
//!
//! Rows of one value stand together, a **run**. What is noted of an anchor is the runs it has, not its rows: a frequent
//! value with many anchors costs its rows once, and not once an anchor. In a column without codes every row is a run.

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
    /// By anchor: its runs.
    of: Vec<Runs>,
    /// Anchors with rows.
    pub touched: Vec<u32>,
    /// Rows of the block, run by run, ascending within each.
    rows: Vec<u32>,
    /// Runs, anchor by anchor.
    runs: Vec<Run>,
    /// Runs and their anchors, as they are found.
    pairs: Vec<(u32, Run)>,
    /// Rows and rules that are settled there.
    settled: Vec<(u32, u32)>,
    by_code: ByCode,
    scratch: Scratch,
    /// Atoms of the value that is looked at.
    atoms: Vec<u32>,
    epoch: u64,
}

/// The runs of one anchor.
#[derive(Clone, Copy, Default)]
struct Runs {
    rows: u32,
    count: u32,
    /// Where they end among all.
    end: u32,
}

/// Rows that stand together.
#[derive(Clone, Copy, Default)]
struct Run {
    start: u32,
    end: u32,
}

/// Memory for sorting the rows of a column by code.
#[derive(Default)]
struct ByCode {
    /// Rows whose value has any anchor.
    anchored: Vec<u32>,
    /// By code: how many such rows, then where the next one goes. Zero between columns.
    next: Vec<u32>,
    /// Codes with such rows.
    codes: Vec<u32>,
}

impl AnchorRows {
    /// Makes room for so many anchors.
    pub fn fit(&mut self, anchors: usize) {
        self.of.resize(anchors, Runs::default());
    }

    /// Forgets the last block.
    pub fn clear(&mut self) {
        for anchor in self.touched.drain(..) {
            self.of[anchor as usize] = Runs::default();
        }
        self.rows.clear();
        self.pairs.clear();
        self.settled.clear();
    }

    /// How many rows have an anchor.
    pub fn count(&self, anchor: u32) -> usize {
        self.of[anchor as usize].rows as usize
    }

    /// The rows of an anchor: each once, in no order.
    pub fn of(&self, anchor: u32) -> impl Iterator<Item = &[u32]> {
        let Runs { count, end, .. } = self.of[anchor as usize];
        let runs = &self.runs[(end - count) as usize..end as usize];
        runs.iter().map(|run| &self.rows[run.start as usize..run.end as usize])
    }

    fn look_at_codes(&mut self, column: &CodedRows<'_>) {
        let (keys, mut by_code) = (column.keys.values(), std::mem::take(&mut self.by_code));
        by_code.find_anchored(column);
        if by_code.next.len() < column.codes.len() {
            by_code.next.resize(column.codes.len(), 0);
        }
        by_code.codes.clear();
        for row in &by_code.anchored {
            let code = keys[*row as usize];
            let next = &mut by_code.next[code as usize];
            if *next == 0 {
                by_code.codes.push(code as u32);
            }
            *next += 1;
        }
        let mut start = self.rows.len() as u32;
        for code in &by_code.codes {
            let next = &mut by_code.next[*code as usize];
            let run = Run { start, end: start + *next };
            (*next, start) = (start, run.end);
            for anchor in column.codes.anchors_of(*code as usize) {
                self.note(*anchor, run);
            }
        }
        self.rows.resize(start as usize, 0);
        for row in &by_code.anchored {
            let next = &mut by_code.next[keys[*row as usize] as usize];
            self.rows[*next as usize] = *row;
            *next += 1;
        }
        for code in &by_code.codes {
            by_code.next[*code as usize] = 0;
        }
        self.by_code = by_code;
    }

    /// A run of one row.
    fn run_of(&mut self, row: u32) -> Run {
        let start = self.rows.len() as u32;
        self.rows.push(row);
        Run { start, end: start + 1 }
    }

    fn note(&mut self, anchor: u32, run: Run) {
        let runs = &mut self.of[anchor as usize];
        if runs.count == 0 {
            self.touched.push(anchor);
        }
        runs.count += 1;
        runs.rows += run.end - run.start;
        self.pairs.push((anchor, run));
    }

    /// Puts the runs of each anchor together.
    fn put_in_place(&mut self) {
        let mut next = 0;
        for anchor in &self.touched {
            let runs = &mut self.of[*anchor as usize];
            runs.end = next;
            next += runs.count;
        }
        self.runs.clear();
        self.runs.resize(next as usize, Run::default());
        for (anchor, run) in &self.pairs {
            let end = &mut self.of[*anchor as usize].end;
            self.runs[*end as usize] = *run;
            *end += 1;
        }
    }
}

impl ByCode {
    fn find_anchored(&mut self, column: &CodedRows<'_>) {
        let (keys, found) = (column.keys.values(), &mut self.anchored);
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

    /// The rules that values settle, and how many rows of the block, of columns that are looked at value by value.
    pub fn settled_by_value(&self) -> Vec<(u32, u32)> {
        let mut rules: Vec<u32> = self.slots.anchors.settled.iter().map(|(_, rule)| *rule).collect();
        rules.sort_unstable();
        rules.chunk_by(|a, b| a == b).map(|hits| (hits[0], hits.len() as u32)).collect()
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
            let mut run = None;
            for atom in atoms.iter().map(|atom| AtomId(*atom)) {
                if let Some(anchor) = schedule.anchor_of(atom) {
                    let run = run.get_or_insert_with(|| anchors.run_of(row as u32));
                    anchors.note(anchor, *run);
                }
                anchors.settled.extend(schedule.settled_by(atom).iter().map(|rule| (row as u32, *rule)));
            }
        });
        (anchors.scratch, anchors.atoms) = (scratch, atoms);
    }
}
