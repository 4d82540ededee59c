//! The passengers of a booking: what stands under each, and what services of the flights say of him.
//!
//! Writers put a travel document into elements or attributes (`DOCS`), or into the text of a service as EDIFACT has it.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::NaiveDate;

use super::super::convert::{country, id, moment, number, short, text};
use super::super::declaration::records;
use super::super::output::{Output, Row};
use super::super::tree::{Element, value};
use super::super::value::Value;
use super::{Flight, SHEET};
use crate::formats::edifact::dates::{Century, Moment, days, month_named};
use crate::formats::edifact::people::{phone, split_title, without_glued_title, without_title};
use crate::formats::edifact::places::{to_utc_at, to_utc_in};
use crate::formats::edifact::pnrgov::services::{birth, is_given_up};
use crate::formats::edifact::pnrgov::texts::{
    Contact, contact, doca, doco, docs, email, infant_named, loyalty, masked, ticket, without_letter,
};

/// How many of a kind one passenger may have.
const EACH_MAX: usize = 50;
const TICKET: &str = "TicketDocument";
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
    infants: Vec<(usize, Identity<'u>)>,
}

/// What is told of a passenger.
struct Person<'u> {
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

#[derive(Clone, Default, PartialEq)]
struct Document<'u> {
    kind: Option<Cow<'u, str>>,
    number: Option<Cow<'u, str>>,
    country: Option<Cow<'u, str>>,
    expires: Option<i32>,
}

/// Who somebody is by a document.
#[derive(Clone, Default, PartialEq)]
pub struct Identity<'u> {
    document: Document<'u>,
    nationality: Option<Cow<'u, str>>,
    born: Option<Cow<'u, str>>,
    gender: Option<&'static str>,
    surname: Option<Cow<'u, str>>,
    given: Option<Cow<'u, str>>,
    of_infant: bool,
    /// A date that is none.
    odd: bool,
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
        for (under, (code, service)) in all {
            let references = service.attribute_value("RPH").unwrap_or_default();
            let named = references.split_whitespace().take(EACH_MAX).filter_map(|n| numbers.get(n).copied());
            let mut whose: Vec<usize> = if under.is_some() { under.into_iter().collect() } else { named.collect() };
            if whose.is_empty() && party.people.len() == 1 {
                whose.push(0);
            }
            let kept = out.options.services_kept.iter().any(|kept| *kept == code);
            party.service(&code, service, &whose, kept);
        }
        party.settle_infants();
        for (n, person) in party.people.iter().enumerate() {
            if person.identities.iter().any(|identity| identity.odd) {
                out.warn("bad_date", format!("{path}/Passenger[{}]//DOCS", n + 1), "left NULL");
            }
        }
        party
    }

    fn service(&mut self, code: &str, service: Element<'u>, whose: &[usize], kept: bool) {
        let text = ["Text", "TEXT", "FreeText"].iter().find_map(|name| service.get(name)).or(service.value());
        let Some(text) = text else {
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
            "DOCA" => {
                let Some(doca) = doca(text) else { return };
                for n in whose {
                    let address = Address { country: doca.country.map(Cow::Borrowed), text: doca.address.clone() };
                    self.people[*n].live(doca.kind, address);
                }
            }
            "DOCO" => {
                let Some(doco) = doco(text) else { return };
                let [kind, number, country, place] =
                    [doco.kind, doco.number, doco.country, doco.birth_place].map(|part| part.map(Cow::Borrowed));
                for n in whose {
                    let document = Document {
                        kind: kind.clone(),
                        number: number.clone(),
                        country: country.clone(),
                        expires: None,
                    };
                    self.people[*n].other(document, place.clone());
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
                    self.infants.push((bearer, identity));
                }
            }
        }
    }

    /// The infants with a passenger that are nowhere listed.
    pub fn infants_with(&self, index: usize) -> impl Iterator<Item = &Identity<'u>> {
        let first = self.infants.partition_point(|(bearer, _)| *bearer < index);
        self.infants[first..].iter().take_while(move |(bearer, _)| *bearer == index).map(|(_, infant)| infant)
    }

    /// Reads such an infant.
    pub fn infant(&self, infant: &Identity<'u>, path: &str, row: &mut Row<'u>) {
        row.put(&SHEET, "surname", infant.surname.clone());
        row.put(&SHEET, "given_names", infant.given.clone());
        row.put(&SHEET, "person_kind", "infant");
        row.put(&SHEET, "state", if given_up(self.pnr, self.flight) { "cancelled" } else { "booked" });
        identify(std::slice::from_ref(infant), &[], (Some("infant"), self.flight.day), path, row);
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
        contacts(pnr, person, path, row);
        let checked_in = seat(self, passenger, path, row);
        let state = match (checked_in, given_up(pnr, self.flight)) {
            (_, true) => "cancelled",
            (true, false) => "checked_in",
            (false, false) => "booked",
        };
        row.put(&SHEET, "state", state);
        tickets(&self.tickets, person, path, row);
        identify(&person.identities, &person.visas, (person.kind, self.flight.day), path, row);
        row.put(&SHEET, "birth_place", person.birth_place.clone());
        if let Some(home) = &person.home {
            let country = home.country.clone().map(|code| land(code, path, row));
            row.put(&SHEET, "residence_country", country.clone());
            if home.text.is_some() {
                row.put(&SHEET, "address", home.text.clone().map(Cow::Owned));
                row.put(&SHEET, "address_country", country);
            }
        }
        row.put(&SHEET, "stay_address", person.stay.as_ref().and_then(|stay| stay.text.clone()).map(Cow::Owned));
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
    fn read(element: Element<'u>, day: Option<NaiveDate>) -> Self {
        let kind = element.attribute_value("PassengerTypeCode").map(id);
        let kind = kind.and_then(|kind| match kind.as_ref() {
            "ADT" | "A" => Some("adult"),
            "CHD" | "C" | "CNN" => Some("child"),
            "INF" | "IN" | "INS" => Some("infant"),
            _ => None,
        });
        let mut person = Self {
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
        };
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

/// The letters of a name, which writers space and join as they like.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphabetic()).collect::<String>().to_uppercase()
}

impl<'u> Identity<'u> {
    /// Whether both are of one person, going by the names.
    fn is_also(&self, other: &Self) -> bool {
        let same = |own: &Option<Cow<'u, str>>, other: &Option<Cow<'u, str>>| {
            let (own, other) = (letters(own.as_deref()?), letters(other.as_deref()?));
            Some(own.starts_with(&other) || other.starts_with(&own))
        };
        same(&self.surname, &other.surname) == Some(true) && same(&self.given, &other.given) == Some(true)
    }

    fn of_element(docs: Element<'u>, day: Option<NaiveDate>) -> Self {
        let mut read = Self::default();
        let (mut gender, mut expires, mut infant) = (None, None, None);
        for (name, part) in docs.parts() {
            let slot = match name {
                "DocType" | "DocumentType" | "TravelDocType" => &mut read.document.kind,
                "DocNumber" | "DocID" | "DocumentNumber" | "TravelDocNbr" => &mut read.document.number,
                "IssuingCountry" | "DocIssueCountry" | "IssueCountry" | "IssuingLoc" => &mut read.document.country,
                "ExpiryDate" | "ExpireDate" | "DocExpiryDate" => &mut expires,
                "Nationality" | "PaxNationality" | "DocHolderNationality" => &mut read.nationality,
                "DateOfBirth" | "BirthDate" | "DOB" => &mut read.born,
                "Gender" | "Sex" => &mut gender,
                "Surname" => &mut read.surname,
                "FirstGivenName" | "GivenName" => &mut read.given,
                "InfantInd" => &mut infant,
                _ => continue,
            };
            slot.get_or_insert(part);
        }
        for code in [&mut read.document.kind, &mut read.document.number] {
            *code = code.take().map(id);
        }
        for name in [&mut read.surname, &mut read.given] {
            *name = name.take().map(text);
        }
        read.document.expires = expires.as_deref().and_then(|sent| expiry(sent, day));
        read.odd = expires.is_some() && read.document.expires.is_none();
        let gender = gender.unwrap_or_default();
        read.gender = sex(&gender);
        read.of_infant = infant.is_some_and(|says| matches!(says.as_ref(), "true" | "1" | "Y"))
            || (gender.len() == 2 && gender.ends_with(['I', 'i']));
        read
    }

    fn of_text(text: &'u str, day: Option<NaiveDate>) -> Option<Self> {
        let docs = docs(text)?;
        let expires = docs.expiry.and_then(|sent| expiry(sent, day));
        Some(Self {
            document: Document {
                kind: docs.kind.map(|kind| id(kind.into())),
                number: docs.number.map(|number| id(number.into())),
                country: docs.issuer.map(Cow::Borrowed),
                expires,
            },
            nationality: docs.nationality.map(Cow::Borrowed),
            born: docs.birth.map(Cow::Borrowed),
            gender: docs.sex.and_then(sex),
            surname: docs.surname.map(Cow::Borrowed),
            given: docs.given.map(Cow::Borrowed),
            of_infant: docs.of_infant,
            odd: docs.expiry.is_some() && expires.is_none(),
        })
    }
}

/// The special services under an element, with their codes.
fn services_of(outer: Element<'_>) -> impl Iterator<Item = (Cow<'_, str>, Element<'_>)> {
    let services = outer.all("SSR").chain(outer.all("DOC_SSR"));
    services
        .filter_map(|ssr| Some((id(["SSR_Code", "SSRCode", "Code"].iter().find_map(|n| ssr.attribute_value(n))?), ssr)))
}

/// A surname without a title before or behind it.
fn untitled(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(without_title(name)),
        Cow::Owned(name) => Cow::Owned(without_title(&name).to_owned()),
    }
}

fn sex(sent: &str) -> Option<&'static str> {
    let first = value(sent)?.chars().next()?.to_ascii_uppercase();
    ["M", "F", "X", "U"].into_iter().find(|g| g.starts_with(first))
}

fn expiry(sent: &str, day: Option<NaiveDate>) -> Option<i32> {
    let named = || month_named(sent, day.map_or(Century::Recent, Century::Near));
    moment(sent).or_else(named).map(|moment| days(moment.date))
}

/// A country, as a column takes it.
fn land<'u>(code: Cow<'u, str>, path: &str, row: &mut Row<'u>) -> Cow<'u, str> {
    let (country, oddity) = country(code);
    if let Some(oddity) = oddity {
        row.warn(oddity.code, path, oddity.text);
    }
    country
}

/// Travel documents, and what they tell of the person.
fn identify<'u>(
    identities: &[Identity<'u>],
    visas: &[Document<'u>],
    (kind, day): (Option<&str>, Option<NaiveDate>),
    path: &str,
    row: &mut Row<'u>,
) {
    let path = format!("{path}//DOCS");
    let first = |get: fn(&Identity<'u>) -> Option<Cow<'u, str>>| identities.iter().find_map(get);
    let nationality = first(|identity| identity.nationality.clone()).map(|code| land(code, &path, row));
    row.put(&SHEET, "nationality", nationality);
    row.put(&SHEET, "gender", identities.iter().find_map(|identity| identity.gender));
    if let Some(sent) = first(|identity| identity.born.clone()) {
        let born: Option<Moment> = moment(&sent).or_else(|| birth(&sent, kind, day));
        if born.is_none() {
            row.warn("bad_date", path.as_str(), "birth");
        }
        row.put_at(SHEET.at("birth_date"), born.map_or(Value::Null, |born| Value::Date(days(born.date))));
        row.put(&SHEET, "birth_date_precision", born.map(|_| "day"));
    }
    let shown = identities.iter().map(|identity| &identity.document).filter(|shown| **shown != Document::default());
    let mut documents: Vec<Document<'u>> = Vec::new();
    for document in shown.chain(visas) {
        let same = |known: &Document<'_>| known.kind == document.kind && known.number == document.number;
        if !documents.iter().any(same) {
            let country = document.country.clone().map(|code| land(code, &path, row));
            documents.push(Document { country, ..document.clone() });
        }
    }
    let passport = |d: &&Document<'_>| d.kind.as_deref().is_some_and(|kind| kind.starts_with('P'));
    if let Some(main) = documents.iter().find(passport).or(documents.first()) {
        row.put(&SHEET, "document_kind", main.kind.clone());
        row.put(&SHEET, "document_no", main.number.clone());
        row.put(&SHEET, "document_country", main.country.clone());
        row.put_at(SHEET.at("document_expires_on"), main.expires.map_or(Value::Null, Value::Date));
    }
    let documents = documents.into_iter().filter(|d| d.number.is_some() || d.kind.is_some()).map(|document| {
        vec![
            document.kind.unwrap_or_default().into(),
            document.number.unwrap_or_default().into(),
            document.country.into(),
            document.expires.map_or(Value::Null, Value::Date),
            Value::Null,
            "pnr".into(),
        ]
    });
    row.put_at(SHEET.at("documents"), records(documents));
}

/// Tickets and who paid: of the passenger, else what stands under none.
fn tickets<'u>(shared: &[Element<'u>], person: &Person<'u>, path: &str, row: &mut Row<'u>) {
    let own: Vec<Element<'u>> = person.element.descendants().filter(|element| element.name() == TICKET).collect();
    // A service names a ticket of this passenger, documents under nobody may be of another.
    let tickets = if own.is_empty() && person.tickets.is_empty() { shared } else { &own };
    let numbers = tickets.iter().filter_map(|e| e.attribute_value("TicketDocumentNbr").map(id));
    let mut numbers: Vec<Cow<'u, str>> = numbers.collect();
    numbers.extend(person.tickets.iter().filter(|told| !numbers.contains(told)).cloned().collect::<Vec<_>>());
    row.put_at(SHEET.at("tickets"), Value::texts(numbers));
    let tickets = if own.is_empty() { shared } else { &own };
    let dated = tickets.iter().find_map(|ticket| ticket.attribute_value("DateOfIssue"));
    let issued = dated.as_deref().and_then(moment);
    if let Some(sent) = dated.filter(|_| issued.is_none()) {
        row.warn("bad_date", format!("{path}//{TICKET}@DateOfIssue"), format!("`{}`", short(&sent)));
    }
    let issued = issued.and_then(|moment| to_utc_in(moment, chrono_tz::Tz::UTC));
    row.put_at(SHEET.at("ticketed_at"), issued.map_or(Value::Null, Value::Ts));
    let fares = tickets.iter().filter_map(|ticket| ticket.at("TotalFare"));
    let mut fare: Option<f64> = None;
    for sent in fares {
        match sent.attribute_value("CurrencyCode").map(id).as_deref() {
            Some("USD") => {
                let told = sent.attribute_value("Amount");
                let amount = told.as_deref().and_then(number);
                if let Some(told) = told.filter(|_| amount.is_none()) {
                    row.warn("bad_number", format!("{path}//TotalFare@Amount"), format!("`{}`", short(&told)));
                }
                fare = amount.map(|n| n + fare.unwrap_or(0.0)).or(fare);
            }
            _ => row.warn("amount_currency", format!("{path}//TotalFare"), "not in USD"),
        }
    }
    row.put(&SHEET, "fare_amount_usd", fare);
    let paid = tickets.iter().flat_map(|ticket| ticket.descendants()).find(|e| e.name() == "PaymentInfo");
    let Some(paid) = paid else { return };
    let kind = paid.attribute_value("PaymentType").map(id).map(|kind| match kind.as_ref() {
        "CC" | "DC" => "card",
        "CA" => "cash",
        "CK" => "cheque",
        "PT" | "FF" => "points",
        _ => "misc",
    });
    row.put(&SHEET, "payment_kind", kind);
    if kind == Some("card") {
        row.put(&SHEET, "card_issuer", paid.attribute_value("VendorCode").map(id));
        let number = paid.attribute_value("AccountNbr").map(|number| Cow::Owned(masked(&number)));
        row.put(&SHEET, "card_number_masked", number);
    }
    row.put(&SHEET, "payer_name", paid.attribute_value("CardHolderName").map(text));
}

/// Phones and addresses of a passenger, and of the booking.
fn contacts<'u>(pnr: Element<'u>, person: &Person<'u>, path: &str, row: &mut Row<'u>) {
    let (mut phones, mut emails) = (person.phones.clone(), person.emails.clone());
    for contact in person.element.all("ContactInfo").chain(pnr.all("ContactInfo")) {
        if phones.len().max(emails.len()) >= EACH_MAX {
            row.warn("value_cut", format!("{path}/ContactInfo"), format!("{EACH_MAX} contacts are kept"));
            break;
        }
        for name in ["PhoneNumber", "Email", "EmailAddress"] {
            let Some(sent) = contact.attribute_value(name) else { continue };
            if sent.contains('@') || sent.contains("//") {
                let email = mail(&sent, name == "PhoneNumber");
                emails.extend(email.filter(|email| !emails.contains(email)));
                continue;
            }
            let bare = sent.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            if let Some(phone) = phone(bare).filter(|phone| !phones.contains(phone)) {
                phones.push(phone);
            }
        }
    }
    row.put_at(SHEET.at("phones"), Value::texts(phones.into_iter().map(Cow::Owned)));
    row.put_at(SHEET.at("emails"), Value::texts(emails.into_iter().map(Cow::Owned)));
}

/// A mail address, as people write it or with `//` for `@`. Among numbers the letter of its kind stands before it, as
/// before them; elsewhere only where a sign behind it says so.
fn mail(sent: &str, among_numbers: bool) -> Option<String> {
    const SIGNS: [char; 3] = [':', '-', ' '];
    let own = if among_numbers { without_letter(sent, "E") } else { sent };
    let own = sent.strip_prefix('E').filter(|rest| rest.starts_with(SIGNS)).unwrap_or(own).trim_start_matches(SIGNS);
    // What is no address is kept as it is, where its `@` says that it was meant as one.
    email(own).or_else(|| sent.contains('@').then(|| own.to_lowercase()))
}

/// Whether the booking of the flight does not hold any more.
pub fn given_up(pnr: Element<'_>, flight: &Flight) -> bool {
    let mut on_flight = pnr.all("Flight").filter(|leg| {
        let from = leg.at("DepartureAirport").and_then(|airport| airport.attribute_value("LocationCode")).map(id);
        from.as_deref() == flight.from.as_deref()
    });
    let status = on_flight.next().and_then(|leg| leg.attribute_value("Status")).map(id);
    status.is_some_and(|status| is_given_up(&status))
}

/// The seat and check-in of a passenger on the flight. Returns whether he is checked in.
fn seat<'u>(party: &Party<'u, '_>, passenger: Element<'u>, path: &str, row: &mut Row<'u>) -> bool {
    let reference = passenger.attribute_value("RPH");
    for leg in party.pnr.all("Flight") {
        let from = leg.at("DepartureAirport").and_then(|a| a.attribute_value("LocationCode")).map(id);
        if from.as_deref() != party.flight.from.as_deref() {
            continue;
        }
        let asked = match reference.as_deref() {
            _ if party.people.len() == 1 => seat_asked(leg, None),
            Some(own) => seat_asked(leg, Some(own)),
            None => None,
        };
        for check_in in leg.all("CheckInInfo") {
            let Some(boarding) = check_in.all("BoardingNumber").find(|b| b.attribute_value("RPH") == reference) else {
                continue;
            };
            let seat = boarding.get("SeatNumber").or_else(|| check_in.get("SeatNumber")).or(asked);
            row.put(&SHEET, "seat", seat.map(|seat| id(Cow::Borrowed(seat.trim_start_matches('0')))));
            let time = check_in.attribute_value("Time");
            let at = time.as_deref().and_then(moment);
            if let Some(sent) = time.filter(|_| at.is_none()) {
                row.warn("bad_date", format!("{path}: CheckInInfo@Time"), format!("`{}`", short(&sent)));
            }
            let at = at.and_then(|moment| to_utc_at(moment, from.as_deref()));
            row.put_at(SHEET.at("checked_in_at"), at.map_or(Value::Null, Value::Ts));
            return true;
        }
        if let Some(seat) = asked {
            row.put(&SHEET, "seat", id(Cow::Borrowed(seat.trim_start_matches('0'))));
            return false;
        }
    }
    false
}

/// The seat that a service asks for on a leg, for who has this number, or for the only one; unless it was refused.
fn seat_asked<'u>(leg: Element<'u>, reference: Option<&str>) -> Option<&'u str> {
    let is_seat = |word: &&str| {
        let row = word.bytes().take_while(u8::is_ascii_digit).count();
        (1..=3).contains(&row) && word.len() == row + 1 && word.as_bytes()[row].is_ascii_alphabetic()
    };
    services_of(leg).find_map(|(code, service)| {
        let refused = service.attribute_value("Status").is_some_and(|status| is_given_up(&id(status)));
        let whose = service.attribute_value("RPH").unwrap_or_default();
        let is_his = reference.is_none_or(|own| whose.split_whitespace().any(|n| n == own));
        if refused || !is_his || !matches!(code.as_ref(), "SEAT" | "RQST" | "NSST" | "NSSW" | "NSSA" | "NSSB") {
            return None;
        }
        let text = ["Text", "TEXT", "FreeText"].iter().find_map(|name| service.get(name)).or(service.value())?;
        text.split(|c: char| !c.is_ascii_alphanumeric()).find(is_seat)
    })
}
