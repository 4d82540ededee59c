//! Features over time, as a pack declares them: who they are about, what is counted, and over which window.
//!
//! [`read`] takes them from `profiles/*.yaml`, with the same care for mistakes as rules; [`mod@compile`] turns their
//! expressions into programs over the streams that feed them. What a feature says at a moment is computed elsewhere.

mod aggregate;
mod compile;
mod key;
mod network;
mod read;
mod tests_of;
mod window;

use std::collections::BTreeMap;

use haechi_model::Stream;

use crate::diagnostic::Span;
use crate::rule::{GivenValue, SqlText};

pub use aggregate::Aggregate;
pub use compile::{FeatureInputs, Feed, LinkInput, Profiles, compile};
pub(crate) use compile::{columns, definition};
pub use key::{EntityKey, KeyInput, ListColumn};
pub use network::{Link, Network};
pub(crate) use read::read_file;
pub use window::{Calendar, Window};

/// An entity and what is known of each: an importer, a route, a traveller.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Name of the entity; features are written `entity.feature`.
    pub entity: String,
    /// Where the name stands.
    pub at: Span,
    /// What it is, in a line.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What tells one from another, by stream.
    pub keys: Vec<EntityKey>,
    /// Days after the last record about one of them after which nothing is known of it any more. Entities that are
    /// people have it.
    pub retention_days: Option<u32>,
    /// What joins several of them: features look at all that are joined then.
    pub network: Option<Network>,
    /// What is known.
    pub features: Vec<Feature>,
    /// Records, and what the last of them sees.
    pub tests: Vec<ProfileTest>,
}

/// One feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Name, without the entity.
    pub name: String,
    /// Where it stands.
    pub at: Span,
    /// What it says, in a line.
    pub title: String,
    /// The stream whose records it is made of.
    pub stream: &'static Stream,
    /// How.
    pub aggregate: Aggregate,
    /// The share of a quantile, 0 to 1.
    pub quantile: f64,
    /// What is aggregated; a condition for a share; nothing for a count of records.
    pub of: Option<SqlText>,
    /// Only records for which this holds.
    pub filter: Option<SqlText>,
    /// Over which time.
    pub window: Window,
    /// Each record once, or each of its items.
    pub each: Each,
    /// For a share: what it is drawn towards while little is known.
    pub shrink: Option<Shrink>,
}

/// What counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Each {
    /// A declaration, whatever its items.
    Record,
    /// An item of it.
    Item,
}

/// A share drawn towards that of a larger group, as if `weight` records of the group stood beside its own.
#[derive(Clone, Debug)]
pub struct Shrink {
    /// `entity.feature`, itself a share.
    pub toward: String,
    /// Where that stands.
    pub at: Span,
    /// In records.
    pub weight: f64,
}

/// Records in their order, and what the last of them sees.
#[derive(Clone, Debug)]
pub struct ProfileTest {
    /// Where it stands.
    pub at: Span,
    /// Each with its stream.
    pub records: Vec<(&'static Stream, BTreeMap<String, GivenValue>)>,
    /// Features by name, without the entity.
    pub expect: Vec<(String, Span, serde_json::Value)>,
}
