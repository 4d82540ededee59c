//! An item to a declaration row, the header repeated on each.

use std::sync::LazyLock;

use haechi_model::Cell;
use haechi_model::streams::DECLARATION;

use super::super::interchange::Message;
use super::super::output::{Output, Sheet, Table, columns};
use super::super::party::Party;
use super::super::places::short;
use super::super::segments::Raw;
use super::header::Header;
use super::item::Item;

columns! {
    /// Where a declaration writes.
    Columns {
        declaration_id, item_no, declared_at, flow, filing_type, procedure, office, transport_mode, importer_id,
        importer_name, exporter_id, exporter_name, exporter_country, declarant_id, forwarder_id, origin_country,
        departure_country, destination_country, loading_port, unloading_port, arrival_at, warehouse_id, conveyance_id,
        house_bill_id, master_bill_id, cargo_control_id, prior_declaration_ids, container_ids, container_mode,
        gross_mass_kg, package_count, package_kind, incoterm, currency, invoice_amount, freight_usd, hs_code,
        description, model_lines, quantity, quantity_unit, net_mass_kg, customs_value_usd, customs_value_local, unit_price_usd,
        tariff_rate, tariff_kind, preference_claimed, duty_local, origin_certificate_id, permits, vehicle_ids, version,
        change_kind, change_reason, source, source_position, message_format, message_version, message_id, sender_id,
        message_issued_at, message_path, warnings,
    }
}

/// Derived columns that only the reader can know.
const ALSO: &[&str] = &["message_path", "warnings"];

static SHEET: Sheet = Sheet { stream: &DECLARATION, also: ALSO };

/// What is written.
#[cfg(test)]
pub const COLUMN_NAMES: &[&str] = Columns::NAMES;

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// Writes declaration rows of one message.
pub struct Rows<'m> {
    columns: Columns,
    message: &'m Message<'m>,
    header: &'m Header,
    id: String,
    /// Of the header, else of its first item that says one: equal on all rows.
    departure_country: Option<String>,
    /// Of the items, where the header names none.
    supplier: Option<Party>,
}

impl<'m> Rows<'m> {
    /// For a message whose first item names this country of departure, and whose items this supplier.
    pub fn new(
        message: &'m Message<'m>,
        header: &'m Header,
        departure: Option<String>,
        supplier: Option<Party>,
    ) -> Self {
        let departure_country = header.departure_country.clone().or(departure);
        Self { columns: *COLUMNS, message, header, id: message.id(), departure_country, supplier }
    }

    /// Column `departure_country`, of all rows.
    pub fn departure_country(&self) -> Option<&str> {
        self.departure_country.as_deref()
    }

    /// A row for an item; for a declaration that is cancelled without naming any, a row of its header under item 1.
    /// Amounts that cannot be converted are left NULL, with a warning. Returns whether the row was taken.
    pub fn write(&self, item: &mut Item, at: u32, raw: &[Raw<'_>], out: &mut Output<'_>) -> bool {
        let source = out.input.source;
        let amounts = self.amounts(item, at);
        let table = out.table(&SHEET);
        self.head(table);
        self.item(table, item, amounts);
        let Self { columns: c, message, header, .. } = self;
        table.set(c.version, header.version());
        table.set(c.change_kind, header.change_kind());
        table.set(c.change_reason, (header.change_kind() != "new").then_some(header.function.as_str()));
        table.set(c.source, source);
        table.set(c.source_position, message.position(at).as_str());
        table.set(c.message_format, super::FORMAT);
        table.set(c.message_version, message.version.as_str());
        table.set(c.message_id, self.id.as_str());
        table.set(c.sender_id, message.envelope.sender.as_str());
        table.set(c.message_issued_at, message.envelope.issued_at.map(Cell::Ts));
        table.set(c.message_path, message.path(at).as_str());
        table.set_warnings(c.warnings, &item.warnings);
        out.finish_row(&SHEET, &message.position(at), || message.raw(raw))
    }

    fn head(&self, table: &mut Table) {
        let (c, h) = (&self.columns, self.header);
        table.set(c.declaration_id, h.id.as_deref());
        table.set(c.declared_at, h.declared_at.map(Cell::Ts));
        table.set(c.flow, h.flow);
        table.set(c.filing_type, h.filing_type.as_deref());
        table.set(c.office, h.office.as_deref());
        table.set(c.transport_mode, h.mode);
        if let Some(importer) = h.importer.party() {
            table.set(c.importer_id, importer.id.as_deref());
            table.set(c.importer_name, importer.name.as_deref());
        }
        if let Some(exporter) = h.exporter.party().or(self.supplier.as_ref()) {
            table.set(c.exporter_id, exporter.id.as_deref());
            table.set(c.exporter_name, exporter.name.as_deref());
            table.set(c.exporter_country, exporter.country.as_deref());
        }
        if let Some(declarant) = h.declarant.party() {
            table.set(c.declarant_id, declarant.id.as_deref().or(declarant.name.as_deref()));
        }
        table.set(c.forwarder_id, h.forwarder.as_deref());
        table.set(c.departure_country, self.departure_country.as_deref());
        table.set(c.destination_country, h.destination_country.as_deref());
        table.set(c.loading_port, h.loading_port.as_deref());
        table.set(c.unloading_port, h.unloading_port.as_deref());
        table.set(c.arrival_at, h.arrival_at.map(Cell::Ts));
        table.set(c.warehouse_id, h.warehouse.as_deref());
        table.set(c.conveyance_id, h.conveyance_id.as_deref());
        table.set(c.house_bill_id, h.house_bill.as_deref());
        table.set(c.master_bill_id, h.master_bill.as_deref());
        table.set(c.cargo_control_id, h.cargo_control.as_deref());
        table.set_texts(c.container_ids, &h.containers);
        table.set(c.container_mode, h.container_mode);
        table.set(c.gross_mass_kg, h.gross_mass_kg);
        table.set(c.package_count, h.packages);
        table.set(c.package_kind, h.package_kind.as_deref());
        table.set(c.incoterm, h.incoterm.as_deref());
        if let Some((amount, currency)) = &h.invoice {
            table.set(c.invoice_amount, *amount);
            table.set(c.currency, (!currency.is_empty()).then_some(currency.as_str()));
        }
        table.set(c.freight_usd, h.freight_usd);
    }

    fn item(&self, table: &mut Table, item: &Item, amounts: Amounts) {
        let c = &self.columns;
        table.set(c.item_no, item.number);
        table.set(c.procedure, item.procedure.as_deref().or(self.header.procedure.as_deref()));
        table.set(c.origin_country, item.origin.as_deref());
        table.set_texts(c.prior_declaration_ids, self.header.prior.iter().chain(&item.prior));
        table.set(c.hs_code, item.hs_code.as_deref());
        table.set(c.description, item.description.as_deref());
        // Lines of invoices are of the only item: where there are several nobody says which.
        let lines = if item.lines.is_empty() { &self.header.lines } else { &item.lines };
        table.set_records(c.model_lines, lines.records());
        if let Some((quantity, unit)) = &item.quantity {
            table.set(c.quantity, *quantity);
            table.set(c.quantity_unit, (!unit.is_empty()).then_some(unit.as_str()));
        }
        table.set(c.net_mass_kg, item.net_mass_kg);
        table.set(c.customs_value_usd, amounts.value_usd);
        table.set(c.customs_value_local, amounts.value_local);
        table.set(c.unit_price_usd, amounts.unit_price_usd);
        table.set(c.tariff_rate, item.rate);
        table.set(c.tariff_kind, item.preference.as_deref());
        table.set(c.preference_claimed, item.preference_claimed());
        table.set(c.duty_local, amounts.duty_local);
        table.set(c.origin_certificate_id, item.certificate.as_deref());
        let permits = item.permits.iter().map(|(code, number, issued)| {
            let issued = issued.map_or(Cell::Null, Cell::Date);
            [Cell::Text(code), number.as_deref().into(), Cell::Text(code), issued, Cell::Null]
        });
        table.set_records(c.permits, permits);
        table.set_texts(c.vehicle_ids, &item.vehicles);
    }

    /// The amounts of an item, converted by the rate of the declaration.
    fn amounts(&self, item: &mut Item, at: u32) -> Amounts {
        let money = &self.header.money;
        let convert = |sent: &Option<(f64, String)>, into: fn(&super::money::Money, f64, &str) -> Option<f64>| {
            sent.as_ref().and_then(|(amount, currency)| into(money, *amount, currency))
        };
        let amounts = Amounts {
            value_usd: convert(&item.customs_value, super::money::Money::usd),
            value_local: convert(&item.customs_value, super::money::Money::local),
            unit_price_usd: convert(&item.line_value, super::money::Money::usd)
                .zip(item.quantity.as_ref().map(|(quantity, _)| *quantity).filter(|q| *q > 0.0))
                .map(|(line, quantity)| line / quantity),
            duty_local: convert(&item.duty, super::money::Money::local),
        };
        for (what, sent, taken) in [
            ("customs value", &item.customs_value, amounts.value_usd.or(amounts.value_local)),
            ("duty", &item.duty, amounts.duty_local),
        ] {
            if let (Some((_, currency)), None) = (sent, taken) {
                let text = format!("{what} in `{}`", short(currency));
                let path = self.message.path(at);
                item.warnings.push(haechi_model::Warning { code: "amount_currency", path, text });
            }
        }
        amounts
    }
}

/// Amounts of an item, converted.
#[derive(Clone, Copy)]
struct Amounts {
    value_usd: Option<f64>,
    value_local: Option<f64>,
    unit_price_usd: Option<f64>,
    duty_local: Option<f64>,
}
