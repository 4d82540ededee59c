//! The running service under load, one measurement a subcommand. Each starts the `haechi` that it is given, in a folder
//! of its own, and prints a table and the same as JSON (with `--json`, that alone).
//!
//! Exit codes: 0 measured, whether or not a bar was held; 1 something was wrong (an answer, a count, a failed request);
//! 2 it could not be measured.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use haechi_benches::stream::bars::{backlog, features, folder, fsync, kafka, post, restart, swap};
use haechi_benches::stream::{Failure, Report};

/// The running service under load
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON alone
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fsync(fsync::Args),
    Post(post::Args),
    Folder(folder::Args),
    Features(features::Args),
    Kafka(kafka::Args),
    Backlog(backlog::Args),
    Restart(restart::Args),
    Swap(swap::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let shown = measure(&cli.command).and_then(|report| show(&report, cli.json).map(|()| report.wrong.is_empty()));
    match shown {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // There is nobody left to tell.
            let _ = writeln!(stderr(), "stream: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Fsync(args) => fsync::run(args),
        Command::Post(args) => post::run(args),
        Command::Folder(args) => folder::run(args),
        Command::Features(args) => features::run(args),
        Command::Kafka(args) => kafka::run(args),
        Command::Backlog(args) => backlog::run(args),
        Command::Restart(args) => restart::run(args),
        Command::Swap(args) => swap::run(args),
    }
}

fn show(report: &Report, json_alone: bool) -> Result<(), Failure> {
    let mut out = stdout().lock();
    if !json_alone {
        writeln!(out, "{}", report.table())?;
    }
    Ok(writeln!(out, "{}", serde_json::to_string(report)?)?)
}
