//! PAXLST D.15B: the passengers (745), then the crew (250) of one flight in one interchange.

use super::{Interchange, released, short_day, utc};
use crate::tables::TABLES;
use crate::timeline::HOUR_MS;
use crate::traveller::{Flight, Traveller, bag_tags, reference, request_ref, ticket};

/// The messages of a flight, sent when check-in closes.
pub(super) fn interchange(flight: &Flight) -> String {
    let sent = utc(flight.departs_at - HOUR_MS);
    let mut edi =
        Interchange::new("UNOA:4", flight.carrier, "KRAPIS", sent, format!("{}{:07}", flight.carrier, flight.index));
    let (crew, passengers): (Vec<_>, Vec<_>) = flight.people.iter().partition(|p| p.crew.is_some());
    list(&mut edi, flight, &passengers, "745", "42");
    list(&mut edi, flight, &crew, "250+C", "41");
    edi.finish()
}

fn list(edi: &mut Interchange, flight: &Flight, people: &[&Traveller], kind: &str, count: &str) {
    edi.message("PAXLST:D:15B:UN:IATA");
    edi.segment(format_args!("BGM+{kind}"));
    edi.segment(format_args!("RFF+TN:{}:::1", request_ref(flight)));
    edi.segment(format_args!("NAD+MS+++HAECHI EXAMPLE DESK"));
    edi.segment(format_args!("COM+00 000 0000:TE+desk.at.example.com:EM"));
    edi.segment(format_args!("TDT+20+{}{}+++{}", flight.carrier, flight.number, flight.carrier));
    // Airlines write the clock on the wall of each airport.
    let local = |ms, zone| utc(ms).with_timezone(&zone).format("%y%m%d%H%M").to_string();
    edi.segment(format_args!("LOC+125+{}", flight.from.iata));
    edi.segment(format_args!("DTM+189:{}:201", local(flight.departs_at, flight.from.zone)));
    edi.segment(format_args!("LOC+87+{}", flight.to.iata));
    edi.segment(format_args!("DTM+232:{}:201", local(flight.arrives_at, flight.to.zone)));
    for person in people {
        traveller(edi, flight, person);
    }
    edi.segment(format_args!("CNT+{count}:{}", people.len()));
}

fn traveller(edi: &mut Interchange, flight: &Flight, person: &Traveller) {
    let alpha3 = |country| TABLES.country(country).alpha3;
    let role = if person.crew.is_some() { "FM" } else { "FL" };
    edi.segment(format_args!("NAD+{role}+++{}:{}", released(&person.surname), released(&person.given)));
    edi.segment(format_args!("ATT+2++{}", person.gender));
    edi.segment(format_args!("DTM+329:{}", short_day(person.birth_day)));
    if person.bags > 0 {
        edi.segment(format_args!("MEA+CT++:{}", person.bags));
        edi.segment(format_args!("MEA+WT++KGM:{}", person.bag_kg));
    }
    edi.segment(format_args!("GEI+4+{}", if person.verified { "173" } else { "174" }));
    if let Some(first) = bag_tags(person).first() {
        edi.segment(format_args!("FTX+BAG+++{first}:{}", person.bags));
    }
    if flight.inbound {
        edi.segment(format_args!("LOC+22+{}", flight.to.iata));
    }
    edi.segment(format_args!("LOC+174+{}", alpha3(person.residence)));
    edi.segment(format_args!("LOC+178+{}", flight.from.iata));
    edi.segment(format_args!("LOC+179+{}", flight.to.iata));
    if let Some(kind) = person.crew {
        edi.segment(format_args!("EMP+1+{kind}:110:111"));
    }
    edi.segment(format_args!("NAT+2+{}", alpha3(person.nationality)));
    if let Some(booking) = &person.booking {
        edi.segment(format_args!("RFF+AVF:{}", booking.locator));
    }
    edi.segment(format_args!("RFF+ABO:{}", reference(flight, person)));
    if let Some(seat) = &person.seat {
        edi.segment(format_args!("RFF+SEA:{seat}"));
    }
    if person.booking.is_some() {
        edi.segment(format_args!("RFF+YZY:{}C1", ticket(person)));
    }
    edi.segment(format_args!("DOC+P:110:111+{}", person.document_no));
    edi.segment(format_args!("DTM+36:{}", short_day(person.expires_day)));
    edi.segment(format_args!("LOC+91+{}", alpha3(person.document_country)));
    if let Some((number, until)) = &person.visa {
        edi.segment(format_args!("DOC+V:110:111+{number}"));
        edi.segment(format_args!("DTM+36:{}", short_day(*until)));
        edi.segment(format_args!("LOC+91+KOR"));
    }
}
