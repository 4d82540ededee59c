//! What is fuzzed: one function for every target, called by cargo-fuzz (`fuzz_targets`) and by the runner for stable Rust
//! alike.
//!
//! A target holds a reader to what it promises for any bytes: it does not panic, it is never silent, and a document
//! that is read as it comes gives the rows that it gives whole.

#![allow(clippy::panic, reason = "what does not hold is told by a panic: that is how a fuzzer hears of it")]

use std::fmt::Write;

use haechi_connectors::format::{HEAD_BYTES, MessageInput, MessageReading};
use haechi_connectors::formats::ebxml::{self, Answer, Opened};
use haechi_connectors::formats::edifact::{self, pieces};
use haechi_connectors::formats::xml::answers::{EntryAnswer, WcoResponse};
use haechi_connectors::formats::{FORMATS, xml};
use haechi_connectors::{ReadOptions, Recognised, recognise};

/// Targets that are no format.
const OTHERS: &[&str] = &["recognise", "mime", "edifact_tokenizer", "answers"];

/// Every target: one a format, and what formats are made of.
pub fn targets() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.name).chain(OTHERS.iter().copied())
}

/// Runs a target on some bytes. It panics where a promise is broken.
pub fn run(target: &str, bytes: &[u8]) {
    match target {
        "recognise" => drop(recognise(&bytes[..bytes.len().min(HEAD_BYTES)]).map(Recognised::name)),
        "mime" => envelopes(bytes),
        "edifact_tokenizer" => in_pieces(bytes),
        "answers" => answers(bytes),
        name => format(name, bytes),
    }
}

fn options() -> ReadOptions {
    ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() }
}

fn format(name: &str, bytes: &[u8]) {
    let Some(format) = FORMATS.iter().find(|format| format.name == name) else { panic!("no target `{name}`") };
    // Recognised or not, whoever is given bytes has to read them.
    let _ = (format.recognise)(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let reading = (format.read)(MessageInput { source: "fuzz", bytes, options: &options() });
    is_sound(&reading);
    if xml::FORMATS.iter().any(|format| format.name == name) {
        let mut n_rows = 0;
        let read = xml::stream("fuzz", &mut &*bytes, &options(), &mut |piece| n_rows += rows(&piece));
        assert!(read.is_ok(), "memory does not fail to be read");
        assert_eq!(n_rows, rows(&reading), "whole and as it comes are not the same");
    }
}

fn envelopes(bytes: &[u8]) {
    let opened = Opened::new(bytes);
    for envelope in opened.envelopes() {
        let answer = Answer::Received.write(envelope, "a@example.org", 0).unwrap_or_default();
        let read = Opened::new(answer.as_bytes());
        assert!(read.broken().is_none() && read.envelopes().len() == 1, "an answer of ours is not read: {answer}");
    }
}

fn in_pieces(bytes: &[u8]) {
    let options = options();
    for piece in pieces::pieces("fuzz", bytes, &options) {
        assert!(piece.is_ok(), "memory does not fail to be read");
    }
}

fn answers(bytes: &[u8]) {
    let (_, reading) = edifact::answers::read(MessageInput { source: "fuzz", bytes, options: &options() });
    is_sound(&reading);
    let mut said = String::new();
    for response in WcoResponse::read_all(bytes) {
        let again = WcoResponse::read_all(response.write().as_bytes());
        assert_eq!(again.len(), 1, "an answer of ours is not read");
        let _ = write!(said, "{response:?}");
    }
    let _ = write!(said, "{:?}", EntryAnswer::read_all(bytes));
    let reading = (ebxml::FORMAT.read)(MessageInput { source: "fuzz", bytes, options: &options() });
    let _ = write!(said, "{:?}", Answer::to(&reading.set_aside));
}

fn rows(reading: &MessageReading) -> usize {
    reading.records.iter().map(|(_, batch)| batch.num_rows()).sum()
}

/// Something is said of any bytes.
fn is_sound(reading: &MessageReading) {
    let counted = reading.counts.values().any(|n| *n > 0);
    assert!(
        counted || !reading.set_aside.is_empty() || !reading.warnings.is_empty() || !reading.records.is_empty(),
        "silence"
    );
    for unit in &reading.set_aside {
        assert!(!unit.reason.is_empty() && unit.text.len() <= 4096, "{}", unit.reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every target has a file for cargo-fuzz and something to begin with, which it takes.
    #[test]
    fn every_target_is_complete() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for target in targets() {
            assert!(folder.join(format!("fuzz_targets/{target}.rs")).is_file(), "{target}");
            let corpus = std::fs::read_dir(folder.join("corpus").join(target));
            let seeds: Vec<_> = corpus.into_iter().flatten().flatten().collect();
            assert!(!seeds.is_empty(), "{target} has no corpus");
            for seed in seeds {
                run(target, &std::fs::read(seed.path()).unwrap_or_default());
            }
        }
    }
}
