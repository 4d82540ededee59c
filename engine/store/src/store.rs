//! The store itself.

use std::path::Path;
use std::sync::Arc;

use haechi_model::Stream;

use crate::{
    DeadLetter, Encoded, Position, Progress, QuarantineCount, QuarantineFilter, Release, ReleaseSummary, Report,
    SetAsideRecord, Sizes, StoreError, StoreOptions, StoredDecisions, StoredEntry, SubjectVersion,
};

/// An open store. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<()>);

#[expect(unused_variables, clippy::needless_pass_by_value, clippy::unused_self, reason = "bodies follow")]
impl Store {
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        soon()
    }
    pub fn next_position(&self) -> Position {
        1
    }
    pub fn last_known_at_ms(&self) -> i64 {
        0
    }
    pub fn write(&self, commits: &[Encoded]) -> Result<(), StoreError> {
        soon()
    }
    pub fn recover(&self) -> Result<(), StoreError> {
        soon()
    }
    pub fn versions<'a>(
        &self,
        stream: &Stream,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Vec<SubjectVersion>>, StoreError> {
        soon()
    }
    pub fn entry(&self, position: Position) -> Result<Option<StoredEntry>, StoreError> {
        soon()
    }
    pub fn entries(&self, from: Position) -> impl Iterator<Item = Result<StoredEntry, StoreError>> + Send + use<> {
        std::iter::empty()
    }
    pub fn decisions(
        &self,
        after: Position,
    ) -> impl Iterator<Item = Result<StoredDecisions, StoreError>> + Send + use<> {
        std::iter::empty()
    }
    /// `version: None` is the last one decided on.
    pub fn selection(
        &self,
        stream: &Stream,
        id: &str,
        version: Option<i32>,
    ) -> Result<Option<StoredDecisions>, StoreError> {
        soon()
    }
    pub fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        soon()
    }
    pub fn cursor(&self, sink: &str) -> Result<Option<Position>, StoreError> {
        soon()
    }
    pub fn set_cursor(&self, sink: &str, delivered: Position) -> Result<(), StoreError> {
        soon()
    }
    pub fn put_dead_letters(&self, sink: &str, letters: &[DeadLetter]) -> Result<(), StoreError> {
        soon()
    }
    pub fn dead_letters(&self, sink: &str, after: Position, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        soon()
    }
    pub fn remove_dead_letters(&self, sink: &str, positions: &[Position]) -> Result<(), StoreError> {
        soon()
    }
    pub fn quarantine(
        &self,
        filter: &QuarantineFilter,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, SetAsideRecord)>, StoreError> {
        soon()
    }
    pub fn set_aside(&self, position: Position) -> Result<Option<SetAsideRecord>, StoreError> {
        soon()
    }
    pub fn quarantine_counts(&self) -> Vec<QuarantineCount> {
        Vec::new()
    }
    pub fn release_at(&self, position: Position) -> Result<Option<(Position, Release)>, StoreError> {
        soon()
    }
    pub fn releases(&self) -> Result<Vec<ReleaseSummary>, StoreError> {
        soon()
    }
    pub fn state(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        soon()
    }
    /// Keys that begin with `prefix` and come after `after`, at most `limit`.
    pub fn states(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        soon()
    }
    pub fn sizes(&self) -> Result<Sizes, StoreError> {
        soon()
    }
    pub fn forget_before(&self, position: Position) -> Result<(), StoreError> {
        soon()
    }
    pub fn verify(&self, progress: impl FnMut(Progress)) -> Result<Report, StoreError> {
        soon()
    }
}

fn soon<T>() -> Result<T, StoreError> {
    Err(StoreError::Inconsistent { reason: "the store keeps nothing yet".to_owned() })
}
