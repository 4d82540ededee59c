//! The `haechi` command: reads what was asked, runs it, prints. Decisions are taken in the engine.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod answer_file;
mod cli;
mod commands;
mod error;
mod new_file;
mod output;
mod progress;
mod rules;
mod service;
mod spool;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Failpoints that `FAILPOINTS` names; compiled into tests alone.
    let _failpoints = fail::FailScenario::setup();
    let cli = cli::Cli::parse();
    // The service logs as its settings say.
    if !matches!(cli.command, cli::Command::Serve(_)) {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .init();
    }
    let out = output::Output::new(cli.json);
    match commands::run(&cli, &out) {
        Ok(code) => code,
        Err(error) => out.fail(&error),
    }
}
