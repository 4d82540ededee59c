//! A selection as a JSON object, the same wherever it is read: answers, events, messages, calls, files.
//!
//! ```json
//! {"position":1042,"selection_id":"1042","stream":"declaration","subject_id":"24DE001","version":1,"lane":"examine",
//!  "requested_lane":"examine","score":60.0,"reasons":["undervalued"],"instructions":["Weigh it."],
//!  "random_stratum":null,"lowered_by":null,"mandatory":false,"rows":3,"ruleset_hash":"<64 hex digits>",
//!  "policy_hash":"<64 hex digits>","decided_at":"2026-11-22T06:39:52.017Z"}
//! ```
//!
//! Every field is always there, in this order, on one line. The id is the position as text, since not every language
//! reads large integers whole.

use arrow::array::{Array, AsArray, DictionaryArray, ListArray, RecordBatch};
use arrow::datatypes::{ArrowNativeType, Int16Type};
use chrono::{DateTime, Datelike, Timelike};
use serde::Serialize;

use super::published::{NotPublished, Published, text};

/// Writes selections of one batch; what they share is prepared once.
#[derive(Debug)]
pub struct SelectionJson<'a> {
    columns: Published<'a>,
    streams: Codes<'a>,
    lanes: Codes<'a>,
    requested_lanes: Codes<'a>,
    random_strata: Codes<'a>,
}

impl<'a> SelectionJson<'a> {
    /// For a batch in [`haechi_model::selection::published_schema`].
    pub fn new(batch: &'a RecordBatch) -> Result<Self, NotPublished> {
        Published::of(batch).map(Self::over)
    }

    /// For columns that somebody looks at already.
    pub fn over(columns: Published<'a>) -> Self {
        Self {
            columns,
            streams: Codes::new(columns.streams),
            lanes: Codes::new(columns.lanes),
            requested_lanes: Codes::new(columns.requested_lanes),
            random_strata: Codes::new(columns.random_strata),
        }
    }

    /// Appends the selection of a row: one object, no line end.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        let Self { columns, .. } = self;
        let position = columns.position(row);
        out.extend_from_slice(b"{\"position\":");
        value(out, &position);
        out.extend_from_slice(b",\"selection_id\":\"");
        value(out, &position);
        out.extend_from_slice(b"\",\"stream\":");
        self.streams.write(row, out);
        out.extend_from_slice(b",\"subject_id\":");
        value(out, columns.subject_id(row));
        out.extend_from_slice(b",\"version\":");
        value(out, &columns.versions.value(row));
        out.extend_from_slice(b",\"lane\":");
        self.lanes.write(row, out);
        out.extend_from_slice(b",\"requested_lane\":");
        self.requested_lanes.write(row, out);
        out.extend_from_slice(b",\"score\":");
        value(out, &columns.scores.value(row));
        out.extend_from_slice(b",\"reasons\":");
        list(out, columns.reasons, row);
        out.extend_from_slice(b",\"instructions\":");
        list(out, columns.instructions, row);
        out.extend_from_slice(b",\"random_stratum\":");
        self.random_strata.write(row, out);
        out.extend_from_slice(b",\"lowered_by\":");
        value(out, &text(columns.lowered_by, row));
        out.extend_from_slice(b",\"mandatory\":");
        value(out, &columns.mandatory.value(row));
        out.extend_from_slice(b",\"rows\":");
        value(out, &columns.rows.value(row));
        out.extend_from_slice(b",\"ruleset_hash\":");
        hash(out, columns.ruleset_hashes.value(row));
        out.extend_from_slice(b",\"policy_hash\":");
        hash(out, columns.policy_hashes.value(row));
        out.extend_from_slice(b",\"decided_at\":");
        instant(out, columns.decided_at.value(row));
        out.push(b'}');
    }
}

/// A column of few values, each of them written as JSON beforehand.
#[derive(Debug)]
struct Codes<'a> {
    column: &'a DictionaryArray<Int16Type>,
    written: Vec<Vec<u8>>,
}

impl<'a> Codes<'a> {
    fn new(column: &'a DictionaryArray<Int16Type>) -> Self {
        let written = column.values().as_string::<i32>().iter().map(|code| {
            let mut json = Vec::new();
            value(&mut json, &code);
            json
        });
        Self { column, written: written.collect() }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let keys = self.column.keys();
        let json = keys.is_valid(row).then(|| self.written.get(keys.value(row).as_usize())).flatten();
        out.extend_from_slice(json.map_or(b"null", Vec::as_slice));
    }
}

/// A number, a text, a Boolean or nothing. Numbers that JSON does not know (NaN, infinity) become null.
fn value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("a scalar always has a JSON form, and memory takes it");
}

fn list(out: &mut Vec<u8>, column: &ListArray, row: usize) {
    let texts = column.values().as_string::<i32>();
    let offsets = column.value_offsets();
    let members = offsets[row].as_usize()..offsets[row + 1].as_usize();
    out.push(b'[');
    for member in members.clone() {
        if member > members.start {
            out.push(b',');
        }
        value(out, &texts.is_valid(member).then(|| texts.value(member)));
    }
    out.push(b']');
}

fn hash(out: &mut Vec<u8>, hash: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * hash.len(), 0);
    hex::encode_to_slice(hash, &mut out[start..]).expect("there is room for two digits a byte");
    out.push(b'"');
}

/// RFC 3339 with milliseconds, in UTC. By hand: a formatter reads its pattern again for each row.
fn instant(out: &mut Vec<u8>, millis: i64) {
    let Some(at) = DateTime::from_timestamp_millis(millis).filter(|at| (0..10_000).contains(&at.year())) else {
        out.extend_from_slice(b"null");
        return;
    };
    let mut digits = |before: u8, number: u32, width: u32| {
        out.push(before);
        out.extend((0..width).rev().map(|place| b'0' + (number / 10_u32.pow(place) % 10) as u8));
    };
    digits(b'"', at.year() as u32, 4);
    digits(b'-', at.month(), 2);
    digits(b'-', at.day(), 2);
    digits(b'T', at.hour(), 2);
    digits(b':', at.minute(), 2);
    digits(b':', at.second(), 2);
    digits(b'.', at.timestamp_subsec_millis(), 3);
    out.extend_from_slice(b"Z\"");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::testing::{Row, published};

    fn json(batch: &RecordBatch) -> Vec<String> {
        let writer = SelectionJson::new(batch).unwrap();
        let write = |row| {
            let mut out = Vec::new();
            writer.write(row, &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..batch.num_rows()).map(write).collect()
    }

    #[test]
    fn every_field_is_there_in_the_order_of_the_documentation() {
        let plain = Row::new(7, "declaration", "24DE\"001\u{1}", "release");
        let full = Row {
            requested_lane: "examine",
            score: 60.5,
            reasons: vec!["undervalued", "new_importer"],
            instructions: vec!["Weigh it.\nThen \"open\" it."],
            random_stratum: Some("new"),
            lowered_by: Some("aeo"),
            mandatory: true,
            ..Row::new(1 << 60, "declaration", "묶음", "examine")
        };
        insta::assert_snapshot!(json(&published(&[plain, full])).join("\n"), @r#"
        {"position":7,"selection_id":"7","stream":"declaration","subject_id":"24DE\"001\u0001","version":1,"lane":"release","requested_lane":"release","score":0.0,"reasons":[],"instructions":[],"random_stratum":null,"lowered_by":null,"mandatory":false,"rows":1,"ruleset_hash":"abababababababababababababababababababababababababababababababab","policy_hash":"0101010101010101010101010101010101010101010101010101010101010101","decided_at":"2026-11-22T06:39:52.017Z"}
        {"position":1152921504606846976,"selection_id":"1152921504606846976","stream":"declaration","subject_id":"묶음","version":1,"lane":"examine","requested_lane":"examine","score":60.5,"reasons":["undervalued","new_importer"],"instructions":["Weigh it.\nThen \"open\" it."],"random_stratum":"new","lowered_by":"aeo","mandatory":true,"rows":1,"ruleset_hash":"abababababababababababababababababababababababababababababababab","policy_hash":"0101010101010101010101010101010101010101010101010101010101010101","decided_at":"2026-11-22T06:39:52.017Z"}
        "#);
    }

    #[test]
    fn what_json_cannot_say_is_null() {
        let rows = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300];
        let rows = rows.map(|score| Row { score, ..Row::new(1, "traveller", "P1", "clear") });
        let scores = json(&published(&rows)).into_iter().map(|text| {
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            object["score"].to_string()
        });
        assert_eq!(scores.collect::<Vec<_>>(), ["null", "null", "null", "-0.0", "1e+300"]);
        let far = Row { decided_at: i64::MAX, ..Row::new(1, "traveller", "P1", "clear") };
        assert!(json(&published(&[far]))[0].ends_with(r#""decided_at":null}"#));
    }

    #[test]
    fn a_part_of_a_batch_is_written_as_in_the_whole() {
        let rows: Vec<_> = (1..=9)
            .map(|p| Row { reasons: vec!["a"; p % 3], ..Row::new(p as u64, "consignment", ["x", "y"][p % 2], "scan") })
            .collect();
        let whole = published(&rows);
        assert_eq!(json(&whole.slice(4, 3)), json(&whole)[4..7]);
    }

    #[test]
    fn instants_are_written_as_chrono_does() {
        for millis in [0, 1, -1, 951_782_399_999, 1_795_329_592_017, 253_402_300_799_999] {
            let mut out = Vec::new();
            instant(&mut out, millis);
            let theirs =
                DateTime::from_timestamp_millis(millis).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{theirs}\""));
        }
    }

    #[test]
    fn other_batches_are_refused_with_the_column() {
        let batch = published(&[Row::new(1, "traveller", "P1", "clear")]);
        let fewer = batch.project(&[0, 1, 2]).unwrap();
        assert_eq!(SelectionJson::new(&fewer).unwrap_err().column, "stream");
    }
}
