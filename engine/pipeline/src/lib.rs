//! The whole path, put together: read, derive, evaluate, select, write.
//!
//! Begin at [`Packs`] (rule packs, checked) and [`run()`] for files, or [`stream`] for what never ends. Decisions are taken in `haechi-evaluate` and `haechi-select`,
//! columns are derived in `haechi-model`, bytes are read in `haechi-connectors`; here they only meet.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod catalogue;
mod count;
mod counting;
mod decide;
mod explain;
mod hits;
mod input;
pub mod live;
mod memory;
mod outputs;
mod packs;
mod profile_tests;
pub mod release;
pub mod replay;
mod rule_tests;
mod run;
pub mod stream;
mod sweep;

pub use catalogue::{CatalogueEntity, CatalogueFeature, catalogue};
pub use count::{CountReport, count};
pub use counting::{CountError, Rows};
pub use decide::{DecideError, Decided, Decider};
pub use explain::{Finding, Origin, RuleHit, UnknownRule, find_subject};
pub use haechi_profile::{Answer, Portrait, Portrayed, ProfileError};
pub use input::{Inputs, Progress, ReadFailure};
pub use memory::Memory;
pub use packs::Packs;
pub use profile_tests::{FailedProfileTest, run_profile_tests};
pub use rule_tests::{TestOutcome, run_tests};
pub use run::{Manifest, RunError, RunOptions, RunReport, Seconds, run};
pub use sweep::{Sweep, SweepReport, SweptValue};
