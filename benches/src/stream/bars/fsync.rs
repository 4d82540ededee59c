//! `fsync`: the disk alone, 4 KiB appends with `fdatasync`.

use std::path::PathBuf;

use crate::stream::{Failure, Report, disk};

/// The disk alone: 4 KiB appends, each followed by fdatasync
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder on the disk to measure
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// How many appends
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    appends: usize,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let mut report = Report::new("fsync", format!("4 KiB appends in `{}`", args.dir.display()));
    report.quantiles("fdatasync", &disk::appends(&args.dir, args.appends)?, &[0.5, 0.9, 0.99]);
    Ok(report)
}
