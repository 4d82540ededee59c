//! Dictionary columns: what the index of a column says of each code, asked once per distinct value of a batch.

use arrow::array::{Array, Int32Array, StringArray};
use haechi_rules::program::AtomId;

use crate::bits;
use crate::groups::Groups;
use crate::plan::Plan;
use crate::rows;
use crate::schedule::Schedule;
use crate::text::{Scratch, TextIndex};

/// Up to so many codes a bit for each pair of atom and code is small.
const FEW_CODES: usize = 128;

/// What is true for each code of a dictionary.
pub(crate) struct CodeAtoms {
    /// Anchors, by code.
    anchors: Groups,
    /// Rules that the value settles, by code.
    settled: Groups,
    others: Others,
}

/// Atoms that no rule starts at.
enum Others {
    /// Of few codes: by the atom's place, a bit a code.
    Matrix { words: usize, bits: Vec<u64> },
    /// Of many: atoms by code.
    Lists(Groups),
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
        let (used, repeats, words) = (used_codes(keys, values.len()), index.repeats(), values.len().div_ceil(64));
        let (mut anchors, mut settled) = (Groups::with_capacity(values.len()), Groups::with_capacity(values.len()));
        let mut others = match values.len() {
            0..=FEW_CODES => Others::Matrix { words, bits: vec![0; words * n_atoms] },
            codes => Others::Lists(Groups::with_capacity(codes)),
        };
        let mut scratch = Scratch::default();
        for code in 0..values.len() {
            if !values.is_null(code) && used.as_ref().is_none_or(|used| used[code]) {
                index.atoms_of(values.value(code), &mut scratch, |atom| {
                    let id = AtomId(atom);
                    let rules = schedule.settled_by(id);
                    for rule in rules {
                        settled.push(*rule);
                    }
                    let anchor = schedule.anchor_of(id);
                    if let Some(anchor) = anchor {
                        anchors.push(anchor);
                    }
                    match &mut others {
                        Others::Matrix { words, bits } => {
                            bits[plan.places[atom as usize] as usize * *words + code / 64] |= 1 << (code % 64);
                        }
                        Others::Lists(lists) if rules.is_empty() && anchor.is_none() => lists.push(atom),
                        Others::Lists(_) => {}
                    }
                });
            }
            anchors.close(repeats);
            settled.close(repeats);
            if let Others::Lists(lists) = &mut others {
                lists.close(repeats);
            }
        }
        Self { anchors, settled, others }
    }

    /// The anchors true for a code.
    pub fn anchors_of(&self, code: usize) -> &[u32] {
        self.anchors.of(code)
    }

    /// Whether a code has any anchor.
    pub fn has_anchors(&self, code: usize) -> bool {
        self.anchors.any(code)
    }

    /// The rules that a code settles: they hit wherever it stands. Ascending.
    pub fn settled_by(&self, code: usize) -> &[u32] {
        self.settled.of(code)
    }

    /// Whether no code settles a rule.
    pub fn settles_nothing(&self) -> bool {
        self.settled.all_empty()
    }

    /// How many codes.
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there are so few codes that [`Self::codes_of`] knows them.
    pub fn few(&self) -> bool {
        matches!(self.others, Others::Matrix { .. })
    }

    /// The codes an atom is true for, where there are few.
    pub fn codes_of(&self, plan: &Plan, atom: AtomId) -> impl Iterator<Item = usize> {
        bits::rows(self.row(plan, atom).unwrap_or_default())
    }

    fn row(&self, plan: &Plan, atom: AtomId) -> Option<&[u64]> {
        let Others::Matrix { words, bits } = &self.others else { return None };
        let at = plan.places[atom.0 as usize] as usize * words;
        bits.get(at..at + words)
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
        if let Some(held) = self.row(plan, atom) {
            rows::keep(rows, |row| has_bit(held, code(keys[row])) != negated);
        } else {
            let (lists, entry) = self.entry(schedule, atom);
            rows::keep(rows, |row| lists.has(code(keys[row]), entry) != negated);
        }
    }

    /// Whether an atom is true for a code.
    pub fn holds(&self, plan: &Plan, schedule: &Schedule, atom: AtomId, code: usize) -> bool {
        if let Some(held) = self.row(plan, atom) {
            return has_bit(held, code);
        }
        let (lists, entry) = self.entry(schedule, atom);
        lists.has(code, entry)
    }

    /// Where it stands which codes an atom is true for, of many.
    fn entry(&self, schedule: &Schedule, atom: AtomId) -> (&Groups, u32) {
        if let Some(anchor) = schedule.anchor_of(atom) {
            return (&self.anchors, anchor);
        }
        match (schedule.settled_by(atom).first(), &self.others) {
            (Some(rule), _) => (&self.settled, *rule),
            (None, Others::Lists(lists)) => (lists, atom.0),
            // Of few codes the matrix knows.
            (None, Others::Matrix { .. }) => (&self.anchors, u32::MAX),
        }
    }
}

/// Codes behind NULL may be anything.
fn has_bit(bits: &[u64], code: usize) -> bool {
    bits.get(code / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
}

/// A code as a place. Behind NULL any number may stand: a negative one is past every dictionary.
pub(crate) fn code(key: i32) -> usize {
    key as u32 as usize
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
