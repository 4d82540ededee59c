//! `haechi sweep`: what a rule hits at every value of one of its thresholds.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use haechi_evaluate::Options;
use haechi_pipeline::{Progress, Rows, Sweep, SweepReport, SweptValue};
use haechi_rules::Ruleset;
use haechi_rules::diagnostic::nearest;
use haechi_rules::sweep::{Parameter, choose, thresholds};

use crate::commands::DONE;
use crate::commands::evaluate::rows_shown;
use crate::error::CommandError;
use crate::output::{Output, count, table};
use crate::progress::Bar;
use crate::rules::{self, RulesOverFiles};

pub const EXAMPLE: &str = "\
A threshold is a number or a date that the rule compares something with. Where it has several, --of names one: by what
is compared (`net_mass_kg`), with the operator (`net_mass_kg >`), or in full (`net_mass_kg > 50`). What the rule says
twice (same operand, operator and constant) is one threshold and moves as one. A constant inside an expression is none:
instead of `a < 0.6 * b` write `a / b < 0.6`. Hits are rows, for declarations items; --subjects counts declarations too.

Example:
  haechi sweep --stream declaration --rules rules/packs/import --input declarations.parquet \\
    --rule import-0151 --parameter 0.5..5 step 0.5 --of 'customs_value_usd / quantity'
  haechi sweep --stream traveller --rules my-rules --input travellers.parquet \\
    --rule mine-0002 --parameter 2027-01-01..2027-06-30 step 7 --subjects";

/// Pairs of row and value in memory at once, at most, if every value hit every row: subjects are counted by pairs.
const PAIRS_MAX: usize = 1 << 24;
/// Rows a batch, at most and at least.
const BATCH_ROWS: (usize, usize) = (131_072, 1_024);
/// Cells of the longest bar.
const BAR_CELLS: usize = 24;

/// Arguments of `haechi sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// What to hold against what
    #[command(flatten)]
    pub over: RulesOverFiles,

    /// The rule
    #[arg(long, value_name = "ID")]
    pub rule: String,

    /// The values: FROM..TO, FROM..TO step STEP (of days, for dates), or A,B,C; below zero as --parameter='-5..5 step 1'
    #[arg(long, required = true, num_args = 1..=3, value_name = "VALUES")]
    pub parameter: Vec<String>,

    /// The threshold, where the rule has several
    #[arg(long, value_name = "THRESHOLD")]
    pub of: Option<String>,

    /// Count subjects too (declarations, consignments, travellers), not rows alone
    #[arg(long)]
    pub subjects: bool,

    /// Read the row groups of Parquet files too in which, by their statistics, no value makes the rule hit. Otherwise they are skipped:
    /// their rows count, but faulty ones among them are not set aside (with --subjects every row is read)
    #[arg(long)]
    pub every_row: bool,
}

/// Runs it.
pub fn run(args: &SweepArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let refused = |error: &dyn std::fmt::Display| CommandError::Usage(format!("--parameter: {error}"));
    let parameter = Parameter::parse(&args.parameter.join(" ")).map_err(|error| refused(&error))?;
    let stream = rules::stream(&args.over.stream)?;
    if args.subjects && stream.lanes.is_none() {
        return Err(CommandError::Usage(format!("stream `{}` has no subjects to count", stream.name)));
    }
    let packs = rules::load(&args.over.rules, Some(stream), out)?;
    let Some(ruleset) = packs.ruleset(stream) else {
        return Err(CommandError::Usage(format!("no rules for stream `{}` in these files", stream.name)));
    };
    let rule = find_rule(ruleset, &args.rule)?;
    let threshold = choose(&thresholds(&ruleset.program, rule), args.of.as_deref(), parameter.kind());
    let threshold = threshold.map_err(|error| CommandError::Usage(format!("rule `{}`: {error}", args.rule)))?;
    let values = parameter.values(threshold.class).map_err(|error| refused(&error))?;
    let sweep = Sweep::new(&ruleset.program, rule, threshold, values, Options::default())?;
    let pairs_a_row = if args.subjects { sweep.values().len() * rayon::current_num_threads() } else { 1 };
    let batch_rows = (PAIRS_MAX / pairs_a_row).clamp(BATCH_ROWS.1, BATCH_ROWS.0);
    let inputs = args.over.inputs(batch_rows)?;
    let derive = rules::derive_context(rules::now_ms(), &args.over.zone, &rules::secret(out)?)?;
    let progress = Arc::new(Progress::default());
    let bar = Bar::start(&progress);
    let rows = Rows { inputs: &inputs, derive: &derive, every_row: args.every_row, progress: &progress };
    let report = sweep.run(rows, args.subjects)?;
    drop(bar);
    let rule = &ruleset.rules[rule];
    if out.json {
        out.document(&serde_json::json!({ "rule": rule.id, "title": rule.title, "sweep": report }))?;
    } else {
        out.line(format!("{}: {}", rule.id, rule.title))?;
        out.line(text(&report, stream.name))?;
    }
    Ok(DONE)
}

fn find_rule(ruleset: &Ruleset, id: &str) -> Result<usize, CommandError> {
    ruleset.rule_index(id).ok_or_else(|| {
        let near = nearest(id, ruleset.rules.iter().map(|rule| rule.id.as_str()));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        CommandError::Usage(format!("no rule `{id}` for stream `{}`{near}", ruleset.stream.name))
    })
}

/// A sweep for people: one line a value, with a bar.
fn text(report: &SweepReport, subject: &str) -> String {
    let subjects = format!("{subject}s");
    let seconds = report.seconds.get("total").copied().unwrap_or_default();
    let of = report.subjects.map(|all| format!(" of {} {subjects}", count(all))).unwrap_or_default();
    let head = format!(
        "{} at {} values: {}{of}, {} set aside, {seconds:.3} s",
        report.threshold,
        report.values.len(),
        rows_shown(report.rows, report.rows_skipped),
        count(report.set_aside)
    );
    let mut header = vec!["", "value", "hits", "of rows", "change"];
    if report.subjects.is_some() {
        header.push(&subjects);
    }
    let right: Vec<usize> = (1..header.len()).collect();
    header.push("");
    let most = report.values.iter().map(|swept| swept.hits).max().unwrap_or_default();
    let decimals = report.values.iter().map(|swept| decimals(&shown(swept, 0))).max().unwrap_or_default();
    let rows = report.values.iter().map(|swept| {
        let mut row = vec![
            (if swept.present { "now" } else { "" }).to_owned(),
            shown(swept, decimals),
            count(swept.hits),
            format!("{:.2} %", swept.share * 100.0),
            change(swept.change),
        ];
        row.extend(swept.subjects.map(count));
        row.push(bar(swept.hits, most));
        row
    });
    format!("{head}\n{}", table(&header, &right, rows))
}

/// A value with at least so many decimals.
fn shown(swept: &SweptValue, decimals: usize) -> String {
    match (&swept.value, swept.value.as_f64()) {
        (serde_json::Value::String(day), _) => day.clone(),
        (value, Some(number)) if value.is_f64() => {
            let short = number.to_string();
            if self::decimals(&short) < decimals { format!("{number:.decimals$}") } else { short }
        }
        (value, _) => value.to_string(),
    }
}

fn decimals(number: &str) -> usize {
    number.split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

fn change(rows: i64) -> String {
    let sign = match rows {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", count(rows.unsigned_abs()))
}

/// A bar in eighths of a cell; whatever is hit at all shows.
fn bar(hits: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if hits == 0 {
        return String::new();
    }
    let eighths = (hits as f64 / most as f64 * (BAR_CELLS * 8) as f64).round().max(1.0) as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        assert_eq!([0, 1, 500, 521, 1_000].map(|hits| bar(hits, 1_000).chars().count()), [0, 1, 12, 13, 24]);
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 0), "");
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!([0, 1_200, -3].map(change), ["0", "+1,200", "-3"]);
    }
}
