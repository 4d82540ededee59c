//! Rows that are settled become journal entries: each under its version and its position, with what was decided.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_model::selection::published_schema;
use haechi_store::{Decisions, Entry, Position, SubjectVersion, Subjects};
use rustc_hash::FxHashMap;

use super::answer::Outcome;
use super::block::{Run, keep, with_column};
use super::content::Content;
use super::sequencer::SettleError;
use super::versions::Fate;
use super::work::{From, Pending};
use crate::decide::{Decided, Decider};

/// Stands for the place of a version that has none yet.
pub(super) const NOT_PLACED: Position = Position::MAX;

/// What is known of the rows of one subject in a delivery.
pub(super) struct Settling {
    pub run: Run,
    pub content: Content,
    pub envelope: u64,
    pub fate: Fate,
    /// All versions known before; those of this block are [`NOT_PLACED`].
    pub earlier: Vec<SubjectVersion>,
    /// The rows of the same subject before these, in this very block.
    pub previous: Option<usize>,
}

impl Settling {
    /// The version that these rows become, if they become one.
    pub fn version_at(&self, position: Position) -> Option<SubjectVersion> {
        let (version, decided) = match self.fate {
            Fate::Accepted { version } => (version, true),
            Fate::Late { version } => (version, false),
            Fate::Repeated { .. } | Fate::Conflict { .. } => return None,
        };
        Some(SubjectVersion { version, position, content: self.content, envelope: self.envelope, decided })
    }

    pub fn pending(&self, stream: &'static Stream, id: &str, placed: Option<&Went>) -> Pending {
        let newest = self.earlier.iter().filter(|v| v.decided).map(|v| v.version).max();
        let (outcome, version) = match self.fate {
            Fate::Accepted { version } => (Outcome::Selected, version),
            Fate::Late { version } => (Outcome::Late, version),
            Fate::Repeated { version } | Fate::Conflict { version } => (Outcome::Repeated, version),
        };
        let superseded = outcome != Outcome::Selected && newest.is_some_and(|newest| newest > version);
        let from = match placed.and_then(|placed| placed.selection.clone()) {
            Some((batch, row)) => From::Here(batch, row),
            // A late version has no selection of its own: what counts is the newest.
            None => From::Store(stream, (outcome == Outcome::Repeated && self.is_decided(version)).then_some(version)),
        };
        Pending { subject_id: id.to_owned(), version, outcome, superseded, from }
    }

    /// Where the version stands that these rows repeat.
    pub fn repeated_position(&self) -> Option<Position> {
        let Fate::Repeated { version } = self.fate else { return None };
        self.earlier.iter().find(|v| v.version == version && v.position != NOT_PLACED).map(|v| v.position)
    }

    fn is_decided(&self, version: i32) -> bool {
        self.earlier.iter().any(|v| v.version == version && v.decided)
    }
}

/// Where the rows of a subject went.
pub(super) struct Went {
    pub position: Position,
    selection: Option<(RecordBatch, usize)>,
}

/// What became of the rows of one stream.
pub(super) struct Placed {
    /// The next position to give out.
    pub next: Position,
    pub entries: Vec<Entry>,
    /// Subjects that cannot be decided on, and why.
    pub failed: FxHashMap<usize, String>,
    /// Where those went that are accepted or late.
    pub subjects: FxHashMap<usize, Went>,
}

/// Decides on what is accepted, keeps what came late, and gives all of it positions from `first` on.
pub(super) fn place_all(
    stream: &'static Stream,
    first: Position,
    now_ms: i64,
    decider: &Decider,
    rows: &RecordBatch,
    derived: &RecordBatch,
    settling: &[Settling],
) -> Result<Placed, SettleError> {
    let placed =
        Placed { next: first, entries: Vec::new(), failed: FxHashMap::default(), subjects: FxHashMap::default() };
    let mut pass = Pass { stream, now_ms, placed, places: Vec::new() };
    pass.decided(decider, rows, derived, settling)?;
    pass.late(rows, settling)?;
    let Pass { mut placed, places, .. } = pass;
    // Only now every version has its place.
    let earlier: Vec<Vec<_>> =
        places.iter().map(|of| of.iter().map(|place| placed.earlier(settling, *place)).collect()).collect();
    for (entry, earlier) in placed.entries.iter_mut().zip(earlier) {
        if let Some(subjects) = &mut entry.subjects {
            subjects.earlier = earlier;
        }
    }
    Ok(placed)
}

impl Placed {
    /// All versions of a subject that was accepted or came late, this one last.
    pub fn versions(&self, settling: &[Settling], place: usize) -> Option<Vec<SubjectVersion>> {
        let this = settling[place].version_at(self.subjects.get(&place)?.position)?;
        let mut versions = self.earlier(settling, place);
        versions.push(this);
        Some(versions)
    }

    /// The versions before, those of this very block in the places they got.
    fn earlier(&self, settling: &[Settling], place: usize) -> Vec<SubjectVersion> {
        let mut earlier = settling[place].earlier.clone();
        earlier.retain_mut(|version| {
            if version.position != NOT_PLACED {
                return true;
            }
            let chain = std::iter::successors(settling[place].previous, |before| settling[*before].previous);
            let same = |before: &usize| settling[*before].version_at(0).is_some_and(|v| v.version == version.version);
            // Without a place it could not be decided on, and is no version of anything.
            let went = chain.into_iter().find(same).and_then(|before| self.subjects.get(&before));
            went.is_some_and(|went| {
                version.position = went.position;
                true
            })
        });
        earlier
    }
}

/// One stream's rows on their way to entries.
struct Pass {
    stream: &'static Stream,
    now_ms: i64,
    placed: Placed,
    /// The subjects of each entry.
    places: Vec<Vec<usize>>,
}

impl Pass {
    /// Decides on what is accepted.
    fn decided(
        &mut self,
        decider: &Decider,
        rows: &RecordBatch,
        derived: &RecordBatch,
        settling: &[Settling],
    ) -> Result<(), SettleError> {
        let places: Vec<usize> =
            (0..settling.len()).filter(|i| matches!(settling[*i].fate, Fate::Accepted { .. })).collect();
        if places.is_empty() {
            return Ok(());
        }
        let rows = self.versioned(rows, settling, &places)?;
        let derived = self.versioned(derived, settling, &places)?;
        let sizes: Vec<usize> = places.iter().map(|place| settling[*place].run.rows.len()).collect();
        let mut pieces = Vec::new();
        self.decide(decider, &derived, &places, &sizes, 0..places.len(), 0..derived.num_rows(), &mut pieces);
        for (of, of_rows, decided) in pieces {
            let places = &places[of];
            self.place(&rows.slice(of_rows.start, of_rows.len()), settling, places, Some(decided))?;
        }
        Ok(())
    }

    /// Keeps what came late.
    fn late(&mut self, rows: &RecordBatch, settling: &[Settling]) -> Result<(), SettleError> {
        let places: Vec<usize> =
            (0..settling.len()).filter(|i| matches!(settling[*i].fate, Fate::Late { .. })).collect();
        if places.is_empty() {
            return Ok(());
        }
        let rows = self.versioned(rows, settling, &places)?;
        self.place(&rows, settling, &places, None)
    }

    /// The rows of these subjects, each under its version.
    fn versioned(
        &self,
        rows: &RecordBatch,
        settling: &[Settling],
        places: &[usize],
    ) -> Result<RecordBatch, ArrowError> {
        let mut kept = vec![false; rows.num_rows()];
        let mut versions = Vec::with_capacity(rows.num_rows());
        let mut changes = false;
        for place in places {
            let settling = &settling[*place];
            kept[settling.run.rows.clone()].fill(true);
            let version = settling.version_at(0).map_or(1, |v| v.version);
            versions.extend(std::iter::repeat_n(version, settling.run.rows.len()));
            changes |= !settling.earlier.is_empty();
        }
        let rows = keep(rows, &kept)?;
        let mut rows = with_column(self.stream, &rows, "version", Arc::new(Int32Array::from(versions)))?;
        if changes {
            let kinds = self.change_kinds(&rows, settling, places)?;
            rows = with_column(self.stream, &rows, "change_kind", kinds)?;
        }
        Ok(rows)
    }

    /// What each row is to the version before: as the sender says, but a `new` one that is not new is an amendment.
    fn change_kinds(
        &self,
        rows: &RecordBatch,
        settling: &[Settling],
        places: &[usize],
    ) -> Result<ArrayRef, ArrowError> {
        let given = rows.column_by_name("change_kind").map(|array| cast(array, &DataType::Utf8));
        let given = given.transpose()?;
        let given = given.as_ref().and_then(|array| array.as_any().downcast_ref::<StringArray>());
        let mut kinds: Vec<Option<&str>> = Vec::with_capacity(rows.num_rows());
        for place in places {
            for _ in settling[*place].run.rows.clone() {
                let row = kinds.len();
                let said = given.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
                let amended = !settling[*place].earlier.is_empty() && said.is_none_or(|said| said == "new");
                kinds.push(if amended { Some("amend") } else { said });
            }
        }
        let wanted = self.stream.column("change_kind").map_or(DataType::Utf8, |column| column.kind.data_type());
        cast(&StringArray::from(kinds), &wanted)
    }

    /// Decides on rows together; where that fails, on halves of them, down to the one subject that nothing can be
    /// decided about.
    #[expect(clippy::too_many_arguments, reason = "a recursion over one state")]
    fn decide(
        &mut self,
        decider: &Decider,
        derived: &RecordBatch,
        places: &[usize],
        sizes: &[usize],
        of: Range<usize>,
        rows: Range<usize>,
        pieces: &mut Vec<(Range<usize>, Range<usize>, Decided)>,
    ) {
        let batch = derived.slice(rows.start, rows.len());
        // A panic is a bug of ours; it must not cost more than the subject that shows it.
        let reason = match catch_unwind(AssertUnwindSafe(|| decider.decide_derived(&batch, self.now_ms))) {
            Ok(Ok(decided)) => return pieces.push((of, rows, decided)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "deciding failed; this is a bug".to_owned(),
        };
        if of.len() <= 1 {
            tracing::error!(stream = self.stream.name, reason, "a subject could not be decided on and is set aside");
            self.placed.failed.extend(of.map(|place| (places[place], reason.clone())));
            return;
        }
        let middle = of.start + of.len() / 2;
        let cut = rows.start + sizes[of.start..middle].iter().sum::<usize>();
        self.decide(decider, derived, places, sizes, of.start..middle, rows.start..cut, pieces);
        self.decide(decider, derived, places, sizes, middle..of.end, cut..rows.end, pieces);
    }

    /// Makes an entry of these rows and gives them their positions.
    fn place(
        &mut self,
        rows: &RecordBatch,
        settling: &[Settling],
        places: &[usize],
        decided: Option<Decided>,
    ) -> Result<(), SettleError> {
        let first = self.placed.next;
        let mut first_rows = Vec::with_capacity(places.len());
        let mut row = 0;
        for place in places {
            first_rows.push(row as u32);
            row += settling[*place].run.rows.len();
        }
        let missing = || ArrowError::SchemaError(format!("no column `{}`", self.stream.subject_key));
        let key = rows.column_by_name(self.stream.subject_key).ok_or_else(missing)?;
        let of_first = UInt32Array::from(first_rows.clone());
        let subjects = Subjects {
            ids: take(key, &of_first, None)?,
            versions: places.iter().map(|p| settling[*p].version_at(0).map_or(1, |v| v.version)).collect(),
            contents: places.iter().map(|p| settling[*p].content).collect(),
            envelopes: places.iter().map(|p| settling[*p].envelope).collect(),
            earlier: Vec::new(),
            first_rows: first_rows.clone(),
        };
        let published = match &decided {
            Some(decided) => Some(published(first, &decided.first_rows, &decided.selected.selections)?),
            None => None,
        };
        for (selection, (place, row)) in places.iter().zip(first_rows).enumerate() {
            let selection = published.as_ref().map(|batch| (batch.clone(), selection));
            self.placed.subjects.insert(*place, Went { position: first + u64::from(row), selection });
        }
        let decided = decided.map(|decided| Decisions {
            selections: decided.selected.selections,
            hits: decided.hits,
            first_rows: decided.first_rows,
        });
        self.placed.next += rows.num_rows() as u64;
        let (stream, known_at_ms) = (self.stream, self.now_ms);
        let entry = Entry { first, stream, known_at_ms, rows: rows.clone(), subjects: Some(subjects), decided };
        self.placed.entries.push(entry);
        self.places.push(places.to_vec());
        Ok(())
    }
}

/// Selections with the place that names each.
pub(crate) fn published(
    first: Position,
    first_rows: &[u32],
    selections: &RecordBatch,
) -> Result<RecordBatch, ArrowError> {
    let positions: Int64Array = first_rows.iter().map(|row| (first + u64::from(*row)) as i64).collect();
    let columns = std::iter::once(Arc::new(positions) as ArrayRef).chain(selections.columns().iter().cloned());
    RecordBatch::try_new(published_schema(), columns.collect())
}
