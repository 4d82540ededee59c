//! House bills as rows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use haechi_model::Cell;
use haechi_model::streams::CONSIGNMENT;

use super::{Bill, BillKind, Manifest, blocks, manifests_of};
use crate::declaration::Owner;
use crate::ids::{push_air_waybill, push_base36, push_cargo_control};
use crate::parties::{Exporter, address, push_resident};
use crate::rows::{Batches, Rows, Subjects, instant, texts};
use crate::tables::TABLES;
use crate::world::World;

/// The columns written, in order.
const COLUMNS: &[&str] = &[
    "consignment_id",
    "manifest_id",
    "line_no",
    "master_bill_id",
    "house_bill_id",
    "bill_kind",
    "nature",
    "transport_mode",
    "office",
    "carrier_id",
    "forwarder_id",
    "conveyance_id",
    "conveyance_name",
    "conveyance_country",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "route_countries",
    "manifested_at",
    "departed_at",
    "arrival_expected_at",
    "shipper_id",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "notify_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "marks",
    "hs_codes",
    "lines",
    "containers",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "part_kind",
    "freight_usd",
    "value_usd",
    "special_handling",
    "customs_notes",
    "version",
    "change_kind",
];

/// The manifests of a dataset, in time order.
pub(crate) struct Manifests {
    world: Arc<World>,
    block: u64,
    ahead: VecDeque<(usize, u64, u64)>,
}

impl Manifests {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, block: 0, ahead: VecDeque::new() }
    }
}

impl Iterator for Manifests {
    type Item = Manifest;

    fn next(&mut self) -> Option<Manifest> {
        if self.ahead.is_empty() && self.block < blocks(&self.world) {
            let cuts = manifests_of(&self.world, self.block);
            self.ahead.extend(cuts.into_iter().enumerate().map(|(nth, (first, len))| (nth, first, len)));
            self.block += 1;
        }
        let (nth, first, len) = self.ahead.pop_front()?;
        Some(self.world.manifest(self.block - 1, nth, first, len))
    }
}

/// The house bills of a dataset, one by one: a batch may end inside a manifest.
pub(crate) struct Consignments {
    world: Arc<World>,
    manifests: Manifests,
    now: Option<Manifest>,
    place: usize,
}

impl Consignments {
    pub(crate) fn batches(world: Arc<World>) -> impl Iterator<Item = RecordBatch> + use<> {
        let batch_rows = world.spec.batch_rows;
        let bills = Self { manifests: Manifests::new(world.clone()), world, now: None, place: 0 };
        Batches::new(Rows::new(&CONSIGNMENT, COLUMNS), bills, batch_rows)
    }
}

impl Subjects for Consignments {
    fn write_next(&mut self, rows: &mut Rows) -> bool {
        if self.now.as_ref().is_none_or(|m| self.place >= m.bills.len()) {
            self.now = self.manifests.next();
            self.place = 0;
        }
        let Some(manifest) = &self.now else { return false };
        write_bill(&self.world, manifest, self.place, rows);
        self.place += 1;
        true
    }
}

/// The texts of a bill, as rows and messages both write them.
pub(crate) struct BillText {
    pub(crate) consignment_id: String,
    pub(crate) master_bill: String,
    pub(crate) house_bill: String,
    pub(crate) shipper_id: String,
    pub(crate) shipper_name: String,
    pub(crate) shipper_address: String,
    pub(crate) consignee_id: String,
    pub(crate) consignee_name: String,
    pub(crate) consignee_address: String,
    pub(crate) description: String,
    pub(crate) marks: String,
    pub(crate) hs_codes: Vec<String>,
}

impl BillText {
    pub(crate) fn new(world: &World, m: &Manifest, bill: &Bill) -> Self {
        let shipper = Exporter { number: bill.shipper, country: bill.shipper_country };
        let (mut consignment_id, mut master_bill) = (String::new(), String::new());
        push_cargo_control(&mut consignment_id, &m.id, bill.master, bill.house);
        if m.by_sea {
            master_bill.push_str(m.carrier);
            push_base36(&mut master_bill, m.number * 512 + bill.master, 7);
        } else {
            push_air_waybill(&mut master_bill, m.number * 512 + bill.master);
        }
        let house_bill = if bill.kind == BillKind::Straight {
            master_bill.clone()
        } else {
            let mut id = bill.forwarder.map_or("ZF", |f| world.parties.forwarders[f].as_str()).to_owned();
            push_base36(&mut id, bill.index, 7);
            id
        };
        let (mut shipper_id, mut shipper_name) = (String::new(), String::new());
        shipper.push_id(&mut shipper_id);
        shipper.push_name(&mut shipper_name);
        let (mut consignee_id, mut consignee_name) = (String::new(), String::new());
        match bill.consignee {
            Owner::Company(_) if bill.is_empties() => {
                consignee_name = format!("{} EXAMPLE LINE", m.carrier);
                shipper_name.clone_from(&consignee_name);
                shipper_id.clear();
            }
            Owner::Company(importer) => {
                consignee_id.clone_from(&world.parties.importers[importer as usize].id);
                consignee_name.clone_from(&world.parties.importers[importer as usize].name);
            }
            Owner::Person(person) => {
                push_resident(&mut consignee_id, &mut consignee_name, world.spec.seed, person);
            }
        }
        let country = TABLES.country(bill.shipper_country);
        let mut descriptions: Vec<&str> = bill.lines.iter().map(|l| l.description).collect();
        descriptions.dedup();
        let mut hs_codes: Vec<String> = bill.lines.iter().map(|l| TABLES.heading(l.heading).hs6().to_owned()).collect();
        hs_codes.dedup();
        let marks = if bill.is_empties() || bill.bits.trailing_zeros() >= 3 {
            "NO MARKS".to_owned()
        } else {
            let initials: String = consignee_name.split(' ').filter_map(|w| w.chars().next()).collect();
            format!(
                "{initials} {} 1-{}",
                ["BUSAN", "INCHEON", "SEOUL", "PYEONGTAEK"][bill.bits as usize >> 3 & 3],
                bill.packages()
            )
        };
        Self {
            consignment_id,
            master_bill,
            house_bill,
            shipper_address: address(bill.bits >> 8, bill.loading_port, country.code),
            shipper_id,
            shipper_name,
            consignee_address: address(
                bill.bits >> 24,
                ["SEOUL", "BUSAN", "INCHEON", "DAEGU", "GWANGJU"][(bill.bits >> 40) as usize % 5],
                "KR",
            ),
            consignee_id,
            consignee_name,
            description: if bill.is_empties() { "EMPTY CONTAINERS".to_owned() } else { descriptions.join(" / ") },
            marks,
            hs_codes,
        }
    }
}

/// The rows of a manifest.
pub(crate) fn rows_of(world: &World, m: &Manifest) -> RecordBatch {
    let mut rows = Rows::new(&CONSIGNMENT, COLUMNS);
    for place in 0..m.bills.len() {
        write_bill(world, m, place, &mut rows);
    }
    rows.finish()
}

fn write_bill(world: &World, m: &Manifest, place: usize, rows: &mut Rows) {
    let bill = &m.bills[place];
    let text = BillText::new(world, m, bill);
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (shipper_id, consignee_id) = (known(&text.shipper_id), known(&text.consignee_id));

    rows.put("consignment_id", text.consignment_id.as_str());
    rows.put("manifest_id", m.id.as_str());
    rows.put("line_no", place as i32 + 1);
    rows.put("master_bill_id", text.master_bill.as_str());
    rows.put("house_bill_id", text.house_bill.as_str());
    rows.put(
        "bill_kind",
        match bill.kind {
            BillKind::House => "house",
            BillKind::Straight => "straight",
            BillKind::CoLoad => "co_load",
        },
    );
    rows.put("nature", bill.nature);
    rows.put("transport_mode", if m.by_sea { "sea" } else { "air" });
    rows.put("office", m.office);
    rows.put("carrier_id", m.carrier);
    rows.put("forwarder_id", bill.forwarder.map(|f| world.parties.forwarders[f].as_str()));
    rows.put("conveyance_id", m.conveyance_id.as_str());
    rows.put("conveyance_name", m.conveyance_name.as_deref());
    rows.put("conveyance_country", m.flag);
    rows.put("voyage_no", m.voyage_no.as_str());
    rows.put("loading_port", bill.loading_port);
    rows.put("unloading_port", m.unloading_port);
    rows.put("destination_place", m.unloading_port);
    rows.put("route_countries", texts(&bill.route));
    rows.put("manifested_at", Cell::Ts(m.manifested_at));
    rows.put("departed_at", instant(m.departed_at));
    rows.put("arrival_expected_at", instant(m.arrival_expected_at));
    rows.put("shipper_id", shipper_id.as_deref());
    rows.put("consignee_id", consignee_id.as_deref());
    rows.put("shipper_name", text.shipper_name.as_str());
    rows.put("consignee_name", text.consignee_name.as_str());
    // Most bills name the consignee again as the one to tell.
    rows.put("notify_name", text.consignee_name.as_str());
    rows.put("shipper_address", text.shipper_address.as_str());
    rows.put("consignee_address", text.consignee_address.as_str());
    rows.put("shipper_country", TABLES.country(bill.shipper_country).code);
    rows.put("consignee_country", "KR");
    rows.put("description", text.description.as_str());
    rows.put("marks", text.marks.as_str());
    rows.put("hs_codes", texts(&text.hs_codes));
    rows.put("lines", lines(m, bill));
    rows.put("containers", containers(m, bill));
    rows.put("package_count", bill.packages());
    rows.put("gross_mass_kg", mass(m, bill));
    rows.put("volume_m3", bill.volume_m3());
    rows.put("part_kind", bill.part_kind);
    rows.put("freight_usd", bill.freight_usd);
    rows.put("value_usd", (bill.value_usd > 0.0).then_some(bill.value_usd));
    rows.put("special_handling", texts(&bill.special));
    rows.put("customs_notes", notes(m, &text));
    rows.put("version", 1);
    rows.put("change_kind", "new");
    rows.end();
}

/// Gross mass of the bill; of empty boxes, what the boxes weigh.
fn mass(m: &Manifest, bill: &Bill) -> f64 {
    if bill.is_empties() {
        bill.boxes.iter().map(|(at, _)| m.boxes[*at].gross_mass_kg).sum()
    } else {
        bill.gross_mass_kg()
    }
}

fn lines<'a>(m: &'a Manifest, bill: &'a Bill) -> Cell<'a> {
    let boxes = || Cell::List(bill.boxes.iter().map(|(at, _)| Cell::Text(&m.boxes[*at].id)).collect());
    let line = |(n, line): (usize, &'a super::Line)| {
        let goods = TABLES.heading(line.heading);
        Cell::Record(vec![
            Cell::I32(n as i32 + 1),
            Cell::Text(line.description),
            Cell::Text(goods.hs6()),
            Cell::F64(line.packages),
            Cell::Text(goods.package),
            Cell::F64(line.gross_mass_kg),
            Cell::F64(line.volume_m3),
            line.un_no.into(),
            boxes(),
        ])
    };
    Cell::List(bill.lines.iter().enumerate().map(line).collect())
}

fn containers<'a>(m: &'a Manifest, bill: &Bill) -> Cell<'a> {
    let record = |(at, packages): &(usize, f64)| {
        let container = &m.boxes[*at];
        Cell::Record(vec![
            Cell::Text(&container.id),
            Cell::Text(container.iso_type),
            Cell::Text(if container.empty { "empty" } else { "full" }),
            Cell::Text(if container.full_load { "FCL" } else { "LCL" }),
            texts(&container.seals),
            Cell::F64(container.gross_mass_kg),
            Cell::F64(*packages),
            Cell::Bool(true),
        ])
    };
    Cell::List(bill.boxes.iter().map(record).collect())
}

/// Air bills name the consignee to customs: its number and a contact.
fn notes<'a>(m: &Manifest, text: &'a BillText) -> Cell<'a> {
    if m.by_sea || text.consignee_id.is_empty() {
        return Cell::Null;
    }
    let note = |subject, kind, text| {
        Cell::Record(vec![Cell::Text("KR"), Cell::Text(subject), Cell::Text(kind), Cell::Text(text)])
    };
    Cell::List(vec![note("CNE", "T", &text.consignee_id), note("CNE", "CP", &text.consignee_name)])
}
