//! What is remembered of importers, routes and travellers while records go by, and joined to each as it comes.

mod plan;
mod run;
mod seen;
mod subjects;
mod timeline;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

pub(crate) use plan::MemoryPlan;
pub use run::Memory;
pub(crate) use subjects::{Found, join_subjects};
pub(crate) use timeline::Timeline;

/// A batch with more columns.
pub(crate) fn beside<N: AsRef<str>>(
    batch: &RecordBatch,
    names: &[N],
    columns: &[ArrayRef],
) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    for (name, column) in names.iter().zip(columns) {
        fields.push(Arc::new(Field::new(name.as_ref(), column.data_type().clone(), true)));
        arrays.push(Arc::clone(column));
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)
}

/// The batch with plain texts.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let plain = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(_, value) => Arc::new(field.as_ref().clone().with_data_type(value.as_ref().clone())),
        _ => Arc::clone(field),
    };
    let fields: Vec<_> = batch.schema_ref().fields().iter().map(plain).collect();
    in_types_of(&Arc::new(Schema::new(fields)), batch)
}

/// The batch, which has the columns of a schema, in its types.
fn in_types_of(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| cast(column, field.data_type())).collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

/// Rows of several batches of one schema in one, and where those of each record begin.
pub(crate) fn put_together(
    batches: &[RecordBatch],
    of_records: &[Option<(usize, Range<usize>)>],
) -> Result<(RecordBatch, Vec<u32>), ArrowError> {
    let mut starts = vec![0];
    let mut places = Vec::new();
    for of_record in of_records {
        if let Some((batch, rows)) = of_record {
            places.extend(rows.clone().map(|row| (*batch, row)));
        }
        starts.push(places.len() as u32);
    }
    let schema = batches[0].schema();
    let column = |column: usize| -> Result<ArrayRef, ArrowError> {
        let arrays: Vec<_> = batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        interleave(&arrays, &places)
    };
    let columns = (0..schema.fields().len()).map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
    Ok((RecordBatch::try_new_with_options(schema, columns, &options)?, starts))
}
