//! Bookings and the people in them: honest ones, the crew's couriers, and those with documents not their own.

use super::person::{check_in, new_person};
use super::{Booking, Flight, Leg, Traveller, day_of};
use crate::declaration::round_to;
use crate::dice::{Dice, Use};
use crate::ids::{locator, passport};
use crate::parties::{AIRLINES, address};
use crate::scheme::{Finding, Scheme, Seized};
use crate::tables::TABLES;
use crate::timeline::{DAY_MS, HOUR_MS};
use crate::world::World;

/// Of the planted share: the smuggling crew; the rest is document fraud.
const CREW_PART: f64 = 0.5;
/// The crew's travel agency.
const CREW_AGENCY: u64 = 417;
/// Stolen documents in use.
const STOLEN: u64 = 24;

impl World {
    pub(super) fn add_crew(&self, flight: &mut Flight, size: u32, dice: &mut Dice) {
        let nationality = if dice.chance(0.6) { flight.to.country } else { flight.from.country };
        for n in 0..size {
            let mut person = new_person(flight, nationality, 22 + dice.below(38) as i64, dice);
            person.crew = Some(if n < 2 { "CR1" } else { "CR2" });
            person.residence = nationality;
            person.visa = None;
            if dice.chance(self.spec.planted_share * CREW_PART) {
                person.bags = 3;
                person.bag_kg = round_to(dice.between(58.0, 84.0), 1);
                person.finding = Some(smuggler("crew member with the bags of three", dice));
            }
            flight.people.push(person);
        }
    }

    pub(super) fn add_passengers(&self, flight: &mut Flight, seats: usize, dice: &mut Dice) {
        let crew = flight.people.len();
        let home = TABLES.country_of("KR").expect("the home country stands in the table");
        let away = if flight.inbound { flight.from.country } else { flight.to.country };
        while flight.people.len() < seats + crew {
            // Couriers of one crew travel two to four to a flight, each on a booking of their own.
            if dice.chance(self.spec.planted_share * CREW_PART / 3.0 * 1.9) {
                for _ in 0..2 + dice.below(3) {
                    self.add_couriers(flight, away, dice);
                }
                continue;
            }
            let nationality = match dice.below(100) {
                0..54 => home,
                54..90 => away,
                _ => dice.below(TABLES.countries.len() as u64) as u16,
            };
            let room = (seats + crew - flight.people.len()).max(1);
            let size = (1 + self.party.draw(dice)).min(room);
            let booking = self.booking(flight, nationality, size as i32, dice);
            let first = flight.people.len();
            for n in 0..size {
                let age = if n < 2 {
                    18 + (dice.unit() * dice.unit() * 62.0) as i64 + dice.below(8) as i64
                } else {
                    dice.below(19) as i64
                };
                let mut person = new_person(flight, nationality, age, dice);
                if n > 0 && dice.chance(0.7) {
                    person.surname.clone_from(&flight.people[first].surname);
                }
                person.booking = Some(booking.clone());
                check_in(flight, &mut person, first, dice);
                if dice.chance(self.spec.planted_share * (1.0 - CREW_PART)) {
                    self.falsify_document(flight, &mut person, dice);
                }
                flight.people.push(person);
            }
        }
    }

    fn booking(&self, flight: &Flight, nationality: u16, size: i32, dice: &mut Dice) -> Booking {
        let lead_days = (32.0 * dice.factor(1.0)).clamp(0.2, 330.0);
        let booked_at = flight.departs_at - (lead_days * DAY_MS as f64) as i64;
        // Most tickets are issued at once; some wait a day for the money.
        let wait = if dice.chance(0.7) { dice.between(0.0, 0.5) } else { dice.between(1.0, 24.0) };
        let ticketed_at = (booked_at + (wait * HOUR_MS as f64) as i64).min(flight.departs_at - HOUR_MS);
        let channel = match dice.below(100) {
            0..45 => "agency",
            45..70 => "airline",
            _ => "online",
        };
        let payment = match dice.below(100) {
            0..86 => "card",
            86..91 => "points",
            91..95 => "cash",
            95..97 => "cheque",
            _ => "misc",
        };
        let country = TABLES.country(nationality);
        let class = dice.one(&["Y", "Y", "M", "M", "K", "Q", "Q", "V", "B", "C"]);
        let minutes = (flight.arrives_at - flight.departs_at) as f64 / 60_000.0;
        let fare = (60.0 + minutes * 0.85) * dice.factor(0.35) * if class == "C" { 3.2 } else { 1.0 };
        Booking {
            locator: locator(dice.bits()),
            size,
            booked_at,
            ticketed_at,
            channel,
            agency: (channel == "agency").then(|| (agency(self.agencies.draw(dice) as u64), country.code)),
            changes: [0, 0, 0, 0, 0, 1, 1, 2][dice.below(8) as usize],
            legs: legs(flight, nationality, dice),
            class,
            payment,
            card: (payment == "card").then(|| card(dice)),
            fare_usd: round_to(fare, 2),
            phone: format!("+00{:09}", dice.below(1_000_000_000)),
            address_country: nationality,
            stay: (flight.to.country != nationality)
                .then(|| address(dice.bits(), flight.to.iata, TABLES.country(flight.to.country).code)),
        }
    }

    /// A hired courier: one way, cash, a ticket of the last hours from the crew's agency, heavy bags.
    fn add_couriers(&self, flight: &mut Flight, away: u16, dice: &mut Dice) {
        let nationality = if dice.chance(0.6) { away } else { dice.below(TABLES.countries.len() as u64) as u16 };
        let mut person = new_person(flight, nationality, 21 + dice.below(30) as i64, dice);
        let mut booking = self.booking(flight, nationality, 1, dice);
        booking.booked_at = flight.departs_at - (dice.between(4.0, 30.0) * HOUR_MS as f64) as i64;
        booking.ticketed_at = booking.booked_at + (dice.between(0.1, 2.0) * HOUR_MS as f64) as i64;
        booking.channel = "agency";
        booking.agency = Some((agency(CREW_AGENCY), TABLES.country(away).code));
        booking.payment = "cash";
        booking.card = None;
        booking.class = "Y";
        booking.changes = 1 + dice.below(4) as i32;
        booking.legs = vec![leg_of(flight)];
        booking.fare_usd = round_to(booking.fare_usd * 1.7, 2);
        person.state = "boarded";
        person.booking = Some(booking);
        check_in(flight, &mut person, usize::MAX, dice);
        person.payer = None;
        person.loyalty = None;
        person.bags = 2 + dice.below(2) as i32;
        person.bag_kg = round_to(f64::from(person.bags) * dice.between(21.5, 31.0), 1);
        person.finding = Some(smuggler("courier of one agency: one way, cash, booked within a day, heavy bags", dice));
        flight.people.push(person);
    }

    fn falsify_document(&self, flight: &Flight, person: &mut Traveller, dice: &mut Dice) {
        let today = day_of(flight.arrives_at);
        let (severity, note) = match dice.below(3) {
            0 => {
                let which = dice.below(STOLEN);
                let mut stolen = Dice::new(self.spec.seed, Use::StolenDocument, which);
                let country = stolen.below(TABLES.countries.len() as u64) as u16;
                person.document_no = passport(TABLES.country(country).code, stolen.bits() >> 8);
                person.document_country = country;
                person.nationality = country;
                person.expires_day = today + 200 + stolen.below(1_500) as i64;
                person.issued_day = person.expires_day - 3_652;
                (3, format!("document {which} of a stolen lot, in use under several names"))
            }
            1 => {
                let days = 3 + dice.below(400) as i64;
                person.expires_day = today - days;
                person.issued_day = person.expires_day - 3_652;
                person.verified = false;
                (2, format!("document expired {days} days before arrival"))
            }
            _ => {
                let issuer = loop {
                    let country = dice.below(TABLES.countries.len() as u64) as u16;
                    if country != person.nationality {
                        break country;
                    }
                };
                person.document_country = issuer;
                person.document_no = passport(TABLES.country(issuer).code, dice.bits() >> 8);
                person.verified = false;
                (2, "document of another country than the nationality it is shown for".to_owned())
            }
        };
        person.state = "boarded";
        person.finding = Some(Finding::planted(Scheme::DocumentFraud, severity, &["DOC"], note));
    }
}

fn smuggler(note: &str, dice: &mut Dice) -> Finding {
    let kind = dice.one(&["narcotics", "narcotics", "gold", "currency"]);
    Finding {
        seized: Some(Seized { kind, kg: round_to(dice.between(0.8, 22.0), 1) }),
        ..Finding::planted(Scheme::SmugglingCrew, 3, &["CON"], note.to_owned())
    }
}

/// A travel agency's eight digits, from a range that no agency has.
fn agency(number: u64) -> String {
    format!("99{:06}", 100_003 + number * 431)
}

/// Issuer and number, masked as it may be stored; the digits shown are nobody's.
fn card(dice: &mut Dice) -> (&'static str, String) {
    let (issuer, first) =
        dice.one(&[("VI", "400000"), ("VI", "400000"), ("CA", "500000"), ("UP", "620000"), ("AX", "370000")]);
    (issuer, format!("{first}XXXXXX{:04}", dice.below(10_000)))
}

fn leg_of(flight: &Flight) -> Leg {
    Leg {
        carrier: flight.carrier,
        flight_no: flight.number,
        from: flight.from.iata,
        to: flight.to.iata,
        departs_at: flight.departs_at,
        arrives_at: flight.arrives_at,
    }
}

/// The whole booking: mostly out and back, now and then with a change on the way.
fn legs(flight: &Flight, nationality: u16, dice: &mut Dice) -> Vec<Leg> {
    let this = leg_of(flight);
    let mut legs = vec![this.clone()];
    let beyond = |dice: &mut Dice| &TABLES.airports[dice.below(TABLES.airports.len() as u64) as usize];
    if dice.chance(0.14) {
        let before = beyond(dice);
        let wait = (dice.between(1.2, 9.0) * HOUR_MS as f64) as i64 / 300_000 * 300_000;
        if before.country != flight.from.country && before.country != flight.to.country {
            let arrives_at = flight.departs_at - wait;
            legs.insert(
                0,
                Leg {
                    carrier: AIRLINES[dice.below(AIRLINES.len() as u64) as usize],
                    flight_no: 300 + dice.below(600) as i32,
                    from: before.iata,
                    to: this.from,
                    departs_at: arrives_at - (3 * HOUR_MS + dice.below(60) as i64 * 300_000),
                    arrives_at,
                },
            );
        }
    }
    if dice.chance(0.83) {
        // Those who go home have been away; those who come will leave again.
        let stay = ((6.0 * dice.factor(0.8)).clamp(1.0, 90.0) * DAY_MS as f64) as i64 / 300_000 * 300_000;
        let length = this.arrives_at - this.departs_at;
        let back = |departs_at| Leg {
            carrier: this.carrier,
            flight_no: this.flight_no + if flight.inbound { -1 } else { 1 },
            from: this.to,
            to: this.from,
            departs_at,
            arrives_at: departs_at + length,
        };
        if flight.to.country == nationality {
            let out = back(this.departs_at - stay - length);
            legs.insert(0, out);
        } else {
            let home = back(this.arrives_at + stay);
            legs.push(home);
        }
    }
    legs
}
