//! What a sink is: somewhere that selections are delivered to, in the order of the journal. The sinks themselves stand
//! one a file in [`crate::sinks`].
//!
//! A sink repeats nothing by itself: whoever drives it keeps how far it is, calls [`Sink::deliver`] again with pauses
//! in between as long as it asks for that, and moves on when it is done. So a slow or dead sink delays only itself.

use std::time::Duration;

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::answers::AnswerSettings;
use crate::sinks::{files, kafka, webhook};
use crate::source::BoxFuture;

/// How many selections a driver gathers into one delivery at most, unless one journal entry has more: enough that a
/// call or an fsync costs nothing by the selection, few enough that a sink may hold them in memory.
pub const GATHER_MAX: usize = 16_384;

/// Somewhere that selections go.
///
/// What a sink relies on:
/// - **One call at a time**, first [`Sink::begin`] until it succeeds, then deliveries by rising position over all
///   streams. Entries that wait one after the other are best gathered into one delivery, up to [`GATHER_MAX`]
///   selections; waiting for more of them gains nothing.
/// - **After [`DeliverError::Later`] the same again**, after the pause it names, else after one that grows from 100 ms
///   to a minute. Newer selections may follow in the same batch, and should where there are any: a receiver that takes
///   these shows that it is well and only one selection ails. What of it is delivered already the sink knows.
/// - **After `Ok` or [`DeliverError::Refused`] the next**: the cursor moves in both cases. What was refused is written
///   as dead letters first, the cursor in a write of its own after it: a crash in between means the same delivery
///   again, under the same positions, and letters that replace themselves. None is lost.
/// - **A future may be dropped** at any time, as when the service stops; the next call takes up what became of it.
/// - **One journal a sink.** Cursor and other side belong together; where `begin` gives a position beyond the end of
///   the journal, they do not, and the sink must not be driven.
pub trait Sink: Send {
    /// Its name, under which it is known how far it is.
    fn name(&self) -> &str;
    /// Called before the first delivery, with the position up to which everything is known to have been delivered.
    /// Gives back where to go on from: the same, or further where the other side can tell that it has more.
    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>>;
    /// Delivers, and returns once the other side has it for good. A row a selection, by rising position, of any stream;
    /// [`haechi_model::selection::published_schema`] has the columns. The position names the selection: it is the same
    /// however often it is delivered.
    fn deliver<'a>(&'a mut self, selections: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>>;
    /// Called every second or so while there is nothing to deliver: a sink may finish then what it has left open.
    /// Nothing depends on it but when the other side gets to see what it has.
    fn idle(&mut self) -> BoxFuture<'_, Result<(), DeliverError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Why something was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// It may go better later: the same is to be delivered again, after a pause.
    #[error("{reason}")]
    Later {
        /// What happened.
        reason: String,
        /// For how long the other side asks to be left alone, if it does.
        pause: Option<Duration>,
    },
    /// All was delivered but for these, which the other side will never take.
    #[error("{} selections were refused, the first: {}", .refused.len(), .refused.first().map_or("", |r| r.reason.as_str()))]
    Refused {
        /// Which, and why, by rising position: they become dead letters.
        refused: Vec<Refusal>,
    },
}

impl DeliverError {
    /// It may go better later.
    #[expect(clippy::needless_pass_by_value, reason = "so it can stand in `map_err`")]
    pub fn later(reason: impl ToString) -> Self {
        Self::Later { reason: reason.to_string(), pause: None }
    }

    /// What a delivery comes to when all of it is settled.
    pub(crate) fn unless_refused(mut refused: Vec<Refusal>) -> Result<(), Self> {
        refused.sort_unstable_by_key(|refusal| refusal.position);
        if refused.is_empty() { Ok(()) } else { Err(Self::Refused { refused }) }
    }
}

/// A selection that the other side does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Position of the selection.
    pub position: u64,
    /// What the other side says.
    pub reason: String,
}

/// A sink as it is written in the settings: `kind` says which, the rest is its own.
///
/// ```toml
/// [[sink]]
/// name = "officers"
/// kind = "webhook"
/// url = "https://clearance.example/selections"
/// secret_env = "OFFICERS_SECRET"
/// only = { declaration = "documents" }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SinkSettings {
    /// Topics of a Kafka cluster.
    Kafka(kafka::Settings),
    /// Calls to an address.
    Webhook(webhook::Settings),
    /// Files in a folder.
    Files(files::Settings),
}

impl SinkSettings {
    /// Answers are written as `answers` says, where the sink says nothing of its own.
    pub fn answer_as(&mut self, answers: &AnswerSettings) {
        if let Self::Webhook(webhook) = self
            && webhook.form.is_single()
        {
            webhook.answers.get_or_insert_with(|| Box::new(answers.clone()));
        }
    }
}

/// Checks settings and makes the sink they describe; nothing is connected to or written yet.
pub fn open(name: &str, settings: &SinkSettings) -> Result<Box<dyn Sink>, SinkOpenError> {
    let refuse = |reason| SinkOpenError { name: name.to_owned(), reason };
    Ok(match settings {
        SinkSettings::Kafka(settings) => Box::new(kafka::KafkaSink::open(name, settings).map_err(refuse)?),
        SinkSettings::Webhook(settings) => Box::new(webhook::WebhookSink::open(name, settings).map_err(refuse)?),
        SinkSettings::Files(settings) => Box::new(files::FilesSink::open(name, settings).map_err(refuse)?),
    })
}

/// The settings of a sink do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sink `{name}`: {reason}")]
pub struct SinkOpenError {
    /// Which.
    pub name: String,
    /// Which setting, what is wrong with it, and what to do.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_chosen_by_its_kind() {
        let read = |text: &str| toml::from_str::<SinkSettings>(text);
        let files = read("kind = 'files'\npath = 'out'\nformat = 'parquet'").unwrap();
        assert_eq!(open("archive", &files).unwrap().name(), "archive");
        let written = serde_json::to_string(&files).unwrap();
        assert_eq!(serde_json::from_str::<SinkSettings>(&written).unwrap(), files, "read as it is written");
        assert!(read("kind = 'files'\npath = 'out'\nrotate = 1").unwrap_err().to_string().contains("rotate"));
        let webhook = read("kind = 'webhook'\nurl = 'gopher://a'\nsecret_env = 'PATH'").unwrap();
        let error = open("officers", &webhook).err().unwrap().to_string();
        assert_eq!(error, "sink `officers`: `url`: `gopher` is not spoken here, only https and http");
    }
}
