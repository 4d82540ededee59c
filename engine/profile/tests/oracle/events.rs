//! Random declarations of a few importers: out of order, some of several items, some sent again in another version.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};

/// A row: an item of a version of a declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Place of the version in the journal.
    pub version_seq: usize,
    /// Which declaration.
    pub record: u64,
    pub item: i32,
    pub importer: Option<u64>,
    pub at_ms: i64,
    /// Quarters, so that sums of doubles are exact.
    pub value: Option<f64>,
    pub origin: Option<u64>,
}

/// A version of a declaration.
#[derive(Clone, Debug)]
pub struct Version {
    pub rows: Vec<Event>,
    /// Place of the version that replaces it.
    pub replaced_at: Option<usize>,
    /// Place of the version that it replaces.
    pub replaces: Option<usize>,
}

/// Numbers that look drawn, the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(8) > 0).then_some(value)
    }
}

const HOUR_MS: i64 = 3_600_000;
const START_MS: i64 = 1_790_000_000_000;

/// So many versions.
pub fn versions(seed: u64, count: usize, origins: u64) -> Vec<Version> {
    let mut dice = Dice::new(seed);
    let mut versions: Vec<Version> = Vec::new();
    let mut now_ms = START_MS;
    for seq in 0..count {
        // Bursts and pauses: seconds, hours, now and then weeks.
        now_ms += match dice.below(20) {
            0 => 20 * 24 * HOUR_MS + dice.below(1_000_000_000) as i64,
            1..=6 => dice.below(30 * HOUR_MS as u64) as i64,
            7 => 0,
            _ => dice.below(HOUR_MS as u64) as i64,
        };
        let late_ms = if dice.below(5) == 0 { dice.below(20 * HOUR_MS as u64) as i64 } else { 0 };
        let amended = (dice.below(4) == 0).then(|| seq.saturating_sub(1 + dice.below(10) as usize));
        // As late as tiles are kept for, and no later.
        let may_be = |v: &Version| v.replaced_at.is_none() && now_ms - v.rows[0].at_ms < 24 * HOUR_MS;
        let amended = amended.filter(|place| versions.get(*place).is_some_and(may_be));
        let record = amended.map_or(seq as u64, |place| versions[place].rows[0].record);
        let at_ms = match amended {
            // A change keeps its time more often than not.
            Some(place) if dice.below(3) > 0 => versions[place].rows[0].at_ms,
            _ => now_ms - late_ms,
        };
        let items = if dice.below(3) == 0 { 1 + dice.below(4) } else { 1 };
        let importer = dice.maybe(dice_skewed(&mut Dice::new(seed ^ (seq as u64 * 7_919)), 4));
        let rows = (0..items)
            .map(|item| Event {
                version_seq: seq,
                record,
                item: item as i32 + 1,
                importer,
                at_ms,
                value: dice.maybe(()).map(|()| dice.below(4_000) as f64 / 4.0 - 100.0),
                origin: dice.maybe(()).map(|()| dice_skewed(&mut dice, origins)),
            })
            .collect();
        if let Some(place) = amended {
            versions[place].replaced_at = Some(seq);
        }
        versions.push(Version { rows, replaced_at: None, replaces: amended });
    }
    versions
}

fn dice_skewed(dice: &mut Dice, n: u64) -> u64 {
    let (a, b) = (dice.below(n), dice.below(n));
    a.min(b)
}

/// The rows as records of the stream `declaration`.
pub fn declarations(rows: &[Event]) -> RecordBatch {
    let text =
        |of: &dyn Fn(&Event) -> Option<String>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("declaration_id", text(&|event| Some(format!("D{}", event.record)))),
        ("item_no", Arc::new(rows.iter().map(|event| Some(event.item)).collect::<Int32Array>())),
        ("importer_id", text(&|event| event.importer.map(|importer| format!("I{importer}")))),
        ("customs_value_usd", Arc::new(rows.iter().map(|event| event.value).collect::<Float64Array>())),
        ("origin_country", text(&|event| event.origin.map(|origin| format!("O{origin:03}")))),
        (
            "event_at",
            Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|e| e.at_ms)).with_timezone("UTC")),
        ),
    ];
    batch(columns)
}

/// The same as a table for SQL.
pub fn table(versions: &[Version]) -> RecordBatch {
    let rows: Vec<(&Version, &Event)> = versions.iter().flat_map(|v| v.rows.iter().map(move |e| (v, e))).collect();
    let ints = |of: &dyn Fn(&(&Version, &Event)) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Int64Array>())
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("row", Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("seq", ints(&|(_, e)| Some(e.version_seq as i64))),
        ("gone", ints(&|(v, _)| v.replaced_at.map(|at| at as i64))),
        ("record", ints(&|(_, e)| Some(e.record as i64))),
        ("item", ints(&|(_, e)| Some(e.item.into()))),
        ("importer", ints(&|(_, e)| e.importer.map(|importer| importer as i64))),
        ("ms", ints(&|(_, e)| Some(e.at_ms))),
        ("day", ints(&|(_, e)| Some(e.at_ms.div_euclid(86_400_000)))),
        (
            "at",
            Arc::new(
                TimestampMillisecondArray::from_iter_values(rows.iter().map(|(_, e)| e.at_ms)).with_timezone("UTC"),
            ),
        ),
        ("value", Arc::new(rows.iter().map(|(_, e)| e.value).collect::<Float64Array>())),
        ("origin", Arc::new(rows.iter().map(|(_, e)| e.origin.map(|o| format!("O{o:03}"))).collect::<StringArray>())),
    ];
    batch(columns)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    debug_assert!(fields.iter().all(|field| *field.data_type() != DataType::Null));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}
