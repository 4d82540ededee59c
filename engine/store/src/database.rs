//! The database below: its keyspaces, how each is tuned, and its errors in our words.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fjall::config::{CompressionPolicy, HashRatioPolicy};
use fjall::{
    CompressionType, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, LsmError, PersistMode, Readable, Slice,
};

use crate::columns::Schemas;
use crate::{Position, StoreError, StoreOptions, log};

/// A keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Table {
    /// What holds for the whole store: its format, where it ends.
    Meta,
    /// Rows by position of the first.
    Journal,
    /// Selections and hits by position of the entry's first row.
    Decisions,
    /// Versions by stream and identifier.
    Subjects,
    /// Units set aside by position.
    Quarantine,
    /// Where sources stand.
    Stands,
    /// Rules by the position they are in force from.
    Releases,
    /// Files of rules by their hash.
    Files,
    /// Schemas by their hash.
    Schemas,
    /// How far sinks are.
    Cursors,
    /// Selections by sink and position.
    DeadLetters,
    /// State of entities.
    State,
    /// Messages as they came, by when and by their ids.
    Messages,
}

impl Table {
    pub const ALL: [Self; 13] = [
        Self::Meta,
        Self::Journal,
        Self::Decisions,
        Self::Subjects,
        Self::Quarantine,
        Self::Stands,
        Self::Releases,
        Self::Files,
        Self::Schemas,
        Self::Cursors,
        Self::DeadLetters,
        Self::State,
        Self::Messages,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Journal => "journal",
            Self::Decisions => "decisions",
            Self::Subjects => "subjects",
            Self::Quarantine => "quarantine",
            Self::Stands => "stands",
            Self::Releases => "releases",
            Self::Files => "files",
            Self::Schemas => "schemas",
            Self::Cursors => "cursors",
            Self::DeadLetters => "dead_letters",
            Self::State => "state",
            Self::Messages => "messages",
        }
    }

    /// How a key is named in messages: positions as numbers; what may be personal is not shown.
    pub fn show(self, key: &[u8]) -> String {
        match (self, key.try_into()) {
            (Self::Journal | Self::Decisions | Self::Quarantine | Self::Releases, Ok(position)) => {
                format!("position {}", Position::from_be_bytes(position))
            }
            (Self::Subjects, _) => {
                let stream = key.split(|byte| *byte == 0).next().unwrap_or_default();
                format!("a {}", String::from_utf8_lossy(stream))
            }
            (Self::Files | Self::Schemas, _) => hex(key),
            (Self::State | Self::Messages, _) => format!("a key of {} bytes", key.len()),
            _ => format!("`{}`", String::from_utf8_lossy(key).replace('\0', " ").trim()),
        }
    }

    fn options(self, options: &StoreOptions) -> KeyspaceCreateOptions {
        let tuned = KeyspaceCreateOptions::default().max_memtable_size(SMALL_BUFFER_BYTES);
        match self {
            // Values are compressed already, and large ones lie in files of their own, so that merging tables moves
            // keys and not rows.
            Self::Journal | Self::Decisions | Self::Messages => tuned
                .max_memtable_size(if self == Self::Messages { SMALL_BUFFER_BYTES } else { options.write_buffer_bytes })
                .data_block_compression_policy(CompressionPolicy::disabled())
                .with_kv_separation(Some(KvSeparationOptions::default().compression(CompressionType::None))),
            // Asked for by key, mostly in vain: a filter on every level, and a hash index for those that are there.
            Self::Subjects => tuned
                .max_memtable_size(options.write_buffer_bytes)
                .data_block_hash_ratio_policy(HashRatioPolicy::all(1.0)),
            _ => tuned,
        }
    }
}

const SMALL_BUFFER_BYTES: u64 = 4 << 20;

/// The key of a position: keys sort as positions do.
pub(crate) fn position_key(position: Position) -> [u8; 8] {
    position.to_be_bytes()
}

/// The position a key stands for.
pub(crate) fn key_position(key: &[u8]) -> Option<Position> {
    key.try_into().ok().map(Position::from_be_bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// One value to write, or a key to remove.
#[derive(Clone, Debug)]
pub(crate) struct Put {
    pub table: Table,
    pub key: Slice,
    pub value: Option<Slice>,
}

impl Put {
    pub fn new(table: Table, key: impl Into<Slice>, value: impl Into<Slice>) -> Self {
        Self { table, key: key.into(), value: Some(value.into()) }
    }

    pub fn remove(table: Table, key: impl Into<Slice>) -> Self {
        Self { table, key: key.into(), value: None }
    }
}

/// How durable a write is when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On disk.
    Disk,
    /// With the operating system: it survives the process. What is on disk after a power cut is a beginning of all
    /// writes in their order.
    System,
}

/// An open database.
pub(crate) struct Database {
    path: PathBuf,
    inner: fjall::Database,
    keyspaces: Vec<Keyspace>,
    pub schemas: Arc<Schemas>,
}

impl Database {
    /// Opens or creates it, with its log checked first.
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        log::check(path)?;
        let options = options.bounded();
        let builder = fjall::Database::builder(path)
            .cache_size(options.cache_bytes)
            .max_journaling_size(options.log_bytes_max)
            // Nearly all of it is compressed already.
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            .worker_threads(options.threads);
        let database = guarded(path, move || builder.open())?;
        let mut opened =
            Self { path: path.to_owned(), inner: database, keyspaces: Vec::new(), schemas: Arc::default() };
        for table in Table::ALL {
            let keyspace = guarded(path, || opened.inner.keyspace(table.name(), || table.options(&options)))?;
            opened.keyspaces.push(keyspace);
        }
        Ok(opened)
    }

    /// Reads the schemas. Not done in [`Database::open`]: what stands in other tables is only known once migrated.
    pub fn load_schemas(&self) -> Result<(), StoreError> {
        let view = self.view();
        for pair in view.prefix(Table::Schemas, b"") {
            let (key, value) = pair?;
            let id = key_position(&key).ok_or_else(|| view.corrupt(Table::Schemas, &key, "its key is no hash"))?;
            let message = view.sealed(Table::Schemas, &key, &value, |_, body| Ok(body))?;
            self.schemas.add(id, &message).map_err(|reason| view.corrupt(Table::Schemas, &key, reason))?;
        }
        Ok(())
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        &self.keyspaces[table as usize]
    }

    /// What is committed now.
    pub fn view(&self) -> View<'_> {
        View { database: self, snapshot: self.inner.snapshot() }
    }

    /// Writes all of it or nothing. The error says what happened; the database then takes nothing more.
    pub fn write(&self, puts: &[Put], durability: Durability) -> Result<(), String> {
        let mode = match durability {
            Durability::Disk => PersistMode::SyncData,
            Durability::System => PersistMode::Buffer,
        };
        let mut batch = self.inner.batch().durability(Some(mode));
        for put in puts {
            let keyspace = self.keyspace(put.table);
            match &put.value {
                Some(value) => batch.insert(keyspace, put.key.clone(), value.clone()),
                None => batch.remove(keyspace, put.key.clone()),
            }
        }
        batch.commit().map_err(|error| in_words(&error))
    }

    /// Syncs what was written with [`Durability::System`].
    pub fn sync(&self) -> Result<(), String> {
        self.inner.persist(PersistMode::SyncData).map_err(|error| in_words(&error))
    }

    /// Waits until tables are written about as fast as they fill. The database would wait by itself, for ever where
    /// writing tables failed; here that is seen.
    pub fn wait_for_room(&self) -> Result<(), String> {
        let full = |keyspace: &Keyspace| keyspace.sealed_memtable_count() > 2 || keyspace.l0_table_count() >= 18;
        while self.keyspaces.iter().any(full) {
            self.inner.persist(PersistMode::Buffer).map_err(|error| in_words(&error))?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    pub fn bytes_and_values(&self, table: Table) -> (u64, u64) {
        let keyspace = self.keyspace(table);
        (keyspace.disk_space(), keyspace.approximate_len() as u64)
    }

    pub fn log_bytes(&self) -> u64 {
        self.inner.journal_disk_space().unwrap_or_default()
    }
}

/// The store at one instant.
pub(crate) struct View<'a> {
    database: &'a Database,
    snapshot: fjall::Snapshot,
}

type Read<T> = Result<T, StoreError>;

/// A key and its value.
pub(crate) type Pair = (Slice, Slice);

impl<'a> View<'a> {
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Slice>, StoreError> {
        self.snapshot.get(self.database.keyspace(table), key).map_err(|error| self.error(table, key, &error))
    }

    pub fn contains(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.snapshot.contains_key(self.database.keyspace(table), key).map_err(|error| self.error(table, key, &error))
    }

    /// From `from` on, in order.
    pub fn from<'v>(&'v self, table: Table, from: &[u8]) -> impl Iterator<Item = Read<Pair>> + use<'a, 'v> {
        let range = self.snapshot.range(self.database.keyspace(table), from..);
        let from = from.to_vec();
        range.map(move |guard| guard.into_inner().map_err(|error| self.error(table, &from, &error)))
    }

    /// Keys from `from` on, in order, without their values.
    pub fn keys_from<'v>(&'v self, table: Table, from: &[u8]) -> impl Iterator<Item = Read<Slice>> + use<'a, 'v> {
        let range = self.snapshot.range(self.database.keyspace(table), from..);
        let from = from.to_vec();
        range.map(move |guard| guard.key().map_err(|error| self.error(table, &from, &error)))
    }

    /// Keys that begin with `prefix`, the last first.
    pub fn keys_back<'v>(&'v self, table: Table, prefix: &[u8]) -> impl Iterator<Item = Read<Slice>> + use<'a, 'v> {
        let range = self.snapshot.prefix(self.database.keyspace(table), prefix).rev();
        let prefix = prefix.to_vec();
        range.map(move |guard| guard.key().map_err(|error| self.error(table, &prefix, &error)))
    }

    /// All that begin with `prefix`, in order.
    pub fn prefix<'v>(&'v self, table: Table, prefix: &[u8]) -> impl Iterator<Item = Read<Pair>> + use<'a, 'v> {
        let range = self.snapshot.prefix(self.database.keyspace(table), prefix);
        let prefix = prefix.to_vec();
        range.map(move |guard| guard.into_inner().map_err(|error| self.error(table, &prefix, &error)))
    }

    /// The last at or before `key`.
    pub fn last_at(&self, table: Table, key: &[u8]) -> Result<Option<Pair>, StoreError> {
        let mut range = self.snapshot.range(self.database.keyspace(table), ..=key);
        let last = range.next_back().map(fjall::Guard::into_inner);
        last.transpose().map_err(|error| self.error(table, key, &error))
    }

    /// Checks a value's envelope, and reads its head and body.
    pub fn sealed<T>(
        &self,
        table: Table,
        key: &[u8],
        value: &[u8],
        read: impl FnOnce(&[u8], Vec<u8>) -> Result<T, String>,
    ) -> Result<T, StoreError> {
        let opened = crate::envelope::open(value);
        let read = opened.and_then(|opened| read(opened.head, opened.body()?));
        read.map_err(|reason| self.corrupt(table, key, reason))
    }

    /// A value of ours that is JSON.
    pub fn json<T: serde::de::DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
        value: &[u8],
    ) -> Result<T, StoreError> {
        self.sealed(table, key, value, |_, body| serde_json::from_slice(&body).map_err(|error| error.to_string()))
    }

    /// The schemas that rows were written with.
    pub fn schemas(&self) -> &Arc<Schemas> {
        &self.database.schemas
    }

    #[expect(clippy::unused_self, reason = "it reads as the others do")]
    pub fn corrupt(&self, table: Table, key: &[u8], reason: impl Into<String>) -> StoreError {
        corrupt(table, key, reason)
    }

    fn error(&self, table: Table, key: &[u8], error: &fjall::Error) -> StoreError {
        match error {
            fjall::Error::Io(_) | fjall::Error::Storage(LsmError::Io(_)) | fjall::Error::Poisoned => {
                StoreError::NotRead { path: self.database.path.clone(), reason: in_words(error) }
            }
            _ => corrupt(table, key, in_words(error)),
        }
    }
}

/// A value that is not what was written.
pub(crate) fn corrupt(table: Table, key: &[u8], reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { keyspace: table.name(), key: table.show(key), reason: reason.into() }
}

/// A value that is JSON, for disk.
pub(crate) fn json_value(value: &impl serde::Serialize) -> Result<Slice, StoreError> {
    let json = serde_json::to_vec(value).map_err(|error| StoreError::Inconsistent { reason: error.to_string() })?;
    Ok(crate::envelope::seal(&[], &json).into())
}

/// Does something with the database's files, whatever is in them: where it panics over what it finds, that is damage.
fn guarded<T>(path: &Path, work: impl FnOnce() -> fjall::Result<T>) -> Result<T, StoreError> {
    let path = path.to_owned();
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fjall::Error::Locked)) => Err(StoreError::Locked { path }),
        Ok(Err(error)) => Err(match &error {
            fjall::Error::Io(io) | fjall::Error::Storage(LsmError::Io(io)) if !is_damage(io) => {
                StoreError::Unavailable { path, reason: io.to_string() }
            }
            _ => StoreError::Damaged { path, reason: in_words(&error) },
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(StoreError::Damaged { path, reason: text.unwrap_or("its files do not fit together").to_owned() })
        }
    }
}

fn is_damage(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof | InvalidData | InvalidInput)
}

/// What the database says, in words that say what happened.
fn in_words(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(LsmError::Io(io)) => io.to_string(),
        fjall::Error::Poisoned => "an earlier write, or writing tables in the background, failed".to_owned(),
        fjall::Error::Storage(LsmError::ChecksumMismatch { .. }) => "a block does not have its checksum".to_owned(),
        fjall::Error::Storage(error) => format!("{error:?}"),
        fjall::Error::InvalidVersion(version) => format!("the database below has version {version:?}"),
        error => format!("{error:?}"),
    }
}
