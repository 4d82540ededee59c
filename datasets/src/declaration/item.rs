//! Items: goods, quantity, price, origin, duty, and how the schemes falsify them.

use super::{Channel, DUTY_FREE_USD, Declaration, Owner, round_to};
use crate::dice::{Dice, Use};
use crate::plan::Slot;
use crate::tables::{Heading, TABLES};
use crate::world::World;

/// What a USD is in the office's currency.
pub(crate) const LOCAL_PER_USD: f64 = 1_380.0;

/// A requirement document, as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    None,
    Held,
    Exempt,
}

/// One item.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) heading: u16,
    pub(crate) origin: u16,
    pub(crate) description: &'static str,
    pub(crate) net_mass_kg: f64,
    pub(crate) quantity: f64,
    pub(crate) value_usd: f64,
    pub(crate) tariff_rate: f64,
    pub(crate) tariff_kind: &'static str,
    pub(crate) preference: bool,
    pub(crate) permit: Permit,
    /// Models, brands, certificate numbers.
    pub(crate) bits: u64,
}

impl World {
    pub(super) fn add_items(&self, d: &mut Declaration, dice: &mut Dice) {
        let sizes = match d.owner {
            Owner::Company(_) if d.channel != Channel::Express => &self.trade_items,
            _ => &self.parcel_items,
        };
        let count = match d.slot {
            Slot::Split { .. } => 1,
            _ => 1 + sizes.draw(dice),
        };
        d.items.reserve_exact(count);
        for n in 0..count {
            let item = match d.slot {
                Slot::Split { order, .. } => split_item(self.spec.seed, order, dice),
                Slot::Transhipped if n == 0 => transhipped_item(d, dice),
                _ => self.item(d, dice),
            };
            d.items.push(item);
        }
        if matches!(d.channel, Channel::Sea | Channel::Air) && TABLES.heading(d.items[0].heading).is_bulk() {
            // A hold takes one kind of goods, and no aircraft takes it.
            d.channel = Channel::Sea;
            d.items.truncate(1);
        }
        d.true_value_usd = d.value_usd();
        if d.slot == Slot::Undervalued {
            let declared = dice.between(0.1, 0.3);
            for item in &mut d.items {
                item.value_usd = round_to(item.value_usd * declared, 2).max(0.01);
            }
        }
    }

    fn item(&self, d: &Declaration, dice: &mut Dice) -> Item {
        let (heading, price, median_usd, sigma) = match d.owner {
            Owner::Person(_) => (TABLES.parcel.draw(dice) as u16, 1.35, 48.0, 0.6),
            Owner::Company(importer) => {
                let importer = &self.parties.importers[importer as usize];
                let line = [0, 0, 0, 0, 1, 1, 2, 3][dice.below(8) as usize];
                let median = match d.channel {
                    Channel::Sea => 11_000.0,
                    Channel::Air => 3_600.0,
                    Channel::Express | Channel::Post => 420.0,
                };
                (importer.headings[line], importer.price, median, 1.25)
            }
        };
        let goods = TABLES.heading(heading);
        let origin = item_origin(goods, d, dice);
        let price = price * TABLES.country(origin).price;
        let wanted_usd = median_usd * dice.factor(sigma) * if goods.is_bulk() { 150.0 } else { 1.0 };
        let mut item = priced(heading, origin, wanted_usd, price, dice);
        if matches!(d.owner, Owner::Person(_)) && item.value_usd > DUTY_FREE_USD && dice.chance(0.7) {
            // People know the limit and stop below it: honestly, by ordering less.
            item = priced(heading, origin, wanted_usd.min(60.0), price, dice);
        }
        duties(&mut item, goods, dice);
        item
    }
}

/// Mostly the supplier's own country, where it makes such goods.
fn item_origin(goods: &Heading, d: &Declaration, dice: &mut Dice) -> u16 {
    let at_home = goods.origin_countries.contains(&d.exporter.country);
    if dice.chance(if at_home { 0.93 } else { 0.3 }) { d.exporter.country } else { goods.origin(dice) }
}

/// An item of about `wanted_usd`, at least one piece.
fn priced(heading: u16, origin: u16, wanted_usd: f64, price: f64, dice: &mut Dice) -> Item {
    let goods = TABLES.heading(heading);
    let usd_per_kg = goods.usd_per_kg * price * dice.factor(goods.spread);
    let pieces = (wanted_usd / (usd_per_kg * goods.unit_kg)).round().max(1.0);
    let by_piece = matches!(goods.unit, "EA" | "2U");
    let net_mass_kg = if by_piece {
        // Pieces of one order weigh alike, those of another differ: sizes, models.
        pieces * goods.unit_kg * dice.factor(0.12)
    } else {
        // What is sold by weight comes in any weight.
        (wanted_usd / usd_per_kg).max(0.05)
    };
    let net_mass_kg = round_to(net_mass_kg, 3).max(0.001);
    let quantity = match goods.unit {
        "G" => round_to(net_mass_kg * 1_000.0, 1),
        "L" => round_to(net_mass_kg / 1.02, 1).max(0.1),
        "KG" => net_mass_kg,
        _ => pieces,
    };
    Item {
        heading,
        origin,
        description: dice.one(&goods.descriptions),
        net_mass_kg,
        quantity,
        value_usd: round_to(net_mass_kg * usd_per_kg, 2).max(0.01),
        tariff_rate: goods.tariff,
        tariff_kind: "A",
        preference: false,
        permit: Permit::None,
        bits: dice.bits(),
    }
}

/// Rate, preference and requirement documents of an honest item.
fn duties(item: &mut Item, goods: &Heading, dice: &mut Dice) {
    let agreement = TABLES.country(item.origin).agreement;
    let draw = dice.unit();
    match agreement {
        Some(kind) if goods.tariff > 0.0 && draw < 0.55 => {
            item.tariff_kind = kind;
            item.preference = true;
            item.tariff_rate = match (item.bits >> 3) % 10 {
                0..7 => 0.0,
                7 | 8 => round_to(goods.tariff * 0.4, 1),
                _ => round_to(goods.tariff * 0.7, 1),
            };
        }
        _ if goods.tariff == 0.0 && matches!(&goods.hs_code[..2], "84" | "85") => item.tariff_kind = "CIT",
        _ if draw > 0.75 => {
            item.tariff_kind = "C";
            item.tariff_rate = round_to(goods.tariff * 0.81, 1);
        }
        _ => {}
    }
    if goods.law.is_some() {
        item.permit = match dice.below(100) {
            0..3 => Permit::None,
            3..12 => Permit::Exempt,
            _ => Permit::Held,
        };
    }
}

/// A parcel of a split order: the same goods in each, just under the limit.
fn split_item(seed: u64, order: u64, dice: &mut Dice) -> Item {
    let mut shared = Dice::new(seed, Use::Person, order);
    let heading = TABLES.parcel.draw(&mut shared) as u16;
    let goods = TABLES.heading(heading);
    let origin = goods.origin(&mut shared);
    let wanted = dice.between(118.0, 149.5);
    let mut item = priced(heading, origin, wanted, TABLES.country(origin).price, dice);
    item.description = goods.descriptions[0];
    item.value_usd = round_to(wanted, 2);
    if goods.law.is_some() {
        item.permit = Permit::Exempt;
    }
    item
}

/// Goods of China, claimed as a neighbour's: half of them do not even leave from there.
fn transhipped_item(d: &mut Declaration, dice: &mut Dice) -> Item {
    let code = |code| TABLES.country_of(code).expect("stands in the table");
    let china = code("CN");
    let claimed = code(dice.one(&["VN", "VN", "MY", "MY", "TH"]));
    let heading = match d.owner {
        Owner::Company(_) => {
            let goods = dice.one(&crate::parties::TRANSHIPPED_GOODS);
            TABLES.heading_of(goods).expect("transhipped goods stand in the table")
        }
        Owner::Person(_) => 0,
    };
    if dice.chance(0.6) {
        d.departure = china;
        d.exporter_country = claimed;
    } else {
        d.departure = claimed;
        d.exporter_country = china;
    }
    d.exporter.country = d.exporter_country;
    let mut item = priced(heading, claimed, 26_000.0 * dice.factor(0.6), TABLES.country(china).price, dice);
    item.tariff_rate = 0.0;
    item.tariff_kind = TABLES.country(claimed).agreement.unwrap_or("FAS1");
    item.preference = true;
    if TABLES.heading(heading).law.is_some() {
        item.permit = Permit::Held;
    }
    item
}
