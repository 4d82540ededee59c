//! What a message is answered, in the manner of its own format: a passenger request with CUSRES, an interchange with
//! CONTRL, a declaration in the WCO Data Model with a response, an envelope with its receipt.
//!
//! [`crate::MessageFormat::answer`] is the place of a format in here: given what was read of a message and what was decided on
//! it, it gives documents to send back. Nothing of why is in a decision that comes here, so nothing of it can leave.

mod rows;

use arrow::record_batch::RecordBatch;
use chrono_tz::Tz;
use haechi_model::intake::SetAside;
use haechi_model::{Lane, Stream};
use serde::{Deserialize, Serialize};

use crate::format::MessageInput;
use crate::formats::edifact::answers::customs;
pub(crate) use rows::Rows;

/// What was decided on a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What is to be done.
    pub lane: Lane,
    /// Of the subject, as it was decided on.
    pub version: i32,
    /// A newer version of the subject is known: an answer to this one must not clear anybody.
    pub superseded: bool,
    /// When, in UTC milliseconds.
    pub at_ms: i64,
}

/// Rows of a message that are in the journal.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What they are.
    pub stream: &'static Stream,
    /// In the stream's columns, or some of them.
    pub rows: RecordBatch,
    /// What was decided on the subject of each; `None` where nothing was.
    pub decided: Vec<Option<Decided>>,
}

/// A message to answer.
#[derive(Clone, Copy)]
pub struct Answering<'a> {
    /// As it came.
    pub message: MessageInput<'a>,
    /// What of it was taken, each stream once.
    pub taken: &'a [Taken],
    /// What of it was not.
    pub set_aside: &'a [SetAside],
    /// Our own number of the answer.
    pub reference: &'a str,
    /// Now, UTC milliseconds.
    pub at_ms: i64,
    /// When a message of this id came, in UTC milliseconds: for who asks what became of one.
    pub came: &'a dyn Fn(&str) -> Option<i64>,
    /// How this country answers.
    pub settings: &'a AnswerSettings,
}

impl Answering<'_> {
    /// The rows of a stream.
    pub fn of(&self, stream: &str) -> Option<&Taken> {
        self.taken.iter().find(|taken| taken.stream.name == stream && taken.rows.num_rows() > 0)
    }

    /// Zone of the office.
    pub fn zone(&self) -> Tz {
        self.message.options.zone
    }
}

/// A document to send back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Media type.
    pub content_type: &'static str,
    /// All of it.
    pub text: String,
}

/// Media type of interchanges.
pub const EDIFACT: &str = "application/edifact";
/// Media type of XML documents.
pub const XML: &str = "application/xml";

/// Makes the documents of a format; none where there is nothing to say in it.
pub type AnswerWriter = fn(&Answering<'_>) -> Vec<Document>;

/// How answers are written: what is the country's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerSettings {
    /// Who answers, where a message does not say whom it was sent to.
    pub party: String,
    /// Days within which wanted documents are to be produced.
    pub documents_days: u16,
    /// How goods in the lane `examine` are looked at in Korea, 11 to 14; 99 where that is not said.
    pub examination: u8,
    /// CUSRES to declarations and manifests.
    pub cusres: customs::Profile,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self { party: "CUSTOMS".to_owned(), documents_days: 7, examination: 99, cusres: customs::Profile::default() }
    }
}

/// The strictest of some decisions, by the order of lanes.
pub(crate) fn strictest(decided: impl IntoIterator<Item = Decided>) -> Option<Decided> {
    decided.into_iter().max_by_key(|decided| decided.lane.rank())
}
