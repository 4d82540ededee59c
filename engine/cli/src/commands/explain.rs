//! `haechi explain`: why a subject got its lane; with `--rule`, why a rule did or did not hit it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use haechi_evaluate::Options;
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::{Decider, Finding, Manifest, UnknownRule, find_subject};
use haechi_server::replays::Explained;
use serde_json::Value;

use crate::commands::archive::runtime;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::Output;
use crate::rules;
use crate::service::{Asked, Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi explain --config haechi.toml 26KR0001
  haechi explain --in out 97061800
  haechi explain --in out 97061800 --rule import-0101";

/// Arguments of `haechi explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    of: Asked,

    /// Explain this rule, hit or not
    #[arg(long, value_name = "ID")]
    rule: Option<String>,

    /// Output folder of `haechi run`, whose inputs and rules are read again. Without it, the service explains what it
    /// decided, by its journal and the rules of then
    #[arg(long = "in", value_name = "DIR", conflicts_with_all = ["config", "url", "stream", "version_of_subject"])]
    folder: Option<PathBuf>,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
pub fn run(args: &ExplainArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let (found, nowhere) = match &args.folder {
        Some(folder) => (in_run(folder, args, out)?, "in the inputs of this run"),
        None => (runtime()?.block_on(in_service(args))?, "in the store"),
    };
    let Some(explained) = found else {
        if out.json {
            out.document(&serde_json::json!({ "subject": args.of.subject, "found": false }))?;
        } else {
            out.line(format!("no `{}` {nowhere}", args.of.subject))?;
        }
        return Ok(ExitCode::from(FOUND_WRONG));
    };
    if out.json {
        out.document(&explained)?;
    } else {
        out.line(explained["text"].as_str().unwrap_or_default().trim_end())?;
    }
    Ok(DONE)
}

/// Decided again from the inputs of a run.
fn in_run(folder: &Path, args: &ExplainArgs, out: &Output) -> Result<Option<Value>, CommandError> {
    let manifest = Manifest::read(folder)?;
    let stream = rules::stream(&manifest.stream)?;
    let packs = rules::load(&manifest.rules, Some(stream), out)?;
    let secret = rules::secret(out)?;
    let derive = rules::derive_context(manifest.decided_at_ms, &manifest.zone, &secret)?;
    let decider = Decider::new(packs, stream, &secret, derive, Options::default())?;
    if decider.ruleset.hash != manifest.ruleset_hash {
        out.note("note: the rules have changed since the run; this is what they say now")?;
    }
    let unknown = |error: UnknownRule| CommandError::Usage(error.to_string());
    let rule = args.rule.as_deref().map(|id| decider.rule_named(id).map_err(unknown)).transpose()?;
    let inputs = rules::inputs(&manifest.inputs, manifest.mapping.as_deref(), &manifest.zone, None)?;
    let facts = rules::facts(&manifest.facts, &manifest.zone)?;
    told(find_subject(&decider, &inputs, &facts, &args.of.subject, rule)?, args)
}

/// Decided again from the journal of the service.
async fn in_service(args: &ExplainArgs) -> Result<Option<Value>, CommandError> {
    let (stream, subject) = args.of.named()?;
    match args.place.reach().await? {
        Reached::Running(remote) => {
            let version = args.of.version_of_subject.map(|version| ("version", version.to_string()));
            let rule = args.rule.clone().map(|rule| ("rule", rule));
            let query: Vec<_> = version.into_iter().chain(rule).collect();
            remote.get(&["v1", "explanations", stream.name, &subject], &query).await.map(Some)
        }
        Reached::Stopped(settings) => {
            let context = settings.release_context(secret(&settings)?);
            let mut replayer = Replayer::new(store(&settings)?, context);
            told(replayer.explain(stream, &subject, args.of.version_of_subject, args.rule.as_deref())?, args)
        }
    }
}

/// As the service tells it.
fn told(found: Option<Finding>, args: &ExplainArgs) -> Result<Option<Value>, CommandError> {
    let explained = found.map(|finding| Explained::of(finding, args.rule.as_deref()));
    let told = explained.map(serde_json::to_value).transpose();
    told.map_err(|error| CommandError::Bug(format!("an explanation cannot be written: {error}")))
}
