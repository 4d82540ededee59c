//! `folder`: files dropped into a watched folder so that some always wait; items a second, sustained.

use super::Common;
use crate::stream::folder::Files;
use crate::stream::judge::Judge;
use crate::stream::report::Bar;
use crate::stream::service::{From, Service};
use crate::stream::traffic::{Format, Traffic};
use crate::stream::watch::{self, Sample};
use crate::stream::{Failure, Report};

/// Rows that differ in more than their ids.
const DISTINCT: usize = 200_000;
/// Selections that are read back and compared.
pub const READ_BACK: u64 = 2_000;

/// Files dropped into a watched folder, so that some always wait
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    files: FileArgs,
    /// Items made beforehand; where they do not last, the rate is of the time they lasted
    #[arg(long, value_name = "N", default_value_t = 8_000_000)]
    rows: u64,
    /// For so long
    #[arg(long, value_name = "SECS", default_value_t = 60.0)]
    seconds: f64,
    /// Files that wait at any time
    #[arg(long, value_name = "N", default_value_t = 16)]
    waiting: usize,
}

/// What files are like.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct FileArgs {
    /// Their form
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    pub format: Format,
    /// Items a file
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub file_rows: u64,
}

impl FileArgs {
    /// Declarations a file.
    pub fn each(&self, traffic: &Traffic) -> u64 {
        traffic.declarations_of(self.file_rows).max(1)
    }
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { common, files: form, .. } = args;
    let (_folder, place) = common.place()?;
    let of = format!("{} rules, {} files of {} items", common.rules, form.format.ending(), form.file_rows);
    let mut report = Report::new("folder", of);
    let traffic = traffic(common)?;
    let judge = Judge::new(&place.pack(), &traffic)?;
    let total = traffic.declarations_of(args.rows);
    let lie_in = place.0.join("prepared");
    let mut files = Files::make(&traffic, form.format, 0..total, form.each(&traffic), &lie_in, &place.incoming())?;
    let service = Service::start(&common.haechi, &place, &From::Folder)?;

    let mut begun: Option<f64> = None;
    let mut least_waiting = usize::MAX;
    let samples = watch::until(&service, |sample| {
        let waited = files.top_up(args.waiting)?;
        match begun {
            None => begun = (sample.committed > 0).then_some(sample.at),
            Some(_) if files.has_more() => least_waiting = least_waiting.min(waited),
            Some(_) => {}
        }
        Ok(begun.is_some_and(|begun| sample.at >= begun + args.seconds) || sample.committed == total)
    })?;
    sustained(&traffic, &samples, args.seconds, &mut report);
    report.add("files waiting, least", least_waiting.min(args.waiting) as f64, "");
    report.add("resident memory of the service, most", service.resident_max_mib()?, "MiB");

    drained(&service, &traffic, &judge, files.moved_in(), &mut report)?;
    Ok(report)
}

/// Rows of the workload, few enough to be held and judged.
pub fn traffic(common: &Common) -> Result<Traffic, Failure> {
    Traffic::new(&common.source(), DISTINCT)
}

/// The rate over a window that begins once something is committed.
pub fn sustained(traffic: &Traffic, samples: &[Sample], seconds: f64, report: &mut Report) {
    let from_first = samples.iter().position(|sample| sample.committed > 0).unwrap_or_default();
    let counted: Vec<Sample> = samples[from_first..].to_vec();
    let (Some(first), Some(last)) = (counted.first(), counted.last()) else { return };
    let lasted = last.at - first.at;
    report.hold("sustained", watch::rate(traffic, first, last), "items/s", Bar::AtLeast(50_000.0));
    report.hold("for", lasted, "s", Bar::AtLeast(seconds));
    report.add("slowest five seconds", watch::slowest(traffic, &counted), "items/s");
    report.add("items", (traffic.items(last.committed) - traffic.items(first.committed)) as f64, "");
    report.add("processor of the service", (last.cpu_seconds - first.cpu_seconds) / lasted.max(f64::EPSILON), "cores");
}

/// Waits until all of `total` declarations are committed, reads some of them back, and says what is wrong.
pub fn drained(
    service: &Service,
    traffic: &Traffic,
    judge: &Judge,
    total: u64,
    report: &mut Report,
) -> Result<(), Failure> {
    let samples = watch::until(service, |sample| Ok(sample.committed >= total))?;
    let committed = samples.last().map_or(0, |sample| sample.committed);
    if committed != total {
        report.wrong.push(format!("{committed} declarations committed, {total} given"));
    }
    let set_aside = service.counter("haechi_set_aside_total", &[])?;
    if set_aside > 0.0 {
        report.wrong.push(format!("{set_aside} units were set aside, none is faulty"));
    }
    report.add("declarations committed, all that were given", committed as f64, "");
    let step = (total / READ_BACK).max(1) as usize;
    let read = watch::read_back(service, traffic, judge, (0..total).step_by(step), report)?;
    report.add("selections read back and right", read.len() as f64, "");
    Ok(())
}
