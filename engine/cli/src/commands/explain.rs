//! `haechi explain`: why a subject got its lane; with `--rule`, why a rule did or did not hit it.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_evaluate::Options;
use haechi_evaluate::explain::Explanation;
use haechi_pipeline::{Decider, Finding, Manifest, find_subject};

use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::Output;
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi explain --in out 97061800
  haechi explain --in out 97061800 --rule import-0101";

/// Arguments of `haechi explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Output folder of `haechi run`; its inputs and rules are read again
    #[arg(long = "in", value_name = "DIR")]
    pub folder: PathBuf,

    /// Declaration, consignment or traveller
    pub subject: String,

    /// Explain this rule, hit or not
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
}

/// Runs it.
pub fn run(args: &ExplainArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let manifest = Manifest::read(&args.folder)?;
    let stream = rules::stream(&manifest.stream)?;
    let packs = rules::load(&manifest.rules, Some(stream), out)?;
    let secret = rules::secret(out)?;
    let derive = rules::derive_context(manifest.decided_at_ms, &manifest.zone, &secret)?;
    let decider = Decider::new(packs, stream, &secret, derive, Options::default())?;
    if decider.ruleset.hash != manifest.ruleset_hash {
        out.note("note: the rules have changed since the run; this is what they say now")?;
    }
    let rule = args.rule.as_deref().map(|id| find_rule(&decider, id)).transpose()?;
    let inputs = rules::inputs(&manifest.inputs, manifest.mapping.as_deref(), &manifest.zone, None)?;
    let Some(finding) = find_subject(&decider, &inputs, &args.subject, rule)? else {
        if out.json {
            out.document(&serde_json::json!({ "subject": args.subject, "found": false }))?;
        } else {
            out.line(format!("no {} `{}` in the inputs of this run", stream.name, args.subject))?;
        }
        return Ok(ExitCode::from(FOUND_WRONG));
    };
    if out.json {
        out.document(&finding)?;
    } else {
        out.line(text(&finding, args.rule.as_deref()).trim_end())?;
    }
    Ok(DONE)
}

fn find_rule(decider: &Decider, id: &str) -> Result<usize, CommandError> {
    decider.ruleset.rule_index(id).ok_or_else(|| {
        let ids = decider.ruleset.rules.iter().map(|rule| rule.id.as_str());
        let near = haechi_rules::diagnostic::nearest(id, ids).map(|n| format!("; did you mean `{n}`?"));
        CommandError::Usage(format!("unknown rule `{id}`{}", near.unwrap_or_default()))
    })
}

/// An explanation for people. With a rule, that rule alone.
pub fn text(finding: &Finding, rule: Option<&str>) -> String {
    let mut text = String::new();
    let mut line = |parts: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{parts}");
    };
    if let Some(rule) = rule {
        for (row, explanation) in finding.asked.iter().enumerate() {
            let word = if explanation.truth == Some(true) { "hits" } else { "does not hit" };
            line(format_args!("{rule} {word} row {} of {}:", row + 1, finding.rows));
            line(format_args!("{}", tree(explanation, 2)));
            if explanation.truth != Some(true) {
                for part in explanation.decisive() {
                    line(format_args!("  decisive: {}", leaf(part)));
                }
            }
        }
    } else {
        line(format_args!("{}", finding.decision.to_string().trim_end()));
        for hit in &finding.hits {
            line(format_args!("{}: {}", hit.rule, hit.title));
            line(format_args!("{}", tree(&hit.explanation, 2)));
            if let Some(instruction) = &hit.instruction {
                line(format_args!("  officer: {instruction}"));
            }
        }
    }
    text
}

/// The parts of a condition, one a line, each with its truth and the values it saw.
pub fn tree(explanation: &Explanation, indent: usize) -> String {
    let mut lines = vec![format!("{:indent$}{}", "", leaf(explanation))];
    lines.extend(explanation.parts.iter().map(|part| tree(part, indent + 2)));
    lines.join("\n")
}

fn leaf(explanation: &Explanation) -> String {
    let mark = match explanation.truth {
        Some(true) => "yes    ",
        Some(false) => "no     ",
        None => "unknown",
    };
    let seen = |(name, value): &(String, Option<String>)| format!("{name} = {}", value.as_deref().unwrap_or("NULL"));
    let values: Vec<String> = explanation.values.iter().map(seen).collect();
    let values = if values.is_empty() { String::new() } else { format!("   [{}]", values.join(", ")) };
    format!("{mark} {}{values}", explanation.condition)
}
