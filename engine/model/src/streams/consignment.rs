//! `consignment`: one row a house bill; a straight bill is its own.
//!
//! Containers and goods lines are list columns, not child rows: the bill is what gets a lane, most bills have
//! one to three of each, and a row stays one decision.

use super::{Column, Kind, Member, Stream, column, member};
use crate::lane::SubjectKind;
use crate::stream::Personal::{Business, Contact};

/// Manifest entries, a row a house bill.
pub static CONSIGNMENT: Stream = Stream {
    name: "consignment",
    row: "one house bill of lading or waybill on a manifest; a straight bill is its own",
    columns: COLUMNS,
    subject_key: "consignment_id",
    together: Some("manifest_id"),
    event_time: "manifested_at",
    lanes: Some(SubjectKind::Consignment),
};

const LINE: &[Member] = &[
    member("line_no", Kind::I32),
    member("description", Kind::Text),
    member("hs_code", Kind::Id).null(),
    member("packages", Kind::F64).null(),
    member("package_kind", Kind::Code).null(),
    member("gross_mass_kg", Kind::F64).null(),
    member("volume_m3", Kind::F64).null(),
    member("un_no", Kind::Code).null(),
    member("container_ids", Kind::List(&Kind::Id)),
];

const CONTAINER: &[Member] = &[
    member("container_id", Kind::Id),
    member("iso_type", Kind::Code).null(),
    member("fill", Kind::Code).null(),
    member("load", Kind::Code).null(),
    member("seals", Kind::List(&Kind::Id)),
    member("gross_mass_kg", Kind::F64).null(),
    member("packages", Kind::F64).null(),
    member("check_digit_ok", Kind::Bool).null(),
];

const CUSTOMS_NOTE: &[Member] = &[
    member("country", Kind::Code).null(),
    member("subject", Kind::Code).null(),
    member("kind", Kind::Code).null(),
    member("text", Kind::Text),
];

const COLUMNS: &[Column] = &[
    column("consignment_id", Kind::Id, "cargo control number, else `manifest/master/house`").key(),
    column("manifest_id", Kind::Id, "number of the manifest").null(),
    column("line_no", Kind::I32, "place on the manifest").null(),
    column("master_bill_id", Kind::Id, "master bill").null(),
    column("house_bill_id", Kind::Id, "house bill; of a straight bill, the bill itself"),
    column("bill_kind", Kind::Code, "how the bill stands to others").one_of(&[
        "house",
        "straight",
        "master_only",
        "co_load",
    ]),
    column("nature", Kind::Code, "what happens to the goods here").one_of(&[
        "import",
        "export",
        "transit",
        "transhipment",
        "on_board",
        "empty",
    ]),
    column("transport_mode", Kind::Code, "mode at the border").one_of(super::TRANSPORT_MODES),
    column("office", Kind::Code, "entry office").null(),
    column("carrier_id", Kind::Id, "carrier").null(),
    column("forwarder_id", Kind::Id, "freight forwarder").null(),
    column("conveyance_id", Kind::Id, "IMO number or flight").null(),
    column("conveyance_name", Kind::Text, "name of the vessel").null(),
    column("conveyance_country", Kind::Code, "flag").null(),
    column("voyage_no", Kind::Id, "voyage or flight number").null(),
    column("loading_port", Kind::Id, "UN/LOCODE or IATA").null(),
    column("unloading_port", Kind::Id, "UN/LOCODE or IATA").null(),
    column("destination_place", Kind::Id, "UN/LOCODE or IATA").null(),
    column("departure_country", Kind::Code, "country of `loading_port`").null().derived(),
    column("route_countries", Kind::List(&Kind::Code), "in travel order"),
    column("manifested_at", Kind::Ts, "manifest sent"),
    column("departed_at", Kind::Ts, "conveyance left").null(),
    column("arrival_expected_at", Kind::Ts, "conveyance expected").null(),
    column("arrived_at", Kind::Ts, "conveyance arrived").null(),
    column("shipper_id", Kind::Id, "shipper, as numbered by the sender").null(),
    column("consignee_id", Kind::Id, "consignee, as numbered by the sender").null(),
    column("shipper_name", Kind::Text, "shipper, as written").null().personal(Business),
    column("consignee_name", Kind::Text, "consignee, as written").null().personal(Business),
    column("notify_name", Kind::Text, "whom to tell; `SAME AS CONSIGNEE` resolved").null().personal(Business),
    column("shipper_address", Kind::Text, "one line, parts joined by `, `").null().personal(Contact),
    column("consignee_address", Kind::Text, "one line, parts joined by `, `").null().personal(Contact),
    column("shipper_country", Kind::Code, "country of the shipper").null(),
    column("consignee_country", Kind::Code, "country of the consignee").null(),
    column("consignee_is_person", Kind::Bool, "by the form of the id").null().derived(),
    column("description", Kind::Text, "goods, lines joined by ` / `").null(),
    column("marks", Kind::Text, "marks and numbers, lines joined by ` / `").null(),
    column("hs_codes", Kind::List(&Kind::Id), "4 to 10 digits"),
    column("lines", Kind::Records(LINE), "goods lines"),
    column("containers", Kind::Records(CONTAINER), "fill: full or empty; load: FCL or LCL; ULD for air"),
    column("package_count", Kind::F64, "packages; pieces for air").null(),
    column("gross_mass_kg", Kind::F64, "gross mass of the bill").null(),
    column("volume_m3", Kind::F64, "volume of the bill").null(),
    column("part_kind", Kind::Code, "air: `T` whole, `P` part, `S` split, `D` divided, on this flight")
        .null()
        .one_of(&["T", "P", "S", "D"]),
    column("freight_usd", Kind::F64, "carriage").null(),
    column("value_usd", Kind::F64, "value declared").null(),
    column("dangerous", Kind::Bool, "any UN number or class").derived(),
    column("special_handling", Kind::List(&Kind::Code), "air handling codes"),
    column("customs_notes", Kind::Records(CUSTOMS_NOTE), "trader ids, contacts, security status").personal(Business),
    column("managed", Kind::Code, "designation in force (관리대상)").null(),
    column("container_count", Kind::I32, "containers on the bill").derived(),
    column("mass_per_package_kg", Kind::F64, "`gross_mass_kg / package_count`; NULL where the count is 0")
        .null()
        .derived(),
    column("hours_before_arrival", Kind::F64, "arrival minus manifest").null().derived(),
    column("transit_days", Kind::F64, "arrival minus departure").null().derived(),
    column("shared_container", Kind::Bool, "another consignee in the same box").null().derived(),
];
