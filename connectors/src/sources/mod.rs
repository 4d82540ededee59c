//! Where bytes come from, one file or folder each.
//!
//! Sources of the stream (what one is: [`mod@crate::source`]): [`folder`], [`kafka`]. They share what they read
//! ([`reading`]) and how they hand it over ([`in_flight`]). Inputs of a run: [`files`].

pub mod files;
pub mod folder;
pub(crate) mod in_flight;
pub mod kafka;
pub(crate) mod reading;
#[cfg(test)]
mod testing;

pub use files::{FileError, InputFile, Place, Unwrapped, Wrapping, expand, is_damage, unwrap};
