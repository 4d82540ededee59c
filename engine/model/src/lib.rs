//! Haechi's words: streams and their columns, domain types parsed once at the edge, lanes, hits, selections.
//!
//! Begin at [`streams::STREAMS`]. No I/O, no SQL and no clock in here: time arrives as a value.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says why by panicking"))]

pub mod builder;
pub mod codes;
pub mod conform;
pub mod derive;
pub mod docs;
pub mod ids;
pub mod intake;
pub mod lane;
pub mod names;
pub mod selection;
pub mod stream;
pub mod streams;
pub mod summary;
#[cfg(test)]
mod testing;

pub use builder::{BuildError, Cell, CellError, StreamBuilder};
pub use conform::{SchemaMismatch, check_schema, conform};
pub use derive::{DeriveContext, derive, derive_columns};
pub use ids::{CargoControlNumber, ContainerId, Country, Currency, DocumentNumber, HsCode, IdError, Money, UnLocode};
pub use intake::{Intake, SetAside, Warning};
pub use lane::{Lane, SubjectKind};
pub use selection::{Hit, Selection};
pub use stream::{Column, Kind, Member, Personal, Stream};
pub use summary::{ColumnSummary, PartSummary};
