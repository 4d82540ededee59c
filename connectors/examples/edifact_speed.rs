//! How fast messages become Arrow rows, on one core, from memory: interchanges one behind the other in one buffer. What is
//! timed is the processor's time, so that what the machine does beside does not count.
//!
//! `cargo run --release -p haechi-connectors --example edifact_speed -- [MEGABYTES]`

use std::error::Error;
use std::io::{Write, stdout};
use std::time::Instant;

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
        let mut n = 0;
        for sample in samples(&spec, kind, 1_000) {
            text.push_str(&sample.text);
            n += 1;
            if text.len() > megabytes << 20 {
                break;
            }
        }
        let bytes = text.len();
        let mut best = f64::MAX;
        let mut rows = 0;
        let begun = Instant::now();
        // The fastest of several: what caches held before is not ours.
        while best == f64::MAX || begun.elapsed().as_secs() < 5 {
            let pass = processor_seconds().ok_or("no schedstat")?;
            let reading = (format.read)(MessageInput { source: "bench", bytes: text.as_bytes(), options: &options });
            rows = reading.records.iter().map(|(_, batch)| batch.num_rows()).sum::<usize>();
            best = best.min(processor_seconds().ok_or("no schedstat")? - pass);
        }
        let rate = bytes as f64 / best / 1e6;
        writeln!(
            out,
            "{}: {rate:.0} MB/s, {:.0} rows/s, {} bytes a row, {} interchanges, {} MB",
            kind.name(),
            rows as f64 / best,
            bytes / rows.max(1),
            n,
            bytes >> 20,
        )?;
    }
    Ok(())
}

/// Seconds this thread was on a processor.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}
