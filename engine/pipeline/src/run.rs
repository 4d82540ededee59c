//! `run`: files of one stream in, `selections.parquet`, `hits.parquet` and `quarantine.ndjson` out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use haechi_connectors::sinks::parquet::SinkError;
use haechi_model::intake::SetAside;
use haechi_model::{Intake, Lane, Stream};
use serde::{Deserialize, Serialize};

use crate::decide::{DecideError, Decider};
use crate::input::{Inputs, Progress, ReadAhead, ReadFailure};
use crate::memory::{Memory, Timeline};
use crate::outputs::{MANIFEST, Output, OutputFiles};

/// Decided batches waiting to be written.
const BEHIND: usize = 2;

/// What to run besides the rules.
#[derive(Debug)]
pub struct RunOptions {
    /// What to read.
    pub inputs: Inputs,
    /// Files of facts, by stream: what features are made of beside the inputs.
    pub facts: Vec<(&'static Stream, Inputs)>,
    /// Where the files go; made if missing.
    pub out: PathBuf,
}

/// Where the time went. Reading and writing run beside evaluating and selecting.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Reading and decoding.
    pub read: f64,
    /// Deriving columns and evaluating rules.
    pub evaluate: f64,
    /// Selecting lanes.
    pub select: f64,
    /// Writing files.
    pub write: f64,
    /// From start to end.
    pub total: f64,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The stream.
    pub stream: &'static str,
    /// Rows decided.
    pub rows: u64,
    /// Subjects decided: one selection each.
    pub subjects: u64,
    /// Subjects by lane, the most lenient first.
    pub lanes: serde_json::Map<String, serde_json::Value>,
    /// Hits of all rules.
    pub hits: u64,
    /// Units set aside, each with its reason in `quarantine.ndjson`.
    pub set_aside: u64,
    /// Subjects that the random arm took.
    pub random: u64,
    /// Subjects that a trusted-trader rule lowered.
    pub lowered: u64,
    /// Warnings of readers, by code.
    pub warnings: BTreeMap<String, u64>,
    /// Units set aside, by reason code.
    pub set_aside_reasons: BTreeMap<String, u64>,
    /// Hits by rule, most first, rules without hits left out.
    pub rules: Vec<(String, u64)>,
    /// Where the time went.
    pub seconds: Seconds,
}

/// What was run, kept beside its output so that it can be explained later.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The stream.
    pub stream: String,
    /// Rule packs, as absolute paths.
    pub rules: Vec<PathBuf>,
    /// Inputs, as absolute paths or globs.
    pub inputs: Vec<String>,
    /// Files of facts, `stream=path`.
    #[serde(default)]
    pub facts: Vec<String>,
    /// The mapping file.
    pub mapping: Option<PathBuf>,
    /// Zone of wall times without one.
    pub zone: String,
    /// The instant the decisions are dated, in ms since 1970 UTC.
    pub decided_at_ms: i64,
    /// Content hash of the rules.
    pub ruleset_hash: String,
}

impl Manifest {
    /// The manifest in an output folder.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|source| RunError::File { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| RunError::Manifest { path, source })
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), RunError> {
        let path = folder.join(MANIFEST);
        let text =
            serde_json::to_string_pretty(self).map_err(|source| RunError::Manifest { path: path.clone(), source })?;
        fs::write(&path, text).map_err(|source| RunError::File { path, source })
    }
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadFailure),
    /// A batch could not be decided.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] SinkError),
    /// A file could not be opened, made or renamed.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `run.json` is not what a run writes.
    #[error("`{}` is not the manifest of a run: {source}", .path.display())]
    Manifest {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The writing thread ended without saying why.
    #[error("writing stopped unexpectedly; this is a bug")]
    WriterDied,
}

/// Runs files of one stream through the whole path. Where it fails, the output folder is as it was before, but for
/// files that end in `.unfinished`.
pub fn run(
    decider: &Decider,
    options: &RunOptions,
    manifest: &Manifest,
    progress: &Arc<Progress>,
) -> Result<RunReport, RunError> {
    let start = Instant::now();
    let (facts, facts_set_aside) = Timeline::read(decider.memory_plan(), &options.facts)?;
    let mut memory = decider.memory_with(facts)?;
    let mut reader = ReadAhead::start(&options.inputs, decider.stream, decider.columns(), progress)?;
    let files = OutputFiles::create(&options.out)?;
    let (to_writer, outputs) = sync_channel(BEHIND);
    let writer = std::thread::spawn(move || write_all(files, &outputs));
    let mut tally = Tally::new(decider);
    tally.set_aside(&facts_set_aside);
    // The writer takes it, or has failed and says so itself.
    let _ = to_writer.send(Output::SetAside(facts_set_aside));
    let decided = decide_all(decider, &mut memory, &mut reader, &to_writer, &mut tally, progress);
    drop(to_writer);
    // What failed first is the reason: a writer that stopped makes the decisions stop too.
    let (files, mut write) = writer.join().map_err(|_| RunError::WriterDied)??;
    decided?;
    let read = reader.finish()?;
    let closing = Instant::now();
    files.commit(manifest)?;
    write += closing.elapsed().as_secs_f64();
    let mut report = tally.report(decider);
    report.seconds.read = read;
    report.seconds.write = write;
    report.seconds.total = start.elapsed().as_secs_f64();
    Ok(report)
}

fn decide_all(
    decider: &Decider,
    memory: &mut Memory,
    reader: &mut ReadAhead,
    to_writer: &SyncSender<Output>,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<(), RunError> {
    for intake in reader {
        let intake = intake?;
        tally.read(&intake);
        let decided = decider.decide(&intake.batch, memory)?;
        progress.rows.fetch_add(decided.rows as u64, Ordering::Relaxed);
        tally.decided(&decided);
        if !intake.set_aside.is_empty() && to_writer.send(Output::SetAside(intake.set_aside)).is_err() {
            return Err(RunError::WriterDied);
        }
        let output = Output::Decided { selections: decided.selected.selections, hits: decided.hits };
        if to_writer.send(output).is_err() {
            return Err(RunError::WriterDied);
        }
    }
    Ok(())
}

/// Writes what comes, until nothing more does; gives back the files, not yet under their names, and the seconds spent.
fn write_all(mut files: OutputFiles, outputs: &Receiver<Output>) -> Result<(OutputFiles, f64), RunError> {
    let mut busy = 0.0;
    for output in outputs {
        let start = Instant::now();
        files.write(&output)?;
        busy += start.elapsed().as_secs_f64();
    }
    Ok((files, busy))
}

/// Counts of a run as it goes.
struct Tally {
    rows: u64,
    subjects: u64,
    hits: u64,
    set_aside: u64,
    random: u64,
    lowered: u64,
    lanes: BTreeMap<usize, u64>,
    per_rule: Vec<u64>,
    warnings: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    seconds: Seconds,
}

impl Tally {
    fn new(decider: &Decider) -> Self {
        Self {
            rows: 0,
            subjects: 0,
            hits: 0,
            set_aside: 0,
            random: 0,
            lowered: 0,
            lanes: BTreeMap::new(),
            per_rule: vec![0; decider.ruleset.rules.len()],
            warnings: BTreeMap::new(),
            reasons: BTreeMap::new(),
            seconds: Seconds::default(),
        }
    }

    fn set_aside(&mut self, units: &[SetAside]) {
        self.set_aside += units.len() as u64;
        for unit in units {
            *self.reasons.entry(unit.code.to_owned()).or_default() += 1;
        }
    }

    fn read(&mut self, intake: &Intake) {
        self.set_aside(&intake.set_aside);
        for warning in &intake.warnings {
            *self.warnings.entry(warning.code.to_owned()).or_default() += 1;
        }
    }

    fn decided(&mut self, decided: &crate::decide::Decided) {
        let counts = &decided.selected.counts;
        self.rows += decided.rows as u64;
        self.subjects += counts.subjects();
        self.hits += decided.row_hits.len() as u64;
        self.random += counts.random;
        self.lowered += counts.lowered;
        for (lane, count) in counts.lanes() {
            *self.lanes.entry(lane.rank()).or_default() += count;
        }
        decided.row_hits.count_into(&mut self.per_rule);
        self.seconds.evaluate += decided.seconds.0;
        self.seconds.select += decided.seconds.1;
    }

    fn report(self, decider: &Decider) -> RunReport {
        let lanes = decider.selector().kind().all_lanes();
        let lane = |lane: Lane| (lane.name().to_owned(), self.lanes.get(&lane.rank()).copied().unwrap_or(0).into());
        let mut rules: Vec<(String, u64)> = decider
            .ruleset
            .rules
            .iter()
            .zip(&self.per_rule)
            .filter(|(_, count)| **count > 0)
            .map(|(rule, count)| (rule.id.clone(), *count))
            .collect();
        rules.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        RunReport {
            stream: decider.stream.name,
            rows: self.rows,
            subjects: self.subjects,
            lanes: lanes.map(lane).collect(),
            hits: self.hits,
            set_aside: self.set_aside,
            random: self.random,
            lowered: self.lowered,
            warnings: self.warnings,
            set_aside_reasons: self.reasons,
            rules,
            seconds: self.seconds,
        }
    }
}
