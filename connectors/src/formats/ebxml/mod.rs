//! ebXML envelopes, as a Single Window gateway sends them: ebMS 2.0 and ebMS 3.0 (AS4), with their payloads.
//!
//! [`mime`] cuts the message into parts, [`envelope`] says what the envelope tells, [`transfer`] undoes what was done to a
//! payload on its way, [`payloads`] gives each payload to the reader of its format, [`parts`] gathers what they find. The rows are those of the payloads; what an
//! envelope adds is who sent them and under what number, where they do not say. Signals (receipts, acknowledgements,
//! errors, pings) make no rows. Answers are written by [`answers`].
//!
//! Whoever takes messages [opens](Opened) one first: its envelopes tell which message it is, so that one that comes again
//! is answered as before and makes no second row. Signatures are not checked and nothing is decrypted here: that is done
//! where the keys are, before; a warning says so.

pub mod answers;
pub mod codes;

mod envelope;
pub(super) mod mime;
pub(super) mod parts;
pub(super) mod payloads;
mod reply;
pub(super) mod transfer;

pub use answers::{Answer, Fault, FaultKind, Status};
pub use envelope::{Digest, Envelope, ErrorItem, Party, Protocol, Purpose, Reference};

use super::xml;
use crate::format::{MessageFormat, MessageInput, MessageReading};
use crate::options::ReadOptions;
use mime::{Body, Part};
use sha2::{Digest as _, Sha256};

/// Name of the format.
pub const NAME: &str = "ebxml";

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: NAME,
    title: "ebXML envelope around other messages: ebMS 2.0, ebMS 3.0 (AS4)",
    versions: &["2.0", "3.0"],
    recognise,
    read: |input| Opened::new(input.bytes).read(input.source, input.options),
    stream: None,
    answer: Some(reply::answer),
};

/// What both namespaces hold.
const MARK: &[u8] = b"ebxml-msg";
/// A security header may fill all that is looked at, before the header that says what it is.
const SECURED: &[u8] = b"wssecurity-secext";

fn recognise(head: &[u8]) -> bool {
    let has = |mark: &[u8]| memchr::memmem::find(head, mark).is_some();
    if let Some(related) = mime::looks(head) {
        return related || has(MARK);
    }
    let wide = head.iter().take(4).any(|byte| *byte == 0) || head.starts_with(b"\xFE\xFF");
    if wide {
        let text = xml::decoded(head);
        return text.contains("Envelope") && text.contains("ebxml-msg");
    }
    // As a file, or with the header of its transport.
    let begins = mime::split(head).is_some_and(|body| body.parts.len() == 1);
    begins && has(b"Envelope") && (has(MARK) || (has(SECURED) && !xml::begins_any(head)))
}

/// A message whose envelope was read and whose payloads were not yet.
#[derive(Debug)]
pub struct Opened<'b> {
    bytes: &'b [u8],
    body: Body<'b>,
    /// Which part is the envelope.
    at: usize,
    found: envelope::Found,
}

impl<'b> Opened<'b> {
    /// Reads the envelope. It never fails; where there is none to be read, [`Opened::read`] sets the message aside.
    pub fn new(bytes: &'b [u8]) -> Self {
        let body = mime::split(bytes).unwrap_or_default();
        let named = body.start.as_deref().and_then(|id| body.parts.iter().position(|part| part.id() == Some(id)));
        let mut first: Option<(usize, envelope::Found)> = None;
        // The envelope is the part that is named, or the first; where dirt stands before it, one soon after.
        for at in named.into_iter().chain(0..body.parts.len().min(4)) {
            let found = envelope_in(&body.parts[at]);
            let sure = !found.envelopes.is_empty();
            if sure || first.as_ref().is_none_or(|(_, first)| found.is_soap && !first.is_soap) {
                first = Some((at, found));
            }
            if sure {
                break;
            }
        }
        let (at, found) = first.unwrap_or_default();
        Self { bytes, body, at, found }
    }

    /// What its envelope says. AS4 may bundle several messages; only one of them brings payloads, as a rule.
    pub fn envelopes(&self) -> &[Envelope] {
        &self.found.envelopes
    }

    /// Why the envelope cannot be read, if so.
    pub fn broken(&self) -> Option<&str> {
        self.found.broken.as_deref()
    }

    /// A hash of all parts but the envelope, or of that where it is all there is, by which a message that is sent again is told from another of its id.
    pub fn payload_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (at, part) in self.body.parts.iter().enumerate() {
            if at != self.at || self.body.parts.len() == 1 {
                hash.update((part.body.len() as u64).to_le_bytes());
                hash.update(part.body);
            }
        }
        hash.finalize().into()
    }

    /// Reads the payloads.
    pub fn read(&self, source: &str, options: &ReadOptions) -> MessageReading {
        payloads::read(self, MessageInput { source, bytes: self.bytes, options })
    }
}

fn envelope_in(part: &Part<'_>) -> envelope::Found {
    match transfer::decode(part.field("content-transfer-encoding"), part.body) {
        Ok((bytes, _)) if bytes.iter().take(64).any(|b| *b == b'<') => envelope::find(&bytes),
        _ => envelope::Found::default(),
    }
}

#[cfg(test)]
mod tests;
