//! A traveller of a booking to a traveller row.

use std::sync::LazyLock;

use haechi_model::Cell;
use haechi_model::streams::TRAVELLER;

use super::super::dates::{self, Moment};
use super::super::interchange::{Message, Places};
use super::super::output::{Output, Sheet, Table, columns};
use super::super::segments::Raw;
use super::booking::{Booking, Leg};
use super::header::Header;
use super::person::Person;
use super::services::is_given_up;

columns! {
    /// Where a booking writes.
    Columns {
        carrier, flight_no, flight_suffix, marketing_flights, departure_airport, arrival_airport,
        departure_scheduled_at, arrival_scheduled_at, role, state, surname, given_names, gender, person_kind,
        birth_date, birth_date_precision, birth_place, nationality, residence_country, document_kind, document_no,
        document_country, document_issued_on, document_expires_on, documents, itinerary, locator, locators,
        carrier_pax_ref, booked_at, ticketed_at, agency_id, agency_country, booking_channel, party_size,
        split_locators, booking_changes, tickets, fare_amount_usd, payment_kind, card_issuer, card_number_masked,
        payer_name, seat, checked_in_at, bag_count, bag_mass_kg, bag_tags, bag_pool_head, phones, emails, address,
        address_country, stay_address, loyalty, ssr_codes, in_api, in_pnr, flight_complete, version, change_kind,
        change_reason, source, source_position, message_format, message_version, message_id, sender_id,
        message_issued_at, message_path, warnings,
    }
}

/// Warnings that a row repeats of its booking.
const WARNINGS_A_ROW: usize = 32;

/// Derived columns that only the reader can know.
const ALSO: &[&str] =
    &["booking_channel", "booking_changes", "in_api", "in_pnr", "flight_complete", "message_path", "warnings"];

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
    flight_complete: Option<bool>,
    /// The table holds what all rows say.
    held: bool,
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
            held: false,
        }
    }

    /// A row for a traveller. Returns whether it was taken.
    pub fn write(&mut self, booking: &Booking<'_>, person: &Person<'_>, raw: &[Raw<'_>], out: &mut Output<'_>) -> bool {
        let table = self.table(out);
        self.booking(table, booking);
        self.person(table, booking, person);
        self.documents(table, person);
        self.journey(table, booking, person);
        let (path, position) = self.places.at(person.segment);
        table.set(self.columns.source_position, position);
        table.set(self.columns.message_path, path);
        out.finish_row(&SHEET, position, || self.message.raw(raw))
    }

    /// A row for a cancelled booking, which names nobody: whoever was known by its locator is cancelled.
    pub fn cancelled(&mut self, booking: &Booking<'_>, at: u32, raw: &[Raw<'_>], out: &mut Output<'_>) -> bool {
        let table = self.table(out);
        self.booking(table, booking);
        table.set(self.columns.state, "cancelled");
        table.set(self.columns.change_kind, "cancel");
        let (path, position) = self.places.at(at);
        table.set(self.columns.source_position, position);
        table.set(self.columns.message_path, path);
        out.finish_row(&SHEET, position, || self.message.raw(raw))
    }

    /// The message was read.
    pub fn end(self, out: &mut Output<'_>) {
        if self.held {
            out.table(&SHEET).release();
        }
    }

    /// The table, which holds what all rows of the message say.
    fn table<'o>(&mut self, out: &'o mut Output<'_>) -> &'o mut Table {
        let source = out.input.source;
        let table = out.table(&SHEET);
        if !std::mem::replace(&mut self.held, true) {
            self.flight(table);
            self.envelope(table, source);
        }
        table
    }

    fn flight(&self, table: &mut Table) {
        let (c, flight) = (&self.columns, &self.header.flight);
        table.hold(c.carrier, flight.carrier.as_str());
        table.hold(c.flight_no, flight.number);
        table.hold(c.flight_suffix, flight.suffix.as_deref());
        table.hold(c.departure_airport, flight.from.as_deref());
        table.hold(c.arrival_airport, flight.to.as_deref());
        table.hold(c.departure_scheduled_at, flight.departs_at.map(Cell::Ts));
        table.hold(c.arrival_scheduled_at, flight.arrives_at.map(Cell::Ts));
        table.hold(c.role, "passenger");
    }

    fn booking(&self, table: &mut Table, booking: &Booking<'_>) {
        let c = &self.columns;
        if let Some(leg) = booking.flown() {
            table.set_texts(c.marketing_flights, &leg.codeshares);
        }
        // Every traveller repeats those of the booking; all of them are in the reading.
        table.set_warnings(c.warnings, &booking.warnings[..booking.warnings.len().min(WARNINGS_A_ROW)]);
        table.set(c.locator, booking.locator(&self.header.flight.carrier));
        let locators = booking.locators.iter().map(|(carrier, locator)| [Cell::Text(carrier), Cell::Text(locator)]);
        table.set_records(c.locators, locators);
        table.set(c.booked_at, booking.booked_at.map(Cell::Ts));
        table.set(c.agency_id, booking.agency_id.as_deref());
        table.set(c.agency_country, booking.agency_country.as_deref());
        table.set(c.booking_channel, booking.channel);
        let size = booking.flown().or(booking.legs.first()).and_then(|leg| leg.travellers);
        let listed = i32::try_from(booking.people.len()).ok().filter(|n| *n > 0);
        table.set(c.party_size, size.or(listed));
        table.set_texts(c.split_locators, &booking.split);
        table.set(c.booking_changes, booking.changes);
        table.set_records(c.itinerary, booking.legs.iter().enumerate().filter_map(leg_cells));
    }

    fn person(&self, table: &mut Table, booking: &Booking<'_>, person: &Person<'_>) {
        let c = &self.columns;
        table.set(c.surname, person.surname);
        table.set(c.given_names, person.given_names);
        table.set(c.gender, person.gender);
        table.set(c.person_kind, person.kind);
        table.set(c.birth_date, person.birth.map(date));
        table.set(c.birth_date_precision, person.birth.map(|b| b.precision.name()));
        table.set(c.birth_place, person.birth_place);
        table.set(c.nationality, person.nationality.as_deref());
        table.set(c.residence_country, person.residence.as_deref());
        table.set(c.carrier_pax_ref, person.unique_reference.as_deref());
        table.set(c.ticketed_at, person.ticketed_at.or(booking.ticketed_at).map(Cell::Ts));
        table.set_texts(c.tickets, &person.tickets);
        table.set(c.fare_amount_usd, person.fare_usd);
        if let Some(payment) = &person.payment {
            table.set(c.payment_kind, payment.kind);
            table.set(c.card_issuer, payment.issuer.as_deref());
            table.set(c.card_number_masked, payment.number.as_deref());
        }
        table.set(c.payer_name, person.payer_name);
        let (own, shared) = (&person.contacts, &booking.contacts);
        table.set_texts(c.phones, joined(&shared.phones, &own.phones));
        table.set_texts(c.emails, joined(&shared.emails, &own.emails));
        let home = if own.address.is_some() { own } else { shared };
        table.set(c.address, home.address.as_deref());
        table.set(c.address_country, home.country.as_deref());
        table.set(c.stay_address, person.stay_address.as_deref());
        let loyalty = person
            .loyalty
            .iter()
            .map(|(carrier, number, level)| [Cell::Text(carrier), Cell::Text(number), level.as_deref().into()]);
        table.set_records(c.loyalty, loyalty);
        table.set_texts(c.ssr_codes, &person.services);
    }

    fn documents(&self, table: &mut Table, person: &Person<'_>) {
        let c = &self.columns;
        if let Some(main) = person.main_document() {
            table.set(c.document_kind, main.kind.as_deref());
            table.set(c.document_no, main.number.as_deref());
            table.set(c.document_country, main.country.as_deref());
            table.set(c.document_issued_on, main.issued.map(date));
            table.set(c.document_expires_on, main.expires.map(date));
        }
        let documents = person.documents.iter().map(|d| {
            [
                d.kind.as_deref().into(),
                d.number.as_deref().into(),
                d.country.as_deref().into(),
                d.expires.map_or(Cell::Null, date),
                Cell::Null,
                Cell::Text("pnr"),
            ]
        });
        table.set_records(c.documents, documents);
    }

    /// What happened on the flight itself.
    fn journey(&self, table: &mut Table, booking: &Booking<'_>, person: &Person<'_>) {
        let c = &self.columns;
        let mut state = "booked";
        if let Some(at) = booking.flown {
            if let Some(on) = person.seen_on(at) {
                table.set(c.seat, on.seat.as_deref());
                table.set(c.checked_in_at, on.checked_in_at.map(Cell::Ts));
                state = if on.checked_in { "checked_in" } else { state };
            }
            if let Some(bags) = person.bags_on(at) {
                table.set(c.bag_count, bags.count);
                table.set(c.bag_mass_kg, bags.mass_kg);
                table.set_texts(c.bag_tags, &bags.tags);
                table.set(c.bag_pool_head, bags.pool_head);
            }
            let status = booking.flown().and_then(|leg| leg.status.as_deref());
            if status.is_some_and(is_given_up) {
                state = "cancelled";
            }
        }
        table.set(c.state, state);
    }

    fn envelope(&self, table: &mut Table, source: &str) {
        let Self { columns: c, message, header, .. } = self;
        table.hold(c.in_api, false);
        table.hold(c.in_pnr, true);
        table.hold(c.flight_complete, self.flight_complete);
        table.hold(c.version, 1);
        table.hold(c.change_kind, if header.function == "141" { "amend" } else { "new" });
        table.hold(c.change_reason, (!header.function.is_empty()).then_some(header.function.as_str()));
        table.hold(c.source, source);
        table.hold(c.message_format, super::FORMAT);
        table.hold(c.message_version, message.version.as_str());
        table.hold(c.message_id, self.id.as_str());
        table.hold(c.sender_id, message.envelope.sender.as_str());
        table.hold(c.message_issued_at, message.envelope.issued_at.map(Cell::Ts));
    }
}

fn date<'a>(moment: Moment) -> Cell<'a> {
    Cell::Date(dates::days(moment.date))
}

/// A leg that says where; a gap in the journey (ARNK) does not.
fn leg_cells<'b>((i, leg): (usize, &'b Leg<'_>)) -> Option<[Cell<'b>; 9]> {
    let flight = &leg.flight;
    if flight.from.is_none() && flight.to.is_none() {
        return None;
    }
    Some([
        Cell::I32(i as i32 + 1),
        Cell::Text(&flight.carrier),
        flight.number.into(),
        flight.from.as_deref().into(),
        flight.to.as_deref().into(),
        flight.departs_at.map_or(Cell::Null, Cell::Ts),
        flight.arrives_at.map_or(Cell::Null, Cell::Ts),
        flight.class.as_deref().into(),
        leg.status.as_deref().into(),
    ])
}

/// Both lists, each value once.
fn joined<'b>(first: &'b [String], second: &'b [String]) -> impl Iterator<Item = &'b String> {
    first.iter().chain(second.iter().filter(|value| !first.contains(value)))
}
