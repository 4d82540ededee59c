//! A compiled ruleset over record batches to hits.
//!
//! A [`plan`] is what can be settled about a program before the first row, a [`schedule`] in which order it is run, given
//! how rare things are ([`shares`]). A batch is cut into blocks of some thousand rows, which go to threads; in a block
//! ([`frame`]) every rule starts where the fewest rows are, mostly at a text that the index of its column has found
//! ([`text`], [`codes`]), and numbers are integers that compare like them ([`numeric`]). [`explain`] reads the same
//! bitmaps, so it cannot disagree with the hits.
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
mod rows;
mod sample;
mod schedule;
mod shares;
mod single;
mod state;
mod steps;
mod text;
mod values;

pub use error::EvaluateError;
pub use evaluator::{Evaluator, Options};
pub use hits::Hits;
pub use prune::Pruner;
