//! Features over time while the stream runs: what each record is told, whatever the cuts, restarts and changes of rules.

use std::path::Path;
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use haechi_connectors::Delivery;
use haechi_model::streams::{DECLARATION, OUTCOME};
use haechi_model::{Cell, Intake, Stream, StreamBuilder};
use haechi_pipeline::release::{Release, RuleSource, RuleWatch};
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::{Engine, EngineOptions, FeatureAudit, audit_features};
use haechi_store::{Store, StoreOptions};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::support::{context, shown, text};

const IMPORTER: &str = "\
entity: importer
keys: {declaration: importer_id, outcome: declaration.importer_id}
features:
  - {name: declarations_90d, stream: declaration, aggregate: count, window: 90d}
  - {name: value_90d, stream: declaration, aggregate: sum, of: customs_value_usd, window: 90d}
  - {name: found_365d, stream: outcome, aggregate: share, of: severity >= 2, window: 365d}
";
const ORIGIN: &str = "\
entity: origin
keys: {declaration: origin_country, outcome: declaration.origin_country}
features:
  - {name: items_24h, stream: declaration, aggregate: count, each: item, window: 24h}
  - {name: outcomes, stream: outcome, aggregate: count, window: all}
";
const NAMES: [&str; 5] =
    ["importer.declarations_90d", "importer.value_90d", "importer.found_365d", "origin.items_24h", "origin.outcomes"];

/// A pack that asks for everything.
fn write_pack(folder: &Path, profiles: &[(&str, &str)], names: &[&str]) {
    let pack = folder.join("pack");
    std::fs::create_dir_all(pack.join("profiles")).unwrap();
    for (name, text) in profiles {
        std::fs::write(pack.join("profiles").join(name), text).unwrap();
    }
    let rule = |(i, name): (usize, &&str)| {
        format!(
            "  - {{id: r{i}, title: T, stream: declaration, owner: d, instruction: L., when: '{name} > 0', score: 1}}\n"
        )
    };
    let rules: String = names.iter().enumerate().map(rule).collect();
    let unfinished = pack.join(".rules.yaml.part");
    std::fs::write(&unfinished, format!("rules:\n{rules}")).unwrap();
    std::fs::rename(unfinished, pack.join("rules.yaml")).unwrap();
}

fn source(folder: &Path) -> RuleSource {
    RuleSource { paths: vec![folder.join("pack")], committed_only: false, poll: Duration::from_millis(10) }
}

/// So that entities go to the store and are read from there, in so short a stream too.
const OPTIONS: EngineOptions = EngineOptions { block_rows: 16_384, waiting_rows: 65_536, features_behind: 5 };

fn start(folder: &Path) -> Engine {
    let store = Store::open(&folder.join("store"), &StoreOptions::default()).unwrap();
    let watch = RuleWatch::begin(source(folder), context()).unwrap();
    Engine::start(store, watch.live(), &OPTIONS).unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_pack(folder.path(), &[("importer.yaml", IMPORTER), ("origin.yaml", ORIGIN)], &NAMES);
    folder
}

/// Something that is sent.
#[derive(Clone, Debug)]
enum Sent {
    /// Id, importer, origin of each item, value of each, hour.
    Declaration { id: String, importer: &'static str, origins: Vec<&'static str>, value: f64, hour: i64 },
    /// Id, the declaration inspected, severity.
    Outcome { id: String, of: String, severity: i32 },
}

fn declared(id: &str, importer: &'static str, value: f64, hour: i64) -> Sent {
    Sent::Declaration { id: id.to_owned(), importer, origins: vec!["CN"], value, hour }
}

fn found(id: &str, of: &str, severity: i32) -> Sent {
    Sent::Outcome { id: id.to_owned(), of: of.to_owned(), severity }
}

const HOUR_MS: i64 = 3_600_000;
const MONDAY_MS: i64 = 1_780_272_000_000;

impl Sent {
    fn stream(&self) -> &'static Stream {
        match self {
            Self::Declaration { .. } => &DECLARATION,
            Self::Outcome { .. } => &OUTCOME,
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Declaration { id, .. } | Self::Outcome { id, .. } => id,
        }
    }

    fn rows(&self) -> RecordBatch {
        match self {
            Self::Declaration { id, importer, origins, value, hour } => {
                let item = |(item, origin): (usize, &&'static str)| {
                    one_row(
                        &DECLARATION,
                        &[
                            ("declaration_id", Cell::Text(id)),
                            ("item_no", Cell::I32(item as i32 + 1)),
                            ("importer_id", Cell::Text(importer)),
                            ("origin_country", Cell::Text(origin)),
                            ("customs_value_usd", Cell::F64(*value)),
                            ("declared_at", Cell::Ts(MONDAY_MS + hour * HOUR_MS)),
                        ],
                    )
                };
                let items: Vec<RecordBatch> = origins.iter().enumerate().map(item).collect();
                concat_batches(&items[0].schema(), &items).unwrap()
            }
            Self::Outcome { id, of, severity } => one_row(
                &OUTCOME,
                &[
                    ("outcome_id", Cell::Text(id)),
                    ("subject_kind", Cell::Text("declaration")),
                    ("subject_id", Cell::Text(of)),
                    ("severity", Cell::I32(*severity)),
                    ("inspected_at", Cell::Ts(MONDAY_MS)),
                ],
            ),
        }
    }
}

fn one_row(stream: &'static Stream, cells: &[(&str, Cell<'_>)]) -> RecordBatch {
    let names: Vec<&str> = cells.iter().map(|(name, _)| *name).collect();
    let mut builder = StreamBuilder::with_columns(stream, &names).unwrap();
    for (name, cell) in cells {
        builder.set(builder.index(name).unwrap(), cell.clone()).unwrap();
    }
    builder.finish_row();
    builder.finish()
}

async fn send(engine: &Engine, sent: &[Sent]) -> Vec<String> {
    // One delivery for each run of one stream; neighbours of one id would be items of one declaration.
    let mut shown_all = Vec::new();
    for run in sent.chunk_by(|a, b| a.stream() == b.stream() && a.id() != b.id()) {
        let rows: Vec<RecordBatch> = run.iter().map(Sent::rows).collect();
        let rows = concat_batches(&rows[0].schema(), &rows).unwrap();
        let delivery = Delivery::new(run[0].stream(), Intake::rows(rows), None);
        shown_all.extend(shown(&engine.submit(delivery).await.unwrap()));
    }
    shown_all
}

/// What was told of each item in the journal: `id item: a feature each`.
fn told(store: &Store, names: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for entry in store.entries(1) {
        let entry = entry.unwrap();
        if entry.stream != &DECLARATION || store.decided(entry.first).unwrap().is_none() {
            continue;
        }
        let rows = entry.decode().unwrap();
        for row in 0..rows.num_rows() {
            let features = names.iter().map(|name| match rows.column_by_name(name) {
                Some(column) if column.is_valid(row) => text(&rows, name, row),
                _ => "-".to_owned(),
            });
            let features: Vec<String> = features.collect();
            let of = format!("{} {}", text(&rows, "declaration_id", row), text(&rows, "item_no", row));
            told.push(format!("{of}: {}", features.join(" ")));
        }
    }
    told
}

fn all_the_same_again(store: &Store) {
    let mut replayer = Replayer::new(store.clone(), context());
    for entry in store.entries(1) {
        if let Some(replayed) = replayer.entry(&entry.unwrap()).unwrap() {
            assert!(replayed.same(), "{:?}", replayed.differing());
        }
    }
}

/// What stands in the journal and is kept of entities, against what the journal leads to.
fn audited(store: &Store) -> FeatureAudit {
    let (_, kept) = store.release_at(store.next_position()).unwrap().unwrap();
    audit_features(store, &Release::restore(&kept, &context()).unwrap(), 0).unwrap()
}

#[tokio::test]
async fn each_record_is_told_what_counted_before_it() {
    let folder = folder();
    let engine = start(folder.path());
    let sent = [
        declared("A", "I1", 100.0, 0),
        declared("B", "I1", 10.0, 1),
        declared("C", "I2", 1.0, 2),
        // Sent again, and amended: another value, then another importer.
        declared("B", "I1", 10.0, 1),
        declared("B", "I1", 20.0, 1),
        declared("B", "I2", 20.0, 1),
        declared("D", "I1", 5.0, 3),
        declared("E", "I2", 5.0, 4),
    ];
    for one in &sent {
        send(&engine, std::slice::from_ref(one)).await;
    }
    let expected = [
        "A 1: 0 0.0 - 0 0",
        "B 1: 1 100.0 - 1 0",
        "C 1: 0 0.0 - 2 0",
        "B 1: 1 100.0 - 1 0",
        "B 1: 1 1.0 - 1 0",
        "D 1: 1 100.0 - 3 0",
        "E 1: 2 21.0 - 4 0",
    ];
    assert_eq!(told(engine.store(), &NAMES), expected);
    all_the_same_again(engine.store());
    engine.stop();

    // All at once it is the same.
    let at_once = self::folder();
    let engine = start(at_once.path());
    send(&engine, &sent).await;
    assert_eq!(told(engine.store(), &NAMES), expected);
    all_the_same_again(engine.store());
    engine.stop();
}

#[tokio::test]
async fn an_outcome_counts_from_when_it_is_known_once_and_as_it_was_corrected_last() {
    let folder = folder();
    let engine = start(folder.path());
    let sent = [
        declared("A", "I1", 1.0, 0),
        declared("B", "I1", 1.0, 1),
        // Inspected before B was declared, and not known then.
        found("O1", "A", 3),
        declared("C", "I1", 1.0, 2),
        // Sent again; of nobody that is known.
        found("O1", "A", 3),
        found("O2", "Z", 3),
        declared("D", "I1", 1.0, 3),
        found("O3", "B", 0),
        declared("E", "I1", 1.0, 4),
        // The importer of A was another, but O1 was found with I1; then O1 is corrected, and is about I2 now.
        declared("A", "I2", 1.0, 0),
        declared("F", "I1", 1.0, 5),
        found("O1", "A", 0),
        declared("G", "I1", 1.0, 6),
        declared("H", "I2", 1.0, 7),
    ];
    for one in &sent {
        send(&engine, std::slice::from_ref(one)).await;
    }
    let rates: Vec<String> = told(engine.store(), &["importer.found_365d", "origin.outcomes"]);
    let expected = [
        "A 1: - 0",
        "B 1: - 0",
        "C 1: 1.0 1",
        "D 1: 1.0 1",
        "E 1: 0.5 2",
        "A 1: - 2",
        "F 1: 0.5 2",
        "G 1: 0.0 2",
        "H 1: 0.0 2",
    ];
    assert_eq!(rates, expected);
    all_the_same_again(engine.store());
    engine.stop();
}

#[tokio::test]
async fn a_feature_that_is_new_is_filled_from_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    write_pack(folder.path(), &[("importer.yaml", IMPORTER)], &NAMES[..3]);
    let store = Store::open(&folder.path().join("store"), &StoreOptions::default()).unwrap();
    let watch = RuleWatch::begin(source(folder.path()), context()).unwrap();
    let live = watch.live();
    let engine = Engine::start(store.clone(), live.clone(), &OPTIONS).unwrap();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch.run(stop.clone()));
    send(&engine, &[declared("A", "I1", 1.0, 0), declared("B", "I1", 1.0, 0), found("O1", "A", 3)]).await;

    write_pack(folder.path(), &[("importer.yaml", IMPORTER), ("origin.yaml", ORIGIN)], &NAMES);
    tokio::time::timeout(Duration::from_secs(30), async {
        while live.current().generation < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    tokio::time::timeout(Duration::from_secs(30), async {
        // Others than those that are looked at: with each block the engine takes over what has been filled.
        for n in 0.. {
            let id = format!("W{n}");
            let origins = vec!["KR"];
            send(&engine, &[Sent::Declaration { id, importer: "I9", origins, value: 1.0, hour: 0 }]).await;
            if engine.entities().unwrap().iter().all(|entity| entity.usable) {
                return;
            }
        }
    })
    .await
    .unwrap();
    send(&engine, &[declared("C", "I1", 1.0, 0)]).await;
    let told = told(&store, &NAMES);
    assert_eq!(told.last().unwrap(), "C 1: 2 2.0 1.0 2 1");
    assert_eq!(told[2], "W0 1: 0 0.0 - - -", "what is not known is not told as nothing");
    let origin = engine.entities().unwrap().into_iter().find(|entity| entity.entity == "origin").unwrap();
    assert!(origin.usable_from.is_some_and(|from| from > 3), "{origin:?}");
    all_the_same_again(&store);
    stop.cancel();
    watching.await.unwrap();
    engine.stop();
}

/// Stops, has what lies before a position forgotten as an archiver does, and says where the journal begins then.
fn stop_and_forget(folder: &Path, engine: Engine, before: u64) -> u64 {
    engine.stop();
    drop(engine);
    let store = Store::open(&folder.join("store"), &StoreOptions::default()).unwrap();
    store.forget_before(before).unwrap();
    store.entries(1).next().unwrap().unwrap().first
}

/// How far back each kind of entity reaches.
fn reach_back(engine: &Engine) -> Vec<Option<u64>> {
    engine.entities().unwrap().iter().map(|of| of.reaches_back.map(|from| from.position)).collect()
}

/// Sends others until everything is told.
async fn until_usable(engine: &Engine) {
    let filled = async {
        for n in 0.. {
            send(engine, &[declared(&format!("W{n}"), "I9", 1.0, 0)]).await;
            if engine.entities().unwrap().iter().all(|entity| entity.usable) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), filled).await.unwrap();
}

#[tokio::test]
async fn what_was_forgotten_of_the_journal_is_told_and_no_state_goes_on_over_the_gap() {
    let folder = folder();
    let engine = start(folder.path());
    for n in 0..30 {
        send(&engine, &[declared(&format!("D{n}"), if n % 3 == 0 { "I2" } else { "I1" }, 1.0, 0)]).await;
    }
    assert_eq!(reach_back(&engine), [None, None]);
    assert_eq!(engine.forgotten_before().unwrap(), None);
    // What the store has of importers ends before what is left of the journal. The one country changed with every record
    // and is there up to the end.
    let begins = stop_and_forget(folder.path(), engine, 30);
    assert_eq!(begins, 30);
    let engine = start(folder.path());
    assert_eq!(reach_back(&engine), [Some(30), None]);
    assert_eq!(engine.forgotten_before().unwrap().map(|from| from.position), Some(30));
    send(&engine, &[declared("X", "I1", 1.0, 0), declared("Y", "I2", 1.0, 0)]).await;
    // Of I1 only D29 is known. I2 came last with D27, and what the store has of it is newer than that: nothing is missing.
    assert_eq!(told(engine.store(), &NAMES)[1..], ["X 1: 1 1.0 - 30 0", "Y 1: 10 10.0 - 31 0"]);
    // It is not forgotten with the next start.
    engine.stop();
    drop(engine);
    let engine = start(folder.path());
    assert_eq!(reach_back(&engine), [Some(30), None]);
    send(&engine, &[declared("Z", "I1", 1.0, 0)]).await;
    assert_eq!(told(engine.store(), &NAMES).last().unwrap(), "Z 1: 2 2.0 - 32 0");
    engine.stop();
}

#[tokio::test]
async fn a_feature_that_is_new_says_how_far_back_it_reaches() {
    let folder = tempfile::tempdir().unwrap();
    write_pack(folder.path(), &[("importer.yaml", IMPORTER)], &NAMES[..3]);
    let engine = start(folder.path());
    for n in 0..40 {
        send(&engine, &[declared(&format!("D{n}"), "I1", 1.0, 0)]).await;
    }
    let begins = stop_and_forget(folder.path(), engine, 10);
    // Filled beside, from the thirty that are left; the other is known as it was.
    write_pack(folder.path(), &[("importer.yaml", IMPORTER), ("origin.yaml", ORIGIN)], &NAMES);
    let engine = start(folder.path());
    until_usable(&engine).await;
    assert_eq!(reach_back(&engine), [None, Some(begins)]);
    send(&engine, &[declared("X", "I1", 1.0, 0)]).await;
    let others = told(engine.store(), &NAMES).len() - 31 - 1;
    assert_eq!(told(engine.store(), &NAMES).last().unwrap(), &format!("X 1: 40 40.0 - {} 0", 31 + others));
    engine.stop();
    drop(engine);
    let engine = start(folder.path());
    assert_eq!(reach_back(&engine), [None, Some(begins)]);
    engine.stop();
}

#[tokio::test]
async fn nothing_works_on_the_store_once_the_engine_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    write_pack(folder.path(), &[("importer.yaml", IMPORTER)], &NAMES[..3]);
    let engine = start(folder.path());
    let many: Vec<Sent> = (0..4_000).map(|n| declared(&format!("D{n}"), "I1", 1.0, n)).collect();
    send(&engine, &many).await;
    engine.stop();
    drop(engine);
    write_pack(folder.path(), &[("importer.yaml", IMPORTER), ("origin.yaml", ORIGIN)], &NAMES);
    let engine = start(folder.path());
    assert!(!engine.entities().unwrap()[1].usable, "it is filled beside");
    engine.stop();
    drop(engine);
    // It is locked as long as anybody has it.
    Store::open(&folder.path().join("store"), &StoreOptions::default()).unwrap();
}

fn any_sent() -> impl Strategy<Value = Vec<Sent>> {
    let importer = prop::sample::select(vec!["I1", "I2", "I3"]);
    let origins = prop::collection::vec(prop::sample::select(vec!["CN", "VN", "KR"]), 1..3);
    let declaration =
        (0..12_u8, importer, origins, 1..50_u32, -30..60_i64).prop_map(|(id, importer, origins, v, hour)| {
            Sent::Declaration { id: format!("D{id}"), importer, origins, value: f64::from(v), hour: hour * 20 }
        });
    let outcome = (0..6_u8, 0..14_u8, 0..4_i32)
        .prop_map(|(id, of, severity)| found(&format!("O{id}"), &format!("D{of}"), severity));
    prop::collection::vec(prop_oneof![3 => declaration, 1 => outcome], 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn cuts_and_restarts_change_nothing(sent in any_sent(), cuts in prop::collection::vec(1..9_usize, 1..30), again in 0..3_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let whole = folder();
        let engine = start(whole.path());
        for one in &sent {
            runtime.block_on(send(&engine, std::slice::from_ref(one)));
        }
        let expected = told(engine.store(), &NAMES);
        engine.stop();
        drop(engine);

        let cut = folder();
        let mut rest = sent.as_slice();
        let mut engine = start(cut.path());
        for (place, size) in cuts.iter().cycle().enumerate() {
            let (now, later) = rest.split_at(rest.len().min(*size));
            runtime.block_on(send(&engine, now));
            rest = later;
            if place % 3 == again {
                engine.stop();
                drop(engine);
                engine = start(cut.path());
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(told(engine.store(), &NAMES), expected);
        all_the_same_again(engine.store());
        engine.stop();
        let audit = audited(engine.store());
        prop_assert!(audit.is_sound(), "{:?}", audit);
        let values = told(engine.store(), &NAMES).len() * NAMES.len();
        prop_assert_eq!(audit.values, values as u64);
    }
}
