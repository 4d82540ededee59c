//! `company`: who trades, carries and stores, joined as known at `as_of`.

use super::{Column, Kind, Stream, column};
use crate::stream::Personal::{Business, Contact, Name};

/// Companies and other parties.
pub static COMPANY: Stream = Stream {
    name: "company",
    row: "one party: importer, broker, carrier, warehouse and so on",
    columns: COLUMNS,
    subject_key: "company_id",
    together: None,
    event_time: "known_at",
    lanes: None,
};

const COLUMNS: &[Column] = &[
    column("company_id", Kind::Id, "customs id").key().personal(Business),
    column("tax_id", Kind::Id, "business number").null().personal(Business),
    column("name", Kind::Text, "legal name").personal(Business),
    column("names_other", Kind::List(&Kind::Text), "other scripts, former names").personal(Business),
    column("representative", Kind::Text, "who represents it").null().personal(Name),
    column("address", Kind::Text, "linked parties share these").null().personal(Contact),
    column("city", Kind::Text, "linked parties share these").null().personal(Contact),
    column("country", Kind::Code, "ISO alpha-2").null().personal(Contact),
    column("phones", Kind::List(&Kind::Text), "linked parties share these").personal(Contact),
    column("emails", Kind::List(&Kind::Text), "linked parties share these").personal(Contact),
    column("kind", Kind::Code, "importer, broker, carrier, warehouse and so on"),
    column("is_person", Kind::Bool, "a person, not a company"),
    column("founded_on", Kind::Date, "founded").null(),
    column("sector", Kind::Code, "line of business").null(),
    column("state", Kind::Code, "whether it may trade").one_of(&["active", "dormant", "closed", "blocked"]),
    column("aeo_grade", Kind::Code, "authorised economic operator; trusted means within validity").null(),
    column("aeo_valid_until", Kind::Date, "last day of the grade").null(),
    column("debts_usd", Kind::F64, "unpaid duties").null(),
];
