//! Where bytes come from, one file each.

pub mod files;

pub use files::{FileError, InputFile, Place, Unwrapped, Wrapping, expand, unwrap};
