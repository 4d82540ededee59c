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
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use arrow::array::{ArrayRef, RecordBatch, StringArray};
//! use haechi_model::SubjectKind;
//! use haechi_select::{Policy, RowHit, RuleEffect, Secret, Selector, Stamp, SubjectBatch};
//!
//! let kind = SubjectKind::Declaration;
//! let policy = Policy::parse("policy.yaml", "scores: [{at_least: 40, lane: documents}]", Some(kind))?;
//! let footwear = RuleEffect { score: Some(40.0), ..RuleEffect::new("import-0142") };
//! let selector = Selector::new(kind, policy, vec![footwear], &Secret::demo())?;
//!
//! // Two items of one declaration, then another declaration; the rule hit the second item.
//! let ids: ArrayRef = Arc::new(StringArray::from_iter_values(["24KR1", "24KR1", "24KR2"]));
//! let subjects = SubjectBatch::from_rows(kind, &RecordBatch::try_from_iter([("declaration_id", ids)])?)?;
//! let hits = [RowHit { row: 1, rule: 0 }];
//! let selected = selector.select(&subjects, &hits, &Stamp { ruleset_hash: [0; 32], decided_at_ms: 0 })?;
//! assert_eq!(selected.selections.num_rows(), 2);
//!
//! let why = selector.explain(&subjects, 0, &hits)?.to_string();
//! assert!(why.contains("score 40: reaches 40, asks for documents"), "{why}");
//! # Ok(())
//! # }
//! ```
//!
//! No clock, no files and no rule language in here: conditions of strata are evaluated by the caller.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop"))]

mod batch;
mod columns;
mod decide;
mod effect;
mod explain;
mod policy;
mod secret;
mod select;
mod selector;

pub use batch::{RowHit, SubjectBatch, SubjectError};
pub use effect::{EffectError, RuleEffect};
pub use explain::{Step, StopReason, SubjectDecision};
pub use policy::{Policy, PolicyErrors, PolicyMistake, Problem, Stratum, Threshold};
pub use secret::{Secret, SecretError};
pub use select::{SelectError, SelectedBatch, SelectionCounts, Stamp};
pub use selector::{Selector, SelectorError};
