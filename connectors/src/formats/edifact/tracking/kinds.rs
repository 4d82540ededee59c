//! Codes of events to the column `event_kind`. What is in none of these tables is kept as sent.

/// UN/ECE Recommendation 24, which is what a transport status is coded by (DE 9011, later 4405). Of its four hundred
/// codes those that say that something happened to goods or their container; the others tell of delays, documents and
/// ships.
const RECOMMENDATION_24: &[(&str, &str)] = &[
    ("1", "arrived"),
    ("3", "arrived"),
    ("8", "import_released"),
    ("12", "import_released"),
    ("21", "delivered"),
    ("22", "delivered"),
    ("24", "departed"),
    ("26", "unloaded"),
    ("27", "departed"),
    ("28", "opened"),
    ("29", "unloaded"),
    ("40", "arrived"),
    ("46", "carried_in"),
    ("48", "loaded"),
    ("62", "over_landed"),
    ("70", "loaded"),
    ("79", "loaded"),
    ("85", "short_landed"),
    ("91", "carried_in"),
    ("92", "loaded"),
    ("98", "carried_in"),
    ("99", "carried_out"),
    ("114", "delivered"),
    ("118", "loaded"),
    ("121", "loaded"),
    ("127", "departed"),
    ("206", "arrived"),
    ("309", "opened"),
    ("331", "destroyed"),
    ("346", "unloaded"),
    ("364", "arrived"),
    ("365", "departed"),
];

/// Letters that carriers write in the same place: ANSI X12 (elements 157 and 1650), the events of DCSA, and the status
/// codes of IATA.
const LETTERS: &[(&str, &str)] = &[
    ("A", "arrived"),
    ("AE", "loaded"),
    ("AL", "loaded"),
    ("AM", "loaded"),
    ("AN", "loaded"),
    ("AO", "loaded"),
    ("AP", "loaded"),
    ("AR", "arrived"),
    ("ARR", "arrived"),
    ("ARRI", "arrived"),
    ("CCD", "import_released"),
    ("CT", "import_released"),
    ("CU", "import_released"),
    ("D", "delivered"),
    ("DEP", "departed"),
    ("DEPA", "departed"),
    ("DISC", "unloaded"),
    ("DLV", "delivered"),
    ("EE", "carried_out"),
    ("GTIN", "carried_in"),
    ("GTOT", "carried_out"),
    ("I", "carried_in"),
    ("LOAD", "loaded"),
    ("OA", "carried_out"),
    ("P", "departed"),
    ("PA", "designated"),
    ("RD", "carried_in"),
    ("RL", "departed"),
    ("STRP", "opened"),
    ("UR", "unloaded"),
    ("UV", "unloaded"),
    ("VA", "arrived"),
    ("VD", "departed"),
    ("X1", "arrived"),
    ("X3", "arrived"),
    ("X4", "arrived"),
];

/// The event of a status: its code, upper case, its category (DE 9015), and the agency of its list (DE 3055).
pub fn of_status(code: &str, category: &str, agency: &str) -> Option<&'static str> {
    let find = |table: &[(&str, &'static str)], code: &str| {
        table.iter().find(|(known, _)| *known == code).map(|(_, kind)| *kind)
    };
    if !code.bytes().all(|b| b.is_ascii_digit()) {
        return find(LETTERS, code);
    }
    // A number of another category, or of somebody's own list, is another thing.
    let recommended = matches!(category, "" | "1") && matches!(agency, "" | "6");
    find(RECOMMENDATION_24, code.trim_start_matches('0')).filter(|_| recommended)
}

/// What a message type tells of its containers.
#[derive(Debug)]
pub struct Move {
    /// BGM 1001.
    pub codes: &'static [&'static str],
    /// Words for it, BGM 1000.
    pub words: &'static [&'static str],
    /// The event.
    pub kind: &'static str,
}

/// COARRI: what was unloaded from a ship and loaded onto it.
pub const COARRI: &[Move] = &[
    Move { codes: &["44", "98"], words: &["DISCH", "UNLOAD"], kind: "unloaded" },
    Move { codes: &["46", "270"], words: &["LOAD"], kind: "loaded" },
];

/// CODECO: what came in and went out through the gate of a terminal or depot.
pub const CODECO: &[Move] = &[
    // Out first: `GATE INTERCHANGE OUT` says both.
    Move { codes: &["36"], words: &["GATE OUT", "GATE-OUT", "INTERCHANGE OUT"], kind: "carried_out" },
    Move { codes: &["34"], words: &["GATE IN", "GATE-IN"], kind: "carried_in" },
];

/// COPRAR: what is to be unloaded from a ship and loaded onto it.
pub const COPRAR: &[Move] = &[
    Move { codes: &["43"], words: &["DISCH", "UNLOAD"], kind: "unloading_ordered" },
    Move { codes: &["45"], words: &["LOAD"], kind: "loading_ordered" },
];

#[cfg(test)]
mod tests {
    use haechi_model::streams::CARGO_EVENT;

    use super::*;

    #[test]
    fn kinds_are_those_of_the_stream() {
        let known = CARGO_EVENT.column("event_kind").unwrap().values;
        let statuses = RECOMMENDATION_24.iter().chain(LETTERS).map(|(_, kind)| *kind);
        let moves = [COARRI, CODECO, COPRAR].into_iter().flatten().map(|told| told.kind);
        for kind in statuses.chain(moves) {
            assert!(known.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn a_status_is_read_by_the_list_it_is_of() {
        for (code, category, agency, kind) in [
            ("24", "1", "", Some("departed")),
            ("024", "", "6", Some("departed")),
            ("24", "2", "", None),
            ("24", "1", "87", None),
            ("31", "1", "", None),
            ("VD", "1", "HS", Some("departed")),
            ("DISC", "1", "", Some("unloaded")),
            ("OK", "1", "", None),
            ("", "1", "", None),
        ] {
            assert_eq!(of_status(code, category, agency), kind, "{code} {category} {agency}");
        }
    }
}
