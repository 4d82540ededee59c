//! Hits to lanes: what the rules ask for, what scores add up to, whom a trusted-trader rule lets pass, and whom
//! the random arm takes anyway.
//!
//! Begin at [`Selector`]: made once from a [`Policy`], the [`RuleEffect`]s and a [`Secret`], it turns a
//! [`SubjectBatch`] and its hits into a batch of selections. [`Selector::explain`] says why, step by step, from
//! the same code that decided.
//!
//! How the lane of one subject comes about, in this order:
//!
//! 1. *Share.* A rule with `share` below 1 keeps a hit or not by a keyed hash of rule and subject. A hit that is
//!    not kept is recorded and does nothing.
//! 2. *Lanes.* The lanes that the kept rules ask for combine with `max`.
//! 3. *Score.* The points of the kept rules add up, each rule once however many items it hits; the strictest lane
//!    whose threshold is reached joins the `max`. What mandatory rules ask for, by lane or by their own points,
//!    is a floor: nothing goes below it, points below zero included.
//! 4. *Lowering.* A kept trusted-trader rule (`lower_to`) lowers the lane to at most its own, and never below the
//!    floor. Several combine with `min`.
//! 5. *Random arm.* The subject's stratum draws by a keyed hash of stratum and subject, and a drawn subject gets
//!    at least the stratum's lane. This comes after lowering and is not lowered: what the random arm learns is
//!    only true of everyone if it takes trusted traders too.
//!
//! Draws depend on the secret, the name of the rule or stratum, and the subject id; not on time, version, order or
//! batch. An amended declaration keeps its draws, so nobody gets a second throw by amending.
//!
//! No clock, no files and no rule language in here: conditions of strata are evaluated by the caller.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop"))]

mod batch;
mod columns;
mod decide;
mod effect;
mod explain;
mod policy;
mod schema;
mod secret;
mod select;
mod selector;

pub use batch::{RowHit, SubjectBatch, SubjectError};
pub use effect::{EffectError, RuleEffect};
pub use explain::{Step, StopReason, SubjectDecision};
pub use policy::{Policy, PolicyErrors, PolicyMistake, Problem, Stratum, Threshold};
pub use schema::selection_schema;
pub use secret::{Secret, SecretError};
pub use select::{SelectError, SelectedBatch, SelectionCounts, Stamp};
pub use selector::{Selector, SelectorError};
