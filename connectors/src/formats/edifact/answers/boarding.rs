//! iAPI: whether the people of a request may board (CUSRES D.05B, BGM 962), that we changed our mind (132), and that a
//! carrier took note of it (312).
//!
//! Every person of a request gets exactly one answer, matched by request number (RFF TN) and carrier reference (RFF
//! ABO). A change goes out again until it is acknowledged; an answer to a request that another has replaced must clear
//! nobody, which is for whoever sends them to see to.

use chrono::NaiveDateTime;

use super::super::dates::{Century, parse};
use super::super::interchange::Message;
use super::super::output::Output;
use super::super::places::short;
use super::super::segments::Arena;
use super::super::write::{Envelope, Writer};
use super::{Warnings, in_components, text_of};

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 962: to a request.
    Answer,
    /// 132: nobody asked, we changed our mind.
    Change,
    /// 312: a carrier took note of a change.
    Acknowledgement,
}

/// May this person board. The second character is `Z` where no visa waiver scheme applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// `0Z`: yes.
    Yes,
    /// `1Z`: no.
    No,
    /// `2Z`: yes, with advice.
    Advisory,
    /// `4Z`: data is missing, send again.
    SendAgain,
}

impl Board {
    /// Every answer.
    pub const ALL: [Self; 4] = [Self::Yes, Self::No, Self::Advisory, Self::SendAgain];

    /// ERC 9321.
    pub fn code(self) -> &'static str {
        match self {
            Self::Yes => "0Z",
            Self::No => "1Z",
            Self::Advisory => "2Z",
            Self::SendAgain => "4Z",
        }
    }

    /// Of a traveller's lane. The carrier is not told of `refer` and `intercept`.
    pub fn of_lane(lane: &str) -> Self {
        if lane == "do_not_board" { Self::No } else { Self::Yes }
    }

    /// What the desk reads.
    pub fn text(self) -> &'static str {
        match self {
            Self::Yes => "OK TO BOARD",
            Self::No => "DO NOT BOARD. CONTACT THE DESK",
            Self::Advisory => "OK TO BOARD, SEE ADVICE",
            Self::SendAgain => "DOCUMENT DATA INSUFFICIENT, SEND AGAIN",
        }
    }
}

/// An answer to a request, a change of one, or its acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardingAnswer {
    /// BGM.
    pub kind: Kind,
    /// 0062 of the message.
    pub reference: String,
    /// 0068, repeated from the request; empty for none.
    pub common_reference: String,
    /// RFF TN, repeated from the request.
    pub request_ref: String,
    /// The flights, repeated from the request.
    pub legs: Vec<Leg>,
    /// One answer a person.
    pub people: Vec<PersonAnswer>,
    /// ERP 1: why the whole request is refused.
    pub errors: Vec<RequestError>,
}

/// A flight of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// RFF AF, `ZZ421`.
    pub flight: String,
    /// DTM 189, local.
    pub departs: Option<NaiveDateTime>,
    /// DTM 232, local.
    pub arrives: Option<NaiveDateTime>,
    /// LOC 125; LOC 92 where it does not cross the border.
    pub from: String,
    /// LOC 87; LOC 92 where it does not cross the border.
    pub to: String,
    /// It crosses the border of whom the list is for.
    pub border: bool,
}

/// The answer for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonAnswer {
    /// RFF AVF.
    pub locator: String,
    /// RFF ABO.
    pub reference: String,
    /// ERC, `0Z`.
    pub code: String,
    /// FTX AAP.
    pub text: Option<String>,
}

/// Why a request is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestError {
    /// ERC.
    pub code: String,
    /// FTX AAP.
    pub text: Option<String>,
}

/// Writes answers, a message each.
pub fn write(envelope: &Envelope, answers: &[BoardingAnswer]) -> String {
    let mut edi = Writer::new(envelope);
    for answer in answers {
        let (bgm, kind) = match answer.kind {
            Kind::Answer => ("962", "CUSRES:D:05B:UN:IATA"),
            Kind::Change => ("132", "CUSRES:D:05B:UN:IATA"),
            Kind::Acknowledgement => ("312", "CUSRES:D:05B:UN"),
        };
        edi.message(&answer.reference, kind, &answer.common_reference);
        edi.segment("BGM").code(bgm);
        edi.segment("RFF").values(&["TN", &answer.request_ref]);
        for leg in &answer.legs {
            edi.segment("RFF").values(&["AF", &leg.flight]);
            for (qualifier, time) in [("189", leg.departs), ("232", leg.arrives)] {
                if let Some(time) = time {
                    edi.segment("DTM").values(&[qualifier, &time.format("%y%m%d%H%M").to_string(), "201"]);
                }
            }
            let (from, to) = if leg.border { ("125", "87") } else { ("92", "92") };
            for (qualifier, place) in [(from, &leg.from), (to, &leg.to)] {
                if !place.is_empty() {
                    edi.segment("LOC").code(qualifier).value(place);
                }
            }
        }
        for error in &answer.errors {
            edi.segment("ERP").code("1");
            edi.segment("ERC").value(&error.code);
            text(&mut edi, error.text.as_deref());
        }
        for person in &answer.people {
            edi.segment("ERP").code("2");
            for (qualifier, value) in [("AVF", &person.locator), ("ABO", &person.reference)] {
                if !value.is_empty() {
                    edi.segment("RFF").values(&[qualifier, value]);
                }
            }
            edi.segment("ERC").value(&person.code);
            text(&mut edi, person.text.as_deref());
        }
    }
    edi.finish()
}

fn text(edi: &mut Writer, text: Option<&str>) {
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        edi.segment("FTX").code("AAP").empty().empty().values(&in_components(text));
    }
}

/// What the next segments belong to.
enum At {
    Header,
    Error,
    Person,
}

/// Reads one.
pub(super) fn read(arena: &Arena<'_>, message: &Message<'_>, warn: &mut Warnings<'_, '_, '_>) -> BoardingAnswer {
    let mut answer = BoardingAnswer {
        kind: Kind::Answer,
        reference: message.reference.clone(),
        common_reference: message.common_reference.clone(),
        request_ref: String::new(),
        legs: Vec::new(),
        people: Vec::new(),
        errors: Vec::new(),
    };
    let mut at = At::Header;
    for s in arena.iter() {
        match (s.tag(), &at) {
            ("BGM", _) => {
                answer.kind = match s.get(0, 0) {
                    "962" => Kind::Answer,
                    "132" => Kind::Change,
                    "312" => Kind::Acknowledgement,
                    other => {
                        warn.add("unknown_code", s, format!("BGM {}", short(other)));
                        Kind::Answer
                    }
                };
            }
            ("RFF", At::Person) => {
                let Some(person) = answer.people.last_mut() else { continue };
                match s.get(0, 0) {
                    "AVF" => s.get(0, 1).clone_into(&mut person.locator),
                    "ABO" => s.get(0, 1).clone_into(&mut person.reference),
                    other => warn.add("unknown_code", s, format!("RFF {}", short(other))),
                }
            }
            ("RFF", _) => match s.get(0, 0) {
                "TN" => s.get(0, 1).clone_into(&mut answer.request_ref),
                "AF" => answer.legs.push(Leg { flight: s.get(0, 1).to_owned(), border: true, ..Leg::default() }),
                other => warn.add("unknown_code", s, format!("RFF {}", short(other))),
            },
            ("DTM", At::Header) => {
                let Ok(moment) = parse(s.get(0, 1), s.get(0, 2), Century::Recent) else {
                    warn.add("bad_date", s, format!("DTM {}", short(s.get(0, 0))));
                    continue;
                };
                let time = moment.date.and_time(moment.time.unwrap_or_default());
                match (s.get(0, 0), answer.legs.last_mut()) {
                    ("189", Some(leg)) => leg.departs = Some(time),
                    ("232", Some(leg)) => leg.arrives = Some(time),
                    _ => {}
                }
            }
            ("LOC", At::Header) => {
                let Some(leg) = answer.legs.last_mut() else { continue };
                leg.border &= s.get(0, 0) != "92";
                let to = s.get(0, 0) == "87" || (s.get(0, 0) == "92" && !leg.from.is_empty());
                s.get(1, 0).clone_into(if to { &mut leg.to } else { &mut leg.from });
            }
            ("ERP", _) => {
                at = if s.get(0, 0) == "1" { At::Error } else { At::Person };
                match at {
                    At::Person => answer.people.push(PersonAnswer::default()),
                    _ => answer.errors.push(RequestError::default()),
                }
            }
            ("ERC", At::Person) => {
                if let Some(person) = answer.people.last_mut() {
                    s.get(0, 0).clone_into(&mut person.code);
                }
                if !Board::ALL.iter().any(|board| board.code().as_bytes().first() == s.get(0, 0).as_bytes().first()) {
                    warn.add("unknown_code", s, format!("ERC {}", short(s.get(0, 0))));
                }
            }
            ("ERC", _) => {
                if let Some(error) = answer.errors.last_mut() {
                    s.get(0, 0).clone_into(&mut error.code);
                }
            }
            ("FTX", At::Person) => {
                if let Some(person) = answer.people.last_mut() {
                    person.text = text_of(s);
                }
            }
            ("FTX", At::Error) => {
                if let Some(error) = answer.errors.last_mut() {
                    error.text = text_of(s);
                }
            }
            ("FTX" | "NAD" | "TDT" | "COM" | "DTM" | "LOC", _) => {}
            _ => warn.unknown(s),
        }
    }
    answer
}

/// Counts what an answer says.
pub(super) fn count(answer: &BoardingAnswer, out: &mut Output<'_>) {
    out.count("persons", answer.people.len() as u64);
    out.count("header_errors", answer.errors.len() as u64);
    for board in Board::ALL {
        let n = answer.people.iter().filter(|p| p.code == board.code()).count();
        if n > 0 {
            out.count(board.code(), n as u64);
        }
    }
}
