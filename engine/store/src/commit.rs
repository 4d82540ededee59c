//! What is committed at once, and how it becomes bytes.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use haechi_model::Stream;
use haechi_model::selection::published_schema;

use crate::bytes::put_part;
use crate::columns::{self, WrittenSchema};
use crate::database::{Put, Table, json_value, position_key};
use crate::{
    Position, QuarantineState, Release, Resolution, SetAsideRecord, StoreError, SubjectVersion, envelope, releases,
    subjects,
};

/// All of it becomes durable and visible at one instant, or none of it.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Batches of rows with what was decided about them, by rising position.
    pub entries: Vec<Entry>,
    /// Units set aside.
    pub quarantined: Vec<(Position, SetAsideRecord)>,
    /// What became of units set aside before. Their text goes.
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

/// The subjects of an entry, or its facts, in the order of their rows, a place each in every column.
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
    /// Whether facts came after a later version of them, and do not count. Of subjects the decisions say that.
    pub late: bool,
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
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    pub(crate) puts: Vec<Put>,
    /// Schemas that values in `puts` need.
    pub(crate) schemas: Vec<WrittenSchema>,
    /// Files of rules, by their hash: written where they are not there yet.
    pub(crate) files: Vec<Put>,
    /// Code and state of each unit set aside.
    pub(crate) counted: Vec<(String, QuarantineState)>,
    pub(crate) resolved: Vec<(Position, Resolution)>,
    /// Resolved units to remove.
    pub(crate) forgotten: Vec<Position>,
    /// The first position it takes, and the one after the last.
    pub(crate) positions: Option<(Position, Position)>,
    pub(crate) known_at_ms: Option<i64>,
}

impl Commit {
    /// Does all the work that a processor has with a commit (columns to bytes, compression, checksums, keys), on
    /// whatever thread it is called.
    pub fn encode(self) -> Result<Encoded, StoreError> {
        let mut encoded = Encoded { resolved: self.resolved, ..Encoded::default() };
        for entry in &self.entries {
            encoded.entry(entry)?;
            encoded.index(entry)?;
        }
        for (position, record) in &self.quarantined {
            encoded.puts.push(Put::new(Table::Quarantine, position_key(*position), json_value(record)?));
            encoded.counted.push((record.code.clone(), record.state()));
            encoded.take(*position, *position + 1)?;
        }
        for (of, at) in self.stands {
            encoded.puts.push(Put { table: Table::Stands, key: of.into(), value: at.map(Into::into) });
        }
        for (key, value) in self.state {
            encoded.puts.push(Put { table: Table::State, key: key.into(), value: value.map(Into::into) });
        }
        if let Some((from, release)) = &self.release {
            encoded.puts.push(releases::put(*from, release)?);
            encoded.files = releases::files(release);
        }
        Ok(encoded)
    }
}

impl Encoded {
    /// About how many bytes will be written.
    pub fn bytes(&self) -> usize {
        let puts = self.puts.iter().chain(&self.files);
        puts.map(|put| put.key.len() + put.value.as_ref().map_or(0, |value| value.len())).sum()
    }

    /// The rows of an entry and its decisions.
    pub(crate) fn entry(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let rows = entry.rows.num_rows();
        if rows == 0 {
            return Err(inconsistent(format!("the entry at position {} has no rows", entry.first)));
        }
        self.take(entry.first, entry.first + rows as Position)?;
        self.known_at_ms = self.known_at_ms.max(Some(entry.known_at_ms));
        let key = position_key(entry.first);

        let mut body = Vec::new();
        let schema = columns::pack(&entry.rows, &mut body)?;
        self.need(schema);
        let head = head(entry, rows as u32);
        self.puts.push(Put::new(Table::Journal, key, envelope::seal(&head, &body)));

        if let Some(decisions) = &entry.decided {
            let body = self.decisions(entry.first, rows, decisions)?;
            self.puts.push(Put::new(Table::Decisions, key, envelope::seal(&head, &body)));
        }
        Ok(())
    }

    /// What the index gets of an entry.
    fn index(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let decided = entry.decided.as_ref().map_or(&[][..], |decisions| &decisions.first_rows);
        match &entry.subjects {
            Some(subjects) => self.subjects(entry, subjects, decided),
            None if decided.is_empty() => Ok(()),
            None => Err(inconsistent(format!("position {}: selections of no subjects", entry.first))),
        }
    }

    /// Selections with their positions, and hits.
    fn decisions(&mut self, first: Position, rows: usize, decisions: &Decisions) -> Result<Vec<u8>, StoreError> {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(published_schema);
        let Decisions { selections, hits, first_rows } = decisions;
        rising(first, first_rows, selections.num_rows(), rows)?;
        let positions =
            Int64Array::from_iter_values(first_rows.iter().map(|row| (first + Position::from(*row)) as i64));
        let columns = std::iter::once(Arc::new(positions) as ArrayRef).chain(selections.columns().iter().cloned());
        let selections = RecordBatch::try_new(Arc::clone(&SCHEMA), columns.collect())?;
        let mut body = Vec::new();
        for batch in [&selections, hits] {
            let mut packed = Vec::new();
            let schema = columns::pack(batch, &mut packed)?;
            self.need(schema);
            put_part(&packed, &mut body);
        }
        Ok(body)
    }

    /// The index entries of an entry's subjects. `decided` are the first rows of those that were decided on.
    fn subjects(&mut self, entry: &Entry, subjects: &Subjects, decided: &[u32]) -> Result<(), StoreError> {
        let Subjects { ids, versions, first_rows, contents, envelopes, earlier, late } = subjects;
        let facts_count = entry.stream.lanes.is_none() && !late;
        let ids: StringArray = match ids.data_type() {
            DataType::Utf8 => ids.as_string().clone(),
            _ => cast(ids, &DataType::Utf8)?.as_string().clone(),
        };
        let count = ids.len();
        rising(entry.first, first_rows, count, entry.rows.num_rows())?;
        if [versions.len(), contents.len(), envelopes.len(), earlier.len()] != [count; 4] || ids.null_count() > 0 {
            return Err(inconsistent(format!("position {}: not every subject has everything", entry.first)));
        }
        let mut decided = decided.iter().peekable();
        let mut key = Vec::new();
        self.puts.reserve(count);
        for (i, id) in ids.iter().flatten().enumerate() {
            let row = first_rows[i];
            let version = SubjectVersion {
                version: versions[i],
                position: entry.first + Position::from(row),
                content: contents[i],
                envelope: envelopes[i],
                decided: decided.next_if_eq(&&row).is_some() || facts_count,
            };
            subjects::key(entry.stream, id, &mut key);
            let value = if earlier[i].is_empty() {
                subjects::encode(&[version])
            } else {
                let mut all = earlier[i].clone();
                all.push(version);
                all.sort_by_key(|known| (known.version, known.position));
                subjects::encode(&all)
            };
            self.puts.push(Put::new(Table::Subjects, key.as_slice(), value));
        }
        match decided.next() {
            None => Ok(()),
            Some(row) => Err(inconsistent(format!("position {}: row {row} begins no subject", entry.first))),
        }
    }

    fn need(&mut self, schema: WrittenSchema) {
        if !self.schemas.iter().any(|known| known.id == schema.id) {
            self.schemas.push(schema);
        }
    }

    /// Takes positions. Entries rise among themselves; units set aside may lie between them.
    fn take(&mut self, first: Position, end: Position) -> Result<(), StoreError> {
        if first == 0 {
            return Err(inconsistent("positions begin at 1"));
        }
        self.positions = Some(self.positions.map_or((first, end), |(least, most)| (least.min(first), most.max(end))));
        Ok(())
    }
}

/// What is known of an entry without decompressing it.
fn head(entry: &Entry, rows: u32) -> Vec<u8> {
    let mut head = Vec::with_capacity(12 + entry.stream.name.len());
    head.extend_from_slice(&rows.to_le_bytes());
    head.extend_from_slice(&entry.known_at_ms.to_le_bytes());
    head.extend_from_slice(entry.stream.name.as_bytes());
    head
}

fn rising(first: Position, first_rows: &[u32], count: usize, rows: usize) -> Result<(), StoreError> {
    let inside = first_rows.last().is_none_or(|last| (*last as usize) < rows);
    if first_rows.len() == count && inside && first_rows.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(inconsistent(format!("position {first}: {count} subjects do not begin at their rows, one after the other")))
}

fn inconsistent(reason: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { reason: reason.into() }
}
