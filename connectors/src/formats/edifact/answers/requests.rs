//! From the rows of a passenger list to the answer to its request.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDateTime};
use haechi_model::codes;

use super::boarding::{Board, BoardingAnswer, Kind, Leg, PersonAnswer};

/// Columns of traveller rows that an answer repeats.
struct Rows {
    texts: Vec<(&'static str, StringArray)>,
    flight_no: Option<ArrayRef>,
    times: [Option<ArrayRef>; 2],
}

const TEXTS: [&str; 9] = [
    "request_ref",
    "message_id",
    "message_path",
    "carrier",
    "flight_suffix",
    "departure_airport",
    "arrival_airport",
    "locator",
    "carrier_pax_ref",
];

impl Rows {
    fn of(batch: &RecordBatch) -> Self {
        let text = |name| {
            let column = cast(batch.column_by_name(name)?, &DataType::Utf8).ok()?;
            Some((name, column.as_string_opt::<i32>()?.clone()))
        };
        let column = |name| batch.column_by_name(name).map(Arc::clone);
        Self {
            texts: TEXTS.into_iter().filter_map(text).collect(),
            flight_no: column("flight_no"),
            times: [column("departure_scheduled_at"), column("arrival_scheduled_at")],
        }
    }

    fn text(&self, name: &str, row: usize) -> &str {
        let column = self.texts.iter().find(|(known, _)| *known == name).map(|(_, column)| column);
        column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
    }

    /// On the clock of the airport.
    fn local(&self, which: usize, airport: &str, row: usize) -> Option<NaiveDateTime> {
        let times = self.times[which].as_ref()?.as_primitive_opt::<TimestampMillisecondType>()?;
        let at = times.is_valid(row).then(|| times.value(row))?;
        let zone = codes::airport(airport)?.tz;
        Some(DateTime::from_timestamp_millis(at)?.with_timezone(&zone).naive_local())
    }

    fn leg(&self, row: usize) -> Leg {
        let number = self.flight_no.as_ref().and_then(|column| column.as_primitive_opt::<Int32Type>());
        let number = number.filter(|n| n.is_valid(row)).map(|n| n.value(row).to_string()).unwrap_or_default();
        let (from, to) = (self.text("departure_airport", row), self.text("arrival_airport", row));
        Leg {
            flight: format!("{}{number}{}", self.text("carrier", row), self.text("flight_suffix", row)),
            departs: self.local(0, from, row),
            arrives: self.local(1, to, row),
            from: from.to_owned(),
            to: to.to_owned(),
            border: true,
        }
    }
}

/// The answers to the requests of passenger lists, from their traveller rows: one a request (RFF TN) of a message, in
/// it one for each person, whatever number of flights he is on. `decide` says of a row whether its person may board; of
/// several rows of a person the strictest counts. Rows without request number ask for no answer: CONTRL is theirs.
pub fn answers_to(batch: &RecordBatch, mut decide: impl FnMut(usize) -> Board) -> Vec<BoardingAnswer> {
    let rows = Rows::of(batch);
    let mut answers: Vec<(String, BoardingAnswer, Vec<String>)> = Vec::new();
    for row in 0..batch.num_rows() {
        let request = rows.text("request_ref", row);
        if request.is_empty() {
            continue;
        }
        let key = format!("{request}\0{}", rows.text("message_id", row));
        // Rows of a message stand together.
        if answers.last().is_none_or(|(last, ..)| *last != key) {
            let answer = BoardingAnswer {
                kind: Kind::Answer,
                reference: (answers.len() + 1).to_string(),
                common_reference: String::new(),
                request_ref: request.to_owned(),
                legs: Vec::new(),
                people: Vec::new(),
                errors: Vec::new(),
            };
            answers.push((key, answer, Vec::new()));
        }
        let Some((_, answer, paths)) = answers.last_mut() else { continue };
        let leg = rows.leg(row);
        if !answer.legs.contains(&leg) {
            answer.legs.push(leg);
        }
        let board = decide(row);
        let path = rows.text("message_path", row);
        // The rows of a person on several flights follow each other.
        if let (true, Some(person)) = (paths.last().is_some_and(|last| last == path), answer.people.last_mut()) {
            if strictness(board.code()) > strictness(&person.code) {
                say(person, board);
            }
            continue;
        }
        paths.push(path.to_owned());
        let mut person = PersonAnswer {
            locator: rows.text("locator", row).to_owned(),
            reference: rows.text("carrier_pax_ref", row).to_owned(),
            ..PersonAnswer::default()
        };
        say(&mut person, board);
        answer.people.push(person);
    }
    answers.into_iter().map(|(_, answer, _)| answer).collect()
}

fn say(person: &mut PersonAnswer, board: Board) {
    board.code().clone_into(&mut person.code);
    person.text = Some(board.text().to_owned());
}

/// `1Z` before `4Z` before `2Z` before `0Z`.
fn strictness(code: &str) -> u8 {
    match code {
        "1Z" => 3,
        "4Z" => 2,
        "2Z" => 1,
        _ => 0,
    }
}
