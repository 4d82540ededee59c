//! Decisions taken again, by the rules that took them, from the rows as the journal has them. What comes out has to be
//! what came out then; where it is not, either the engine or the disk is wrong, and somebody has to know.

mod sample;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_store::{Position, Store, StoreError, StoredDecisions, StoredEntry, SubjectVersion};

use crate::decide::DecideError;
use crate::explain::{Finding, UnknownRule, explain};
use crate::release::{Refused, Release, ReleaseContext};

pub use sample::sample;

/// Releases kept compiled: most replays are of the newest.
const COMPILED: usize = 3;

/// Why something cannot be decided again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules of then do not load.
    #[error("the rules in force at position {position} cannot be used: {source}")]
    Release {
        /// Where.
        position: Position,
        /// Why.
        source: Refused,
    },
    /// No rules were in force.
    #[error("the store has no rules for position {0}")]
    NoRelease(Position),
    /// The rules of then have none of this id.
    #[error("the rules in force at position {position}: {source}")]
    UnknownRule {
        /// Where.
        position: Position,
        /// Which.
        source: UnknownRule,
    },
    /// A subject that is known, by its other versions.
    #[error("no decision on version {version} of {stream} `{subject}` in the store; there is one on {}", listed(.decided))]
    NoVersion {
        /// Stream of the subject.
        stream: &'static str,
        /// Which subject.
        subject: String,
        /// The version asked for.
        version: i32,
        /// The versions that were decided on, rising.
        decided: Vec<i32>,
    },
    /// Draws would come out otherwise than then.
    #[error(
        "the decision at position {0} was made with another secret or policy: \
         name the secret of then as `HAECHI_SECRET` or in [rules] `secret_file`"
    )]
    AnotherSecret(Position),
    /// Deciding fails now.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// A decision, then and now.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Where the rows stand.
    pub position: Position,
    /// Hash of the release that decided, in hex.
    pub release: String,
    /// What was selected: rows of `published_schema`.
    pub then: RecordBatch,
    /// What is selected now, in the same columns.
    pub now: RecordBatch,
    /// Hits of then.
    pub hits_then: RecordBatch,
    /// Hits of now.
    pub hits_now: RecordBatch,
}

impl Replayed {
    /// Whether both are the same, to the last bit.
    pub fn same(&self) -> bool {
        self.then == self.now && self.hits_then == self.hits_now
    }

    /// Columns of the selections that differ.
    pub fn differing(&self) -> Vec<String> {
        let schema = self.then.schema();
        let columns = self.then.columns().iter().zip(self.now.columns()).zip(schema.fields());
        let mut names: Vec<String> =
            columns.filter(|((then, now), _)| then != now).map(|(_, field)| field.name().clone()).collect();
        if self.hits_then != self.hits_now {
            names.push("hits".to_owned());
        }
        names
    }
}

/// Decides again.
pub struct Replayer {
    store: Store,
    context: ReleaseContext,
    compiled: VecDeque<([u8; 32], Arc<Release>)>,
}

impl Replayer {
    /// Replays what this store has; `context` has to be that of then, above all the secret.
    pub fn new(store: Store, context: ReleaseContext) -> Self {
        Self { store, context, compiled: VecDeque::new() }
    }

    /// Every decision on a subject, or that on one version of it, oldest first. Versions that were archived and
    /// forgotten are passed over, unless there are no others.
    pub fn subject(
        &mut self,
        stream: &'static Stream,
        id: &str,
        version: Option<i32>,
    ) -> Result<Vec<Replayed>, ReplayError> {
        let (mut replayed, mut forgotten) = (Vec::new(), None);
        for known in self.decided(stream, id, version)? {
            let entry = match self.store.entry(known.position) {
                Err(error @ StoreError::Forgotten { .. }) => {
                    forgotten = Some(error);
                    continue;
                }
                entry => entry?,
            };
            let Some(entry) = entry else { continue };
            let Some(then) = self.store.selection(stream, id, Some(known.version))? else { continue };
            let rows = entry.decode()?;
            let first = (known.position - entry.first) as usize;
            let len = crate::stream::subject_rows(stream, &rows, first);
            replayed.push(self.rows(&entry, known.position, &rows.slice(first, len), &then)?);
        }
        match forgotten {
            Some(forgotten) if replayed.is_empty() => Err(forgotten.into()),
            _ => Ok(replayed),
        }
    }

    /// Why a subject was decided on as it was: the newest version, or the one asked for. `None` where the journal does
    /// not hold it. `rule` asks about one rule in particular, hit or not. What chance drew is explained under the secret
    /// of then or not at all.
    pub fn explain(
        &mut self,
        stream: &'static Stream,
        id: &str,
        version: Option<i32>,
        rule: Option<&str>,
    ) -> Result<Option<Finding>, ReplayError> {
        let Some(known) = self.decided(stream, id, version)?.pop() else { return Ok(None) };
        let Some(entry) = self.store.entry(known.position)? else { return Ok(None) };
        let Some(then) = self.store.selection(stream, id, Some(known.version))? else { return Ok(None) };
        let release = self.release(entry.first)?;
        let decider = release.decider(stream).ok_or(DecideError::NoRules(stream.name))?;
        let unknown = |source| ReplayError::UnknownRule { position: entry.first, source };
        let rule = rule.map(|rule| decider.rule_named(rule).map_err(unknown)).transpose()?;
        let rows = entry.decode()?;
        let first = (known.position - entry.first) as usize;
        let rows = rows.slice(first, crate::stream::subject_rows(stream, &rows, first));
        let again = self.rows(&entry, known.position, &rows, &then)?;
        if again.differing().iter().any(|column| column == "policy_hash") {
            return Err(ReplayError::AnotherSecret(known.position));
        }
        let derived = decider.derive_at(&rows, entry.known_at_ms)?;
        Ok(Some(explain(decider, &derived, rule)?))
    }

    /// The versions of a subject that were decided on, oldest first: all, or the one asked for.
    fn decided(
        &self,
        stream: &'static Stream,
        id: &str,
        version: Option<i32>,
    ) -> Result<Vec<SubjectVersion>, ReplayError> {
        let mut decided = self.store.versions(stream, [id])?.pop().unwrap_or_default();
        decided.retain(|known| known.decided);
        let Some(wanted) = version else { return Ok(decided) };
        let of_version: Vec<_> = decided.iter().filter(|known| known.version == wanted).copied().collect();
        if of_version.is_empty() && !decided.is_empty() {
            return Err(ReplayError::NoVersion {
                stream: stream.name,
                subject: id.to_owned(),
                version: wanted,
                decided: decided.iter().map(|known| known.version).collect(),
            });
        }
        Ok(of_version)
    }

    /// Every decision of a journal entry at once; `None` where nothing was decided in it.
    pub fn entry(&mut self, entry: &StoredEntry) -> Result<Option<Replayed>, ReplayError> {
        let Some(then) = self.store.decided(entry.first)? else { return Ok(None) };
        let rows = entry.decode()?;
        self.rows(entry, entry.first, &rows, &then).map(Some)
    }

    fn rows(
        &mut self,
        entry: &StoredEntry,
        position: Position,
        rows: &RecordBatch,
        then: &StoredDecisions,
    ) -> Result<Replayed, ReplayError> {
        let release = self.release(entry.first)?;
        let decider = release.decider(entry.stream).ok_or(DecideError::NoRules(entry.stream.name))?;
        let derived = decider.derive_at(rows, entry.known_at_ms)?;
        let decided = decider.decide_derived(&derived, entry.known_at_ms)?;
        let now = crate::stream::published(position, &decided.first_rows, &decided.selected.selections)?;
        Ok(Replayed {
            position,
            release: release.hash(),
            then: in_one(&then.selections)?,
            now: in_one(&now)?,
            hits_then: in_one(&then.hits()?)?,
            hits_now: in_one(&decided.hits)?,
        })
    }

    fn release(&mut self, position: Position) -> Result<Arc<Release>, ReplayError> {
        let no_release = || ReplayError::NoRelease(position);
        // Which release it is costs little to read, its files much.
        let named = self.store.release_summary_at(position)?.ok_or_else(no_release)?;
        if let Some((_, release)) = self.compiled.iter().find(|(hash, _)| *hash == named.hash) {
            return Ok(Arc::clone(release));
        }
        let (_, kept) = self.store.release_at(position)?.ok_or_else(no_release)?;
        let release =
            Release::restore(&kept, &self.context).map_err(|source| ReplayError::Release { position, source })?;
        let release = Arc::new(release);
        self.compiled.push_front((kept.hash, Arc::clone(&release)));
        self.compiled.truncate(COMPILED);
        Ok(release)
    }
}

/// Versions in words: `version 2`, `versions 1 and 2`, `versions 1, 2 and 5`.
fn listed(versions: &[i32]) -> String {
    let numbers: Vec<String> = versions.iter().map(ToString::to_string).collect();
    match numbers.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("versions {} and {last}", before.join(", ")),
        _ => format!("version {}", numbers.join("")),
    }
}

/// The same rows in arrays of their own, so that two batches compare by their values alone.
fn in_one(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let all = arrow::array::UInt32Array::from_iter_values(0..batch.num_rows() as u32);
    let taken = take_record_batch(batch, &all)?;
    concat_batches(&batch.schema(), [&taken])
}
