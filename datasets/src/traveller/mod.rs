//! Flights and who is on them. A flight is generated whole: bookings, seats and bag tags run through it.

mod booking;
mod person;
mod rows;

use crate::dice::{Dice, Use};
use crate::parties::AIRLINES;
use crate::scheme::Finding;
use crate::tables::{Airport, TABLES};
use crate::timeline::DAY_MS;
use crate::world::World;

pub(crate) use rows::{Flights, Travellers, bag_tags, email, home, reference, request_ref, rows_of, ticket};

/// A flight with everyone on it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) index: u64,
    pub(crate) id: String,
    pub(crate) carrier: &'static str,
    pub(crate) number: i32,
    pub(crate) from: &'static Airport,
    pub(crate) to: &'static Airport,
    pub(crate) inbound: bool,
    pub(crate) departs_at: i64,
    pub(crate) arrives_at: i64,
    pub(crate) codeshares: Vec<String>,
    pub(crate) people: Vec<Traveller>,
}

/// A stop of an itinerary.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) carrier: &'static str,
    pub(crate) flight_no: i32,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) departs_at: i64,
    pub(crate) arrives_at: i64,
}

/// What the travellers of one booking have in common.
#[derive(Clone, Debug)]
pub(crate) struct Booking {
    pub(crate) locator: String,
    pub(crate) size: i32,
    pub(crate) booked_at: i64,
    pub(crate) ticketed_at: i64,
    pub(crate) channel: &'static str,
    pub(crate) agency: Option<(String, &'static str)>,
    pub(crate) changes: i32,
    pub(crate) legs: Vec<Leg>,
    pub(crate) class: &'static str,
    pub(crate) payment: &'static str,
    pub(crate) card: Option<(&'static str, String)>,
    pub(crate) fare_usd: f64,
    pub(crate) phone: String,
    pub(crate) address_country: u16,
    pub(crate) stay: Option<String>,
}

/// One person on a flight.
#[derive(Clone, Debug)]
pub(crate) struct Traveller {
    /// From 1, in the flight.
    pub(crate) number: u32,
    pub(crate) crew: Option<&'static str>,
    pub(crate) state: &'static str,
    pub(crate) surname: String,
    pub(crate) given: String,
    pub(crate) gender: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) birth_day: i64,
    pub(crate) nationality: u16,
    pub(crate) residence: u16,
    pub(crate) document_no: String,
    pub(crate) document_country: u16,
    pub(crate) issued_day: i64,
    pub(crate) expires_day: i64,
    pub(crate) verified: bool,
    pub(crate) visa: Option<(String, i64)>,
    /// None for crew.
    pub(crate) booking: Option<Booking>,
    pub(crate) seat: Option<String>,
    pub(crate) checked_in_at: Option<i64>,
    pub(crate) bags: i32,
    pub(crate) bag_kg: f64,
    pub(crate) first_tag: u64,
    pub(crate) ticket: u64,
    pub(crate) payer: Option<String>,
    pub(crate) loyalty: Option<(String, &'static str)>,
    pub(crate) finding: Option<Finding>,
}

impl Traveller {
    /// Its key: the flight and its number there.
    pub(crate) fn id(&self, flight: &Flight) -> String {
        format!("{}/{:04}", flight.id, self.number)
    }
}

impl World {
    /// Flight `index` with its crew and passengers.
    pub(crate) fn flight(&self, index: u64) -> Flight {
        let mut dice = Dice::new(self.spec.seed, Use::Flight, index);
        let event_at = self.flying.at(index, self.spec.flights, &mut dice) / 300_000 * 300_000;
        let away = &TABLES.airports[TABLES.direct.draw(&mut dice)];
        let home_code = dice.one(&["ICN", "ICN", "ICN", "ICN", "ICN", "ICN", "ICN", "GMP", "PUS", "PUS", "CJU"]);
        let far = away.minutes > 400;
        let home = TABLES.airport_of(if far { "ICN" } else { home_code }).expect("home airports stand in the table");
        let inbound = dice.chance(0.66);
        let minutes = (away.minutes.max(60) + dice.below(5) as i64 * 5) * 60_000;
        let (from, to) = if inbound { (away, home) } else { (home, away) };
        // What counts is when it crosses the border here.
        let (departs_at, arrives_at) =
            if inbound { (event_at - minutes, event_at) } else { (event_at, event_at + minutes) };
        let carrier = dice.one(&AIRLINES);
        // Even out, odd home; a number serves one flight in several hundred.
        let flight_no = 101 + 2 * (index * 7 % 449) as i32 - i32::from(!inbound);
        let codeshares = if dice.chance(0.3) {
            let partner = AIRLINES[(AIRLINES.iter().position(|a| *a == carrier).unwrap_or(0) + 1) % AIRLINES.len()];
            vec![format!("{partner}{}", 5_000 + flight_no)]
        } else {
            Vec::new()
        };
        let departs = chrono::DateTime::from_timestamp_millis(departs_at).unwrap_or_default();
        let mut flight = Flight {
            index,
            id: format!("{carrier}{flight_no}/{}/{}", from.iata, departs.format("%Y-%m-%dT%H:%MZ")),
            carrier,
            number: flight_no,
            from,
            to,
            inbound,
            departs_at,
            arrives_at,
            codeshares,
            people: Vec::new(),
        };
        let seats = if far { 240.0 } else { 172.0 } * dice.between(0.62, 1.12);
        self.add_crew(&mut flight, if far { 13 } else { 7 }, &mut dice);
        self.add_passengers(&mut flight, seats as usize, &mut dice);
        flight
    }

    /// What an inspection of this traveller finds.
    pub(crate) fn traveller_finding(&self, flight: &Flight, traveller: &Traveller) -> Finding {
        let index = flight.index * 1_024 + u64::from(traveller.number);
        traveller.finding.clone().unwrap_or_else(|| self.mistake(Use::Flight, index))
    }
}

/// The day of an instant, UTC, as days since 1970.
pub(crate) fn day_of(ms: i64) -> i64 {
    ms.div_euclid(DAY_MS)
}
