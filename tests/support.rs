//! What the tests share: the packs ready to decide, runs into a folder of their own, and reading back what they wrote.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_connectors::{Mapping, ReadOptions};
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::{Decider, Inputs, Manifest, Packs, Progress, RunOptions, RunReport, run};
use haechi_select::Secret;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

const DAY_MS: i64 = 86_400_000;

/// The evening of the generated day, 3 March 2027 at 23:59:59 in Seoul: when decisions are dated.
pub const EVENING_MS: i64 = 20_880 * DAY_MS + 53_999_000;

/// The streams that get selections, each with its shipped pack.
pub const PACKS: [(&str, &str); 3] = [("declaration", "import"), ("consignment", "cargo"), ("traveller", "traveller")];

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file of the public data.
pub fn shared(path: &str) -> PathBuf {
    let default = || repository("../shared");
    let folder = std::env::var_os("HAECHI_SHARED").map_or_else(default, PathBuf::from);
    let found = folder.join("data").join(path);
    assert!(
        found.exists(),
        "`{}` is not there: let HAECHI_SHARED name the folder with the public data",
        found.display()
    );
    found
}

/// A shipped pack, as of the generated day.
pub fn packs(pack: &str) -> Packs {
    Packs::load(&[repository("rules/packs").join(pack)], None, Some((EVENING_MS / DAY_MS) as i32))
}

/// The shipped pack of a stream, ready to decide; made once.
pub fn decider(stream: &str) -> &'static Decider {
    static DECIDERS: [LazyLock<Decider>; 3] =
        [LazyLock::new(|| make(0)), LazyLock::new(|| make(1)), LazyLock::new(|| make(2))];
    fn make(place: usize) -> Decider {
        let (stream, pack) = PACKS[place];
        decider_of(stream, &[repository("rules/packs").join(pack)])
    }
    &DECIDERS[PACKS.iter().position(|(known, _)| *known == stream).unwrap()]
}

/// Rules of a stream, ready to decide on the generated day.
pub fn decider_of(stream: &str, paths: &[PathBuf]) -> Decider {
    let packs = Packs::load(paths, None, None);
    assert!(packs.usable(), "{paths:?} have errors: {:#?}", packs.diagnostics);
    let derive = DeriveContext { now: Some(EVENING_MS), zone: chrono_tz::Asia::Seoul, ..DeriveContext::default() };
    Decider::new(&packs, Stream::find(stream).unwrap(), &Secret::demo(), derive, Options::default()).unwrap()
}

/// Inputs in Seoul time.
pub fn inputs(files: &[&Path], mapping: Option<&Path>, batch_rows: usize) -> Inputs {
    Inputs {
        files: files.iter().map(|file| file.display().to_string()).collect(),
        mapping: mapping.map(|path| Mapping::read(path).unwrap()),
        options: ReadOptions { zone: chrono_tz::Asia::Seoul, batch_rows, ..ReadOptions::default() },
    }
}

/// Rows a batch where a test does not care.
pub const BATCH_ROWS: usize = 16_384;

/// A run that went through.
pub struct Ran {
    pub report: RunReport,
    folder: TempDir,
}

/// Runs files through the shipped pack of a stream.
pub fn ran(stream: &str, inputs: Inputs) -> Ran {
    ran_by(decider(stream), inputs)
}

/// Runs files through these rules.
pub fn ran_by(decider: &Decider, inputs: Inputs) -> Ran {
    ran_with(decider, inputs, Vec::new())
}

/// Runs files through these rules, with facts beside.
pub fn ran_with(decider: &Decider, inputs: Inputs, facts: Vec<(&'static Stream, Inputs)>) -> Ran {
    let folder = TempDir::new().unwrap();
    let manifest = Manifest {
        stream: decider.stream.name.to_owned(),
        facts: Vec::new(),
        rules: Vec::new(),
        inputs: inputs.files.clone(),
        mapping: None,
        zone: "Asia/Seoul".to_owned(),
        decided_at_ms: EVENING_MS,
        ruleset_hash: decider.ruleset.hash.clone(),
    };
    let options = RunOptions { inputs, facts, out: folder.path().to_owned() };
    let report = run(decider, &options, &manifest, &Arc::new(Progress::default())).unwrap();
    Ran { report, folder }
}

impl Ran {
    /// `selections.parquet`.
    pub fn selections(&self) -> Vec<Row> {
        rows(&self.folder.path().join("selections.parquet"))
    }

    /// `hits.parquet`.
    pub fn hits(&self) -> Vec<Row> {
        rows(&self.folder.path().join("hits.parquet"))
    }

    /// `quarantine.ndjson`.
    pub fn quarantine(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.folder.path().join("quarantine.ndjson")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A row read back: text by column, NULL columns left out.
pub type Row = BTreeMap<String, String>;

/// All rows of a Parquet file, in their order.
pub fn rows(path: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    reader.flat_map(|batch| rows_of(&batch.unwrap())).collect()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let options = FormatOptions::default();
    let mut rows = vec![Row::new(); batch.num_rows()];
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let formatter = ArrayFormatter::try_new(array, &options).unwrap();
        let nulls = array.logical_nulls();
        for (row, values) in rows.iter_mut().enumerate() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                values.insert(field.name().clone(), formatter.value(row).to_string());
            }
        }
    }
    rows
}
