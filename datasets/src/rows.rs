//! Cells into batches: subjects write their columns in the declared order, batches are cut between subjects.

use arrow::array::RecordBatch;
use haechi_model::{Cell, Stream, StreamBuilder};

/// Rows under construction. A row is its columns in order, each named again where it is written, so that a
/// writer reads like a form and debug builds check it.
pub(crate) struct Rows {
    builder: StreamBuilder,
    names: &'static [&'static str],
    at: usize,
}

impl Rows {
    pub(crate) fn new(stream: &'static Stream, names: &'static [&'static str]) -> Self {
        let builder = StreamBuilder::with_columns(stream, names).expect("the names are columns of the stream; a test writes all");
        Self { builder, names, at: 0 }
    }

    /// Writes the next column.
    pub(crate) fn put<'a>(&mut self, name: &'static str, cell: impl Into<Cell<'a>>) {
        debug_assert_eq!(self.names.get(self.at), Some(&name), "columns are written in order");
        self.builder.set(self.at, cell.into()).expect("generated cells are of their column's kind");
        self.at += 1;
    }

    /// Ends the row.
    pub(crate) fn end(&mut self) {
        debug_assert_eq!(self.at, self.names.len(), "a row has every column");
        self.at = 0;
        self.builder.finish_row();
    }

    pub(crate) fn len(&self) -> usize {
        self.builder.len()
    }

    pub(crate) fn finish(&mut self) -> RecordBatch {
        self.builder.finish()
    }
}

/// A date cell.
pub(crate) fn date(day: i64) -> Cell<'static> {
    Cell::Date(day as i32)
}

/// An instant, or NULL.
pub(crate) fn instant(ms: impl Into<Option<i64>>) -> Cell<'static> {
    ms.into().map_or(Cell::Null, Cell::Ts)
}

/// A list of texts.
pub(crate) fn texts<'a, T: AsRef<str>>(items: &'a [T]) -> Cell<'a> {
    Cell::List(items.iter().map(|item| Cell::Text(item.as_ref())).collect())
}

/// Where a stream's rows come from.
pub(crate) trait Subjects {
    /// Writes the rows of the next subject; false where there is none left.
    fn write_next(&mut self, rows: &mut Rows) -> bool;
}

/// A stream cut into batches, at least one, so that an empty stream still has its columns. Memory is bounded by
/// one batch, whatever the size of the dataset.
pub(crate) struct Batches<S> {
    rows: Rows,
    subjects: S,
    batch_rows: usize,
    begun: bool,
}

impl<S: Subjects> Batches<S> {
    pub(crate) fn new(rows: Rows, subjects: S, batch_rows: usize) -> Self {
        Self { rows, subjects, batch_rows: batch_rows.max(1), begun: false }
    }
}

impl<S: Subjects> Iterator for Batches<S> {
    type Item = RecordBatch;

    fn next(&mut self) -> Option<RecordBatch> {
        while self.rows.len() < self.batch_rows && self.subjects.write_next(&mut self.rows) {}
        let first = !std::mem::replace(&mut self.begun, true);
        (first || self.rows.len() > 0).then(|| self.rows.finish())
    }
}
