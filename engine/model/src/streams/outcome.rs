//! `outcome`: what officers found. A correction is a new version of the key.

use super::{Column, Kind, Stream, column};
use crate::stream::Personal::{Name, Sensitive};

/// Inspection outcomes.
pub static OUTCOME: Stream = Stream {
    name: "outcome",
    row: "what one inspection found, for the whole, an item or a hit",
    columns: COLUMNS,
    subject_key: "outcome_id",
    together: None,
    event_time: "inspected_at",
    lanes: None,
};

const COLUMNS: &[Column] = &[
    column("outcome_id", Kind::Id, "one inspection").key(),
    column("item_no", Kind::I32, "narrowed to an item; NULL for the whole").null().key(),
    column("rule_id", Kind::Id, "narrowed to a hit; NULL for the whole").null().key(),
    column("subject_kind", Kind::Code, "what was inspected").one_of(&["declaration", "consignment", "traveller"]),
    column("subject_id", Kind::Id, "what was inspected"),
    column("subject_version", Kind::I32, "in which state"),
    column("selection_id", Kind::Id, "on which selection").null(),
    column("lane", Kind::Code, "lane of the selection").null(),
    column("selected_by", Kind::Code, "what led to the inspection").one_of(&[
        "rule",
        "list",
        "model",
        "random",
        "manual",
        "mandatory",
    ]),
    column("propensity", Kind::F64, "probability of being chosen: needed to learn from it").null(),
    column("inspected_at", Kind::Ts, "when"),
    column("office", Kind::Code, "customs office"),
    column("officer_id", Kind::Id, "who inspected").null().personal(Name),
    column("method", Kind::Code, "how it was inspected").one_of(&[
        "documents",
        "scan",
        "front_sample",
        "inside_sample",
        "aisle_sample",
        "full_unloading",
        "laboratory",
        "interview",
        "search",
    ]),
    column("result", Kind::Code, "`NCF` nothing; else the main irregularity")
        .one_of(&["NCF", "DOC", "CLS", "VAL", "ORG", "QTY", "DSC", "LIC", "IPR", "PRO", "CON", "ADM"]),
    column("severity", Kind::I32, "0 none, 1 minor, 2 fraud, 3 critical"),
    column("irregularities", Kind::List(&Kind::Code), "all kinds found, codes as in `result`"),
    column("hit_verified", Kind::Bool, "per hit: did the risk it names prove true").null(),
    column("found_hs_code", Kind::Id, "as corrected").null(),
    column("found_origin_country", Kind::Code, "as corrected").null(),
    column("found_value_usd", Kind::F64, "as corrected").null(),
    column("found_quantity", Kind::F64, "as corrected").null(),
    column("duty_delta_usd", Kind::F64, "duty recovered").null(),
    column("penalty_usd", Kind::F64, "penalty imposed").null(),
    column("seized_quantity", Kind::F64, "in `seized_unit`").null(),
    column("seized_unit", Kind::Code, "unit of `seized_quantity`").null(),
    column("seized_kind", Kind::Code, "what was seized").null(),
    column("text", Kind::Text, "officer's words").null().personal(Sensitive),
    column("modus", Kind::Text, "how it was hidden").null().personal(Sensitive),
    column("waived", Kind::Bool, "selected and not examined"),
    column("waive_reason", Kind::Code, "why not examined").null(),
    column("approved_by", Kind::Id, "by whose leave").null(),
    column("final", Kind::Bool, "false while laboratory or appeal may still change it"),
];
