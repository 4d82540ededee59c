//! `backlog`: everything is there before the start. The store stays, as a kill left it, for `restart`.

use std::path::PathBuf;
use std::time::Instant;

use super::Common;
use super::folder::{FileArgs, drained, traffic};
use crate::stream::folder::Files;
use crate::stream::judge::Judge;
use crate::stream::report::Bar;
use crate::stream::service::{From, Service};
use crate::stream::watch;
use crate::stream::{Failure, Report};

/// Everything is there before the start
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    files: FileArgs,
    /// Items that wait
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    rows: u64,
    /// New folder that everything is made in and left in, for `restart`
    #[arg(long, value_name = "DIR")]
    keep: PathBuf,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { common, files: form, .. } = args;
    if args.keep.join("store").exists() {
        return Err(format!("`{}` holds a store already; name a new folder", args.keep.display()).into());
    }
    let place = common.kept_place(&args.keep)?;
    let of = format!("{} rules, {} items in {} files", common.rules, args.rows, form.format.ending());
    let mut report = Report::new("backlog", of);
    let traffic = traffic(common)?;
    let judge = Judge::new(&place.pack(), &traffic)?;
    let total = traffic.declarations_of(args.rows);
    let lie_in = place.0.join("prepared");
    let mut files = Files::make(&traffic, form.format, 0..total, form.each(&traffic), &lie_in, &place.incoming())?;
    while files.next()? {}

    let start = Instant::now();
    let service = Service::start(&common.haechi, &place, &From::Folder)?;
    watch::until(&service, |sample| Ok(sample.committed >= total))?;
    let seconds = start.elapsed().as_secs_f64();
    report.hold("resident memory of the service, most", service.resident_max_mib()?, "MiB", Bar::AtMost(1_024.0));
    report.add("from the start until all was committed", seconds, "s");
    report.add("items a second", traffic.items(total) as f64 / seconds, "items/s");
    report.add("processor of the service", service.cpu_seconds()? / seconds, "cores");
    drained(&service, &traffic, &judge, total, &mut report)?;
    service.kill()?;
    Ok(report)
}
