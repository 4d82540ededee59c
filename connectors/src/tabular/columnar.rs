//! Files of columns: read and checked a column at a time, in parts, which then go past the gate row by row.
//!
//! What can be done to a part by itself is done in [`Shape::part`], wherever the format decodes it, if need be on
//! several threads; what depends on the rows before it (keys, what was said already) in [`ColumnarFile::step`], in the
//! order of the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::Stream;

use super::admit::admit;
use super::convert::{Converter, Faults, conform_one, same_on_every_row};
use super::notes::Notes;
use super::plan::{FeedFrom, Part as Piece, Plan, READER_OWNED};
use super::rows::{Position, RowSink};
use crate::options::ReadOptions;

/// A file of columns that was looked at.
pub trait ColumnFile: Send {
    /// Columns of the file.
    fn schema(&self) -> SchemaRef;
    /// Begins reading the columns that the shape takes.
    fn read(self: Box<Self>, shape: Arc<Shape>, options: &ReadOptions) -> Result<Parts, ArrowError>;
}

/// The rows of a file.
pub struct Parts {
    /// In the order of the file. Nothing follows an error.
    pub decoded: Box<dyn Iterator<Item = Result<Part, ArrowError>> + Send>,
    /// Rows in all, where the file says so.
    pub n_rows: Option<u64>,
    /// Of these, rows that are not read.
    pub n_skipped: u64,
}

/// Rows that stand together in a file, each looked at by itself.
pub struct Part {
    /// Rows of the file before these.
    first_row: u64,
    /// In our columns.
    batch: RecordBatch,
    /// In the file's.
    shown: RecordBatch,
    faults: Faults,
    notes: Notes,
}

/// Runs a decoder. A panic of it on damaged bytes is an error of the file: it must not cost the other files of the run.
/// What it was in the middle of is not used again.
pub fn decoding<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(ArrowError::ParseError("the decoder failed on damaged bytes".to_owned())))
}

/// Opens a Parquet or Arrow file that `open` opens.
pub fn open_columns<F: ColumnFile + 'static>(
    open: impl FnOnce() -> Result<F, ArrowError>,
) -> Result<Box<dyn ColumnFile>, ArrowError> {
    decoding(open).map(|file| Box::new(file) as Box<dyn ColumnFile>)
}

/// How the columns of a file become ours.
pub struct Shape {
    /// Whose columns are ours.
    pub stream: &'static Stream,
    source: Arc<str>,
    schema: SchemaRef,
    plan: Plan,
    /// Columns of the file that are read, by position.
    inputs: Vec<usize>,
    /// Position among those read of each of the plan's inputs.
    columns: Vec<Option<usize>>,
    text_by_code: bool,
}

impl Shape {
    fn new(
        source: Arc<str>,
        stream: &'static Stream,
        schema: SchemaRef,
        mut plan: Plan,
        options: &ReadOptions,
    ) -> Self {
        plan.feeds.retain(|feed| feed.wanted);
        let mut inputs: Vec<usize> = plan.feeds.iter().flat_map(|feed| inputs_of(&feed.from)).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let columns = (0..plan.inputs.len()).map(|input| inputs.binary_search(&input).ok()).collect();
        Self { stream, source, schema, plan, inputs, columns, text_by_code: options.text_by_code }
    }

    /// Columns of the file that are read, by position.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// How columns that are asked for are read; others are not in it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What has to be kept from part to part, where one thread shapes several.
    pub fn converters(&self) -> Vec<Converter> {
        self.plan.feeds.iter().map(|_| Converter::new(self.stream, self.text_by_code)).collect()
    }

    /// Shapes rows of the file, of which there are `first_row` before them.
    pub fn part(&self, converters: &mut [Converter], first_row: u64, shown: RecordBatch) -> Result<Part, ArrowError> {
        let rows = shown.num_rows();
        let (mut faults, mut notes) = (Faults::new(), Notes::default());
        let mut arrays: Vec<Option<ArrayRef>> = vec![None; self.schema.fields().len()];
        for (feed, converter) in self.plan.feeds.iter().zip(converters) {
            let reader = &feed.reader;
            let input = |at: usize| self.columns.get(at).copied().flatten().and_then(|at| shown.columns().get(at));
            let array = match &feed.from {
                FeedFrom::Input(at) => match input(*at) {
                    Some(array) => converter.convert(reader, array, &mut faults, &mut notes)?,
                    None => continue,
                },
                FeedFrom::Constant(text) => {
                    converter.read_texts(reader, rows, &mut faults, &mut notes, |_, cell| cell.push_str(text))?
                }
                FeedFrom::Template(pieces) => {
                    let texts = joined(pieces, rows, input)?;
                    converter.convert(reader, &texts, &mut faults, &mut notes)?
                }
            };
            if let Ok(at) = self.schema.index_of(reader.column().name)
                && let Some(slot) = arrays.get_mut(at)
            {
                *slot = Some(array);
            }
        }
        let columns = self.schema.fields().iter().zip(arrays).map(|(field, array)| match array {
            Some(array) => Ok(array),
            None if field.name() == "source" => same_on_every_row::<Int32Type>(&self.source, rows),
            None if READER_OWNED.contains(&field.name().as_str()) => positions(first_row, rows),
            None => absent(self.stream, field.name(), rows),
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema_of(&columns), columns, &options)?;
        Ok(Part { first_row, batch, shown, faults, notes })
    }

    /// The schema of these columns: that of all batches, but for text that came by code.
    fn schema_of(&self, columns: &[ArrayRef]) -> SchemaRef {
        let by_code = |array: &ArrayRef, expected: &DataType| self.text_by_code && array.data_type() != expected;
        let fields = self.schema.fields().iter().zip(columns);
        if !fields.clone().any(|(field, array)| by_code(array, field.data_type())) {
            return self.schema.clone();
        }
        let fields = fields.map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), self.schema.metadata().clone()))
    }
}

/// A file of columns being read.
pub struct ColumnarFile {
    shape: Arc<Shape>,
    parts: Parts,
    n_read: u64,
}

impl ColumnarFile {
    /// Begins reading as the plan says, into batches of the schema.
    pub fn new(
        source: Arc<str>,
        stream: &'static Stream,
        schema: SchemaRef,
        file: Box<dyn ColumnFile>,
        plan: Plan,
        options: &ReadOptions,
    ) -> Result<Self, ArrowError> {
        let shape = Arc::new(Shape::new(source, stream, schema, plan, options));
        let parts = decoding(|| file.read(shape.clone(), options))?;
        Ok(Self { shape, parts, n_read: 0 })
    }

    /// The share of the rows that was read, where the file says how many there are.
    pub fn share_read(&self) -> Option<f64> {
        self.parts.n_rows.map(|n| if n == 0 { 1.0 } else { self.n_read as f64 / n as f64 })
    }

    /// Rows that are not read.
    pub fn n_skipped(&self) -> u64 {
        self.parts.n_skipped
    }

    /// Reads the next part; `false` at the end.
    pub fn step(&mut self, sink: &mut RowSink) -> Result<bool, ArrowError> {
        let Some(part) = self.parts.decoded.next().transpose()? else { return Ok(false) };
        let Part { first_row, batch, shown, faults, notes } = part;
        self.n_read = first_row + batch.num_rows() as u64;
        let source = &self.shape.source;
        sink.notes.absorb(notes);
        sink.notes.keep_row(|| format!("{source}: row {} and on", first_row + 1));
        let place = |row: usize| (source.to_string(), Position::Row(first_row + row as u64 + 1).to_string());
        admit(self.shape.stream, sink, batch, &faults, &place, &shown).map(|()| true)
    }
}

/// The column `source_position` of rows that stand together.
fn positions(first_row: u64, rows: usize) -> Result<ArrayRef, ArrowError> {
    let mut position = Position::Row(first_row + 1).to_string().into_bytes();
    let mut texts = Vec::with_capacity(rows * (position.len() + 1));
    let mut ends = Vec::with_capacity(rows);
    for _ in 0..rows {
        texts.extend_from_slice(&position);
        ends.push(position.len());
        count_up(&mut position);
    }
    let texts = StringArray::try_new(OffsetBuffer::from_lengths(ends), Buffer::from_vec(texts), None)?;
    Ok(Arc::new(texts))
}

/// Adds one to the number that a text ends in.
fn count_up(text: &mut Vec<u8>) {
    for at in (0..text.len()).rev() {
        match text[at] {
            b'9' => text[at] = b'0',
            b'0'..=b'8' => {
                text[at] += 1;
                return;
            }
            _ => {
                text.insert(at + 1, b'1');
                return;
            }
        }
    }
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
        FeedFrom::Template(pieces) => pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Input(at) => Some(*at),
                Piece::Text(_) => None,
            })
            .collect(),
    }
}

/// Texts put together from a template; NULL where a piece is blank.
fn joined<'a>(
    pieces: &[Piece],
    rows: usize,
    input: impl Fn(usize) -> Option<&'a ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::default();
    let mut formatters = Vec::new();
    for piece in pieces {
        formatters.push(match piece {
            Piece::Text(_) => None,
            Piece::Input(at) => {
                input(*at).map(|array| ArrayFormatter::try_new(array.as_ref(), &options)).transpose()?
            }
        });
    }
    let text = |row: usize| {
        let mut text = String::new();
        for (piece, formatter) in pieces.iter().zip(&formatters) {
            match (piece, formatter) {
                (Piece::Text(fixed), _) => text.push_str(fixed),
                (Piece::Input(_), Some(formatter)) => {
                    let value = formatter.value(row).to_string();
                    if super::cell::is_null(value.trim()) {
                        return None;
                    }
                    text.push_str(value.trim());
                }
                (Piece::Input(_), None) => return None,
            }
        }
        Some(text)
    };
    Ok(Arc::new((0..rows).map(text).collect::<StringArray>()))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    #[test]
    fn positions_count_through_every_length() {
        for first_row in [0, 8, 98, 9_999_998] {
            let positions = positions(first_row, 3).unwrap();
            let expected = (first_row + 1..=first_row + 3).map(|row| Position::Row(row).to_string());
            assert!(positions.as_string::<i32>().iter().flatten().eq(expected), "{first_row}");
        }
    }

    #[test]
    fn a_decoder_that_panics_costs_its_file_only() {
        assert!(decoding::<()>(|| panic!("a decoder's assertion, expected here")).is_err());
        assert_eq!(decoding(|| Ok(1)).ok(), Some(1));
    }
}
