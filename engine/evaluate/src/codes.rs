//! Dictionary columns: what the index of a column says of each code, asked once per distinct value of a batch.

use arrow::array::{Array, Int32Array, StringArray};
use haechi_rules::program::AtomId;

use crate::bits;
use crate::plan::Plan;
use crate::schedule::Schedule;
use crate::text::{Scratch, TextIndex};

/// Up to so many codes a bit for each pair of atom and code is small.
const MATRIX_CODES_MAX: usize = 128;

/// The atoms true for each code of a dictionary.
pub(crate) struct CodeAtoms {
    /// By code: where its anchors begin; they end where its other atoms begin.
    anchors: Vec<u32>,
    /// By code: where its other atoms begin; they end where the next code's anchors begin.
    others: Vec<u32>,
    /// Anchors, then atoms, code by code; atoms sorted.
    entries: Vec<u32>,
    /// For dictionaries of few codes: by atom's place, a bit a code.
    matrix: Option<Matrix>,
}

struct Matrix {
    words: usize,
    bits: Vec<u64>,
}

impl Matrix {
    fn row(&self, plan: &Plan, atom: AtomId) -> Option<&[u64]> {
        let at = plan.places[atom.0 as usize] as usize * self.words;
        self.bits.get(at..at + self.words)
    }
}

impl CodeAtoms {
    /// Asks the index for every value that occurs in `keys`.
    pub fn new(
        plan: &Plan,
        schedule: &Schedule,
        index: &TextIndex,
        n_atoms: usize,
        keys: &Int32Array,
        values: &StringArray,
    ) -> Self {
        let used = used_codes(keys, values.len());
        let words = values.len().div_ceil(64);
        let matrix = (values.len() <= MATRIX_CODES_MAX).then(|| Matrix { words, bits: vec![0; words * n_atoms] });
        let mut codes = Self {
            anchors: Vec::with_capacity(values.len() + 1),
            others: Vec::with_capacity(values.len()),
            entries: Vec::new(),
            matrix,
        };
        let (mut scratch, mut others) = (Scratch::default(), Vec::new());
        for code in 0..values.len() {
            codes.anchors.push(codes.entries.len() as u32);
            if !values.is_null(code) && used.as_ref().is_none_or(|used| used[code]) {
                index.atoms_of(values.value(code), &mut scratch, |atom| {
                    if let Some(matrix) = &mut codes.matrix {
                        let at = plan.places[atom as usize] as usize * words + code / 64;
                        matrix.bits[at] |= 1 << (code % 64);
                    }
                    match schedule.anchor_of(AtomId(atom)) {
                        Some(anchor) => codes.entries.push(anchor),
                        None => others.push(atom),
                    }
                });
            }
            codes.others.push(codes.entries.len() as u32);
            if codes.matrix.is_none() {
                others.sort_unstable();
                codes.entries.append(&mut others);
            }
            others.clear();
        }
        codes.anchors.push(codes.entries.len() as u32);
        codes
    }

    /// The anchors true for a code; one may stand twice.
    pub fn anchors_of(&self, code: usize) -> &[u32] {
        match (self.anchors.get(code), self.others.get(code)) {
            (Some(start), Some(end)) => &self.entries[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// How many codes there are, if they are few: then [`Self::codes_of`] answers.
    pub fn few(&self) -> Option<usize> {
        self.matrix.as_ref().map(|_| self.others.len())
    }

    /// The codes an atom is true for, where there are few.
    pub fn codes_of(&self, plan: &Plan, atom: AtomId) -> impl Iterator<Item = usize> {
        let row = self.matrix.as_ref().and_then(|matrix| matrix.row(plan, atom));
        bits::rows(row.unwrap_or_default())
    }

    /// Keeps the rows whose code the atom holds for (does not hold for, if `negated`).
    pub fn keep(
        &self,
        plan: &Plan,
        schedule: &Schedule,
        atom: AtomId,
        negated: bool,
        keys: &[i32],
        rows: &mut Vec<u32>,
    ) {
        match self.matrix.as_ref().and_then(|matrix| matrix.row(plan, atom)) {
            Some(held) => rows.retain(|row| {
                let code = keys[*row as usize] as usize;
                held.get(code / 64).is_some_and(|word| (word >> (code % 64) & 1 == 1) != negated)
            }),
            None => rows.retain(|row| self.holds(schedule, atom, keys[*row as usize] as usize) != negated),
        }
    }

    /// Whether an atom is true for a code of many.
    pub fn holds(&self, schedule: &Schedule, atom: AtomId, code: usize) -> bool {
        if let Some(anchor) = schedule.anchor_of(atom) {
            return self.anchors_of(code).contains(&anchor);
        }
        match (self.others.get(code), self.anchors.get(code + 1)) {
            (Some(start), Some(end)) => {
                self.entries[*start as usize..*end as usize].binary_search(&atom.0).is_ok()
            }
            _ => false,
        }
    }
}

/// Which codes occur, where the dictionary is larger than the batch and most do not.
fn used_codes(keys: &Int32Array, values: usize) -> Option<Vec<bool>> {
    if values <= keys.len() {
        return None;
    }
    let mut used = vec![false; values];
    for key in keys.iter().flatten() {
        if let Some(slot) = used.get_mut(key as usize) {
            *slot = true;
        }
    }
    Some(used)
}
