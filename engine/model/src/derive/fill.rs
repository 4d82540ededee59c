//! What is given stays; what is given as NULL takes the computed value.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::is_not_null;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, Int16Type, Int32Type};
use arrow::error::ArrowError;

use super::kernels::collect_text;

pub(super) fn fill(given: &ArrayRef, computed: ArrayRef) -> Result<ArrayRef, ArrowError> {
    if given.logical_null_count() == given.len() {
        return Ok(computed);
    }
    match given.data_type() {
        DataType::Dictionary(key, _) if **key == DataType::Int16 => fill_text::<Int16Type>(given, &computed),
        DataType::Dictionary(_, _) => fill_text::<Int32Type>(given, &computed),
        _ => zip(&is_not_null(given)?, given, &computed),
    }
}

fn fill_text<K: arrow::datatypes::ArrowDictionaryKeyType>(
    given: &ArrayRef,
    computed: &ArrayRef,
) -> Result<ArrayRef, ArrowError> {
    let plain = |array: &ArrayRef| arrow::compute::cast(array, &DataType::Utf8);
    let (given, computed) = (plain(given)?, plain(computed)?);
    let rows = given.as_string::<i32>().iter().zip(computed.as_string::<i32>());
    collect_text::<K, _>(rows.map(|(given, computed)| given.or(computed)))
}
