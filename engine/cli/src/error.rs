//! What makes a command fail, and the exit code it ends with.

use std::io;
use std::path::PathBuf;

use haechi_connectors::mapping::MappingError;
use haechi_connectors::sources::FileError;
use haechi_evaluate::EvaluateError;
use haechi_pipeline::replay::ReplayError;
use haechi_pipeline::{CountError, DecideError, ReadFailure, RunError};
use haechi_select::SecretError;
use haechi_server::quarantine::QuarantineError;
use haechi_server::{ServiceError, SettingsError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// Rule packs have errors. People have been shown them; programs get them as JSON.
    #[error("the rules have errors; nothing was run")]
    Rules(Vec<serde_json::Value>),
    /// A mapping file has mistakes.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The secret for random draws cannot be used.
    #[error("HAECHI_SECRET: {0}")]
    Secret(#[from] SecretError),
    /// Running failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Counting failed.
    #[error(transparent)]
    Count(#[from] CountError),
    /// Rules or policy cannot decide.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// Evaluating failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The archive could not be used, or a query not be answered.
    #[error(transparent)]
    Archive(#[from] haechi_archive::ArchiveError),
    /// Settings of the service are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The service cannot run.
    #[error(transparent)]
    Service(Box<ServiceError>),
    /// Nothing can be logged.
    #[error(transparent)]
    Telemetry(#[from] haechi_server::TelemetryError),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] haechi_store::StoreError),
    /// What was decided cannot be decided again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A unit of the quarantine stays as it is.
    #[error(transparent)]
    Quarantine(#[from] QuarantineError),
    /// The service said no.
    #[error("{detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        detail: String,
    },
    /// The service does not answer.
    #[error("{url}: no service answers there: {reason}")]
    Away {
        /// Where.
        url: String,
        /// What happened.
        reason: String,
    },
    /// A data set could not be written.
    #[error(transparent)]
    Dataset(#[from] haechi_datasets::WriteError),
    /// An input is not there.
    #[error(transparent)]
    Input(#[from] FileError),
    /// A file could not be used.
    #[error("cannot use `{}`: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Printing failed, usually because nobody reads any more.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    /// Ours to mend.
    #[error("{0}; this is a bug, please report it")]
    Bug(String),
}

impl CommandError {
    /// The exit code, as `--help` documents it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Rules(_) => 1,
            Self::Mapping(MappingError::Unreadable { .. }) => 3,
            Self::Usage(_) | Self::Mapping(_) | Self::Secret(_) => 2,
            Self::Replay(ReplayError::UnknownRule { .. } | ReplayError::AnotherSecret(_)) => 2,
            Self::Replay(ReplayError::NoVersion { .. }) => 1,
            Self::Decide(error) | Self::Run(RunError::Decide(error)) => match error {
                DecideError::NoRules(_) | DecideError::NoLanes(_) | DecideError::Selector(_) => 2,
                DecideError::Subject(_) => 3,
                _ => 4,
            },
            Self::Run(RunError::WriterDied | RunError::Read(ReadFailure::Died)) => 4,
            Self::Count(CountError::Evaluate(_) | CountError::Arrow(_) | CountError::Read(ReadFailure::Died)) => 4,
            Self::Dataset(haechi_datasets::WriteError::Spec(_)) => 2,
            Self::Archive(error) if error.is_wrongly_asked() => 2,
            Self::Settings(SettingsError::Mistake { .. }) | Self::Telemetry(_) => 2,
            Self::Service(error) => match &**error {
                ServiceError::Rules(_) => 1,
                ServiceError::Settings(SettingsError::Mistake { .. })
                | ServiceError::Source(_)
                | ServiceError::Sink(_)
                | ServiceError::Archive(_) => 2,
                ServiceError::Failed | ServiceError::Ended(_) => 4,
                _ => 3,
            },
            Self::Refused { status: 400..=499, .. } => 1,
            Self::Quarantine(QuarantineError::Failed) => 4,
            Self::Quarantine(QuarantineError::Store(_)) => 3,
            Self::Quarantine(_) => 1,
            Self::Bug(_) | Self::Evaluate(_) => 4,
            _ => 3,
        }
    }

    /// What went wrong and why: the error and its causes, each said once.
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            cause = error.source();
        }
        text
    }
}
