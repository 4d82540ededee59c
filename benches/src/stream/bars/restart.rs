//! `restart`: from the start of the process until it is ready, after a kill in the middle of its work, on the store
//! that `backlog` left.

use std::path::PathBuf;

use super::Common;
use super::folder::{FileArgs, READ_BACK, traffic};
use crate::stream::folder::Files;
use crate::stream::judge::Judge;
use crate::stream::report::Bar;
use crate::stream::service::{From, Service};
use crate::stream::watch;
use crate::stream::{Failure, Report};

/// The start after a kill, on the store that `backlog` left
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    files: FileArgs,
    /// Folder that `backlog --keep` made
    #[arg(long, value_name = "DIR")]
    keep: PathBuf,
    /// How many kills and starts
    #[arg(long, value_name = "N", default_value_t = 7)]
    times: u64,
}

/// Measures. Every start but the first follows a kill in the middle of a file.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { common, files: form, .. } = args;
    if !args.keep.join("store").exists() {
        return Err(format!("`{}` holds no store; `stream backlog --keep` makes one", args.keep.display()).into());
    }
    let place = common.kept_place(&args.keep)?;
    let mut report =
        Report::new("restart", format!("killed at work, {} times, in `{}`", args.times, args.keep.display()));
    let traffic = traffic(common)?;
    let judge = Judge::new(&place.pack(), &traffic)?;
    let each = form.each(&traffic);
    let lie_in = place.0.join("prepared");
    let total = each * args.times;
    let mut files = Files::make(&traffic, form.format, 0..total, each, &lie_in, &place.incoming())?;
    let mut seconds = Vec::new();
    for _ in 0..args.times {
        let service = Service::start(&common.haechi, &place, &From::Folder)?;
        seconds.push(service.ready_seconds);
        files.next()?;
        watch::until(&service, |sample| Ok(sample.committed > 0))?;
        service.kill()?;
    }
    let service = Service::start(&common.haechi, &place, &From::Folder)?;
    seconds.push(service.ready_seconds);
    for (n, seconds) in seconds.iter().enumerate() {
        report.add(format!("start {}: ready after", n + 1), *seconds, "s");
    }
    let longest = seconds.iter().copied().fold(0.0, f64::max);
    report.hold("longest", longest, "s", Bar::AtMost(3.0));
    // Files that were cut by kills are finished, and nothing of them is missing.
    watch::until(&service, |_| Ok(files.waiting()? == 0))?;
    let step = (total / READ_BACK).max(1) as usize;
    let read = watch::read_back(&service, &traffic, &judge, (0..total).step_by(step), &mut report)?;
    report.add("selections read back and right", read.len() as f64, "");
    Ok(report)
}
