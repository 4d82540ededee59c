//! Small entries with selections and hits that can be told apart, and a look at everything a store holds.
#![allow(dead_code, clippy::needless_pass_by_value, reason = "not every test needs all of it; tests read better so")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray, new_null_array,
};
use arrow::datatypes::{Int16Type, Int32Type, SchemaRef};
use haechi_model::selection::{hit_schema, selection_schema};
use haechi_model::streams::DECLARATION;
use haechi_store::{
    Commit, Decisions, Encoded, Entry, Position, QuarantineFilter, Store, StoreError, StoreOptions, SubjectVersion,
    Subjects,
};

/// A small store.
pub fn options() -> StoreOptions {
    StoreOptions { cache_bytes: 1 << 20, log_bytes_max: 64 << 20, write_buffer_bytes: 1 << 20, threads: 2 }
}

pub fn open(path: &Path) -> Store {
    Store::open(path, &options()).unwrap()
}

/// A version of a declaration with some items.
#[derive(Clone, Debug)]
pub struct Subject {
    pub id: String,
    pub version: i32,
    pub items: usize,
    pub decided: bool,
    pub earlier: Vec<SubjectVersion>,
}

pub fn subject(id: impl Into<String>, version: i32, items: usize) -> Subject {
    Subject { id: id.into(), version, items, decided: true, earlier: Vec::new() }
}

/// What stands for the content of a version.
pub fn content(id: &str, version: i32) -> [u8; 16] {
    let mut content = [0; 16];
    content[..4].copy_from_slice(&version.to_le_bytes());
    for (i, byte) in id.bytes().enumerate() {
        content[4 + i % 12] ^= byte;
    }
    content
}

/// An entry of declarations: each item names its declaration, each selection its version by its score.
pub fn entry(first: Position, subjects: &[Subject]) -> Entry {
    let items = || subjects.iter().flat_map(|s| (0..s.items).map(move |item| (s, item)));
    let rows = batch(
        DECLARATION.schema(),
        vec![
            ("declaration_id", ids(items().map(|(s, _)| s.id.as_str()))),
            ("item_no", Arc::new(items().map(|(_, item)| item as i32 + 1).collect::<Int32Array>())),
            ("description", Arc::new(items().map(|(s, i)| Some(format!("{} {i}", s.id))).collect::<StringArray>())),
            ("version", Arc::new(items().map(|(s, _)| s.version).collect::<Int32Array>())),
            (
                "known_at",
                Arc::new(
                    TimestampMillisecondArray::from_iter_values(items().map(|_| known_at_ms(first)))
                        .with_timezone("UTC"),
                ),
            ),
        ],
    );
    let first_rows = subjects.iter().scan(0, |next, subject| {
        let first_row = *next;
        *next += subject.items as u32;
        Some(first_row)
    });
    let first_rows: Vec<u32> = first_rows.collect();
    let made: Vec<(&Subject, u32)> =
        subjects.iter().zip(first_rows.iter().copied()).filter(|(s, _)| s.decided).collect();
    let decided = Decisions {
        selections: batch(
            selection_schema(),
            vec![
                ("subject_id", ids(made.iter().map(|(s, _)| s.id.as_str()))),
                ("version", Arc::new(made.iter().map(|(s, _)| s.version).collect::<Int32Array>())),
                ("lane", codes(made.iter().map(|_| "scan"))),
                ("score", Arc::new(made.iter().map(|(s, _)| f64::from(s.version)).collect::<Float64Array>())),
            ],
        ),
        hits: batch(
            hit_schema(),
            vec![
                ("subject_id", ids(made.iter().flat_map(|(s, _)| [s.id.as_str(); 2]))),
                ("version", Arc::new(made.iter().flat_map(|(s, _)| [s.version; 2]).collect::<Int32Array>())),
                ("rule_id", ids(made.iter().flat_map(|_| ["weight", "origin"]))),
            ],
        ),
        first_rows: made.iter().map(|(_, row)| *row).collect(),
    };
    Entry {
        first,
        stream: &DECLARATION,
        known_at_ms: known_at_ms(first),
        rows,
        subjects: Some(Subjects {
            late: false,
            ids: ids(subjects.iter().map(|s| s.id.as_str())),
            versions: subjects.iter().map(|s| s.version).collect(),
            contents: subjects.iter().map(|s| content(&s.id, s.version)).collect(),
            envelopes: vec![0; subjects.len()],
            earlier: subjects.iter().map(|s| s.earlier.clone()).collect(),
            first_rows,
        }),
        decided: (!made.is_empty()).then_some(decided),
    }
}

pub fn known_at_ms(first: Position) -> i64 {
    1_700_000_000_000 + first as i64
}

/// A commit of one entry.
pub fn commit(first: Position, subjects: &[Subject]) -> Encoded {
    Commit { entries: vec![entry(first, subjects)], ..Commit::default() }.encode().unwrap()
}

/// Writes one entry at the end.
pub fn write(store: &Store, subjects: &[Subject]) -> Result<Position, StoreError> {
    let first = store.next_position();
    store.write(vec![commit(first, subjects)])?;
    Ok(first)
}

pub fn ids<'a>(ids: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(ids.collect::<DictionaryArray<Int32Type>>())
}

pub fn codes<'a>(codes: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(codes.collect::<DictionaryArray<Int16Type>>())
}

/// A batch in which the columns that are not given are NULL.
pub fn batch(schema: SchemaRef, columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let rows = columns[0].1.len();
    let column = |name: &str| columns.iter().find(|(given, _)| *given == name).map(|(_, column)| Arc::clone(column));
    let columns =
        schema.fields().iter().map(|f| column(f.name()).unwrap_or_else(|| new_null_array(f.data_type(), rows)));
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

/// The texts of a column, plain or of a dictionary.
pub fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let column =
        arrow::compute::cast(batch.column_by_name(column).unwrap(), &arrow::datatypes::DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
}

/// All that a store tells about its journal, in words that can be compared.
pub fn everything(store: &Store) -> String {
    use std::fmt::Write as _;
    let mut all = format!("next {} known {}\n", store.next_position(), store.last_known_at_ms());
    for entry in store.entries(0) {
        let entry = entry.unwrap();
        let rows = entry.decode().unwrap();
        writeln!(all, "{} {} {} {:?}", entry.first, entry.stream.name, entry.known_at_ms, rows).unwrap();
    }
    for decisions in store.decisions(0) {
        let decisions = decisions.unwrap();
        writeln!(all, "{} {:?} {:?}", decisions.first, decisions.selections, decisions.hits().unwrap()).unwrap();
    }
    writeln!(all, "{:?}", store.stands("").unwrap()).unwrap();
    writeln!(all, "{:?}", store.quarantine(&QuarantineFilter::default(), 0, 100).unwrap()).unwrap();
    writeln!(all, "{:?}", store.quarantine_counts().unwrap()).unwrap();
    writeln!(all, "{:?}", store.releases().unwrap()).unwrap();
    writeln!(all, "{:?}", store.states(b"", None, 100).unwrap()).unwrap();
    all
}
