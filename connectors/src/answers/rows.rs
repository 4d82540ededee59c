//! Cells of rows that an answer repeats.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;

/// Columns of a batch by name, as texts, numbers or instants.
pub struct Rows<'b> {
    batch: &'b RecordBatch,
    texts: Vec<(&'static str, StringArray)>,
}

impl<'b> Rows<'b> {
    /// Looks at a batch; these columns are asked for as texts.
    pub fn new(batch: &'b RecordBatch, texts: &[&'static str]) -> Self {
        let text = |name: &&'static str| {
            let column = cast(batch.column_by_name(name)?, &DataType::Utf8).ok()?;
            Some((*name, column.as_string_opt::<i32>()?.clone()))
        };
        Self { batch, texts: texts.iter().filter_map(text).collect() }
    }

    /// Text of a row, empty where there is none.
    pub fn text(&self, name: &str, row: usize) -> &str {
        let column = self.texts.iter().find(|(known, _)| *known == name).map(|(_, column)| column);
        column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
    }

    /// Text of a row, if there is any.
    pub fn some(&self, name: &str, row: usize) -> Option<String> {
        Some(self.text(name, row)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A number of a row.
    pub fn number(&self, name: &str, row: usize) -> Option<i32> {
        let numbers = self.batch.column_by_name(name)?.as_primitive_opt::<Int32Type>()?;
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    /// An instant of a row, UTC milliseconds.
    pub fn instant(&self, name: &str, row: usize) -> Option<i64> {
        let instants = self.batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
        instants.is_valid(row).then(|| instants.value(row))
    }

    /// What stands in a list of a row: its texts, or of records one member.
    pub fn listed(&self, name: &str, member: Option<&str>, row: usize) -> Vec<String> {
        let listed = || -> Option<Vec<String>> {
            let list = self.batch.column_by_name(name)?.as_list_opt::<i32>()?;
            let values: ArrayRef = list.is_valid(row).then(|| list.value(row))?;
            let values = match member {
                Some(member) => values.as_struct_opt()?.column_by_name(member)?.clone(),
                None => values,
            };
            let texts = cast(&values, &DataType::Utf8).ok()?;
            Some(texts.as_string_opt::<i32>()?.iter().flatten().map(str::to_owned).collect())
        };
        listed().unwrap_or_default()
    }

    /// Runs of rows whose texts in a column are equal: first row and how many.
    pub fn runs(&self, name: &str) -> Vec<std::ops::Range<usize>> {
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for row in 0..self.batch.num_rows() {
            match runs.last_mut() {
                Some(run) if self.text(name, run.start) == self.text(name, row) => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        runs
    }
}
