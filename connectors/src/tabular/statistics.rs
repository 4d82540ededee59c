//! What the footer of a Parquet file says about a row group, as a summary of the rows that are read from it.
//!
//! The reader changes what it reads: units, zones, upper case, values that mean nothing. So bounds are taken through the
//! same conversion as the rows ([`Converter`]), and only where that keeps their order:
//!
//! - numbers, days, instants and flags in a type of their own, unless a unit, a table of codes or a zone changes them.
//!   Statistics leave NaN out; so does the reader, which sets such rows aside.
//! - text that is the same in all rows;
//! - ids, by the digits they all begin with: nothing done to an id changes the digits at its beginning.
//!
//! Writers may cut long texts; a bound that was cut is still one.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float64Type, Int32Type, Int64Type, Schema, TimestampMillisecondType,
};
use chrono_tz::Tz;
use haechi_model::summary::{ColumnSummary, PartSummary, Value};
use haechi_model::{Cell, Kind, Stream};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::file::metadata::RowGroupMetaData;

use super::cell::CellReader;
use super::convert::{Converter, Faults, is_text};
use super::notes::Notes;
use super::plan::{FeedFrom, Plan, READER_OWNED};

/// What is known of the rows of a row group, once they are read as the plan says and before columns are derived.
/// `schema` is the file's own. Whether subjects have rows in other groups is for the caller to know.
pub fn summary(stream: &'static Stream, plan: &Plan, schema: &Schema, group: &RowGroupMetaData) -> PartSummary {
    let rows = u64::try_from(group.num_rows()).unwrap_or(u64::MAX);
    // What no column feeds is NULL.
    let fed = |name: &str| plan.feeds.iter().any(|feed| feed.reader.column().name == name);
    let unfed = stream.all_columns().filter(|column| !fed(column.name) && !READER_OWNED.contains(&column.name));
    let mut part = unfed.fold(PartSummary::new(rows), |part, column| part.with_nulls(column.name));
    for feed in plan.feeds.iter().filter(|feed| feed.wanted) {
        let reader = &feed.reader;
        let known = match &feed.from {
            FeedFrom::Input(at) => {
                plan.inputs.get(*at).and_then(|input| Stored::of(input, schema, group)?.read(stream, reader, rows))
            }
            FeedFrom::Constant(text) => constant(stream, reader, text, 0),
            FeedFrom::Template(_) => None,
        };
        if let Some(known) = known {
            part = part.with(reader.column().name, known);
        }
    }
    part
}

/// A column of a row group as the file describes it.
struct Stored {
    /// The lower and the upper bound, in the file's type.
    bounds: ArrayRef,
    nulls: Option<u64>,
}

impl Stored {
    /// `None` where the file says nothing.
    fn of(input: &str, schema: &Schema, group: &RowGroupMetaData) -> Option<Self> {
        // Codes are no part of what Parquet stores.
        let plain = match schema.field_with_name(input).ok()?.data_type() {
            DataType::Dictionary(_, values) => (**values).clone(),
            other => other.clone(),
        };
        let leaf = group.columns().iter().position(|column| column.column_path().parts() == [input])?;
        let statistics = group.column(leaf).statistics()?;
        let bounds = if statistics.is_min_max_deprecated() {
            // Fields that Parquet has given up, since writers did not agree on their order.
            new_null_array(&plain, 2)
        } else {
            let field = Field::new(input, plain, true);
            let converter = StatisticsConverter::from_column_index(leaf, &field, group.schema_descr()).ok()?;
            let ends = [converter.row_group_mins([group]).ok()?, converter.row_group_maxes([group]).ok()?];
            concat(&[&ends[0], &ends[1]]).ok()?
        };
        Some(Self { bounds, nulls: statistics.null_count_opt() })
    }

    /// What holds of the column once it is read.
    fn read(&self, stream: &'static Stream, reader: &CellReader, rows: u64) -> Option<ColumnSummary> {
        let column = reader.column();
        let Self { bounds, nulls } = self;
        // A default stands where nothing is given.
        let kept_null = matches!(reader.blank(), Ok(Cell::Null) | Err(_));
        if !kept_null && *nulls != Some(0) {
            return None;
        }
        if *nulls == Some(rows) {
            return Some(ColumnSummary { nulls: *nulls, ..ColumnSummary::default() });
        }
        if is_text(bounds.data_type()) {
            let texts = cast(bounds, &DataType::Utf8).ok()?;
            let texts = texts.as_string::<i32>();
            let [Some(min), Some(max)] = [0, 1].map(|end| texts.is_valid(end).then(|| texts.value(end))) else {
                return None;
            };
            return match column.kind {
                _ if min == max => constant(stream, reader, min, (*nulls)?),
                Kind::Id if is_plain(reader) => Some(ColumnSummary { nulls: *nulls, ..by_first_digits(min, max)? }),
                _ => None,
            };
        }
        let in_order = is_plain(reader)
            && match (column.kind, bounds.data_type()) {
                (Kind::F64, found) => found.is_numeric(),
                (Kind::I32 | Kind::I64, found) => found.is_integer(),
                (Kind::Bool, found) => *found == DataType::Boolean,
                (Kind::Date, found) => *found == DataType::Date32,
                (Kind::Ts, DataType::Timestamp(_, zone)) => zone.is_some() || reader.zone() == Tz::UTC,
                _ => false,
            };
        if !in_order {
            return None;
        }
        let [min, max] = converted(stream, reader, bounds)?;
        Some(ColumnSummary { min, max, nulls: *nulls })
    }
}

/// Whether values are taken over without a change of unit, code or length.
fn is_plain(reader: &CellReader) -> bool {
    let change = reader.change();
    change.factor.is_none() && change.codes.is_none() && change.pad == 0
}

/// A lower and an upper bound in our type; a bound that rows may not have is none.
fn converted(stream: &'static Stream, reader: &CellReader, bounds: &ArrayRef) -> Option<[Option<Value>; 2]> {
    let mut faults = Faults::new();
    let read = Converter::new(stream, false).convert(reader, bounds, &mut faults, &mut Notes::default()).ok()?;
    Some([0, 1].map(|end| value(&read, end).filter(|_| !faults.contains_key(&end))))
}

/// A column whose rows all have this text or, some of them, nothing.
fn constant(stream: &'static Stream, reader: &CellReader, text: &str, nulls: u64) -> Option<ColumnSummary> {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![text; 2]));
    let [Some(min), Some(max)] = converted(stream, reader, &texts)? else { return None };
    Some(ColumnSummary { min: Some(min), max: Some(max), nulls: Some(nulls) })
}

/// Between 6402... and 6404... stands what begins with 6402, 6403 or 6404. Values that differ in length only, or in
/// something else than a digit, have no more in common than the digits before.
fn by_first_digits(min: &str, max: &str) -> Option<ColumnSummary> {
    let digit = |pair: &(u8, u8)| pair.0.is_ascii_digit() && pair.1.is_ascii_digit();
    let pairs = min.bytes().zip(max.bytes());
    let shared = pairs.clone().take_while(|pair| pair.0 == pair.1 && digit(pair)).count();
    let next = pairs.clone().nth(shared).filter(digit);
    let (lower, last) = match next {
        Some((lower, upper)) => (min.get(..shared)?.to_owned() + char::from(lower).encode_utf8(&mut [0; 4]), upper),
        None => (min.get(..shared)?.to_owned(), *min.as_bytes().get(shared.checked_sub(1)?)?),
    };
    // The sign behind a digit is above whatever begins with it.
    let above = min.get(..lower.len() - 1)?.to_owned() + char::from(last + 1).encode_utf8(&mut [0; 4]);
    let bound = |text: String| Some(Value::Text(text.into()));
    Some(ColumnSummary { min: bound(lower), max: bound(above), nulls: None })
}

/// The value of a canonical column in a row; `None` where it is NULL or has no order.
fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => Value::Ts(array.as_primitive_opt::<TimestampMillisecondType>()?.value(row)),
        found if is_text(found) => {
            let texts = cast(array, &DataType::Utf8).ok()?;
            Value::Text(texts.as_string::<i32>().value(row).into())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
