//! `haechi inspect`: how the service is, or what its store says while none runs.

use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::release::Release;
use haechi_pipeline::stream::{FeatureAudit, audit_features};
use haechi_server::{Settings, SourceState, Status};
use haechi_store::{QuarantineState, Store};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::commands::archive::runtime;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::service::{Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi inspect --config haechi.toml
  haechi inspect --url http://127.0.0.1:8080 --json
  haechi inspect --verify --config haechi.toml      (reads the whole store and lists what is damaged)";

/// Arguments of `haechi inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Read all of the store and check it: checksums, rows, selections, what belongs together. The service must be
    /// stopped
    #[arg(long)]
    verify: bool,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
pub fn run(args: &InspectArgs, out: &Output) -> Result<ExitCode, CommandError> {
    if args.verify {
        return verify(&args.place, out);
    }
    let status = runtime()?.block_on(status(&args.place))?;
    if out.json {
        out.document(&status)?;
    } else {
        show(&status, out)?;
    }
    Ok(if status.running && !status.not_ready.is_empty() { ExitCode::from(FOUND_WRONG) } else { DONE })
}

/// Reads everything that is in the store, and tells what is not as it was written.
fn verify(place: &Where, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = match runtime()?.block_on(place.reach())? {
        Reached::Stopped(settings) => settings,
        Reached::Running(remote) => {
            let reason = "is running and has its store to itself: stop it, or verify a copy of the store";
            return Err(CommandError::Usage(format!("the service at {} {reason}", remote.base)));
        }
    };
    let store = store(&settings)?;
    let bar = ProgressBar::new(0);
    let report = store.verify(|progress| {
        bar.set_length(progress.of.max(progress.values));
        bar.set_position(progress.values);
        bar.set_message(progress.keyspace);
    })?;
    bar.finish_and_clear();
    // Of a damaged store nothing can be worked out.
    let features = if report.is_sound() { features(&settings, &store)? } else { None };
    if out.json {
        out.document(&Verified { report: &report, features: features.as_ref() })?;
    } else {
        for fault in &report.faults {
            out.line(fault)?;
        }
        let unsaid = report.faulty - report.faults.len() as u64;
        if unsaid > 0 {
            out.line(format!("and {} more", count(unsaid)))?;
        }
        let read = format!(
            "{} read: {}, {}",
            counted(report.values, "value"),
            counted(report.rows, "row"),
            counted(report.selections, "selection")
        );
        let found =
            if report.is_sound() { "all sound".to_owned() } else { format!("{} damaged", count(report.faulty)) };
        out.line(format!("{read}; {found}"))?;
        if let Some(features) = &features {
            for difference in &features.first {
                out.line(format!("worked out again from the journal it is another: {difference}"))?;
            }
            out.line(format!(
                "{} of features and {} worked out again from the journal; {}",
                counted(features.values, "value"),
                counted(features.entities, "entity").replace("entitys", "entities"),
                if features.is_sound() {
                    "all the same".to_owned()
                } else {
                    format!("{} differ", count(features.values_differ + features.entities_differ))
                }
            ))?;
        }
    }
    let sound = report.is_sound() && features.is_none_or(|features| features.is_sound());
    Ok(if sound { DONE } else { ExitCode::from(FOUND_WRONG) })
}

/// What was verified.
#[derive(Serialize)]
struct Verified<'a, R: Serialize> {
    #[serde(flatten)]
    report: &'a R,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<&'a FeatureAudit>,
}

/// Features worked out again from the journal, where the rules in force have any, the journal is whole, and the secret is
/// there under which keys were hashed.
fn features(settings: &Settings, store: &Store) -> Result<Option<FeatureAudit>, CommandError> {
    let Some((from, kept)) = store.release_at(store.next_position())? else { return Ok(None) };
    let whole = store.entries(0).next().transpose()?.is_none_or(|entry| entry.first == 1);
    let Ok(secret) = secret(settings) else { return Ok(None) };
    let Ok(release) = Release::restore(&kept, &settings.release_context(secret)) else { return Ok(None) };
    if !whole || release.catalogue().is_empty() {
        return Ok(None);
    }
    let audit = audit_features(store, &release, from);
    audit.map(Some).map_err(|error| CommandError::Usage(error.to_string()))
}

async fn status(place: &Where) -> Result<Status, CommandError> {
    match place.reach().await? {
        Reached::Running(remote) => remote.read(&["v1", "status"], &[]).await,
        Reached::Stopped(settings) => {
            let store = store(&settings)?;
            let source = |name: &String| SourceState { name: name.clone(), failed: None };
            let sources: Vec<_> = settings.source.iter().map(|s| source(&s.name)).collect();
            let sinks: Vec<_> = settings.sink.iter().map(|sink| sink.name.clone()).collect();
            let status = Status::of(&store, &sources, &sinks)?;
            Ok(Status { alert_above: Some(settings.quarantine.alert_above), ..status })
        }
    }
}

fn show(status: &Status, out: &Output) -> Result<(), CommandError> {
    let how = match (status.running, status.not_ready.as_slice()) {
        (false, _) => "not running; this is its store".to_owned(),
        (true, []) => "running, ready".to_owned(),
        (true, reasons) => format!("running, not ready: {}", reasons.join("; ")),
    };
    out.line(format!("service   {how}"))?;
    out.line(format!("position  {}, {} waiting", count(status.position), counted(status.waiting_rows, "row")))?;
    if let Some(release) = &status.release {
        let revision = release.revision.as_ref().map_or(String::new(), |revision| format!(", commit {revision}"));
        let from = release.from.map_or(String::new(), |from| format!(", since position {}", count(from)));
        out.line(format!("rules     {}{revision}{from}", release.hash.get(..16).unwrap_or(&release.hash)))?;
        if let Some(refused) = &release.refused {
            out.line(format!("          the newest files are refused: {refused}"))?;
        }
    }
    let waiting = status.waiting_units();
    let many = if status.alert_above.is_some_and(|above| waiting > above) { ", more than `alert_above`" } else { "" };
    out.line(format!("waiting in quarantine  {}{many}", count(waiting)))?;
    if !status.quarantine.is_empty() {
        let mut codes: Vec<&str> = status.quarantine.iter().map(|count| count.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let units = |code: &str, state| {
            let of = status.quarantine.iter().filter(|count| count.code == code && count.state == state);
            count(of.map(|count| count.units).sum())
        };
        let rows = codes.into_iter().map(|code| {
            let states = [QuarantineState::Waiting, QuarantineState::Replayed, QuarantineState::Discarded];
            std::iter::once(code.to_owned()).chain(states.map(|state| units(code, state))).collect()
        });
        out.line(table(&["set aside", "waiting", "replayed", "discarded"], &[1, 2, 3], rows).to_string())?;
    }
    if !status.sources.is_empty() {
        let rows = status.sources.iter().flat_map(|source| {
            let state = source.failed.clone().unwrap_or_else(|| "ok".to_owned());
            let none = source
                .stands
                .is_empty()
                .then(|| vec![source.name.clone(), state.clone(), String::new(), String::new()]);
            let stand =
                move |(of, at): &(String, String)| vec![source.name.clone(), state.clone(), of.clone(), at.clone()];
            none.into_iter().chain(source.stands.iter().map(stand))
        });
        out.line(table(&["source", "state", "reads", "stands at"], &[], rows).to_string())?;
    }
    if !status.sinks.is_empty() {
        let rows = status.sinks.iter().map(|sink| {
            vec![sink.name.clone(), count(sink.delivered), count(sink.lag), count(sink.dead_letters as u64)]
        });
        out.line(table(&["sink", "delivered to", "behind", "dead letters"], &[1, 2, 3], rows).to_string())?;
    }
    let sizes = status.keyspaces.iter().map(|size| vec![size.keyspace.clone(), count(size.bytes), count(size.values)]);
    let log = std::iter::once(vec!["log".to_owned(), count(status.log_bytes), String::new()]);
    out.line(table(&["store", "bytes", "values"], &[1, 2], sizes.chain(log)).to_string())?;
    Ok(())
}
