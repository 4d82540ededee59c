//! What a sink is: somewhere that selections are delivered to, in the order of the journal. The sinks themselves stand
//! one a file in [`crate::sinks`].
//!
//! A sink remembers nothing and repeats nothing by itself: whoever drives it keeps how far it is, calls
//! [`Sink::deliver`] again with pauses in between as long as it asks for that, and moves on when it is done. So a slow
//! or dead sink delays only itself.

use arrow::record_batch::RecordBatch;
use haechi_model::Stream;

use crate::source::BoxFuture;

/// Selections to deliver: those of one journal entry, or the later part of them.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What kind of subjects.
    pub stream: &'static Stream,
    /// A row a selection, by rising position; [`haechi_model::selection::published_schema`] has the columns. The
    /// position names the selection: it is the same however often it is delivered.
    pub selections: RecordBatch,
}

/// Somewhere that selections go.
pub trait Sink: Send {
    /// Its name, under which it is known how far it is.
    fn name(&self) -> &str;
    /// Called once before the first delivery, with the position up to which everything is known to have been delivered.
    /// Gives back where to go on from: the same, or further where the other side can tell that it has more.
    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>>;
    /// Delivers, and returns once the other side has it for good.
    fn deliver<'a>(&'a mut self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<(), DeliverError>>;
}

/// Why something was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// It may go better later: the same is to be delivered again, after a pause.
    #[error("{reason}")]
    Later {
        /// What happened.
        reason: String,
    },
    /// All was delivered but for these, which the other side will never take.
    #[error("{} selections were refused, the first: {}", .refused.len(), .refused.first().map_or("", |r| r.reason.as_str()))]
    Refused {
        /// Which, and why: they become dead letters.
        refused: Vec<Refusal>,
    },
}

/// A selection that the other side does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Position of the selection.
    pub position: u64,
    /// What the other side says.
    pub reason: String,
}
