//! A source or a sink as it stands in the file: a name, and the connector's own settings beside it.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

/// One `[[source]]` or `[[sink]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Connector<T> {
    /// Under which it is known: in the store, in metrics, in logs.
    pub name: String,
    /// What the connector wants to know.
    #[serde(flatten)]
    pub settings: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Connector<T> {
    /// The name is taken out first: what is left is the connector's, which refuses what it does not know.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = Table::deserialize(deserializer)?;
        let name = match table.remove("name") {
            Some(Value::String(name)) if !name.is_empty() && !name.contains(['/', ' ']) => name,
            Some(_) => return Err(D::Error::custom("`name` is a text without blanks and `/`")),
            None => return Err(D::Error::custom("`name` is missing: give it one of its own, and never change it")),
        };
        let settings = table.try_into().map_err(|error: toml::de::Error| {
            D::Error::custom(format_args!("`{name}`: {}", super::read::told(error.message())))
        })?;
        Ok(Self { name, settings })
    }
}
