//! The interchanges that answer interchanges: CUSRES to who asked whether people may board, CUSRES to declarations,
//! manifests and reports, and CONTRL to everything that is not answered by the first of these.

use std::ops::Range;

use chrono::{DateTime, NaiveDateTime};
use haechi_model::intake::SetAside;
use rustc_hash::FxHashMap;

use super::super::cusrep;
use super::super::interchange::{Seen, SeenMessage, envelopes};
use super::super::segments::{Arena, Cutter};
use super::super::write::{Envelope, Group};
use super::boarding::{self, Board, BoardingAnswer, PersonAnswer, RequestError};
use super::customs::{self, BillAnswer, CustomsAnswer, CustomsError};
use super::requests::{answers_by_message, say};
use super::syntax::{self, Action, Position, fault_of, is_whole};
use crate::answers::{Answering, Decided, Document, EDIFACT, Rows, Taken, strictest};

/// Errors that one answer names.
const ERRORS_MAX: usize = 99;
/// Why the end of an interchange is set aside.
const TRUNCATED: &str = "truncated";
/// ERC of a request whose flight is not known.
const FLIGHT_NOT_KNOWN: &str = "118";

/// Interchanges of one input that are answered.
const INTERCHANGES_MAX: usize = 1_000;

/// Answers all interchanges of an input, in one document.
pub fn answer(to: &Answering<'_>) -> Vec<Document> {
    let mut seen = envelopes(to.message.bytes);
    seen.truncate(INTERCHANGES_MAX);
    syntax::refuse(&mut seen, to.set_aside);
    let found = Found::of(to);
    let mut text = String::new();
    for (n, seen) in seen.iter().enumerate() {
        Reply { to, seen, n, found: &found }.write(&mut text);
    }
    if text.is_empty() { Vec::new() } else { vec![Document { content_type: EDIFACT, text }] }
}

/// What belongs to which interchange, by its first byte.
struct Found<'a> {
    /// Units that were set aside, with the reference of their message.
    set_aside: FxHashMap<usize, Vec<(&'a SetAside, &'a str)>>,
    /// Rows of streams, which stand together.
    rows: FxHashMap<(&'static str, usize), Range<usize>>,
}

impl<'a> Found<'a> {
    fn of(to: &Answering<'a>) -> Self {
        let mut set_aside: FxHashMap<usize, Vec<(&'a SetAside, &'a str)>> = FxHashMap::default();
        for unit in to.set_aside {
            if let Some(Position { byte, message: Some((message, _)) }) = Position::of(&unit.position) {
                set_aside.entry(byte).or_default().push((unit, message));
            }
        }
        let mut rows: FxHashMap<(&'static str, usize), Range<usize>> = FxHashMap::default();
        for taken in to.taken {
            let positions = Rows::new(&taken.rows, &["source_position"]);
            for row in 0..taken.rows.num_rows() {
                if let Some(Position { byte, .. }) = Position::of(positions.text("source_position", row)) {
                    rows.entry((taken.stream.name, byte)).or_insert(row..row).end = row + 1;
                }
            }
        }
        Self { set_aside, rows }
    }
}

/// The answer to one interchange.
struct Reply<'a> {
    to: &'a Answering<'a>,
    seen: &'a Seen,
    n: usize,
    found: &'a Found<'a>,
}

impl Reply<'_> {
    fn write(&self, text: &mut String) {
        let boarding = self.boarding();
        let answered = |message: &SeenMessage| boarding.iter().any(|answer| answer.request_ref == message.request);
        // Who asked is answered by what he asked for; nobody else by anything but that it came. An acknowledgement is
        // not acknowledged.
        let messages = &self.seen.messages;
        let needs_none = |message: &SeenMessage| answered(message) || message.kind.starts_with("CONTRL");
        let all_answered = !messages.is_empty() && messages.iter().all(needs_none);
        let refused = self.seen.answer.action != Action::Acknowledged;
        let acknowledges = !messages.is_empty() && messages.iter().all(|message| message.kind.starts_with("CONTRL"));
        if !acknowledges && (!all_answered || refused) {
            text.push_str(&syntax::write(&self.envelope('1', ""), std::slice::from_ref(&self.seen.answer)));
        }
        if !boarding.is_empty() {
            let group = Group { reference: "1".to_owned(), version: "D:05B".to_owned() };
            let envelope = Envelope { group: Some(group), ..self.envelope('2', "IAPI") };
            text.push_str(&boarding::write(&envelope, &boarding));
        }
        let mut customs = self.declarations();
        customs.extend(self.manifests());
        customs.extend(self.reports());
        customs.extend(self.errors());
        for (n, answer) in customs.iter_mut().enumerate() {
            answer.reference = format!("RS{}", n + 1);
        }
        if !customs.is_empty() {
            text.push_str(&customs::write(&self.envelope('3', ""), &self.to.settings.cusres, &customs));
        }
    }

    /// Back to who sent it; its reference is ours and says which interchange and which of our answers.
    fn envelope(&self, which: char, application: &str) -> Envelope {
        let answer = &self.seen.answer;
        let sender = if answer.recipient.is_empty() { &self.to.settings.party } else { &answer.recipient };
        let syntax = if self.seen.syntax.is_empty() { "UNOA:2" } else { &self.seen.syntax };
        let number = if self.n == 0 { String::new() } else { self.n.to_string() };
        Envelope {
            syntax: syntax.to_owned(),
            sender: sender.clone(),
            recipient: answer.sender.clone(),
            at: self.local(self.to.at_ms),
            application: application.to_owned(),
            ..Envelope::new(format!("{}{number}{which}", self.to.reference))
        }
    }

    /// On the clock of the office.
    fn local(&self, at_ms: i64) -> NaiveDateTime {
        let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        at.with_timezone(&self.to.zone()).naive_local()
    }

    /// What was set aside of this interchange, each with the reference of its message.
    fn set_aside(&self) -> &[(&SetAside, &str)] {
        self.found.set_aside.get(&self.seen.byte).map_or(&[], Vec::as_slice)
    }

    /// Rows of this interchange in a stream.
    fn rows(&self, stream: &'static str) -> Option<(&Taken, Range<usize>)> {
        Some((self.to.of(stream)?, self.found.rows.get(&(stream, self.seen.byte))?.clone()))
    }

    /// Who may board. Of people who could not be read it is said so: everybody gets one answer.
    fn boarding(&self) -> Vec<BoardingAnswer> {
        let mut answers = self.rows("traveller").map_or(Vec::new(), |(taken, rows)| {
            let batch = taken.rows.slice(rows.start, rows.len());
            let board = |row: usize| match taken.decided.get(rows.start + row).copied().flatten() {
                Some(Decided { superseded: false, lane, .. }) => Board::of_lane(lane.name()),
                // Nobody is cleared by an answer to what does not hold any more.
                _ => Board::SendAgain,
            };
            answers_by_message(&batch, board)
        });
        // The number goes back as it was sent: the sender matches by it.
        for (message, answer) in &mut answers {
            let reference = message.split('/').nth(1).unwrap_or_default();
            if let Some(request) = self.request_of(reference) {
                request.clone_into(&mut answer.request_ref);
            }
        }
        for &(unit, reference) in self.set_aside() {
            let Some(request) = self.request_of(reference) else { continue };
            let of_request = |answer: &(String, BoardingAnswer)| answer.1.request_ref == request;
            let at = answers.iter().position(of_request).unwrap_or_else(|| {
                answers.push((String::new(), asked(request)));
                answers.len() - 1
            });
            let answer = &mut answers[at].1;
            if is_whole(unit.code) {
                let unknown = unit.code == "no_flight";
                let (code, text) = if unknown { (FLIGHT_NOT_KNOWN, "FLIGHT NOT KNOWN") } else { ("4Z", "SEND AGAIN") };
                answer.errors.push(RequestError { code: code.to_owned(), text: Some(text.to_owned()) });
            } else if unit.code == TRUNCATED {
                // Whoever stands last may be there in part only.
                answer.people.last_mut().into_iter().for_each(|last| say(last, Board::SendAgain));
            } else {
                unread(answer, self.numbers(&unit.text));
            }
        }
        answers.retain(|(_, answer)| !(answer.people.is_empty() && answer.errors.is_empty()));
        for (n, (_, answer)) in answers.iter_mut().enumerate() {
            answer.reference = (n + 1).to_string();
        }
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// RFF TN of a message, where it has one.
    fn request_of(&self, reference: &str) -> Option<&str> {
        let message = self.seen.messages.iter().find(|message| message.reference == reference)?;
        Some(message.request.as_str()).filter(|request| !request.is_empty())
    }

    /// The numbers of a person of whom nothing else can be read.
    fn numbers(&self, text: &str) -> PersonAnswer {
        let mut person = PersonAnswer::default();
        let mut arena = Arena::new(self.seen.chars);
        for raw in Cutter::new(text, self.seen.chars).filter(|raw| raw.tag() == "RFF") {
            arena.clear();
            // What is released wrongly leaves what was read before it.
            let _ = arena.push(raw);
            let Some(rff) = arena.first() else { continue };
            match rff.get(0, 0) {
                "AVF" => rff.get(0, 1).clone_into(&mut person.locator),
                "ABO" => rff.get(0, 1).clone_into(&mut person.reference),
                _ => {}
            }
        }
        person
    }

    /// What is to happen to declarations.
    fn declarations(&self) -> Vec<CustomsAnswer> {
        let Some((taken, rows)) = self.rows("declaration") else { return Vec::new() };
        let batch = taken.rows.slice(rows.start, rows.len());
        let cells = Rows::new(&batch, &["declaration_id", "sender_id", "office", "source_position"]);
        let answer = |run: Range<usize>| {
            let row = run.start;
            // A part of it is missing: the rest is not told to go.
            let message = Position::of(cells.text("source_position", row))?.message?.0;
            if self.set_aside().iter().any(|(_, of)| *of == message) {
                return None;
            }
            let decided = strictest(run.filter_map(|row| taken.decided[rows.start + row]))?;
            let status = self.to.settings.cusres.status(decided.lane.name()).filter(|_| !decided.superseded)?;
            let number = cells.text("declaration_id", row);
            let own = number.strip_prefix(cells.text("sender_id", row)).and_then(|rest| rest.strip_prefix(':'));
            let reference = own.map_or(("ABT", number), |own| ("ABE", own));
            let decided_at = self.local(decided.at_ms);
            let released = matches!(decided.lane.name(), "release" | "post_audit");
            Some(CustomsAnswer {
                decided_at: Some(decided_at),
                released_at: released.then_some(decided_at),
                office: cells.some("office", row),
                status: Some(status.to_owned()),
                references: vec![(reference.0.to_owned(), reference.1.to_owned())],
                ..CustomsAnswer::new(customs::Kind::Document, "", number)
            })
        };
        cells.runs("declaration_id").into_iter().filter_map(answer).collect()
    }

    /// What is to happen to the bills of manifests.
    fn manifests(&self) -> Vec<CustomsAnswer> {
        let Some((taken, rows)) = self.rows("consignment") else { return Vec::new() };
        let batch = taken.rows.slice(rows.start, rows.len());
        let cells = Rows::new(&batch, &["manifest_id", "house_bill_id", "bill_kind", "office"]);
        let answer = |run: Range<usize>| {
            let row = run.start;
            let decided = strictest(run.clone().filter_map(|row| taken.decided[rows.start + row]))?;
            let bill = |row: usize| {
                let decided = taken.decided[rows.start + row].filter(|decided| !decided.superseded)?;
                let lane = decided.lane.name();
                let status = self.to.settings.cusres.status(lane)?;
                let stopped = text_of(lane);
                Some(BillAnswer {
                    kind: if cells.text("bill_kind", row) == "house" { "714" } else { "705" }.to_owned(),
                    number: cells.text("house_bill_id", row).to_owned(),
                    status: status.to_owned(),
                    text: stopped.map(str::to_owned),
                    containers: if stopped.is_some() {
                        cells.listed("containers", Some("container_id"), row)
                    } else {
                        Vec::new()
                    },
                })
            };
            let manifest = cells.text("manifest_id", row);
            let bills: Vec<BillAnswer> = run.filter_map(bill).collect();
            // An answer without bills would read as if all was settled.
            (!bills.is_empty()).then(|| CustomsAnswer {
                decided_at: Some(self.local(decided.at_ms)),
                office: cells.some("office", row),
                references: vec![("CN".to_owned(), manifest.to_owned())],
                bills,
                ..CustomsAnswer::new(customs::Kind::Manifest, "", manifest)
            })
        };
        cells.runs("manifest_id").into_iter().filter_map(answer).collect()
    }

    /// That reports of conveyances came. Who tells what happened to containers asks for no answer: CONTRL is his.
    fn reports(&self) -> Vec<CustomsAnswer> {
        let Some((taken, rows)) = self.rows("cargo_event") else { return Vec::new() };
        let batch = taken.rows.slice(rows.start, rows.len());
        let cells = Rows::new(&batch, &["message_id", "consignment_id", "message_format"]);
        let answer = |run: Range<usize>| {
            let number = cells.text("consignment_id", run.start);
            CustomsAnswer {
                decided_at: Some(self.local(self.to.at_ms)),
                references: vec![("CN".to_owned(), number.to_owned())],
                ..CustomsAnswer::new(customs::Kind::Manifest, "", number)
            }
        };
        let reports = |run: &Range<usize>| cells.text("message_format", run.start) == cusrep::FORMAT;
        cells.runs("message_id").into_iter().filter(reports).map(answer).collect()
    }

    /// What of declarations, manifests and reports could not be taken, a message each.
    fn errors(&self) -> Vec<CustomsAnswer> {
        let mut answers: Vec<(&str, CustomsAnswer)> = Vec::new();
        for &(unit, reference) in self.set_aside() {
            if !self.is_customs(reference) {
                continue;
            }
            let at = answers.iter().position(|(known, _)| *known == reference).unwrap_or_else(|| {
                let mut answer = CustomsAnswer::new(customs::Kind::Errors, "", reference);
                answer.decided_at = Some(self.local(self.to.at_ms));
                answers.push((reference, answer));
                answers.len() - 1
            });
            let errors = &mut answers[at].1.errors;
            if errors.len() < ERRORS_MAX {
                let section = if is_whole(unit.code) { "1" } else { "2" };
                let code = (fault_of(unit.code) as u16).to_string();
                let text = Some(unit.reason.clone());
                errors.push(CustomsError { section: section.to_owned(), item: None, code, text });
            }
        }
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Whether a message is answered by customs.
    fn is_customs(&self, reference: &str) -> bool {
        let of = |kind: &str| ["CUSDEC", "CUSCAR", "CUSREP"].iter().any(|known| kind.starts_with(known));
        self.seen.messages.iter().any(|message| message.reference == reference && of(&message.kind))
    }
}

/// Says to a person who could not be read that the data are to be sent again; to one who was read in part too. Of whom
/// not even a number is known, nothing can be said.
fn unread(answer: &mut BoardingAnswer, person: PersonAnswer) {
    if person.reference.is_empty() && person.locator.is_empty() {
        return;
    }
    let same = |known: &&mut PersonAnswer| {
        if person.reference.is_empty() { known.locator == person.locator } else { known.reference == person.reference }
    };
    match answer.people.iter_mut().find(same) {
        Some(known) if known.code == Board::No.code() => {}
        Some(known) => say(known, Board::SendAgain),
        None => {
            let mut person = person;
            say(&mut person, Board::SendAgain);
            answer.people.push(person);
        }
    }
}

/// An answer to a request that says nothing yet.
fn asked(request: &str) -> BoardingAnswer {
    BoardingAnswer {
        kind: boarding::Kind::Answer,
        reference: String::new(),
        common_reference: String::new(),
        request_ref: request.to_owned(),
        legs: Vec::new(),
        people: Vec::new(),
        errors: Vec::new(),
    }
}

/// What is done with a bill that does not move on.
fn text_of(lane: &str) -> Option<&'static str> {
    match lane {
        "scan" => Some("SCAN BEFORE STORAGE"),
        "after_storage" => Some("EXAMINATION AFTER STORAGE"),
        "immediate" => Some("EXAMINATION ON ARRIVAL"),
        _ => None,
    }
}
