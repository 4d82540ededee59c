//! Decisions taken again, as they are told: what came out then, what comes out now, and whether that is the same.

use arrow::error::ArrowError;
use haechi_connectors::sinks::SelectionJson;
use haechi_model::Stream;
use haechi_pipeline::Finding;
use haechi_pipeline::replay::{ReplayError, Replayed, Replayer};
use haechi_store::Position;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A decision, then and now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Again {
    /// Where it stands in the journal.
    pub position: Position,
    /// Hash of the rules that decided, and decide again.
    pub release: String,
    /// Whether both are the same, hits included.
    pub same: bool,
    /// Columns that differ.
    pub differing: Vec<String>,
    /// What was selected.
    pub then: Value,
    /// What is selected now.
    pub now: Value,
}

/// Why a subject was decided on as it was, for programs and for people.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// Step by step.
    #[serde(flatten)]
    pub finding: Finding,
    /// The same as text.
    pub text: String,
}

impl Explained {
    /// Tells what was found; with a rule, the text is about that rule alone.
    pub fn of(finding: Finding, rule: Option<&str>) -> Self {
        let text = finding.text(rule);
        Self { finding, text }
    }
}

/// Every decision on a subject, or that on one version of it, taken again by the rules of then; oldest first.
pub fn again(
    replayer: &mut Replayer,
    stream: &'static Stream,
    subject: &str,
    version: Option<i32>,
) -> Result<Vec<Again>, ReplayError> {
    let replayed = replayer.subject(stream, subject, version)?;
    replayed.iter().map(told).collect()
}

fn told(replayed: &Replayed) -> Result<Again, ReplayError> {
    let selection = |batch| -> Result<Value, ReplayError> {
        let mut json = Vec::new();
        SelectionJson::new(batch).map_err(|error| ArrowError::SchemaError(error.to_string()))?.write(0, &mut json);
        // What was just written is JSON.
        Ok(serde_json::from_slice(&json).unwrap_or_default())
    };
    Ok(Again {
        position: replayed.position,
        release: replayed.release.clone(),
        same: replayed.same(),
        differing: replayed.differing(),
        then: selection(&replayed.then)?,
        now: selection(&replayed.now)?,
    })
}
