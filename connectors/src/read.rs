//! What comes in memory: posted bodies and messages of a broker, in all formats that files come in, read by the same
//! code. [`Documents`] is what a server or a source keeps for each stream it takes.
//!
//! ```
//! use haechi_connectors::read::{Document, Documents};
//! use haechi_connectors::ReadOptions;
//! use haechi_model::streams::DECLARATION;
//!
//! let documents = Documents::new(&DECLARATION, None, ReadOptions::default())?;
//! let bytes = r#"{"declaration_id": "26KR001", "item_no": 1, "hs_code": "850440"}"#.into();
//! let document = Document { source: "api".into(), position: String::new(), bytes };
//! for intake in documents.message(&document) {
//!     assert_eq!((intake.batch.num_rows(), intake.set_aside.len()), (1, 0));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A document is read or set aside; nothing about it is an error of the program. What cannot be opened at all
//! (unrecognised, a missing column, nothing in it) is set aside whole, as one unit.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use haechi_model::derive::across_subjects;
use haechi_model::intake::{Intake, SetAside};
use haechi_model::{Stream, StreamBuilder};

use crate::format::{MessageFormat, MessageReading};
use crate::mapping::Mapping;
use crate::options::ReadOptions;
pub use crate::tabular::Document;
use crate::tabular::documents::Desk;
use crate::tabular::{OpenError, ReadError, Reader, in_full, open_bytes, open_reading, placed};

/// Units of one message that are kept in memory together; a message with more is set aside whole.
const MESSAGE_UNITS_MAX: usize = 1 << 18;

/// Opens bytes in memory as if they were a file of that name.
pub fn bytes(
    name: &str,
    bytes: Bytes,
    stream: &'static Stream,
    mapping: Option<&Mapping>,
    options: &ReadOptions,
) -> Result<Reader, OpenError> {
    open_bytes(name.into(), bytes, stream, mapping, options)
}

/// Reads documents of one stream, from any number of threads.
pub struct Documents {
    stream: &'static Stream,
    mapping: Option<Arc<Mapping>>,
    options: ReadOptions,
    /// What reads JSON objects, each with its columns looked up and room made: as many as were needed at once.
    desks: Mutex<Vec<Desk>>,
}

/// What was read of some documents.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Rows and what was set aside. No subject comes in two documents of it.
    pub intake: Intake,
    /// How many of the documents are in this and in what was gathered before it.
    pub n_documents: usize,
}

impl Documents {
    /// For documents of a stream; the mapping has to be one for it.
    pub fn new(stream: &'static Stream, mapping: Option<Mapping>, options: ReadOptions) -> Result<Self, OpenError> {
        match mapping {
            Some(other) if other.stream.name != stream.name => {
                Err(OpenError::OtherMapping { mapping: other.stream.name, stream: stream.name })
            }
            mapping => Ok(Self { stream, mapping: mapping.map(Arc::new), options, desks: Mutex::default() }),
        }
    }

    /// What the rows are.
    pub fn stream(&self) -> &'static Stream {
        self.stream
    }

    /// Reads one document: a JSON object of any layout, or what else a file may hold, with as many rows as it likes.
    /// All rows of a subject are in one intake.
    pub fn message(&self, document: &Document) -> Box<dyn Iterator<Item = Intake> + Send> {
        match self.at_desk(std::slice::from_ref(document)) {
            Some((intake, _)) => Box::new(std::iter::once(intake)),
            None => Box::new(self.alone(document)),
        }
    }

    /// The rows of the stream in a message that was read already, with what was set aside of all of it.
    pub fn of_reading(
        &self,
        document: &Document,
        format: &'static MessageFormat,
        reading: MessageReading,
    ) -> Box<dyn Iterator<Item = Intake> + Send> {
        let state = match open_reading(document.source.clone(), format, reading, self.stream, &self.options) {
            Ok(reader) => State::Reading(Box::new(reader), false),
            Err(error) => State::Over(Some((error.code(), in_full(&error)))),
        };
        Box::new(Alone { stream: self.stream, document: document.clone(), state })
    }

    /// A document that is not to be read, set aside whole.
    pub fn refused(&self, document: &Document, code: &'static str, reason: &str) -> Intake {
        Alone { stream: self.stream, document: document.clone(), state: State::Over(None) }.whole(code, reason)
    }

    /// Reads documents that came one after the other, as many as possible into one batch of at most about
    /// [`ReadOptions::batch_rows`] rows. Each document is in one intake, whole; alone in it where rows follow from their
    /// neighbours in the same message, so that nobody becomes a neighbour by the time he came.
    pub fn gather(&self, documents: &[Document]) -> Vec<Gathered> {
        let together = if across_subjects(self.stream).next().is_some() { 1 } else { documents.len() };
        let mut gathered = Vec::new();
        let mut n_documents = 0;
        while let Some(rest) = documents.get(n_documents..).filter(|rest| !rest.is_empty()) {
            let (intake, n_read) =
                self.at_desk(&rest[..together.min(rest.len())]).unwrap_or_else(|| (self.in_one(&rest[0]), 1));
            n_documents += n_read;
            gathered.push(Gathered { intake, n_documents });
        }
        gathered
    }

    /// Reads documents as JSON objects, if the first is one.
    fn at_desk(&self, documents: &[Document]) -> Option<(Intake, usize)> {
        let desks = || self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = desks().pop();
        let mut desk = match desk {
            Some(desk) => desk,
            None => Desk::new(self.stream, self.mapping.clone(), &self.options).ok()?,
        };
        let (intake, n_read) = desk.read(documents, self.options.batch_rows).ok()?;
        desks().push(desk);
        (n_read > 0).then_some((intake, n_read))
    }

    /// Reads a document by itself, step by step.
    fn alone(&self, document: &Document) -> Alone {
        let Document { source, bytes, .. } = document;
        let state = if bytes.trim_ascii().is_empty() {
            let reason = "there is nothing in it; a record is never deleted by an empty message, send a cancellation";
            State::Over(Some(("empty_message", reason.to_owned())))
        } else {
            match open_bytes(source.clone(), bytes.clone(), self.stream, self.mapping.as_deref(), &self.options) {
                Ok(reader) => State::Reading(Box::new(reader), false),
                Err(error) => State::Over(Some((error.code(), in_full(&error)))),
            }
        };
        Alone { stream: self.stream, document: document.clone(), state }
    }

    /// Reads a document by itself, all at once.
    fn in_one(&self, document: &Document) -> Intake {
        let mut batches = Vec::new();
        let (mut warnings, mut set_aside, mut n_rows) = (Vec::new(), Vec::new(), 0);
        let mut alone = self.alone(document);
        for intake in &mut alone {
            n_rows += intake.batch.num_rows();
            warnings.extend(intake.warnings);
            set_aside.extend(intake.set_aside);
            batches.push(intake.batch);
            if n_rows + set_aside.len() > MESSAGE_UNITS_MAX {
                let reason = format!("has more than {MESSAGE_UNITS_MAX} rows, too many for one message; split it");
                return alone.whole("too_large", &reason);
            }
        }
        // The reader of a file and what sets a whole document aside make batches of different columns.
        let schema = batches.iter().find(|batch| batch.num_rows() > 0).or(batches.first()).map(RecordBatch::schema);
        let schema = schema.unwrap_or_else(|| no_rows(self.stream).schema());
        batches.retain(|batch| batch.num_rows() > 0);
        match concat_batches(&schema, &batches) {
            Ok(batch) => Intake { batch, warnings, set_aside },
            Err(error) => alone.whole("too_large", &format!("its rows do not go into one batch: {error}; split it")),
        }
    }
}

/// A document that is read by itself.
struct Alone {
    stream: &'static Stream,
    document: Document,
    state: State,
}

enum State {
    /// With whether anything came yet.
    Reading(Box<Reader>, bool),
    /// What is still to be said of the document as a whole.
    Over(Option<(&'static str, String)>),
}

impl Alone {
    /// The document set aside whole.
    fn whole(&self, code: &'static str, reason: &str) -> Intake {
        let Document { source, position, bytes } = &self.document;
        let position = if position.is_empty() { "byte 0" } else { position };
        let reason = reason.replacen(&format!("{source}: "), "", 1);
        let set_aside = SetAside::new(&**source, position, code, format!("{position}, {reason}"), bytes);
        Intake { batch: no_rows(self.stream), warnings: Vec::new(), set_aside: vec![set_aside] }
    }

    /// Puts the position of the document before those in it.
    fn place(&self, mut intake: Intake) -> Intake {
        let within = &self.document.position;
        if within.is_empty() {
            return intake;
        }
        let place = |position: &str| placed(within, position);
        for unit in &mut intake.set_aside {
            unit.position = place(&unit.position);
        }
        let batch = &intake.batch;
        if let Ok(at) = batch.schema().index_of("source_position")
            && let Some(positions) = batch.column(at).as_string_opt::<i32>()
        {
            let placed: StringArray = positions.iter().map(|position| position.map(place)).collect();
            let mut columns = batch.columns().to_vec();
            columns[at] = Arc::new(placed) as ArrayRef;
            intake.batch = RecordBatch::try_new(batch.schema(), columns).expect("a text column for a text column");
        }
        intake
    }
}

impl Iterator for Alone {
    type Item = Intake;

    fn next(&mut self) -> Option<Intake> {
        let State::Reading(reader, any) = &mut self.state else {
            let State::Over(last) = &mut self.state else { return None };
            return last.take().map(|(code, reason)| self.whole(code, &reason));
        };
        let broken: Option<ReadError> = match reader.next() {
            Some(Ok(intake)) => {
                *any |= intake.batch.num_rows() > 0 || !intake.set_aside.is_empty();
                return Some(self.place(intake));
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let last = match broken {
            Some(error) => Some((error.code(), in_full(&error))),
            None if *any => None,
            None => Some(("no_rows", "there are no rows in it".to_owned())),
        };
        self.state = State::Over(last);
        self.next()
    }
}

/// A batch of no rows, of the columns that any row has.
pub(crate) fn no_rows(stream: &'static Stream) -> RecordBatch {
    let columns = ["source", "source_position"];
    let builder = StreamBuilder::with_columns(stream, &columns);
    RecordBatch::new_empty(builder.expect("columns of every stream").schema().clone())
}

#[cfg(test)]
mod tests;
