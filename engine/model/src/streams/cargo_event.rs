//! `cargo_event`: what happened to a consignment or a container, and where.

use super::{Column, Kind, Stream, column};

/// Cargo tracking events.
pub static CARGO_EVENT: Stream = Stream {
    name: "cargo_event",
    row: "one thing that happened to a consignment or a container",
    columns: COLUMNS,
    subject_key: "cargo_event_id",
    together: None,
    event_time: "happened_at",
    lanes: None,
};

const COLUMNS: &[Column] = &[
    column("cargo_event_id", Kind::Id, "hash of consignment, kind and time where the source has no number").key(),
    column("consignment_id", Kind::Id, "what it happened to"),
    column("container_id", Kind::Id, "what it happened to").null(),
    column("event_kind", Kind::Code, "what happened: `cargo_events`").one_of(&[
        "manifest_submitted",
        "manifest_reviewed",
        "manifest_amended",
        "arrival_accepted",
        "unloading_accepted",
        "bonded_transport_received",
        "bonded_transport_accepted",
        "carried_in",
        "import_declared",
        "import_in_review",
        "import_approved",
        "import_released",
        "carried_out",
        "departed",
        "arrived",
        "unloaded",
        "scanned",
        "opened",
        "designated",
        "designation_lifted",
        "loaded",
        "unloading_ordered",
        "loading_ordered",
        "short_landed",
        "over_landed",
        "delivered",
        "seized",
        "destroyed",
    ]),
    column("happened_at", Kind::Ts, "when"),
    column("recorded_at", Kind::Ts, "when the source recorded it").null(),
    column("place_id", Kind::Id, "bonded place").null(),
    column("place_name", Kind::Text, "bonded place, as written").null(),
    column("reference_id", Kind::Id, "operator's number").null(),
    column("declaration_id", Kind::Id, "declaration it rests on").null(),
    column("packages", Kind::F64, "moved this time (part deliveries)").null(),
    column("gross_mass_kg", Kind::F64, "moved this time").null(),
    column("text", Kind::Text, "source's words").null(),
];
