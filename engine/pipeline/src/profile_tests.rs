//! The tests that stand in profiles: records in their order, and what the last of them sees.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::Stream;
use haechi_model::derive::{DeriveContext, derive};
use haechi_profile::{ProfilePlan, Profiler, Records};
use haechi_rules::profile::{Profile, ProfileTest};
use serde::Serialize;
use serde_json::Value;

use crate::packs::Packs;
use crate::rule_tests::given_rows;

/// A test that failed.
#[derive(Debug, Serialize)]
pub struct FailedProfileTest {
    /// The entity.
    pub entity: String,
    /// Which of its tests, from 1.
    pub test: usize,
    /// `file:line:column`.
    pub at: String,
    /// Why: what was expected and what was found, or why it could not be run.
    pub reasons: Vec<String>,
}

/// Runs the tests of all profiles: how many there are, and those that failed.
pub fn run_profile_tests(packs: &Packs) -> (usize, Vec<FailedProfileTest>) {
    let mut failed = Vec::new();
    let mut tests = 0;
    let plan = ProfilePlan::new(&packs.profiles, chrono_tz::Tz::UTC).map(Arc::new);
    for profile in &packs.profiles.entities {
        for (number, test) in profile.tests.iter().enumerate() {
            tests += 1;
            let ran = match &plan {
                Ok(plan) => run_one(plan, profile, test).unwrap_or_else(|error| vec![error.to_string()]),
                Err(error) => vec![error.to_string()],
            };
            if !ran.is_empty() {
                let (entity, at) = (profile.entity.clone(), packs.sources.position(&test.at));
                failed.push(FailedProfileTest { entity, test: number + 1, at, reasons: ran });
            }
        }
    }
    (tests, failed)
}

type Error = Box<dyn std::error::Error>;

/// What was not as expected.
fn run_one(plan: &Arc<ProfilePlan>, profile: &Profile, test: &ProfileTest) -> Result<Vec<String>, Error> {
    let mut profiler = Profiler::new(Arc::clone(plan), 0);
    let Some(((last_stream, last), before)) = test.records.split_last() else {
        return Err("a test without records".into());
    };
    for (number, (stream, row)) in before.iter().enumerate() {
        let rows = rows_of(plan, stream, row, number)?;
        profiler.pass(
            &Records { stream, rows: &rows, starts: &[0, 1], replaced: None, first: 0, known_at_ms: &[0] },
            &[],
        )?;
    }
    let names: Vec<String> = test.expect.iter().map(|(name, ..)| format!("{}.{name}", profile.entity)).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = rows_of(plan, last_stream, last, before.len())?;
    let told = profiler.pass(
        &Records { stream: last_stream, rows: &rows, starts: &[0, 1], replaced: None, first: 0, known_at_ms: &[0] },
        &wanted,
    )?;
    let compared = test.expect.iter().zip(&told).filter_map(|((name, _, expected), told)| {
        let found = shown(told);
        (!same(expected, found.as_deref())).then(|| {
            let found = found.unwrap_or_else(|| "NULL".to_owned());
            format!("{name}: expected {expected}, found {found}")
        })
    });
    Ok(compared.collect())
}

/// A record, each its own subject unless it names one, a second after the one before unless it says when.
fn rows_of(
    plan: &ProfilePlan,
    stream: &'static Stream,
    row: &std::collections::BTreeMap<String, haechi_rules::rule::GivenValue>,
    number: usize,
) -> Result<RecordBatch, Error> {
    const DAY_MS: i64 = 86_400_000;
    let joined = plan.joined(stream);
    let rows = given_rows(stream, std::slice::from_ref(row), joined)?;
    let now = i64::from(crate::rule_tests::TEST_DAY) * DAY_MS + number as i64 * 1_000;
    Ok(derive(stream, &rows, &DeriveContext { now: Some(now), ..DeriveContext::default() })?)
}

fn shown(told: &ArrayRef) -> Option<String> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(told, &options).ok()?;
    told.is_valid(0).then(|| formatter.value(0).to_string())
}

fn same(expected: &Value, found: Option<&str>) -> bool {
    match (expected, found) {
        (Value::Null, None) => true,
        (Value::Number(expected), Some(found)) => match (expected.as_f64(), found.parse::<f64>()) {
            // As many digits as a person writes.
            (Some(expected), Ok(found)) => (expected - found).abs() <= 1e-6 * expected.abs().max(1.0),
            _ => false,
        },
        (Value::String(expected), Some(found)) => expected == found,
        _ => false,
    }
}
