//! A message that was read: its streams, its ids, and what it is answered.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use axum::http::StatusCode;
use bytes::Bytes;
use haechi_connectors::answers::{Answering, Document, Taken};
use haechi_connectors::format::HEAD_BYTES;
use haechi_connectors::formats::{catalogue, ebxml};
use haechi_connectors::{MessageFormat, MessageInput, MessageReading, ReadOptions, Recognised, recognise};
use haechi_model::Stream;
use haechi_model::streams::DECLARATION;
use haechi_store::KeptAnswer;

use crate::http::problem::Problem;
use crate::http::state::App;
use crate::readers::HTTP;

/// Ids of one body under which it is found again; of more only what they have in common.
const IDS_MAX: usize = 64;
/// Stands between the documents of one answer.
const BOUNDARY: &str = "haechi-answer";

/// A message that was read.
pub struct Message {
    /// As it came.
    pub bytes: Bytes,
    options: ReadOptions,
    /// By which it was read.
    pub format: &'static MessageFormat,
    /// What was read of it.
    pub reading: MessageReading,
    /// When it came, UTC milliseconds.
    pub at_ms: i64,
    /// Ids of its envelopes.
    pub envelopes: Vec<String>,
}

impl Message {
    /// Reads a message. Where parts of it cannot be read that is in the reading; here fails what is no message at all.
    pub fn read(bytes: Bytes, options: ReadOptions, at_ms: i64) -> Result<Self, Problem> {
        let format = match recognise(&bytes[..bytes.len().min(HEAD_BYTES)]) {
            Ok(Recognised::Message(format)) => format,
            Ok(table) => {
                let name = table.name();
                let detail = format!(
                    "the body is a table ({name}), which does not say what its rows are; send it to the address of its stream, as /v1/declarations"
                );
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_a_message", detail));
            }
            Err(reason) => {
                let detail = format!("the body {reason}; nothing of it was taken");
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_readable", detail));
            }
        };
        let reading = (format.read)(MessageInput { source: HTTP, bytes: &bytes, options: &options });
        let envelopes = if format.name == ebxml::NAME {
            let opened = ebxml::Opened::new(&bytes);
            opened.envelopes().iter().map(|envelope| envelope.message_id.clone()).collect()
        } else {
            Vec::new()
        };
        Ok(Self { bytes, options, format, reading, at_ms, envelopes })
    }

    /// The streams of its rows, each once.
    pub fn streams(&self) -> Vec<&'static Stream> {
        let mut streams: Vec<&'static Stream> = Vec::new();
        for (stream, batch) in &self.reading.records {
            if batch.num_rows() > 0 && !streams.iter().any(|known| known.name == stream.name) {
                streams.push(stream);
            }
        }
        streams
    }

    /// What it is found by: the ids that rows and envelopes have, and of those with parts the first part.
    pub fn ids(&self) -> BTreeSet<String> {
        let mut whole: BTreeSet<String> = BTreeSet::new();
        for (_, batch) in &self.reading.records {
            let ids = batch.column_by_name("message_id").and_then(|column| cast(column, &DataType::Utf8).ok());
            let ids = ids.as_ref().and_then(|ids| ids.as_string_opt::<i32>());
            let mut last = "";
            for id in ids.into_iter().flat_map(|ids| ids.iter().flatten()) {
                if id != last && !id.is_empty() {
                    whole.insert(id.to_owned());
                    last = id;
                }
            }
        }
        let mut ids: BTreeSet<String> = whole.iter().map(|id| first_part(id).to_owned()).collect();
        if whole.len() <= IDS_MAX {
            ids.extend(whole);
        }
        ids.extend(self.envelopes.iter().filter(|id| !id.is_empty()).cloned());
        ids
    }

    /// The rows by stream. What was tolerated and set aside goes with the first; a message without rows is one of the
    /// stream that it would have had rows of.
    pub fn parts(&mut self) -> Vec<(&'static Stream, MessageReading)> {
        let streams = self.streams();
        let warnings = std::mem::take(&mut self.reading.warnings);
        let nothing = streams.is_empty() && warnings.is_empty() && self.reading.set_aside.is_empty();
        let likely = || {
            let mut named = [self.reading.format, self.format.name].into_iter().flat_map(catalogue::streams_of);
            named.find_map(|name| Stream::find(name)).unwrap_or(&DECLARATION)
        };
        let streams = if streams.is_empty() && !nothing { vec![likely()] } else { streams };
        let mut parts: Vec<(&'static Stream, MessageReading)> = streams
            .into_iter()
            .map(|stream| {
                let records = self.reading.records.iter().filter(|(of, _)| of.name == stream.name).cloned().collect();
                let part = MessageReading {
                    format: self.reading.format,
                    version: self.reading.version.clone(),
                    records,
                    warnings: Vec::new(),
                    set_aside: Vec::new(),
                    counts: self.reading.counts.clone(),
                };
                (stream, part)
            })
            .collect();
        if let Some((_, first)) = parts.first_mut() {
            first.warnings = warnings;
            first.set_aside.clone_from(&self.reading.set_aside);
        }
        parts
    }

    /// What it is answered in the manner of its format.
    pub fn answer(&self, app: &App, taken: &[Taken]) -> Option<KeptAnswer> {
        let came = |id: &str| Some(app.engine.store().messages(id, 1).ok()?.first()?.received_at_ms);
        let answering = Answering {
            message: MessageInput { source: HTTP, bytes: &self.bytes, options: &self.options },
            taken,
            set_aside: &self.reading.set_aside,
            reference: &reference(self.at_ms),
            at_ms: self.at_ms,
            came: &came,
            settings: &app.answers,
        };
        let mut documents = (self.format.answer?)(&answering);
        match documents.len() {
            0 => None,
            1 => documents
                .pop()
                .map(|Document { content_type, text }| KeptAnswer { content_type: content_type.into(), text }),
            _ => Some(multipart(&documents)),
        }
    }
}

/// The id of an interchange, of one of its messages.
pub fn first_part(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

/// A number of our own that no other answer has: ten letters and digits, since fourteen are what UNB has room for.
fn reference(at_ms: i64) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let count = u64::from(COUNT.fetch_add(1, Ordering::Relaxed) % (36 * 36));
    let mut number = at_ms.unsigned_abs() * (36 * 36) + count;
    let mut text = [b'0'; 10];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(number % 36) as usize];
        number /= 36;
    }
    text.iter().map(|digit| *digit as char).collect()
}

/// Several documents in one body.
fn multipart(documents: &[Document]) -> KeptAnswer {
    let mut text = String::new();
    for Document { content_type, text: document } in documents {
        // Writing to a text does not fail.
        let _ = write!(text, "--{BOUNDARY}\r\nContent-Type: {content_type}\r\n\r\n{document}\r\n");
    }
    let _ = write!(text, "--{BOUNDARY}--\r\n");
    KeptAnswer { content_type: format!("multipart/mixed; boundary=\"{BOUNDARY}\""), text }
}
