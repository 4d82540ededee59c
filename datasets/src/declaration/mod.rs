//! Import declarations: who declares what, from where, at which price. Begin at [`World::declaration`].

mod item;
mod rows;
mod ship;

use crate::dice::{Dice, Use, mix};
use crate::parties::Exporter;
use crate::plan::{Plan, Slot};
use crate::scheme::{Finding, Scheme};
use crate::tables::TABLES;
use crate::timeline::seoul_day;
use crate::world::World;

pub(crate) use item::{Item, LOCAL_PER_USD};
pub(crate) use rows::Declarations;
use ship::ship;

/// What a person may bring in free of duty, USD.
const DUTY_FREE_USD: f64 = 150.0;

/// How goods come: what an office sees them as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// A courier's parcel, ordered by a person or now and then by a company.
    Express,
    Post,
    Air,
    Sea,
}

impl Channel {
    fn mode(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::Post => "post",
            Self::Air => "air",
            Self::Sea => "sea",
        }
    }
}

/// Who imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Company(u32),
    Person(u64),
}

/// Boxes at sea.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stowage {
    Full,
    Part,
    Bulk,
    Loose,
}

/// One declaration.
#[derive(Debug)]
pub(crate) struct Declaration {
    pub(crate) index: u64,
    pub(crate) declared_at: i64,
    pub(crate) arrival_at: i64,
    pub(crate) carried_in_at: Option<i64>,
    pub(crate) channel: Channel,
    pub(crate) owner: Owner,
    pub(crate) exporter: Exporter,
    /// Country that invoices, where it is not the supplier's.
    pub(crate) exporter_country: u16,
    pub(crate) declarant: u32,
    pub(crate) courier: Option<usize>,
    pub(crate) platform: Option<usize>,
    pub(crate) forwarder: Option<usize>,
    pub(crate) departure: u16,
    pub(crate) loading_port: &'static str,
    pub(crate) unloading_port: &'static str,
    pub(crate) office: &'static str,
    pub(crate) stowage: Stowage,
    pub(crate) containers: Vec<u64>,
    pub(crate) gross_mass_kg: f64,
    pub(crate) packages: f64,
    pub(crate) currency: &'static str,
    pub(crate) incoterm: &'static str,
    pub(crate) freight_usd: f64,
    pub(crate) inspection_wanted: bool,
    pub(crate) courier_selected: bool,
    /// For what is only a number: bills, vessels, warehouses.
    pub(crate) bits: u64,
    pub(crate) items: Vec<Item>,
    pub(crate) slot: Slot,
    /// Value before it was falsified, USD.
    pub(crate) true_value_usd: f64,
}

impl Declaration {
    pub(crate) fn value_usd(&self) -> f64 {
        self.items.iter().map(|i| i.value_usd).sum()
    }
}

impl World {
    /// When declaration `index` is filed.
    fn filed_at(&self, index: u64) -> i64 {
        let mut dice = Dice::new(self.spec.seed, Use::Declaration, index);
        self.filing.at(index, self.spec.declarations, &mut dice)
    }

    /// What declaration `index` is to be: the plan, less split orders that midnight would part.
    fn slot(&self, plan: &Plan, index: u64) -> Slot {
        let slot = plan.slot(index);
        if let Slot::Split { nth, of, .. } = slot {
            let first = Plan::first_of_order(index, nth);
            let last = first + 2 * u64::from(of - 1);
            if seoul_day(self.filed_at(first)) != seoul_day(self.filed_at(last)) {
                return Slot::Honest;
            }
        }
        slot
    }

    /// Declaration `index`; `plan` is its block's.
    pub(crate) fn declaration(&self, plan: &Plan, index: u64) -> Declaration {
        let mut dice = Dice::new(self.spec.seed, Use::Declaration, index);
        let declared_at = self.filing.at(index, self.spec.declarations, &mut dice);
        let slot = self.slot(plan, index);
        let mut d = self.header(slot, &mut dice);
        d.index = index;
        d.declared_at = declared_at;
        self.add_items(&mut d, &mut dice);
        ship(&mut d, &mut dice);
        d
    }

    /// Who, from where, how.
    fn header(&self, slot: Slot, dice: &mut Dice) -> Declaration {
        let parties = &self.parties;
        let draw = dice.unit();
        let (owner, mut channel) = match slot {
            Slot::Undervalued => (Owner::Company(dice.one(&parties.ring)), Channel::Sea),
            Slot::Transhipped => (Owner::Company(dice.one(&parties.transhippers)), Channel::Sea),
            Slot::Split { order, .. } => (Owner::Person(order % parties.people), Channel::Express),
            Slot::Honest if draw < 0.35 => (Owner::Person(dice.below(parties.people)), Channel::Express),
            Slot::Honest if draw < 0.38 => (Owner::Person(dice.below(parties.people)), Channel::Post),
            Slot::Honest if draw < 0.42 => (Owner::Company(parties.by_size.draw(dice) as u32), Channel::Express),
            Slot::Honest => (Owner::Company(parties.by_size.draw(dice) as u32), Channel::Sea),
        };
        let exporter = match (owner, slot) {
            (Owner::Company(importer), _) => {
                parties.exporter(importer, dice.below(parties.importers[importer as usize].exporters))
            }
            // Marketplaces have thousands of sellers, most of them abroad where the goods are made.
            (Owner::Person(_), Slot::Split { order, .. }) => {
                let mut dice = Dice::new(self.spec.seed, Use::Exporter, order);
                seller(&mut dice)
            }
            (Owner::Person(_), _) => seller(dice),
        };
        if channel == Channel::Sea {
            let company = match owner {
                Owner::Company(importer) => &parties.importers[importer as usize],
                Owner::Person(_) => &parties.importers[0],
            };
            let main = TABLES.heading(company.headings[0]);
            let by_air = if main.is_bulk() {
                0.0
            } else if main.usd_per_kg > 40.0 {
                0.85
            } else if matches!(slot, Slot::Honest) {
                0.22
            } else {
                0.05
            };
            if dice.chance(by_air) {
                channel = Channel::Air;
            }
        }
        let courier = match slot {
            Slot::Split { order, .. } => Some((order >> 20) as usize % parties.couriers.len()),
            _ if channel == Channel::Express => Some(parties.courier_size.draw(dice)),
            _ => None,
        };
        let declarant = match (owner, courier) {
            (_, Some(courier)) => (courier % parties.declarants.len()) as u32,
            (Owner::Company(importer), None) if !dice.chance(0.1) => parties.importers[importer as usize].declarant,
            _ => dice.below(parties.declarants.len() as u64) as u32,
        };
        let platform = match slot {
            Slot::Split { order, .. } => Some((order >> 30) as usize % 8),
            _ => (matches!(owner, Owner::Person(_)) && dice.chance(0.8)).then(|| dice.below(8) as usize),
        };
        let forwarder = matches!(channel, Channel::Sea | Channel::Air)
            .then(|| parties.forwarder_size.draw(dice))
            .filter(|_| dice.chance(0.8));
        // Now and then goods leave from a hub and not from where they are sold.
        let departure = if dice.chance(0.04) { hub(dice) } else { exporter.country };
        Declaration {
            index: 0,
            declared_at: 0,
            arrival_at: 0,
            carried_in_at: None,
            channel,
            owner,
            exporter,
            exporter_country: exporter.country,
            declarant,
            courier,
            platform,
            forwarder,
            departure,
            loading_port: "",
            unloading_port: "",
            office: "",
            stowage: Stowage::Loose,
            containers: Vec::new(),
            gross_mass_kg: 0.0,
            packages: 1.0,
            currency: "USD",
            incoterm: "FOB",
            freight_usd: 0.0,
            inspection_wanted: dice.chance(0.01),
            courier_selected: courier.is_some() && dice.chance(0.03),
            bits: dice.bits(),
            items: Vec::new(),
            slot,
            true_value_usd: 0.0,
        }
    }

    /// What an inspection of this declaration finds.
    pub(crate) fn declaration_finding(&self, d: &Declaration) -> Finding {
        let value = d.value_usd();
        match d.slot {
            Slot::Honest => self.mistake(Use::Declaration, d.index),
            Slot::Undervalued => {
                let note = format!(
                    "ring of {} importers: declared at {:.0} % of the value",
                    self.parties.ring.len(),
                    100.0 * value / d.true_value_usd
                );
                Finding {
                    found_value_usd: Some(round_to(d.true_value_usd, 2)),
                    duty_delta_usd: Some(round_to((d.true_value_usd - value) * d.items[0].tariff_rate / 100.0, 2)),
                    ..Finding::planted(Scheme::UndervaluationRing, 2, &["VAL"], note)
                }
            }
            Slot::Transhipped => {
                let item = &d.items[0];
                let claimed = TABLES.country(item.origin).code;
                let heading = TABLES.heading(item.heading);
                let how = if TABLES.country(d.departure).code == "CN" {
                    "shipped straight from CN"
                } else {
                    "invoiced from CN"
                };
                Finding {
                    item_no: Some(1),
                    found_origin: Some("CN"),
                    duty_delta_usd: Some(round_to(
                        item.value_usd * (heading.tariff - item.tariff_rate).max(0.0) / 100.0,
                        2,
                    )),
                    ..Finding::planted(
                        Scheme::Transhipment,
                        2,
                        &["ORG", "DOC"],
                        format!("goods of CN claimed as {claimed} with preference, {how}"),
                    )
                }
            }
            Slot::Split { of, .. } => Finding {
                duty_delta_usd: Some(round_to(value * d.items[0].tariff_rate / 100.0, 2)),
                ..Finding::planted(
                    Scheme::SplitConsignments,
                    2,
                    &["VAL"],
                    format!("one order in {of} parcels on one day, each under {DUTY_FREE_USD} USD"),
                )
            },
        }
    }

    /// Honest subjects make mistakes too: one in seventy, minor.
    pub(crate) fn mistake(&self, usage: Use, index: u64) -> Finding {
        let mut dice = Dice::new(self.spec.seed ^ usage as u64, Use::Mistake, index);
        if !dice.chance(1.0 / 70.0) {
            return Finding::default();
        }
        match usage {
            Use::Flight => Finding::mistake("DOC", "one letter of the name differs from the passport"),
            Use::Manifest => {
                Finding::mistake(dice.one(&["QTY", "DOC", "DSC"]), "package count or description corrected")
            }
            _ => Finding::mistake(dice.one(&["CLS", "DOC", "QTY", "DSC", "CLS"]), "corrected without intent"),
        }
    }
}

/// One of the sellers that people order from.
fn seller(dice: &mut Dice) -> Exporter {
    let heading = TABLES.heading(TABLES.parcel.draw(dice) as u16);
    let country = heading.origin(dice);
    Exporter { number: mix(dice.below(3_000) ^ u64::from(country) << 32), country }
}

/// Where freight is brought together.
fn hub(dice: &mut Dice) -> u16 {
    TABLES.country_of(dice.one(&["HK", "SG", "CN", "JP"])).expect("hubs stand in the table")
}

/// Half up, to that many decimals: amounts are written as people write them.
pub(crate) fn round_to(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
