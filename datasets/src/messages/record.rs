//! A row, or a record in a list column, asked by the names of its columns.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int16Type, Int32Type, TimestampMillisecondType};

/// Rows of a batch.
pub(crate) struct Records {
    columns: StructArray,
}

impl From<&RecordBatch> for Records {
    fn from(batch: &RecordBatch) -> Self {
        Self { columns: StructArray::from(batch.clone()) }
    }
}

impl Records {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    /// A row.
    pub(crate) fn at(&self, row: usize) -> Record<'_> {
        Record { columns: &self.columns, row }
    }
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Record<'r> {
    columns: &'r StructArray,
    row: usize,
}

impl<'r> Record<'r> {
    fn column(self, name: &str) -> Option<&'r ArrayRef> {
        self.columns.column_by_name(name).filter(|column| column.is_valid(self.row))
    }

    /// A text, id or code; empty where there is none.
    pub(crate) fn text(self, name: &str) -> &'r str {
        let Some(column) = self.column(name) else { return "" };
        match column.data_type() {
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let column = column.as_dictionary::<Int32Type>();
                column.key(self.row).map_or("", |key| column.values().as_string::<i32>().value(key))
            }
            DataType::Dictionary(..) => {
                let column = column.as_dictionary::<Int16Type>();
                column.key(self.row).map_or("", |key| column.values().as_string::<i32>().value(key))
            }
            _ => column.as_string_opt::<i32>().map_or("", |column| column.value(self.row)),
        }
    }

    /// A number.
    pub(crate) fn number(self, name: &str) -> Option<f64> {
        let column = self.column(name)?;
        match column.data_type() {
            DataType::Int32 => Some(f64::from(column.as_primitive::<Int32Type>().value(self.row))),
            _ => Some(column.as_primitive_opt::<Float64Type>()?.value(self.row)),
        }
    }

    /// The same written; empty where there is none.
    pub(crate) fn figure(self, name: &str) -> String {
        self.number(name).map_or(String::new(), |n| n.to_string())
    }

    /// An instant, UTC milliseconds.
    pub(crate) fn instant(self, name: &str) -> Option<i64> {
        Some(self.column(name)?.as_primitive_opt::<TimestampMillisecondType>()?.value(self.row))
    }

    /// A day since 1970.
    pub(crate) fn day(self, name: &str) -> Option<i64> {
        Some(i64::from(self.column(name)?.as_primitive_opt::<Date32Type>()?.value(self.row)))
    }

    /// A flag.
    pub(crate) fn flag(self, name: &str) -> Option<bool> {
        Some(self.column(name)?.as_boolean_opt()?.value(self.row))
    }

    /// The texts of a list.
    pub(crate) fn texts(self, name: &str) -> Vec<&'r str> {
        let Some(column) = self.column(name).and_then(|c| c.as_list_opt::<i32>()) else { return Vec::new() };
        let ends = column.value_offsets();
        let (start, end) = (ends[self.row] as usize, ends[self.row + 1] as usize);
        let values = column.values().as_string_opt::<i32>();
        values.map_or_else(Vec::new, |values| (start..end).map(|at| values.value(at)).collect())
    }

    /// The records of a list.
    pub(crate) fn records(self, name: &str) -> Vec<Record<'r>> {
        let Some(column) = self.column(name).and_then(|c| c.as_list_opt::<i32>()) else { return Vec::new() };
        let ends = column.value_offsets();
        let (start, end) = (ends[self.row] as usize, ends[self.row + 1] as usize);
        let Some(columns) = column.values().as_struct_opt() else { return Vec::new() };
        (start..end).map(|row| Record { columns, row }).collect()
    }
}
