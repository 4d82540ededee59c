//! Numbers, dates, instants: every one becomes an i64 that sorts as it does, so that one kernel compares them all.
//! Doubles sort in IEEE total order of their canonical values: -0.0 equals 0.0, NaN equals NaN and is above all.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use haechi_rules::program::{Class, Cmp, Literal, canonical};

/// The sortable integer of a double.
pub(crate) fn float_key(value: f64) -> i64 {
    let bits = canonical(value).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The sortable integer of a constant that is compared with an operand of this class.
pub(crate) fn literal_key(class: Class, literal: &Literal) -> Option<i64> {
    match (class, literal) {
        (Class::Float, literal) => literal.as_f64().map(float_key),
        (Class::Int | Class::Date | Class::Ts, Literal::Int(value)) => Some(*value),
        _ => None,
    }
}

/// The sortable integers of a column; what stands at NULL rows has no meaning.
pub(crate) fn keys(array: &ArrayRef) -> Option<Vec<i64>> {
    Some(match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().values().iter().map(|v| float_key(*v)).collect(),
        DataType::Int64 => array.as_primitive::<Int64Type>().values().to_vec(),
        DataType::Int32 => array.as_primitive::<Int32Type>().values().iter().map(|v| i64::from(*v)).collect(),
        DataType::Date32 => array.as_primitive::<Date32Type>().values().iter().map(|v| i64::from(*v)).collect(),
        DataType::Timestamp(..) => array.as_primitive_opt::<TimestampMillisecondType>()?.values().to_vec(),
        _ => return None,
    })
}

/// Sets the bit of every row whose key compares so with the threshold.
pub(crate) fn compare(keys: &[i64], cmp: Cmp, threshold: i64, out: &mut [u64]) {
    match cmp {
        Cmp::Eq => fill(keys, out, |key| key == threshold),
        Cmp::Ne => fill(keys, out, |key| key != threshold),
        Cmp::Lt => fill(keys, out, |key| key < threshold),
        Cmp::Le => fill(keys, out, |key| key <= threshold),
        Cmp::Gt => fill(keys, out, |key| key > threshold),
        Cmp::Ge => fill(keys, out, |key| key >= threshold),
    }
}

fn fill(keys: &[i64], out: &mut [u64], holds: impl Fn(i64) -> bool) {
    for (word, chunk) in out.iter_mut().zip(keys.chunks(64)) {
        *word = chunk.iter().enumerate().fold(0, |word, (i, key)| word | u64::from(holds(*key)) << i);
    }
}

/// Sets the bit of every row whose key is one of `values` (sorted).
pub(crate) fn one_of(keys: &[i64], values: &[i64], out: &mut [u64]) {
    match values {
        [] => out.fill(0),
        [one] => compare(keys, Cmp::Eq, *one, out),
        many => fill(keys, out, |key| many.binary_search(&key).is_ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_sort_in_total_order() {
        let sorted = [f64::NEG_INFINITY, -1.5, 0.0, f64::MIN_POSITIVE, 1.5, f64::INFINITY, f64::NAN];
        let keys = sorted.map(float_key);
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!([-0.0, -f64::NAN].map(float_key), [0.0, f64::NAN].map(float_key));
    }

    #[test]
    fn comparisons_fill_words() {
        let keys: Vec<i64> = (0..130).collect();
        let mut out = vec![0; 3];
        compare(&keys, Cmp::Ge, 64, &mut out);
        assert_eq!(out, [0, u64::MAX, 0b11]);
        one_of(&keys, &[1, 65, 500], &mut out);
        assert_eq!(out, [2, 2, 0]);
    }
}
