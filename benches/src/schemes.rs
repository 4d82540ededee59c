//! What the shipped packs find of the schemes that the generator plants, and what that costs honest traffic.
//!
//! Twice: with nothing but the subjects as they come, and then with what officers found beside. Officers inspect what was
//! to be looked at in the first run, by rules or by chance, and know of nothing else; an outcome is known from when they
//! inspected. A scheme is found where *rules* ask for a lane; what the random arm takes does not count.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use haechi_connectors::ReadOptions;
use haechi_datasets::{Format, Scheme, Spec, planted, write};
use haechi_evaluate::Options;
use haechi_model::derive::DeriveContext;
use haechi_model::{Stream, conform};
use haechi_pipeline::{Decider, Inputs, Manifest, Packs, Progress, RunOptions, run};
use haechi_rules::Severity;
use haechi_select::Secret;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{AS_OF, must};

/// Each stream with its pack, and the lanes in which nobody looks before the subject goes on: the most lenient one and
/// the one of looking later.
const STREAMS: [(&str, &str, [&str; 2]); 3] = [
    ("declaration", "import", ["release", "post_audit"]),
    ("consignment", "cargo", ["none", "surveillance"]),
    ("traveller", "traveller", ["clear", "clear"]),
];

/// What became of some subjects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// How many there are.
    pub subjects: u64,
    /// In another lane than the most lenient, asked for by rules.
    pub selected: u64,
    /// In a lane in which an officer looks before the subject goes on, asked for by rules.
    pub looked_at: u64,
}

/// By stream and scheme, `None` for honest subjects.
#[derive(Default)]
pub struct Schemes(BTreeMap<(&'static str, Option<Scheme>), Found>);

/// Which planted scheme a subject of a stream belongs to.
type Key = HashMap<(&'static str, String), Scheme>;

/// Decides on all subjects of a dataset: without outcomes, and with those of what was looked at then.
///
/// # Panics
/// Where a pack has errors, or a file cannot be written.
pub fn measure(spec: &Spec) -> [Schemes; 2] {
    let folder = must(tempfile::tempdir());
    must(write(spec, folder.path(), Format::Parquet));
    let key: Key = planted(spec).into_iter().map(|p| ((p.stream, p.subject_id), p.scheme)).collect();
    let (mut without, mut with) = (Schemes::default(), Schemes::default());
    let mut inspected = HashSet::new();
    for (stream, pack, _) in STREAMS {
        for selections in selections(folder.path(), stream, &[pack], None) {
            without.count(stream, &selections, &key);
            let (subjects, lanes) = (text(&selections, "subject_id"), text(&selections, "lane"));
            let taken = subjects.iter().zip(&lanes).filter(|(_, lane)| looked_at(stream, lane.unwrap_or_default()));
            inspected.extend(taken.filter_map(|(subject, _)| Some((stream.to_owned(), subject?.to_owned()))));
        }
    }
    let outcomes = folder.path().join("inspected.parquet");
    keep(&folder.path().join("outcomes.parquet"), &outcomes, &inspected);
    for (stream, pack, _) in STREAMS {
        for selections in selections(folder.path(), stream, &[pack, "findings"], Some(&outcomes)) {
            with.count(stream, &selections, &key);
        }
    }
    [without, with]
}

/// The pack `import`, and so many rows of a day's declarations, each declaration in a batch of its own.
pub fn one_by_one(rows: usize) -> Result<(Decider, Vec<RecordBatch>), Box<dyn Error>> {
    let spec = Spec { declarations: rows as u64, house_bills: 0, flights: 0, ..Spec::day(7) };
    let folder = tempfile::tempdir()?;
    write(&spec, folder.path(), Format::Parquet)?;
    let mut declarations = Vec::new();
    let mut left = rows;
    let stream = Stream::find("declaration").ok_or("no such stream")?;
    for batch in batches(&folder.path().join("declarations.parquet")) {
        let batch = plain(&batch)?;
        let ids = text(&batch, "declaration_id");
        let mut begin = 0;
        while begin < ids.len() && left > 0 {
            let end = (begin + 1..ids.len()).find(|row| ids.value(*row) != ids.value(begin)).unwrap_or(ids.len());
            declarations.push(conform(stream, batch.slice(begin, end - begin))?);
            left = left.saturating_sub(end - begin);
            begin = end;
        }
    }
    Ok((decider("declaration", &["import"]), declarations))
}

/// The batch with texts that stand there, so that a part of it does not carry the dictionaries of the whole.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let plain = |column: &ArrayRef| match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        _ => Ok(Arc::clone(column)),
    };
    let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let names = batch.schema();
    RecordBatch::try_from_iter(names.fields().iter().map(|field| field.name()).zip(columns))
}

/// Whether an officer looks before the subject goes on.
fn looked_at(stream: &str, lane: &str) -> bool {
    STREAMS.iter().any(|(of, _, nobody_looks)| *of == stream && !nobody_looks.contains(&lane))
}

/// The selections of a stream by these packs.
fn selections(
    dataset: &Path,
    stream: &'static str,
    packs: &[&str],
    outcomes: Option<&PathBuf>,
) -> impl Iterator<Item = RecordBatch> + use<> {
    let decider = decider(stream, packs);
    let out = dataset.join(format!("{stream}-{}", packs.len()));
    let options = RunOptions {
        inputs: inputs(&dataset.join(format!("{stream}s.parquet"))),
        facts: outcomes.into_iter().filter_map(|path| Some((Stream::find("outcome")?, inputs(path)))).collect(),
        out: out.clone(),
    };
    let manifest = Manifest {
        stream: stream.to_owned(),
        rules: Vec::new(),
        inputs: options.inputs.files.clone(),
        facts: Vec::new(),
        mapping: None,
        zone: "Asia/Seoul".to_owned(),
        decided_at_ms: AS_OF,
        ruleset_hash: decider.ruleset.hash.clone(),
    };
    must(run(&decider, &options, &manifest, &Arc::new(Progress::default())));
    batches(&out.join("selections.parquet"))
}

fn decider(stream: &str, packs: &[&str]) -> Decider {
    let shipped = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs"));
    let folders: Vec<PathBuf> = packs.iter().map(|pack| shipped.join(pack)).collect();
    let packs = Packs::load(&folders, None, None);
    let error = packs.diagnostics.iter().find(|d| d.severity == Severity::Error);
    must(error.map_or(Ok(()), |error| Err(&error.message)));
    let stream = must(Stream::find(stream).ok_or("no such stream"));
    let derive = DeriveContext { now: Some(AS_OF), zone: must("Asia/Seoul".parse()), ..DeriveContext::default() };
    must(Decider::new(&packs, stream, &Secret::demo(), derive, Options::default()))
}

fn inputs(file: &Path) -> Inputs {
    let options = ReadOptions { zone: must("Asia/Seoul".parse()), ..ReadOptions::default() };
    Inputs { files: vec![file.display().to_string()], mapping: None, options }
}

/// The outcomes of these subjects, by kind and id, in a file of their own.
fn keep(from: &Path, to: &Path, inspected: &HashSet<(String, String)>) {
    let mut writer = None;
    for batch in batches(from) {
        let (kinds, subjects) = (text(&batch, "subject_kind"), text(&batch, "subject_id"));
        let subject = |(kind, id): (Option<&str>, Option<&str>)| {
            inspected.contains(&(kind.unwrap_or_default().to_owned(), id.unwrap_or_default().to_owned()))
        };
        let kept: BooleanArray = kinds.iter().zip(&subjects).map(|pair| Some(subject(pair))).collect();
        let kept = must(filter_record_batch(&batch, &kept));
        let new = || must(ArrowWriter::try_new(must(File::create(to)), batch.schema(), None));
        must(writer.get_or_insert_with(new).write(&kept));
    }
    must(writer.ok_or("no outcomes").map(|writer: ArrowWriter<File>| must(writer.close())));
}

fn batches(path: &Path) -> impl Iterator<Item = RecordBatch> + use<> {
    must(must(ParquetRecordBatchReaderBuilder::try_new(must(File::open(path)))).build()).map(must)
}

fn text(batch: &RecordBatch, column: &str) -> StringArray {
    let column = must(batch.column_by_name(column).ok_or_else(|| format!("no column `{column}`")));
    must(cast(column, &DataType::Utf8)).as_string::<i32>().clone()
}

impl Schemes {
    fn count(&mut self, stream: &'static str, selections: &RecordBatch, key: &Key) {
        let (subjects, lanes) = (text(selections, "subject_id"), text(selections, "requested_lane"));
        for (subject, lane) in subjects.iter().zip(&lanes) {
            let (subject, lane) = (subject.unwrap_or_default(), lane.unwrap_or_default());
            let of = self.0.entry((stream, key.get(&(stream, subject.to_owned())).copied())).or_default();
            of.subjects += 1;
            of.selected += u64::from(!STREAMS.iter().any(|(of, _, lanes)| *of == stream && lanes[0] == lane));
            of.looked_at += u64::from(looked_at(stream, lane));
        }
    }
}

impl fmt::Display for Schemes {
    /// A row a scheme and stream, and one for all subjects of a stream.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| stream | scheme | subjects | selected by rules | looked at before release |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        let mut line = |stream: &str, scheme: &str, found: &Found| {
            let percent = |part: u64| 100.0 * part as f64 / found.subjects.max(1) as f64;
            let (selected, looked_at) = (percent(found.selected), percent(found.looked_at));
            writeln!(f, "| {stream} | {scheme} | {} | {selected:.2} % | {looked_at:.2} % |", found.subjects)
        };
        for (stream, ..) in STREAMS {
            let mut all = Found::default();
            for ((_, scheme), found) in self.0.iter().filter(|((of, _), _)| *of == stream) {
                all.subjects += found.subjects;
                all.selected += found.selected;
                all.looked_at += found.looked_at;
                let name = scheme.map_or("honest".to_owned(), |scheme| format!("{scheme:?}"));
                line(stream, &name, found)?;
            }
            line(stream, "all", &all)?;
        }
        Ok(())
    }
}
