//! `haechi demo`: a generated day through all three streams, and a few selections explained.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type};
use clap::Args;
use haechi_datasets::{Format, Spec, write};
use haechi_pipeline::{Decider, Finding, find_subject};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::commands::run::{self, RunArgs, run_files};
use crate::commands::{DONE, explain};
use crate::error::CommandError;
use crate::output::{Output, count};
use crate::rules;

pub const EXAMPLE: &str = "\
Example:
  haechi demo
  haechi demo --scale 0.1 --out /tmp/demo";

/// Selections explained at the end.
const EXPLAINED: usize = 5;

/// Streams, their files, packs, and how many of the selections explained are theirs if they have as many.
const STREAMS: [(&str, &str, &str, usize); 3] = [
    ("declaration", "declarations.parquet", "import", 2),
    ("consignment", "consignments.parquet", "cargo", 1),
    ("traveller", "travellers.parquet", "traveller", 2),
];

/// Arguments of `haechi demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for the day and its selections
    #[arg(long, default_value = ".demo", value_name = "DIR")]
    out: PathBuf,
    /// Folder that holds the packs import, cargo and traveller
    #[arg(long, default_value = "rules/packs", value_name = "DIR")]
    packs: PathBuf,
    /// Size of the day: 1 is 118,000 declarations, 3,000 house bills, 200 flights
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Another seed, another day
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Runs it.
pub fn run(args: &DemoArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let spec = Spec::day(args.seed).scaled(args.scale);
    let day = args.out.join("day");
    let start = Instant::now();
    write(&spec, &day, Format::Parquet)?;
    if !out.json {
        out.line(format!(
            "A day of border traffic, {}: {} declarations, {} house bills, {} flights (generated in {:.1} s, seed {})\n",
            spec.day,
            count(spec.declarations),
            count(spec.house_bills),
            count(spec.flights),
            start.elapsed().as_secs_f64(),
            spec.seed
        ))?;
    }
    // The day is judged as of its own evening, so that nothing depends on when the demo is run.
    let as_of = spec.day.and_hms_opt(14, 59, 59).map(|t| t.and_utc().timestamp_millis());
    let mut reports = Vec::new();
    let mut deciders = Vec::new();
    let mut chosen: Vec<(usize, String)> = Vec::new();
    let mut spare: Vec<(usize, String)> = Vec::new();
    for (stream, file, pack, examples) in STREAMS {
        let run_args = RunArgs {
            stream: stream.to_owned(),
            rules: vec![args.packs.join(pack)],
            input: vec![day.join(file).display().to_string()],
            mapping: None,
            out: args.out.join(stream),
            zone: "Asia/Seoul".to_owned(),
            as_of,
            batch_rows: None,
        };
        let (report, decider) = run_files(&run_args, out)?;
        if !out.json {
            run::print(&report, &decider, &run_args.out, out)?;
            out.line("")?;
        }
        reports.push(report);
        let mut subjects = notable(&run_args, &decider)?.into_iter().map(|subject| (deciders.len(), subject));
        chosen.extend(subjects.by_ref().take(examples));
        spare.extend(subjects);
        deciders.push((stream, run_args, decider));
    }
    // On a small day one stream may have little to show; the others fill the places.
    chosen.extend(spare.into_iter().take(EXPLAINED.saturating_sub(chosen.len())));
    chosen.sort_by_key(|(stream, _)| *stream);
    let mut explained = Vec::new();
    for (index, subject) in &chosen {
        let (stream, run_args, decider) = &deciders[*index];
        explained.extend(explain_one(run_args, decider, subject)?.map(|finding| (*stream, finding)));
    }
    if out.json {
        let explained: Vec<_> = explained.iter().map(|(_, finding)| finding).collect();
        out.document(&serde_json::json!({"runs": reports, "explained": explained}))?;
        return Ok(DONE);
    }
    out.line(format!("{} selections, explained", explained.len()))?;
    for (stream, finding) in &explained {
        out.line(format!("\n[{stream}] {}", explain::text(finding, None).trim_end()))?;
    }
    out.line(format!("\nMore: haechi explain --in {} SUBJECT [--rule ID]", args.out.join("declaration").display()))?;
    Ok(DONE)
}

/// Subjects to show, the best first: few reasons that a reader understands at a glance, strict lanes, and no two with
/// the same reasons.
fn notable(args: &RunArgs, decider: &Decider) -> Result<Vec<String>, CommandError> {
    let path = args.out.join("selections.parquet");
    let at = |source: std::io::Error| CommandError::File { path: path.clone(), source };
    let unreadable = |e: &dyn std::fmt::Display| CommandError::Bug(format!("cannot read back selections: {e}"));
    let file = std::fs::File::open(&path).map_err(at)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(&e))?;
    let reader = reader.build().map_err(|e| unreadable(&e))?;
    let mut found: Vec<(bool, usize, f64, String, String)> = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(&e))?;
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| unreadable(&"a column is missing"));
        let text = |name: &str| {
            let plain = arrow::compute::cast(column(name)?, &arrow::datatypes::DataType::Utf8);
            plain.map_err(|e| unreadable(&e))
        };
        let (ids, lanes) = (text("subject_id")?, text("lane")?);
        let (ids, lanes) = (ids.as_string::<i32>(), lanes.as_string::<i32>());
        let scores = column("score")?.as_primitive::<Float64Type>();
        let rows = column("rows")?.as_primitive::<Int32Type>();
        let reasons = column("reasons")?.as_list::<i32>();
        for row in 0..batch.num_rows() {
            let names = reasons.value(row);
            let readable = (2..=3).contains(&names.len()) && rows.value(row) <= 3;
            let lane = decider.selector().kind().lane(lanes.value(row));
            if let (false, Some(lane)) = (names.is_empty(), lane)
                && lane.rank() >= 1
            {
                let names: Vec<String> = names.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
                found.push((readable, lane.rank(), scores.value(row), ids.value(row).to_owned(), names.join(" ")));
            }
        }
    }
    found.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(b.2.total_cmp(&a.2)).then_with(|| a.3.cmp(&b.3)));
    let mut seen = std::collections::HashSet::new();
    Ok(found.into_iter().filter(|(.., reasons)| seen.insert(reasons.clone())).take(EXPLAINED).map(|f| f.3).collect())
}

fn explain_one(args: &RunArgs, decider: &Decider, subject: &str) -> Result<Option<Finding>, CommandError> {
    let inputs = rules::inputs(&args.input, None, &args.zone, None)?;
    Ok(find_subject(decider, &inputs, subject, None)?)
}
