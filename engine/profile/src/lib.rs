//! What is known of every importer, route and traveller at the moment it matters.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod answers;
mod bag;
mod cell;
mod codec;
mod days;
mod ends;
mod entity;
mod exact;
mod facts;
mod journal;
mod latest;
mod network;
mod packs;
mod plan;
mod portrait;
mod profiler;
mod series;
mod shard;
mod shelf;
mod sketch;
mod sketched;
mod tiles;
mod undo;

pub use cell::{Answer, Keeps};
pub use plan::{AboutEntity, AboutFeature, ProfilePlan};
pub use portrait::{Portrait, Portrayed, Sitter};
pub use profiler::{Mark, ProfileError, Profiler, Records, Replaced};
pub use series::{Grain, LATE_DAYS, LATE_HOURS};
pub use shelf::{Position, Shelf, ShelfError, Shelved, StateId, shelved_upto};
pub use sketch::{DISTINCT_ERROR, FREQUENT_ERROR, QUANTILE_ERROR};
