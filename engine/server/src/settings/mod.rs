//! Settings: one TOML file, of which [`default_toml`] is the whole with every default, and what the environment puts
//! over it. What is wrong is refused at once, with its place and what to do.
#![allow(clippy::ref_option_ref, reason = "what serde derives takes each field by reference")]

mod connector;
mod overrides;
mod read;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use haechi_archive::ArchiveSettings;
use haechi_connectors::answers::AnswerSettings;
use haechi_connectors::{SETTINGS_EXAMPLES, SinkSettings, SourceSettings};
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_pipeline::release::{ReleaseContext, RuleSource};
use haechi_pipeline::stream::EngineOptions;
use haechi_select::{Secret, SecretError};
use haechi_store::StoreOptions;
use serde::{Deserialize, Serialize};

pub use connector::Connector;
pub use read::SettingsError;

/// Every setting of the service itself.
const DEFAULT_TOML: &str = include_str!("default.toml");
/// The variable that has the secret.
pub const SECRET_VARIABLE: &str = "HAECHI_SECRET";

/// Every setting with its default and what it is for; sources and sinks, of which there are none, as examples.
pub fn default_toml() -> String {
    format!("{DEFAULT_TOML}\n{SETTINGS_EXAMPLES}")
}

/// All settings of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long a stop waits for requests and sinks, all together.
    pub stop_secs: u64,
    /// The store.
    pub store: StoreSettings,
    /// How much is worked on at once.
    pub engine: EngineSettings,
    /// Where rules come from.
    pub rules: RuleSettings,
    /// The HTTP API.
    pub http: HttpSettings,
    /// How messages are answered.
    pub answers: AnswerSettings,
    /// When to raise the alarm about what was set aside.
    pub quarantine: QuarantineSettings,
    /// Parquet by day.
    pub archive: ArchiveSettings,
    /// Decisions taken again.
    pub replay: ReplaySettings,
    /// Logs and spans.
    pub telemetry: TelemetrySettings,
    /// Where records come from besides HTTP.
    pub source: Vec<Connector<SourceSettings>>,
    /// Where selections go.
    pub sink: Vec<Connector<SinkSettings>>,
}

/// What stands under `[store]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// The folder.
    pub path: PathBuf,
    /// See [`StoreOptions::cache_bytes`].
    pub cache_bytes: u64,
    /// See [`StoreOptions::log_bytes_max`].
    pub log_bytes_max: u64,
    /// See [`StoreOptions::write_buffer_bytes`].
    pub write_buffer_bytes: u64,
    /// See [`StoreOptions::threads`].
    pub threads: usize,
}

/// What stands under `[engine]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// See [`EngineOptions::block_rows`].
    pub block_rows: usize,
    /// See [`EngineOptions::waiting_rows`].
    pub waiting_rows: usize,
    /// See [`EngineOptions::features_behind`].
    pub features_behind: u64,
    /// Zone of wall times without one, and of the office's hours.
    #[serde(with = "read::zone")]
    pub zone: Tz,
}

/// What stands under `[rules]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// Rule packs or rule files.
    pub paths: Vec<PathBuf>,
    /// Whether only commits count.
    pub committed_only: bool,
    /// Pause between two looks, in milliseconds.
    pub poll_ms: u64,
    /// Stream of rules that name none.
    #[serde(with = "read::stream")]
    pub default_stream: Option<&'static Stream>,
    /// File with the secret.
    pub secret_file: Option<PathBuf>,
}

/// What stands under `[http]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Bytes of a body, packed and unpacked.
    pub body_bytes_max: usize,
    /// Requests with records worked on at once.
    pub requests_max: usize,
    /// Connections at once.
    pub connections_max: usize,
    /// How long a request may take to arrive, and to be answered, in seconds.
    pub timeout_secs: u64,
    /// Listeners to selections at once.
    pub listeners_max: usize,
    /// Pause between two signs of life to a listener, in seconds.
    pub heartbeat_secs: u64,
}

/// What stands under `[quarantine]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarantineSettings {
    /// More units waiting than this are warned of.
    pub alert_above: u64,
}

/// What stands under `[replay]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplaySettings {
    /// Share of journal entries that are decided again, 0 to 1.
    pub share: f64,
}

/// What stands under `[telemetry]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Filter of log lines and spans.
    pub log: String,
    /// How log lines are written.
    pub format: LogFormat,
    /// Where spans go.
    pub otlp_endpoint: Option<String>,
    /// Name in spans.
    pub service_name: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stop_secs: 10,
            store: StoreSettings::default(),
            engine: EngineSettings::default(),
            rules: RuleSettings::default(),
            http: HttpSettings::default(),
            answers: AnswerSettings::default(),
            quarantine: QuarantineSettings::default(),
            archive: ArchiveSettings::default(),
            replay: ReplaySettings::default(),
            telemetry: TelemetrySettings::default(),
            source: Vec::new(),
            sink: Vec::new(),
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        let StoreOptions { cache_bytes, log_bytes_max, write_buffer_bytes, threads } = StoreOptions::default();
        Self { path: "haechi-data".into(), cache_bytes, log_bytes_max, write_buffer_bytes, threads }
    }
}

impl StoreSettings {
    /// As the store takes them.
    pub fn options(&self) -> StoreOptions {
        let Self { path: _, cache_bytes, log_bytes_max, write_buffer_bytes, threads } = *self;
        StoreOptions { cache_bytes, log_bytes_max, write_buffer_bytes, threads }
    }
}

impl Default for EngineSettings {
    fn default() -> Self {
        let EngineOptions { block_rows, waiting_rows, features_behind } = EngineOptions::default();
        Self { block_rows, waiting_rows, features_behind, zone: Tz::UTC }
    }
}

impl EngineSettings {
    /// As the engine takes them.
    pub fn options(&self) -> EngineOptions {
        let Self { block_rows, waiting_rows, features_behind, zone: _ } = *self;
        EngineOptions { block_rows, waiting_rows, features_behind }
    }
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self { paths: Vec::new(), committed_only: false, poll_ms: 1_000, default_stream: None, secret_file: None }
    }
}

impl Settings {
    /// What decisions depend on besides rules.
    pub fn release_context(&self, secret: Secret) -> ReleaseContext {
        let (zone, default_stream) = (self.engine.zone, self.rules.default_stream);
        ReleaseContext { secret, zone, default_stream, options: Options::default() }
    }
}

impl RuleSettings {
    /// As whoever watches rules takes them.
    pub fn source(&self) -> RuleSource {
        let Self { paths, committed_only, poll_ms, .. } = self;
        RuleSource { paths: paths.clone(), committed_only: *committed_only, poll: Duration::from_millis(*poll_ms) }
    }

    /// The secret: of the file that is named, else of the variable, whose value is `variable`.
    pub fn secret(&self, variable: Option<&str>) -> Result<Secret, SettingsError> {
        let mistake = |at: &str, reason: String| SettingsError::Mistake { at: at.to_owned(), reason };
        if let Some(path) = &self.secret_file {
            let told = |reason: String| mistake("[rules] secret_file", format!("`{}`: {reason}", path.display()));
            let hex = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
            return Secret::from_hex(&hex).map_err(|error: SecretError| told(error.to_string()));
        }
        let Some(hex) = variable else {
            let reason = format!(
                "no secret: set {SECRET_VARIABLE}, or `secret_file` under [rules]; `openssl rand -hex 32` makes one"
            );
            return Err(mistake(SECRET_VARIABLE, reason));
        };
        Secret::from_hex(hex).map_err(|error| mistake(SECRET_VARIABLE, error.to_string()))
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_bytes_max: 32 << 20,
            requests_max: 1_024,
            connections_max: 10_000,
            timeout_secs: 30,
            listeners_max: 1_000,
            heartbeat_secs: 15,
        }
    }
}

impl HttpSettings {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_secs)
    }
}

impl Default for QuarantineSettings {
    fn default() -> Self {
        Self { alert_above: 1_000 }
    }
}

impl Default for ReplaySettings {
    fn default() -> Self {
        Self { share: 0.001 }
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log: "info".into(), format: LogFormat::Text, otlp_endpoint: None, service_name: "haechi".into() }
    }
}
