//! What a message format is: recognised from the first bytes, read to rows of our streams.
//!
//! A message in memory (a posted body) is read whole, [`MessageFormat::read`]; a file, which may be larger than memory,
//! as it comes, [`MessageFormat::read_from`]. The formats themselves stand one a file in [`crate::formats`]; tables of
//! rows (CSV, NDJSON, Parquet, Arrow IPC) are read by [`crate::tabular`] instead.

use std::collections::BTreeMap;
use std::io::{self, Read};

use arrow::record_batch::RecordBatch;
use haechi_model::Stream;
use haechi_model::intake::{SetAside, Warning};

use crate::answers::AnswerWriter;
use crate::options::ReadOptions;
use crate::sources::is_damage;

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
    /// Reads messages as they come, for formats whose files may be large: see [`MessageFormat::read_from`].
    pub stream: Option<StreamReader>,
    /// Writes the answers to a message, for formats that have answers.
    pub answer: Option<AnswerWriter>,
}

/// Reads an input under a name, and gives each reading on as soon as it has one.
pub type StreamReader = fn(
    source: &str,
    content: &mut dyn Read,
    options: &ReadOptions,
    each: &mut dyn FnMut(MessageReading),
) -> io::Result<()>;

/// Largest input of a format that is read whole.
pub const WHOLE_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl MessageFormat {
    /// Reads an input, a reading at a time. Together they say what a reading of the whole would: rows, warnings and what
    /// was set aside follow one another, counts are to be added up, format and version are those of the last.
    ///
    /// # Errors
    /// Where the input cannot be read on; what came before has been given.
    pub fn read_from(
        &self,
        source: &str,
        content: &mut dyn Read,
        options: &ReadOptions,
        each: &mut dyn FnMut(MessageReading),
    ) -> io::Result<()> {
        if let Some(stream) = self.stream {
            return stream(source, content, options, each);
        }
        let mut bytes = Vec::new();
        let broken = take_whole(content, &mut bytes).err();
        if broken.as_ref().is_none_or(is_damage) && !(broken.is_some() && bytes.is_empty()) {
            // Of what breaks off, what came is read; its reader says what is cut.
            each((self.read)(MessageInput { source, bytes: &bytes, options }));
        }
        broken.map_or(Ok(()), Err)
    }

    /// Reads an input whole.
    ///
    /// # Errors
    /// Where it cannot be read to its end, or has more than [`WHOLE_BYTES_MAX`].
    pub fn read_whole(
        &self,
        source: &str,
        content: &mut dyn Read,
        options: &ReadOptions,
    ) -> io::Result<MessageReading> {
        let mut bytes = Vec::new();
        take_whole(content, &mut bytes)?;
        Ok((self.read)(MessageInput { source, bytes: &bytes, options }))
    }
}

/// Takes an input, to its end or to where it breaks off.
fn take_whole(content: &mut dyn Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    content.take(WHOLE_BYTES_MAX + 1).read_to_end(bytes)?;
    if bytes.len() as u64 > WHOLE_BYTES_MAX {
        let reason = format!("has more than {WHOLE_BYTES_MAX} bytes, which is more than is read whole; split it");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(())
}

/// How much of the beginning [`MessageFormat::recognise`] is shown at most. Mail, HTTP and comments of XML put some
/// kilobytes before what is meant.
pub const HEAD_BYTES: usize = 32 * 1024;

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

impl MessageReading {
    /// Puts what was read next behind it.
    pub fn absorb(&mut self, next: Self) {
        (self.format, self.version) = (next.format, next.version);
        self.records.extend(next.records);
        self.warnings.extend(next.warnings);
        self.set_aside.extend(next.set_aside);
        for (name, n) in next.counts {
            let count = self.counts.entry(name).or_default();
            *count = count.saturating_add(n);
        }
    }
}
