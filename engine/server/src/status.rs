//! How the service is, for `haechi inspect` and `/v1/status`.

use haechi_store::{Position, QuarantineCount, QuarantineState, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Dead letters are counted up to here.
const COUNTED_MAX: usize = 10_000;

/// How it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Whether a service runs; otherwise this is what its store says.
    pub running: bool,
    /// What keeps it from taking records; nothing where it is ready.
    pub not_ready: Vec<String>,
    /// The last position committed.
    pub position: Position,
    /// Rows that wait to be decided on.
    pub waiting_rows: u64,
    /// The rules in force.
    pub release: Option<ReleaseStatus>,
    /// Where records come from.
    pub sources: Vec<SourceStatus>,
    /// Where selections go.
    pub sinks: Vec<SinkStatus>,
    /// Units set aside by code and state.
    pub quarantine: Vec<QuarantineCount>,
    /// More units waiting than this are too many.
    pub alert_above: Option<u64>,
    /// Each keyspace of the store.
    pub keyspaces: Vec<KeyspaceStatus>,
    /// Bytes of the write-ahead log.
    pub log_bytes: u64,
}

/// Rules in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    /// Hash of all their files.
    pub hash: String,
    /// What their author calls them.
    pub revision: Option<String>,
    /// Since which position; `None` where nothing was decided by them yet.
    pub from: Option<Position>,
    /// Streams, and the hash of the ruleset of each.
    pub rulesets: Vec<(String, String)>,
    /// Why what the files say now is not in force.
    pub refused: Option<String>,
}

/// A source that runs, or has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Why it has ended, where it should not have.
    pub failed: Option<String>,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// Why it does not run.
    pub failed: Option<String>,
    /// What it reads, and how far it is.
    pub stands: Vec<(String, String)>,
}

/// How far a sink is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// The position up to which it has everything.
    pub delivered: Position,
    /// Positions it is behind.
    pub lag: Position,
    /// Selections it has refused, up to ten thousand.
    pub dead_letters: usize,
}

/// Size of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyspaceStatus {
    /// Its name.
    pub keyspace: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Values, about.
    pub values: u64,
}

impl Status {
    /// What a store says of the sources and sinks of these names.
    pub fn of(store: &Store, sources: &[SourceState], sinks: &[String]) -> Result<Self, StoreError> {
        let position = store.next_position().saturating_sub(1);
        let release = store.release_at(store.next_position())?.map(|(from, release)| ReleaseStatus {
            hash: hex(&release.hash),
            revision: release.revision,
            from: Some(from),
            rulesets: release.rulesets.iter().map(|(stream, hash)| (stream.clone(), hex(hash))).collect(),
            refused: None,
        });
        let source = |state: &SourceState| {
            let stands = store.stands(&format!("{}/", state.name))?;
            Ok(SourceStatus { name: state.name.clone(), failed: state.failed.clone(), stands })
        };
        let sink = |name: &String| {
            let delivered = store.cursor(name)?.unwrap_or_default();
            let dead_letters = store.dead_letters(name, 0, COUNTED_MAX)?.len();
            Ok(SinkStatus { name: name.clone(), delivered, lag: position.saturating_sub(delivered), dead_letters })
        };
        let sizes = store.sizes()?;
        let size = |size: haechi_store::KeyspaceSize| KeyspaceStatus {
            keyspace: size.keyspace.to_owned(),
            bytes: size.bytes,
            values: size.values,
        };
        Ok(Self {
            position,
            release,
            sources: sources.iter().map(source).collect::<Result<_, StoreError>>()?,
            sinks: sinks.iter().map(sink).collect::<Result<_, StoreError>>()?,
            quarantine: store.quarantine_counts()?,
            keyspaces: sizes.keyspaces.into_iter().map(size).collect(),
            log_bytes: sizes.log_bytes,
            ..Self::default()
        })
    }

    /// Units that wait in quarantine.
    pub fn waiting_units(&self) -> u64 {
        waiting(&self.quarantine)
    }
}

/// Units that wait.
pub fn waiting(counts: &[QuarantineCount]) -> u64 {
    counts.iter().filter(|count| count.state == QuarantineState::Waiting).map(|count| count.units).sum()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
