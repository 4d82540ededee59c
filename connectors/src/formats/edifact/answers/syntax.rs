//! CONTRL: whether an interchange could be read at all. Every interchange gets one, at once; what becomes of its content
//! is another answer.
//!
//! Version `D:3` (or `2:2`) for syntax 3 and older, `4:1` for syntax 4. [`of_reading`] makes the answer from what a
//! reading set aside.

use haechi_model::SetAside;
use rustc_hash::FxHashMap;

use super::super::interchange::{Message, Seen};
use super::super::output::Output;
use super::super::places::short;
use super::super::segments::{Arena, Segment};
use super::super::write::{Envelope, Writer};
use super::Warnings;
use crate::format::{MessageInput, MessageReading};

/// DE 0083.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// 7: acknowledged, this level and those below unless they are named.
    Acknowledged,
    /// 8: received, not looked at yet.
    Received,
    /// 4: rejected, this level and those below.
    Rejected,
}

impl Action {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Acknowledged => "7",
            Self::Received => "8",
            Self::Rejected => "4",
        }
    }

    fn of(code: &str) -> Option<Self> {
        [Self::Acknowledged, Self::Received, Self::Rejected].into_iter().find(|action| action.code() == code)
    }
}

/// DE 0085: what is wrong, in the words of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Fault {
    /// 12.
    InvalidValue = 12,
    /// 13.
    Missing = 13,
    /// 17: a message type nobody agreed on.
    NoAgreement = 17,
    /// 18.
    Unspecified = 18,
    /// 26.
    Duplicate = 26,
    /// 35.
    TooManySegments = 35,
    /// 39.
    TooLong = 39,
}

/// Version of CONTRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `CONTRL:2:2:UN`.
    Two,
    /// `CONTRL:D:3:UN`.
    Three,
    /// `CONTRL:4:1:UN`.
    Four,
}

impl Version {
    fn kind(self) -> &'static str {
        match self {
            Self::Two => "CONTRL:2:2:UN",
            Self::Three => "CONTRL:D:3:UN",
            Self::Four => "CONTRL:4:1:UN",
        }
    }

    fn of(version: &str) -> Self {
        match version {
            "2.2" => Self::Two,
            version if version.starts_with('4') => Self::Four,
            _ => Self::Three,
        }
    }
}

/// A syntax answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxAnswer {
    /// How it is written.
    pub version: Version,
    /// 0062 of the message.
    pub reference: String,
    /// UCI: reference of the interchange it answers.
    pub interchange: String,
    /// UCI: who sent that.
    pub sender: String,
    /// UCI: who was to receive it.
    pub recipient: String,
    /// UCI.
    pub action: Action,
    /// UCI: DE 0085.
    pub fault: Option<u16>,
    /// UCM groups.
    pub messages: Vec<MessageAnswer>,
}

impl SyntaxAnswer {
    /// Acknowledges an interchange without sender or reference.
    pub(in super::super) fn to_nobody() -> Self {
        Self {
            version: Version::Three,
            reference: String::new(),
            interchange: String::new(),
            sender: String::new(),
            recipient: String::new(),
            action: Action::Acknowledged,
            fault: None,
            messages: Vec::new(),
        }
    }

    /// Takes sender, recipient and reference of UNB; syntax 4 is answered in version 4.
    pub(in super::super) fn interchange(&mut self, unb: Segment<'_, '_>) {
        unb.get(1, 0).clone_into(&mut self.sender);
        unb.get(2, 0).clone_into(&mut self.recipient);
        unb.get(4, 0).clone_into(&mut self.interchange);
        if unb.get(0, 1) == "4" {
            self.version = Version::Four;
        }
    }

    /// A message of the interchange, acknowledged.
    pub(in super::super) fn message(&mut self, unh: Segment<'_, '_>) {
        self.messages.push(MessageAnswer {
            reference: unh.get(0, 0).to_owned(),
            kind: unh.components(1).collect::<Vec<_>>().join(":"),
            action: Action::Acknowledged,
            fault: None,
            segments: Vec::new(),
        });
    }
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAnswer {
    /// UCM: reference of the message.
    pub reference: String,
    /// UCM: `CUSDEC:D:96B:UN`.
    pub kind: String,
    /// UCM.
    pub action: Action,
    /// UCM: DE 0085.
    pub fault: Option<u16>,
    /// UCS groups.
    pub segments: Vec<SegmentAnswer>,
}

/// What is wrong with a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentAnswer {
    /// UCS: its number in the message, UNH is 1.
    pub position: u32,
    /// UCS: DE 0085.
    pub fault: Option<u16>,
    /// UCD: DE 0085, the position of the element and of the component in it, both from 1.
    pub elements: Vec<(u16, u32, Option<u32>)>,
}

/// Writes syntax answers, a message each.
pub fn write(envelope: &Envelope, answers: &[SyntaxAnswer]) -> String {
    let fault = |fault: Option<u16>| fault.map(|f| f.to_string()).unwrap_or_default();
    let mut edi = Writer::new(envelope);
    for answer in answers {
        edi.message(&answer.reference, answer.version.kind(), "");
        let mut uci = edi.segment("UCI");
        uci.value(&answer.interchange).value(&answer.sender).value(&answer.recipient);
        uci.code(answer.action.code()).code(&fault(answer.fault));
        drop(uci);
        for message in &answer.messages {
            let mut ucm = edi.segment("UCM");
            ucm.value(&message.reference).codes(&message.kind.split(':').collect::<Vec<_>>());
            ucm.code(message.action.code()).code(&fault(message.fault));
            drop(ucm);
            for segment in &message.segments {
                edi.segment("UCS").number(segment.position).code(&fault(segment.fault));
                for (fault, element, component) in &segment.elements {
                    let component = component.map(|c| c.to_string()).unwrap_or_default();
                    edi.segment("UCD").number(fault).codes(&[&element.to_string(), &component]);
                }
            }
        }
    }
    edi.finish()
}

/// The syntax answers to an input, one an interchange, from what its reading set aside. Messages that were read are
/// acknowledged with the interchange; those refused whole, and people or bills that were set aside, are named.
pub fn of_reading(input: MessageInput<'_>, reading: &MessageReading) -> Vec<SyntaxAnswer> {
    let mut seen = super::super::interchange::envelopes(input.bytes);
    refuse(&mut seen, &reading.set_aside);
    seen.into_iter().map(|seen| seen.answer).collect()
}

/// Names in the answers to some interchanges what of them was set aside.
pub(super) fn refuse(answers: &mut [Seen], set_aside: &[SetAside]) {
    let mut by_byte: FxHashMap<usize, Vec<&SetAside>> = FxHashMap::default();
    for unit in set_aside {
        if let Some(Position { byte, .. }) = Position::of(&unit.position) {
            by_byte.entry(byte).or_default().push(unit);
        }
    }
    for (n, envelope) in answers.iter_mut().enumerate() {
        envelope.answer.reference = (n + 1).to_string();
        let units = by_byte.remove(&envelope.byte).unwrap_or_default();
        let mut places: FxHashMap<String, usize> = FxHashMap::default();
        if !units.is_empty() {
            for (place, message) in envelope.answer.messages.iter().enumerate() {
                places.entry(message.reference.clone()).or_insert(place);
            }
        }
        for unit in units {
            let fault = fault_of(unit.code);
            let at = Position::of(&unit.position).and_then(|position| position.message);
            let Some((reference, segment)) = at else {
                // Nothing of it could be told apart.
                if envelope.answer.messages.is_empty() {
                    (envelope.answer.action, envelope.answer.fault) = (Action::Rejected, Some(fault as u16));
                }
                continue;
            };
            // A header that cannot be read is named by its place.
            let counted = || reference.parse::<usize>().ok()?.checked_sub(1);
            let place = if unit.code == "bad_header" { counted() } else { places.get(reference).copied() };
            let Some(message) = place.and_then(|at| envelope.answer.messages.get_mut(at)) else { continue };
            let whole = is_whole(unit.code);
            if whole {
                (message.action, message.fault) = (Action::Rejected, Some(fault as u16));
            } else {
                message.segments.push(SegmentAnswer {
                    position: segment,
                    fault: Some(fault as u16),
                    elements: Vec::new(),
                });
            }
        }
        let messages = &mut envelope.answer.messages;
        if !messages.is_empty() && messages.iter().all(|m| m.action == Action::Rejected) {
            envelope.answer.action = Action::Rejected;
        }
        // Who is not named is acknowledged with the interchange.
        messages.retain(|m| m.action == Action::Rejected || !m.segments.is_empty());
    }
}

/// Where in an input something stands: `byte 0, message A1, segment 9`, whatever stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position<'p> {
    /// First byte of the interchange.
    pub byte: usize,
    /// Reference of the message, and number of the segment in it.
    pub message: Option<(&'p str, u32)>,
}

impl<'p> Position<'p> {
    /// Reads one.
    pub fn of(text: &'p str) -> Option<Self> {
        let from = if text.starts_with("byte ") { 5 } else { text.find(", byte ")? + 7 };
        let (byte, rest) = text[from..].split_once(", message ").map_or((&text[from..], None), |(b, m)| (b, Some(m)));
        let message = rest.map(|rest| rest.split_once(", segment ").unwrap_or((rest, "1")));
        let byte = byte.split(',').next().unwrap_or_default().trim().parse().ok()?;
        Some(Self { byte, message: message.map(|(message, segment)| (message, segment.parse().unwrap_or(1))) })
    }
}

/// Whether a whole message was set aside for this reason.
pub(super) fn is_whole(code: &str) -> bool {
    matches!(
        code,
        "message_type"
            | "bad_header"
            | "no_flight"
            | "no_manifest"
            | "no_declaration"
            | "no_item"
            | "no_report"
            | "no_answer"
    )
}

/// DE 0085 of a reason for setting something aside.
pub(super) fn fault_of(code: &str) -> Fault {
    match code {
        "message_type" => Fault::NoAgreement,
        "no_flight" | "no_identity" | "no_bill" | "no_manifest" | "no_declaration" | "no_item" | "no_report"
        | "no_event" | "no_answer" | "truncated" => Fault::Missing,
        "segment_too_long" => Fault::TooLong,
        "group_too_long" => Fault::TooManySegments,
        "bad_header" | "cell" => Fault::InvalidValue,
        _ => Fault::Unspecified,
    }
}

/// Reads one.
pub(super) fn read(arena: &Arena<'_>, message: &Message<'_>, warn: &mut Warnings<'_, '_, '_>) -> SyntaxAnswer {
    let mut answer = SyntaxAnswer::to_nobody();
    answer.version = Version::of(&message.version);
    message.reference.clone_into(&mut answer.reference);
    for s in arena.iter() {
        match s.tag() {
            "UCI" => {
                s.get(0, 0).clone_into(&mut answer.interchange);
                s.get(1, 0).clone_into(&mut answer.sender);
                s.get(2, 0).clone_into(&mut answer.recipient);
                answer.action = Action::of(s.get(3, 0)).unwrap_or_else(|| {
                    warn.add("unknown_code", s, format!("UCI {}", short(s.get(3, 0))));
                    Action::Received
                });
                answer.fault = s.get(4, 0).parse().ok();
            }
            "UCM" => answer.messages.push(MessageAnswer {
                reference: s.get(0, 0).to_owned(),
                kind: s.components(1).collect::<Vec<_>>().join(":"),
                action: Action::of(s.get(2, 0)).unwrap_or(Action::Received),
                fault: s.get(3, 0).parse().ok(),
                segments: Vec::new(),
            }),
            "UCS" => {
                let (position, fault) = (s.get(0, 0).parse().unwrap_or(0), s.get(1, 0).parse().ok());
                match answer.messages.last_mut() {
                    Some(of) => of.segments.push(SegmentAnswer { position, fault, elements: Vec::new() }),
                    None => warn.add("orphan_segment", s, "UCS before any UCM"),
                }
            }
            "UCD" => {
                let element =
                    (s.get(0, 0).parse().unwrap_or(18), s.get(1, 0).parse().unwrap_or(0), s.get(1, 1).parse().ok());
                match answer.messages.last_mut().and_then(|m| m.segments.last_mut()) {
                    Some(of) => of.elements.push(element),
                    None => warn.add("orphan_segment", s, "UCD before any UCS"),
                }
            }
            "UCF" => {}
            _ => warn.unknown(s),
        }
    }
    answer
}

/// Counts what an answer says.
pub(super) fn count(answer: &SyntaxAnswer, out: &mut Output<'_>) {
    let accepted = answer.action != Action::Rejected;
    out.count("accepted", u64::from(accepted));
    out.count("rejected", u64::from(!accepted));
    // Of an interchange that is accepted some messages may be rejected.
    let rejected = answer.messages.iter().filter(|message| message.action == Action::Rejected).count();
    out.count("rejected_messages", rejected as u64);
}
