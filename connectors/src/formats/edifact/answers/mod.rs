//! Answers: what authorities send back, and what carriers send back to that. CUSRES to passenger requests (iAPI) and to
//! declarations and manifests, CONTRL to every interchange.
//!
//! Each kind is one type that is written ([`boarding::write`], [`customs::write`], [`syntax::write`]) and read
//! ([`read`]): what we write, our own reader reads as the same value. Answers make no rows, since no stream holds them;
//! a reading counts what they say.
//!
//! An answer tells a trader what to do, never why: no rule, score or examiner's instruction is in any of these types,
//! and a random selection looks like any other.

pub mod boarding;
pub mod customs;
mod reply;
mod requests;
pub mod syntax;

use super::interchange::Message;
use super::output::Output;
use super::segments::{Arena, Segment};
use crate::format::{MessageInput, MessageReading};
pub use reply::answer;
pub use requests::answers_to;

/// The column `message_format` of answers in CUSRES.
pub const FORMAT: &str = "cusres";
/// More segments than one answer has that is kept in memory.
const SEGMENTS_MAX: usize = 1_000_000;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// CUSRES to a passenger request, its change, and its acknowledgement.
    Boarding(boarding::BoardingAnswer),
    /// CUSRES to a declaration or manifest.
    Customs(customs::CustomsAnswer),
    /// CONTRL.
    Syntax(syntax::SyntaxAnswer),
}

/// The answers in an input, and what else is to be said of it.
pub fn read(input: MessageInput<'_>) -> (Vec<Answer>, MessageReading) {
    let mut out = Output::new(input);
    out.answers = Some(Vec::new());
    super::interchange::read_all(&mut out);
    (out.answers.take().unwrap_or_default(), out.finish())
}

/// Reads a CUSRES message.
pub(super) fn read_cusres(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let Some(arena) = arena(message, out) else { return };
    let mut warn = Warnings { message, out };
    // ABO of the header is the sender's own number in answers to declarations.
    let mut in_error = false;
    let travel = arena.iter().any(|s| {
        in_error |= s.tag() == "ERP";
        s.tag() == "RFF" && (matches!(s.get(0, 0), "TN" | "AVF") || (in_error && s.get(0, 0) == "ABO"))
    });
    // It is read all the same: what it says of single persons, items and bills stands.
    let named = |s: Segment<'_, '_>| match s.tag() {
        "BGM" | "DOC" => s.value(1, 0).is_some(),
        tag => tag == "RFF" && s.value(0, 1).is_some(),
    };
    let bgm = arena.iter().any(|s| s.tag() == "BGM");
    if !bgm || !arena.iter().any(named) {
        let missing = if bgm { "no reference says what is answered" } else { "no BGM says what kind of answer it is" };
        warn.out.warn("no_subject", message.path(1), missing);
    }
    let answer = if travel {
        Answer::Boarding(boarding::read(&arena, message, &mut warn))
    } else {
        Answer::Customs(customs::read(&arena, &mut warn))
    };
    match &answer {
        Answer::Boarding(answer) => boarding::count(answer, out),
        Answer::Customs(answer) => customs::count(answer, out),
        Answer::Syntax(_) => {}
    }
    out.answer(answer);
}

/// Reads a CONTRL message.
pub(super) fn read_contrl(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw("contrl", &message.version);
    let Some(arena) = arena(message, out) else { return };
    if !arena.iter().any(|s| s.tag() == "UCI") {
        let position = message.position(1);
        let reason = format!("{position}: no UCI says which interchange is answered; send the answer again with it");
        return out.set_aside("no_answer", position, reason, message.raw(message.segments).as_bytes());
    }
    let answer = syntax::read(&arena, message, &mut Warnings { message, out });
    syntax::count(&answer, out);
    out.answer(Answer::Syntax(answer));
}

/// All segments of an answer, tokenised.
fn arena<'m>(message: &Message<'m>, out: &mut Output<'_>) -> Option<Arena<'m>> {
    if message.segments.len() > SEGMENTS_MAX {
        let position = message.position(1);
        let reason = format!("{position}: an answer of {} segments; send it in parts", message.segments.len());
        out.set_aside("group_too_long", position, reason, message.raw(message.segments).as_bytes());
        return None;
    }
    let mut warnings = Vec::new();
    let mut arena = Arena::new(message.chars);
    for raw in message.segments {
        message.push(&mut arena, *raw, &mut warnings);
    }
    for warning in warnings {
        out.warn_with(warning);
    }
    Some(arena)
}

/// Where warnings about a message go.
pub(super) struct Warnings<'w, 'm, 'i> {
    message: &'w Message<'m>,
    out: &'w mut Output<'i>,
}

impl Warnings<'_, '_, '_> {
    fn add(&mut self, code: &'static str, s: Segment<'_, '_>, text: impl Into<String>) {
        self.out.warn(code, self.message.path(s.number()), text);
    }

    fn unknown(&mut self, s: Segment<'_, '_>) {
        self.add("unknown_segment", s, format!("{} in an answer", s.tag()));
    }
}

/// The text of an FTX.
fn text_of(s: Segment<'_, '_>) -> Option<String> {
    let parts: Vec<&str> = s.components(3).filter(|c| !c.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Text as FTX holds it: components of at most 70 characters.
fn in_components(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && parts.len() < 5 {
        let end = rest.char_indices().nth(70).map_or(rest.len(), |(at, _)| at);
        // Between words, where there is one.
        let cut = if end == rest.len() { end } else { rest[..end].rfind(' ').map_or(end, |at| at + 1) };
        parts.push(rest[..cut].trim_end());
        rest = &rest[cut..];
    }
    parts
}

#[cfg(test)]
mod tests;
