//! Travellers as rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use haechi_model::Cell;
use haechi_model::streams::TRAVELLER;

use super::{Booking, Flight, Traveller};
use crate::ids::push_decimal;
use crate::parties::address;
use crate::rows::{Batches, Rows, Subjects, date, instant, texts};
use crate::tables::TABLES;
use crate::world::World;

/// The columns written, in order. Some are the engine's to derive, from messages that a file no longer has:
/// the ids, the booking channel, the number of changes, which sides were seen.
const COLUMNS: &[&str] = &[
    "traveller_id",
    "flight_id",
    "carrier",
    "flight_no",
    "marketing_flights",
    "departure_airport",
    "arrival_airport",
    "departure_scheduled_at",
    "arrival_scheduled_at",
    "role",
    "crew_kind",
    "state",
    "surname",
    "given_names",
    "gender",
    "person_kind",
    "birth_date",
    "birth_date_precision",
    "nationality",
    "residence_country",
    "document_kind",
    "document_no",
    "document_country",
    "document_issued_on",
    "document_expires_on",
    "document_verified",
    "documents",
    "embark_airport",
    "debark_airport",
    "clearance_airport",
    "itinerary",
    "locator",
    "locators",
    "carrier_pax_ref",
    "booked_at",
    "ticketed_at",
    "agency_id",
    "agency_country",
    "booking_channel",
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
    "request_ref",
    "in_api",
    "in_pnr",
    "flight_complete",
    "version",
    "change_kind",
];

/// The flights of a dataset, in time order.
pub(crate) struct Flights {
    world: Arc<World>,
    next: u64,
}

impl Flights {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, next: 0 }
    }
}

impl Iterator for Flights {
    type Item = Flight;

    fn next(&mut self) -> Option<Flight> {
        (self.next < self.world.spec.flights).then(|| {
            self.next += 1;
            self.world.flight(self.next - 1)
        })
    }
}

/// The travellers of a dataset, flight by flight.
pub(crate) struct Travellers {
    flights: Flights,
    now: Option<Flight>,
    place: usize,
}

impl Travellers {
    pub(crate) fn batches(world: Arc<World>) -> impl Iterator<Item = RecordBatch> + use<> {
        let batch_rows = world.spec.batch_rows;
        let people = Self { flights: Flights::new(world), now: None, place: 0 };
        Batches::new(Rows::new(&TRAVELLER, COLUMNS), people, batch_rows)
    }
}

impl Subjects for Travellers {
    fn write_next(&mut self, rows: &mut Rows) -> bool {
        if self.now.as_ref().is_none_or(|f| self.place >= f.people.len()) {
            self.now = self.flights.next();
            self.place = 0;
        }
        let Some(flight) = &self.now else { return false };
        write(flight, &flight.people[self.place], rows);
        self.place += 1;
        true
    }
}

/// The rows of some people of a flight.
pub(crate) fn rows_of<'f>(flight: &'f Flight, people: impl Iterator<Item = &'f Traveller>) -> RecordBatch {
    let mut rows = Rows::new(&TRAVELLER, COLUMNS);
    for person in people {
        write(flight, person, &mut rows);
    }
    rows.finish()
}

fn write(flight: &Flight, person: &Traveller, rows: &mut Rows) {
    let booking = person.booking.as_ref();
    let passenger_ref = reference(flight, person);
    let tickets = booking.map(|_| ticket(person));
    let pool_head = person.bags > 1;
    let (phone, email) = (booking.map(|b| b.phone.as_str()), booking.map(|_| email(person)));
    let home = booking.map(|b| home(b, person));

    rows.put("traveller_id", person.id(flight).as_str());
    rows.put("flight_id", flight.id.as_str());
    rows.put("carrier", flight.carrier);
    rows.put("flight_no", flight.number);
    rows.put("marketing_flights", texts(&flight.codeshares));
    rows.put("departure_airport", flight.from.iata);
    rows.put("arrival_airport", flight.to.iata);
    rows.put("departure_scheduled_at", instant(flight.departs_at));
    rows.put("arrival_scheduled_at", instant(flight.arrives_at));
    rows.put("role", if person.crew.is_some() { "crew" } else { "passenger" });
    rows.put("crew_kind", person.crew);
    rows.put("state", person.state);
    rows.put("surname", person.surname.as_str());
    rows.put("given_names", person.given.as_str());
    rows.put("gender", person.gender);
    rows.put("person_kind", person.kind);
    rows.put("birth_date", date(person.birth_day));
    rows.put("birth_date_precision", "day");
    rows.put("nationality", TABLES.country(person.nationality).code);
    rows.put("residence_country", TABLES.country(person.residence).code);
    rows.put("document_kind", "P");
    rows.put("document_no", person.document_no.as_str());
    rows.put("document_country", TABLES.country(person.document_country).code);
    rows.put("document_issued_on", date(person.issued_day));
    rows.put("document_expires_on", date(person.expires_day));
    rows.put("document_verified", person.verified);
    rows.put("documents", documents(person));
    rows.put("embark_airport", flight.from.iata);
    rows.put("debark_airport", flight.to.iata);
    rows.put("clearance_airport", flight.inbound.then_some(flight.to.iata));
    rows.put("itinerary", booking.map_or(Cell::Null, |b| itinerary(b, person)));
    rows.put("locator", booking.map(|b| b.locator.as_str()));
    rows.put(
        "locators",
        booking.map_or(Cell::Null, |b| {
            Cell::List(vec![Cell::Record(vec![Cell::Text(flight.carrier), Cell::Text(&b.locator)])])
        }),
    );
    rows.put("carrier_pax_ref", passenger_ref.as_str());
    rows.put("booked_at", instant(booking.map(|b| b.booked_at)));
    rows.put("ticketed_at", instant(booking.map(|b| b.ticketed_at)));
    rows.put("agency_id", booking.and_then(|b| b.agency.as_ref()).map(|(id, _)| id.as_str()));
    rows.put("agency_country", booking.and_then(|b| b.agency.as_ref()).map(|(_, country)| *country));
    rows.put("booking_channel", booking.map(|b| b.channel));
    rows.put("party_size", booking.map(|b| b.size));
    rows.put("booking_changes", booking.map_or(0, |b| b.changes));
    rows.put("tickets", tickets.as_deref().map_or(Cell::Null, |t| Cell::List(vec![Cell::Text(t)])));
    rows.put("fare_amount_usd", booking.map(|b| b.fare_usd));
    rows.put("payment_kind", booking.map(|b| b.payment));
    rows.put("card_issuer", booking.and_then(|b| b.card.as_ref()).map(|(issuer, _)| *issuer));
    rows.put("card_number_masked", booking.and_then(|b| b.card.as_ref()).map(|(_, number)| number.as_str()));
    rows.put("payer_name", person.payer.as_deref());
    rows.put("seat", person.seat.as_deref());
    rows.put("checked_in_at", instant(person.checked_in_at));
    rows.put("bag_count", person.bags);
    rows.put("bag_mass_kg", person.bag_kg);
    rows.put("bag_tags", texts(&bag_tags(person)));
    rows.put("bag_pool_head", pool_head);
    rows.put("phones", phone.map_or(Cell::Null, |p| Cell::List(vec![Cell::Text(p)])));
    rows.put("emails", email.as_deref().map_or(Cell::Null, |e| Cell::List(vec![Cell::Text(e)])));
    rows.put("address", home.as_ref().map(|(address, _)| address.as_str()));
    rows.put("address_country", home.as_ref().map(|(_, country)| *country));
    rows.put("stay_address", booking.and_then(|b| b.stay.as_deref()));
    rows.put("loyalty", loyalty(flight, person));
    rows.put("request_ref", request_ref(flight).as_str());
    rows.put("in_api", true);
    rows.put("in_pnr", booking.is_some());
    rows.put("flight_complete", true);
    rows.put("version", 1);
    rows.put("change_kind", "new");
    rows.end();
}

/// The carrier's own reference of a person on a flight.
pub(crate) fn reference(flight: &Flight, person: &Traveller) -> String {
    format!("{}{:07}{:04}", flight.carrier, flight.index, person.number)
}

/// The transaction that asks whether these people may board.
pub(crate) fn request_ref(flight: &Flight) -> String {
    format!("{}{}A{:07}", flight.carrier, flight.number, flight.index)
}

/// An electronic ticket, 13 digits of a carrier without number.
pub(crate) fn ticket(person: &Traveller) -> String {
    let mut id = "000".to_owned();
    push_decimal(&mut id, person.ticket, 10);
    id
}

/// Licence plates of the bags, ten digits each.
pub(crate) fn bag_tags(person: &Traveller) -> Vec<String> {
    (0..person.bags.max(0) as u64)
        .map(|n| {
            let mut tag = "0000".to_owned();
            push_decimal(&mut tag, person.first_tag + n, 6);
            tag
        })
        .collect()
}

/// Where a traveller lives: address and country.
pub(crate) fn home(booking: &Booking, person: &Traveller) -> (String, &'static str) {
    let country = TABLES.country(booking.address_country);
    (address(person.birth_day as u64, country.alpha3, country.code), country.code)
}

pub(crate) fn email(person: &Traveller) -> String {
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    format!("{}.{}@example.com", letters(&person.given), letters(&person.surname))
}

fn documents(person: &Traveller) -> Cell<'_> {
    let record = |kind, number, country, expires, verified| {
        Cell::Record(vec![
            Cell::Text(kind),
            Cell::Text(number),
            Cell::Text(country),
            date(expires),
            Cell::Bool(verified),
            Cell::Text("api"),
        ])
    };
    let issuer = TABLES.country(person.document_country).code;
    let mut all = vec![record("P", person.document_no.as_str(), issuer, person.expires_day, person.verified)];
    all.extend(person.visa.as_ref().map(|(number, until)| record("V", number.as_str(), "KR", *until, true)));
    Cell::List(all)
}

fn itinerary<'a>(booking: &'a Booking, person: &Traveller) -> Cell<'a> {
    let status = if person.state == "cancelled" { "UN" } else { "HK" };
    let legs = booking.legs.iter().enumerate().map(|(n, leg)| {
        Cell::Record(vec![
            Cell::I32(n as i32 + 1),
            Cell::Text(leg.carrier),
            Cell::I32(leg.flight_no),
            Cell::Text(leg.from),
            Cell::Text(leg.to),
            Cell::Ts(leg.departs_at),
            Cell::Ts(leg.arrives_at),
            Cell::Text(booking.class),
            Cell::Text(status),
        ])
    });
    Cell::List(legs.collect())
}

fn loyalty<'a>(flight: &Flight, person: &'a Traveller) -> Cell<'a> {
    let Some((number, level)) = &person.loyalty else { return Cell::Null };
    let level = if level.is_empty() { Cell::Null } else { Cell::Text(level) };
    Cell::List(vec![Cell::Record(vec![Cell::Text(flight.carrier), Cell::Text(number), level])])
}
