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
use haechi_connectors::formats::{catalogue, ebxml, edifact, mail};
use haechi_connectors::recognise::no_table;
use haechi_connectors::{MessageFormat, MessageInput, MessageReading, ReadOptions, Recognised, recognise};
use haechi_model::Stream;
use haechi_model::intake::SetAside;
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
    /// The envelope around it, where it has one.
    pub envelope: Option<Wrapped>,
}

/// What tells a message in an envelope from others.
pub struct Wrapped {
    /// What it is kept under: nobody else's message is found by it.
    pub key: String,
    /// Who sent it.
    from: String,
    message_id: String,
    /// Of what it carries.
    pub hash: [u8; 32],
}

impl Wrapped {
    fn of(bytes: &[u8]) -> Option<Self> {
        let opened = ebxml::Opened::new(bytes);
        // AS4 may bundle a receipt with a message.
        let brings = |envelope: &&ebxml::Envelope| envelope.purpose == ebxml::Purpose::Payloads;
        let envelope = opened.envelopes().iter().find(brings).or(opened.envelopes().first())?;
        let (from, message_id) = (envelope.from.id().to_owned(), envelope.message_id.clone());
        let key = envelope_key(&from, &message_id);
        (!message_id.is_empty()).then(|| Self { key, from, message_id, hash: opened.payload_hash() })
    }
}

/// Separates parts of a key that no id has.
const MARK: char = '\u{1f}';

fn envelope_key(from: &str, message_id: &str) -> String {
    format!("{MARK}envelope{MARK}{from}{MARK}{message_id}")
}

/// What a message is kept under by the request that it came with. Senders name requests, and none is to stand in the way of
/// a message.
pub fn request_key(id: &str) -> String {
    format!("{MARK}request{MARK}{id}")
}

impl Message {
    /// Reads a message. Where parts of it cannot be read that is in the reading; here fails what is no message at all.
    pub fn read(bytes: Bytes, options: ReadOptions, at_ms: i64) -> Result<Self, Problem> {
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        let format = match recognise(head) {
            Ok(Recognised::Message(format)) => format,
            Ok(Recognised::Csv) if no_table(head).is_some() => {
                let detail = format!("the body {}; nothing of it was taken", no_table(head).unwrap_or_default());
                return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_readable", detail));
            }
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
        let envelope = if format.name == ebxml::NAME { Wrapped::of(&bytes) } else { None };
        Ok(Self { bytes, options, format, reading, at_ms, envelope })
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

    /// What it is found by: the ids that rows and envelopes have, of many that have parts the first part.
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
        let mut ids =
            if whole.len() <= IDS_MAX { whole } else { whole.iter().map(|id| first_part(id).to_owned()).collect() };
        if CARRY_INTERCHANGES.contains(&self.format.name) {
            ids.extend(edifact::references(&self.bytes).into_iter().take(IDS_MAX));
        }
        if let Some(envelope) = &self.envelope {
            ids.extend([envelope.key.clone(), envelope.message_id.clone()]);
        }
        ids.remove("");
        ids
    }

    /// The rows by stream. What was tolerated and set aside goes with the first; what has nothing else is of the stream
    /// that it would have had rows of, and is nothing to hand over where nothing was set aside.
    pub fn parts(&mut self) -> Vec<(&'static Stream, MessageReading)> {
        let mut streams = self.streams();
        if streams.is_empty() && !self.reading.set_aside.is_empty() {
            streams.push(self.likely_stream());
        }
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
            first.warnings = std::mem::take(&mut self.reading.warnings);
            first.set_aside = std::mem::take(&mut self.reading.set_aside);
        }
        parts
    }

    /// The stream that it has rows of, or would have.
    pub fn likely_stream(&self) -> &'static Stream {
        let of_format = || {
            let mut named = [self.reading.format, self.format.name].into_iter().flat_map(catalogue::streams_of);
            named.find_map(|name| Stream::find(name))
        };
        self.streams().first().copied().or_else(of_format).unwrap_or(&DECLARATION)
    }

    /// What it is answered in the manner of its format.
    pub fn answer(&self, app: &App, taken: &[Taken], set_aside: &[SetAside]) -> Option<KeptAnswer> {
        // Who asks hears of what he sent himself.
        let came = |id: &str| {
            let key = envelope_key(&self.envelope.as_ref()?.from, id);
            Some(app.engine.store().messages(&key, 1).ok()?.first()?.received_at_ms)
        };
        let answering = Answering {
            message: MessageInput { source: HTTP, bytes: &self.bytes, options: &self.options },
            taken,
            set_aside,
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

/// Formats in which interchanges stand, which have references of their own.
pub const CARRY_INTERCHANGES: [&str; 3] = [edifact::NAME, mail::NAME, ebxml::NAME];

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
