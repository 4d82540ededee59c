//! Rows of small batches, kept until they are enough to measure shares on: who asks row by row has no large batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::DataType;

use crate::batch::Prepared;
use crate::error::EvaluateError;

/// Columns of the rows so far.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    rows: usize,
    /// By batch, by column of the stream.
    batches: Vec<(usize, Vec<Option<ArrayRef>>)>,
}

impl Sample {
    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Keeps the rows of a batch, and nothing of what they were cut out of. Lists are not measured.
    pub fn add(&mut self, batch: &Prepared) -> Result<(), EvaluateError> {
        let all: UInt32Array = (0..batch.rows as u32).collect::<Vec<_>>().into();
        let own = |array: &ArrayRef| -> Result<Option<ArrayRef>, EvaluateError> {
            Ok(match array.data_type() {
                nested if nested.is_nested() => None,
                DataType::Dictionary(_, values) => Some(cast(&take(array, &all, None)?, values)?),
                _ => Some(take(array, &all, None)?),
            })
        };
        let columns = batch.columns.iter().map(|column| Ok(column.as_ref().map(own).transpose()?.flatten()));
        self.batches.push((batch.rows, columns.collect::<Result<_, EvaluateError>>()?));
        self.rows += batch.rows;
        Ok(())
    }

    /// All rows as one batch.
    pub fn joined(&self) -> Result<Prepared, EvaluateError> {
        let n_columns = self.batches.first().map_or(0, |(_, columns)| columns.len());
        let column = |at: usize| {
            let types = self.batches.iter().filter_map(|(_, columns)| columns[at].as_ref());
            let Some(data_type) = types.map(|array| array.data_type().clone()).next() else { return Ok(None) };
            let arrays = self.batches.iter().map(|(rows, columns)| match &columns[at] {
                // Where types differ between batches, the first has to do.
                Some(array) if *array.data_type() == data_type => Arc::clone(array),
                _ => new_null_array(&data_type, *rows),
            });
            let arrays: Vec<ArrayRef> = arrays.collect();
            let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array).collect();
            Ok(Some(concat(&arrays)?))
        };
        let columns = (0..n_columns).map(column).collect::<Result<_, EvaluateError>>()?;
        Ok(Prepared::of_columns(self.rows, columns))
    }
}
