//! Records that went by in a run, as far as later ones may speak of them or take their place.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use rustc_hash::FxHashMap;

use super::plain;
use super::subjects::Found;

/// Rows of records of one stream, in batches of one schema whose texts are plain: of what is taken out again, few rows
/// are of one batch, and a dictionary would come along whole.
#[derive(Default)]
pub(super) struct Seen {
    batches: Vec<RecordBatch>,
    by_id: FxHashMap<Box<str>, Noted>,
}

/// The newest version of a record.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub version: i32,
    batch: usize,
    rows: Range<usize>,
}

impl Seen {
    /// Keeps a batch, and says which one it is.
    pub fn hold(&mut self, batch: &RecordBatch) -> Result<usize, ArrowError> {
        self.batches.push(plain(batch)?);
        Ok(self.batches.len() - 1)
    }

    /// The newest version of a record is that, in these rows of a batch.
    pub fn note(&mut self, id: &str, version: i32, batch: usize, rows: Range<usize>) {
        let noted = Noted { version, batch, rows };
        match self.by_id.get_mut(id) {
            Some(known) => *known = noted,
            None => drop(self.by_id.insert(id.into(), noted)),
        }
    }

    /// The newest version of a record.
    pub fn get(&self, id: &str) -> Option<&Noted> {
        self.by_id.get(id)
    }

    /// The newest versions of these records.
    pub fn find(&self, ids: &[Option<&str>]) -> Found {
        let mut places: FxHashMap<usize, usize> = FxHashMap::default();
        let mut found = Found::default();
        for id in ids {
            let noted = id.and_then(|id| self.by_id.get(id));
            found.rows.push(noted.map(|noted| {
                let place = *places.entry(noted.batch).or_insert_with(|| {
                    found.batches.push(self.batches[noted.batch].clone());
                    found.batches.len() - 1
                });
                (place, noted.rows.clone())
            }));
        }
        found
    }
}
