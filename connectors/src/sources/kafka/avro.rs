//! Avro messages in the wire format of schema registries: a zero, the id of the writer's schema in four bytes, the record.
//!
//! A record becomes the JSON object of its fields, and is then read as JSON documents are: by the names of columns or a
//! mapping, nested declarations with their `items`, faults by message. Enumerations and UUIDs are text, instants and
//! dates ISO 8601, decimals digits, bytes hexadecimal, and a field that is null is left out. Unions of more than null and
//! one other type, and schemas that refer to others, are not read: such messages are set aside.
//!
//! Messages of one schema are decoded together. Where that fails they are decoded one by one, so that only those at
//! fault are set aside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use bytes::Bytes;
use haechi_model::intake::{Intake, SetAside};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::registry::{Answer, Registry};
use crate::read::{Document, Documents, Gathered, no_rows};
use crate::tabular::decoding;

/// What stands before a record: a zero, and the id of its schema.
const PREFIX_BYTES: usize = 5;
/// Messages decoded together at most.
const TOGETHER_MAX: usize = 4_096;
/// How long a schema that the registry does not have is not asked for again.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// Pauses between two questions that the registry did not answer, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Why a message is no record: a stable code and a reason.
type Fault = (&'static str, String);

/// Reads the Avro messages of a topic.
pub struct AvroReader {
    registry: Arc<Registry>,
    known: HashMap<u32, Known>,
}

enum Known {
    Schema(String, Option<Box<Decoder>>),
    None { why: String, since: Instant },
}

impl AvroReader {
    /// With schemas of a registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, known: HashMap::new() }
    }

    /// Reads messages as [`Documents::gather`] does. Waits for a registry that does not answer; `None` where it is told
    /// to stop meanwhile.
    pub fn gather(
        &mut self,
        documents: &Documents,
        messages: &[Document],
        runtime: &Handle,
        stop: &CancellationToken,
    ) -> Option<Vec<Gathered>> {
        let ids: Vec<Option<u32>> = messages.iter().map(|message| schema_id(&message.bytes)).collect();
        for id in ids.iter().flatten() {
            self.learn(*id, runtime, stop)?;
        }
        let mut gathered = Vec::new();
        // Records that follow each other, up to a message at fault.
        let mut records: Vec<Document> = Vec::new();
        let mut n_before = 0;
        let mut at = 0;
        while at < messages.len() {
            let same = ids[at..].iter().take_while(|id| **id == ids[at]).count().min(TOGETHER_MAX);
            let run = &messages[at..at + same];
            for (message, decoded) in run.iter().zip(self.decode(ids[at], run)) {
                match decoded {
                    Ok(bytes) => records.push(Document { bytes, ..message.clone() }),
                    Err(_) if message.bytes.is_empty() => records.push(message.clone()),
                    Err(fault) => {
                        let read = documents.gather(&std::mem::take(&mut records));
                        let n_read = read.last().map_or(0, |last| last.n_documents);
                        gathered
                            .extend(read.into_iter().map(|g| Gathered { n_documents: n_before + g.n_documents, ..g }));
                        n_before += n_read + 1;
                        gathered.push(Gathered { intake: whole(documents, message, fault), n_documents: n_before });
                    }
                }
            }
            at += same;
        }
        let read = documents.gather(&records);
        gathered.extend(read.into_iter().map(|g| Gathered { n_documents: n_before + g.n_documents, ..g }));
        Some(gathered)
    }

    /// Asks for a schema that is not known, until there is an answer.
    fn learn(&mut self, id: u32, runtime: &Handle, stop: &CancellationToken) -> Option<()> {
        match self.known.get(&id) {
            Some(Known::Schema(..)) => return Some(()),
            Some(Known::None { since, .. }) if since.elapsed() < ASK_AGAIN => return Some(()),
            _ => {}
        }
        let mut pause = PAUSES.0;
        let asked = Instant::now();
        let mut is_said = false;
        loop {
            let answer = runtime.block_on(async {
                tokio::select! {
                    () = stop.cancelled() => None,
                    answer = self.registry.schema(id) => Some(answer),
                }
            })?;
            match answer {
                Ok(Answer::Schema(text)) => {
                    if is_said {
                        tracing::info!(seconds = asked.elapsed().as_secs_f64(), "the registry answers again");
                    }
                    self.known.insert(id, Known::Schema(text, None));
                    return Some(());
                }
                Ok(Answer::None(why)) => {
                    tracing::warn!(id, why, "messages of this schema are set aside");
                    self.known.insert(id, Known::None { why, since: Instant::now() });
                    return Some(());
                }
                Err(why) => {
                    if !std::mem::replace(&mut is_said, true) {
                        tracing::warn!(id, why, "the schema registry does not answer; waiting until it does");
                    }
                    runtime.block_on(async {
                        tokio::select! {
                            () = stop.cancelled() => None,
                            () = tokio::time::sleep(pause) => Some(()),
                        }
                    })?;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// The JSON objects that messages of one schema are.
    fn decode(&mut self, id: Option<u32>, messages: &[Document]) -> Vec<Result<Bytes, Fault>> {
        let each = |code, why: &str| messages.iter().map(|_| Err((code, why.to_owned()))).collect();
        let Some(id) = id else {
            return each("no_schema_id", "does not begin with a zero and the id of a schema");
        };
        let (text, decoder) = match self.known.get_mut(&id) {
            Some(Known::Schema(text, decoder)) => (text, decoder),
            Some(Known::None { why, .. }) => return each("unknown_schema", &why.clone()),
            None => return each("unknown_schema", "its schema was not asked for"),
        };
        if let Ok(objects) = decode_with(id, text, decoder, messages) {
            return objects.into_iter().map(Ok).collect();
        }
        let one = |message: &Document| {
            let objects = decode_with(id, text, decoder, std::slice::from_ref(message));
            let mut objects = objects.map_err(|error| ("bad_avro", format!("is no record of schema {id}: {error}")))?;
            objects.pop().ok_or_else(|| ("bad_avro", format!("holds no record of schema {id}")))
        };
        messages.iter().map(one).collect()
    }
}

/// The id of the schema of a message, if it begins with one.
fn schema_id(bytes: &[u8]) -> Option<u32> {
    let prefix = bytes.get(..PREFIX_BYTES)?;
    let id = prefix.strip_prefix(&[0])?;
    Some(u32::from_be_bytes(id.try_into().ok()?))
}

/// Decodes messages, all or none. What a decoder that failed holds is not known, so another takes its place.
fn decode_with(
    id: u32,
    schema: &str,
    kept: &mut Option<Box<Decoder>>,
    messages: &[Document],
) -> Result<Vec<Bytes>, ArrowError> {
    let mut decoder = match kept.take() {
        Some(decoder) => decoder,
        None => Box::new(decoding(|| new_decoder(id, schema))?),
    };
    let objects = decoding(|| {
        for message in messages {
            let before = decoder.capacity();
            let n_bytes = decoder.decode(&message.bytes).map_err(|error| ArrowError::AvroError(error.to_string()))?;
            if n_bytes != message.bytes.len() || before - decoder.capacity() != 1 {
                return Err(ArrowError::AvroError("it ends too early or too late".to_owned()));
            }
        }
        let rows = decoder.flush().map_err(|error| ArrowError::AvroError(error.to_string()))?;
        let mut writer = LineDelimitedWriter::new(Vec::new());
        if let Some(rows) = &rows {
            writer.write(rows)?;
        }
        writer.finish()?;
        let lines = Bytes::from(writer.into_inner());
        let ends = memchr::memchr_iter(b'\n', &lines);
        let mut start = 0;
        let objects: Vec<Bytes> = ends.map(|end| lines.slice(std::mem::replace(&mut start, end + 1)..end)).collect();
        if objects.len() == messages.len() {
            Ok(objects)
        } else {
            Err(ArrowError::AvroError("there are not as many records as messages".to_owned()))
        }
    })?;
    *kept = Some(decoder);
    Ok(objects)
}

fn new_decoder(id: u32, schema: &str) -> Result<Decoder, ArrowError> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(id), AvroSchema::new(schema.to_owned()))?;
    ReaderBuilder::new().with_writer_schema_store(store).with_batch_size(TOGETHER_MAX).build_decoder()
}

/// A message set aside whole.
fn whole(documents: &Documents, message: &Document, (code, why): Fault) -> Intake {
    let Document { source, position, bytes } = message;
    let unit = SetAside::new(&**source, &**position, code, format!("{position}, {why}"), bytes);
    Intake { batch: no_rows(documents.stream()), warnings: Vec::new(), set_aside: vec![unit] }
}
