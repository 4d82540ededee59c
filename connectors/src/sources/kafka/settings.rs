//! What stands in the settings of a source of the kind `kafka`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::registry::RegistrySettings;
use crate::kafka::Properties;
use crate::options::ReadOptions;
use crate::sources::reading::default_zone;

/// What stands in the settings of a source of the kind `kafka`.
///
/// ```toml
/// [[source]]
/// name = "customs"
/// kind = "kafka"
/// brokers = "kafka-1:9092,kafka-2:9092"
/// topics.declarations = { stream = "declaration" }
/// topics.bills = { stream = "consignment", format = "avro" }
/// registry = { url = "http://registry:8081" }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `HOST:PORT` of one or more brokers, with commas between.
    pub brokers: String,
    /// The topics, by name, and what their messages are.
    pub topics: BTreeMap<String, Topic>,
    /// Consumer group that shares partitions out; default: none, all partitions are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where to begin with a partition of which nothing was taken yet; default: `earliest`.
    #[serde(default)]
    pub start: Start,
    /// Messages that are read together at most; default: 16,384.
    #[serde(default = "default_gather_messages")]
    pub gather_messages: usize,
    /// How long the first of them waits for others at most, in milliseconds; default: 5. It waits only while more
    /// keep coming.
    #[serde(default = "default_gather_ms")]
    pub gather_ms: u64,
    /// How much is fetched ahead, in KiB; default: 32,768.
    #[serde(default = "default_prefetch_kb")]
    pub prefetch_kb: u32,
    /// Where the schemas of Avro messages are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistrySettings>,
    /// Properties of librdkafka, such as `security.protocol`.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

/// What the messages of a topic are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// What the rows are: `declaration`, `consignment`, `traveller` or another stream.
    pub stream: String,
    /// How messages are written; default: `auto`.
    #[serde(default)]
    pub format: Format,
    /// Mapping file that says which of their columns is which of ours; default: columns have our names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<PathBuf>,
    /// Zone of times that carry none, by its IANA name; default: `UTC`. A mapping may say otherwise.
    #[serde(default = "default_zone")]
    pub zone: String,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As their content says.
    #[default]
    Auto,
    /// Avro, behind the id of its schema.
    Avro,
}

/// Where to begin with a partition of which nothing was taken yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// With all that it has.
    #[default]
    Earliest,
    /// With what comes from now on. A topic or partition that appears later is taken from its beginning all the same.
    Latest,
}

fn default_gather_messages() -> usize {
    ReadOptions::default().batch_rows
}

fn default_gather_ms() -> u64 {
    5
}

fn default_prefetch_kb() -> u32 {
    32 * 1024
}

/// What exactness rests on, and what has a setting of its own.
const RESERVED: &[&str] = &[
    "group.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.partition.eof",
    "statistics.interval.ms",
    "queued.max.messages.kbytes",
];

impl Settings {
    /// What the consumer begins from.
    pub(super) fn client(&self, name: &str) -> Result<ClientConfig, String> {
        if self.topics.is_empty() {
            return Err(
                "`topics`: name at least one, as in `topics.declarations = { stream = \"declaration\" }`".into()
            );
        }
        let mut config = self.properties.client(&self.brokers, RESERVED)?;
        if config.get("fetch.queue.backoff.ms").is_none() {
            config.set("fetch.queue.backoff.ms", "20");
        }
        // librdkafka assigns nothing to a client of no group, but tells the cluster of it only where we commit to it.
        let group = self.group.clone().unwrap_or_else(|| format!("haechi-{name}"));
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "false")
            .set("statistics.interval.ms", "1000")
            .set("queued.max.messages.kbytes", self.prefetch_kb.to_string());
        Ok(config)
    }
}
