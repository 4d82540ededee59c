//! EDIFACT interchanges: one reader for all, since one interchange may hold messages of several types.
//!
//! Text first: [`service`] finds the service characters, [`transport`] takes the dirt off, [`segments`] cuts and
//! tokenises, [`interchange`] walks the envelope and hands each message to the reader of its type: [`paxlst`] for
//! passenger lists, [`pnrgov`] for bookings, [`cuscar`] for manifests, [`cusdec`] for declarations, [`cusrep`] for
//! reports of conveyances, [`tracking`] for what happened to containers, [`answers`] for what is said to all of these.
//! Message types without a reader are set aside by name. What is tolerated and refused, by code: [`codes`].

pub mod answers;
pub mod codes;
pub mod mapping;
pub mod write;

mod carriage;
mod carried;
mod charset;
mod cuscar;
mod cusdec;
mod cusrep;
pub(super) mod dates;
mod equipment;
mod interchange;
mod marks;
pub(super) mod measure;
pub(super) mod output;
mod packages;
mod party;
mod paxlst;
pub(super) mod people;
pub mod pieces;
pub(super) mod places;
pub(super) mod pnrgov;
mod ports;
mod segments;
mod service;
mod tracking;
mod transport;
mod words;

use std::io::{self, Read};

use crate::format::{HEAD_BYTES, MessageFormat, MessageInput, MessageReading};
use crate::options::ReadOptions;
use crate::sources::files::begun;
use output::Output;

/// Name of the format, and of a reading whose messages are of several formats or none.
pub const NAME: &str = "edifact";

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: NAME,
    title: "EDIFACT interchange: PAXLST, PNRGOV, CUSCAR, CUSDEC, CUSREP, IFTSTA, COARRI, CODECO, COPRAR, CUSRES, CONTRL",
    versions: &[
        "PAXLST 001.000",
        "PAXLST D.99A to D.16B",
        "PNRGOV 10.1 to 21.1",
        "CUSCAR D.95B to D.16B",
        "CUSDEC D.95B to D.16B",
        "CUSREP D.95B to D.16B",
        "IFTSTA D.95B to D.16B",
        "COARRI D.95B to D.16B",
        "CODECO D.95B to D.16B",
        "COPRAR D.95B to D.16B",
        "CUSRES D.95B to D.16B",
        "CONTRL 2.2, D.3, 4.1",
    ],
    recognise,
    read,
    stream: Some(stream),
    answer: Some(answers::answer),
};

/// References of the interchanges in an input (UNB 0020), also of those of which nothing can be read.
pub fn references(bytes: &[u8]) -> Vec<String> {
    interchange::envelopes(bytes).into_iter().map(|seen| seen.answer.interchange).collect()
}

/// An interchange, or a bare message, begins in there, behind whatever transport put before it.
fn recognise(head: &[u8]) -> bool {
    service::is_sure(head) || carried::uncovered(head).is_some()
}

fn read(input: MessageInput<'_>) -> MessageReading {
    let uncovered = carried::uncovered(input.bytes);
    let bytes = uncovered.as_ref().map_or(input.bytes, |(_, text)| text.as_slice());
    let mut out = Output::new(MessageInput { bytes, ..input });
    if let Some((what, _)) = &uncovered {
        out.warn("transport_encoding", "byte 0", format!("it came as {what}; places are those in its text"));
    }
    interchange::read_all(&mut out);
    out.finish()
}

fn stream(
    source: &str,
    content: &mut dyn Read,
    options: &ReadOptions,
    each: &mut dyn FnMut(MessageReading),
) -> io::Result<()> {
    let (head, mut content) = begun(content, HEAD_BYTES)?;
    if carried::uncovered(&head).is_some() {
        // Mail is no longer than it may be read whole.
        return MessageFormat { stream: None, ..FORMAT }.read_from(source, &mut content, options, each);
    }
    pieces::pieces(source, content, options).try_for_each(|reading| reading.map(&mut *each))
}

#[cfg(test)]
pub(super) mod tests;
