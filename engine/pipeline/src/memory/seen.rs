//! Records that went by in a run, as far as later ones may speak of them or take their place.

use std::ops::Range;

use arrow::array::RecordBatch;
use haechi_model::Stream;
use rustc_hash::FxHashMap;

use super::subjects::Found;

/// Stream and id of a record.
type Id = (&'static str, Box<str>);

/// The newest version of each record.
#[derive(Default)]
pub(super) struct Seen {
    batches: Vec<RecordBatch>,
    by_id: FxHashMap<Id, (usize, Range<usize>)>,
}

impl Seen {
    /// Takes note of the records of a batch, each with its rows.
    pub fn note<'a>(
        &mut self,
        stream: &'static Stream,
        batch: &RecordBatch,
        records: impl Iterator<Item = (&'a str, Range<usize>)>,
    ) {
        let place = self.batches.len();
        self.batches.push(batch.clone());
        for (id, rows) in records {
            self.by_id.insert((stream.name, id.into()), (place, rows));
        }
    }

    /// The newest version of these records.
    pub fn find(&self, stream: &'static Stream, ids: &[Option<&str>]) -> Found {
        let mut places: Vec<usize> = Vec::new();
        let mut found = Found::default();
        for id in ids {
            let known = id.and_then(|id| self.by_id.get(&(stream.name, Box::from(id))));
            found.rows.push(known.map(|(batch, rows)| {
                let place = places.iter().position(|known| known == batch).unwrap_or_else(|| {
                    places.push(*batch);
                    found.batches.push(self.batches[*batch].clone());
                    places.len() - 1
                });
                (place, rows.clone())
            }));
        }
        found
    }
}
