//! The values of a row alone, read where they stand: no array is cut out, cast or counted up for it.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};

use crate::batch::{Prepared, is_text, readable};
use crate::error::EvaluateError;
use crate::numeric::float_key;
use crate::plan::{Places, Plan};

/// What an operand is for one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    Null,
    Text(&'b str),
    /// The sortable integer of a number, date or instant.
    Key(i64),
    Flag(bool),
    /// No column, or a list: a frame computes it.
    Computed,
}

/// The columns of a batch of one row, in types whose values can be read.
pub(crate) struct Columns<'b> {
    arrays: Cow<'b, [ArrayRef]>,
    /// By column that rules read: its place among them.
    places: Places,
}

impl<'b> Columns<'b> {
    /// Of a batch. Columns in other types are converted.
    pub fn of(plan: &Plan, batch: &'b RecordBatch) -> Result<Self, EvaluateError> {
        let places = plan.places_in(batch.schema_ref());
        let mut arrays = Cow::Borrowed(batch.columns());
        for ((_, name, wanted), place) in plan.columns.iter().zip(&*places) {
            if let Some(place) = place
                && !is_read_as(arrays[*place].data_type(), wanted)
            {
                let array = readable(&arrays[*place], name, wanted)?;
                arrays.to_mut()[*place] = array;
            }
        }
        Ok(Self { arrays, places })
    }

    /// The value of every operand.
    pub(super) fn values(&self, plan: &Plan) -> Vec<Value<'_>> {
        let mut values = vec![Value::Computed; plan.program.operands.len()];
        for (operand, column) in &plan.column_operands {
            values[operand.0 as usize] = self.places[*column].map_or(Value::Null, |place| value(&self.arrays[place]));
        }
        values
    }

    /// The columns that computed operands and formulas over items or records read, for a frame.
    pub fn prepared(&self, plan: &Plan) -> Result<Prepared, EvaluateError> {
        let mut columns = vec![None; plan.n_columns];
        for column in &plan.computed_from {
            if let Some(place) = self.places[*column] {
                let (index, name, wanted) = &plan.columns[*column];
                columns[*index] = Some(readable(&self.arrays[place], name, wanted)?);
            }
        }
        let mut prepared = Prepared::of_columns(1, columns);
        if plan.across_items {
            // The row is its own subject.
            prepared.subjects = vec![0, 1];
        }
        Ok(prepared)
    }
}

/// Whether [`value`] reads arrays of this type for a column of the stream's type.
fn is_read_as(found: &DataType, wanted: &DataType) -> bool {
    match found {
        DataType::Utf8 => is_text(wanted),
        DataType::Dictionary(key, value) => {
            is_text(wanted) && **value == DataType::Utf8 && matches!(**key, DataType::Int16 | DataType::Int32)
        }
        DataType::List(_) => matches!(wanted, DataType::List(_)),
        found => found == wanted,
    }
}

/// The value of an array's first row.
fn value(array: &ArrayRef) -> Value<'_> {
    match array.data_type() {
        DataType::Utf8 => text(array.as_string_opt::<i32>(), Some(0)),
        DataType::Dictionary(key, _) if **key == DataType::Int16 => coded::<Int16Type>(array),
        DataType::Dictionary(..) => coded::<Int32Type>(array),
        DataType::Boolean => match array.as_boolean_opt() {
            Some(flags) if flags.is_valid(0) => Value::Flag(flags.value(0)),
            _ => Value::Null,
        },
        DataType::Float64 => key::<Float64Type>(array, float_key),
        DataType::Int64 => key::<Int64Type>(array, |value| value),
        DataType::Int32 => key::<Int32Type>(array, i64::from),
        DataType::Date32 => key::<Date32Type>(array, i64::from),
        DataType::Timestamp(..) => key::<TimestampMillisecondType>(array, |value| value),
        _ => Value::Computed,
    }
}

fn text(texts: Option<&StringArray>, at: Option<usize>) -> Value<'_> {
    match (texts, at) {
        (Some(texts), Some(at)) if texts.is_valid(at) => Value::Text(texts.value(at)),
        _ => Value::Null,
    }
}

fn coded<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Value<'_> {
    match array.as_dictionary_opt::<K>() {
        Some(coded) => text(coded.values().as_string_opt(), coded.key(0)),
        None => Value::Null,
    }
}

fn key<T: ArrowPrimitiveType>(array: &ArrayRef, key: impl Fn(T::Native) -> i64) -> Value<'_> {
    match array.as_primitive_opt::<T>() {
        Some(numbers) if numbers.is_valid(0) => Value::Key(key(numbers.value(0))),
        _ => Value::Null,
    }
}
