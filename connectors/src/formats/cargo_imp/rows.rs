//! A consignment of a Cargo-IMP message to its row.

use std::sync::LazyLock;

use haechi_model::intake::Warning;
use haechi_model::streams::CONSIGNMENT;
use haechi_model::{Cell, codes};

use super::super::edifact::output::{Output, Sheet, columns};
use super::consignment::{Consignment, Party};
use super::format_of;
use super::lines::{Message, position};

columns! {
    /// Where a message writes.
    Columns {
        consignment_id, manifest_id, master_bill_id, house_bill_id, bill_kind, nature, transport_mode, carrier_id,
        forwarder_id, conveyance_id, voyage_no, loading_port, unloading_port, destination_place, route_countries,
        manifested_at, departed_at,
        arrival_expected_at, shipper_id, consignee_id, shipper_name, consignee_name, notify_name, shipper_address,
        consignee_address, shipper_country, consignee_country, description, hs_codes, containers, package_count,
        gross_mass_kg, volume_m3, part_kind, freight_usd, value_usd, special_handling, dangerous, customs_notes, version,
        change_kind, source, source_position, message_format, message_version, message_path, warnings,
    }
}

static SHEET: Sheet = Sheet { stream: &CONSIGNMENT, also: &["dangerous", "message_path", "warnings"] };

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// What all consignments of a message share.
#[derive(Debug, Default)]
pub struct Shared {
    /// `ZZ123/12MAR/ICN`.
    pub manifest: Option<String>,
    /// `ZZ123`.
    pub flight: Option<String>,
    /// Port of loading of the flight.
    pub loading: Option<String>,
    /// UTC milliseconds.
    pub departs_at: Option<i64>,
    /// UTC milliseconds.
    pub issued_at: Option<i64>,
}

/// Writes a consignment. Returns whether it was taken.
pub fn write(
    message: &Message<'_>,
    shared: &Shared,
    own: &Consignment,
    warnings: &[Warning],
    out: &mut Output<'_>,
) -> bool {
    let source = out.input.source;
    let position = position(own.line);
    let table = out.table(&SHEET);
    let c = &*COLUMNS;
    let elsewhere = own.unloading.as_deref().filter(|_| own.again);
    let id = own.house.as_deref().or(elsewhere);
    let id = id.map_or_else(|| own.waybill.clone(), |behind| format!("{}/{behind}", own.waybill));
    table.set(c.consignment_id, id.as_str());
    table.set(c.manifest_id, shared.manifest.as_deref());
    table.set(c.master_bill_id, own.waybill.as_str());
    table.set(c.house_bill_id, own.house.as_deref().unwrap_or(&own.waybill));
    let kind = match (&own.house, own.consolidated) {
        (Some(_), _) => "house",
        (None, true) => "master_only",
        (None, false) => "straight",
    };
    table.set(c.bill_kind, kind);
    table.set(c.nature, "import");
    table.set(c.transport_mode, "air");
    table.set(c.carrier_id, shared.flight.as_deref().and_then(|flight| flight.get(..2)));
    table.set(c.forwarder_id, own.agent.as_deref());
    table.set(c.conveyance_id, shared.flight.as_deref());
    table.set(c.voyage_no, shared.flight.as_deref());
    table.set(c.loading_port, shared.loading.as_deref().or(own.origin.as_deref()));
    table.set(c.unloading_port, own.unloading.as_deref().or(own.destination.as_deref()));
    table.set(c.destination_place, own.destination.as_deref());
    let ends = [own.origin.as_deref(), shared.loading.as_deref()];
    let ends = ends.into_iter().chain(own.route.iter().map(|stop| Some(stop.as_str())));
    let stops = ends.chain([own.unloading.as_deref(), own.destination.as_deref()]).flatten();
    let mut route: Vec<&str> = Vec::new();
    for country in stops.filter_map(codes::airport).map(|airport| airport.country.as_str()) {
        if !route.contains(&country) {
            route.push(country);
        }
    }
    table.set_texts(c.route_countries, &route);
    table.set(c.manifested_at, shared.issued_at.map(Cell::Ts));
    table.set(c.departed_at, shared.departs_at.map(Cell::Ts));
    table.set(c.arrival_expected_at, own.arrives_at.map(Cell::Ts));
    let address = |party: &Party| (!party.address.is_empty()).then(|| party.address.join(", "));
    table.set(c.shipper_id, own.trader_id("SHP"));
    table.set(c.shipper_name, own.shipper.name.as_deref());
    table.set(c.shipper_address, address(&own.shipper).as_deref());
    table.set(c.shipper_country, own.shipper.country.as_deref());
    table.set(c.consignee_id, own.trader_id("CNE"));
    table.set(c.consignee_name, own.consignee.name.as_deref());
    table.set(c.consignee_address, address(&own.consignee).as_deref());
    table.set(c.consignee_country, own.consignee.country.as_deref());
    table.set(c.notify_name, own.notify.name.as_deref());
    table.set(c.description, (!own.description.is_empty()).then_some(own.description.as_str()));
    table.set_texts(c.hs_codes, &own.hs_codes);
    let ulds = own.ulds.iter().map(|(id, pieces)| {
        [
            Cell::Text(id),
            Cell::Null,
            Cell::Text("full"),
            Cell::Null,
            Cell::List(Vec::new()),
            Cell::Null,
            (*pieces).into(),
            Cell::Null,
        ]
    });
    table.set_records(c.containers, ulds);
    table.set(c.package_count, own.pieces);
    table.set(c.gross_mass_kg, own.mass_kg);
    table.set(c.volume_m3, own.volume_m3);
    let part = own.part.map(String::from);
    table.set(c.part_kind, part.as_deref());
    table.set(c.freight_usd, own.freight_usd);
    table.set(c.value_usd, own.value_usd);
    table.set_texts(c.special_handling, &own.handling);
    // Where nobody names a UN number, the handling codes say it.
    table.set(c.dangerous, own.is_dangerous().then_some(true));
    let notes = own.notes.iter().map(|note| {
        let [country, subject, kind, text] = note.each_ref().map(|part| (!part.is_empty()).then_some(part.as_str()));
        [country.into(), subject.into(), kind.into(), Cell::Text(text.unwrap_or_default())]
    });
    table.set_records(c.customs_notes, notes);
    table.set(c.version, 1);
    table.set(c.change_kind, "new");
    table.set(c.source, source);
    table.set(c.source_position, position.as_str());
    table.set(c.message_format, format_of(message));
    table.set(c.message_version, message.version);
    table.set(c.message_path, message.path(own.line).as_str());
    table.set_warnings(c.warnings, warnings);
    let first = message.lines.partition_point(|line| line.number < own.line);
    let raw = message.lines[first..].iter().take(40);
    let raw = || raw.map(|line| line.text).collect::<Vec<_>>().join("\n");
    out.finish_row(&SHEET, &position, raw)
}
