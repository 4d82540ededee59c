//! The journal and its decisions, read in order.
//!
//! Iterators hold nothing of the database between two items: they read some values ahead, so that a reader who takes
//! its time keeps neither old tables on disk nor [`Store::recover`] waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::columns::Schemas;
use crate::database::{Pair, Table, View, position_key};
use crate::{Position, Store, StoreError, StoredDecisions, StoredEntry, meta};

/// How many values, and of how many bytes together, are read ahead.
const AHEAD_VALUES: usize = 64;
const AHEAD_BYTES: usize = 4 << 20;

/// Values of a keyspace by rising position, as they were when they were read; decoded only once they are asked for.
struct Ahead {
    store: Store,
    table: Table,
    /// Where to read on.
    from: Position,
    read: VecDeque<Result<Pair, StoreError>>,
    ended: bool,
}

impl Ahead {
    fn next<T>(
        &mut self,
        decode: impl Fn(&Arc<Schemas>, Pair) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        if self.read.is_empty() && !self.ended {
            self.read_on();
        }
        let pair = self.read.pop_front()?;
        Some(pair.and_then(|pair| decode(&self.store.schemas()?, pair)))
    }

    fn read_on(&mut self) {
        let mut pairs = Vec::new();
        let failed = self.store.read(|view| {
            // What lies before was removed, value by value: it takes time to walk over.
            let from = self.from.max(meta::forgotten(view)?);
            let mut bytes = 0;
            for pair in view.from(self.table, &position_key(from)) {
                let pair = pair?;
                bytes += pair.1.len();
                pairs.push(pair);
                if pairs.len() == AHEAD_VALUES || bytes >= AHEAD_BYTES {
                    return Ok(());
                }
            }
            self.ended = true;
            Ok(())
        });
        if let Some((key, _)) = pairs.last() {
            self.from = crate::database::key_position(key).map_or(Position::MAX, |last| last.saturating_add(1));
        }
        self.read.extend(pairs.into_iter().map(Ok));
        if let Err(error) = failed {
            self.ended = true;
            self.read.push_back(Err(error));
        }
    }
}

impl Store {
    /// The entry that has a position, if one has it.
    pub fn entry(&self, position: Position) -> Result<Option<StoredEntry>, StoreError> {
        self.read(|view| entry(view, position))
    }

    /// Entries from the one that has position `from` on. A corrupt one is an error in its place; a failure to read
    /// ends it.
    pub fn entries(&self, from: Position) -> impl Iterator<Item = Result<StoredEntry, StoreError>> + Send + use<> {
        let mut ahead = self.ahead(Table::Journal, from);
        let entries =
            std::iter::from_fn(move || ahead.next(|schemas, (key, value)| StoredEntry::read(&key, value, schemas)));
        // The one before `from` may end before it.
        entries.filter(move |entry| entry.as_ref().map_or(true, |entry| from < entry.end()))
    }

    /// Selections whose position is greater than `after`, an entry at a time. Rows are not read. A corrupt one is an
    /// error in its place; a failure to read ends it.
    pub fn decisions(
        &self,
        after: Position,
    ) -> impl Iterator<Item = Result<StoredDecisions, StoreError>> + Send + use<> {
        let mut ahead = self.ahead(Table::Decisions, after);
        std::iter::from_fn(move || {
            loop {
                let next = ahead.next(|schemas, (key, value)| {
                    let decisions = StoredDecisions::read(&key, &value, schemas)?;
                    if decisions.first > after { Ok(decisions) } else { decisions.only(|position| position > after) }
                })?;
                match next {
                    Ok(decisions) if decisions.selections.num_rows() == 0 => {}
                    next => return Some(next),
                }
            }
        })
    }

    /// The selections of the entry that begins at a position, if there are any.
    pub fn decided(&self, first: Position) -> Result<Option<StoredDecisions>, StoreError> {
        self.read(|view| {
            let key = position_key(first);
            let value = view.get(Table::Decisions, &key)?;
            value.map(|value| StoredDecisions::read(&key, &value, view.schemas())).transpose()
        })
    }

    /// From the value at or before `from` on.
    fn ahead(&self, table: Table, from: Position) -> Ahead {
        let begin = self.read(|view| view.last_at(table, &position_key(from)));
        let mut ahead = Ahead { store: self.clone(), table, from, read: VecDeque::new(), ended: false };
        match begin {
            Ok(Some((key, _))) => ahead.from = crate::database::key_position(&key).unwrap_or(from),
            Ok(None) => {}
            Err(error) => {
                ahead.ended = true;
                ahead.read.push_back(Err(error));
            }
        }
        ahead
    }
}

/// The entry that has a position.
pub(crate) fn entry(view: &View<'_>, position: Position) -> Result<Option<StoredEntry>, StoreError> {
    let entry = match view.last_at(Table::Journal, &position_key(position))? {
        Some((key, value)) => Some(StoredEntry::read(&key, value, view.schemas())?),
        None => None,
    };
    match entry.filter(|entry| position < entry.end()) {
        Some(entry) => Ok(Some(entry)),
        None => not_forgotten(view, position).map(|()| None),
    }
}

/// An error if what was at a position may have been forgotten.
pub(crate) fn not_forgotten(view: &View<'_>, position: Position) -> Result<(), StoreError> {
    let first = meta::forgotten(view)?;
    if position < first { Err(StoreError::Forgotten { position, first }) } else { Ok(()) }
}
