//! `haechi evaluate`: rules over files, no policy.

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use haechi_evaluate::{Evaluator, Options};
use haechi_pipeline::{Progress, Rows, count as count_hits};

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::progress::Bar;
use crate::rules::{self, RulesOverFiles};

pub const EXAMPLE: &str = "\
Example:
  haechi evaluate --stream declaration --rules rules.jsonl --input declarations.parquet --json";

const TOP_RULES: usize = 20;

/// Arguments of `haechi evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// What to hold against what
    #[command(flatten)]
    pub over: RulesOverFiles,

    /// Write every hit as (row, subject, rule) to this Parquet file
    #[arg(long, value_name = "OUT")]
    pub hits: Option<PathBuf>,

    /// Rows a batch; changes no hit
    #[arg(long, value_name = "ROWS")]
    pub batch_rows: Option<usize>,

    /// Read the row groups of Parquet files too in which, by their statistics, no rule can hit. Otherwise they are skipped:
    /// their rows count, but faulty ones among them are not set aside (with --hits every row is read)
    #[arg(long)]
    pub every_row: bool,
}

/// Rows a batch where only hits are counted: larger batches mean fewer looks at the same dictionary.
const BATCH_ROWS: usize = 131_072;

/// Runs it.
pub fn run(args: &EvaluateArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let stream = rules::stream(&args.over.stream)?;
    let packs = rules::load(&args.over.rules, Some(stream), out)?;
    let Some(ruleset) = packs.ruleset(stream) else {
        return Err(CommandError::Usage(format!("no rules for stream `{}` in these files", stream.name)));
    };
    // Kept until the process ends, as the rules are.
    let evaluator = ManuallyDrop::new(Evaluator::new(Arc::clone(&ruleset.program), Options::default())?);
    let inputs = args.over.inputs(args.batch_rows.unwrap_or(BATCH_ROWS))?;
    let derive = rules::derive_context(rules::now_ms(), &args.over.zone, &rules::secret(out)?)?;
    let progress = Arc::new(Progress::default());
    let bar = Bar::start(&progress);
    let rows = Rows { inputs: &inputs, derive: &derive, every_row: args.every_row, progress: &progress };
    let report = count_hits(ruleset, &evaluator, rows, args.hits.as_deref())?;
    drop(bar);
    if out.json {
        out.document(&report)?;
        return Ok(DONE);
    }
    let total = report.seconds.get("total").copied().unwrap_or_default();
    out.line(format!(
        "{} x {}: {}, {} set aside, {total:.3} s",
        rows_shown(report.rows, report.rows_skipped),
        counted(report.rules as u64, "rule"),
        counted(report.hits, "hit"),
        count(report.set_aside)
    ))?;
    let mut rules: Vec<_> = report.per_rule.iter().map(|(id, n)| (id, n.as_u64().unwrap_or_default())).collect();
    rules.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let top = rules.into_iter().take(TOP_RULES).map(|(id, hits)| vec![id.clone(), count(hits)]);
    out.line(table(&["rule", "hits"], &[1], top).to_string())?;
    Ok(DONE)
}

/// Rows, and how many of them were skipped.
pub fn rows_shown(rows: u64, skipped: u64) -> String {
    let skipped = if skipped > 0 { format!(" ({} skipped)", count(skipped)) } else { String::new() };
    format!("{}{skipped}", counted(rows, "row"))
}
