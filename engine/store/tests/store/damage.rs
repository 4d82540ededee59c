//! Damaged files: recognised, named, and never served.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use haechi_store::{Position, Store, StoreError, StoreOptions};

use crate::support::*;

/// A store some of whose entries are in tables, in files of large values, and in the log only.
fn filled(folder: &Path) -> Vec<(Position, RecordBatch)> {
    let store = Store::open(folder, &StoreOptions { write_buffer_bytes: 64 << 10, ..options() }).unwrap();
    let mut random = 1_u64;
    let mut letter = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + (random >> 40) as u8 % 94)
    };
    for round in 0..26 {
        // Long and random, so that a few fill a table.
        let id = (0..6_000).map(|_| letter()).collect::<String>();
        write(&store, &[subject(id, 1, 1), subject(format!("{round}"), 1, 1)]).unwrap();
    }
    store.entries(0).map(Result::unwrap).map(|entry| (entry.first, entry.decode().unwrap())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(self::files(&entry.path()));
        } else if entry.metadata().unwrap().len() > 0 {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        // The log is made long and filled: without the zeros at its end it is the same.
        let content = fs::read(&file).unwrap();
        let end = if file.extension().is_some_and(|e| e == "jnl") { last(&content) } else { content.len() };
        fs::write(target, &content[..end]).unwrap();
    }
    fs::write(to.join("lock"), b"").unwrap();
}

/// Where the last byte that is not zero ends.
fn last(content: &[u8]) -> usize {
    let filled = content.chunks(4_096).rposition(|chunk| chunk != &[0; 4_096][..chunk.len()]).unwrap_or(0) * 4_096;
    content.len().min(filled + 4_096)
}

#[test]
fn a_flipped_byte_in_any_file_is_never_served() {
    let whole = tempfile::tempdir().unwrap();
    let entries = filled(whole.path());
    let (mut refused, mut named) = (0, 0);
    let trimmed = tempfile::tempdir().unwrap();
    copy(whole.path(), trimmed.path());
    let whole = trimmed;
    for (i, file) in files(whole.path()).iter().enumerate() {
        let bytes = fs::metadata(file).unwrap().len();
        let place = bytes * (i as u64 % 7) / 8;
        let damaged = tempfile::tempdir().unwrap();
        copy(whole.path(), damaged.path());
        let path = damaged.path().join(file.strip_prefix(whole.path()).unwrap());
        let mut content = fs::read(&path).unwrap();
        content[place as usize] ^= 0x10;
        fs::write(&path, content).unwrap();
        let store = match Store::open(damaged.path(), &options()) {
            Ok(store) => store,
            Err(error) => {
                refused += 1;
                let folder = damaged.path().display().to_string();
                let corrupt = matches!(error, StoreError::Corrupt { .. });
                assert!(corrupt || error.to_string().starts_with(&folder), "{}: {error}", file.display());
                continue;
            }
        };
        let mut errors = 0;
        let mut read = Vec::new();
        for entry in store.entries(0) {
            match entry.and_then(|entry| Ok((entry.first, entry.decode()?))) {
                Ok(entry) => read.push(entry),
                Err(_) => errors += 1,
            }
        }
        assert!(read.iter().all(|entry| entries.contains(entry)), "{} at {place}", file.display());
        assert!(errors > 0 || read == entries, "{} at {place}: lost without a word", file.display());
        let report = store.verify(|_| ()).is_ok_and(|report| report.is_sound());
        assert!(errors == 0 || !report);
        named += usize::from(errors > 0 || !report);
    }
    assert!(refused > 0 && named > 0, "{refused} refused, {named} named");
}

#[test]
fn a_log_cut_off_in_the_last_write_is_no_damage_and_one_that_is_bad_before_a_commit_is() {
    let whole = tempfile::tempdir().unwrap();
    let store = open(whole.path());
    let log = whole.path().join("0.jnl");
    let mut ends = Vec::new();
    for id in ["a", "b", "c"] {
        write(&store, &[subject(id, 1, 3)]).unwrap();
        let content = fs::read(&log).unwrap();
        ends.push(content.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    }
    let before = everything(&store);
    drop(store);
    let opened = |change: &dyn Fn(&mut Vec<u8>)| {
        let damaged = tempfile::tempdir().unwrap();
        copy(whole.path(), damaged.path());
        let path = damaged.path().join("0.jnl");
        let mut content = fs::read(&path).unwrap();
        change(&mut content);
        fs::write(&path, content).unwrap();
        Store::open(damaged.path(), &options()).map(|store| {
            write(&store, &[subject("d", 1, 1)]).expect("it goes on");
            store.entries(0).map(|entry| entry.unwrap().first).collect::<Vec<_>>()
        })
    };
    assert!(before.starts_with("next 10 "));
    assert_eq!(opened(&|_| ()).unwrap(), [1, 4, 7, 10]);
    // The last commit is cut, or has a page that did not reach the disk: it was never acknowledged.
    assert_eq!(opened(&|log| log.truncate(ends[2] - 1)).unwrap(), [1, 4, 7]);
    assert_eq!(opened(&|log| log.truncate(ends[1] + 5)).unwrap(), [1, 4, 7]);
    assert_eq!(opened(&|log| log[ends[1] + 100..ends[1] + 300].fill(0)).unwrap(), [1, 4, 7]);
    assert_eq!(opened(&|log| log[ends[1]..ends[1] + 40].fill(0)).unwrap(), [1, 4, 7]);
    // An earlier one was.
    for place in [ends[0], ends[0] + 3, ends[0] + 100, ends[1] - 2] {
        let error = opened(&|log| log[place] ^= 1).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(&format!("0.jnl: the log cannot be read at byte {}", ends[0])), "{error}");
    }
}

#[test]
fn a_log_that_went_bad_before_a_commit_is_damage_also_to_a_store_that_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for id in ["a", "b", "c"] {
        write(&store, &[subject(id, 1, 3)]).unwrap();
    }
    let log = folder.path().join("0.jnl");
    let mut content = fs::read(&log).unwrap();
    content[1_000] ^= 1;
    fs::write(&log, &content).unwrap();
    for _ in 0..2 {
        let error = store.recover().unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }) && !error.may_pass(), "{error}");
        let error = write(&store, &[subject("d", 1, 1)]).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
    assert!(fs::read(&log).unwrap() == content, "it is left as it is, to be looked at");
}

/// Every table of the database: blocks of keys and values.
fn tables(folder: &Path) -> Vec<PathBuf> {
    let is_table = |file: &PathBuf| file.parent().is_some_and(|parent| parent.ends_with("tables"));
    files(folder).into_iter().filter(is_table).collect()
}

#[test]
fn a_damaged_block_of_any_table_is_in_the_report() {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path());
    let mut told = 0;
    for table in tables(whole.path()) {
        let damaged = tempfile::tempdir().unwrap();
        copy(whole.path(), damaged.path());
        let path = damaged.path().join(table.strip_prefix(whole.path()).unwrap());
        let mut content = fs::read(&path).unwrap();
        // Beyond the head of the first block.
        content[60] ^= 0x10;
        fs::write(&path, content).unwrap();
        let store = match Store::open(damaged.path(), &options()) {
            Ok(store) => store,
            // What the store itself needs to open.
            Err(StoreError::Corrupt { .. } | StoreError::Damaged { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        let report = store.verify(|_| ()).unwrap();
        let is_told = report.faults.iter().any(|fault| fault.contains("a block does not have its checksum"));
        assert!(!report.is_sound() && is_told, "{}: {report:?}", path.display());
        told += 1;
    }
    assert!(told > 0, "some of the journal is in tables");
}

#[test]
fn a_value_that_is_not_what_was_written_is_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for id in ["a", "b"] {
        write(&store, &[subject(id, 1, 3)]).unwrap();
    }
    drop(store);
    for (i, keyspace) in ["journal", "decisions"].into_iter().enumerate() {
        // Its block is whole, and so is the log: the value alone tells.
        let database = fjall::Database::builder(folder.path()).open().unwrap();
        let values = database.keyspace(keyspace, fjall::KeyspaceCreateOptions::default).unwrap();
        let key = 4_u64.to_be_bytes();
        let mut value = values.get(key).unwrap().unwrap().to_vec();
        *value.last_mut().unwrap() ^= 1;
        values.insert(key, value).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
        drop((values, database));
        let report = open(folder.path()).verify(|_| ()).unwrap();
        assert_eq!(report.faulty, i as u64 + 1, "{report:?}");
        let is_told = |fault: &String| fault.contains(keyspace) && fault.contains("position 4: checksum");
        assert!(report.faults.iter().any(is_told), "{report:?}");
    }
}
