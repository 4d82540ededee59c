//! What is committed at once.

use arrow::array::{ArrayRef, RecordBatch};
use haechi_model::Stream;

use crate::{Position, Release, Resolution, SetAsideRecord, StoreError, SubjectVersion};

/// All of it becomes durable and visible at one instant, or none of it.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Batches of rows with what was decided about them, by rising position.
    pub entries: Vec<Entry>,
    /// Units set aside.
    pub quarantined: Vec<(Position, SetAsideRecord)>,
    /// What became of units set aside before.
    pub resolved: Vec<(Position, Resolution)>,
    /// Where sources stand; `None` forgets.
    pub stands: Vec<(String, Option<String>)>,
    /// The rules in force from that position on.
    pub release: Option<(Position, Release)>,
    /// State of entities by key; `None` forgets.
    pub state: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// A batch of rows of one stream. Row `i` has position `first + i`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Position of the first row.
    pub first: Position,
    /// What the rows are.
    pub stream: &'static Stream,
    /// When they entered the journal, in ms since 1970 UTC.
    pub known_at_ms: i64,
    /// The rows, in the stream's columns or some of them.
    pub rows: RecordBatch,
    /// The subjects they belong to; `None` for streams without subjects.
    pub subjects: Option<Subjects>,
    /// What was decided about subjects. Those that are not in it came too late to be decided on, and are kept.
    pub decided: Option<Decisions>,
}

/// The subjects of an entry in the order of their rows, a place each in every column.
#[derive(Clone, Debug)]
pub struct Subjects {
    /// Identifiers: `Utf8`, or a dictionary of it.
    pub ids: ArrayRef,
    /// The version that these rows are.
    pub versions: Vec<i32>,
    /// The subject's first row, rising.
    pub first_rows: Vec<u32>,
    /// Hash of the content, by which a resend is recognised.
    pub contents: Vec<[u8; 16]>,
    /// Hash of the envelope; 0 without one.
    pub envelopes: Vec<u64>,
    /// Every version known before, of this commit and those not yet written too, as [`crate::Store::versions`] gives
    /// them. The index of a subject is written whole: what is missing here is forgotten.
    pub earlier: Vec<Vec<SubjectVersion>>,
}

/// Selections of an entry, with their hits.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// A row a selection, in `haechi_model::selection::selection_schema`.
    pub selections: RecordBatch,
    /// All their hits, in `haechi_model::selection::hit_schema`.
    pub hits: RecordBatch,
    /// The row of the entry that is the first of each selection's subject, rising: it gives the selection its position.
    pub first_rows: Vec<u32>,
}

/// A commit as it will stand on disk.
#[derive(Debug, Default)]
pub struct Encoded {}

impl Commit {
    /// Does all the work that a processor has with a commit (columns to bytes, compression, checksums, keys), on
    /// whatever thread it is called.
    pub fn encode(self) -> Result<Encoded, StoreError> {
        Ok(Encoded {})
    }
}
