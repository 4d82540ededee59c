//! What goes from sequencer to committer: a commit, and who waits for it.

use std::time::Instant;

use arrow::array::RecordBatch;
use haechi_model::Stream;
use haechi_model::intake::{SetAside, Warning};
use haechi_store::{Commit, Position};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Outcome;
use super::inbox::{Reply, Urgency};
use super::versions::Fate;

/// A commit in the making.
pub(crate) struct Work {
    /// Counts up from 1.
    pub number: u64,
    pub urgency: Urgency,
    /// The instant it is dated.
    pub now_ms: i64,
    pub commit: Commit,
    pub orders: Vec<Settled>,
    /// Subjects by stream and what their rows were.
    counts: Vec<(&'static str, &'static str, u64)>,
}

/// A delivery of it.
pub(crate) struct Settled {
    pub reply: Reply,
    pub arrived: Instant,
    pub warnings: Vec<Warning>,
    pub set_aside: Vec<(Position, SetAside)>,
    pub subjects: Vec<Pending>,
    pub replays: Option<(Position, String)>,
    /// Where the first of its subjects stands.
    pub first_position: Option<Position>,
    _room: OwnedSemaphorePermit,
}

/// What became of a subject, but for selections that are in the store alone.
pub(crate) struct Pending {
    pub subject_id: String,
    pub version: i32,
    pub outcome: Outcome,
    pub superseded: bool,
    /// Its selection; `None` where none counts for it.
    pub from: Option<From>,
}

/// Where the selection of a subject is.
pub(crate) enum From {
    /// A row of this batch.
    Here(RecordBatch, usize),
    /// In the store, at that position.
    Store(Position),
}

impl Work {
    pub fn new(number: u64, urgency: Urgency, now_ms: i64) -> Self {
        Self { number, urgency, now_ms, commit: Commit::default(), orders: Vec::new(), counts: Vec::new() }
    }

    /// Counts a subject.
    pub fn count(&mut self, stream: &'static Stream, fate: Fate) {
        let outcome = match fate {
            Fate::Accepted { .. } => Outcome::Selected.name(),
            Fate::Repeated { .. } => Outcome::Repeated.name(),
            Fate::Late { .. } => Outcome::Late.name(),
            Fate::Conflict { .. } => "conflict",
        };
        match self.counts.iter_mut().find(|(name, known, _)| *name == stream.name && *known == outcome) {
            Some((.., count)) => *count += 1,
            None => self.counts.push((stream.name, outcome, 1)),
        }
    }

    /// Adds what was counted to the metrics; called once it is committed.
    pub fn report(&self) {
        for (stream, outcome, count) in &self.counts {
            metrics::counter!("haechi_subjects_total", "stream" => *stream, "outcome" => *outcome).increment(*count);
        }
    }
}

impl Pending {
    /// Where its selection is to be read in the store, if that is so.
    pub fn in_store(&self) -> Option<Position> {
        match self.from {
            Some(From::Store(position)) => Some(position),
            _ => None,
        }
    }
}

impl Settled {
    pub fn new(reply: Reply, room: OwnedSemaphorePermit, arrived: Instant, warnings: Vec<Warning>) -> Self {
        Self {
            reply,
            arrived,
            warnings,
            set_aside: Vec::new(),
            subjects: Vec::new(),
            replays: None,
            first_position: None,
            _room: room,
        }
    }
}
