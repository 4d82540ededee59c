//! Batches of published selections for the tests of sinks.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringBuilder, TimestampMillisecondArray,
};
use arrow::datatypes::{Int16Type, Int32Type};
use haechi_model::selection::published_schema;

/// A selection, in the words of the schema.
#[derive(Clone, Debug)]
pub struct Row {
    pub position: u64,
    pub stream: &'static str,
    pub subject_id: String,
    pub lane: &'static str,
    pub requested_lane: &'static str,
    pub score: f64,
    pub reasons: Vec<&'static str>,
    pub instructions: Vec<&'static str>,
    pub random_stratum: Option<&'static str>,
    pub lowered_by: Option<&'static str>,
    pub mandatory: bool,
    pub decided_at: i64,
}

impl Row {
    /// A selection that nothing special is to be said of.
    pub fn new(position: u64, stream: &'static str, subject_id: &str, lane: &'static str) -> Self {
        Self {
            position,
            stream,
            subject_id: subject_id.to_owned(),
            lane,
            requested_lane: lane,
            score: 0.0,
            reasons: Vec::new(),
            instructions: Vec::new(),
            random_stratum: None,
            lowered_by: None,
            mandatory: false,
            decided_at: 1_795_329_592_017,
        }
    }
}

/// The batch of some selections.
pub fn published(rows: &[Row]) -> RecordBatch {
    let ids = |text: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<DictionaryArray<Int32Type>>())
    };
    let codes = |text: fn(&Row) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<DictionaryArray<Int16Type>>())
    };
    let lists = |texts: fn(&Row) -> &[&'static str]| -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in rows {
            builder.append_value(texts(row).iter().map(Some));
        }
        Arc::new(builder.finish())
    };
    let hashes = |byte: u8| -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_from_iter(rows.iter().map(|_| [byte; 32])).unwrap())
    };
    let versions: ArrayRef = Arc::new(Int32Array::from(vec![1; rows.len()]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|r| Some(r.position as i64)).collect::<Int64Array>()),
        ids(|r| Some(&r.subject_id)),
        versions.clone(),
        codes(|r| Some(r.stream)),
        codes(|r| Some(r.lane)),
        codes(|r| Some(r.requested_lane)),
        Arc::new(rows.iter().map(|r| Some(r.score)).collect::<Float64Array>()),
        lists(|r| &r.reasons),
        lists(|r| &r.instructions),
        codes(|r| r.random_stratum),
        ids(|r| r.lowered_by),
        Arc::new(rows.iter().map(|r| Some(r.mandatory)).collect::<BooleanArray>()),
        versions,
        hashes(0xab),
        hashes(0x01),
        Arc::new(rows.iter().map(|r| Some(r.decided_at)).collect::<TimestampMillisecondArray>().with_timezone("UTC")),
    ];
    RecordBatch::try_new(published_schema(), columns).unwrap()
}

/// Plain declarations with these positions, every subject its own.
pub fn declarations(positions: impl IntoIterator<Item = u64>) -> RecordBatch {
    let rows: Vec<_> = positions.into_iter().map(|p| Row::new(p, "declaration", &format!("D{p}"), "release")).collect();
    published(&rows)
}
