//! PNRGOV 15.1: all bookings of one flight in a full push. Times of legs are local, all others UTC.

use super::{Interchange, released, utc};
use crate::tables::TABLES;
use crate::timeline::{DAY_MS, HOUR_MS};
use crate::traveller::{Booking, Flight, Leg, Traveller, bag_tags, email, home, reference, ticket};

/// The push of a flight, an hour before it leaves.
pub(super) fn interchange(flight: &Flight) -> String {
    let sent = utc(flight.departs_at - HOUR_MS);
    let reference = format!("{}PNR{:07}", flight.carrier, flight.index);
    let mut edi = Interchange::new("IATA:1", flight.carrier, "KRPNR", sent, reference);
    edi.message("PNRGOV:15:1:IA");
    edi.segment(format_args!("MSG+:22"));
    edi.segment(format_args!("ORG+{}:{}", flight.carrier, flight.from.iata));
    let (departs, arrives) = (local(flight.departs_at, flight.from.iata), local(flight.arrives_at, flight.to.iata));
    let (from, to) = (flight.from.iata, flight.to.iata);
    edi.segment(format_args!("TVL+{departs}:{arrives}+{from}+{to}+{}+{}", flight.carrier, flight.number));
    let bookings = bookings(flight);
    edi.segment(format_args!("EQN+{}", bookings.len()));
    for people in bookings {
        write_booking(&mut edi, flight, people);
    }
    edi.finish()
}

/// The people of each booking; they stand beside each other.
fn bookings(flight: &Flight) -> Vec<&[Traveller]> {
    let locator = |person: &Traveller| person.booking.as_ref().map(|b| b.locator.clone());
    flight.people.chunk_by(|a, b| locator(a) == locator(b)).filter(|people| people[0].booking.is_some()).collect()
}

fn write_booking(edi: &mut Interchange, flight: &Flight, people: &[Traveller]) {
    let Some(booking) = &people[0].booking else { return };
    edi.segment(format_args!("SRC"));
    edi.segment(format_args!("RCI+{}:{}::{}", flight.carrier, booking.locator, instant(booking.booked_at)));
    edi.segment(format_args!("DAT+710:{}", instant(booking.ticketed_at)));
    match (&booking.agency, booking.channel) {
        (Some((id, country)), _) => edi.segment(format_args!(
            "ORG+1G:{}+{id}:{}ZZ01AA+{}++T+{country}",
            flight.from.iata, flight.from.iata, flight.from.iata
        )),
        (None, "airline") => {
            edi.segment(format_args!("ORG+{}:{}++{}++A", flight.carrier, flight.from.iata, flight.from.iata));
        }
        _ => edi.segment(format_args!("ORG+{}:{}", flight.carrier, flight.from.iata)),
    }
    for (n, person) in people.iter().enumerate() {
        traveller(edi, flight, booking, person, n + 1);
    }
    for leg in &booking.legs {
        write_leg(edi, flight, booking, people, leg);
    }
    if booking.changes > 0 {
        edi.segment(format_args!("ABI+4++++{}", flight.carrier));
        edi.segment(format_args!("DAT+T:{}", instant(booking.ticketed_at)));
        for _ in 0..booking.changes {
            edi.segment(format_args!("SAC+++A"));
            edi.segment(format_args!("TIF+{}", released(&people[0].surname)));
        }
    }
}

fn traveller(edi: &mut Interchange, flight: &Flight, booking: &Booking, person: &Traveller, n: usize) {
    let alpha3 = |country| TABLES.country(country).alpha3;
    let kind = match person.kind {
        "infant" => "IN",
        "child" => "C",
        _ => "A",
    };
    let carrier = flight.carrier;
    let (surname, given) = (released(&person.surname), released(&person.given));
    edi.segment(format_args!("TIF+{surname}+{given}:{kind}:{n}"));
    if let Some((number, level)) = &person.loyalty {
        edi.segment(format_args!("FTI+{carrier}:{number}:::{level}"));
    }
    edi.segment(format_args!("REF+:{}", reference(flight, person)));
    let sex = if kind == "IN" { format!("{}I", person.gender) } else { person.gender.to_owned() };
    edi.segment(format_args!(
        "SSR+DOCS:HK:1:{carrier}:::::/P/{}/{}/{}/{}/{sex}/{}/{surname}/{given}+::{n}",
        alpha3(person.document_country),
        person.document_no,
        alpha3(person.nationality),
        named_day(person.birth_day),
        named_day(person.expires_day),
    ));
    edi.segment(format_args!("SSR+DOCA:HK:1:{carrier}:::::/R/{}+::{n}", alpha3(person.residence)));
    if let Some(stay) = &booking.stay {
        let country = TABLES.country(flight.to.country).alpha3;
        edi.segment(format_args!("SSR+DOCA:HK:1:{carrier}:::::/D/{country}/{}+::{n}", released(stay)));
    }
    edi.segment(format_args!("SSR+CTCM:HK:1:{carrier}:::::{}+::{n}", released(&booking.phone)));
    let mail = email(person).to_uppercase().replace('@', "//");
    edi.segment(format_args!("SSR+CTCE:HK:1:{carrier}:::::{mail}+::{n}"));
    let (address, country) = home(booking, person);
    edi.segment(format_args!("ADD++700:{}::::{country}", released(&address)));
    edi.segment(format_args!("TKT+{}:T:1", ticket(person)));
    edi.segment(format_args!("MON+T:{:.2}:USD", booking.fare_usd));
    let amount = booking.fare_usd;
    match (&booking.card, booking.payment) {
        (Some((issuer, number)), _) => edi.segment(format_args!("FOP+CC::{amount:.2}:{issuer}:{number}:0629")),
        (None, payment) => {
            let code = match payment {
                "cash" => "CA",
                "cheque" => "CK",
                "points" => "PT",
                _ => "MS",
            };
            edi.segment(format_args!("FOP+{code}::{amount:.2}"));
        }
    }
    if let Some(payer) = &person.payer {
        edi.segment(format_args!("IFT+4:43+{}", released(payer)));
    }
}

fn write_leg(edi: &mut Interchange, flight: &Flight, booking: &Booking, people: &[Traveller], leg: &Leg) {
    let (departs, arrives) = (local(leg.departs_at, leg.from), local(leg.arrives_at, leg.to));
    edi.segment(format_args!(
        "TVL+{departs}:{arrives}+{}+{}+{}+{}:{}",
        leg.from, leg.to, leg.carrier, leg.flight_no, booking.class
    ));
    let own = leg.departs_at == flight.departs_at && leg.from == flight.from.iata;
    if own {
        for codeshare in &flight.codeshares {
            let (carrier, number) = codeshare.split_at(2);
            edi.segment(format_args!("TRA+{carrier}+{number}:{}", booking.class));
        }
    }
    let status = if people[0].state == "cancelled" { "UN" } else { "HK" };
    edi.segment(format_args!("RPI+{}+{status}", booking.size));
    if !own {
        return;
    }
    // A check-in time holds until the next: those without come first.
    let mut boarding: Vec<(usize, &Traveller)> = people.iter().enumerate().collect();
    boarding.sort_by_key(|(_, person)| person.checked_in_at.is_some());
    for (n, person) in boarding {
        if let Some(at) = person.checked_in_at {
            edi.segment(format_args!("DAT+2:{}", instant(at)));
        }
        edi.segment(format_args!("TRI++{}:::{}", n + 1, n + 1));
        let (surname, given) = (released(&person.surname), released(&person.given));
        edi.segment(format_args!("TIF+{surname}+{given}:A:{}", n + 1));
        if let Some(seat) = &person.seat {
            edi.segment(format_args!("SSD+{seat}++++Y"));
        }
        let pool = if person.bags > 1 { "HP" } else { "MP" };
        match bag_tags(person).first() {
            Some(first) => edi.segment(format_args!(
                "TBD++{}:{}:700++{pool}+{}:{first}:{}:{}",
                person.bags, person.bag_kg, flight.carrier, person.bags, leg.to
            )),
            None => edi.segment(format_args!("TBD++{}:{}:700++{pool}", person.bags, person.bag_kg)),
        }
    }
}

/// DDMMYY:HHMM on the clock of the airport.
fn local(ms: i64, airport: &str) -> String {
    let zone = TABLES.airport_of(airport).map_or(chrono_tz::UTC, |a| a.zone);
    utc(ms).with_timezone(&zone).format("%d%m%y:%H%M").to_string()
}

/// DDMMYY:HHMMSS, UTC.
fn instant(ms: i64) -> String {
    utc(ms).format("%d%m%y:%H%M%S").to_string()
}

/// `14FEB88`.
fn named_day(day: i64) -> String {
    utc(day * DAY_MS).format("%d%b%y").to_string().to_uppercase()
}
