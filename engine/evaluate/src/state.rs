//! What evaluating leaves behind for the next batch: the memory of frames, and what it has learned about the rows.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::array::{ArrayRef, RecordBatch};
use haechi_rules::program::OperandId;

use crate::batch::Prepared;
use crate::error::EvaluateError;
use crate::frame::{Frame, Slots};
use crate::hits::Found;
use crate::plan::Plan;
use crate::sample::Sample;
use crate::schedule::Schedule;
use crate::shares::Shares;
use crate::single::Memory;

/// Rows a batch needs before it says anything about how rare things are.
const MEASURE_ROWS_MIN: usize = 1_024;

/// A schedule is made anew when rules look at so many times the rows a row that they did at first.
const DRIFT: f64 = 2.0;

/// After each time, twice as many rows go by before the next, and no more than this often twice as many: rows that
/// change back and forth are not worth a new schedule each time.
const PATIENCE_MAX: u32 = 12;

/// Shared by all threads that use an evaluator.
pub(crate) struct State {
    current: RwLock<Current>,
    /// Held while a schedule is made. Large batches wait for it, small ones go on with the one there is.
    measuring: Mutex<()>,
    /// Memory of frames that are not in use.
    spare: Mutex<Vec<(Slots, Found)>>,
    /// Memory of rows alone.
    #[expect(clippy::vec_box, reason = "what comes and goes with each row is a pointer, not a kilobyte")]
    singles: Mutex<Vec<Box<Memory>>>,
    /// Rows of small batches, while nothing has been measured.
    sample: Mutex<Sample>,
    spent: Mutex<Spent>,
}

struct Current {
    schedule: Arc<Schedule>,
    basis: Basis,
    /// How often one has been made from rows.
    times: u32,
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

/// What batches have cost under one schedule, since that was last compared.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    schedule: u64,
    /// Rows of input.
    rows: usize,
    /// Rows that rules have looked at, of all rules.
    looked_at: u64,
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
            current: RwLock::new(Current { schedule, basis: Basis::Guess, times: 0 }),
            measuring: Mutex::default(),
            spare: Mutex::default(),
            singles: Mutex::default(),
            sample: Mutex::default(),
            spent: Mutex::default(),
        }
    }

    /// The schedule as it stands.
    pub fn schedule(&self) -> Arc<Schedule> {
        Arc::clone(&read(&self.current).schedule)
    }

    /// Memory for a row alone; give it back.
    pub fn take_memory(&self) -> Box<Memory> {
        lock(&self.singles).pop().unwrap_or_default()
    }

    pub fn give_memory(&self, memory: Box<Memory>) {
        lock(&self.singles).push(memory);
    }

    /// The schedule for a batch: measured on it, if that is due.
    pub fn schedule_for(
        &self,
        plan: &Plan,
        batch: &RecordBatch,
        block_rows: usize,
    ) -> Result<Arc<Schedule>, EvaluateError> {
        {
            let current = read(&self.current);
            if current.basis != Basis::Guess {
                return Ok(Arc::clone(&current.schedule));
            }
        }
        let Some(rows) = self.rows_to_measure(plan, batch)? else { return Ok(self.schedule()) };
        let turn = if batch.num_rows() >= MEASURE_ROWS_MIN {
            Some(lock(&self.measuring))
        } else {
            self.measuring.try_lock().ok()
        };
        if turn.is_some() && read(&self.current).basis == Basis::Guess {
            let schedule = Arc::new(Schedule::new(plan, &Shares::measure(plan, &rows), block_rows));
            let mut current = write(&self.current);
            *current = Current { schedule, basis: Basis::Measured, times: current.times + 1 };
        }
        Ok(self.schedule())
    }

    /// The batch, if it is large enough, or else with those before it.
    fn rows_to_measure(&self, plan: &Plan, batch: &RecordBatch) -> Result<Option<Prepared>, EvaluateError> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let rows = Prepared::columns(plan, batch)?;
        if rows.rows >= MEASURE_ROWS_MIN {
            return Ok(Some(rows));
        }
        let mut sample = lock(&self.sample);
        let joined = sample.add(&rows).and_then(|()| match sample.rows() {
            0..MEASURE_ROWS_MIN => Ok(None),
            _ => std::mem::take(&mut *sample).joined().map(Some),
        });
        // It is for speed alone: what cannot be measured is guessed.
        Ok(joined.unwrap_or_else(|error| {
            tracing::debug!(%error, "rows could not be measured");
            *sample = Sample::default();
            None
        }))
    }

    /// Notes what a batch has cost, and whether the schedule still fits the rows.
    pub fn note(&self, schedule: &Schedule, rows: usize, looked_at: u64) {
        let (basis, times) = {
            let current = read(&self.current);
            (current.basis, current.times)
        };
        let spent = {
            let mut spent = lock(&self.spent);
            if spent.schedule != schedule.id {
                *spent = Spent { schedule: schedule.id, ..Spent::default() };
            }
            spent.rows += rows;
            spent.looked_at += looked_at;
            if spent.rows < MEASURE_ROWS_MIN << times.clamp(1, PATIENCE_MAX) {
                return;
            }
            std::mem::take(&mut *spent)
        };
        let per_row = spent.looked_at as f64 / spent.rows as f64;
        let next = match basis {
            Basis::Measured => Basis::Settled(per_row),
            Basis::Settled(first) if per_row > DRIFT * first + 1.0 => Basis::Guess,
            settled => settled,
        };
        let mut current = write(&self.current);
        if current.schedule.id == schedule.id && current.basis == basis && next != basis {
            tracing::debug!(per_row, ?next, "rows that rules look at, a row");
            current.basis = next;
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
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
        let spare = lock(&state.spare).pop();
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

    /// The values of operands in all rows.
    pub fn values(&mut self, operands: &[OperandId]) -> Result<Vec<ArrayRef>, EvaluateError> {
        self.frame.begin(self.prepared, 0..self.prepared.rows);
        operands.iter().map(|operand| self.frame.values(*operand)).collect()
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let used = (self.frame.take_slots(), std::mem::take(&mut self.found));
        lock(&self.state.spare).push(used);
    }
}
