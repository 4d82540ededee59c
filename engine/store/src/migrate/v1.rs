//! Format 1, as the first program wrote it: every value an Arrow stream of its own with its schema, compressed, without
//! a checksum; entries did not say when they became known, and selections did not carry their positions.
//!
//! ```text
//! journal    1 | length of name u8 | stream name | rows
//! decisions  1 | length of name u8 | stream name | count u32 | first rows u32... | length u32 | selections | hits
//! meta end   next position u64
//! ```

use std::io::Cursor;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use arrow::ipc::reader::StreamReader;
use haechi_model::Stream;

use crate::bytes::Reader;
use crate::commit::Encoded;
use crate::database::{Database, Pair, Put, Table, corrupt, key_position, position_key};
use crate::meta::{self, End};
use crate::{Decisions, Entry, StoreError, envelope};

const FORMAT: u8 = 1;
/// How many values are rewritten at once.
const AT_ONCE: usize = 16;

/// Rewrites the journal and its decisions.
pub(super) fn to_2(path: &Path, database: &Database) -> Result<(), StoreError> {
    let (mut from, mut known_at_ms) = (0, 0);
    loop {
        let view = database.view();
        let pairs = view.from(Table::Journal, &position_key(from)).take(AT_ONCE).collect::<Result<Vec<Pair>, _>>()?;
        let Some((last, _)) = pairs.last() else { break };
        from = key_position(last).map_or(u64::MAX, |last| last.saturating_add(1));
        let mut puts = Vec::new();
        for (key, value) in pairs.iter().filter(|(_, value)| value.first() == Some(&FORMAT)) {
            let decisions = view.get(Table::Decisions, key)?;
            let encoded = rewritten(key, value, decisions.as_deref())?;
            known_at_ms = known_at_ms.max(encoded.known_at_ms.unwrap_or_default());
            puts.extend(
                encoded.schemas.iter().map(|schema| {
                    Put::new(Table::Schemas, schema.id.to_be_bytes(), envelope::seal(&[], &schema.message))
                }),
            );
            puts.extend(encoded.puts);
        }
        if !puts.is_empty() {
            super::write(path, database, &puts)?;
        }
    }
    let view = database.view();
    match view.get(Table::Meta, meta::END)?.as_deref().map(|value| (Reader(value).u64(), value.len())) {
        Some((Some(next), 8)) => super::write(path, database, &[meta::put_end(End { next, known_at_ms })]),
        _ => Ok(()),
    }
}

/// An entry and its decisions as they are written now.
fn rewritten(key: &[u8], value: &[u8], decisions: Option<&[u8]>) -> Result<Encoded, StoreError> {
    let in_journal = |reason: String| corrupt(Table::Journal, key, reason);
    let first = key_position(key).ok_or_else(|| in_journal("its key is no position".to_owned()))?;
    let (stream, rows) = opened(value).and_then(|(stream, rows)| Ok((stream, batch(rows)?))).map_err(in_journal)?;
    let decided = decisions.map(|value| {
        let (_, rest) = opened(value)?;
        let mut reader = Reader(rest);
        let count = reader.u32().ok_or(SHORT)?;
        let first_rows = (0..count).map(|_| reader.u32()).collect::<Option<Vec<_>>>().ok_or(SHORT)?;
        let selections = batch(reader.part().ok_or(SHORT)?)?;
        Ok(Decisions { selections, hits: batch(reader.0)?, first_rows })
    });
    let decided = decided.transpose().map_err(|reason: String| corrupt(Table::Decisions, key, reason))?;
    let known_at_ms = known_at_ms(&rows);
    let mut encoded = Encoded::default();
    // What the index has of its subjects stays as it is.
    encoded.entry(&Entry { first, stream, known_at_ms, rows, subjects: None, decided })?;
    Ok(encoded)
}

const SHORT: &str = "it ends too early";

/// What a value is of, and what follows that.
fn opened(value: &[u8]) -> Result<(&'static Stream, &[u8]), String> {
    let mut reader = Reader(value);
    let (format, name_bytes) = (reader.u8().ok_or(SHORT)?, reader.u8().ok_or(SHORT)?);
    let name = String::from_utf8_lossy(reader.take(name_bytes as usize).ok_or(SHORT)?);
    let stream = Stream::find(&name).filter(|_| format == FORMAT);
    Ok((stream.ok_or_else(|| format!("it is of stream `{name}`, which this program lacks"))?, reader.0))
}

fn batch(compressed: &[u8]) -> Result<RecordBatch, String> {
    let stream = zstd::decode_all(compressed).map_err(|error| error.to_string())?;
    let mut reader = StreamReader::try_new(Cursor::new(stream), None).map_err(|error| error.to_string())?;
    reader.next().ok_or("it has no rows")?.map_err(|error| error.to_string())
}

/// Rows carried it themselves.
fn known_at_ms(rows: &RecordBatch) -> i64 {
    let known_at = rows.column_by_name("known_at").and_then(|c| c.as_primitive_opt::<TimestampMillisecondType>());
    known_at.and_then(|known_at| known_at.iter().flatten().max()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use arrow::ipc::writer::StreamWriter;

    use super::*;
    use crate::bytes::put_part;
    use crate::database::Durability;
    use crate::support::{self, everything, options, subject};
    use crate::{Commit, Store, StoreOptions, subjects};

    fn stream(batch: &RecordBatch) -> Vec<u8> {
        let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        zstd::encode_all(&writer.into_inner().unwrap()[..], 1).unwrap()
    }

    /// What the program of format 1 wrote for an entry.
    fn written(entry: &Entry) -> Vec<Put> {
        let key = position_key(entry.first);
        let mut begin = vec![FORMAT, entry.stream.name.len() as u8];
        begin.extend_from_slice(entry.stream.name.as_bytes());
        let mut puts = vec![Put::new(Table::Journal, key, [begin.clone(), stream(&entry.rows)].concat())];
        if let Some(decisions) = &entry.decided {
            let mut value = begin;
            value.extend_from_slice(&(decisions.first_rows.len() as u32).to_le_bytes());
            value.extend(decisions.first_rows.iter().flat_map(|row| row.to_le_bytes()));
            put_part(&stream(&decisions.selections), &mut value);
            value.extend(stream(&decisions.hits));
            puts.push(Put::new(Table::Decisions, key, value));
        }
        let next = entry.first + entry.rows.num_rows() as u64;
        puts.push(Put::new(Table::Meta, meta::END, next.to_le_bytes()));
        let index = Commit { entries: vec![entry.clone()], ..Commit::default() }.encode().unwrap();
        puts.extend(index.puts.into_iter().filter(|put| put.table == Table::Subjects));
        puts
    }

    #[test]
    fn a_store_of_format_1_is_read_as_if_it_had_been_written_now() {
        let entries: Vec<Entry> = (0..40)
            .map(|i| support::entry(1 + i * 10, &[subject(format!("a{i}"), 1, 3), subject(format!("b{i}"), 2, 5)]))
            .collect();
        let [old, new] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let store = Store::open(new.path(), &options()).unwrap();
        for entry in &entries {
            store.write(vec![Commit { entries: vec![entry.clone()], ..Commit::default() }.encode().unwrap()]).unwrap();
        }

        let database = Database::open(old.path(), &StoreOptions::default()).unwrap();
        let mut puts: Vec<Put> = entries.iter().flat_map(written).collect();
        puts.push(meta::put_format(1));
        // As if it had been killed while it migrated: one entry is of the next format already.
        let begun = Commit { entries: vec![entries[1].clone()], ..Commit::default() }.encode().unwrap();
        let schemas = begun.schemas.iter();
        let schema = |s: &crate::columns::WrittenSchema| {
            Put::new(Table::Schemas, s.id.to_be_bytes(), envelope::seal(&[], &s.message))
        };
        puts.extend(schemas.map(schema));
        puts.extend(begun.puts);
        for puts in puts.chunks(50) {
            database.write(puts, Durability::System).unwrap();
        }
        drop(database);

        for _ in 0..2 {
            let migrated = Store::open(old.path(), &options()).unwrap();
            assert_eq!(everything(&migrated), everything(&store));
            let report = migrated.verify(|_| ()).unwrap();
            assert_eq!((report.faults, report.rows, report.selections), (vec![], 320, 80));
            let versions = migrated.versions(entries[3].stream, ["b3"]).unwrap();
            assert_eq!(versions, store.versions(entries[3].stream, ["b3"]).unwrap());
            assert_eq!(subjects::decode(&subjects::encode(&versions[0])).unwrap(), versions[0]);
        }
    }

    #[test]
    fn a_damaged_value_of_format_1_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &StoreOptions::default()).unwrap();
        let mut puts = written(&support::entry(1, &[subject("a", 1, 3)]));
        puts[0].value = Some(puts[0].value.as_ref().unwrap()[..40].into());
        puts.push(meta::put_format(1));
        database.write(&puts, Durability::Disk).unwrap();
        drop(database);
        let error = Store::open(folder.path(), &options()).unwrap_err();
        assert!(error.to_string().starts_with("journal at position 1: "), "{error}");
    }
}
