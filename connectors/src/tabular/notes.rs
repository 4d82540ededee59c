//! What was tolerated, said once: the same oddity in a million cells is one warning, at the first of them.

use std::hash::BuildHasher;

use haechi_model::intake::Warning;
use rustc_hash::{FxBuildHasher, FxHashSet};

/// Different warnings of one reader that are told apart; what comes after is one more.
const DISTINCT_MAX: usize = 1_000;

/// Collects warnings. Those of a row hold only once the row is kept.
#[derive(Debug, Default)]
pub struct Notes {
    seen: FxHashSet<u64>,
    of_row: Vec<(u64, &'static str, String)>,
    out: Vec<Warning>,
    cut: bool,
}

impl Notes {
    /// Notes something odd in the current row, told apart by `what`; `text` is written on first sight only.
    pub fn row(&mut self, code: &'static str, column: &'static str, what: &str, text: impl FnOnce() -> String) {
        self.note(FxBuildHasher.hash_one((code, column, what)), code, text);
    }

    fn note(&mut self, id: u64, code: &'static str, text: impl FnOnce() -> String) {
        // One row may have a million fields of its own, and every note is held against those of the row.
        if self.cut || self.of_row.len() > DISTINCT_MAX {
            return;
        }
        let new = !self.seen.contains(&id) && !self.of_row.iter().any(|(noted, ..)| *noted == id);
        if new {
            self.of_row.push((id, code, text()));
        }
    }

    /// Takes over what was noted elsewhere for rows that are looked at now.
    pub fn absorb(&mut self, elsewhere: Self) {
        for (id, code, text) in elsewhere.of_row {
            self.note(id, code, || text);
        }
    }

    /// The current row is kept, and so are its notes.
    pub fn keep_row(&mut self, path: impl FnOnce() -> String) {
        if self.of_row.is_empty() {
            return;
        }
        let path = path();
        for (id, code, text) in std::mem::take(&mut self.of_row) {
            if self.seen.len() >= DISTINCT_MAX {
                self.cut = true;
                let text = format!("more than {DISTINCT_MAX} different warnings; no more are listed");
                self.out.push(Warning { code: "more_warnings", path: path.clone(), text });
                return;
            }
            self.seen.insert(id);
            self.out.push(Warning { code, path: path.clone(), text });
        }
    }

    /// The current row is set aside, and its notes are forgotten.
    pub fn drop_row(&mut self) {
        self.of_row.clear();
    }

    /// Adds a warning about a whole file.
    pub fn file(&mut self, code: &'static str, path: impl Into<String>, text: impl Into<String>) {
        self.out.push(Warning { code, path: path.into(), text: text.into() });
    }

    /// Adds warnings that a message reader gave.
    pub fn extend(&mut self, warnings: impl IntoIterator<Item = Warning>) {
        self.out.extend(warnings);
    }

    /// How many warnings there are since last asked.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes back what was said after the first `n` warnings.
    pub fn truncate(&mut self, n: usize) {
        self.out.truncate(n);
    }

    /// Whether there is anything to say.
    pub fn any(&self) -> bool {
        !self.out.is_empty()
    }

    /// Forgets what was said: what is read next is another input.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.of_row.clear();
        self.cut = false;
    }

    /// What was noted since last asked.
    pub fn take(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_does_not_note_without_end() {
        let mut notes = Notes::default();
        (0..DISTINCT_MAX * 3).for_each(|i| notes.row("unknown_column", "", &i.to_string(), || i.to_string()));
        assert_eq!(notes.of_row.len(), DISTINCT_MAX + 1);
        notes.keep_row(|| "line 1".to_owned());
        let said = notes.take();
        assert_eq!((said.len(), said.last().map(|w| w.code)), (DISTINCT_MAX + 1, Some("more_warnings")));
    }
}
