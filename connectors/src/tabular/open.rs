//! Opening inputs, and the reader that goes through them.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use bytes::Bytes;
use haechi_model::intake::Intake;
use haechi_model::streams::STREAMS;
use haechi_model::{Column, Stream, StreamBuilder};

use super::admit::{admit, row_text};
use super::arrow_ipc::ArrowStream;
use super::columnar::{ColumnFile, ColumnarFile, absent, open_columns};
use super::convert::Faults;
use super::csv::{CsvFile, Header};
use super::errors::{OpenError, ReadError};
use super::lines::Lines;
use super::ndjson::{self, NdjsonFile};
use super::one_a_line::{Numbers, OneALine, is_spread};
use super::parquet::ParquetFile;
use super::plan::{Inputs, Plan, READER_OWNED, Wanted};
use super::rows::RowSink;
use super::seams::{Seams, key_at};
use super::subjects::Refused;
use crate::format::{MessageFormat, MessageReading};
use crate::mapping::Mapping;
use crate::messages::Messages;
use crate::options::ReadOptions;
use crate::recognise::{Recognised, recognise};
use crate::sources::{InputFile, Place, Unwrapped, Wrapping, expand};

/// Records read between two looks at whether a batch is done.
const STEP_RECORDS: usize = 1_024;
/// Units set aside that are handed on even if no batch is done: what bounds their memory.
const SET_ASIDE_MAX: usize = 1_024;

/// Opens files of one stream. Every file is looked at now, so that a missing column or an unreadable file is known
/// before the first row; then they are read one after the other.
///
/// `columns` limits the batches to these columns and, but for [`ReadOptions::rows_alone`], the keys; `None` gives all
/// that the files have.
pub fn open(
    inputs: &[String],
    stream: &'static Stream,
    mapping: Option<&Mapping>,
    options: &ReadOptions,
    columns: Option<&[&str]>,
) -> Result<Reader, OpenError> {
    check(stream, mapping, columns)?;
    let files = expand(inputs)?;
    if files.is_empty() {
        return Err(OpenError::NoInput);
    }
    open_all(files.into_iter().map(Input::from).collect(), stream, mapping, options, columns)
}

/// Opens one file that rows show under another name than its path.
pub fn open_file(
    name: &str,
    path: PathBuf,
    stream: &'static Stream,
    mapping: Option<&Mapping>,
    options: &ReadOptions,
) -> Result<Reader, OpenError> {
    let size = match std::fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(source) => return Err(OpenError::Unreadable { file: name.to_owned(), source }),
    };
    check(stream, mapping, None)?;
    open_all(vec![Input { name: name.into(), size, place: Place::File(path) }], stream, mapping, options, None)
}

/// Opens bytes in memory as if they were a file of that name.
pub fn open_bytes(
    name: Arc<str>,
    bytes: Bytes,
    stream: &'static Stream,
    mapping: Option<&Mapping>,
    options: &ReadOptions,
) -> Result<Reader, OpenError> {
    check(stream, mapping, None)?;
    open_all(
        vec![Input { name, size: bytes.len() as u64, place: Place::Memory(bytes) }],
        stream,
        mapping,
        options,
        None,
    )
}

/// Opens what was read of a message already, for the rows of one stream in it.
pub fn open_reading(
    name: Arc<str>,
    format: &'static MessageFormat,
    reading: MessageReading,
    stream: &'static Stream,
    options: &ReadOptions,
) -> Result<Reader, OpenError> {
    let of_stream = reading.records.iter().find(|(of, _)| of.name == stream.name);
    let columns = of_stream.map_or_else(Vec::new, |(_, batch)| names_of(batch));
    let file = Input { name, size: 0, place: Place::Memory(Bytes::new()) };
    let kind = Kind::Message { format, columns, read: Some(Box::new(reading)) };
    read_all_of(VecDeque::from([Known { file, kind }]), 0, stream, options, Wanted { columns: None, keys: true })
}

fn check(stream: &Stream, mapping: Option<&Mapping>, columns: Option<&[&str]>) -> Result<(), OpenError> {
    if let Some(mapping) = mapping
        && mapping.stream.name != stream.name
    {
        return Err(OpenError::OtherMapping { mapping: mapping.stream.name, stream: stream.name });
    }
    if let Some(column) = columns.unwrap_or_default().iter().find(|name| stream.column(name).is_none()) {
        let nearest = stream.nearest(column);
        return Err(OpenError::UnknownColumn { stream: stream.name, column: (*column).to_owned(), nearest });
    }
    Ok(())
}

fn open_all(
    inputs: Vec<Input>,
    stream: &'static Stream,
    mapping: Option<&Mapping>,
    options: &ReadOptions,
    columns: Option<&[&str]>,
) -> Result<Reader, OpenError> {
    let total_bytes = inputs.iter().map(|input| input.size).sum();
    let wanted = Wanted { columns, keys: !options.rows_alone };
    let look = Look { stream, mapping, options, wanted };
    let files = inputs.into_iter().map(|input| look.at(input)).collect::<Result<_, _>>()?;
    read_all_of(files, total_bytes, stream, options, wanted)
}

fn read_all_of(
    files: VecDeque<Known>,
    total_bytes: u64,
    stream: &'static Stream,
    options: &ReadOptions,
    wanted: Wanted<'_>,
) -> Result<Reader, OpenError> {
    let has = |name: &str| files.iter().any(|file| file.columns().any(|column| column == name));
    let owned = |c: &Column| READER_OWNED.contains(&c.name) && (!options.rows_alone || wanted.has(stream, c));
    let read = |c: &Column| has(c.name) && wanted.has(stream, c);
    let names: Vec<&str> = stream.all_columns().filter(|c| owned(c) || read(c)).map(|c| c.name).collect();
    let builder = StreamBuilder::with_columns(stream, &names).map_err(|_| OpenError::UnknownColumn {
        stream: stream.name,
        column: names.join(", "),
        nearest: "",
    })?;
    let schema = builder.schema().clone();
    let at_seams = |name: &str| if options.rows_alone { None } else { builder.index(name) };
    let key = stream.lanes.and_then(|_| at_seams(stream.subject_key));
    let together = stream.together.and_then(at_seams);
    let mut sink = RowSink::new(stream, builder, options);
    for file in &files {
        file.note_unknown(stream, &mut sink);
    }
    Ok(Reader {
        stream,
        options: options.clone(),
        files,
        current: None,
        sink,
        seams: Seams::new(schema.clone(), key, together, options.batch_rows),
        schema,
        total_bytes,
        bytes_read: Arc::new(AtomicU64::new(0)),
        bytes_before: 0,
        rows_skipped: 0,
        ended: false,
    })
}

/// Reads files of one stream to canonical batches.
pub struct Reader {
    stream: &'static Stream,
    options: ReadOptions,
    files: VecDeque<Known>,
    current: Option<Current>,
    sink: RowSink,
    seams: Seams,
    schema: SchemaRef,
    total_bytes: u64,
    bytes_read: Arc<AtomicU64>,
    /// Size of the files that are done.
    bytes_before: u64,
    rows_skipped: u64,
    ended: bool,
}

/// What is read, under the name that the column `source` has.
struct Input {
    name: Arc<str>,
    /// As it is stored, in bytes.
    size: u64,
    place: Place,
}

impl From<InputFile> for Input {
    fn from(file: InputFile) -> Self {
        Self { name: file.name, size: file.bytes, place: Place::File(file.path) }
    }
}

/// A file that was looked at.
struct Known {
    file: Input,
    kind: Kind,
}

enum Kind {
    Empty,
    Csv {
        header: Header,
        plan: Plan,
    },
    Ndjson {
        plan: Plan,
    },
    Columnar {
        format: Recognised,
        wrapping: Wrapping,
        plan: Plan,
    },
    /// With all that was read of it, where it is in memory.
    Message {
        format: &'static MessageFormat,
        columns: Vec<String>,
        read: Option<Box<MessageReading>>,
    },
}

/// The file being read.
struct Current {
    file: Input,
    rows: Rows,
}

enum Rows {
    Csv(Box<CsvFile>),
    Ndjson(Box<NdjsonFile>),
    Columnar(Box<ColumnarFile>),
    Messages(Messages),
    Read(Box<MessageReading>),
    Done,
}

impl Reader {
    /// Columns of every batch; with [`ReadOptions::text_by_code`], text may be a dictionary instead.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Size of all inputs on disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// How much of [`Reader::total_bytes`] has been read.
    pub fn bytes_read(&self) -> u64 {
        let of_current = self.current.as_ref().map_or(0, |current| {
            let share = match &current.rows {
                Rows::Columnar(file) => file.share_read(),
                _ => None,
            };
            match share {
                Some(share) => (share * current.file.size as f64) as u64,
                None => self.bytes_read.load(Ordering::Relaxed).min(current.file.size),
            }
        });
        (self.bytes_before + of_current).min(self.total_bytes)
    }

    /// Rows that were not read since [`ReadOptions::keep`] does not keep their row groups, in the files begun so far.
    pub fn rows_skipped(&self) -> u64 {
        self.rows_skipped
    }

    fn intake(&mut self, batch: RecordBatch) -> Intake {
        Intake { batch, warnings: self.sink.notes.take(), set_aside: self.sink.take_set_aside() }
    }

    /// Reads on a little.
    fn advance(&mut self) -> Result<(), ReadError> {
        let Some(current) = &mut self.current else {
            let Some(known) = self.files.pop_front() else {
                self.sink.flush();
                self.collect()?;
                self.ended = true;
                return Ok(());
            };
            self.bytes_read.store(0, Ordering::Relaxed);
            let bytes = known.file.size;
            self.current = self.begin(known).inspect_err(|_| self.bytes_before += bytes)?;
            return Ok(());
        };
        let file = || current.file.name.to_string();
        let io = |source| ReadError::Io { file: file(), source };
        let columnar = |source| ReadError::Columnar { file: file(), source };
        let more = match &mut current.rows {
            Rows::Csv(rows) => rows.step(&mut self.sink, STEP_RECORDS).map_err(io),
            Rows::Ndjson(rows) => rows.step(&mut self.sink, STEP_RECORDS).map_err(io),
            Rows::Columnar(rows) => rows.step(&mut self.sink).map_err(columnar),
            Rows::Messages(messages) => match messages.next() {
                Some(Ok(reading)) => take_rows(reading, &current.file.name, self.stream, &mut self.sink).map(|()| true),
                Some(Err(source)) => Err(ReadError::Io { file: file(), source }),
                None => Ok(false),
            },
            Rows::Read(_) => {
                let Rows::Read(reading) = std::mem::replace(&mut current.rows, Rows::Done) else { return Ok(()) };
                take_rows(*reading, &current.file.name, self.stream, &mut self.sink).map(|()| false)
            }
            Rows::Done => Ok(false),
        };
        if !matches!(more, Ok(true)) {
            self.bytes_before += current.file.size;
            self.current = None;
        }
        self.collect()?;
        more.map(drop)
    }

    /// Opens a file for reading.
    fn begin(&mut self, known: Known) -> Result<Option<Current>, ReadError> {
        let Known { file, kind } = known;
        let name = file.name.clone();
        let io = |source| ReadError::Io { file: name.to_string(), source };
        let columnar = |source| ReadError::Columnar { file: name.to_string(), source };
        let rows = match kind {
            Kind::Empty => Rows::Done,
            Kind::Message { read: Some(reading), .. } => Rows::Read(reading),
            Kind::Message { format, .. } => {
                let content = file.place.unwrap(self.bytes_read.clone()).map_err(io)?.content;
                Rows::Messages(Messages::begin(format, name.clone(), content, &self.options).map_err(io)?)
            }
            Kind::Csv { header, plan } => {
                let content = file.place.unwrap(self.bytes_read.clone()).map_err(io)?.content;
                let mut lines = Lines::new(content, file.size);
                match Header::read(&mut lines, |name| header.names.iter().any(|known| known == name)) {
                    Ok(again) if again == header => {}
                    _ => return Err(ReadError::Changed { file: name.to_string() }),
                }
                let wired = self.sink.wire(plan);
                Rows::Csv(Box::new(CsvFile::new(name, lines, header.separator, wired)))
            }
            Kind::Ndjson { plan } => {
                let Unwrapped { head, content, .. } = file.place.unwrap(self.bytes_read.clone()).map_err(io)?;
                let wired = self.sink.wire(plan);
                let lines = json_lines(&head, content, file.size);
                Rows::Ndjson(Box::new(NdjsonFile::new(name, lines, wired)))
            }
            Kind::Columnar { format, wrapping, plan } => {
                let columns = column_file(&file, format, wrapping, self.bytes_read.clone()).map_err(columnar)?;
                let schema = self.schema.clone();
                let rows = ColumnarFile::new(name.clone(), self.stream, schema, columns, plan, &self.options);
                let rows = rows.map_err(columnar)?;
                self.rows_skipped += rows.n_skipped();
                Rows::Columnar(Box::new(rows))
            }
        };
        Ok(Some(Current { file, rows }))
    }

    /// Moves finished rows on, and takes out the subjects that turned out too large.
    fn collect(&mut self) -> Result<(), ReadError> {
        let too_large = self.sink.take_too_large();
        if !too_large.is_empty() {
            self.sink.flush();
        }
        self.sink.take_ready().into_iter().for_each(|batch| self.seams.push(batch));
        too_large.iter().try_for_each(|subject| self.take_out(subject))
    }

    /// Sets the rows of a subject aside that were taken before.
    fn take_out(&mut self, subject: &str) -> Result<(), ReadError> {
        let removed = self.seams.remove(subject)?;
        let fault = self.sink.reason(Refused::TooLarge, subject);
        let at = |name: &str, row: usize| removed.column_by_name(name).map_or(String::new(), |a| text_at(a, row));
        for row in 0..removed.num_rows() {
            let (source, position) = (at("source", row), at("source_position", row));
            // The raw text is gone by now; the columns that were read stand for it.
            let text = row_text(&removed, row);
            self.sink.refuse_at(&source, &position, &fault, text.as_bytes());
        }
        Ok(())
    }
}

impl Iterator for Reader {
    type Item = Result<Intake, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.seams.next(self.ended) {
                Ok(Some(batch)) => return Some(Ok(self.intake(batch))),
                Ok(None) => {}
                Err(error) => return Some(Err(error.into())),
            }
            let leftover = self.sink.n_set_aside() > 0 || self.sink.notes.any();
            if self.sink.n_set_aside() >= SET_ASIDE_MAX || (self.ended && leftover) {
                let empty = RecordBatch::new_empty(self.schema.clone());
                return Some(Ok(self.intake(empty)));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance() {
                return Some(Err(error));
            }
        }
    }
}

impl Known {
    /// Columns of ours that the file fills.
    fn columns(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.kind {
            Kind::Empty => Box::new(std::iter::empty()),
            Kind::Csv { plan, .. } | Kind::Ndjson { plan } | Kind::Columnar { plan, .. } => {
                Box::new(plan.columns().map(|c| c.name))
            }
            Kind::Message { columns, .. } => Box::new(columns.iter().map(String::as_str)),
        }
    }

    /// Says which columns of the file nothing reads.
    fn note_unknown(&self, stream: &Stream, sink: &mut RowSink) {
        let (Kind::Csv { plan, .. } | Kind::Ndjson { plan } | Kind::Columnar { plan, .. }) = &self.kind else { return };
        if plan.unknown.is_empty() {
            return;
        }
        let (n, names) = (plan.unknown.len(), plan.unknown.join(", "));
        let what = if n == 1 { "1 column is" } else { "columns are" };
        let what = if n == 1 { what.to_owned() } else { format!("{n} {what}") };
        let text = format!("{what} not in stream {} and left out: {names}", stream.name);
        sink.notes.file("unknown_columns", &*self.file.name, text);
    }
}

/// The lines of a file of JSON, an object on each.
fn json_lines(head: &[u8], content: Box<dyn io::Read + Send>, size: u64) -> (Lines, Option<Numbers>) {
    if !is_spread(head) {
        return (Lines::new(content, size), None);
    }
    let (lines, numbers) = OneALine::new(content);
    (Lines::new(Box::new(lines), size), Some(numbers))
}

/// The stream that a table is of, going by its columns: the one that knows most of them, all parts of its key among
/// them but what a reader numbers itself. None where no stream fits.
pub fn stream_of(path: &Path) -> Result<Option<&'static Stream>, OpenError> {
    let shown = || path.display().to_string();
    let unread = |source| OpenError::Unreadable { file: shown(), source };
    let size = std::fs::metadata(path).map_err(unread)?.len();
    let file = Input { name: shown().into(), size, place: Place::File(path.to_owned()) };
    let Unwrapped { wrapping, head, content } = file.place.unwrap(Arc::default()).map_err(unread)?;
    let format = recognise(&head).map_err(|reason| OpenError::Unrecognised { file: shown(), reason })?;
    let names = match format {
        Recognised::Csv => {
            let known = |name: &str| STREAMS.iter().any(|stream| stream.column(name).is_some());
            let header = Header::read(&mut Lines::new(content, size), known);
            header.map_err(|reason| OpenError::Header { file: shown(), reason })?.names
        }
        Recognised::Ndjson => ndjson::sample(&mut json_lines(&head, content, size).0),
        Recognised::Parquet | Recognised::ArrowFile | Recognised::ArrowStream => {
            let columns = column_file(&file, format, wrapping, Arc::default());
            let damaged = |error| OpenError::Columnar { file: shown(), reason: format!("is damaged: {error}") };
            columns.map_err(damaged)?.schema().fields().iter().map(|field| field.name().clone()).collect()
        }
        Recognised::Empty | Recognised::Message(_) => return Ok(None),
    };
    let has = |column: &str| names.iter().any(|name| name == column);
    let known = |stream: &&&'static Stream| names.iter().filter(|name| stream.column(name).is_some()).count();
    let fits = |stream: &&&'static Stream| {
        let keys = stream.columns.iter().filter(|column| column.key && column.name.ends_with("_id"));
        let mut sent = keys.filter(|column| !column.derived).peekable();
        // Where the key follows from the rest, a column or two prove nothing.
        if sent.peek().is_none() { known(stream) >= 3 } else { sent.all(|column| has(column.name)) }
    };
    // The first of equals, and `max` gives the last.
    Ok(STREAMS.iter().rev().filter(fits).max_by_key(known).copied())
}

/// What a look at a file needs to know.
struct Look<'a> {
    stream: &'static Stream,
    mapping: Option<&'a Mapping>,
    options: &'a ReadOptions,
    wanted: Wanted<'a>,
}

impl Look<'_> {
    fn at(&self, file: Input) -> Result<Known, OpenError> {
        let name = file.name.to_string();
        let unread = |source| OpenError::Unreadable { file: name.clone(), source };
        let not_counted = Arc::new(AtomicU64::new(0));
        let Unwrapped { wrapping, head, content } = file.place.unwrap(not_counted.clone()).map_err(unread)?;
        let format = recognise(&head).map_err(|reason| OpenError::Unrecognised { file: name.clone(), reason })?;
        let kind = match format {
            Recognised::Empty => Kind::Empty,
            Recognised::Csv => {
                let mut lines = Lines::new(content, file.size);
                let header = Header::read(&mut lines, |column| self.knows(column))
                    .map_err(|reason| OpenError::Header { file: name.clone(), reason })?;
                let plan = self.plan(&name, Inputs::Exactly(&header.names))?;
                Kind::Csv { header, plan }
            }
            Recognised::Ndjson => {
                let (mut lines, _) = json_lines(&head, content, file.size);
                let names = ndjson::sample(&mut lines);
                Kind::Ndjson { plan: self.plan(&name, Inputs::AtLeast(&names))? }
            }
            Recognised::Parquet | Recognised::ArrowFile | Recognised::ArrowStream => {
                let damaged = |reason: String| OpenError::Columnar { file: name.clone(), reason };
                if matches!(format, Recognised::Parquet) && wrapping != Wrapping::Plain {
                    let reason = "is a compressed Parquet file; unpack it, Parquet compresses by itself";
                    return Err(damaged(reason.to_owned()));
                }
                let columns = column_file(&file, format, wrapping, not_counted)
                    .map_err(|error| damaged(format!("is damaged: {error}")))?;
                let names: Vec<String> = columns.schema().fields().iter().map(|f| f.name().clone()).collect();
                Kind::Columnar { format, wrapping, plan: self.plan(&name, Inputs::Exactly(&names))? }
            }
            Recognised::Message(format) => {
                let source = file.name.clone();
                let mut read = None;
                let columns = match &file.place {
                    // Posted bodies are small, and there are many.
                    Place::Memory(_) => {
                        let mut content = content;
                        let reading = format.read_whole(&source, &mut content, self.options).map_err(unread)?;
                        let reading = &**read.insert(Box::new(reading));
                        self.columns_of(std::iter::once(Ok(reading)))
                    }
                    Place::File(_) => {
                        let messages = Messages::begin(format, source, content, self.options).map_err(unread)?;
                        self.columns_of(messages)
                    }
                };
                let columns = columns.map_err(|other| match other {
                    NoColumns::OtherStream => {
                        OpenError::OtherStream { file: name.clone(), format: format.name, stream: self.stream.name }
                    }
                    NoColumns::Unread(source) => unread(source),
                })?;
                Kind::Message { format, columns, read }
            }
        };
        Ok(Known { file, kind })
    }

    /// The columns of the first rows of the stream: a reader fills the same ones in all rows.
    fn columns_of<R: Borrow<MessageReading>>(
        &self,
        readings: impl Iterator<Item = io::Result<R>>,
    ) -> Result<Vec<String>, NoColumns> {
        let mut others = false;
        for reading in readings {
            for (stream, batch) in &reading.map_err(NoColumns::Unread)?.borrow().records {
                if stream.name == self.stream.name {
                    return Ok(names_of(batch));
                }
                others = true;
            }
        }
        if others { Err(NoColumns::OtherStream) } else { Ok(Vec::new()) }
    }

    fn knows(&self, column: &str) -> bool {
        self.stream.column(column).is_some()
            || self.mapping.is_some_and(|mapping| mapping.inputs().any(|input| input == column))
    }

    fn plan(&self, file: &str, inputs: Inputs<'_>) -> Result<Plan, OpenError> {
        Plan::new(inputs, self.stream, self.mapping, self.wanted, self.options.zone)
            .map_err(|reason| OpenError::Columns { file: file.to_owned(), reason })
    }
}

fn names_of(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn column_file(
    file: &Input,
    format: Recognised,
    wrapping: Wrapping,
    bytes_read: Arc<AtomicU64>,
) -> Result<Box<dyn ColumnFile>, arrow::error::ArrowError> {
    match (format, wrapping) {
        (Recognised::Parquet, _) => open_columns(|| ParquetFile::open(&file.place)),
        (format, _) => {
            let content = file.place.unwrap(bytes_read)?.content;
            open_columns(|| ArrowStream::open(content, matches!(format, Recognised::ArrowFile)))
        }
    }
}

/// Why a message has no columns for a stream.
enum NoColumns {
    OtherStream,
    Unread(io::Error),
}

/// Takes the rows of the stream, and what was said of all.
fn take_rows(
    reading: MessageReading,
    file: &Arc<str>,
    stream: &'static Stream,
    sink: &mut RowSink,
) -> Result<(), ReadError> {
    sink.notes.extend(reading.warnings);
    sink.extend_set_aside(reading.set_aside);
    let others: usize =
        reading.records.iter().filter(|(of, _)| of.name != stream.name).map(|(_, batch)| batch.num_rows()).sum();
    if others > 0 {
        let text = format!("{others} rows of other streams than {} were left out; run them by themselves", stream.name);
        sink.notes.file("other_stream", &**file, text);
    }
    for (_, batch) in reading.records.iter().filter(|(of, _)| of.name == stream.name) {
        let schema = sink.schema();
        let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
            Some(array) => Ok(array.clone()),
            None => absent(stream, field.name(), batch.num_rows()),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let row_count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let canonical = RecordBatch::try_new_with_options(schema, columns, &row_count)?;
        let at = |name: &str, row: usize| canonical.column_by_name(name).map_or(String::new(), |a| text_at(a, row));
        let place = |row: usize| (at("source", row), at("source_position", row));
        admit(stream, sink, canonical.clone(), &Faults::new(), &place, &canonical)?;
    }
    Ok(())
}

/// Text of a row of a text or id column.
fn text_at(array: &ArrayRef, row: usize) -> String {
    match array.as_string_opt::<i32>() {
        Some(texts) if texts.is_valid(row) => texts.value(row).to_owned(),
        _ => key_at(array, row).unwrap_or("").to_owned(),
    }
}

/// Reads everything: for tests and small inputs.
#[cfg(test)]
pub(super) fn read_all(
    reader: Reader,
) -> (Vec<RecordBatch>, Vec<haechi_model::intake::Warning>, Vec<haechi_model::intake::SetAside>) {
    let (mut batches, mut warnings, mut set_aside) = (Vec::new(), Vec::new(), Vec::new());
    for intake in reader {
        let intake = intake.unwrap();
        batches.push(intake.batch);
        warnings.extend(intake.warnings);
        set_aside.extend(intake.set_aside);
    }
    (batches, warnings, set_aside)
}
