//! What the shipped packs find of the schemes that the generator plants, and what that costs honest traffic.
//!
//! Subjects come in their order and each is decided on with what was known then, as a stream would: a batch is dated by
//! the newest record in it. A scheme is found where *rules* ask for a lane; what the random arm takes does not count.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, max};
use arrow::datatypes::{DataType, TimestampMillisecondType};
use haechi_datasets::{Scheme, Spec, consignments, declarations, planted, travellers};
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_pipeline::{Decider, Packs};
use haechi_rules::Severity;
use haechi_select::Secret;

use crate::must;

/// Each stream with its pack, when its records come, and the lanes in which nobody looks before the subject goes on: the
/// most lenient one and the one of looking later.
const STREAMS: [(&str, &str, &str, [&str; 2]); 3] = [
    ("declaration", "import", "declared_at", ["release", "post_audit"]),
    ("consignment", "cargo", "manifested_at", ["none", "surveillance"]),
    ("traveller", "traveller", "departure_scheduled_at", ["clear", "clear"]),
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
pub struct Schemes(BTreeMap<(&'static str, Option<Scheme>), Found>);

/// Decides on all subjects of a dataset.
///
/// # Panics
/// Where a pack has errors.
pub fn measure(spec: &Spec) -> Schemes {
    let key: HashMap<(&str, String), Scheme> =
        planted(spec).into_iter().map(|p| ((p.stream, p.subject_id), p.scheme)).collect();
    let mut found: BTreeMap<(&'static str, Option<Scheme>), Found> = BTreeMap::new();
    for (stream, pack, at, nobody_looks) in STREAMS {
        let decider = decider(stream, pack);
        let mut memory = decider.memory();
        let batches: Box<dyn Iterator<Item = RecordBatch>> = match stream {
            "declaration" => Box::new(declarations(spec)),
            "consignment" => Box::new(consignments(spec)),
            _ => Box::new(travellers(spec)),
        };
        for batch in batches {
            let now = newest(&batch, at);
            let told = must(memory.join(must(decider.derive_at(&batch, now))));
            let decided = must(decider.decide_derived(&told, now));
            let selections = &decided.selected.selections;
            let (subjects, lanes) = (text(selections, "subject_id"), text(selections, "requested_lane"));
            for (subject, lane) in subjects.iter().zip(&lanes) {
                let (subject, lane) = (subject.unwrap_or_default(), lane.unwrap_or_default());
                let scheme = key.get(&(stream, subject.to_owned())).copied();
                let of = found.entry((stream, scheme)).or_default();
                of.subjects += 1;
                of.selected += u64::from(lane != nobody_looks[0]);
                of.looked_at += u64::from(!nobody_looks.contains(&lane));
            }
        }
    }
    Schemes(found)
}

/// The shipped pack of a stream, in the zone of the office.
#[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
fn decider(stream: &str, pack: &str) -> Decider {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../rules/packs")).join(pack);
    let packs = Packs::load(&[folder], None, None);
    if let Some(error) = packs.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        panic!("{}", error.message);
    }
    let Some(stream) = Stream::find(stream) else { panic!("no stream `{stream}`") };
    let derive = DeriveContext { zone: must("Asia/Seoul".parse()), ..DeriveContext::default() };
    must(Decider::new(&packs, stream, &Secret::demo(), derive, Options::default()))
}

/// The newest instant of a column, in ms since 1970 UTC.
fn newest(batch: &RecordBatch, column: &str) -> i64 {
    let at = batch.column_by_name(column).and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
    at.and_then(max).unwrap_or_default()
}

fn text(batch: &RecordBatch, column: &str) -> StringArray {
    let column = must(batch.column_by_name(column).ok_or_else(|| format!("no column `{column}`")));
    must(cast(column, &DataType::Utf8)).as_string::<i32>().clone()
}

impl fmt::Display for Schemes {
    /// A row a scheme and stream, and one for all subjects of a stream: subjects, selected, looked at.
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
