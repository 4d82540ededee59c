//! `haechi config`: every setting with its default, or whether a file is right.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_select::Secret;
use haechi_server::settings::{SECRET_VARIABLE, Settings, default_toml};
use serde_json::json;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, counted};
use crate::service;

pub const EXAMPLE: &str = "\
Example:
  haechi config > haechi.toml
  haechi config --check haechi.toml";

/// Arguments of `haechi config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Check this file, what the environment puts over it and the rules that it names, as `haechi serve` does, instead of
    /// printing the defaults
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ConfigArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(path) = &args.check else {
        if out.json {
            out.document(&Settings::default())?;
        } else {
            out.line(default_toml().trim_end())?;
        }
        return Ok(DONE);
    };
    let settings = service::settings(Some(path))?;
    let variable = std::env::var(SECRET_VARIABLE).ok();
    // Where the environment is to have the secret, it need not be that of whoever checks.
    let has_secret = settings.rules.secret_file.is_some() || variable.is_some();
    let secret = if has_secret { settings.rules.secret(variable.as_deref())? } else { Secret::demo() };
    haechi_server::check(&settings, secret)?;
    let (sources, sinks) = (settings.source.len(), settings.sink.len());
    if out.json {
        // Not the settings themselves: properties and addresses in them may hold passwords.
        out.document(&json!({ "file": path, "sources": sources, "sinks": sinks }))?;
    } else {
        out.line(format!(
            "{} is right: {}, {}",
            path.display(),
            counted(sources as u64, "source"),
            counted(sinks as u64, "sink")
        ))?;
    }
    Ok(DONE)
}
