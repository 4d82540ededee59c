//! What the stream keeps on disk: the journal of all that came in, what was decided about it, where sources and sinks
//! stand, what was set aside, and the rules that were in force.
//!
//! Begin at [`Commit`], which is what becomes durable at once, and at [`Store`]. Everything has a [`Position`]; a batch
//! of rows is an [`Entry`], and a selection is named for ever by the position of its subject's first row. Selections by
//! position are what sinks are fed from, so there is no outbox besides them.
//!
//! On one atomic write with one sync stands what the stream promises: nothing lost, nothing twice, the same answer to
//! whoever asks again. `write.rs` says what happens where a write fails, `log.rs` what is looked at before opening,
//! `envelope.rs` and `columns.rs` how values look, `migrate` how an older store becomes a current one.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

// Tests inside and outside share what makes entries.
#[cfg(test)]
extern crate self as haechi_store;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

mod bytes;
mod columns;
mod commit;
mod database;
mod envelope;
mod error;
mod log;
mod messages;
mod meta;
mod migrate;
mod options;
mod quarantine;
mod reading;
mod releases;
mod store;
mod stored;
mod subjects;
mod verify;
mod write;

pub use commit::{Commit, Decisions, Encoded, Entry, Subjects};
pub use error::StoreError;
pub use messages::{KeptAnswer, KeptMessage};
pub use options::StoreOptions;
pub use quarantine::{Outcome, QuarantineCount, QuarantineFilter, QuarantineState, Resolution, SetAsideRecord};
pub use releases::{Release, ReleaseSummary};
pub use store::{KeyValue, Store};
pub use stored::{DeadLetter, KeyspaceSize, Sizes, StoredDecisions, StoredEntry};
pub use subjects::SubjectVersion;
pub use verify::{Progress, Report};

/// A place in the order of everything that came in: rising from 1, with gaps.
pub type Position = u64;
