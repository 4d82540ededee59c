//! `haechi run`: the whole path over files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::DateTime;
use clap::Args;
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_pipeline::{Decider, Manifest, Progress, RunOptions, RunReport, run as run_path};

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::progress::Bar;
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi run --stream declaration --rules rules/packs/import \\
      --input df_syn_train_eng.csv --mapping datasets/mappings/korea-customs-declarations.toml --out out";

/// How many rules the summary shows.
const TOP_RULES: usize = 10;

/// Arguments of `haechi run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Stream of the inputs: declaration, consignment or traveller
    #[arg(long)]
    pub stream: String,

    /// Rule packs or rule files
    #[arg(long, required = true, num_args = 1.., value_name = "PACK")]
    pub rules: Vec<PathBuf>,

    /// Files or globs: CSV, NDJSON, Parquet, Arrow IPC (plain, gzip, zstd) or messages, recognised by content
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub input: Vec<String>,

    /// Files of facts that features are made of, beside the inputs: `outcome=outcomes.parquet`. A fact is known to what
    /// comes after it became known (`known_at`, or else when it was)
    #[arg(long, num_args = 1.., value_name = "STREAM=FILE", value_parser = fact)]
    pub facts: Vec<String>,

    /// Mapping file: their columns to ours
    #[arg(long, value_name = "TOML")]
    pub mapping: Option<PathBuf>,

    /// Folder for selections.parquet, hits.parquet, quarantine.ndjson and run.json
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Zone of wall times that carry none, and of the office's hours
    #[arg(long, default_value = "UTC")]
    pub zone: String,

    /// The instant the decisions are dated, RFC 3339; by default now
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub as_of: Option<i64>,

    /// Rows a batch; changes no selection
    #[arg(long, value_name = "ROWS")]
    pub batch_rows: Option<usize>,
}

/// An instant as milliseconds since 1970.
pub fn instant(text: &str) -> Result<i64, String> {
    let parsed = DateTime::parse_from_rfc3339(text);
    parsed.map(|t| t.timestamp_millis()).map_err(|_| "write an instant such as 2026-01-31T08:00:00Z".to_owned())
}

/// `stream=file`, looked at before anything is read.
fn fact(text: &str) -> Result<String, String> {
    let stream = text.split_once('=').and_then(|(stream, _)| Stream::find(stream));
    match stream {
        Some(stream) if stream.lanes.is_none() => Ok(text.to_owned()),
        Some(stream) => Err(format!("`{}` is no stream of facts; give it with --input", stream.name)),
        None => Err("write STREAM=FILE, such as outcome=outcomes.parquet".to_owned()),
    }
}

/// Runs it.
pub fn run(args: &RunArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let (report, decider) = run_files(args, out)?;
    if out.json {
        out.document(&report)?;
    } else {
        print(&report, &decider, &args.out, out)?;
    }
    Ok(DONE)
}

/// The run without its printing.
pub fn run_files(args: &RunArgs, out: &Output) -> Result<(RunReport, Decider), CommandError> {
    let stream = rules::stream(&args.stream)?;
    let packs = rules::load(&args.rules, Some(stream), out)?;
    let now = args.as_of.unwrap_or_else(rules::now_ms);
    let inputs = rules::inputs(&args.input, args.mapping.as_deref(), &args.zone, args.batch_rows)?;
    let secret = rules::secret(out)?;
    let derive = rules::derive_context(now, &args.zone, &secret)?;
    let decider = Decider::new(packs, stream, &secret, derive, Options::default())?;
    let facts = rules::facts(&args.facts, &args.zone)?;
    let manifest = Manifest {
        stream: stream.name.to_owned(),
        rules: args.rules.iter().map(|path| absolute(path)).collect(),
        inputs: args.input.iter().map(|path| absolute(Path::new(path)).display().to_string()).collect(),
        facts: facts.iter().flat_map(|(stream, inputs)| inputs.files.iter().map(|file| named(stream, file))).collect(),
        mapping: args.mapping.as_deref().map(absolute),
        zone: args.zone.clone(),
        decided_at_ms: now,
        ruleset_hash: decider.ruleset.hash.clone(),
    };
    let progress = Arc::new(Progress::default());
    let bar = Bar::start(&progress);
    let report = run_path(&decider, &RunOptions { inputs, facts, out: args.out.clone() }, &manifest, &progress)?;
    drop(bar);
    Ok((report, decider))
}

fn named(stream: &Stream, file: &str) -> String {
    format!("{}={}", stream.name, absolute(Path::new(file)).display())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Prints a run for people.
pub fn print(report: &RunReport, decider: &Decider, folder: &Path, out: &Output) -> Result<(), CommandError> {
    let subjects = report.subjects.max(1) as f64;
    let lanes = report.lanes.iter().map(|(lane, subjects_in)| {
        let number = subjects_in.as_u64().unwrap_or_default();
        vec![lane.clone(), count(number), format!("{:.2} %", number as f64 / subjects * 100.0)]
    });
    out.line(format!(
        "{}: {}, {}, {}, {} set aside",
        report.stream,
        counted(report.rows, "row"),
        counted(report.subjects, "subject"),
        counted(report.hits, "hit"),
        count(report.set_aside)
    ))?;
    out.line(table(&["lane", "subjects", "share"], &[1, 2], lanes).to_string())?;
    if report.random + report.lowered > 0 {
        out.line(format!(
            "{} taken by the random arm, {} lowered for trusted traders",
            count(report.random),
            count(report.lowered)
        ))?;
    }
    // Trusted-trader rules hit most and select nothing: the line above counts them.
    let asks = |id: &str| decider.ruleset.rules.iter().find(|rule| rule.id == id && rule.lower_to.is_none());
    let top = report.rules.iter().filter_map(|(id, hits)| asks(id).map(|rule| (rule, hits)));
    let top: Vec<_> =
        top.take(TOP_RULES).map(|(rule, hits)| vec![rule.id.clone(), count(*hits), rule.title.clone()]).collect();
    if !top.is_empty() {
        out.line(table(&["top rules", "hits", "title"], &[1], top).to_string())?;
    }
    for (title, counts) in [("set aside", &report.set_aside_reasons), ("warnings", &report.warnings)] {
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(code, n)| format!("{code} {}", count(*n))).collect();
            out.line(format!("{title}: {}", counts.join(", ")))?;
        }
    }
    let seconds = &report.seconds;
    out.line(format!(
        "{:.2} s (read {:.2}, evaluate {:.2}, select {:.2}, write {:.2}; reading and writing run beside)  ->  {}",
        seconds.total,
        seconds.read,
        seconds.evaluate,
        seconds.select,
        seconds.write,
        folder.display()
    ))?;
    Ok(())
}
