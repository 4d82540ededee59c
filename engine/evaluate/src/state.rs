//! What evaluating leaves behind for the next batch: the memory of frames, and what it has learned about the rows.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::array::RecordBatch;

use crate::batch::Prepared;
use crate::error::EvaluateError;
use crate::frame::{Frame, Slots};
use crate::hits::Found;
use crate::plan::Plan;
use crate::sample::Sample;
use crate::schedule::Schedule;
use crate::shares::Shares;

/// Rows a batch needs before it says anything about how rare things are.
const MEASURE_ROWS_MIN: usize = 1_024;

/// A schedule is made anew when rules look at so many times the rows a row that they did at first.
const DRIFT: f64 = 2.0;

/// Shared by all threads that use an evaluator.
pub(crate) struct State {
    current: RwLock<Current>,
    /// Memory of frames that are not in use.
    spare: Mutex<Vec<(Slots, Found)>>,
    /// Rows of small batches, while nothing has been measured.
    sample: Mutex<Sample>,
    /// What batches have cost since that was last compared.
    spent: Mutex<Spent>,
}

/// What batches have cost.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    /// Rows of input.
    rows: usize,
    /// Rows that rules have looked at, of all rules.
    looked_at: u64,
}

struct Current {
    schedule: Arc<Schedule>,
    basis: Basis,
}

/// What a schedule stands on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Basis {
    /// No row seen, or the rows have changed since.
    Guess,
    /// Measured; how much it spares is not known yet.
    Measured,
    /// Rows that rules look at, a row of input, when it was new.
    Settled(f64),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    pub fn new(plan: &Plan, block_rows: usize) -> Self {
        let schedule = Arc::new(Schedule::new(plan, &Shares::guess(plan), block_rows));
        Self {
            current: RwLock::new(Current { schedule, basis: Basis::Guess }),
            spare: Mutex::default(),
            sample: Mutex::default(),
            spent: Mutex::default(),
        }
    }

    /// The schedule as it stands.
    pub fn schedule(&self) -> Arc<Schedule> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).schedule)
    }

    /// The schedule for a batch: measured on it, if that is due.
    pub fn schedule_for(
        &self,
        plan: &Plan,
        batch: &RecordBatch,
        block_rows: usize,
    ) -> Result<Arc<Schedule>, EvaluateError> {
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.basis != Basis::Guess {
                return Ok(Arc::clone(&current.schedule));
            }
        }
        let Some(rows) = self.rows_to_measure(plan, batch)? else { return Ok(self.schedule()) };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.basis == Basis::Guess {
            let schedule = Arc::new(Schedule::new(plan, &Shares::measure(plan, &rows), block_rows));
            *current = Current { schedule, basis: Basis::Measured };
        }
        Ok(Arc::clone(&current.schedule))
    }

    /// The batch, if it is large enough, or else with those before it.
    fn rows_to_measure(&self, plan: &Plan, batch: &RecordBatch) -> Result<Option<Prepared>, EvaluateError> {
        let rows = Prepared::columns(plan, batch)?;
        if rows.rows >= MEASURE_ROWS_MIN {
            return Ok(Some(rows));
        }
        let mut sample = self.sample.lock().unwrap_or_else(PoisonError::into_inner);
        sample.add(rows)?;
        if sample.rows() < MEASURE_ROWS_MIN {
            return Ok(None);
        }
        std::mem::take(&mut *sample).joined().map(Some)
    }

    /// Notes what a batch has cost, and whether the schedule still fits the rows.
    pub fn note(&self, schedule: &Arc<Schedule>, rows: usize, looked_at: u64) {
        let spent = {
            let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
            spent.rows += rows;
            spent.looked_at += looked_at;
            if spent.rows < MEASURE_ROWS_MIN {
                return;
            }
            std::mem::take(&mut *spent)
        };
        let per_row = spent.looked_at as f64 / spent.rows as f64;
        let basis = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if !Arc::ptr_eq(&current.schedule, schedule) {
                return;
            }
            current.basis
        };
        let next = match basis {
            Basis::Measured => Basis::Settled(per_row),
            Basis::Settled(first) if per_row > DRIFT * first + 1.0 => Basis::Guess,
            settled => settled,
        };
        if next != basis {
            tracing::debug!(per_row, ?next, "rows that rules look at, a row");
            self.current.write().unwrap_or_else(PoisonError::into_inner).basis = next;
        }
    }
}

/// A frame of one thread, on loan from the state.
pub(crate) struct Worker<'e> {
    frame: Frame<'e>,
    found: Found,
    prepared: &'e Prepared,
    state: &'e State,
}

impl<'e> Worker<'e> {
    pub fn new(plan: &'e Plan, schedule: &'e Schedule, prepared: &'e Prepared, state: &'e State) -> Self {
        let spare = state.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (slots, found) = spare.unwrap_or_default();
        Self { frame: Frame::rows(plan, schedule, slots), found, prepared, state }
    }

    /// The hits of one block; with `count_only`, how many a rule.
    pub fn run(&mut self, block: &Range<usize>, count_only: bool) -> Result<(&mut Found, &Frame<'e>), EvaluateError> {
        self.found.begin(count_only);
        self.frame.begin(self.prepared, block.clone());
        self.frame.run(&mut self.found)?;
        Ok((&mut self.found, &self.frame))
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let used = (self.frame.take_slots(), std::mem::take(&mut self.found));
        self.state.spare.lock().unwrap_or_else(PoisonError::into_inner).push(used);
    }
}
