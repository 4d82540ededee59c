//! CUSCAR: sea, air and road manifests to consignment rows, one a bill.
//!
//! D.95B to D.16B, in three dialects. The header runs to the first CNI. Under a CNI, an RFF of a bill (BM, BH, AWB,
//! HWB, AAM) starts a consignment; where BH or HWB does, the CNI or an RFF MB or MWB names its master, otherwise the bill
//! is straight. Empty containers that no bill names give one consignment of nature `empty` a manifest, so that nobody
//! forgets them.

mod bill;
mod manifest;
mod rows;

use std::collections::{HashMap, HashSet};

use haechi_model::intake::Warning;

use super::equipment::Equipment;
use super::interchange::Message;
use super::output::Output;
use super::places::upper;
use super::segments::{Arena, Raw};
use bill::Bill;
use manifest::{Manifest, nature_of};
use rows::Rows;

/// The column `message_format`.
pub const FORMAT: &str = "cuscar";
/// More segments than one bill has.
const GROUP_SEGMENTS_MAX: usize = 50_000;
/// More segments, and more bytes, than the bills of one CNI share: they are read again for each of them.
const SHARED_SEGMENTS_MAX: usize = 100;
const SHARED_BYTES_MAX: usize = 16 * 1024;
/// Stands for the bill that empty containers do not have.
const EMPTY: &str = "EMPTY";

/// The numbers of a bill, and how it stands to others.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Column `line_no`.
    pub line_no: Option<i32>,
    /// Column `master_bill_id`.
    pub master: Option<String>,
    /// Column `house_bill_id`.
    pub house: String,
    /// Column `bill_kind`.
    pub kind: &'static str,
    /// The segment it starts with.
    pub segment: u32,
}

/// A consignment in the message: its numbers, its segments, and those of its CNI that every bill under it shares.
struct Group {
    numbers: Option<Numbers>,
    shared: (usize, usize),
    own: (usize, usize),
}

/// Reads a manifest.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let segments = message.segments;
    let first = segments.iter().position(|s| s.tag() == "CNI").unwrap_or(segments.len());
    let mut warnings = Vec::new();
    let mut arena = message.header(segments[..first].iter().copied(), &mut warnings);
    let manifest = Manifest::read(&arena, message, out.input.options.zone, &mut warnings);
    let groups = groups(message, first);
    let natures = segments[first..].iter().any(|s| says_nature(message, *s));
    if manifest.nature.is_none() && !natures && !groups.is_empty() {
        warnings.push(Warning { code: "no_nature", path: message.path(1), text: "taken as import".into() });
    }
    for warning in warnings {
        out.warn_with(warning);
    }
    if manifest.id.is_none() && !groups.iter().any(|g| g.numbers.is_some()) {
        let position = message.position(1);
        let reason = format!("{position}: neither manifest nor bill is named; send the manifest again");
        return out.set_aside("no_manifest", position, reason, message.raw(segments).as_bytes());
    }

    out.count("containers", manifest.equipment.len() as u64);
    let mut reader = Reader::new(message, &manifest);
    for group in &groups {
        reader.consignment(group, &mut arena, out);
    }
    reader.without_bill(out);
    reader.tally.report(message, &manifest, out);
}

/// Whether a segment says what happens to goods: other GIS and GEI tell of procedures.
fn says_nature(message: &Message<'_>, raw: Raw<'_>) -> bool {
    let mut arena = Arena::new(message.chars);
    matches!(raw.tag(), "GIS" | "GEI")
        && arena.push(raw).is_ok()
        && arena.first().is_some_and(|s| nature_of(s).is_some())
}

/// Finds the consignments behind the header.
fn groups(message: &Message<'_>, first: usize) -> Vec<Group> {
    let segments = message.segments;
    let starts: Vec<usize> = (first..segments.len()).filter(|i| segments[*i].tag() == "CNI").collect();
    let mut groups = Vec::new();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(segments.len());
        under_cni(message, *start, end, &mut groups);
    }
    if let [only] = groups.as_mut_slice()
        && only.numbers.is_none()
    {
        by_header(message, first, only);
    }
    groups
}

/// A report of one consignment may name its bill, and who is at its ends, before it.
fn by_header(message: &Message<'_>, first: usize, group: &mut Group) {
    let header = &message.segments[..first];
    let is_bill = |raw: &Raw<'_>| {
        raw.tag() == "RFF" && matches!(raw.qualifier(message.chars), "HWB" | "BH" | "MWB" | "MB" | "AWB" | "BM")
    };
    let Some(start) = header.iter().position(is_bill) else { return };
    let behind = header[start..].iter().take_while(|raw| matches!(raw.tag(), "RFF" | "NAD")).count();
    let mut arena = Arena::new(message.chars);
    for raw in header.iter().copied().filter(is_bill) {
        let _ = arena.push(raw);
    }
    let number = |qualifiers: &[&str]| {
        let rff = arena.iter().find(|rff| qualifiers.contains(&rff.get(0, 0)))?;
        rff.value(0, 1).map(|number| upper(number).into_owned())
    };
    let (house, master) = (number(&["HWB", "BH"]), number(&["MWB", "MB"]));
    let (house, kind) = match (house, number(&["AWB", "BM"]), &master) {
        (Some(house), ..) => (house, "house"),
        (None, Some(bill), _) => (bill, "straight"),
        (None, None, Some(master)) => (master.clone(), "master_only"),
        (None, None, None) => return,
    };
    let segment = message.segments.get(group.own.0).map_or(1, |s| s.number);
    group.numbers = Some(Numbers { line_no: None, master, house, kind, segment });
    group.shared = (start, start + behind);
}

/// The consignments of one CNI.
fn under_cni(message: &Message<'_>, start: usize, end: usize, groups: &mut Vec<Group>) {
    let segments = &message.segments[start..end];
    let mut arena = Arena::new(message.chars);
    // What cannot be read here is read again, and warned about, with its bill.
    let _ = arena.push(segments[0]);
    let references: Vec<usize> = (1..segments.len()).filter(|i| segments[*i].tag() == "RFF").collect();
    for index in &references {
        let _ = arena.push(segments[*index]);
    }
    let cni = arena.first();
    let line_no = cni.and_then(|c| c.get(0, 0).parse().ok());
    let mut master = cni.and_then(|c| c.value(1, 0)).map(|m| upper(m).into_owned());
    let own = master.clone();
    let at = segments[0].number;
    let mut bills: Vec<(Numbers, usize)> = Vec::new();
    let houses = arena.iter().skip(1).any(|r| matches!(r.get(0, 0), "BH" | "HWB"));
    let mut master_only = None;
    for (rff, index) in arena.iter().skip(1).zip(references) {
        let Some(number) = rff.value(0, 1).map(|n| upper(n).into_owned()) else { continue };
        let qualifier = rff.get(0, 0);
        match qualifier {
            "MB" | "MWB" => {
                // Right behind its house bill it names that one's master, otherwise that of what follows.
                let behind = bills
                    .last_mut()
                    .filter(|(_, i)| index - *i < 16 && segments[*i..index].iter().all(|s| s.tag() == "RFF"));
                if let Some((numbers, _)) = behind {
                    numbers.master = Some(number.clone());
                }
                master_only = master_only.or(Some((number.clone(), index)));
                master = Some(number);
            }
            "BM" | "AWB" | "AAM" if houses => master = Some(number),
            "BM" | "AWB" | "AAM" => {
                bills.push((
                    Numbers { line_no, master: None, house: number, kind: "straight", segment: rff.number() },
                    index,
                ));
            }
            "BH" | "HWB" => {
                let master = master.clone();
                bills.push((Numbers { line_no, master, house: number, kind: "house", segment: rff.number() }, index));
            }
            _ => {}
        }
    }
    if bills.is_empty() {
        let named = master_only.map(|(number, _)| (number, "master_only")).or(own.map(|number| (number, "straight")));
        let numbers = named.map(|(house, kind)| {
            let master = (kind == "master_only").then(|| house.clone());
            Numbers { line_no, master, house, kind, segment: at }
        });
        groups.push(Group { numbers, shared: (start, start), own: (start, end) });
        return;
    }
    // What stands before the reference of a bill that is alone is its own, in whatever order it was sent.
    if let [(numbers, _)] = bills.as_slice()
        && numbers.kind == "straight"
    {
        groups.push(Group { numbers: Some(numbers.clone()), shared: (start, start), own: (start, end) });
        return;
    }
    let shared = (start, start + bills[0].1);
    let ends: Vec<usize> = bills.iter().skip(1).map(|(_, i)| start + i).chain([end]).collect();
    for ((numbers, index), end) in bills.into_iter().zip(ends) {
        groups.push(Group { numbers: Some(numbers), shared, own: (start + index, end) });
    }
}

/// Reads the consignments of one manifest.
struct Reader<'m> {
    message: &'m Message<'m>,
    manifest: &'m Manifest,
    rows: Rows<'m>,
    /// Where in the manifest's list a container stands.
    equipment: HashMap<&'m str, usize>,
    /// Those that some bill names.
    named: HashSet<usize>,
    tally: Tally,
}

impl<'m> Reader<'m> {
    fn new(message: &'m Message<'m>, manifest: &'m Manifest) -> Self {
        let equipment = manifest.equipment.iter().enumerate().map(|(i, e)| (e.id.as_str(), i)).collect();
        let rows = Rows::new(message, manifest);
        Self { message, manifest, rows, equipment, named: HashSet::new(), tally: Tally::default() }
    }

    fn consignment(&mut self, group: &Group, arena: &mut Arena<'m>, out: &mut Output<'_>) {
        let message = self.message;
        let own = &message.segments[group.own.0..group.own.1];
        let shared = &message.segments[group.shared.0..group.shared.1];
        let at = own.first().map_or(1, |s| s.number);
        let position = message.position(at);
        let Some(numbers) = &group.numbers else {
            let reason = format!("{position}: a consignment without bill number; send the consignment again");
            self.tally.set_aside += 1;
            return out.set_aside("no_bill", position, reason, message.raw(own).as_bytes());
        };
        let shared_bytes: usize = shared.iter().take(SHARED_SEGMENTS_MAX).map(|s| s.text.len()).sum();
        let too_much_shared = shared.len() > SHARED_SEGMENTS_MAX || shared_bytes > SHARED_BYTES_MAX;
        if own.len() > GROUP_SEGMENTS_MAX || too_much_shared {
            let segments = own.len() + shared.len();
            let bytes = own.iter().map(|s| s.text.len()).sum::<usize>() + shared_bytes;
            let reason =
                format!("{position}: one bill of {segments} segments, {bytes} bytes or more; send the bill again");
            self.tally.set_aside += 1;
            return out.set_aside("group_too_long", position, reason, message.raw(own).as_bytes());
        }
        let mut warnings = Vec::new();
        arena.clear();
        // Goods before the first of several bills are those of all of them: each bill that lists its own counts these.
        let of_all = shared.iter().position(|s| s.tag() == "GID").filter(|_| own.iter().any(|s| s.tag() == "GID"));
        for raw in shared[..of_all.unwrap_or(shared.len())].iter().chain(own) {
            message.push(arena, *raw, &mut warnings);
        }
        let mut bill = Bill::read(arena, at, message);
        warnings.append(&mut bill.warnings);
        bill.warnings = warnings;
        let containers = self.containers_of(&mut bill, at);
        for warning in &bill.warnings {
            out.warn_with(warning.clone());
        }
        if self.rows.write(numbers, &bill, &containers, own, out) {
            self.tally.add(numbers, &bill);
            self.tally.without_nature += u64::from(bill.nature.or(self.manifest.nature).is_none());
            out.count("containers", bill.equipment.len() as u64);
        } else {
            self.tally.set_aside += 1;
        }
    }

    /// The containers of a bill, with what the manifest says of them and how many packages the bill has in each.
    fn containers_of(&mut self, bill: &mut Bill, at: u32) -> Vec<(Equipment, Option<f64>)> {
        let mut containers: Vec<(Equipment, Option<f64>)> = bill.equipment.iter().map(|e| (e.clone(), None)).collect();
        let mut place: HashMap<String, usize> =
            containers.iter().enumerate().map(|(i, (e, _))| (e.id.clone(), i)).collect();
        for (id, packages) in bill.lines.iter().flat_map(|l| &l.containers) {
            let i = *place.entry(id.clone()).or_insert_with(|| {
                let known = self.equipment.get(id.as_str()).copied();
                self.named.extend(known);
                let found = known.and_then(|i| self.manifest.equipment.get(i)).cloned();
                // A change repeats the bills it changes, not the equipment.
                if found.is_none() && self.manifest.function != "4" {
                    let text = format!("container {} is not on the manifest", manifest::short_id(id));
                    bill.warnings.push(Warning { code: "no_containers_listed", path: self.message.path(at), text });
                }
                containers.push((found.unwrap_or_else(|| Equipment::named_only(id)), None));
                containers.len() - 1
            });
            if let (Some(packages), Some((_, total))) = (packages, containers.get_mut(i)) {
                *total = Some(total.unwrap_or(0.0) + packages);
            }
        }
        containers
    }

    /// Equipment that no bill names: empty, one consignment; full, a warning.
    fn without_bill(&mut self, out: &mut Output<'_>) {
        let unnamed =
            self.manifest.equipment.iter().enumerate().filter(|(i, _)| !self.named.contains(i)).map(|(_, e)| e);
        let (empty, full): (Vec<_>, Vec<_>) = unnamed.partition(|e| e.fill == Some("empty"));
        for equipment in full {
            let text = format!("container {} is in no bill", manifest::short_id(&equipment.id));
            out.warn("container_without_bill", self.message.path(1), text);
        }
        if empty.is_empty() {
            return;
        }
        let numbers = Numbers { line_no: None, master: None, house: EMPTY.into(), kind: "straight", segment: 1 };
        let containers: Vec<_> = empty.into_iter().map(|e| (e.clone(), None)).collect();
        let bill = Bill { nature: Some("empty"), ..Bill::default() };
        let raw: Vec<Raw<'_>> = self.message.segments.iter().copied().filter(|s| s.tag() == "EQD").collect();
        if self.rows.write(&numbers, &bill, &containers, &raw, out) {
            self.tally.empties += 1;
        }
    }
}

/// What was counted in a message.
#[derive(Default)]
struct Tally {
    bills: u64,
    houses: u64,
    masters: HashSet<String>,
    lines: u64,
    packages: f64,
    gross_mass_kg: f64,
    empties: u64,
    without_nature: u64,
    set_aside: u64,
}

impl Tally {
    fn add(&mut self, numbers: &Numbers, bill: &Bill) {
        self.bills += 1;
        self.houses += u64::from(numbers.kind == "house");
        self.masters.extend(numbers.master.clone());
        self.lines += bill.lines.len() as u64;
        self.packages += bill.packages().unwrap_or(0.0);
        self.gross_mass_kg += bill.mass_kg().unwrap_or(0.0);
    }

    fn report(&self, message: &Message<'_>, manifest: &Manifest, out: &mut Output<'_>) {
        out.count("bills", self.bills);
        out.count("house_bills", self.houses);
        out.count("masters", self.masters.len() as u64);
        out.count("goods_lines", self.lines);
        out.count("packages", self.packages.round() as u64);
        out.count("gross_mass_kg", self.gross_mass_kg.round() as u64);
        out.count("empty_consignments", self.empties);
        match manifest.function.as_str() {
            "4" | "5" => out.count("amended", self.bills),
            "1" | "3" => out.count("cancelled", self.bills),
            _ => {}
        }
        // Where none says it, that was told at the beginning.
        if (1..self.bills).contains(&self.without_nature) {
            out.warn("no_nature", message.path(1), format!("{} bills taken as import", self.without_nature));
        }
        let totals = &manifest.totals;
        let listed = self.bills + self.set_aside;
        let mut says = Vec::new();
        if totals.consignments.is_some_and(|n| n != listed && n != self.masters.len() as u64) {
            says.push(format!("consignments {}, listed {listed}", totals.consignments.unwrap_or_default()));
        }
        if totals.equipment.is_some_and(|n| n != manifest.equipment.len() as u64) {
            says.push(format!(
                "equipment {}, listed {}",
                totals.equipment.unwrap_or_default(),
                manifest.equipment.len()
            ));
        }
        let differs = |said: Option<f64>, sum: f64| said.is_some_and(|s| (s - sum).abs() > 0.5);
        if differs(totals.packages, self.packages) {
            says.push(format!("packages {}, listed {}", totals.packages.unwrap_or_default(), self.packages));
        }
        if differs(totals.gross_mass_kg, self.gross_mass_kg) {
            let said = totals.gross_mass_kg.unwrap_or_default();
            says.push(format!("gross mass {said} kg, listed {} kg", self.gross_mass_kg));
        }
        if !says.is_empty() {
            out.warn("cnt_mismatch", message.path(1), format!("CNT says {}", says.join("; ")));
        }
    }
}

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMNS: &[&str] = rows::COLUMN_NAMES;

#[cfg(test)]
mod tests;
