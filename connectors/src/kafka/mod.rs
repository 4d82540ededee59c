//! What the source and the sink of Kafka share: how a client is set up.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) mod broker;

/// Properties of librdkafka. Their values may be secrets and are not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A client of these brokers. `reserved` are the properties that whoever makes it sets for itself.
    pub(crate) fn client(&self, brokers: &str, reserved: &[&str]) -> Result<ClientConfig, String> {
        if brokers.trim().is_empty() {
            return Err("`brokers`: name at least one, as in `kafka-1:9092`".to_owned());
        }
        let mut config = ClientConfig::new();
        config.set("client.id", "haechi");
        for (property, value) in &self.0 {
            if OURS.contains(&property.as_str()) || reserved.contains(&property.as_str()) {
                return Err(format!(
                    "`properties`: `{property}` has a setting of its own or must not be changed; take it out"
                ));
            }
            config.set(property, value);
        }
        config.set("bootstrap.servers", brokers);
        Ok(config)
    }
}

/// What `brokers` says.
const OURS: [&str; 2] = ["bootstrap.servers", "metadata.broker.list"];

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
