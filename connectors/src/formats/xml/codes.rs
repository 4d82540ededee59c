//! The codes that readers of XML give: what was tolerated, and why something was set aside.
//!
//! Codes are stable: lists, dashboards and tests name them. Where EDIFACT has the same oddity, it has the same code.

/// Warning codes and what each one says.
pub const WARNINGS: &[(&str, &str)] = &[
    ("transport_dirt", "text outside of the outermost element was left out"),
    ("charset", "bytes that the encoding does not have, or NUL, were replaced; or it is not the encoding that is told"),
    ("truncated", "the document ends before its last end tag; what was complete was read"),
    ("text_too_long", "a text of more than 64 KiB, or in too many pieces, left out"),
    ("value_cut", "a value of a header longer, or a list with more, than any sender writes, cut: every row repeats it"),
    ("unknown_entity", "an entity that is not expanded, left out"),
    ("lone_ampersand", "an `&` that begins no entity, kept as sent"),
    ("not_well_formed", "a piece of the document that is no XML, outside of what is read by itself"),
    ("envelope", "markup outside of any message is not well-formed"),
    ("unknown_code", "a code that is in no list we know; kept as sent where a column takes it"),
    ("unknown_country", "a country in no list; kept as sent"),
    ("unknown_airport", "an airport in no list; kept as sent, its local times stay NULL"),
    ("unknown_port", "a port whose time zone is not known, its times stay NULL"),
    ("unknown_reference", "a service of an infant that the booking does not list"),
    ("bad_date", "an impossible date or time, left NULL"),
    ("bad_number", "a number that is none, left NULL"),
    ("bad_unit", "a unit that cannot be converted, the measure left NULL"),
    ("bad_tariff", "a tariff code that is none, left NULL"),
    ("day_only", "a day without time of day; its midnight at the office was taken"),
    ("missing_value", "the message does not say what a row of this kind should have; left NULL"),
    ("item_count", "the header counts other items, bills or pieces than the message holds"),
    ("total_mismatch", "a total differs from the sum of its parts"),
    ("item_numbers", "an item without number, or with one that stands twice; numbered by its place"),
    ("no_items", "a declaration without items, as a cancellation or a change of its header is: one row stands for it"),
    ("amount_currency", "an amount whose currency is not known, or that no rate converts; left NULL"),
    ("check_digit", "a container or waybill number whose check digit does not fit"),
    ("no_mode", "the message gives no mode of transport"),
    ("no_manifest_time", "no usable time of the manifest, that of the message was taken"),
    ("no_header", "a bill stands before the head of its manifest, or without one"),
    ("no_departure_time", "the flight has no usable departure time"),
    ("pieces_mismatch", "pieces of the bill and of its lines differ"),
    ("several_parts", "parts of one waybill on one flight were added up"),
    ("flight_number", "a flight number without digits"),
    ("seals_unassigned", "seals of which it is not told on which container they are; left out"),
    ("pointer", "an amendment points at something that it does not bring"),
    ("no_result", "a release without a control result: no row is made of it"),
    ("time_limit", "a control dated behind the message that tells of it, as the time limit of its carriage is"),
    ("notice", "the answer carries a text instead of records"),
    ("warnings_capped", "more warnings than are kept; the rest were only counted"),
];

/// Reasons for setting something aside.
pub const REASONS: &[(&str, &str)] = &[
    ("no_message", "no message that is read was found"),
    ("not_well_formed", "the unit is no well-formed XML"),
    ("truncated", "the unit is cut off"),
    ("unit_too_large", "a unit of more than 64 MiB"),
    ("markup_too_long", "a tag, comment or section of more than 1 MiB"),
    ("too_deep", "elements deeper in each other than any message has them"),
    ("text_too_long", "a text of more than 64 KiB, or in too many pieces"),
    ("doctype", "a document type that declares entities; nothing of it is read"),
    ("no_declaration", "a declaration without number and reference"),
    ("too_many_items", "a declaration of more items, or a booking of more passengers or flights, than are read as one"),
    ("no_item", "an entry summary declaration without goods"),
    ("no_bill", "a consignment without bill number"),
    ("no_flight", "a booking without flight"),
    ("no_identity", "a person without any name and document, or a booking without anybody"),
    ("no_key", "a value of the key is missing"),
    ("no_result", "a control result that none of us knows, or of no time"),
    ("error_answer", "the answer is an error"),
    ("cell", "a value that its column refuses"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for table in [WARNINGS, REASONS] {
            let mut codes: Vec<_> = table.iter().map(|(code, _)| *code).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), table.len());
        }
    }
}
