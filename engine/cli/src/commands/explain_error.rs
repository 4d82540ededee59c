//! `haechi explain-error`: what a code means, with a wrong and a right example.

use std::process::ExitCode;

use clap::Args;
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
    /// A code such as E0202; without it, all codes are listed
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
