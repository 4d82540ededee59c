//! The last records about an entity: what was decided, by which rules, and what was found.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use haechi_store::{Position, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::block::{Ids, identities};

/// A record about an entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecentRecord {
    /// Where it stands in the journal.
    pub position: Position,
    /// Its stream.
    pub stream: String,
    /// Its subject, or what tells the fact from others.
    pub id: String,
    /// When it became known, in ms since 1970 UTC.
    pub known_at_ms: i64,
    /// The lane it got; none for facts.
    pub lane: Option<String>,
    /// The rules that hit it.
    pub rules: Vec<String>,
    /// Of an outcome: what was found.
    pub result: Option<String>,
    /// Of an outcome: how bad, 0 to 3.
    pub severity: Option<i32>,
}

/// The records at these positions, in their order; those that were archived and forgotten are left out.
pub fn recent_records(store: &Store, positions: &[Position]) -> Result<Vec<RecentRecord>, StoreError> {
    let mut records = Vec::with_capacity(positions.len());
    for position in positions {
        let entry = match store.entry(*position) {
            Ok(Some(entry)) => entry,
            Ok(None) | Err(StoreError::Forgotten { .. }) => continue,
            Err(error) => return Err(error),
        };
        let (rows, row) = (entry.decode()?, (position - entry.first) as usize);
        let identities = identities(entry.stream, &rows).ok().flatten();
        let Some(id) = identities.as_ref().and_then(Ids::of).and_then(|ids| ids.get(row).map(str::to_owned)) else {
            continue;
        };
        let version = number(&rows, "version", row);
        let selection = match entry.stream.lanes {
            Some(_) => store.selection(entry.stream, &id, version)?,
            None => None,
        };
        let mut rules = Vec::new();
        if let Some(selection) = &selection {
            let hits = selection.hits()?;
            for rule in (0..hits.num_rows()).filter_map(|hit| text(&hits, "rule_id", hit)) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        records.push(RecentRecord {
            position: *position,
            stream: entry.stream.name.to_owned(),
            // The parts of the key of a fact.
            id: id.split('\u{1f}').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
            known_at_ms: entry.known_at_ms,
            lane: selection.and_then(|selection| text(&selection.selections, "lane", 0)),
            rules,
            result: text(&rows, "result", row),
            severity: number(&rows, "severity", row),
        });
    }
    Ok(records)
}

fn text(rows: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let texts = cast(rows.column_by_name(column)?, &DataType::Utf8).ok()?;
    let texts = texts.as_string_opt::<i32>()?;
    (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row).to_owned())
}

fn number(rows: &RecordBatch, column: &str, row: usize) -> Option<i32> {
    let numbers = cast(rows.column_by_name(column)?, &DataType::Int32).ok()?;
    let numbers = numbers.as_primitive_opt::<Int32Type>()?;
    (row < numbers.len() && numbers.is_valid(row)).then(|| numbers.value(row))
}
