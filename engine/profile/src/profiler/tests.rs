use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use haechi_model::streams::DECLARATION;
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

fn plan() -> Arc<ProfilePlan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("profiles")).unwrap();
    std::fs::write(folder.path().join("profiles/profiles.yaml"), PROFILES).unwrap();
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
        let mut profiler = Profiler::new(plan(), 7);
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
