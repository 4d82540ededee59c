//! An engine with two rules, and declarations to send it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use haechi_connectors::{Delivery, Stand};
use haechi_evaluate::Options;
use haechi_model::streams::{CONSIGNMENT, DECLARATION};
use haechi_model::{Cell, Intake, StreamBuilder};
use haechi_pipeline::release::{ReleaseContext, RuleSource, RuleWatch};
use haechi_pipeline::stream::{Answer, Engine, EngineOptions};
use haechi_select::Secret;
use haechi_store::{Store, StoreOptions};

/// Worth more than this is examined.
pub const LIMIT: f64 = 1000.0;

/// A folder with rules and a store, and what runs on them.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub engine: Engine,
}

pub fn context() -> ReleaseContext {
    ReleaseContext {
        secret: Secret::demo(),
        zone: chrono_tz::Tz::UTC,
        default_stream: None,
        options: Options::default(),
    }
}

/// Rules that examine what is worth more than `limit` USD, with a test that holds for 1,000 and no other limit.
pub fn write_rules(folder: &Path, limit: f64, test: &str) -> PathBuf {
    let path = folder.join("rules.yaml");
    let rules = format!(
        "rules:\n  - id: r-value\n    title: Worth much\n    stream: declaration\n    owner: desk\n    \
         when: 'customs_value_usd > {limit}'\n    lane: examine\n    instruction: Count them.\n    tests:\n      - {test}\n  \
         - {{id: r-any, title: Has two items, stream: declaration, owner: desk, instruction: Look., when: 'item_no > 1', score: 10}}\n  \
         - {{id: r-alone, title: Has one item, stream: declaration, owner: desk, instruction: Look., when: 'items_in_declaration = 1', score: 0.5}}\n  \
         - {{id: r-shared, title: Shares its box, stream: consignment, owner: desk, instruction: Look., when: 'shared_container', lane: scan}}\n"
    );
    let unfinished = folder.join(".rules.yaml.part");
    std::fs::write(&unfinished, rules).unwrap();
    std::fs::rename(unfinished, &path).unwrap();
    path
}

pub const TEST: &str = "{given: {customs_value_usd: 1000000}, expect: hit}";

pub fn source(folder: &Path) -> RuleSource {
    RuleSource { paths: vec![folder.join("rules.yaml")], committed_only: false, poll: Duration::from_millis(10) }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(EngineOptions::default())
    }

    pub fn with(options: EngineOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_rules(folder.path(), LIMIT, TEST);
        let engine = start(folder.path(), options);
        Self { folder, engine }
    }

    /// On the rules that are in a folder.
    pub fn on(folder: tempfile::TempDir) -> Self {
        let engine = start(folder.path(), EngineOptions::default());
        Self { folder, engine }
    }

    /// Stops, and starts again on the same store.
    pub fn restart(self) -> Self {
        let Self { folder, engine } = self;
        engine.stop();
        drop(engine);
        Self::on(folder)
    }

    pub fn store(&self) -> &Store {
        self.engine.store()
    }

    pub async fn send(&self, declaration: Declaration<'_>) -> Answer {
        self.engine.submit(delivery(&[declaration])).await.unwrap()
    }
}

fn start(folder: &Path, options: EngineOptions) -> Engine {
    let store = Store::open(&folder.join("store"), &StoreOptions::default()).unwrap();
    let watch = RuleWatch::begin(source(folder), context()).unwrap();
    Engine::start(store, watch.live(), &options).unwrap()
}

/// One declaration: id, version if the sender counts, value of each item, message id if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'a> {
    pub id: &'a str,
    pub version: Option<i32>,
    pub values: &'a [f64],
    pub message: Option<&'a str>,
}

pub fn declaration<'a>(id: &'a str, values: &'a [f64]) -> Declaration<'a> {
    Declaration { id, version: None, values, message: None }
}

pub fn rows(declarations: &[Declaration<'_>]) -> RecordBatch {
    let names = ["declaration_id", "item_no", "customs_value_usd", "version", "message_id", "change_kind"];
    let mut builder = StreamBuilder::with_columns(&DECLARATION, &names).unwrap();
    for declaration in declarations {
        for (item, value) in declaration.values.iter().enumerate() {
            let mut set = |name: &str, cell: Cell<'_>| builder.set(builder.index(name).unwrap(), cell).unwrap();
            set("declaration_id", Cell::Text(declaration.id));
            set("item_no", Cell::I32(item as i32 + 1));
            set("customs_value_usd", Cell::F64(*value));
            set("change_kind", Cell::Text("new"));
            if let Some(version) = declaration.version {
                set("version", Cell::I32(version));
            }
            if let Some(message) = declaration.message {
                set("message_id", Cell::Text(message));
            }
            builder.finish_row();
        }
    }
    builder.finish()
}

pub fn delivery(declarations: &[Declaration<'_>]) -> Delivery {
    Delivery::new(&DECLARATION, Intake::rows(rows(declarations)), None)
}

/// Bills of one manifest, each by its id and its consignee, with goods in one container all together.
pub fn bills(bills: &[(&str, &str)]) -> Delivery {
    let options = haechi_connectors::ReadOptions::default();
    let documents = haechi_connectors::Documents::new(&CONSIGNMENT, None, options).unwrap();
    let line = |(id, consignee): &(&str, &str)| {
        format!(
            "{{\"manifest_id\": \"M1\", \"consignment_id\": \"{id}\", \"consignee_name\": \"{consignee}\", \
             \"containers\": [{{\"container_id\": \"MSKU1234565\", \"fill\": \"full\", \"load\": \"LCL\", \
             \"check_digit_ok\": true}}]}}\n"
        )
    };
    let bytes: String = bills.iter().map(line).collect();
    let document = haechi_connectors::Document { source: "bills".into(), position: String::new(), bytes: bytes.into() };
    let mut intakes = documents.message(&document);
    let intake = intakes.next().unwrap();
    assert!(intakes.next().is_none() && intake.set_aside.is_empty(), "{:?}", intake.set_aside);
    Delivery::new(&CONSIGNMENT, intake, None)
}

pub fn standing(delivery: Delivery, of: &str, at: &str) -> Delivery {
    Delivery { stand: Some(Stand { of: of.to_owned(), at: Some(at.to_owned()) }), ..delivery }
}

/// An answer in one line a subject: `outcome id version lane @position`.
pub fn shown(answer: &Answer) -> Vec<String> {
    let subjects = answer.subjects.iter().map(|subject| {
        let selection = subject.selection.as_ref().map_or("-".to_owned(), |(batch, row)| {
            format!(
                "{} v{} {}",
                text(batch, "lane", *row),
                text(batch, "version", *row),
                if subject.superseded { "superseded" } else { "" }
            )
        });
        format!("{} {} v{}: {}", subject.outcome.name(), subject.subject_id, subject.version, selection.trim())
    });
    subjects.chain(answer.set_aside.iter().map(|(_, unit)| format!("set aside: {}", unit.code))).collect()
}

/// The place that names the selection of the first subject of an answer.
pub fn position(answer: &Answer) -> i64 {
    let (batch, row) = answer.subjects[0].selection.as_ref().unwrap();
    batch.column_by_name("position").unwrap().as_primitive::<Int64Type>().value(*row)
}

pub fn text(batch: &RecordBatch, name: &str, row: usize) -> String {
    let plain = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    let plain = plain.as_string::<i32>();
    if plain.is_valid(row) { plain.value(row).to_owned() } else { "NULL".to_owned() }
}

/// Every selection in the store, by position, in the columns that do not depend on when or where.
pub fn selections(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    for decisions in store.decisions(0) {
        let batch = decisions.unwrap().selections;
        for row in 0..batch.num_rows() {
            let columns = ["subject_id", "version", "lane", "score", "rows"].map(|name| text(&batch, name, row));
            all.push(columns.join(" "));
        }
    }
    all
}
