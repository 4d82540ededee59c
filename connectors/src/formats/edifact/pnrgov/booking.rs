//! One booking (PNR): from its SRC to the next.
//!
//! What a segment belongs to follows from the triggers before it: the booking until the first TIF, a traveller until
//! the first TVL, a leg until the next, what is split off behind EQN, hotels and cars behind MSG, history behind ABI or
//! LTS. Services (SSR) name their travellers by reference and may stand before them, so they are read last.

use std::borrow::Cow;
use std::rc::Rc;

use chrono_tz::Tz;
use haechi_model::intake::Warning;
use rustc_hash::FxHashMap;

use super::super::dates::{Moment, day_first};
use super::super::interchange::Message;
use super::super::measure::{mass_kg, number};
use super::super::people::{tags, without_padding};
use super::super::places::{country, short, to_utc_in, upper};
use super::super::segments::{Arena, Segment};
use super::header::{Flight, Flights, Header};
use super::person::{Bags, Payment, Person};
use super::services;
use super::texts::{Contact, contact_remark, contacts_of_address, masked};

/// More legs than one booking has; every traveller of it repeats them.
const LEGS_MAX: usize = 64;
/// More travellers than one booking has.
pub const PEOPLE_MAX: usize = 1_000;
/// More tags than one traveller checks in.
const TAGS_MAX: usize = 99;
/// More phones, or mail addresses, than one traveller leaves.
const CONTACTS_MAX: usize = 20;

/// A booking as its segments tell it.
#[derive(Debug, Default)]
pub struct Booking<'p> {
    /// RCI: carrier and locator.
    pub locators: Vec<(Cow<'p, str>, Cow<'p, str>)>,
    /// RCI, UTC milliseconds.
    pub booked_at: Option<i64>,
    /// DAT 710 of the booking.
    pub ticketed_at: Option<i64>,
    /// ORG.
    pub agency_id: Option<Cow<'p, str>>,
    /// ORG.
    pub agency_country: Option<Cow<'p, str>>,
    /// ORG type.
    pub channel: Option<&'static str>,
    /// ADD, IFT of the whole booking.
    pub contacts: Contacts<'p>,
    /// Travellers, in the order of their TIF.
    pub people: Vec<Person<'p>>,
    /// TVL groups.
    pub legs: Vec<Leg<'p>>,
    /// Which of them is the flight of the message.
    pub flown: Option<usize>,
    /// RCI behind EQN.
    pub split: Vec<Cow<'p, str>>,
    /// SAC in the history.
    pub changes: i32,
    /// ORG is there and empty, and nothing else: the booking is cancelled.
    pub cancelled: bool,
    /// How many SSR DOCS it holds.
    pub docs: u64,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
}

/// Where somebody lives and can be reached.
#[derive(Debug, Default)]
pub struct Contacts<'p> {
    /// Digits.
    pub phones: Vec<String>,
    /// Lower case.
    pub emails: Vec<String>,
    /// One line.
    pub address: Option<String>,
    /// ISO alpha-2.
    pub country: Option<Cow<'p, str>>,
}

impl Contacts<'_> {
    /// Adds one, once.
    pub fn add(&mut self, contact: Contact) {
        let (list, value) = match contact {
            Contact::Phone(phone) => (&mut self.phones, phone),
            Contact::Email(email) => (&mut self.emails, email),
        };
        if list.len() < CONTACTS_MAX && !list.contains(&value) {
            list.push(value);
        }
    }
}

/// A leg of the itinerary.
#[derive(Debug, Default)]
pub struct Leg<'p> {
    /// TVL.
    pub flight: Rc<Flight>,
    /// RPI status.
    pub status: Option<Cow<'p, str>>,
    /// RPI travellers.
    pub travellers: Option<i32>,
    /// Codeshares: a TVL of a number alone, or TRA.
    pub codeshares: Vec<String>,
}

/// What the next segments belong to.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Booking,
    Person(usize),
    Leg(usize),
    /// A traveller checked in on a leg.
    CheckIn {
        leg: usize,
        person: Option<usize>,
    },
    Split,
    /// Hotels and cars; one of them was met.
    Other {
        seen: bool,
    },
    History,
}

/// An SSR kept until all travellers are known, with the traveller and the leg it stands under.
pub type Service<'p, 't> = (Segment<'p, 't>, Option<usize>, Option<usize>);

pub struct Reader<'p, 't, 'm> {
    pub booking: Booking<'p>,
    pub header: &'m Header,
    pub message: &'m Message<'m>,
    /// Zone of the times in it.
    zone: Tz,
    at: At,
    /// Check-in time of the group that is open.
    checked_in_at: Option<i64>,
    /// Its boarding number was met.
    numbered: bool,
    services: Vec<Service<'p, 't>>,
    bare: bool,
    /// Where the traveller of a reference stands.
    references: FxHashMap<&'p str, usize>,
    /// Services that may be kept.
    allowed: &'m [String],
    /// Those that bookings of the message named before.
    flights: &'m mut Flights<'t>,
}

impl<'p> Booking<'p> {
    /// Reads the segments of a booking, whose times are in `zone`. Of the services that tell of health and belief only
    /// those in `allowed` are kept. `flights` are what all bookings of the message share.
    pub fn read<'t>(
        group: &'p Arena<'t>,
        header: &Header,
        message: &Message<'_>,
        zone: Tz,
        allowed: &[String],
        flights: &mut Flights<'t>,
    ) -> Self {
        let mut reader = Reader {
            booking: Self::default(),
            header,
            message,
            zone,
            at: At::Booking,
            checked_in_at: None,
            numbered: false,
            services: Vec::new(),
            bare: false,
            references: FxHashMap::default(),
            allowed,
            flights,
        };
        for segment in group.iter() {
            reader.segment(segment);
        }
        reader.finish()
    }

    /// The operating carrier's locator: of the flight's carrier, else the first.
    pub fn locator(&self, carrier: &str) -> Option<&str> {
        let own = self.locators.iter().find(|(c, _)| c == carrier);
        own.or_else(|| self.locators.first()).map(|(_, locator)| &**locator)
    }

    /// The travellers at these places.
    pub fn named<'b>(&'b mut self, at: &'b [usize]) -> impl Iterator<Item = &'b mut Person<'p>> {
        // Most name one, or nobody, which is all.
        let all = at.len() == self.people.len();
        self.people.iter_mut().enumerate().filter(move |(i, _)| all || at.contains(i)).map(|(_, person)| person)
    }

    /// The leg that is the flight of the message.
    pub fn flown(&self) -> Option<&Leg<'p>> {
        self.flown.and_then(|i| self.legs.get(i))
    }
}

impl<'p, 't> Reader<'p, 't, '_> {
    fn segment(&mut self, s: Segment<'p, 't>) {
        match (s.tag().as_bytes(), self.at) {
            (b"SRC", _) => {}
            (b"ABI" | b"LTS", _) => self.at = At::History,
            (b"SAC", At::History) => self.booking.changes += 1,
            (_, At::History) => {}
            (b"EQN", _) => self.at = At::Split,
            (b"RCI", At::Split) => {
                let room = LEGS_MAX.saturating_sub(self.booking.split.len());
                let split = (0..s.len()).filter_map(|element| s.value(element, 1)).map(upper);
                self.booking.split.extend(split.take(room));
            }
            // 8: what is not a flight.
            (b"MSG", _) => {
                self.at = if s.get(0, 0) == "8" || s.get(0, 1) == "8" { At::Other { seen: false } } else { self.at }
            }
            (b"TVL", At::Other { seen }) if !seen || !is_flight(s) => self.at = At::Other { seen: true },
            (b"TVL", _) => self.leg(s),
            (b"TRA", At::Leg(leg) | At::CheckIn { leg, .. }) => self.codeshare(leg, s.get(0, 0), s.get(1, 0)),
            (b"TIF", _) => self.traveller(s),
            (b"RCI", _) => self.locators(s),
            (b"DAT", _) => self.dates(s),
            (b"ORG", At::Booking) => self.origin(s),
            (b"SSR", _) => self.service(s),
            (b"ADD", _) => self.address(s),
            (b"IFT", _) => self.text(s),
            (b"FTI", At::Person(i)) => self.loyalty(i, s),
            (b"REF", At::Person(i)) => {
                let reference = s.value(0, 1).or_else(|| s.value(0, 0)).map(upper);
                if let Some(person) = self.booking.people.get_mut(i) {
                    person.unique_reference = reference;
                }
            }
            (b"TKT", At::Person(i)) => self.ticket(i, s),
            (b"MON", At::Person(i)) => self.fare(i, s),
            (b"FOP", At::Person(i)) => self.payment(i, s),
            (b"RPI", At::Leg(leg)) => {
                let travellers = s.get(0, 0).parse().ok();
                let status = s.value(1, 0).map(upper);
                if let Some(leg) = self.booking.legs.get_mut(leg) {
                    (leg.travellers, leg.status) = (travellers, status.or(leg.status.take()));
                }
            }
            (b"TRI", At::Leg(leg) | At::CheckIn { leg, .. }) => {
                let person = self.person_of(s.get(1, 3), None);
                self.at = At::CheckIn { leg, person };
                self.numbered = true;
                self.check_in(leg, person);
            }
            (b"SSD", At::CheckIn { leg, person }) => self.seat_at_check_in(leg, person, s),
            (b"TBD", At::CheckIn { leg, person }) => self.bags(leg, person, s),
            // Read and kept in the bytes: fares, taxes, excess baggage, equipment, who checked in.
            (
                b"EBD" | b"FAR" | b"PTK" | b"TXD" | b"APD" | b"ORG" | b"RPI" | b"TRA" | b"FTI" | b"REF" | b"TRI"
                | b"TBD" | b"SSD" | b"TKT" | b"MON" | b"FOP" | b"CNX" | b"EQI" | b"SAC",
                _,
            ) => {}
            _ => {
                let text = format!("{} in a booking", s.tag());
                self.warn("unknown_segment", s, text);
            }
        }
    }

    pub fn warn(&mut self, code: &'static str, s: Segment<'_, '_>, text: impl Into<String>) {
        self.booking.warnings.push(Warning { code, path: self.message.path(s.number()), text: text.into() });
    }

    /// A time of the booking, UTC milliseconds.
    fn instant(&self, moment: Moment) -> Option<i64> {
        to_utc_in(moment, self.zone)
    }

    /// Whether a service of this code may be kept.
    pub fn keeps(&self, code: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == code)
    }

    pub fn country(&mut self, s: Segment<'_, '_>, code: &'p str) -> Cow<'p, str> {
        country(code, &|| self.message.path(s.number()), &mut self.booking.warnings)
    }

    fn leg(&mut self, s: Segment<'p, 't>) {
        let number = s.get(4, 0);
        let stops = s.value(1, 0).is_some() || s.value(2, 0).is_some();
        if !stops && s.get(3, 0).is_empty() && number.starts_with(|c: char| c.is_ascii_digit()) {
            // A number alone: how another carrier sells the leg before it.
            if let At::Leg(leg) | At::CheckIn { leg, .. } = self.at {
                return self.codeshare(leg, "", number);
            }
        }
        if self.booking.legs.len() >= LEGS_MAX {
            return self.warn("too_many_legs", s, format!("more than {LEGS_MAX}"));
        }
        let path = || self.message.path(s.number());
        let flight = self.flights.read(s, &path, &mut self.booking.warnings);
        let sold = flight.marketing.is_some();
        self.booking.legs.push(Leg { flight, ..Leg::default() });
        let leg = self.booking.legs.len() - 1;
        if sold {
            self.codeshare(leg, "", number);
        }
        self.at = At::Leg(leg);
        self.checked_in_at = None;
        self.numbered = false;
    }

    fn codeshare(&mut self, leg: usize, carrier: &str, number: &str) {
        let Some(leg) = self.booking.legs.get_mut(leg) else { return };
        let digits = number.trim_start_matches('0');
        if digits.is_empty() || leg.codeshares.len() >= LEGS_MAX {
            return;
        }
        let seller = leg.flight.marketing.as_deref().unwrap_or(&leg.flight.carrier);
        let carrier = if carrier.is_empty() { Cow::Borrowed(seller) } else { upper(carrier) };
        let flight = format!("{carrier}{}", upper(digits));
        if !leg.codeshares.contains(&flight) {
            leg.codeshares.push(flight);
        }
    }

    /// TIF: travellers of the booking, or who is checked in.
    fn traveller(&mut self, s: Segment<'p, 't>) {
        if let At::Leg(leg) | At::CheckIn { leg, .. } = self.at {
            let reference = s.value(1, 2).unwrap_or_default();
            let by_boarding = if let At::CheckIn { person, .. } = self.at { person } else { None };
            let known = self.person_of(reference, None).or_else(|| {
                let named = Person::read(s, 1);
                let known = self.person_of(reference, Some(&named));
                known.or(by_boarding.filter(|_| !named.has_name()))
            });
            if let Some(person) = known {
                self.at = At::CheckIn { leg, person: Some(person) };
                return self.check_in(leg, Some(person));
            }
            self.warn("unknown_reference", s, "a traveller checked in whom the booking does not list");
        }
        for element in 1..s.len().max(2) {
            let person = Person::read(s, element);
            if element > 1 && !person.has_name() && person.reference.is_none() {
                continue;
            }
            if self.booking.people.len() >= PEOPLE_MAX {
                return self.warn("too_many_legs", s, format!("more than {PEOPLE_MAX} travellers in one booking"));
            }
            if let Some(reference) = person.reference {
                self.references.entry(without_zeros(reference)).or_insert(self.booking.people.len());
            }
            self.booking.people.push(person);
        }
        let last = self.booking.people.len().saturating_sub(1);
        self.at = match self.at {
            At::Leg(leg) | At::CheckIn { leg, .. } => {
                self.check_in(leg, Some(last));
                At::CheckIn { leg, person: Some(last) }
            }
            _ => At::Person(last),
        };
    }

    /// Who is meant: by reference, by name where the reference is unknown or shared.
    pub fn person_of(&self, reference: &str, named: Option<&Person<'_>>) -> Option<usize> {
        let people = &self.booking.people;
        let by_name = || {
            let named = named.filter(|n| n.has_name())?;
            people.iter().position(|p| p.surname == named.surname && p.given_names == named.given_names)
        };
        if reference.is_empty() {
            return by_name();
        }
        self.references.get(without_zeros(reference)).copied().or_else(by_name)
    }

    fn check_in(&mut self, leg: usize, person: Option<usize>) {
        let (at, numbered) = (self.checked_in_at, self.numbered);
        if let Some(person) = person.and_then(|i| self.booking.people.get_mut(i)) {
            let on = person.on_leg(leg);
            on.checked_in_at = at.or(on.checked_in_at);
            on.checked_in |= numbered || at.is_some();
        }
    }

    fn seat_at_check_in(&mut self, leg: usize, person: Option<usize>, s: Segment<'p, 't>) {
        let seat = s.value(0, 0).and_then(seat);
        if let (Some(person), Some(seat)) = (person.and_then(|i| self.booking.people.get_mut(i)), seat) {
            person.on_leg(leg).seat = Some(seat);
        }
    }

    fn bags(&mut self, leg: usize, person: Option<usize>, s: Segment<'p, 't>) {
        let mut bags = Bags::default();
        let count = s.value(1, 0);
        bags.count = count.and_then(|c| c.parse().ok()).filter(|c| (0..=9999).contains(c));
        if count.is_some() && bags.count.is_none() {
            self.warn("bad_number", s, "TBD bags");
        }
        let mass = s.value(1, 1);
        match (mass.map(number), s.get(1, 2)) {
            (None, _) => {}
            (Some(Some(mass)), unit) => match unit {
                "700" => bags.mass_kg = Some(mass),
                "701" => bags.mass_kg = Some(mass * 0.453_592_37),
                unit => {
                    bags.mass_kg = mass_kg(mass, unit).filter(|_| !unit.is_empty());
                    if bags.mass_kg.is_none() {
                        self.warn("bad_unit", s, format!("TBD in `{}`", short(unit)));
                    }
                }
            },
            _ => self.warn("bad_number", s, "TBD mass"),
        }
        bags.pool_head = match s.get(3, 0) {
            "HP" => Some(true),
            "MP" => Some(false),
            _ => None,
        };
        let listed = (4..s.len()).filter(|e| s.value(*e, 1).is_some());
        let count_of = |element: usize| s.get(element, 2).parse::<u32>().map_or(1, |n| n as usize);
        let said = listed.clone().map(count_of).fold(0_usize, usize::saturating_add);
        // Some senders number the tags where others count them: then there are as many as are listed.
        let counted = bags.count.is_none_or(|n| said <= n.max(0) as usize);
        for element in listed {
            let Some(tag) = s.value(element, 1).map(upper) else { continue };
            // Ten digits are a licence plate, which holds its carrier.
            let plate = tag.len() >= 10;
            let tag = if plate { tag } else { Cow::Owned(format!("{}{tag}", upper(s.get(element, 0)))) };
            let n = if counted { count_of(element) } else { 1 };
            bags.tags.extend(tags(tag, n.min(TAGS_MAX.saturating_sub(bags.tags.len()))));
        }
        if let Some(person) = person.and_then(|i| self.booking.people.get_mut(i)) {
            let on = person.on_leg(leg);
            (on.bags, on.checked_in) = (Some(bags), true);
        } else {
            self.warn("unknown_reference", s, "bags of nobody the booking lists");
        }
    }

    fn locators(&mut self, s: Segment<'p, 't>) {
        for element in 0..s.len() {
            let Some(locator) = s.value(element, 1).map(upper) else { continue };
            let carrier = upper(s.get(element, 0));
            // The type of the locator may be left out whole.
            let (date, time) = match s.get(element, 2) {
                date if date.len() == 6 && date.bytes().all(|b| b.is_ascii_digit()) => (date, s.get(element, 3)),
                _ => (s.get(element, 3), s.get(element, 4)),
            };
            if !date.is_empty() && self.booking.booked_at.is_none() {
                match day_first(date, time) {
                    Ok(moment) => self.booking.booked_at = self.instant(moment),
                    Err(_) => self.warn("bad_date", s, "RCI"),
                }
            }
            let known = self.booking.locators.iter().any(|(c, l)| *c == carrier && *l == locator);
            if !known && self.booking.locators.len() < LEGS_MAX {
                self.booking.locators.push((carrier, locator));
            }
        }
    }

    fn dates(&mut self, s: Segment<'p, 't>) {
        for element in 0..s.len() {
            let (what, date, time) = (s.get(element, 0), s.get(element, 1), s.get(element, 2));
            if date.is_empty() || !matches!(what, "2" | "710") {
                continue;
            }
            let Ok(moment) = day_first(date, time) else {
                self.warn("bad_date", s, format!("DAT {what}"));
                continue;
            };
            let at = self.instant(moment);
            match (what, self.at) {
                ("710", At::Booking) => self.booking.ticketed_at = at,
                ("710", At::Person(i)) => {
                    if let Some(person) = self.booking.people.get_mut(i) {
                        person.ticketed_at = person.ticketed_at.or(at);
                    }
                }
                ("2", At::Leg(leg) | At::CheckIn { leg, .. }) => {
                    self.checked_in_at = at;
                    self.numbered = false;
                    self.at = At::Leg(leg);
                }
                _ => {}
            }
        }
    }

    fn origin(&mut self, s: Segment<'p, 't>) {
        if s.all().all(str::is_empty) {
            self.bare = true;
            return;
        }
        let kind = s.get(4, 0);
        self.booking.channel = match kind {
            "T" => Some("agency"),
            "A" => Some("airline"),
            "" => None,
            other => {
                self.warn("unknown_code", s, format!("ORG {}", short(other)));
                None
            }
        };
        self.booking.agency_id = s.value(1, 0).or_else(|| s.value(1, 1)).map(upper);
        if let Some(code) = s.value(5, 0).filter(|c| c.len() <= 3) {
            self.booking.agency_country = Some(self.country(s, code));
        }
    }

    fn service(&mut self, s: Segment<'p, 't>) {
        let (person, leg) = match self.at {
            At::Person(i) => (Some(i), None),
            At::Leg(leg) | At::CheckIn { leg, .. } => (None, Some(leg)),
            _ => (None, None),
        };
        self.services.push((s, person, leg));
    }

    /// Whom a contact or address is of: the traveller it stands under, else all of the booking.
    fn contacts(&mut self) -> &mut Contacts<'p> {
        let person = match self.at {
            At::Person(i) => self.booking.people.get_mut(i),
            _ => None,
        };
        person.map_or(&mut self.booking.contacts, |p| &mut p.contacts)
    }

    fn address(&mut self, s: Segment<'p, 't>) {
        for element in 1..s.len() {
            // Code and name of the subdivision, then the country; where the name is left out whole, it stands there.
            let (subdivision, code) = match (s.value(element, 4), s.value(element, 5)) {
                (Some(code), None) if code.len() <= 3 => (None, Some(code)),
                other => other,
            };
            // A country by its name is one line more.
            let (name, code) = (code.filter(|c| c.len() > 3), code.filter(|c| c.len() <= 3));
            let country = code.map(|code| self.country(s, code));
            let contacts = self.contacts();
            let mut found = false;
            contacts_of_address(s.get(element, 7), |contact| {
                found = true;
                contacts.add(contact);
            });
            // A postcode where the phone belongs.
            let misplaced = s.value(element, 7).filter(|_| !found);
            let mut parts = [1, 2, 3]
                .map(|part| s.value(element, part))
                .into_iter()
                .chain([subdivision, name, s.value(element, 6), misplaced])
                .flatten();
            if let (Some(first), None) = (parts.next(), &contacts.address) {
                // As long as the segment: written once, into room made once.
                let mut address = String::with_capacity(s.raw().len());
                address.push_str(first);
                for part in parts {
                    address.push_str(", ");
                    address.push_str(part);
                }
                contacts.address = Some(address);
                contacts.country = country;
            }
        }
    }

    /// IFT: 28 remarks with contacts in them, 43 who pays.
    fn text(&mut self, s: Segment<'p, 't>) {
        match s.get(0, 1) {
            "28" | "" => {
                // Where hyphens separate, one in the text cuts it.
                let glue = if self.message.chars.element == b'-' { "-" } else { " " };
                let text = (1..s.len()).map(|e| s.get(e, 0)).collect::<Vec<_>>().join(glue);
                if let Some(contact) = contact_remark(&text) {
                    self.contacts().add(contact);
                }
            }
            "43" => {
                let name = s.value(1, 0);
                if let At::Person(i) = self.at
                    && let Some(person) = self.booking.people.get_mut(i)
                {
                    person.payer_name = person.payer_name.or(name);
                }
            }
            _ => {}
        }
    }

    fn loyalty(&mut self, i: usize, s: Segment<'p, 't>) {
        for element in 0..s.len() {
            let Some(number) = s.value(element, 1).map(upper) else { continue };
            let level = [4, 5, 3].iter().find_map(|c| s.value(element, *c)).map(upper);
            if let Some(person) = self.booking.people.get_mut(i) {
                person.add_loyalty(upper(s.get(element, 0)), number, level);
            }
        }
    }

    /// TKT: a ticket, and those in conjunction with it.
    fn ticket(&mut self, i: usize, s: Segment<'p, 't>) {
        let mut any = false;
        for element in 0..s.len() {
            let Some(number) = s.value(element, 0).map(upper) else { continue };
            any = true;
            if let Some(person) = self.booking.people.get_mut(i) {
                person.add_ticket(number);
            }
        }
        if !any {
            self.warn("malformed", s, "TKT without number");
        }
    }

    fn fare(&mut self, i: usize, s: Segment<'p, 't>) {
        let total = (0..s.len()).find(|e| s.get(*e, 0) == "T");
        let Some(total) = total else {
            if (0..s.len()).any(|e| s.get(e, 0).is_empty()) {
                self.warn("malformed", s, "MON without kinds of amount");
            }
            return;
        };
        match (number(s.get(total, 1)), s.get(total, 2)) {
            (None, _) => self.warn("bad_number", s, "MON T"),
            (Some(amount), "USD") => {
                if let Some(person) = self.booking.people.get_mut(i) {
                    person.fare_usd = Some(person.fare_usd.unwrap_or(0.0) + amount);
                }
            }
            (Some(_), other) => self.warn("amount_currency", s, format!("MON T in `{}`", short(other))),
        }
    }

    fn payment(&mut self, i: usize, s: Segment<'p, 't>) {
        for element in 0..s.len() {
            let kind = match s.get(element, 0) {
                "" => continue,
                "CC" | "DC" => "card",
                "CA" => "cash",
                "CK" => "cheque",
                "PT" | "FF" => "points",
                "MS" | "GR" | "IN" | "EX" => "misc",
                other => {
                    self.warn("unknown_code", s, format!("FOP {}", short(other)));
                    "misc"
                }
            };
            let card = kind == "card";
            let payment = Payment {
                kind,
                issuer: s.value(element, 3).filter(|_| card).map(upper),
                number: s.value(element, 4).filter(|_| card).map(masked),
            };
            if let Some(person) = self.booking.people.get_mut(i) {
                person.payment.get_or_insert(payment);
            }
        }
    }

    fn finish(mut self) -> Booking<'p> {
        let fits = |(_, leg): &(usize, &Leg<'_>)| self.header.flight.fits(&leg.flight);
        let best = self.booking.legs.iter().enumerate().filter(|leg| fits(leg) > 0).max_by_key(fits);
        self.booking.flown = best.map(|(i, _)| i);
        // Infants that only a service names come last, when all others are known.
        let services = std::mem::take(&mut self.services);
        // What was given up comes behind what holds, what is an infant's behind who they are.
        let turn = |service: &Service<'p, 't>| match (service.0.get(0, 0), service.0.get(0, 1)) {
            ("DOCA" | "DOCO", _) if service.0.get(0, 8).trim_end().ends_with("/I") => 3,
            ("INFT", _) => 2,
            ("DOCS", "HX" | "XX") => 1,
            _ => 0,
        };
        for now in 0..4 {
            for service in services.iter().filter(|service| turn(service) == now) {
                services::read(&mut self, *service);
            }
        }
        let mut booking = self.booking;
        // An update may name a cancelled booking by its locator alone.
        let nothing_else = booking.people.is_empty() && booking.legs.is_empty();
        booking.cancelled =
            nothing_else && !booking.locators.is_empty() && (self.bare || self.header.function == "141");
        for person in &mut booking.people {
            person.settle();
        }
        booking
    }
}

/// Whether a TVL behind that of a hotel or car is a flight again: from one place to another, with a number.
fn is_flight(tvl: Segment<'_, '_>) -> bool {
    let ends = [tvl.get(1, 0), tvl.get(2, 0)];
    ends.iter().all(|end| end.len() == 3)
        && ends[0] != ends[1]
        && tvl.get(4, 0).starts_with(|c: char| c.is_ascii_digit())
}

/// `002` and `2` name the same traveller.
fn without_zeros(reference: &str) -> &str {
    let zeros = reference.bytes().take_while(|b| *b == b'0').count();
    &reference[zeros..]
}

/// A seat; what stands for none is none.
pub fn seat(text: &str) -> Option<Cow<'_, str>> {
    let seat = upper(text);
    let known = seat.bytes().any(|b| b.is_ascii_digit());
    known.then(|| without_padding(seat))
}
