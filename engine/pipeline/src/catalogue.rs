//! The features that packs declare, what they cost, and which rules ask for them.

use haechi_model::derive::DeriveContext;
use haechi_profile::AboutEntity;
use haechi_rules::Ruleset;
use haechi_select::Secret;
use serde::{Deserialize, Serialize};

use crate::decide::DecideError;
use crate::memory::MemoryPlan;
use crate::packs::Packs;
use crate::release::Release;

/// One feature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CatalogueFeature {
    /// `entity.feature`, as rules write it.
    pub name: String,
    /// What it says, in a line; may be empty.
    pub title: String,
    /// The stream it is made of.
    pub stream: String,
    /// How it is made.
    pub made: String,
    /// Features of the same entity that look at the same values in the same tiles: they cost nothing more.
    pub shares_with: Vec<String>,
    /// Tiles that are kept of each entity at most; 1 where it is for all time, none where they are instants.
    pub tiles: Option<i64>,
    /// The rules that ask for it.
    pub rules: Vec<String>,
}

/// An entity with its features.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CatalogueEntity {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// By stream: how its records say whom they mean.
    pub keys: Vec<(String, String)>,
    /// In the order of their declaration.
    pub features: Vec<CatalogueFeature>,
}

/// What packs declare.
pub fn catalogue(packs: &Packs) -> Result<Vec<CatalogueEntity>, DecideError> {
    let plan = MemoryPlan::new(packs, &Secret::demo(), DeriveContext::default())?;
    let rulesets: Vec<&Ruleset> = packs.rulesets.iter().collect();
    Ok(plan.profiles().about().iter().map(|about| entity(about, &rulesets)).collect())
}

impl Release {
    /// As [`catalogue`], of what is in force.
    pub fn catalogue(&self) -> Vec<CatalogueEntity> {
        let rulesets: Vec<&Ruleset> =
            self.streams().filter_map(|stream| self.decider(stream)).map(|decider| &*decider.ruleset).collect();
        self.memory.profiles().about().iter().map(|about| entity(about, &rulesets)).collect()
    }
}

fn entity(about: &AboutEntity, rulesets: &[&Ruleset]) -> CatalogueEntity {
    let features = about.features.iter().map(|feature| {
        let name = format!("{}.{}", about.name, feature.name);
        let same = about.features.iter().filter(|other| other.series == feature.series && other.name != feature.name);
        let rules = rulesets.iter().flat_map(|ruleset| &ruleset.rules).filter(|rule| names(&rule.when.text, &name));
        CatalogueFeature {
            title: feature.title.clone(),
            stream: feature.stream.to_owned(),
            made: feature.made.clone(),
            shares_with: same.map(|other| other.name.clone()).collect(),
            tiles: feature.tiles,
            rules: rules.map(|rule| rule.id.clone()).collect(),
            name,
        }
    });
    CatalogueEntity {
        name: about.name.clone(),
        title: about.title.clone(),
        owner: about.owner.clone(),
        keys: about.keys.iter().map(|(stream, key)| ((*stream).to_owned(), key.clone())).collect(),
        features: features.collect(),
    }
}

/// Whether a condition names a feature, and not one whose name only begins or ends like it.
fn names(condition: &str, feature: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    condition.match_indices(feature).any(|(at, _)| {
        let (before, after) = (&condition[..at], &condition[at + feature.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_names_whole_features() {
        assert!(names("importer.declarations_90d > 3", "importer.declarations_90d"));
        assert!(names("(1 + importer.declarations_9)", "importer.declarations_9"));
        assert!(!names("importer.declarations_90d > 3", "importer.declarations_9"));
        assert!(!names("new_importer.declarations_90d > 3", "importer.declarations_90d"));
    }
}
