//! `permit`: what an agency requires, and what it decided.

use super::{Column, Kind, Stream, column};

/// Permits of other agencies.
pub static PERMIT: Stream = Stream {
    name: "permit",
    row: "one line of a permit, licence or approval of an agency",
    columns: COLUMNS,
    subject_key: "permit_id",
    together: None,
    event_time: "decided_at",
    lanes: None,
};

const COLUMNS: &[Column] = &[
    column("permit_id", Kind::Id, "agency's number").key(),
    column("line_no", Kind::I32, "line of the permit").key(),
    column("agency", Kind::Code, "who"),
    column("law_code", Kind::Code, "under which law"),
    column("requirement_kind", Kind::Code, "what for").null(),
    column("state", Kind::Code, "where the request stands").one_of(&[
        "requested",
        "approved",
        "rejected",
        "withdrawn",
        "expired",
        "not_required",
        "joint_inspection",
    ]),
    column("decided_at", Kind::Ts, "when it came to this state"),
    column("valid_from", Kind::Date, "first day").null(),
    column("valid_until", Kind::Date, "last day").null(),
    column("declaration_id", Kind::Id, "what it covers").null(),
    column("item_no", Kind::I32, "what it covers").null(),
    column("importer_id", Kind::Id, "whom it covers").null(),
    column("hs_code", Kind::Id, "what it covers").null(),
    column("approved_quantity", Kind::F64, "in `quantity_unit`").null(),
    column("used_quantity", Kind::F64, "drawn down by declarations, in `quantity_unit`").null(),
    column("quantity_unit", Kind::Code, "unit of the quantities").null(),
    column("conditions", Kind::Text, "as written").null(),
];
