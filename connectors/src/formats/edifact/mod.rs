//! EDIFACT interchanges: one reader for all, since one interchange may hold messages of several types.
//!
//! Text first: [`service`] finds the service characters, [`transport`] takes the dirt off, [`segments`] cuts and
//! tokenises, [`interchange`] walks the envelope and hands each message to the reader of its type: [`paxlst`] for
//! passenger lists, [`cuscar`] for manifests. Message types without a reader are set aside by name. What is
//! tolerated and refused, by code: [`codes`].

pub mod codes;

mod charset;
mod cuscar;
mod dates;
mod interchange;
mod output;
mod paxlst;
mod places;
mod segments;
mod service;
mod transport;

use crate::format::{MessageFormat, MessageInput, MessageReading};
use output::Output;

/// Name of the format, and of a reading whose messages are of several formats or none.
pub const NAME: &str = "edifact";

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: NAME,
    title: "EDIFACT interchange: PAXLST passenger lists, CUSCAR manifests",
    versions: &["PAXLST 001.000", "PAXLST D.99A to D.16B", "CUSCAR D.95B to D.16B"],
    recognise,
    read,
};

/// An interchange, or a bare message, begins in there, behind whatever transport put before it.
fn recognise(head: &[u8]) -> bool {
    service::is_sure(head)
}

fn read(input: MessageInput<'_>) -> MessageReading {
    let mut out = Output::new(input);
    interchange::read_all(&mut out);
    out.finish()
}

#[cfg(test)]
mod tests;
