//! `haechi explain-error`: what a code means, with a wrong and a right example.

use std::process::ExitCode;

use clap::Args;
use haechi_connectors::formats::CODES;
use haechi_rules::codes;
use haechi_rules::diagnostic::nearest;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, table};

pub const EXAMPLE: &str = "\
Example:
  haechi explain-error E0202
  haechi explain-error          (lists all codes)";

/// Arguments of `haechi explain-error`.
#[derive(Debug, Args)]
pub struct ExplainErrorArgs {
    /// A code such as E0202; without it, all codes of rules are listed
    pub code: Option<String>,
}

/// Runs it.
pub fn run(args: &ExplainErrorArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(code) = &args.code else {
        if out.json {
            let all: Vec<_> =
                codes::CODES.iter().map(|e| serde_json::json!({"code": e.code, "title": e.title})).collect();
            out.document(&all)?;
        } else {
            let rows = codes::CODES.iter().map(|e| vec![e.code.to_owned(), e.title.to_owned()]);
            out.line(table(&["code", "means"], &[], rows).to_string())?;
        }
        return Ok(DONE);
    };
    if let Some(told) = of_reader(code)? {
        if out.json {
            out.document(&told)?;
        } else {
            out.line(format!("{}: {}\n\n{}", told.code, told.title, told.explanation))?;
        }
        return Ok(DONE);
    }
    let code = code.to_uppercase();
    let entry = codes::find(&code).ok_or_else(|| {
        let near = nearest(&code, codes::CODES.iter().map(|e| e.code)).map(|n| format!("; did you mean `{n}`?"));
        CommandError::Usage(format!("unknown code `{code}`{}", near.unwrap_or_default()))
    })?;
    if out.json {
        out.document(&serde_json::json!({"code": entry.code, "title": entry.title, "explanation": entry.explanation}))?;
    } else {
        out.line(format!("{}: {}\n\n{}", entry.code, entry.title, entry.explanation))?;
    }
    Ok(DONE)
}

/// What a code of readers means.
#[derive(serde::Serialize)]
struct OfReader {
    code: String,
    title: String,
    explanation: String,
}

/// Codes in lower case are not of rules: records are set aside under them, or read with a warning. Those of messages are
/// listed; what the others mean stands beside them each time.
fn of_reader(code: &str) -> Result<Option<OfReader>, CommandError> {
    if !code.contains('_') && !code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(None);
    }
    let code = code.to_lowercase();
    let of = |list: &'static [(&'static str, &'static str)]| list.iter().filter(|(known, _)| *known == code);
    let mut said: Vec<String> = Vec::new();
    for family in CODES {
        let reasons = of(family.reasons).map(|(_, means)| (means, "why a part of a message is set aside"));
        let warnings = of(family.warnings).map(|(_, means)| (means, "a warning about a message"));
        said.extend(reasons.chain(warnings).map(|(means, kind)| format!("{means} ({}: {kind})", family.of)));
    }
    if said.is_empty() {
        return Err(CommandError::Usage(format!(
            "`{code}` is no error code of rules; if it is why records were set aside, the reason beside it says what to \
             do: `haechi quarantine list --code {code}`"
        )));
    }
    let title = said.join("; ");
    let explanation = format!(
        "What was met, where, and what to do about it stands in the reason beside the code, where something was set aside \
         under it:\n\n  haechi quarantine list --code {code}"
    );
    Ok(Some(OfReader { code, title, explanation }))
}
