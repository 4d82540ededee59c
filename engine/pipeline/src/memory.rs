//! What is remembered of importers, routes and travellers while records go by, and joined to each as it comes.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use haechi_model::Stream;
use haechi_profile::{ProfilePlan, Profiler, Records, Replaced};
use haechi_select::{Secret, SubjectBatch};

use crate::decide::DecideError;

/// How what is remembered is kept and what rules ask of it; made with the rules.
#[derive(Clone)]
pub(crate) struct MemoryPlan {
    plan: Arc<ProfilePlan>,
    /// With it keys are hashed.
    seed: u64,
}

impl MemoryPlan {
    pub fn new(plan: Arc<ProfilePlan>, secret: &Secret) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = secret.subkey("profile keys");
        Self { plan, seed: u64::from_le_bytes([a, b, c, d, e, f, g, h]) }
    }

    pub fn plan(&self) -> &ProfilePlan {
        &self.plan
    }
}

/// What is remembered, and who asks.
pub struct Memory {
    profiler: Option<Profiler>,
    stream: &'static Stream,
    /// The features that rules name.
    wanted: Arc<[String]>,
}

impl Memory {
    /// One that remembers nothing yet.
    pub(crate) fn new(plan: Option<&MemoryPlan>, stream: &'static Stream, wanted: Arc<[String]>) -> Self {
        let profiler = plan.map(|plan| Profiler::new(Arc::clone(&plan.plan), plan.seed));
        Self { profiler, stream, wanted }
    }

    /// How many entities of each kind are known.
    pub fn known(&self) -> impl Iterator<Item = (&str, usize)> {
        self.profiler.iter().flat_map(Profiler::known)
    }

    /// The rows, derived before, with what is known of those they are about; and from now on they are known themselves.
    /// The rows of a subject stand together.
    pub fn join(&mut self, derived: RecordBatch) -> Result<RecordBatch, DecideError> {
        let (Some(profiler), Some(kind)) = (&mut self.profiler, self.stream.lanes) else { return Ok(derived) };
        let subjects = SubjectBatch::from_rows(kind, &derived)?;
        let mut starts = subjects.first_rows().to_vec();
        starts.push(derived.num_rows() as u32);
        let records = Records { stream: self.stream, rows: &derived, starts: &starts, replaced: None::<Replaced<'_>> };
        let wanted: Vec<&str> = self.wanted.iter().map(String::as_str).collect();
        let columns = profiler.pass(&records, &wanted)?;
        Ok(beside(&derived, &wanted, columns)?)
    }
}

/// A batch with more columns.
fn beside(
    batch: &RecordBatch,
    names: &[&str],
    columns: Vec<ArrayRef>,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    for (name, column) in names.iter().zip(columns) {
        fields.push(Arc::new(Field::new(*name, column.data_type().clone(), true)));
        arrays.push(column);
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)
}
