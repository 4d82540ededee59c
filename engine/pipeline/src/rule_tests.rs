//! The tests that stand in rules: each gives a row (or the items of a declaration) and says whether the rule hits.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use haechi_evaluate::explain::Explanation;
use haechi_evaluate::{EvaluateError, Evaluator, Options};
use haechi_model::Stream;
use haechi_model::derive::{DeriveContext, derive};
use haechi_rules::program::JoinedColumn;
use haechi_rules::rule::{GivenValue, Rule, RuleTest};
use haechi_rules::{Ruleset, Sources};
use serde::Serialize;

/// Noon of the day rule tests take place where the rule's validity does not say otherwise: 2026-01-01.
pub(crate) const TEST_DAY: i32 = 20_454;
const DAY_MS: i64 = 86_400_000;

/// What became of one test.
#[derive(Debug, Serialize)]
pub struct TestOutcome {
    /// The rule.
    pub rule: String,
    /// Which of its tests, from 1.
    pub test: usize,
    /// `file:line:column`.
    pub at: String,
    /// What the author expects.
    pub expected_hit: bool,
    /// What came of it; `None` where the test could not be run.
    pub hit: Option<bool>,
    /// Why it could not be run.
    pub error: Option<String>,
    /// Where it failed: the rule's condition over the given rows.
    pub explanation: Option<Explanation>,
}

impl TestOutcome {
    /// Whether the rule did what its author expects.
    pub fn passed(&self) -> bool {
        self.hit == Some(self.expected_hit)
    }
}

/// Runs the tests of all rules of a ruleset.
pub fn run_tests(ruleset: &Ruleset, sources: &Sources) -> Result<Vec<TestOutcome>, EvaluateError> {
    let evaluator = Evaluator::new(Arc::clone(&ruleset.program), Options::default())?;
    let mut outcomes = Vec::new();
    for (index, rule) in ruleset.rules.iter().enumerate() {
        for (number, test) in rule.tests.iter().enumerate() {
            let ran = run_one(ruleset.stream, &evaluator, rule, index, test);
            let (hit, error, explanation) = match ran {
                Ok((hit, explanation)) => (Some(hit), None, explanation),
                Err(error) => (None, Some(error.to_string()), None),
            };
            outcomes.push(TestOutcome {
                rule: rule.id.clone(),
                test: number + 1,
                at: sources.position(&test.at),
                expected_hit: test.expect_hit,
                hit,
                error,
                explanation,
            });
        }
    }
    Ok(outcomes)
}

type Ran = Result<(bool, Option<Explanation>), Box<dyn std::error::Error>>;

fn run_one(stream: &'static Stream, evaluator: &Evaluator, rule: &Rule, index: usize, test: &RuleTest) -> Ran {
    let day = match (rule.valid_from, rule.valid_until) {
        (Some(from), _) if from > TEST_DAY => from,
        (_, Some(until)) if until < TEST_DAY => until,
        _ => TEST_DAY,
    };
    let now = i64::from(day) * DAY_MS + DAY_MS / 2;
    let batch = given_rows(stream, &test.rows, &evaluator.program().joined)?;
    let batch = derive(stream, &batch, &DeriveContext { now: Some(now), ..DeriveContext::default() })?;
    let hits = evaluator.evaluate(&batch)?;
    let hit = hits.iter().any(|(_, found)| found as usize == index);
    let failed = hit != test.expect_hit && batch.num_rows() > 0;
    let explanation = if failed { Some(evaluator.explain(&batch, 0, index)?) } else { None };
    Ok((hit, explanation))
}

/// The rows of a test: the columns it names, those that may be joined among them, and one subject key for all.
pub(crate) fn given_rows(
    stream: &'static Stream,
    rows: &[BTreeMap<String, GivenValue>],
    joined: &[JoinedColumn],
) -> Result<RecordBatch, Box<dyn std::error::Error>> {
    let mut lines = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut object: serde_json::Map<String, serde_json::Value> =
            row.iter().map(|(name, given)| (name.clone(), given.value.clone())).collect();
        object.entry(stream.subject_key).or_insert_with(|| "TEST".into());
        if stream.column("item_no").is_some() {
            object.entry("item_no").or_insert_with(|| (number + 1).into());
        }
        lines.push_str(&serde_json::Value::Object(object).to_string());
        lines.push('\n');
    }
    let named =
        |name: &str| name == stream.subject_key || name == "item_no" || rows.iter().any(|r| r.contains_key(name));
    // Arrow's JSON reader makes no dictionaries: read plain text, then cast.
    if let Some(unknown) = rows
        .iter()
        .flat_map(BTreeMap::keys)
        .find(|name| name.contains('.') && joined.iter().all(|column| *column.name != ***name))
    {
        return Err(format!("unknown feature `{unknown}` in stream `{}`", stream.name).into());
    }
    let own = stream.all_columns().filter(|c| named(c.name)).map(haechi_model::Column::field);
    let features = joined.iter().filter(|column| named(&column.name));
    let features = features.map(|column| Field::new(&*column.name, column.data_type.clone(), true));
    let wanted: Vec<_> = own.chain(features).collect();
    let plain = wanted.iter().map(|field| match field.data_type() {
        DataType::Dictionary(_, value) => Field::new(field.name(), (**value).clone(), true),
        other => Field::new(field.name(), other.clone(), true),
    });
    let schema = Arc::new(Schema::new(plain.collect::<Vec<_>>()));
    let mut decoder = ReaderBuilder::new(schema).with_batch_size(rows.len().max(1)).build_decoder()?;
    decoder.decode(lines.as_bytes())?;
    let read = decoder.flush()?.ok_or("the test gives no row")?;
    let columns: Result<Vec<ArrayRef>, _> =
        read.columns().iter().zip(&wanted).map(|(array, field)| to_kind(array, field.data_type())).collect();
    let nullable: Vec<_> = wanted.into_iter().map(|field| field.with_nullable(true)).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(nullable)), columns?)?)
}

fn to_kind(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    match wanted {
        DataType::Dictionary(..) => cast(array, wanted),
        _ => Ok(Arc::clone(array)),
    }
}
