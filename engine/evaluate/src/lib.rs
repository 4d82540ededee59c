//! A compiled ruleset over record batches to hits.
//!
//! The work is cut twice: a batch into blocks of some thousand rows, which go to threads; the rules into atoms, of which
//! each distinct one is decided once for all rules. Text is looked at once per distinct value ([`text`]), numbers become
//! integers that compare like them ([`numeric`]), and a formula is a few ANDs over bitmaps ([`frame`]).
//! [`explain`] reads the same bitmaps, so it cannot disagree with the hits.
//!
//! No file and no clock in here. Begin at [`Evaluator`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))] // a failing test should say so loudly

mod batch;
mod bits;
mod codes;
mod error;
mod evaluator;
pub mod explain;
mod frame;
mod groups;
mod hits;
mod numeric;
mod plan;
mod prune;
mod sample;
mod schedule;
mod shares;
mod state;
mod text;
mod values;

pub use error::EvaluateError;
pub use evaluator::{Evaluator, Options};
pub use hits::Hits;
pub use prune::Pruner;
