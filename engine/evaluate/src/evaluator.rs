//! The evaluator: a plan, and batches through it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use haechi_rules::Program;
use rayon::prelude::*;

use crate::batch::Prepared;
use crate::error::EvaluateError;
use crate::frame::Frame;
use crate::hits::Hits;
use crate::plan::Plan;

/// How to cut the work. No choice changes a hit.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rows a block: its bitmaps should fit the L2 cache.
    pub block_rows: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { block_rows: 4_096 }
    }
}

/// Evaluates the rules of one program. Cheap to share between threads.
#[derive(Clone, Debug)]
pub struct Evaluator {
    pub(crate) plan: Arc<Plan>,
    options: Options,
}

impl Evaluator {
    /// Makes a program ready.
    pub fn new(program: Arc<Program>, options: Options) -> Result<Self, EvaluateError> {
        Ok(Self { plan: Arc::new(Plan::new(program)?), options })
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
        let prepared = Prepared::new(&self.plan, batch)?;
        let blocks = prepared.blocks(self.options.block_rows.max(1));
        let found: Result<Vec<Hits>, EvaluateError> = blocks
            .into_par_iter()
            .map_init(
                || Frame::rows(&self.plan),
                |frame, block| {
                    frame.begin(&prepared, block.clone());
                    let found = frame.hits()?;
                    Ok(Hits::from_block(block.start, block.len(), &found))
                },
            )
            .collect();
        let mut hits = Hits::default();
        for block in found? {
            hits.append(block);
        }
        Ok(hits)
    }
}
