//! Rows of one stream, built column by column: what every reader writes into.
//!
//! A cell takes effect when its row is finished; a row that turns out bad is discarded whole, so one bad
//! passenger leaves nothing behind. Begin at [`StreamBuilder::new`].

mod buffer;
mod texts;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};

use crate::stream::{Column, Kind, Stream};
use buffer::Buffer;

/// A value on its way into a column. Text goes into ids, codes and text alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Unknown. In a list column: the empty list.
    Null,
    /// Ids, codes, free text.
    Text(&'a str),
    /// Counts; fits `i64` and `f64` columns too.
    I32(i32),
    /// Large counts.
    I64(i64),
    /// Amounts and measures; finite.
    F64(f64),
    /// Flags.
    Bool(bool),
    /// Days since 1970-01-01.
    Date(i32),
    /// Milliseconds since 1970-01-01T00:00Z.
    Ts(i64),
    /// A hash of 32 bytes.
    Bytes(&'a [u8]),
    /// Elements of a list column.
    List(Vec<Cell<'a>>),
    /// One record of a list column: its members in declared order. Members left off at the end are NULL.
    Record(Vec<Cell<'a>>),
}

impl Cell<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::F64(_) => "f64",
            Self::Bool(_) => "bool",
            Self::Date(_) => "date",
            Self::Ts(_) => "ts",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Record(_) => "record",
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! cell_from {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for Cell<'_> {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        })*
    };
}
cell_from!(i32 => I32, i64 => I64, f64 => F64, bool => Bool);

/// Why a cell was not taken. The row keeps what was set before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// The value is of another kind than the column.
    #[error("column `{column}` holds {expected}, got {got}")]
    Kind {
        /// Column of the stream.
        column: &'static str,
        /// Its kind.
        expected: String,
        /// Kind of the cell.
        got: &'static str,
    },
    /// Not a number, or infinite.
    #[error("column `{column}` holds finite numbers only")]
    NotFinite {
        /// Column of the stream.
        column: &'static str,
    },
    /// The column cannot take more in one batch; finish the batch and go on.
    #[error("column `{column}` is full: {limit} in one batch")]
    Full {
        /// Column of the stream.
        column: &'static str,
        /// What there is too much of.
        limit: &'static str,
    },
    /// No column at that position.
    #[error("no column at position {0}")]
    NoColumn(usize),
}

/// Why no builder could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The stream has no such column.
    #[error("stream `{stream}` has no column `{column}`, nearest is `{nearest}`")]
    UnknownColumn {
        /// Stream asked.
        stream: &'static str,
        /// Name asked for.
        column: String,
        /// The most similar name.
        nearest: &'static str,
    },
    /// The same column twice.
    #[error("column `{0}` is named twice")]
    Twice(&'static str),
}

/// Rows of one stream, column by column.
#[derive(Debug)]
pub struct StreamBuilder {
    columns: Vec<&'static Column>,
    buffers: Vec<Buffer>,
    schema: SchemaRef,
    rows: usize,
}

impl StreamBuilder {
    /// All columns of the stream that are read, not derived.
    pub fn new(stream: &'static Stream) -> Self {
        Self::of(stream.all_columns().filter(|c| !c.derived).collect())
    }

    /// The columns of [`StreamBuilder::new`] and these derived ones, for readers that are given them.
    pub fn with_also(stream: &'static Stream, names: &[&str]) -> Result<Self, BuildError> {
        let also = Self::look_up(stream, names)?;
        Ok(Self::of(stream.all_columns().filter(|c| !c.derived || also.contains(c)).collect()))
    }

    /// These columns only, in this order.
    pub fn with_columns(stream: &'static Stream, names: &[&str]) -> Result<Self, BuildError> {
        Ok(Self::of(Self::look_up(stream, names)?))
    }

    fn look_up(stream: &'static Stream, names: &[&str]) -> Result<Vec<&'static Column>, BuildError> {
        let mut columns: Vec<&'static Column> = Vec::with_capacity(names.len());
        for name in names {
            let column = stream.column(name).ok_or_else(|| BuildError::UnknownColumn {
                stream: stream.name,
                column: (*name).to_owned(),
                nearest: stream.nearest(name),
            })?;
            if columns.iter().any(|c| c.name == column.name) {
                return Err(BuildError::Twice(column.name));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    fn of(columns: Vec<&'static Column>) -> Self {
        let schema = Arc::new(Schema::new(columns.iter().map(|c| c.field()).collect::<Vec<_>>()));
        let buffers =
            columns.iter().zip(schema.fields()).map(|(c, field)| Buffer::new(c.kind, field.data_type())).collect();
        Self { columns, buffers, schema, rows: 0 }
    }

    /// Position of a column in this builder: look it up once, not per row.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[&'static Column] {
        &self.columns
    }

    /// The schema of the batches made.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A value for the current row. Set twice, the last one holds; after an error the cell is NULL.
    pub fn set(&mut self, column: usize, cell: Cell<'_>) -> Result<(), CellError> {
        match cell {
            Cell::Text(text) => self.push(column, |buffer| buffer.push_text(text)),
            cell => self.push(column, |buffer| buffer.push(&cell)),
        }
    }

    /// The elements of a list column for the current row, without a cell around them.
    pub fn set_list<'c>(&mut self, column: usize, cells: impl IntoIterator<Item = Cell<'c>>) -> Result<(), CellError> {
        self.push(column, |buffer| buffer.push_list(cells))
    }

    /// The records of a list column for the current row, without cells around them. Members left off are NULL.
    pub fn set_records<'c, const N: usize>(
        &mut self,
        column: usize,
        records: impl IntoIterator<Item = [Cell<'c>; N]>,
    ) -> Result<(), CellError> {
        self.push(column, |buffer| buffer.push_records(records))
    }

    #[inline]
    fn push(
        &mut self,
        column: usize,
        push: impl FnOnce(&mut Buffer) -> Result<(), buffer::Refusal>,
    ) -> Result<(), CellError> {
        let Some(buffer) = self.buffers.get_mut(column) else { return Err(CellError::NoColumn(column)) };
        buffer.cut_or_pad(self.rows);
        push(buffer).map_err(|refusal| {
            buffer.truncate(self.rows);
            refusal.of(self.columns[column])
        })
    }

    /// A value for the current row and all that follow, as far as they set none, until [`StreamBuilder::release`]: what a
    /// header says of every row costs a row nothing. A refusal holds nothing.
    pub fn hold(&mut self, column: usize, cell: Cell<'_>) -> Result<(), CellError> {
        let (Some(buffer), Some(declared)) = (self.buffers.get_mut(column), self.columns.get(column)) else {
            return Err(CellError::NoColumn(column));
        };
        buffer.release(self.rows);
        buffer.pad(self.rows);
        buffer.hold(cell).map_err(|refusal| refusal.of(declared))
    }

    /// The rows behind the finished ones have nothing of what was held.
    pub fn release(&mut self) {
        for buffer in &mut self.buffers {
            buffer.release(self.rows);
        }
    }

    /// Whether the current row has a value, not NULL, in that column.
    pub fn is_set(&self, column: usize) -> bool {
        self.buffers.get(column).is_some_and(|b| b.is_valid(self.rows))
    }

    /// The first column that a complete row has and the current row lacks.
    pub fn missing(&self) -> Option<&'static Column> {
        let set = |i| self.is_set(i);
        self.columns
            .iter()
            .enumerate()
            .find(|(i, c)| !c.nullable && !c.derived && !matches!(c.kind, Kind::List(_) | Kind::Records(_)) && !set(*i))
            .map(|(_, c)| *c)
    }

    /// Ends the current row. Columns not set are NULL, lists empty.
    pub fn finish_row(&mut self) {
        self.rows += 1;
    }

    /// Forgets what was set for the current row.
    pub fn discard_row(&mut self) {
        for buffer in &mut self.buffers {
            if buffer.len() > self.rows {
                buffer.truncate(self.rows);
            }
        }
    }

    /// Finished rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// No finished row yet.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Takes the finished rows; the builder is empty afterwards and usable. An unfinished row is discarded.
    pub fn finish(&mut self) -> RecordBatch {
        self.discard_row();
        let rows = std::mem::take(&mut self.rows);
        let arrays: Vec<ArrayRef> = self.buffers.iter_mut().map(|buffer| buffer.finish(rows)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .expect("every buffer has `rows` rows of its column's type")
    }
}

#[cfg(test)]
mod tests;
