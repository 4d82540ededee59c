//! PNRGOV XML: the bookings of a flight.

use super::super::record::{Record, Records};
use super::document::{Document, escaped};
use super::{local, utc};

/// What comes back.
pub(super) const PNRGOV: &[&str] = &[
    "carrier",
    "flight_no",
    "departure_airport",
    "arrival_airport",
    "departure_scheduled_at",
    "arrival_scheduled_at",
    "role",
    "surname",
    "given_names",
    "gender",
    "birth_date",
    "nationality",
    "document_kind",
    "document_no",
    "document_country",
    "document_expires_on",
    "itinerary",
    "locator",
    "locators",
    "booked_at",
    "party_size",
    "tickets",
    "phones",
    "emails",
    "seat",
];

/// With its offset, so that an hour that comes twice is told apart.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// A push of a flight.
pub(super) fn pnrgov(rows: &Records) -> String {
    let h = rows.at(0);
    let (from, to) = (h.text("departure_airport"), h.text("arrival_airport"));
    let mut xml = Document::new("");
    xml.open_with("IATA_PNRGOV_NotifRQ", "xmlns=\"http://www.iata.org/IATA/2007/00\" Version=\"13.1\"");
    xml.raw(format_args!("<Originator AirlineCode=\"{}\"/>", h.text("carrier")));
    let attributes = format!(
        "CarrierCode=\"{}\" FlightNumber=\"{}\" DepartureDateTime=\"{}\" ArrivalDateTime=\"{}\"",
        h.text("carrier"),
        h.figure("flight_no"),
        local(h.instant("departure_scheduled_at"), from, INSTANT),
        local(h.instant("arrival_scheduled_at"), to, INSTANT)
    );
    xml.open_with("FlightLeg", &attributes);
    airports(&mut xml, from, to);
    xml.close(1);
    xml.open("PNRs");
    let mut at = 0;
    while at < rows.len() {
        let locator = rows.at(at).text("locator");
        // Who gave his journey up has legs of his own.
        let gone = |row: Record<'_>| row.text("state") == "cancelled";
        let same = |row: Record<'_>| row.text("locator") == locator && gone(row) == gone(rows.at(at));
        let of = |next: &usize| !locator.is_empty() && same(rows.at(*next));
        let end = (at + 1..rows.len()).find(|next| !of(next)).unwrap_or(rows.len());
        booking(&mut xml, &(at..end).map(|row| rows.at(row)).collect::<Vec<_>>());
        at = end;
    }
    xml.finish()
}

fn airports(xml: &mut Document, from: &str, to: &str) {
    xml.raw(format_args!("<DepartureAirport LocationCode=\"{from}\"/><ArrivalAirport LocationCode=\"{to}\"/>"));
}

fn booking(xml: &mut Document, people: &[Record<'_>]) {
    let Some(h) = people.first().copied() else { return };
    let size = h.figure("party_size");
    let attributes = format!(
        "NumberOfPassengers=\"{size}\" PNR_CreationDate=\"{}\"",
        utc(h.instant("booked_at"), "%Y-%m-%dT%H:%M:%S")
    );
    xml.open_with("PNR", &attributes);
    for locator in h.records("locators") {
        let (id, carrier) = (locator.text("locator"), locator.text("carrier"));
        xml.raw(format_args!("<BookingRefID ID=\"{id}\"><CompanyName Code=\"{carrier}\"/></BookingRefID>"));
    }
    for (n, person) in people.iter().enumerate() {
        passenger(xml, n + 1, *person);
    }
    for leg in h.records("itinerary") {
        let (from, to) = (leg.text("from"), leg.text("to"));
        let attributes = format!(
            "DepartureDateTime=\"{}\" ArrivalDateTime=\"{}\" ResBookDesigCode=\"{}\" Status=\"{}\" FlightNumber=\"{}\"",
            local(leg.instant("departs_at"), from, INSTANT),
            local(leg.instant("arrives_at"), to, INSTANT),
            leg.text("class"),
            leg.text("status"),
            leg.figure("flight_no")
        );
        xml.open_with("Flight", &attributes);
        airports(xml, from, to);
        xml.raw(format_args!("<MarketingAirline Code=\"{}\"/>", leg.text("carrier")));
        if from == h.text("departure_airport") {
            for (n, person) in people.iter().enumerate().filter(|(_, p)| !p.text("seat").is_empty()) {
                let at = local(person.instant("checked_in_at"), from, INSTANT);
                xml.raw(format_args!(
                    "<CheckInInfo Time=\"{at}\"><BoardingNumber RPH=\"{}\"><SeatNumber>{:0>4}</SeatNumber>\
                     </BoardingNumber></CheckInInfo>",
                    n + 1,
                    person.text("seat")
                ));
            }
        }
        xml.close(1);
    }
    xml.close(1);
}

fn passenger(xml: &mut Document, reference: usize, person: Record<'_>) {
    xml.open_with("Passenger", &format!("RPH=\"{reference}\""));
    xml.leaf("GivenName", person.text("given_names"));
    xml.leaf("Surname", person.text("surname"));
    for phone in person.texts("phones") {
        xml.raw(format_args!("<ContactInfo PhoneNumber=\"M{}\"/>", escaped(phone)));
    }
    for email in person.texts("emails") {
        xml.raw(format_args!("<ContactInfo PhoneNumber=\"E {}\"/>", escaped(email)));
    }
    for ticket in person.texts("tickets") {
        xml.raw(format_args!("<TicketDocument TicketDocumentNbr=\"{ticket}\"/>"));
    }
    let day = |name: &str| utc(person.day(name).map(|day| day * 86_400_000), "%Y-%m-%d");
    xml.raw(format_args!(
        "<DOCS DocType=\"{}\" DocNumber=\"{}\" IssuingCountry=\"{}\" Nationality=\"{}\" Gender=\"{}\" \
         DateOfBirth=\"{}\" ExpiryDate=\"{}\"/>",
        person.text("document_kind"),
        person.text("document_no"),
        person.text("document_country"),
        person.text("nationality"),
        person.text("gender"),
        day("birth_date"),
        day("document_expires_on")
    ));
    xml.close(1);
}
