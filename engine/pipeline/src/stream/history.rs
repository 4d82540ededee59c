//! The journal read again for what is remembered: the records that counted, each with what it replaced, and facts with
//! the subjects that they speak of, as they were known then.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_profile::{Records, Replaced};
use haechi_store::{Position, StoreError, StoredEntry, SubjectVersion};
use rayon::prelude::*;

use super::block::{Ids, Run, identities, runs};
use super::past::{Past, counts_before};
use super::remembering::{Replaces, VersionsOf};
use super::sequencer::SettleError;
use crate::memory::{MemoryPlan, join_subjects, put_together};

/// Rows of the journal.
pub(super) struct Journalled {
    pub stream: &'static Stream,
    pub first: Position,
    pub known_at_ms: i64,
    pub rows: RecordBatch,
}

/// The same before it is decoded.
pub(super) struct Unread {
    pub stream: &'static Stream,
    pub first: Position,
    pub known_at_ms: i64,
    /// How many rows it has.
    pub len: usize,
    pub rows: UnreadRows,
}

/// Where rows of the journal are.
pub(super) enum UnreadRows {
    Stored(StoredEntry),
    OnTheWay(RecordBatch),
}

impl Unread {
    /// The position after the last row.
    pub fn end(&self) -> Position {
        self.first + self.len as Position
    }

    /// Its rows; with what was told of them, or the columns of their stream alone.
    pub fn read(self, with_told: bool) -> Result<Journalled, StoreError> {
        let Self { stream, first, known_at_ms, rows, .. } = self;
        let rows = match rows {
            UnreadRows::Stored(entry) if with_told => entry.decode()?,
            UnreadRows::Stored(entry) => entry.decode_stream()?,
            UnreadRows::OnTheWay(rows) => rows,
        };
        Ok(Journalled { stream, first, known_at_ms, rows })
    }
}

/// Rows that are made known at once, where entries are smaller.
const ROWS_AT_ONCE: usize = 4_096;

/// Gives the records of these entries that counted when they came, with those entries. Entries of one stream that stand
/// behind each other come together: each record sees what came before it, however they are cut.
pub(super) fn read(
    plan: &MemoryPlan,
    (past, with_told): (&Past, bool),
    entries: impl Iterator<Item = Result<Unread, StoreError>>,
    versions: &VersionsOf<'_>,
    mut each: impl FnMut(Records<'_>, &[Journalled]) -> Result<(), SettleError>,
) -> Result<(), SettleError> {
    let mut entries = entries.peekable();
    while let Some(first) = entries.next().transpose()? {
        if !plan.takes(first.stream) {
            continue;
        }
        let stream = first.stream;
        let (mut rows, mut end) = (first.len, first.end());
        let mut unread = vec![first];
        while let Some(Ok(next)) = entries.next_if(|next| {
            let fits = |next: &Unread| next.stream == stream && next.first == end && rows + next.len <= ROWS_AT_ONCE;
            next.as_ref().is_ok_and(fits)
        }) {
            (rows, end) = (rows + next.len, next.end());
            unread.push(next);
        }
        // Each with its rows as they are remembered.
        let read = |entry: Unread| -> Result<_, SettleError> {
            let entry = entry.read(with_told)?;
            let derived = plan.derive(stream, &entry.rows, entry.known_at_ms)?;
            Ok((entry, derived))
        };
        let (together, derived): (Vec<Journalled>, Vec<RecordBatch>) =
            unread.into_par_iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let of = records_of(stream, together.iter().map(|entry| &entry.rows), versions)?;
        let of: Vec<OfEntry> = together.iter().zip(of).map(|(entry, of)| OfEntry::new(entry, of)).collect();
        let mut begin = 0;
        // An entry holds what counts, or what came too late to.
        for counting in of.split(|of| !of.counts) {
            let part = begin..begin + counting.len();
            begin = part.end + 1;
            if !part.is_empty() {
                let derived = &derived[part.clone()];
                known_again(plan, past, (&together[part], derived, counting), versions, &mut each)?;
            }
        }
    }
    Ok(())
}

/// The records of an entry.
struct OfEntry {
    /// The first row of each.
    starts: Vec<usize>,
    replaces: Vec<Replaces>,
    /// Whether they counted when they came.
    counts: bool,
}

impl OfEntry {
    fn new(entry: &Journalled, (runs, known): RecordsOf) -> Self {
        let at = |run: &Run| entry.first + run.rows.start as Position;
        let late = |(run, known): (&Run, &Vec<SubjectVersion>)| {
            known.iter().any(|version| version.position == at(run) && !version.decided)
        };
        let counts = !runs.is_empty() && !runs.iter().zip(&known).any(late);
        let replaces = runs.iter().zip(&known).map(|(run, known)| counts_before(known, at(run)));
        let replaces = replaces.map(|before| before.map_or(Replaces::Nothing, |it| Replaces::At(it.position)));
        Self { replaces: replaces.collect(), starts: runs.iter().map(|run| run.rows.start).collect(), counts }
    }
}

/// Gives the records of entries that stand behind each other.
fn known_again(
    plan: &MemoryPlan,
    past: &Past,
    (entries, derived, of): (&[Journalled], &[RecordBatch], &[OfEntry]),
    versions: &VersionsOf<'_>,
    each: &mut impl FnMut(Records<'_>, &[Journalled]) -> Result<(), SettleError>,
) -> Result<(), SettleError> {
    let (stream, first) = (entries[0].stream, entries[0].first);
    let (mut starts, mut known_at_ms, mut replaces) = (Vec::new(), Vec::new(), Vec::new());
    for (entry, of) in entries.iter().zip(of) {
        let begin = (entry.first - first) as usize;
        starts.extend(of.starts.iter().map(|start| (begin + start) as u32));
        known_at_ms.resize(starts.len(), entry.known_at_ms);
        replaces.extend(of.replaces.iter().cloned());
    }
    starts.push(entries.iter().map(|entry| entry.rows.num_rows()).sum::<usize>() as u32);
    let rows = if let [rows] = derived { rows.clone() } else { concat_batches(derived[0].schema_ref(), derived)? };
    let rows = joined(plan, past, stream, &rows, &|row| first + row as Position, versions)?;
    let replaced = replaced_rows(plan, past, stream, &replaces, entries[0].known_at_ms, versions)?;
    let replaced = replaced.as_ref().map(|(rows, starts)| Replaced { rows, starts });
    each(Records { stream, rows: &rows, starts: &starts, replaced, first, known_at_ms: &known_at_ms }, entries)
}

/// Records, each with every version known of it.
pub(super) type RecordsOf = (Vec<Run>, Vec<Vec<SubjectVersion>>);

/// The records that the rows of entries of one stream are, by entry.
pub(super) fn records_of<'a>(
    stream: &'static Stream,
    entries: impl Iterator<Item = &'a RecordBatch>,
    versions: &VersionsOf<'_>,
) -> Result<Vec<RecordsOf>, SettleError> {
    let entries: Vec<_> =
        entries.map(|rows| Ok((rows, identities(stream, rows)?))).collect::<Result<_, ArrowError>>()?;
    let mut of: Vec<RecordsOf> = Vec::with_capacity(entries.len());
    let mut named: Vec<&str> = Vec::new();
    for (rows, identities) in &entries {
        let ids = identities.as_ref().and_then(Ids::of);
        let runs = ids.map_or(Vec::new(), |ids| {
            let (runs, _) = runs(&ids, rows.column_by_name("version"), &[rows.num_rows()]);
            named.extend(runs.iter().map(|run| ids.get(run.rows.start).unwrap_or_default()));
            runs
        });
        of.push((runs, Vec::new()));
    }
    let mut known = versions(stream, &named)?.into_iter();
    for (runs, of) in &mut of {
        of.extend(known.by_ref().take(runs.len()));
    }
    Ok(of)
}

/// Rows in the columns that are remembered, those of the subjects that they speak of among them: of these the version
/// that counted at `at`, the position of a row.
pub(super) fn prepare(
    plan: &MemoryPlan,
    past: &Past,
    stream: &'static Stream,
    rows: &RecordBatch,
    known_at_ms: i64,
    at: &dyn Fn(usize) -> Position,
    versions: &VersionsOf<'_>,
) -> Result<RecordBatch, SettleError> {
    joined(plan, past, stream, &plan.derive(stream, rows, known_at_ms)?, at, versions)
}

/// Rows, derived before, with the columns of the subjects that they speak of.
fn joined(
    plan: &MemoryPlan,
    past: &Past,
    stream: &'static Stream,
    rows: &RecordBatch,
    at: &dyn Fn(usize) -> Position,
    versions: &VersionsOf<'_>,
) -> Result<RecordBatch, SettleError> {
    join_subjects(plan, stream, rows, |joined, ids| {
        let named: Vec<&str> = ids.iter().flatten().copied().collect();
        let mut known = versions(joined.subject, &named)?.into_iter();
        let position = |(row, id): (usize, Option<&str>)| {
            id?;
            let known = known.next()?;
            counts_before(&known, at(row)).map(|version| version.position)
        };
        let positions: Vec<Option<Position>> = ids.iter().copied().enumerate().map(position).collect();
        past.rows_at(joined.subject, &positions, |rows, known_at_ms| {
            Ok::<_, SettleError>(plan.derive_joined(joined, rows, known_at_ms)?)
        })
    })
}

/// The rows that records replace, as they were remembered, and where those of each record begin.
pub(super) fn replaced_rows(
    plan: &MemoryPlan,
    past: &Past,
    stream: &'static Stream,
    replaces: &[Replaces],
    now_ms: i64,
    versions: &VersionsOf<'_>,
) -> Result<Option<(RecordBatch, Vec<u32>)>, SettleError> {
    if replaces.iter().all(|replaces| matches!(replaces, Replaces::Nothing)) {
        return Ok(None);
    }
    let positions: Vec<Option<Position>> = replaces
        .iter()
        .map(|replaces| match replaces {
            Replaces::At(position) => Some(*position),
            Replaces::Nothing | Replaces::Rows(_) => None,
        })
        .collect();
    let mut found = past.rows_at(stream, &positions, |rows, known_at_ms| {
        Ok::<_, SettleError>(plan.derive(stream, rows, known_at_ms)?)
    })?;
    if !plan.joined(stream).is_empty() {
        // What a fact spoke of is that which counted at its own place then: that of the record, for each of its rows.
        let mut at: Vec<Vec<Position>> = found.batches.iter().map(|batch| vec![0; batch.num_rows()]).collect();
        for (position, place) in positions.iter().zip(&found.rows) {
            if let (Some(position), Some((batch, rows))) = (position, place) {
                at[*batch][rows.clone()].fill(*position);
            }
        }
        for (batch, at) in found.batches.iter_mut().zip(at) {
            *batch = joined(plan, past, stream, batch, &|row| at[row], versions)?;
        }
    }
    for (replaces, place) in replaces.iter().zip(&mut found.rows) {
        if let Replaces::Rows(rows) = replaces {
            *place = Some((found.batches.len(), 0..rows.num_rows()));
            found.batches.push(prepare(plan, past, stream, rows, now_ms, &|_| Position::MAX, versions)?);
        }
    }
    if found.batches.is_empty() {
        return Ok(None);
    }
    Ok(Some(put_together(&found.batches, &found.rows)?))
}
