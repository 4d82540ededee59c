//! What a message format is: recognised from the first bytes, read to rows of our streams.
//!
//! A message (one file, one posted body) is read whole: an interchange is kilobytes to a few megabytes, and its
//! counts stand at its end. The formats themselves stand one a file in [`crate::formats`]; tables of rows (CSV,
//! NDJSON, Parquet, Arrow IPC), which may be larger than memory, are read by [`crate::tabular`] instead.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use haechi_model::Stream;
use haechi_model::intake::{SetAside, Warning};

use crate::options::ReadOptions;

/// One message format: recognised from content, read to rows.
#[derive(Clone, Copy)]
pub struct MessageFormat {
    /// Name in commands, settings and the column `message_format`: `paxlst`.
    pub name: &'static str,
    /// What the message is, in a few words.
    pub title: &'static str,
    /// Versions known to be read, as the column `message_version` writes them.
    pub versions: &'static [&'static str],
    /// Whether a message that begins with these bytes (at most [`HEAD_BYTES`]) is of this format.
    pub recognise: fn(head: &[u8]) -> bool,
    /// Reads a message. It never fails: what cannot be read is set aside with a reason.
    pub read: fn(input: MessageInput<'_>) -> MessageReading,
}

/// How much of the beginning [`MessageFormat::recognise`] is shown.
pub const HEAD_BYTES: usize = 4096;

/// A message to read.
#[derive(Clone, Copy, Debug)]
pub struct MessageInput<'a> {
    /// Where it came from, for the column `source`.
    pub source: &'a str,
    /// All of it.
    pub bytes: &'a [u8],
    /// How to read what the message leaves open.
    pub options: &'a ReadOptions,
}

/// What a message held.
#[derive(Debug)]
pub struct MessageReading {
    /// Name of the format that read it.
    pub format: &'static str,
    /// Version as the message gives it, empty where it gives none.
    pub version: String,
    /// Rows, by stream.
    pub records: Vec<(&'static Stream, RecordBatch)>,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
    /// What could not be taken, in the smallest units.
    pub set_aside: Vec<SetAside>,
    /// Named counts beyond rows: passengers, crew, flights, bills.
    pub counts: BTreeMap<&'static str, u64>,
}
