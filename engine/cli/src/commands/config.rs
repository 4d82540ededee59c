//! `haechi config`: every setting of the service with its default, or a file of them checked.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_server::Settings;
use haechi_server::settings::DEFAULT_TOML;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::Output;

pub const EXAMPLE: &str = "\
Example:
  haechi config > haechi.toml
  haechi config --check haechi.toml";

/// Arguments of `haechi config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Check this file, with what the environment puts over it, and print what is in force
    #[arg(long, value_name = "TOML")]
    check: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ConfigArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = Settings::read(args.check.as_deref(), std::env::vars())?;
    if out.json {
        out.document(&settings)?;
    } else if let Some(path) = &args.check {
        out.line(format!("{}: nothing is wrong with it", path.display()))?;
    } else {
        out.line(DEFAULT_TOML.trim_end())?;
    }
    Ok(DONE)
}
