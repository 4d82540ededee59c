//! What the tests of envelopes share: reading as content says, a random number, what a sound reading is.
#![allow(dead_code, reason = "each test file uses its part")]

#[path = "../edifact_support/mod.rs"]
mod edifact_support;

use std::path::PathBuf;

#[allow(unused_imports, reason = "each test file uses its part")]
pub use edifact_support::{count, messages, rows, table, text, warned};
use haechi_connectors::format::{HEAD_BYTES, MessageReading};
use haechi_connectors::formats::{ebxml, edifact, xml};
use haechi_connectors::options::ReadOptions;
use haechi_connectors::recognise::{Recognised, recognise};
use haechi_connectors::{MessageInput, formats::FORMATS};

/// Options of the tests: Seoul is at home.
pub fn options() -> ReadOptions {
    ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() }
}

/// Reads bytes as an envelope, whatever they are.
pub fn read(source: &str, bytes: &[u8]) -> MessageReading {
    (ebxml::FORMAT.read)(MessageInput { source, bytes, options: &options() })
}

/// Reads bytes as what they are recognised as.
pub fn read_as_found(source: &str, bytes: &[u8]) -> MessageReading {
    let name = recognised(bytes).unwrap_or_else(|| panic!("{source} is not recognised"));
    let format = FORMATS.iter().find(|format| format.name == name).unwrap();
    (format.read)(MessageInput { source, bytes, options: &options() })
}

/// The name under which bytes are recognised.
pub fn recognised(bytes: &[u8]) -> Option<&'static str> {
    match recognise(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        Ok(Recognised::Message(format)) => Some(format.name),
        _ => None,
    }
}

/// The samples of envelopes: file, whether it is one of our own.
pub fn samples() -> Vec<(PathBuf, bool)> {
    let folder = messages();
    let own = [
        "ebms2_govcbr929.mime",
        "ebms2_acknowledgment.xml",
        "ebms2_message_error.xml",
        "as4_user_message.mime",
        "as4_receipt.xml",
    ];
    let others = ["sample1.txt", "sample4.txt", "sample_entsog.txt"];
    let own = own.iter().map(|file| (folder.join("synthetic").join(file), true));
    own.chain(others.iter().map(|file| (folder.join("cargo/phax__phase4/docs/CEF").join(file), false))).collect()
}

pub fn n_rows(reading: &MessageReading) -> usize {
    reading.records.iter().map(|(_, batch)| batch.num_rows()).sum()
}

/// Whether something of this code was set aside.
pub fn has(reading: &MessageReading, code: &str) -> bool {
    reading.set_aside.iter().any(|unit| unit.code == code)
}

/// A reading says something, in known words, and not too much.
pub fn is_sound(reading: &MessageReading, what: &str) {
    let counted = reading.counts.values().any(|n| *n > 0);
    assert!(counted || !reading.set_aside.is_empty() || !reading.records.is_empty(), "silence: {what}");
    let warnings = [ebxml::codes::WARNINGS, xml::codes::WARNINGS, edifact::codes::WARNINGS];
    for warning in &reading.warnings {
        assert!(warnings.iter().any(|of| of.iter().any(|(code, _)| *code == warning.code)), "{}", warning.code);
    }
    let reasons = [ebxml::codes::REASONS, xml::codes::REASONS, edifact::codes::REASONS];
    for unit in &reading.set_aside {
        assert!(reasons.iter().any(|of| of.iter().any(|(code, _)| *code == unit.code)), "{}", unit.code);
        assert!(!unit.reason.is_empty() && unit.reason.len() < 2000 && unit.text.len() <= 4096, "{}", unit.reason);
    }
}
