//! `haechi archive`: what the service does of itself, once and by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{TimeDelta, Utc};
use clap::Args;
use haechi_archive::{Archiver, Day, MERGED_FOR, Place, compact};
use haechi_model::DeriveContext;
use haechi_server::Settings;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, count};
use crate::service;

pub const EXAMPLE: &str = "\
Example:
  haechi archive --config haechi.toml             (while the service does not run)
  haechi archive --config haechi.toml --compact   (at any time)
  haechi archive --archive s3://bucket/haechi --compact";

/// Arguments of `haechi archive`.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Settings of the service: its store, its archive
    #[arg(long, value_name = "FILE", required_unless_present = "archive")]
    pub config: Option<PathBuf>,

    /// Merge the files of finished days into one a stream, instead of archiving what is new
    #[arg(long)]
    pub compact: bool,

    /// The archive, instead of that of the settings: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "URL", requires = "compact")]
    pub archive: Option<String>,
}

/// Runs it.
pub fn run(args: &ArchiveArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = args.config.as_deref().map(|path| service::settings(Some(path))).transpose()?;
    let runtime = runtime()?;
    if args.compact {
        let of_service = settings.map(|settings| settings.archive).unwrap_or_default();
        let url = args.archive.clone().unwrap_or(of_service.url);
        let now = Utc::now();
        let over = now - TimeDelta::hours(of_service.compact_after_hours.into());
        let place = Place::open(&url)?;
        let done = runtime.block_on(compact(&place, Day::of_ms(over.timestamp_millis()), now, MERGED_FOR))?;
        if out.json {
            out.document(&done)?;
        } else {
            let [merged, into, deleted, waiting] = [done.merged, done.into, done.deleted, done.waiting].map(count);
            out.line(format!("{merged} files merged into {into}; {deleted} deleted that others speak for"))?;
            if done.waiting > 0 {
                let minutes = MERGED_FOR.as_secs() / 60;
                out.line(format!(
                    "{waiting} stay for queries that have begun; a run {minutes} minutes later deletes them"
                ))?;
            }
        }
        return Ok(DONE);
    }
    let Some(settings) = settings else {
        return Err(CommandError::Usage("name the settings of the service with --config".to_owned()));
    };
    let store = service::store(&settings)?;
    let Settings { archive, engine, .. } = settings;
    let context = DeriveContext { zone: engine.zone, ..DeriveContext::default() };
    let archiver = Archiver::new(store, archive)?.with_context(&context);
    let rounds = runtime.block_on(async {
        archiver.begin().await?;
        archiver.catch_up(&CancellationToken::new()).await
    })?;
    for round in &rounds {
        if out.json {
            out.document(round)?;
        } else {
            let [first, last, rows, bytes] = [round.first, round.last, round.rows, round.bytes].map(count);
            out.line(format!("positions {first} to {last}: {rows} rows in {bytes} bytes"))?;
        }
    }
    if rounds.is_empty() && !out.json {
        out.line("nothing is new")?;
    }
    Ok(DONE)
}

/// Where the archive's work is done.
pub fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Bug(format!("no threads can be started: {error}")))
}
