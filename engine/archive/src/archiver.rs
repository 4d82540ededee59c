//! Follows the store and archives what is new.
//!
//! Exactly once: before a round, its span is noted in the store, durably; then its files are put, each whole; then the
//! note says that it is done. Whatever happens in between, the same span is done again, and gives the same files under
//! the same names.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use haechi_model::DeriveContext;
use haechi_store::{Commit, Position, Store};
use metrics::{counter, gauge};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::compact::{MERGED_FOR, compact};
use crate::layout::{Dataset, Day, Span, list};
use crate::round::{Task, write};
use crate::{ArchiveError, ArchiveSettings, Place};

/// Under which the note stands among the states of the store.
const NOTE: &[u8] = b"archive";
/// How often is looked whether there are enough new rows to not wait any longer.
const LOOK: Duration = Duration::from_secs(1);
/// How often finished days are looked for.
const TEND_EVERY: Duration = Duration::from_hours(1);
/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_mins(5);

const MS_PER_HOUR: i64 = 3_600_000;
const DAYS_MS: i64 = 24 * MS_PER_HOUR;

/// Up to where all sinks have delivered; `None` where one has not begun.
type Delivered = Box<dyn Fn() -> Option<Position> + Send + Sync>;

/// The task that archives a store.
pub struct Archiver {
    store: Store,
    settings: ArchiveSettings,
    place: Place,
    context: DeriveContext,
    delivered: Option<Delivered>,
}

/// What a round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Its first position.
    pub first: Position,
    /// Its last position.
    pub last: Position,
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// What is to be done now.
#[derive(Clone, Copy)]
struct Work {
    begin: bool,
    archive: bool,
    tend: bool,
}

/// How far the archive is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// All up to here is archived.
    done: Position,
    /// Where the round in hand ends.
    until: Option<Position>,
}

impl Archiver {
    /// An archiver of a store. Fails where the address is wrong; that nobody answers there shows when it runs.
    pub fn new(store: Store, settings: ArchiveSettings) -> Result<Self, ArchiveError> {
        let place = Place::create(&settings.url)?;
        Ok(Self::at(store, settings, place))
    }

    /// An archiver that writes to a place, whatever the settings say.
    pub fn at(store: Store, settings: ArchiveSettings, place: Place) -> Self {
        Self { store, settings, place, context: DeriveContext::default(), delivered: None }
    }

    /// What derived columns follow from besides the rows: that of the service.
    pub fn with_context(mut self, context: &DeriveContext) -> Self {
        // Each row says itself when it was known.
        self.context = DeriveContext { now: None, ..context.clone() };
        self
    }

    /// Asks, before the store forgets, up to where all sinks have delivered. Without it, nothing is forgotten.
    pub fn with_delivered(mut self, delivered: impl Fn() -> Option<Position> + Send + Sync + 'static) -> Self {
        self.delivered = Some(Box::new(delivered));
        self
    }

    /// Archives until it is stopped. Failures are logged and counted, and tried again.
    pub async fn run(self, stop: CancellationToken) {
        let archiver = Arc::new(self);
        let (mut begun, mut pause) = (false, LOOK);
        let (mut archived, mut tended) = (Instant::now(), None::<Instant>);
        while !stop.is_cancelled() {
            let enough = archiver.waiting() >= archiver.settings.rows_max.max(1);
            let work = Work {
                begin: !begun,
                archive: enough || archived.elapsed() >= archiver.settings.every(),
                tend: tended.is_none_or(|at| at.elapsed() >= TEND_EVERY),
            };
            match archiver.work(work, &stop).await {
                Ok(()) => {
                    (begun, pause) = (true, LOOK);
                    archived = if work.archive { Instant::now() } else { archived };
                    tended = if work.tend { Some(Instant::now()) } else { tended };
                }
                Err(error) => {
                    counter!("haechi_archive_failures_total").increment(1);
                    pause = (pause * 2).min(PAUSE_MAX);
                    warn!(%error, retry_in = ?pause, "cannot archive; nothing is lost, and it is tried again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reading the store and encoding files block, so they are done on a thread for it.
    async fn work(self: &Arc<Self>, work: Work, stop: &CancellationToken) -> Result<(), ArchiveError> {
        if !(work.begin || work.archive || work.tend) {
            return Ok(());
        }
        let (archiver, stop) = (Arc::clone(self), stop.clone());
        let runtime = tokio::runtime::Handle::current();
        let worked = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                if work.begin {
                    archiver.begin().await?;
                }
                if work.archive {
                    archiver.catch_up(&stop).await?;
                }
                if work.tend && !stop.is_cancelled() {
                    archiver.tend().await?;
                }
                Ok(())
            })
        });
        match worked.await {
            Ok(worked) => worked,
            Err(error) if error.is_panic() => Err(ArchiveError::Panicked),
            // The runtime is going down, and we with it.
            Err(_) => Ok(()),
        }
    }

    /// What is to be done once: whether the archive is that of this store, and what a killed writer left.
    pub async fn begin(&self) -> Result<(), ArchiveError> {
        self.place.sweep_unfinished()?;
        let store = self.end();
        for dataset in Dataset::ALL {
            let listing = list(&self.place, dataset, None).await?;
            if let Some(file) = listing.current.iter().find(|file| file.span.last > store) {
                let path = file.meta.location.to_string();
                return Err(ArchiveError::Ahead { path, last: file.span.last, store });
            }
        }
        Ok(())
    }

    /// Archives everything that is in the store now, in as many rounds as it takes.
    pub async fn catch_up(&self, stop: &CancellationToken) -> Result<Vec<Round>, ArchiveError> {
        let end = self.end();
        let mut rounds: Vec<Round> = Vec::new();
        while rounds.last().is_none_or(|round| round.last < end)
            && let Some(round) = self.round(stop).await?
        {
            rounds.push(round);
        }
        Ok(rounds)
    }

    /// Archives what is new, of it the first rows up to the most that is written at once. `None` where nothing is, or
    /// it was stopped.
    #[tracing::instrument(name = "archive", skip_all)]
    pub async fn round(&self, stop: &CancellationToken) -> Result<Option<Round>, ArchiveError> {
        let note = self.note()?;
        let Some(until) = self.until(note)? else {
            self.report(note.done);
            return Ok(None);
        };
        if note.until.is_none() {
            self.put_note(Note { until: Some(until), ..note })?;
        }
        let span = Span { first: note.done + 1, last: until };
        let task = Task { place: &self.place, store: &self.store, context: &self.context, stop };
        let Some(written) = write(&task, span).await? else { return Ok(None) };
        self.put_note(Note { done: until, until: None })?;
        self.report(until);
        info!(first = span.first, last = span.last, rows = written.rows, bytes = written.bytes, "archived");
        Ok(Some(Round { first: span.first, last: span.last, rows: written.rows, bytes: written.bytes }))
    }

    /// Up to where all is archived.
    pub fn done(&self) -> Result<Position, ArchiveError> {
        Ok(self.note()?.done)
    }

    /// Merges the files of finished days, and lets the store forget what it need not keep.
    pub async fn tend(&self) -> Result<(), ArchiveError> {
        let wait = i64::from(self.settings.compact_after_hours) * MS_PER_HOUR;
        // The journal's own time: a day is over when something of a later one was archived.
        let today = Day::of_ms(self.store.last_known_at_ms() - wait);
        compact(&self.place, today, Utc::now(), MERGED_FOR).await?;
        self.forget().await
    }

    /// Lets the store forget days that are archived, delivered, and old enough.
    async fn forget(&self) -> Result<(), ArchiveError> {
        let keep = i64::from(self.settings.keep_days_in_store);
        let delivered = self.delivered.as_ref().and_then(|delivered| delivered());
        let (1.., Some(delivered)) = (keep, delivered) else { return Ok(()) };
        let kept_from = Day::of_ms(self.store.last_known_at_ms() - keep * DAYS_MS);
        let journal = list(&self.place, Dataset::Journal, None).await?;
        // The first position of the first day that is kept: files of one round may be of two days.
        let kept = journal.current.iter().filter(|file| file.partition.day >= kept_from);
        let first_kept = kept.map(|file| file.span.first).min().unwrap_or(Position::MAX);
        let before = first_kept.min(self.done()? + 1).min(delivered + 1);
        self.store.forget_before(before)?;
        Ok(())
    }

    /// The last position of the store.
    fn end(&self) -> Position {
        self.store.next_position().saturating_sub(1)
    }

    /// Positions that are not archived, about: 0 where that cannot be said.
    fn waiting(&self) -> u64 {
        self.done().map_or(0, |done| self.end().saturating_sub(done))
    }

    /// Where the round ends that is to be done: that in hand, or a new one. Entries are not cut.
    fn until(&self, note: Note) -> Result<Option<Position>, ArchiveError> {
        let end = self.end();
        if note.until.is_some() || end <= note.done {
            return Ok(note.until);
        }
        let target = end.min(note.done.saturating_add(self.settings.rows_max.max(1)));
        let entry = self.store.entry(target)?;
        Ok(Some(entry.map_or(target, |entry| entry.first + u64::from(entry.rows) - 1)))
    }

    fn note(&self) -> Result<Note, ArchiveError> {
        let note = self.store.state(NOTE)?;
        Ok(note.map(|note| serde_json::from_slice(&note)).transpose()?.unwrap_or_default())
    }

    fn put_note(&self, note: Note) -> Result<(), ArchiveError> {
        let state = vec![(NOTE.to_vec(), Some(serde_json::to_vec(&note)?))];
        let commit = Commit { state, ..Commit::default() };
        Ok(self.store.write(vec![commit.encode()?])?)
    }

    fn report(&self, done: Position) {
        gauge!("haechi_archive_position").set(done as f64);
        gauge!("haechi_archive_lag_positions").set(self.end().saturating_sub(done) as f64);
    }
}
