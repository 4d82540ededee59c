//! `features`: what the shipped packs' features cost the running service. The same packs without them, then with them,
//! each on a new store: a folder of declarations, single ones by POST, and the start after a kill.

use std::fs;
use std::path::{Path, PathBuf};

use haechi_datasets::Spec;

use super::folder::READ_BACK;
use super::post::Load;
use crate::stream::folder::Files;
use crate::stream::http::{self, Connection};
use crate::stream::judge::Selection;
use crate::stream::load;
use crate::stream::service::{From, Place, Service};
use crate::stream::traffic::{Format, Traffic};
use crate::stream::watch::{self, Wrong};
use crate::stream::{Failure, Report};

/// Path of the requests.
const PATH: &str = "/v1/declarations";
/// Declarations a file, some 100,000 items.
const EACH: u64 = 44_000;
/// Requests sent before those that count.
const WARM_SECS: f64 = 2.0;
/// Days over which the declarations are spread.
const DAYS: u32 = 8;

/// The shipped packs without their features and with them: a folder, single POSTs, the start after a kill
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The `haechi` binary to measure
    #[arg(long, value_name = "PATH")]
    haechi: PathBuf,
    /// Folder on the disk to measure on; everything is made in new folders in it, which go afterwards
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Declarations in the folder, before the requests
    #[arg(long, value_name = "N", default_value_t = 400_000)]
    declarations: u64,
    /// Names the generator's dataset
    #[arg(long, value_name = "N", default_value_t = 3)]
    seed: u64,
    /// Times without and with, in turns
    #[arg(long, value_name = "N", default_value_t = 1)]
    rounds: u32,
    #[command(flatten)]
    load: Load,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { declarations, seed, load, .. } = *args;
    let of = format!(
        "{declarations} declarations of the generator over {DAYS} days (seed {seed}) from a folder, then {} requests/s for {} s",
        load.rate, load.seconds
    );
    let mut report = Report::new("features", of);
    let (warm, count) = ((load.rate * WARM_SECS) as u64, (load.rate * load.seconds) as u64);
    let all = declarations + warm + count;
    let traffic =
        Traffic::generated(&Spec { days: DAYS, declarations: all, house_bills: 0, flights: 0, ..Spec::day(seed) })?;
    for round in 1..=args.rounds {
        for features in [false, true] {
            let what = if features { "with features" } else { "without" };
            let what = if args.rounds > 1 { format!("{round}, {what}") } else { what.to_owned() };
            one(args, &traffic, features, &what, &mut report)?;
        }
    }
    Ok(report)
}

/// On a new store, with the features or without.
fn one(args: &Args, traffic: &Traffic, features: bool, what: &str, report: &mut Report) -> Result<(), Failure> {
    let Args { declarations, load, .. } = *args;
    let folder = tempfile::Builder::new().prefix("haechi-stream-").tempdir_in(&args.dir)?;
    let place = Place(fs::canonicalize(folder.path())?);
    let packs = lay_packs(&place.pack(), features)?;
    let lie_in = place.0.join("prepared");
    let mut files = Files::make(traffic, Format::Parquet, 0..declarations, EACH, &lie_in, &place.incoming())?;
    while files.next()? {}

    let service = Service::start_by(&args.haechi, &place, &packs, &From::Folder)?;
    let samples = watch::until(&service, |sample| Ok(sample.committed >= declarations))?;
    let from_first = samples.iter().position(|sample| sample.committed > 0).unwrap_or_default();
    if let (Some(first), Some(last)) = (samples.get(from_first), samples.last()) {
        report.add(format!("{what}: folder"), watch::rate(traffic, first, last), "items/s");
        report.add(format!("{what}: slowest five seconds"), watch::slowest(traffic, &samples[from_first..]), "items/s");
    }
    let warm = (load.rate * WARM_SECS) as u64;
    let documents = traffic.documents(declarations, warm + (load.rate * load.seconds) as u64)?;
    let mut requests: Vec<_> = documents.into_iter().map(|document| http::post_request(PATH, &document)).collect();
    let after_warm = requests.split_off(warm as usize);
    load::constant_rate(service.address, &requests, load.rate, load.connections, |_| ())?;
    let before = service.cpu_seconds()?;
    let (shots, ()) = load::constant_rate(service.address, &after_warm, load.rate, load.connections, |_| ())?;
    let cores = (service.cpu_seconds()? - before) / load.seconds;
    report.quantiles(&format!("{what}: answer after commit"), &load::latencies(&shots), &[0.5, 0.9, 0.99, 0.999]);
    report.add(format!("{what}: processor of the service meanwhile"), cores, "cores");
    report.add(format!("{what}: resident memory, most"), service.resident_max_mib()?, "MiB");

    let mut wrong = Wrong::default();
    let mut answers = Vec::new();
    for shot in &shots {
        let answer = match &shot.answer {
            Ok(response) if response.status == 200 => Selection::of_answer(&response.body),
            Ok(response) => Err(format!("status {}: {}", response.status, String::from_utf8_lossy(&response.body))),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(selection) => answers.push((declarations + warm + shot.n as u64, selection)),
            Err(failed) => wrong.note(failed),
        }
    }
    let set_aside = service.counter("haechi_set_aside_total", &[])?;
    if set_aside > 0.0 {
        wrong.note(format!("{set_aside} units were set aside, none is faulty"));
    }
    service.kill()?;
    let service = Service::start_by(&args.haechi, &place, &packs, &From::Folder)?;
    report.add(format!("{what}: ready after `kill -9`"), service.ready_seconds, "s");
    let mut connection = Connection::open(service.address)?;
    for (n, answered) in answers.iter().step_by((answers.len() / READ_BACK as usize).max(1)) {
        let request = http::get_request(&format!("/v1/selections/declaration/{}", traffic.id(*n)));
        match Selection::of_answer(&connection.exchange(&request)?.body) {
            Ok(found) if found == *answered => {}
            Ok(found) => wrong.note(format!("{found:?} instead of {answered:?}")),
            Err(failed) => wrong.note(failed),
        }
    }
    wrong.into_report(what, report);
    Ok(())
}

/// Lays the shipped packs into a folder. Without features go what is remembered and the rules that ask for it: those of
/// `history.yaml`, and the pack `findings`.
fn lay_packs(into: &Path, features: bool) -> Result<Vec<PathBuf>, Failure> {
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs"));
    let packs: &[&str] =
        if features { &["import", "cargo", "traveller", "findings"] } else { &["import", "cargo", "traveller"] };
    let lay = |pack: &&str| -> Result<PathBuf, Failure> {
        let to = into.join(pack);
        copy(&shipped.join(pack), &to)?;
        if !features {
            fs::remove_dir_all(to.join("profiles"))?;
            fs::remove_file(to.join("history.yaml"))?;
        }
        Ok(to)
    };
    packs.iter().map(lay).collect()
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use haechi_pipeline::{Packs, catalogue};
    use haechi_rules::Severity;

    use super::*;

    #[test]
    fn the_packs_are_whole_without_their_features() {
        let folder = tempfile::tempdir().unwrap();
        for features in [false, true] {
            let packs = lay_packs(&folder.path().join(features.to_string()), features).unwrap();
            let packs = Packs::load(&packs, None, None);
            let error = packs.diagnostics.iter().find(|d| d.severity == Severity::Error);
            assert!(error.is_none(), "{error:?}");
            assert_eq!(catalogue(&packs).unwrap().is_empty(), !features);
        }
    }
}
