//! Rows that are in the journal already, or on their way there: what an amendment replaces, what a fact speaks of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use haechi_model::Stream;
use haechi_store::{Entry, Position, Store, StoreError, SubjectVersion};

use super::block::{Ids, identities, same_rows};
use super::history::{Unread, UnreadRows};
use crate::memory::Found;

/// The journal, with what is on its way there.
pub(crate) struct Past {
    store: Store,
    /// Oldest first.
    on_the_way: VecDeque<OnTheWay>,
    committed: Arc<AtomicU64>,
    /// Whether it was told that rows are asked for that were forgotten.
    told: AtomicBool,
}

/// Rows of an entry that is not in the store yet.
struct OnTheWay {
    commit: u64,
    stream: &'static Stream,
    first: Position,
    known_at_ms: i64,
    rows: RecordBatch,
}

impl Past {
    /// The journal of a store; `committed` is the number of the last commit that it has.
    pub fn new(store: Store, committed: Arc<AtomicU64>) -> Self {
        Self { store, on_the_way: VecDeque::new(), committed, told: AtomicBool::default() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Rows that will be in the journal with that commit.
    pub fn note(&mut self, commit: u64, entry: &Entry) {
        let Entry { first, stream, known_at_ms, ref rows, .. } = *entry;
        self.on_the_way.push_back(OnTheWay { commit, stream, first, known_at_ms, rows: rows.clone() });
    }

    /// The number of the last commit that is in the store; what it has need not be noted any more.
    pub fn prune(&mut self) -> u64 {
        let committed = self.committed.load(Ordering::Acquire);
        while self.on_the_way.pop_front_if(|entry| entry.commit <= committed).is_some() {}
        committed
    }

    /// Entries from the one that has position `from` on, to the last that is on its way.
    pub fn entries(&self, from: Position) -> impl Iterator<Item = Result<Unread, StoreError>> {
        let mut end = from;
        let mut stored = self.store.entries(from);
        let mut on_the_way = self.on_the_way.iter();
        std::iter::from_fn(move || {
            if let Some(entry) = stored.next() {
                let unread = entry.map(|entry| {
                    end = entry.end();
                    let (stream, first, known_at_ms) = (entry.stream, entry.first, entry.known_at_ms);
                    Unread { stream, first, known_at_ms, len: entry.rows as usize, rows: UnreadRows::Stored(entry) }
                });
                return Some(unread);
            }
            // What was committed meanwhile was read above.
            let OnTheWay { stream, first, known_at_ms, ref rows, .. } = *on_the_way.find(|entry| end <= entry.first)?;
            let (len, rows) = (rows.num_rows(), UnreadRows::OnTheWay(rows.clone()));
            Some(Ok(Unread { stream, first, known_at_ms, len, rows }))
        })
    }

    /// The rows of the subjects that begin at these positions, each entry's in the form that `derive` gives them, with
    /// the instant at which they became known. `None` also where the rows were archived and forgotten.
    pub fn rows_at<E: From<StoreError> + From<arrow::error::ArrowError>>(
        &self,
        stream: &'static Stream,
        positions: &[Option<Position>],
        derive: impl Fn(&RecordBatch, i64) -> Result<RecordBatch, E>,
    ) -> Result<Found, E> {
        let mut found = Found { batches: Vec::new(), rows: vec![None; positions.len()] };
        let mut by_position: BTreeMap<Position, Vec<usize>> = BTreeMap::new();
        for (place, position) in positions.iter().enumerate() {
            if let Some(position) = position {
                by_position.entry(*position).or_default().push(place);
            }
        }
        let mut wanted = by_position.into_iter().peekable();
        while let Some((position, places)) = wanted.next() {
            let Some((first, known_at_ms, rows)) = self.entry(position)? else { continue };
            let end = first + rows.num_rows() as Position;
            let identities = identities(stream, &rows)?;
            let Some(ids) = identities.as_ref().and_then(Ids::of) else { continue };
            let versions = rows.column_by_name("version");
            let mut taken: Vec<u32> = Vec::new();
            let mut next = Some((position, places));
            while let Some((position, places)) = next {
                let row = (position - first) as usize;
                let begin = taken.len();
                let len = same_rows(&ids, versions, row, rows.num_rows());
                taken.extend((row..row + len).map(|row| row as u32));
                for place in places {
                    found.rows[place] = (begin < taken.len()).then_some((found.batches.len(), begin..taken.len()));
                }
                next = wanted.next_if(|(position, _)| *position < end);
            }
            let rows = take_record_batch(&rows, &UInt32Array::from(taken))?;
            found.batches.push(derive(&rows, known_at_ms)?);
        }
        Ok(found)
    }

    fn entry(&self, position: Position) -> Result<Option<(Position, i64, RecordBatch)>, StoreError> {
        let here = self.on_the_way.partition_point(|entry| entry.first <= position);
        if let Some(entry) = here.checked_sub(1).map(|place| &self.on_the_way[place])
            && position < entry.first + entry.rows.num_rows() as Position
        {
            return Ok(Some((entry.first, entry.known_at_ms, entry.rows.clone())));
        }
        match self.store.entry(position) {
            Ok(Some(entry)) => Ok(Some((entry.first, entry.known_at_ms, entry.decode_stream()?))),
            Ok(None) => Ok(None),
            Err(StoreError::Forgotten { first, .. }) => {
                metrics::counter!("haechi_profile_rows_forgotten_total").increment(1);
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        position,
                        journal_begins = first,
                        "features do without what records speak of, or replace, that was archived and forgotten; \
                         haechi_profile_rows_forgotten_total counts how often from here on"
                    );
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Of the versions of a subject the one that counts for what stands at a position.
pub(crate) fn counts_before(versions: &[SubjectVersion], position: Position) -> Option<SubjectVersion> {
    let before = versions.iter().filter(|known| known.decided && known.position < position);
    before.max_by_key(|known| known.version).copied()
}
