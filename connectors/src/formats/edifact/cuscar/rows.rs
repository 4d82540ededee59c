//! A bill to a consignment row.

use std::collections::HashSet;
use std::sync::LazyLock;

use haechi_model::streams::CONSIGNMENT;
use haechi_model::{Cell, codes};

use super::super::equipment::Equipment;
use super::super::interchange::Message;
use super::super::output::{Output, Sheet, Table, columns};
use super::super::segments::Raw;
use super::Numbers;
use super::bill::{Bill, Line};
use super::manifest::Manifest;

columns! {
    /// Where a manifest writes.
    Columns {
        consignment_id, manifest_id, line_no, master_bill_id, house_bill_id, bill_kind, nature, transport_mode, office,
        carrier_id, forwarder_id, conveyance_id, conveyance_name, conveyance_country, voyage_no, loading_port,
        unloading_port, destination_place, route_countries, manifested_at, departed_at, arrival_expected_at, arrived_at,
        shipper_id, consignee_id, shipper_name, consignee_name, notify_name, shipper_address, consignee_address,
        shipper_country, consignee_country, description, marks, hs_codes, lines, containers, package_count,
        gross_mass_kg, volume_m3, freight_usd, value_usd, special_handling, dangerous, version, change_kind,
        change_reason, source, source_position, message_format, message_version, message_id, sender_id,
        message_issued_at, message_path, warnings,
    }
}

/// Derived columns that only the reader can know.
const ALSO: &[&str] = &["dangerous", "message_path", "warnings"];

static SHEET: Sheet = Sheet { stream: &CONSIGNMENT, also: ALSO };

/// What is written.
#[cfg(test)]
pub const COLUMN_NAMES: &[&str] = Columns::NAMES;

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// Writes consignment rows of one message.
pub struct Rows<'m> {
    columns: Columns,
    message: &'m Message<'m>,
    manifest: &'m Manifest,
    id: String,
}

impl<'m> Rows<'m> {
    /// For a message.
    pub fn new(message: &'m Message<'m>, manifest: &'m Manifest) -> Self {
        Self { columns: *COLUMNS, message, manifest, id: message.id() }
    }

    /// Column `consignment_id`: the cargo control number, else manifest, master and bill.
    pub fn consignment_id(&self, numbers: &Numbers, bill: &Bill) -> String {
        bill.control_number.clone().unwrap_or_else(|| {
            let parts = [self.manifest.id.as_deref(), numbers.master.as_deref(), Some(numbers.house.as_str())];
            parts.into_iter().flatten().collect::<Vec<_>>().join("/")
        })
    }

    /// Writes the row of a consignment. Returns whether it was taken.
    pub fn write(
        &self,
        id: &str,
        numbers: &Numbers,
        bill: &Bill,
        containers: &[(Equipment, Option<f64>)],
        raw: &[Raw<'_>],
        out: &mut Output<'_>,
    ) -> bool {
        let position = self.message.position(numbers.segment);
        let source = out.input.source;
        let table = out.table(&SHEET);
        self.numbers(table, id, numbers, bill);
        self.voyage(table, bill);
        self.parties(table, bill);
        self.goods(table, bill, containers);
        self.envelope(table);
        let c = &self.columns;
        table.set(c.source, source);
        table.set(c.source_position, position.as_str());
        table.set(c.message_path, self.message.path(numbers.segment).as_str());
        table.set_warnings(c.warnings, &bill.warnings);
        out.finish_row(&SHEET, &position, || self.message.raw(raw))
    }

    fn numbers(&self, table: &mut Table, id: &str, numbers: &Numbers, bill: &Bill) {
        let c = &self.columns;
        table.set(c.consignment_id, id);
        table.set(c.manifest_id, self.manifest.id.as_deref());
        table.set(c.line_no, numbers.line_no);
        table.set(c.master_bill_id, numbers.master.as_deref());
        table.set(c.house_bill_id, numbers.house.as_str());
        table.set(c.bill_kind, numbers.kind);
        table.set(c.nature, bill.nature.or(self.manifest.nature).unwrap_or("import"));
    }

    fn voyage(&self, table: &mut Table, bill: &Bill) {
        let c = &self.columns;
        let m = self.manifest;
        table.set(c.transport_mode, m.mode.unwrap_or("unknown"));
        table.set(c.office, m.office.as_deref());
        table.set(c.carrier_id, m.carrier.as_deref());
        table.set(c.forwarder_id, bill.forwarder.as_deref().or(m.forwarder.as_deref()));
        table.set(c.conveyance_id, m.conveyance_id.as_deref());
        table.set(c.conveyance_name, m.conveyance_name.as_deref());
        table.set(c.conveyance_country, m.conveyance_country.as_deref());
        table.set(c.voyage_no, m.voyage_no.as_deref());
        let loading = bill.loading_port.as_deref().or(bill.origin_port.as_deref()).or(m.loading_port.as_deref());
        let unloading = bill.unloading_port.as_deref().or(m.unloading_port.as_deref());
        table.set(c.loading_port, loading);
        table.set(c.unloading_port, unloading);
        table.set(c.destination_place, bill.destination.as_deref());
        let mut route: Vec<&str> = Vec::new();
        for port in [bill.origin_port.as_deref(), loading, unloading, bill.destination.as_deref()].into_iter().flatten()
        {
            // Five digits are a number of a list of its own; three letters are an airport, where goods go by air.
            let is_country = |country: &&str| codes::country(country).is_some();
            let letters = |country: &&str| country.bytes().all(|b| b.is_ascii_uppercase());
            let country = match port.len() {
                5 => port.get(..2).filter(letters),
                3 if m.mode == Some("air") => codes::airport(port).map(|airport| airport.country.as_str()),
                _ => None,
            };
            route.extend(country.filter(|c| route.last() != Some(c)).filter(is_country));
        }
        table.set_texts(c.route_countries, &route);
        table.set(c.manifested_at, m.manifested_at.map(Cell::Ts));
        table.set(c.departed_at, m.departed_at.map(Cell::Ts));
        table.set(c.arrival_expected_at, m.arrival_expected_at.map(Cell::Ts));
        table.set(c.arrived_at, m.arrived_at.map(Cell::Ts));
    }

    fn parties(&self, table: &mut Table, bill: &Bill) {
        let c = &self.columns;
        if let Some(shipper) = bill.shipper.party() {
            table.set(c.shipper_id, shipper.id.as_deref());
            table.set(c.shipper_name, shipper.name.as_deref());
            table.set(c.shipper_address, shipper.address.as_deref());
            table.set(c.shipper_country, shipper.country.as_deref());
        }
        if let Some(consignee) = bill.consignee.party() {
            table.set(c.consignee_id, consignee.id.as_deref());
            table.set(c.consignee_name, consignee.name.as_deref());
            table.set(c.consignee_address, consignee.address.as_deref());
            table.set(c.consignee_country, consignee.country.as_deref());
        }
        table.set(c.notify_name, bill.notify_name());
    }

    fn goods(&self, table: &mut Table, bill: &Bill, containers: &[(Equipment, Option<f64>)]) {
        let c = &self.columns;
        let described =
            bill.description.as_deref().into_iter().chain(bill.lines.iter().map(|l| l.description.as_str()));
        table.set(c.description, distinct(described).as_deref());
        let marks = bill.marks.iter().chain(bill.lines.iter().flat_map(|l| &l.marks)).map(String::as_str);
        table.set(c.marks, distinct(marks).as_deref());
        let of_lines = bill.lines.iter().filter_map(|l| l.hs_code.as_deref());
        let hs_codes = each_once(of_lines.chain(bill.hs_codes.iter().map(String::as_str)));
        table.set_texts(c.hs_codes, &hs_codes);
        table.set_records(c.lines, bill.lines.iter().map(line_cells));
        table.set_records(c.containers, containers.iter().map(container_cells));
        table.set(c.package_count, bill.packages());
        table.set(c.gross_mass_kg, bill.mass_kg());
        table.set(c.volume_m3, bill.volume());
        table.set(c.freight_usd, bill.freight_usd());
        table.set(c.value_usd, bill.value_usd());
        table.set_texts(c.special_handling, &bill.handling);
        table.set(c.dangerous, bill.dangerous);
    }

    fn envelope(&self, table: &mut Table) {
        let c = &self.columns;
        table.set(c.version, 1);
        table.set(c.change_kind, self.manifest.change_kind());
        let reason = Some(self.manifest.function.as_str()).filter(|_| self.manifest.change_kind() != "new");
        table.set(c.change_reason, reason);
        table.set(c.message_format, super::FORMAT);
        table.set(c.message_version, self.message.version.as_str());
        table.set(c.message_id, self.id.as_str());
        table.set(c.sender_id, self.message.envelope.sender.as_str());
        table.set(c.message_issued_at, self.message.envelope.issued_at.map(Cell::Ts));
    }
}

fn line_cells(line: &Line) -> [Cell<'_>; 9] {
    [
        line.number.into(),
        line.description.as_str().into(),
        line.hs_code.as_deref().into(),
        line.packages.into(),
        line.package_kind.as_deref().into(),
        line.gross_mass_kg.into(),
        line.volume_m3.into(),
        line.un_no.as_deref().into(),
        Cell::List(line.containers.iter().map(|(id, _)| Cell::Text(id)).collect()),
    ]
}

fn container_cells((container, packages): &(Equipment, Option<f64>)) -> [Cell<'_>; 8] {
    [
        container.id.as_str().into(),
        container.iso_type.as_deref().into(),
        container.fill.into(),
        container.load.into(),
        Cell::List(container.seals.iter().map(|seal| Cell::Text(seal)).collect()),
        container.gross_mass_kg.into(),
        (*packages).into(),
        container.check_digit_ok.into(),
    ]
}

/// Different texts joined by ` / `; `None` if there is none.
fn distinct<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts = each_once(texts.filter(|t| !t.is_empty()));
    (!texts.is_empty()).then(|| texts.join(" / "))
}

/// Each text where it first stands.
fn each_once<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut seen = HashSet::new();
    texts.filter(|t| seen.insert(*t)).collect()
}
