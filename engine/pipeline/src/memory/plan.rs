//! How what is remembered is kept, and what records have to bring for it; made with the rules.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
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
    /// Both.
    kept: Kept,
    /// By stream of subjects that its records speak of: the columns of them that are joined.
    joined: Vec<Joined>,
}

/// Columns of the subjects that records speak of.
pub(crate) struct Joined {
    /// The stream of the subjects.
    pub subject: &'static Stream,
    /// The columns, under their own names.
    pub columns: Vec<&'static str>,
    /// Those, and by what an item is found.
    kept: Kept,
}

/// Columns of a stream that rows are kept in, so that rows of different entries fit together.
struct Kept(SchemaRef);

impl Kept {
    fn new(stream: &'static Stream, mut names: Vec<&str>) -> Self {
        names.sort_unstable();
        names.dedup();
        let fields = names.into_iter().filter_map(|name| stream.column(name)).map(|column| Arc::new(column.field()));
        Self(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
    }

    fn has(&self, name: &str) -> bool {
        self.0.fields().binary_search_by(|field| field.name().as_str().cmp(name)).is_ok()
    }
}

impl Joined {
    fn new(subject: &'static Stream, mut columns: Vec<&'static str>) -> Self {
        columns.sort_unstable();
        columns.dedup();
        let item_no = subject.column("item_no").map(|column| column.name);
        let kept = Kept::new(subject, columns.iter().copied().chain(item_no).collect());
        Self { subject, columns, kept }
    }
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

    /// What records of any stream are joined with of the subjects of one.
    pub fn joined_of(&self, subject: &'static Stream) -> Option<Joined> {
        let joined = self.feeds.iter().flat_map(|feed| &feed.joined).filter(|joined| joined.subject == subject);
        let columns: Vec<_> = joined.flat_map(|joined| joined.columns.iter().copied()).collect();
        (!columns.is_empty()).then(|| Joined::new(subject, columns))
    }

    /// The columns to read of a stream for what other records are joined with of its subjects.
    pub fn read_for_others(&self, subject: &'static Stream) -> Vec<&'static str> {
        let columns = self.joined_of(subject).map_or(Vec::new(), |joined| joined.columns);
        columns.into_iter().flat_map(|name| inputs(subject, name).iter().copied().chain([name])).collect()
    }

    /// The rows in the columns that are remembered, and in these alone, so that rows of different entries fit together.
    /// `known_at_ms` is when they became known.
    pub fn derive(
        &self,
        stream: &'static Stream,
        rows: &RecordBatch,
        known_at_ms: i64,
    ) -> Result<RecordBatch, ArrowError> {
        match self.feed(stream) {
            Some(feed) => self.derived(stream, rows, known_at_ms, &feed.kept),
            None => self.derived(stream, rows, known_at_ms, &Kept::new(stream, Vec::new())),
        }
    }

    /// The rows of subjects in the columns that are joined to records that speak of them.
    pub fn derive_joined(
        &self,
        joined: &Joined,
        rows: &RecordBatch,
        known_at_ms: i64,
    ) -> Result<RecordBatch, ArrowError> {
        self.derived(joined.subject, rows, known_at_ms, &joined.kept)
    }

    fn derived(
        &self,
        stream: &'static Stream,
        rows: &RecordBatch,
        known_at_ms: i64,
        kept: &Kept,
    ) -> Result<RecordBatch, ArrowError> {
        let context = DeriveContext { now: Some(known_at_ms), ..self.derive.clone() };
        let derived = derive_columns(stream, rows, &context, &|name| kept.has(name))?;
        let array = |field: &Arc<Field>| match derived.column_by_name(field.name()) {
            Some(array) if array.data_type() == field.data_type() => Ok(Arc::clone(array)),
            Some(array) => cast(array, field.data_type()),
            None => Ok(new_null_array(field.data_type(), rows.num_rows())),
        };
        let arrays = kept.0.fields().iter().map(array).collect::<Result<Vec<ArrayRef>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&kept.0), arrays, &options)
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
        base.extend(profiles.lists(stream));
        let mut joined: Vec<(&'static Stream, Vec<&'static str>)> = Vec::new();
        for column in evaluator.program().joined_columns() {
            let Some((subject, name)) = column.name.split_once('.') else { continue };
            let Some(subject) = Stream::find(subject) else { continue };
            let Some(name) = subject.column(name).map(|column| column.name) else { continue };
            match joined.iter_mut().find(|(of, _)| *of == subject) {
                Some((_, columns)) => columns.push(name),
                None => joined.push((subject, vec![name])),
            }
        }
        if !joined.is_empty() {
            // By these the subject is found.
            let by = haechi_model::streams::references(stream);
            base.extend(by.flat_map(|by| [Some(by.column), by.kind_column, by.item_column]).flatten());
        }
        base.sort_unstable();
        base.dedup();
        let joined = joined.into_iter().map(|(subject, columns)| Joined::new(subject, columns)).collect();
        let kept = Kept::new(stream, base.iter().chain(&derived).copied().collect());
        Some(Self { stream, derived, base, kept, joined })
    }
}
