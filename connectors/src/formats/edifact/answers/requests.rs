//! From the rows of a passenger list to the answer to its request.

use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDateTime};
use haechi_model::codes;

use super::boarding::{Board, BoardingAnswer, Kind, Leg, PersonAnswer};
use crate::answers::Rows;

/// Columns of traveller rows that an answer repeats.
struct People<'b>(Rows<'b>);

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

impl People<'_> {
    fn text(&self, name: &str, row: usize) -> &str {
        self.0.text(name, row)
    }

    /// On the clock of the airport.
    fn local(&self, column: &str, airport: &str, row: usize) -> Option<NaiveDateTime> {
        let at = DateTime::from_timestamp_millis(self.0.instant(column, row)?)?;
        Some(at.with_timezone(&codes::airport(airport)?.tz).naive_local())
    }

    fn leg(&self, row: usize) -> Leg {
        let number = self.0.number("flight_no", row).map(|n| n.to_string()).unwrap_or_default();
        let (from, to) = (self.text("departure_airport", row), self.text("arrival_airport", row));
        Leg {
            flight: format!("{}{number}{}", self.text("carrier", row), self.text("flight_suffix", row)),
            departs: self.local("departure_scheduled_at", from, row),
            arrives: self.local("arrival_scheduled_at", to, row),
            from: from.to_owned(),
            to: to.to_owned(),
            border: true,
        }
    }
}

/// The answers to the requests of passenger lists, from their traveller rows: one a request (RFF TN) of a message, in
/// it one for each person, whatever number of flights he is on. `decide` says of a row whether its person may board; of
/// several rows of a person the strictest counts. Rows without request number ask for no answer: CONTRL is theirs.
pub fn answers_to(batch: &RecordBatch, decide: impl FnMut(usize) -> Board) -> Vec<BoardingAnswer> {
    answers_by_message(batch, decide).into_iter().map(|(_, answer)| answer).collect()
}

/// The same, each with the column `message_id` of what it answers.
pub(super) fn answers_by_message(
    batch: &RecordBatch,
    mut decide: impl FnMut(usize) -> Board,
) -> Vec<(String, BoardingAnswer)> {
    let rows = People(Rows::new(batch, &TEXTS));
    let mut answers: Vec<(String, BoardingAnswer, Vec<String>)> = Vec::new();
    for row in 0..batch.num_rows() {
        let request = rows.text("request_ref", row);
        if request.is_empty() {
            continue;
        }
        let message = rows.text("message_id", row);
        // Rows of a message stand together.
        if answers.last().is_none_or(|(last, answer, _)| last != message || answer.request_ref != request) {
            let answer = BoardingAnswer {
                kind: Kind::Answer,
                reference: (answers.len() + 1).to_string(),
                common_reference: String::new(),
                request_ref: request.to_owned(),
                legs: Vec::new(),
                people: Vec::new(),
                errors: Vec::new(),
            };
            answers.push((message.to_owned(), answer, Vec::new()));
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
    answers.into_iter().map(|(message, answer, _)| (message, answer)).collect()
}

/// Says it to a person.
pub(super) fn say(person: &mut PersonAnswer, board: Board) {
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
