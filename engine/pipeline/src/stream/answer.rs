//! What a sender is told once everything it sent is committed.

use arrow::array::RecordBatch;
use haechi_model::intake::{SetAside, Warning};
use haechi_store::Position;

/// What became of a delivery, in the order of its rows. All of it is on disk.
#[derive(Debug, Default)]
pub struct Answer {
    /// Its subjects.
    pub subjects: Vec<Answered>,
    /// What was set aside, each under the position that the quarantine knows it by.
    pub set_aside: Vec<(Position, SetAside)>,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
}

/// What became of a subject.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its key.
    pub subject_id: String,
    /// The version that the rows are.
    pub version: i32,
    /// What the rows were.
    pub outcome: Outcome,
    /// Its selection: a row of a batch in `published_schema`. For what came late, that of the newest version; none where
    /// it was archived and is gone from the store.
    pub selection: Option<(RecordBatch, usize)>,
    /// Whether a newer version of the subject was known by then.
    pub superseded: bool,
}

/// What the rows of a subject were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// New, or a change: decided now.
    Selected,
    /// The same as before: answered as before.
    Repeated,
    /// Older than what was known: kept, and nothing changed.
    Late,
}

impl Outcome {
    /// As answers and metrics call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Selected => "selected",
            Self::Repeated => "repeated",
            Self::Late => "late",
        }
    }
}
