//! `haechi test`: the tests that stand in rules.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::{FailedProfileTest, TestOutcome, run_profile_tests, run_tests};

use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, count, counted};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi test rules/packs/import";

/// Arguments of `haechi test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Rule packs or rule files
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Runs it.
pub fn run(args: &TestArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let packs = rules::load(&args.paths, None, out)?;
    let mut outcomes: Vec<TestOutcome> = Vec::new();
    for ruleset in &packs.rulesets {
        outcomes.extend(run_tests(ruleset, &packs.sources)?);
    }
    let failed: Vec<_> = outcomes.iter().filter(|o| !o.passed()).collect();
    let (profile_tests, profiles_failed) = run_profile_tests(packs);
    let all_failed = failed.len() + profiles_failed.len();
    let passed = outcomes.len() + profile_tests - all_failed;
    if out.json {
        out.document(&serde_json::json!({
            "passed": passed, "failed": all_failed, "failures": failed, "profile_failures": profiles_failed,
        }))?;
    } else {
        for FailedProfileTest { entity, test, at, reasons } in &profiles_failed {
            out.line(format!("{at}: {entity} test {test}\n  {}", reasons.join("\n  ")))?;
        }
        for outcome in &failed {
            print(outcome, out)?;
        }
        out.line(format!("{} passed, {} failed", counted(passed as u64, "test"), count(all_failed as u64)))?;
    }
    Ok(if all_failed == 0 { DONE } else { ExitCode::from(FOUND_WRONG) })
}

fn print(outcome: &TestOutcome, out: &Output) -> Result<(), CommandError> {
    let word = |hit: bool| if hit { "hit" } else { "no_hit" };
    let found = outcome.hit.map_or("could not be run", word);
    out.line(format!("{}: {} test {}", outcome.at, outcome.rule, outcome.test))?;
    out.line(format!("  expected {}, found {found}", word(outcome.expected_hit)))?;
    if let Some(error) = &outcome.error {
        out.line(format!("  {error}"))?;
    }
    if let Some(explanation) = &outcome.explanation {
        out.line(explanation.tree(2))?;
    }
    Ok(())
}
