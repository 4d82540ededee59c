//! The whole journal decided again, in one of two ways that must not be confused.
//!
//! *As known*: each record as it came, told what was known before it. That is what the rules would have done then, and with
//! the rules of then it is what they did. *As corrected*: each subject and each fact, where it first came, as it was
//! corrected last. Nobody knew that then: it says what rules find in the truth, not what they would have found.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use haechi_model::Stream;
use haechi_profile::{Profiler, Records};
use haechi_store::{Position, Store, SubjectVersion};
use serde::{Deserialize, Serialize};

use super::block::{Ids, identities, runs};
use super::history::{Journalled, Unread, UnreadRows, prepare, read, records_of};
use super::past::{Past, counts_before};
use super::remembering::{VersionsOf, settle_error};
use super::sequencer::SettleError;
use crate::decide::Decider;
use crate::memory::{MemoryPlan, beside};
use crate::release::Release;

/// Subjects told one by one.
const TOLD_MAX: usize = 20;

/// Which of the two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayMode {
    /// Each record as it came.
    AsKnown,
    /// Each as it was corrected last.
    AsCorrected,
}

impl ReplayMode {
    /// In words, for every report.
    pub fn label(self) -> &'static str {
        match self {
            Self::AsKnown => "as known: each record as it came, told what was known before it",
            Self::AsCorrected => {
                "as corrected: each record where it first came, as it was corrected last; nobody knew that then"
            }
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalReplay {
    /// Which way.
    pub mode: ReplayMode,
    /// By stream.
    pub streams: BTreeMap<String, StreamReplay>,
}

/// What came of one stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StreamReplay {
    /// Decisions that were taken again.
    pub decisions: u64,
    /// Of them those in another lane.
    pub other_lane: u64,
    /// By lane: how many were in it, and are now.
    pub lanes: BTreeMap<String, (u64, u64)>,
    /// The first that are in another lane: id, then, now.
    pub first: Vec<(String, String, String)>,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be decided again: {0}")]
pub struct JournalReplayError(String);

/// Decides the whole journal again by these rules. Nobody may write meanwhile.
pub fn replay_journal(store: &Store, release: &Release, mode: ReplayMode) -> Result<JournalReplay, JournalReplayError> {
    let failed = |error: SettleError| JournalReplayError(error.to_string());
    let again = Again {
        past: Past::new(store.clone(), std::sync::Arc::default()),
        profiler: release.memory.profiler(),
        release,
        replay: JournalReplay { mode, streams: BTreeMap::new() },
    };
    match mode {
        ReplayMode::AsKnown => again.known(),
        ReplayMode::AsCorrected => again.corrected(),
    }
    .map_err(failed)
}

struct Again<'a> {
    past: Past,
    profiler: Profiler,
    release: &'a Release,
    replay: JournalReplay,
}

impl Again<'_> {
    fn plan(&self) -> &MemoryPlan {
        &self.release.memory
    }

    fn known(mut self) -> Result<JournalReplay, SettleError> {
        let store = self.past.store().clone();
        let versions = |stream: &'static Stream, ids: &[&str]| store.versions(stream, ids.iter().copied());
        let Self { past, profiler, release, replay } = &mut self;
        for entry in past.entries(0) {
            let Journalled { stream, first, known_at_ms, rows } = entry?.read(false)?;
            let decider = release.decider(stream);
            let mut told = None;
            if release.memory.takes(stream) {
                let again = Unread {
                    stream,
                    first,
                    known_at_ms,
                    len: rows.num_rows(),
                    rows: UnreadRows::OnTheWay(rows.clone()),
                };
                read(&release.memory, (past, false), std::iter::once(Ok(again)), &versions, |records, _| {
                    told = Some(profiler.pass(&records, &wanted(decider)).map_err(settle_error)?);
                    Ok(())
                })?;
            }
            let Some(decider) = decider.filter(|_| stream.lanes.is_some()) else { continue };
            let Some(then) = store.decided(first)? else { continue };
            let derived = decider.derive_at(&without_features(&rows)?, known_at_ms)?;
            let derived = beside(&derived, decider.features(), &told.unwrap_or_default())?;
            let now = decider.decide_derived(&derived, known_at_ms)?;
            replay.compare(stream, &then.selections, &now.selected.selections)?;
        }
        Ok(self.replay)
    }

    fn corrected(mut self) -> Result<JournalReplay, SettleError> {
        let store = self.past.store().clone();
        let versions = |stream: &'static Stream, ids: &[&str]| store.versions(stream, ids.iter().copied());
        let entries: Vec<Position> =
            store.entries(0).map(|entry| entry.map(|entry| entry.first)).collect::<Result<_, _>>()?;
        for first in entries {
            let Some(entry) = store.entry(first)? else { continue };
            let (stream, known_at_ms, rows) = (entry.stream, entry.known_at_ms, entry.decode()?);
            if !self.plan().takes(stream) && self.release.decider(stream).is_none() {
                continue;
            }
            let of = records_of(stream, std::iter::once(&rows), &versions)?;
            let (runs, known) = of.into_iter().next().unwrap_or_default();
            // Records that were never corrected go together; one that was goes alone, with its last rows.
            let mut together: Option<Range<usize>> = None;
            for (run, known) in runs.iter().zip(&known) {
                let position = first + run.rows.start as Position;
                let counted = known.iter().filter(|version| version.decided);
                let is_first = counts_before(known, position).is_none()
                    && counted.clone().any(|version| version.position == position);
                let last = counted.max_by_key(|version| version.version).copied();
                match last {
                    Some(last) if is_first && last.position == position => {
                        let begin = together.take().map_or(run.rows.start, |rows| rows.start);
                        together = Some(begin..run.rows.end);
                    }
                    last => {
                        self.decide(stream, &rows, together.take(), first, known_at_ms, &versions)?;
                        if let Some(last) = last.filter(|_| is_first) {
                            self.decide_corrected(stream, last, position, known_at_ms, &versions)?;
                        }
                    }
                }
            }
            self.decide(stream, &rows, together, first, known_at_ms, &versions)?;
        }
        Ok(self.replay)
    }

    /// A record in its last version, where its first one stands.
    fn decide_corrected(
        &mut self,
        stream: &'static Stream,
        last: SubjectVersion,
        position: Position,
        known_at_ms: i64,
        versions: &VersionsOf<'_>,
    ) -> Result<(), SettleError> {
        let found = self.past.rows_at(stream, &[Some(last.position)], |rows, _| Ok::<_, SettleError>(rows.clone()))?;
        let Some(rows) = found.batches.first() else { return Ok(()) };
        let all = Some(0..rows.num_rows());
        self.decide(stream, rows, all, position, known_at_ms, versions)
    }

    /// Rows of a batch that begins at a position.
    fn decide(
        &mut self,
        stream: &'static Stream,
        rows: &RecordBatch,
        of: Option<Range<usize>>,
        first: Position,
        known_at_ms: i64,
        versions: &VersionsOf<'_>,
    ) -> Result<(), SettleError> {
        let Some(of) = of.filter(|of| !of.is_empty()) else { return Ok(()) };
        let first = first + of.start as Position;
        let rows = without_features(&rows.slice(of.start, of.len()))?;
        let decider = self.release.decider(stream);
        let mut told = Vec::new();
        if self.plan().takes(stream) {
            let Some(identities) = identities(stream, &rows)? else { return Ok(()) };
            let Some(ids) = Ids::of(&identities) else { return Ok(()) };
            let (runs, _) = runs(&ids, rows.column_by_name("version"), &[rows.num_rows()]);
            let mut starts: Vec<u32> = runs.iter().map(|run| run.rows.start as u32).collect();
            starts.push(rows.num_rows() as u32);
            // A fact speaks of its subject as that was corrected last, too.
            let prepared = prepare(self.plan(), &self.past, stream, &rows, known_at_ms, &|_| Position::MAX, versions)?;
            let known_at_ms = vec![known_at_ms; runs.len()];
            let known_at_ms = &known_at_ms;
            let records = Records { stream, rows: &prepared, starts: &starts, replaced: None, first, known_at_ms };
            told = self.profiler.pass(&records, &wanted(decider)).map_err(settle_error)?;
        }
        let Some(decider) = decider.filter(|_| stream.lanes.is_some()) else { return Ok(()) };
        let Some(then) = self.past.store().selections_at(&[first])?.pop().flatten() else { return Ok(()) };
        let derived = beside(&decider.derive_at(&rows, known_at_ms)?, decider.features(), &told)?;
        let now = decider.decide_derived(&derived, known_at_ms)?;
        let n = now.selected.selections.num_rows();
        let then = then.0.slice(then.1, n.min(then.0.num_rows() - then.1));
        self.replay.compare(stream, &then, &now.selected.selections)
    }
}

fn wanted(decider: Option<&Decider>) -> Vec<&str> {
    decider.iter().flat_map(|decider| decider.features().iter()).map(String::as_str).collect()
}

/// Rows without what was told with them then.
fn without_features(rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = rows.schema_ref();
    let kept: Vec<usize> = (0..rows.num_columns()).filter(|i| !schema.field(*i).name().contains('.')).collect();
    rows.project(&kept)
}

impl JournalReplay {
    /// Selections of the same subjects in the same order.
    fn compare(&mut self, stream: &Stream, then: &RecordBatch, now: &RecordBatch) -> Result<(), SettleError> {
        let texts = |batch: &RecordBatch, column: &str| -> Result<Vec<String>, SettleError> {
            let missing = || arrow::error::ArrowError::SchemaError(format!("no column `{column}`"));
            let texts = cast(batch.column_by_name(column).ok_or_else(missing)?, &DataType::Utf8)?;
            Ok(texts.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect())
        };
        let of = self.streams.entry(stream.name.to_owned()).or_default();
        let lanes = texts(then, "lane")?.into_iter().zip(texts(now, "lane")?);
        for (id, (then, now)) in texts(now, "subject_id")?.into_iter().zip(lanes) {
            of.decisions += 1;
            of.lanes.entry(then.clone()).or_default().0 += 1;
            of.lanes.entry(now.clone()).or_default().1 += 1;
            if then != now {
                of.other_lane += 1;
                if of.first.len() < TOLD_MAX {
                    of.first.push((id, then, now));
                }
            }
        }
        Ok(())
    }
}
