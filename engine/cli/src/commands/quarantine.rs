//! `haechi quarantine`: what was set aside, listed, shown, mended, given up. Asks the running service; while none runs,
//! it works on the store itself.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use haechi_server::quarantine::{discard, replay, show};
use haechi_server::{Core, Reply, Settings, listed, shown};
use haechi_store::{Position, QuarantineFilter, QuarantineState, Store};
use serde_json::{Value, json};

use crate::commands::DONE;
use crate::commands::archive::runtime;
use crate::error::CommandError;
use crate::output::{Output, table};
use crate::service::{Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi quarantine list --config haechi.toml
  haechi quarantine show 1042 --config haechi.toml
  haechi quarantine replay 1042 mended.json --config haechi.toml
  haechi quarantine discard 1043 'sent twice' --config haechi.toml";

/// Arguments of `haechi quarantine`.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    #[command(flatten)]
    place: Where,

    /// Who does it; by default USER, else LOGNAME, else the number of the user
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Units, oldest first
    #[command(after_help = EXAMPLE)]
    List(ListArgs),
    /// One unit with its text and all that became of it
    #[command(after_help = EXAMPLE)]
    Show {
        /// Its position, as `list` shows it
        id: Position,
    },
    /// Read a unit again, as it was or mended, and have it decided on
    #[command(after_help = EXAMPLE)]
    Replay {
        /// Its position
        id: Position,
        /// The mended text, where it needs mending; `-` reads it from standard input
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Give a unit up
    #[command(after_help = EXAMPLE)]
    Discard {
        /// Its position
        id: Position,
        /// Why
        reason: String,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only of this code
    #[arg(long)]
    code: Option<String>,
    /// Only from there
    #[arg(long)]
    source: Option<String>,
    /// Only in this state
    #[arg(long, value_enum, default_value_t = State::Waiting)]
    state: State,
    /// Only after this position
    #[arg(long, default_value_t = 0)]
    after: Position,
    /// So many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    Waiting,
    Replayed,
    Discarded,
    All,
}

impl State {
    fn wanted(self) -> Option<QuarantineState> {
        match self {
            Self::Waiting => Some(QuarantineState::Waiting),
            Self::Replayed => Some(QuarantineState::Replayed),
            Self::Discarded => Some(QuarantineState::Discarded),
            Self::All => None,
        }
    }
}

/// Runs it.
pub fn run(args: &QuarantineArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let who = args.user.clone().unwrap_or_else(user);
    let runtime = runtime()?;
    let told = runtime.block_on(async {
        match args.place.reach().await? {
            Reached::Running(remote) => match &args.action {
                Action::List(list) => remote.get(&["v1", "quarantine"], &list.query()).await,
                Action::Show { id } => remote.get(&["v1", "quarantine", &id.to_string()], &[]).await,
                Action::Replay { id, file } => {
                    let body = mended(file.as_ref())?.unwrap_or_default();
                    let path = ["v1", "quarantine", &id.to_string(), "replay"];
                    remote.post(&path, &who, body, "application/octet-stream").await
                }
                Action::Discard { id, reason } => {
                    let body = json!({ "reason": reason }).to_string().into_bytes();
                    remote.post(&["v1", "quarantine", &id.to_string(), "discard"], &who, body, "application/json").await
                }
            },
            Reached::Stopped(settings) => in_store(&args.action, &settings, who).await,
        }
    })?;
    if out.json {
        out.document(&told)?;
        return Ok(DONE);
    }
    match &args.action {
        Action::List(_) => print_list(&told, out)?,
        Action::Show { .. } | Action::Discard { .. } => print_unit(&told, out)?,
        Action::Replay { .. } => print_replayed(&told, out)?,
    }
    Ok(DONE)
}

impl ListArgs {
    fn query(&self) -> Vec<(&'static str, String)> {
        let state = self.state.wanted().map(|state| haechi_server::quarantine::state_name(state).to_owned());
        let filter = [("code", self.code.clone()), ("source", self.source.clone()), ("state", state)];
        let page = [("after", self.after.to_string()), ("limit", self.limit.to_string())];
        filter.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(page).collect()
    }
}

/// The same while no service runs. What is replayed needs rules, and all that decides.
async fn in_store(action: &Action, settings: &Settings, who: String) -> Result<Value, CommandError> {
    let open = || store(settings);
    match action {
        Action::List(list) => {
            let ListArgs { code, source, state, after, limit } = list;
            let filter = QuarantineFilter { code: code.clone(), source: source.clone(), state: state.wanted() };
            let units = open()?.quarantine(&filter, *after, usize::from(*limit))?;
            let next = (units.len() == usize::from(*limit)).then(|| units.last().map(|(id, _)| *id)).flatten();
            Ok(
                json!({ "units": units.iter().map(|(id, record)| listed(*id, record)).collect::<Vec<_>>(), "next": next }),
            )
        }
        Action::Show { id } => Ok(shown(*id, &show(&open()?, *id)?)),
        Action::Discard { id, reason } => Ok(shown(*id, &discard(&open()?, *id, &who, reason)?)),
        Action::Replay { id, file } => {
            let mended = mended(file.as_ref())?;
            Store::find(&settings.store.path)?;
            let core = Core::open(settings, secret(settings)?)?;
            let answer = replay(&core.engine, &core.readers, *id, who, mended.map(Into::into)).await;
            let engine = core.engine.clone();
            let stopped = tokio::task::spawn_blocking(move || engine.stop()).await;
            stopped.map_err(|_| CommandError::Bug("the engine did not stop".to_owned()))?;
            let mut reply = Reply::default();
            let bug =
                |reason: &dyn std::fmt::Display| CommandError::Bug(format!("the answer cannot be written: {reason}"));
            reply.add(answer?).map_err(|error| bug(&error))?;
            let body = reply.body().ok_or_else(|| CommandError::Refused { status: 422, detail: reply.reason() })?;
            serde_json::from_slice(&body).map_err(|error| bug(&error))
        }
    }
}

fn mended(file: Option<&PathBuf>) -> Result<Option<Vec<u8>>, CommandError> {
    let Some(path) = file else { return Ok(None) };
    let read = if path.as_os_str() == "-" {
        let mut text = Vec::new();
        std::io::stdin().lock().read_to_end(&mut text).map(|_| text)
    } else {
        std::fs::read(path)
    };
    read.map(Some).map_err(|source| CommandError::File { path: path.clone(), source })
}

fn print_list(told: &Value, out: &Output) -> Result<(), CommandError> {
    let units = told["units"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |unit: &Value| {
        ["id", "state", "received_at", "code", "source", "position", "reason"].map(|name| text(&unit[name])).to_vec()
    };
    let header = ["id", "state", "received", "code", "source", "position", "reason"];
    out.line(table(&header, &[0], units.iter().map(row)).to_string())?;
    if let Some(next) = told["next"].as_u64() {
        out.note(format!("there may be more: --after {next}"))?;
    }
    Ok(())
}

fn print_unit(told: &Value, out: &Output) -> Result<(), CommandError> {
    for name in ["id", "state", "stream", "source", "position", "received_at", "code", "reason"] {
        out.line(format!("{name:12}{}", text(&told[name])))?;
    }
    for resolution in told["resolutions"].as_array().into_iter().flatten() {
        let (who, at) = (text(&resolution["who"]), text(&resolution["at"]));
        out.line(format!("{:12}{} by {who} at {at}", "then", became(&resolution["outcome"])))?;
    }
    out.line("")?;
    // What stands before it has to stand before the mended text too.
    if let Some(head) = told["head"].as_str() {
        out.line(head)?;
    }
    out.line(text(&told["text"]))?;
    Ok(())
}

/// What became of a unit, in words.
fn became(outcome: &Value) -> String {
    let (replayed, discarded) = (&outcome["replayed"], &outcome["discarded"]);
    match (replayed.is_object(), discarded.is_object()) {
        (true, _) => format!("replayed as position {}", text(&replayed["position"])),
        (_, true) => format!("discarded ({})", text(&discarded["reason"])),
        // Of a newer service.
        _ => outcome.to_string(),
    }
}

/// Who runs this, as far as the system tells.
fn user() -> String {
    let named =
        ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.or_else(user_number).unwrap_or_else(|| "unknown".to_owned())
}

/// The number of the user that this process runs as.
fn user_number() -> Option<String> {
    #[cfg(unix)]
    return std::fs::metadata("/proc/self").ok().map(|of| format!("uid {}", std::os::unix::fs::MetadataExt::uid(&of)));
    #[cfg(not(unix))]
    None
}

fn print_replayed(told: &Value, out: &Output) -> Result<(), CommandError> {
    for selection in told["selections"].as_array().into_iter().flatten() {
        let [subject, version, lane, outcome, position] =
            ["subject_id", "version", "lane", "outcome", "position"].map(|name| text(&selection[name]));
        out.line(format!("{subject} version {version}: {lane} ({outcome}, position {position})"))?;
    }
    for unit in told["set_aside"].as_array().into_iter().flatten() {
        out.line(format!("set aside again under {}: {}", unit["id"], text(&unit["reason"])))?;
    }
    for warning in told["warnings"].as_array().into_iter().flatten() {
        out.note(format!("warning: {}: {}", text(&warning["path"]), text(&warning["text"])))?;
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
