//! What the EDIFACT tests share: finding the sample messages, reading one, looking at its rows.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef};
use arrow::record_batch::RecordBatch;
use haechi_connectors::format::{MessageInput, MessageReading};
use haechi_connectors::formats::FORMATS;
use haechi_connectors::options::ReadOptions;
use serde_json::Value;

/// The folder of sample messages.
pub fn messages() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared");
    let shared = std::env::var("HAECHI_SHARED").unwrap_or_else(|_| default.into());
    let folder = Path::new(&shared).join("data/messages");
    assert!(folder.is_dir(), "no sample messages in {}: set HAECHI_SHARED to the shared data", folder.display());
    folder
}

/// Reads bytes as EDIFACT.
pub fn read(source: &str, bytes: &[u8]) -> MessageReading {
    let format = FORMATS.iter().find(|f| f.name == "edifact").unwrap();
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    (format.read)(MessageInput { source, bytes, options: &options })
}

/// Reads a sample, whole and as it comes: both say the same.
pub fn read_file(path: &Path) -> MessageReading {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let source = path.display().to_string();
    let whole = read(&source, &bytes);
    let said = |reading: &MessageReading| {
        let records = reading.records.iter();
        let rows: Vec<Value> = records.flat_map(|(stream, _)| rows(reading, stream.name)).collect();
        let warnings: Vec<_> = reading.warnings.iter().map(|w| (w.code, w.path.clone())).collect();
        let set_aside: Vec<_> = reading.set_aside.iter().map(|s| (s.code, s.position.clone())).collect();
        (rows.len(), warnings, set_aside, reading.counts.clone(), reading.format, reading.version.clone())
    };
    assert_eq!(said(&read_in_pieces(&source, &bytes)), said(&whole), "{source} in pieces, and whole");
    whole
}

/// Reads bytes as they come.
pub fn read_in_pieces(source: &str, mut bytes: &[u8]) -> MessageReading {
    let format = FORMATS.iter().find(|f| f.name == "edifact").unwrap();
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    let mut all: Option<MessageReading> = None;
    let ended = format.read_from(source, &mut bytes, &options, &mut |reading| match &mut all {
        None => all = Some(reading),
        Some(all) => all.absorb(reading),
    });
    ended.unwrap();
    all.unwrap()
}

/// The rows of a stream, as JSON objects; NULLs are absent.
pub fn rows(reading: &MessageReading, stream: &str) -> Vec<Value> {
    reading.records.iter().filter(|(s, _)| s.name == stream).flat_map(|(_, batch)| objects(batch)).collect()
}

/// The rows of a batch, as JSON objects; NULLs are absent.
pub fn objects(batch: &RecordBatch) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut writer = arrow::json::LineDelimitedWriter::new(&mut lines);
    writer.write(&printable(batch)).unwrap();
    writer.finish().unwrap();
    String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The batch with its times at offset zero, which is how the JSON writer can print UTC.
fn printable(batch: &RecordBatch) -> RecordBatch {
    let columns: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), cast(column, &offset_zero(field.data_type())).unwrap()))
        .collect();
    RecordBatch::try_from_iter(columns).unwrap()
}

fn offset_zero(kind: &DataType) -> DataType {
    let inner = |field: &FieldRef| -> FieldRef {
        Arc::new(field.as_ref().clone().with_data_type(offset_zero(field.data_type())))
    };
    match kind {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Struct(members) => DataType::Struct(members.iter().map(inner).collect()),
        other => other.clone(),
    }
}

/// A table with a header line, as rows of cells.
pub fn table(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().skip(1).map(|l| l.split('\t').map(|c| c.trim_matches('"').replace("\"\"", "\"")).collect()).collect()
}

/// A text cell; empty where NULL.
pub fn text<'v>(row: &'v Value, column: &str) -> &'v str {
    row[column].as_str().unwrap_or_default()
}

/// A count of the reading.
pub fn count(reading: &MessageReading, name: &str) -> u64 {
    reading.counts.get(name).copied().unwrap_or(0)
}

/// Whether a warning of this code was given.
pub fn warned(reading: &MessageReading, code: &str) -> bool {
    reading.warnings.iter().any(|w| w.code == code)
}
