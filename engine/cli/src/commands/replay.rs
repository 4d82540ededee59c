//! `haechi replay`: decisions taken again, by the rules that took them.

use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::replay::Replayer;
use haechi_server::replays::{Again, again};

use crate::commands::archive::runtime;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, count};
use crate::service::{Asked, Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi replay 26KR0001 --config haechi.toml
  haechi replay 26KR0001 --version-of-subject 2 --json";

/// Arguments of `haechi replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    of: Asked,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
pub fn run(args: &ReplayArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let replayed = runtime()?.block_on(replayed(args))?;
    if out.json {
        out.document(&replayed)?;
    } else if replayed.is_empty() {
        out.line(format!("no decision on {} `{}` in the store", args.of.stream, args.of.subject))?;
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

async fn replayed(args: &ReplayArgs) -> Result<Vec<Again>, CommandError> {
    let (stream, subject) = args.of.named()?;
    match args.place.reach().await? {
        Reached::Running(remote) => {
            let version = args.of.version_of_subject.map(|version| ("version", version.to_string()));
            remote.read(&["v1", "replays", stream.name, &subject], version.as_slice()).await
        }
        Reached::Stopped(settings) => {
            let context = settings.release_context(secret(&settings)?);
            let mut replayer = Replayer::new(store(&settings)?, context);
            Ok(again(&mut replayer, stream, &subject, args.of.version_of_subject)?)
        }
    }
}
