//! Declarations as rows: one an item, the header's columns repeated on each.

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::Datelike;
use haechi_model::Cell;
use haechi_model::streams::DECLARATION;

use super::item::{LOCAL_PER_USD, Permit};
use super::{Channel, Declaration, Item, Owner, Stowage, round_to};
use crate::ids::{
    container_id, declaration_id, push_air_waybill, push_base36, push_cargo_control, push_decimal, push_imo_number,
    push_manifest,
};
use crate::parties::{AIRLINES, PLATFORMS, SEA_CARRIERS, push_parcel, push_resident};
use crate::plan::Plan;
use crate::rows::{Batches, Rows, Subjects, date, instant, texts};
use crate::scheme::Finding;
use crate::tables::TABLES;
use crate::timeline::seoul_day;
use crate::world::World;

/// The columns written, in order.
const COLUMNS: &[&str] = &[
    "declaration_id",
    "item_no",
    "declared_at",
    "flow",
    "filing_type",
    "procedure",
    "import_use",
    "payment_type",
    "office",
    "transport_mode",
    "importer_id",
    "importer_name",
    "importer_is_person",
    "exporter_id",
    "exporter_name",
    "exporter_country",
    "declarant_id",
    "courier_id",
    "forwarder_id",
    "platform_id",
    "origin_country",
    "departure_country",
    "loading_port",
    "unloading_port",
    "arrival_at",
    "carried_in_at",
    "warehouse_id",
    "conveyance_id",
    "house_bill_id",
    "master_bill_id",
    "cargo_control_id",
    "container_ids",
    "container_mode",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "currency",
    "invoice_amount",
    "freight_usd",
    "hs_code",
    "description",
    "trade_name",
    "model_lines",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_usd",
    "customs_value_local",
    "unit_price_usd",
    "tariff_rate",
    "tariff_kind",
    "preference_claimed",
    "duty_local",
    "origin_certificate_id",
    "origin_marking",
    "permits",
    "inspection_wanted",
    "courier_selected",
    "importer_aeo",
    "version",
    "change_kind",
];

/// A currency in USD.
fn usd_per_unit(currency: &str) -> f64 {
    match currency {
        "EUR" => 1.09,
        "GBP" => 1.27,
        "CHF" => 1.12,
        "CNY" => 0.139,
        "JPY" => 0.0067,
        "KRW" => 1.0 / LOCAL_PER_USD,
        "HKD" => 0.128,
        "AUD" => 0.66,
        "NZD" => 0.61,
        "CAD" => 0.73,
        _ => 1.0,
    }
}

/// The declarations of a dataset, in time order.
pub(crate) struct Declarations {
    world: Arc<World>,
    plan: Plan,
    next: u64,
    text: HeaderText,
    item_text: ItemText,
}

impl Declarations {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let plan = Plan::of(&world.spec, 0);
        Self { world, plan, next: 0, text: HeaderText::default(), item_text: ItemText::default() }
    }

    /// These declarations as batches.
    pub(crate) fn batches(world: Arc<World>) -> impl Iterator<Item = RecordBatch> + use<> {
        let batch_rows = world.spec.batch_rows;
        Batches::new(Rows::new(&DECLARATION, COLUMNS), Self::new(world), batch_rows)
    }

    /// The next declaration's rows.
    pub(crate) fn next_rows(&mut self) -> Option<RecordBatch> {
        let mut rows = Rows::new(&DECLARATION, COLUMNS);
        self.write_next(&mut rows).then(|| rows.finish())
    }

    /// The next declaration with its number.
    pub(crate) fn next_with_id(&mut self) -> Option<(Declaration, String)> {
        let d = self.next_declaration()?;
        self.text.write_id(&self.world, &d);
        Some((d, self.text.id.clone()))
    }

    /// The next planted declaration with its number; the honest ones between are not made.
    pub(crate) fn next_planted(&mut self) -> Option<(Finding, String)> {
        while self.next < self.world.spec.declarations {
            self.step();
            if self.plan.slot(self.next) == crate::plan::Slot::Honest {
                self.next += 1;
                continue;
            }
            let (d, id) = self.next_with_id()?;
            let finding = self.world.declaration_finding(&d);
            if finding.scheme.is_some() {
                return Some((finding, id));
            }
        }
        None
    }

    fn next_declaration(&mut self) -> Option<Declaration> {
        if self.next >= self.world.spec.declarations {
            return None;
        }
        self.step();
        self.next += 1;
        Some(self.world.declaration(&self.plan, self.next - 1))
    }

    /// Plans the block that comes next.
    fn step(&mut self) {
        if !self.plan.holds(self.next) {
            self.plan = Plan::of(&self.world.spec, self.next);
        }
    }
}

impl Subjects for Declarations {
    fn write_next(&mut self, rows: &mut Rows) -> bool {
        let Some(d) = self.next_declaration() else { return false };
        self.text.write(&self.world, &d);
        for (n, item) in d.items.iter().enumerate() {
            self.item_text.write(item);
            write_item(&self.world, &d, (&self.text, &self.item_text), (n as i32 + 1, item), rows);
        }
        true
    }
}

/// The header's texts, made once a declaration and repeated on its items.
#[derive(Default)]
struct HeaderText {
    id: String,
    importer_id: String,
    importer_name: String,
    exporter_id: String,
    exporter_name: String,
    conveyance: String,
    house_bill: String,
    master_bill: String,
    manifest: String,
    cargo_control: String,
    warehouse: String,
    containers: Vec<String>,
}

/// Texts of one item.
#[derive(Default)]
struct ItemText {
    trade_name: String,
    certificate: String,
    permit: String,
}

impl HeaderText {
    fn write_id(&mut self, world: &World, d: &Declaration) {
        let year = world.spec.day.year() + ((seoul_day(d.declared_at) - world.spec.epoch_day()) / 365) as i32;
        declaration_id(&mut self.id, &world.parties.declarants[d.declarant as usize], year, d.index);
    }

    fn write(&mut self, world: &World, d: &Declaration) {
        self.write_id(world, d);
        let parties = &world.parties;
        match d.owner {
            Owner::Company(importer) => {
                let importer = &parties.importers[importer as usize];
                self.importer_id.clone_from(&importer.id);
                self.importer_name.clone_from(&importer.name);
            }
            Owner::Person(person) => {
                push_resident(&mut self.importer_id, &mut self.importer_name, world.spec.seed, person);
            }
        }
        self.exporter_id.clear();
        d.exporter.push_id(&mut self.exporter_id);
        self.exporter_name.clear();
        d.exporter.push_name(&mut self.exporter_name);

        let carrier = SEA_CARRIERS[(d.bits >> 3) as usize % SEA_CARRIERS.len()];
        let year = world.spec.day.year();
        self.house_bill.clear();
        self.master_bill.clear();
        self.cargo_control.clear();
        self.conveyance.clear();
        self.warehouse.clear();
        match d.channel {
            Channel::Express | Channel::Post => {
                let courier = d.courier.map_or("KP", |c| parties.couriers[c].as_str());
                push_parcel(&mut self.house_bill, courier, d.index);
            }
            Channel::Sea | Channel::Air => {
                self.house_bill.push('H');
                self.house_bill.push_str(d.forwarder.map_or(carrier, |f| parties.forwarders[f].as_str()));
                push_base36(&mut self.house_bill, d.index, 6);
                self.manifest.clear();
                push_manifest(&mut self.manifest, year, carrier, d.bits >> 20);
                push_cargo_control(&mut self.cargo_control, &self.manifest, d.bits >> 44, d.bits >> 50);
            }
        }
        if d.channel == Channel::Sea {
            push_imo_number(&mut self.conveyance, d.bits >> 12 & 0xFFF);
            self.master_bill.push_str(carrier);
            push_decimal(&mut self.master_bill, d.bits >> 16, 8);
        } else if d.channel != Channel::Post {
            self.conveyance.push_str(AIRLINES[(d.bits >> 5) as usize % AIRLINES.len()]);
            push_decimal(&mut self.conveyance, 100 + (d.bits >> 12) % 800, 3);
            push_air_waybill(&mut self.master_bill, d.bits >> 16);
        }
        self.warehouse.push_str(d.office);
        push_decimal(&mut self.warehouse, 12_000 + (d.bits >> 32) % 60 * 7, 5);
        self.containers.clear();
        self.containers.extend(d.containers.iter().map(|number| container_id(*number)));
    }
}

impl ItemText {
    fn write(&mut self, item: &Item) {
        const BRANDS: [&str; 8] = ["NARAE", "HAECHI", "BYEOL", "OREUM", "DALBIT", "MADANG", "SOLBAT", "NOEUL"];
        self.trade_name.clear();
        self.trade_name.push_str(if item.bits >> 3 & 1 == 0 { "MODEL " } else { "STYLE " });
        push_decimal(&mut self.trade_name, (item.bits >> 8) % 10_000, 4);
        self.trade_name.push_str(" / ");
        self.trade_name.push_str(BRANDS[item.bits as usize & 7]);
        self.certificate.clear();
        if item.preference {
            self.certificate.push_str("CO-");
            self.certificate.push_str(TABLES.country(item.origin).code);
            self.certificate.push('-');
            push_decimal(&mut self.certificate, item.bits >> 16, 7);
        }
        self.permit.clear();
        if item.permit == Permit::Held {
            self.permit.push_str("REQ-");
            push_decimal(&mut self.permit, item.bits >> 24, 8);
        }
    }
}

fn write_item(
    world: &World,
    d: &Declaration,
    (text, item_text): (&HeaderText, &ItemText),
    (item_no, item): (i32, &Item),
    rows: &mut Rows,
) {
    let parties = &world.parties;
    let goods = TABLES.heading(item.heading);
    let person = matches!(d.owner, Owner::Person(_));
    let company = match d.owner {
        Owner::Company(importer) => Some(&parties.importers[importer as usize]),
        Owner::Person(_) => None,
    };
    let trade = matches!(d.channel, Channel::Sea | Channel::Air);
    let local = (item.value_usd * LOCAL_PER_USD).round();
    let free = person && d.value_usd() <= super::DUTY_FREE_USD;

    rows.put("declaration_id", text.id.as_str());
    rows.put("item_no", item_no);
    rows.put("declared_at", Cell::Ts(d.declared_at));
    rows.put_static("flow", "import");
    rows.put_static("filing_type", "B");
    rows.put_static("procedure", if person { "15" } else { "11" });
    rows.put_static("import_use", if d.channel == Channel::Post { "26" } else { "21" });
    rows.put_static("payment_type", if company.is_some_and(|c| c.aeo) { "43" } else { "11" });
    rows.put_static("office", d.office);
    rows.put_static("transport_mode", d.channel.mode());
    rows.put("importer_id", text.importer_id.as_str());
    rows.put("importer_name", text.importer_name.as_str());
    rows.put("importer_is_person", person);
    rows.put("exporter_id", text.exporter_id.as_str());
    rows.put("exporter_name", text.exporter_name.as_str());
    rows.put_static("exporter_country", TABLES.country(d.exporter_country).code);
    rows.put("declarant_id", parties.declarants[d.declarant as usize].as_str());
    rows.put("courier_id", d.courier.map(|c| parties.couriers[c].as_str()));
    rows.put("forwarder_id", d.forwarder.map(|f| parties.forwarders[f].as_str()));
    rows.put_static("platform_id", d.platform.map(|p| PLATFORMS[p]));
    rows.put_static("origin_country", TABLES.country(item.origin).code);
    rows.put_static("departure_country", TABLES.country(d.departure).code);
    rows.put_static("loading_port", d.loading_port);
    rows.put_static("unloading_port", d.unloading_port);
    rows.put("arrival_at", Cell::Ts(d.arrival_at));
    rows.put("carried_in_at", instant(d.carried_in_at));
    rows.put("warehouse_id", d.carried_in_at.map(|_| text.warehouse.as_str()));
    rows.put("conveyance_id", known(&text.conveyance));
    rows.put("house_bill_id", known(&text.house_bill));
    rows.put("master_bill_id", known(&text.master_bill));
    rows.put("cargo_control_id", known(&text.cargo_control));
    rows.put("container_ids", texts(&text.containers));
    rows.put_static(
        "container_mode",
        match d.stowage {
            Stowage::Full => Some("FC"),
            Stowage::Part => Some("LC"),
            Stowage::Bulk => Some("BU"),
            Stowage::Loose => None,
        },
    );
    rows.put("gross_mass_kg", d.gross_mass_kg);
    rows.put("package_count", d.packages);
    rows.put_static("package_kind", TABLES.heading(d.items[0].heading).package);
    rows.put_static("incoterm", d.incoterm);
    rows.put_static("currency", d.currency);
    rows.put("invoice_amount", round_to(d.value_usd() / usd_per_unit(d.currency), 2));
    rows.put("freight_usd", d.freight_usd);
    rows.put_static("hs_code", goods.hs_code.as_str());
    rows.put("description", item.description);
    rows.put("trade_name", (trade && item.bits >> 40 & 3 != 0).then_some(item_text.trade_name.as_str()));
    rows.put("model_lines", model_lines(item, goods.unit, trade, &item_text.trade_name));
    rows.put("quantity", item.quantity);
    rows.put_static("quantity_unit", goods.unit);
    rows.put("net_mass_kg", item.net_mass_kg);
    rows.put("customs_value_usd", item.value_usd);
    rows.put("customs_value_local", local);
    rows.put("unit_price_usd", round_to(item.value_usd / item.quantity, 4));
    rows.put("tariff_rate", item.tariff_rate);
    rows.put_static("tariff_kind", item.tariff_kind);
    rows.put("preference_claimed", item.preference);
    rows.put("duty_local", if free { 0.0 } else { (local * item.tariff_rate / 100.0).round() });
    rows.put("origin_certificate_id", item.preference.then_some(item_text.certificate.as_str()));
    rows.put_static("origin_marking", if trade { ["Y", "E", "G", "B"][(item.bits >> 44) as usize & 3] } else { "S" });
    rows.put("permits", permits(item, goods.law, &item_text.permit, d.declared_at));
    rows.put("inspection_wanted", d.inspection_wanted);
    rows.put("courier_selected", d.courier.map(|_| d.courier_selected));
    rows.put("importer_aeo", company.is_some_and(|c| c.aeo));
    rows.put("version", 1);
    rows.put_static("change_kind", "new");
    rows.end();
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// One specification line on one trade item in four.
fn model_lines<'a>(item: &Item, unit: &'a str, trade: bool, text: &'a str) -> Cell<'a> {
    if !trade || item.bits >> 50 & 3 != 0 {
        return Cell::Null;
    }
    let line = vec![
        Cell::I32(1),
        Cell::Text(text),
        Cell::Null,
        Cell::F64(item.quantity),
        Cell::Text(unit),
        Cell::F64(round_to(item.value_usd / item.quantity, 4)),
        Cell::F64(item.value_usd),
    ];
    Cell::List(vec![Cell::Record(line)])
}

/// The requirement document, or the reason why none was needed.
fn permits<'a>(item: &Item, law: Option<&'a str>, number: &'a str, declared_at: i64) -> Cell<'a> {
    let Some(law) = law else { return Cell::Null };
    let record = match item.permit {
        Permit::None => return Cell::Null,
        Permit::Held => {
            let issued = seoul_day(declared_at) - 1 - (item.bits >> 54) as i64 % 60;
            let kind = if matches!(law, "27" | "28") { "2" } else { "1" };
            vec![Cell::Text(law), Cell::Text(number), Cell::Text(kind), date(issued), Cell::Null]
        }
        Permit::Exempt => vec![Cell::Text(law), Cell::Null, Cell::Null, Cell::Null, Cell::Text("B")],
    };
    Cell::List(vec![Cell::Record(record)])
}
