//! `haechi config`: every setting with its default, or whether a file is right.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_connectors::{sink, source};
use haechi_server::ServiceError;
use haechi_server::settings::{DEFAULT_TOML, Settings};
use serde_json::json;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::Output;
use crate::service;

pub const EXAMPLE: &str = "\
Example:
  haechi config > haechi.toml
  haechi config --check haechi.toml";

/// Arguments of `haechi config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Check this file, and what the environment puts over it, instead of printing the defaults
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ConfigArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(path) = &args.check else {
        if out.json {
            out.document(&Settings::default())?;
        } else {
            out.line(DEFAULT_TOML.trim_end())?;
        }
        return Ok(DONE);
    };
    let settings = service::settings(Some(path))?;
    if settings.rules.secret_file.is_some() {
        settings.rules.secret(None)?;
    }
    for of_sink in &settings.sink {
        sink::open(&of_sink.name, &of_sink.settings).map_err(ServiceError::from)?;
    }
    for of_source in &settings.source {
        source::open(&of_source.name, &of_source.settings).map_err(ServiceError::from)?;
    }
    let (sources, sinks) = (settings.source.len(), settings.sink.len());
    if out.json {
        out.document(&json!({ "settings": settings, "sources": sources, "sinks": sinks }))?;
    } else {
        out.line(format!("{} is right: {sources} sources, {sinks} sinks", path.display()))?;
    }
    Ok(DONE)
}
