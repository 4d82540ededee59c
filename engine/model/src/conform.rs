//! Other people's batches in our types: [`check_schema`] says what does not fit and why, [`conform`] casts what
//! does. A cast never loses anything: a number that does not fit its column is an error, not a NULL.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray, make_array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::error::ArrowError;

use crate::stream::{Kind, Member, Stream};

/// A column that does not fit its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaMismatch {
    /// The stream has no such column.
    UnknownColumn {
        /// Name in the batch.
        column: String,
        /// The most similar column of the stream.
        nearest: &'static str,
    },
    /// It cannot be read as what the column holds.
    WrongType {
        /// Name in the batch.
        column: String,
        /// What the column holds.
        expected: String,
        /// Type in the batch.
        got: DataType,
    },
}

impl fmt::Display for SchemaMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownColumn { column, nearest } => write!(f, "unknown column `{column}`, nearest is `{nearest}`"),
            Self::WrongType { column, expected, got } => write!(f, "column `{column}` holds {expected}, got {got}"),
        }
    }
}

/// The columns that are unknown to the stream, or cannot be cast to what it holds.
pub fn check_schema(stream: &'static Stream, schema: &Schema) -> Vec<SchemaMismatch> {
    schema
        .fields()
        .iter()
        .filter_map(|field| match stream.column(field.name()) {
            None => Some(SchemaMismatch::UnknownColumn {
                column: field.name().clone(),
                nearest: stream.nearest(field.name()),
            }),
            Some(column) if !fits(column.kind, field.data_type()) => Some(wrong_type(field, column.kind)),
            Some(_) => None,
        })
        .collect()
}

/// The batch with the stream's columns in their canonical types. Unknown columns stay untouched; a NULL list
/// becomes the empty list; an instant without zone is UTC.
pub fn conform(stream: &'static Stream, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let canonical = |field: &Field| {
        stream.column(field.name()).is_none_or(|column| match column.kind {
            Kind::List(_) | Kind::Records(_) => false,
            kind => *field.data_type() == kind.data_type(),
        })
    };
    if schema.fields().iter().all(|field| canonical(field)) {
        return Ok(batch);
    }
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        match stream.column(field.name()) {
            None => {
                fields.push(field.clone());
                arrays.push(array.clone());
            }
            Some(column) => {
                if !fits(column.kind, field.data_type()) {
                    return Err(ArrowError::SchemaError(wrong_type(field, column.kind).to_string()));
                }
                let cast = cast(array, column.kind, &column.kind.data_type())
                    .map_err(|error| ArrowError::CastError(format!("column `{}`: {error}", column.name)))?;
                fields.push(Arc::new(column.field()));
                arrays.push(cast);
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
}

fn wrong_type(field: &Field, kind: Kind) -> SchemaMismatch {
    SchemaMismatch::WrongType { column: field.name().clone(), expected: kind.word(), got: field.data_type().clone() }
}

/// Whether values of the type can be values of the kind. Numbers are no ids: their leading zeros are gone.
fn fits(kind: Kind, data_type: &DataType) -> bool {
    match (kind, data_type) {
        (_, DataType::Null) => true,
        (_, DataType::Dictionary(_, values)) => fits(kind, values),
        (Kind::Id | Kind::Code | Kind::Text, found) => found.is_string(),
        (Kind::I32 | Kind::I64, found) => found.is_integer(),
        (Kind::F64, found) => found.is_numeric(),
        (Kind::Bool, found) => *found == DataType::Boolean,
        (Kind::Date, found) => matches!(found, DataType::Date32 | DataType::Date64),
        (Kind::Ts, found) => matches!(found, DataType::Timestamp(..)),
        (Kind::Hash, found) => matches!(found, DataType::FixedSizeBinary(32) | DataType::Binary),
        (Kind::List(item), DataType::List(found) | DataType::LargeList(found)) => fits(*item, found.data_type()),
        (Kind::Records(members), DataType::List(found) | DataType::LargeList(found)) => match found.data_type() {
            DataType::Struct(fields) => fields.iter().all(|field| member_fits(members, field)),
            found => *found == DataType::Null,
        },
        (Kind::List(_) | Kind::Records(_), _) => false,
    }
}

fn member_fits(members: &[Member], field: &Field) -> bool {
    members.iter().find(|m| m.name == field.name()).is_some_and(|member| fits(member.kind, field.data_type()))
}

/// Casts to `target`, which is the kind's type, at the top or inside a list.
fn cast(array: &ArrayRef, kind: Kind, target: &DataType) -> Result<ArrayRef, ArrowError> {
    let list = match target {
        DataType::List(item) => Some(item),
        _ => None,
    };
    let Some(item) = list else { return cast_scalar(array, target) };
    if *array.data_type() == DataType::Null {
        let offsets = OffsetBuffer::new_zeroed(array.len());
        return Ok(Arc::new(ListArray::try_new(item.clone(), offsets, new_null_array(item.data_type(), 0), None)?));
    }
    let plain = match array.data_type() {
        DataType::LargeList(found) => cast_scalar(array, &DataType::List(found.clone()))?,
        _ => array.clone(),
    };
    let lists = without_nulls(plain.as_list::<i32>())?;
    if lists.data_type() == target {
        return Ok(Arc::new(lists));
    }
    let items = match (kind, item.data_type()) {
        (Kind::Records(members), DataType::Struct(fields)) => cast_records(lists.values(), members, fields)?,
        (Kind::List(kind), target) => cast(lists.values(), *kind, target)?,
        (_, target) => cast_scalar(lists.values(), target)?,
    };
    Ok(Arc::new(ListArray::try_new(item.clone(), lists.offsets().clone(), items, None)?))
}

/// Members by name; those that are missing are NULL, lists empty.
fn cast_records(records: &ArrayRef, members: &[Member], fields: &Fields) -> Result<ArrayRef, ArrowError> {
    let Some(found) = records.as_struct_opt() else {
        return Ok(new_null_array(&DataType::Struct(fields.clone()), records.len()));
    };
    let nulls: ArrayRef = new_null_array(&DataType::Null, records.len());
    let column = |(member, field): (&Member, &Arc<Field>)| {
        cast(found.column_by_name(member.name).unwrap_or(&nulls), member.kind, field.data_type())
    };
    let columns = members.iter().zip(fields).map(column).collect::<Result<_, _>>()?;
    let records = StructArray::try_new_with_length(fields.clone(), columns, found.nulls().cloned(), found.len())?;
    Ok(Arc::new(records))
}

fn cast_scalar(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == target {
        return Ok(array.clone());
    }
    // Numbers written as dictionaries cast in two steps.
    if let (DataType::Dictionary(_, values), false) = (array.data_type(), matches!(target, DataType::Dictionary(..))) {
        return cast_scalar(&cast_with_options(array, values, &STRICT)?, target);
    }
    if let (DataType::Timestamp(unit, _), DataType::Timestamp(target_unit, zone)) = (array.data_type(), target) {
        // An instant is the same whatever zone it is shown in, and its zone's name need not be known to count it.
        let instants = retyped(array, DataType::Timestamp(*unit, None))?;
        let instants = cast_with_options(&instants, &DataType::Timestamp(*target_unit, None), &STRICT)?;
        return retyped(&instants, DataType::Timestamp(*target_unit, zone.clone()));
    }
    cast_with_options(array, target, &STRICT)
}

/// The same values under another type of the same layout.
fn retyped(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(array.to_data().into_builder().data_type(data_type).build()?))
}

const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow::util::display::FormatOptions::new() };

/// NULL lists as empty lists.
fn without_nulls(lists: &ListArray) -> Result<ListArray, ArrowError> {
    let DataType::List(item) = lists.data_type() else { return Ok(lists.clone()) };
    if lists.null_count() == 0 {
        let (offsets, items) = (lists.offsets().clone(), lists.values().clone());
        return ListArray::try_new(item.clone(), offsets, items, None);
    }
    let kept = |row: &usize| lists.is_valid(*row);
    let lengths = (0..lists.len()).map(|row| if kept(&row) { lists.value_length(row) as usize } else { 0 });
    let offsets = OffsetBuffer::from_lengths(lengths);
    let of_row = |row: usize| lists.value_offsets()[row]..lists.value_offsets()[row + 1];
    let indices: arrow::array::Int32Array = (0..lists.len()).filter(kept).flat_map(of_row).collect();
    ListArray::try_new(item.clone(), offsets, take(lists.values(), &indices, None)?, None)
}

#[cfg(test)]
mod tests;
