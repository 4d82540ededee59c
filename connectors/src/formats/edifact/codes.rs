//! The codes that readers of EDIFACT give: what was tolerated, and why something was set aside.
//!
//! Codes are stable: lists, dashboards and tests name them. A new tolerance is a new line here; the functions
//! of [`super::output`] take no code that is not in these tables (a test holds them to it).

/// Warning codes and what each one says.
pub const WARNINGS: &[(&str, &str)] = &[
    ("transport_dirt", "text around the interchange was cut, folded lines were joined"),
    ("transport_encoding", "the text came as UTF-16, or as mail that encodes or quotes it, and was read behind that"),
    ("service_characters", "the text uses other service characters than its UNA, or than the standard without one"),
    ("missing_terminator", "a line ended without segment terminator before the next tag; both segments were read"),
    (
        "unreleased_terminator",
        "a terminator stands unreleased in a name or text, which goes on behind it; it was kept as part of it",
    ),
    ("charset", "the text is not in the declared character set: bytes were replaced, or it was read in another"),
    ("no_envelope", "no UNB: sender and interchange reference are unknown"),
    ("truncated", "the text ends before its UNT or UNZ; what was complete was read"),
    ("unt_count", "UNT counts other segments, or names another message"),
    ("unz_count", "UNZ or UNE counts other messages or groups, or names another interchange or group"),
    ("test_interchange", "UNB marks the interchange as a test"),
    ("bad_segment", "a piece of text is no segment, or has a dangling release character or too many elements"),
    ("value_cut", "a value of a header longer, or a list with more, than any sender writes, cut: every row repeats it"),
    ("unknown_segment", "a segment that this message does not use"),
    ("unknown_code", "a qualifier or code that is in no list we know; kept as sent where a column takes it"),
    ("unknown_party", "a NAD qualifier that names nobody we read"),
    ("unknown_gender", "a gender other than M, F, X, U"),
    ("unknown_country", "a country in no list; kept as sent"),
    ("unknown_airport", "an airport in no list; kept as sent, its local times stay NULL"),
    ("bad_date", "an impossible date or time, left NULL"),
    ("bad_number", "a number that is none, left NULL"),
    (
        "bad_unit",
        "a unit that cannot be converted, the measure left NULL; or a mass of a person's bags without one, taken as kilograms",
    ),
    ("no_departure_time", "the flight has no usable departure time"),
    ("arrival_before_departure", "the flight arrives before it leaves: local midnight, or the two swapped"),
    ("too_many_legs", "more legs than one list has; the rest were left out"),
    ("too_many_tags", "more bag tags than one person has; the rest were left out"),
    ("flight_number", "a flight or trip number without digits, `flight_no` left NULL"),
    ("cnt_format", "CNT has an element where a component belongs"),
    ("cnt_mismatch", "CNT, or of a whole push EQN, counts others than the message holds"),
    ("short_composite", "a composite has fewer components than needed; they were taken in order"),
    ("empty_document", "a DOC without kind and number, left out"),
    ("orphan_segment", "a segment of a group that was not opened before it"),
    ("person_without_flight", "a master crew list: people, but no flight, so no traveller"),
    ("nobody_listed", "a flight without people: a close-out, a cancellation, or an empty list"),
    ("check_digit", "a container number whose check digit does not fit (ISO 6346)"),
    ("no_container_number", "a container without its number: no bill can be in it"),
    ("other_equipment", "equipment that is no container, as the chassis it is moved on; left out"),
    ("duplicate_bill", "a bill that stands in its manifest twice; both were read"),
    ("no_containers_listed", "goods are said to be in a container that the manifest does not list"),
    ("container_without_bill", "a full container that no bill names"),
    ("unknown_port", "a port whose time zone is not known, its times stay NULL or are read in that of the office"),
    ("no_manifest_time", "the manifest has no usable time of its own, the interchange's was taken"),
    ("no_nature", "no GIS or GEI says what happens to the goods; taken as import"),
    ("no_mode", "TDT gives no mode of transport"),
    ("amount_currency", "an amount in another currency than USD, left NULL"),
    ("day_only", "a time of which only the day was sent, taken as its beginning"),
    ("no_event_time", "an event has no usable time of its own, that of its message was taken"),
    ("planned_time", "an event has only a time when it was to happen, which was taken"),
    ("no_year", "a day without a year, and the day of arrival is not known; left NULL"),
    ("no_declared_time", "the declaration has no usable time of its own, the interchange's was taken"),
    ("no_office", "no customs office is named"),
    ("no_items", "a declaration without items: one row stands for all its goods"),
    ("item_numbers", "an item whose number is none, or stands twice; numbered by its place"),
    ("no_subject", "an answer that does not say what it answers, or what kind of answer it is"),
    ("item_differs", "an item says of the whole declaration what its header does not, which all rows repeat"),
    ("line_without_item", "lines of an invoice before several items, of which none is named; left out"),
    ("local_times", "times that should be UTC were written on the clock of the departure airport, and read so"),
    ("malformed", "a segment or text whose parts are not where they belong; what it says is left NULL"),
    ("no_locator", "a booking without record locator"),
    ("unknown_reference", "a service, seat or bag of a traveller, or a seat of a leg, that the booking does not list"),
    ("warnings_capped", "more warnings than are kept; the rest were only counted"),
];

/// Reasons for setting something aside.
pub const REASONS: &[(&str, &str)] = &[
    ("no_interchange", "neither UNB nor UNH was found"),
    ("no_message", "an interchange without any message"),
    ("message_type", "a message type that is not read"),
    ("bad_header", "UNH cannot be read"),
    ("no_flight", "a passenger list without flight"),
    ("no_identity", "a person without any name and document"),
    ("no_bill", "a consignment without bill number, or a manifest without any"),
    ("no_declaration", "a declaration without any number"),
    ("no_item", "a declaration that is cut off before its first item, or changes none"),
    ("no_report", "a report of a conveyance without voyage or time"),
    ("no_event", "an event of tracking of which is not said what happened, to whom or when"),
    ("no_answer", "a syntax answer that does not say which interchange it answers"),
    ("no_manifest", "a manifest that names neither itself nor a bill"),
    ("truncated", "the last segment is cut off"),
    ("message_too_long", "a message longer than is kept in memory; what follows it is read"),
    ("segment_too_long", "a segment longer than 64 KiB"),
    ("group_too_long", "a person or bill of more segments than are read as one"),
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
            assert!(codes.iter().all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        }
    }
}
