//! One bill: from the RFF that starts it to the next, with its parties, places and goods.

use haechi_model::intake::Warning;

use super::super::equipment::{Equipment, container_id};
use super::super::interchange::Message;
use super::super::measure::{self, Measure};
use super::super::packages::Packages;
use super::super::party::{Party, Ranked, is_same_as_consignee};
use super::super::places::{short, upper};
use super::super::segments::{Arena, Segment};
use super::amounts::{Amounts, total};
use super::manifest::{equip, equipment, nature_of, no_number};
use super::totals::{Listed, Totals};

/// A consignment as its segments tell it.
#[derive(Debug, Default)]
pub struct Bill {
    /// RFF UCN.
    pub control_number: Option<String>,
    /// NAD CZ, OS, SU, EX.
    pub shipper: Ranked,
    /// NAD CN, IM.
    pub consignee: Ranked,
    /// NAD NI.
    pub notify: Ranked,
    /// NAD FW.
    pub forwarder: Option<String>,
    /// LOC 76.
    pub origin_port: Option<String>,
    /// LOC 9.
    pub loading_port: Option<String>,
    /// LOC 11, 12.
    pub unloading_port: Option<String>,
    /// LOC 20, 7.
    pub destination: Option<String>,
    /// GIS or GEI.
    pub nature: Option<&'static str>,
    /// GID groups.
    pub lines: Vec<Line>,
    /// FTX AAA outside a line.
    pub description: Option<String>,
    /// CST outside a line.
    pub hs_codes: Vec<String>,
    /// PCI outside a line.
    pub marks: Vec<String>,
    /// EQD under the bill.
    pub equipment: Vec<Equipment>,
    /// CNT of the bill, and of its CNI.
    pub totals: Totals,
    /// CNT of the bill alone.
    pub own_totals: Totals,
    /// MEA outside a line.
    pub gross_mass_kg: Option<f64>,
    /// MEA outside a line.
    pub volume_m3: Option<f64>,
    /// MOA outside a line.
    pub amounts: Amounts,
    /// HAN.
    pub handling: Vec<String>,
    /// A DGS stands in it.
    pub dangerous: bool,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
}

/// A goods line.
#[derive(Debug, Default)]
pub struct Line {
    /// GID 1496.
    pub number: i32,
    /// FTX AAA.
    pub description: String,
    /// CST.
    pub hs_code: Option<String>,
    /// GID 7224.
    pub packages: Option<f64>,
    /// GID 7065, or the text of 7064.
    pub package_kind: Option<String>,
    /// MEA.
    pub gross_mass_kg: Option<f64>,
    /// MEA.
    pub volume_m3: Option<f64>,
    /// DGS C234.
    pub un_no: Option<String>,
    /// SGP: container and packages in it.
    pub containers: Vec<(String, Option<f64>)>,
    /// PCI.
    pub marks: Vec<String>,
    /// MEA behind SGP: mass and volume, of each.
    in_containers: Vec<(Option<f64>, Option<f64>)>,
    /// PAC, where GID counts none.
    packed: Packages,
    /// MOA.
    amounts: Amounts,
}

impl Line {
    /// The container that all of the line is in, and the mass that is told behind its SGP.
    pub fn in_one_container(&self) -> Option<(&str, f64)> {
        match (self.containers.as_slice(), self.in_containers.as_slice()) {
            ([(id, _)], [(Some(mass), _)]) => Some((id, *mass)),
            _ => None,
        }
    }

    /// What stands behind SGP is of the goods in that container: where the line says nothing itself, it is their sum.
    fn settle(&mut self) {
        let packed = std::mem::take(&mut self.packed);
        self.packages = self.packages.or(packed.count);
        self.package_kind = self.package_kind.take().or(packed.kind);
        let sum = |sum, n| sum + n;
        let mass = self.in_containers.iter().filter_map(|told| told.0).reduce(sum);
        let volume = self.in_containers.iter().filter_map(|told| told.1).reduce(sum);
        self.gross_mass_kg = self.gross_mass_kg.or(mass);
        self.volume_m3 = self.volume_m3.or(volume);
    }
}

/// Whom the segments that several bills share name, what they say happens, and what it is worth: of a bill that does not
/// say so itself.
struct Shared {
    parties: [Ranked; 3],
    nature: Option<&'static str>,
    amounts: Amounts,
}

impl Bill {
    /// Reads the segments of a bill, of which those before the segment `own` are shared with others.
    pub fn read(group: &Arena<'_>, own: u32, message: &Message<'_>) -> Self {
        let mut bill = Self::default();
        let mut currency = String::new();
        let mut in_equipment = false;
        let mut shared = None;
        for s in group.iter() {
            if shared.is_none() && s.number() >= own {
                shared = Some(bill.take_shared());
            }
            match s.tag() {
                // One dialect has the tariff here.
                "RFF" if s.get(0, 0) == "HS" => bill.tariff(s.get(0, 1), s, message),
                "RFF" => bill.reference(s),
                "CNT" => {
                    bill.totals.read(s);
                    if shared.is_some() {
                        bill.own_totals.read(s);
                    }
                }
                "LOC" => bill.place(s),
                "GIS" | "GEI" => bill.nature = bill.nature.or(nature_of(s)),
                "NAD" => bill.party(s, message),
                "GID" => {
                    in_equipment = false;
                    bill.line(s, message);
                }
                "EQD" => {
                    in_equipment = true;
                    let (equipment, warnings) = with_warnings(s, message, |warn| equipment(s, warn));
                    if equipment.id.is_empty() {
                        bill.warnings.push(no_number(message.path(s.number())));
                    }
                    bill.equipment.push(equipment);
                    bill.warnings.extend(warnings);
                }
                "SEL" | "MEA" if in_equipment => {
                    let ((), warnings) = with_warnings(s, message, |warn| equip(bill.equipment.last_mut(), s, warn));
                    bill.warnings.extend(warnings);
                }
                "MEA" => bill.measure(s, message),
                "FTX" if s.get(0, 0) == "AAA" => bill.describe(s),
                "PCI" => bill.mark(s),
                "CST" => bill.classify(s, message),
                "PAC" => bill.packages_of_line(s, message),
                "DGS" => bill.danger(s, message),
                "SGP" => bill.split(s),
                "HAN" => bill.handling.extend(s.value(0, 0).or_else(|| s.value(1, 0)).map(|c| upper(c).into_owned())),
                "CUX" => s.get(0, 1).clone_into(&mut currency),
                "MOA" => bill.amount(s, &currency, message),
                // Read and kept in the bytes.
                "CNI" | "CPI" | "TDT" | "DTM" | "CTA" | "COM" | "QTY" | "FTX" | "DOC" | "TMP" | "RNG" | "TSR"
                | "DIM" | "GIN" | "AUT" | "TMD" | "SEL" | "STS" | "HYN" | "TCC" => {}
                tag => bill.warn("unknown_segment", s, message, format!("{tag} in a bill")),
            }
        }
        bill.lines.iter_mut().for_each(Line::settle);
        if let Some(shared) = shared {
            bill.put_shared(shared);
        }
        // Its seals and masses are of nothing we could name.
        bill.equipment.retain(|equipment| !equipment.id.is_empty());
        let differences = bill.own_totals.differs_from(&bill.listed());
        if !differences.is_empty() {
            let text = format!("CNT of the bill says {}", differences.join("; "));
            bill.warnings.push(Warning { code: "cnt_mismatch", path: message.path(own), text });
        }
        bill
    }

    /// What its own counts can be held to.
    fn listed(&self) -> Listed {
        let of_lines = self.lines.iter().flat_map(|line| &line.containers);
        let mut containers: Vec<&str> = of_lines.clone().map(|(id, _)| id.as_str()).collect();
        containers.extend(self.equipment.iter().map(|equipment| equipment.id.as_str()));
        containers.sort_unstable();
        containers.dedup();
        Listed {
            gross_mass_kg: sum(self.lines.iter().map(|line| line.gross_mass_kg)),
            packages: sum(self.lines.iter().map(|line| line.packages)),
            stowed: sum(of_lines.map(|(_, packages)| *packages)),
            equipment: (!containers.is_empty()).then_some(containers.len() as u64),
        }
    }

    /// MOA 64: of the bill, else of its lines together.
    pub fn freight_usd(&self) -> Option<f64> {
        total(self.amounts.freight, self.lines.iter().map(|line| line.amounts.freight))
    }

    /// MOA 40, 44, 14, 39: of the bill, else of its lines together.
    pub fn value_usd(&self) -> Option<f64> {
        total(self.amounts.value, self.lines.iter().map(|line| line.amounts.value))
    }

    /// What was said before the bill itself begins.
    fn take_shared(&mut self) -> Shared {
        let parties = [&mut self.shipper, &mut self.consignee, &mut self.notify].map(std::mem::take);
        Shared { parties, nature: self.nature.take(), amounts: std::mem::take(&mut self.amounts) }
    }

    /// Puts it where the bill says nothing itself.
    fn put_shared(&mut self, shared: Shared) {
        for (own, shared) in [&mut self.shipper, &mut self.consignee, &mut self.notify].into_iter().zip(shared.parties)
        {
            if own.party().is_none() {
                *own = shared;
            }
        }
        self.nature = self.nature.or(shared.nature);
        if self.freight_usd().is_none() {
            self.amounts.freight = shared.amounts.freight;
        }
        if self.value_usd().is_none() {
            self.amounts.value = shared.amounts.value;
        }
    }

    /// Whom to tell: the consignee, where the sender only points at it.
    pub fn notify_name(&self) -> Option<&str> {
        let name = self.notify.party()?.name.as_deref()?;
        let consignee = self.consignee.party().and_then(|c| c.name.as_deref());
        if is_same_as_consignee(name) { consignee.or(Some(name)) } else { Some(name) }
    }

    /// Packages: of the lines, else as counted by the sender.
    pub fn packages(&self) -> Option<f64> {
        sum(self.lines.iter().map(|l| l.packages)).or(self.totals.packages)
    }

    /// Gross mass: of the lines, else of the bill.
    pub fn mass_kg(&self) -> Option<f64> {
        sum(self.lines.iter().map(|l| l.gross_mass_kg)).or(self.gross_mass_kg).or(self.totals.gross_mass_kg)
    }

    /// Volume: of the lines, else of the bill.
    pub fn volume(&self) -> Option<f64> {
        sum(self.lines.iter().map(|l| l.volume_m3)).or(self.volume_m3)
    }

    fn warn(&mut self, code: &'static str, s: Segment<'_, '_>, message: &Message<'_>, text: String) {
        self.warnings.push(Warning { code, path: message.path(s.number()), text });
    }

    fn reference(&mut self, s: Segment<'_, '_>) {
        if s.get(0, 0) == "UCN" {
            self.control_number = s.value(0, 1).map(|r| upper(r).into_owned());
        }
    }

    fn place(&mut self, s: Segment<'_, '_>) {
        let Some(code) = s.value(1, 0).map(|c| upper(c).into_owned()) else { return };
        match s.get(0, 0) {
            "76" => self.origin_port = Some(code),
            "9" => self.loading_port = Some(code),
            "11" => self.unloading_port = Some(code),
            "12" => self.unloading_port = self.unloading_port.take().or(Some(code)),
            "20" => self.destination = Some(code),
            "7" | "8" => self.destination = self.destination.take().or(Some(code)),
            _ => {}
        }
    }

    fn party(&mut self, s: Segment<'_, '_>, message: &Message<'_>) {
        let qualifier = s.get(0, 0);
        let mut warnings = Vec::new();
        let mut read = || Party::read(s, &|| message.path(s.number()), &mut warnings);
        if qualifier == "FW" {
            self.forwarder = read().id;
        } else {
            let read_here = self.shipper.offer(&["CZ", "OS", "SU", "EX"], qualifier, &mut read)
                || self.consignee.offer(&["CN", "IM"], qualifier, &mut read)
                || self.notify.offer(&["NI", "N1", "N2"], qualifier, &mut read);
            let known =
                read_here || matches!(qualifier, "ST" | "CF" | "TR" | "CA" | "CG" | "AG" | "CB" | "DT" | "VW" | "MS");
            if !known {
                warnings.push(Warning {
                    code: "unknown_party",
                    path: message.path(s.number()),
                    text: format!("NAD {}", short(qualifier)),
                });
            }
        }
        self.warnings.append(&mut warnings);
    }

    fn line(&mut self, gid: Segment<'_, '_>, message: &Message<'_>) {
        let next = self.lines.len() as i32 + 1;
        let packages = gid.value(1, 0).and_then(measure::number);
        if packages.is_none() && gid.value(1, 0).is_some() {
            self.warn("bad_number", gid, message, "GID packages".to_owned());
        }
        let kind = gid.value(1, 1).or_else(|| gid.value(1, 4)).map(|k| upper(k).into_owned());
        let number = gid.get(0, 0).parse().unwrap_or(next);
        self.lines.push(Line { number, packages, package_kind: kind, ..Line::default() });
    }

    /// PAC under a GID that has no packages of its own.
    fn packages_of_line(&mut self, pac: Segment<'_, '_>, message: &Message<'_>) {
        let line = self.lines.last_mut().filter(|line| line.packages.is_none());
        if let Some(Err((code, text))) = line.map(|line| line.packed.add(pac)) {
            self.warn(code, pac, message, text);
        }
    }

    fn measure(&mut self, s: Segment<'_, '_>, message: &Message<'_>) {
        let (mass, volume) = match self.lines.last_mut() {
            // Told twice of one container, in other units, it is the same mass.
            Some(line) => match line.in_containers.last_mut() {
                Some((mass, volume)) => (mass, volume),
                None => (&mut line.gross_mass_kg, &mut line.volume_m3),
            },
            None => (&mut self.gross_mass_kg, &mut self.volume_m3),
        };
        match measure::read(s) {
            Ok(Measure::GrossMassKg(kg)) => *mass = Some(kg),
            Ok(Measure::VolumeM3(m3)) => *volume = Some(m3),
            Ok(Measure::Other) => {}
            Err((code, text)) => self.warn(code, s, message, text),
        }
    }

    fn describe(&mut self, s: Segment<'_, '_>) {
        let text = joined(s, 3);
        match self.lines.last_mut() {
            Some(line) if line.description.is_empty() => line.description = text,
            Some(line) => {
                line.description.push(' ');
                line.description.push_str(&text);
            }
            None if text.is_empty() => {}
            None => match &mut self.description {
                Some(description) => {
                    description.push(' ');
                    description.push_str(&text);
                }
                None => self.description = Some(text),
            },
        }
    }

    fn mark(&mut self, s: Segment<'_, '_>) {
        let text = joined(s, 1);
        if !text.is_empty() {
            self.lines.last_mut().map_or(&mut self.marks, |l| &mut l.marks).push(text);
        }
    }

    fn classify(&mut self, s: Segment<'_, '_>, message: &Message<'_>) {
        if let Some(code) = s.value(1, 0).or_else(|| s.value(0, 0)) {
            self.tariff(code, s, message);
        }
        // Behind the first come further tariffs, and procedures and preferences of other lists.
        for element in 2..s.len() {
            let Some(code) = s.value(element, 0) else { continue };
            let is_hs = (4..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
            if matches!(s.get(element, 1), "122" | "169" | "108") || (s.get(element, 1).is_empty() && is_hs) {
                self.tariff(code, s, message);
            }
        }
    }

    fn tariff(&mut self, code: &str, s: Segment<'_, '_>, message: &Message<'_>) {
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        if !(4..=10).contains(&digits.len()) {
            return self.warn("unknown_code", s, message, format!("{} `{}` is no HS code", s.tag(), short(code)));
        }
        match self.lines.last_mut() {
            Some(line) if line.hs_code.is_none() => line.hs_code = Some(digits),
            _ => self.hs_codes.push(digits),
        }
    }

    /// DGS: the UN number has four digits, before which some write what it is. The first of several is kept.
    fn danger(&mut self, s: Segment<'_, '_>, message: &Message<'_>) {
        self.dangerous = true;
        let Some(sent) = s.value(2, 0).map(upper) else { return };
        let bare = sent.strip_prefix("UN").unwrap_or(&sent).trim_start();
        let is_un_no = bare.len() == 4 && bare.bytes().all(|b| b.is_ascii_digit());
        if !is_un_no {
            self.warn("unknown_code", s, message, format!("DGS `{}` is no UN number", short(&sent)));
        }
        let un_no = if is_un_no { bare } else { &sent };
        if let Some(line) = self.lines.last_mut().filter(|line| line.un_no.is_none()) {
            line.un_no = Some(un_no.to_owned());
        }
    }

    fn split(&mut self, s: Segment<'_, '_>) {
        let Some(line) = self.lines.last_mut() else { return };
        line.in_containers.push((None, None));
        let id = container_id(s.get(0, 0));
        if !id.is_empty() {
            line.containers.push((id, measure::number(s.get(1, 0))));
        }
    }

    fn amount(&mut self, s: Segment<'_, '_>, currency: &str, message: &Message<'_>) {
        let into = self.lines.last_mut().map_or(&mut self.amounts, |line| &mut line.amounts);
        if let Err((code, text)) = into.read(s, currency) {
            self.warn(code, s, message, text);
        }
    }
}

/// Runs `read` with a way to warn about `s`.
fn with_warnings<T>(
    s: Segment<'_, '_>,
    message: &Message<'_>,
    read: impl FnOnce(&mut dyn FnMut(&'static str, String)) -> T,
) -> (T, Vec<Warning>) {
    let mut warnings = Vec::new();
    let mut warn = |code, text| warnings.push(Warning { code, path: message.path(s.number()), text });
    let value = read(&mut warn);
    (value, warnings)
}

/// The components of an element, joined by a blank.
fn joined(s: Segment<'_, '_>, element: usize) -> String {
    s.components(element).filter(|c| !c.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The sum of what is known; `None` if nothing is.
fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.flatten().fold(None, |sum, v| Some(sum.unwrap_or(0.0) + v))
}
