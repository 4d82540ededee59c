//! Rows of small batches, kept until they are enough to measure shares on: who asks row by row has no large batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{cast, concat};
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

    /// Keeps a batch. Of a dictionary only the values that occur: a row may be cut out of a million.
    pub fn add(&mut self, batch: Prepared) -> Result<(), EvaluateError> {
        let own = |array: ArrayRef| match array.data_type() {
            DataType::Dictionary(_, values) => cast(&array, values),
            _ => Ok(array),
        };
        let columns = batch.columns.into_iter().map(|column| column.map(own).transpose());
        self.rows += batch.rows;
        self.batches.push((batch.rows, columns.collect::<Result<_, _>>()?));
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
