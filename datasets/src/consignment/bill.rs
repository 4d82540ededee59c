//! House bills: goods of a consignee, in boxes of its own or shared, and what the smuggling crew does with them.

use super::Manifest;
use crate::declaration::{Owner, round_to};
use crate::dice::{Dice, Use};
use crate::parties::COVER_GOODS;
use crate::scheme::{Finding, Scheme, Seized};
use crate::tables::TABLES;
use crate::world::World;

/// How a bill stands to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BillKind {
    House,
    Straight,
    CoLoad,
}

/// A goods line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) heading: u16,
    pub(crate) description: &'static str,
    pub(crate) packages: f64,
    pub(crate) gross_mass_kg: f64,
    pub(crate) volume_m3: f64,
    pub(crate) un_no: Option<&'static str>,
}

/// A house bill.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) index: u64,
    pub(crate) kind: BillKind,
    pub(crate) nature: &'static str,
    /// Place of the master on the manifest, and of the house on the master; a straight bill has no house.
    pub(crate) master: u64,
    pub(crate) house: u64,
    pub(crate) forwarder: Option<usize>,
    /// Shipper's number and country.
    pub(crate) shipper: u64,
    pub(crate) shipper_country: u16,
    pub(crate) consignee: Owner,
    /// Where this bill was loaded, where that is not the manifest's port.
    pub(crate) loading_port: &'static str,
    pub(crate) route: Vec<&'static str>,
    pub(crate) lines: Vec<Line>,
    /// Indexes of the manifest's boxes with the packages in each.
    pub(crate) boxes: Vec<(usize, f64)>,
    pub(crate) value_usd: f64,
    pub(crate) freight_usd: f64,
    pub(crate) special: Vec<&'static str>,
    pub(crate) part_kind: Option<&'static str>,
    /// For what is only a number: marks, addresses.
    pub(crate) bits: u64,
    pub(crate) finding: Option<Finding>,
}

impl Bill {
    pub(crate) fn gross_mass_kg(&self) -> f64 {
        round_to(self.lines.iter().map(|l| l.gross_mass_kg).sum(), 2)
    }

    pub(crate) fn packages(&self) -> f64 {
        self.lines.iter().map(|l| l.packages).sum()
    }

    pub(crate) fn volume_m3(&self) -> f64 {
        round_to(self.lines.iter().map(|l| l.volume_m3).sum(), 3)
    }

    pub(crate) fn is_empties(&self) -> bool {
        self.nature == "empty"
    }
}

/// What the bills of a manifest share while it is loaded.
#[derive(Debug, Default)]
pub(super) struct Loading {
    masters: u64,
    /// The box that part loads go into now: its index, its master, houses in it, houses that fit.
    shared: Option<(usize, u64, u64, u64)>,
}

impl World {
    pub(super) fn add_bill(&self, m: &mut Manifest, index: u64, loading: &mut Loading) {
        let mut dice = Dice::new(self.spec.seed ^ 0xB111, Use::Manifest, index);
        let planted = dice.chance(self.spec.planted_share);
        let parties = &self.parties;
        let consignee = if planted {
            Owner::Company(dice.one(&parties.smugglers))
        } else if !m.by_sea && dice.chance(0.15) {
            Owner::Person(dice.below(parties.people))
        } else {
            Owner::Company(parties.by_size.draw(&mut dice) as u32)
        };
        let supplier = match consignee {
            Owner::Company(importer) => {
                parties.exporter(importer, dice.below(parties.importers[importer as usize].exporters)).number
            }
            Owner::Person(_) => dice.bits(),
        };
        let full = m.by_sea && (planted || dice.chance(0.42));
        let mut bill = Bill {
            index,
            kind: BillKind::House,
            nature: match dice.below(100) {
                0..10 if !planted => "transhipment",
                10..13 if !planted => "transit",
                _ => "import",
            },
            master: 0,
            house: 1,
            forwarder: Some(if planted {
                211 % parties.forwarders.len()
            } else {
                parties.forwarder_size.draw(&mut dice)
            }),
            shipper: supplier,
            shipper_country: m.loading_country,
            consignee,
            loading_port: m.loading_port,
            route: m.route.clone(),
            lines: Vec::new(),
            boxes: Vec::new(),
            value_usd: 0.0,
            freight_usd: 0.0,
            special: Vec::new(),
            part_kind: (!m.by_sea).then(|| dice.one(&["T", "T", "T", "T", "T", "T", "T", "S", "P"])),
            bits: dice.bits(),
            finding: None,
        };
        let wanted_kg = match (m.by_sea, full) {
            (true, true) => 13_000.0 * dice.factor(0.45),
            (true, false) => 620.0 * dice.factor(0.8),
            (false, _) => 85.0 * dice.factor(1.0),
        };
        self.add_lines(&mut bill, wanted_kg, m.by_sea, &mut dice);
        load(m, &mut bill, full, loading, &mut dice);
        if planted {
            smuggle(m, &mut bill, &mut dice);
        }
        m.bills.push(bill);
    }

    fn add_lines(&self, bill: &mut Bill, wanted_kg: f64, by_sea: bool, dice: &mut Dice) {
        let count = [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][dice.below(10) as usize];
        for _ in 0..count {
            let mut heading = match bill.consignee {
                Owner::Company(importer) => dice.one(&self.parties.importers[importer as usize].headings),
                Owner::Person(_) => TABLES.parcel.draw(dice) as u16,
            };
            while TABLES.heading(heading).is_bulk() {
                // What goes loose goes by its own vessel, not in a box.
                heading = TABLES.trade.draw(dice) as u16;
            }
            let goods = TABLES.heading(heading);
            let kg = (wanted_kg / f64::from(count) * dice.factor(0.2)).max(0.3);
            let packages = (kg / dice.between(9.0, 21.0)).ceil().max(1.0);
            // Dense goods fill little space: a cubic metre of clothes weighs 150 kg, of steel a tonne.
            let density = (700.0 / goods.usd_per_kg.sqrt()).clamp(120.0, 1_000.0);
            bill.lines.push(Line {
                heading,
                description: dice.one(&goods.descriptions),
                packages,
                gross_mass_kg: round_to(kg, 1),
                volume_m3: round_to((kg / density * dice.factor(0.1)).max(0.001), 3),
                un_no: un_number(goods.hs6()),
            });
            bill.value_usd += kg * 0.93 * goods.usd_per_kg * dice.factor(goods.spread);
            if !by_sea {
                for code in handling(goods.hs6()) {
                    if !bill.special.contains(code) {
                        bill.special.push(code);
                    }
                }
            }
        }
        bill.value_usd = round_to(bill.value_usd, 2);
        bill.freight_usd = round_to(wanted_kg * if by_sea { 0.12 } else { 3.1 } * dice.factor(0.2) + 35.0, 2);
    }

    /// The bill of the empty boxes on board.
    pub(super) fn add_empties(&self, m: &mut Manifest, index: u64, loading: &mut Loading) {
        let mut dice = Dice::new(self.spec.seed ^ 0xB111, Use::Manifest, index);
        let planted = dice.chance(self.spec.planted_share);
        loading.masters += 1;
        let mut boxes = Vec::new();
        for _ in 0..3 + dice.below(9) {
            let at = m.add_box(&mut dice, 0.0, false, true);
            let container = &mut m.boxes[at];
            let tare = if container.iso_type.starts_with('2') { 2_230.0 } else { 3_850.0 };
            container.gross_mass_kg = round_to(tare * dice.between(0.98, 1.02), 0);
            container.empty = true;
            container.seals.clear();
            boxes.push((at, 0.0));
        }
        let mut finding = None;
        if planted {
            let kg = dice.between(600.0, 1_900.0).round();
            let container = &mut m.boxes[boxes[0].0];
            container.gross_mass_kg += kg;
            container.seals.push(format!("ZZ{:06}", dice.below(1_000_000)));
            let note = format!("empty box {} weighs {kg} kg more than its tare and bears a seal", container.id);
            finding = Some(contraband(note, "cigarettes", kg * 0.9));
        }
        m.bills.push(Bill {
            index,
            kind: BillKind::Straight,
            nature: "empty",
            master: loading.masters,
            house: 0,
            forwarder: None,
            shipper: dice.bits(),
            shipper_country: m.loading_country,
            consignee: Owner::Company(0),
            loading_port: m.loading_port,
            route: m.route.clone(),
            lines: Vec::new(),
            boxes,
            value_usd: 0.0,
            freight_usd: 0.0,
            special: Vec::new(),
            part_kind: None,
            bits: dice.bits(),
            finding,
        });
    }
}

/// Puts the goods into boxes of their own, or into one that is shared.
fn load(m: &mut Manifest, bill: &mut Bill, full: bool, loading: &mut Loading, dice: &mut Dice) {
    let kg = bill.gross_mass_kg();
    let cold = bill.lines.iter().any(|l| l.description.contains("FROZEN") || l.description.contains("FRESH"));
    if !m.by_sea {
        loading.masters += u64::from(loading.masters == 0 || dice.chance(0.3));
        bill.master = loading.masters;
        bill.house = m.bills.iter().filter(|b| b.master == bill.master).count() as u64 + 1;
    } else if full {
        loading.masters += 1;
        bill.master = loading.masters;
        if bill.finding.is_none() && dice.chance(0.3) {
            bill.kind = BillKind::Straight;
            bill.house = 0;
            bill.forwarder = None;
        }
        let count = (kg / 22_000.0).ceil().max(1.0) as u64;
        let packages = bill.packages();
        let each = (packages / count as f64).floor();
        for n in 0..count {
            let share = if n == 0 { packages - each * (count - 1) as f64 } else { each };
            let at = m.add_box(dice, kg / count as f64, cold, true);
            bill.boxes.push((at, share));
        }
    } else {
        let (at, master, houses) = match loading.shared {
            Some((at, master, houses, room)) if houses < room => (at, master, houses),
            _ => {
                loading.masters += 1;
                (m.add_box(dice, 0.0, false, false), loading.masters, 0)
            }
        };
        let room = match loading.shared {
            Some((last, _, _, room)) if last == at => room,
            _ => 2 + dice.below(7),
        };
        loading.shared = Some((at, master, houses + 1, room));
        bill.master = master;
        bill.house = houses + 1;
        if dice.chance(0.04) {
            bill.kind = BillKind::CoLoad;
        }
        bill.boxes.push((at, bill.packages()));
        m.boxes[at].gross_mass_kg = round_to(m.boxes[at].gross_mass_kg + kg, 1);
    }
}

/// Makes a bill the crew's: cover goods, and one or two of what gives crews away.
fn smuggle(m: &mut Manifest, bill: &mut Bill, dice: &mut Dice) {
    let cover = TABLES.heading_of(dice.one(&COVER_GOODS)).expect("cover goods stand in the table");
    let goods = TABLES.heading(cover);
    let kg = bill.gross_mass_kg();
    bill.lines.truncate(1);
    if let Some(line) = bill.lines.first_mut() {
        line.heading = cover;
        line.description = dice.one(&goods.descriptions);
        line.gross_mass_kg = kg;
        line.un_no = None;
    }
    bill.special.clear();
    // A shipper nobody has dealt with, and goods worth less than their carriage.
    bill.shipper = dice.bits();
    bill.value_usd = round_to(kg * goods.usd_per_kg * 0.5, 2);
    bill.freight_usd = round_to(bill.freight_usd.max(bill.value_usd * 1.6), 2);
    let note = match (m.by_sea, dice.below(3)) {
        (true, 0) => {
            let hidden = dice.between(380.0, 1_100.0).round();
            let container = &mut m.boxes[bill.boxes[0].0];
            container.gross_mass_kg = round_to(container.gross_mass_kg + hidden, 1);
            format!("box {} weighs {hidden} kg more than the goods on its bill", container.id)
        }
        (true, 1) => {
            let (country, port) = dice.one(&[("EC", "ECGYE"), ("CO", "COBUN"), ("PA", "PABLB"), ("PE", "PECLL")]);
            bill.shipper_country = TABLES.country_of(country).unwrap_or(bill.shipper_country);
            bill.loading_port = port;
            bill.route = vec![country, "NL", "AE", "MY", "CN"];
            format!("{} from {country} by way of four countries that do not lie on the way", goods.descriptions[0])
        }
        (true, _) => {
            let packages = (kg / 1.4).ceil();
            if let Some(line) = bill.lines.first_mut() {
                line.packages = packages;
                line.volume_m3 = round_to(kg / 2_600.0, 3);
            }
            let boxes = bill.boxes.len() as f64;
            for (n, (_, share)) in bill.boxes.iter_mut().enumerate() {
                *share = (packages / boxes).floor() + if n == 0 { packages % boxes } else { 0.0 };
            }
            "packages far too small and dense for the goods described".to_owned()
        }
        (false, _) => {
            let country = dice.one(&["NG", "KE", "ET", "CO"]);
            bill.shipper_country = TABLES.country_of(country).unwrap_or(bill.shipper_country);
            bill.route.insert(0, country);
            if let Some(line) = bill.lines.first_mut() {
                line.packages = 1.0;
            }
            format!("low-value {} by air from {country}, freight above the value", goods.descriptions[0])
        }
    };
    let kind = dice.one(&["narcotics", "cigarettes", "narcotics", "weapons"]);
    bill.finding = Some(contraband(note, kind, dice.between(8.0, 400.0)));
}

fn contraband(note: String, kind: &'static str, kg: f64) -> Finding {
    Finding {
        seized: Some(Seized { kind, kg: round_to(kg, 1) }),
        ..Finding::planted(Scheme::SmugglingCrew, 3, &["CON", "DSC"], note)
    }
}

/// The UN number of dangerous goods.
fn un_number(hs6: &str) -> Option<&'static str> {
    Some(match hs6 {
        "850760" => "3480",
        "847130" | "851713" | "880622" | "851830" => "3481",
        "320890" => "1263",
        "330300" => "1266",
        "360410" => "0336",
        "281512" => "1824",
        "290511" => "1230",
        "290919" => "1993",
        "380891" => "2588",
        "961310" => "1057",
        "870380" => "3171",
        _ => return None,
    })
}

/// Air handling codes.
fn handling(hs6: &str) -> &'static [&'static str] {
    match &hs6[..2] {
        "02" | "03" | "04" | "07" | "08" => &["PER", "COL"],
        "71" => &["VAL"],
        "30" => &["PIL"],
        "97" => &["VAL"],
        _ => match un_number(hs6) {
            Some("3480") => &["EBI"],
            Some("3481") => &["ELI"],
            Some(_) => &["DGR"],
            None => &[],
        },
    }
}
