//! Handing over what is in a message, and gathering what was decided.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use haechi_connectors::answers::{Decided, Taken};
use haechi_connectors::sinks::published::Published;
use haechi_connectors::{Delivery, Document};
use haechi_model::Stream;
use haechi_model::intake::SetAside;
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
    /// What was set aside, by its reader or behind it.
    pub set_aside: Vec<SetAside>,
}

/// Hands over what is in a message, stream by stream, and gathers what was decided.
pub async fn submit(app: &Arc<App>, mut message: Message, id: String) -> Result<Submitted, Problem> {
    let document = Document { source: HTTP.into(), position: id, bytes: message.bytes.clone() };
    let mut reply = Reply::default();
    let (mut taken, mut set_aside) = (Vec::new(), Vec::new());
    for (stream, part) in message.parts() {
        let mut steps = app.readers.of_messages(stream).of_reading(&document, message.format, part);
        let mut gathered = Gathered::default();
        loop {
            let step;
            (steps, step) = blocking(move || {
                let step = steps.next();
                (steps, step)
            })
            .await?;
            let Some(intake) = step else { break };
            let batch = intake.batch.clone();
            let answer = app.engine.submit(Delivery::new(stream, intake, None)).await?;
            // Also what was refused behind the reader: an answer is not to clear what is incomplete.
            set_aside.extend(answer.set_aside.iter().map(|(_, unit)| unit.clone()));
            gathered.add(app, stream, batch, &answer.subjects, message.at_ms)?;
            reply.add(answer)?;
        }
        taken.extend(gathered.finish(stream)?);
    }
    reply.warn(std::mem::take(&mut message.reading.warnings));
    // The rows are in the journal now.
    message.reading.records.clear();
    Ok(Submitted { message, reply, taken, set_aside })
}

/// Rows of a stream, and what was decided on the subject of each.
#[derive(Default)]
struct Gathered {
    batches: Vec<RecordBatch>,
    subjects: Vec<Option<String>>,
    decided: Vec<Option<Decided>>,
}

impl Gathered {
    fn add(
        &mut self,
        app: &App,
        stream: &'static Stream,
        batch: RecordBatch,
        answered: &[Answered],
        at_ms: i64,
    ) -> Result<(), Problem> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let rules = app.engine.rules().current();
        let subjects = match rules.value.decider(stream) {
            Some(decider) => decider.subjects_of(&batch, at_ms).map_err(|error| failed(stream, &error))?,
            None => vec![None; batch.num_rows()],
        };
        let versions = batch.column_by_name("version").and_then(|column| column.as_primitive_opt::<Int32Type>());
        let version = |row: usize| versions.filter(|v| v.is_valid(row)).map(|v| v.value(row));
        // Rows of a version of a subject stand together; each such run was answered by itself, in order.
        let mut runs: Vec<(usize, &str)> = Vec::new();
        let mut run_of = vec![None; batch.num_rows()];
        for (row, id) in subjects.iter().enumerate() {
            let Some(id) = id else { continue };
            let goes_on = row > 0 && subjects[row - 1].as_ref() == Some(id) && version(row - 1) == version(row);
            if !goes_on {
                runs.push((row, id));
            }
            run_of[row] = runs.len().checked_sub(1);
        }
        let mut by_subject: HashMap<&str, (Vec<usize>, Vec<&Answered>)> = HashMap::new();
        for (run, (_, id)) in runs.iter().enumerate() {
            by_subject.entry(id).or_default().0.push(run);
        }
        for answer in answered {
            by_subject.entry(&answer.subject_id).or_default().1.push(answer);
        }
        let mut of_run: Vec<Option<Decided>> = vec![None; runs.len()];
        for (runs, answers) in by_subject.values() {
            // Where one was refused nobody knows which: none of them is told to go.
            if runs.len() == answers.len() {
                for (run, answer) in runs.iter().zip(answers) {
                    of_run[*run] = decided(stream, answer);
                }
            }
        }
        self.decided.extend(run_of.iter().map(|run| of_run.get((*run)?).copied().flatten()));
        self.subjects.extend(subjects);
        self.batches.push(batch);
        Ok(())
    }

    /// All of it; of several versions of a subject only the last one holds.
    fn finish(mut self, stream: &'static Stream) -> Result<Option<Taken>, Problem> {
        let Some(first) = self.batches.first() else { return Ok(None) };
        let rows = concat_batches(&first.schema(), &self.batches).map_err(|error| failed(stream, &error))?;
        let mut last: HashMap<&str, i32> = HashMap::new();
        for (id, decided) in self.subjects.iter().zip(&self.decided) {
            if let (Some(id), Some(decided)) = (id, decided) {
                let last = last.entry(id).or_insert(decided.version);
                *last = decided.version.max(*last);
            }
        }
        for (id, decided) in self.subjects.iter().zip(&mut self.decided) {
            if let (Some(id), Some(decided)) = (id, decided) {
                decided.superseded |= last.get(id.as_str()).is_some_and(|last| decided.version < *last);
            }
        }
        Ok(Some(Taken { stream, rows, decided: self.decided }))
    }
}

fn failed(stream: &Stream, error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, stream = stream.name, "rows of a message cannot be answered");
    Problem::bug("answering the message failed")
}

/// What was decided on a subject.
fn decided(stream: &Stream, subject: &Answered) -> Option<Decided> {
    let (batch, row) = subject.selection.as_ref()?;
    let published = Published::of(batch).ok()?;
    let lane = stream.lanes?.lane(published.lane(*row)?)?;
    let at_ms = published.decided_at.value(*row);
    Some(Decided { lane, version: subject.version, superseded: subject.superseded, at_ms })
}
