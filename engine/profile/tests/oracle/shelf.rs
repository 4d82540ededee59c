//! Entities that are kept elsewhere: what is told does not depend on where they are, and who is to be forgotten goes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use haechi_model::streams::DECLARATION;
use haechi_model::{Cell, StreamBuilder};
use haechi_profile::{Answer, Profiler, Records, Shelf, ShelfError, Shelved, StateId};

use super::passes::plan_of;

const DAY_MS: i64 = 86_400_000;
const PROFILES: &str = "\
entity: importer
keys: {declaration: importer_id}
retention_days: 40
features:
  - {name: records_30d, aggregate: count, window: 30d}
---
entity: origin
keys: {declaration: origin_country}
features:
  - {name: records, aggregate: count, window: all}
";

#[derive(Default)]
pub struct Map(Mutex<BTreeMap<(StateId, u128), Vec<u8>>>);

impl Shelf for Map {
    fn fetch(&self, of: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError> {
        let kept = self.0.lock().unwrap();
        Ok(keys.iter().map(|key| kept.get(&(of, *key)).cloned()).collect())
    }
}

impl Map {
    pub fn put(&self, shelved: Vec<Shelved>) {
        self.0.lock().unwrap().extend(shelved.into_iter().map(|one| ((one.of, one.key), one.bytes)));
    }
}

fn row(importer: &str, day: i64) -> RecordBatch {
    let mut builder =
        StreamBuilder::with_columns(&DECLARATION, &["importer_id", "origin_country", "event_at"]).unwrap();
    for (column, cell) in [
        ("importer_id", Cell::Text(importer)),
        ("origin_country", Cell::Text("CN")),
        ("event_at", Cell::Ts(day * DAY_MS)),
    ] {
        builder.set(builder.index(column).unwrap(), cell).unwrap();
    }
    builder.finish_row();
    builder.finish()
}

/// What a record is told that comes on a day; its position is the day.
fn pass(profiler: &mut Profiler, importer: &str, day: i64) -> Vec<i64> {
    pass_dated(profiler, importer, day, day)
}

/// As [`pass`], of a record that is dated on another day.
fn pass_dated(profiler: &mut Profiler, importer: &str, dated: i64, day: i64) -> Vec<i64> {
    let rows = row(importer, dated);
    let records = Records {
        stream: &DECLARATION,
        rows: &rows,
        starts: &[0, 1],
        replaced: None,
        first: day as u64,
        known_at_ms: &[day * DAY_MS],
    };
    let told = profiler.pass(&records, &["importer.records_30d", "origin.records"]).unwrap();
    told.iter().map(|column| column.as_primitive::<Int64Type>().value(0)).collect()
}

#[test]
fn what_left_the_memory_is_read_again_and_what_came_since_is_told_once() {
    let shelf = Arc::new(Map::default());
    let plan = plan_of(PROFILES);
    let on = || Profiler::on(Arc::clone(&plan), 7, Arc::clone(&shelf) as Arc<dyn Shelf>, |_| true);
    let mut first = on();
    assert_eq!(pass(&mut first, "I1", 100), [0, 0]);
    assert_eq!(pass(&mut first, "I2", 101), [0, 1]);
    // I1 goes to the shelf as of 102, origin too; then more happens.
    shelf.put(first.shelve(101, 102, 1));
    assert_eq!(pass(&mut first, "I1", 102), [1, 2]);
    let lacks: Vec<_> = first.lacks().map(|(_, from)| from).collect();
    assert_eq!(lacks, [Some(101), Some(102)], "I2 is not there, and of the origin only what came before");

    // Killed. The journal is read from the least of these on.
    let mut second = on();
    for (importer, day) in [("I2", 101), ("I1", 102)] {
        let rows = row(importer, day);
        let (first, known_at_ms) = (day as u64, &[day * DAY_MS]);
        let records =
            Records { stream: &DECLARATION, rows: &rows, starts: &[0, 1], replaced: None, first, known_at_ms };
        second.catch_up(&records).unwrap();
    }
    second.caught_up();
    assert_eq!(second.state(), first.state());
    assert_eq!(pass(&mut second, "I1", 103), [2, 3]);
}

#[test]
fn a_record_dated_far_ahead_hides_nothing() {
    let mut profiler = Profiler::new(plan_of(PROFILES), 7);
    pass(&mut profiler, "I1", 20_000);
    assert_eq!(pass_dated(&mut profiler, "I1", 33_000, 20_001), [0, 1], "of its own month nothing is known");
    assert_eq!(pass(&mut profiler, "I1", 20_002), [1, 2]);
    assert_eq!(pass(&mut profiler, "I1", 20_010), [2, 3], "what comes after it counts");
    assert_eq!(pass(&mut profiler, "I1", 20_050), [0, 4]);
    // In time it is old like others, and the slip goes with its entity.
    let over = |day: i64| profiler.portrait("importer", "I1", day * DAY_MS, 0).unwrap().is_none();
    assert!(!over(20_400) && over(20_001 + 366 + 41));
}

#[test]
fn of_who_is_only_asked_about_nothing_is_kept() {
    let plan = plan_of(
        "entity: importer\nkeys: {declaration: importer_id}\nfeatures:\n  \
         - {name: from_vn, aggregate: count, where: origin_country = 'VN', window: 30d}\n",
    );
    let mut profiler = Profiler::on(plan, 7, Arc::new(Map::default()), |_| true);
    let rows = row("I1", 100);
    let records = Records {
        stream: &DECLARATION,
        rows: &rows,
        starts: &[0, 1],
        replaced: None,
        first: 100,
        known_at_ms: &[100 * DAY_MS],
    };
    let told = profiler.pass(&records, &["importer.from_vn"]).unwrap();
    assert_eq!(told[0].as_primitive::<Int64Type>().value(0), 0);
    assert_eq!(profiler.lacks().map(|(_, from)| from).collect::<Vec<_>>(), [None]);
    assert!(profiler.shelve(200, 200, 1).is_empty());
}

#[test]
fn who_was_not_seen_for_so_long_is_forgotten_everywhere() {
    let shelf = Arc::new(Map::default());
    let mut profiler = Profiler::on(plan_of(PROFILES), 7, Arc::clone(&shelf) as Arc<dyn Shelf>, |_| true);
    pass(&mut profiler, "I1", 100);
    shelf.put(profiler.shelve(200, 101, 1));
    let portrait = |profiler: &Profiler, day: i64| profiler.portrait("importer", "I1", day * DAY_MS, 2).unwrap();
    let told = portrait(&profiler, 101).unwrap();
    assert_eq!((told.positions.as_slice(), told.features[0].now.clone()), (&[100][..], Answer::Count(1)));
    assert_eq!(told.features[0].before, [Answer::Count(0), Answer::Count(1)]);
    assert!(portrait(&profiler, 141).is_none(), "forty days after the last record it is over");

    let kept: Vec<_> = shelf.0.lock().unwrap().clone().into_iter().collect();
    let goes = |profiler: &mut Profiler, day: i64| {
        let of = |((of, key), bytes): &((StateId, u128), Vec<u8>)| profiler.forget(*of, *key, bytes, day * DAY_MS);
        kept.iter().map(of).filter(|goes| *goes).count()
    };
    assert_eq!(goes(&mut profiler, 141), 0, "it is not known yet that the shelf has it");
    profiler.committed(1);
    assert_eq!(goes(&mut profiler, 140), 0, "not before its time");
    assert_eq!(
        goes(&mut profiler, 141),
        1,
        "the importer, and not the origin, of which something is known for all time"
    );
    assert_eq!(profiler.known().map(|(_, known)| known).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn records_that_became_known_one_after_the_other_are_passed_together_as_each_alone() {
    // Dated, and known.
    let days = [(100, 100), (60, 101), (128, 130), (100, 139), (100, 139), (165, 165), (120, 210), (210, 211)];
    let rows: Vec<RecordBatch> = days.iter().map(|(dated, _)| row("I1", *dated)).collect();
    let known_at_ms: Vec<i64> = days.iter().map(|(_, known)| known * DAY_MS).collect();
    let wanted = ["importer.records_30d", "origin.records"];
    let pass = |profiler: &mut Profiler, of: Range<usize>| -> Vec<Vec<i64>> {
        let records = Records {
            stream: &DECLARATION,
            rows: &concat_batches(&rows[0].schema(), &rows[of.clone()]).unwrap(),
            starts: &(0..=of.len() as u32).collect::<Vec<_>>(),
            replaced: None,
            first: of.start as u64,
            known_at_ms: &known_at_ms[of],
        };
        let told = profiler.pass(&records, &wanted).unwrap();
        told.iter().map(|column| column.as_primitive::<Int64Type>().values().to_vec()).collect()
    };
    let on = || Profiler::on(plan_of(PROFILES), 7, Arc::new(Map::default()), |_| true);
    let (mut alone, mut together) = (on(), on());
    let told: Vec<_> = (0..days.len()).map(|record| pass(&mut alone, record..record + 1)).collect();
    let told: Vec<Vec<i64>> = (0..2).map(|column| told.iter().map(|told| told[column][0]).collect()).collect();
    assert_eq!(told[0], [0, 0, 1, 1, 2, 0, 0, 0], "on day 210 nothing is known any more of day 100");
    assert_eq!(pass(&mut together, 0..days.len()), told);
    assert_eq!(together.state(), alone.state());
}
