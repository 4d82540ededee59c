//! People on a flight: who they are, their papers, what they check in.

use super::{Flight, Traveller, day_of};
use crate::declaration::round_to;
use crate::dice::Dice;
use crate::ids::passport;
use crate::parties::push_person;
use crate::tables::TABLES;
use crate::timeline::HOUR_MS;

/// An adult, or a child, with papers.
pub(super) fn new_person(flight: &Flight, nationality: u16, age: i64, dice: &mut Dice) -> Traveller {
    let country = TABLES.country(nationality);
    let mut name = String::new();
    push_person(&mut name, country.names, dice.bits(), "/");
    let (surname, given) = name.split_once('/').unwrap_or((&name, ""));
    let today = day_of(flight.arrives_at);
    let validity = if age < 18 { 5 } else { 10 };
    let issued_day = today - 30 - dice.below(validity * 365 - 240) as i64;
    Traveller {
        number: flight.people.len() as u32 + 1,
        crew: None,
        state: match dice.below(100) {
            0..3 => "no_show",
            3 => "cancelled",
            _ => "boarded",
        },
        surname: surname.to_owned(),
        given: given.to_owned(),
        gender: if dice.chance(0.5) { "F" } else { "M" },
        kind: match age {
            0..2 => "infant",
            2..12 => "child",
            _ => "adult",
        },
        birth_day: today - age * 365 - age / 4 - dice.below(365) as i64,
        nationality,
        residence: if dice.chance(0.93) { nationality } else { flight.to.country },
        document_no: passport(country.code, dice.bits() >> 8),
        document_country: nationality,
        issued_day,
        expires_day: issued_day + validity as i64 * 3_652 / 10,
        verified: dice.chance(0.9),
        visa: (matches!(
            country.code,
            "CN" | "VN" | "IN" | "PH" | "ID" | "MN" | "UZ" | "PK" | "BD" | "NG" | "ET" | "KE" | "MM"
        ) && flight.to.country != nationality)
            .then(|| (format!("V{:08}", dice.below(100_000_000)), today + 20 + dice.below(340) as i64)),
        booking: None,
        seat: None,
        checked_in_at: None,
        bags: 0,
        bag_kg: 0.0,
        first_tag: 0,
        ticket: 0,
        payer: None,
        loyalty: None,
        finding: None,
    }
}

/// Seat, bags, ticket and payer.
pub(super) fn check_in(flight: &Flight, person: &mut Traveller, first_of_party: usize, dice: &mut Dice) {
    let n = u64::from(person.number);
    let arrived = matches!(person.state, "boarded");
    person.ticket = flight.index * 1_024 + n;
    person.first_tag = (flight.index * 2_048 + n * 4) % 1_000_000;
    if arrived {
        person.seat = Some(format!("{}{}", 7 + n / 6, ["A", "B", "C", "D", "E", "F"][(n % 6) as usize]));
        person.checked_in_at = Some(flight.departs_at - (dice.between(0.9, 26.0) * HOUR_MS as f64) as i64);
        person.bags =
            if person.kind == "adult" { [0, 1, 1, 1, 1, 2][dice.below(6) as usize] } else { dice.below(2) as i32 };
        person.bag_kg = round_to(f64::from(person.bags) * 15.5 * dice.factor(0.22), 1);
    }
    if let Some(booking) = &person.booking
        && booking.payment == "card"
    {
        let payer = flight.people.get(first_of_party).unwrap_or(person);
        person.payer = Some(format!("{} {}", payer.given, payer.surname));
    }
    person.loyalty =
        dice.chance(0.22).then(|| (format!("{:09}", dice.below(1_000_000_000)), dice.one(&["", "SILVER", "GOLD"])));
}
