//! Bytes are hostile: sample messages cut, swapped and overwritten at random never panic, never fall silent, and never
//! make more of themselves than they are. The seed is fixed, so a failure comes again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::path::PathBuf;

use edifact_support::{messages, read, rows, table};
use haechi_connectors::format::MessageReading;
use haechi_connectors::formats::edifact::codes;

/// SplitMix64: enough for picking places and bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// What senders and lines do to bytes, and what attackers do.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const INTERESTING: &[u8] = b"'+:?*\"#\r\n\t \0\x02\x03\x1c\x1d\x1f\x80\xc3\xe2\xff0-9AUNZ";
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    let to = (at + random.below(40)).min(bytes.len());
    match random.below(7) {
        0 => bytes[at] = INTERESTING[random.below(INTERESTING.len())],
        1 => bytes.insert(at, INTERESTING[random.below(INTERESTING.len())]),
        2 => drop(bytes.drain(at..to)),
        3 => {
            let again = bytes[at..to].to_vec();
            let into = random.below(bytes.len());
            bytes.splice(into..into, again);
        }
        4 => bytes.truncate(at),
        5 => bytes[at] = random.below(256) as u8,
        _ => {
            let tags = [
                &b"UNH+"[..],
                b"UNT+1'",
                b"UNZ'",
                b"UNB+",
                b"UNA",
                b"CNI+",
                b"STS+1+1'",
                b"NAD+FL'",
                b"TDT'",
                b"EQD+CN'",
                b"SRC'",
                b"TIF+A+B:A:1'",
                b"TVL+140327:0105+BKK+ICN+ZZ+1'",
                b"TRI++1:::1'",
                b"ABI'",
                b"CST+1'",
                b"UNS+S'",
                b"ERP+2'",
                b"UCM+1'",
            ];
            let tag = tags[random.below(tags.len())];
            bytes.splice(at..at, tag.iter().copied());
        }
    }
}

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
    let mut random = Random(20_270_314);
    let samples = samples();
    assert!(samples.len() > 110, "{} samples", samples.len());
    for path in samples {
        let original = std::fs::read(&path).unwrap();
        for _ in 0..25 {
            let mut bytes = original.clone();
            for _ in 0..=random.below(6) {
                mutate(&mut bytes, &mut random);
            }
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
