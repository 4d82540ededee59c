//! An EDIFACT stream of any size, read in pieces: how fast, and in how much memory.
//!
//! `cargo run --release -p haechi-connectors --example edifact_stream -- MEGABYTES [one]`; with `one`, all messages stand
//! in one interchange.

use std::error::Error;
use std::io::{Read, Write, stdout};
use std::time::Instant;

use haechi_connectors::formats::edifact::pieces::pieces;
use haechi_connectors::options::ReadOptions;
use haechi_datasets::{MessageKind, Spec, samples};

/// The same messages again and again, up to a size.
struct Repeated {
    texts: Vec<Vec<u8>>,
    next: usize,
    at: usize,
    left: usize,
}

impl Read for Repeated {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Some(text) = self.texts.get(self.next) else { return Ok(0) };
        if self.at == 0 && self.left == 0 {
            return Ok(0);
        }
        let n = into.len().min(text.len() - self.at);
        into[..n].copy_from_slice(&text[self.at..self.at + n]);
        self.at += n;
        self.left = self.left.saturating_sub(n);
        if self.at == text.len() {
            (self.next, self.at) = ((self.next + 1) % self.texts.len(), 0);
        }
        Ok(n)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: usize = std::env::args().nth(1).ok_or("how many megabytes?")?.parse()?;
    let one = std::env::args().nth(2).is_some_and(|arg| arg == "one");
    let spec = Spec { declarations: 0, house_bills: 0, flights: 20, ..Spec::day(31) };
    let mut texts: Vec<String> = samples(&spec, MessageKind::Paxlst, 1_000).map(|sample| sample.text).collect();
    if one {
        let message = |text: &String| {
            text.lines()
                .filter(|l| !l.starts_with("UNB") && !l.starts_with("UNZ"))
                .fold(String::new(), |all, line| all + line + "\n")
        };
        let head = texts.first().and_then(|text| text.lines().next()).unwrap_or_default().to_owned() + "\n";
        let bodies: String = texts.iter().map(message).collect();
        texts = vec![bodies];
        return run(head.as_bytes(), texts, megabytes);
    }
    run(b"", texts, megabytes)
}

fn run(head: &[u8], texts: Vec<String>, megabytes: usize) -> Result<(), Box<dyn Error>> {
    let input =
        Repeated { texts: texts.into_iter().map(String::into_bytes).collect(), next: 0, at: 0, left: megabytes << 20 };
    let options = ReadOptions::default();
    let begun = Instant::now();
    let (mut rows, mut set_aside, mut warnings) = (0, 0, 0);
    for reading in pieces("stream", head.chain(input), &options) {
        let reading = reading?;
        rows += reading.records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
        set_aside += reading.set_aside.len();
        warnings += reading.warnings.len();
    }
    let rate = (megabytes << 20) as f64 / begun.elapsed().as_secs_f64() / 1e6;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: unknown");
    writeln!(
        stdout(),
        "{megabytes} MB: {rows} rows, {set_aside} set aside, {warnings} warnings, {rate:.0} MB/s, {}",
        peak.split_whitespace().collect::<Vec<_>>().join(" ")
    )?;
    Ok(())
}
