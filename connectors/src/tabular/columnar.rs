//! Parquet and Arrow IPC: columns are read and checked whole, keys row by row.

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::buffer::Buffer;
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::{Cell, Kind, Stream};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use super::cell::Fault;
use super::convert::{Converter, Faults, conform_one, is_text, same_on_every_row};
use super::plan::{FeedFrom, Part, Plan};
use super::rows::{Position, RowSink};
use super::seams::key_at;
use super::subjects::{KeyHasher, hash};

/// A file of columns: its schema, and its batches with only the columns asked for.
pub trait ColumnFile: Send {
    /// Columns of the file.
    fn schema(&self) -> SchemaRef;
    /// Begins reading these columns, by position.
    fn read(self: Box<Self>, columns: &[usize], batch_rows: usize) -> Result<Batches, ArrowError>;
}

/// The batches of a file.
pub struct Batches {
    /// One after the other.
    pub batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    /// Rows in all, where the file says so.
    pub n_rows: Option<u64>,
}

/// Runs a decoder. A panic of it on damaged bytes is an error of the file: it must not cost the other files of the run.
/// What it was in the middle of is not used again.
fn decoding<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(ArrowError::ParseError("the decoder failed on damaged bytes".to_owned())))
}

/// Opens a Parquet or Arrow file that `open` opens.
pub fn open_file<F: ColumnFile + 'static>(
    open: impl FnOnce() -> Result<F, ArrowError>,
) -> Result<Box<dyn ColumnFile>, ArrowError> {
    decoding(open).map(|file| Box::new(file) as Box<dyn ColumnFile>)
}

/// A Parquet file.
pub struct ParquetFile {
    file: File,
    metadata: ArrowReaderMetadata,
    stream: &'static Stream,
}

impl ParquetFile {
    /// Opens a Parquet file and reads its footer.
    pub fn open(path: &Path, stream: &'static Stream) -> Result<Self, ArrowError> {
        let file = File::open(path)?;
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        Ok(Self { file, metadata, stream })
    }
}

impl ColumnFile for ParquetFile {
    fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    fn read(self: Box<Self>, columns: &[usize], batch_rows: usize) -> Result<Batches, ArrowError> {
        // Text that becomes ids and codes is kept by code, as Parquet stores it.
        let by_code = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let wants_code = |field: &Field| {
            is_text(field.data_type())
                && self.stream.column(field.name()).is_none_or(|c| matches!(c.kind, Kind::Id | Kind::Code))
        };
        let fields: Vec<Field> = self
            .schema()
            .fields()
            .iter()
            .map(
                |f| if wants_code(f) { f.as_ref().clone().with_data_type(by_code.clone()) } else { f.as_ref().clone() },
            )
            .collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(self.metadata.metadata().clone(), options)
            .unwrap_or_else(|_| self.metadata.clone());
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
        let n_rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file, metadata)
            .with_projection(mask)
            .with_batch_size(batch_rows)
            .build()?;
        Ok(Batches { batches: Box::new(reader), n_rows })
    }
}

/// An Arrow stream, or an Arrow file, which is one behind its magic.
///
/// The decoder is fed with what the file holds. Arrow's own readers take lengths from the file at their word and ask
/// for that much memory at once, which ends the process where the length is damage.
pub struct ArrowStream {
    content: Box<dyn Read + Send>,
    decoder: StreamDecoder,
    schema: SchemaRef,
    /// Read and not yet decoded.
    rest: Buffer,
}

/// Bytes of an Arrow stream that are read at once.
const ARROW_READ_BYTES: u64 = 1 << 20;
/// Where the schema has to end.
const ARROW_SCHEMA_BYTES_MAX: usize = 4 << 20;

impl ArrowStream {
    /// Reads the schema of a stream.
    pub fn open(mut content: Box<dyn Read + Send>, is_file: bool) -> Result<Self, ArrowError> {
        let breaks_off = |_: std::io::Error| ArrowError::IpcError("breaks off before its schema ends".to_owned());
        if is_file {
            let mut magic = [0; 8];
            content.read_exact(&mut magic).map_err(breaks_off)?;
            // Writers fill up with zeros to their alignment; the stream's first word is not zero.
            let mut word = [0; 4];
            while word == [0; 4] {
                content.read_exact(&mut word).map_err(breaks_off)?;
            }
            content = Box::new(Cursor::new(word).chain(content));
        }
        let schema = Arc::new(Schema::empty());
        let mut stream = Self { content, decoder: StreamDecoder::new(), schema, rest: Buffer::default() };
        // A byte at a time, so that the decoder stops behind the schema and before the first batch.
        let mut byte = [0];
        for _ in 0..ARROW_SCHEMA_BYTES_MAX {
            stream.content.read_exact(&mut byte).map_err(breaks_off)?;
            stream.decoder.decode(&mut Buffer::from(&byte))?;
            if let Some(schema) = stream.decoder.schema() {
                return Ok(Self { schema, ..stream });
            }
        }
        Err(ArrowError::IpcError(format!("no schema in the first {ARROW_SCHEMA_BYTES_MAX} bytes")))
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            if self.rest.is_empty() {
                let mut bytes = Vec::new();
                self.content.by_ref().take(ARROW_READ_BYTES).read_to_end(&mut bytes)?;
                if bytes.is_empty() {
                    return self.decoder.finish().map(|()| None);
                }
                self.rest = bytes.into();
            }
            match self.decoder.decode(&mut self.rest) {
                Ok(None) => {}
                // Behind the end of the stream stands the footer of the file, which the decoder does not expect.
                Err(_) if self.decoder.finish().is_ok() => return Ok(None),
                decoded => return decoded,
            }
        }
    }
}

impl ColumnFile for ArrowStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn read(mut self: Box<Self>, columns: &[usize], _: usize) -> Result<Batches, ArrowError> {
        let columns = columns.to_vec();
        let batches = std::iter::from_fn(move || self.next().transpose());
        let batches = batches.map(move |batch| batch?.project(&columns));
        Ok(Batches { batches: Box::new(batches), n_rows: None })
    }
}

/// A file of columns being read.
pub struct ColumnarFile {
    source: Arc<str>,
    stream: &'static Stream,
    batches: Batches,
    plan: Plan,
    /// Position in the batches of each of the plan's inputs that is read.
    columns: Vec<Option<usize>>,
    converters: Vec<Converter>,
    n_read: u64,
}

impl ColumnarFile {
    /// Begins reading as the plan says.
    pub fn new(
        source: Arc<str>,
        stream: &'static Stream,
        file: Box<dyn ColumnFile>,
        mut plan: Plan,
        batch_rows: usize,
    ) -> Result<Self, ArrowError> {
        plan.feeds.retain(|feed| feed.wanted);
        let mut wanted: Vec<usize> = plan.feeds.iter().flat_map(|feed| inputs_of(&feed.from)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let columns = (0..plan.inputs.len()).map(|input| wanted.iter().position(|w| *w == input)).collect();
        let converters = plan.feeds.iter().map(|_| Converter::new(stream)).collect();
        Ok(Self {
            source,
            stream,
            batches: decoding(|| file.read(&wanted, batch_rows))?,
            plan,
            columns,
            converters,
            n_read: 0,
        })
    }

    /// The share of the rows that was read, where the file says how many there are.
    pub fn share_read(&self) -> Option<f64> {
        self.batches.n_rows.map(|n| if n == 0 { 1.0 } else { self.n_read as f64 / n as f64 })
    }

    /// Reads the next batch; `false` at the end.
    pub fn step(&mut self, sink: &mut RowSink) -> Result<bool, ArrowError> {
        let batches = &mut self.batches.batches;
        let Some(batch) = decoding(|| batches.next().transpose())? else { return Ok(false) };
        let rows = batch.num_rows();
        let first_row = self.n_read;
        self.n_read += rows as u64;
        let mut faults = Faults::new();
        let schema = sink.schema();
        let mut arrays: Vec<Option<ArrayRef>> = vec![None; schema.fields().len()];
        for (feed, converter) in self.plan.feeds.iter().zip(&mut self.converters) {
            let reader = &feed.reader;
            let input = |at: usize| self.columns.get(at).copied().flatten().and_then(|at| batch.columns().get(at));
            let array = match &feed.from {
                FeedFrom::Input(at) => match input(*at) {
                    Some(array) => converter.convert(reader, array, &mut faults, &mut sink.notes)?,
                    None => continue,
                },
                FeedFrom::Constant(text) => {
                    converter.read_texts(reader, rows, &mut faults, &mut sink.notes, |_, cell| cell.push_str(text))?
                }
                FeedFrom::Template(parts) => {
                    let texts = joined(parts, rows, input)?;
                    converter.convert(reader, &texts, &mut faults, &mut sink.notes)?
                }
            };
            if let Ok(at) = schema.index_of(reader.column().name)
                && let Some(slot) = arrays.get_mut(at)
            {
                *slot = Some(array);
            }
        }
        sink.notes.keep_row(|| format!("{}: row {} and on", self.source, first_row + 1));
        let own = |name: &str| -> Result<ArrayRef, ArrowError> {
            if name == "source" {
                return same_on_every_row::<Int32Type>(&self.source, rows);
            }
            let mut text = String::new();
            let positions = (0..rows as u64).map(|row| {
                Position::Row(first_row + row + 1).write(&mut text);
                Some(text.clone())
            });
            Ok(Arc::new(positions.collect::<StringArray>()))
        };
        let columns = schema.fields().iter().zip(arrays).map(|(field, array)| match array {
            Some(array) => Ok(array),
            None if super::plan::READER_OWNED.contains(&field.name().as_str()) => own(field.name()),
            None => absent(self.stream, field.name(), rows),
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let canonical = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let place = |row: usize| (self.source.to_string(), Position::Row(first_row + row as u64 + 1).to_string());
        admit(self.stream, sink, &canonical, &faults, &place, &batch).map(|()| true)
    }
}

/// Lets those rows of a canonical batch through that have no fault and whose key is admitted; `shown` has their text.
pub fn admit(
    stream: &'static Stream,
    sink: &mut RowSink,
    batch: &RecordBatch,
    faults: &Faults,
    place: &dyn Fn(usize) -> (String, String),
    shown: &RecordBatch,
) -> Result<(), ArrowError> {
    let Some(subjects) = batch.column_by_name(stream.subject_key) else {
        sink.push_batch(batch.clone());
        return Ok(());
    };
    let subject_hashes: Vec<u64> = match subjects.as_dictionary_opt::<Int32Type>() {
        // Only worth it where values repeat or are all of this batch.
        Some(ids) if ids.values().len() <= 2 * batch.num_rows() => {
            ids.values().as_string::<i32>().iter().map(|id| hash(id.unwrap_or(""))).collect()
        }
        _ => Vec::new(),
    };
    let keys: Vec<(&'static str, &ArrayRef)> = stream
        .all_columns()
        .filter(|c| c.key && c.name != stream.subject_key)
        .filter_map(|c| batch.column_by_name(c.name).map(|array| (c.name, array)))
        .collect();
    let mut kept = Vec::with_capacity(batch.num_rows());
    // A derived key (a traveller's) may follow from the other columns, later: such a row has no key to compare yet.
    let follows = stream.column(stream.subject_key).is_some_and(|column| column.derived);
    let no_key = Fault { code: "missing_key", reason: format!("`{}` is missing", stream.subject_key) };
    for row in 0..batch.num_rows() {
        let keyless = subjects.is_null(row);
        if let Some(fault) = faults.get(&row).or((keyless && !follows).then_some(&no_key)) {
            let (source, position) = place(row);
            sink.refuse_at(&source, &position, fault, row_text(shown, row).as_bytes());
            kept.push(false);
            continue;
        }
        if keyless {
            kept.push(true);
            continue;
        }
        let mut key = KeyHasher::default();
        let code = subjects.as_dictionary_opt::<Int32Type>().and_then(|ids| ids.key(row));
        match code.and_then(|code| subject_hashes.get(code)) {
            Some(known) => key.subject_hash(*known),
            None => key.subject(key_at(subjects, row).unwrap_or("")),
        }
        for (name, array) in &keys {
            key.and(name, &key_cell(array, row));
        }
        match sink.gate.admit(key.finish()) {
            Ok(_) => kept.push(true),
            Err(refused) => {
                let subject = key_at(subjects, row).unwrap_or("").to_owned();
                let fault = sink.refusal(refused, &subject);
                let (source, position) = place(row);
                sink.refuse_at(&source, &position, &fault, row_text(shown, row).as_bytes());
                kept.push(false);
            }
        }
    }
    let kept = BooleanArray::from(kept);
    let batch = if kept.true_count() == batch.num_rows() { batch.clone() } else { filter_record_batch(batch, &kept)? };
    sink.push_batch(batch);
    Ok(())
}

fn key_cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.as_primitive_opt::<Int32Type>() {
        Some(numbers) => Cell::I32(numbers.value(row)),
        None => key_at(array, row).map_or(Cell::Null, Cell::Text),
    }
}

/// A row as one line of JSON, for people to read.
pub fn row_text(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_display_error(true);
    let mut object = serde_json::Map::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if array.is_null(row) {
            continue;
        }
        let cell = array.slice(row, 1);
        // Arrow shows times with a zone only where it is built with all zones; these are UTC inside.
        let cell = match cell.data_type() {
            DataType::Timestamp(unit, Some(_)) => cast(&cell, &DataType::Timestamp(*unit, None)).unwrap_or(cell),
            _ => cell,
        };
        if let Ok(formatter) = ArrayFormatter::try_new(cell.as_ref(), &options) {
            object.insert(field.name().clone(), formatter.value(0).to_string().into());
        }
    }
    serde_json::Value::Object(object).to_string()
}

/// A column that a file does not have.
pub fn absent(stream: &'static Stream, name: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let column = stream
        .column(name)
        .ok_or_else(|| ArrowError::SchemaError(format!("stream {} has no column {name}", stream.name)))?;
    conform_one(stream, column, new_null_array(&DataType::Null, rows))
}

fn inputs_of(from: &FeedFrom) -> Vec<usize> {
    match from {
        FeedFrom::Input(at) => vec![*at],
        FeedFrom::Constant(_) => Vec::new(),
        FeedFrom::Template(parts) => parts
            .iter()
            .filter_map(|part| match part {
                Part::Input(at) => Some(*at),
                Part::Text(_) => None,
            })
            .collect(),
    }
}

/// Texts put together from a template; NULL where a part is blank.
fn joined<'a>(
    parts: &[Part],
    rows: usize,
    input: impl Fn(usize) -> Option<&'a ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::default();
    let mut formatters = Vec::new();
    for part in parts {
        formatters.push(match part {
            Part::Text(_) => None,
            Part::Input(at) => input(*at).map(|array| ArrayFormatter::try_new(array.as_ref(), &options)).transpose()?,
        });
    }
    let text = |row: usize| {
        let mut text = String::new();
        for (part, formatter) in parts.iter().zip(&formatters) {
            match (part, formatter) {
                (Part::Text(fixed), _) => text.push_str(fixed),
                (Part::Input(_), Some(formatter)) => {
                    let value = formatter.value(row).to_string();
                    if super::cell::is_null(value.trim()) {
                        return None;
                    }
                    text.push_str(value.trim());
                }
                (Part::Input(_), None) => return None,
            }
        }
        Some(text)
    };
    Ok(Arc::new((0..rows).map(text).collect::<StringArray>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_damage_costs_no_memory() {
        use arrow::ipc::writer::StreamWriter;

        let ids: ArrayRef = Arc::new(StringArray::from(vec!["A", "B"]));
        let rows = RecordBatch::try_from_iter([("declaration_id", ids)]).unwrap();
        let mut whole = Vec::new();
        let mut writer = StreamWriter::try_new(&mut whole, &rows.schema()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        for at in 0..whole.len() - 8 {
            let mut damaged = whole.clone();
            damaged[at..at + 8].copy_from_slice(&0x4E00_0000_0000_0000_u64.to_le_bytes());
            let read = decoding(|| {
                let mut stream = ArrowStream::open(Box::new(Cursor::new(damaged)), false)?;
                while stream.next()?.is_some() {}
                Ok(())
            });
            drop(read);
        }
    }

    #[test]
    fn a_decoder_that_panics_costs_its_file_only() {
        assert!(decoding::<()>(|| panic!("a decoder's assertion, expected here")).is_err());
        assert_eq!(decoding(|| Ok(1)).ok(), Some(1));
    }
}
