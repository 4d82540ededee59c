//! What makes a command fail, and the exit code it ends with.

use std::io;
use std::path::PathBuf;

use haechi_connectors::mapping::MappingError;
use haechi_evaluate::EvaluateError;
use haechi_pipeline::{CountError, DecideError, RunError};
use haechi_select::SecretError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line asks for something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// Rule packs have errors, which have been shown.
    #[error("the rules have errors; nothing was run")]
    Rules,
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
    /// A data set could not be written.
    #[error(transparent)]
    Dataset(#[from] haechi_datasets::WriteError),
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
            Self::Rules => 1,
            Self::Usage(_) | Self::Mapping(_) | Self::Secret(_) => 2,
            Self::Bug(_) | Self::Evaluate(_) => 4,
            _ => 3,
        }
    }
}
