//! What holds for the whole store: its format, where it begins and ends, how many units are set aside.

use std::collections::BTreeMap;

use crate::bytes::Reader;
use crate::database::{Put, Table, View, json_value};
use crate::{Position, QuarantineCount, QuarantineState, StoreError};

pub(crate) const FORMAT: &[u8] = b"format";
/// In every commit, and nowhere else: by it commits are told from other writes in the log.
pub(crate) const END: &[u8] = b"\0end";
const FORGOTTEN: &[u8] = b"forgotten";
const COUNTS: &[u8] = b"quarantine";

/// Where the journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The position after the last.
    pub next: Position,
    /// When the last entry became known, in ms since 1970 UTC.
    pub known_at_ms: i64,
}

pub(crate) fn put_end(end: End) -> Put {
    let mut value = end.next.to_le_bytes().to_vec();
    value.extend_from_slice(&end.known_at_ms.to_le_bytes());
    Put::new(Table::Meta, END, value)
}

pub(crate) fn end(view: &View<'_>) -> Result<End, StoreError> {
    let Some(value) = view.get(Table::Meta, END)? else { return Ok(End { next: 1, known_at_ms: 0 }) };
    let mut reader = Reader(&value);
    match (reader.u64(), reader.i64()) {
        (Some(next), Some(known_at_ms)) => Ok(End { next, known_at_ms }),
        _ => Err(view.corrupt(Table::Meta, END, "it is cut off")),
    }
}

pub(crate) fn put_format(format: u32) -> Put {
    Put::new(Table::Meta, FORMAT, format.to_le_bytes())
}

/// `None` where the store is new.
pub(crate) fn format(view: &View<'_>) -> Result<Option<u32>, StoreError> {
    let value = view.get(Table::Meta, FORMAT)?;
    let read = |value: &[u8]| Reader(value).u32().ok_or_else(|| view.corrupt(Table::Meta, FORMAT, "it is cut off"));
    value.map(|value| read(&value)).transpose()
}

pub(crate) fn put_forgotten(before: Position) -> Put {
    Put::new(Table::Meta, FORGOTTEN, before.to_le_bytes())
}

/// What lies before this position may have been forgotten.
pub(crate) fn forgotten(view: &View<'_>) -> Result<Position, StoreError> {
    let value = view.get(Table::Meta, FORGOTTEN)?;
    Ok(value.and_then(|value| Reader(&value).u64()).unwrap_or_default())
}

/// How many units are set aside, by code and state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(BTreeMap<(String, QuarantineState), u64>);

impl Counts {
    pub fn read(view: &View<'_>) -> Result<Self, StoreError> {
        let Some(value) = view.get(Table::Meta, COUNTS)? else { return Ok(Self::default()) };
        let counts: Vec<QuarantineCount> = view.json(Table::Meta, COUNTS, &value)?;
        Ok(Self(counts.into_iter().map(|count| ((count.code, count.state), count.units)).collect()))
    }

    pub fn put(self) -> Result<Put, StoreError> {
        Ok(Put::new(Table::Meta, COUNTS, json_value(&self.list())?))
    }

    pub fn add(&mut self, code: String, state: QuarantineState) {
        *self.0.entry((code, state)).or_default() += 1;
    }

    pub fn take(&mut self, code: &str, state: QuarantineState) {
        if let Some(units) = self.0.get_mut(&(code.to_owned(), state)) {
            *units = units.saturating_sub(1);
        }
    }

    pub fn list(self) -> Vec<QuarantineCount> {
        let counts = self.0.into_iter().filter(|(_, units)| *units > 0);
        counts.map(|((code, state), units)| QuarantineCount { code, state, units }).collect()
    }
}
