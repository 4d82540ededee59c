//! `haechi sql`: a query over the archive.

use std::path::PathBuf;
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::Args;
use haechi_archive::{Answer, Archive, SqlOptions};

use crate::answer_file::AnswerFile;
use crate::commands::{DONE, archive};
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::service;

pub const EXAMPLE: &str = "\
Example:
  haechi sql                                        (lists tables and columns)
  haechi sql --archive archive \"SELECT lane, count(*) FROM selections GROUP BY 1\"
  haechi sql --config haechi.toml --out hits.parquet \"SELECT * FROM hits WHERE day = '2026-11-22'\"
Personal data is masked; `--unmasked` shows it as it is.";

/// Rows that are printed as a table; more are for files.
const SHOWN_MAX: usize = 1_000;

/// Arguments of `haechi sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// A query; without it, tables and columns are listed
    pub query: Option<String>,

    /// The archive: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    pub archive: Option<String>,

    /// Settings of the service, whose archive it is
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Write the answer here, in the format that the name ends in: csv, ndjson or parquet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Show personal data as it is
    #[arg(long)]
    pub unmasked: bool,

    /// Memory for sorting, joining and grouping, in MiB; what does not fit goes to disk
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..))]
    pub memory: u32,
}

/// Runs it.
pub fn run(args: &SqlArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(query) = &args.query else { return list(out) };
    let url = match (&args.archive, &args.config) {
        (Some(url), _) => url.clone(),
        (None, Some(config)) => service::settings(Some(config))?.archive.url,
        (None, None) => {
            return Err(CommandError::Usage(
                "name the archive with --archive, or the settings with --config".to_owned(),
            ));
        }
    };
    let options = SqlOptions {
        memory_bytes: (args.memory as usize) << 20,
        threads: Some(rayon::current_num_threads()),
        unmasked: args.unmasked,
        ..SqlOptions::default()
    };
    archive::runtime()?.block_on(async {
        let answer = Archive::open(&url, options).await?.sql(query).await?;
        match &args.out {
            Some(path) => {
                let rows = write(answer, AnswerFile::create(path)?).await?;
                out.note(format!("{} in `{}`", counted(rows, "row"), path.display()))?;
            }
            None if out.json => lines(answer).await?,
            None => print(answer, out).await?,
        }
        Ok(DONE)
    })
}

/// Prints tables and columns.
fn list(out: &Output) -> Result<ExitCode, CommandError> {
    for info in Archive::tables() {
        if out.json {
            out.document(&info)?;
            continue;
        }
        out.line(format!("{}: {}", info.table, info.row))?;
        if !info.columns.is_empty() {
            let rows = info.columns.into_iter().map(|column| {
                let personal = column.personal.unwrap_or_default().to_owned();
                vec![column.name.to_owned(), column.kind, personal, column.meaning.to_owned()]
            });
            out.line(table(&["column", "type", "personal", "meaning"], &[], rows).to_string())?;
        }
        out.line("")?;
    }
    Ok(DONE)
}

async fn write(mut answer: Answer, mut file: AnswerFile) -> Result<u64, CommandError> {
    file.begin(&answer.schema())?;
    let mut rows = 0;
    while let Some(batch) = answer.next().await? {
        file.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    file.finish()?;
    Ok(rows)
}

/// Prints JSON lines.
async fn lines(mut answer: Answer) -> Result<(), CommandError> {
    let bug = |error: arrow::error::ArrowError| CommandError::Bug(error.to_string());
    while let Some(batch) = answer.next().await? {
        let mut text = Vec::new();
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
        writer.write(&batch).and_then(|()| writer.finish()).map_err(bug)?;
        std::io::Write::write_all(&mut std::io::stdout().lock(), &text)?;
    }
    Ok(())
}

/// Prints a table.
async fn print(mut answer: Answer, out: &Output) -> Result<(), CommandError> {
    let schema = answer.schema();
    let header: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let right: Vec<usize> = (0..header.len()).filter(|i| schema.field(*i).data_type().is_numeric()).collect();
    let mut rows = Vec::new();
    let mut more = false;
    while let (false, Some(batch)) = (more, answer.next().await?) {
        let wanted = batch.num_rows().min(SHOWN_MAX - rows.len());
        more = wanted < batch.num_rows();
        rows.extend(cells(&batch.slice(0, wanted))?);
    }
    out.line(table(&header, &right, rows).to_string())?;
    if more {
        out.note(format!("only the first {} rows are shown; write all of them with --out", count(SHOWN_MAX as u64)))?;
    }
    Ok(())
}

/// The values of each row as text; NULL is empty.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, CommandError> {
    let bug = |error: arrow::error::ArrowError| CommandError::Bug(error.to_string());
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|array| ArrayFormatter::try_new(array.as_ref(), &options));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(bug)?;
    let row = |row| columns.iter().map(|column| column.value(row).try_to_string().map_err(bug)).collect();
    (0..batch.num_rows()).map(row).collect()
}
