//! Tables of cases: given columns, `||`, expected columns. `-` is NULL, `=` what stands above.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, TimestampMillisecondType};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::builder::{Cell, StreamBuilder};
use crate::derive::{DeriveContext, derive};
use crate::stream::{Kind, Stream};

/// Derives the table's given columns, and compares the expected ones row by row.
pub(crate) fn check_derived(stream: &'static Stream, context: &DeriveContext, table: &str) {
    let (given, expected) = read(stream, table);
    let derived = derive(stream, &given, context).unwrap();
    for (name, rows) in expected {
        let column = derived.column_by_name(&name).unwrap_or_else(|| panic!("`{name}` was not derived"));
        let field = derived.schema().field_with_name(&name).unwrap().clone();
        assert_eq!(field, stream.column(&name).unwrap().field());
        let got: Vec<_> = (0..column.len()).map(|row| show(column, row)).collect();
        assert_eq!(got, rows, "{name}");
    }
}

/// The given columns as a batch; the expected ones as text.
pub(crate) fn read(stream: &'static Stream, table: &str) -> (RecordBatch, Vec<(String, Vec<String>)>) {
    let split = |line: &str| {
        let (given, expected) = line.split_once("||").unwrap_or((line, ""));
        let cells = |side: &str| side.split('|').map(|c| c.trim().to_owned()).filter(|c| !c.is_empty()).collect();
        (cells(given), cells(expected))
    };
    let mut lines = table.lines().filter(|line| !line.trim().is_empty()).map(split);
    let (names, wanted): (Vec<String>, Vec<String>) = lines.next().unwrap();
    let mut builder =
        StreamBuilder::with_columns(stream, &names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let mut expected: Vec<_> = wanted.into_iter().map(|name| (name, Vec::new())).collect();
    let mut above: Vec<String> = Vec::new();
    for (given, results) in lines {
        assert_eq!((given.len(), results.len()), (names.len(), expected.len()), "cells of {given:?}");
        let given: Vec<_> =
            given.into_iter().enumerate().map(|(i, cell)| if cell == "=" { above[i].clone() } else { cell }).collect();
        for (i, cell) in given.iter().enumerate() {
            builder.set(i, parse(builder.columns()[i].kind, cell)).unwrap();
        }
        builder.finish_row();
        expected.iter_mut().zip(results).for_each(|((_, column), result)| column.push(result));
        above = given;
    }
    (builder.finish(), expected)
}

/// Lists by blanks; records by `;` with members by `,` and lists in them by `+`.
fn parse(kind: Kind, text: &str) -> Cell<'_> {
    if text == "-" {
        return Cell::Null;
    }
    match kind {
        Kind::Id | Kind::Code | Kind::Text => Cell::Text(text),
        Kind::I32 => Cell::I32(text.parse().unwrap()),
        Kind::I64 => Cell::I64(text.parse().unwrap()),
        Kind::F64 => Cell::F64(text.parse().unwrap()),
        Kind::Bool => Cell::Bool(text.parse().unwrap()),
        Kind::Date => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
            Cell::Date((day - NaiveDate::default()).num_days() as i32)
        }
        Kind::Ts => Cell::Ts(instant(text)),
        Kind::Hash => panic!("no hashes in tables"),
        Kind::List(item) => Cell::List(text.split([' ', '+']).map(|cell| parse(*item, cell)).collect()),
        Kind::Records(members) => {
            let record = |text| {
                let cells = str::split(text, ',').zip(members);
                Cell::Record(cells.map(|(cell, member)| parse(member.kind, cell.trim())).collect())
            };
            Cell::List(text.split(';').map(record).collect())
        }
    }
}

/// Minutes in UTC, in ms since 1970.
pub(crate) fn instant(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap().and_utc().timestamp_millis()
}

fn show(array: &ArrayRef, row: usize) -> String {
    if array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
        return "-".to_owned();
    }
    match array.data_type() {
        DataType::Float64 => {
            let rounded = (array.as_primitive::<Float64Type>().value(row) * 1e3).round() / 1e3;
            format!("{rounded}")
        }
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value_as_date(row).unwrap().to_string(),
        DataType::Timestamp(..) => {
            let at = array.as_primitive::<TimestampMillisecondType>().value(row);
            DateTime::from_timestamp_millis(at).unwrap().format("%Y-%m-%dT%H:%M").to_string()
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Dictionary(_, values) => show(&arrow::compute::cast(array, values).unwrap(), row),
        other => panic!("cannot show {other}"),
    }
}
