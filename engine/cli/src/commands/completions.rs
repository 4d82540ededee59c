//! `haechi completions`: for the shell.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::Output;

pub const EXAMPLE: &str = "\
Example:
  haechi completions bash > /etc/bash_completion.d/haechi";

/// Arguments of `haechi completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
}

/// Runs it.
pub fn run(args: &CompletionsArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "haechi", &mut script);
    let script = String::from_utf8_lossy(&script);
    if out.json {
        out.document(&serde_json::json!({ "shell": args.shell.to_string(), "script": script }))?;
    } else {
        out.line(script.trim_end())?;
    }
    Ok(DONE)
}
