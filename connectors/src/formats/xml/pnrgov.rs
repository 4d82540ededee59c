//! PNRGOV XML: the bookings of a flight. A traveller is a passenger of a booking on the flight of the message.
//!
//! `FlightLeg` is kept, then each `PNR` is read and let go, whatever root stands around them. Without `FlightLeg` the
//! first flight of the booking is taken. Times of flights are local, those of bookings UTC.

use std::borrow::Cow;

use haechi_model::codes;
use haechi_model::streams::TRAVELLER;

use super::convert::{id, moment, short, text};
use super::declaration::records;
use super::map::Read::By;
use super::map::{Field, field};
use super::output::{LazySheet, Output, Row};
use super::scan::Unit;
use super::tree::{Element, value};
use super::unit::{Envelope, Parts, sheet};
use super::value::Value;
use crate::formats::edifact::dates::days;
use crate::formats::edifact::places::{to_utc_at, to_utc_in};

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
    field("PNR@PNR_CreationDate", "booked_at", By("UTC")),
    field("PNR/Passenger/Surname", "surname", By("as sent")),
    field("PNR/Passenger/GivenName", "given_names", By("as sent")),
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
    field("PNR//TicketDocument@TicketDocumentNbr", "tickets", By("of the booking or the passenger")),
    field("PNR/Passenger//DOCS", "documents", By("type, number, issuer, expiry; birth date, gender, nationality")),
];

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
}

/// What stands before the bookings.
#[derive(Default)]
pub struct State {
    flight: Option<Flight>,
    version: String,
    sender: String,
    n: usize,
}

impl State {
    /// Another element that begins no unit: the root, or who sends.
    pub fn passes(&mut self, local: &str, attributes: &str, outermost: bool) {
        if outermost && local == "IATA_PNRGOV_NotifRQ" {
            *self = Self { version: attribute(attributes, "Version"), ..Self::default() };
        } else if local == "Originator" {
            self.sender = attribute(attributes, "AirlineCode").to_uppercase();
        } else if outermost {
            *self = Self::default();
        }
    }

    /// Reads the flight; some put its bookings into it.
    pub fn flight<'u>(&mut self, unit: &Unit<'u>, out: &mut Output<'_>) {
        out.saw(NAME, &self.version);
        let leg = unit.element;
        let inside = leg.all("PNRs").flat_map(|all| all.all("PNR"));
        let bookings: Vec<Element<'u>> = leg.all("PNR").chain(inside).collect();
        let Some(parts) = Parts::of(unit, &bookings, out) else { return };
        let flight = Flight::read(leg);
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
            out.warn("nobody_listed", path, "a booking without passengers");
        }
        for (index, passenger) in passengers.iter().enumerate() {
            let path = format!("{path}/Passenger[{}]", index + 1);
            if !parts.is_whole(*passenger, &path, out) {
                continue;
            }
            let mut row = Row::default();
            if !person(pnr, *passenger, &flight, &path, &mut row) {
                let position = format!("byte {}, {path}", unit.byte(*passenger));
                out.set_aside("no_identity", &position, "the passenger has no name", passenger.raw());
                continue;
            }
            if out.write(&SHEET, &[&header, &row], &parts.stand(*passenger, path)) {
                out.count("passengers", 1);
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
        row.put(&SHEET, "locator", locator);
        let locators = locators.into_iter().map(|(company, locator)| vec![company.into(), locator.into()]);
        row.put_at(SHEET.at("locators"), records(locators));
        let size = pnr.attribute_value("NumberOfPassengers").and_then(|n| n.parse::<i32>().ok());
        row.put(&SHEET, "party_size", size);
        let listed = pnr.all("Passenger").count();
        if let Some(size) = size.filter(|size| *size as usize != listed) {
            row.warn("item_count", format!("{path}@NumberOfPassengers"), format!("says {size}, {listed} are listed"));
        }
        let utc = |name: &str| {
            let sent = pnr.attribute_value(name)?;
            to_utc_in(moment(&sent)?, chrono_tz::Tz::UTC)
        };
        row.put_at(SHEET.at("booked_at"), utc("PNR_CreationDate").map_or(Value::Null, Value::Ts));
        let changed = utc("PNR_TransDate");
        legs(pnr, path, row);
        let sender: Cow<'u, str> =
            if self.sender.is_empty() { flight.carrier.clone() } else { self.sender.clone() }.into();
        let version = self.version.clone();
        let id = format!("{}{}/{message}", flight.carrier, flight.number.unwrap_or_default());
        Envelope { format: NAME, version, id, sender, issued_at: changed, change: "new", reason: None }
            .put(&SHEET, row);
    }
}

impl Flight {
    /// Reads `FlightLeg`, or a `Flight` of a booking.
    fn read(leg: Element<'_>) -> Self {
        let upper = |text: Cow<'_, str>| text.to_uppercase();
        let place = |name: &str| leg.at(name).and_then(|airport| airport.attribute_value("LocationCode")).map(upper);
        let company = |name: &str| leg.at(name).and_then(|airline| airline.attribute_value("Code")).map(upper);
        let carrier = leg.attribute_value("CarrierCode").map(upper);
        let carrier = carrier.or_else(|| company("OperatingAirline")).or_else(|| company("MarketingAirline"));
        let sent = leg.attribute_value("FlightNumber").map(upper).unwrap_or_default();
        let digits: String = sent.chars().filter(char::is_ascii_digit).collect();
        let suffix = sent.chars().last().filter(|c| c.is_ascii_alphabetic() && !digits.is_empty());
        let (from, to) = (place("DepartureAirport"), place("ArrivalAirport"));
        let at = |name: &str, airport: Option<&str>| {
            let sent = leg.attribute_value(name)?;
            to_utc_at(moment(&sent)?, airport)
        };
        Self {
            carrier: carrier.unwrap_or_default(),
            number: digits.parse().ok(),
            suffix: suffix.map(|c| c.to_string()),
            departs_at: at("DepartureDateTime", from.as_deref()),
            arrives_at: at("ArrivalDateTime", to.as_deref()),
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
        let airport = |name: &str| leg.at(name).and_then(|airport| airport.attribute_value("LocationCode")).map(id);
        let airline = |name: &str| leg.at(name).and_then(|airline| airline.attribute_value("Code")).map(id);
        let (from, to) = (airport("DepartureAirport"), airport("ArrivalAirport"));
        let carrier = airline("OperatingAirline").or_else(|| airline("MarketingAirline"));
        let number = leg.attribute_value("FlightNumber");
        let digits: String = number.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        let at = |name: &str, airport: &Option<Cow<'u, str>>| {
            let sent = leg.attribute_value(name)?;
            to_utc_at(moment(&sent)?, airport.as_deref())
        };
        let (departs, arrives) = (at("DepartureDateTime", &from), at("ArrivalDateTime", &to));
        if leg.attribute_value("DepartureDateTime").is_some() && departs.is_none() {
            row.warn("bad_date", format!("{path}/Flight[{}]@DepartureDateTime", n + 1), "left NULL");
        }
        legs.push(vec![
            Value::I32(n as i32 + 1),
            carrier.unwrap_or_default().into(),
            digits.parse::<i32>().ok().into(),
            from.unwrap_or_default().into(),
            to.unwrap_or_default().into(),
            ts(departs),
            ts(arrives),
            leg.attribute_value("ResBookDesigCode").map(id).into(),
            leg.attribute_value("Status").map(id).into(),
        ]);
    }
    row.put_at(SHEET.at("itinerary"), records(legs));
}

/// Reads a passenger. Returns whether he has a name.
fn person<'u>(pnr: Element<'u>, passenger: Element<'u>, flight: &Flight, path: &str, row: &mut Row<'u>) -> bool {
    let name = |name: &str| passenger.get(name).map(|t| text(Cow::Borrowed(t)));
    let (surname, given) = (name("Surname"), name("GivenName"));
    if surname.is_none() && given.is_none() {
        return false;
    }
    row.put(&SHEET, "surname", surname);
    row.put(&SHEET, "given_names", given);
    let kind = passenger.attribute_value("PassengerTypeCode").map(id);
    let kind = kind.and_then(|kind| match kind.as_ref() {
        "ADT" | "A" => Some("adult"),
        "CHD" | "C" | "CNN" => Some("child"),
        "INF" | "IN" | "INS" => Some("infant"),
        _ => None,
    });
    row.put(&SHEET, "person_kind", kind);
    contacts(pnr, passenger, row);
    let checked_in = seat(pnr, passenger, flight, row);
    let state = match (checked_in, given_up(pnr, flight)) {
        (_, true) => "cancelled",
        (true, false) => "checked_in",
        (false, false) => "booked",
    };
    row.put(&SHEET, "state", state);
    let tickets = |element: Element<'u>| {
        let own = element.descendants().filter(|e| e.name() == "TicketDocument");
        own.filter_map(|e| e.attribute_value("TicketDocumentNbr").map(id)).collect::<Vec<_>>()
    };
    let own = tickets(passenger);
    row.put_at(SHEET.at("tickets"), Value::texts(if own.is_empty() { tickets(pnr) } else { own }));
    documents(passenger, path, row);
    true
}

/// Phones and addresses of a passenger, and of the booking.
fn contacts<'u>(pnr: Element<'u>, passenger: Element<'u>, row: &mut Row<'u>) {
    let (mut phones, mut emails) = (Vec::new(), Vec::new());
    for contact in passenger.all("ContactInfo").chain(pnr.all("ContactInfo")) {
        for name in ["PhoneNumber", "Email", "EmailAddress"] {
            let Some(sent) = contact.attribute_value(name) else { continue };
            let prefix = sent.chars().next().filter(char::is_ascii_alphabetic);
            let rest = sent.get(1..).unwrap_or_default();
            let numeric = rest.starts_with(['+', '-', ' ', '(']) || rest.starts_with(|c: char| c.is_ascii_digit());
            match prefix {
                _ if sent.contains('@') => {
                    let rest = sent.strip_prefix('E').filter(|rest| rest.starts_with([':', '-', ' ']));
                    emails.push(Cow::Owned(rest.unwrap_or(&sent).trim_start_matches([':', '-', ' ']).to_lowercase()));
                }
                Some(_) if numeric => phones.push(Cow::Owned(rest.trim_start_matches([' ', '-']).to_owned())),
                _ => phones.push(sent),
            }
        }
    }
    row.put_at(SHEET.at("phones"), Value::texts(phones));
    row.put_at(SHEET.at("emails"), Value::texts(emails));
}

/// Whether the booking of the flight does not hold any more.
fn given_up(pnr: Element<'_>, flight: &Flight) -> bool {
    let mut on_flight = pnr.all("Flight").filter(|leg| {
        let from = leg.at("DepartureAirport").and_then(|airport| airport.attribute_value("LocationCode")).map(id);
        from.as_deref() == flight.from.as_deref()
    });
    let status = on_flight.next().and_then(|leg| leg.attribute_value("Status")).map(id);
    status.is_some_and(|status| matches!(status.as_ref(), "HX" | "UN" | "UC" | "NO" | "XX"))
}

/// The seat and check-in of a passenger on the flight. Returns whether he is checked in.
fn seat<'u>(pnr: Element<'u>, passenger: Element<'u>, flight: &Flight, row: &mut Row<'u>) -> bool {
    let reference = passenger.attribute_value("RPH");
    for leg in pnr.all("Flight") {
        let from = leg.at("DepartureAirport").and_then(|a| a.attribute_value("LocationCode")).map(id);
        if from.as_deref() != flight.from.as_deref() {
            continue;
        }
        for check_in in leg.all("CheckInInfo") {
            let Some(boarding) = check_in.all("BoardingNumber").find(|b| b.attribute_value("RPH") == reference) else {
                continue;
            };
            let seat = boarding.get("SeatNumber").or_else(|| check_in.get("SeatNumber"));
            row.put(&SHEET, "seat", seat.map(|seat| id(Cow::Borrowed(seat.trim_start_matches('0')))));
            let at = check_in.attribute_value("Time").and_then(|sent| moment(&sent));
            let at = at.and_then(|moment| to_utc_at(moment, from.as_deref()));
            row.put_at(SHEET.at("checked_in_at"), at.map_or(Value::Null, Value::Ts));
            return true;
        }
    }
    false
}

/// Travel documents: writers put what they know in elements or attributes.
fn documents<'u>(passenger: Element<'u>, path: &str, row: &mut Row<'u>) {
    let mut documents = Vec::new();
    for docs in passenger.descendants().filter(|e| e.name() == "DOCS").take(20) {
        let either = |names: &[&str]| {
            let child = names.iter().find_map(|name| docs.get(name)).map(Cow::Borrowed);
            child.or_else(|| names.iter().find_map(|name| docs.attribute_value(name)))
        };
        let day = |names: &[&str]| either(names).and_then(|sent| moment(&sent)).map(|m| days(m.date));
        let country = |names: &[&str], row: &mut Row<'u>| {
            let (country, oddity) = super::convert::country(either(names)?);
            if let Some(oddity) = oddity {
                row.warn(oddity.code, format!("{path}//DOCS"), oddity.text);
            }
            Some(country)
        };
        let number = either(&["DocNumber", "DocID", "DocumentNumber", "TravelDocNbr"]).map(id);
        let issuer = country(&["IssuingCountry", "DocIssueCountry", "IssueCountry", "IssuingLoc"], row);
        let nationality = country(&["Nationality", "PaxNationality", "DocHolderNationality"], row);
        let kind = either(&["DocType", "DocumentType", "TravelDocType"]).map(id);
        let expires = day(&["ExpiryDate", "ExpireDate", "DocExpiryDate"]);
        if documents.is_empty() {
            row.put(&SHEET, "nationality", nationality);
            let born = day(&["DateOfBirth", "BirthDate", "DOB"]);
            row.put_at(SHEET.at("birth_date"), born.map_or(Value::Null, Value::Date));
            row.put(&SHEET, "birth_date_precision", born.map(|_| "day"));
            let gender = either(&["Gender", "Sex"]).and_then(|g| value(&g).and_then(|g| g.chars().next()));
            let gender =
                gender.and_then(|c| ["M", "F", "X", "U"].into_iter().find(|g| g.starts_with(c.to_ascii_uppercase())));
            row.put(&SHEET, "gender", gender);
            row.put(&SHEET, "document_kind", kind.clone());
            row.put(&SHEET, "document_no", number.clone());
            row.put(&SHEET, "document_country", issuer.clone());
            row.put_at(SHEET.at("document_expires_on"), expires.map_or(Value::Null, Value::Date));
        }
        if number.is_some() || kind.is_some() {
            documents.push(vec![
                kind.unwrap_or_default().into(),
                number.unwrap_or_default().into(),
                issuer.into(),
                expires.map_or(Value::Null, Value::Date),
                Value::Null,
                "pnr".into(),
            ]);
        }
    }
    row.put_at(SHEET.at("documents"), records(documents));
}

/// An attribute of a tag as written.
fn attribute(raw: &str, name: &str) -> String {
    let found = quick_xml::events::attributes::Attributes::new(raw, 0)
        .with_checks(false)
        .flatten()
        .take(100)
        .find(|a| a.key.local_name().as_ref() == name.as_bytes());
    let value = found.map(|a| String::from_utf8_lossy(&a.value).trim().to_owned()).unwrap_or_default();
    short(&value).to_owned()
}
