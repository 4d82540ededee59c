//! A person and a leg to a traveller row.

use std::sync::LazyLock;

use haechi_model::Cell;
use haechi_model::streams::TRAVELLER;

use super::super::dates::{self, Moment, Precision};
use super::super::interchange::{Message, Places};
use super::super::output::{Output, Sheet, Table, columns};
use super::super::segments::Raw;
use super::flight::Leg;
use super::header::Header;
use super::person::Person;

columns! {
    /// Where a passenger list writes.
    Columns {
        flight_id, carrier, flight_no, flight_suffix, departure_airport, arrival_airport, departure_scheduled_at,
        arrival_scheduled_at, role, crew_kind, state, surname, given_names, gender, birth_date, birth_date_precision,
        birth_place, nationality, residence_country, document_kind, document_no, document_country, document_issued_on,
        document_expires_on, document_verified, documents, embark_airport, debark_airport, clearance_airport, itinerary,
        locator, locators, carrier_pax_ref, tickets, seat, bag_count, bag_mass_kg, bag_tags, phones, emails, address,
        address_country, loyalty, request_ref, in_api, in_pnr, flight_complete, version, change_kind, change_reason,
        source, source_position, message_format, message_version, message_id, sender_id, message_issued_at,
        message_path, warnings,
    }
}

/// Derived columns that only the reader can know.
const ALSO: &[&str] = &["flight_id", "in_api", "in_pnr", "flight_complete", "message_path", "warnings"];

static SHEET: Sheet = Sheet { stream: &TRAVELLER, also: ALSO };

/// What is written.
#[cfg(test)]
pub const COLUMN_NAMES: &[&str] = Columns::NAMES;

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// Writes traveller rows of one message.
pub struct Rows<'m> {
    columns: Columns,
    message: &'m Message<'m>,
    header: &'m Header,
    id: String,
    places: Places,
    /// The list itself is short or still in parts; `None` where only the pipeline can say.
    flight_complete: Option<bool>,
    /// The leg that the table holds, with what all rows of the message say.
    leg: Option<&'m Leg>,
}

impl<'m> Rows<'m> {
    /// For a message.
    pub fn new(message: &'m Message<'m>, header: &'m Header, flight_complete: Option<bool>) -> Self {
        Self {
            columns: *COLUMNS,
            message,
            header,
            id: message.id(),
            places: Places::of(message),
            flight_complete,
            leg: None,
        }
    }

    /// One row for each leg in `on`. Returns whether all were taken.
    pub fn write(
        &mut self,
        person: &Person<'_>,
        on: impl Iterator<Item = &'m Leg>,
        at: u32,
        raw: &[Raw<'_>],
        out: &mut Output<'_>,
    ) -> bool {
        let message = self.message;
        let source = out.input.source;
        let mut taken = true;
        for leg in on {
            let table = out.table(&SHEET);
            if self.leg.is_none() {
                self.envelope(table, source);
            }
            if !self.leg.is_some_and(|held| std::ptr::eq(held, leg)) {
                self.flight(table, leg);
                self.leg = Some(leg);
            }
            self.person(table, person, leg);
            self.documents(table, person);
            let c = self.columns;
            let (path, position) = self.places.at(at);
            table.set(c.source_position, position);
            table.set(c.message_path, path);
            table.set_warnings(c.warnings, &person.warnings);
            taken &= out.finish_row(&SHEET, position, || message.raw(raw));
        }
        taken
    }

    /// The message was read.
    pub fn end(self, out: &mut Output<'_>) {
        if self.leg.is_some() {
            out.table(&SHEET).release();
        }
    }

    fn flight(&self, table: &mut Table, leg: &Leg) {
        let c = &self.columns;
        // That of a flight follows from what is held here.
        table.hold(c.flight_id, leg.trip_id().as_deref());
        table.hold(c.carrier, leg.carrier.as_str());
        table.hold(c.flight_no, leg.number);
        table.hold(c.flight_suffix, leg.suffix.as_deref());
        table.hold(c.departure_airport, leg.departure.as_deref());
        table.hold(c.arrival_airport, leg.arrival.as_deref());
        table.hold(c.departure_scheduled_at, leg.departs_at.map(Cell::Ts));
        table.hold(c.arrival_scheduled_at, leg.arrives_at.map(Cell::Ts));
        let legs = self.header.legs.iter().enumerate().map(|(i, leg)| {
            Cell::Record(vec![
                Cell::I32(i as i32 + 1),
                Cell::Text(&leg.carrier),
                leg.number.into(),
                leg.departure.as_deref().into(),
                leg.arrival.as_deref().into(),
                leg.departs_at.map_or(Cell::Null, Cell::Ts),
                leg.arrives_at.map_or(Cell::Null, Cell::Ts),
            ])
        });
        table.hold(c.itinerary, Cell::List(legs.collect()));
    }

    fn person(&self, table: &mut Table, person: &Person<'_>, leg: &Leg) {
        let c = &self.columns;
        table.set(c.role, person.role);
        table.set(c.crew_kind, person.crew_kind.as_deref());
        table.set(c.surname, person.surname);
        table.set(c.given_names, person.given_names.as_deref());
        table.set(c.gender, person.gender.as_deref());
        table.set(c.birth_date, person.birth.map(date));
        table.set(c.birth_date_precision, person.birth.map(|b| b.precision.name()));
        table.set(c.birth_place, person.birth_place);
        table.set(c.nationality, person.nationality.as_deref());
        table.set(c.residence_country, person.residence.as_deref());
        table.set(c.embark_airport, person.embark.as_deref());
        table.set(c.debark_airport, person.debark.as_deref());
        table.set(c.clearance_airport, person.clearance.as_deref());
        table.set(c.locator, person.locator.as_deref());
        let locator = person.locator.as_deref().map(|l| [Cell::Text(&leg.carrier), Cell::Text(l)]);
        table.set_records(c.locators, locator);
        table.set(c.carrier_pax_ref, person.reference.as_deref());
        table.set_texts(c.tickets, &person.tickets);
        table.set(c.seat, person.seat.as_deref());
        table.set(c.bag_count, person.bag_count);
        table.set(c.bag_mass_kg, person.bag_mass_kg);
        table.set_texts(c.bag_tags, &person.bag_tags);
        table.set_texts(c.phones, &person.phones);
        table.set_texts(c.emails, &person.emails);
        table.set(c.address, person.address.as_deref());
        table.set(c.address_country, person.address_country.as_deref());
        let loyalty = person.loyalty.iter().map(|n| [Cell::Text(&leg.carrier), Cell::Text(n)]);
        table.set_records(c.loyalty, loyalty);
    }

    fn documents(&self, table: &mut Table, person: &Person<'_>) {
        let c = &self.columns;
        if let Some(main) = person.main_document() {
            table.set(c.document_kind, main.kind.as_deref());
            table.set(c.document_no, main.number.as_deref());
            table.set(c.document_country, main.country.as_deref());
            table.set(c.document_issued_on, main.issued.map(date));
            table.set(c.document_expires_on, main.expires.map(date));
            table.set(c.document_verified, main.verified.or(person.verified));
        }
        let documents = person.documents.iter().map(|d| {
            [
                d.kind.as_deref().into(),
                d.number.as_deref().into(),
                d.country.as_deref().into(),
                d.expires.map_or(Cell::Null, date),
                d.verified.into(),
                Cell::Text("api"),
            ]
        });
        // A redress number is no document, but identifies like one.
        let redress = person.redress.iter().map(|number| {
            [Cell::Text("AEA"), Cell::Text(number), Cell::Null, Cell::Null, Cell::Null, Cell::Text("api")]
        });
        table.set_records(c.documents, documents.chain(redress));
    }

    fn envelope(&self, table: &mut Table, source: &str) {
        let Self { columns: c, message, header, .. } = self;
        table.hold(c.source, source);
        table.hold(c.state, header.list.state());
        table.hold(c.request_ref, header.request_ref.as_deref());
        table.hold(c.in_api, true);
        table.hold(c.in_pnr, false);
        table.hold(c.flight_complete, self.flight_complete);
        table.hold(c.version, header.revision);
        table.hold(c.change_kind, header.list.change_kind());
        table.hold(c.change_reason, header.change_reason.as_deref());
        table.hold(c.message_format, super::FORMAT);
        table.hold(c.message_version, message.version.as_str());
        table.hold(c.message_id, self.id.as_str());
        table.hold(c.sender_id, message.envelope.sender.as_str());
        table.hold(c.message_issued_at, message.envelope.issued_at.map(Cell::Ts));
    }
}

fn date<'a>(moment: Moment) -> Cell<'a> {
    debug_assert!(moment.precision == Precision::Day || moment.date.to_string().ends_with("01"));
    Cell::Date(dates::days(moment.date))
}
