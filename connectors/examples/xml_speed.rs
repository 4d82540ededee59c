//! How fast XML becomes rows on one core, and how much memory a long stream takes.
//!
//! ```text
//! cargo run --release -p haechi-connectors --example xml_speed                # MB/s of generated messages
//! cargo run --release -p haechi-connectors --example xml_speed -- stream 1000 # of a stream, and peak memory
//! cargo run --release -p haechi-connectors --example xml_speed -- files a.xml # of these messages, each again and again
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example prints, and stops at the first surprise")]

use std::io::Read;
use std::time::Instant;

use cpu_time::ThreadTime;
use haechi_connectors::format::MessageInput;
use haechi_connectors::formats::xml;
use haechi_connectors::options::ReadOptions;
use haechi_datasets::{Spec, XmlFormat, xml_messages};

const MEGABYTE: f64 = 1_000_000.0;

fn messages(format: XmlFormat) -> Vec<String> {
    let spec = Spec { declarations: 5_000, house_bills: 5_000, flights: 20, ..Spec::day(7) };
    xml_messages(format, &spec).map(|message| message.text).collect()
}

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("stream") => stream(args.get(1).and_then(|n| n.parse().ok()).unwrap_or(1000)),
        Some("files") => files(&args[1..]),
        only => speed(only.unwrap_or_default()),
    }
}

fn speed(only: &str) {
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    for format in XmlFormat::ALL.into_iter().filter(|format| format!("{format:?}").starts_with(only)) {
        let messages = messages(format);
        let bytes: usize = messages.iter().map(String::len).sum();
        let (mut best, mut rows) = (f64::MAX, 0);
        for _ in 0..5 {
            rows = 0;
            let began = ThreadTime::now();
            for text in &messages {
                let input = MessageInput { source: "speed", bytes: text.as_bytes(), options: &options };
                rows += xml::read(input).records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
            }
            best = best.min(began.elapsed().as_secs_f64());
        }
        let joined = messages.concat();
        let mut best_joined = f64::MAX;
        for _ in 0..5 {
            let began = ThreadTime::now();
            let input = MessageInput { source: "speed", bytes: joined.as_bytes(), options: &options };
            assert_eq!(xml::read(input).records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>(), rows);
            best_joined = best_joined.min(began.elapsed().as_secs_f64());
        }
        println!(
            "{format:?}: {:.0} MB/s one by one, {:.0} MB/s in one document ({} messages, {rows} rows, {:.1} MB)",
            bytes as f64 / best / MEGABYTE,
            bytes as f64 / best_joined / MEGABYTE,
            messages.len(),
            bytes as f64 / MEGABYTE
        );
    }
}

fn files(paths: &[String]) {
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    for path in paths {
        let bytes = std::fs::read(path).unwrap();
        let times = 20_000_000 / bytes.len();
        let (mut best, mut rows) = (f64::MAX, 0);
        for _ in 0..5 {
            rows = 0;
            let began = ThreadTime::now();
            for _ in 0..times {
                let input = MessageInput { source: "speed", bytes: &bytes, options: &options };
                rows += xml::read(input).records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
            }
            best = best.min(began.elapsed().as_secs_f64());
        }
        let speed = (times * bytes.len()) as f64 / best / MEGABYTE;
        println!("{path}: {speed:.0} MB/s ({} bytes, {} rows)", bytes.len(), rows / times);
    }
}

/// The same bytes again and again.
struct Again<'b> {
    bytes: &'b [u8],
    at: usize,
    left: usize,
}

impl Read for Again<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.bytes.len() {
            self.at = 0;
            if self.left < self.bytes.len() {
                return Ok(0);
            }
            self.left -= self.bytes.len();
        }
        let n = buffer.len().min(self.bytes.len() - self.at);
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn stream(megabytes: usize) {
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    for format in [XmlFormat::Govcbr929, XmlFormat::Wco, XmlFormat::Awmds] {
        let messages = messages(format);
        // Bills of one manifest, without end; of the others whole messages.
        let body = match format {
            XmlFormat::Awmds => {
                let bills = messages.iter().flat_map(|text| text.split("<Bol_segment>").skip(1));
                let bills = bills.map(|bill| bill.trim_end().trim_end_matches("</Awmds>"));
                bills.flat_map(|bill| ["<Bol_segment>", bill]).collect::<String>()
            }
            _ => messages.concat(),
        };
        drop(messages);
        // The peak from here on, without what making the messages took.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let before = peak();
        let bytes = Again { bytes: body.as_bytes(), at: 0, left: megabytes * 1_000_000 };
        let (head, tail) = if format == XmlFormat::Awmds { ("<Awmds>", "</Awmds>") } else { ("", "") };
        let (mut rows, mut set_aside) = (0, 0);
        let began = Instant::now();
        let mut content = head.as_bytes().chain(bytes).chain(tail.as_bytes());
        xml::stream("stream", &mut content, &options, &mut |piece| {
            rows += piece.records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
            set_aside += piece.set_aside.len();
        })
        .unwrap();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{format:?}: {rows} rows, {set_aside} set aside, {:.0} MB/s, peak {} MB ({before} MB before)",
            megabytes as f64 / seconds,
            peak()
        );
    }
}

/// Peak memory of this process in MB, where the system says it.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}
