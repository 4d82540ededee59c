//! Rules in force, with all their files, by the position they are in force from.

use serde::{Deserialize, Serialize};

use crate::Position;

/// What a decision depended on besides the rows: every file, as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Hash of all files, by which two releases are the same.
    pub hash: [u8; 32],
    /// Relative paths and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Streams and the hash of the ruleset each has in this release.
    pub rulesets: Vec<(String, [u8; 32])>,
    /// What the author calls it: a commit of version control.
    pub revision: Option<String>,
}

/// A release without the contents of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSummary {
    /// In force from here on.
    pub from: Position,
    /// Hash of all files.
    pub hash: [u8; 32],
    /// Relative paths.
    pub files: Vec<String>,
    /// Streams and the hash of the ruleset each has.
    pub rulesets: Vec<(String, [u8; 32])>,
    /// What the author calls it.
    pub revision: Option<String>,
}
