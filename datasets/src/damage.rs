//! Ten ways in which a row of a text file is plainly bad: what senders, editors and networks do to files.
//! Damage is drawn by file and line, so it does not move when batches are cut otherwise.

use serde::Serialize;
use serde_json::Value;

use crate::dice::{Dice, Use};

/// What was done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// The subject's key is empty.
    MissingKey,
    /// A column that every row has is empty.
    MissingRequired,
    /// A number holds letters: `12x4.5`.
    BadNumber,
    /// A count beyond any integer column.
    Overflow,
    /// A time in the thirteenth month.
    BadTime,
    /// A flag that says neither yes nor no.
    BadFlag,
    /// A list column whose JSON never ends.
    BadList,
    /// The line breaks off in the middle.
    CutShort,
    /// Values behind the last column.
    Surplus,
    /// Bytes that are not UTF-8.
    NotUtf8,
}

impl Damage {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::MissingKey,
        Self::MissingRequired,
        Self::BadNumber,
        Self::Overflow,
        Self::BadTime,
        Self::BadFlag,
        Self::BadList,
        Self::CutShort,
        Self::Surplus,
        Self::NotUtf8,
    ];
}

/// A damaged line: the answer key of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// File name in the folder.
    pub file: String,
    /// From 1; in CSV the header is line 1.
    pub line: u64,
    /// What was done.
    pub kind: Damage,
}

/// The columns of one stream that damage is done to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    pub(crate) key: &'static str,
    pub(crate) required: &'static str,
    pub(crate) number: &'static str,
    pub(crate) count: &'static str,
    pub(crate) time: &'static str,
    pub(crate) flag: &'static str,
    pub(crate) list: &'static str,
}

pub(crate) const DECLARATION: Targets = Targets {
    key: "declaration_id",
    required: "office",
    number: "customs_value_usd",
    count: "item_no",
    time: "declared_at",
    flag: "importer_aeo",
    list: "container_ids",
};

pub(crate) const CONSIGNMENT: Targets = Targets {
    key: "consignment_id",
    required: "house_bill_id",
    number: "gross_mass_kg",
    count: "line_no",
    time: "manifested_at",
    // Consignments have no flag of their own: a number that is a word.
    flag: "package_count",
    list: "containers",
};

pub(crate) const TRAVELLER: Targets = Targets {
    key: "traveller_id",
    required: "departure_airport",
    number: "bag_mass_kg",
    count: "flight_no",
    time: "departure_scheduled_at",
    flag: "document_verified",
    list: "itinerary",
};

/// Which damage, if any, the row on `line` of a file takes.
pub(crate) fn draw(seed: u64, share: f64, file: usize, line: u64) -> Option<Damage> {
    let mut dice = Dice::new(seed ^ (file as u64) << 32, Use::Damage, line);
    dice.chance(share).then(|| dice.one(&Damage::ALL))
}

/// What stands in a column after damage to its value; `None` where this damage leaves the column alone.
pub(crate) fn value(damage: Damage, targets: &Targets, column: &str) -> Option<Value> {
    let hit = match damage {
        Damage::MissingKey => (targets.key, Value::from("")),
        Damage::MissingRequired => (targets.required, Value::from("")),
        Damage::BadNumber => (targets.number, Value::from("12x4.5")),
        Damage::Overflow => (targets.count, Value::from(99_999_999_999_i64)),
        Damage::BadTime => (targets.time, Value::from("2027-13-45T25:61:00Z")),
        Damage::BadFlag => (targets.flag, Value::from("perhaps")),
        Damage::BadList => (targets.list, Value::from("[{\"broken\": ")),
        Damage::CutShort | Damage::Surplus | Damage::NotUtf8 => return None,
    };
    (hit.0 == column).then_some(hit.1)
}

/// Damage to the finished line, without its line end.
pub(crate) fn line(damage: Damage, json: bool, line: &mut Vec<u8>) {
    match damage {
        Damage::CutShort => {
            // Cut between characters: what is left is text, only too little of it. Of CSV, less than the key.
            let keep = if json { line.len() / 2 } else { line.iter().position(|b| *b == b',').unwrap_or(1) };
            let keep = (0..=keep).rev().find(|at| line.get(*at).is_none_or(|b| b & 0xC0 != 0x80)).unwrap_or(0);
            line.truncate(keep.max(1));
        }
        Damage::Surplus if json => line.extend_from_slice(b" {\"and\": \"more\"}"),
        Damage::Surplus => line.extend_from_slice(b",and,more"),
        Damage::NotUtf8 => {
            // Behind the first quote or comma, so inside a value.
            let at = line.iter().position(|b| *b == b',').unwrap_or(0).saturating_sub(2);
            line.splice(at..at, [0xFF, 0xFE, 0xC3]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_comes_in_the_share_asked_and_in_all_kinds() {
        let drawn: Vec<Damage> = (0..20_000).filter_map(|line| draw(7, 0.05, 0, line)).collect();
        assert!((800..1_200).contains(&drawn.len()), "{}", drawn.len());
        for kind in Damage::ALL {
            assert!(drawn.iter().filter(|d| **d == kind).count() > 50, "{kind:?}");
        }
        assert_eq!(draw(7, 0.0, 0, 3), None);
    }

    #[test]
    fn a_cut_line_ends_between_characters() {
        let mut text = r#"{"importer_id": "나래시험1", "a": "나래시험"}"#.as_bytes().to_vec();
        line(Damage::CutShort, true, &mut text);
        assert!(std::str::from_utf8(&text).is_ok());
        assert!(serde_json::from_slice::<Value>(&text).is_err());
    }

    #[test]
    fn bytes_that_are_no_text_stand_inside_a_value() {
        let mut text = b"{\"declaration_id\":\"9\",\"item_no\":1}".to_vec();
        line(Damage::NotUtf8, true, &mut text);
        assert!(std::str::from_utf8(&text).is_err());
        assert!(text.starts_with(b"{\"declaration_id\":\""));
    }
}
