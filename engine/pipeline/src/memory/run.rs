//! What is remembered while files go by, and joined to each record as it comes.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use haechi_model::Stream;
use haechi_profile::{Profiler, Records, Replaced};
use haechi_select::SubjectBatch;

use super::plan::MemoryPlan;
use super::seen::Seen;
use super::subjects::{Found, join_subjects};
use super::timeline::{Timeline, Told, instants};
use super::{beside, put_together};
use crate::decide::DecideError;

/// What is remembered in a run, and who asks.
///
/// Records come in the order of their files. A fact is known to those that come after it became known: to a record, and
/// all after it, that is later than the fact. A later version of a record takes the place of the earlier one where the
/// files number versions.
pub struct Memory {
    working: Option<Working>,
    stream: &'static Stream,
    /// The features that rules name.
    wanted: Arc<[String]>,
}

struct Working {
    plan: Arc<MemoryPlan>,
    profiler: Profiler,
    facts: Timeline,
    seen: Seen,
    /// The latest record so far, in ms since 1970 UTC.
    clock: i64,
    /// Rows so far, as if they stood in a journal.
    position: u64,
    /// Whether records are kept: facts may speak of them, or later versions take their place.
    remembers: bool,
}

impl Memory {
    /// One that remembers nothing yet; without a plan it never will.
    pub(crate) fn new(
        plan: Option<Arc<MemoryPlan>>,
        facts: Timeline,
        stream: &'static Stream,
        wanted: Arc<[String]>,
    ) -> Self {
        let working = plan.map(|plan| Working {
            remembers: facts.next().is_some(),
            profiler: plan.profiler(),
            plan,
            facts,
            seen: Seen::default(),
            clock: i64::MIN,
            position: 0,
        });
        Self { working, stream, wanted }
    }

    /// How many entities of each kind are known.
    pub fn known(&self) -> impl Iterator<Item = (&str, usize)> {
        self.working.iter().flat_map(|working| working.profiler.known())
    }

    /// The rows, derived before, with what is known of those they are about; and from now on they are known themselves.
    /// The rows of a subject stand together. `given` are the rows as they came.
    pub fn join(&mut self, given: &RecordBatch, derived: RecordBatch) -> Result<RecordBatch, DecideError> {
        let (Some(working), Some(kind)) = (&mut self.working, self.stream.lanes) else { return Ok(derived) };
        let mut starts = SubjectBatch::from_rows(kind, &derived)?.first_rows().to_vec();
        starts.push(derived.num_rows() as u32);
        if derived.num_rows() == 0 {
            let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
            let rows = &derived;
            let records =
                Records { stream: self.stream, rows, starts: &starts, replaced: None, first: 0, known_at_ms: 0 };
            let columns = working.profiler.pass(&records, &wanted)?;
            return Ok(beside(&derived, &wanted, &columns)?);
        }
        let pieces = working.pieces(self.stream, given, &derived, &starts, &self.wanted)?;
        let column = |column: usize| -> Result<ArrayRef, DecideError> {
            let parts: Vec<&dyn Array> = pieces.iter().map(|columns| columns[column].as_ref()).collect();
            Ok(concat(&parts)?)
        };
        let columns = (0..self.wanted.len()).map(column).collect::<Result<Vec<_>, _>>()?;
        Ok(beside(&derived, &self.wanted, &columns)?)
    }
}

impl Working {
    /// The features of the records of a batch, those between two facts at a time.
    fn pieces(
        &mut self,
        stream: &'static Stream,
        given: &RecordBatch,
        derived: &RecordBatch,
        starts: &[u32],
        wanted: &[String],
    ) -> Result<Vec<Vec<ArrayRef>>, DecideError> {
        let versioned = given.column_by_name("version").is_some_and(|versions| versions.null_count() < versions.len());
        self.remembers |= versioned;
        let remembers = self.remembers;
        let rows = if remembers { Some(self.plan.derive(stream, derived, 0)?) } else { None };
        let known = given.column_by_name("known_at").map(instants).transpose()?;
        let events = derived.column_by_name("event_at").map(instants).transpose()?;
        let mut pieces = Vec::new();
        let mut begin = 0;
        for (record, start) in starts[..starts.len() - 1].iter().enumerate() {
            let row = *start as usize;
            let at = [&known, &events].into_iter().flatten().find(|at| at.is_valid(row)).map(|at| at.value(row));
            self.clock = self.clock.max(at.unwrap_or(i64::MIN));
            if self.facts.next().is_some_and(|known_at| known_at < self.clock) {
                pieces.extend(self.piece(stream, derived, rows.as_ref(), starts, begin..record, wanted)?);
                begin = record;
                while let Some(told) = self.facts.before(self.clock)? {
                    self.tell(told)?;
                }
            }
        }
        pieces.extend(self.piece(stream, derived, rows.as_ref(), starts, begin..starts.len() - 1, wanted)?);
        Ok(pieces)
    }

    /// Records `of` a batch.
    fn piece(
        &mut self,
        stream: &'static Stream,
        derived: &RecordBatch,
        remembered: Option<&RecordBatch>,
        starts: &[u32],
        of: Range<usize>,
        wanted: &[String],
    ) -> Result<Option<Vec<ArrayRef>>, DecideError> {
        if of.is_empty() {
            return Ok(None);
        }
        let (first, end) = (starts[of.start] as usize, starts[of.end] as usize);
        let starts: Vec<u32> = starts[of.start..=of.end].iter().map(|start| start - first as u32).collect();
        let rows = derived.slice(first, end - first);
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let known_at_ms = self.known_at_ms();
        let Some(remembered) = remembered else {
            let records =
                Records { stream, rows: &rows, starts: &starts, replaced: None, first: self.position, known_at_ms };
            self.position += rows.num_rows() as u64;
            return Ok(Some(self.profiler.pass(&records, &wanted)?));
        };
        let ids = derived.slice(first, end - first).column_by_name(stream.subject_key).cloned();
        let ids = ids.map(|ids| cast(&ids, &DataType::Utf8)).transpose()?;
        let id = |record: usize| {
            let ids = ids.as_ref()?.as_string::<i32>();
            let row = starts[record] as usize;
            ids.is_valid(row).then(|| ids.value(row))
        };
        let ids: Vec<Option<&str>> = (0..of.len()).map(id).collect();
        self.pass(stream, &remembered.slice(first, end - first), &starts, &ids, &wanted).map(Some)
    }

    /// The instant of a run: that of its latest record, and never after the instant that it is dated.
    fn known_at_ms(&self) -> i64 {
        let clock = if self.clock == i64::MIN { 0 } else { self.clock };
        clock.min(self.plan.now_ms().unwrap_or(i64::MAX))
    }

    /// Facts become known.
    fn tell(&mut self, told: Told) -> Result<(), DecideError> {
        let Told { stream, rows, ids } = told;
        let seen = &self.seen;
        let rows = join_subjects(&self.plan, stream, &rows, |joined, ids| {
            Ok::<_, DecideError>(seen.find(joined.subject, ids))
        })?;
        let starts: Vec<u32> = (0..=rows.num_rows() as u32).collect();
        let ids: Vec<Option<&str>> = ids.iter().map(Option::as_deref).collect();
        self.pass(stream, &rows, &starts, &ids, &[]).map(|_| ())
    }

    /// Records, each in place of its earlier version. Where one stands in the batch itself they are passed apart.
    fn pass(
        &mut self,
        stream: &'static Stream,
        rows: &RecordBatch,
        starts: &[u32],
        ids: &[Option<&str>],
        wanted: &[&str],
    ) -> Result<Vec<ArrayRef>, DecideError> {
        let known_at_ms = self.known_at_ms();
        let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
        let mut begin = 0;
        while begin < ids.len() {
            let mut here = std::collections::HashSet::new();
            let len = ids[begin..].iter().take_while(|id| id.is_none_or(|id| here.insert(id))).count();
            let of = begin..begin + len;
            let first = starts[of.start];
            let rows = rows.slice(first as usize, (starts[of.end] - first) as usize);
            let starts: Vec<u32> = starts[of.start..=of.end].iter().map(|start| start - first).collect();
            let ids = &ids[of.clone()];
            let Found { batches, rows: found } = self.seen.find(stream, ids);
            let replaced = if batches.is_empty() { None } else { Some(put_together(&batches, &found)?) };
            let replaced = replaced.as_ref().map(|(rows, starts)| Replaced { rows, starts });
            let records = Records { stream, rows: &rows, starts: &starts, replaced, first: self.position, known_at_ms };
            self.position += rows.num_rows() as u64;
            columns.push(self.profiler.pass(&records, wanted)?);
            let noted = ids
                .iter()
                .enumerate()
                .filter_map(|(record, id)| Some(((*id)?, starts[record] as usize..starts[record + 1] as usize)));
            self.seen.note(stream, &rows, noted);
            begin = of.end;
        }
        let column = |column: usize| -> Result<ArrayRef, DecideError> {
            let parts: Vec<&dyn Array> = columns.iter().map(|columns| columns[column].as_ref()).collect();
            Ok(concat(&parts)?)
        };
        (0..wanted.len()).map(column).collect()
    }
}
