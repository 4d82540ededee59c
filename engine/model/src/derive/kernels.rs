//! Columns in, a column out: the arithmetic that several derivations share.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, PrimitiveArray, StringArray, StringDictionaryBuilder,
    TimestampMillisecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{ArrowDictionaryKeyType, ArrowNativeType};
use arrow::error::ArrowError;
use rustc_hash::FxHashMap;

use super::Derived;
use super::rows::Texts;

pub(super) const HOUR_MS: f64 = 3_600_000.0;
pub(super) const DAY_MS: f64 = 86_400_000.0;

/// `upper / lower`; NULL where the divisor is 0.
pub(super) fn ratio(upper: &Float64Array, lower: &Float64Array) -> Float64Array {
    let quotients = upper.values().iter().zip(lower.values()).map(|(u, l)| u / l).collect();
    let divisible = NullBuffer::new(BooleanBuffer::collect_bool(lower.len(), |row| lower.value(row) != 0.0));
    let nulls = NullBuffer::union(NullBuffer::union(upper.nulls(), lower.nulls()).as_ref(), Some(&divisible));
    Float64Array::new(quotients, nulls.filter(|n| n.null_count() > 0))
}

/// Time between two instants, in units of `unit_ms`; negative where `to` is earlier.
pub(super) fn elapsed(from: &TimestampMillisecondArray, to: &TimestampMillisecondArray, unit_ms: f64) -> Float64Array {
    // Subtracted as doubles: milliseconds are exact in them for 285,000 years, and nothing overflows.
    let between = |(from, to): (&i64, &i64)| (*to as f64 - *from as f64) / unit_ms;
    let times = from.values().iter().zip(to.values()).map(between).collect();
    Float64Array::new(times, NullBuffer::union(from.nulls(), to.nulls()))
}

/// The first instant that is known, row by row; `None` if there is no column at all.
pub(super) fn first_known<'a>(
    columns: impl IntoIterator<Item = Option<&'a TimestampMillisecondArray>>,
) -> Option<TimestampMillisecondArray> {
    let mut columns = columns.into_iter().flatten();
    let mut known = columns.next()?.clone();
    for column in columns {
        if known.null_count() == 0 {
            break;
        }
        known = known.iter().zip(column).map(|(known, next)| known.or(next)).collect();
    }
    Some(known.with_timezone("UTC"))
}

/// The same instant on every row.
pub(super) fn constant_ts(instant: i64, rows: usize) -> TimestampMillisecondArray {
    TimestampMillisecondArray::from_value(instant, rows).with_timezone("UTC")
}

/// A dictionary column that follows from another, computed once per distinct value.
pub(super) fn map_text<K: ArrowDictionaryKeyType>(
    texts: &Texts<'_>,
    map: impl Fn(&str) -> Option<&str>,
) -> Result<ArrayRef, ArrowError> {
    let mut values: Vec<&str> = Vec::new();
    let mut known: FxHashMap<&str, K::Native> = FxHashMap::default();
    let mut keys: Vec<Option<Option<K::Native>>> = vec![None; texts.places()];
    let mut of = |place: usize| -> Result<Option<K::Native>, ArrowError> {
        let Some(value) = map(texts.value(place)) else { return Ok(None) };
        if let Some(key) = known.get(value) {
            return Ok(Some(*key));
        }
        let key = K::Native::from_usize(values.len()).ok_or(ArrowError::DictionaryKeyOverflowError)?;
        values.push(value);
        known.insert(value, key);
        Ok(Some(key))
    };
    let mut column = PrimitiveArray::<K>::builder(texts.len());
    for row in 0..texts.len() {
        let key = match texts.key(row) {
            None => None,
            Some(place) => match keys[place] {
                Some(key) => key,
                None => *keys[place].insert(of(place)?),
            },
        };
        column.append_option(key);
    }
    Ok(Arc::new(DictionaryArray::try_new(column.finish(), Arc::new(StringArray::from(values)))?))
}

/// A flag that follows from a text, computed once per distinct value; NULL where the text is.
pub(super) fn test_text(texts: &Texts<'_>, test: impl Fn(&str) -> bool) -> BooleanArray {
    let mut known: Vec<Option<bool>> = vec![None; texts.places()];
    (0..texts.len())
        .map(|row| texts.key(row).map(|place| *known[place].get_or_insert_with(|| test(texts.value(place)))))
        .collect()
}

/// A dictionary column of one value a row.
pub(super) fn collect_text<K: ArrowDictionaryKeyType, T: AsRef<str>>(
    rows: impl Iterator<Item = Option<T>>,
) -> Result<ArrayRef, ArrowError> {
    let mut column = StringDictionaryBuilder::<K>::new();
    for value in rows {
        match value {
            Some(value) => drop(column.append(value)?),
            None => column.append_null(),
        }
    }
    Ok(Arc::new(column.finish()))
}

/// As a column, if it could be computed.
#[expect(clippy::unnecessary_wraps, reason = "ends derivations, of which others fail")]
pub(super) fn column(array: Option<impl Array + 'static>) -> Derived {
    Ok(array.map(|array| Arc::new(array) as ArrayRef))
}

/// Ends of runs of equal rows, by `same(row - 1, row)`.
pub(super) fn run_ends(rows: usize, same: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let inner = (1..rows).filter(|row| !same(row - 1, *row));
    inner.chain((rows > 0).then_some(rows)).collect()
}
