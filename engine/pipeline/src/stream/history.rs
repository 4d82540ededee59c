//! The journal read again for what is remembered: the records that counted, each with what it replaced, and facts with
//! the subjects that they speak of, as they were known then.

use arrow::array::RecordBatch;
use haechi_model::Stream;
use haechi_profile::{Records, Replaced};
use haechi_store::{Position, StoreError, SubjectVersion};

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

impl Journalled {
    /// The position after the last row.
    pub fn end(&self) -> Position {
        self.first + self.rows.num_rows() as Position
    }
}

/// Gives the records of these entries that counted when they came, and their rows as the journal has them.
pub(super) fn read(
    plan: &MemoryPlan,
    past: &Past,
    entries: impl Iterator<Item = Result<Journalled, StoreError>>,
    versions: &VersionsOf<'_>,
    mut each: impl FnMut(Records<'_>, &RecordBatch) -> Result<(), SettleError>,
) -> Result<(), SettleError> {
    for entry in entries {
        let Journalled { stream, first, known_at_ms, rows } = entry?;
        if !plan.takes(stream) {
            continue;
        }
        let (runs, known) = records_of(stream, &rows, versions)?;
        if runs.is_empty() {
            continue;
        }
        let at = |row: usize| first + row as Position;
        // An entry holds what counts, or what came too late to.
        let late = |(run, known): (&Run, &Vec<SubjectVersion>)| {
            known.iter().any(|version| version.position == at(run.rows.start) && !version.decided)
        };
        if runs.iter().zip(&known).any(late) {
            continue;
        }
        let replaces: Vec<Replaces> = runs
            .iter()
            .zip(&known)
            .map(|(run, known)| counts_before(known, at(run.rows.start)))
            .map(|before| before.map_or(Replaces::Nothing, |before| Replaces::At(before.position)))
            .collect();
        let mut starts: Vec<u32> = runs.iter().map(|run| run.rows.start as u32).collect();
        starts.push(rows.num_rows() as u32);
        let prepared = prepare(plan, past, stream, &rows, known_at_ms, &at, versions)?;
        let replaced = replaced_rows(plan, past, stream, &replaces, known_at_ms, versions)?;
        let replaced = replaced.as_ref().map(|(rows, starts)| Replaced { rows, starts });
        each(Records { stream, rows: &prepared, starts: &starts, replaced, first, known_at_ms }, &rows)?;
    }
    Ok(())
}

/// The records that rows of one stream are, each with every version known of it.
pub(super) fn records_of(
    stream: &'static Stream,
    rows: &RecordBatch,
    versions: &VersionsOf<'_>,
) -> Result<(Vec<Run>, Vec<Vec<SubjectVersion>>), SettleError> {
    let identities = identities(stream, rows)?;
    let Some(ids) = identities.as_ref().and_then(Ids::of) else { return Ok((Vec::new(), Vec::new())) };
    let (runs, _) = runs(&ids, rows.column_by_name("version"), &[rows.num_rows()]);
    let of_run: Vec<&str> = runs.iter().map(|run| ids.get(run.rows.start).unwrap_or_default()).collect();
    let known = versions(stream, &of_run)?;
    Ok((runs, known))
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
