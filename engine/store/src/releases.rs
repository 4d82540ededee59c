//! Rules in force, with all their files, by the position they are in force from. A file is kept once, by its hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::database::{Put, Table, View, json_value, key_position, position_key};
use crate::{Position, StoreError, envelope};

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
    /// Relative paths, and the hash of what is in each file.
    pub files: Vec<(String, [u8; 32])>,
    /// Streams and the hash of the ruleset each has.
    pub rulesets: Vec<(String, [u8; 32])>,
    /// What the author calls it.
    pub revision: Option<String>,
}

/// The release without its files.
pub(crate) fn put(from: Position, release: &Release) -> Result<Put, StoreError> {
    let summary = ReleaseSummary {
        from,
        hash: release.hash,
        files: release.files.iter().map(|(path, content)| (path.clone(), hash(content))).collect(),
        rulesets: release.rulesets.clone(),
        revision: release.revision.clone(),
    };
    Ok(Put::new(Table::Releases, position_key(from), json_value(&summary)?))
}

/// Its files.
pub(crate) fn files(release: &Release) -> Vec<Put> {
    let files = release.files.iter();
    files.map(|(_, content)| Put::new(Table::Files, hash(content), envelope::seal(&[], content))).collect()
}

/// The release in force at a position, with its files.
pub(crate) fn at(view: &View<'_>, position: Position) -> Result<Option<(Position, Release)>, StoreError> {
    let Some(summary) = summary_at(view, position)? else { return Ok(None) };
    let files = summary.files.into_iter().map(|(path, hash)| Ok((path, content(view, &hash)?)));
    let release = Release {
        hash: summary.hash,
        files: files.collect::<Result<_, StoreError>>()?,
        rulesets: summary.rulesets,
        revision: summary.revision,
    };
    Ok(Some((summary.from, release)))
}

/// The release in force at a position.
pub(crate) fn summary_at(view: &View<'_>, position: Position) -> Result<Option<ReleaseSummary>, StoreError> {
    let last = view.last_at(Table::Releases, &position_key(position))?;
    last.map(|(key, value)| read(view, &key, &value)).transpose()
}

/// A release as it stands on disk.
pub(crate) fn read(view: &View<'_>, key: &[u8], value: &[u8]) -> Result<ReleaseSummary, StoreError> {
    let summary: ReleaseSummary = view.json(Table::Releases, key, value)?;
    if key_position(key) == Some(summary.from) {
        Ok(summary)
    } else {
        Err(view.corrupt(Table::Releases, key, format!("it is of position {}", summary.from)))
    }
}

/// A file, checked against the hash it is kept under.
pub(crate) fn content(view: &View<'_>, hash: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
    let Some(value) = view.get(Table::Files, hash)? else {
        return Err(view.corrupt(Table::Files, hash, "a release has this file, and it is missing"));
    };
    check_content(view, hash, &value)
}

/// A file's content as it stands on disk.
pub(crate) fn check_content(view: &View<'_>, key: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let content = view.sealed(Table::Files, key, value, |_, body| Ok(body))?;
    if hash(&content) == key {
        Ok(content)
    } else {
        Err(view.corrupt(Table::Files, key, "its content has another hash"))
    }
}

fn hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}
