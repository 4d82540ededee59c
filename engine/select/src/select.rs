//! A batch of subjects and their hits to a batch of selections.
//!
//! One pass over subjects and hits together. Where nothing was hit, which is most subjects, the cost is one draw
//! of the random arm and a few numbers pushed onto columns; names go into dictionaries that all batches share.

use std::ops::AddAssign;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use haechi_model::{Lane, SubjectKind};

use crate::batch::{RowHit, SubjectBatch};
use crate::columns::Columns;
use crate::selector::Selector;

/// What all selections of a batch have in common. Time comes in as a value: a replay gives the same selections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Content hash of the ruleset that the hits are from.
    pub ruleset_hash: [u8; 32],
    /// When the selection is decided: milliseconds since 1970, UTC.
    pub decided_at_ms: i64,
}

/// The selections of one batch.
#[derive(Clone, Debug)]
pub struct SelectedBatch {
    /// A row a subject, in the order of the subjects.
    pub selections: RecordBatch,
    /// For each hit, in the order in which hits came in: whether its rule kept it (see `share`).
    pub kept: Vec<bool>,
    /// What was selected, counted.
    pub counts: SelectionCounts,
}

/// Counts of selections; of several batches they add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionCounts {
    kind: SubjectKind,
    by_lane: Vec<u64>,
    /// Subjects that the random arm took.
    pub random: u64,
    /// Subjects that a trusted-trader rule lowered.
    pub lowered: u64,
    /// Subjects that a mandatory rule hit.
    pub mandatory: u64,
    /// Hits that were not kept.
    pub hits_not_kept: u64,
}

/// Why hits do not fit the subjects or the rules. Any of these is a mistake of the caller.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Subjects of another kind.
    #[error("a selector for `{}` was given subjects of `{}`", .selector.stream(), .subjects.stream())]
    OtherKind {
        /// What the selector decides about.
        selector: SubjectKind,
        /// What it was given.
        subjects: SubjectKind,
    },
    /// A hit on a row or by a rule that is not there.
    #[error("hit of rule {} on row {}, of {n_rules} rules and {n_rows} rows", .hit.rule, .hit.row)]
    NoSuchHit {
        /// The hit.
        hit: RowHit,
        /// How many rows there are.
        n_rows: usize,
        /// How many rules there are.
        n_rules: usize,
    },
    /// A stratum that the policy does not have.
    #[error("stratum {stratum} of a policy that has {n_strata}")]
    NoSuchStratum {
        /// The index given.
        stratum: u32,
        /// How many there are.
        n_strata: usize,
    },
    /// A subject that the batch does not have.
    #[error("subject {subject} of a batch that has {n_subjects}")]
    NoSuchSubject {
        /// The index given.
        subject: usize,
        /// How many there are.
        n_subjects: usize,
    },
    /// The columns do not make a batch.
    #[error("the selections do not fit their schema")]
    Columns(#[from] ArrowError),
}

impl Selector {
    /// Decides about every subject of a batch.
    ///
    /// Fastest where `hits` are sorted by row; any order gives the same selections. Cutting the subjects into other
    /// batches gives the same selections too.
    pub fn select(
        &self,
        subjects: &SubjectBatch,
        hits: &[RowHit],
        stamp: &Stamp,
    ) -> Result<SelectedBatch, SelectError> {
        self.check(subjects, hits)?;
        let by_row = ByRow::new(hits);
        let mut columns = Columns::new(self, subjects.len());
        let mut counts = SelectionCounts::new(self.kind);
        let mut kept = vec![true; hits.len()];
        let (mut of_subject, mut rules) = (Vec::new(), Vec::new());
        let mut next = 0;
        for subject in 0..subjects.len() {
            let rows = subjects.rows(subject);
            let begin = next;
            of_subject.clear();
            while next < hits.len() && by_row.hit(next).row < rows.end {
                of_subject.push(by_row.hit(next));
                next += 1;
            }
            of_subject.sort_unstable_by_key(|hit| (hit.rule, hit.row));
            let id = subjects.id(subject);
            let decision = self.rulebook.decide(id, subjects.stratum(subject), &of_subject, &mut rules, &mut ());
            for position in begin..next {
                if rules.binary_search(&by_row.hit(position).rule).is_err() {
                    kept[by_row.index(position)] = false;
                    counts.hits_not_kept += 1;
                }
            }
            counts.by_lane[decision.lane.rank()] += 1;
            counts.random += u64::from(decision.drawn_in.is_some());
            counts.lowered += u64::from(decision.lowered_by.is_some());
            counts.mandatory += u64::from(decision.mandatory);
            columns.push(&decision, &mut rules, rows.len());
        }
        Ok(SelectedBatch { selections: columns.finish(subjects, stamp)?, kept, counts })
    }

    /// Refuses indexes that lead nowhere, so that nothing further in has to look again.
    pub(crate) fn check(&self, subjects: &SubjectBatch, hits: &[RowHit]) -> Result<(), SelectError> {
        if subjects.kind() != self.kind {
            return Err(SelectError::OtherKind { selector: self.kind, subjects: subjects.kind() });
        }
        let (n_rows, n_rules) = (subjects.n_rows(), self.rulebook.n_rules());
        if let Some(&hit) = hits.iter().find(|h| h.row as usize >= n_rows || h.rule as usize >= n_rules) {
            return Err(SelectError::NoSuchHit { hit, n_rows, n_rules });
        }
        let n_strata = self.rulebook.n_strata();
        match subjects.strata().iter().flatten().find(|&&stratum| stratum as usize >= n_strata) {
            Some(&stratum) => Err(SelectError::NoSuchStratum { stratum, n_strata }),
            None => Ok(()),
        }
    }
}

/// Hits by rising row, without moving them: what is said of a hit is said at its own index.
struct ByRow<'a> {
    hits: &'a [RowHit],
    /// Empty where the hits are in order as they came.
    order: Vec<u32>,
}

impl<'a> ByRow<'a> {
    fn new(hits: &'a [RowHit]) -> Self {
        let mut order = Vec::new();
        if !hits.is_sorted_by_key(|hit| hit.row) {
            order.extend(0..hits.len() as u32);
            order.sort_by_key(|&index| hits[index as usize].row);
        }
        Self { hits, order }
    }

    fn index(&self, position: usize) -> usize {
        self.order.get(position).map_or(position, |&index| index as usize)
    }

    fn hit(&self, position: usize) -> RowHit {
        self.hits[self.index(position)]
    }
}

impl SelectionCounts {
    /// Nothing counted yet.
    pub fn new(kind: SubjectKind) -> Self {
        Self { kind, by_lane: vec![0; kind.lanes().len()], random: 0, lowered: 0, mandatory: 0, hits_not_kept: 0 }
    }

    /// Subjects counted.
    pub fn subjects(&self) -> u64 {
        self.by_lane.iter().sum()
    }

    /// Subjects by lane, most lenient first, lanes that nobody got included.
    pub fn lanes(&self) -> impl Iterator<Item = (Lane, u64)> {
        self.kind.all_lanes().zip(self.by_lane.iter().copied())
    }
}

/// Counts of one kind of subject add up; of two kinds they are kept apart by the caller.
impl AddAssign<&Self> for SelectionCounts {
    fn add_assign(&mut self, other: &Self) {
        debug_assert_eq!(self.kind, other.kind, "lanes of two kinds do not add up");
        for (mine, others) in self.by_lane.iter_mut().zip(&other.by_lane) {
            *mine += others;
        }
        self.random += other.random;
        self.lowered += other.lowered;
        self.mandatory += other.mandatory;
        self.hits_not_kept += other.hits_not_kept;
    }
}

#[cfg(test)]
mod tests;
