//! The evaluator: a plan, and batches through it.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use haechi_rules::Program;
use rayon::prelude::*;

use crate::batch::Prepared;
use crate::error::EvaluateError;
use crate::frame::Frame;
use crate::hits::{Found, Hits};
use crate::plan::Plan;
use crate::single::{Columns, Single};
use crate::state::{State, Worker};

/// How to cut the work. No choice changes a hit.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows a block, at most: its bitmaps should fit the L2 cache.
    pub block_rows: usize,
}

/// A block of fewer rows is not worth another thread.
const SHARED_ROWS_MIN: usize = 1_024;

impl Default for Options {
    fn default() -> Self {
        Self { block_rows: 16_384 }
    }
}

/// Evaluates the rules of one program. Cheap to share between threads; clones share what they learn.
#[derive(Clone, Debug)]
pub struct Evaluator {
    pub(crate) plan: Arc<Plan>,
    pub(crate) state: Arc<State>,
    options: Options,
}

impl Evaluator {
    /// Makes a program ready.
    pub fn new(program: Arc<Program>, options: Options) -> Result<Self, EvaluateError> {
        let options = Options { block_rows: options.block_rows.max(1) };
        let plan = Arc::new(Plan::new(program)?);
        let state = Arc::new(State::new(&plan, options.block_rows));
        Ok(Self { plan, state, options })
    }

    /// The program it runs.
    pub fn program(&self) -> &Program {
        &self.plan.program
    }

    /// The hits of a batch, by row and rule.
    ///
    /// - Columns by name, in the stream's types or castable to them; a column that is missing is all NULL.
    /// - The rows of one subject stand together, as readers deliver them.
    /// - Errors: a column of another type; an expression that fails.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<Hits, EvaluateError> {
        if batch.num_rows() == 1 {
            return Ok(Hits::of_row(self.single(batch)?));
        }
        let (_, blocks) = self
            .each_block(batch, false, |block, found, frame| Hits::from_block(block.len(), found, &frame.settled()))?;
        Ok(Hits::joined(blocks))
    }

    /// Adds the number of hits of each rule in a batch to `counts`, one entry a rule: as [`Evaluator::evaluate`], and
    /// cheaper, since hits need not be put in order. All of it on this thread: who counts over many batches gives each
    /// thread batches of its own, which spares every handing over.
    pub fn count(&self, batch: &RecordBatch, counts: &mut [u64]) -> Result<(), EvaluateError> {
        if batch.num_rows() == 1 {
            self.single(batch)?.iter().for_each(|rule| counts[*rule as usize] += 1);
            return Ok(());
        }
        let (prepared, blocks) = self.each_block(batch, true, |_, found, frame| {
            found.counts.extend(frame.settled_by_value());
            found.counts.clone()
        })?;
        for (rule, hits) in blocks.into_iter().flatten() {
            counts[rule as usize] += u64::from(hits);
        }
        prepared.count_settled(&self.plan, counts);
        Ok(())
    }

    /// The rules that the only row of a batch hits, ascending.
    fn single(&self, batch: &RecordBatch) -> Result<Vec<u32>, EvaluateError> {
        let (plan, state) = (&*self.plan, &*self.state);
        let schedule = state.schedule_for(plan, batch, self.options.block_rows)?;
        let (columns, prepared) = (Columns::of(plan, batch)?, OnceCell::new());
        let mut memory = state.take_memory();
        let done = Single::new(plan, &schedule, &columns, &prepared, &mut memory).run();
        state.give_memory(memory);
        let (rules, asked) = done?;
        state.note(&schedule, 1, asked);
        Ok(rules)
    }

    /// As many as a block may have, or fewer, so that no thread is without one.
    fn rows_a_block(&self, rows: usize, one_thread: bool) -> usize {
        let threads = if one_thread { 1 } else { rayon::current_num_threads() };
        self.options.block_rows.min(rows.div_ceil(threads).max(SHARED_ROWS_MIN))
    }

    /// Takes each block of a batch through the rules.
    fn each_block<T: Send>(
        &self,
        batch: &RecordBatch,
        count_only: bool,
        each: impl Fn(&Range<usize>, &mut Found, &Frame<'_>) -> T + Sync,
    ) -> Result<(Prepared, Vec<T>), EvaluateError> {
        let (plan, state) = (&*self.plan, &*self.state);
        let schedule = state.schedule_for(plan, batch, self.options.block_rows)?;
        let prepared = Prepared::new(plan, &schedule, batch, !count_only)?;
        let blocks = prepared.blocks(self.rows_a_block(prepared.rows, count_only));
        let looked_at = AtomicU64::new(0);
        let one = |worker: &mut Worker<'_>, block: &Range<usize>| {
            let (found, frame) = worker.run(block, count_only)?;
            looked_at.fetch_add(found.looked_at, Ordering::Relaxed);
            Ok(each(block, found, frame))
        };
        let worker = || Worker::new(plan, &schedule, &prepared, state);
        let done: Result<Vec<T>, EvaluateError> = if count_only || blocks.len() == 1 {
            // Not worth another thread, nor the way there.
            let mut worker = worker();
            blocks.iter().map(|block| one(&mut worker, block)).collect()
        } else {
            blocks.par_iter().map_init(worker, one).collect()
        };
        state.note(&schedule, prepared.rows, looked_at.into_inner());
        Ok((prepared, done?))
    }
}
