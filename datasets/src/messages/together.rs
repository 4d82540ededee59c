//! Rows that are one message: they stand together in a batch.

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;

use super::record::{Record, Records};

/// The rows that a message may have, those of one message together: neighbours with the same values in `columns`.
pub(super) fn together(batch: &RecordBatch, columns: &[&str], takes: impl Fn(Record<'_>) -> bool) -> Vec<RecordBatch> {
    let rows = Records::from(batch);
    let key = |row: Record<'_>| -> Vec<String> {
        let part = |name: &&str| {
            let at = row.instant(name).map(|at| at.to_string());
            at.or_else(|| row.number(name).map(|n| n.to_string())).unwrap_or_else(|| row.text(name).to_owned())
        };
        columns.iter().map(part).collect()
    };
    let mut groups: Vec<(Vec<String>, Vec<u32>)> = Vec::new();
    for at in (0..rows.len()).filter(|at| takes(rows.at(*at))) {
        let key = key(rows.at(at));
        match groups.last_mut().filter(|(last, _)| *last == key) {
            Some((_, group)) => group.push(at as u32),
            None => groups.push((key, vec![at as u32])),
        }
    }
    groups.into_iter().filter_map(|(_, group)| take_record_batch(batch, &UInt32Array::from(group)).ok()).collect()
}
