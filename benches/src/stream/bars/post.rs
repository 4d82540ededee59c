//! `post`: one declaration a request at a constant rate, answered once it is on disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Common;
use crate::stream::judge::{Judge, Selection};
use crate::stream::latency::Latencies;
use crate::stream::load::{self, Shot};
use crate::stream::report::Bar;
use crate::stream::service::{From, Service};
use crate::stream::traffic::Traffic;
use crate::stream::watch::{self, Wrong};
use crate::stream::{Failure, Report, disk, floor, http, proc};

/// Path of the requests.
const PATH: &str = "/v1/declarations";
/// Appends before the run, for what the disk takes by itself.
const APPENDS: usize = 2_000;
/// Pause between two appends beside the run: few enough that they are no load.
const PROBE: Duration = Duration::from_millis(100);
/// How long the least server is measured, before and after: a share of the run.
const FLOOR_SHARE: f64 = 0.25;
/// Requests sent before those that count: a process that has just started is measured by `restart`.
const WARM_SECS: f64 = 2.0;

/// POST of one declaration a request at a constant rate; latency counts from when a request was due
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
    /// Write when each request was due, how late it was sent and how long it took, in milliseconds, as CSV
    #[arg(long, value_name = "FILE")]
    shots: Option<PathBuf>,
}

/// The load.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Load {
    /// Requests a second
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    pub rate: f64,
    /// For so long
    #[arg(long, value_name = "SECS", default_value_t = 60.0)]
    pub seconds: f64,
    /// Connections kept open
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub connections: usize,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { common, load, shots } = args;
    let (_folder, place) = common.place()?;
    let of = format!(
        "{} rules, {} requests/s for {} s, {} connections",
        common.rules, load.rate, load.seconds, load.connections
    );
    let mut report = Report::new("post", of);
    let prepared = Prepared::new(common, load)?;
    let judge = Judge::new(&place.pack(), &prepared.traffic)?;
    let alone = disk::appends(&place.0, APPENDS)?;
    let floor_before = prepared.floor(&place.0, load)?;
    let service = Service::start(&common.haechi, &place, &From::Requests)?;
    let (fired, beside) = disk::beside(&place.0, PROBE, || prepared.fire(&service, load, |_| ()))?;

    let floor_after = prepared.floor(&place.0, load)?;
    if let Some(file) = shots {
        load::write_csv(&fired.shots, file).map_err(|e| format!("cannot write `{}`: {e}", file.display()))?;
    }
    let latencies = load::latencies(&fired.shots);
    let p99_bar = alone.quantile(0.99) + 5.0;
    report.quantiles("the disk's own fdatasync, before", &alone, &[0.5, 0.99]);
    report.quantiles("the disk's own fdatasync, beside the load", &beside, &[0.5, 0.99]);
    report.hold("answer after commit, p50", latencies.quantile(0.5), "ms", Bar::AtMost(3.0));
    report.add("answer after commit, p90", latencies.quantile(0.9), "ms");
    report.hold(
        "answer after commit, p99 (bar: the disk's p99 before, and 5 ms)",
        latencies.quantile(0.99),
        "ms",
        Bar::AtMost(p99_bar),
    );
    report.add(
        "answer after commit, p99 above the disk's p99 beside the load",
        latencies.quantile(0.99) - beside.quantile(0.99),
        "ms",
    );
    report.add("answer after commit, p99.9", latencies.quantile(0.999), "ms");
    report.add(format!("answer after commit, longest of {}", latencies.len()), latencies.max(), "ms");
    report.quantiles("a server that only syncs 4 KiB, same load, before", &floor_before, &[0.5, 0.99, 0.999]);
    report.quantiles("a server that only syncs 4 KiB, same load, after", &floor_after, &[0.5, 0.99, 0.999]);
    let answers = fired.describe(&mut report);
    check(&service, &prepared, &judge, &answers, &mut report)?;
    Ok(report)
}

/// Every answer is right, and is what is found afterwards; no two have the same name.
fn check(
    service: &Service,
    prepared: &Prepared,
    judge: &Judge,
    answers: &[(u64, Selection)],
    report: &mut Report,
) -> Result<(), Failure> {
    let mut wrong = Wrong::default();
    for (n, selection) in answers {
        if let Err(what) = judge.check(&prepared.traffic, *n, selection) {
            wrong.note(what);
        }
    }
    wrong.into_report("answers", report);
    found_again(service, prepared, &[judge], answers, report)?;
    report.add("answers compared with the rules' own outcome", answers.len() as f64, "");
    report.add("rules that hit, as the rules say, over what differs", judge.score_sum(), "");
    Ok(())
}

/// Every answer is what is found afterwards under its id; no two have the same name.
pub fn found_again(
    service: &Service,
    prepared: &Prepared,
    judges: &[&Judge],
    answers: &[(u64, Selection)],
    report: &mut Report,
) -> Result<(), Failure> {
    let mut positions = HashSet::new();
    let mut wrong = Wrong::default();
    for (n, answered) in answers {
        if !positions.insert(answered.position) {
            wrong.note(format!("{} has the position of another", prepared.traffic.id(*n)));
        }
    }
    for judge in judges {
        let theirs: Vec<_> = answers.iter().filter(|(_, answered)| judge.made(answered)).collect();
        let found = watch::read_back(service, &prepared.traffic, judge, theirs.iter().map(|(n, _)| *n), report)?;
        for ((n, answered), (_, found)) in theirs.iter().zip(&found) {
            if answered.position != found.position {
                wrong.note(format!("{} was answered at another position than it has", prepared.traffic.id(*n)));
            }
        }
        report.add("selections found again under their ids", found.len() as f64, "");
    }
    wrong.into_report("positions", report);
    Ok(())
}

/// Requests that are bytes already.
pub struct Prepared {
    /// What they are made of.
    pub traffic: Traffic,
    warm: Vec<Vec<u8>>,
    requests: Vec<Vec<u8>>,
}

impl Prepared {
    /// Makes them all.
    pub fn new(common: &Common, load: &Load) -> Result<Self, Failure> {
        let (warm, count) = ((load.rate * WARM_SECS) as u64, (load.rate * load.seconds) as u64);
        // Declarations of the workload have two items; those that the folder has too few of come again under other ids.
        let traffic = Traffic::new(&common.source(), (2 * count as usize).clamp(2, 200_000))?;
        let request = |document: Vec<u8>| http::post_request(PATH, &document);
        let mut requests: Vec<_> = traffic.documents(0, warm + count)?.into_iter().map(request).collect();
        let warm = requests.drain(..warm as usize).collect();
        Ok(Self { traffic, warm, requests })
    }

    /// How long the answers of a server take that does nothing but the disk's part, under the same load.
    fn floor(&self, folder: &Path, load: &Load) -> Result<Latencies, Failure> {
        let count = (self.requests.len() as f64 * FLOOR_SHARE) as usize;
        floor::latencies(folder, &self.requests[..count], load.rate, load.connections)
    }

    /// Sends first some that do not count, then all that do. `beside` runs meanwhile.
    pub fn fire<T: Send>(
        &self,
        service: &Service,
        load: &Load,
        beside: impl FnOnce(Instant) -> T + Send,
    ) -> Result<Fired<T>, Failure> {
        load::constant_rate(service.address, &self.warm, load.rate, load.connections, |_| ())?;
        let us = std::process::id();
        let before = (service.cpu_seconds()?, proc::cpu_seconds(us)?, proc::stolen_seconds()?);
        let (shots, beside) =
            load::constant_rate(service.address, &self.requests, load.rate, load.connections, beside)?;
        let cores = |now: f64, then: f64| (now - then) / load.seconds;
        Ok(Fired {
            shots,
            beside,
            first: self.warm.len() as u64,
            service_cores: cores(service.cpu_seconds()?, before.0),
            client_cores: cores(proc::cpu_seconds(us)?, before.1),
            stolen_cores: cores(proc::stolen_seconds()?, before.2),
            resident_max_mib: service.resident_max_mib()?,
        })
    }
}

/// What came back.
pub struct Fired<T> {
    /// Each request, in their order.
    pub shots: Vec<Shot>,
    /// What came of what ran beside.
    pub beside: T,
    /// Number of the declaration in the first of them.
    pub first: u64,
    service_cores: f64,
    client_cores: f64,
    stolen_cores: f64,
    resident_max_mib: f64,
}

impl<T> Fired<T> {
    /// Adds what does not depend on the measurement, and gives the answers that are selections, by declaration.
    pub fn describe(&self, report: &mut Report) -> Vec<(u64, Selection)> {
        let mut answers = Vec::new();
        let mut failed = Wrong::default();
        let mut n_failed = 0;
        for shot in &self.shots {
            let answer = match &shot.answer {
                Ok(response) if response.status == 200 => Selection::of_answer(&response.body),
                Ok(response) => Err(format!("status {}: {}", response.status, String::from_utf8_lossy(&response.body))),
                Err(error) => Err(error.to_string()),
            };
            match answer {
                Ok(selection) => answers.push((self.first + shot.n as u64, selection)),
                Err(what) => {
                    n_failed += 1;
                    failed.note(what);
                }
            }
        }
        report.hold("requests that failed", f64::from(n_failed), "", Bar::AtMost(0.0));
        failed.into_report("requests", report);
        let late: Latencies = self.shots.iter().map(|shot| shot.late).collect();
        report.add("sent later than due, p99 (part of the latency)", late.quantile(0.99), "ms");
        report.add("processor of the service", self.service_cores, "cores");
        report.add("processor of this client", self.client_cores, "cores");
        report.add("processor that the host took away", self.stolen_cores, "cores");
        report.add("resident memory of the service, most", self.resident_max_mib, "MiB");
        answers
    }
}
