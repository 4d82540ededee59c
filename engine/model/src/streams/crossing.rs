//! `crossing`: a person passing the border control.

use super::{Column, Kind, Stream, column};
use crate::stream::Personal::{Birth, Document, Name};

/// Border crossings.
pub static CROSSING: Stream = Stream {
    name: "crossing",
    row: "one person passing the border control, and what was decided",
    columns: COLUMNS,
    subject_key: "crossing_id",
    together: None,
    event_time: "crossed_at",
    lanes: None,
};

const COLUMNS: &[Column] = &[
    column("crossing_id", Kind::Id, "number of the crossing").key(),
    column("direction", Kind::Code, "into or out of the country").one_of(&["in", "out"]),
    column("port", Kind::Id, "UN/LOCODE or IATA"),
    column("crossed_at", Kind::Ts, "when"),
    column("decision", Kind::Code, "what was decided").one_of(&["admitted", "refused", "referred", "departed"]),
    column("stay_until", Kind::Date, "permitted stay").null(),
    column("purpose", Kind::Code, "purpose of the journey").null(),
    column("document_no", Kind::Id, "document shown").null().personal(Document),
    column("document_country", Kind::Code, "issuer of the document").null().personal(Document),
    column("nationality", Kind::Code, "ISO alpha-2, or the passport code").null(),
    column("birth_date", Kind::Date, "joins a person across flights").null().personal(Birth),
    column("name_key", Kind::Text, "normal form of the name; joins a person across flights").null().personal(Name),
    column("traveller_id", Kind::Id, "where it could be tied").null(),
    column("flight_id", Kind::Id, "where it could be tied").null(),
];
