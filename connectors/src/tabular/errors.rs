//! Why an input is refused when it is opened, or breaks off while it is read.

use std::io;

use arrow::error::ArrowError;

use super::csv::HeaderError;
use super::plan::PlanError;
use crate::recognise::Unrecognised;
use crate::sources::FileError;

/// Why a reader was not opened. Nothing has been read then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No input was named.
    #[error("no input; name files or patterns such as `day/*.csv`")]
    NoInput,
    /// A file is not there or cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file breaks off at its very beginning.
    #[error("{file}: cannot be read")]
    Unreadable {
        /// As named.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file is of no format we read.
    #[error("{file}: {reason}")]
    Unrecognised {
        /// As named.
        file: String,
        /// What it seems to be.
        reason: Unrecognised,
    },
    /// The header line of a CSV file does not do.
    #[error("{file}: {reason}")]
    Header {
        /// As named.
        file: String,
        /// Why.
        reason: HeaderError,
    },
    /// The columns of a file do not do.
    #[error("{file}: {reason}")]
    Columns {
        /// As named.
        file: String,
        /// Why.
        reason: PlanError,
    },
    /// A Parquet or Arrow file is damaged, or wrapped where it must not be.
    #[error("{file}: {reason}")]
    Columnar {
        /// As named.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A message file has no rows of the stream.
    #[error("{file}: a {format} message has no {stream} rows")]
    OtherStream {
        /// As named.
        file: String,
        /// Of the message.
        format: &'static str,
        /// Asked for.
        stream: &'static str,
    },
    /// The mapping is for rows of another stream.
    #[error("the mapping makes {mapping} rows, not {stream} rows")]
    OtherMapping {
        /// Of the mapping.
        mapping: &'static str,
        /// Asked for.
        stream: &'static str,
    },
    /// A column asked for does not exist.
    #[error("stream {stream} has no column `{column}`, nearest is `{nearest}`")]
    UnknownColumn {
        /// Asked.
        stream: &'static str,
        /// Asked for.
        column: String,
        /// The most similar name.
        nearest: &'static str,
    },
}

impl OpenError {
    /// Stable reason code of an input that is set aside whole.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoInput | Self::File(_) | Self::Unreadable { .. } => "unreadable",
            Self::Unrecognised { .. } => "unrecognised",
            Self::Header { .. } => "bad_header",
            Self::Columns { .. } => "missing_column",
            Self::Columnar { .. } => "damaged",
            Self::OtherStream { .. } | Self::OtherMapping { .. } => "other_stream",
            Self::UnknownColumn { .. } => "unknown_column",
        }
    }

    /// What the system said, where it would not let the input be read: that may pass.
    pub fn system(&self) -> Option<&io::Error> {
        let source = match self {
            Self::File(FileError::Unreadable { source, .. }) | Self::Unreadable { source, .. } => source,
            Self::Header { reason: HeaderError::Io(source), .. } => source,
            _ => return None,
        };
        source.raw_os_error().map(|_| source)
    }
}

impl ReadError {
    /// Stable reason code of an input whose rest is set aside.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::FileTooLarge => "too_large",
            Self::Io { .. } | Self::Columnar { .. } | Self::Batch(_) => "damaged",
            Self::Changed { .. } => "changed",
        }
    }

    /// What the system said, where it would not let the input be read on: that may pass.
    pub fn system(&self) -> Option<&io::Error> {
        let (Self::Io { source, .. } | Self::Columnar { source: ArrowError::IoError(_, source), .. }) = self else {
            return None;
        };
        source.raw_os_error().map(|_| source)
    }
}

/// An error and what caused it, in one line.
pub fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Why reading a file stopped before its end. Rows before that are good, and the next file can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file or its compression breaks off, or the disk fails.
    #[error("{file}: cannot be read to its end")]
    Io {
        /// As named.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// A Parquet or Arrow file is damaged.
    #[error("{file}: is damaged")]
    Columnar {
        /// As named.
        file: String,
        /// What the format says.
        source: ArrowError,
    },
    /// The file is not the one that was opened.
    #[error("{file}: was changed while it was read")]
    Changed {
        /// As named.
        file: String,
    },
    /// Batches could not be put together.
    #[error("rows cannot be put into one batch")]
    Batch(#[from] ArrowError),
}
