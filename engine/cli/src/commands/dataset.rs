//! `haechi dataset generate`: border traffic with planted schemes.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use haechi_datasets::{Format, Spec, write, write_messages};

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::{Output, count, table};

pub const EXAMPLE: &str = "\
Example:
  haechi dataset generate --out day --seed 7
  haechi dataset generate --out big --declarations 5000000 --house-bills 0 --flights 0
  haechi dataset generate --out dirty --format csv --bad-share 0.05 --messages";

/// Arguments of `haechi dataset`.
#[derive(Debug, Args)]
pub struct DatasetArgs {
    #[command(subcommand)]
    command: DatasetCommand,
}

#[derive(Debug, Subcommand)]
enum DatasetCommand {
    /// Generate declarations, consignments, travellers, outcomes and the list of what was planted
    #[command(after_help = EXAMPLE)]
    Generate(GenerateArgs),
}

/// Arguments of `haechi dataset generate`; without any, one day of a busy country.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Another seed, other traffic; the same seed, the same bytes
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// First day
    #[arg(long, value_name = "DATE")]
    day: Option<NaiveDate>,
    /// Days
    #[arg(long)]
    days: Option<u32>,
    /// Declarations, two items each on average
    #[arg(long)]
    declarations: Option<u64>,
    /// House bills
    #[arg(long)]
    house_bills: Option<u64>,
    /// Flights, some 170 travellers each
    #[arg(long)]
    flights: Option<u64>,
    /// Part of the rows to damage; for CSV and NDJSON
    #[arg(long, value_name = "SHARE")]
    bad_share: Option<f64>,
    /// Format of the streams: parquet, csv or ndjson
    #[arg(long, default_value = "parquet", value_parser = format)]
    format: Format,
    /// Write PAXLST and CUSCAR messages too
    #[arg(long)]
    messages: bool,
}

fn format(name: &str) -> Result<Format, String> {
    Format::parse(name).ok_or_else(|| "write parquet, csv or ndjson".to_owned())
}

/// Runs it.
pub fn run(args: &DatasetArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let DatasetCommand::Generate(args) = &args.command;
    let mut spec = Spec::day(args.seed);
    spec.day = args.day.unwrap_or(spec.day);
    spec.days = args.days.unwrap_or(spec.days);
    spec.declarations = args.declarations.unwrap_or(spec.declarations);
    spec.house_bills = args.house_bills.unwrap_or(spec.house_bills);
    spec.flights = args.flights.unwrap_or(spec.flights);
    spec.bad_share = args.bad_share.unwrap_or(spec.bad_share);
    let written = write(&spec, &args.out, args.format)?;
    let messages = args.messages.then(|| write_messages(&spec, &args.out.join("messages"))).transpose()?;
    if out.json {
        let messages = messages.map(|m| {
            serde_json::json!({"flights": m.flights, "travellers": m.travellers, "manifests": m.manifests,
                "consignments": m.consignments})
        });
        out.document(&serde_json::json!({"written": written, "messages": messages}))?;
        return Ok(DONE);
    }
    let rows = written.files.iter().map(|f| vec![f.name.clone(), f.holds.to_owned(), count(f.rows), count(f.damaged)]);
    out.line(table(&["file", "holds", "rows", "damaged"], &[2, 3], rows).to_string())?;
    if let Some(m) = messages {
        out.line(format!(
            "messages: {} passenger lists with {} travellers, {} manifests with {} house bills",
            count(m.flights),
            count(m.travellers),
            count(m.manifests),
            count(m.consignments)
        ))?;
    }
    Ok(DONE)
}
