//! Bytes are hostile: sample messages cut, swapped and overwritten at random never panic, never fall silent, and never
//! make more of themselves than they are. The seed is fixed, so a failure comes again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::path::PathBuf;

use edifact_support::{messages, read, rows, table};
use haechi_connectors::format::MessageReading;
use haechi_connectors::formats::edifact::codes;
use haechi_datasets::{Mutator, Random};

fn samples() -> Vec<PathBuf> {
    let folder = messages();
    let mut paths = Vec::new();
    for (part, format) in [("travel", 3), ("synthetic", 1)] {
        for row in table(&folder.join(part).join("MANIFEST.tsv")) {
            let kind = row[format].split([':', ' ']).next().unwrap_or_default();
            let text = !row[0].ends_with("xml");
            if text && ["PAXLST", "PNRGOV", "CUSCAR", "CUSDEC", "CUSREP", "CUSRES", "CONTRL"].contains(&kind) {
                paths.push(folder.join(part).join(&row[0]));
            }
        }
    }
    let tracking = folder.join("cargo/apimeister__edifact-types/test-data");
    paths.extend(["d00b_iftsta.edi", "d95b_coprar.edi"].map(|name| tracking.join(name)));
    paths
}

fn is_sound(reading: &MessageReading, bytes: &[u8]) {
    // An answer makes no rows; what it says is counted.
    let spoken = !reading.set_aside.is_empty()
        || !reading.warnings.is_empty()
        || !reading.records.is_empty()
        || reading.counts.contains_key("messages");
    assert!(spoken, "silence");
    for warning in &reading.warnings {
        assert!(codes::WARNINGS.iter().any(|(code, _)| *code == warning.code), "{}", warning.code);
    }
    for unit in &reading.set_aside {
        assert!(codes::REASONS.iter().any(|(code, _)| *code == unit.code), "{}", unit.code);
        assert!(!unit.reason.is_empty() && unit.text.len() <= 4096);
    }
    // Every row comes from a NAD, PDT, RFF, EQD or STS of its own, on at most as many legs as there are TDT and LOC.
    let rows: usize = reading.records.iter().map(|(_, batch)| batch.num_rows()).sum();
    let segments = bytes.len() / 4 + 1;
    assert!(rows <= segments * segments, "{rows} rows");
}

#[test]
fn damaged_messages_never_panic_and_never_fall_silent() {
    let originals: Vec<_> = samples().iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(originals.len() > 110, "{} samples", originals.len());
    let mut mutator = Mutator::new(originals.clone(), 20_270_314);
    for original in originals {
        for _ in 0..25 {
            let bytes = mutator.damaged(&original);
            is_sound(&read("mutated.edi", &bytes), &bytes);
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = Random(7);
    for _ in 0..400 {
        let mut bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
        let una: Vec<u8> = (0..random.below(8)).map(|_| random.below(256) as u8).collect();
        bytes.splice(0..0, [&b"UNA"[..], &una, b"UNB+UNOA:4+A'UNH+1+PAXLST:D:15B:UN'"].concat());
        is_sound(&read("random.edi", &bytes), &bytes);
    }
}

/// What stands on the lines of a sample has no part in what it says.
#[test]
fn folding_changes_nothing() {
    for path in samples() {
        let text = std::fs::read(&path).unwrap();
        // Samples of one line, which fold anywhere.
        if text.contains(&b'\n') || text.is_empty() {
            continue;
        }
        let folded: Vec<u8> = text.chunks(63).collect::<Vec<_>>().join(&b"\r\n"[..]);
        let people = |bytes: &[u8]| rows(&read("fold.edi", bytes), "traveller");
        assert_eq!(people(&folded), people(&text), "{}", path.display());
    }
}
