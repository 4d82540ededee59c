//! A small week of border traffic: counts it, asks what was planted, writes it as CSV with bad rows and as messages.
//!
//! `cargo run -p haechi-datasets --example week -- FOLDER`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::time::Instant;

use haechi_datasets::{Format, Spec, declarations, planted, write, write_messages};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("haechi-week"), PathBuf::from);
    let spec = Spec { days: 7, bad_share: 0.01, ..Spec::day(7).scaled(0.02) };
    let mut out = stdout().lock();

    let begun = Instant::now();
    let items: usize = declarations(&spec).map(|batch| batch.num_rows()).sum();
    let rate = items as f64 / begun.elapsed().as_secs_f64();
    writeln!(out, "{} declarations of {items} items, {rate:.0} items/s", spec.declarations)?;

    let mut schemes = BTreeMap::new();
    for subject in planted(&spec) {
        *schemes.entry((subject.stream, subject.scheme)).or_insert(0) += 1;
    }
    for ((stream, scheme), subjects) in schemes {
        writeln!(out, "planted: {subjects:4} {stream}s, {scheme:?}")?;
    }

    let written = write(&spec, &folder, Format::Csv)?;
    for file in written.files {
        writeln!(out, "{}: {} rows, {} damaged", folder.join(file.name).display(), file.rows, file.damaged)?;
    }
    let messages = write_messages(&spec, &folder)?;
    writeln!(out, "{} passenger lists, {} manifests", messages.flights, messages.manifests)?;
    Ok(())
}
