use std::collections::BTreeSet;

use super::*;
use crate::stream::Personal;

#[test]
fn names_are_unique() {
    let streams: BTreeSet<_> = STREAMS.iter().map(|s| s.name).collect();
    assert_eq!(streams.len(), STREAMS.len());
    for stream in STREAMS {
        let mut seen = BTreeSet::new();
        for column in stream.all_columns() {
            assert!(seen.insert(column.name), "{} has `{}` twice", stream.name, column.name);
        }
    }
}

#[test]
fn a_stream_is_found_by_its_name() {
    for stream in STREAMS {
        assert!(std::ptr::eq(Stream::find(stream.name).unwrap(), *stream));
        assert_eq!(stream.column(stream.subject_key).map(|c| c.key), Some(true), "{}", stream.name);
        assert_eq!(stream.column(stream.event_time).map(|c| c.kind), Some(Kind::Ts), "{}", stream.name);
        assert_eq!(stream.lanes.map_or(stream.name, crate::SubjectKind::stream), stream.name);
    }
    assert!(Stream::find("declarations").is_none());
}

/// A measure or amount ends in its unit; the exceptions are counts, shares, places in a list and amounts whose unit
/// stands in another column.
#[test]
fn a_quantity_ends_in_its_unit() {
    let bare = [
        "quantity",
        "invoice_amount",
        "package_count",
        "found_quantity",
        "seized_quantity",
        "approved_quantity",
        "used_quantity",
        "packages",
        "propensity",
    ];
    for stream in STREAMS {
        for column in stream.all_columns().filter(|c| c.kind == Kind::F64) {
            assert!(
                column.unit().is_some() || bare.contains(&column.name),
                "{}.{} ends in no known unit",
                stream.name,
                column.name
            );
        }
    }
}

#[test]
fn names_end_in_what_the_kind_is() {
    for stream in STREAMS {
        for column in stream.all_columns() {
            let name = column.name;
            let expected = match name.rsplit('_').next() {
                Some("at") => Some(Kind::Ts),
                Some("on") => Some(Kind::Date),
                Some("id") if name != "message_id" => Some(Kind::Id),
                Some("usd" | "kg" | "m3" | "local" | "hours") => Some(Kind::F64),
                Some("country" | "kind") => Some(Kind::Code),
                Some("count") if column.kind != Kind::F64 => Some(Kind::I32),
                _ => None,
            };
            assert!(expected.is_none_or(|kind| kind == column.kind), "{}.{name}", stream.name);
        }
    }
}

#[test]
fn lists_are_never_null_and_code_lists_belong_to_codes() {
    for stream in STREAMS {
        for column in stream.all_columns() {
            let list = matches!(column.kind, Kind::List(_) | Kind::Records(_));
            assert!(!(list && column.nullable), "{}.{}", stream.name, column.name);
            assert!(column.values.is_empty() || column.kind == Kind::Code, "{}.{}", stream.name, column.name);
            assert!(!column.header || stream.name == "declaration", "{}.{}", stream.name, column.name);
        }
    }
}

#[test]
fn what_identifies_a_person_is_marked() {
    for (stream, column, class) in [
        ("traveller", "surname", Some(Personal::Name)),
        ("traveller", "name_key", Some(Personal::Name)),
        ("traveller", "birth_date", Some(Personal::Birth)),
        ("traveller", "documents", Some(Personal::Document)),
        ("traveller", "phones", Some(Personal::Contact)),
        ("traveller", "card_number_masked", Some(Personal::Payment)),
        ("traveller", "remarks", Some(Personal::Sensitive)),
        ("traveller", "flight_id", None),
        ("declaration", "importer_name", Some(Personal::Business)),
        ("declaration", "hs_code", None),
        ("consignment", "consignee_address", Some(Personal::Contact)),
        ("crossing", "document_no", Some(Personal::Document)),
        ("watchlist", "names", Some(Personal::Name)),
    ] {
        assert_eq!(Stream::find(stream).unwrap().column(column).unwrap().personal, class, "{stream}.{column}");
    }
}

/// The tables of the streams' specification, by number of columns: a line lost here is a column lost.
#[test]
fn every_column_of_the_tables_is_there() {
    let counts: Vec<_> = STREAMS.iter().map(|s| (s.name, s.columns.len())).collect();
    assert_eq!(
        counts,
        [
            ("declaration", 74),
            ("consignment", 54),
            ("traveller", 88),
            ("outcome", 33),
            ("crossing", 14),
            ("permit", 17),
            ("cargo_event", 13),
            ("company", 18),
            ("watchlist", 18),
        ]
    );
    assert_eq!(COMMON.len(), 18);
}
