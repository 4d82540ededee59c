//! Where a workload comes from: made here, or read from a folder that `benches/peers/workload.py` made, so that the
//! same rows and rules go through this project and through other engines.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use haechi_connectors::{ReadOptions, tabular};
use haechi_model::streams::DECLARATION;

use crate::workload::{COLUMNS, Rule, Text, World};

/// Names the folder of a workload for the benchmarks.
pub const FOLDER_VARIABLE: &str = "HAECHI_WORKLOAD";

/// Rows and rules.
#[derive(Debug)]
pub enum Source {
    /// Made from a seed.
    Made(World),
    /// `declarations.parquet` and `rules.jsonl` of this folder.
    Folder(PathBuf),
}

impl Source {
    /// The folder, or else what seed 7 makes.
    pub fn new(folder: Option<PathBuf>) -> Self {
        folder.map_or_else(|| Self::Made(World::new(7)), Self::Folder)
    }

    /// The folder that `HAECHI_WORKLOAD` names, or else what seed 7 makes.
    pub fn from_environment() -> Self {
        Self::new(std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from))
    }

    /// The first rules.
    ///
    /// Errors: the folder has fewer, or they cannot be read.
    pub fn rules(&self, count: usize) -> Result<Vec<Rule>, Box<dyn Error>> {
        match self {
            Self::Made(world) => Ok(world.rules(count)),
            Self::Folder(folder) => {
                let path = folder.join("rules.jsonl");
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let rules = text.lines().take(count).map(serde_json::from_str).collect::<Result<Vec<Rule>, _>>()?;
                enough(&path, rules.len(), count, "rules")?;
                Ok(rules)
            }
        }
    }

    /// Rows in batches, made or read as they are taken: without end where they are made, else the first `count` of the
    /// folder.
    ///
    /// Errors: the folder has fewer, or they cannot be read.
    pub fn stream(
        &self,
        count: usize,
        batch_rows: usize,
    ) -> Result<Box<dyn Iterator<Item = RecordBatch> + '_>, Box<dyn Error>> {
        Ok(match self {
            Self::Made(world) => {
                let mut rows = world.rows();
                Box::new(std::iter::repeat_with(move || rows.batch(batch_rows)))
            }
            Self::Folder(_) => Box::new(self.batches(count, batch_rows, Text::AsStream)?.into_iter()),
        })
    }

    /// The first `count` rows in batches of `batch_rows`, the last one with what is left.
    ///
    /// Errors: the folder has fewer, or they cannot be read.
    pub fn batches(&self, count: usize, batch_rows: usize, text: Text) -> Result<Vec<RecordBatch>, Box<dyn Error>> {
        let sizes = (0..count.div_ceil(batch_rows)).map(|n| batch_rows.min(count - n * batch_rows));
        let batches: Vec<RecordBatch> = match self {
            Self::Made(world) => {
                let mut rows = world.rows();
                sizes.map(|size| rows.batch(size)).collect()
            }
            Self::Folder(folder) => {
                let read = read(&folder.join("declarations.parquet"), count)?;
                sizes.enumerate().map(|(n, size)| read.slice(n * batch_rows, size)).collect()
            }
        };
        Ok(batches.iter().map(|batch| text.of(batch)).collect::<Result<_, _>>()?)
    }
}

/// The first rows of a file, by the readers that runs use.
fn read(path: &Path, count: usize) -> Result<RecordBatch, Box<dyn Error>> {
    let files = [path.display().to_string()];
    let mut batches = Vec::new();
    let mut rows = 0;
    for intake in tabular::open(&files, &DECLARATION, None, &ReadOptions::default(), Some(&COLUMNS))? {
        let batch = intake?.batch;
        rows += batch.num_rows();
        batches.push(Text::Plain.of(&batch)?);
        if rows >= count {
            break;
        }
    }
    enough(path, rows, count, "rows")?;
    let schema = batches.first().ok_or("no rows")?.schema();
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}

fn enough(path: &Path, found: usize, wanted: usize, what: &str) -> Result<(), String> {
    if found >= wanted { Ok(()) } else { Err(format!("{} has {found} {what}, not {wanted}", path.display())) }
}
