//! `traveller`: one person on one flight, API and PNR merged.
//!
//! Flight key: operating carrier, number without leading zeros, suffix, departure airport, scheduled departure
//! in UTC; codeshares and day rollover map onto it.

use super::{Column, Kind, Member, Stream, column, member};
use crate::lane::SubjectKind;
use crate::stream::Personal::{Birth, Contact, Document, Name, Payment, Sensitive};

/// Travellers, a row a person and flight.
pub static TRAVELLER: Stream = Stream {
    name: "traveller",
    row: "one person on one flight, passenger list and booking merged",
    columns: COLUMNS,
    subject_key: "traveller_id",
    together: None,
    event_time: "flight_event_at",
    lanes: Some(SubjectKind::Traveller),
};

const DOCUMENT: &[Member] = &[
    member("kind", Kind::Code),
    member("number", Kind::Id),
    member("country", Kind::Code).null(),
    member("expires_on", Kind::Date).null(),
    member("verified", Kind::Bool).null(),
    member("from", Kind::Code),
];

const LEG: &[Member] = &[
    member("no", Kind::I32),
    member("carrier", Kind::Id),
    member("flight_no", Kind::I32).null(),
    member("from", Kind::Id),
    member("to", Kind::Id),
    member("departs_at", Kind::Ts).null(),
    member("arrives_at", Kind::Ts).null(),
    member("class", Kind::Code).null(),
    member("status", Kind::Code).null(),
];

const LOCATOR: &[Member] = &[member("carrier", Kind::Id), member("locator", Kind::Id)];

const LOYALTY: &[Member] =
    &[member("carrier", Kind::Id), member("number", Kind::Id), member("level", Kind::Code).null()];

const COLUMNS: &[Column] = &[
    column("traveller_id", Kind::Id, "one person on one flight; once given it stays").key().derived(),
    column("flight_id", Kind::Id, "as `ZZ421/BKK/2027-03-13T18:05Z`; a trip by road as `ABCD/TRIP0042`")
        .key()
        .derived(),
    column("carrier", Kind::Id, "operating carrier"),
    column("flight_no", Kind::I32, "number without leading zeros"),
    column("flight_suffix", Kind::Code, "letter behind the number").null(),
    column("marketing_flights", Kind::List(&Kind::Id), "codeshares"),
    column("departure_airport", Kind::Id, "IATA, of the border-crossing leg"),
    column("arrival_airport", Kind::Id, "IATA, of the border-crossing leg").null(),
    column("departure_country", Kind::Code, "of the departure airport; an unknown airport stays unknown")
        .null()
        .derived(),
    column("arrival_country", Kind::Code, "of the arrival airport; an unknown airport stays unknown").null().derived(),
    column("direction", Kind::Code, "seen from the home country")
        .derived()
        .one_of(&["inbound", "outbound", "transit", "domestic"]),
    column("departure_scheduled_at", Kind::Ts, "scheduled, local time converted"),
    column("arrival_scheduled_at", Kind::Ts, "scheduled, local time converted").null(),
    column("departed_at", Kind::Ts, "actual departure").null(),
    column("arrived_at", Kind::Ts, "actual arrival").null(),
    column("flight_event_at", Kind::Ts, "actual, else expected, else scheduled arrival (outbound: departure)")
        .derived(),
    column("role", Kind::Code, "on this flight").one_of(&[
        "passenger",
        "crew",
        "transit_passenger",
        "transit_crew",
        "driver",
    ]),
    column("crew_kind", Kind::Code, "`CR1` to `CR5`").null().one_of(&["CR1", "CR2", "CR3", "CR4", "CR5"]),
    column("state", Kind::Code, "how far the journey has come").one_of(&[
        "booked",
        "listed",
        "checked_in",
        "boarded",
        "no_show",
        "cancelled",
    ]),
    column("surname", Kind::Text, "as sent").null().personal(Name),
    column("given_names", Kind::Text, "as sent, a title only split where it is a token").null().personal(Name),
    column("name_key", Kind::Text, "normal form: surname then given names, A-Z").null().personal(Name).derived(),
    column("gender", Kind::Code, "as in the document").null().one_of(&["M", "F", "X", "U"]),
    column("person_kind", Kind::Code, "by the booking").null().one_of(&["adult", "child", "infant"]),
    column("birth_date", Kind::Date, "the first day possible where only month or year are known")
        .null()
        .personal(Birth),
    column("birth_date_precision", Kind::Code, "how much of the birth date is known")
        .null()
        .one_of(&["day", "month", "year"])
        .personal(Birth),
    column("birth_place", Kind::Text, "as sent").null().personal(Birth),
    column("nationality", Kind::Code, "ISO alpha-2, or the passport code").null(),
    column("residence_country", Kind::Code, "ISO alpha-2").null(),
    column("document_kind", Kind::Code, "main document: first passport, else first").null().personal(Document),
    column("document_no", Kind::Id, "main document").null().personal(Document),
    column("document_country", Kind::Code, "issuer of the main document").null().personal(Document),
    column("document_issued_on", Kind::Date, "of the main document").null(),
    column("document_expires_on", Kind::Date, "of the main document").null(),
    column("document_verified", Kind::Bool, "seen by the carrier").null(),
    column("documents", Kind::Records(DOCUMENT), "all, visas too").personal(Document),
    column("embark_airport", Kind::Id, "this person's own").null(),
    column("debark_airport", Kind::Id, "this person's own").null(),
    column("clearance_airport", Kind::Id, "this person's own").null(),
    column("itinerary", Kind::Records(LEG), "whole booking"),
    column("origin_airport", Kind::Id, "first of the itinerary").null().derived(),
    column("final_airport", Kind::Id, "last of the itinerary").null().derived(),
    column("locator", Kind::Id, "operating carrier's record locator").null(),
    column("locators", Kind::Records(LOCATOR), "all record locators"),
    column("carrier_pax_ref", Kind::Id, "operating carrier's unique passenger reference").null(),
    column("booked_at", Kind::Ts, "booking made").null(),
    column("ticketed_at", Kind::Ts, "ticket issued").null(),
    column("agency_id", Kind::Id, "IATA number of the travel agency").null(),
    column("agency_country", Kind::Code, "country of the travel agency").null(),
    column("booking_channel", Kind::Code, "who took the booking")
        .null()
        .derived()
        .one_of(&["agency", "airline", "online"]),
    column("party_size", Kind::I32, "travellers in the PNR").null(),
    column("split_locators", Kind::List(&Kind::Id), "divided PNRs"),
    column("booking_changes", Kind::I32, "history entries and pushes").derived(),
    column("tickets", Kind::List(&Kind::Id), "ticket numbers"),
    column("fare_amount_usd", Kind::F64, "ticket total, converted").null(),
    column("payment_kind", Kind::Code, "form of payment").null().one_of(&["cash", "card", "cheque", "misc", "points"]),
    column("card_issuer", Kind::Code, "vendor code of the card").null(),
    column("card_number_masked", Kind::Text, "first six and last four at most").null().personal(Payment),
    column("payer_name", Kind::Text, "who paid").null().personal(Payment),
    column("payer_is_traveller", Kind::Bool, "the payer's name is the traveller's").null().derived(),
    column("seat", Kind::Id, "without padding").null(),
    column("checked_in_at", Kind::Ts, "check-in").null(),
    column("bag_count", Kind::I32, "bags checked in").null(),
    column("bag_mass_kg", Kind::F64, "mass of the bags checked in").null(),
    column("bag_tags", Kind::List(&Kind::Id), "tag with count expanded"),
    column("bag_pool_head", Kind::Bool, "head of a baggage pool").null(),
    column("phones", Kind::List(&Kind::Text), "normalised").personal(Contact),
    column("emails", Kind::List(&Kind::Text), "normalised").personal(Contact),
    column("address", Kind::Text, "home").null().personal(Contact),
    column("address_country", Kind::Code, "country of the home address").null().personal(Contact),
    column("stay_address", Kind::Text, "at destination").null().personal(Contact),
    column("loyalty", Kind::Records(LOYALTY), "frequent traveller numbers").personal(Document),
    column("ssr_codes", Kind::List(&Kind::Code), "special services, after the configured filter").personal(Sensitive),
    column("remarks", Kind::List(&Kind::Text), "after the configured filter").personal(Sensitive),
    column("request_ref", Kind::Id, "transaction to answer").null(),
    column("boarding_answer", Kind::Code, "last answer sent").null().derived().one_of(&["0Z", "1Z", "2Z", "4Z"]),
    column("in_api", Kind::Bool, "seen in a passenger list").derived(),
    column("in_pnr", Kind::Bool, "seen in a booking").derived(),
    column("merge_basis", Kind::Code, "how the sides were joined").null().derived().one_of(&[
        "carrier_reference",
        "locator",
        "document",
        "name",
    ]),
    column("flight_complete", Kind::Bool, "series closed and counts agree").derived(),
    column("age_years", Kind::F64, "at `flight_event_at`").null().derived(),
    column("document_days_left", Kind::I32, "expiry minus arrival").null().derived(),
    column("hours_before_departure", Kind::F64, "from `as_of`").null().derived(),
    column("hours_before_arrival", Kind::F64, "from `as_of`").null().derived(),
    column("booking_lead_days", Kind::F64, "departure minus `booked_at`").null().derived(),
    column("trip_kind", Kind::Code, "shape of the itinerary")
        .null()
        .derived()
        .one_of(&["oneway", "round", "openjaw", "multi"]),
    column("trip_days", Kind::F64, "stay").null().derived(),
    column("dwell_hours", Kind::F64, "longest stop").null().derived(),
];
