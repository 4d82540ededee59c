//! What is known of an entity, as it is told: features, how they were on the days before, the last records.

use haechi_pipeline::stream::{EntityStanding, ReachesBack, RecentRecord};
use haechi_pipeline::{CatalogueEntity, Portrait};
use serde::{Deserialize, Serialize};

/// Days that are told, unless asked for others.
pub const DAYS: u16 = 28;
/// Days that may be asked for: features keep no more beyond their windows.
pub const DAYS_MAX: u16 = 31;

/// Whom is asked about. It comes in a body: addresses end up in logs, and a key may be a passport's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedProfile {
    /// The kind of entity.
    pub entity: String,
    /// Which one.
    pub key: String,
    /// How many days back.
    #[serde(default)]
    pub days: Option<u16>,
    /// As of which instant, in ms since 1970 UTC; now, if none is given.
    #[serde(default)]
    pub at_ms: Option<i64>,
}

/// What is known of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// Its features.
    #[serde(flatten)]
    pub portrait: Portrait,
    /// The last records about it, newest first.
    pub recent: Vec<RecentRecord>,
    /// The instant it is told for, in ms since 1970 UTC.
    pub at_ms: i64,
}

/// What rules may ask for, and how it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Features {
    /// What packs declare.
    pub entities: Vec<CatalogueEntity>,
    /// How each entity stands in the service.
    pub standing: Vec<EntityStanding>,
    /// Where the journal begins, where earlier days were archived and forgotten: a fact about a subject of those days is
    /// not joined to it any more.
    #[serde(default)]
    pub forgotten_before: Option<ReachesBack>,
}
