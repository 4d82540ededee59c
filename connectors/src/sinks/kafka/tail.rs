//! What the topics have beyond the cursor: read once, backwards in windows from the end of each partition, until a
//! selection turns up that the cursor has passed. A message counts as ours if it is the same byte for byte, so that
//! neither another engine on the same topics nor a journal that was set back makes us leave anything out.

use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::Message;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rustc_hash::FxHashSet;
use serde::Deserialize;

use super::Settings;

/// How many messages of a partition are read at first, and at most at once.
const WINDOW: std::ops::RangeInclusive<i64> = 1_024..=65_536;

/// Selections that the topics have, though the cursor does not say so: position and hash of the message.
#[derive(Debug, Default)]
pub struct Tail {
    there: FxHashSet<(u64, u64)>,
}

impl Tail {
    /// Reads the ends of all topics, back to the cursor. Blocks.
    pub fn read(client: &ClientConfig, settings: &Settings, delivered: u64) -> KafkaResult<Self> {
        let mut config = client.clone();
        config
            .set("group.id", "haechi-sink")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_uncommitted")
            // How long an empty partition takes to say so.
            .set("fetch.wait.max.ms", "50")
            .set("queued.max.messages.kbytes", "8192");
        let consumer: BaseConsumer = config.create()?;
        let mut reading = Reading { consumer, timeout: settings.timeout(), delivered, tail: Self::default() };
        for topic in settings.topics.all() {
            reading.topic(topic, settings.tail_messages_max)?;
        }
        Ok(reading.tail)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.there.len()
    }

    /// Whether this very message is there.
    pub fn has(&self, position: u64, value: &[u8]) -> bool {
        !self.there.is_empty() && self.there.contains(&(position, hash(value)))
    }

    /// Forgets what will not be asked for any more.
    pub fn forget_through(&mut self, position: u64) {
        self.there.retain(|(there, _)| *there > position);
        if self.there.is_empty() {
            self.there.shrink_to_fit();
        }
    }
}

fn hash(value: &[u8]) -> u64 {
    FixedState::default().hash_one(value)
}

/// A part of a partition: from `start` up to `end`, or to the end of the partition. That is where the broker has no more
/// messages: high watermarks have been seen that stand before the last batch.
struct Window {
    partition: i32,
    low: i64,
    start: i64,
    end: Option<i64>,
    /// The first position of a selection in it.
    oldest: Option<u64>,
    read: bool,
}

struct Reading {
    consumer: BaseConsumer,
    timeout: Duration,
    delivered: u64,
    tail: Tail,
}

impl Reading {
    fn topic(&mut self, topic: &str, messages_max: u64) -> KafkaResult<()> {
        let mut windows = self.ends(topic)?;
        let mut size = *WINDOW.start();
        let mut left = messages_max as i64;
        while !windows.is_empty() {
            if left <= 0 {
                tracing::warn!(topic, messages_max, "more is in the topic than is read back: some may come twice");
                break;
            }
            for window in &mut windows {
                let end = window.start;
                window.start = window.low.max(end - size);
                window.read = false;
                left -= end - window.start;
            }
            self.read(topic, &mut windows)?;
            windows.retain_mut(|window| {
                window.end = Some(window.start);
                window.start > window.low && window.oldest.is_none_or(|oldest| oldest > self.delivered)
            });
            size = (size * 4).min(*WINDOW.end());
        }
        Ok(())
    }

    /// The ends of a topic's partitions. None where the topic does not exist yet.
    fn ends(&self, topic: &str) -> KafkaResult<Vec<Window>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.timeout)?;
        let partitions = metadata.topics().iter().filter(|t| t.name() == topic).flat_map(MetadataTopic::partitions);
        let mut windows = Vec::new();
        for partition in partitions.map(MetadataPartition::id) {
            let (low, high) = self.consumer.fetch_watermarks(topic, partition, self.timeout)?;
            windows.push(Window { partition, low, start: high, end: None, oldest: None, read: false });
        }
        Ok(windows)
    }

    fn read(&mut self, topic: &str, windows: &mut [Window]) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        for window in &*windows {
            list.add_partition_offset(topic, window.partition, Offset::Offset(window.start))?;
        }
        self.consumer.assign(&list)?;
        let mut deadline = Instant::now() + self.timeout;
        while windows.iter().any(|window| !window.read) {
            match self.consumer.poll(deadline.saturating_duration_since(Instant::now())) {
                // Events of other kinds end a poll early.
                None if Instant::now() < deadline => {}
                None => return Err(KafkaError::NoMessageReceived),
                // Messages may be missing at the end: compacted, or marks of transactions.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    windows.iter_mut().filter(|w| w.partition == partition).for_each(|w| w.read = true);
                }
                Some(Err(error)) => return Err(error),
                Some(Ok(message)) => {
                    deadline = Instant::now() + self.timeout;
                    let Some(window) = windows.iter_mut().find(|w| w.partition == message.partition()) else {
                        continue;
                    };
                    window.read |= window.end.is_some_and(|end| message.offset() + 1 >= end);
                    if window.end.is_some_and(|end| message.offset() >= end) {
                        continue;
                    }
                    let value = message.payload().unwrap_or_default();
                    let Some(position) = position(value) else { continue };
                    window.oldest = Some(window.oldest.map_or(position, |oldest| oldest.min(position)));
                    if position > self.delivered {
                        self.tail.there.insert((position, hash(value)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The position of the selection in a message; nothing for messages of others.
fn position(value: &[u8]) -> Option<u64> {
    /// What is wanted of [`crate::sinks::SelectionJson`].
    #[derive(Deserialize)]
    struct Value {
        position: u64,
    }
    serde_json::from_slice::<Value>(value).ok().map(|value| value.position)
}
