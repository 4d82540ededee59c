//! `haechi convert`: messages to canonical rows, with everything odd or unreadable named.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use clap::Args;
use haechi_connectors::ReadOptions;
use haechi_connectors::format::{HEAD_BYTES, MessageInput, MessageReading};
use haechi_connectors::recognise::{Recognised, recognise};
use haechi_connectors::sources;
use haechi_model::derive::derive;
use haechi_model::{SetAside, Warning};
use serde::Serialize;

use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, count};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi convert flight.edi manifest.edi
  haechi convert --json messages/*.edi --out rows.ndjson";

/// Largest message file.
const MESSAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Arguments of `haechi convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Files or globs with messages
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// Write the rows here, as JSON lines with their stream
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Zone of wall times that no port or airport tells
    #[arg(long, default_value = "UTC")]
    zone: String,
}

/// What one file held: a line of `--json`.
#[derive(Debug, Serialize)]
struct Converted {
    file: String,
    format: String,
    version: String,
    records: BTreeMap<&'static str, usize>,
    counts: BTreeMap<&'static str, u64>,
    warnings: Vec<Warning>,
    set_aside: Vec<SetAside>,
}

/// Runs it.
pub fn run(args: &ConvertArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let options = ReadOptions { zone: rules::zone(&args.zone)?, ..ReadOptions::default() };
    let files = sources::expand(&args.files)?;
    if let Some(out) = args.out.as_deref().and_then(|path| path.canonicalize().ok())
        && files.iter().any(|file| file.path.canonicalize().is_ok_and(|input| input == out))
    {
        let message = format!("`{}` is an input too; write the rows to another file", out.display());
        return Err(CommandError::Usage(message));
    }
    let mut rows = args.out.as_deref().map(Rows::create).transpose()?;
    let mut wrong = false;
    for file in files {
        let (converted, reading) = convert(&file.path, &options)?;
        wrong |= !converted.set_aside.is_empty();
        if let (Some(rows), Some(reading)) = (&mut rows, &reading) {
            for (stream, batch) in &reading.records {
                let context = rules::derive_context(rules::now_ms(), &args.zone, &rules::secret(out)?)?;
                let derived = derive(stream, batch, &context)
                    .map_err(|e| CommandError::Bug(format!("columns of `{}` cannot be derived: {e}", stream.name)))?;
                rows.write(stream.name, &derived)?;
            }
        }
        if out.json {
            out.document(&converted)?;
        } else {
            print(&converted, out)?;
        }
    }
    if let Some(rows) = rows {
        rows.finish()?;
    }
    Ok(if wrong { ExitCode::from(FOUND_WRONG) } else { DONE })
}

fn convert(path: &Path, options: &ReadOptions) -> Result<(Converted, Option<MessageReading>), CommandError> {
    let name = path.display().to_string();
    let at = |source| CommandError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let unwrapped = sources::unwrap(path, std::sync::Arc::default()).map_err(at)?;
    unwrapped.content.take(MESSAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(at)?;
    let refused = |code, reason: String| Converted {
        file: name.clone(),
        format: "unknown".into(),
        version: String::new(),
        records: BTreeMap::new(),
        counts: BTreeMap::new(),
        warnings: Vec::new(),
        set_aside: vec![SetAside::new(&name, "byte 0", code, reason, &bytes)],
    };
    if bytes.len() as u64 > MESSAGE_BYTES_MAX {
        let reason = format!("the file has more than {MESSAGE_BYTES_MAX} bytes; split it into messages");
        return Ok((refused("too_large", reason), None));
    }
    let format = match recognise(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        Ok(Recognised::Message(format)) => format,
        Ok(other) => {
            let reason = format!("the file is {}, not a message; read it with `haechi run --input`", other.name());
            return Ok((refused("no_message", reason), None));
        }
        Err(unrecognised) => return Ok((refused("unrecognised", format!("the file {unrecognised}")), None)),
    };
    let reading = (format.read)(MessageInput { source: &name, bytes: &bytes, options });
    let converted = Converted {
        file: name,
        format: reading.format.to_owned(),
        version: reading.version.clone(),
        records: reading.records.iter().fold(BTreeMap::new(), |mut records, (stream, batch)| {
            *records.entry(stream.name).or_default() += batch.num_rows();
            records
        }),
        counts: reading.counts.clone(),
        warnings: reading.warnings.clone(),
        set_aside: reading.set_aside.clone(),
    };
    Ok((converted, Some(reading)))
}

fn print(converted: &Converted, out: &Output) -> Result<(), CommandError> {
    let records: Vec<String> = converted.records.iter().map(|(s, n)| format!("{} {s}", count(*n as u64))).collect();
    let records = if records.is_empty() { "nothing".to_owned() } else { records.join(", ") };
    out.line(format!("{}: {} {}: {records}", converted.file, converted.format, converted.version))?;
    for warning in &converted.warnings {
        out.line(format!("  warning {} at {}: {}", warning.code, warning.path, warning.text))?;
    }
    for unit in &converted.set_aside {
        out.line(format!("  set aside {} at {}: {}", unit.code, unit.position, unit.reason))?;
    }
    Ok(())
}

/// Rows as JSON lines, each beginning with its stream.
struct Rows {
    path: PathBuf,
    /// Where they are written until all are: what stood under `path` is not lost to a run that fails.
    unfinished: PathBuf,
    out: BufWriter<File>,
}

impl Rows {
    fn create(path: &Path) -> Result<Self, CommandError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| CommandError::File { path: folder.to_owned(), source })?;
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let file = File::create(&unfinished).map_err(|source| CommandError::File { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), unfinished, out: BufWriter::new(file) })
    }

    fn write(&mut self, stream: &str, batch: &RecordBatch) -> Result<(), CommandError> {
        let mut lines = Vec::new();
        LineDelimitedWriter::new(&mut lines).write(batch).map_err(|e| CommandError::Bug(e.to_string()))?;
        for line in lines.split(|b| *b == b'\n').filter(|line| line.len() > 1) {
            let rest = &line[1..];
            let comma = if rest == b"}" { "" } else { "," };
            let head = format!("{{\"stream\":\"{stream}\"{comma}");
            let written = self.out.write_all(head.as_bytes()).and_then(|()| self.out.write_all(rest));
            written
                .and_then(|()| self.out.write_all(b"\n"))
                .map_err(|source| CommandError::File { path: self.path.clone(), source })?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), CommandError> {
        let written = self.out.flush().and_then(|()| fs::rename(&self.unfinished, &self.path));
        written.map_err(|source| CommandError::File { path: self.path, source })
    }
}
