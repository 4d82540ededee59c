//! What comes out: hits and selections, and the columns of their files.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use crate::lane::{Lane, SubjectKind};
use crate::stream::{Column, Kind, column};

/// One rule matching one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The subject the row belongs to.
    pub subject_id: String,
    /// State of the subject.
    pub version: i32,
    /// The row within the subject: the item of a declaration; empty where the subject is one row.
    pub row_key: String,
    /// The rule.
    pub rule_id: Arc<str>,
    /// Lane the rule asks for.
    pub lane: Option<Lane>,
    /// Points the rule gives.
    pub score: Option<f64>,
    /// Whether the hit is in the part of hits that the rule's `share` keeps.
    pub share_kept: bool,
    /// What the examining officer sees.
    pub instruction: Option<Arc<str>>,
    /// The values the rule saw, as JSON.
    pub values: Option<String>,
}

/// The lane a subject gets, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Declaration, consignment or traveller.
    pub subject_id: String,
    /// State of the subject.
    pub version: i32,
    /// What kind of subject.
    pub kind: SubjectKind,
    /// Where it goes.
    pub lane: Lane,
    /// What rules asked for, before lowering and chance.
    pub requested_lane: Lane,
    /// Points of the kept rules.
    pub score: f64,
    /// Kept rules that ask for something, strictest first.
    pub reasons: Vec<Arc<str>>,
    /// What the officer reads, in the order of the reasons.
    pub instructions: Vec<Arc<str>>,
    /// Stratum in which the random arm took it.
    pub random_stratum: Option<Arc<str>>,
    /// Trusted-trader rule that lowered it.
    pub lowered_by: Option<Arc<str>>,
    /// Whether a mandatory rule hit it.
    pub mandatory: bool,
    /// Rows of the subject.
    pub rows: i32,
    /// Ruleset that decided.
    pub ruleset_hash: [u8; 32],
    /// Policy and key that decided.
    pub policy_hash: [u8; 32],
    /// When, in ms since 1970 UTC.
    pub decided_at: i64,
}

/// The columns of `hits.parquet`.
pub const HIT_COLUMNS: &[Column] = &[
    column("subject_id", Kind::Id, "declaration, consignment or traveller").key(),
    column("version", Kind::I32, "state of the subject").key(),
    column("row_key", Kind::Text, "item of a declaration; empty where the subject is one row").key(),
    column("rule_id", Kind::Id, "the rule").key(),
    column("lane", Kind::Code, "lane the rule asks for").null(),
    column("score", Kind::F64, "points the rule gives").null(),
    column("share_kept", Kind::Bool, "whether the hit is in the part that the rule's `share` keeps"),
    column("instruction", Kind::Text, "what the examining officer sees").null(),
    column("values", Kind::Text, "the values the rule saw, as JSON").null(),
];

/// The columns of `selections.parquet`.
pub const SELECTION_COLUMNS: &[Column] = &[
    column("subject_id", Kind::Id, "declaration, consignment or traveller").key(),
    column("version", Kind::I32, "state of the subject").key(),
    column("stream", Kind::Code, "what kind of subject").one_of(&["declaration", "consignment", "traveller"]),
    column("lane", Kind::Code, "where the subject goes"),
    column("requested_lane", Kind::Code, "what rules asked for, before lowering and chance"),
    column("score", Kind::F64, "points of the kept rules"),
    column("reasons", Kind::List(&Kind::Id), "kept rules that ask for something, strictest first"),
    column("instructions", Kind::List(&Kind::Text), "what the officer reads, in the order of the reasons"),
    column("random_stratum", Kind::Code, "stratum in which the random arm took it").null(),
    column("lowered_by", Kind::Id, "trusted-trader rule that lowered it").null(),
    column("mandatory", Kind::Bool, "whether a mandatory rule hit it"),
    column("rows", Kind::I32, "rows of the subject"),
    column("ruleset_hash", Kind::Hash, "ruleset that decided"),
    column("policy_hash", Kind::Hash, "policy and key that decided"),
    column("decided_at", Kind::Ts, "when"),
];

/// The columns of a selection that is published: where it stands in the journal, then what was selected.
pub const POSITION: Column =
    column("position", Kind::I64, "where the subject's first row stands in the journal: names the selection for ever")
        .key();

/// The Arrow schema of selections that are published: [`POSITION`], then [`SELECTION_COLUMNS`].
pub fn published_schema() -> SchemaRef {
    let columns = std::iter::once(&POSITION).chain(SELECTION_COLUMNS);
    Arc::new(Schema::new(columns.map(Column::field).collect::<Vec<_>>()))
}

/// The Arrow schema of hits.
pub fn hit_schema() -> SchemaRef {
    schema(HIT_COLUMNS)
}

/// The Arrow schema of selections.
pub fn selection_schema() -> SchemaRef {
    schema(SELECTION_COLUMNS)
}

fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_names_the_state_of_the_subject_it_was_found_in() {
        for schema in [hit_schema(), selection_schema()] {
            let first: Vec<_> = schema.fields().iter().take(2).map(|f| f.name().as_str()).collect();
            assert_eq!(first, ["subject_id", "version"]);
        }
        let keys: Vec<_> = HIT_COLUMNS.iter().filter(|c| c.key).map(|c| c.name).collect();
        assert_eq!(keys, ["subject_id", "version", "row_key", "rule_id"]);
    }
}
