use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{AsArray, ListBuilder, StringArray, StringBuilder, TimestampMillisecondArray};
use arrow::datatypes::Int64Type;
use haechi_model::streams::{DECLARATION, TRAVELLER};
use haechi_model::{Cell, StreamBuilder};
use haechi_rules::condition::Catalog;
use haechi_rules::{Sources, profile};

use super::*;

const PROFILES: &str = "\
entity: importer
keys: {declaration: importer_id}
features:
  - {name: records, aggregate: count, window: all}
---
entity: origin
keys: {declaration: origin_country}
features:
  - {name: importers, aggregate: distinct, of: importer_id, window: all}
---
entity: circle
keys: {declaration: importer_id}
network:
  links: {origin: {declaration: origin_country}}
  window: 400d
  hub: 100
features:
  - {name: importers, aggregate: members}
";

const NETWORK: &str = "\
entity: network
keys: {traveller: document_no}
retention_days: 400
network: {links: {phone: {traveller: {each: phones}}}, window: 90d, hub: 100}
features:
  - {name: people, aggregate: members}
  - {name: records, aggregate: count, window: 30d}
  - {name: names, aggregate: distinct, of: name_key, window: 30d}
";

fn plan_of(profiles: &str) -> Arc<ProfilePlan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    std::fs::write(folder.path().join("profiles/profiles.yaml"), profiles).unwrap();
    let mut sources = Sources::default();
    let (raw, mut mistakes) = haechi_rules::load(&[folder.path().to_owned()], &mut sources);
    let profiles = profile::compile(&raw.profiles, &Catalog::of(&raw), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    Arc::new(ProfilePlan::new(&profiles, chrono_tz::Tz::UTC).unwrap())
}

/// So many rows of a few importers and one origin, each on a day of its own.
fn rows(days: Range<i64>) -> RecordBatch {
    let columns = ["importer_id", "origin_country", "event_at"];
    let mut builder = StreamBuilder::with_columns(&DECLARATION, &columns).unwrap();
    for day in days {
        let importer = format!("I{}", day % 50);
        let cells = [Cell::Text(&importer), Cell::Text("CN"), Cell::Ts(day * 86_400_000)];
        for (column, cell) in columns.iter().zip(cells) {
            builder.set(builder.index(column).unwrap(), cell).unwrap();
        }
        builder.finish_row();
    }
    builder.finish()
}

/// Passes rows of these days, each a record.
fn pass(profiler: &mut Profiler, days: Range<i64>, asked: &[FeaturePlace], again: bool) {
    let n = (days.end - days.start) as usize;
    let starts: Vec<u32> = (0..=n as u32).collect();
    let (rows, first, known_at_ms) = (rows(days.clone()), days.start as u64, vec![days.end * 86_400_000; n]);
    let records = Records {
        stream: &DECLARATION,
        rows: &rows,
        starts: &starts,
        replaced: None,
        first,
        known_at_ms: &known_at_ms,
    };
    profiler.run(&records, asked, again).map(|_| ()).unwrap();
}

/// A shelf on which nothing is.
struct Bare;

impl Shelf for Bare {
    fn fetch(&self, _: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError> {
        Ok(vec![None; keys.len()])
    }
}

#[test]
fn what_was_taken_over_keeps_what_it_was_told_before() {
    let mut filling = Profiler::on(plan_of(PROFILES), 7, Arc::new(Bare), |_| true);
    // Often: the origin ties many importers together, and stays open.
    for day in 0..40 {
        pass(&mut filling, 5 * day..5 * day + 5, &[], true);
    }
    filling.caught_up();
    let told = filling.state();
    let mut profiler = Profiler::on(plan_of(PROFILES), 7, Arc::new(Bare), |_| false);
    let early = profiler.mark();
    profiler.adopt(filling);
    assert_eq!(profiler.state(), told);
    // Two passes taken back together, in the first block; then one, in the second.
    pass(&mut profiler, 200..205, &[], false);
    pass(&mut profiler, 205..210, &[], false);
    profiler.take_back(early);
    assert_eq!(profiler.state(), told);
    pass(&mut profiler, 200..205, &[], false);
    profiler.keep();
    let kept = profiler.state();
    let mark = profiler.mark();
    pass(&mut profiler, 205..210, &[], false);
    assert_ne!(profiler.state(), kept);
    profiler.take_back(mark);
    assert_eq!(profiler.state(), kept);
}

#[test]
fn a_panic_half_way_is_taken_back() {
    // In small batches, and with others helping.
    for n in [20, 1_000] {
        let mut profiler = Profiler::new(plan_of(PROFILES), 7);
        pass(&mut profiler, 0..n, &[], false);
        let before = profiler.state();
        let mark = profiler.mark();
        pass(&mut profiler, n..2 * n, &[], false);
        // Of origins nobody knows such a feature.
        let asked = [(1, 99)];
        let panicking = AssertUnwindSafe(|| pass(&mut profiler, 2 * n..3 * n, &asked, false));
        assert!(catch_unwind(panicking).is_err());
        profiler.take_back(mark);
        assert_eq!(profiler.state(), before);
        profiler.keep();
        pass(&mut profiler, n..2 * n, &[], false);
        assert_ne!(profiler.state(), before);
    }
}

/// Rows of travellers: the document, the phone and the day of each.
fn travellers(rows: &[(String, &str, i64)]) -> RecordBatch {
    let mut phones = ListBuilder::new(StringBuilder::new());
    for (_, phone, _) in rows {
        phones.append_value([Some(phone)]);
    }
    let documents: StringArray = rows.iter().map(|(document, ..)| Some(document)).collect();
    let at = rows.iter().map(|(.., day)| day * 86_400_000);
    let at = TimestampMillisecondArray::from_iter_values(at).with_timezone("UTC");
    let columns: [(&str, ArrayRef); 4] = [
        ("event_at", Arc::new(at)),
        ("name_key", Arc::new(documents.clone())),
        ("document_no", Arc::new(documents)),
        ("phones", Arc::new(phones.finish())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Passes rows, each a record unless `starts` says otherwise.
fn pass_travellers(profiler: &mut Profiler, rows: &RecordBatch, starts: &[u32], first: u64) -> Vec<ArrayRef> {
    let known_at_ms = &vec![20_000 * 86_400_000; starts.len() - 1];
    let records = Records { stream: &TRAVELLER, rows, starts, replaced: None, first, known_at_ms };
    profiler.pass(&records, &["network.people", "network.records", "network.names"]).unwrap()
}

#[test]
fn ties_are_noted_where_they_change_and_not_where_they_are_looked_at() {
    // A hundred share a phone, so each record looks at sixty-three others.
    let rows: Vec<_> = (0..500).map(|row| (format!("M{}", row % 100), "+82", 20_000)).collect();
    let (rows, starts) = (travellers(&rows), (0..=500).collect::<Vec<u32>>());
    let mut profiler = Profiler::new(plan_of(NETWORK), 7);
    pass_travellers(&mut profiler, &rows, &starts, 0);
    let before = profiler.state();
    let mark = profiler.mark();
    pass_travellers(&mut profiler, &rows, &starts, 500);
    let noted: usize = profiler.ties_mut().flatten().map(|shard| shard.noted()).sum();
    // Each document as often as its few ties change, and the phone, which is open, once.
    assert_eq!(noted, 501);
    profiler.take_back(mark);
    assert_eq!(profiler.state(), before);
}

#[test]
fn rows_of_a_record_that_ask_the_same_are_told_the_same() {
    let row = |document: &str, phone: &'static str, day: i64| (document.to_owned(), phone, day);
    let before = [row("A", "1", 20_000), row("B", "1", 20_000), row("C", "1", 19_975), row("D", "2", 20_000)];
    let record = [
        row("A", "1", 20_000),
        row("D", "2", 20_000),
        row("A", "1", 20_000),
        // Looks back from another day, at the same network.
        row("A", "1", 19_980),
        row("A", "1", 20_000),
        row("E", "2", 20_000),
        row("A", "1", 20_000),
    ];
    // In small batches, and with others helping.
    for n in [0, 300] {
        let mut profiler = Profiler::new(plan_of(NETWORK), 7);
        pass_travellers(&mut profiler, &travellers(&before), &[0, 1, 2, 3, 4], 0);
        let others: Vec<_> = (0..n).map(|other| (format!("M{other}"), "3", 20_000)).collect();
        let starts: Vec<u32> = std::iter::once(0).chain(7..=7 + n).collect();
        let rows = travellers(&[&record[..], &others].concat());
        let told = pass_travellers(&mut profiler, &rows, &starts, 4);
        let told: Vec<&[i64]> =
            told.iter().map(|column| &column.as_primitive::<Int64Type>().values()[..record.len()]).collect();
        // People, then their records of thirty days, then their names.
        assert_eq!(told, [[3, 1, 3, 3, 3, 2, 3], [3, 1, 3, 1, 3, 1, 3], [3, 1, 3, 1, 3, 1, 3]]);
    }
}
