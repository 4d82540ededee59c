//! What the XML tests share: finding the samples, reading one as its content says, looking at its rows.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../edifact_support/mod.rs"]
mod edifact_support;

use std::path::Path;

#[allow(unused_imports, reason = "each test file uses its part")]
pub use edifact_support::{count, messages, rows, table, text, warned};
use haechi_connectors::format::{HEAD_BYTES, MessageInput, MessageReading};
use haechi_connectors::formats::xml;
use haechi_connectors::options::ReadOptions;
use haechi_connectors::recognise::{Recognised, recognise};

/// Options of the tests: Seoul is at home.
pub fn options() -> ReadOptions {
    ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() }
}

/// Reads bytes as XML, whatever they are.
pub fn read(source: &str, bytes: &[u8]) -> MessageReading {
    xml::read(MessageInput { source, bytes, options: &options() })
}

/// Reads a sample; its content says as what.
pub fn read_file(path: &Path) -> MessageReading {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    read(&path.display().to_string(), &bytes)
}

/// The name under which a file is recognised.
pub fn recognised(bytes: &[u8]) -> Option<&'static str> {
    match recognise(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        Ok(Recognised::Message(format)) => Some(format.name),
        _ => None,
    }
}

/// Reads bytes as a stream, and puts together what came in pieces.
pub fn read_stream(source: &str, bytes: &[u8]) -> MessageReading {
    let mut whole: Option<MessageReading> = None;
    let mut content = bytes;
    xml::stream(source, &mut content, &options(), &mut |piece| match &mut whole {
        None => whole = Some(piece),
        Some(whole) => whole.absorb(piece),
    })
    .unwrap();
    whole.unwrap()
}
