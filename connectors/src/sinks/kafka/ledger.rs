//! What became of the messages that a producer was given: written by its reports, read by who waits for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;

/// How many reports come between two wakings of who waits.
const REPORTS_A_WAKING: usize = 1024;

/// The messages of a producer, by position of their selections.
#[derive(Debug, Default)]
pub struct Ledger {
    book: Mutex<Book>,
    news: Notify,
}

/// What is known of each message.
#[derive(Debug, Default)]
pub struct Book {
    /// Given to the producer, no report yet.
    pub in_flight: FxHashSet<u64>,
    /// The brokers have it.
    pub there: FxHashSet<u64>,
    /// The broker took the request that it was in for too large. It may have been the others.
    pub too_large: BTreeSet<u64>,
    /// Never to be taken, and why.
    pub refused: FxHashMap<u64, String>,
    /// Why nothing more is to be expected of the producer: what it had in flight may or may not be there.
    pub lost: Option<String>,
    /// What the client complained of last, since the last report that went well.
    pub complaint: Option<String>,
}

impl Ledger {
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for reports; some of them, or the last.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}

impl Book {
    /// Whether nothing is to be done for a selection but to wait.
    pub fn knows(&self, position: u64) -> bool {
        self.in_flight.contains(&position)
            || self.there.contains(&position)
            || self.too_large.contains(&position)
            || self.refused.contains_key(&position)
    }

    fn report(&mut self, position: u64, outcome: Result<(), RDKafkaErrorCode>) {
        self.in_flight.remove(&position);
        match outcome {
            Ok(()) => {
                self.there.insert(position);
                self.complaint = None;
            }
            Err(RDKafkaErrorCode::MessageSizeTooLarge) => {
                self.too_large.insert(position);
            }
            Err(code) if is_refusal(code) => {
                self.refused.insert(position, code.to_string());
            }
            Err(code) => {
                self.lost.get_or_insert_with(|| format!("a message was not acknowledged: {code}"));
            }
        }
    }
}

/// Whether a broker will never take the message.
pub fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{InvalidMessageSize, InvalidRecord, MessageSizeTooLarge, PolicyViolation};
    matches!(code, MessageSizeTooLarge | InvalidMessageSize | InvalidRecord | PolicyViolation)
}

/// Writes reports into a ledger. Called on the polling thread of the producer.
#[derive(Debug)]
pub struct Reports(pub Arc<Ledger>);

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        let mut book = self.0.book();
        book.report(position as u64, outcome);
        if book.in_flight.len().is_multiple_of(REPORTS_A_WAKING) || book.lost.is_some() {
            self.0.news.notify_one();
        }
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.book().complaint = Some(if reason.is_empty() { error.to_string() } else { reason.to_owned() });
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "librdkafka");
    }
}
