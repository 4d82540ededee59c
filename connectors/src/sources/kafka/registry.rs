//! A schema registry: `GET /schemas/ids/{id}`, as Confluent's and those compatible with it answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the schemas of Avro messages are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrySettings {
    /// Its address, as `http://registry:8081`.
    pub url: String,
    /// Environment variable that has the user's name, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_env: Option<String>,
    /// Environment variable that has the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// How long it may take to answer; default: 10.
    #[serde(default = "default_timeout_secs")]
    pub timeout_secs: u64,
}

fn default_timeout_secs() -> u64 {
    10
}

impl RegistrySettings {
    /// Checks the settings; nothing is connected to yet. `environment` has the secrets.
    pub(super) fn open(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Registry, String> {
        let url = self.url.trim_end_matches('/').to_owned();
        reqwest::Url::parse(&url).map_err(|error| format!("`registry.url`: {error}"))?;
        let secret = |name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => {
                let missing = || format!("`registry`: the environment has no variable `{name}`; set it");
                environment(name).map(Some).ok_or_else(missing)
            }
        };
        let password = secret(&self.password_env)?;
        let user = secret(&self.user_env)?.map(|user| (user, password));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(self.timeout_secs.max(1))).build();
        let client = client.map_err(|error| format!("`registry`: {error}"))?;
        Ok(Registry { client, url, user })
    }
}

/// A registry that can be asked.
pub struct Registry {
    client: reqwest::Client,
    url: String,
    user: Option<(String, Option<String>)>,
}

/// What a registry says of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its text.
    Schema(String),
    /// Why there is none that we can use.
    None(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<serde_json::Value>,
}

impl Registry {
    /// Asks for a schema once. An error may pass.
    pub async fn schema(&self, id: u32) -> Result<Answer, String> {
        let address = format!("{}/schemas/ids/{id}", self.url);
        let mut request = self.client.get(&address).header("Accept", "application/vnd.schemaregistry.v1+json");
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, password.as_ref());
        }
        let answer = request.send().await.map_err(|error| crate::tabular::in_full(&error))?;
        let status = answer.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(Answer::None(format!("the registry has no schema {id}")));
        }
        if !status.is_success() {
            return Err(format!("the registry answers {status} to {address}"));
        }
        let found: Found = answer.json().await.map_err(|error| crate::tabular::in_full(&error))?;
        let kind = found.schema_type.as_deref().unwrap_or("AVRO");
        Ok(if kind != "AVRO" {
            Answer::None(format!("schema {id} is {kind} and not Avro"))
        } else if !found.references.is_empty() {
            Answer::None(format!("schema {id} refers to other schemas, which is not supported; register it whole"))
        } else {
            Answer::Schema(found.schema)
        })
    }
}
