//! Journal, selections and hits as Parquet by day, and SQL over them.
//!
//! [`Archiver`] follows the store and writes files, [`compact()`] merges those of finished days, [`Archive`] answers
//! queries. What a file's name says, and why no row is ever read twice, stands in [`layout`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod archiver;
mod compact;
mod error;
pub mod layout;
mod mask;
mod place;
mod round;
mod rows;
mod settings;
mod sql;
mod table;
mod tables;
mod write;

pub use archiver::{Archiver, Round};
pub use compact::{Compacted, MERGED_FOR, compact};
pub use error::ArchiveError;
pub use layout::Day;
pub use place::Place;
pub use settings::ArchiveSettings;
pub use sql::{Answer, Archive, SqlOptions};
pub use tables::{TableColumn, TableInfo};
