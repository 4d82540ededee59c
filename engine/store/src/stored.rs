//! What is read back.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use fjall::Slice;
use haechi_model::Stream;
use haechi_model::selection::POSITION;
use serde::{Deserialize, Serialize};

use crate::bytes::Reader;
use crate::columns::{self, Schemas};
use crate::database::{Table, corrupt, key_position};
use crate::{Position, StoreError, envelope};

/// A batch of rows as it stands in the journal. The rows are decoded when they are asked for.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Position of the first row.
    pub first: Position,
    /// How many rows.
    pub rows: u32,
    /// What they are.
    pub stream: &'static Stream,
    /// When they entered the journal, in ms since 1970 UTC.
    pub known_at_ms: i64,
    value: Slice,
    schemas: Arc<Schemas>,
}

/// Selections of one journal entry, or some of them.
#[derive(Clone, Debug)]
pub struct StoredDecisions {
    /// Position of the first row of the entry.
    pub first: Position,
    /// What the subjects are.
    pub stream: &'static Stream,
    /// When their rows entered the journal, in ms since 1970 UTC.
    pub known_at_ms: i64,
    /// A row a selection by rising position, in `haechi_model::selection::published_schema`.
    pub selections: RecordBatch,
    /// Rows of the entry, decided on or not.
    rows: u32,
    hits: PackedHits,
}

/// Hits of a whole entry as they were written. Who delivers selections has no use for them.
#[derive(Clone)]
struct PackedHits {
    bytes: Buffer,
    schemas: Arc<Schemas>,
    /// Whether all selections of the entry are asked for.
    all: bool,
}

impl std::fmt::Debug for PackedHits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes of hits", self.bytes.len())
    }
}

impl StoredDecisions {
    /// Position of the last selection.
    pub fn last_position(&self) -> Position {
        let positions = self.selections.column_by_name(POSITION.name);
        let positions = positions.and_then(|array| array.as_primitive_opt::<Int64Type>());
        positions.and_then(|positions| positions.values().last()).map_or(self.first, |last| *last as Position)
    }
}

impl StoredEntry {
    /// An entry from disk, with its checksum looked at.
    pub(crate) fn read(key: &[u8], value: Slice, schemas: &Arc<Schemas>) -> Result<Self, StoreError> {
        let bad = |reason: String| corrupt(Table::Journal, key, reason);
        let opened = envelope::open(&value).map_err(bad)?;
        let (first, head) = (position(key).map_err(bad)?, Head::read(opened.head).map_err(bad)?);
        let Head { rows, known_at_ms, stream } = head;
        Ok(Self { first, rows, stream, known_at_ms, value, schemas: Arc::clone(schemas) })
    }

    /// The position after the last row.
    pub fn end(&self) -> Position {
        self.first + Position::from(self.rows)
    }

    /// Bytes it takes on disk.
    pub fn bytes(&self) -> usize {
        self.value.len()
    }

    /// The rows, in the columns they were written with.
    pub fn decode(&self) -> Result<RecordBatch, StoreError> {
        self.rows_by(columns::unpack)
    }

    /// The rows in the columns of their stream, without what else was kept with them.
    pub fn decode_stream(&self) -> Result<RecordBatch, StoreError> {
        self.rows_by(|bytes, schemas| columns::unpack_of(self.stream, bytes, schemas))
    }

    fn rows_by(
        &self,
        unpack: impl Fn(&[u8], &Schemas) -> Result<RecordBatch, String>,
    ) -> Result<RecordBatch, StoreError> {
        let decoded = envelope::open(&self.value).and_then(|opened| unpack(&opened.body()?, &self.schemas));
        let checked = decoded.and_then(|rows| {
            if rows.num_rows() == self.rows as usize {
                Ok(rows)
            } else {
                Err(format!("{} rows where {} were written", rows.num_rows(), self.rows))
            }
        });
        checked.map_err(|reason| corrupt(Table::Journal, &self.first.to_be_bytes(), reason))
    }
}

impl StoredDecisions {
    /// Decisions from disk.
    pub(crate) fn read(key: &[u8], value: &[u8], schemas: &Arc<Schemas>) -> Result<Self, StoreError> {
        let read = || {
            let opened = envelope::open(value)?;
            let Head { rows, known_at_ms, stream } = Head::read(opened.head)?;
            let body = opened.body()?;
            let mut parts = Reader(&body);
            let mut part = || parts.part().ok_or("it ends too early");
            let (selections, hits) = (columns::unpack(part()?, schemas)?, part()?.len());
            if selections.column_by_name(POSITION.name).is_none() || !names_subjects(&selections) {
                return Err("its columns are not those of selections".to_owned());
            }
            let after_hits = parts.0.len();
            let bytes = Buffer::from_vec(body);
            let bytes = bytes.slice_with_length(bytes.len() - after_hits - hits, hits);
            let hits = PackedHits { bytes, schemas: Arc::clone(schemas), all: true };
            Ok(Self { first: position(key)?, stream, known_at_ms, selections, rows, hits })
        };
        read().map_err(|reason| corrupt(Table::Decisions, key, reason))
    }

    /// Their hits, in `haechi_model::selection::hit_schema`; decoded anew each time they are asked for.
    pub fn hits(&self) -> Result<RecordBatch, StoreError> {
        let unpacked = columns::unpack(&self.hits.bytes, &self.hits.schemas).and_then(|hits| {
            let why = || "its columns are not those of hits".to_owned();
            if names_subjects(&hits) { Ok(hits) } else { Err(why()) }
        });
        let hits = unpacked.map_err(|reason| corrupt(Table::Decisions, &self.first.to_be_bytes(), reason))?;
        if self.hits.all {
            return Ok(hits);
        }
        // Hits name the subject and its version, and no version of a subject is decided on twice.
        let (kept, of_hits) = (Subjects::of(&self.selections)?, Subjects::of(&hits)?);
        let kept: HashSet<_> = kept.iter().collect();
        let keep: BooleanArray = of_hits.iter().map(|subject| Some(kept.contains(&subject))).collect();
        Ok(filter_record_batch(&hits, &keep)?)
    }

    /// The position after the last row of the entry.
    pub(crate) fn end(&self) -> Position {
        self.first + Position::from(self.rows)
    }

    /// Position of each selection.
    pub fn positions(&self) -> Vec<Position> {
        let positions = self.selections.column_by_name(POSITION.name).and_then(|p| p.as_primitive_opt::<Int64Type>());
        positions.map_or_else(Vec::new, |positions| positions.values().iter().map(|p| *p as Position).collect())
    }

    /// The selections whose positions `wanted` likes, with their hits.
    pub(crate) fn only(mut self, wanted: impl Fn(Position) -> bool) -> Result<Self, StoreError> {
        let keep: BooleanArray = self.positions().into_iter().map(|position| Some(wanted(position))).collect();
        if keep.true_count() == self.selections.num_rows() {
            return Ok(self);
        }
        self.selections = filter_record_batch(&self.selections, &keep)?;
        self.hits.all = false;
        Ok(self)
    }
}

fn names_subjects(batch: &RecordBatch) -> bool {
    ["subject_id", "version"].iter().all(|name| batch.column_by_name(name).is_some())
}

/// The subjects that the rows of a batch are about.
struct Subjects {
    ids: arrow::array::StringArray,
    versions: arrow::array::Int32Array,
}

impl Subjects {
    fn of(batch: &RecordBatch) -> Result<Self, StoreError> {
        let column = |name: &str, kind: &DataType| {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| StoreError::Inconsistent { reason: format!("no column `{name}`") })?;
            Ok::<_, StoreError>(cast(column, kind)?)
        };
        let ids = column("subject_id", &DataType::Utf8)?.as_string().clone();
        let versions = column("version", &DataType::Int32)?.as_primitive::<Int32Type>().clone();
        Ok(Self { ids, versions })
    }

    fn iter(&self) -> impl Iterator<Item = (&str, i32)> {
        (0..self.ids.len()).map(|row| (self.ids.value(row), self.versions.value(row)))
    }
}

/// What stands before an entry's rows and before its decisions.
struct Head {
    rows: u32,
    known_at_ms: i64,
    stream: &'static Stream,
}

impl Head {
    fn read(head: &[u8]) -> Result<Self, String> {
        let mut reader = Reader(head);
        let (rows, known_at_ms) = (reader.u32(), reader.i64());
        let name = String::from_utf8_lossy(reader.0);
        let stream =
            Stream::find(&name).ok_or_else(|| format!("it is of stream `{name}`, which this program lacks"))?;
        Ok(Self { rows: rows.ok_or("no rows")?, known_at_ms: known_at_ms.ok_or("no time")?, stream })
    }
}

fn position(key: &[u8]) -> Result<Position, String> {
    key_position(key).ok_or_else(|| format!("its key has {} bytes and is no position", key.len()))
}

/// A selection that a sink will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Position of the selection.
    pub position: Position,
    /// What the other side said.
    pub reason: String,
    /// When it was given up, in ms since 1970 UTC.
    pub at_ms: i64,
    /// How often it was tried.
    pub attempts: u32,
}

/// How large a keyspace is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyspaceSize {
    /// Its name.
    pub keyspace: &'static str,
    /// Bytes on disk, without what is in the log only.
    pub bytes: u64,
    /// How many values, about: one that was written over counts until tables are merged.
    pub values: u64,
}

/// How large the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Each keyspace.
    pub keyspaces: Vec<KeyspaceSize>,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
}
