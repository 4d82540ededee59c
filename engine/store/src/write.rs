//! Commits become durable here, several with one sync; and what happens when that fails.
//!
//! The database writes a batch to its log, syncs the log, and only then shows the batch to readers. When the log cannot
//! be written or synced, nothing of the batch is seen, and the database takes nothing more until it is opened again.
//! What of the batch reached the disk is then unknown: after a failed sync the system may have kept some pages and
//! dropped others, and may say of the next sync that all is well. So [`Store::recover`] writes the log anew as it can
//! be read, syncs that, opens it, and takes the batch back where it turns up. A failed write is a write that did not
//! happen. (One whose thread dies after readers could see it has happened, and stays.) Whoever writes next recovers.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Release;
use std::sync::{MutexGuard, PoisonError};

use crate::database::{Database, Durability, Put, Table, View, corrupt, json_value, position_key};
use crate::meta::{self, Counts, End};
use crate::{Encoded, Position, Resolution, SetAsideRecord, Store, StoreError, log, migrate};

/// What is known about writes. Behind the lock that lets one write at a time.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Whether a write failed, and the database takes nothing more.
    failed: bool,
    /// What the failed write was to write.
    doubtful: Vec<Put>,
    /// What its keys had before; known from the first attempt to recover on.
    before: Option<Vec<Put>>,
    /// Stands for a sync that failed after the system had the bytes.
    #[cfg(feature = "failpoints")]
    unsynced: bool,
}

impl Writer {
    /// Reads what the keys of the failed write have, as long as the database has not been opened again.
    fn remember(&mut self, database: &Database) -> Result<(), StoreError> {
        if self.before.is_some() {
            return Ok(());
        }
        let view = database.view();
        let before = |put: &Put| Ok(Put { value: view.get(put.table, &put.key)?, ..put.clone() });
        self.before = Some(self.doubtful.iter().map(before).collect::<Result<_, StoreError>>()?);
        Ok(())
    }
}

impl Store {
    /// Writes commits in their order with one sync. When it returns they are durable, and visible from one instant on;
    /// when it fails, nothing of any of them is visible, nor ever will be. The caller may write the same again.
    ///
    /// Begins with [`Store::recover`] where a write failed before, whoever's that was.
    ///
    /// Positions are to rise from commit to commit, and to begin at [`Store::next_position`] or later.
    pub fn write(&self, commits: impl AsRef<[Encoded]>) -> Result<(), StoreError> {
        let commits = commits.as_ref();
        if commits.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer();
        if writer.failed || self.open_database().is_none() {
            self.recover_from(&mut writer)?;
        }
        let open = self.open_database();
        let database = self.opened(&open)?;
        let group = Group::gather(database, commits)?;
        // Set before and taken back after, so that a panic in between counts as a failure.
        writer.doubtful = group.puts;
        writer.failed = true;
        // Readers see rows as soon as the database has them. Where the write fails, recovering begins with none.
        for (id, message) in group.schemas {
            database.schemas.add(id, &message).map_err(|reason| corrupt(Table::Schemas, &id.to_be_bytes(), reason))?;
        }
        let written = database.wait_for_room().and_then(|()| commit(database, &mut writer));
        if let Err(reason) = written {
            tracing::error!(store = %self.path().display(), reason, "a commit failed: nothing of it is kept");
            return Err(self.not_written(reason));
        }
        self.set_end(group.end);
        writer.doubtful.clear();
        writer.failed = false;
        Ok(())
    }

    /// Opens the database again, in place, after a write failed or whenever it is wanted. Nothing of the failed write
    /// is there afterwards. Readers wait meanwhile. Where this fails, nothing is served until a later attempt succeeds.
    /// A store that was closed stays closed.
    ///
    /// Needs room for a copy of the newest file of the log, 64 MiB or a little more.
    pub fn recover(&self) -> Result<(), StoreError> {
        self.recover_from(&mut self.writer())
    }

    fn recover_from(&self, writer: &mut Writer) -> Result<(), StoreError> {
        if self.is_closed() {
            return Err(self.closed());
        }
        let mut open = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.as_ref() {
            writer.remember(database)?;
            #[cfg(feature = "failpoints")]
            if std::mem::take(&mut writer.unsynced) {
                let _ = database.write(&writer.doubtful, Durability::System);
            }
        }
        *open = None;
        fail::fail_point!("store::reopen", |reason| Err(self.not_written(reason.unwrap_or_default())));
        log::rewrite(self.path())?;
        let database = Database::open(self.path(), self.options())?;
        migrate::to_current(self.path(), &database)?;
        if let Some(before) = &writer.before {
            let changed = changed(&database, before)?;
            take_back(&database, &changed).map_err(|reason| self.not_written(reason))?;
        }
        // Not before: a schema that is taken back has to be written with the next entry that needs it.
        database.load_schemas()?;
        let end = meta::end(&database.view())?;
        self.set_end(end);
        *open = Some(database);
        *writer = Writer::default();
        tracing::info!(store = %self.path().display(), next = end.next, "the store has recovered");
        Ok(())
    }

    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_end(&self, end: End) {
        self.0.known_at_ms.store(end.known_at_ms, Release);
        self.0.next.store(end.next, Release);
    }
}

/// The steps that tests make fail.
fn commit(database: &Database, writer: &mut Writer) -> Result<(), String> {
    fail::fail_point!("store::commit", |reason| Err(reason.unwrap_or_default()));
    #[cfg(feature = "failpoints")]
    fail::fail_point!("store::sync", |reason| {
        writer.unsynced = true;
        Err(reason.unwrap_or_default())
    });
    database.write(&writer.doubtful, Durability::Disk)?;
    fail::fail_point!("store::committed");
    Ok(())
}

/// What there was before, where it is not what there is now.
fn changed(database: &Database, before: &[Put]) -> Result<Vec<Put>, StoreError> {
    let view = database.view();
    let mut changed = Vec::new();
    for put in before {
        if view.get(put.table, &put.key)? != put.value {
            changed.push(put.clone());
        }
    }
    Ok(changed)
}

fn take_back(database: &Database, changed: &[Put]) -> Result<(), String> {
    if changed.is_empty() {
        return Ok(());
    }
    fail::fail_point!("store::take_back", |reason| Err(reason.unwrap_or_default()));
    tracing::warn!(values = changed.len(), "a failed commit had reached the log: it is taken back");
    database.write(changed, Durability::Disk)
}

/// Commits that are written together.
struct Group {
    puts: Vec<Put>,
    schemas: Vec<(u64, std::sync::Arc<[u8]>)>,
    end: End,
}

impl Group {
    fn gather(database: &Database, commits: &[Encoded]) -> Result<Self, StoreError> {
        let view = database.view();
        let mut end = meta::end(&view)?;
        let mut puts: Vec<Put> = Vec::with_capacity(commits.iter().map(|commit| commit.puts.len() + 2).sum());
        let mut schemas: Vec<(u64, std::sync::Arc<[u8]>)> = Vec::new();
        let mut counted = Vec::new();
        let (mut resolved, mut forgotten) = (Vec::new(), Vec::new());
        // Values are counted references: the caller keeps its own, to write again what failed.
        for commit in commits.iter().cloned() {
            if let Some((first, after)) = commit.positions {
                if first < end.next {
                    let reason = format!("position {first} comes after position {}", end.next - 1);
                    return Err(StoreError::Inconsistent { reason });
                }
                end.next = after;
            }
            end.known_at_ms = end.known_at_ms.max(commit.known_at_ms.unwrap_or(end.known_at_ms));
            for schema in commit.schemas {
                let written = schemas.iter().any(|(id, _)| *id == schema.id);
                if !written && database.schemas.get(schema.id).is_none() {
                    let value = crate::envelope::seal(&[], &schema.message);
                    puts.push(Put::new(Table::Schemas, schema.id.to_be_bytes(), value));
                    schemas.push((schema.id, schema.message));
                }
            }
            for file in commit.files {
                if !view.contains(Table::Files, &file.key)? {
                    puts.push(file);
                }
            }
            puts.extend(commit.puts);
            counted.extend(commit.counted);
            resolved.extend(commit.resolved);
            forgotten.extend(commit.forgotten);
        }
        if !(counted.is_empty() && resolved.is_empty() && forgotten.is_empty()) {
            quarantine(&view, &mut puts, counted, resolved, forgotten)?;
        }
        puts.push(meta::put_end(end));
        Ok(Self { puts: last_of_each(puts), schemas, end })
    }
}

/// Writes down what became of units, removes those to be forgotten, and counts.
fn quarantine(
    view: &View<'_>,
    puts: &mut Vec<Put>,
    counted: Vec<(String, crate::QuarantineState)>,
    resolved: Vec<(Position, Resolution)>,
    forgotten: Vec<Position>,
) -> Result<(), StoreError> {
    let begin = meta::forgotten(view)?;
    let mut counts = Counts::read(view)?;
    for (code, state) in counted {
        counts.add(code, state);
    }
    for (position, resolution) in resolved {
        let key = position_key(position);
        let same = puts.iter().rev().find(|put| put.table == Table::Quarantine && *put.key == key);
        let value = match same.and_then(|put| put.value.clone()) {
            Some(value) => Some(value),
            None => view.get(Table::Quarantine, &key)?,
        };
        let value = match value {
            Some(value) => value,
            // Somebody else resolved it meanwhile, and it is so old that it went.
            None if position < begin => continue,
            None => return Err(StoreError::NotSetAside { position }),
        };
        let mut record: SetAsideRecord = view.json(Table::Quarantine, &key, &value)?;
        counts.take(&record.code, record.state());
        record.resolve(resolution);
        counts.add(record.code.clone(), record.state());
        puts.push(Put::new(Table::Quarantine, key, json_value(&record)?));
    }
    for position in forgotten {
        let key = position_key(position);
        let Some(value) = view.get(Table::Quarantine, &key)? else { continue };
        let record: SetAsideRecord = view.json(Table::Quarantine, &key, &value)?;
        counts.take(&record.code, record.state());
        puts.push(Put::remove(Table::Quarantine, key));
    }
    puts.push(counts.put()?);
    Ok(())
}

/// Of several values for a key the last. The database takes each key once in a batch.
fn last_of_each(mut puts: Vec<Put>) -> Vec<Put> {
    let mut seen = HashSet::with_capacity(puts.len());
    let last: Vec<bool> = puts.iter().rev().map(|put| seen.insert((put.table, &put.key))).collect();
    drop(seen);
    let mut last = last.into_iter().rev();
    puts.retain(|_| last.next().unwrap_or(true));
    puts
}
