//! `watchlist`: people, companies, documents and things to look for, joined as they stood at `as_of`.

use super::{Column, Kind, Member, Stream, column, member};
use crate::stream::Personal::{Birth, Document, Name};

/// Watchlist entries.
pub static WATCHLIST: Stream = Stream {
    name: "watchlist",
    row: "one person, company, document or thing to look for",
    columns: COLUMNS,
    subject_key: "entry_id",
    together: None,
    event_time: "valid_from",
    lanes: None,
};

const NAME: &[Member] = &[member("text", Kind::Text), member("script", Kind::Code), member("kind", Kind::Code)];

const DATE_RANGE: &[Member] = &[member("from", Kind::Date), member("to", Kind::Date)];

const DOCUMENT: &[Member] =
    &[member("kind", Kind::Code), member("number", Kind::Id), member("country", Kind::Code).null()];

const IDENTIFIER: &[Member] = &[member("kind", Kind::Code), member("value", Kind::Id)];

const COLUMNS: &[Column] = &[
    column("entry_id", Kind::Id, "number of the entry").key(),
    column("list_name", Kind::Id, "list it stands on").key(),
    column("kind", Kind::Code, "what to look for").one_of(&[
        "person",
        "company",
        "document",
        "vessel",
        "container",
        "address",
        "phone",
        "card",
    ]),
    column("names", Kind::Records(NAME), "aliases, original script").personal(Name),
    column("birth_dates", Kind::Records(DATE_RANGE), "partial dates are ranges").personal(Birth),
    column("countries", Kind::List(&Kind::Code), "ISO alpha-2"),
    column("gender", Kind::Code, "where known").null().one_of(&["M", "F", "X", "U"]),
    column("documents", Kind::Records(DOCUMENT), "passports and others").personal(Document),
    column("identifiers", Kind::Records(IDENTIFIER), "anything else with a number").personal(Document),
    column("category", Kind::Code, "why it is listed"),
    column("severity", Kind::I32, "0 lowest"),
    column("action", Kind::Code, "lane asked for"),
    column("mandatory", Kind::Bool, "nothing may lower the lane"),
    column("valid_from", Kind::Ts, "time-boxed"),
    column("valid_until", Kind::Ts, "time-boxed; NULL: until withdrawn").null(),
    column("owner", Kind::Id, "who answers for it"),
    column("legal_basis", Kind::Text, "why it may be kept"),
    column("instruction", Kind::Text, "what the officer sees").null(),
];
