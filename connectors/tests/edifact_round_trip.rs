//! What the generators write, the readers read back as the rows it was written from. A message carries less than its
//! stream; what it carries is compared, column by column.
//!
//! Some hundred messages a type; `HAECHI_ROUND_TRIP=100000 cargo test --release -p haechi-connectors --test
//! edifact_round_trip` reads as many of each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::collections::HashMap;

use edifact_support::{objects, read, rows};
use haechi_datasets::{MessageKind, Spec, samples};
use serde_json::Value;

/// People, bills or items in one message.
const UNITS_MAX: usize = 12;

const PAXLST: &[&str] = &[
    "carrier",
    "flight_no",
    "departure_airport",
    "arrival_airport",
    "departure_scheduled_at",
    "arrival_scheduled_at",
    "role",
    "crew_kind",
    "surname",
    "given_names",
    "gender",
    "birth_date",
    "nationality",
    "residence_country",
    "document_kind",
    "document_no",
    "document_country",
    "document_expires_on",
    "document_verified",
    "embark_airport",
    "debark_airport",
    "clearance_airport",
    "locator",
    "carrier_pax_ref",
    "seat",
    "bag_tags",
    "request_ref",
];

const PNRGOV: &[&str] = &[
    "carrier",
    "flight_no",
    "departure_airport",
    "arrival_airport",
    "departure_scheduled_at",
    "arrival_scheduled_at",
    "marketing_flights",
    "surname",
    "given_names",
    "gender",
    "person_kind",
    "birth_date",
    "nationality",
    "residence_country",
    "document_kind",
    "document_no",
    "document_country",
    "document_expires_on",
    "locator",
    "locators",
    "carrier_pax_ref",
    "booked_at",
    "ticketed_at",
    "agency_id",
    "agency_country",
    "party_size",
    "booking_changes",
    "tickets",
    "fare_amount_usd",
    "payment_kind",
    "card_issuer",
    "card_number_masked",
    "payer_name",
    "seat",
    "checked_in_at",
    "bag_count",
    "bag_mass_kg",
    "bag_tags",
    "bag_pool_head",
    "phones",
    "emails",
    "address",
    "address_country",
    "stay_address",
    "loyalty",
];

const CUSCAR: &[&str] = &[
    "manifest_id",
    "master_bill_id",
    "transport_mode",
    "carrier_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "manifested_at",
    "shipper_name",
    "consignee_name",
    "consignee_id",
    "consignee_country",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
];

const CUSDEC: &[&str] = &[
    "declaration_id",
    "declared_at",
    "arrival_at",
    "flow",
    "filing_type",
    "procedure",
    "office",
    "importer_id",
    "importer_name",
    "exporter_id",
    "exporter_name",
    "exporter_country",
    "declarant_id",
    "forwarder_id",
    "origin_country",
    "departure_country",
    "loading_port",
    "unloading_port",
    "warehouse_id",
    "conveyance_id",
    "house_bill_id",
    "master_bill_id",
    "cargo_control_id",
    "container_ids",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "currency",
    "invoice_amount",
    "freight_usd",
    "hs_code",
    "description",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_usd",
    "customs_value_local",
    "tariff_rate",
    "preference_claimed",
    "duty_local",
    "origin_certificate_id",
];

const TRACKING: &[&str] = &[
    "consignment_id",
    "container_id",
    "event_kind",
    "happened_at",
    "place_id",
    "reference_id",
    "gross_mass_kg",
    "version",
    "change_kind",
];

/// Stream, what tells its rows in one message apart, what is compared.
fn compared(kind: MessageKind) -> (&'static str, &'static str, &'static [&'static str]) {
    match kind {
        MessageKind::Paxlst => ("traveller", "carrier_pax_ref", PAXLST),
        MessageKind::Pnrgov => ("traveller", "carrier_pax_ref", PNRGOV),
        MessageKind::Cuscar => ("consignment", "house_bill_id", CUSCAR),
        MessageKind::Cusdec => ("declaration", "item_no", CUSDEC),
        MessageKind::Iftsta => ("cargo_event", "consignment_id", TRACKING),
        MessageKind::Coarri | MessageKind::Codeco | MessageKind::Coprar => ("cargo_event", "container_id", TRACKING),
        MessageKind::Cusrep => ("cargo_event", "event_kind", TRACKING),
    }
}

fn check(kind: MessageKind) {
    let wanted = std::env::var("HAECHI_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let n = wanted as u64;
    let spec = Spec { declarations: n, house_bills: n * 40, flights: n, ..Spec::day(31) };
    let (stream, key, columns) = compared(kind);
    let mut messages = 0;
    for sample in samples(&spec, kind, UNITS_MAX).take(wanted) {
        let reading = read("sample", sample.text.as_bytes());
        let context = || format!("{}\n{}", kind.name(), sample.text);
        assert!(reading.set_aside.is_empty(), "{:?}\n{}", reading.set_aside, context());
        let found: HashMap<String, Value> =
            rows(&reading, stream).into_iter().map(|row| (row[key].to_string(), row)).collect();
        for expected in objects(&sample.rows) {
            // A manifest's empty boxes stand under a name of their own.
            let Some(row) = found.get(&expected[key].to_string()) else {
                assert_eq!(expected["nature"], "empty", "{} is missing\n{}", expected[key], context());
                continue;
            };
            for column in columns {
                // A straight bill is its own master to the stream, and has none in a manifest.
                if *column == "master_bill_id" && expected["bill_kind"] == "straight" {
                    continue;
                }
                let (ours, theirs) = (&row[*column], &expected[*column]);
                assert!(same(ours, theirs), "{column} of {}: {ours}, not {theirs}\n{}", expected[key], context());
            }
        }
        messages += 1;
    }
    assert!(messages >= wanted.min(100), "{messages} messages of {}", kind.name());
}

/// Whether two values are one: times to the minute, amounts to rounding, a list of nothing like none.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) || (a > 1e3 && (a - b).abs() <= 0.5)
        }
        (Value::String(a), Value::String(b)) if b.len() >= 20 && b.ends_with('Z') => a.get(..16) == b.get(..16),
        (Value::Array(a), Value::Null) | (Value::Null, Value::Array(a)) => a.is_empty(),
        (a, b) => a == b,
    }
}

#[test]
fn passenger_lists_come_back() {
    check(MessageKind::Paxlst);
}

#[test]
fn bookings_come_back() {
    check(MessageKind::Pnrgov);
}

#[test]
fn manifests_come_back() {
    check(MessageKind::Cuscar);
}

#[test]
fn declarations_come_back() {
    check(MessageKind::Cusdec);
}

#[test]
fn statuses_come_back() {
    check(MessageKind::Iftsta);
}

#[test]
fn containers_at_a_terminal_come_back() {
    check(MessageKind::Coarri);
    check(MessageKind::Codeco);
    check(MessageKind::Coprar);
}

#[test]
fn arrivals_come_back() {
    check(MessageKind::Cusrep);
}
