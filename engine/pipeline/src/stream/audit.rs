//! What was told of features, worked out again from the journal alone, and compared with what stands there; and what the
//! store has of entities, compared with what the journal leads to.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::kernels::cmp::not_distinct;
use haechi_profile::Profiler;
use haechi_store::{Position, Store};

use super::history::read;
use super::kept::usable_from;
use super::past::Past;
use super::reach::Reach;
use super::remembering::{Remembering, settle_error};
use super::sequencer::SettleError;
use crate::memory::MemoryPlan;
use crate::release::Release;

/// Differences that are told one by one.
const TOLD_MAX: usize = 20;

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct FeatureAudit {
    /// Values that stood with rows.
    pub values: u64,
    /// Of them those that come out otherwise.
    pub values_differ: u64,
    /// Entities that the journal leads to.
    pub entities: u64,
    /// Of them those that the store has otherwise.
    pub entities_differ: u64,
    /// The first differences: position and feature, or the kind of entity.
    pub first: Vec<String>,
}

impl FeatureAudit {
    /// Whether all is as it has to be.
    pub fn is_sound(&self) -> bool {
        self.values_differ + self.entities_differ == 0
    }

    fn differs(&mut self, what: String) {
        if self.first.len() < TOLD_MAX {
            self.first.push(what);
        }
    }
}

/// Why features cannot be worked out again.
#[derive(Debug, thiserror::Error)]
#[error("features cannot be worked out again: {0}")]
pub struct AuditError(String);

/// Works features out again as they were known at each record, under the definitions of a release, from the beginning of
/// the journal. Values are compared from the position on from which this release, or one with the same definitions, was in
/// force. All of the journal has to be there, and nobody may write meanwhile.
pub fn audit_features(store: &Store, release: &Release, from: Position) -> Result<FeatureAudit, AuditError> {
    audit(store, &release.memory, release, from).map_err(|error| AuditError(error.to_string()))
}

fn audit(
    store: &Store,
    plan: &Arc<MemoryPlan>,
    release: &Release,
    from: Position,
) -> Result<FeatureAudit, SettleError> {
    let mut audit = FeatureAudit::default();
    let mut again = plan.profiler();
    // Before that some were still being filled.
    let usable = plan.profiles().state_ids(plan.seed()).into_iter().map(|id| usable_from(store, id));
    let usable = usable.collect::<Result<Vec<_>, _>>()?;
    let from = usable.into_iter().flatten().fold(from, Position::max);
    let past = Past::new(store.clone(), Arc::default());
    let versions = |stream, ids: &[&str]| store.versions(stream, ids.iter().copied());
    read(plan, (&past, true), past.entries(0), &versions, |records, entries| {
        let wanted = release.decider(records.stream).map(|decider| Arc::clone(decider.features()));
        let wanted: Vec<&str> = wanted.iter().flat_map(|wanted| wanted.iter()).map(String::as_str).collect();
        let columns = again.pass(&records, &wanted).map_err(settle_error)?;
        for entry in entries.iter().filter(|entry| from <= entry.first) {
            let begin = (entry.first - records.first) as usize;
            for (name, column) in wanted.iter().zip(&columns) {
                audit.compare(&entry.rows, name, &column.slice(begin, entry.rows.num_rows()), entry.first)?;
            }
        }
        Ok(())
    })?;
    let kept = Remembering::start(store, Arc::clone(plan), Arc::default(), Reach::whole())?;
    audit.entities(&again, &kept.known(), store.last_known_at_ms())?;
    Ok(audit)
}

impl FeatureAudit {
    fn compare(
        &mut self,
        rows: &RecordBatch,
        name: &str,
        again: &arrow::array::ArrayRef,
        first: Position,
    ) -> Result<(), SettleError> {
        let Some(then) = rows.column_by_name(name) else {
            self.values_differ += again.len() as u64;
            self.differs(format!("position {first}: `{name}` does not stand with the rows"));
            return Ok(());
        };
        let same = not_distinct(then, again)?;
        self.values += same.len() as u64;
        for row in (0..same.len()).filter(|row| !same.value(*row)) {
            self.values_differ += 1;
            self.differs(format!("position {}: `{name}`", first + row as Position));
        }
        Ok(())
    }

    fn entities(&mut self, again: &Profiler, kept: &Profiler, now_ms: i64) -> Result<(), SettleError> {
        for ((name, id, _), entities) in again.kinds().zip(again.state()) {
            for (key, bytes) in entities {
                self.entities += 1;
                if again.is_over(id, &bytes, now_ms) {
                    continue;
                }
                if kept.packed(id, key).map_err(settle_error)?.as_deref() != Some(&*bytes) {
                    self.entities_differ += 1;
                    self.differs(format!("one of `{name}`"));
                }
            }
        }
        Ok(())
    }
}
