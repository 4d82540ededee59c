//! Behaviour across folders, through the library: what goes in comes out, whatever is wrong with it and however it is
//! cut. Tests of one function stand beside it, tests of the command line in `engine/cli/tests`.
//!
//! Public data is read from the folder that `HAECHI_SHARED` names, `../shared` beside the repository by default.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod cutting;
mod damage;
mod damaged;
mod explained;
mod features;
mod formats;
mod korea;
mod messages;
mod packs;
mod schemes;
mod support;
