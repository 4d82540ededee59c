//! Derived columns as the trade would write them down.

mod consignment;
mod declaration;
mod traveller;

use std::collections::BTreeSet;

use arrow::array::{Int32Array, RecordBatch};

use super::*;
use crate::builder::{Cell, StreamBuilder};
use crate::stream::Kind;
use crate::streams::{COMPANY, DECLARATION, OUTCOME, TRAVELLER};
use crate::testing::{check_derived, instant, read};

fn names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|f| f.name().clone()).collect()
}

#[test]
fn derivations_stand_after_those_they_read() {
    for stream in STREAMS {
        let mut done = BTreeSet::new();
        for derivation in of(stream) {
            let column = stream.column(derivation.column).unwrap_or_else(|| panic!("{}", derivation.column));
            for input in derivation.inputs {
                let read = stream.column(input).unwrap_or_else(|| panic!("{} reads {input}", column.name));
                let given = ["known_at"].contains(input);
                assert!(!read.derived || given || done.contains(input), "{}: {input}", column.name);
            }
            assert!(done.insert(column.name), "{} twice", column.name);
        }
    }
}

/// What is derived elsewhere, and where: a derived column that nobody computes would always be NULL.
#[test]
fn every_derived_column_is_computed_somewhere() {
    let by_the_journal =
        ["journal_position", "received_at", "content_hash", "message_path", "warnings", "booking_changes"];
    let by_the_answers = ["boarding_answer", "merge_basis"];
    for stream in STREAMS {
        for column in stream.all_columns().filter(|c| c.derived) {
            let here = of(stream).iter().any(|d| d.column == column.name);
            let there = by_the_journal.contains(&column.name) || by_the_answers.contains(&column.name);
            assert!(here != there, "{}.{}", stream.name, column.name);
        }
    }
}

#[test]
fn inputs_reach_down_to_what_is_read() {
    for (stream, column, expected) in [
        (&DECLARATION, "hs4", vec!["hs_code"]),
        (&DECLARATION, "unit_price_usd", vec!["customs_value_usd", "quantity"]),
        (&DECLARATION, "declaration_value_usd", vec!["customs_value_usd", "declaration_id", "version"]),
        (&DECLARATION, "hs_code", vec![]),
        (&DECLARATION, "importer_aeo", vec![]),
        (&TRAVELLER, "direction", vec!["arrival_airport", "departure_airport", "role"]),
        (
            &TRAVELLER,
            "age_years",
            vec![
                "arrival_airport",
                "arrival_scheduled_at",
                "arrived_at",
                "birth_date",
                "departed_at",
                "departure_airport",
                "departure_scheduled_at",
                "role",
            ],
        ),
        (&OUTCOME, "event_at", vec!["inspected_at"]),
        (&OUTCOME, "no_such_column", vec![]),
    ] {
        assert_eq!(inputs(stream, column), expected, "{column}");
    }
}

#[test]
fn only_what_is_wanted_is_added() {
    let (batch, _) = read(&TRAVELLER, "departure_airport | arrival_airport\nBKK | ICN");
    let of = |wanted: &'static str| {
        let derived = derive_columns(&TRAVELLER, &batch, &DeriveContext::default(), &|name| name == wanted).unwrap();
        names(&derived).join(" ")
    };
    assert_eq!(of("direction"), "departure_airport arrival_airport direction");
    assert_eq!(of("age_years"), "departure_airport arrival_airport");
    assert_eq!(of("nothing"), "departure_airport arrival_airport");
}

#[test]
fn columns_without_their_inputs_are_left_out() {
    let (batch, _) = read(&DECLARATION, "declaration_id\nD1");
    let derived = derive(&DECLARATION, &batch, &DeriveContext::default()).unwrap();
    assert_eq!(names(&derived), ["declaration_id", "importer_aeo", "items_in_declaration"]);
}

#[test]
fn no_rows_and_unknown_columns_are_no_trouble() {
    for stream in STREAMS {
        let rows = StreamBuilder::new(stream).finish();
        let derived = derive(stream, &rows, &DeriveContext::default()).unwrap();
        assert_eq!(derived.num_rows(), 0, "{}", stream.name);
    }
    let theirs = RecordBatch::try_from_iter([("colour", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]).unwrap();
    let derived = derive(&COMPANY, &theirs, &DeriveContext::default()).unwrap();
    assert_eq!(derived, theirs);
}

#[test]
fn times_of_a_row() {
    let context = DeriveContext { now: Some(instant("2026-03-01T12:00")), ..DeriveContext::default() };
    check_derived(
        &OUTCOME,
        &context,
        "inspected_at     | known_at         | as_of            || known_at         | as_of            | event_at
         2026-02-01T08:00 | 2026-02-02T09:00 | -                || 2026-02-02T09:00 | 2026-02-02T09:00 | 2026-02-01T08:00
         -                | 2026-02-02T09:00 | 2026-02-20T00:00 || 2026-02-02T09:00 | 2026-02-20T00:00 | 2026-02-02T09:00
         -                | -                | -                || 2026-03-01T12:00 | 2026-03-01T12:00 | 2026-03-01T12:00",
    );
    check_derived(
        &OUTCOME,
        &DeriveContext::default(),
        "inspected_at | known_at || as_of | event_at
         -            | -        || -     | -",
    );
}

/// Times at the ends of what a column can hold come from broken messages, and stop nothing.
#[test]
fn impossible_times_do_not_panic() {
    for stream in STREAMS {
        let names: Vec<_> = stream
            .all_columns()
            .filter(|c| matches!(c.kind, Kind::Ts | Kind::Date | Kind::Records(_)) && c.name != "warnings")
            .map(|c| c.name)
            .collect();
        let mut builder = StreamBuilder::with_columns(stream, &names).unwrap();
        for (one, other) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MIN), (i64::MAX, 0)] {
            for (i, name) in names.iter().enumerate() {
                let at = if i % 2 == 0 { one } else { other };
                let leg = |at| {
                    let (from, to) = (Cell::Text("ICN"), Cell::Text("BKK"));
                    Cell::Record(vec![1.into(), "ZZ".into(), 1.into(), from, to, Cell::Ts(at), Cell::Ts(at)])
                };
                let cell = match stream.column(name).unwrap().kind {
                    Kind::Ts => Cell::Ts(at),
                    Kind::Date => Cell::Date((at >> 32) as i32),
                    _ if *name == "itinerary" => Cell::List(vec![leg(one), leg(other)]),
                    _ => Cell::Null,
                };
                builder.set(i, cell).unwrap();
            }
            builder.finish_row();
        }
        let derived = derive(stream, &builder.finish(), &DeriveContext::default()).unwrap();
        assert_eq!(derived.num_rows(), 4);
    }
}
