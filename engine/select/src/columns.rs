//! The columns of a batch of selections, grown row by row.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int16Array, Int32Array, ListArray,
    RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use haechi_model::selection::selection_schema;

use crate::batch::SubjectBatch;
use crate::decide::Decision;
use crate::select::Stamp;
use crate::selector::Selector;

/// Selections in the making.
pub(crate) struct Columns<'a> {
    selector: &'a Selector,
    lanes: Vec<i16>,
    requested_lanes: Vec<i16>,
    scores: Vec<f64>,
    reasons: Texts,
    instructions: Texts,
    random_strata: Vec<Option<i16>>,
    lowered_by: Vec<Option<i32>>,
    mandatory: Vec<bool>,
    n_rows: Vec<i32>,
}

impl<'a> Columns<'a> {
    pub fn new(selector: &'a Selector, n_subjects: usize) -> Self {
        Self {
            selector,
            lanes: Vec::with_capacity(n_subjects),
            requested_lanes: Vec::with_capacity(n_subjects),
            scores: Vec::with_capacity(n_subjects),
            reasons: Texts::new(n_subjects),
            instructions: Texts::new(n_subjects),
            random_strata: Vec::with_capacity(n_subjects),
            lowered_by: Vec::with_capacity(n_subjects),
            mandatory: Vec::with_capacity(n_subjects),
            n_rows: Vec::with_capacity(n_subjects),
        }
    }

    /// Adds a selection. `kept` are the kept rules; the call leaves only the reasons in it.
    pub fn push(&mut self, decision: &Decision, kept: &mut Vec<u32>, n_rows: usize) {
        self.lanes.push(decision.lane.rank() as i16);
        self.requested_lanes.push(decision.requested.rank() as i16);
        self.scores.push(decision.score);
        self.random_strata.push(decision.drawn_in.map(|stratum| stratum as i16));
        self.lowered_by.push(decision.lowered_by.map(|rule| rule as i32));
        self.mandatory.push(decision.mandatory);
        self.n_rows.push(n_rows as i32);
        self.selector.rulebook.keep_reasons(kept);
        let effects = &self.selector.effects;
        let reasons = || kept.iter().map(|&rule| &effects[rule as usize]);
        let lowering = decision.lowered_by.map(|rule| &effects[rule as usize]).filter(|e| !e.asks());
        self.reasons.push(reasons().map(|effect| effect.id.as_str()));
        self.instructions.push_distinct(reasons().chain(lowering).filter_map(|effect| effect.instruction.as_deref()));
    }

    /// The batch, in the schema of selections.
    pub fn finish(self, subjects: &SubjectBatch, stamp: &Stamp) -> Result<RecordBatch, ArrowError> {
        let n = self.lanes.len();
        let names = &self.selector.names;
        let lane = |ranks: Vec<i16>| dictionary16(ranks.into(), &names.lanes);
        let hash = |hash: [u8; 32]| repeat_hash(&hash, n);
        let stream: ArrayRef = Arc::new(StringArray::from_iter_values([self.selector.kind.stream()]));
        let lowered_by = DictionaryArray::try_new(Int32Array::from(self.lowered_by), names.rules.clone())?;
        let columns: [(&str, ArrayRef); _] = [
            ("subject_id", subjects.id_column()),
            ("version", Arc::new(Int32Array::from(subjects.versions().to_vec()))),
            ("stream", Arc::new(DictionaryArray::try_new(Int16Array::from(vec![0; n]), stream)?)),
            ("lane", lane(self.lanes)?),
            ("requested_lane", lane(self.requested_lanes)?),
            ("score", Arc::new(Float64Array::from(self.scores))),
            ("reasons", self.reasons.finish()?),
            ("instructions", self.instructions.finish()?),
            ("random_stratum", dictionary16(self.random_strata.into(), &names.strata)?),
            ("lowered_by", Arc::new(lowered_by)),
            ("mandatory", Arc::new(BooleanArray::from(self.mandatory))),
            ("rows", Arc::new(Int32Array::from(self.n_rows))),
            ("ruleset_hash", hash(stamp.ruleset_hash)?),
            ("policy_hash", hash(self.selector.policy_hash)?),
            (
                "decided_at",
                Arc::new(TimestampMillisecondArray::from(vec![stamp.decided_at_ms; n]).with_timezone("UTC")),
            ),
        ];
        conform(&columns)
    }
}

fn dictionary16(keys: Int16Array, values: &Arc<StringArray>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(DictionaryArray::try_new(keys, values.clone())?))
}

fn repeat_hash(hash: &[u8; 32], n: usize) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(FixedSizeBinaryArray::try_new(32, Buffer::from(hash.repeat(n)), None)?))
}

/// Puts the columns into the schema's order, each as the type it has there.
fn conform(columns: &[(&str, ArrayRef)]) -> Result<RecordBatch, ArrowError> {
    let schema = selection_schema();
    let in_order: Result<Vec<ArrayRef>, ArrowError> = schema
        .fields()
        .iter()
        .map(|field| {
            let column = columns.iter().find(|(name, _)| name == field.name());
            let (_, column) = column.ok_or_else(|| ArrowError::SchemaError(format!("no column `{}`", field.name())))?;
            if column.data_type() == field.data_type() { Ok(column.clone()) } else { cast(column, field.data_type()) }
        })
        .collect();
    RecordBatch::try_new(schema, in_order?)
}

/// A list column of text.
struct Texts {
    values: StringBuilder,
    n_values: i32,
    offsets: Vec<i32>,
}

impl Texts {
    fn new(n_lists: usize) -> Self {
        let mut offsets = Vec::with_capacity(n_lists + 1);
        offsets.push(0);
        Self { values: StringBuilder::new(), n_values: 0, offsets }
    }

    /// Adds the list of these texts.
    fn push<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        for text in texts {
            self.values.append_value(text);
            self.n_values += 1;
        }
        self.offsets.push(self.n_values);
    }

    /// Adds the list of these texts, each once, where it first stands.
    fn push_distinct<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        let mut distinct = Vec::new(); // allocates nothing while empty, as it is for most subjects
        for text in texts {
            if !distinct.contains(&text) {
                distinct.push(text);
            }
        }
        self.push(distinct.into_iter());
    }

    fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let offsets = OffsetBuffer::new(self.offsets.into());
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(self.values.finish()), None)?))
    }
}
