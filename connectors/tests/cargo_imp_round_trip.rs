//! Generated consignments, written as Cargo-IMP and read again, are the rows they were, as far as the format carries
//! them. `HAECHI_ROUND_TRIP` says how many bills there are, a third of them by air.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use edifact_support::{objects, rows, text};
use haechi_connectors::MessageReading;
use haechi_connectors::format::MessageInput;
use haechi_connectors::formats::FORMATS;
use haechi_connectors::options::ReadOptions;
use haechi_datasets::{CargoImp, Spec, cargo_imp_messages};
use haechi_model::codes;
use serde_json::Value;

fn spec() -> Spec {
    let n = std::env::var("HAECHI_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000);
    Spec { house_bills: n, ..Spec::day(7) }
}

/// Messages name days without a year: they come in on the day of the dataset.
fn read(text: &str) -> MessageReading {
    let format = FORMATS.iter().find(|format| format.name == "cargo_imp").unwrap();
    assert!((format.recognise)(text.as_bytes()), "{text}");
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, received_on: Some(spec().day), ..ReadOptions::default() };
    (format.read)(MessageInput { source: "generated", bytes: text.as_bytes(), options: &options })
}

/// A column of a row as the format carries it.
fn carried(format: CargoImp, column: &str, row: &Value) -> Value {
    let value = &row[column];
    match (column, value.as_str()) {
        ("description", Some(text)) => {
            let words = words(text);
            if format == CargoImp::Ffm { cut(&words, 15).into() } else { words.into() }
        }
        // House manifests have a line for it.
        ("shipper_name" | "consignee_name", Some(name)) if format == CargoImp::Fhl => cut(name, 35).into(),
        // The country stands in a field of its own.
        ("shipper_address" | "consignee_address", Some(address)) => {
            let country = text(row, &column.replace("address", "country"));
            address.strip_suffix(&format!(", {country}")).unwrap().into()
        }
        // Importers' numbers with Hangul in them do not go through.
        ("consignee_id", Some(id)) if !id.is_ascii() => Value::Null,
        ("customs_notes", _) => notes(value),
        ("manifested_at", Some(at)) => day_at(at, text(row, "loading_port")).into(),
        (_, Some(at)) if column.ends_with("_at") => at[..16].into(),
        _ => value.clone(),
    }
}

/// Notes that go through, texts of the width of the field.
fn notes(value: &Value) -> Value {
    let written = |note: &&Value| text(note, "text").is_ascii();
    let carried = |note: &Value| {
        let mut note = note.clone();
        note["text"] = cut(text(&note, "text"), 35).into();
        note
    };
    value.as_array().map_or(Value::Null, |notes| notes.iter().filter(written).map(carried).collect())
}

/// What was read, as precise as what is compared with it.
fn found(column: &str, row: &Value) -> Value {
    match (column, row[column].as_str()) {
        ("manifested_at", Some(at)) => day_at(at, text(row, "loading_port")).into(),
        (_, Some(at)) if column.ends_with("_at") => at[..16].into(),
        _ => row[column].clone(),
    }
}

/// The day on the clock of an airport.
fn day_at(at: &str, airport: &str) -> String {
    let at: DateTime<Utc> = at.parse().unwrap();
    at.with_timezone(&codes::airport(airport).unwrap().tz).format("%Y-%m-%d").to_string()
}

/// The words of a text, in the letters of the format.
fn words(text: &str) -> String {
    let parts = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-' || c == '.'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn cut(text: &str, width: usize) -> &str {
    text.get(..width).unwrap_or(text).trim_end()
}

/// Rows as the message counts them, by the columns that say which is which. A flight manifest has a row a master: the
/// bills under it add up.
fn counted(format: CargoImp, rows: Vec<Value>) -> HashMap<String, Value> {
    let mut all: HashMap<String, Value> = HashMap::new();
    for row in rows {
        let key = match format {
            CargoImp::Fhl => format!("{}/{}", text(&row, "master_bill_id"), text(&row, "house_bill_id")),
            _ => text(&row, "master_bill_id").to_owned(),
        };
        match all.get_mut(&key) {
            Some(master) => add(master, &row),
            None => drop(all.insert(key, row)),
        }
    }
    all
}

/// Adds a bill to its master.
fn add(master: &mut Value, bill: &Value) {
    for column in ["package_count", "gross_mass_kg", "volume_m3"] {
        master[column] = (master[column].as_f64().unwrap() + bill[column].as_f64().unwrap()).into();
    }
    for column in ["special_handling", "customs_notes"] {
        for value in bill[column].as_array().into_iter().flatten() {
            let values = master[column].as_array_mut().unwrap();
            if column == "customs_notes" || !values.contains(value) {
                values.push(value.clone());
            }
        }
    }
    // The first that goes through.
    if !text(master, "consignee_id").is_ascii() {
        master["consignee_id"] = bill["consignee_id"].clone();
    }
    master["part_kind"] = "S".into();
}

/// Whether two values are the same; what is not there is nothing or an empty list.
fn same(found: &Value, sent: &Value) -> bool {
    let nothing = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    match (found.as_f64(), sent.as_f64()) {
        (Some(found), Some(sent)) => (found - sent).abs() <= 1e-9 * sent.abs(),
        _ => found == sent || (nothing(found) && nothing(sent)),
    }
}

fn compare(format: CargoImp, warnings: &[&str]) {
    let (mut n_messages, mut n_rows, mut n_bills) = (0, 0, 0);
    for message in cargo_imp_messages(format, &spec()) {
        let reading = read(&message.text);
        assert!(reading.set_aside.is_empty(), "{format:?}: {:?}\n{}", reading.set_aside, message.text);
        let warned: Vec<&str> = reading.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(warned, warnings, "{format:?}\n{}", message.text);
        assert_eq!(reading.format, format.name());
        let read = rows(&reading, "consignment");
        n_bills += message.rows.num_rows();
        n_messages += 1;
        n_rows += read.len();
        let sent = counted(format, objects(&message.rows));
        assert_eq!(read.len(), sent.len(), "{format:?}\n{}", message.text);
        let read = counted(format, read);
        for (key, sent) in &sent {
            let row = read.get(key).unwrap_or_else(|| panic!("{format:?}: no {key}\n{}", message.text));
            for column in format.columns() {
                let (found, sent) = (found(column, row), carried(format, column, sent));
                assert!(same(&found, &sent), "{format:?} {column}: wrote {sent}, read {found}\n{}", message.text);
            }
        }
    }
    // A third of the bills goes by air, under a third as many masters.
    let all = spec().house_bills as usize;
    let enough = n_messages > 2 && n_bills > all / 5 && n_rows > all / 20;
    assert!(enough, "{format:?}: {n_bills} bills of {all} in {n_messages} messages, {n_rows} rows");
}

#[test]
fn air_waybills_come_back() {
    compare(CargoImp::Fwb, &[]);
}

/// What happens to the goods they do not say, which the reader tells.
#[test]
fn house_manifests_come_back() {
    compare(CargoImp::Fhl, &["no_nature"]);
}

#[test]
fn flight_manifests_come_back() {
    compare(CargoImp::Ffm, &["no_nature"]);
}
