//! Formats of the store, and how one becomes the next. What is written is always the current one.
//!
//! A step rewrites values one by one, some at a time, each write durable and whole; it leaves alone what is of the next
//! format already. So it can be killed and begun again. The format is raised when all is rewritten.

use std::path::Path;

use crate::database::{Database, Durability, Put, Table};
use crate::{StoreError, envelope, meta};

mod v1;

/// The format that is written.
pub(crate) const CURRENT: u32 = envelope::FORMAT as u32;

type Step = fn(&Path, &Database) -> Result<(), StoreError>;

/// Steps from format 1 on.
const STEPS: [Step; CURRENT as usize - 1] = [v1::to_2];

/// Brings a database to the current format; one that is newer is refused.
pub(crate) fn to_current(path: &Path, database: &Database) -> Result<(), StoreError> {
    let Some(mut found) = meta::format(&database.view())? else { return begin(path, database) };
    if found > CURRENT {
        return Err(StoreError::Newer { path: path.to_owned(), found, known: CURRENT });
    }
    let steps = STEPS.get((found as usize).wrapping_sub(1)..);
    let steps = steps.ok_or_else(|| StoreError::Damaged {
        path: path.to_owned(),
        reason: format!("it says that its format is {found}"),
    })?;
    for step in steps {
        tracing::info!(path = %path.display(), from = found, to = found + 1, "the store is brought to a newer format");
        step(path, database)?;
        found += 1;
        write(path, database, &[meta::put_format(found)])?;
    }
    Ok(())
}

/// A store without a format is new.
fn begin(path: &Path, database: &Database) -> Result<(), StoreError> {
    if database.view().keys_from(Table::Journal, b"").next().is_some() {
        let reason = "it does not say which format it has".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    write(path, database, &[meta::put_format(CURRENT)])
}

fn write(path: &Path, database: &Database, puts: &[Put]) -> Result<(), StoreError> {
    let written = database.wait_for_room().and_then(|()| database.write(puts, Durability::Disk));
    written.map_err(|reason| StoreError::NotWritten { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, StoreOptions};

    #[test]
    fn a_newer_store_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &StoreOptions::default()).unwrap();
        database.write(&[meta::put_format(CURRENT + 1)], Durability::Disk).unwrap();
        drop(database);
        for _ in 0..2 {
            let error = Store::open(folder.path(), &StoreOptions::default()).unwrap_err();
            assert!(matches!(error, StoreError::Newer { found: 3, known: 2, .. }), "{error}");
            assert!(error.to_string().ends_with("use the one that wrote it or newer"), "{error}");
        }
    }
}
