//! A producer, and what it has under way.
//!
//! No two selections of a subject are under way at once: what a broker refuses may have to be sent again ([`Session`]),
//! and would then come behind those that it took meanwhile. So a delivery goes in [`rounds`], each settled before the
//! next. Where every subject comes once, that is one round.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rustc_hash::FxHashMap;
use tokio::time::{Instant, timeout_at};

use super::Topics;
use super::ledger::{Ledger, Reports, is_refusal};
use super::tail::Tail;
use crate::sink::Refusal;
use crate::sinks::json::SelectionJson;
use crate::sinks::published::Published;

/// How many messages are handed over before other tasks have a turn.
const ROWS_A_TURN: usize = 256;

/// A producer from its making until something ends in doubt.
pub struct Session {
    producer: ThreadedProducer<Reports>,
    ledger: Arc<Ledger>,
    tail: Tail,
    /// The message that was sent alone and of which it is not settled yet whether the broker takes it so.
    alone: Option<u64>,
    n_skipped: u64,
}

/// Why a batch is not delivered yet.
pub enum Failure {
    /// No answer so far; what is under way may still arrive, and will be waited for.
    Slow(String),
    /// What was under way is in doubt: the session is over.
    Lost(String),
}

/// What becomes of a message on the way to the producer.
enum Handed {
    Over,
    QueueFull,
}

impl Session {
    /// A producer that sends nothing that the tail has.
    pub fn new(config: &ClientConfig, tail: Tail) -> KafkaResult<Self> {
        let ledger = Arc::new(Ledger::default());
        let producer = config.create_with_context(Reports(ledger.clone()))?;
        Ok(Self { producer, ledger, tail, alone: None, n_skipped: 0 })
    }

    /// How many selections beyond the cursor the topics had at the start.
    pub fn n_there(&self) -> usize {
        self.tail.len()
    }

    /// How many selections were not sent since they were there.
    pub fn n_skipped(&self) -> u64 {
        self.n_skipped
    }

    /// Sends what is not there and not under way, and waits until all is settled; gives back what was refused.
    pub async fn deliver(
        &mut self,
        topics: &Topics,
        selections: Published<'_>,
        rows: &[usize],
        timeout: Duration,
    ) -> Result<Vec<Refusal>, Failure> {
        let deadline = Instant::now() + timeout;
        let batch = Batch { topics, json: SelectionJson::over(selections), selections };
        for round in rounds(&selections, rows) {
            self.send(&batch, &round, deadline).await?;
            self.settle(deadline).await?;
            self.resend_alone(&batch, &round, deadline).await?;
        }
        let mut book = self.ledger.book();
        book.there.clear();
        let refused = book.refused.drain().map(|(position, reason)| Refusal { position, reason }).collect();
        if let Some(row) = rows.last() {
            self.tail.forget_through(selections.position(*row));
        }
        Ok(refused)
    }

    /// Gives the producer what is not there and not under way.
    async fn send(&mut self, batch: &Batch<'_>, rows: &[usize], deadline: Instant) -> Result<(), Failure> {
        let mut value = Vec::new();
        for turn in rows.chunks(ROWS_A_TURN) {
            for row in turn {
                let position = batch.selections.position(*row);
                if self.ledger.book().knows(position) {
                    continue;
                }
                value.clear();
                batch.json.write(*row, &mut value);
                if self.tail.has(position, &value) {
                    self.ledger.book().there.insert(position);
                    self.n_skipped += 1;
                    continue;
                }
                while let Handed::QueueFull = self.hand_over(batch, *row, &value)? {
                    self.wait(deadline).await?;
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// A broker refuses a request whole where its limit is below ours. Only a message that is refused alone is at fault.
    async fn resend_alone(&mut self, batch: &Batch<'_>, rows: &[usize], deadline: Instant) -> Result<(), Failure> {
        loop {
            let next = self.ledger.book().too_large.first().copied();
            let Some(position) = next else { return Ok(()) };
            let Some(row) = rows.iter().find(|row| batch.selections.position(**row) == position) else {
                self.ledger.book().too_large.remove(&position);
                continue;
            };
            let mut value = Vec::new();
            batch.json.write(*row, &mut value);
            // Not twice, where a call before this one could not wait for the answer.
            if self.alone != Some(position) {
                while let Handed::QueueFull = self.hand_over(batch, *row, &value)? {
                    self.wait(deadline).await?;
                }
                self.alone = Some(position);
            }
            self.settle(deadline).await?;
            self.alone = None;
            let mut book = self.ledger.book();
            book.too_large.remove(&position);
            if !book.there.contains(&position) {
                let reason = format!("the message of {} bytes is larger than the broker takes", value.len());
                book.refused.entry(position).or_insert(reason);
            }
        }
    }

    /// Gives a message to the producer.
    fn hand_over(&self, batch: &Batch<'_>, row: usize, value: &[u8]) -> Result<Handed, Failure> {
        let position = batch.selections.position(row);
        let Some(kind) = batch.selections.kind(row) else {
            self.ledger.book().refused.insert(position, "no topic takes subjects of its stream".to_owned());
            return Ok(Handed::Over);
        };
        let record = BaseRecord::with_opaque_to(batch.topics.of(kind), position as usize)
            .key(batch.selections.subject_id(row))
            .payload(value)
            .headers(batch.headers(row));
        // Noted beforehand: the report may be here before we are back.
        self.ledger.book().in_flight.insert(position);
        let Err((error, _)) = self.producer.send(record) else { return Ok(Handed::Over) };
        let mut book = self.ledger.book();
        book.in_flight.remove(&position);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Ok(Handed::QueueFull),
            Some(code) if is_refusal(code) => {
                book.refused.insert(position, format!("{code} ({} bytes)", value.len()));
                Ok(Handed::Over)
            }
            _ => Err(Failure::Lost(format!("cannot send: {error}"))),
        }
    }

    /// Waits until every message has its report.
    async fn settle(&self, deadline: Instant) -> Result<(), Failure> {
        while !self.ledger.book().in_flight.is_empty() {
            self.wait(deadline).await?;
        }
        self.not_lost()
    }

    /// Waits for reports.
    async fn wait(&self, deadline: Instant) -> Result<(), Failure> {
        self.not_lost()?;
        let waited = timeout_at(deadline, self.ledger.news()).await;
        self.not_lost()?;
        waited.map_err(|_| {
            let book = self.ledger.book();
            let complaint = book.complaint.as_deref().unwrap_or("no answer");
            Failure::Slow(format!("{} messages are not acknowledged yet: {complaint}", book.in_flight.len()))
        })
    }

    fn not_lost(&self) -> Result<(), Failure> {
        self.ledger.book().lost.clone().map_or(Ok(()), |reason| Err(Failure::Lost(reason)))
    }
}

/// Rows in rounds, of which none has a subject twice; those of a subject in their order.
fn rounds(selections: &Published<'_>, rows: &[usize]) -> Vec<Vec<usize>> {
    let mut n_before: FxHashMap<_, usize> = FxHashMap::default();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for row in rows {
        let n = n_before.entry((selections.kind(*row), selections.subject_id(*row))).or_default();
        match rounds.get_mut(*n) {
            Some(round) => round.push(*row),
            None => rounds.push(vec![*row]),
        }
        *n += 1;
    }
    rounds
}

/// What is being delivered.
struct Batch<'a> {
    topics: &'a Topics,
    json: SelectionJson<'a>,
    selections: Published<'a>,
}

impl Batch<'_> {
    fn headers(&self, row: usize) -> OwnedHeaders {
        let id = self.selections.position(row).to_string();
        let version = self.selections.versions.value(row).to_string();
        let ruleset = hex::encode(self.selections.ruleset_hashes.value(row));
        OwnedHeaders::new_with_capacity(3)
            .insert(Header { key: "selection_id", value: Some(&id) })
            .insert(Header { key: "version", value: Some(&version) })
            .insert(Header { key: "ruleset", value: Some(&ruleset) })
    }
}
