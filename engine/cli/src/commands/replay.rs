//! `haechi replay`: decisions taken again, by the rules that took them or by others.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::release::Release;
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::{ReplayMode, replay_journal, wall_ms};
use haechi_server::replays::{Again, again};

use crate::commands::archive::runtime;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::service::{Asked, Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi replay 26KR0001 --config haechi.toml
  haechi replay 26KR0001 --version-of-subject 2 --json
  haechi replay --journal as-known --config haechi.toml                      (the service must be stopped)
  haechi replay --journal as-corrected --rules rules/packs/import --config haechi.toml";

/// Arguments of `haechi replay`.
#[derive(Debug, Args)]
#[command(override_usage = "haechi replay [OPTIONS] <SUBJECT>\n       haechi replay [OPTIONS] --journal <MODE>")]
pub struct ReplayArgs {
    #[command(flatten)]
    of: Option<Asked>,

    /// All of the journal instead: each record as it came, or each as it was corrected last
    #[arg(long, value_name = "MODE", conflicts_with = "Asked")]
    journal: Option<Mode>,

    /// With --journal: these packs instead of the rules in force
    #[arg(long, num_args = 1.., value_name = "PACK", requires = "journal")]
    rules: Vec<PathBuf>,

    #[command(flatten)]
    place: Where,
}

/// How the journal is decided again.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    /// What the rules would have done then: each record is told what was known before it
    AsKnown,
    /// What they find in the truth: each record where it first came, as it was corrected last
    AsCorrected,
}

/// Runs it.
pub fn run(args: &ReplayArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(of) = &args.of else {
        return match args.journal {
            Some(mode) => journal(args, mode, out),
            None => Err(CommandError::Usage("name a subject, or --journal as-known for all".to_owned())),
        };
    };
    let replayed = runtime()?.block_on(replayed(of, &args.place))?;
    if out.json {
        out.document(&replayed)?;
    } else if replayed.is_empty() {
        out.line(format!("no decision on {} `{}` in the store", of.stream, of.subject))?;
    }
    for again in replayed.iter().filter(|_| !out.json) {
        let lane = |selection: &serde_json::Value| selection["lane"].as_str().unwrap_or("?").to_owned();
        let outcome = if again.same { "the same again" } else { "DIFFERENT" };
        out.line(format!(
            "version {}, position {}, rules {}: {}, {outcome}",
            again.then["version"],
            count(again.position),
            again.release.get(..16).unwrap_or(&again.release),
            lane(&again.then)
        ))?;
        for column in &again.differing {
            out.line(format!("  {column}: {} then, {} now", again.then[column], again.now[column]))?;
        }
    }
    let right = !replayed.is_empty() && replayed.iter().all(|again| again.same);
    Ok(if right { DONE } else { ExitCode::from(FOUND_WRONG) })
}

/// All of the journal, and in how many decisions the lane is another.
fn journal(args: &ReplayArgs, mode: Mode, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = match runtime()?.block_on(args.place.reach())? {
        Reached::Stopped(settings) => settings,
        Reached::Running(remote) => {
            let reason = "is running and has its store to itself: stop it, or replay a copy of the store";
            return Err(CommandError::Usage(format!("the service at {} {reason}", remote.base)));
        }
    };
    let context = settings.release_context(secret(&settings)?);
    let store = store(&settings)?;
    let release = if args.rules.is_empty() {
        let kept = store.release_at(store.next_position())?;
        let (_, kept) = kept.ok_or_else(|| CommandError::Usage("the store has no rules yet".to_owned()))?;
        Release::restore(&kept, &context)
    } else {
        Release::load(&args.rules, None, &context, wall_ms())
    };
    let release = release.map_err(|refused| CommandError::Usage(refused.report))?;
    let mode = match mode {
        Mode::AsKnown => ReplayMode::AsKnown,
        Mode::AsCorrected => ReplayMode::AsCorrected,
    };
    let replay = replay_journal(&store, &release, mode).map_err(|error| CommandError::Usage(error.to_string()))?;
    if out.json {
        out.document(&replay)?;
        return Ok(DONE);
    }
    out.line(replay.mode.label())?;
    for (stream, of) in &replay.streams {
        out.line(format!("{stream}: {}, {} in another lane", counted(of.decisions, "decision"), count(of.other_lane)))?;
        let rows = of.lanes.iter().map(|(lane, (then, now))| vec![lane.clone(), count(*then), count(*now)]);
        out.line(table(&["lane", "then", "now"], &[1, 2], rows).to_string())?;
        for (id, then, now) in &of.first {
            out.line(format!("  {id}: {then} then, {now} now"))?;
        }
    }
    Ok(DONE)
}

async fn replayed(of: &Asked, place: &Where) -> Result<Vec<Again>, CommandError> {
    let (stream, subject) = of.named()?;
    match place.reach().await? {
        Reached::Running(remote) => {
            let version = of.version_of_subject.map(|version| ("version", version.to_string()));
            remote.read(&["v1", "replays", stream.name, &subject], version.as_slice()).await
        }
        Reached::Stopped(settings) => {
            let context = settings.release_context(secret(&settings)?);
            let mut replayer = Replayer::new(store(&settings)?, context);
            Ok(again(&mut replayer, stream, &subject, of.version_of_subject)?)
        }
    }
}
