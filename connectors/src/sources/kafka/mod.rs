//! `kafka`: topics of a Kafka cluster, each message a document of the topic's stream.
//!
//! How far each partition is taken stands in the engine's store, in the same commit as what was made of the messages
//! (`SOURCE/TOPIC/PARTITION`, the offset to go on from), and nowhere else: nothing is lost or taken twice, whatever the
//! cluster knows of us. Without `group` all partitions are taken, new ones as they appear. With `group` the cluster
//! shares partitions out among the members, and each is taken up where our store stands; all members have to be of
//! one engine, since another engine has another store. What the group knows of offsets is for tools that show lag.
//!
//! - **Formats**: what a message is follows from its content, as with files (JSON, CSV, Arrow, EDIFACT, ..., packed or
//!   not); or it is Avro with the id of its schema in front ([`avro`]).
//! - **Order**: messages of a partition are handed over in their order.
//! - **Nothing is dropped**: a message without content (a tombstone) or that cannot be read is set aside with its offset.
//! - **Memory**: `prefetch_kb` of messages in librdkafka, one gather of at most `gather_messages`, and a few deliveries.
//! - **A broker away, a topic that is not there yet, a registry away** are said once and waited out.
//! - **Messages that the cluster has deleted before we took them** (retention, a topic made anew) are an error in the log
//!   and counted in `haechi_kafka_offsets_lost_total`; the partition goes on with the earliest message it has.

pub mod avro;
mod consumer;
mod offsets;
mod registry;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::channel;
use tokio::task::spawn_blocking;

use self::consumer::{Batch, Consuming, TopicReader};
use self::offsets::{Offsets, partition_of};
use self::state::State;
use super::in_flight::{Ended, InFlight};
use super::reading::Reading;
use crate::read::Documents;
use crate::source::{BoxFuture, Source, SourceContext, SourceError, Stand};

pub use self::registry::RegistrySettings;
pub use self::settings::{Format, Settings, Start, Topic};

/// Batches that are read and wait to be handed over.
const AHEAD: usize = 2;
/// How often the group is told how far we are.
const TELL_GROUP: Duration = Duration::from_secs(1);

/// Topics that are taken.
pub struct KafkaSource {
    name: String,
    settings: Settings,
    config: rdkafka::ClientConfig,
    topics: Vec<TopicReader>,
}

impl KafkaSource {
    /// Checks the settings; nothing is connected to yet.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, String> {
        Self::open_with(name, settings, &|variable| std::env::var(variable).ok())
    }

    fn open_with(
        name: &str,
        settings: &Settings,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let config = settings.client(name)?;
        config.create_native_config().map_err(|error| format!("`properties`: {error}"))?;
        let registry = settings.registry.as_ref().map(|registry| registry.open(environment)).transpose()?.map(Arc::new);
        let topic = |(topic, of): (&String, &Topic)| {
            let refuse = |reason: String| format!("`topics.{topic}`: {reason}");
            let reading = Reading::open(&of.stream, of.mapping.as_deref(), &of.zone).map_err(refuse)?;
            let options = crate::ReadOptions { batch_rows: settings.gather_messages.max(1), ..reading.options };
            let documents = Documents::new(reading.stream, reading.mapping, options);
            let documents = documents.map_err(|error| refuse(error.to_string()))?;
            let avro = match (of.format, &registry) {
                (Format::Auto, _) => None,
                (Format::Avro, Some(registry)) => Some(avro::AvroReader::new(registry.clone())),
                (Format::Avro, None) => {
                    return Err(refuse("is Avro; `registry` says where its schemas are".to_owned()));
                }
            };
            Ok(TopicReader::new(name, topic, documents, avro))
        };
        let topics = settings.topics.iter().map(topic).collect::<Result<_, String>>()?;
        Ok(Self { name: name.to_owned(), settings: settings.clone(), config, topics })
    }
}

impl Source for KafkaSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, Result<(), SourceError>> {
        Box::pin(self.run_until_stopped(context))
    }
}

impl KafkaSource {
    async fn run_until_stopped(self, context: SourceContext) -> Result<(), SourceError> {
        let Self { name, settings, config, topics } = self;
        let refuse = |reason: String| SourceError { name: name.clone(), reason };
        let mut in_flight = InFlight::new(&name, &context);
        let offsets = Arc::new(Offsets::new(&name, settings.start, context.feed.clone()));
        let state = State::new(&name, offsets.clone(), settings.group.is_some());
        let consumer: Arc<BaseConsumer<State>> =
            Arc::new(config.create_with_context(state).map_err(|error| refuse(error.to_string()))?);
        let mut group = settings.group.as_ref().map(|_| Group::new(consumer.clone()));
        let (batches, mut read) = channel::<Batch>(AHEAD);
        let consuming = Consuming {
            name: name.clone(),
            consumer,
            offsets,
            topics,
            settings,
            batches,
            stop: context.stop.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let consuming = spawn_blocking(move || consuming.run());
        let ended = loop {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => break Ended::Stopped,
                () = in_flight.answered() => match in_flight.next().await {
                    Ok(stand) => group.iter_mut().zip(&stand).for_each(|(group, stand)| group.tell(stand)),
                    Err(ended) => break ended,
                },
                batch = read.recv(), if in_flight.has_room() => {
                    let Some(batch) = batch else { break Ended::Stopped };
                    batch.count();
                    if let Err(ended) = in_flight.hand_over(batch.delivery).await {
                        break ended;
                    }
                }
            }
        };
        // Nothing more is taken; what was handed over is waited for.
        drop(read);
        let settled = in_flight.settled().await;
        let consumed = consuming.await.map_err(|error| format!("the consumer failed: {error}; this is a bug"));
        if let Some(group) = group {
            let _ = spawn_blocking(move || group.tell_last()).await;
        }
        ended.result(&name)?;
        settled.or_else(|ended| ended.result(&name))?;
        consumed.and_then(|consumed| consumed).map_err(refuse)
    }
}

/// Tells the group how far we are: for tools that show lag, never for us.
struct Group {
    consumer: Arc<BaseConsumer<State>>,
    news: HashMap<(String, i32), i64>,
    told: Instant,
}

impl Group {
    fn new(consumer: Arc<BaseConsumer<State>>) -> Self {
        Self { consumer, news: HashMap::new(), told: Instant::now() }
    }

    fn tell(&mut self, stand: &Stand) {
        if let (Some(partition), Some(Ok(offset))) = (partition_of(&stand.of), stand.at.as_ref().map(|at| at.parse())) {
            self.news.insert(partition, offset);
        }
        if self.told.elapsed() >= TELL_GROUP {
            self.told = Instant::now();
            self.commit(CommitMode::Async);
        }
    }

    fn tell_last(mut self) {
        self.commit(CommitMode::Sync);
    }

    fn commit(&mut self, mode: CommitMode) {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in self.news.drain() {
            let _ = list.add_partition_offset(&topic, partition, Offset::Offset(offset));
        }
        if list.count() > 0
            && let Err(error) = self.consumer.commit(&list, mode)
        {
            tracing::debug!(%error, "the group was not told how far we are");
        }
    }
}
