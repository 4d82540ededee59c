//! How fast messages become Arrow rows, on one core, from memory: interchanges each by itself, as they are sent, and all of
//! them one behind the other in one buffer. What is timed is the processor's time, so that what the machine does beside
//! does not count.
//!
//! `cargo run --release -p haechi-connectors --example edifact_speed -- [MEGABYTES]`

use std::error::Error;
use std::io::{Write, stdout};
use std::time::Instant;

use cpu_time::ThreadTime;
use haechi_connectors::format::MessageInput;
use haechi_connectors::formats::FORMATS;
use haechi_connectors::options::ReadOptions;
use haechi_datasets::{MessageKind, Spec, samples};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(64), |arg| arg.parse())?;
    let only = std::env::args().nth(2);
    let format = FORMATS.iter().find(|f| f.name == "edifact").ok_or("no EDIFACT")?;
    let options = ReadOptions::default();
    let mut out = stdout().lock();
    for kind in MessageKind::ALL {
        if only.as_ref().is_some_and(|only| only != kind.name()) {
            continue;
        }
        let spec = Spec { declarations: 200_000, house_bills: 100_000, flights: 400, ..Spec::day(31) };
        let mut text = String::new();
        let mut ends = Vec::new();
        for sample in samples(&spec, kind, 1_000) {
            text.push_str(&sample.text);
            ends.push(text.len());
            if text.len() > megabytes << 20 {
                break;
            }
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let alone: Vec<_> = starts.zip(ends.iter().copied()).map(|(from, to)| &text.as_bytes()[from..to]).collect();
        let together = [text.as_bytes()];
        let mut rates = Vec::new();
        let mut rows = 0;
        for pieces in [&alone[..], &together] {
            let mut best = f64::MAX;
            let begun = Instant::now();
            // The fastest of several: what caches held before is not ours.
            while best == f64::MAX || begun.elapsed().as_secs() < 5 {
                let pass = ThreadTime::now();
                rows = 0;
                for bytes in pieces {
                    let reading = (format.read)(MessageInput { source: "bench", bytes, options: &options });
                    rows += reading.records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
                }
                best = best.min(pass.elapsed().as_secs_f64());
            }
            rates.push(text.len() as f64 / best / 1e6);
        }
        writeln!(
            out,
            "{}: {:.0} MB/s one by one, {:.0} MB/s in one buffer; {} bytes a row, {} interchanges, {} MB",
            kind.name(),
            rates[0],
            rates[1],
            text.len() / rows.max(1),
            ends.len(),
            text.len() >> 20,
        )?;
    }
    Ok(())
}
