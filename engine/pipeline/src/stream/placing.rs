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

use super::block::{keep, with_column};
use super::sequencer::SettleError;
use super::settling::{Settlement, Settling};
use super::versions::Fate;
use crate::decide::{Decided, Decider};

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

/// Decides on what is accepted, keeps what came late, and gives all of it positions from `first` on.
pub(super) fn place_all(
    stream: &'static Stream,
    first: Position,
    now_ms: i64,
    decider: &Decider,
    rows: &RecordBatch,
    settlement: &mut Settlement,
) -> Result<Placed, SettleError> {
    let placed =
        Placed { next: first, entries: Vec::new(), failed: FxHashMap::default(), selections: FxHashMap::default() };
    let mut pass = Pass { stream, now_ms, placed, places: Vec::new() };
    pass.decided(decider, rows, settlement)?;
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
        settlement: &mut Settlement,
    ) -> Result<(), SettleError> {
        let places = places(settlement, |fate| matches!(fate, Fate::Accepted { .. }));
        if places.is_empty() {
            return Ok(());
        }
        let rows = self.versioned(rows, &settlement.sent, &places)?;
        let sizes: Vec<usize> = places.iter().map(|place| settlement.sent[*place].run.rows.len()).collect();
        let mut pieces = Vec::new();
        self.decide(decider, &rows, &places, &sizes, 0..places.len(), 0..rows.num_rows(), &mut pieces);
        for (of, of_rows, decided) in pieces {
            let places = &places[of];
            self.place(&rows.slice(of_rows.start, of_rows.len()), settlement, places, Some(decided))?;
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
        self.place(&rows, settlement, &places, None)
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
        let mut rows = with_column(self.stream, &rows, "version", Arc::new(Int32Array::from(versions)))?;
        if changes {
            let kinds = self.change_kinds(&rows, sent, places)?;
            rows = with_column(self.stream, &rows, "change_kind", kinds)?;
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
        let wanted = self.stream.column("change_kind").map_or(DataType::Utf8, |column| column.kind.data_type());
        cast(&StringArray::from(kinds), &wanted)
    }

    /// Decides on rows together; where that fails, on halves of them, down to the one subject that nothing can be
    /// decided about.
    #[expect(clippy::too_many_arguments, reason = "a recursion over one state")]
    fn decide(
        &mut self,
        decider: &Decider,
        all: &RecordBatch,
        places: &[usize],
        sizes: &[usize],
        of: Range<usize>,
        rows: Range<usize>,
        pieces: &mut Vec<(Range<usize>, Range<usize>, Decided)>,
    ) {
        let batch = all.slice(rows.start, rows.len());
        // Derived under their versions, as the journal has them: a replay sees the same neighbours.
        let decide = || decider.decide_derived(&decider.derive_at(&batch, self.now_ms)?, self.now_ms);
        // A panic is a bug of ours; it must not cost more than the subject that shows it.
        let reason = match catch_unwind(AssertUnwindSafe(decide)) {
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
        self.decide(decider, all, places, sizes, of.start..middle, rows.start..cut, pieces);
        self.decide(decider, all, places, sizes, middle..of.end, cut..rows.end, pieces);
    }

    /// Makes an entry of these rows and gives them their positions.
    fn place(
        &mut self,
        rows: &RecordBatch,
        settlement: &mut Settlement,
        places: &[usize],
        decided: Option<Decided>,
    ) -> Result<(), SettleError> {
        let first = self.placed.next;
        let mut first_rows = Vec::with_capacity(places.len());
        let mut row = 0;
        for place in places {
            first_rows.push(row as u32);
            row += settlement.sent[*place].run.rows.len();
        }
        let sent = || places.iter().map(|place| &settlement.sent[*place]);
        let missing = || ArrowError::SchemaError(format!("no column `{}`", self.stream.subject_key));
        let key = rows.column_by_name(self.stream.subject_key).ok_or_else(missing)?;
        let of_first = UInt32Array::from(first_rows.clone());
        let subjects = Subjects {
            ids: take(key, &of_first, None)?,
            versions: sent().map(|settling| settling.version().map_or(1, |(version, _)| version)).collect(),
            contents: sent().map(|settling| settling.content).collect(),
            envelopes: sent().map(|settling| settling.envelope).collect(),
            earlier: Vec::new(),
            first_rows: first_rows.clone(),
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
        let (stream, known_at_ms) = (self.stream, self.now_ms);
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
