//! The policy of a pack: how points become lanes, and how often chance decides. Data, like the rules.
//!
//! ```yaml
//! stream: declaration
//! scores:
//!   - {at_least: 40, lane: documents}
//! random:
//!   - {stratum: baseline, rate: 0.005, lane: documents}
//!   - {stratum: express, when: "transport_mode = 'express'", rate: 0.01, lane: scan}
//! ```
//!
//! The conditions of strata stay text here; the caller compiles them with the rules and says which one holds.
//! Of the strata with a condition the first that holds decides; the one without is for everyone else, wherever
//! in the list it stands.

mod problem;
mod read;
mod yaml;

use haechi_model::{Lane, SubjectKind};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use problem::{PolicyErrors, PolicyMistake, Problem};

/// How hits become lanes, for one kind of subject. Made by [`Policy::parse`] or [`Policy::none`].
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    kind: SubjectKind,
    thresholds: Vec<Threshold>,
    strata: Vec<Stratum>,
}

/// So many points ask for this lane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// Points; more than zero, so that a subject without hits reaches none.
    pub at_least: f64,
    /// The lane they ask for.
    pub lane: Lane,
}

/// A part of the subjects, and how often the random arm takes one of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stratum {
    /// Its name, part of what is drawn from.
    #[serde(rename = "stratum")]
    pub name: String,
    /// Its condition in the rule language; none for everyone else.
    pub when: Option<String>,
    /// Line and column, from 1, at which the condition begins in the policy file.
    #[serde(skip)]
    pub when_at: Option<(usize, usize)>,
    /// Part of its subjects to take, 0 to 1.
    pub rate: f64,
    /// Lane that a taken subject gets at least.
    pub lane: Lane,
}

impl Policy {
    /// The policy of a pack without one: scores ask for nothing, chance takes nobody.
    pub fn none(kind: SubjectKind) -> Self {
        Self { kind, thresholds: Vec::new(), strata: Vec::new() }
    }

    /// Reads `policy.yaml`. `file` is how messages call it; `pack_kind` is what the pack is about, which then need
    /// not be repeated. Every mistake is reported, with line and column.
    pub fn parse(file: &str, text: &str, pack_kind: Option<SubjectKind>) -> Result<Self, PolicyErrors> {
        read::policy(text, pack_kind).map_err(|mistakes| PolicyErrors { file: file.to_owned(), mistakes })
    }

    /// What it decides about.
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// Thresholds by rising points, each stricter than the one before.
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// Strata in the order of the file. A subject's stratum is an index into these.
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// The stratum without a condition, if there is one.
    pub fn fallback(&self) -> Option<usize> {
        self.strata.iter().position(|s| s.when.is_none())
    }

    /// The stratum of a subject: the first whose condition holds, else the one without.
    pub fn stratum_where(&self, mut holds: impl FnMut(usize, &str) -> bool) -> Option<usize> {
        let conditions = self.strata.iter().enumerate().filter_map(|(i, s)| Some((i, s.when.as_deref()?)));
        conditions.into_iter().find(|(i, when)| holds(*i, when)).map(|(i, _)| i).or_else(|| self.fallback())
    }

    /// The policy in one agreed spelling: equal for policies that decide alike, whatever their layout and comments.
    pub fn canonical(&self) -> String {
        #[derive(Serialize)]
        struct Canonical<'a> {
            stream: &'static str,
            scores: &'a [Threshold],
            random: &'a [Stratum],
        }
        let canonical = Canonical { stream: self.kind.stream(), scores: &self.thresholds, random: &self.strata };
        serde_json::to_string(&canonical).expect("names, texts and finite numbers are JSON")
    }

    /// SHA-256 of the canonical policy and of the name of the key it draws with: together with the ruleset and the
    /// subject it determines the selection.
    pub(crate) fn hash(&self, key_id: &str) -> [u8; 32] {
        Sha256::new().chain_update(self.canonical()).chain_update("\n").chain_update(key_id).finalize().into()
    }
}

#[cfg(test)]
mod tests;
