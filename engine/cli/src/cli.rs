//! The command line. A new subcommand is a file in `commands/`, a variant of [`Command`] and a line in `commands::run`.

use clap::{Parser, Subcommand};

use crate::commands::{
    archive, check, completions, config, convert, dataset, demo, evaluate, explain, explain_error, features, formats,
    inspect, profile, quarantine, replay, run, schema, serve, sql, sweep, test,
};

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 done, and something was found wrong (rules with errors, failed tests, nothing found);
2 the command line, settings, a mapping file or HAECHI_SECRET is wrong; 3 an input or output could not be used;
4 a bug in haechi.";

/// Risk analytics for customs and border control: records in, selections with reasons out
#[derive(Debug, Parser)]
#[command(name = "haechi", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,

    /// Worker threads; by default one a core
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Everything `haechi` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run files of one stream through rule packs: selections, hits and quarantine out
    #[command(after_help = run::EXAMPLE)]
    Run(run::RunArgs),
    /// Evaluate rules over files, without a policy: how many rows each rule hits
    #[command(after_help = evaluate::EXAMPLE)]
    Evaluate(evaluate::EvaluateArgs),
    /// Count what a rule hits at every value of a threshold
    #[command(after_help = sweep::EXAMPLE)]
    Sweep(sweep::SweepArgs),
    /// Check rule packs and report every mistake
    #[command(after_help = check::EXAMPLE)]
    Check(check::CheckArgs),
    /// Run the tests that stand in rules
    #[command(after_help = test::EXAMPLE)]
    Test(test::TestArgs),
    /// Explain why a subject got its lane, or why a rule did not hit it
    #[command(after_help = explain::EXAMPLE)]
    Explain(explain::ExplainArgs),
    /// Take the decisions on a subject again, by the rules that took them
    #[command(after_help = replay::EXAMPLE)]
    Replay(replay::ReplayArgs),
    /// Show what is known of an importer, a route, a traveller: features over time, last records, rules that hit
    #[command(after_help = profile::EXAMPLE)]
    Profile(profile::ProfileArgs),
    /// List the features that rules may ask for: how they are made, what they cost, who asks
    #[command(after_help = features::EXAMPLE)]
    Features(features::FeaturesArgs),
    /// Describe an error or warning code
    #[command(after_help = explain_error::EXAMPLE)]
    ExplainError(explain_error::ExplainErrorArgs),
    /// Show the columns of a stream
    #[command(after_help = schema::EXAMPLE)]
    Schema(schema::SchemaArgs),
    /// List the formats that are read and written, and show from where each column is read
    #[command(after_help = formats::EXAMPLE)]
    Formats(formats::FormatsArgs),
    /// Read messages and print their rows
    #[command(after_help = convert::EXAMPLE)]
    Convert(convert::ConvertArgs),
    /// Generate border traffic with planted schemes
    #[command(after_help = dataset::EXAMPLE)]
    Dataset(dataset::DatasetArgs),
    /// Run the service on a generated day and show selections arriving, with their reasons
    #[command(after_help = demo::EXAMPLE)]
    Demo(demo::DemoArgs),
    /// Ask the archive: SQL over what came in and what was decided
    #[command(after_help = sql::EXAMPLE)]
    Sql(sql::SqlArgs),
    /// Archive what is new, or merge the archive's files of finished days
    #[command(after_help = archive::EXAMPLE)]
    Archive(archive::ArchiveArgs),
    /// Run the service: take records, decide, keep, publish
    #[command(after_help = serve::EXAMPLE)]
    Serve(serve::ServeArgs),
    /// Print every setting of the service with its default, or check a file of settings
    #[command(after_help = config::EXAMPLE)]
    Config(config::ConfigArgs),
    /// Show how the service is: positions, lag, sizes, rules, quarantine
    #[command(after_help = inspect::EXAMPLE)]
    Inspect(inspect::InspectArgs),
    /// List, show, mend or give up what was set aside
    #[command(after_help = quarantine::EXAMPLE)]
    Quarantine(quarantine::QuarantineArgs),
    /// Print shell completions
    #[command(after_help = completions::EXAMPLE)]
    Completions(completions::CompletionsArgs),
}
