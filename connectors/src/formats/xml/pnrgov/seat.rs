//! What a passenger has on the flight: a booking that holds, a seat, a check-in.

use std::borrow::Cow;

use super::super::convert::{id, moment, short};
use super::super::output::Row;
use super::super::tree::Element;
use super::super::value::Value;
use super::{Flight, SHEET, services_of};
use crate::formats::edifact::places::to_utc_at;
use crate::formats::edifact::pnrgov::services::is_given_up;

/// Whether the booking of the flight does not hold any more.
pub(super) fn given_up(pnr: Element<'_>, flight: &Flight) -> bool {
    let mut on_flight = pnr.all("Flight").filter(|leg| {
        let from = leg.at("DepartureAirport").and_then(|airport| airport.attribute_value("LocationCode")).map(id);
        from.as_deref() == flight.from.as_deref()
    });
    let status = on_flight.next().and_then(|leg| leg.attribute_value("Status")).map(id);
    status.is_some_and(|status| is_given_up(&status))
}

/// The seat and check-in of a passenger on the flight. Returns whether he is checked in.
pub(super) fn seat<'u>(
    (pnr, flight): (Element<'u>, &Flight),
    (passenger, is_only): (Element<'u>, bool),
    path: &str,
    row: &mut Row<'u>,
) -> bool {
    let reference = passenger.attribute_value("RPH");
    for leg in pnr.all("Flight") {
        let from = leg.at("DepartureAirport").and_then(|a| a.attribute_value("LocationCode")).map(id);
        if from.as_deref() != flight.from.as_deref() {
            continue;
        }
        let asked = match reference.as_deref() {
            _ if is_only => seat_asked(leg, None),
            Some(own) => seat_asked(leg, Some(own)),
            None => None,
        };
        for check_in in leg.all("CheckInInfo") {
            let Some(boarding) = check_in.all("BoardingNumber").find(|b| b.attribute_value("RPH") == reference) else {
                continue;
            };
            let seat = boarding.get("SeatNumber").or_else(|| check_in.get("SeatNumber")).or(asked);
            row.put(&SHEET, "seat", seat.map(|seat| id(Cow::Borrowed(seat.trim_start_matches('0')))));
            let time = check_in.attribute_value("Time");
            let at = time.as_deref().and_then(moment);
            if let Some(sent) = time.filter(|_| at.is_none()) {
                row.warn("bad_date", format!("{path}: CheckInInfo@Time"), format!("`{}`", short(&sent)));
            }
            let at = at.and_then(|moment| to_utc_at(moment, from.as_deref()));
            row.put_at(SHEET.at("checked_in_at"), at.map_or(Value::Null, Value::Ts));
            return true;
        }
        if let Some(seat) = asked {
            row.put(&SHEET, "seat", id(Cow::Borrowed(seat.trim_start_matches('0'))));
            return false;
        }
    }
    false
}

/// The seat that a service asks for on a leg, for who has this number, or for the only one; unless it was refused.
fn seat_asked<'u>(leg: Element<'u>, reference: Option<&str>) -> Option<&'u str> {
    let is_seat = |word: &&str| {
        let row = word.bytes().take_while(u8::is_ascii_digit).count();
        (1..=3).contains(&row) && word.len() == row + 1 && word.as_bytes()[row].is_ascii_alphabetic()
    };
    services_of(leg).find_map(|(code, service)| {
        let refused = service.attribute_value("Status").is_some_and(|status| is_given_up(&id(status)));
        let whose = service.attribute_value("RPH").unwrap_or_default();
        let is_his = reference.is_none_or(|own| whose.split_whitespace().any(|n| n == own));
        if refused || !is_his || !matches!(code.as_ref(), "SEAT" | "RQST" | "NSST" | "NSSW" | "NSSA" | "NSSB") {
            return None;
        }
        let text = ["Text", "TEXT", "FreeText"].iter().find_map(|name| service.get(name)).or(service.value())?;
        text.split(|c: char| !c.is_ascii_alphanumeric()).find(is_seat)
    })
}
