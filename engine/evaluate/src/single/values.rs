//! The values of a row alone, read where they stand: no array is cut out, cast or counted up for it.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};

use crate::batch::{Prepared, readable};
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
                && value(&arrays[*place], wanted).is_none()
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
            let (_, _, wanted) = &plan.columns[*column];
            let place = self.places[*column];
            let value = place.map(|place| value(&self.arrays[place], wanted).unwrap_or(Value::Computed));
            values[operand.0 as usize] = value.unwrap_or(Value::Null);
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

/// The value of an array's first row, where it need not be converted to the stream's type. Arrays are told apart by what
/// they are and not by what their types say, which stands somewhere else.
fn value<'b>(array: &'b ArrayRef, wanted: &DataType) -> Option<Value<'b>> {
    match wanted {
        DataType::Utf8 | DataType::Dictionary(..) => {
            text(array).or_else(|| coded::<Int16Type>(array)).or_else(|| coded::<Int32Type>(array))
        }
        DataType::Boolean => {
            array.as_boolean_opt().map(|flags| given(flags.is_valid(0), || Value::Flag(flags.value(0))))
        }
        DataType::Float64 => key::<Float64Type>(array, float_key),
        DataType::Int64 => key::<Int64Type>(array, |value| value),
        DataType::Int32 => key::<Int32Type>(array, i64::from),
        DataType::Date32 => key::<Date32Type>(array, i64::from),
        DataType::Timestamp(..) => key::<TimestampMillisecondType>(array, |value| value),
        _ => matches!(array.data_type(), DataType::List(_)).then_some(Value::Computed),
    }
}

fn given(given: bool, value: impl FnOnce() -> Value<'static>) -> Value<'static> {
    if given { value() } else { Value::Null }
}

fn text(array: &ArrayRef) -> Option<Value<'_>> {
    array.as_string_opt().map(|texts| text_at(texts, Some(0)))
}

fn text_at(texts: &StringArray, at: Option<usize>) -> Value<'_> {
    at.filter(|at| texts.is_valid(*at)).map_or(Value::Null, |at| Value::Text(texts.value(at)))
}

fn coded<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Option<Value<'_>> {
    let coded = array.as_dictionary_opt::<K>()?;
    coded.values().as_string_opt().map(|texts| text_at(texts, coded.key(0)))
}

fn key<T: ArrowPrimitiveType>(array: &ArrayRef, key: impl Fn(T::Native) -> i64) -> Option<Value<'_>> {
    let numbers = array.as_primitive_opt::<T>()?;
    Some(given(numbers.is_valid(0), || Value::Key(key(numbers.value(0)))))
}
