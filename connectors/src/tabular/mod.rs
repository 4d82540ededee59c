//! Tables of rows of any size, read in bounded memory: CSV, NDJSON, Parquet, Arrow IPC, plain or compressed, and
//! the rows of message files among them.
//!
//! ```no_run
//! use haechi_connectors::{ReadOptions, tabular};
//! use haechi_model::streams::DECLARATION;
//!
//! let inputs = ["declarations/*.csv.gz".to_owned()];
//! for intake in tabular::open(&inputs, &DECLARATION, None, &ReadOptions::default(), None)? {
//!     let intake = intake?;
//!     println!("{} rows, {} set aside", intake.batch.num_rows(), intake.set_aside.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What holds of every batch, however the input was cut:
//! - all rows of a subject are in one batch, and no subject comes twice ([`subjects`]);
//! - rows keep the order of the input, and all batches of a reader have one schema;
//! - every row of the input is in a batch or set aside with the first true reason.
//!
//! Columns that the engine derives are taken too where a file has them: recorded rows are read back as they were.
//! Where only some columns are asked for, rows of text files are checked whole all the same, so that what is set
//! aside does not depend on the rules that happen to be live; of Parquet and Arrow files, whose columns have types,
//! only those asked for and the keys are read. [`ReadOptions::rows_alone`](crate::ReadOptions::rows_alone) is for those
//! who ask nothing about subjects: it gives up the first promise, and reads no keys.

mod admit;
mod arrow_ipc;
pub mod cell;
mod columnar;
mod convert;
mod csv;
pub(crate) mod documents;
mod errors;
mod in_order;
mod lines;
mod list;
mod measures;
mod ndjson;
mod notes;
mod one_a_line;
mod open;
mod parquet;
pub mod plan;
mod rows;
mod seams;
pub(crate) mod split;
pub mod statistics;
pub mod subjects;
mod time;

pub use admit::row_text;
pub(crate) use columnar::decoding;
pub use documents::Document;
pub use errors::{OpenError, ReadError, in_full};
pub(crate) use open::open_reading;
pub use open::{Reader, open, open_bytes, open_file, stream_of};
pub(crate) use rows::placed;

#[cfg(test)]
mod tests;
