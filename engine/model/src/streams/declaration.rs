//! `declaration`: one row an item. Header columns are repeated and equal on all rows of a declaration.

use super::{Column, Kind, Member, Stream, column, member};
use crate::lane::SubjectKind;
use crate::stream::Personal::Business;

/// Goods declarations, a row an item.
pub static DECLARATION: Stream = Stream {
    name: "declaration",
    row: "one item of a goods declaration, with the header's columns on each",
    columns: COLUMNS,
    subject_key: "declaration_id",
    together: Some("declaration_id"),
    event_time: "declared_at",
    lanes: Some(SubjectKind::Declaration),
};

const MODEL_LINE: &[Member] = &[
    member("line_no", Kind::I32),
    member("text", Kind::Text),
    member("ingredient", Kind::Text).null(),
    member("quantity", Kind::F64).null(),
    member("unit", Kind::Code).null(),
    member("unit_price", Kind::F64).null(),
    member("amount", Kind::F64).null(),
];

const PERMIT: &[Member] = &[
    member("law", Kind::Code),
    member("permit_id", Kind::Id).null(),
    member("kind", Kind::Code).null(),
    member("issued_on", Kind::Date).null(),
    member("exempt_reason", Kind::Code).null(),
];

const COLUMNS: &[Column] = &[
    column("declaration_id", Kind::Id, "number at customs; `sender:reference` until one is assigned").key().header(),
    column("item_no", Kind::I32, "from 1").key(),
    column("declared_at", Kind::Ts, "filed; a bare date is 00:00 local, with warning code `day_only`").header(),
    column("flow", Kind::Code, "which way the goods go, and under which regime").header().one_of(&[
        "import",
        "export",
        "transit",
        "warehouse",
        "return",
    ]),
    column("filing_type", Kind::Code, "national filing form (신고구분)").null().header(),
    column("procedure", Kind::Code, "transaction kind (거래구분), EU requested+previous `4071`").null(),
    column("import_use", Kind::Code, "import kind (수입종류)").null().header(),
    column("payment_type", Kind::Code, "collection type (징수형태)").null().header(),
    column("office", Kind::Code, "customs office: three digits in Korea, the section dropped").header(),
    column("transport_mode", Kind::Code, "mode at the border, or the carriage class")
        .null()
        .header()
        .one_of(super::TRANSPORT_MODES),
    column("importer_id", Kind::Id, "importer, as customs numbers it").null().header().personal(Business),
    column("importer_name", Kind::Text, "importer, as written").null().header().personal(Business),
    column("importer_is_person", Kind::Bool, "party kind 01, 02, 03, 05 or a personal customs code").header().derived(),
    column("exporter_id", Kind::Id, "foreign supplier; on export our exporter").null().header().personal(Business),
    column("exporter_name", Kind::Text, "foreign supplier as written; on export our exporter")
        .null()
        .header()
        .personal(Business),
    column("exporter_country", Kind::Code, "country of the exporter").null().header(),
    column("declarant_id", Kind::Id, "broker, or the importer itself").null().header(),
    column("courier_id", Kind::Id, "express carrier, NULL when not express").null().header(),
    column("forwarder_id", Kind::Id, "freight forwarder").null().header(),
    column("platform_id", Kind::Id, "e-commerce marketplace or agent").null().header(),
    column("origin_country", Kind::Code, "country of origin of the item").null(),
    column("departure_country", Kind::Code, "where the goods were sent from").null().header(),
    column("destination_country", Kind::Code, "on export: where the goods go").null().header(),
    column("loading_port", Kind::Id, "UN/LOCODE or IATA").null().header(),
    column("unloading_port", Kind::Id, "UN/LOCODE or IATA").null().header(),
    column("arrival_at", Kind::Ts, "conveyance arrives (export: leaves)").null().header(),
    column("carried_in_at", Kind::Ts, "goods enter the bonded place").null().header(),
    column("warehouse_id", Kind::Id, "bonded place").null().header(),
    column("conveyance_id", Kind::Id, "vessel or flight").null().header(),
    column("house_bill_id", Kind::Id, "house bill of lading or waybill").null().header(),
    column("master_bill_id", Kind::Id, "master bill of lading or waybill").null().header(),
    column("cargo_control_id", Kind::Id, "화물관리번호; joins `consignment`").null().header(),
    column("prior_declaration_ids", Kind::List(&Kind::Id), "declarations used up: re-import, export after import"),
    column("container_ids", Kind::List(&Kind::Id), "ISO 6346").header(),
    column("container_mode", Kind::Code, "`FC` full, `LC` part, `BU` bulk, `ETC`")
        .null()
        .header()
        .one_of(&["FC", "LC", "BU", "ETC"]),
    column("gross_mass_kg", Kind::F64, "total of the declaration").null().header(),
    column("package_count", Kind::F64, "total of the declaration").null().header(),
    column("package_kind", Kind::Code, "UN Rec 21").null().header(),
    column("incoterm", Kind::Code, "Incoterms 2020 code").null().header(),
    column("currency", Kind::Code, "ISO 4217, of the invoice").null().header(),
    column("invoice_amount", Kind::F64, "invoice total, in `currency`").null().header(),
    column("freight_usd", Kind::F64, "freight to the border").null().header(),
    column("hs_code", Kind::Id, "digits only, at least 6, as declared").null(),
    column("description", Kind::Text, "goods as declared").null(),
    column("trade_name", Kind::Text, "trade name (거래품명), brand (상표명) behind ` / `").null(),
    column("model_lines", Kind::Records(MODEL_LINE), "specification lines, up to 99"),
    column("quantity", Kind::F64, "statistical quantity, in `quantity_unit`").null(),
    column("quantity_unit", Kind::Code, "unit of `quantity`, as sent").null(),
    column("net_mass_kg", Kind::F64, "net mass of the item").null(),
    column("customs_value_usd", Kind::F64, "taxable (CIF) value of the item").null(),
    column("customs_value_local", Kind::F64, "taxable (CIF) value of the item, in the office's currency").null(),
    column("unit_price_usd", Kind::F64, "declared price of one unit, converted; else `customs_value_usd / quantity`")
        .null(),
    column("tariff_rate", Kind::F64, "percent, 13 is 13 %").null(),
    column("tariff_kind", Kind::Code, "basic, WTO, agreement: `kcs_tariff_kinds`").null(),
    column("preference_claimed", Kind::Bool, "by tariff kind, preference code or certificate"),
    column("duty_local", Kind::F64, "customs duty of the item, assessed or declared").null(),
    column("origin_certificate_id", Kind::Id, "certificate of origin").null(),
    column("origin_marking", Kind::Code, "how origin is marked").null(),
    column("permits", Kind::Records(PERMIT), "requirement documents, or why none was needed"),
    column("inspection_wanted", Kind::Bool, "flagged by the declarant").null(),
    column("courier_selected", Kind::Bool, "flagged by the courier's X-ray").null(),
    column("vehicle_ids", Kind::List(&Kind::Id), "chassis numbers"),
    column("importer_aeo", Kind::Bool, "the importer is a trusted trader at `as_of`").header().derived(),
    column("hs2", Kind::Id, "chapter: first two digits of `hs_code`").derived(),
    column("hs4", Kind::Id, "heading: first four digits of `hs_code`").derived(),
    column("hs6", Kind::Id, "subheading: first six digits of `hs_code`").derived(),
    column("value_per_kg_usd", Kind::F64, "`customs_value_usd / net_mass_kg`; NULL where the mass is 0")
        .null()
        .derived(),
    column("mass_per_unit_kg", Kind::F64, "`net_mass_kg / quantity`; NULL where the quantity is 0").null().derived(),
    column("items_in_declaration", Kind::I32, "items of the version").header().derived(),
    column("declaration_value_usd", Kind::F64, "sum of `customs_value_usd` over the version's items")
        .null()
        .header()
        .derived(),
    column("hours_before_arrival", Kind::F64, "`arrival_at - declared_at`").null().header().derived(),
    column("days_in_storage", Kind::F64, "`declared_at - carried_in_at`").null().header().derived(),
    column("declared_hour", Kind::I32, "local hour of `declared_at`, 0-23").header().derived(),
    column("transhipped", Kind::Bool, "departure country differs from origin").null().header().derived(),
];
