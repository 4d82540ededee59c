//! The values that operands have: texts of any encoding, records behind offsets, reference values, sums, and whatever
//! DataFusion computes. Columns in, a column out; what is kept from one question to the next is in [`crate::frame`].

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListArray, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::{cast, concat, nullif};
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use haechi_model::Kind;
use haechi_rules::tables::{ReferenceTable, TableValues};

use crate::error::EvaluateError;

/// The records of a row, as a range of the list's values; a NULL list has none.
pub(crate) fn records_of(lists: &ListArray, row: usize) -> Range<usize> {
    if lists.is_null(row) {
        return 0..0;
    }
    let offsets = lists.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

/// The fields of records in the stream's order, NULL where the record itself is; for plain values one field.
pub(crate) fn fields_of(values: &ArrayRef, kind: Option<Kind>) -> Vec<Option<ArrayRef>> {
    let Some(Kind::Records(members)) = kind else { return vec![Some(Arc::clone(values))] };
    let Some(records) = values.as_struct_opt() else { return Vec::new() };
    let missing = records.nulls().filter(|n| n.null_count() > 0).map(|n| BooleanArray::new(!n.inner(), None));
    let field = |name| {
        let column = records.column_by_name(name)?;
        let masked = missing.as_ref().and_then(|missing| nullif(column, missing).ok());
        Some(masked.unwrap_or_else(|| Arc::clone(column)))
    };
    members.iter().map(|member| field(member.name)).collect()
}

/// Text rows of a plain or dictionary column.
pub(crate) enum Texts<'a> {
    Plain(&'a StringArray),
    Dictionary(&'a arrow::array::Int32Array, &'a StringArray),
    None,
}

impl<'a> Texts<'a> {
    pub fn new(array: &'a ArrayRef) -> Self {
        if let Some(plain) = array.as_string_opt::<i32>() {
            return Self::Plain(plain);
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>();
        match dictionary.and_then(|d| Some((d.keys(), d.values().as_string_opt::<i32>()?))) {
            Some((keys, values)) => Self::Dictionary(keys, values),
            None => Self::None,
        }
    }

    pub fn at(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(plain) => (!plain.is_null(row)).then(|| plain.value(row)),
            Self::Dictionary(keys, values) => {
                let code = (!keys.is_null(row)).then(|| keys.value(row) as usize)?;
                (!values.is_null(code)).then(|| values.value(code))
            }
            Self::None => None,
        }
    }
}

pub(crate) fn each_text(array: &ArrayRef, mut visit: impl FnMut(usize, Option<&str>)) {
    let texts = Texts::new(array);
    for row in 0..array.len() {
        visit(row, texts.at(row));
    }
}

pub(crate) fn look_up(table: &ReferenceTable, column: usize, keys: &ArrayRef) -> ArrayRef {
    let texts = Texts::new(keys);
    let rows = (0..keys.len()).map(|row| texts.at(row).and_then(|key| table.row(key)));
    match table.columns.get(column).map(|c| &c.values) {
        Some(TableValues::Numbers(values)) => {
            Arc::new(rows.map(|row| values.get(row?).copied().flatten()).collect::<Float64Array>())
        }
        Some(TableValues::Texts(values)) => {
            Arc::new(rows.map(|row| values.get(row?).and_then(Option::as_deref)).collect::<StringArray>())
        }
        None => new_null_array(&DataType::Float64, keys.len()),
    }
}

pub(crate) fn numbers(array: &ArrayRef) -> Result<Float64Array, EvaluateError> {
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The sum of the values that there are; `None` where there are none.
pub(crate) fn sum(values: &Float64Array, range: Range<usize>) -> Option<f64> {
    let known = range.filter(|row| values.is_valid(*row)).map(|row| values.value(row));
    known.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// Evaluates an expression over a block. A row on which it fails gives NULL, and only that row.
pub(crate) fn evaluate_scalar(
    expr: &dyn datafusion_physical_expr::PhysicalExpr,
    batch: &RecordBatch,
    text: &str,
) -> Result<ArrayRef, EvaluateError> {
    let rows = batch.num_rows();
    let whole = expr.evaluate(batch).and_then(|value| value.into_array(rows));
    let Err(error) = whole else { return whole.map_err(|e| failed(text, e)) };
    tracing::warn!(expression = text, %error, "an expression failed on a block; going row by row");
    let data_type = expr.data_type(&batch.schema()).map_err(|e| failed(text, e))?;
    let values: Vec<ArrayRef> = (0..rows)
        .map(|row| {
            let one = batch.slice(row, 1);
            let value = expr.evaluate(&one).and_then(|value| value.into_array(1));
            value.unwrap_or_else(|_| new_null_array(&data_type, 1))
        })
        .collect();
    let values: Vec<&dyn Array> = values.iter().map(|v| &**v).collect();
    Ok(concat(&values)?)
}

fn failed(text: &str, source: datafusion_common::DataFusionError) -> EvaluateError {
    EvaluateError::Expression { expression: text.to_owned(), source }
}
