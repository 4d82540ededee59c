//! Cargo manifests and their house bills. A manifest is generated whole, since bills share boxes; manifests are
//! planned in blocks of bills, so any of them can be made without those before it.

mod bill;
mod rows;

use chrono::Datelike;

use crate::declaration::round_to;
use crate::dice::{Dice, Use};
use crate::ids::{container_id, push_decimal, push_imo_number, push_manifest};
use crate::parties::{AIRLINES, SEA_CARRIERS};
use crate::scheme::Finding;
use crate::tables::{Country, TABLES};
use crate::timeline::{DAY_MS, HOUR_MS};
use crate::world::World;

pub(crate) use bill::{Bill, BillKind, Line};
pub(crate) use rows::{BillText, Consignments, Manifests, rows_of};

/// Bills that are cut into manifests together, and the most manifests that gives.
const BLOCK: u64 = 128;
const MANIFESTS_MAX: u64 = 16;

/// A manifest: one call of one vessel, or one flight.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) number: u64,
    pub(crate) by_sea: bool,
    pub(crate) id: String,
    pub(crate) carrier: &'static str,
    pub(crate) conveyance_id: String,
    pub(crate) conveyance_name: Option<String>,
    pub(crate) flag: Option<&'static str>,
    pub(crate) voyage_no: String,
    pub(crate) loading_country: u16,
    pub(crate) loading_port: &'static str,
    pub(crate) unloading_port: &'static str,
    pub(crate) office: &'static str,
    /// Countries of the voyage before Korea, in travel order.
    pub(crate) route: Vec<&'static str>,
    pub(crate) manifested_at: i64,
    pub(crate) departed_at: i64,
    pub(crate) arrival_expected_at: i64,
    pub(crate) boxes: Vec<Container>,
    pub(crate) bills: Vec<Bill>,
}

/// A container.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) iso_type: &'static str,
    pub(crate) empty: bool,
    pub(crate) full_load: bool,
    pub(crate) seals: Vec<String>,
    /// Of the goods in it; of an empty box, its tare.
    pub(crate) gross_mass_kg: f64,
}

/// Where the manifests of a block begin and how many bills each has.
pub(crate) fn manifests_of(world: &World, block: u64) -> Vec<(u64, u64)> {
    let mut dice = Dice::new(world.spec.seed, Use::Manifests, block);
    let end = ((block + 1) * BLOCK).min(world.spec.house_bills);
    let mut first = block * BLOCK;
    let mut manifests = Vec::new();
    while first < end {
        let wanted = if dice.chance(0.6) { 18 + dice.below(60) } else { 8 + dice.below(20) };
        let left = end - first;
        let len = if left < wanted + 8 { left } else { wanted };
        manifests.push((first, len));
        first += len;
    }
    manifests
}

/// Blocks of a dataset.
pub(crate) fn blocks(world: &World) -> u64 {
    world.spec.house_bills.div_ceil(BLOCK)
}

impl World {
    /// The `nth` manifest of a block: `len` bills from bill `first`.
    pub(crate) fn manifest(&self, block: u64, nth: usize, first: u64, len: u64) -> Manifest {
        let number = block * MANIFESTS_MAX + nth as u64;
        let mut dice = Dice::new(self.spec.seed, Use::Manifest, number);
        let mut manifest = self.voyage(number, first, &mut dice);
        let mut loading = bill::Loading::default();
        // Returned boxes travel as one bill of empties, the last of its manifest.
        let empties = manifest.by_sea && len > 4 && dice.chance(0.35);
        for place in 0..len {
            let index = first + place;
            if empties && place + 1 == len {
                self.add_empties(&mut manifest, index, &mut loading);
            } else {
                self.add_bill(&mut manifest, index, &mut loading);
            }
        }
        manifest
    }

    /// The conveyance, where it comes from and when.
    fn voyage(&self, number: u64, first: u64, dice: &mut Dice) -> Manifest {
        const FROM: [&str; 18] = [
            "CN", "CN", "CN", "CN", "CN", "JP", "JP", "VN", "VN", "US", "HK", "TW", "SG", "TH", "MY", "DE", "ID", "AU",
        ];
        let manifested_at = self.sailing.at(first, self.spec.house_bills, dice);
        let by_sea = dice.chance(0.68);
        let from = TABLES.country_of(dice.one(&FROM)).expect("trading countries stand in the table");
        let country = TABLES.country(from);
        let mut manifest = Manifest {
            number,
            by_sea,
            id: String::new(),
            carrier: if by_sea { dice.one(&SEA_CARRIERS) } else { dice.one(&AIRLINES) },
            conveyance_id: String::new(),
            conveyance_name: None,
            flag: None,
            voyage_no: String::new(),
            loading_country: from,
            loading_port: country.airports[0],
            unloading_port: "ICN",
            office: "040",
            route: vec![country.code],
            manifested_at,
            departed_at: manifested_at,
            arrival_expected_at: manifested_at,
            boxes: Vec::new(),
            bills: Vec::new(),
        };
        push_manifest(&mut manifest.id, self.spec.day.year(), manifest.carrier, number);
        if by_sea {
            sail(&mut manifest, country, dice);
        } else {
            fly(&mut manifest);
        }
        manifest
    }

    /// What an inspection of this bill finds.
    pub(crate) fn bill_finding(&self, bill: &Bill) -> Finding {
        bill.finding.clone().unwrap_or_else(|| self.mistake(Use::Manifest, bill.index))
    }
}

/// A vessel's call: from a port of the country to one here.
fn sail(m: &mut Manifest, country: &Country, dice: &mut Dice) {
    const NAMES: [&str; 10] =
        ["PIONEER", "HORIZON", "LANTERN", "MERIDIAN", "HERON", "AURORA", "COMPASS", "TIDE", "BEACON", "ATOLL"];
    const CALLS: [(&str, &str); 6] =
        [("KRPUS", "030"), ("KRPUS", "030"), ("KRPUS", "030"), ("KRINC", "020"), ("KRINC", "020"), ("KRKAN", "062")];
    let ship = dice.below(240);
    push_imo_number(&mut m.conveyance_id, ship + 1);
    m.conveyance_name = Some(format!("HAECHI {} {}", NAMES[ship as usize % 10], 1 + ship / 10));
    m.flag = Some(["PA", "LR", "MH", "KR", "SG", "HK"][ship as usize % 6]);
    m.voyage_no = format!("{:03}{}", 1 + m.number % 998, if ship & 1 == 0 { 'W' } else { 'E' });
    m.loading_port = dice.one(&country.seaports);
    (m.unloading_port, m.office) = dice.one(&CALLS);
    if country.sea_days > 20.0 {
        m.route.push("SG");
    }
    if country.sea_days > 8.0 && dice.chance(0.5) {
        m.route.push("CN");
    }
    // The manifest goes out within hours of sailing.
    m.departed_at -= (dice.between(1.0, 10.0) * HOUR_MS as f64) as i64 / 60_000 * 60_000;
    let days = (country.sea_days * dice.between(0.85, 1.25)).max(0.8);
    m.arrival_expected_at = m.departed_at + (days * DAY_MS as f64) as i64 / 60_000 * 60_000;
}

/// A cargo flight.
fn fly(m: &mut Manifest) {
    let minutes = TABLES.airport_of(m.loading_port).map_or(300, |a| a.minutes);
    m.voyage_no = format!("{}{}", m.carrier, 7_000 + m.number % 900);
    m.conveyance_id.clone_from(&m.voyage_no);
    m.departed_at -= HOUR_MS / 2;
    m.arrival_expected_at = m.departed_at + minutes * 60_000;
}

impl Manifest {
    /// A box that nobody else has on this self.
    fn add_box(&mut self, dice: &mut Dice, kg: f64, refrigerated: bool, full_load: bool) -> usize {
        let serial = (self.number * 331 + self.boxes.len() as u64) % 9_000_000;
        let mut seal = "ZZ".to_owned();
        push_decimal(&mut seal, dice.bits() >> 30, 6);
        self.boxes.push(Container {
            id: container_id(serial),
            iso_type: match (refrigerated, kg > 14_000.0) {
                (true, _) => dice.one(&["45R1", "22R1"]),
                (false, true) => dice.one(&["22G1", "22G1", "45G1", "42G1"]),
                (false, false) => dice.one(&["45G1", "45G1", "42G1", "22G1"]),
            },
            empty: false,
            full_load,
            seals: vec![seal],
            gross_mass_kg: round_to(kg, 1),
        });
        self.boxes.len() - 1
    }
}
