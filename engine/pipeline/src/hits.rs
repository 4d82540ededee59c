//! Hits as rows of `hits.parquet`: the rule's words, and the values it saw.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int16Array, Int32Array, RecordBatch,
    StringArray, StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_evaluate::{Evaluator, Hits};
use haechi_model::selection::hit_schema;
use haechi_model::{Personal, Stream, SubjectKind};
use haechi_rules::Ruleset;
use haechi_select::SubjectBatch;
use rustc_hash::FxHashMap;

/// Makes hit rows; what depends on the rules alone is made once.
pub(crate) struct HitWriter {
    stream: &'static Stream,
    rule_ids: Arc<StringArray>,
    lanes: Arc<StringArray>,
    lane_of: Vec<Option<i16>>,
    scores: Vec<Option<f64>>,
    instructions: Vec<Option<String>>,
    columns: Vec<Vec<String>>,
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

impl HitWriter {
    pub fn new(ruleset: &Ruleset, evaluator: &Evaluator) -> Self {
        let lanes = ruleset.stream.lanes.map(SubjectKind::lanes).unwrap_or_default();
        Self {
            stream: ruleset.stream,
            rule_ids: Arc::new(ruleset.rules.iter().map(|rule| Some(rule.id.as_str())).collect()),
            lanes: Arc::new(lanes.iter().map(|lane| Some(*lane)).collect()),
            lane_of: ruleset.rules.iter().map(|rule| rule.lane.map(|lane| lane.rank() as i16)).collect(),
            scores: ruleset.rules.iter().map(|rule| rule.score).collect(),
            instructions: ruleset.rules.iter().map(|rule| rule.instruction.clone()).collect(),
            columns: (0..ruleset.rules.len()).map(|rule| owned(evaluator.columns_of(rule))).collect(),
        }
    }

    /// The rows of these hits, in their order.
    pub fn batch(
        &self,
        rows: &RecordBatch,
        subjects: &SubjectBatch,
        hits: &Hits,
        kept: &[bool],
    ) -> Result<RecordBatch, ArrowError> {
        let subject_of = subject_of_rows(subjects, rows.num_rows());
        let of_hit = |row: u32| subject_of[row as usize];
        let rules = || hits.rules().iter().map(|rule| *rule as usize);
        let dictionary = |keys: Int32Array, values: ArrayRef| -> Result<ArrayRef, ArrowError> {
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
        };
        let (subject_keys, subject_ids) = dictionary_of_subjects(subjects, hits.rows().map(of_hit));
        let columns: Vec<ArrayRef> = vec![
            dictionary(subject_keys, Arc::new(subject_ids))?,
            Arc::new(hits.rows().map(|row| Some(subjects.version(of_hit(row)))).collect::<Int32Array>()),
            self.row_keys(rows, hits)?,
            dictionary(rules().map(|rule| Some(rule as i32)).collect(), Arc::clone(&self.rule_ids) as ArrayRef)?,
            Arc::new(DictionaryArray::try_new(
                rules().map(|rule| self.lane_of[rule]).collect::<Int16Array>(),
                Arc::clone(&self.lanes) as ArrayRef,
            )?),
            Arc::new(rules().map(|rule| self.scores[rule]).collect::<Float64Array>()),
            Arc::new(BooleanArray::from(kept.to_vec())),
            Arc::new(rules().map(|rule| self.instructions[rule].as_deref()).collect::<StringArray>()),
            self.values(rows, hits)?,
        ];
        RecordBatch::try_new(hit_schema(), columns)
    }

    fn row_keys(&self, rows: &RecordBatch, hits: &Hits) -> Result<ArrayRef, ArrowError> {
        let items = rows.column_by_name("item_no").filter(|_| self.stream.name == "declaration");
        let Some(items) = items else {
            return Ok(Arc::new(hits.rules().iter().map(|_| Some("")).collect::<StringArray>()));
        };
        let items = cast(items, &DataType::Int32)?;
        let items = items.as_primitive::<Int32Type>();
        let mut keys = StringBuilder::new();
        for row in hits.rows() {
            if items.is_valid(row as usize) {
                write!(keys, "{}", items.value(row as usize)).map_err(|e| ArrowError::ExternalError(Box::new(e)))?;
            }
            keys.append_value("");
        }
        Ok(Arc::new(keys.finish()))
    }

    /// The values each hit saw, as JSON. Personal data is not copied into hits: the column is named, not its value.
    fn values(&self, rows: &RecordBatch, hits: &Hits) -> Result<ArrayRef, ArrowError> {
        let options = FormatOptions::default();
        let schema = rows.schema_ref();
        let by_name: FxHashMap<&str, usize> =
            schema.fields().iter().enumerate().map(|(place, field)| (field.name().as_str(), place)).collect();
        // Made for the columns and rules that are met: a batch of one row must not cost what thousands of rules do.
        let mut shown: Vec<Option<Shown<'_>>> = (0..rows.num_columns()).map(|_| None).collect();
        let mut places: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        let mut json = StringBuilder::new();
        let mut text = String::new();
        for (row, rule) in hits.iter() {
            text.clear();
            text.push('{');
            let of_rule = places.entry(rule).or_insert_with(|| {
                let names = self.columns[rule as usize].iter();
                names.filter_map(|name| by_name.get(name.as_str()).copied()).collect()
            });
            for place in of_rule {
                if text.len() > 1 {
                    text.push(',');
                }
                let column = match &mut shown[*place] {
                    Some(column) => column,
                    empty => empty.insert(self.shown(schema.field(*place).name(), rows.column(*place), &options)?),
                };
                column.write(row as usize, &mut text);
            }
            text.push('}');
            json.append_value(&text);
        }
        Ok(Arc::new(json.finish()))
    }

    fn shown<'a>(
        &self,
        name: &'a str,
        array: &'a ArrayRef,
        options: &'a FormatOptions<'a>,
    ) -> Result<Shown<'a>, ArrowError> {
        let personal = self.stream.column(name).and_then(|column| column.personal);
        Ok(Shown {
            name,
            nulls: array.logical_nulls(),
            bare: matches!(array.data_type(), DataType::Boolean) || array.data_type().is_numeric(),
            hidden: personal.is_some_and(|class| class != Personal::Business),
            formatter: ArrayFormatter::try_new(array, options)?,
        })
    }
}

struct Shown<'a> {
    name: &'a str,
    nulls: Option<arrow::buffer::NullBuffer>,
    bare: bool,
    hidden: bool,
    formatter: ArrayFormatter<'a>,
}

impl Shown<'_> {
    fn write(&self, row: usize, out: &mut String) {
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        out.push('"');
        out.push_str(self.name);
        out.push_str("\":");
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.push_str("null");
        } else if self.hidden {
            out.push_str("\"***\"");
        } else {
            let value = self.formatter.value(row).to_string();
            // NaN and infinity are no JSON numbers.
            let bare = self.bare && !value.contains(['N', 'n', 'i']);
            out.push_str(&if bare { value } else { quote(&value) });
        }
    }
}

fn subject_of_rows(subjects: &SubjectBatch, rows: usize) -> Vec<usize> {
    let mut of_row = vec![0; rows];
    for subject in 0..subjects.len() {
        for row in subjects.rows(subject) {
            of_row[row as usize] = subject;
        }
    }
    of_row
}

/// Keys and values of a dictionary that holds each subject that was hit once.
fn dictionary_of_subjects(subjects: &SubjectBatch, of_hits: impl Iterator<Item = usize>) -> (Int32Array, StringArray) {
    let mut ids: Vec<&str> = Vec::new();
    let mut last = None;
    let keys = of_hits
        .map(|subject| {
            if last != Some(subject) {
                last = Some(subject);
                ids.push(subjects.id(subject));
            }
            Some(ids.len() as i32 - 1)
        })
        .collect();
    (keys, ids.into_iter().map(Some).collect())
}
