//! What the sender of records is told: a selection for each subject, and what could not be read.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use haechi_connectors::sinks::SelectionJson;
use haechi_connectors::sinks::published::NotPublished;
use haechi_model::intake::{SetAside, Warning};
use haechi_pipeline::stream::{Answer, Answered};
use haechi_store::Position;
use serde_json::{Value, json};

use super::problem::Problem;

/// Units set aside, and warnings, that are listed; of more is said how many there are.
const LISTED_MAX: usize = 1_000;

/// A reply in the making.
#[derive(Debug, Default)]
pub struct Reply {
    /// The objects of selections, with commas between.
    selections: Vec<u8>,
    set_aside: Vec<(Position, SetAside)>,
    set_aside_total: usize,
    warnings: Vec<Warning>,
    warnings_total: usize,
}

impl Reply {
    /// Adds what became of a part.
    pub fn add(&mut self, answer: Answer) -> Result<(), NotPublished> {
        let Answer { subjects, set_aside, warnings } = answer;
        for of_batch in subjects.chunk_by(|a, b| batch_of(a) == batch_of(b)) {
            self.write(of_batch)?;
        }
        self.set_aside_total += set_aside.len();
        let room = LISTED_MAX.saturating_sub(self.set_aside.len());
        self.set_aside.extend(set_aside.into_iter().take(room));
        self.warn(warnings);
        Ok(())
    }

    /// Writes subjects whose selections are in one batch, or nowhere.
    fn write(&mut self, subjects: &[Answered]) -> Result<(), NotPublished> {
        let batch = subjects.first().and_then(|subject| subject.selection.as_ref()).map(|(batch, _)| batch);
        let writer = batch.map(SelectionJson::new).transpose()?;
        for subject in subjects {
            if !self.selections.is_empty() {
                self.selections.push(b',');
            }
            if let (Some(writer), Some((_, row))) = (&writer, &subject.selection) {
                writer.write(*row, &mut self.selections);
            } else {
                let known = json!({ "subject_id": subject.subject_id, "version": subject.version }).to_string();
                self.selections.extend_from_slice(known.as_bytes());
            }
            // The object is opened again for what is said of this sending of it.
            self.selections.pop();
            let (outcome, superseded) = (subject.outcome.name(), subject.superseded);
            let more = format!(",\"outcome\":\"{outcome}\",\"superseded\":{superseded}}}");
            self.selections.extend_from_slice(more.as_bytes());
        }
        Ok(())
    }

    /// All of it as one JSON object; `None` where nothing could be decided on.
    pub fn body(&self) -> Option<Vec<u8>> {
        (!self.selections.is_empty()).then(|| self.object())
    }

    /// All of it as one JSON object, whatever is in it.
    pub fn object(&self) -> Vec<u8> {
        let more = if self.set_aside_total + self.warnings_total > self.set_aside.len() + self.warnings.len() {
            format!(",\"set_aside_total\":{},\"warnings_total\":{}", self.set_aside_total, self.warnings_total)
        } else {
            String::new()
        };
        let (set_aside, warnings) = (self.units().to_string(), json!(self.warnings).to_string());
        let parts: [&[u8]; 8] = [
            b"{\"selections\":[",
            &self.selections,
            b"],\"set_aside\":",
            set_aside.as_bytes(),
            b",\"warnings\":",
            warnings.as_bytes(),
            more.as_bytes(),
            b"}",
        ];
        parts.concat()
    }

    fn units(&self) -> Value {
        let unit = |(id, unit): &(Position, SetAside)| json!({ "id": id, "position": unit.position, "code": unit.code, "reason": unit.reason });
        self.set_aside.iter().map(unit).collect()
    }

    /// Adds what was tolerated.
    pub fn warn(&mut self, warnings: Vec<Warning>) {
        self.warnings_total += warnings.len();
        let room = LISTED_MAX.saturating_sub(self.warnings.len());
        self.warnings.extend(warnings.into_iter().take(room));
    }

    /// Whether there was nothing to decide on and nothing was set aside.
    pub fn is_empty(&self) -> bool {
        self.selections.is_empty() && self.set_aside_total == 0
    }

    /// How many units were set aside.
    pub fn set_aside_total(&self) -> usize {
        self.set_aside_total
    }

    /// What became of everything, where there is nothing to tell of selections.
    pub fn reason(&self) -> String {
        let ids: Vec<String> = self.set_aside.iter().take(3).map(|(id, _)| id.to_string()).collect();
        let more = if self.set_aside_total > ids.len() { " and others" } else { "" };
        match self.set_aside.first() {
            Some((_, first)) => format!("{}; kept in quarantine under {}{more}", first.reason, ids.join(", ")),
            None => "there are no rows in it".to_owned(),
        }
    }

    /// The problem that it is where nothing could be taken.
    pub fn problem(&self) -> Problem {
        let detail = self.reason();
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not_readable", detail);
        problem.with("set_aside", self.units()).with("set_aside_total", self.set_aside_total)
    }
}

/// What tells batches apart: where their first column is.
fn batch_of(subject: &Answered) -> Option<*const u8> {
    subject.selection.as_ref().map(|(batch, _)| Arc::as_ptr(batch.column(0)).cast())
}

impl IntoResponse for Reply {
    /// 200 where anything could be decided on, else 422.
    fn into_response(self) -> Response {
        match self.body() {
            Some(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            None => self.problem().into_response(),
        }
    }
}
