//! PNRGOV XML: the bookings of a flight. A traveller is a passenger of a booking on the flight of the message.
//!
//! `FlightLeg` is kept, then each `PNR` is read and let go, whatever root stands around them. Without `FlightLeg` the
//! first flight of the booking is taken. Times of flights are local, those of bookings UTC.

mod contact;
mod identity;
mod person;
mod seat;
mod ticket;

use std::borrow::Cow;

use chrono::NaiveDate;

use haechi_model::codes;
use haechi_model::streams::TRAVELLER;

use self::person::Party;
use super::attributes;
use super::convert::{id, moment, short};
use super::declaration::records;
use super::map::Read::By;
use super::map::{Field, field};
use super::output::{LazySheet, Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, Parts, sheet};
use super::value::Value;
use crate::formats::edifact::places::{to_utc_at, to_utc_in};

/// How many of a kind one passenger may have.
const EACH_MAX: usize = 50;
/// The column `message_format`.
pub const NAME: &str = "pnrgov_xml";

static SHEET: LazySheet = std::sync::LazyLock::new(|| sheet(&TRAVELLER));

/// The flight, under `FlightLeg`, and a booking, under `PNR`: all read by code, since attributes hold most.
pub const FIELDS: &[Field] = &[
    field("FlightLeg@CarrierCode", "carrier", By("upper case")),
    field("FlightLeg@FlightNumber", "flight_no", By("digits without leading zeros; a letter behind is flight_suffix")),
    field("FlightLeg/DepartureAirport@LocationCode", "departure_airport", By("upper case")),
    field("FlightLeg/ArrivalAirport@LocationCode", "arrival_airport", By("upper case")),
    field("FlightLeg@DepartureDateTime", "departure_scheduled_at", By("in the zone of the airport")),
    field("FlightLeg@ArrivalDateTime", "arrival_scheduled_at", By("in the zone of the airport")),
    field("PNR/BookingRefID@ID", "locators", By("with CompanyName@Code; of the operating carrier also locator")),
    field("PNR@NumberOfPassengers", "party_size", By("number")),
    field("PNR", "change_kind", By("new; cancel, and state cancelled, where nothing but BookingRefID is in it")),
    field("PNR@PNR_CreationDate", "booked_at", By("UTC")),
    field("PNR/Passenger/Surname", "surname", By("as sent, without a title; without either name that of DOCS")),
    field(
        "PNR/Passenger/GivenName",
        "given_names",
        By("as sent, without a title; one glued on goes where DOCS shows the name without it"),
    ),
    field("PNR/Passenger@PassengerTypeCode", "person_kind", By("ADT adult, CHD child, INF infant")),
    field(
        "PNR/Passenger/ContactInfo@PhoneNumber",
        "phones",
        By("letter prefix dropped; with E it is an e-mail address"),
    ),
    field("PNR/ContactInfo@PhoneNumber", "phones", By("of the booking, for each passenger")),
    field("PNR/Flight", "itinerary", By("carrier, number, airports, times, class, status")),
    field(
        "PNR/Flight/CheckInInfo/BoardingNumber/SeatNumber",
        "seat",
        By("of this passenger (RPH), zeros in front dropped; state checked_in"),
    ),
    field(
        "PNR/Flight@Status",
        "state",
        By("HX, UN, UC, NO, XX of the leg on this flight: cancelled; checked_in; else booked"),
    ),
    field("PNR/Flight/CheckInInfo@Time", "checked_in_at", By("in the zone of the airport of departure")),
    field("PNR//TicketDocument@TicketDocumentNbr", "tickets", By("of the passenger, else those under none")),
    field("PNR//TicketDocument@DateOfIssue", "ticketed_at", By("UTC")),
    field("PNR//TicketDocument//PaymentInfo@PaymentType", "payment_kind", By("CC card, CA cash, CK cheque, ...")),
    field("PNR//TicketDocument//PaymentInfo@VendorCode", "card_issuer", By("of a card")),
    field("PNR//TicketDocument//PaymentInfo@AccountNbr", "card_number_masked", By("of a card; masked again")),
    field("PNR//TicketDocument//PaymentInfo@CardHolderName", "payer_name", By("as sent")),
    field("PNR/POS/Source/RequestorID@ID", "agency_id", By("where it is a number of seven or eight digits")),
    field("PNR/POS/Source@ISOCountry", "agency_country", By("country")),
    field(
        "PNR/Passenger//DOCS",
        "documents",
        By("type, number, issuer, expiry; birth date, gender, nationality; of an infant: its own, or a row of its own"),
    ),
    field("PNR/Passenger//DOCO", "documents", By("type, number, country; birth place")),
    field("PNR/Passenger//DOCA", "stay_address", By("R residence_country, address, address_country; D stay_address")),
    field("PNR/Passenger/CustLoyalty", "loyalty", By("ProgramID, MembershipID")),
    field(
        "PNR/Flight/SSR/Text",
        "documents",
        By("of this passenger (RPH): DOCS, DOCA, DOCO, FQTV, CTCM, CTCE, TKNE, INFT, and SEAT of the flight, as in \
             EDIFACT; codes kept where allowed"),
    ),
];

/// Passengers of one booking, and flights; groups of an airline have at most some hundreds.
const BOOKING_PARTS_MAX: usize = 1000;

/// The flight that bookings are on.
#[derive(Clone, Debug, Default)]
struct Flight {
    carrier: String,
    number: Option<i32>,
    suffix: Option<String>,
    from: Option<String>,
    to: Option<String>,
    departs_at: Option<i64>,
    arrives_at: Option<i64>,
    day: Option<NaiveDate>,
}

/// What stands before the bookings.
#[derive(Default)]
pub struct State {
    flight: Option<Flight>,
    version: String,
    sender: String,
    /// Bookings of the document, and how many of them stand before this push.
    n: usize,
    before: usize,
    /// How many bookings the push says that it holds.
    said: Option<usize>,
    /// It is one of several that hold them together, or not all of it came.
    is_part: bool,
}

impl State {
    /// Another element that begins no unit: the push, whatever stands around it, who sends, or the list of bookings.
    pub fn passes(&mut self, local: &str, attributes: &str, outermost: bool, out: &mut Output<'_>) {
        if local == "IATA_PNRGOV_NotifRQ" {
            self.end(out);
            let before = if outermost { 0 } else { self.n };
            let version = attribute(attributes, "Version");
            *self = Self { version, is_part: is_part(attributes), n: before, before, ..Self::default() };
        } else if local == "Originator" {
            self.sender = attribute(attributes, "AirlineCode").to_uppercase();
        } else if local == "PNRs" {
            self.says(attribute(attributes, "NumberOfPnrs").parse().ok());
        } else if outermost {
            self.end(out);
            *self = Self::default();
        }
    }

    /// A list of bookings says how many it holds.
    fn says(&mut self, n: Option<usize>) {
        let said = |n: usize| self.said.unwrap_or(0).saturating_add(n);
        self.said = n.map(said).or(self.said);
    }

    /// The document is cut off.
    pub fn cut_off(&mut self) {
        self.is_part = true;
    }

    /// The push ends: its bookings are counted.
    pub fn end(&mut self, out: &mut Output<'_>) {
        let listed = self.n - self.before;
        let said = self.said.take().filter(|said| *said != listed && !self.is_part);
        if let Some(said) = said {
            out.warn("item_count", "PNRs@NumberOfPnrs", format!("says {said}, {listed} are listed"));
        }
    }

    /// Reads the flight; some put its bookings into it.
    pub fn flight<'u>(&mut self, unit: &Unit<'u>, out: &mut Output<'_>) {
        out.saw(NAME, &self.version);
        let leg = unit.element;
        let inside = leg.all("PNRs").flat_map(|all| all.all("PNR"));
        let bookings: Vec<Element<'u>> = leg.all("PNR").chain(inside).collect();
        let Some(parts) = Parts::of(unit, &bookings, out) else { return };
        self.is_part |= unit.truncated.is_some();
        for all in leg.all("PNRs") {
            self.says(all.attribute_value("NumberOfPnrs").and_then(|n| n.parse().ok()));
        }
        let flight = Flight::read(leg);
        // Its departure is missed on every row.
        if let Some(sent) = leg.attribute_value("ArrivalDateTime").filter(|sent| moment(sent).is_none()) {
            out.warn("bad_date", "FlightLeg@ArrivalDateTime", format!("`{}`, left NULL", short(&sent)));
        }
        out.count("flights", 1);
        self.flight = Some(flight);
        for pnr in bookings {
            self.n += 1;
            let path = format!("PNR[{}]", self.n);
            if parts.is_whole(pnr, &path, out) {
                self.book(&parts, pnr, &path, out);
            }
        }
    }

    /// Reads a booking.
    pub fn booking<'u>(&mut self, unit: &Unit<'u>, out: &mut Output<'_>) {
        out.saw(NAME, &self.version);
        let pnr = unit.element;
        self.is_part |= unit.truncated.is_some();
        self.n += 1;
        let path = format!("PNR[{}]", self.n);
        let passengers: Vec<Element<'u>> = pnr.all("Passenger").collect();
        let Some(parts) = Parts::of(unit, &passengers, out) else { return };
        self.book(&parts, pnr, &path, out);
    }

    fn book<'u>(&self, parts: &Parts<'_, 'u>, pnr: Element<'u>, path: &str, out: &mut Output<'_>) {
        let unit = parts.unit;
        let passengers: Vec<Element<'u>> = pnr.all("Passenger").collect();
        out.count("bookings", 1);
        // Each passenger is looked for on each flight.
        let n_flights = pnr.all("Flight").count();
        if passengers.len() > BOOKING_PARTS_MAX || n_flights > BOOKING_PARTS_MAX {
            let position = format!("byte {}, {path}", unit.byte(pnr));
            let says =
                format!("has {} passengers and {n_flights} flights, more than are read as one", passengers.len());
            return out.set_aside("too_many_items", &position, &says, pnr.raw());
        }
        let own = || pnr.at("Flight").map(|leg| Flight::read(leg));
        let Some(flight) = self.flight.clone().or_else(own).filter(|f| !f.carrier.is_empty() && f.from.is_some())
        else {
            let position = format!("byte {}, {path}", unit.byte(pnr));
            return out.set_aside("no_flight", &position, "no FlightLeg, and no Flight in the booking", pnr.raw());
        };
        let mut header = Row::default();
        self.header(pnr, &flight, path, &mut header);
        header.bound(passengers.len(), path);
        super::unit::tell(&header, out);
        if passengers.is_empty() {
            return nobody(parts, pnr, (path, n_flights), &header, out);
        }
        let party = Party::of(pnr, &passengers, &flight, path, out);
        for (index, passenger) in passengers.iter().enumerate() {
            let path = format!("{path}/Passenger[{}]", index + 1);
            if !parts.is_whole(*passenger, &path, out) {
                continue;
            }
            let mut row = Row::default();
            if !party.person(index, &path, &mut row) {
                let position = format!("byte {}, {path}", unit.byte(*passenger));
                let says = "the passenger has no name and no document";
                out.set_aside("no_identity", &position, says, passenger.raw());
                continue;
            }
            if out.write(&SHEET, &[&header, &row], &parts.stand(*passenger, path.clone())) {
                out.count("passengers", 1);
            }
            for infant in party.infants_with(index) {
                let mut row = Row::default();
                party.infant(infant, &path, &mut row);
                if out.write(&SHEET, &[&header, &row], &parts.stand(*passenger, path.clone())) {
                    out.count("passengers", 1);
                }
            }
        }
    }

    fn header<'u>(&self, pnr: Element<'u>, flight: &Flight, path: &str, row: &mut Row<'u>) {
        row.put(&SHEET, "carrier", flight.carrier.clone());
        row.put(&SHEET, "flight_no", flight.number);
        row.put(&SHEET, "flight_suffix", flight.suffix.clone());
        row.put(&SHEET, "departure_airport", flight.from.clone());
        row.put(&SHEET, "arrival_airport", flight.to.clone());
        row.put_at(SHEET.at("departure_scheduled_at"), flight.departs_at.map_or(Value::Null, Value::Ts));
        row.put_at(SHEET.at("arrival_scheduled_at"), flight.arrives_at.map_or(Value::Null, Value::Ts));
        for airport in [&flight.from, &flight.to].into_iter().flatten() {
            if codes::airport(airport).is_none() {
                row.warn("unknown_airport", path, format!("`{}` is in no airport list", short(airport)));
            }
        }
        if flight.departs_at.is_none() {
            row.warn("no_departure_time", path, "left NULL");
        }
        if flight.number.is_none() {
            row.warn("flight_number", path, "`flight_no` left NULL");
        }
        row.put(&SHEET, "role", "passenger");
        let locators: Vec<(String, Cow<'u, str>)> = pnr
            .all("BookingRefID")
            .filter_map(|reference| {
                let company = reference.at("CompanyName").and_then(|company| company.attribute_value("Code"));
                let company = company.map_or(String::new(), |code| code.to_uppercase());
                Some((company, id(reference.attribute_value("ID")?)))
            })
            .collect();
        let operating = locators.iter().find(|(company, _)| *company == flight.carrier).or(locators.first());
        let locator = operating.map(|(_, locator)| locator.clone());
        let message = locator.as_deref().map_or_else(|| path.to_owned(), str::to_owned);
        if locator.is_none() && pnr.at("Passenger").is_some() {
            row.warn("missing_value", format!("{path}/BookingRefID"), "the booking has no locator");
        }
        row.put(&SHEET, "locator", locator);
        let locators = locators.into_iter().map(|(company, locator)| vec![company.into(), locator.into()]);
        row.put_at(SHEET.at("locators"), records(locators));
        let told = pnr.attribute_value("NumberOfPassengers");
        let size = told.as_deref().and_then(|n| n.parse::<i32>().ok());
        row.put(&SHEET, "party_size", size);
        if let Some(told) = told.filter(|_| size.is_none()) {
            row.warn("bad_number", format!("{path}@NumberOfPassengers"), format!("`{}`", short(&told)));
        }
        let listed = pnr.all("Passenger").count();
        if let Some(size) = size.filter(|size| *size as usize != listed) {
            row.warn("item_count", format!("{path}@NumberOfPassengers"), format!("says {size}, {listed} are listed"));
        }
        let mut utc = |name: &str| {
            let sent = pnr.attribute_value(name)?;
            let at = moment(&sent).and_then(|moment| to_utc_in(moment, chrono_tz::Tz::UTC));
            if at.is_none() {
                row.warn("bad_date", format!("{path}@{name}"), format!("`{}`", short(&sent)));
            }
            at
        };
        let booked = utc("PNR_CreationDate");
        let changed = utc("PNR_TransDate");
        row.put_at(SHEET.at("booked_at"), booked.map_or(Value::Null, Value::Ts));
        if let Some(source) = pnr.at("POS/Source") {
            let number = source.at("RequestorID").and_then(|by| by.attribute_value("ID"));
            let is_agency =
                |number: &Cow<'_, str>| matches!(number.len(), 7 | 8) && number.bytes().all(|b| b.is_ascii_digit());
            row.put(&SHEET, "agency_id", number.filter(is_agency));
            if let Some(code) = source.attribute_value("ISOCountry") {
                let (country, oddity) = super::convert::country(code);
                if let Some(oddity) = oddity {
                    row.warn(oddity.code, format!("{path}/POS/Source@ISOCountry"), oddity.text);
                }
                row.put(&SHEET, "agency_country", country);
            }
        }
        legs(pnr, path, row);
        let sender: Cow<'u, str> =
            if self.sender.is_empty() { flight.carrier.clone() } else { self.sender.clone() }.into();
        let version = self.version.clone();
        let id = format!("{}{}/{message}", flight.carrier, flight.number.unwrap_or_default());
        Envelope { format: NAME, version, id, sender, issued_at: changed, change: "new", reason: None }
            .put(&SHEET, row);
    }
}

/// A booking without passengers. One that is nothing but its locator is cancelled, and whoever was known by that with it;
/// of any other they are missing.
fn nobody<'u>(
    parts: &Parts<'_, 'u>,
    pnr: Element<'u>,
    (path, n_flights): (&str, usize),
    header: &Row<'u>,
    out: &mut Output<'_>,
) {
    if n_flights > 0 || header.text(&SHEET, "locator").is_none() {
        let position = format!("byte {}, {path}", parts.unit.byte(pnr));
        return out.set_aside("no_identity", &position, "a booking without passengers", pnr.raw());
    }
    let mut row = Row::default();
    row.put(&SHEET, "state", "cancelled");
    row.put(&SHEET, "change_kind", "cancel");
    if out.write(&SHEET, &[header, &row], &parts.stand(pnr, path.to_owned())) {
        out.count("cancelled", 1);
    }
}

/// Whether a push is one of several, by the attributes with which OTA numbers them.
fn is_part(attributes: &str) -> bool {
    let status = attribute(attributes, "TransactionStatusCode");
    let number = attribute(attributes, "SequenceNmbr");
    matches!(status.as_str(), "Start" | "InSeries" | "End") || !matches!(number.as_str(), "" | "1")
}

impl Flight {
    /// Reads `FlightLeg`, or a `Flight` of a booking.
    fn read(leg: Element<'_>) -> Self {
        let upper = |text: Cow<'_, str>| text.to_uppercase();
        let place = |name: &str| leg.at(name).and_then(|airport| airport.attribute_value("LocationCode")).map(upper);
        let airline = |name: &str| {
            let airline = leg.at(name)?;
            Some((airline.attribute_value("Code").map(upper)?, airline.attribute_value("FlightNumber")))
        };
        let carrier = leg.attribute_value("CarrierCode").map(|carrier| (upper(carrier), None));
        let carrier = carrier.or_else(|| airline("OperatingAirline")).or_else(|| airline("MarketingAirline"));
        let (carrier, own) = carrier.unwrap_or_default();
        // The number beside the leg is of who sells it.
        let sent = own.or_else(|| leg.attribute_value("FlightNumber")).map(upper).unwrap_or_default();
        let behind = sent.strip_prefix(&carrier).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let sent = behind.filter(|_| carrier.bytes().any(|b| b.is_ascii_alphabetic())).unwrap_or(&sent);
        let digits: String = sent.chars().filter(char::is_ascii_digit).collect();
        let suffix = sent.chars().last().filter(|c| c.is_ascii_alphabetic() && !digits.is_empty());
        let (from, to) = (place("DepartureAirport"), place("ArrivalAirport"));
        let time = |name: &str| leg.attribute_value(name).and_then(|sent| moment(&sent));
        let (departs, arrives) = (time("DepartureDateTime"), time("ArrivalDateTime"));
        Self {
            number: digits.parse().ok(),
            suffix: suffix.map(|c| c.to_string()),
            departs_at: departs.and_then(|moment| to_utc_at(moment, from.as_deref())),
            arrives_at: arrives.and_then(|moment| to_utc_at(moment, to.as_deref())),
            day: departs.map(|moment| moment.date),
            carrier,
            from,
            to,
        }
    }
}

/// The whole booking.
fn legs<'u>(pnr: Element<'u>, path: &str, row: &mut Row<'u>) {
    let ts = |at: Option<i64>| at.map_or(Value::Null, Value::Ts);
    let mut legs = Vec::new();
    for (n, leg) in pnr.all("Flight").enumerate() {
        let flight = Flight::read(leg);
        if leg.attribute_value("DepartureDateTime").is_some() && flight.departs_at.is_none() {
            row.warn("bad_date", format!("{path}/Flight[{}]@DepartureDateTime", n + 1), "left NULL");
        }
        legs.push(vec![
            Value::I32(n as i32 + 1),
            flight.carrier.into(),
            flight.number.into(),
            flight.from.unwrap_or_default().into(),
            flight.to.unwrap_or_default().into(),
            ts(flight.departs_at),
            ts(flight.arrives_at),
            leg.attribute_value("ResBookDesigCode").map(id).into(),
            leg.attribute_value("Status").map(id).into(),
        ]);
    }
    row.put_at(SHEET.at("itinerary"), records(legs));
}

/// An attribute of a tag as written.
fn attribute(raw: &str, name: &str) -> String {
    short(attributes::find(raw, name).unwrap_or_default().trim()).to_owned()
}

/// The special services under an element, with their codes.
fn services_of(outer: Element<'_>) -> impl Iterator<Item = (Cow<'_, str>, Element<'_>)> {
    let services = outer.all("SSR").chain(outer.all("DOC_SSR"));
    services
        .filter_map(|ssr| Some((id(["SSR_Code", "SSRCode", "Code"].iter().find_map(|n| ssr.attribute_value(n))?), ssr)))
}
