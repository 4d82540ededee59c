//! One batch of rows through derivation, evaluation and selection.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use haechi_evaluate::{EvaluateError, Evaluator, Hits, Options};
use haechi_model::derive::{DeriveContext, derive_columns, inputs};
use haechi_model::{Stream, SubjectKind};
use haechi_profile::ProfileError;
use haechi_rules::Ruleset;
use haechi_select::{
    RowHit, Secret, SelectError, SelectedBatch, Selector, SelectorError, Stamp, SubjectBatch, SubjectError,
};

use crate::hits::HitWriter;
use crate::memory::{Memory, MemoryPlan, Timeline};
use crate::packs::Packs;

/// Why a batch, or a decider, could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The packs hold no rules for the stream.
    #[error("no rules for stream `{0}` in these packs")]
    NoRules(&'static str),
    /// The stream has no lanes.
    #[error("stream `{0}` has no selections; only declaration, consignment and traveller have")]
    NoLanes(&'static str),
    /// Evaluating failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The rows do not form subjects.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The policy or its secret cannot be used.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// Selecting failed.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Rules ask for what only records of another stream say.
    #[error(
        "rules ask for `{feature}`, which is made of stream `{made_of}`: a run of `{stream}` does not see it; \
         give it with `--facts {made_of}=FILE`"
    )]
    OtherStream {
        /// The feature.
        feature: String,
        /// The stream it is made of.
        made_of: &'static str,
        /// The stream decided on.
        stream: &'static str,
    },
    /// What is known of those that rows are about cannot be told.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A hash that is not 32 bytes of hex.
    #[error("the ruleset has no usable hash")]
    Hash,
}

/// Rules, policy and clock of one run.
pub struct Decider {
    /// The stream decided on.
    pub stream: &'static Stream,
    /// The rules, by place.
    pub ruleset: Arc<Ruleset>,
    evaluator: Evaluator,
    strata: Option<(Evaluator, Vec<usize>)>,
    selector: Selector,
    derive: DeriveContext,
    ruleset_hash: [u8; 32],
    hit_writer: HitWriter,
    derived: Vec<&'static str>,
    base: Vec<&'static str>,
    memory: Arc<MemoryPlan>,
    /// The features that rules and strata name.
    features: Arc<[String]>,
}

/// What became of a batch.
pub struct Decided {
    /// One row a subject: `haechi_model::selection` has the schema.
    pub selected: SelectedBatch,
    /// One row a hit.
    pub hits: RecordBatch,
    /// Hits by row and rule.
    pub row_hits: Hits,
    /// The first row of each subject, as many as there are selections.
    pub first_rows: Vec<u32>,
    /// How many rows were decided on.
    pub rows: usize,
    /// Seconds spent in derivation and evaluation, and in selection.
    pub seconds: (f64, f64),
}

impl Decider {
    /// A decider for one stream of these packs. `derive.now` is the instant decisions are dated.
    pub fn new(
        packs: &Packs,
        stream: &'static Stream,
        secret: &Secret,
        derive: DeriveContext,
        options: Options,
    ) -> Result<Self, DecideError> {
        let memory = Arc::new(MemoryPlan::new(packs, secret, derive.clone())?);
        Self::remembering(packs, stream, secret, derive, options, memory)
    }

    /// As [`Decider::new`], with a plan of what is remembered that others share.
    pub(crate) fn remembering(
        packs: &Packs,
        stream: &'static Stream,
        secret: &Secret,
        derive: DeriveContext,
        options: Options,
        memory: Arc<MemoryPlan>,
    ) -> Result<Self, DecideError> {
        let kind: SubjectKind = stream.lanes.ok_or(DecideError::NoLanes(stream.name))?;
        let ruleset = packs.ruleset(stream).ok_or(DecideError::NoRules(stream.name))?;
        let evaluator = Evaluator::new(Arc::clone(&ruleset.program), options)?;
        let policy = packs.policy(kind);
        let (program, with_condition) = packs.strata(stream, &policy);
        let strata = if with_condition.is_empty() {
            None
        } else {
            Some((Evaluator::new(Arc::new(program), options)?, with_condition))
        };
        let selector = Selector::new(kind, policy, Packs::effects(ruleset), secret)?;
        let ruleset_hash = <[u8; 32]>::try_from(decode_hex(&ruleset.hash)).map_err(|_| DecideError::Hash)?;
        let programs: Vec<_> = std::iter::once(&evaluator).chain(strata.iter().map(|(e, _)| e)).collect();
        let features = features(&programs);
        let (mut derived, mut base) = columns(stream, &programs);
        if !features.is_empty() {
            let (more_derived, more_base) = memory.columns(stream);
            derived.extend(more_derived);
            base.extend(more_base);
            base.extend(memory.read_for_others(stream));
            base.sort_unstable();
            base.dedup();
        }
        let ruleset = Arc::new(ruleset.clone());
        let hit_writer = HitWriter::new(&ruleset, &evaluator);
        Ok(Self {
            stream,
            ruleset,
            evaluator,
            strata,
            selector,
            derive,
            ruleset_hash,
            hit_writer,
            derived,
            base,
            memory,
            features,
        })
    }

    /// The columns that have to be read for these rules, derived ones not among them.
    pub fn columns(&self) -> &[&'static str] {
        &self.base
    }

    /// Where what is known of those that rows are about is kept and joined to them: nothing is known yet. Where rules
    /// name no feature it does nothing. It remembers records of the decider's own stream, so rules that ask for what
    /// others say are refused.
    pub fn memory(&self) -> Result<Memory, DecideError> {
        self.memory_with(Timeline::default())
    }

    /// As [`Decider::memory`], with facts beside.
    pub(crate) fn memory_with(&self, facts: Timeline) -> Result<Memory, DecideError> {
        let profiles = self.memory.profiles();
        for feature in profiles.with_groups(self.features.iter().map(String::as_str)) {
            let told = |stream: &Stream| *stream == *self.stream || facts.streams().any(|told| told == stream);
            // It would be told as if nothing had ever happened.
            if let Some(made_of) = profiles.made_of(&feature).filter(|made_of| !told(made_of)) {
                return Err(DecideError::OtherStream { feature, made_of: made_of.name, stream: self.stream.name });
            }
        }
        let plan = Some(Arc::clone(&self.memory)).filter(|_| !self.features.is_empty());
        Ok(Memory::new(plan, facts, self.stream, Arc::clone(&self.features)))
    }

    /// How what is remembered is kept.
    pub(crate) fn memory_plan(&self) -> &MemoryPlan {
        &self.memory
    }

    /// The features over time that rules and strata name.
    pub fn features(&self) -> &Arc<[String]> {
        &self.features
    }

    /// The evaluator, for explanations.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// The selector, for explanations.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The content hash of the rules.
    pub fn ruleset_hash(&self) -> [u8; 32] {
        self.ruleset_hash
    }

    /// Adds the derived columns that rules touch.
    pub fn derive(&self, batch: &RecordBatch) -> Result<RecordBatch, DecideError> {
        self.derive_in(batch, &self.derive)
    }

    /// As [`Decider::derive`], at another instant.
    pub fn derive_at(&self, batch: &RecordBatch, now_ms: i64) -> Result<RecordBatch, DecideError> {
        self.derive_in(batch, &self.context_at(now_ms))
    }

    /// Adds what subjects are known by, and nothing else.
    pub(crate) fn derive_key(&self, batch: &RecordBatch, now_ms: i64) -> Result<RecordBatch, DecideError> {
        let key = self.stream.subject_key;
        Ok(derive_columns(self.stream, batch, &self.context_at(now_ms), &|name| name == key)?)
    }

    /// Whose each of these rows is, as selections name them; `None` where a row has no identifier.
    pub fn subjects_of(&self, rows: &RecordBatch, now_ms: i64) -> Result<Vec<Option<String>>, DecideError> {
        let with_key = self.derive_key(rows, now_ms)?;
        let Some(key) = with_key.column_by_name(self.stream.subject_key) else {
            return Ok(vec![None; rows.num_rows()]);
        };
        let key = cast(key, &DataType::Utf8)?;
        Ok(key.as_string::<i32>().iter().map(|id| id.map(str::to_owned)).collect())
    }

    /// One derived column of these rows, if they give it.
    pub(crate) fn derive_column(
        &self,
        batch: &RecordBatch,
        column: &'static str,
        now_ms: i64,
    ) -> Result<Option<ArrayRef>, DecideError> {
        let derived = derive_columns(self.stream, batch, &self.context_at(now_ms), &|name| name == column)?;
        Ok(derived.column_by_name(column).cloned())
    }

    fn context_at(&self, now_ms: i64) -> DeriveContext {
        DeriveContext { now: Some(now_ms), ..self.derive.clone() }
    }

    fn derive_in(&self, batch: &RecordBatch, context: &DeriveContext) -> Result<RecordBatch, DecideError> {
        Ok(derive_columns(self.stream, batch, context, &|name| self.derived.contains(&name))?)
    }

    /// Subjects of a derived batch, each with its stratum.
    pub fn subjects(&self, batch: &RecordBatch) -> Result<SubjectBatch, DecideError> {
        let subjects = SubjectBatch::from_rows(self.selector.kind(), batch)?;
        let Some((evaluator, with_condition)) = &self.strata else { return Ok(subjects) };
        // Over all rows, since a condition may look across the items; it is asked of the first one.
        let hits = evaluator.evaluate(batch)?;
        let mut strata: Vec<Option<u32>> = vec![None; subjects.len()];
        for (row, root) in hits.iter() {
            if let Ok(subject) = subjects.first_rows().binary_search(&row) {
                // The first stratum whose condition holds; hits come in the order of the strata.
                strata[subject].get_or_insert(with_condition[root as usize] as u32);
            }
        }
        Ok(subjects.with_strata(strata)?)
    }

    /// Decides on a batch in which every subject is whole, at the instant the decider was made for, with what `memory`
    /// has of the batches before.
    pub fn decide(&self, batch: &RecordBatch, memory: &mut Memory) -> Result<Decided, DecideError> {
        let start = Instant::now();
        let derived = memory.join(batch, self.derive(batch)?)?;
        let mut decided = self.decide_derived(&derived, self.derive.now.unwrap_or_default())?;
        decided.seconds.0 = start.elapsed().as_secs_f64() - decided.seconds.1;
        Ok(decided)
    }

    /// Decides on rows that [`Decider::derive_at`] has derived at that instant, in ms since 1970 UTC: a stream goes on
    /// while the clock does, and a replay goes back.
    pub fn decide_derived(&self, derived: &RecordBatch, now_ms: i64) -> Result<Decided, DecideError> {
        let start = Instant::now();
        let row_hits = self.evaluator.evaluate(derived)?;
        let evaluated = start.elapsed().as_secs_f64();
        let subjects = self.subjects(derived)?;
        let pairs: Vec<RowHit> = row_hits.iter().map(|(row, rule)| RowHit { row, rule }).collect();
        let stamp = Stamp { ruleset_hash: self.ruleset_hash, decided_at_ms: now_ms };
        let selected = self.selector.select(&subjects, &pairs, &stamp)?;
        let hits = self.hit_writer.batch(derived, &subjects, &row_hits, &selected.kept)?;
        let first_rows = subjects.first_rows().to_vec();
        let seconds = (evaluated, start.elapsed().as_secs_f64() - evaluated);
        Ok(Decided { selected, hits, row_hits, first_rows, rows: derived.num_rows(), seconds })
    }
}

/// The columns that programs join to rows.
fn features(evaluators: &[&Evaluator]) -> Arc<[String]> {
    let mut names: Vec<String> =
        evaluators.iter().flat_map(|e| e.program().joined_columns()).map(|column| column.name.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    names.into()
}

/// The derived columns that programs touch, and the columns to read for them.
pub(crate) fn columns(stream: &'static Stream, evaluators: &[&Evaluator]) -> (Vec<&'static str>, Vec<&'static str>) {
    let all: Vec<_> = stream.all_columns().collect();
    let mut derived = Vec::new();
    let mut base = vec![stream.subject_key, "version"];
    base.extend(stream.columns.iter().filter(|c| c.key).map(|c| c.name));
    // A key that is derived (a traveller's, in messages) is needed whether or not a rule asks for it.
    let keys = all.iter().enumerate().filter(|(_, c)| c.key && c.derived).map(|(index, _)| index);
    let mut touched: Vec<usize> = evaluators.iter().flat_map(|e| e.program().columns()).chain(keys).collect();
    touched.sort_unstable();
    touched.dedup();
    // What is joined is not read from rows.
    for column in touched.into_iter().filter_map(|index| all.get(index)) {
        // A value that is given wins over one derived, so the column itself is read too.
        base.push(column.name);
        let inputs = inputs(stream, column.name);
        if !inputs.is_empty() || column.derived {
            derived.push(column.name);
            base.extend(inputs);
        }
    }
    base.sort_unstable();
    base.dedup();
    (derived, base)
}

fn decode_hex(text: &str) -> Vec<u8> {
    let digit = |i: usize| text.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len() / 2).map_while(|i| digit(i * 2)).collect()
}
