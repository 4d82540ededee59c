use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{ListBuilder, StringArray, StringBuilder, TimestampMillisecondArray};
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

#[test]
fn a_panic_half_way_is_taken_back() {
    // In small batches, and with others helping.
    for n in [20, 1_000] {
        let mut profiler = Profiler::new(plan_of(PROFILES), 7);
        let starts: Vec<u32> = (0..=n as u32).collect();
        let pass = |profiler: &mut Profiler, begin: i64, asked: &[FeaturePlace]| {
            let rows = rows(begin..begin + n);
            let (first, known_at_ms) = (begin as u64, &vec![(begin + n) * 86_400_000; n as usize]);
            let records =
                Records { stream: &DECLARATION, rows: &rows, starts: &starts, replaced: None, first, known_at_ms };
            profiler.run(&records, asked, false).map(|_| ()).unwrap();
        };
        pass(&mut profiler, 0, &[]);
        let before = profiler.state();
        let mark = profiler.mark();
        pass(&mut profiler, n, &[]);
        // Of origins nobody knows such a feature.
        let asked = [(1, 99)];
        let panicking = AssertUnwindSafe(|| pass(&mut profiler, 2 * n, &asked));
        assert!(catch_unwind(panicking).is_err());
        profiler.take_back(mark);
        assert_eq!(profiler.state(), before);
        profiler.keep();
        pass(&mut profiler, n, &[]);
        assert_ne!(profiler.state(), before);
    }
}

/// Rows of travellers, all on one day: the document of each and its phones.
fn travellers(rows: &[(String, Vec<String>)]) -> RecordBatch {
    let mut phones = ListBuilder::new(StringBuilder::new());
    for (_, of) in rows {
        phones.append_value(of.iter().map(Some));
    }
    let documents: StringArray = rows.iter().map(|(document, _)| Some(document)).collect();
    let at = TimestampMillisecondArray::from(vec![20_000 * 86_400_000; rows.len()]).with_timezone("UTC");
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
    // Sixty share a phone, so each record looks at sixty.
    let rows: Vec<_> = (0..500).map(|row| (format!("M{}", row % 60), vec!["+82".to_owned()])).collect();
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
