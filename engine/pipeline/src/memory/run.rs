//! What is remembered while files go by, and joined to each record as it comes.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, concat, take_record_batch};
use arrow::datatypes::DataType;
use haechi_model::Stream;
use haechi_profile::{Profiler, Records, Replaced};
use haechi_select::SubjectBatch;
use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{Joined, MemoryPlan};
use super::seen::Seen;
use super::subjects::{Found, join_subjects};
use super::timeline::{Timeline, Told, instants, versions};
use super::{beside, in_types_of, put_together};
use crate::decide::DecideError;

/// What is remembered in a run, and who asks.
///
/// Records come in the order of their files. A fact is known to those that come after it became known: to a record, and
/// all after it, that is later than the fact. A record takes the place of an earlier version of it, unless that has a
/// higher number, or the same: then it changes nothing, as in the stream.
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
    /// Subjects that facts speak of.
    named: Option<(Joined, Seen)>,
    /// Records of which there may be other versions, by stream.
    versions: FxHashMap<&'static str, Seen>,
    /// The latest record so far, in ms since 1970 UTC.
    clock: i64,
    /// Rows so far, as if they stood in a journal.
    position: u64,
}

/// Records on their way.
struct Coming<'a> {
    stream: &'static Stream,
    rows: &'a RecordBatch,
    /// Where each begins, and the end of the last.
    starts: &'a [u32],
    ids: StringArray,
    versions: Option<Int32Array>,
    /// Where they are held, for those of which other versions may come.
    held: Option<usize>,
    named: Option<HeldSubjects>,
}

/// Subjects that facts speak of, held.
struct HeldSubjects {
    batch: usize,
    /// The rows of each record there; none of those that nothing speaks of.
    rows: Vec<Range<usize>>,
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
            profiler: plan.profiler(),
            named: plan.joined_of(stream).filter(|_| facts.next().is_some()).map(|joined| (joined, Seen::default())),
            plan,
            facts,
            versions: FxHashMap::default(),
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
        let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
        if derived.num_rows() == 0 {
            let (stream, rows) = (self.stream, &derived);
            let records = Records { stream, rows, starts: &starts, replaced: None, first: 0, known_at_ms: &[] };
            let columns = working.profiler.pass(&records, &wanted)?;
            return Ok(beside(&derived, &wanted, &columns)?);
        }
        let columns = working.batch(self.stream, given, &derived, &starts, &wanted)?;
        Ok(beside(&derived, &wanted, &columns)?)
    }
}

impl Working {
    /// The features of the records of a batch, those between two facts at a time.
    fn batch(
        &mut self,
        stream: &'static Stream,
        given: &RecordBatch,
        derived: &RecordBatch,
        starts: &[u32],
        wanted: &[&str],
    ) -> Result<Vec<ArrayRef>, DecideError> {
        let numbered = given.column_by_name("version").is_some();
        let remembered = if numbered { Some(self.plan.derive(stream, derived, 0)?) } else { None };
        let rows = remembered.as_ref().unwrap_or(derived);
        let ids = ids(derived, stream, starts)?;
        let coming = Coming {
            stream,
            rows,
            starts,
            versions: versions(rows)?,
            held: if numbered { Some(self.versions.entry(stream.name).or_default().hold(rows)?) } else { None },
            named: self.hold_named(derived, starts, &ids)?,
            ids,
        };
        let known = given.column_by_name("known_at").map(instants).transpose()?;
        let events = derived.column_by_name("event_at").map(instants).transpose()?;
        let mut pieces: Vec<Vec<ArrayRef>> = Vec::new();
        let mut begin = 0;
        for (record, start) in starts[..starts.len() - 1].iter().enumerate() {
            let row = *start as usize;
            let at = [&known, &events].into_iter().flatten().find(|at| at.is_valid(row)).map(|at| at.value(row));
            self.clock = self.clock.max(at.unwrap_or(i64::MIN));
            if self.facts.next().is_some_and(|known_at| known_at < self.clock) {
                self.pass(&coming, begin..record, wanted, &mut pieces)?;
                begin = record;
                while let Some(told) = self.facts.before(self.clock)? {
                    self.tell(told)?;
                }
            }
        }
        self.pass(&coming, begin..starts.len() - 1, wanted, &mut pieces)?;
        let column = |column: usize| -> Result<ArrayRef, DecideError> {
            let parts: Vec<&dyn Array> = pieces.iter().map(|columns| columns[column].as_ref()).collect();
            Ok(concat(&parts)?)
        };
        (0..wanted.len()).map(column).collect()
    }

    /// Keeps of a batch the subjects that facts speak of, and of them what is joined.
    fn hold_named(
        &mut self,
        derived: &RecordBatch,
        starts: &[u32],
        ids: &StringArray,
    ) -> Result<Option<HeldSubjects>, DecideError> {
        let Some((joined, seen)) = &mut self.named else { return Ok(None) };
        let (mut rows, mut places) = (Vec::new(), Vec::with_capacity(ids.len()));
        for record in 0..ids.len() {
            let begin = rows.len();
            if ids.is_valid(record) && self.facts.names(joined.subject, ids.value(record)) {
                rows.extend(starts[record]..starts[record + 1]);
            }
            places.push(begin..rows.len());
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let columns = self.plan.derive_joined(joined, derived, 0)?;
        let batch = seen.hold(&take_record_batch(&columns, &UInt32Array::from(rows))?)?;
        Ok(Some(HeldSubjects { batch, rows: places }))
    }

    /// The instant of a run: that of its latest record, and never after the instant that it is dated.
    fn known_at_ms(&self) -> i64 {
        let clock = if self.clock == i64::MIN { 0 } else { self.clock };
        clock.min(self.plan.now_ms().unwrap_or(i64::MAX))
    }

    /// Facts become known.
    fn tell(&mut self, told: Told) -> Result<(), DecideError> {
        let Told { stream, rows, ids } = told;
        let named = self.named.as_ref();
        let rows = join_subjects(&self.plan, stream, &rows, |joined, ids| {
            let of_stream = named.filter(|(of, _)| of.subject == joined.subject);
            let unknown = || Found { batches: Vec::new(), rows: vec![None; ids.len()] };
            Ok::<_, DecideError>(of_stream.map_or_else(unknown, |(_, seen)| seen.find(ids)))
        })?;
        let starts: Vec<u32> = (0..=rows.num_rows() as u32).collect();
        let again = ids.iter().flatten().any(|id| self.facts.comes_again(stream, id));
        let held = if again { Some(self.versions.entry(stream.name).or_default().hold(&rows)?) } else { None };
        let versions = versions(&rows)?;
        let count = rows.num_rows();
        let coming = Coming { stream, rows: &rows, starts: &starts, ids, versions, held, named: None };
        self.pass(&coming, 0..count, &[], &mut Vec::new())
    }

    /// Some of these records, each in place of its earlier version; what is known of those they are about goes to `told`.
    fn pass(
        &mut self,
        coming: &Coming<'_>,
        mut of: Range<usize>,
        wanted: &[&str],
        told: &mut Vec<Vec<ArrayRef>>,
    ) -> Result<(), DecideError> {
        let Coming { stream, starts, .. } = *coming;
        let known_at_ms = vec![self.known_at_ms(); of.len()];
        while !of.is_empty() {
            let (counts, end) = self.alike(coming, of.clone())?;
            let next = std::mem::replace(&mut of.start, end)..end;
            let (first, last) = (starts[next.start], starts[next.end]);
            let rows = coming.rows.slice(first as usize, (last - first) as usize);
            let starts: Vec<u32> = starts[next.start..=next.end].iter().map(|start| start - first).collect();
            let replaced = self.replaced(coming, next.clone())?;
            let replaced = replaced.as_ref().map(|(rows, starts)| Replaced { rows, starts });
            let known_at_ms = &known_at_ms[..next.len()];
            let records = Records { stream, rows: &rows, starts: &starts, replaced, first: self.position, known_at_ms };
            self.position += rows.num_rows() as u64;
            if counts {
                told.push(self.profiler.pass(&records, wanted)?);
                next.for_each(|record| self.note(coming, record));
            } else if !wanted.is_empty() {
                // It is told what is known but of itself, and changes nothing.
                let mark = self.profiler.mark();
                told.push(self.profiler.pass(&records, wanted)?);
                self.profiler.take_back(mark);
                self.profiler.keep();
            }
        }
        Ok(())
    }

    /// The first of these records, to where they all count or none does, and no two are of one subject.
    fn alike(&self, coming: &Coming<'_>, of: Range<usize>) -> Result<(bool, usize), DecideError> {
        let Some(seen) = coming.held.and_then(|_| self.versions.get(coming.stream.name)) else {
            return Ok((true, of.end));
        };
        let mut here = FxHashSet::default();
        let mut first = None;
        for record in of.clone() {
            let id = coming.id(record);
            let counts = match (id.and_then(|id| seen.get(id)), coming.version(record)) {
                (Some(known), Some(version)) => version > known.version,
                // Who does not count versions sends a change, or the same again.
                (Some(_), None) => self.says_something_new(coming, record)?,
                (None, _) => true,
            };
            if *first.get_or_insert(counts) != counts || id.is_some_and(|id| !here.insert(id)) {
                return Ok((first.unwrap_or(true), record));
            }
        }
        Ok((first.unwrap_or(true), of.end))
    }

    fn says_something_new(&self, coming: &Coming<'_>, record: usize) -> Result<bool, DecideError> {
        let Some((before, _)) = self.replaced(coming, record..record + 1)? else { return Ok(true) };
        let (first, end) = (coming.starts[record] as usize, coming.starts[record + 1] as usize);
        Ok(before.columns() != coming.rows.slice(first, end - first).columns())
    }

    /// What these records replace, and where the rows of each begin.
    fn replaced(&self, coming: &Coming<'_>, of: Range<usize>) -> Result<Option<(RecordBatch, Vec<u32>)>, DecideError> {
        let Some(seen) = coming.held.and_then(|_| self.versions.get(coming.stream.name)) else { return Ok(None) };
        let ids: Vec<Option<&str>> = of.map(|record| coming.id(record)).collect();
        let Found { batches, rows } = seen.find(&ids);
        if batches.is_empty() {
            return Ok(None);
        }
        let (replaced, starts) = put_together(&batches, &rows)?;
        Ok(Some((in_types_of(coming.rows.schema_ref(), &replaced)?, starts)))
    }

    /// From now on a record is what is known of its subject.
    fn note(&mut self, coming: &Coming<'_>, record: usize) {
        let Some(id) = coming.id(record) else { return };
        if let (Some(batch), Some(seen)) = (coming.held, self.versions.get_mut(coming.stream.name)) {
            let next = seen.get(id).map_or(1, |known| known.version.saturating_add(1));
            let rows = coming.starts[record] as usize..coming.starts[record + 1] as usize;
            seen.note(id, coming.version(record).unwrap_or(next), batch, rows);
        }
        if let (Some(HeldSubjects { batch, rows }), Some((_, seen))) = (&coming.named, &mut self.named)
            && !rows[record].is_empty()
        {
            seen.note(id, 1, *batch, rows[record].clone());
        }
    }
}

impl Coming<'_> {
    fn id(&self, record: usize) -> Option<&str> {
        self.ids.is_valid(record).then(|| self.ids.value(record))
    }

    fn version(&self, record: usize) -> Option<i32> {
        let row = self.starts[record] as usize;
        self.versions.as_ref().filter(|versions| versions.is_valid(row)).map(|versions| versions.value(row))
    }
}

/// The id of each subject.
fn ids(rows: &RecordBatch, stream: &Stream, starts: &[u32]) -> Result<StringArray, DecideError> {
    let first_rows = UInt32Array::from(starts[..starts.len() - 1].to_vec());
    let Some(ids) = rows.column_by_name(stream.subject_key) else {
        return Ok(StringArray::new_null(first_rows.len()));
    };
    let ids = arrow::compute::take(ids, &first_rows, None)?;
    Ok(cast(&ids, &DataType::Utf8)?.as_string().clone())
}
