//! Cells into batches: subjects write their columns in the declared order, batches are cut between subjects.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use haechi_model::{Cell, Kind, Stream, StreamBuilder};

use crate::columns::Column;

/// Rows under construction. A row is its columns in order, each named again where it is written, so that a
/// writer reads like a form and debug builds check it.
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<Column>,
    lists: StreamBuilder,
    names: &'static [&'static str],
    /// The column to be written next, and finished rows.
    at: usize,
    finished: usize,
}

impl Rows {
    pub(crate) fn new(stream: &'static Stream, names: &'static [&'static str]) -> Self {
        let declared = names.iter().map(|name| stream.column(name).expect("a column of the stream; a test writes all"));
        let is_list = |kind| matches!(kind, Kind::List(_) | Kind::Records(_));
        let mut lists = Vec::new();
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for column in declared {
            fields.push(column.field());
            columns.push(Column::new(column.kind, lists.len()));
            if is_list(column.kind) {
                lists.push(column.name);
            }
        }
        let lists =
            StreamBuilder::with_columns(stream, &lists).expect("the lists are columns of the stream, each once");
        Self { schema: Arc::new(Schema::new(fields)), columns, lists, names, at: 0, finished: 0 }
    }

    /// Writes the next column.
    #[inline]
    pub(crate) fn put(&mut self, name: &'static str, value: impl Value) {
        debug_assert_eq!(self.names.get(self.at), Some(&name), "columns are written in order");
        value.write(&mut self.columns[self.at], &mut self.lists);
        self.at += 1;
    }

    /// Writes the next column, with a text from a table: faster than [`Rows::put`].
    #[inline]
    pub(crate) fn put_static(&mut self, name: &'static str, text: impl Into<Option<&'static str>>) {
        debug_assert_eq!(self.names.get(self.at), Some(&name), "columns are written in order");
        self.columns[self.at].push_static(text.into());
        self.at += 1;
    }

    /// Ends the row.
    pub(crate) fn end(&mut self) {
        debug_assert_eq!(self.at, self.names.len(), "a row has every column");
        self.at = 0;
        self.finished += 1;
        self.lists.finish_row();
    }

    pub(crate) fn len(&self) -> usize {
        self.finished
    }

    pub(crate) fn finish(&mut self) -> RecordBatch {
        self.finished = 0;
        let lists = self.lists.finish();
        let columns = self.columns.iter_mut().map(|column| column.finish(lists.columns())).collect();
        RecordBatch::try_new(self.schema.clone(), columns)
            .expect("every column has a value a row, NULL only where it may")
    }
}

/// What a column takes. Scalars go straight into it, without becoming cells.
pub(crate) trait Value {
    /// Appends the value.
    fn write(self, column: &mut Column, lists: &mut StreamBuilder);
}

impl Value for &str {
    #[inline]
    fn write(self, column: &mut Column, _: &mut StreamBuilder) {
        column.push_text(self);
    }
}

impl Value for f64 {
    #[inline]
    fn write(self, column: &mut Column, _: &mut StreamBuilder) {
        column.push_f64(self);
    }
}

impl Value for i32 {
    #[inline]
    fn write(self, column: &mut Column, _: &mut StreamBuilder) {
        column.push_i32(self);
    }
}

impl Value for bool {
    #[inline]
    fn write(self, column: &mut Column, _: &mut StreamBuilder) {
        column.push_bool(self);
    }
}

impl<T: Value> Value for Option<T> {
    #[inline]
    fn write(self, column: &mut Column, lists: &mut StreamBuilder) {
        match self {
            Some(value) => value.write(column, lists),
            None => column.push_null(),
        }
    }
}

impl Value for Cell<'_> {
    fn write(self, column: &mut Column, lists: &mut StreamBuilder) {
        match (column, self) {
            // A list not set is empty.
            (Column::List(_), Cell::Null) => {}
            (Column::List(place), cell) => {
                lists.set(*place, cell).expect("generated lists are of their column's kind");
            }
            (column, Cell::Ts(ms)) => column.push_ts(ms),
            (column, Cell::Date(day)) => column.push_date(day),
            (column, cell) => {
                debug_assert_eq!(cell, Cell::Null, "scalars are written as they are");
                column.push_null();
            }
        }
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
pub(crate) fn texts<T: AsRef<str>>(items: &[T]) -> Cell<'_> {
    if items.is_empty() {
        return Cell::Null;
    }
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
