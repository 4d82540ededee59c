//! Watching a service work through what it was given, and reading back what it decided.

use std::thread;
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::judge::{Judge, Selection};
use super::service::Service;
use super::traffic::Traffic;
use super::{Failure, Report};

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// A service that commits nothing for so long has come to a stop.
const STILL_MAX: Duration = Duration::from_mins(1);
/// What "sustained" is looked at over.
const STRETCH_SECS: f64 = 5.0;

/// How far it was.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Seconds since the watch began.
    pub at: f64,
    /// Declarations whose selection is committed.
    pub committed: u64,
    /// Processor seconds of the service.
    pub cpu_seconds: f64,
}

/// Looks again and again until `enough` says so, or nothing has moved for a minute.
pub fn until(
    service: &Service,
    mut enough: impl FnMut(&Sample) -> Result<bool, Failure>,
) -> Result<Vec<Sample>, Failure> {
    let start = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut moved = start;
    loop {
        let committed = committed(service)?;
        let sample = Sample { at: start.elapsed().as_secs_f64(), committed, cpu_seconds: service.cpu_seconds()? };
        if samples.last().is_none_or(|last| last.committed < committed) {
            moved = Instant::now();
        }
        samples.push(sample);
        if enough(&sample)? {
            return Ok(samples);
        }
        if moved.elapsed() > STILL_MAX {
            return Err(format!("nothing was committed for {} s, after {committed}", STILL_MAX.as_secs()).into());
        }
        thread::sleep(LOOK);
    }
}

/// Declarations committed since the service started.
pub fn committed(service: &Service) -> Result<u64, Failure> {
    let labels = ["stream=\"declaration\"", "outcome=\"selected\""];
    Ok(service.counter("haechi_subjects_total", &labels)? as u64)
}

/// Items a second between two samples.
pub fn rate(traffic: &Traffic, from: &Sample, to: &Sample) -> f64 {
    let items = traffic.items(to.committed) - traffic.items(from.committed);
    items as f64 / (to.at - from.at).max(f64::EPSILON)
}

/// The slowest five seconds, in items a second.
pub fn slowest(traffic: &Traffic, samples: &[Sample]) -> f64 {
    let stretch = |from: &Sample| {
        let to = samples.iter().find(|to| to.at >= from.at + STRETCH_SECS)?;
        Some(rate(traffic, from, to))
    };
    samples.iter().filter_map(stretch).min_by(f64::total_cmp).unwrap_or(f64::NAN)
}

/// Reads the selections of declarations back, each over the interface that others use, and compares them.
pub fn read_back(
    service: &Service,
    traffic: &Traffic,
    judge: &Judge,
    numbers: impl IntoIterator<Item = u64>,
    report: &mut Report,
) -> Result<Vec<(u64, Selection)>, Failure> {
    let mut connection = Connection::open(service.address)?;
    let mut selections = Vec::new();
    let mut wrong = Wrong::default();
    for n in numbers {
        let request = http::get_request(&format!("/v1/selections/declaration/{}", traffic.id(n)));
        let response = connection.exchange(&request)?;
        let checked = match response.status {
            200 => Selection::of_answer(&response.body),
            status => Err(format!("{} was answered with status {status}", traffic.id(n))),
        };
        match checked.and_then(|selection| judge.check(traffic, n, &selection).map(|()| selection)) {
            Ok(selection) => selections.push((n, selection)),
            Err(what) => wrong.note(what),
        }
    }
    wrong.into_report("read back", report);
    Ok(selections)
}

/// Wrong things of one kind: how many, and the first ones.
#[derive(Debug, Default)]
pub struct Wrong {
    count: usize,
    first: Vec<String>,
}

impl Wrong {
    /// One more.
    pub fn note(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < 3 {
            self.first.push(what);
        }
    }

    /// Says so where there are any.
    pub fn into_report(self, of: &str, report: &mut Report) {
        if self.count > 0 {
            report.wrong.push(format!("{of}: {} wrong, such as: {}", self.count, self.first.join("; ")));
        }
    }
}
