//! How what is remembered is kept, and what records have to bring for it; made with the rules.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use haechi_evaluate::EvaluateError;
use haechi_model::Stream;
use haechi_model::derive::{DeriveContext, derive_columns, inputs};
use haechi_model::streams::STREAMS;
use haechi_profile::{ProfilePlan, Profiler};
use haechi_select::Secret;

use crate::decide::columns;
use crate::packs::Packs;

/// How what is remembered is kept.
pub(crate) struct MemoryPlan {
    profiles: Arc<ProfilePlan>,
    /// With it keys are hashed.
    seed: u64,
    derive: DeriveContext,
    feeds: Vec<Feed>,
}

/// What records of a stream have to bring.
struct Feed {
    stream: &'static Stream,
    /// Columns to derive.
    derived: Vec<&'static str>,
    /// Columns to read for all of it.
    base: Vec<&'static str>,
    /// By stream of subjects that its records speak of: the columns of them that are joined.
    joined: Vec<Joined>,
}

/// Columns of the subjects that records speak of.
pub(crate) struct Joined {
    /// The stream of the subjects.
    pub subject: &'static Stream,
    /// The columns, under their own names.
    pub columns: Vec<&'static str>,
}

impl MemoryPlan {
    /// Plans what packs declare.
    pub fn new(packs: &Packs, secret: &Secret, derive: DeriveContext) -> Result<Self, EvaluateError> {
        let [a, b, c, d, e, f, g, h, ..] = secret.subkey("profile keys");
        let seed = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let profiles = ProfilePlan::new(&packs.profiles, derive.zone)?;
        let feeds = STREAMS.iter().filter_map(|stream| Feed::new(&profiles, stream)).collect();
        Ok(Self { profiles: Arc::new(profiles), seed, derive, feeds })
    }

    /// How features are computed.
    pub fn profiles(&self) -> &Arc<ProfilePlan> {
        &self.profiles
    }

    /// The secret under which keys are hashed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The instant at which decisions are dated, where that is given once for all.
    pub fn now_ms(&self) -> Option<i64> {
        self.derive.now
    }

    /// One that knows nothing yet and keeps all in memory.
    pub fn profiler(&self) -> Profiler {
        Profiler::new(Arc::clone(&self.profiles), self.seed)
    }

    /// Whether anything is remembered of the records of a stream.
    pub fn takes(&self, stream: &Stream) -> bool {
        self.feed(stream).is_some()
    }

    /// The columns of a stream to derive, and to read for that.
    pub fn columns(&self, stream: &Stream) -> (&[&'static str], &[&'static str]) {
        self.feed(stream).map_or((&[], &[]), |feed| (&feed.derived, &feed.base))
    }

    /// What records of a stream are joined with.
    pub fn joined(&self, stream: &Stream) -> &[Joined] {
        self.feed(stream).map_or(&[], |feed| &feed.joined)
    }

    /// The rows in the columns that are remembered, and in these alone, so that rows of different entries fit together.
    /// `known_at_ms` is when they became known.
    pub fn derive(
        &self,
        stream: &'static Stream,
        rows: &RecordBatch,
        known_at_ms: i64,
    ) -> Result<RecordBatch, ArrowError> {
        let (derived, base) = self.columns(stream);
        self.derived(stream, rows, known_at_ms, base.iter().chain(derived))
    }

    /// The rows of subjects in the columns that are joined to records that speak of them.
    pub fn derive_joined(
        &self,
        joined: &Joined,
        rows: &RecordBatch,
        known_at_ms: i64,
    ) -> Result<RecordBatch, ArrowError> {
        let item_no = ["item_no"].iter().filter(|name| joined.subject.column(name).is_some());
        self.derived(joined.subject, rows, known_at_ms, joined.columns.iter().chain(item_no))
    }

    fn derived<'n>(
        &self,
        stream: &'static Stream,
        rows: &RecordBatch,
        known_at_ms: i64,
        names: impl Iterator<Item = &'n &'static str>,
    ) -> Result<RecordBatch, ArrowError> {
        let context = DeriveContext { now: Some(known_at_ms), ..self.derive.clone() };
        let mut names: Vec<&str> = names.copied().collect();
        names.sort_unstable();
        names.dedup();
        let derived = derive_columns(stream, rows, &context, &|name| names.contains(&name))?;
        let mut fields = Vec::with_capacity(names.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(names.len());
        for column in names.iter().filter_map(|name| stream.column(name)) {
            let field = column.field();
            arrays.push(match derived.column_by_name(column.name) {
                Some(array) => cast(array, field.data_type())?,
                None => new_null_array(field.data_type(), rows.num_rows()),
            });
            fields.push(Arc::new(field));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
    }

    fn feed(&self, stream: &Stream) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.stream == stream)
    }
}

impl Feed {
    fn new(profiles: &ProfilePlan, stream: &'static Stream) -> Option<Self> {
        let evaluator = profiles.evaluator(stream)?;
        let (mut derived, mut base) = columns(stream, &[evaluator]);
        // When a record was decides which windows it is in.
        derived.push("event_at");
        base.extend(inputs(stream, "event_at"));
        let mut joined: Vec<Joined> = Vec::new();
        for column in evaluator.program().joined_columns() {
            let Some((subject, name)) = column.name.split_once('.') else { continue };
            let Some(subject) = Stream::find(subject) else { continue };
            let Some(name) = subject.column(name).map(|column| column.name) else { continue };
            match joined.iter_mut().find(|joined| joined.subject == subject) {
                Some(joined) => joined.columns.push(name),
                None => joined.push(Joined { subject, columns: vec![name] }),
            }
        }
        if !joined.is_empty() {
            // By these the subject is found.
            let by = haechi_model::streams::references(stream);
            base.extend(by.flat_map(|by| [Some(by.column), by.kind_column, by.item_column]).flatten());
        }
        base.sort_unstable();
        base.dedup();
        Some(Self { stream, derived, base, joined })
    }
}
