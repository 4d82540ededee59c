//! The store itself: opening it, and what is asked of it besides the journal.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::{self, Acquire};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use arrow::array::RecordBatch;
use haechi_model::Stream;

use crate::columns::Schemas;
use crate::database::{Database, Durability, Put, Table, View, json_value, key_position, position_key};
use crate::meta::{self, Counts};
use crate::reading::not_forgotten;
use crate::write::Writer;
use crate::{
    DeadLetter, Encoded, KeyspaceSize, Position, QuarantineCount, QuarantineFilter, QuarantineState, Release,
    ReleaseSummary, SetAsideRecord, Sizes, StoreError, StoreOptions, StoredDecisions, SubjectVersion, migrate,
    releases, subjects,
};

/// How many values are forgotten at once.
const AT_ONCE: usize = 1_000;
/// How much sooner than its rows a message may have come.
const MESSAGE_AHEAD_MS: i64 = 3_600_000;
/// The file by which the database knows its folder.
const MARKER: &str = "version";

/// A key of ours and what is kept under it.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// An open store. Clones are the same store; the last one dropped closes it.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    path: PathBuf,
    options: StoreOptions,
    /// `None` once it is closed, and after an attempt to recover that failed.
    pub(crate) open: RwLock<Option<Database>>,
    /// Set under the writer's lock.
    closed: AtomicBool,
    pub(crate) writer: Mutex<Writer>,
    pub(crate) next: AtomicU64,
    pub(crate) known_at_ms: AtomicI64,
    /// What lies at or behind it is not forgotten.
    held: AtomicU64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path()).field("next", &self.next_position()).finish()
    }
}

impl Store {
    /// Opens the store in a folder, which is created, and brought to the current format where it is older. The folder
    /// is locked as long as the store is open.
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let database = Database::open(path, options)?;
        migrate::to_current(path, &database)?;
        database.load_schemas()?;
        let end = meta::end(&database.view())?;
        let store = Self(Arc::new(Inner {
            path: path.to_owned(),
            options: *options,
            open: RwLock::new(Some(database)),
            closed: AtomicBool::default(),
            writer: Mutex::default(),
            next: AtomicU64::default(),
            known_at_ms: AtomicI64::default(),
            held: AtomicU64::new(Position::MAX),
        }));
        store.set_end(end);
        Ok(store)
    }

    /// As [`Store::open`], where there is one already. Who only asks would else make an empty one of a slip in a path.
    pub fn open_existing(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        Self::find(path)?;
        Self::open(path, options)
    }

    /// Whether there is a store in a folder; it is not opened.
    pub fn find(path: &Path) -> Result<(), StoreError> {
        let unreadable =
            |error: std::io::Error| StoreError::NotRead { path: path.to_owned(), reason: error.to_string() };
        if path.join(MARKER).try_exists().map_err(unreadable)? {
            Ok(())
        } else {
            Err(StoreError::Missing { path: path.to_owned() })
        }
    }

    /// Closes it for all its clones and for good, so that another can be opened in the folder. Waits for whoever reads
    /// or writes; nothing is read or written any more.
    pub fn close(&self) {
        let _no_write = self.writer();
        self.0.closed.store(true, Ordering::Release);
        *self.0.open.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Acquire)
    }

    /// The folder it is in.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub(crate) fn options(&self) -> &StoreOptions {
        &self.0.options
    }

    /// The position after the last that was committed.
    pub fn next_position(&self) -> Position {
        self.0.next.load(Acquire)
    }

    /// When the last entry became known, in ms since 1970 UTC; 0 where there is none. Time goes on from here, also
    /// where the clock was set back.
    pub fn last_known_at_ms(&self) -> i64 {
        self.0.known_at_ms.load(Acquire)
    }

    /// Every version known of each subject, in the order of the identifiers: by version; none where it is new.
    pub fn versions<'a>(
        &self,
        stream: &Stream,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Vec<SubjectVersion>>, StoreError> {
        self.read(|view| {
            let mut key = Vec::new();
            ids.into_iter().map(|id| versions(view, stream, id, &mut key)).collect()
        })
    }

    /// A selection with its hits: that of a version, or the last one made. `None` where there is no such.
    pub fn selection(
        &self,
        stream: &Stream,
        id: &str,
        version: Option<i32>,
    ) -> Result<Option<StoredDecisions>, StoreError> {
        self.read(|view| {
            let versions = versions(view, stream, id, &mut Vec::new())?;
            let wanted =
                |known: &&SubjectVersion| known.decided && version.is_none_or(|wanted| wanted == known.version);
            let Some(SubjectVersion { position, .. }) = versions.iter().rev().find(wanted) else { return Ok(None) };
            let Some((key, value)) = view.last_at(Table::Decisions, &position_key(*position))? else {
                return not_forgotten(view, *position).map(|()| None);
            };
            let found = StoredDecisions::read(&key, &value, view.schemas())?.only(|at| at == *position)?;
            if found.selections.num_rows() == 1 {
                return Ok(Some(found));
            }
            not_forgotten(view, *position)?;
            Err(view.corrupt(Table::Decisions, &key, format!("it lacks the selection of position {position}")))
        })
    }

    /// Selections by position: each the row of a batch, in `haechi_model::selection::published_schema`, that it shares
    /// with others of its entry; `None` where there is none, or none any more. Every entry is decoded once, and best
    /// asked for everything at a time.
    pub fn selections_at(&self, positions: &[Position]) -> Result<Vec<Option<(RecordBatch, usize)>>, StoreError> {
        let mut found = vec![None; positions.len()];
        let mut rising: Vec<usize> = (0..positions.len()).collect();
        rising.sort_unstable_by_key(|place| positions[*place]);
        self.read(|view| {
            let mut entry: Option<(StoredDecisions, Vec<Position>)> = None;
            for place in rising {
                let position = positions[place];
                if entry.as_ref().is_none_or(|(decisions, _)| position >= decisions.end()) {
                    let Some((key, value)) = view.last_at(Table::Decisions, &position_key(position))? else { continue };
                    let decisions = StoredDecisions::read(&key, &value, view.schemas())?;
                    let of_entry = decisions.positions();
                    entry = Some((decisions, of_entry));
                }
                found[place] = entry.as_ref().and_then(|(decisions, of_entry)| {
                    Some((decisions.selections.clone(), of_entry.binary_search(&position).ok()?))
                });
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Where sources stand, of all that begin with `prefix`.
    pub fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|view| {
            let pairs = view.prefix(Table::Stands, prefix.as_bytes());
            pairs.map(|pair| pair.map(|(of, at)| (text(&of), text(&at)))).collect()
        })
    }

    /// Up to where everything was delivered to a sink.
    pub fn cursor(&self, sink: &str) -> Result<Option<Position>, StoreError> {
        self.read(|view| Ok(view.get(Table::Cursors, sink.as_bytes())?.and_then(|value| key_position(&value))))
    }

    /// Everything up to a position was delivered to a sink. Not synced: after a power cut some is delivered again.
    pub fn set_cursor(&self, sink: &str, delivered: Position) -> Result<(), StoreError> {
        self.note(&[Put::new(Table::Cursors, sink.as_bytes(), position_key(delivered))])
    }

    /// Forgets how far a sink is: it is no more.
    pub fn remove_cursor(&self, sink: &str) -> Result<(), StoreError> {
        self.note(&[Put::remove(Table::Cursors, sink.as_bytes())])
    }

    /// Keeps what a sink will never take. Not synced, and never lost where a cursor that is set after it is kept.
    pub fn put_dead_letters(&self, sink: &str, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let put = |letter: &DeadLetter| {
            Ok(Put::new(Table::DeadLetters, dead_letter_key(sink, letter.position), json_value(letter)?))
        };
        self.note(&letters.iter().map(put).collect::<Result<Vec<_>, StoreError>>()?)
    }

    /// Dead letters of a sink after a position, oldest first.
    pub fn dead_letters(&self, sink: &str, after: Position, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let prefix = dead_letter_prefix(sink);
        let from = dead_letter_key(sink, after.saturating_add(1));
        self.read(|view| {
            let pairs = view.from(Table::DeadLetters, &from);
            let of_sink = pairs.take_while(|pair| pair.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)));
            let letters = of_sink.take(limit).map(|pair| {
                let (key, value) = pair?;
                view.json(Table::DeadLetters, &key, &value)
            });
            letters.collect()
        })
    }

    /// Removes dead letters: they were delivered after all, or given up.
    pub fn remove_dead_letters(&self, sink: &str, positions: &[Position]) -> Result<(), StoreError> {
        let remove = |position: &Position| Put::remove(Table::DeadLetters, dead_letter_key(sink, *position));
        self.note(&positions.iter().map(remove).collect::<Vec<_>>())
    }

    /// Units set aside after a position, oldest first. Every unit after it is looked at until `limit` are found.
    pub fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, SetAsideRecord)>, StoreError> {
        self.read(|view| {
            let records = view.from(Table::Quarantine, &position_key(after.saturating_add(1))).map(|pair| {
                let (key, value) = pair?;
                let record: SetAsideRecord = view.json(Table::Quarantine, &key, &value)?;
                let position = key_position(&key);
                Ok((position.ok_or_else(|| view.corrupt(Table::Quarantine, &key, "its key is no position"))?, record))
            });
            let taken = |record: &Result<(_, SetAsideRecord), StoreError>| match record {
                Ok((_, record)) => filter.takes(record),
                Err(_) => true,
            };
            records.filter(taken).take(limit).collect()
        })
    }

    /// The unit that was set aside at a position.
    pub fn set_aside(&self, position: Position) -> Result<Option<SetAsideRecord>, StoreError> {
        let key = position_key(position);
        self.read(|view| match view.get(Table::Quarantine, &key)? {
            Some(value) => view.json(Table::Quarantine, &key, &value).map(Some),
            None => Ok(None),
        })
    }

    /// How many units are set aside, by code and state.
    pub fn quarantine_counts(&self) -> Result<Vec<QuarantineCount>, StoreError> {
        self.read(|view| Ok(Counts::read(view)?.list()))
    }

    /// The rules in force at a position, and from where on they are.
    pub fn release_at(&self, position: Position) -> Result<Option<(Position, Release)>, StoreError> {
        self.read(|view| releases::at(view, position))
    }

    /// The rules in force at a position, without the contents of their files.
    pub fn release_summary_at(&self, position: Position) -> Result<Option<ReleaseSummary>, StoreError> {
        self.read(|view| releases::summary_at(view, position))
    }

    /// All releases, oldest first, without the contents of their files.
    pub fn releases(&self) -> Result<Vec<ReleaseSummary>, StoreError> {
        self.read(|view| {
            let pairs = view.prefix(Table::Releases, b"");
            pairs.map(|pair| pair.and_then(|(key, value)| releases::read(view, &key, &value))).collect()
        })
    }

    /// State of an entity.
    pub fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|view| Ok(view.get(Table::State, key)?.map(|value| value.to_vec())))
    }

    /// State under each of these keys.
    pub fn states_at(&self, keys: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.read(|view| {
            let state = |key: Vec<u8>| Ok(view.get(Table::State, &key)?.map(|value| value.to_vec()));
            keys.into_iter().map(state).collect()
        })
    }

    /// Nothing from this position on is forgotten, until told otherwise: somebody will read it.
    pub fn hold(&self, from: Position) {
        self.0.held.store(from, Ordering::Release);
    }

    /// State whose keys begin with `prefix` and come after `after`, at most `limit`.
    pub fn states(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<KeyValue>, StoreError> {
        let from = after.unwrap_or(prefix);
        self.read(|view| {
            let pairs = view.from(Table::State, from);
            let inside = pairs.take_while(|pair| pair.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)));
            let fresh = inside.filter(|pair| pair.as_ref().map_or(true, |(key, _)| after.is_none_or(|a| **key > *a)));
            fresh.take(limit).map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
        })
    }

    /// How large it is.
    pub fn sizes(&self) -> Result<Sizes, StoreError> {
        let open = self.open_database();
        let database = self.opened(&open)?;
        let size = |table: Table| {
            let (bytes, values) = database.bytes_and_values(table);
            KeyspaceSize { keyspace: table.name(), bytes, values }
        };
        Ok(Sizes { keyspaces: Table::ALL.into_iter().map(size).collect(), log_bytes: database.log_bytes() })
    }

    /// Drops the entries that lie wholly before a position, and their decisions: they were archived. The index keeps
    /// every version of their subjects. The entry before the first one kept may stay as well. Units set aside before it
    /// go where they were resolved; what still waits stays. Messages ([`Store::messages`]) go with their rows. What is held ([`Store::hold`]) stays too.
    pub fn forget_before(&self, position: Position) -> Result<(), StoreError> {
        let position = position.min(self.next_position()).min(self.0.held.load(Acquire));
        // Written first, so that what is half removed counts as forgotten.
        let before = self.read(|view| {
            let kept = view.last_at(Table::Journal, &position_key(position))?.and_then(|(key, _)| key_position(&key));
            Ok(kept.unwrap_or(position).max(meta::forgotten(view)?))
        })?;
        let begin = self.read(meta::forgotten)?;
        // A message is a little older than its rows.
        let kept_since_ms = self.entry(before)?.map_or_else(|| self.last_known_at_ms(), |entry| entry.known_at_ms);
        self.note(&[meta::put_forgotten(before)])?;
        for table in [Table::Decisions, Table::Journal] {
            let mut from = 0;
            loop {
                let puts = self.read(|view| {
                    let keys = view.keys_from(table, &position_key(from));
                    let old = keys.take_while(|key| key.as_ref().map_or(true, |key| **key < position_key(before)[..]));
                    old.take(AT_ONCE).map(|key| key.map(|key| Put::remove(table, key))).collect::<Result<Vec<_>, _>>()
                })?;
                let Some(last) = puts.last().and_then(|put| key_position(&put.key)) else { break };
                self.note(&puts)?;
                from = last + 1;
            }
        }
        self.forget_resolved(before)?;
        self.forget_messages(kept_since_ms.saturating_sub(MESSAGE_AHEAD_MS))?;
        tracing::info!(from = begin, before, "archived positions are forgotten");
        let open = self.open_database();
        self.opened(&open)?.sync().map_err(|reason| self.not_written(reason))
    }

    fn forget_resolved(&self, before: Position) -> Result<(), StoreError> {
        let mut from = 0;
        loop {
            let (mut last, mut forgotten) = (None, Vec::new());
            self.read(|view| {
                for pair in view.from(Table::Quarantine, &position_key(from)).take(AT_ONCE) {
                    let (key, value) = pair?;
                    let Some(position) = key_position(&key).filter(|position| *position < before) else { break };
                    last = Some(position);
                    // One that cannot be read stays: verifying the store names it.
                    let record = view.json::<SetAsideRecord>(Table::Quarantine, &key, &value);
                    if record.is_ok_and(|record| record.state() != QuarantineState::Waiting) {
                        forgotten.push(position);
                    }
                }
                Ok(())
            })?;
            if !forgotten.is_empty() {
                // An ordinary write: they are counted, and nobody else may count meanwhile.
                self.write([Encoded { forgotten, ..Encoded::default() }])?;
            }
            let Some(last) = last else { return Ok(()) };
            from = last + 1;
        }
    }

    /// Writes what may be lost in a power cut.
    pub(crate) fn note(&self, puts: &[Put]) -> Result<(), StoreError> {
        if puts.is_empty() {
            return Ok(());
        }
        let write = || {
            let open = self.open_database();
            self.opened(&open)?.write(puts, Durability::System).map_err(|reason| self.not_written(reason))
        };
        // Where an earlier write failed, it may be long until a commit comes and recovers.
        write().or_else(|_| self.recover().and_then(|()| write()))
    }

    /// Reads at one instant.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&View<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.open_database();
        read(&self.opened(&open)?.view())
    }

    pub(crate) fn schemas(&self) -> Result<Arc<Schemas>, StoreError> {
        let open = self.open_database();
        Ok(Arc::clone(&self.opened(&open)?.schemas))
    }

    pub(crate) fn open_database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.0.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn opened<'a>(
        &self,
        open: &'a RwLockReadGuard<'_, Option<Database>>,
    ) -> Result<&'a Database, StoreError> {
        open.as_ref().ok_or_else(|| {
            if self.is_closed() {
                return self.closed();
            }
            StoreError::Unavailable { path: self.path().to_owned(), reason: "it could not recover yet".to_owned() }
        })
    }

    pub(crate) fn closed(&self) -> StoreError {
        StoreError::Closed { path: self.path().to_owned() }
    }

    pub(crate) fn not_written(&self, reason: String) -> StoreError {
        StoreError::NotWritten { path: self.path().to_owned(), reason }
    }
}

fn versions(view: &View<'_>, stream: &Stream, id: &str, key: &mut Vec<u8>) -> Result<Vec<SubjectVersion>, StoreError> {
    subjects::key(stream, id, key);
    let Some(value) = view.get(Table::Subjects, key)? else { return Ok(Vec::new()) };
    subjects::decode(&value).map_err(|reason| view.corrupt(Table::Subjects, key, reason))
}

fn dead_letter_prefix(sink: &str) -> Vec<u8> {
    [sink.as_bytes(), &[0]].concat()
}

fn dead_letter_key(sink: &str, position: Position) -> Vec<u8> {
    [dead_letter_prefix(sink).as_slice(), &position_key(position)].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
