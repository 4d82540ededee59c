//! Columns of numbers, days and instants in our types. A scan asks first whether anything is out of bounds; only where
//! something is, are the rows looked at one by one for what to say of each.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use haechi_model::Kind;

use super::cell::CellReader;
use super::convert::Faults;
use super::time;

/// Numbers in our unit.
pub(super) fn amounts(reader: &CellReader, array: &ArrayRef, faults: &mut Faults) -> Result<ArrayRef, ArrowError> {
    let array = cast(array, &DataType::Float64)?;
    let amounts = array.as_primitive::<Float64Type>();
    let changed: Float64Array = match reader.change().factor {
        None => amounts.clone(),
        Some(factor) => amounts.unary(|x| x * factor),
    };
    let (least, most) = reader.bounds();
    if within(changed.values(), least, most) {
        return Ok(Arc::new(changed));
    }
    for row in 0..amounts.len() {
        if amounts.is_valid(row)
            && let Err(advice) = reader.bounded(amounts.value(row))
        {
            let shown = amounts.value(row).to_string();
            faults.entry(row).or_insert_with(|| reader.fault("out_of_range", &shown, &advice));
        }
    }
    Ok(Arc::new(changed))
}

/// Whether all values are between two others, those under NULLs among them; NaN never is. Without a branch, so that
/// many are compared at once: most columns have nothing wrong in them, and then this is all that is done.
#[expect(clippy::needless_bitwise_bool, reason = "a branch would stop the loop from comparing many at once")]
fn within<T: PartialOrd + Copy>(values: &[T], least: T, most: T) -> bool {
    values.iter().fold(true, |all, value| all & (*value >= least) & (*value <= most))
}

/// Whole numbers.
pub(super) fn counts(reader: &CellReader, array: &ArrayRef, faults: &mut Faults) -> Result<ArrayRef, ArrowError> {
    if let (Kind::I32, Some(counts)) = (reader.column().kind, array.as_primitive_opt::<Int32Type>())
        && within(counts.values(), reader.least() as i32, i32::MAX)
    {
        return Ok(array.clone());
    }
    let wide = cast(array, &DataType::Int64)?;
    let counts = wide.as_primitive::<Int64Type>();
    let (least, most) = match reader.column().kind {
        Kind::I32 => (reader.least(), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    for row in 0..counts.len() {
        // An unsigned number beyond 64 signed bits became NULL on the way.
        let lost = counts.is_null(row) && array.is_valid(row);
        let outside = counts.is_valid(row) && !(least..=most).contains(&counts.value(row));
        if lost || outside {
            let shown = if lost { String::new() } else { counts.value(row).to_string() };
            let advice = format!("is out of range; write {least} or more");
            faults.entry(row).or_insert_with(|| reader.fault("out_of_range", &shown, &advice));
        }
    }
    match reader.column().kind {
        Kind::I32 => cast(&wide, &DataType::Int32),
        _ => Ok(wide),
    }
}

/// Days.
pub(super) fn days(reader: &CellReader, array: &ArrayRef, faults: &mut Faults) -> ArrayRef {
    let (first, last) = day_bounds();
    if within(array.as_primitive::<Date32Type>().values(), first, last) {
        return array.clone();
    }
    for (row, day) in array.as_primitive::<Date32Type>().iter().enumerate() {
        if day.is_some_and(|day| !(first..=last).contains(&day)) {
            faults.entry(row).or_insert_with(|| reader.fault("date_out_of_range", "", OUT_OF_YEARS));
        }
    }
    array.clone()
}

/// Instants, in ms since 1970 UTC.
pub(super) fn instants(reader: &CellReader, array: &ArrayRef, faults: &mut Faults) -> Result<ArrayRef, ArrowError> {
    let zoned = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let zone = if zoned { Some(Arc::from("UTC")) } else { None };
    let array = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, zone))?;
    let mut instants: TimestampMillisecondArray = array.as_primitive::<TimestampMillisecondType>().clone();
    if !zoned && reader.zone() != chrono_tz::Tz::UTC {
        let shift = |ms: i64| {
            let wall = chrono::DateTime::from_timestamp_millis(ms)?.naive_utc();
            Some(time::wall_to_utc_ms(wall, reader.zone()))
        };
        instants = instants.unary_opt(shift);
    }
    let (first, last) = day_bounds();
    let none_lost = instants.null_count() == array.null_count();
    if none_lost && within(instants.values(), i64::from(first) * DAY_MS, (i64::from(last) + 1) * DAY_MS - 1) {
        return Ok(Arc::new(instants.with_timezone("UTC")));
    }
    for (row, ms) in instants.iter().enumerate() {
        let day = ms.map(|ms| ms.div_euclid(DAY_MS));
        let lost = day.is_none() && array.is_valid(row);
        if lost || day.is_some_and(|day| !(i64::from(first)..=i64::from(last)).contains(&day)) {
            faults.entry(row).or_insert_with(|| reader.fault("date_out_of_range", "", OUT_OF_YEARS));
        }
    }
    Ok(Arc::new(instants.with_timezone("UTC")))
}

const DAY_MS: i64 = 86_400_000;
const OUT_OF_YEARS: &str = "is not between the years 1900 and 2100";

fn day_bounds() -> (i32, i32) {
    let day = |year, month, day| {
        chrono::NaiveDate::from_ymd_opt(year, month, day).and_then(|date| time::day_number(date).ok()).unwrap_or(0)
    };
    (day(*time::YEARS.start(), 1, 1), day(*time::YEARS.end(), 12, 31))
}
