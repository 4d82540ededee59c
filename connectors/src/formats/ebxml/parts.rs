//! What is gathered of a message that was cut into parts: the rows of each, and the place of each before every place in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::record_batch::RecordBatch;
use haechi_model::intake::{SetAside, Warning};

use super::codes;
use super::mime::Part;
use super::transfer::UNPACKED_BYTES_MAX;
use crate::format::{MessageInput, MessageReading};

/// More warnings than anybody reads.
const WARNINGS_MAX: usize = 10_000;
/// Characters of an id or an Action that are repeated in what we say.
const SAID_CHARS: usize = 100;

/// How a part is named in places: by its number, and its id where it has one.
pub fn label(at: usize, part: &Part<'_>) -> String {
    match part.id() {
        Some(id) => format!("part {} `{}`", at + 1, said(id)),
        None => format!("part {}", at + 1),
    }
}

/// Somebody's text, short and on one line.
pub fn said(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '`' | ',')).take(SAID_CHARS).collect()
}

/// What is gathered of all payloads.
pub struct Reading<'i> {
    /// What is read.
    pub input: MessageInput<'i>,
    /// What was found.
    pub out: MessageReading,
    n_warnings: usize,
    /// Bytes that payloads may still unpack to.
    pub left: usize,
}

impl<'i> Reading<'i> {
    /// Of a format.
    pub fn new(format: &'static str, input: MessageInput<'i>) -> Self {
        let out = MessageReading {
            format,
            version: String::new(),
            records: Vec::new(),
            warnings: Vec::new(),
            set_aside: Vec::new(),
            counts: BTreeMap::new(),
        };
        Self { input, out, n_warnings: 0, left: UNPACKED_BYTES_MAX }
    }

    /// Counts something.
    pub fn count(&mut self, name: &'static str, n: u64) {
        // What senders write as a count has no bound.
        let count = self.out.counts.entry(name).or_default();
        *count = count.saturating_add(n);
    }

    /// Something was tolerated.
    pub fn warn(&mut self, code: &'static str, path: &str, text: &str) {
        debug_assert!(codes::WARNINGS.iter().any(|(c, _)| *c == code), "undocumented code {code}");
        self.warn_with(Warning { code, path: path.to_owned(), text: text.to_owned() });
    }

    fn warn_with(&mut self, warning: Warning) {
        self.n_warnings += 1;
        if self.n_warnings <= WARNINGS_MAX {
            self.out.warnings.push(warning);
        }
    }

    /// Something cannot be taken.
    pub fn set_aside(&mut self, code: &'static str, place: &str, says: &str, raw: &[u8]) {
        debug_assert!(codes::REASONS.iter().any(|(c, _)| *c == code), "undocumented code {code}");
        let reason = format!("{place}: {says}");
        self.out.set_aside.push(SetAside::new(self.input.source, place, code, reason, raw));
        self.count("set_aside", 1);
    }

    /// Takes what the reader of a payload found, with the place of the payload before every place in it.
    pub fn take(&mut self, place: &str, found: MessageReading) {
        for (stream, batch) in found.records {
            self.out.records.push((stream, placed(&batch, place)));
        }
        for warning in found.warnings {
            let path = within(place, &warning.path);
            self.warn_with(Warning { path, ..warning });
        }
        for unit in found.set_aside {
            let (position, reason) = (within(place, &unit.position), within(place, &unit.reason));
            self.out.set_aside.push(SetAside { position, reason, ..unit });
        }
        for (name, n) in found.counts {
            self.count(name, n);
        }
    }

    /// All of it.
    pub fn finish(mut self) -> MessageReading {
        if self.n_warnings > WARNINGS_MAX {
            let lost = self.n_warnings - WARNINGS_MAX;
            self.count("warnings_lost", lost as u64);
            let text = format!("{lost} further warnings were counted only");
            self.out.warnings.push(Warning { code: "warnings_capped", path: String::new(), text });
        }
        self.out
    }
}

fn within(place: &str, position: &str) -> String {
    if position.is_empty() { place.to_owned() } else { format!("{place}, {position}") }
}

/// Rows with the place of their payload before their own.
fn placed(batch: &RecordBatch, place: &str) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    for name in ["source_position", "message_path"] {
        if let Ok(at) = batch.schema().index_of(name)
            && let Some(texts) = batch.column(at).as_string_opt::<i32>()
        {
            let placed: StringArray = texts.iter().map(|text| text.map(|text| within(place, text))).collect();
            columns[at] = Arc::new(placed) as ArrayRef;
        }
    }
    RecordBatch::try_new(batch.schema(), columns).unwrap_or_else(|_| batch.clone())
}
