//! How goods travel: ports, times, boxes, charges. What follows from who sends what.

use super::{Channel, Declaration, Stowage, round_to};
use crate::dice::Dice;
use crate::tables::TABLES;
use crate::timeline::{DAY_MS, HOUR_MS};

/// Ports, times, boxes, charges: what follows from the goods.
pub(super) fn ship(d: &mut Declaration, dice: &mut Dice) {
    let heading = TABLES.heading(d.items[0].heading);
    let from = TABLES.country(d.departure);
    let by_sea = match d.channel {
        Channel::Sea => true,
        Channel::Express => from.code == "CN" && d.bits.trailing_zeros() >= 2,
        _ => false,
    };
    d.loading_port = port_of(if by_sea { &from.seaports } else { &from.airports }, dice);
    (d.unloading_port, d.office) = match (d.channel, by_sea) {
        (Channel::Sea, _) => dice.one(&[
            ("KRINC", "020"),
            ("KRINC", "020"),
            ("KRINC", "020"),
            ("KRINC", "020"),
            ("KRPUS", "030"),
            ("KRPUS", "030"),
            ("KRPUS", "030"),
            ("KRPUS", "030"),
            ("KRPTK", "016"),
            ("KRKAN", "062"),
        ]),
        (Channel::Express, true) => dice.one(&[("KRINC", "020"), ("KRPTK", "016")]),
        (Channel::Express, false) => dice.one(&[("ICN", "040"), ("ICN", "040"), ("ICN", "016")]),
        (Channel::Post, _) => ("ICN", "014"),
        (Channel::Air, _) => {
            dice.one(&[("ICN", "040"), ("ICN", "040"), ("ICN", "040"), ("ICN", "010"), ("PUS", "033")])
        }
    };
    // Most file after arrival; some while the vessel is still on the water.
    let waited = match d.channel {
        Channel::Sea => dice.between(-1.2, 7.0),
        _ => dice.between(-0.25, 2.0),
    };
    d.arrival_at = d.declared_at - (waited * DAY_MS as f64) as i64 / 60_000 * 60_000;
    let carried = d.arrival_at + (dice.between(1.5, 30.0) * HOUR_MS as f64) as i64 / 60_000 * 60_000;
    d.carried_in_at = (carried <= d.declared_at).then_some(carried);

    let net: f64 = d.items.iter().map(|i| i.net_mass_kg).sum();
    d.gross_mass_kg = round_to(net * dice.between(1.03, 1.15) + 0.05, 2);
    d.packages = match d.channel {
        Channel::Express | Channel::Post => 1.0,
        _ if heading.is_bulk() => 1.0,
        _ => (d.gross_mass_kg / dice.between(8.0, 22.0)).ceil().max(1.0),
    };
    if d.channel == Channel::Sea {
        d.stowage = if heading.is_bulk() || d.gross_mass_kg > 180_000.0 {
            Stowage::Bulk
        } else if d.gross_mass_kg > 4_500.0 {
            Stowage::Full
        } else {
            Stowage::Part
        };
        let boxes = match d.stowage {
            Stowage::Full => (d.gross_mass_kg / 21_000.0).ceil() as u64,
            Stowage::Part => 1,
            Stowage::Bulk | Stowage::Loose => 0,
        };
        d.containers.extend((0..boxes).map(|n| (d.bits >> 8).wrapping_add(n * 7) % 9_000_000));
    }
    let value = d.value_usd();
    d.freight_usd = round_to(
        match d.channel {
            Channel::Sea => value * dice.between(0.01, 0.06) + 40.0,
            Channel::Air => (d.gross_mass_kg * dice.between(1.8, 4.5)).min(value * 0.4) + 20.0,
            Channel::Express | Channel::Post => dice.between(4.0, 15.0),
        },
        2,
    );
    let home = TABLES.country(d.exporter_country).currency;
    d.currency = if dice.chance(if home == "USD" { 1.0 } else { 0.35 }) { home } else { "USD" };
    d.incoterm = match d.channel {
        Channel::Express | Channel::Post => "DAP",
        Channel::Air => dice.one(&["FCA", "FCA", "CPT", "EXW", "CIP"]),
        Channel::Sea => dice.one(&["FOB", "FOB", "FOB", "CIF", "CIF", "CFR", "EXW"]),
    };
}

/// The first port of a country is its busiest. What comes from inland crosses at Rotterdam.
fn port_of(ports: &[&'static str], dice: &mut Dice) -> &'static str {
    match ports {
        [] => "NLRTM",
        [only] => only,
        [first, ..] => {
            if dice.chance(0.5) {
                first
            } else {
                dice.one(ports)
            }
        }
    }
}
