//! One cell: from what the file has to the kind of the column, or the reason why not.
//!
//! Begin at [`CellReader::read`]. All that is decided per column (kind, bounds, code table, unit) is settled when
//! the reader is made; per cell nothing is allocated unless the text has to be changed inside a list.

use arrow::array::{Array, StringArray};
use chrono_tz::Tz;
use haechi_model::codes;
use haechi_model::ids::{Country, HsCode};
use haechi_model::{Cell, Column, Kind, Personal};
use serde_json::Value;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::list;
use super::notes::Notes;
use super::time::{self, BadTime};
use crate::mapping::Change;

/// Longest cell, in bytes.
pub const CELL_BYTES_MAX: usize = 64 * 1024;
/// How much of a value is repeated in a reason.
const QUOTED_CHARS: usize = 40;

/// A cell as the file has it.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// The row has no such field at all.
    Missing,
    /// Text of a CSV file.
    Text(&'a str),
    /// A value of a JSON object.
    Json(&'a Value),
}

/// Why a cell, and so its row, was not taken. The reason begins with the column; the reader puts the line before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable reason code.
    pub code: &'static str,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// Reads the cells of one column.
#[derive(Clone, Debug)]
pub struct CellReader {
    column: &'static Column,
    /// Name in the file.
    shown: String,
    change: Change,
    zone: Tz,
    target: Target,
    blank: Blank,
}

/// What a blank cell means.
#[derive(Clone, Debug, PartialEq)]
enum Blank {
    Null,
    Refused(&'static str),
    Default(Cell<'static>),
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Id,
    Hs,
    Code,
    Country,
    Text,
    I32 { min: i32 },
    I64,
    F64 { min: f64, max: f64 },
    Bool,
    Date,
    Ts,
    Hash,
    List,
}

/// Room that a cell is changed in; one for each column, kept between rows.
#[derive(Debug, Default)]
pub struct Work {
    number: String,
    padded: String,
    text: String,
    json: Value,
    bytes: Vec<u8>,
    /// The last time read and its text: items of a declaration repeat it.
    last_time: Option<(String, i64)>,
}

impl CellReader {
    /// Reads a column that has our name and needs no change.
    pub fn new(column: &'static Column, zone: Tz) -> Self {
        Self::mapped(column, column.name, Change::default(), zone)
    }

    /// Reads a column that the file calls `shown`.
    pub fn mapped(column: &'static Column, shown: &str, change: Change, zone: Tz) -> Self {
        let is_list = matches!(column.kind, Kind::List(_) | Kind::Records(_));
        let blank = match column.name {
            // Who counts versions says so; whoever keeps them counts the others.
            "version" => Blank::Null,
            "change_kind" => Blank::Default(Cell::Text("new")),
            _ if column.key && !column.nullable => Blank::Refused("missing_key"),
            _ if column.nullable || column.derived || is_list => Blank::Null,
            _ => Blank::Refused("missing_value"),
        };
        Self { column, shown: shown.to_owned(), change, zone, target: Target::of(column), blank }
    }

    /// The column that is read.
    pub fn column(&self) -> &'static Column {
        self.column
    }

    /// Whether a row that says nothing of the column has a value in it all the same.
    pub(super) fn has_default(&self) -> bool {
        matches!(self.blank, Blank::Default(_))
    }

    /// Its name in the file.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Zone of times that carry none.
    pub(super) fn zone(&self) -> Tz {
        self.zone
    }

    /// What is done to the values.
    pub(super) fn change(&self) -> &Change {
        &self.change
    }

    /// Whether a value is one of this column.
    pub fn check(&self, text: &str) -> Result<(), Fault> {
        self.read(Raw::Text(text), &mut Work::default(), &mut Notes::default()).map(drop)
    }

    /// Reads one cell.
    pub fn read<'a>(&'a self, raw: Raw<'a>, work: &'a mut Work, notes: &mut Notes) -> Result<Cell<'a>, Fault> {
        let Work { number, padded, text: room, json, bytes, last_time } = work;
        if matches!(self.target, Target::List) {
            return list::read(self, raw, json, notes);
        }
        let text = match raw {
            Raw::Text(text) => text,
            Raw::Json(Value::String(text)) if text.contains('\0') => {
                return Err(self.fault("nul_byte", text, "holds a NUL character; remove it"));
            }
            Raw::Json(Value::String(text)) => text,
            Raw::Missing => return self.missing(),
            Raw::Json(Value::Null) => return self.blank(),
            Raw::Json(Value::Bool(yes)) => match self.target {
                Target::Bool if self.change.codes.is_none() => return Ok(Cell::Bool(*yes)),
                _ => {
                    if *yes {
                        "true"
                    } else {
                        "false"
                    }
                }
            },
            Raw::Json(Value::Number(n)) => {
                if let (Target::F64 { .. }, None, Some(x)) = (self.target, &self.change.codes, n.as_f64()) {
                    return self.amount(x, || n.to_string());
                }
                *number = n.to_string();
                number.as_str()
            }
            Raw::Json(Value::Array(_) | Value::Object(_)) => {
                return Err(self.fault("bad_type", "", "is a list or an object; write one value"));
            }
        };
        if text.len() > CELL_BYTES_MAX {
            return Err(self.fault(
                "cell_too_long",
                text,
                &format!("has more than {CELL_BYTES_MAX} bytes; shorten it"),
            ));
        }
        let text = text.trim();
        if is_null(text) {
            return self.blank();
        }
        let text = match &self.change.codes {
            None => text,
            Some(table) => match (table.ours.get(text), &table.otherwise) {
                (Some(ours), _) | (None, Some(ours)) => ours.as_str(),
                (None, None) => {
                    self.note(notes, "unknown_code", text, &format!("is not in [codes.{}]; kept as sent", table.name));
                    text
                }
            },
        };
        if text.is_empty() {
            return self.blank();
        }
        let text = if text.len() < self.change.pad {
            padded.clear();
            padded.extend(std::iter::repeat_n('0', self.change.pad - text.len()));
            padded.push_str(text);
            padded.as_str()
        } else {
            text
        };
        self.value(text, room, bytes, last_time, notes)
    }

    /// Text that is there, as the column's kind.
    fn value<'a>(
        &'a self,
        text: &'a str,
        room: &'a mut String,
        bytes: &'a mut Vec<u8>,
        last_time: &mut Option<(String, i64)>,
        notes: &mut Notes,
    ) -> Result<Cell<'a>, Fault> {
        match self.target {
            Target::Id => Ok(Cell::Text(upper(text, room))),
            Target::Hs => self.hs_code(text, room),
            Target::Code => Ok(Cell::Text(self.code(text, notes))),
            Target::Country => Ok(Cell::Text(self.country(text, room, notes))),
            Target::Text => Ok(Cell::Text(composed(text, room))),
            Target::I32 { min } => {
                let value = self.whole(text)?;
                match i32::try_from(value) {
                    Ok(value) if value >= min => Ok(Cell::I32(value)),
                    _ => Err(self.fault("out_of_range", text, &format!("is out of range; write {min} or more"))),
                }
            }
            Target::I64 => self.whole(text).map(Cell::I64),
            Target::F64 { .. } => {
                let shaped = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
                match text.parse() {
                    Ok(x) if shaped => self.amount(x, || text.to_owned()),
                    _ => Err(self.fault("bad_number", text, "is not a number; write digits with a decimal point")),
                }
            }
            Target::Bool => match flag(text) {
                Some(yes) => Ok(Cell::Bool(yes)),
                None => Err(self.fault("bad_boolean", text, "is no yes or no; write true, false, Y, N, 1 or 0")),
            },
            Target::Date => {
                let day = time::date(text, self.change.date.as_deref()).map_err(|bad| self.bad_time(bad, text))?;
                Ok(Cell::Date(day))
            }
            Target::Ts => {
                if let Some((last, ms)) = last_time
                    && last == text
                {
                    return Ok(Cell::Ts(*ms));
                }
                let instant = time::instant(text, self.change.date.as_deref(), self.zone)
                    .map_err(|bad| self.bad_time(bad, text))?;
                if instant.day_only {
                    let column = self.column.name;
                    notes.row("day_only", column, "", || {
                        format!("column {:?}: has days without a time; read as 00:00 in {}", self.shown, self.zone)
                    });
                }
                // The one note per column is made, or about to be: the next row may take the short way.
                let (last, ms) = last_time.get_or_insert_default();
                last.clear();
                last.push_str(text);
                *ms = instant.ms;
                Ok(Cell::Ts(instant.ms))
            }
            Target::Hash => {
                *bytes = hex::decode(text).unwrap_or_default();
                if bytes.len() == 32 {
                    Ok(Cell::Bytes(bytes))
                } else {
                    Err(self.fault("bad_hash", text, "is no SHA-256; write 64 hexadecimal digits"))
                }
            }
            Target::List => Ok(Cell::Null),
        }
    }

    /// A number, in our unit and within bounds.
    pub(super) fn amount(&self, x: f64, shown: impl FnOnce() -> String) -> Result<Cell<'static>, Fault> {
        self.bounded(x).map(Cell::F64).map_err(|advice| self.fault("out_of_range", &shown(), &advice))
    }

    /// A number in our unit, or what is wrong with it.
    pub(super) fn bounded(&self, x: f64) -> Result<f64, String> {
        let Target::F64 { min, max } = self.target else { return Ok(x) };
        let x = x * self.change.factor.unwrap_or(1.0);
        if !x.is_finite() {
            Err(if x.is_nan() { "is not a number" } else { "is too large" }.to_owned())
        } else if x < min {
            Err(if min == 0.0 { "is negative; write 0 or more".to_owned() } else { format!("is less than {min}") })
        } else if x > max {
            Err(format!("is more than {max}"))
        } else {
            Ok(x)
        }
    }

    /// The smallest and the largest number the column takes, in our unit.
    pub(super) fn bounds(&self) -> (f64, f64) {
        match self.target {
            Target::F64 { min, max } => (min, max),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Whether each of these texts is read as it stands, by a look at the bytes that may be wrong about those it
    /// should take, never about those it should not.
    pub(super) fn takes_as_they_are(&self, texts: &StringArray) -> bool {
        if self.change.codes.is_some() || self.change.pad > 0 || texts.null_count() > 0 {
            return false;
        }
        let lengths_in = |least: usize, most: usize| lengths(texts).all(|length| (least..=most).contains(&length));
        let nothing_blank = || texts.iter().flatten().all(|text| !is_null(text));
        match self.target {
            Target::Hs => every_byte(texts, |b| b.is_ascii_digit()) && lengths_in(6, 12),
            Target::Id => {
                every_byte(texts, |b| b.is_ascii_graphic() && !b.is_ascii_lowercase())
                    && lengths_in(1, CELL_BYTES_MAX)
                    && nothing_blank()
            }
            Target::Text => {
                // Spaces inside are part of a text; those around it are not.
                let ends = |text: &str| text.starts_with(' ') || text.ends_with(' ');
                every_byte(texts, |b| b.is_ascii_graphic() || b == b' ')
                    && lengths_in(1, CELL_BYTES_MAX)
                    && texts.iter().flatten().all(|text| !is_null(text) && !ends(text))
            }
            _ => false,
        }
    }

    /// The smallest whole number the column takes.
    pub(super) fn least(&self) -> i64 {
        match self.target {
            Target::I32 { min } => i64::from(min),
            _ => i64::MIN,
        }
    }

    fn whole(&self, text: &str) -> Result<i64, Fault> {
        if let Ok(value) = text.parse() {
            return Ok(value);
        }
        // Some tools write a count with missing values among it as `1.0`.
        if let Some((whole, zeros)) = text.split_once('.')
            && !zeros.is_empty()
            && zeros.bytes().all(|b| b == b'0')
            && let Ok(value) = whole.parse()
        {
            return Ok(value);
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            Err(self.fault("out_of_range", text, "is out of range"))
        } else {
            Err(self.fault("bad_number", text, "is not a whole number; write digits"))
        }
    }

    /// A code in the spelling of its list, or as sent.
    pub(super) fn code<'a>(&self, text: &'a str, notes: &mut Notes) -> &'a str {
        let values = self.column.values;
        if values.is_empty() || values.contains(&text) {
            return text;
        }
        if let Some(listed) = values.iter().find(|listed| listed.eq_ignore_ascii_case(text)) {
            return listed;
        }
        self.note(notes, "unknown_code", text, &format!("is none of {}; kept as sent", values.join(", ")));
        text
    }

    /// A country as ISO alpha-2; what no table has is kept, since rules want to see it.
    fn country<'a>(&self, text: &'a str, room: &'a mut String, notes: &mut Notes) -> &'a str {
        match Country::parse(text) {
            Ok(country) if country.as_str() == text => text,
            Ok(country) => {
                room.clear();
                room.push_str(country.as_str());
                room
            }
            Err(_) => {
                if !codes::is_passport_code(text) {
                    self.note(notes, "unknown_country", text, "is no ISO 3166 or passport code; kept as sent");
                }
                text
            }
        }
    }

    /// A tariff code. One that is digits already, as nearly all are, is what parsing would give.
    fn hs_code<'a>(&self, text: &'a str, room: &'a mut String) -> Result<Cell<'a>, Fault> {
        if (6..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Cell::Text(text));
        }
        match HsCode::parse(text) {
            Ok(code) => {
                room.clear();
                room.push_str(code.as_str());
                Ok(Cell::Text(room))
            }
            Err(_) => Err(self.fault("bad_hs_code", text, "is no tariff code; write 6 to 12 digits")),
        }
    }

    /// A cell that is blank.
    pub(super) fn blank(&self) -> Result<Cell<'static>, Fault> {
        match &self.blank {
            Blank::Null => Ok(Cell::Null),
            Blank::Default(cell) => Ok(cell.clone()),
            Blank::Refused(code) => {
                let reason = format!("column {:?}: is blank; every row needs `{}`", self.shown, self.column.name);
                Err(Fault { code, reason })
            }
        }
    }

    /// A field that the row does not have. A file that never has it is like one without the column.
    fn missing(&self) -> Result<Cell<'static>, Fault> {
        match &self.blank {
            Blank::Refused("missing_key") => self.blank(),
            Blank::Refused(_) => Ok(Cell::Null),
            _ => self.blank(),
        }
    }

    fn bad_time(&self, bad: BadTime, text: &str) -> Fault {
        let pattern = self.change.date.as_deref();
        match bad {
            BadTime::Shape => {
                let advice = match (pattern, self.target) {
                    (Some(pattern), _) => format!("does not fit the pattern {pattern}"),
                    (None, Target::Date) => "is not a date; write 2026-01-31".to_owned(),
                    (None, _) => "is not a time; write 2026-01-31T09:30:00+09:00".to_owned(),
                };
                self.fault("bad_date", text, &advice)
            }
            BadTime::Impossible => {
                self.fault("impossible_date", text, "does not exist in the calendar or on the clock")
            }
            BadTime::Range => self.fault("date_out_of_range", text, "is not between the years 1900 and 2100"),
        }
    }

    /// A fault of this column. Personal data is not repeated in reasons; it stays in the text set aside.
    pub(super) fn fault(&self, code: &'static str, value: &str, advice: &str) -> Fault {
        Fault { code, reason: format!("column {:?}: {} {advice}", self.shown, self.quoted(value)) }
    }

    fn note(&self, notes: &mut Notes, code: &'static str, value: &str, advice: &str) {
        let text = || format!("column {:?}: {} {advice}", self.shown, self.quoted(value));
        notes.row(code, self.column.name, value, text);
    }

    fn quoted(&self, value: &str) -> String {
        let hidden = self.column.personal.is_some_and(|class| class != Personal::Business);
        if hidden || value.is_empty() {
            return "the value".to_owned();
        }
        match value.char_indices().nth(QUOTED_CHARS) {
            None => format!("{value:?}"),
            Some((end, _)) => format!("{:?}...", &value[..end]),
        }
    }
}

impl Target {
    fn of(column: &Column) -> Self {
        let name = column.name;
        match column.kind {
            Kind::Id if matches!(name, "hs_code" | "found_hs_code") => Self::Hs,
            Kind::Id => Self::Id,
            Kind::Code if name.ends_with("_country") || name == "nationality" => Self::Country,
            Kind::Code => Self::Code,
            Kind::Text => Self::Text,
            Kind::I32 => match name {
                "item_no" | "line_no" | "version" | "subject_version" => Self::I32 { min: 1 },
                "document_days_left" => Self::I32 { min: i32::MIN },
                _ => Self::I32 { min: 0 },
            },
            Kind::I64 => Self::I64,
            Kind::F64 => {
                let signed = ["hours_", "days_"].iter().any(|start| name.starts_with(start))
                    || ["_days", "_hours", "_delta_usd"].iter().any(|end| name.ends_with(end));
                let max = if name == "propensity" { 1.0 } else { f64::MAX };
                Self::F64 { min: if signed { f64::MIN } else { 0.0 }, max }
            }
            Kind::Bool => Self::Bool,
            Kind::Date => Self::Date,
            Kind::Ts => Self::Ts,
            Kind::Hash => Self::Hash,
            Kind::List(_) | Kind::Records(_) => Self::List,
        }
    }
}

/// Whether all bytes of all texts pass; without a branch, so that many are looked at at once.
fn every_byte(texts: &StringArray, pass: impl Fn(u8) -> bool) -> bool {
    let offsets = texts.value_offsets();
    let ends = offsets.first().zip(offsets.last()).map(|(from, to)| *from as usize..*to as usize);
    let bytes = ends.and_then(|range| texts.value_data().get(range)).unwrap_or_default();
    bytes.iter().fold(true, |all, byte| all & pass(*byte))
}

/// Bytes of each text.
fn lengths(texts: &StringArray) -> impl Iterator<Item = usize> + '_ {
    texts.value_offsets().windows(2).map(|ends| (ends[1] - ends[0]) as usize)
}

/// What senders write for nothing. `NA` is Namibia.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "-" | "NULL" | "<null/>")
}

/// The flag that the text is, if any.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "Y" | "y" => Some(true),
        "0" | "N" | "n" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Identifiers are compared in upper case.
pub(super) fn upper<'a>(text: &'a str, room: &'a mut String) -> &'a str {
    if text.is_ascii() {
        if !text.bytes().any(|b| b.is_ascii_lowercase()) {
            return text;
        }
        room.clear();
        room.push_str(text);
        room.make_ascii_uppercase();
        return room;
    }
    let raised = text.nfc().collect::<String>().to_uppercase();
    if raised == text {
        return text;
    }
    *room = raised;
    room
}

/// Text in the composed normal form (NFC).
pub(super) fn composed<'a>(text: &'a str, room: &'a mut String) -> &'a str {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return text;
    }
    room.clear();
    room.extend(text.nfc());
    room
}

#[cfg(test)]
mod tests {
    use haechi_model::streams::DECLARATION;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A look at the bytes may miss that texts are fine, and never finds texts fine that are read as something else.
        #[test]
        fn what_is_taken_as_it_is_reads_as_it_is(
            texts in prop::collection::vec("[A-C0-9]{0,8}|[aA0é \\-\u{0}]{0,7}| ?NULL|-|<null/>|[0-9]{4,13}", 1..4)
        ) {
            for name in ["declaration_id", "hs_code", "description"] {
                let reader = CellReader::new(DECLARATION.column(name).unwrap(), Tz::UTC);
                if reader.takes_as_they_are(&StringArray::from(texts.clone())) {
                    for text in &texts {
                        let (mut work, mut notes) = (Work::default(), Notes::default());
                        prop_assert_eq!(reader.read(Raw::Text(text), &mut work, &mut notes), Ok(Cell::Text(text)), "{}", name);
                    }
                }
            }
        }
    }

    #[test]
    fn texts_as_they_mostly_are_need_no_second_look() {
        for (name, texts) in [
            ("declaration_id", ["24DE001-7", "X/1"]),
            ("hs_code", ["640299", "6402991000"]),
            ("description", ["Shoes, of leather", "x"]),
        ] {
            let reader = CellReader::new(DECLARATION.column(name).unwrap(), Tz::UTC);
            assert!(reader.takes_as_they_are(&StringArray::from(texts.to_vec())), "{name}");
            let slice = StringArray::from(vec![" ", texts[0], texts[1], ""]).slice(1, 2);
            assert!(reader.takes_as_they_are(&slice), "{name}: only what the slice shows is looked at");
        }
    }
}
