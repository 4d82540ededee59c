//! Which rows may stay together: all rows of a subject stand together in the input, and none comes twice.
//!
//! A selection is made for a subject from all its rows. If a subject's rows could come in two places, what is
//! selected would depend on where the batches were cut; so rows of a subject that came before and ended are set
//! aside, and so are repeats of a row. The subjects that were met are remembered as 64-bit hashes, keyed anew in every
//! process so that no sender can aim at another's: eight bytes and some for each, and with ten million subjects a chance
//! of three in a million that two are confused anywhere, in which case the later is set aside for review, not lost.

use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

use foldhash::quality::RandomState;
use haechi_model::Cell;
use rustc_hash::FxHashSet;

/// What the keys of a row say, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowKey {
    /// Of the subject in one version: another version is decided on by itself, and may come later.
    pub subject: u64,
    /// Of the whole key.
    pub row: u64,
}

/// Why a row may not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The subject's rows ended earlier.
    Returned,
    /// The same key came before.
    Repeated,
    /// The subject has too many rows; all of them go.
    TooLarge,
    /// The subject came in an earlier document ([`SubjectGate::begin_document`]), where this is its next version.
    Earlier,
}

/// Sees the keys of all rows, in order.
#[derive(Debug)]
pub struct SubjectGate {
    /// Whether rows belong to subjects, or each stands alone.
    grouped: bool,
    rows_max: usize,
    current: Option<u64>,
    n_current: usize,
    first_row: u64,
    more_rows: FxHashSet<u64>,
    /// Subjects that began; rows by themselves, where they stand alone.
    met: FxHashSet<u64>,
    /// Those met in earlier documents.
    met_earlier: FxHashSet<u64>,
    too_large: bool,
}

impl SubjectGate {
    /// A gate for a stream of grouped rows (a declaration's items), or of rows that stand alone.
    pub fn new(grouped: bool, rows_max: usize) -> Self {
        Self {
            grouped,
            rows_max,
            current: None,
            n_current: 0,
            first_row: 0,
            more_rows: FxHashSet::default(),
            met: FxHashSet::default(),
            met_earlier: FxHashSet::default(),
            too_large: false,
        }
    }

    /// What follows is a document of its own, in which subjects of earlier ones may come again.
    pub fn begin_document(&mut self) {
        self.met_earlier.extend(self.met.drain());
        self.current = None;
    }

    /// Forgets all subjects.
    pub fn clear(&mut self) {
        self.met.clear();
        self.met_earlier.clear();
        self.current = None;
    }

    /// Whether the row stays; if so, whether it is the first of its subject.
    pub fn admit(&mut self, key: RowKey) -> Result<bool, Refused> {
        if !self.grouped {
            if self.met_earlier.contains(&key.row) {
                return Err(Refused::Earlier);
            }
            return if self.met.insert(key.row) { Ok(true) } else { Err(Refused::Repeated) };
        }
        if self.current != Some(key.subject) {
            if self.met_earlier.contains(&key.subject) {
                return Err(Refused::Earlier);
            }
            if !self.met.insert(key.subject) {
                return Err(Refused::Returned);
            }
            self.begin(key);
            return Ok(true);
        }
        if self.too_large {
            return Err(Refused::TooLarge);
        }
        if self.first_row == key.row || self.more_rows.contains(&key.row) {
            return Err(Refused::Repeated);
        }
        if self.n_current >= self.rows_max {
            self.too_large = true;
            return Err(Refused::TooLarge);
        }
        self.more_rows.insert(key.row);
        self.n_current += 1;
        Ok(false)
    }

    fn begin(&mut self, key: RowKey) {
        self.current = Some(key.subject);
        // Clearing costs the capacity, which one large subject would leave to all that follow.
        if self.more_rows.capacity() > 1024 {
            self.more_rows = FxHashSet::default();
        } else if !self.more_rows.is_empty() {
            self.more_rows.clear();
        }
        (self.n_current, self.first_row, self.too_large) = (1, key.row, false);
    }
}

/// Makes a [`RowKey`] from the key columns of a row, in whatever order they come.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    subject: u64,
    version: i64,
    rest: u64,
}

impl Default for KeyHasher {
    /// A row without a version is the first.
    fn default() -> Self {
        Self { subject: 0, version: 1, rest: 0 }
    }
}

impl KeyHasher {
    /// The subject's own key.
    pub fn subject(&mut self, id: &str) {
        self.subject = hash(id);
    }

    /// The subject's own key, hashed before by [`hash`].
    pub fn subject_hash(&mut self, id: u64) {
        self.subject = id;
    }

    /// Another key column that holds a number, hashed before by [`column_hash`].
    pub fn and_number(&mut self, column: &'static str, hashed: u64, number: i64) {
        if column == "version" {
            self.version = number;
        } else {
            self.rest = self.rest.wrapping_add(hash((hashed, number)));
        }
    }

    /// Another key column.
    pub fn and(&mut self, column: &'static str, cell: &Cell<'_>) {
        match cell {
            Cell::Null => {}
            Cell::I32(n) => self.and_number(column, column_hash(column), i64::from(*n)),
            Cell::Text(text) => self.add(column, text),
            other => self.add(column, format!("{other:?}")),
        }
    }

    fn add(&mut self, column: &str, value: impl Hash) {
        // Small numbers of distinct columns: a sum of hashes does not depend on their order.
        self.rest = self.rest.wrapping_add(hash((column_hash(column), value)));
    }

    /// The key.
    pub fn finish(&self) -> RowKey {
        let subject = if self.version == 1 { self.subject } else { hash((self.subject, self.version)) };
        RowKey { subject, row: hash((self.subject, self.version, self.rest)) }
    }
}

/// What the name of a key column gives to the hash of its values.
pub fn column_hash(column: &str) -> u64 {
    hash(column)
}

/// A hash that a sender cannot steer.
pub fn hash(value: impl Hash) -> u64 {
    static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    KEYED.hash_one(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(rows: &[(&str, i32)], rows_max: usize, grouped: bool) -> String {
        let mut gate = SubjectGate::new(grouped, rows_max);
        let fate = |(subject, item): &(&str, i32)| {
            let mut key = KeyHasher::default();
            key.and("item_no", &Cell::I32(*item));
            key.subject(subject);
            match gate.admit(key.finish()) {
                Ok(true) => 'F',
                Ok(false) => '.',
                Err(Refused::Returned) => 'r',
                Err(Refused::Repeated) => '2',
                Err(Refused::TooLarge) => 'L',
                Err(Refused::Earlier) => 'e',
            }
        };
        rows.iter().map(fate).collect()
    }

    #[test]
    fn a_subject_that_ended_does_not_come_back() {
        let rows = [("A", 1), ("A", 2), ("B", 1), ("A", 3), ("B", 2), ("C", 1), ("B", 3)];
        assert_eq!(fates(&rows, 10, true), "F.Fr.Fr");
    }

    #[test]
    fn a_row_comes_once() {
        let rows = [("A", 1), ("A", 1), ("A", 2), ("A", 2), ("B", 1)];
        assert_eq!(fates(&rows, 10, true), "F2.2F");
        assert_eq!(fates(&[("A", 1), ("B", 1), ("A", 1), ("A", 2)], 10, false), "FF2F");
    }

    #[test]
    fn a_subject_is_bounded() {
        let rows = [("A", 1), ("A", 2), ("A", 3), ("A", 4), ("B", 1)];
        assert_eq!(fates(&rows, 2, true), "F.LLF");
    }
}
