//! What librdkafka tells us: whether brokers answer, how far behind we are, which partitions are ours.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::offsets::Offsets;

/// State of a consumer, and what happens when it changes.
pub struct State {
    name: String,
    offsets: Arc<Offsets>,
    in_group: bool,
    /// Whether brokers answered the last time.
    is_up: Mutex<Option<bool>>,
    /// Whether all brokers went away since last asked.
    all_away: AtomicBool,
    ends: Mutex<Ends>,
}

/// Partitions that end before the message that we wait for, as brokers said when they were asked for it.
#[derive(Debug, Default)]
struct Ends {
    /// What was said once, with our next message then: it may be older than that.
    suspected: HashMap<(String, i32), (i64, i64)>,
    /// What was said twice: where they end.
    sure: HashMap<(String, i32), i64>,
}

impl State {
    /// Nothing is known yet.
    pub fn new(name: &str, offsets: Arc<Offsets>, in_group: bool) -> Self {
        Self {
            name: name.to_owned(),
            offsets,
            in_group,
            is_up: Mutex::default(),
            all_away: AtomicBool::new(false),
            ends: Mutex::default(),
        }
    }

    /// Whether all brokers went away since last asked.
    pub fn take_all_away(&self) -> bool {
        self.all_away.swap(false, Ordering::AcqRel)
    }

    /// The partitions that turned out to end before our next message since last asked, and where they end.
    pub fn take_ends(&self) -> HashMap<(String, i32), i64> {
        std::mem::take(&mut self.ends().sure)
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of where a partition ends.
    fn note_end(&self, topic: &str, partition: i32, next: i64, end: i64) {
        let key = (topic.to_owned(), partition);
        let mut ends = self.ends();
        if next <= end {
            ends.suspected.remove(&key);
        } else if ends.suspected.insert(key.clone(), (next, end)) == Some((next, end)) {
            ends.suspected.remove(&key);
            ends.sure.insert(key, end);
        }
    }

    /// Brokers answer.
    pub fn up(&self) {
        if self.change(true) == Some(false) {
            tracing::info!(source = self.name, "the brokers answer again");
        }
    }

    /// Brokers do not answer, or not as they should.
    pub fn down(&self, why: &str) {
        if self.change(false) != Some(false) {
            tracing::warn!(source = self.name, why, "cannot take messages; waiting until that passes");
        }
    }

    fn change(&self, is_up: bool) -> Option<bool> {
        metrics::gauge!("haechi_source_up", "source" => self.name.clone()).set(f64::from(u8::from(is_up)));
        self.is_up.lock().unwrap_or_else(PoisonError::into_inner).replace(is_up)
    }

    /// Where each partition is read from that the group gave us.
    fn begin(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let given: Vec<(String, i32)> =
            list.elements().iter().map(|one| (one.topic().to_owned(), one.partition())).collect();
        for (topic, partition) in given {
            let offset = match self.offsets.begin(consumer, &topic, partition, false) {
                Ok(begin) => Offset::Offset(begin.offset),
                Err(why) => {
                    // The broker is away just now. From the beginning rather than too late: what comes twice is known.
                    tracing::warn!(source = self.name, topic, partition, why, "cannot ask which offsets are there");
                    Offset::Beginning
                }
            };
            let _ = list.set_partition_offset(&topic, partition, offset);
        }
    }
}

impl ClientContext for State {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            self.all_away.store(true, Ordering::Release);
        }
        self.down(&format!("{error}: {reason}"));
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP") {
            self.up();
        }
        for (topic, of) in &statistics.topics {
            for (id, partition) in &of.partitions {
                let Some(next) = self.offsets.next_of(topic, *id).filter(|_| partition.hi_offset >= 0) else {
                    continue;
                };
                if partition.fetch_state == "active" {
                    self.note_end(topic, *id, next, partition.hi_offset);
                }
                let labels = [("source", self.name.clone()), ("topic", topic.clone()), ("partition", id.to_string())];
                metrics::gauge!("haechi_source_lag", &labels).set((partition.hi_offset - next).max(0) as f64);
            }
        }
    }
}

impl ConsumerContext for State {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let step_by_step = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                if self.in_group {
                    self.begin(consumer, list);
                }
                tracing::info!(source = self.name, partitions = list.count(), "the group gave us partitions");
                if step_by_step { consumer.incremental_assign(list) } else { consumer.assign(list) }
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                tracing::info!(source = self.name, partitions = list.count(), "the group took partitions back");
                if step_by_step { consumer.incremental_unassign(list) } else { consumer.unassign() }
            }
            _ => consumer.unassign(),
        };
        if let Err(error) = done {
            self.down(&format!("partitions cannot be taken: {error}"));
        }
    }
}
