//! `kafka`: a message a selection, in a topic for each workflow.
//!
//! Key is the subject, so that one partition has all its selections; the value is
//! [`SelectionJson`](super::SelectionJson), the headers `selection_id`, `version` and `ruleset` let a reader skip
//! without parsing. All replicas in sync have a batch before it counts as delivered.
//!
//! Selections of a subject come in their order: the next is sent once the one before is there or refused for good.
//! Those of different subjects may change places within a delivery, also in a partition.
//!
//! Each selection comes once. While we run, librdkafka repeats what was not acknowledged, and the broker knows a repeat
//! (`idempotence`); we send nothing again that may still arrive. After a crash, or where a connection ended in
//! doubt, the ends of the topics are read back to the cursor ([`tail`]) and what is there is not sent again. What is left
//! is a request of a dead process that the broker takes only after that reading.

use std::fmt;
use std::time::Duration;

use arrow::array::RecordBatch;
use haechi_model::SubjectKind;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;
use serde::{Deserialize, Serialize};

use self::session::{Failure, Session};
use self::tail::Tail;
use super::only::{Filter, Only};
use super::published::Published;
use crate::kafka::Properties;
use crate::sink::{DeliverError, Sink};
use crate::source::BoxFuture;

mod ledger;
mod session;
mod tail;
#[cfg(test)]
mod tests;

/// What stands in the settings of a sink of the kind `kafka`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `HOST:PORT` of one or more brokers, with commas between.
    pub brokers: String,
    /// The topic of each stream.
    #[serde(default)]
    pub topics: Topics,
    /// Which selections are sent; default: all.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// Creates topics that do not exist yet; default: somebody else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// Whether the broker is to recognise repeats; default: true. Without it one request is under way at a time, and a
    /// request without an answer means that the ends of the topics are read again.
    #[serde(default = "default_idempotence")]
    pub idempotence: bool,
    /// How long to wait for the broker before saying that it is away; default: 30. Nothing is lost by a short one.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: u64,
    /// How many messages are read back at most, by topic, to find what was delivered before a crash; default: 500,000.
    #[serde(default = "default_tail_messages_max")]
    pub tail_messages_max: u64,
    /// Properties of librdkafka, such as `security.protocol` or `compression.type`.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

/// The topic of each stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Topics {
    /// Default: `selection.clearance`.
    pub declaration: String,
    /// Default: `selection.cargo`.
    pub consignment: String,
    /// Default: `selection.apis`.
    pub traveller: String,
}

impl Default for Topics {
    fn default() -> Self {
        let [declaration, consignment, traveller] =
            ["selection.clearance", "selection.cargo", "selection.apis"].map(str::to_owned);
        Self { declaration, consignment, traveller }
    }
}

impl Topics {
    fn all(&self) -> [&str; 3] {
        [&self.declaration, &self.consignment, &self.traveller]
    }

    fn of(&self, kind: SubjectKind) -> &str {
        match kind {
            SubjectKind::Declaration => &self.declaration,
            SubjectKind::Consignment => &self.consignment,
            SubjectKind::Traveller => &self.traveller,
        }
    }
}

/// How topics are created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Create {
    /// Default: 6.
    pub partitions: i32,
    /// Copies of each; default: 1. Three are usual where three brokers are.
    pub replication: i32,
}

impl Default for Create {
    fn default() -> Self {
        Self { partitions: 6, replication: 1 }
    }
}

fn default_idempotence() -> bool {
    true
}

fn default_timeout_secs() -> u64 {
    30
}

fn default_tail_messages_max() -> u64 {
    500_000
}

/// What the promise of once rests on, and what has a setting of its own.
const RESERVED: &[&str] = &[
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "transactional.id",
    "retries",
    "message.send.max.retries",
];

impl Settings {
    /// What every client of this sink begins from.
    fn client(&self) -> Result<ClientConfig, String> {
        let legal = |topic: &str| {
            (1..=249).contains(&topic.len()) && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if let Some(topic) = self.topics.all().into_iter().find(|topic| !legal(topic)) {
            return Err(format!(
                "`topics`: `{topic}` is not a name of a topic: letters, digits, `.`, `_` and `-`, up to 249"
            ));
        }
        if self.create.is_some_and(|create| create.partitions < 1 || create.replication < 1) {
            return Err("`create`: there is at least one partition and one copy".to_owned());
        }
        self.properties.client(&self.brokers, RESERVED)
    }

    /// A producer that repeats for as long as it takes, where the broker recognises repeats.
    fn producer(&self) -> Result<ClientConfig, String> {
        let mut config = self.client()?;
        let mut set_default = |property: &str, value: &str| {
            if config.get(property).is_none() {
                config.set(property, value);
            }
        };
        set_default("linger.ms", "2");
        set_default("queue.buffering.max.kbytes", "32768");
        // As Java clients choose it, so that tables keyed alike are partitioned alike.
        set_default("partitioner", "murmur2_random");
        config.set("acks", "all").set("message.timeout.ms", "0");
        if self.idempotence {
            config.set("enable.idempotence", "true");
        } else {
            config.set("retries", "0").set("max.in.flight.requests.per.connection", "1");
        }
        Ok(config)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

/// Delivers selections to topics.
pub struct KafkaSink {
    name: String,
    settings: Settings,
    filter: Filter,
    client: ClientConfig,
    producer: ClientConfig,
    /// Up to where everything is delivered.
    delivered: u64,
    /// A producer and what it has under way; none before the first delivery and after one that ended in doubt.
    session: Option<Session>,
}

impl KafkaSink {
    /// Checks the settings.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, String> {
        let (client, producer) = (settings.client()?, settings.producer()?);
        producer.create_native_config().map_err(|error| format!("`properties`: {error}"))?;
        let filter = settings.only.filter()?;
        Ok(Self {
            name: name.to_owned(),
            settings: settings.clone(),
            filter,
            client,
            producer,
            delivered: 0,
            session: None,
        })
    }

    /// Reads what the topics have beyond the cursor and makes a producer.
    async fn connect(&mut self) -> Result<&mut Session, DeliverError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.new_session().await?,
        };
        Ok(self.session.insert(session))
    }

    async fn new_session(&self) -> Result<Session, DeliverError> {
        if let Some(create) = self.settings.create {
            self.create_topics(create).await?;
        }
        let (client, producer, settings) = (self.client.clone(), self.producer.clone(), self.settings.clone());
        let delivered = self.delivered;
        let connecting = tokio::task::spawn_blocking(move || {
            let tail = Tail::read(&client, &settings, delivered)?;
            Session::new(&producer, tail)
        });
        let session = connecting.await.map_err(DeliverError::later)?;
        let session = session.map_err(|error| DeliverError::later(format!("cannot reach the brokers: {error}")))?;
        if session.n_there() > 0 {
            tracing::info!(sink = self.name, selections = session.n_there(), "found in the topics beyond the cursor");
        }
        Ok(session)
    }

    async fn create_topics(&self, create: Create) -> Result<(), DeliverError> {
        let failed = |error: &dyn fmt::Display| DeliverError::later(format!("cannot create the topics: {error}"));
        let admin: AdminClient<DefaultClientContext> = self.client.create().map_err(|error| failed(&error))?;
        let new = |topic| NewTopic::new(topic, create.partitions, TopicReplication::Fixed(create.replication));
        let topics = self.settings.topics.all().map(new);
        let options = AdminOptions::new().request_timeout(Some(self.settings.timeout()));
        let results = admin.create_topics(&topics, &options).await.map_err(|error| failed(&error))?;
        match results
            .into_iter()
            .find_map(|r| r.err().filter(|(_, code)| *code != RDKafkaErrorCode::TopicAlreadyExists))
        {
            Some((topic, code)) => Err(failed(&format_args!("`{topic}`: {code}"))),
            None => Ok(()),
        }
    }

    async fn deliver_all(&mut self, selections: &RecordBatch) -> Result<(), DeliverError> {
        let selections = Published::of(selections).map_err(DeliverError::later)?;
        let Some(last) = selections.len().checked_sub(1).map(|row| selections.position(row)) else { return Ok(()) };
        let topics = self.settings.topics.clone();
        let rows = self.filter.rows(&selections);
        let timeout = self.settings.timeout();
        let name = self.name.clone();
        let session = self.connect().await?;
        let skipped = session.n_skipped();
        let result = session.deliver(&topics, selections, &rows, timeout).await;
        metrics::counter!("haechi_sink_repeats_avoided_total", "sink" => name).increment(session.n_skipped() - skipped);
        match result {
            Ok(refused) => {
                self.delivered = last;
                DeliverError::unless_refused(refused)
            }
            Err(Failure::Slow(reason)) => Err(DeliverError::later(reason)),
            Err(Failure::Lost(reason)) => {
                // Closing waits for threads of librdkafka.
                let lost = self.session.take();
                tokio::task::spawn_blocking(move || drop(lost)).await.map_err(DeliverError::later)?;
                Err(DeliverError::later(reason))
            }
        }
    }
}

impl Sink for KafkaSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>> {
        Box::pin(async move {
            self.delivered = delivered;
            self.connect().await?;
            Ok(delivered)
        })
    }

    fn deliver<'a>(&'a mut self, selections: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>> {
        Box::pin(self.deliver_all(selections))
    }
}
