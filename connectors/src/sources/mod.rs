//! Where bytes come from, one file each.

pub mod files;

pub use files::{FileError, InputFile, Unwrapped, Wrapping, expand, unwrap};
