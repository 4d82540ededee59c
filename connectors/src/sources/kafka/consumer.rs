//! The thread that takes messages, reads them, and puts what was read in a channel: fetching waits while that is full.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use super::avro::AvroReader;
use super::offsets::{Offsets, stand_of};
use super::settings::Settings;
use super::state::State;
use crate::read::{Document, Documents, Gathered, no_rows};
use crate::source::{Delivery, Stand};

/// How long the thread waits for a message before it looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(100);
/// How long brokers may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often topics are looked at for new partitions, and how often where one is missing.
const LOOK: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(500));
/// Bytes of the messages that are read together.
const GATHER_BYTES_MAX: usize = 16 << 20;

/// What a topic's messages are read by.
pub struct TopicReader {
    source: String,
    topic: String,
    documents: Documents,
    avro: Option<AvroReader>,
    /// Whether it was said that the topic is not there.
    is_missing: bool,
    /// Partitions that are assigned, where there is no group.
    assigned: Vec<i32>,
}

/// What was read of messages of one partition.
pub struct Batch {
    pub delivery: Delivery,
    source: String,
    n_messages: usize,
    n_bytes: usize,
}

impl Batch {
    /// Counts the messages, now that they are handed over.
    pub fn count(&self) {
        let source = || self.source.clone();
        metrics::counter!("haechi_source_messages_total", "source" => source()).increment(self.n_messages as u64);
        metrics::counter!("haechi_source_bytes_total", "source" => source()).increment(self.n_bytes as u64);
    }
}

impl TopicReader {
    /// For a topic.
    pub fn new(source: &str, topic: &str, documents: Documents, avro: Option<AvroReader>) -> Self {
        let (source, topic) = (source.to_owned(), topic.to_owned());
        Self { source, topic, documents, avro, is_missing: false, assigned: Vec::new() }
    }

    /// A delivery without rows that says where a partition stands.
    fn stand(&self, partition: i32, offset: i64) -> Batch {
        let stream = self.documents.stream();
        let stand = Some(Stand { of: stand_of(&self.source, &self.topic, partition), at: Some(offset.to_string()) });
        let delivery = Delivery { stream, rows: no_rows(stream), warnings: Vec::new(), set_aside: Vec::new(), stand };
        Batch { delivery, source: self.source.clone(), n_messages: 0, n_bytes: 0 }
    }
}

/// Messages of one partition, in their order.
struct Messages {
    topic: usize,
    partition: i32,
    offsets: Vec<i64>,
    documents: Vec<Document>,
}

/// What the thread works with.
pub struct Consuming {
    pub name: String,
    pub consumer: Arc<BaseConsumer<State>>,
    pub offsets: Arc<Offsets>,
    pub topics: Vec<TopicReader>,
    pub settings: Settings,
    pub batches: Sender<Batch>,
    pub stop: CancellationToken,
    pub runtime: Handle,
}

impl Consuming {
    /// Takes messages until nobody wants them any more.
    pub fn run(mut self) -> Result<(), String> {
        if self.settings.group.is_some() {
            let topics: Vec<&str> = self.topics.iter().map(|topic| topic.topic.as_str()).collect();
            self.consumer.subscribe(&topics).map_err(|error| format!("cannot subscribe: {error}"))?;
        }
        let mut look = Instant::now();
        while !self.stop.is_cancelled() && !self.batches.is_closed() {
            if self.settings.group.is_none() && self.state().take_all_away() {
                self.unassign();
                look = Instant::now();
            }
            let ends = self.state().take_ends();
            if !ends.is_empty() {
                self.seek_what_is_there(&ends);
            }
            if self.settings.group.is_none() && Instant::now() >= look {
                let all_there = self.assign_new();
                look = Instant::now() + if all_there { LOOK.0 } else { LOOK.1 };
            }
            for messages in self.gather()? {
                if !self.hand_on(messages) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn state(&self) -> &State {
        self.consumer.context()
    }

    /// Gives all partitions back until brokers answer again, and say then what they have: one that is started anew may
    /// have lost its topics, and asking it for messages of those that it had is more than librdkafka bears.
    fn unassign(&mut self) {
        if let Err(error) = self.consumer.unassign() {
            tracing::debug!(source = self.name, %error, "partitions were not given back");
        }
        self.topics.iter_mut().for_each(|topic| topic.assigned.clear());
    }

    /// Assigns the partitions that are not assigned yet; `false` where some could not be. All at once: what is asked of
    /// a broker waits behind a fetch that waits for messages.
    fn assign_new(&mut self) -> bool {
        let mut all_there = true;
        let mut new = Vec::new();
        for at in 0..self.topics.len() {
            match self.find_new_of(at, &mut new) {
                Ok(there) => all_there &= there,
                Err(why) => {
                    self.state().down(&why);
                    all_there = false;
                }
            }
        }
        if let Err(why) = self.assign(&new) {
            self.state().down(&why.to_string());
            return false;
        }
        all_there
    }

    fn assign(&mut self, new: &[(usize, i32, i64)]) -> KafkaResult<()> {
        if new.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for (at, partition, offset) in new {
            list.add_partition_offset(&self.topics[*at].topic, *partition, Offset::Offset(*offset))?;
        }
        self.consumer.incremental_assign(&list)?;
        for (at, partition, offset) in new {
            let topic = &mut self.topics[*at];
            topic.assigned.push(*partition);
            tracing::info!(source = self.name, topic = topic.topic, partition, offset, "taking messages");
        }
        Ok(())
    }

    /// Finds partitions that are not assigned yet, and where to begin with them; `false` where there is no such topic.
    fn find_new_of(&mut self, at: usize, found: &mut Vec<(usize, i32, i64)>) -> Result<bool, String> {
        let topic = &mut self.topics[at];
        let metadata = self.consumer.fetch_metadata(Some(&topic.topic), ANSWER).map_err(|error| error.to_string())?;
        self.consumer.context().up();
        let mut partitions: Vec<i32> =
            metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
        partitions.sort_unstable();
        if partitions.is_empty() {
            if !std::mem::replace(&mut topic.is_missing, true) {
                tracing::warn!(source = self.name, topic = topic.topic, "there is no such topic; waiting for it");
            }
            return Ok(false);
        }
        let appeared = topic.is_missing || !topic.assigned.is_empty();
        let new: Vec<i32> = partitions.into_iter().filter(|id| !topic.assigned.contains(id)).collect();
        for partition in new {
            let begin = self.offsets.begin(&self.consumer, &topic.topic, partition, appeared)?;
            if begin.is_news {
                // What was passed over stays passed over, should we be killed before the first message.
                let _ = self.batches.blocking_send(topic.stand(partition, begin.offset));
            }
            found.push((at, partition, begin.offset));
        }
        if std::mem::take(&mut topic.is_missing) {
            tracing::info!(source = self.name, topic = topic.topic, "the topic is there now");
        }
        Ok(true)
    }

    /// Messages that are there, up to a limit, by partition; waits a little for the first.
    fn gather(&mut self) -> Result<Vec<Messages>, String> {
        let (consumer, topics) = (self.consumer.clone(), &self.topics);
        let mut gathered: Vec<Messages> = Vec::new();
        let mut places: HashMap<(usize, i32), usize> = HashMap::new();
        let (mut n_messages, mut n_bytes) = (0, 0);
        let mut deadline: Option<Instant> = None;
        let mut lost = false;
        while n_messages < self.settings.gather_messages.max(1) && n_bytes < GATHER_BYTES_MAX {
            let message = match consumer.poll(if deadline.is_some() { Duration::ZERO } else { WAIT }) {
                None => break,
                Some(Ok(message)) => message,
                Some(Err(error)) => {
                    lost |= self.heard(&error)?;
                    break;
                }
            };
            let deadline =
                deadline.get_or_insert_with(|| Instant::now() + Duration::from_millis(self.settings.gather_ms));
            let Some(at) = topics.iter().position(|topic| topic.topic == message.topic()) else { continue };
            let (partition, offset) = (message.partition(), message.offset());
            let place = *places.entry((at, partition)).or_insert_with(|| {
                gathered.push(Messages { topic: at, partition, offsets: Vec::new(), documents: Vec::new() });
                gathered.len() - 1
            });
            let Some(messages) = gathered.get_mut(place) else { continue };
            let source = match messages.documents.first() {
                Some(first) => first.source.clone(),
                None => stand_of(&self.name, message.topic(), partition).into(),
            };
            let bytes = Bytes::copy_from_slice(message.payload().unwrap_or_default());
            n_bytes += bytes.len();
            n_messages += 1;
            messages.offsets.push(offset);
            messages.documents.push(Document { source, position: format!("offset {offset}"), bytes });
            if Instant::now() >= *deadline {
                break;
            }
        }
        for messages in &gathered {
            if let (Some(topic), Some(last)) = (self.topics.get(messages.topic), messages.offsets.last()) {
                self.offsets.taken(&topic.topic, messages.partition, last + 1);
            }
        }
        if n_messages > 0 {
            self.state().up();
        }
        if lost {
            self.seek_what_is_there(&HashMap::new());
        }
        Ok(gathered)
    }

    /// What an error means: `true` where an offset is not there any more.
    fn heard(&self, error: &KafkaError) -> Result<bool, String> {
        match error {
            KafkaError::MessageConsumptionFatal(code) => {
                Err(format!("librdkafka gave up: {code}; restart the service"))
            }
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::LogTruncation,
            ) => Ok(true),
            other => {
                self.state().down(&other.to_string());
                Ok(false)
            }
        }
    }

    /// Goes on with the earliest message where the next is not there: in partitions that end as said, or, where it is not
    /// known which they are, in all that are affected.
    fn seek_what_is_there(&self, ends: &HashMap<(String, i32), i64>) {
        for (topic, partition) in self.offsets.partitions() {
            let end = ends.get(&(topic.clone(), partition)).copied();
            if end.is_none() && !ends.is_empty() {
                continue;
            }
            // Also where the offset stays: fetching has stopped.
            let sought = self.offsets.beyond(&self.consumer, &topic, partition, end).and_then(|offset| {
                let offset = Offset::Offset(offset);
                self.consumer.seek(&topic, partition, offset, ANSWER).map_err(|error| error.to_string())
            });
            if let Err(why) = sought {
                self.state().down(&why);
            }
        }
    }

    /// Reads messages and puts them in the channel; `false` where nobody wants them any more.
    fn hand_on(&mut self, messages: Messages) -> bool {
        let Messages { topic, partition, offsets, documents } = messages;
        let Some(topic) = self.topics.get_mut(topic) else { return true };
        let sizes: Vec<usize> = documents.iter().map(|document| document.bytes.len()).collect();
        let gathered = match &mut topic.avro {
            None => topic.documents.gather(&documents),
            Some(avro) => match avro.gather(&topic.documents, &documents, &self.runtime, &self.stop) {
                Some(gathered) => gathered,
                None => return false,
            },
        };
        let mut before = 0;
        for Gathered { intake, n_documents } in gathered {
            let next = n_documents.checked_sub(1).and_then(|last| offsets.get(last)).map(|last| last + 1);
            let of = stand_of(&topic.source, &topic.topic, partition);
            let stand = next.map(|next| Stand { of, at: Some(next.to_string()) });
            let batch = Batch {
                delivery: Delivery::new(topic.documents.stream(), intake, stand),
                source: topic.source.clone(),
                n_messages: n_documents - before,
                n_bytes: sizes.get(before..n_documents).unwrap_or_default().iter().sum(),
            };
            before = n_documents;
            if self.batches.blocking_send(batch).is_err() {
                return false;
            }
        }
        true
    }
}
