//! `webhook`: selections as calls to an address, some at a time, one call after the other.
//!
//! A call is a POST of a JSON array of [`SelectionJson`] objects, or of answers in another [form](Form), signed as [`signing`] says, with the headers
//! `Idempotency-Key` (first and last position, and the beginning of the body's SHA-256: the same body has the same key
//! however often it is sent) and `Haechi-Attempt` (1, 2, ...). At least once: a receiver that has taken a call but could
//! not answer gets it again.
//!
//! Nothing is lost for a receiver that is down, and nothing waits for ever behind a selection that it cannot take:
//!
//! | answer | means | what we do |
//! |---|---|---|
//! | 2xx | taken | go on |
//! | none, 408, 409, 425, 429, 502, 503, 504 | it is away or busy | again after a pause (`Retry-After`), without end |
//! | 3xx, 401, 403, 404, 405, 407, 410, 421 | address or secret is wrong | the same: a person mends it |
//! | other 5xx | it is ill, or this makes it ill | again; after `attempts_max` halve the batch until it is one selection, which is refused once the receiver takes another and not this one |
//! | other 4xx | it does not take this | halve the batch until it is one selection, which is refused |
//!
//! While one selection of a subject is in doubt, later ones of the same subject wait.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use arrow::array::RecordBatch;
use haechi_model::SubjectKind;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use self::receiver::{Call, Receiver, Verdict};
use self::signing::Secret;
use super::form::{Form, FormWriter};
use super::json::SelectionJson;
use super::only::{Filter, Only};
use super::published::Published;
use crate::answers::AnswerSettings;
use crate::sink::{DeliverError, Refusal, Sink};
use crate::source::BoxFuture;

mod receiver;
mod signing;
#[cfg(test)]
mod tests;

/// What stands in the settings of a sink of the kind `webhook`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where calls go: `https://...`, or `http://...` within a machine or a protected network.
    pub url: String,
    /// The environment variable that has the secret calls are signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// Or the file that has it; white space around it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Which selections are sent; default: all.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// Selections a call at most; default: 100.
    #[serde(default = "default_batch_max")]
    pub batch_max: usize,
    /// How long a call may take; default: 30.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: u64,
    /// How selections are written; default: as JSON. Subjects that a form knows nothing of are not sent.
    #[serde(default)]
    pub form: Form,
    /// How answers are written, for forms other than JSON; default: as the service answers messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Box<AnswerSettings>>,
    /// Whom a CUSRES is addressed to (S003 of its UNB); default: nobody is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipient: String,
    /// The zone of times in them; default: UTC.
    #[serde(default = "default_zone")]
    pub zone: String,
    /// How often a batch may be answered with an error of the server (5xx) before its selections are tried apart;
    /// default: 5. With 0 they never are: the batch is sent until it is taken.
    #[serde(default = "default_attempts_max")]
    pub attempts_max: u32,
}

fn default_batch_max() -> usize {
    100
}

fn default_zone() -> String {
    "UTC".to_owned()
}

fn default_timeout_secs() -> u64 {
    30
}

fn default_attempts_max() -> u32 {
    5
}

/// Delivers selections to an address.
pub struct WebhookSink {
    name: String,
    filter: Filter,
    writer: FormWriter,
    batch_max: usize,
    attempts_max: u32,
    receiver: Receiver,
    progress: Progress,
}

/// What is known of the selections that are being delivered.
#[derive(Debug, Default)]
struct Progress {
    /// Positions that were taken or refused.
    settled: FxHashSet<u64>,
    refused: Vec<Refusal>,
    /// How often the batch at the head was sent, and how often the server failed over it.
    attempts: u32,
    failures: u32,
}

impl WebhookSink {
    /// Checks the settings and reads the secret.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, String> {
        let secret = match (&settings.secret_env, &settings.secret_file) {
            (Some(variable), None) => Secret::from_env(variable)?,
            (None, Some(path)) => Secret::from_file(path)?,
            _ => return Err("calls are signed: name either `secret_env` or `secret_file`".to_owned()),
        };
        if settings.batch_max == 0 || settings.timeout_secs == 0 {
            return Err("`batch_max` and `timeout_secs` are at least 1".to_owned());
        }
        let zone = settings.zone.parse().map_err(|_| format!("`zone`: there is no zone `{}`", settings.zone))?;
        let answers = settings.answers.as_deref().cloned().unwrap_or_default();
        let writer = FormWriter { form: settings.form, answers, recipient: settings.recipient.clone(), zone };
        Ok(Self {
            name: name.to_owned(),
            filter: settings.only.filter()?,
            batch_max: if settings.form.is_single() { 1 } else { settings.batch_max },
            writer,
            attempts_max: settings.attempts_max,
            receiver: Receiver::new(&settings.url, secret, Duration::from_secs(settings.timeout_secs))?,
            progress: Progress::default(),
        })
    }

    async fn deliver_all(&mut self, selections: &RecordBatch) -> Result<(), DeliverError> {
        let selections = Published::of(selections).map_err(DeliverError::later)?;
        let mut rows = self.filter.rows(&selections);
        rows.retain(|row| self.writer.form.takes(selections.kind(*row)));
        let batch = Batch { json: SelectionJson::over(selections), selections, writer: &self.writer.clone() };
        loop {
            let unsettled = rows.iter().copied().filter(|row| !self.progress.settled.contains(&batch.position(*row)));
            let part: Vec<_> = unsettled.take(self.batch_max + self.n_probes()).collect();
            if part.is_empty() {
                break;
            }
            self.deliver_part(&batch, part).await?;
        }
        let progress = std::mem::take(&mut self.progress);
        DeliverError::unless_refused(progress.refused)
    }

    /// How many selections more are taken at once where some are to be tried apart: should all of a batch fail, these
    /// tell whether the receiver is well.
    fn n_probes(&self) -> usize {
        if self.is_patient(self.progress.failures + 1) { 0 } else { PROBES }
    }

    /// Whether after so many failures a batch is still sent whole.
    fn is_patient(&self, failures: u32) -> bool {
        self.attempts_max == 0 || failures < self.attempts_max
    }

    /// Delivers some selections: whole, if that goes, else in ever smaller parts.
    async fn deliver_part(&mut self, batch: &Batch<'_>, rows: Vec<usize>) -> Result<(), DeliverError> {
        self.progress.attempts += 1;
        let mut parts: VecDeque<_> = rows.chunks(self.batch_max).map(<[usize]>::to_vec).collect();
        let mut doubts = Doubts::default();
        while let Some(mut rows) = parts.pop_front() {
            rows.retain(|row| doubts.again.contains(row) || !doubts.subjects.contains(&batch.subject(*row)));
            let Some(first) = rows.first().copied() else { continue };
            match self.receiver.call(&batch.call(&rows, self.progress.attempts)).await {
                Verdict::Taken => {
                    self.progress.settled.extend(rows.iter().map(|row| batch.position(*row)));
                    // The receiver is well: what failed before has a second look.
                    for row in doubts.rows.drain(..).rev() {
                        doubts.again.insert(row);
                        parts.push_front(vec![row]);
                    }
                }
                Verdict::Later { reason, pause } => return Err(DeliverError::Later { reason, pause }),
                Verdict::Refused(_) if rows.len() > 1 => halve(&rows, &mut parts),
                Verdict::Refused(reason) => self.progress.refuse(batch.position(first), reason),
                Verdict::Failed(reason) => {
                    if doubts.reason.is_empty() {
                        self.progress.failures += 1;
                        if self.is_patient(self.progress.failures) {
                            return Err(DeliverError::later(reason));
                        }
                    }
                    if rows.len() > 1 {
                        halve(&rows, &mut parts);
                    } else if doubts.again.contains(&first) {
                        self.progress.refuse(batch.position(first), reason.clone());
                    } else {
                        doubts.subjects.insert(batch.subject(first));
                        doubts.rows.push(first);
                    }
                    doubts.reason = reason;
                }
            }
        }
        if !doubts.rows.is_empty() {
            return Err(DeliverError::later(doubts.reason));
        }
        (self.progress.attempts, self.progress.failures) = (0, 0);
        Ok(())
    }
}

/// See [`WebhookSink::n_probes`].
const PROBES: usize = 16;

/// What the server failed over, one by one, in one delivery.
#[derive(Default)]
struct Doubts<'a> {
    /// Rows after which nothing was taken yet: either may be ill.
    rows: Vec<usize>,
    /// Rows that have their second look: if that fails, they are what is wrong.
    again: FxHashSet<usize>,
    /// Whose later selections wait.
    subjects: FxHashSet<(Option<SubjectKind>, &'a str)>,
    /// What the server said last.
    reason: String,
}

fn halve(rows: &[usize], parts: &mut VecDeque<Vec<usize>>) {
    let (first, second) = rows.split_at(rows.len() / 2);
    parts.push_front(second.to_vec());
    parts.push_front(first.to_vec());
}

impl Progress {
    fn refuse(&mut self, position: u64, reason: String) {
        self.settled.insert(position);
        self.refused.push(Refusal { position, reason });
    }
}

/// What is being delivered.
struct Batch<'a> {
    json: SelectionJson<'a>,
    selections: Published<'a>,
    writer: &'a FormWriter,
}

impl<'a> Batch<'a> {
    fn position(&self, row: usize) -> u64 {
        self.selections.position(row)
    }

    fn subject(&self, row: usize) -> (Option<SubjectKind>, &'a str) {
        (self.selections.kind(row), self.selections.subject_id(row))
    }

    fn call(&self, rows: &[usize], attempt: u32) -> Call {
        let body = self.writer.body(&self.json, &self.selections, rows);
        let ends = [rows.first(), rows.last()].map(|row| row.map_or(0, |row| self.position(*row)));
        Call { body, media_type: self.writer.form.media_type(), first: ends[0], last: ends[1], attempt }
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>> {
        self.progress = Progress::default();
        Box::pin(std::future::ready(Ok(delivered)))
    }

    fn deliver<'a>(&'a mut self, selections: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>> {
        Box::pin(self.deliver_all(selections))
    }
}
