//! `haechi formats`: the formats that are read and written, and what goes where in each.

use std::process::ExitCode;

use clap::Args;
use haechi_connectors::formats::catalogue::{Entry, catalogue};
use haechi_rules::diagnostic::nearest;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, table};

pub const EXAMPLE: &str = "\
Example:
  haechi formats             (lists the formats)
  haechi formats paxlst      (from where each column is read, as Markdown)";

/// Arguments of `haechi formats`.
#[derive(Debug, Args)]
pub struct FormatsArgs {
    /// A format; without it, all formats are listed
    pub name: Option<String>,
}

/// Runs it.
pub fn run(args: &FormatsArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let entries = catalogue();
    let Some(name) = &args.name else {
        if out.json {
            out.document(&entries.iter().map(json).collect::<Vec<_>>())?;
        } else {
            let rows = entries.iter().map(|entry| {
                let streams = entry.streams.join(", ");
                vec![entry.name.to_owned(), entry.direction.word().to_owned(), streams, entry.title.to_owned()]
            });
            out.line(table(&["format", "direction", "rows of", "what it is"], &[], rows).to_string())?;
        }
        return Ok(DONE);
    };
    let Some(entry) = entries.iter().find(|entry| entry.name == name.as_str()) else {
        let names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        let near = nearest(name, names.iter().copied()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        return Err(CommandError::Usage(format!("unknown format `{name}`{near} (formats: {})", names.join(", "))));
    };
    if out.json {
        let mut document = json(entry);
        document["page"] = entry.page().into();
        out.document(&document)?;
    } else {
        out.line(entry.page().trim_end())?;
    }
    Ok(DONE)
}

fn json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "format": entry.name, "title": entry.title, "direction": entry.direction.word(),
        "versions": entry.versions, "streams": entry.streams,
    })
}
