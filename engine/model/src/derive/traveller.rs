//! Derived columns of `traveller`.

use std::fmt::Write;

use arrow::array::{Array, BooleanArray, Float64Array, Int32Array, StringBuilder, TimestampMillisecondArray};
use arrow::datatypes::{Int16Type, Int32Type};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::common::{AS_OF, KNOWN_AT, event_at};
use super::consignment::country_of_place;
use super::itinerary::Itineraries;
use super::kernels::{DAY_MS, HOUR_MS, collect_text, column, elapsed, first_known, map_text};
use super::rows::{Rows, Texts};
use super::{Derivation, Derived};
use crate::names;

pub(super) const DERIVATIONS: &[Derivation] = &[
    KNOWN_AT,
    AS_OF,
    Derivation::new(
        "flight_id",
        &["carrier", "flight_no", "flight_suffix", "departure_airport", "departure_scheduled_at"],
        flight_id,
    ),
    Derivation::new("departure_country", &["departure_airport"], |rows| country(rows, "departure_airport")),
    Derivation::new("arrival_country", &["arrival_airport"], |rows| country(rows, "arrival_airport")),
    Derivation::new("direction", &["departure_country", "arrival_country", "role"], direction),
    Derivation::new(
        "flight_event_at",
        &["direction", "arrived_at", "arrival_scheduled_at", "departed_at", "departure_scheduled_at"],
        flight_event_at,
    ),
    Derivation::new("name_key", &["surname", "given_names"], name_key),
    Derivation::new(
        "traveller_id",
        &["flight_id", "carrier_pax_ref", "document_country", "document_no", "name_key", "birth_date"],
        traveller_id,
    ),
    Derivation::new("origin_airport", &["itinerary"], |rows| airport(rows, Itineraries::origin)),
    Derivation::new("final_airport", &["itinerary"], |rows| airport(rows, Itineraries::end)),
    Derivation::new("booking_channel", &["agency_id"], |rows| {
        rows.text("agency_id").map(|ids| map_text::<Int16Type>(&ids, |_| Some("agency"))).transpose()
    }),
    Derivation::new("payer_is_traveller", &["payer_name", "surname", "given_names"], payer_is_traveller),
    Derivation::new("in_api", &["message_format", "document_no", "documents"], |rows| {
        seen(rows, "paxlst", "pnrgov", &["document_no", "documents"])
    }),
    Derivation::new("in_pnr", &["message_format", "booked_at", "agency_id", "itinerary"], |rows| {
        seen(rows, "pnrgov", "paxlst", &["booked_at", "agency_id", "itinerary"])
    }),
    Derivation::new("flight_complete", &[], |rows| column(Some(BooleanArray::from(vec![false; rows.len()])))),
    Derivation::new("age_years", &["birth_date", "flight_event_at"], |rows| {
        let Some((born, at)) = rows.date("birth_date").zip(rows.ts("flight_event_at")) else { return Ok(None) };
        column(Some(born.iter().zip(at).map(|(born, at)| age_years(born?, at?)).collect::<Float64Array>()))
    }),
    Derivation::new(
        "document_days_left",
        &["document_expires_on", "arrived_at", "arrival_scheduled_at", "flight_event_at"],
        |rows| {
            let arrival = [rows.ts("arrived_at"), rows.ts("arrival_scheduled_at"), rows.ts("flight_event_at")];
            let Some((expires, arrival)) = rows.date("document_expires_on").zip(first_known(arrival)) else {
                return Ok(None);
            };
            let left = |(day, at): (Option<i32>, Option<i64>)| {
                day?.checked_sub(i32::try_from(at?.div_euclid(DAY_MS as i64)).ok()?)
            };
            column(Some(expires.iter().zip(&arrival).map(left).collect::<Int32Array>()))
        },
    ),
    Derivation::new("hours_before_departure", &["as_of", "departed_at", "departure_scheduled_at"], |rows| {
        let departure = first_known([rows.ts("departed_at"), rows.ts("departure_scheduled_at")]);
        column(rows.ts("as_of").zip(departure).map(|(from, to)| elapsed(from, &to, HOUR_MS)))
    }),
    Derivation::new("hours_before_arrival", &["as_of", "arrived_at", "arrival_scheduled_at"], |rows| {
        let arrival = first_known([rows.ts("arrived_at"), rows.ts("arrival_scheduled_at")]);
        column(rows.ts("as_of").zip(arrival).map(|(from, to)| elapsed(from, &to, HOUR_MS)))
    }),
    Derivation::new("booking_lead_days", &["booked_at", "departure_scheduled_at"], |rows| {
        let times = rows.ts("booked_at").zip(rows.ts("departure_scheduled_at"));
        column(times.map(|(from, to)| elapsed(from, to, DAY_MS)))
    }),
    Derivation::new("trip_kind", &["itinerary"], |rows| {
        let Some(journeys) = Itineraries::of(rows) else { return Ok(None) };
        collect_text::<Int16Type, _>((0..rows.len()).map(|row| Some(journeys.journey(row)?.kind))).map(Some)
    }),
    Derivation::new("trip_days", &["itinerary"], |rows| {
        let Some(journeys) = Itineraries::of(rows) else { return Ok(None) };
        let days = (0..rows.len()).map(|row| journeys.journey(row)?.stay_days);
        column(Some(days.collect::<Float64Array>()))
    }),
    Derivation::new("dwell_hours", &["itinerary"], |rows| {
        let Some(journeys) = Itineraries::of(rows) else { return Ok(None) };
        let hours = (0..rows.len()).map(|row| journeys.journey(row)?.dwell_hours);
        column(Some(hours.collect::<Float64Array>()))
    }),
    event_at!("flight_event_at"),
];

fn country(rows: &Rows<'_>, airport: &str) -> Derived {
    rows.text(airport).map(|airports| map_text::<Int16Type>(&airports, country_of_place)).transpose()
}

/// Every home airport is known, so an unknown one at the other end lies abroad.
fn direction(rows: &Rows<'_>) -> Derived {
    let (from, to, role) = (rows.text("departure_country"), rows.text("arrival_country"), rows.text("role"));
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let home = rows.context.home_country.as_str();
    let of = |row| {
        if Texts::get_opt(role.as_ref(), row).is_some_and(|role| role.starts_with("transit_")) {
            return Some("transit");
        }
        match (Texts::get_opt(from.as_ref(), row), Texts::get_opt(to.as_ref(), row)) {
            (Some(from), Some(to)) if from == home && to == home => Some("domestic"),
            (_, Some(to)) if to == home => Some("inbound"),
            (Some(from), _) if from == home => Some("outbound"),
            (Some(_), Some(_)) => Some("transit"),
            _ => None,
        }
    };
    collect_text::<Int16Type, _>((0..rows.len()).map(of)).map(Some)
}

fn flight_event_at(rows: &Rows<'_>) -> Derived {
    let arrival = || [rows.ts("arrived_at"), rows.ts("arrival_scheduled_at")];
    let departure = || [rows.ts("departed_at"), rows.ts("departure_scheduled_at")];
    let inbound = first_known(arrival().into_iter().chain(departure()));
    let outbound = first_known(departure().into_iter().chain(arrival()));
    let Some((inbound, outbound)) = inbound.zip(outbound) else { return Ok(None) };
    let direction = rows.text("direction");
    let at = |row: usize| {
        let times = if Texts::get_opt(direction.as_ref(), row) == Some("outbound") { &outbound } else { &inbound };
        times.is_valid(row).then(|| times.value(row))
    };
    let times: TimestampMillisecondArray = (0..rows.len()).map(at).collect();
    column(Some(times.with_timezone("UTC")))
}

/// As `ZZ421/BKK/2027-03-13T18:05Z`.
fn flight_id(rows: &Rows<'_>) -> Derived {
    let (Some(carriers), Some(numbers), Some(airports), Some(times)) = (
        rows.text("carrier"),
        rows.i32("flight_no"),
        rows.text("departure_airport"),
        rows.ts("departure_scheduled_at"),
    ) else {
        return Ok(None);
    };
    let suffixes = rows.text("flight_suffix");
    let id = |row: usize| {
        let (carrier, airport) = (carriers.get(row)?, airports.get(row)?);
        if numbers.is_null(row) || times.is_null(row) {
            return None;
        }
        let (number, suffix) = (numbers.value(row), Texts::get_opt(suffixes.as_ref(), row).unwrap_or(""));
        let departs = DateTime::<Utc>::from_timestamp_millis(times.value(row))?.format("%Y-%m-%dT%H:%MZ");
        Some(format!("{carrier}{number}{suffix}/{airport}/{departs}"))
    };
    collect_text::<Int32Type, _>((0..rows.len()).map(id)).map(Some)
}

fn name_key(rows: &Rows<'_>) -> Derived {
    let (surnames, given) = (rows.text("surname"), rows.text("given_names"));
    if surnames.is_none() && given.is_none() {
        return Ok(None);
    }
    let mut keys = StringBuilder::new();
    let mut key = String::new();
    for row in 0..rows.len() {
        key.clear();
        names::write_name_key(&mut key, Texts::get_opt(surnames.as_ref(), row), Texts::get_opt(given.as_ref(), row));
        keys.append_option((!key.is_empty()).then_some(&key));
    }
    column(Some(keys.finish()))
}

/// Flight, then a keyed hash of all that tells the person from others: ids stand in logs, names and document
/// numbers do not. Where nothing is known about the person there is no id.
fn traveller_id(rows: &Rows<'_>) -> Derived {
    let Some(flights) = rows.text("flight_id") else { return Ok(None) };
    let parts = ["carrier_pax_ref", "document_country", "document_no", "name_key"].map(|name| rows.text(name));
    let births = rows.date("birth_date");
    let id = |row: usize| {
        let flight = flights.get(row)?;
        let parts = parts.each_ref().map(|texts| Texts::get_opt(texts.as_ref(), row));
        let [reference, _, document, name] = parts;
        reference.or(document).or(name)?;
        let mut hash = Hmac::<Sha256>::new_from_slice(&rows.context.id_key).ok()?;
        for part in [flight].into_iter().chain(parts.map(Option::unwrap_or_default)) {
            hash.update(part.as_bytes());
            hash.update(&[0]);
        }
        if let Some(births) = births.filter(|births| births.is_valid(row)) {
            hash.update(&births.value(row).to_be_bytes());
        }
        let mut id = format!("{flight}/");
        for byte in hash.finalize().into_bytes().iter().take(8) {
            // In the case that ids are kept in, so that one that is typed or read back is found.
            write!(id, "{byte:02X}").ok()?;
        }
        Some(id)
    };
    collect_text::<Int32Type, _>((0..rows.len()).map(id)).map(Some)
}

fn airport<'a>(rows: &'a Rows<'_>, of: impl Fn(&Itineraries<'a>, usize) -> Option<&'a str>) -> Derived {
    let Some(journeys) = Itineraries::of(rows) else { return Ok(None) };
    collect_text::<Int32Type, _>((0..rows.len()).map(|row| of(&journeys, row))).map(Some)
}

fn payer_is_traveller(rows: &Rows<'_>) -> Derived {
    let (Some(payers), Some(surnames)) = (rows.text("payer_name"), rows.text("surname")) else { return Ok(None) };
    let given = rows.text("given_names");
    let same = |row: usize| {
        let name = format!("{} {}", surnames.get(row)?, Texts::get_opt(given.as_ref(), row).unwrap_or(""));
        names::same_words(payers.get(row)?, &name)
    };
    column(Some((0..rows.len()).map(same).collect::<BooleanArray>()))
}

/// Whether a side was seen: the format of the message tells, and where it does not, the columns only that side has.
fn seen(rows: &Rows<'_>, format: &str, other: &str, columns: &[&str]) -> Derived {
    let formats = rows.text("message_format");
    if formats.is_none() && columns.iter().all(|name| rows.array(name).is_none()) {
        return Ok(None);
    }
    let filled = |name: &&str, row: usize| match rows.list(name) {
        Some(lists) => lists.value_length(row) > 0,
        None => rows.array(name).is_some_and(|array| array.logical_nulls().is_none_or(|nulls| nulls.is_valid(row))),
    };
    let seen = |row| match Texts::get_opt(formats.as_ref(), row) {
        Some(known) if known.starts_with(format) => true,
        Some(known) if known.starts_with(other) => false,
        _ => columns.iter().any(|name| filled(name, row)),
    };
    column(Some((0..rows.len()).map(|row| Some(seen(row))).collect::<BooleanArray>()))
}

/// Completed years, and the part of the running one. Exact on birthdays, which age limits turn on.
fn age_years(born: i32, at: i64) -> Option<f64> {
    let day = |days: i64| DateTime::<Utc>::from_timestamp(days.checked_mul(86_400)?, 0).map(|at| at.date_naive());
    let (born, today) = (day(i64::from(born))?, day(at.div_euclid(DAY_MS as i64))?);
    // Born on 29 February: the birthday of other years is 1 March.
    let birthday = |year: i32| born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1));
    let this_year = birthday(today.year())?;
    let (last, next) = if today < this_year {
        (birthday(today.year() - 1)?, this_year)
    } else {
        (this_year, birthday(today.year() + 1)?)
    };
    let part = (today - last).num_days() as f64 / (next - last).num_days() as f64;
    Some(f64::from(last.year() - born.year()) + part)
}
