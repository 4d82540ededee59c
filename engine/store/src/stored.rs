//! What is read back.

use arrow::array::RecordBatch;
use haechi_model::Stream;
use serde::{Deserialize, Serialize};

use crate::{Position, StoreError};

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
}

impl StoredEntry {
    /// The rows, in the columns they were written with.
    pub fn decode(&self) -> Result<RecordBatch, StoreError> {
        Err(StoreError::Inconsistent { reason: "no rows".to_owned() })
    }
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
    /// Their hits, in `haechi_model::selection::hit_schema`.
    pub hits: RecordBatch,
}

impl StoredDecisions {
    /// Position of the last selection.
    pub fn last_position(&self) -> Position {
        self.first
    }
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
    /// How many values, about.
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
