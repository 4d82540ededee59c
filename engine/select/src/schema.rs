//! The columns of a selection.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use haechi_model::stream::{Column, Kind, column};

/// What a selection says, column by column.
const COLUMNS: &[Column] = &[
    column("subject_id", Kind::Id, "declaration, consignment or traveller").key(),
    column("version", Kind::I32, "state of the subject").key(),
    column("stream", Kind::Code, "`declaration` `consignment` `traveller`"),
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

/// The Arrow schema of selections.
pub fn selection_schema() -> SchemaRef {
    Arc::new(Schema::new(COLUMNS.iter().map(Column::field).collect::<Vec<_>>()))
}
