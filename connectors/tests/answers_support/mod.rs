//! What the tests of answers share: answering a message as the service does, and reading the answer.
#![allow(dead_code, reason = "each test file uses its part")]

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_connectors::answers::{AnswerSettings, Answering, Decided, Document, Taken};
use haechi_connectors::format::{HEAD_BYTES, MessageInput};
use haechi_connectors::formats::FORMATS;
use haechi_connectors::formats::edifact::answers::{Answer, read};
use haechi_connectors::options::ReadOptions;
use serde_json::Value;

use crate::edifact_support::objects;

/// 13 March 2027, 22:01 in Seoul.
pub const AT_MS: i64 = 1_804_942_860_000;
/// When `known@example.com` came.
pub const CAME_MS: i64 = 1_804_000_000_000;

/// How messages are read.
pub fn options() -> ReadOptions {
    ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() }
}

/// Answers a message; `decide` says what was decided on each row.
pub fn answer_decided(
    bytes: &[u8],
    decide: impl Fn(&Value, haechi_model::SubjectKind) -> Option<Decided>,
) -> Vec<Document> {
    let options = options();
    let format = FORMATS.iter().find(|f| (f.recognise)(&bytes[..bytes.len().min(HEAD_BYTES)])).unwrap();
    let message = MessageInput { source: "http", bytes, options: &options };
    let reading = (format.read)(message);
    let mut taken: Vec<Taken> = Vec::new();
    for (stream, _) in &reading.records {
        if taken.iter().any(|taken| taken.stream.name == stream.name) {
            continue;
        }
        let batches: Vec<&RecordBatch> =
            reading.records.iter().filter(|(of, _)| of.name == stream.name).map(|(_, batch)| batch).collect();
        let rows = concat_batches(&batches[0].schema(), batches).unwrap();
        let kind = stream.lanes;
        let decided = objects(&rows).iter().map(|row| kind.and_then(|kind| decide(row, kind))).collect();
        taken.push(Taken { stream, rows, decided });
    }
    let settings = AnswerSettings::default();
    let answering = Answering {
        message,
        taken: &taken,
        set_aside: &reading.set_aside,
        reference: "KRAPIS000",
        at_ms: AT_MS,
        came: &|id| (id == "known@example.com").then_some(CAME_MS),
        settings: &settings,
    };
    format.answer.map_or_else(Vec::new, |write| write(&answering))
}

/// The answers in an interchange, with which nothing is wrong.
pub fn edifact(text: &str) -> Vec<Answer> {
    let options = options();
    let (answers, reading) = read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options });
    assert!(reading.warnings.is_empty() && reading.set_aside.is_empty(), "{text}\n{:?}", reading.warnings);
    answers
}
