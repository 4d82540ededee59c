//! CUSCAR: sea, air and road manifests to consignment rows, one a bill.
//!
//! D.95B to D.16B, in three dialects. The header runs to the first CNI. Under a CNI, an RFF of a bill (BM, BH, AWB,
//! HWB, AAM) starts a consignment; where BH or HWB does, the CNI or an RFF MB or MWB names its master, otherwise the bill
//! is straight, but for several BM under a CNI of another number, which is their master. Empty containers that no bill
//! names give one consignment of nature `empty` a manifest, so that nobody forgets them.

mod amounts;
mod bill;
mod manifest;
mod rows;
mod totals;

use std::collections::{HashMap, HashSet};

use haechi_model::intake::Warning;

use super::equipment::Equipment;
use super::interchange::Message;
use super::output::Output;
use super::places::{short, upper};
use super::segments::{Arena, Raw};
use bill::{Bill, Line};
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
    // What is withdrawn need not say what was to happen to it.
    let withdrawn = manifest.change_kind() == "cancel";
    if manifest.nature.is_none() && !natures && !groups.is_empty() && !withdrawn {
        let text = format!("{}taken as import", other_indicator(message));
        warnings.push(Warning { code: "no_nature", path: message.path(1), text });
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
    if groups.is_empty() && reader.tally.empties == 0 {
        nothing_listed(message, withdrawn, out);
    }
}

/// A manifest without any consignment, be it withdrawn as a whole: of no bill could be said what becomes of it.
fn nothing_listed(message: &Message<'_>, withdrawn: bool, out: &mut Output<'_>) {
    let position = message.position(1);
    let what = if withdrawn {
        "a withdrawal that names no bill withdraws none; send it again with a CNI and RFF for each bill"
    } else {
        "a manifest without any consignment; send it again with a CNI and RFF for each bill"
    };
    out.set_aside("no_bill", &position, format!("{position}: {what}"), message.raw(message.segments).as_bytes());
}

/// What the first GIS or GEI says that tells nothing of what happens to goods, for a warning that none does.
fn other_indicator(message: &Message<'_>) -> String {
    let mut arena = Arena::new(message.chars);
    for raw in message.segments.iter().filter(|raw| matches!(raw.tag(), "GIS" | "GEI")) {
        arena.clear();
        let _ = arena.push(*raw);
        if let Some(s) = arena.first().filter(|s| nature_of(*s).is_none()) {
            return format!("{} `{}` does not say; ", s.tag(), short(s.get(usize::from(s.tag() == "GEI"), 0)));
        }
    }
    String::new()
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
    // A bill whose number is missing is one all the same: what stands behind it is not of the bill before.
    let mut bills: Vec<(Option<Numbers>, usize)> = Vec::new();
    let houses = arena.iter().skip(1).any(|r| matches!(r.get(0, 0), "BH" | "HWB"));
    let several = arena.iter().skip(1).filter(|r| r.get(0, 0) == "BM").count() > 1;
    let mut master_only = None;
    for (rff, index) in arena.iter().skip(1).zip(references) {
        let qualifier = rff.get(0, 0);
        let Some(number) = rff.value(0, 1).map(|n| upper(n).into_owned()) else {
            let starts = match qualifier {
                "BM" | "AWB" => !houses,
                "AAM" => !houses && !bills.is_empty(),
                "BH" | "HWB" => true,
                _ => false,
            };
            if starts {
                bills.push((None, index));
            }
            continue;
        };
        match qualifier {
            "MB" | "MWB" => {
                // Right behind its house bill it names that one's master, otherwise that of what follows.
                let behind = bills
                    .last_mut()
                    .filter(|(_, i)| index - *i < 16 && segments[*i..index].iter().all(|s| s.tag() == "RFF"));
                if let Some((Some(numbers), _)) = behind {
                    numbers.master = Some(number.clone());
                }
                master_only = master_only.or(Some((number.clone(), index)));
                master = Some(number);
            }
            "BM" | "AWB" | "AAM" if houses => master = Some(number),
            "BM" | "AWB" | "AAM" => {
                let numbers = Numbers { line_no, master: None, house: number, kind: "straight", segment: rff.number() };
                bills.push((Some(numbers), index));
            }
            "BH" | "HWB" => {
                let master = master.clone();
                let numbers = Numbers { line_no, master, house: number, kind: "house", segment: rff.number() };
                bills.push((Some(numbers), index));
            }
            _ => {}
        }
    }
    let mut bills = without_blanks(bills, segments);
    stand_to_others(&mut bills, own.as_deref().filter(|_| several && !houses));
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
    if let [(Some(numbers), _)] = bills.as_slice()
        && numbers.kind == "straight"
    {
        groups.push(Group { numbers: Some(numbers.clone()), shared: (start, start), own: (start, end) });
        return;
    }
    let shared = (start, start + bills[0].1);
    let ends: Vec<usize> = bills.iter().skip(1).map(|(_, i)| start + i).chain([end]).collect();
    for ((numbers, index), end) in bills.into_iter().zip(ends) {
        groups.push(Group { numbers, shared, own: (start + index, end) });
    }
}

/// A reference without number right beside one that has it, or alone under a CNI, is a place that was left empty and no
/// bill.
fn without_blanks(bills: Vec<(Option<Numbers>, usize)>, segments: &[Raw<'_>]) -> Vec<(Option<Numbers>, usize)> {
    let mut kept: Vec<(Option<Numbers>, usize)> = Vec::with_capacity(bills.len());
    // The reference before, kept or not: one that is not kept stands beside the last that is.
    let mut before = None;
    for (numbers, index) in bills {
        let from = before.replace(index);
        let beside = from.is_some_and(|from| segments[from..index].iter().all(|s| s.tag() == "RFF"));
        match &numbers {
            None if beside => continue,
            Some(_) if beside && kept.last().is_some_and(|(before, _)| before.is_none()) => drop(kept.pop()),
            _ => {}
        }
        kept.push((numbers, index));
    }
    if let [(None, _)] = kept.as_slice() {
        kept.clear();
    }
    kept
}

/// How the bills of one CNI stand to each other: several under the number of another are its houses, and none is its own
/// master.
fn stand_to_others(bills: &mut [(Option<Numbers>, usize)], above: Option<&str>) {
    let above = above.filter(|above| bills.iter().flat_map(|(numbers, _)| numbers).all(|n| n.house != *above));
    for numbers in bills.iter_mut().filter_map(|(numbers, _)| numbers.as_mut()) {
        if let Some(above) = above {
            numbers.kind = "house";
            numbers.master.get_or_insert_with(|| above.to_owned());
        }
        if numbers.kind == "house" && numbers.master.as_ref() == Some(&numbers.house) {
            numbers.master = None;
        }
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
    /// Consignments so far.
    written: HashSet<String>,
    tally: Tally,
}

impl<'m> Reader<'m> {
    fn new(message: &'m Message<'m>, manifest: &'m Manifest) -> Self {
        let equipment = manifest.equipment.iter().enumerate().map(|(i, e)| (e.id.as_str(), i)).collect();
        let rows = Rows::new(message, manifest);
        let (named, written) = (HashSet::new(), HashSet::new());
        Self { message, manifest, rows, equipment, named, written, tally: Tally::default() }
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
        let id = self.rows.consignment_id(numbers, &bill);
        if self.written.contains(&id) {
            let text = format!("bill {} stands twice; both were read", short(&numbers.house));
            bill.warnings.push(Warning { code: "duplicate_bill", path: message.path(at), text });
        }
        for warning in &bill.warnings {
            out.warn_with(warning.clone());
        }
        if self.rows.write(&id, numbers, &bill, &containers, own, out) {
            self.written.insert(id);
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
                // A change repeats the bills it changes, not the equipment, which one part of a series may list for all.
                if found.is_none() && !self.manifest.is_part() && self.message.is_whole() {
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
        // Of a container of which no mass is told, what the lines that are in it alone weigh.
        let mut in_it: HashMap<usize, f64> = HashMap::new();
        for (id, mass) in bill.lines.iter().filter_map(Line::in_one_container) {
            if let Some(i) = place.get(id).filter(|i| containers[**i].0.gross_mass_kg.is_none()) {
                *in_it.entry(*i).or_default() += mass;
            }
        }
        for (i, mass) in in_it {
            containers[i].0.gross_mass_kg = Some(mass);
        }
        containers
    }

    /// Equipment that no bill names: empty, one consignment; full, a warning.
    fn without_bill(&mut self, out: &mut Output<'_>) {
        let unnamed = self.manifest.equipment.iter().enumerate().filter(|(i, _)| !self.named.contains(i));
        // Of one without number that was told already.
        let unnamed = unnamed.map(|(_, e)| e).filter(|e| !e.id.is_empty());
        let (empty, full): (Vec<_>, Vec<_>) = unnamed.partition(|e| e.fill == Some("empty"));
        // What no bill of this part names, one of another may.
        for equipment in full.into_iter().filter(|_| self.message.is_whole()) {
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
        let id = self.rows.consignment_id(&numbers, &bill);
        if self.rows.write(&id, &numbers, &bill, &containers, &raw, out) {
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
            "4" | "5" | "20" | "21" => out.count("amended", self.bills),
            "1" | "3" => out.count("cancelled", self.bills),
            _ => {}
        }
        // Where none says it, that was told at the beginning.
        let withdrawn = manifest.change_kind() == "cancel";
        if (1..self.bills).contains(&self.without_nature) && !withdrawn {
            let text = format!("{}{} bills taken as import", other_indicator(message), self.without_nature);
            out.warn("no_nature", message.path(1), text);
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
        // Each part of a series tells the totals of all.
        if !says.is_empty() && message.is_whole() {
            out.warn("cnt_mismatch", message.path(1), format!("CNT says {}", says.join("; ")));
        }
    }
}

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMNS: &[&str] = rows::COLUMN_NAMES;

#[cfg(test)]
mod tests;
