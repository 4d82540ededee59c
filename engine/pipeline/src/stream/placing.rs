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
use haechi_store::{Decisions, Entry, Position, Subjects};
use rustc_hash::FxHashMap;

use super::block::{identities, keep, with_column};
use super::remembering::{Coming, Remembering, Replaces, VersionsOf};
use super::sequencer::SettleError;
use super::settling::{Earlier, Settlement, Settling};
use super::versions::Fate;
use crate::decide::{Decided, Decider};
use crate::memory::beside;

/// What became of the rows of one stream.
pub(super) struct Placed {
    /// The next position to give out.
    pub next: Position,
    pub entries: Vec<Entry>,
    /// What cannot be decided on, and why.
    pub failed: FxHashMap<usize, String>,
    /// The selections of what is accepted, a row of a batch each.
    pub selections: FxHashMap<usize, (RecordBatch, usize)>,
}

/// What is needed to place rows of one stream.
pub(super) struct Placing<'a> {
    pub stream: &'static Stream,
    pub now_ms: i64,
    /// Who decides; nobody on facts.
    pub decider: Option<&'a Decider>,
    pub remembering: &'a mut Remembering,
    pub versions: &'a VersionsOf<'a>,
}

/// Decides on what is accepted, keeps what came late, and gives all of it positions from `first` on.
pub(super) fn place_all(
    placing: Placing<'_>,
    first: Position,
    rows: &RecordBatch,
    settlement: &mut Settlement,
) -> Result<Placed, SettleError> {
    let placed =
        Placed { next: first, entries: Vec::new(), failed: FxHashMap::default(), selections: FxHashMap::default() };
    let mut pass = Pass { placing, placed, places: Vec::new() };
    pass.accepted(rows, settlement)?;
    pass.late(rows, settlement)?;
    let Pass { mut placed, places, .. } = pass;
    // Only now every version has its place.
    settlement.close();
    for (entry, places) in placed.entries.iter_mut().zip(places) {
        if let Some(subjects) = &mut entry.subjects {
            subjects.earlier = places.into_iter().map(|place| settlement.others(place)).collect();
        }
    }
    Ok(placed)
}

/// One stream's rows on their way to entries.
struct Pass<'a> {
    placing: Placing<'a>,
    placed: Placed,
    /// The subjects of each entry.
    places: Vec<Vec<usize>>,
}

/// Rows that were accepted, and whose they are.
struct Accepted<'a> {
    rows: &'a RecordBatch,
    /// Where what was sent of each subject stands in the settlement.
    places: &'a [usize],
    /// Where its rows begin, and the end of the last.
    starts: &'a [u32],
    settlement: &'a Settlement,
}

/// Some of them, one after the other, that are placed together.
struct Piece {
    of: Range<usize>,
    /// With what was known of those that they are about.
    rows: RecordBatch,
    decided: Option<Decided>,
}

impl Accepted<'_> {
    fn rows_of(&self, of: &Range<usize>) -> RecordBatch {
        let (begin, end) = (self.starts[of.start] as usize, self.starts[of.end] as usize);
        self.rows.slice(begin, end - begin)
    }

    fn starts_of(&self, of: &Range<usize>) -> Vec<u32> {
        self.starts[of.start..=of.end].iter().map(|start| start - self.starts[of.start]).collect()
    }

    /// What each of these replaces. `failed` are those that did not become versions of anything.
    fn replaced_by(&self, of: &Range<usize>, failed: &FxHashMap<usize, String>) -> Vec<Replaces> {
        let replaces = |place: &usize| match self.settlement.replaces(*place, |place| failed.contains_key(&place)) {
            None => Replaces::Nothing,
            Some(Earlier::At(position)) => Replaces::At(position),
            Some(Earlier::Sent(earlier)) => match self.places.binary_search(&earlier) {
                Ok(subject) => Replaces::Rows(self.rows_of(&(subject..subject + 1))),
                Err(_) => Replaces::Nothing,
            },
        };
        self.places[of.clone()].iter().map(replaces).collect()
    }
}

impl Pass<'_> {
    /// Decides on what is accepted.
    fn accepted(&mut self, rows: &RecordBatch, settlement: &mut Settlement) -> Result<(), SettleError> {
        let places = places(settlement, |fate| matches!(fate, Fate::Accepted { .. }));
        if places.is_empty() {
            return Ok(());
        }
        let rows = self.versioned(rows, &settlement.sent, &places)?;
        let mut starts = vec![0];
        for place in &places {
            starts.push(starts[starts.len() - 1] + settlement.sent[*place].run.rows.len() as u32);
        }
        let accepted = Accepted { rows: &rows, places: &places, starts: &starts, settlement };
        let mut pieces = Vec::new();
        self.decide(&accepted, 0..places.len(), &mut pieces)?;
        for Piece { of, rows, decided } in pieces {
            self.place(&rows, settlement, &places[of], decided, false)?;
        }
        Ok(())
    }

    /// Keeps what came late.
    fn late(&mut self, rows: &RecordBatch, settlement: &mut Settlement) -> Result<(), SettleError> {
        let places = places(settlement, |fate| matches!(fate, Fate::Late { .. }));
        if places.is_empty() {
            return Ok(());
        }
        let rows = self.versioned(rows, &settlement.sent, &places)?;
        self.place(&rows, settlement, &places, None, true)
    }

    /// The rows of these subjects, each under its version.
    fn versioned(&self, rows: &RecordBatch, sent: &[Settling], places: &[usize]) -> Result<RecordBatch, ArrowError> {
        let mut kept = vec![false; rows.num_rows()];
        let mut versions = Vec::with_capacity(rows.num_rows());
        let mut changes = false;
        for place in places {
            let settling = &sent[*place];
            kept[settling.run.rows.clone()].fill(true);
            let version = settling.version().map_or(1, |(version, _)| version);
            versions.extend(std::iter::repeat_n(version, settling.run.rows.len()));
            changes |= !settling.is_first;
        }
        let rows = keep(rows, &kept)?;
        let mut rows = with_column(self.placing.stream, &rows, "version", Arc::new(Int32Array::from(versions)))?;
        if changes && self.placing.decider.is_some() {
            let kinds = self.change_kinds(&rows, sent, places)?;
            rows = with_column(self.placing.stream, &rows, "change_kind", kinds)?;
        }
        Ok(rows)
    }

    /// What each row is to the version before: as the sender says, but a `new` one that is not new is an amendment.
    fn change_kinds(&self, rows: &RecordBatch, sent: &[Settling], places: &[usize]) -> Result<ArrayRef, ArrowError> {
        let given = rows.column_by_name("change_kind").map(|array| cast(array, &DataType::Utf8));
        let given = given.transpose()?;
        let given = given.as_ref().and_then(|array| array.as_any().downcast_ref::<StringArray>());
        let mut kinds: Vec<Option<&str>> = Vec::with_capacity(rows.num_rows());
        for place in places {
            let settling = &sent[*place];
            for _ in settling.run.rows.clone() {
                let row = kinds.len();
                let said = given.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
                let amended = !settling.is_first && said.is_none_or(|said| said == "new");
                kinds.push(if amended { Some("amend") } else { said });
            }
        }
        let wanted = self.placing.stream.column("change_kind").map_or(DataType::Utf8, |column| column.kind.data_type());
        cast(&StringArray::from(kinds), &wanted)
    }

    /// Tells rows what is known and decides on them together; where that fails, on halves of them, down to the one
    /// subject that nothing can be decided about.
    fn decide(
        &mut self,
        accepted: &Accepted<'_>,
        of: Range<usize>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), SettleError> {
        let before: usize = pieces.iter().map(|piece| piece.rows.num_rows()).sum();
        let first = self.placed.next + before as Position;
        let mark = self.placing.remembering.mark();
        // A panic is a bug of ours; it must not cost more than the subject that shows it.
        let piece = catch_unwind(AssertUnwindSafe(|| self.piece(accepted, of.clone(), first)));
        let reason = match piece {
            Ok(Ok(piece)) => {
                pieces.push(piece);
                return Ok(());
            }
            Ok(Err(SettleError::Store(error))) => return Err(SettleError::Store(error)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "deciding failed; this is a bug".to_owned(),
        };
        self.placing.remembering.take_back(mark);
        if of.len() <= 1 {
            let stream = self.placing.stream.name;
            tracing::error!(stream, reason, "a subject could not be decided on and is set aside");
            self.placed.failed.extend(of.map(|subject| (accepted.places[subject], reason.clone())));
            return Ok(());
        }
        let middle = of.start + of.len() / 2;
        self.decide(accepted, of.start..middle, pieces)?;
        self.decide(accepted, middle..of.end, pieces)
    }

    fn piece(&mut self, accepted: &Accepted<'_>, of: Range<usize>, first: Position) -> Result<Piece, SettleError> {
        let Placing { stream, now_ms, decider, remembering, versions } = &mut self.placing;
        let rows = accepted.rows_of(&of);
        let coming = |rows| Coming {
            stream,
            rows,
            starts: accepted.starts_of(&of),
            replaces: accepted.replaced_by(&of, &self.placed.failed),
            first,
            now_ms: *now_ms,
        };
        let Some(decider) = decider else {
            remembering.tell(coming(&rows), &[], *versions)?;
            return Ok(Piece { of, rows, decided: None });
        };
        // Derived under their versions, as the journal has them: a replay sees the same neighbours.
        let derived = decider.derive_at(&rows, *now_ms)?;
        let features = decider.features();
        let known = remembering.tell(coming(&derived), features, *versions)?;
        let decided = decider.decide_derived(&beside(&derived, features, &known)?, *now_ms)?;
        // What was known then stands with the rows: a replay decides by it.
        Ok(Piece { of, rows: beside(&rows, features, &known)?, decided: Some(decided) })
    }

    /// Makes an entry of these rows and gives them their positions.
    fn place(
        &mut self,
        rows: &RecordBatch,
        settlement: &mut Settlement,
        places: &[usize],
        decided: Option<Decided>,
        late: bool,
    ) -> Result<(), SettleError> {
        let first = self.placed.next;
        let mut first_rows = Vec::with_capacity(places.len());
        let mut row = 0;
        for place in places {
            first_rows.push(row as u32);
            row += settlement.sent[*place].run.rows.len();
        }
        let sent = || places.iter().map(|place| &settlement.sent[*place]);
        let missing = || ArrowError::SchemaError(format!("no column `{}`", self.placing.stream.subject_key));
        let key = identities(self.placing.stream, rows)?.ok_or_else(missing)?;
        let of_first = UInt32Array::from(first_rows.clone());
        let subjects = Subjects {
            ids: take(&key, &of_first, None)?,
            versions: sent().map(|settling| settling.version().map_or(1, |(version, _)| version)).collect(),
            contents: sent().map(|settling| settling.content).collect(),
            envelopes: sent().map(|settling| settling.envelope).collect(),
            earlier: Vec::new(),
            first_rows: first_rows.clone(),
            late,
        };
        let published = match &decided {
            Some(decided) => Some(published(first, &decided.first_rows, &decided.selected.selections)?),
            None => None,
        };
        for (selection, (place, row)) in places.iter().zip(first_rows).enumerate() {
            settlement.place(*place, first + u64::from(row));
            if let Some(batch) = &published {
                self.placed.selections.insert(*place, (batch.clone(), selection));
            }
        }
        let decided = decided.map(|decided| Decisions {
            selections: decided.selected.selections,
            hits: decided.hits,
            first_rows: decided.first_rows,
        });
        self.placed.next += rows.num_rows() as u64;
        let (stream, known_at_ms) = (self.placing.stream, self.placing.now_ms);
        let entry = Entry { first, stream, known_at_ms, rows: rows.clone(), subjects: Some(subjects), decided };
        self.placed.entries.push(entry);
        self.places.push(places.to_vec());
        Ok(())
    }
}

/// The places of what has such a fate.
fn places(settlement: &Settlement, of: impl Fn(Fate) -> bool) -> Vec<usize> {
    (0..settlement.sent.len()).filter(|place| of(settlement.sent[*place].fate)).collect()
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
