//! Where each partition is read from: what the store says, held against what the cluster still has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};

use super::settings::Start;
use crate::source::Feed;

/// How long a broker may take to say which offsets it has.
const WAIT: Duration = Duration::from_secs(5);

/// The offsets of a source.
pub struct Offsets {
    source: String,
    start: Start,
    feed: Arc<dyn Feed>,
    /// The next message of each partition met since the start. What comes before it is handed over or will be, so it
    /// counts for more than the store, which may be a few commits behind.
    next: Mutex<HashMap<(String, i32), i64>>,
}

/// Where to begin with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The first message that is taken.
    pub offset: i64,
    /// Whether the store knows nothing of the partition though messages are passed over.
    pub is_news: bool,
}

impl Offsets {
    /// For the source of a name.
    pub fn new(source: &str, start: Start, feed: Arc<dyn Feed>) -> Self {
        Self { source: source.to_owned(), start, feed, next: Mutex::default() }
    }

    fn next(&self) -> MutexGuard<'_, HashMap<(String, i32), i64>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what comes next.
    pub fn taken(&self, topic: &str, partition: i32, next: i64) {
        self.next().insert((topic.to_owned(), partition), next);
    }

    /// What comes next, of a partition met since the start.
    pub fn next_of(&self, topic: &str, partition: i32) -> Option<i64> {
        self.next().get(&(topic.to_owned(), partition)).copied()
    }

    /// All partitions met since the start.
    pub fn partitions(&self) -> Vec<(String, i32)> {
        self.next().keys().cloned().collect()
    }

    fn stored(&self, topic: &str, partition: i32) -> Result<Option<i64>, String> {
        let of = stand_of(&self.source, topic, partition);
        let stands = self.feed.stands(&of).map_err(|error| error.to_string())?;
        Ok(stands.into_iter().find(|(name, _)| *name == of).and_then(|(_, at)| at.parse().ok()))
    }

    /// Where to read a partition from; `appeared` while we were running, so that none of it is passed over. Asks the
    /// broker, which may fail.
    ///
    /// That messages were deleted is noticed here. That the partition ends before our next message is noticed when the
    /// broker has been asked for it ([`Offsets::beyond`]): not every broker is right about its end before.
    pub fn begin<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
        appeared: bool,
    ) -> Result<Begin, String> {
        let (low, high) = consumer.fetch_watermarks(topic, partition, WAIT).map_err(|error| error.to_string())?;
        let known = match self.next_of(topic, partition) {
            Some(next) => Some(next),
            None => self.stored(topic, partition)?,
        };
        let begin = match known {
            Some(next) if next >= low => Begin { offset: next, is_news: false },
            Some(next) => {
                self.deleted(topic, partition, next, low);
                Begin { offset: low, is_news: false }
            }
            None if self.start == Start::Latest && !appeared => Begin { offset: high, is_news: true },
            None => Begin { offset: low, is_news: false },
        };
        self.taken(topic, partition, begin.offset);
        Ok(begin)
    }

    /// Where to go on where the broker says that our next message is out of its range; `end` is where the partition
    /// ends, if the broker said so when it was asked for that message.
    pub fn beyond<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
        end: Option<i64>,
    ) -> Result<i64, String> {
        let (low, high) = consumer.fetch_watermarks(topic, partition, WAIT).map_err(|error| error.to_string())?;
        let Some(next) = self.next_of(topic, partition) else { return Ok(low) };
        let offset = if next < low {
            self.deleted(topic, partition, next, low);
            low
        } else if next > end.unwrap_or(high) {
            self.made_anew(topic, partition, next);
            low
        } else {
            next
        };
        self.taken(topic, partition, offset);
        Ok(offset)
    }

    fn deleted(&self, topic: &str, partition: i32, next: i64, low: i64) {
        let n_lost = low - next;
        self.count_lost(topic, n_lost as u64);
        tracing::error!(
            source = self.source,
            topic,
            partition,
            next,
            low,
            n_lost,
            "the cluster deleted messages before they were taken; goes on with the earliest that is there. Have them sent \
             again, and keep messages for longer (`retention.ms`)"
        );
    }

    /// How many messages that cost, nobody knows.
    fn made_anew(&self, topic: &str, partition: i32, next: i64) {
        self.count_lost(topic, 1);
        tracing::error!(
            source = self.source,
            topic,
            partition,
            next,
            "the partition ends before the message to be taken next, so the topic was made anew or cut off; goes on from \
             its beginning"
        );
    }

    fn count_lost(&self, topic: &str, n: u64) {
        let labels = [("source", self.source.clone()), ("topic", topic.to_owned())];
        metrics::counter!("haechi_kafka_offsets_lost_total", &labels).increment(n);
    }
}

/// The name of a partition's stand.
pub fn stand_of(source: &str, topic: &str, partition: i32) -> String {
    format!("{source}/{topic}/{partition}")
}

/// The topic and partition of a stand.
pub fn partition_of(of: &str) -> Option<(String, i32)> {
    // Topics have no `/` in their names, nor have sources.
    let (topic, partition) = of.split_once('/')?.1.rsplit_once('/')?;
    Some((topic.to_owned(), partition.parse().ok()?))
}
