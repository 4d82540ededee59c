//! The passengers of a booking: what stands under each, and what services of the flights say of him.
//!
//! Writers put a travel document into elements or attributes (`DOCS`), or into the text of a service as EDIFACT has it.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::NaiveDate;

use super::super::convert::{id, text};
use super::super::declaration::records;
use super::super::output::{Output, Row};
use super::super::tree::{Element, value};
use super::super::value::Value;
use super::contact::contacts;
use super::identity::{Document, Identity, identify, land, letters};
use super::seat::{given_up, seat};
use super::ticket::{TICKET, tickets};
use super::{EACH_MAX, Flight, SHEET, services_of};
use crate::formats::edifact::people::{split_title, without_glued_title, without_title};
use crate::formats::edifact::pnrgov::texts::{Contact, contact, doca, doco, infant_named, loyalty, ticket};

/// How many passengers a service or an infant without number is looked for among.
const NAMES_ASKED: usize = 64;

/// The passengers of a booking.
pub struct Party<'u, 'f> {
    pnr: Element<'u>,
    flight: &'f Flight,
    people: Vec<Person<'u>>,
    /// Tickets of no passenger.
    tickets: Vec<Element<'u>>,
    /// With whom, and who: known by a document alone.
    infants: Vec<(usize, Person<'u>)>,
}

/// What is told of a passenger.
pub struct Person<'u> {
    element: Element<'u>,
    kind: Option<&'static str>,
    identities: Vec<Identity<'u>>,
    visas: Vec<Document<'u>>,
    birth_place: Option<Cow<'u, str>>,
    home: Option<Address<'u>>,
    stay: Option<Address<'u>>,
    loyalty: Vec<[Cow<'u, str>; 2]>,
    phones: Vec<String>,
    emails: Vec<String>,
    tickets: Vec<Cow<'u, str>>,
    services: Vec<Cow<'u, str>>,
}

struct Address<'u> {
    country: Option<Cow<'u, str>>,
    text: Option<String>,
}

impl<'u, 'f> Party<'u, 'f> {
    /// The passengers of a booking, with all that its services say of them.
    pub fn of(
        pnr: Element<'u>,
        passengers: &[Element<'u>],
        flight: &'f Flight,
        path: &str,
        out: &mut Output<'_>,
    ) -> Self {
        let people = passengers.iter().map(|passenger| Person::read(*passenger, flight.day)).collect();
        let outside = pnr.children().filter(|child| child.name() != "Passenger");
        let outside = outside.flat_map(|child| std::iter::once(child).chain(child.descendants()));
        let tickets = outside.filter(|element| element.name() == TICKET).take(EACH_MAX).collect();
        let mut party = Self { pnr, flight, people, tickets, infants: Vec::new() };
        let numbers: HashMap<Cow<'u, str>, usize> =
            passengers.iter().enumerate().filter_map(|(n, p)| Some((p.attribute_value("RPH")?, n))).collect();
        let own = passengers.iter().enumerate().flat_map(|(n, p)| services_of(*p).map(move |s| (Some(n), s)));
        let all = own.chain(pnr.all("Flight").chain([pnr]).flat_map(services_of).map(|service| (None, service)));
        let mut later = Vec::new();
        for (under, (code, service)) in all {
            let references = service.attribute_value("RPH").unwrap_or_default();
            let named = references.split_whitespace().take(EACH_MAX).filter_map(|n| numbers.get(n).copied());
            let mut whose: Vec<usize> = if under.is_some() { under.into_iter().collect() } else { named.collect() };
            if whose.is_empty() && party.people.len() == 1 {
                whose.push(0);
            }
            let status = service.attribute_value("Status").map(id);
            // Given up: it holds no more. A document of somebody who shows no other still tells who he is.
            let given_up = matches!(status.as_deref(), Some("HX" | "XX"));
            if given_up && code == "DOCS" || is_of_infant(&code, service) {
                later.push((code, service, whose, given_up));
            } else if !given_up {
                let kept = out.options.services_kept.iter().any(|kept| *kept == code);
                party.service(&code, service, &whose, kept);
            }
        }
        party.settle_infants();
        for (code, service, whose, given_up) in later {
            if given_up && code == "DOCS" {
                if whose.iter().all(|n| party.people[*n].identities.is_empty()) {
                    party.service(&code, service, &whose, false);
                }
            } else if !given_up && !party.infant_service(&code, service, &whose) {
                let text = format!("SSR {code} of an infant that is not listed");
                out.warn("unknown_reference", format!("{path}//SSR"), text);
            }
        }
        for (n, person) in party.people.iter().enumerate() {
            if person.identities.iter().any(|identity| identity.odd) {
                out.warn("bad_date", format!("{path}/Passenger[{}]//DOCS", n + 1), "left NULL");
            }
        }
        party
    }

    fn service(&mut self, code: &str, service: Element<'u>, whose: &[usize], kept: bool) {
        let Some(text) = text_of(service) else {
            if let (Some(docs), Some(n)) = (service.at("DOCS"), whose.first()) {
                self.people[*n].add(Identity::of_element(docs, self.flight.day));
            } else if kept {
                self.keep(code, whose);
            }
            return;
        };
        match code {
            "DOCS" => {
                let Some(identity) = Identity::of_text(text, self.flight.day) else { return };
                let named = || self.people.iter().take(NAMES_ASKED).position(|person| person.is(&identity));
                if let Some(n) = whose.first().copied().or_else(named) {
                    self.people[n].add(identity);
                }
            }
            "DOCA" | "DOCO" => {
                for n in whose {
                    self.people[*n].told(code, text);
                }
            }
            "TKNE" | "TKNA" | "TKNM" => {
                if let (Some(number), [n]) = (ticket(text), whose) {
                    let tickets = &mut self.people[*n].tickets;
                    if tickets.len() < EACH_MAX && !tickets.iter().any(|known| known == number) {
                        tickets.push(Cow::Borrowed(number));
                    }
                }
            }
            "INFT" => {
                if let (Some((surname, given, date)), Some(n)) = (infant_named(text), whose.first()) {
                    let born = value(date).map(Cow::Borrowed);
                    let [surname, given] = [surname, given].map(|name| Some(Cow::Borrowed(without_title(name))));
                    self.people[*n].add(Identity { surname, given, born, of_infant: true, ..Identity::default() });
                }
            }
            "FQTV" => {
                let Some((carrier, number)) = loyalty(text) else { return };
                for n in whose {
                    self.people[*n].card(carrier.into(), number.into());
                }
            }
            "CTCM" | "CTCE" | "CTCH" | "CTCB" | "CTCR" => {
                let Some(found) = contact(code.chars().nth(3).unwrap_or('M'), text) else { return };
                for n in whose {
                    let person = &mut self.people[*n];
                    let (list, found) = match &found {
                        Contact::Phone(phone) => (&mut person.phones, phone),
                        Contact::Email(email) => (&mut person.emails, email),
                    };
                    if list.len() < EACH_MAX && !list.contains(found) {
                        list.push(found.clone());
                    }
                }
            }
            _ if kept => self.keep(code, whose),
            _ => {}
        }
    }

    /// A service of the infant with these: one of them, who came with them unlisted, the next one listed, or any. Returns
    /// whether there is one.
    fn infant_service(&mut self, code: &str, service: Element<'u>, whose: &[usize]) -> bool {
        let Some(text) = text_of(service) else { return true };
        let is_infant = |n: &usize| self.people[*n].kind == Some("infant");
        let listed = whose.iter().copied().find(is_infant);
        let unlisted = self.infants.iter().take(NAMES_ASKED).position(|(bearer, _)| whose.contains(bearer));
        let behind = whose.first().copied().unwrap_or_default()..self.people.len();
        let next = || {
            let behind = behind.take(NAMES_ASKED).find(is_infant);
            behind.or_else(|| (0..self.people.len()).take(NAMES_ASKED).find(is_infant))
        };
        let infant = match (listed, unlisted) {
            (Some(n), _) => &mut self.people[n],
            (None, Some(n)) => &mut self.infants[n].1,
            (None, None) => match next() {
                Some(n) => &mut self.people[n],
                None => match self.infants.first_mut() {
                    Some((_, infant)) => infant,
                    None => return false,
                },
            },
        };
        infant.told(code, text);
        true
    }

    fn keep(&mut self, code: &str, whose: &[usize]) {
        for n in whose {
            let services = &mut self.people[*n].services;
            if services.len() < EACH_MAX && !services.iter().any(|kept| kept == code) {
                services.push(Cow::Owned(code.to_owned()));
            }
        }
    }

    /// Documents of infants that stand with another go to the infant listed, by its name, else the first without one.
    fn settle_infants(&mut self) {
        for bearer in 0..self.people.len() {
            let person = &mut self.people[bearer];
            if person.kind == Some("infant") || !person.identities.iter().any(|identity| identity.of_infant) {
                continue;
            }
            let all = std::mem::take(&mut person.identities);
            let (own, infants): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|identity| !identity.of_infant || person.is(identity));
            if own.iter().any(|identity| identity.of_infant) {
                person.kind = Some("infant");
            }
            person.identities = own;
            let by_document = |named: &Identity<'u>| {
                infants.iter().any(|other| other.document != Document::default() && other.is_also(named))
            };
            let told: Vec<bool> =
                infants.iter().map(|i| i.document != Document::default() || !by_document(i)).collect();
            for (mut identity, _) in infants.into_iter().zip(told).filter(|(_, told)| *told) {
                identity.of_infant = false;
                let listed = || self.people.iter().take(NAMES_ASKED).enumerate().filter(|(n, _)| *n != bearer);
                let named = listed().find(|(_, person)| person.is(&identity));
                let free = || listed().find(|(_, p)| p.kind == Some("infant") && p.identities.is_empty());
                if let Some(n) = named.or_else(free).map(|(n, _)| n) {
                    self.people[n].kind.get_or_insert("infant");
                    self.people[n].add(identity);
                } else if identity.given.is_some() {
                    let mut infant = Person::new(self.people[bearer].element, Some("infant"));
                    infant.add(identity);
                    self.infants.push((bearer, infant));
                }
            }
        }
    }

    /// The infants with a passenger that are nowhere listed.
    pub fn infants_with(&self, index: usize) -> impl Iterator<Item = &Person<'u>> {
        let first = self.infants.partition_point(|(bearer, _)| *bearer < index);
        self.infants[first..].iter().take_while(move |(bearer, _)| *bearer == index).map(|(_, infant)| infant)
    }

    /// Reads such an infant.
    pub fn infant(&self, infant: &Person<'u>, path: &str, row: &mut Row<'u>) {
        let identity = infant.identities.first();
        row.put(&SHEET, "surname", identity.and_then(|identity| identity.surname.clone()));
        row.put(&SHEET, "given_names", identity.and_then(|identity| identity.given.clone()));
        row.put(&SHEET, "person_kind", "infant");
        row.put(&SHEET, "state", if given_up(self.pnr, self.flight) { "cancelled" } else { "booked" });
        identify(&infant.identities, &infant.visas, (infant.kind, self.flight.day), path, row);
        infant.places(path, row);
    }

    /// Reads a passenger: of one who has no name of his own, his document's is taken. Returns whether there is anything to
    /// know him by.
    pub fn person(&self, index: usize, path: &str, row: &mut Row<'u>) -> bool {
        let (pnr, person) = (self.pnr, &self.people[index]);
        let passenger = person.element;
        let name = |name: &str| passenger.get(name).map(|t| text(Cow::Borrowed(t)));
        let (mut surname, mut given) = (name("Surname"), name("GivenName"));
        if surname.is_none() && given.is_none() {
            let own = || person.identities.iter().filter(|identity| !identity.of_infant);
            let shown = own().find(|identity| identity.surname.is_some() || identity.given.is_some());
            (surname, given) = shown.map_or((None, None), |shown| (shown.surname.clone(), shown.given.clone()));
            let numbers = || own().map(|identity| &identity.document).chain(&person.visas);
            if shown.is_none() && numbers().all(|document| document.number.is_none()) {
                return false;
            }
        }
        row.put(&SHEET, "surname", surname.map(untitled));
        let mut own = person.identities.iter().filter(|identity| !identity.of_infant);
        let document = own.find_map(|identity| identity.given.as_deref());
        let given = given.and_then(split_title).map(|given| match document {
            Some(document) => Cow::Owned(without_glued_title(&given, document).to_owned()),
            None => given,
        });
        row.put(&SHEET, "given_names", given);
        row.put(&SHEET, "person_kind", person.kind);
        contacts([pnr, passenger], person.phones.clone(), person.emails.clone(), path, row);
        let checked_in = seat((pnr, self.flight), (passenger, self.people.len() == 1), path, row);
        let state = match (checked_in, given_up(pnr, self.flight)) {
            (_, true) => "cancelled",
            (true, false) => "checked_in",
            (false, false) => "booked",
        };
        row.put(&SHEET, "state", state);
        tickets(&self.tickets, (passenger, &person.tickets), path, row);
        identify(&person.identities, &person.visas, (person.kind, self.flight.day), path, row);
        person.places(path, row);
        let cards = person
            .loyalty
            .iter()
            .map(|[carrier, number]| vec![id(carrier.clone()).into(), id(number.clone()).into(), Value::Null]);
        row.put_at(SHEET.at("loyalty"), records(cards));
        row.put_at(SHEET.at("ssr_codes"), Value::texts(person.services.iter().cloned()));
        true
    }
}

impl<'u> Person<'u> {
    fn new(element: Element<'u>, kind: Option<&'static str>) -> Self {
        Self {
            element,
            kind,
            identities: Vec::new(),
            visas: Vec::new(),
            birth_place: None,
            home: None,
            stay: None,
            loyalty: Vec::new(),
            phones: Vec::new(),
            emails: Vec::new(),
            tickets: Vec::new(),
            services: Vec::new(),
        }
    }

    fn read(element: Element<'u>, day: Option<NaiveDate>) -> Self {
        let kind = element.attribute_value("PassengerTypeCode").map(id);
        let kind = kind.and_then(|kind| match kind.as_ref() {
            "ADT" | "A" => Some("adult"),
            "CHD" | "C" | "CNN" => Some("child"),
            "INF" | "IN" | "INS" => Some("infant"),
            _ => None,
        });
        let mut person = Self::new(element, kind);
        for told in element.descendants() {
            match told.name() {
                "DOCS" => person.add(Identity::of_element(told, day)),
                "DOCA" => {
                    let (kind, address) = Address::of_element(told);
                    person.live(&kind, address);
                }
                "DOCO" => {
                    let (mut document, mut birth_place) = (Document::default(), None);
                    for (name, part) in told.parts() {
                        let slot = match name {
                            "TravelDocType" | "DocType" => &mut document.kind,
                            "TravelDocNbr" | "DocNumber" => &mut document.number,
                            "CountryState" | "Country" => &mut document.country,
                            "BirthLocation" => &mut birth_place,
                            _ => continue,
                        };
                        slot.get_or_insert(part);
                    }
                    person.other(document, birth_place);
                }
                "CustLoyalty" => {
                    let (mut carrier, mut number) = (None, None);
                    for (name, part) in told.parts() {
                        let slot = match name {
                            "ProgramID" | "VendorCode" => &mut carrier,
                            "MembershipID" => &mut number,
                            _ => continue,
                        };
                        slot.get_or_insert(part);
                    }
                    if let Some(number) = number {
                        person.card(carrier.unwrap_or_default(), number);
                    }
                }
                _ => {}
            }
        }
        person
    }

    /// An address (DOCA), or a visa and a place of birth (DOCO), as EDIFACT has them.
    fn told(&mut self, code: &str, text: &'u str) {
        if code == "DOCA" {
            let Some(doca) = doca(text) else { return };
            let address = Address { country: doca.country.map(Cow::Borrowed), text: doca.address };
            self.live(doca.kind, address);
        } else if let Some(doco) = doco(text) {
            let [kind, number, country, place] =
                [doco.kind, doco.number, doco.country, doco.birth_place].map(|part| part.map(Cow::Borrowed));
            self.other(Document { kind, number, country, expires: None }, place);
        }
    }

    /// Where he was born, lives and stays.
    fn places(&self, path: &str, row: &mut Row<'u>) {
        row.put(&SHEET, "birth_place", self.birth_place.clone());
        if let Some(home) = &self.home {
            let country = home.country.clone().map(|code| land(code, path, row));
            row.put(&SHEET, "residence_country", country.clone());
            if home.text.is_some() {
                row.put(&SHEET, "address", home.text.clone().map(Cow::Owned));
                row.put(&SHEET, "address_country", country);
            }
        }
        row.put(&SHEET, "stay_address", self.stay.as_ref().and_then(|stay| stay.text.clone()).map(Cow::Owned));
    }

    /// Whether a document shows his name.
    fn is(&self, identity: &Identity<'_>) -> bool {
        let same = |sent: Option<&str>, shown: Option<&Cow<'_, str>>| {
            let (Some(sent), Some(shown)) = (sent, shown) else { return false };
            let (sent, shown) = (letters(sent), letters(shown));
            !shown.is_empty() && sent.starts_with(&shown)
        };
        same(self.element.get("Surname"), identity.surname.as_ref())
            && same(self.element.get("GivenName"), identity.given.as_ref())
    }

    fn add(&mut self, identity: Identity<'u>) {
        let known = |known: &Identity<'_>| *known == identity;
        if self.identities.len() < EACH_MAX && !self.identities.iter().any(known) {
            self.identities.push(identity);
        }
    }

    fn other(&mut self, document: Document<'u>, birth_place: Option<Cow<'u, str>>) {
        self.birth_place = self.birth_place.take().or(birth_place);
        if document.number.is_some() && self.visas.len() < EACH_MAX && !self.visas.contains(&document) {
            self.visas.push(document);
        }
    }

    fn live(&mut self, kind: &str, address: Address<'u>) {
        match kind {
            "R" => self.home = self.home.take().or(Some(address)),
            "D" => self.stay = self.stay.take().or(Some(address)),
            _ => {}
        }
    }

    fn card(&mut self, carrier: Cow<'u, str>, number: Cow<'u, str>) {
        let card = [carrier, number];
        if self.loyalty.len() < EACH_MAX && !self.loyalty.contains(&card) {
            self.loyalty.push(card);
        }
    }
}

impl<'u> Address<'u> {
    /// An address, and whether it is of home or stay.
    fn of_element(told: Element<'u>) -> (Cow<'u, str>, Self) {
        let (mut kind, mut country) = (None, None);
        let mut lines: [Option<Cow<'u, str>>; 4] = Default::default();
        for (name, part) in told.parts() {
            let slot = match name {
                "AddressType" => &mut kind,
                "Country" | "CountryCode" => &mut country,
                "Address" => &mut lines[0],
                "CityName" => &mut lines[1],
                "StateProvCounty" => &mut lines[2],
                "PostalCode" => &mut lines[3],
                _ => continue,
            };
            slot.get_or_insert(part);
        }
        let lines: Vec<Cow<'u, str>> = lines.into_iter().flatten().collect();
        let text = (!lines.is_empty()).then(|| lines.join(", "));
        (kind.unwrap_or_default(), Self { country, text })
    }
}

/// The text of a service.
fn text_of(service: Element<'_>) -> Option<&str> {
    ["Text", "TEXT", "FreeText"].iter().find_map(|name| service.get(name)).or(service.value())
}

/// Whether a service says that it is the infant's with whom it names.
fn is_of_infant(code: &str, service: Element<'_>) -> bool {
    matches!(code, "DOCA" | "DOCO") && text_of(service).is_some_and(|text| text.trim_end().ends_with("/I"))
}

/// A surname without a title before or behind it.
fn untitled(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(without_title(name)),
        Cow::Owned(name) => Cow::Owned(without_title(&name).to_owned()),
    }
}
