//! `haechi convert`: messages and tables to canonical rows, with everything odd or unreadable named.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use clap::Args;
use haechi_connectors::ReadOptions;
use haechi_connectors::format::MessageReading;
use haechi_connectors::mapping::Mapping;
use haechi_connectors::recognise::{Recognised, no_table, recognise};
use haechi_connectors::sources::{self, Unwrapped, is_damage};
use haechi_connectors::tabular::{self, OpenError, in_full};
use haechi_model::derive::derive;
use haechi_model::{Intake, SetAside, Stream};
use serde::Serialize;

use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::new_file::NewFile;
use crate::output::{Output, count};
use crate::rules;
use crate::spool::Spool;

pub const EXAMPLE: &str = "\
Example:
  haechi convert flight.edi manifest.edi
  haechi convert --json messages/*.edi --out rows.ndjson
  haechi convert declarations.csv --out rows.ndjson";

/// Arguments of `haechi convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Files or globs with messages, or with tables of a stream: CSV, JSON, Parquet, Arrow
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// Write the rows here, as JSON lines with their stream
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Stream of the tables among them, where their columns do not tell it
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,

    /// What fills the columns, for tables with names of their own
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,

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
    /// As many as the file is long: of a gigabyte they would take more memory than its rows.
    warnings: Spool,
    set_aside: Spool,
}

/// Runs it.
pub fn run(args: &ConvertArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let options = ReadOptions { zone: rules::zone(&args.zone)?, ..ReadOptions::default() };
    let mapping = args.mapping.as_deref().map(Mapping::read).transpose()?;
    let stream = args.stream.as_deref().map(rules::stream).transpose()?.or(mapping.as_ref().map(|to| to.stream));
    let tables = Tables { stream, mapping };
    let files = sources::expand(&args.files)?;
    for name in args.out.as_deref().map(NewFile::names).unwrap_or_default() {
        let Ok(taken) = name.canonicalize() else { continue };
        if files.iter().any(|file| file.path.canonicalize().is_ok_and(|input| input == taken)) {
            let message = format!("`{}` is an input too; write the rows to another file", name.display());
            return Err(CommandError::Usage(message));
        }
    }
    let mut rows = args.out.as_deref().map(Rows::create).transpose()?;
    let mut wrong = false;
    for file in files {
        let mut written = Ok(());
        let converted = convert(&file.path, &options, &tables, &mut |reading| {
            if let (Some(rows), Ok(())) = (&mut rows, &written) {
                written = write(reading, rows, args, out);
            }
        })?;
        written?;
        wrong |= !converted.set_aside.is_empty();
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

/// Rows of a reading to the file they go to.
fn write(reading: &MessageReading, rows: &mut Rows, args: &ConvertArgs, out: &Output) -> Result<(), CommandError> {
    for (stream, batch) in &reading.records {
        let context = rules::derive_context(rules::now_ms(), &args.zone, &rules::secret(out)?)?;
        let derived = derive(stream, batch, &context)
            .map_err(|e| CommandError::Bug(format!("columns of `{}` cannot be derived: {e}", stream.name)))?;
        rows.write(stream.name, &derived)?;
    }
    Ok(())
}

/// How tables are read.
struct Tables {
    /// What they are of; else their columns tell.
    stream: Option<&'static Stream>,
    mapping: Option<Mapping>,
}

/// Reads a file, a reading at a time; what each says is kept, its rows only `each` sees.
fn convert(
    path: &Path,
    options: &ReadOptions,
    tables: &Tables,
    each: &mut dyn FnMut(&MessageReading),
) -> Result<Converted, CommandError> {
    let name = path.display().to_string();
    let at = |source| CommandError::File { path: path.to_owned(), source };
    let mut converted = Converted {
        file: name.clone(),
        format: "unknown".into(),
        version: String::new(),
        records: BTreeMap::new(),
        counts: BTreeMap::new(),
        warnings: Spool::new(),
        set_aside: Spool::new(),
    };
    let damaged = |error: io::Error, read: &str| {
        let reason = format!("the file cannot be read to its end ({error}); {read}, send it again");
        SetAside::new(&name, "the end", "damaged", reason, b"")
    };
    let Unwrapped { head, mut content, .. } = match sources::unwrap(path, std::sync::Arc::default()) {
        Ok(unwrapped) => unwrapped,
        Err(error) if is_damage(&error) => {
            converted.set_aside.push(&damaged(error, "nothing of it was read")).map_err(unkept)?;
            return Ok(converted);
        }
        Err(error) => return Err(at(error)),
    };
    let refused = |code, reason: String| SetAside::new(&name, "byte 0", code, reason, &head);
    let format = match recognise(&head) {
        Ok(Recognised::Message(format)) => format,
        Ok(Recognised::Empty) => {
            converted.set_aside.push(&refused("no_message", "the file is empty".to_owned())).map_err(unkept)?;
            return Ok(converted);
        }
        Ok(table) => {
            if let Some((code, reason)) = tables.convert(path, (table, &head), options, each, &mut converted)? {
                converted.set_aside.push(&refused(code, reason)).map_err(unkept)?;
            }
            return Ok(converted);
        }
        Err(unrecognised) => {
            converted.set_aside.push(&refused("unrecognised", format!("the file {unrecognised}"))).map_err(unkept)?;
            return Ok(converted);
        }
    };
    let mut kept = Ok(());
    let read = format.read_from(&name, &mut content, options, &mut |reading| {
        each(&reading);
        if kept.is_ok() {
            kept = converted.add(&reading);
        }
    });
    kept.map_err(unkept)?;
    match read {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            converted.set_aside.push(&refused("too_large", format!("the file {error}"))).map_err(unkept)?;
        }
        // What is cut off or damaged is so however often it is read: it says nothing of the next file.
        Err(error) if is_damage(&error) => {
            converted.set_aside.push(&damaged(error, "what came before was read")).map_err(unkept)?;
        }
        read => read.map_err(at)?,
    }
    Ok(converted)
}

impl Tables {
    /// Reads a table, a batch at a time. Says why if it cannot be read, or not to its end.
    fn convert(
        &self,
        path: &Path,
        (table, head): (Recognised, &[u8]),
        options: &ReadOptions,
        each: &mut dyn FnMut(&MessageReading),
        converted: &mut Converted,
    ) -> Result<Option<(&'static str, String)>, CommandError> {
        let format = table.name();
        if !path.is_file() {
            let reason = format!("it is {format}, which is read more than once; write it to a file first");
            return Ok(Some(("no_file", reason)));
        }
        let refused = |error: &OpenError| Ok(Some((error.code(), in_full(error))));
        let stream = match self.stream.map_or_else(|| tabular::stream_of(path), |stream| Ok(Some(stream))) {
            Ok(Some(stream)) => stream,
            // Any text may be a table of one column; what does not look like one is told what messages look like.
            Ok(None) if let Some(text) = matches!(table, Recognised::Csv).then(|| no_table(head)).flatten() => {
                return Ok(Some(("no_message", format!("the file {text}"))));
            }
            Ok(None) => {
                let reason = "the file is no message that is read, and no stream has its columns; \
                              name one with --stream, or give a --mapping"
                    .to_owned();
                return Ok(Some(("no_stream", reason)));
            }
            Err(error) => return refused(&error),
        };
        format.clone_into(&mut converted.format);
        let name = path.display().to_string();
        let reader = match tabular::open_file(&name, path.to_owned(), stream, self.mapping.as_ref(), options) {
            Ok(reader) => reader,
            Err(error) => return refused(&error),
        };
        for intake in reader {
            let Intake { batch, warnings, set_aside } = match intake {
                Ok(intake) => intake,
                Err(error) => return Ok(Some((error.code(), in_full(&error)))),
            };
            let records = vec![(stream, batch)];
            let (version, counts) = (String::new(), BTreeMap::new());
            let reading = MessageReading { format, version, records, warnings, set_aside, counts };
            each(&reading);
            converted.add(&reading).map_err(unkept)?;
        }
        Ok(None)
    }
}

impl Converted {
    fn add(&mut self, reading: &MessageReading) -> io::Result<()> {
        reading.format.clone_into(&mut self.format);
        self.version.clone_from(&reading.version);
        for (stream, batch) in &reading.records {
            *self.records.entry(stream.name).or_default() += batch.num_rows();
        }
        for (name, n) in &reading.counts {
            *self.counts.entry(name).or_default() += n;
        }
        reading.warnings.iter().try_for_each(|warning| self.warnings.push(warning))?;
        reading.set_aside.iter().try_for_each(|unit| self.set_aside.push(unit))
    }
}

fn unkept(source: io::Error) -> CommandError {
    CommandError::File { path: std::env::temp_dir(), source }
}

fn print(converted: &Converted, out: &Output) -> Result<(), CommandError> {
    let records: Vec<String> = converted.records.iter().map(|(s, n)| format!("{} {s}", count(*n as u64))).collect();
    let records = if records.is_empty() { "nothing".to_owned() } else { records.join(", ") };
    let Converted { file, format, version, .. } = converted;
    let blank = if version.is_empty() { "" } else { " " };
    out.line(format!("{file}: {format}{blank}{version}: {records}"))?;
    let lists =
        [("warning", &converted.warnings, "path", "text"), ("set aside", &converted.set_aside, "position", "reason")];
    for (what, list, at, why) in lists {
        let told = list.tell(|value| {
            let value: serde_json::Value = serde_json::from_str(value.get())?;
            let part = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            out.line(format!("  {what} {} at {}: {}", part("code"), part(at), part(why)))
        });
        told.map_err(unkept)??;
    }
    Ok(())
}

/// Rows as JSON lines, each beginning with its stream.
struct Rows {
    path: PathBuf,
    new: NewFile,
    out: BufWriter<File>,
}

impl Rows {
    fn create(path: &Path) -> Result<Self, CommandError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| CommandError::File { path: folder.to_owned(), source })?;
        }
        let at = |source| CommandError::File { path: path.to_owned(), source };
        let (new, file) = NewFile::create(path).map_err(at)?;
        Ok(Self { path: path.to_owned(), new, out: BufWriter::new(file) })
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

    fn finish(self) -> Result<(), CommandError> {
        let Self { path, new, mut out } = self;
        let written = out.flush().and_then(|()| new.finish());
        written.map_err(|source| CommandError::File { path, source })
    }
}
