//! Journal, selections, positions and quarantine on disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod commit;
mod error;
mod options;
mod quarantine;
mod releases;
mod store;
mod stored;
mod subjects;
mod verify;

pub use commit::{Commit, Decisions, Encoded, Entry, Subjects};
pub use error::StoreError;
pub use options::StoreOptions;
pub use quarantine::{Outcome, QuarantineCount, QuarantineFilter, QuarantineState, Resolution, SetAsideRecord};
pub use releases::{Release, ReleaseSummary};
pub use store::Store;
pub use stored::{DeadLetter, KeyspaceSize, Sizes, StoredDecisions, StoredEntry};
pub use subjects::SubjectVersion;
pub use verify::{Progress, Report};

/// A place in the order of everything that came in: rising from 1, with gaps.
pub type Position = u64;
