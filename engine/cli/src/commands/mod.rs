//! One file a subcommand: its arguments, an example, and what it prints.

pub mod archive;
pub mod check;
pub mod completions;
pub mod config;
pub mod convert;
pub mod dataset;
pub mod demo;
pub mod evaluate;
pub mod explain;
pub mod explain_error;
pub mod features;
pub mod formats;
pub mod inspect;
pub mod profile;
pub mod quarantine;
pub mod replay;
pub mod run;
pub mod schema;
pub mod serve;
pub mod sql;
pub mod sweep;
pub mod test;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::error::CommandError;
use crate::output::Output;

/// Done.
pub const DONE: ExitCode = ExitCode::SUCCESS;
/// Done, and something was found wrong.
pub const FOUND_WRONG: u8 = 1;

/// Runs the subcommand.
pub fn run(cli: &Cli, out: &Output) -> Result<ExitCode, CommandError> {
    if let Some(threads) = cli.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().map_err(|e| CommandError::Bug(e.to_string()))?;
    }
    match &cli.command {
        Command::Run(args) => run::run(args, out),
        Command::Evaluate(args) => evaluate::run(args, out),
        Command::Sweep(args) => sweep::run(args, out),
        Command::Check(args) => check::run(args, out),
        Command::Test(args) => test::run(args, out),
        Command::Explain(args) => explain::run(args, out),
        Command::Replay(args) => replay::run(args, out),
        Command::ExplainError(args) => explain_error::run(args, out),
        Command::Profile(args) => profile::run(args, out),
        Command::Features(args) => features::run(args, out),
        Command::Schema(args) => schema::run(args, out),
        Command::Formats(args) => formats::run(args, out),
        Command::Convert(args) => convert::run(args, out),
        Command::Dataset(args) => dataset::run(args, out),
        Command::Demo(args) => demo::run(args, out),
        Command::Sql(args) => sql::run(args, out),
        Command::Archive(args) => archive::run(args, out),
        Command::Serve(args) => serve::run(args, out),
        Command::Config(args) => config::run(args, out),
        Command::Inspect(args) => inspect::run(args, out),
        Command::Quarantine(args) => quarantine::run(args, out),
        Command::Completions(args) => completions::run(args, out),
    }
}
