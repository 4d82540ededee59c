//! `haechi schema`: the columns of a stream.

use std::process::ExitCode;

use clap::Args;
use haechi_model::docs::markdown;
use haechi_model::streams::STREAMS;

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, table};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi schema                 (lists the streams)
  haechi schema declaration     (its columns, as Markdown)";

/// Arguments of `haechi schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// A stream; without it, all streams are listed
    pub stream: Option<String>,
}

/// Runs it.
pub fn run(args: &SchemaArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(name) = &args.stream else {
        if out.json {
            let all: Vec<_> = STREAMS.iter().map(|s| serde_json::json!({"stream": s.name, "row": s.row})).collect();
            out.document(&all)?;
        } else {
            let rows = STREAMS.iter().map(|s| vec![s.name.to_owned(), s.columns.len().to_string(), s.row.to_owned()]);
            out.line(table(&["stream", "columns", "a row is"], &[1], rows).to_string())?;
        }
        return Ok(DONE);
    };
    let stream = rules::stream(name)?;
    if out.json {
        let columns: Vec<_> = stream
            .all_columns()
            .map(|c| {
                serde_json::json!({
                    "name": c.name, "type": c.kind.word(), "nullable": c.nullable, "key": c.key, "derived": c.derived,
                    "unit": c.unit(), "personal": c.personal, "values": c.values, "meaning": c.meaning,
                })
            })
            .collect();
        out.document(&serde_json::json!({"stream": stream.name, "row": stream.row, "columns": columns}))?;
    } else {
        out.line(markdown(stream).trim_end())?;
    }
    Ok(DONE)
}
