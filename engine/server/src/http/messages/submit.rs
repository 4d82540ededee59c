//! Handing over what is in a message, and gathering what was decided.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_connectors::answers::{Decided, Taken};
use haechi_connectors::sinks::published::Published;
use haechi_connectors::{Delivery, Document};
use haechi_model::Stream;
use haechi_pipeline::stream::Answered;

use super::message::Message;
use crate::http::intake::blocking;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::state::App;
use crate::readers::HTTP;

/// A message whose rows are in the journal.
pub struct Submitted {
    /// Without its rows.
    pub message: Message,
    /// What became of them.
    pub reply: Reply,
    /// The rows, with what was decided on each.
    pub taken: Vec<Taken>,
}

/// Hands over what is in a message, stream by stream, and gathers what was decided.
pub async fn submit(app: &Arc<App>, mut message: Message, id: String) -> Result<Submitted, Problem> {
    let document = Document { source: HTTP.into(), position: id, bytes: message.bytes.clone() };
    let mut reply = Reply::default();
    let mut taken = Vec::new();
    for (stream, part) in message.parts() {
        let mut steps = app.readers.of_messages(stream).of_reading(&document, message.format, part);
        let mut of_stream: Vec<RecordBatch> = Vec::new();
        let mut lanes: HashMap<String, Decided> = HashMap::new();
        loop {
            let step;
            (steps, step) = blocking(move || {
                let step = steps.next();
                (steps, step)
            })
            .await?;
            let Some(intake) = step else { break };
            if intake.batch.num_rows() > 0 {
                of_stream.push(intake.batch.clone());
            }
            let answer = app.engine.submit(Delivery::new(stream, intake, None)).await?;
            for subject in &answer.subjects {
                if let Some(decided) = decided(stream, subject) {
                    lanes.insert(subject.subject_id.clone(), decided);
                }
            }
            reply.add(answer)?;
        }
        if let Some(of_stream) = united(app, stream, &of_stream, &lanes, message.at_ms)? {
            taken.push(of_stream);
        }
    }
    // What was said of the whole went with the first part.
    message.reading.records.clear();
    Ok(Submitted { message, reply, taken })
}

/// What was decided on a subject.
fn decided(stream: &Stream, subject: &Answered) -> Option<Decided> {
    let (batch, row) = subject.selection.as_ref()?;
    let published = Published::of(batch).ok()?;
    let lane = stream.lanes?.lane(published.lane(*row)?)?;
    let at_ms = published.decided_at.value(*row);
    Some(Decided { lane, version: subject.version, superseded: subject.superseded, at_ms })
}

/// The rows of a stream with what was decided on the subject of each.
fn united(
    app: &App,
    stream: &'static Stream,
    batches: &[RecordBatch],
    lanes: &HashMap<String, Decided>,
    at_ms: i64,
) -> Result<Option<Taken>, Problem> {
    let Some(first) = batches.first() else { return Ok(None) };
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, stream = stream.name, "rows of a message cannot be answered");
        Problem::bug("answering the message failed")
    };
    let rows = concat_batches(&first.schema(), batches).map_err(|error| failed(&error))?;
    let rules = app.engine.rules().current();
    let subjects = match rules.value.decider(stream) {
        Some(decider) => decider.subjects_of(&rows, at_ms).map_err(|error| failed(&error))?,
        None => vec![None; rows.num_rows()],
    };
    let decided = subjects.into_iter().map(|id| lanes.get(&id?).copied()).collect();
    Ok(Some(Taken { stream, rows, decided }))
}
