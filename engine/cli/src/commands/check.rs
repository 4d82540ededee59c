//! `haechi check`: every mistake of every file, at once.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_rules::{Severity, render};

use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, counted};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi check rules/packs/import
  haechi check my-rules.yaml --deny-warnings";

/// Arguments of `haechi check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Rule packs or rule files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Stream of rules that name none
    #[arg(long)]
    pub stream: Option<String>,

    /// End with exit code 1 for warnings too
    #[arg(long)]
    pub deny_warnings: bool,
}

/// Runs it.
pub fn run(args: &CheckArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let stream = args.stream.as_deref().map(rules::stream).transpose()?;
    let packs = rules::read(&args.paths, stream);
    let errors = packs.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = packs.diagnostics.len() - errors;
    let rules: usize = packs.rulesets.iter().map(|r| r.rules.len()).sum();
    if out.json {
        let found: Vec<_> = packs.diagnostics.iter().map(|d| render::to_json(d, &packs.sources)).collect();
        out.document(&serde_json::json!({
            "files": packs.raw.files.len(), "rules": rules, "errors": errors, "warnings": warnings, "diagnostics": found,
        }))?;
    } else {
        if !packs.diagnostics.is_empty() {
            let shown = render::render(&packs.diagnostics, &packs.sources, out.color);
            out.line(format!("{}\n", shown.trim_end()))?;
        }
        out.line(format!(
            "{}, {}, {} in {}: {}, {}",
            counted(rules as u64, "rule"),
            counted(packs.raw.lists.len() as u64, "list"),
            counted(packs.raw.tables.len() as u64, "table"),
            counted(packs.raw.files.len() as u64, "file"),
            counted(errors as u64, "error"),
            counted(warnings as u64, "warning")
        ))?;
    }
    let wrong = errors > 0 || (args.deny_warnings && warnings > 0);
    Ok(if wrong { ExitCode::from(FOUND_WRONG) } else { DONE })
}
