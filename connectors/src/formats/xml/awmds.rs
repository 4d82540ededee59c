//! ASYCUDA World cargo manifests (AWMDS): a consignment a bill. The head comes first and is kept; then each bill is
//! read and let go, so that a manifest may be as long as it likes.
//!
//! House bills of a master (`Awbolds`), those of a co-loader (`Awmcds`) and exports (`Awbolegmds`) come in the same
//! bills under other roots, whose head is nothing but what names the manifest and the master.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use rustc_hash::{FxBuildHasher, FxHashSet};

use super::consignment::{Container, Line, Party, Role, SHEET, id_at, key, notify, text_at};
use super::convert::moment;
use super::declaration::{amount, records};
use super::map::Read::{By, Code, Country, Id, Joined, Mass, Mode, Number, OneOf, Text, Volume};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table, tell};
use super::value::Value;
use crate::formats::edifact::dates::Moment;
use crate::formats::edifact::places::{to_utc_in, zone_of_port};

/// The column `message_format`.
pub const NAME: &str = "awmds";

/// Manifest, house bills of a master, co-loader's bills, exports.
pub const ROOTS: [&str; 4] = ["Awmds", "Awbolds", "Awmcds", "Awbolegmds"];

/// How many bills may repeat the head: nobody knows before the end.
const ROWS_MANY: usize = 16_384;

/// Head, under `General_segment`.
pub const HEADER: &[Field] = &[
    field("General_segment_id", "manifest_id", By("Customs_office_code/Voyage_number/Date_of_departure")),
    field("General_segment_id/Customs_office_code", "office", Code),
    field("Customs_office_code", "office", Code),
    field("General_segment_id/Voyage_number", "voyage_no", Id),
    field("Voyage_number", "voyage_no", Id),
    field("Reference_number", "master_bill_id", By("of bills that name no master")),
    field(
        "General_segment_id/Date_of_departure",
        "departed_at",
        By("in the zone of the place of departure, else of a bill's place of loading; also manifested_at"),
    ),
    field(
        "General_segment_id/Date_of_arrival",
        "arrival_expected_at",
        By("with Time_of_arrival, in the zone of the place of destination, else of the office"),
    ),
    field("Transport_information/Carrier/Carrier_code", "carrier_id", Id),
    field("Transport_information/Shipping_Agent/Shipping_Agent_code", "forwarder_id", Id),
    field("Transport_information/Mode_of_transport_code", "transport_mode", Mode("awmds")),
    field("Transport_information/Registration_number_of_transport_code", "conveyance_id", Id),
    field("Transport_information/Identity_of_transporter", "conveyance_id", Id),
    field("Transport_information/Identity_of_transporter", "conveyance_name", Text),
    field("Transport_information/Nationality_of_transporter_code", "conveyance_country", Country),
    field("Load_unload_place/Place_of_departure_code", "loading_port", Id),
    field("Load_unload_place/Place_of_destination_code", "unloading_port", Id),
];

const NATURES: &[(&str, &str)] =
    &[("22", "export"), ("23", "import"), ("24", "transit"), ("26", "on_board"), ("28", "transhipment")];

/// A bill, under `Bol_segment`.
pub const BILLS: &[Field] = &[
    field("Bol_id/Bol_reference", "house_bill_id", Id),
    field("Bol_id/Master_bol_ref_number", "master_bill_id", Id),
    field("Bol_id/Line_number", "line_no", super::map::Read::Count),
    field(
        "Bol_id/Bol_type_code",
        "bill_kind",
        By(
            "house where a master bill is named, or of HSB and HWB; master_only where Consolidated_Cargo is 1; else straight",
        ),
    ),
    field("Bol_id/Bol_nature", "nature", OneOf(NATURES)),
    field("Bol_id/Nature", "nature", OneOf(NATURES)),
    field("Load_unload_place/Port_of_origin_code", "loading_port", Id),
    field("Load_unload_place/Place_of_loading_code", "loading_port", Id),
    field("Load_unload_place/Place_of_unloading_code", "unloading_port", Id),
    field("Traders_segment/Carrier/Carrier_code", "carrier_id", Id),
    field("Traders_segment/Exporter", "shipper_name", By("Exporter_code, Exporter_name, Exporter_address")),
    field("Traders_segment/Consignee", "consignee_name", By("Consignee_code, Consignee_name, Consignee_address")),
    field("Traders_segment/Notify/Notify_name", "notify_name", By("`SAME AS CONSIGNEE` resolved")),
    field("Goods_segment/Number_of_packages", "package_count", Number),
    field("Goods_segment/Gross_mass", "gross_mass_kg", Mass("")),
    field("Goods_segment/Volume_in_cubic_meters", "volume_m3", Volume("")),
    field("Goods_segment/Goods_description", "description", Joined),
    field("Goods_segment/Shipping_marks", "marks", Joined),
    field(
        "Goods_segment",
        "lines",
        By("one line each: description, packages, Package_type_code, mass, volume; of a single one all containers. \
             Of several packages and masses are added up"),
    ),
    field("HS_code", "hs_codes", By("all of the bill, wherever they stand; the first is that of the line")),
    field(
        "ctn_segment",
        "containers",
        By("Ctn_reference, Type_of_container, Status (FCL, LCL, PRT, empty), Seal_number, Gross_weight, \
             Number_of_packages; UN makes the line dangerous"),
    ),
    field("Value_segment/Freight_segment/Freight_value", "freight_usd", By("where Freight_currency is USD")),
    field("Value_segment/Customs_segment/Customs_value", "value_usd", By("where Customs_currency is USD")),
];

static HEADER_TABLE: LazyTable = LazyLock::new(|| table(HEADER, &SHEET));
static BILL_TABLE: LazyTable = LazyLock::new(|| table(BILLS, &SHEET));

/// The manifest that is being read.
#[derive(Default)]
pub struct State {
    header: Option<Row<'static>>,
    manifest: Option<String>,
    master: Option<String>,
    /// Where the head names no port.
    departs: Option<Moment>,
    root: &'static str,
    totals: Totals,
    n: usize,
    orphans: bool,
}

#[derive(Default)]
struct Totals {
    said: [Option<f64>; 4],
    found: [f64; 4],
    /// Each container once, as far as they are counted: groupage stands in several bills.
    containers: FxHashSet<u64>,
}

/// More containers than any ship carries.
const CONTAINERS_MAX: usize = 100_000;

const CONTAINERS: &str = "Total_number_of_containers";
const TOTALS: [&str; 4] = ["Total_number_of_bols", "Total_number_of_packages", CONTAINERS, "Total_gross_mass"];

impl State {
    fn version(&self) -> String {
        self.root.to_uppercase()
    }

    /// Another element that begins no unit: a new manifest forgets the head of the last.
    pub fn passes(&mut self, local: &str, out: &mut Output<'_>) {
        if let Some(root) = ROOTS.into_iter().find(|root| *root == local) {
            self.end(out);
            self.root = root;
        }
    }

    /// The manifest ends: its totals are compared.
    pub fn end(&mut self, out: &mut Output<'_>) {
        let State { totals, root, .. } = std::mem::take(self);
        for ((name, said), found) in TOTALS.iter().zip(totals.said).zip(totals.found) {
            // Some count a container in each bill.
            let each_once = *name == CONTAINERS && said == Some(totals.containers.len() as f64);
            if let Some(said) = said.filter(|said| (said - found).abs() > 0.005 && !each_once) {
                let code = if *name == "Total_number_of_bols" { "item_count" } else { "total_mismatch" };
                let path = format!("{root}/General_segment/Totals_segment/{name}");
                out.warn(code, path, format!("says {said}, the message holds {found}"));
            }
        }
    }

    /// Reads the head.
    pub fn head(&mut self, unit: &Unit<'_>, out: &mut Output<'_>) {
        let version = self.version();
        out.saw(NAME, &version);
        let root = unit.element;
        let Some(_) = Parts::of(unit, &[], out) else { return };
        let zone = out.options.zone;
        let path = format!("{}/{}", self.root, root.name());
        let path = path.as_str();
        let ids = root.at("General_segment_id").unwrap_or(root);
        let mut row = Row::default();
        fill(&HEADER_TABLE, root, zone, &|| path.to_owned(), &mut row);
        let office = id_at(ids, "Customs_office_code");
        let voyage = id_at(ids, "Voyage_number");
        let day = ids.get("Date_of_departure").and_then(moment);
        let parts = [
            office.as_deref().map(str::to_owned),
            voyage.map(std::borrow::Cow::into_owned),
            day.map(|d| d.date.to_string()),
        ];
        let manifest = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        let port = root.get("Load_unload_place/Place_of_departure_code").unwrap_or_default();
        match (day, zone_of_port(port)) {
            (Some(day), Some(zone)) => {
                let instant = to_utc_in(day, zone).map_or(Value::Null, Value::Ts);
                row.put_at(SHEET.at("departed_at"), instant.clone());
                row.put_at(SHEET.at("manifested_at"), instant);
                row.warn("no_manifest_time", path, "the departure was taken");
            }
            (Some(day), None) if port.is_empty() => self.departs = Some(day),
            (Some(_), None) => {
                row.warn("unknown_port", format!("{path}/Load_unload_place"), "time of departure left NULL");
            }
            (None, _) => row.warn("no_manifest_time", path, "neither the manifest nor its departure has a time"),
        }
        if let Some(sent) = ids.get("Date_of_arrival") {
            let port = root.get("Load_unload_place/Place_of_destination_code").unwrap_or_default();
            let zone = zone_of_port(port).unwrap_or(zone);
            match arrival(sent, ids.get("Time_of_arrival")).and_then(|moment| to_utc_in(moment, zone)) {
                Some(instant) => row.put_at(SHEET.at("arrival_expected_at"), Value::Ts(instant)),
                None => row.warn("bad_date", format!("{path}/General_segment_id/Date_of_arrival"), "no time"),
            }
        }
        if root.get("Transport_information/Mode_of_transport_code").is_none() {
            row.warn("no_mode", path, "no Mode_of_transport_code");
            row.put(&SHEET, "transport_mode", "unknown");
        }
        row.put(&SHEET, "manifest_id", (!manifest.is_empty()).then(|| manifest.clone()));
        row.put(&SHEET, "master_bill_id", id_at(root, "Reference_number"));
        let sender = id_at(root, "Transport_information/Carrier/Carrier_code").unwrap_or_default();
        let id = manifest.clone();
        Envelope { format: NAME, version, id, sender, issued_at: None, change: "new", reason: None }
            .put(&SHEET, &mut row);
        row.bound(ROWS_MANY, path);
        tell(&row, out);
        row.hush();
        for (said, name) in self.totals.said.iter_mut().zip(TOTALS) {
            *said = amount(root, &format!("Totals_segment/{name}"));
        }
        // As every row repeats them.
        let repeated = |column| row.text(&SHEET, column).filter(|text| !text.is_empty()).map(str::to_owned);
        (self.manifest, self.master) = (repeated("manifest_id"), repeated("master_bill_id"));
        self.header = Some(row.into_owned());
        out.count("manifests", 1);
    }

    /// Reads a bill.
    pub fn bill(&mut self, unit: &Unit<'_>, out: &mut Output<'_>) {
        let version = self.version();
        out.saw(NAME, &version);
        let root = unit.element;
        self.n += 1;
        let path = format!("{}/Bol_segment[{}]", self.root, self.n);
        let Some(parts) = Parts::of(unit, &[], out) else { return };
        let mut row = Row::default();
        fill(&BILL_TABLE, root, out.options.zone, &|| path.clone(), &mut row);
        let Some(number) = id_at(root, "Bol_id/Bol_reference") else {
            let position = format!("byte {}, {path}/Bol_id", unit.place.byte);
            return out.set_aside("no_bill", &position, "the bill has no Bol_reference", root.raw());
        };
        let none = Row::default();
        let header = self.header.as_ref().unwrap_or(&none);
        if self.header.is_none() {
            row.warn("no_header", path.as_str(), "no General_segment stands before it");
            self.orphans = true;
            let sender = "".into();
            let id = number.to_string();
            let envelope = Envelope { format: NAME, version, id, sender, issued_at: None, change: "new", reason: None };
            envelope.put(&SHEET, &mut row);
        }
        let master = id_at(root, "Bol_id/Master_bol_ref_number").or(self.master.as_deref().map(Into::into));
        let consolidated = root.get("Bol_id/Consolidated_Cargo").or(root.get("Consolidated_Cargo")) == Some("1");
        let kind = match &master {
            Some(_) => "house",
            None if matches!(root.get("Bol_id/Bol_type_code"), Some("HSB" | "HWB")) => "house",
            None if consolidated => "master_only",
            None => "straight",
        };
        row.put(&SHEET, "bill_kind", kind);
        row.put_if_none(&SHEET, "master_bill_id", master.clone());
        if let Some(day) = self.departs {
            let port = root.get("Load_unload_place/Place_of_loading_code").unwrap_or_default();
            if let Some(instant) = zone_of_port(port).and_then(|zone| to_utc_in(day, zone)) {
                row.put_at(SHEET.at("departed_at"), Value::Ts(instant));
                row.put_at(SHEET.at("manifested_at"), Value::Ts(instant));
                row.warn("no_manifest_time", path.as_str(), "the departure from the place of loading was taken");
            } else {
                row.warn("unknown_port", format!("{path}/Load_unload_place"), "time of departure left NULL");
            }
        }
        row.put(&SHEET, "consignment_id", key(self.manifest.as_deref(), master.as_deref(), &number));
        if row.get(&SHEET, "nature").is_none() {
            row.warn("missing_value", format!("{path}/Bol_id/Bol_nature"), "taken as import");
            row.put(&SHEET, "nature", "import");
        }
        traders(unit, &path, &mut row);
        goods(unit, &path, &mut row, &mut self.totals);
        if out.write(&SHEET, &[header, &row], &parts.stand(root, path)) {
            out.count("consignments", 1);
        }
    }
}

/// The day of the arrival in any form, with its time where that is told apart.
fn arrival(day: &str, time: Option<&str>) -> Option<Moment> {
    let day = moment(day)?;
    let Some(time) = time else { return Some(day) };
    // Some send fractions of seconds.
    let time = time.split('.').next().unwrap_or(time).replace(':', "");
    let zero = if matches!(time.len(), 3 | 5) { "0" } else { "" };
    moment(&format!("{}{zero}{time}", day.date.format("%Y%m%d")))
}

fn traders<'u>(unit: &Unit<'u>, path: &str, row: &mut Row<'u>) {
    let Some(traders) = unit.element.at("Traders_segment") else { return };
    for (role, name) in [(Role::Shipper, "Exporter"), (Role::Consignee, "Consignee")] {
        let part = |part: &str| traders.get(&format!("{name}/{name}_{part}"));
        let (code, called, address) = (part("code"), part("name"), part("address"));
        Party::default().numbered(code).named(called).living(&[address], None, path, row).put(role, row);
    }
    notify(traders.get("Notify/Notify_name"), row);
}

fn goods<'u>(unit: &Unit<'u>, path: &str, row: &mut Row<'u>, totals: &mut Totals) {
    let root = unit.element;
    let mut containers = Vec::new();
    for (n, segment) in root.all("ctn_segment").enumerate() {
        let Some(number) = segment.get("Ctn_reference") else { continue };
        let mut container = Container::new(number, format!("{path}/ctn_segment[{}]", n + 1), row);
        container.iso_type = id_at(segment, "Type_of_container");
        let status = segment.get("Status").or(segment.get("Empty_Full")).map(str::to_ascii_uppercase);
        (container.fill, container.load) = match status.as_deref() {
            Some("FCL" | "FS" | "1/1" | "01" | "8") => (Some("full"), Some("FCL")),
            Some("LCL" | "FM" | "PRT" | "PTI" | "02" | "7") => (Some("full"), Some("LCL")),
            Some("5" | "FULL") => (Some("full"), None),
            Some("MTY" | "MT" | "EMP" | "ETY" | "0/0" | "00" | "4" | "EMPTY") => (Some("empty"), None),
            None => (None, None),
            Some(other) => {
                let path = format!("{path}/ctn_segment[{}]/Status", n + 1);
                row.warn("unknown_code", path, format!("`{}`", super::convert::short(other)));
                (None, None)
            }
        };
        let seals = segment.children().filter(|c| matches!(c.name(), "Seal_number" | "Marks1" | "Marks2" | "Marks3"));
        container.seals = seals.filter_map(|s| s.value().map(|s| super::convert::id(s.into()))).collect();
        container.gross_mass_kg = amount(segment, "Gross_weight").or_else(|| amount(segment, "Goods_weight"));
        container.packages = amount(segment, "Number_of_packages");
        containers.push(container);
    }
    let goods = root.at("Goods_segment");
    // Seals of the whole bill.
    if let Some(seals) = goods.and_then(|goods| goods.get("Seals_segment/Marks_of_seals"))
        && containers.iter().all(|container: &Container<'_>| container.seals.is_empty())
    {
        let seals = seals.split([',', ' ']).filter(|seal| !seal.is_empty());
        match containers.as_mut_slice() {
            [only] => only.seals = seals.map(|seal| super::convert::id(seal.into())).collect(),
            [] => {}
            _ => row.warn("seals_unassigned", format!("{path}/Goods_segment/Seals_segment"), "of several containers"),
        }
    }
    let mut tariffs = Vec::new();
    for sent in root.descendants().filter(|e| e.name() == "HS_code").filter_map(Element::value) {
        match super::convert::tariff(sent) {
            Some(code) => tariffs.push(code),
            None => row.warn("bad_tariff", format!("{path}//HS_code"), format!("`{}`", super::convert::short(sent))),
        }
    }
    let each: Vec<Element<'u>> = root.all("Goods_segment").collect();
    let sum = |name: &str| each.iter().filter_map(|goods| amount(*goods, name)).reduce(|sum, n| sum + n);
    let (packages, mass) = (sum("Number_of_packages"), sum("Gross_mass"));
    if each.len() > 1 {
        row.put(&SHEET, "package_count", packages);
        row.put(&SHEET, "gross_mass_kg", mass);
        row.put(&SHEET, "volume_m3", sum("Volume_in_cubic_meters"));
    }
    let found = [1.0, packages.unwrap_or(0.0), containers.len() as f64, mass.unwrap_or(0.0)];
    totals.found.iter_mut().zip(found).for_each(|(sum, n)| *sum += n);
    let room = CONTAINERS_MAX.saturating_sub(totals.containers.len());
    totals.containers.extend(containers.iter().take(room).map(|container| FxBuildHasher.hash_one(&container.id)));
    // Some write 0 where there is none.
    let is_some = |code: &std::borrow::Cow<'_, str>| code.as_ref() != "0";
    if !each.is_empty() {
        let un_no = |goods: Element<'u>| id_at(goods, "UN_number").filter(is_some);
        let in_container = id_at(root, "ctn_segment/UN").filter(is_some);
        let class = id_at(root, "ctn_segment/IMCO").filter(is_some);
        let dangerous = in_container.is_some() || class.is_some() || each.iter().any(|goods| un_no(*goods).is_some());
        row.put(&SHEET, "dangerous", dangerous);
        let single = each.len() == 1;
        let lines = each.iter().zip(1..).map(|(goods, number)| {
            let own = goods.descendants().filter(|e| e.name() == "HS_code").filter_map(Element::value);
            let own = own.into_iter().find_map(super::convert::tariff);
            let line = Line {
                number,
                description: text_at(*goods, "Goods_description").unwrap_or_default(),
                hs_code: if single { tariffs.first().cloned() } else { own },
                packages: amount(*goods, "Number_of_packages"),
                package_kind: id_at(*goods, "Package_type_code"),
                gross_mass_kg: amount(*goods, "Gross_mass"),
                volume_m3: amount(*goods, "Volume_in_cubic_meters"),
                un_no: un_no(*goods).or_else(|| in_container.clone().filter(|_| single)),
                // Of several it is not told which is where.
                container_ids: containers.iter().filter(|_| single).map(|c| c.id.clone()).collect(),
            };
            line.record()
        });
        row.put_at(SHEET.at("lines"), records(lines.collect::<Vec<_>>()));
    }
    row.put_at(SHEET.at("hs_codes"), Value::texts(tariffs));
    row.put_at(SHEET.at("containers"), records(containers.into_iter().map(Container::record)));
    for (segment, name, column) in
        [("Freight_segment", "Freight", "freight_usd"), ("Customs_segment", "Customs", "value_usd")]
    {
        let Some(value) = root.at("Value_segment").and_then(|v| v.at(segment)) else { continue };
        let Some(sum) = amount(value, &format!("{name}_value")) else { continue };
        match value.get(&format!("{name}_currency")) {
            Some("USD") => row.put(&SHEET, column, sum),
            _ if sum == 0.0 => row.put(&SHEET, column, 0.0),
            _ => row.warn("amount_currency", format!("{path}/Value_segment/{segment}"), "not in USD"),
        }
    }
    let mut route: Vec<&'u str> = Vec::new();
    for port in ["Port_of_origin_code", "Place_of_loading_code", "Place_of_unloading_code"] {
        route.extend(root.get(&format!("Load_unload_place/{port}")).filter(|p| p.len() == 5).and_then(|p| p.get(..2)));
    }
    row.put_at(SHEET.at("route_countries"), Value::texts(route.into_iter().map(std::borrow::Cow::Borrowed)));
}
