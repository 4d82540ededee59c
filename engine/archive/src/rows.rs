//! The columns of files, and how rows of the store get into them.
//!
//! A dataset and stream has one schema: all columns, whatever some rows lack, so that files of different days read
//! together. Texts are plain in it (Parquet keeps a dictionary of its own); arrays with dictionaries are written as
//! they are.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, TimestampMillisecondArray,
    new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use haechi_model::selection::{HIT_COLUMNS, POSITION, SELECTION_COLUMNS};
use haechi_model::stream::column;
use haechi_model::{Column, DeriveContext, Kind, Stream, derive};
use haechi_store::{Position, StoredDecisions};

use crate::layout::Dataset;

/// Where a row of the journal stands. It is written under the name that selections have it under.
const ROW_POSITION: Column = column("position", Kind::I64, "where the row stands in the journal").key();
const HIT_POSITION: Column = column("position", Kind::I64, "position of the selection it is a reason of").key();
const HIT_STREAM: Column = column("stream", Kind::Code, "what kind of subject");

/// The columns of a dataset and stream, in the order of its files.
pub(crate) fn columns(dataset: Dataset, stream: Option<&Stream>) -> Vec<Column> {
    match dataset {
        Dataset::Journal => {
            let of_stream = stream.into_iter().flat_map(Stream::all_columns).filter(|c| c.name != "journal_position");
            std::iter::once(ROW_POSITION).chain(of_stream.copied()).collect()
        }
        Dataset::Selections => std::iter::once(POSITION).chain(SELECTION_COLUMNS.iter().copied()).collect(),
        Dataset::Hits => [HIT_POSITION, HIT_STREAM].into_iter().chain(HIT_COLUMNS.iter().copied()).collect(),
    }
}

/// The schema of their files.
pub(crate) fn file_schema(dataset: Dataset, stream: &Stream) -> SchemaRef {
    let plain = |column: Column| {
        let data_type = if column.kind.is_text() { DataType::Utf8 } else { column.kind.data_type() };
        Field::new(column.name, data_type, true)
    };
    Arc::new(Schema::new(columns(dataset, Some(stream)).into_iter().map(plain).collect::<Vec<_>>()))
}

/// Rows of an entry that begins at `first`, with their positions and when they became known.
pub(crate) fn journalled(rows: &RecordBatch, first: Position, known_at_ms: i64) -> Result<RecordBatch, ArrowError> {
    let count = rows.num_rows();
    let positions = Int64Array::from_iter_values((first as i64..).take(count));
    let known_at = TimestampMillisecondArray::from_value(known_at_ms, count).with_timezone("UTC");
    with_columns(rows, vec![("position", Arc::new(positions)), ("known_at", Arc::new(known_at))])
}

/// Hits, with the positions of their selections.
pub(crate) fn placed_hits(decisions: &StoredDecisions, hits: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let selections = Subjects::of(&decisions.selections)?;
    let positions = column_of(&decisions.selections, "position")?.as_primitive::<Int64Type>();
    let by_subject: HashMap<_, _> =
        (0..selections.len()).map(|row| (selections.get(row), positions.value(row))).collect();
    let of_hits = Subjects::of(hits)?;
    let position = |row: usize| {
        let (id, version) = of_hits.get(row);
        let no_selection =
            || ArrowError::InvalidArgumentError(format!("a hit of `{id}` version {version} has no selection"));
        by_subject.get(&(id, version)).copied().ok_or_else(no_selection)
    };
    let positions = (0..of_hits.len()).map(position).collect::<Result<Vec<_>, _>>()?;
    let stream = StringArray::from(vec![decisions.stream.name; hits.num_rows()]);
    with_columns(hits, vec![("position", Arc::new(Int64Array::from(positions))), ("stream", Arc::new(stream))])
}

/// The batch in the columns of its file. What a journalled row lacks and follows from others is derived: what it was
/// when it was decided on, as far as the derivations have not changed since.
pub(crate) fn shaped(
    dataset: Dataset,
    stream: &'static Stream,
    schema: &Schema,
    batch: &RecordBatch,
    context: &DeriveContext,
) -> Result<RecordBatch, ArrowError> {
    let derived = match dataset {
        Dataset::Journal => Some(derive(stream, batch, context)?),
        Dataset::Selections | Dataset::Hits => None,
    };
    aligned(schema, derived.as_ref().unwrap_or(batch))
}

/// The columns of a schema, in its order; what the batch lacks is not known.
pub(crate) fn aligned(schema: &Schema, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(array) => array.clone(),
        None => absent(field.data_type(), batch.num_rows()),
    };
    let columns: Vec<ArrayRef> = schema.fields().iter().map(column).collect();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<_> =
        fields.map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Nothing known: NULL, or the empty list.
fn absent(data_type: &DataType, rows: usize) -> ArrayRef {
    match data_type {
        DataType::List(item) => {
            let (offsets, items) = (OffsetBuffer::new_zeroed(rows), new_null_array(item.data_type(), 0));
            Arc::new(ListArray::new(item.clone(), offsets, items, None))
        }
        data_type => new_null_array(data_type, rows),
    }
}

/// The batch with these columns before all others, in place of those of the same name.
fn with_columns(batch: &RecordBatch, new: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|column| new.iter().all(|(name, _)| name != schema.field(*column).name()))
        .collect();
    let kept = batch.project(&kept)?;
    let mut fields: Vec<_> =
        new.iter().map(|(name, array)| Arc::new(Field::new(*name, array.data_type().clone(), true))).collect();
    fields.extend(kept.schema().fields().iter().cloned());
    let columns = new.into_iter().map(|(_, array)| array).chain(kept.columns().iter().cloned()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Which subject each row is of.
struct Subjects {
    ids: ArrayRef,
    versions: ArrayRef,
}

impl Subjects {
    fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let ids = cast(column_of(batch, "subject_id")?, &DataType::Utf8)?;
        Ok(Self { ids, versions: cast(column_of(batch, "version")?, &DataType::Int32)? })
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn get(&self, row: usize) -> (&str, i32) {
        (self.ids.as_string::<i32>().value(row), self.versions.as_primitive::<Int32Type>().value(row))
    }
}

fn column_of<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
}
