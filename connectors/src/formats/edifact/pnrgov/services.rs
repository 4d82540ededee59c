//! Special services (SSR): identity, contacts, tickets, seats; the rest is sensitive and only kept where allowed.

use chrono::{Datelike, Days, NaiveDate};
use smallvec::SmallVec;

use super::super::dates::{Century, Moment, month_named};
use super::super::places::{short, upper};
use super::super::segments::Segment;
use super::booking::{Leg, PEOPLE_MAX, Reader, Service, seat};
use super::person::{Document, Person};
use super::texts::{Contact, Docs, contact, doca, doco, docs, infant_named, loyalty, ticket};

/// How many travellers a name is looked for among.
const NAMES_ASKED: usize = 64;
/// An adult is twelve or older when travelling.
const ADULT_YEARS: i32 = 12;
/// Older than anybody.
const YEARS_MAX: i32 = 115;

/// Reads a service for whom it names: by reference, else the traveller it stands under, else all of the booking.
pub fn read<'p, 't>(reader: &mut Reader<'p, 't, '_>, (s, under, leg): Service<'p, 't>) {
    let code = s.get(0, 0);
    if matches!(code, "SEAT" | "RQST" | "NSST" | "NSSW" | "NSSA" | "NSSB") {
        return seats(reader, s, under, leg);
    }
    // Given up: it holds no more. A document of somebody who shows no other still tells who he is.
    let given_up = matches!(s.get(0, 1), "HX" | "XX");
    if given_up && code != "DOCS" {
        return;
    }
    let mut people: SmallVec<[usize; 4]> = SmallVec::new();
    let mut of_nobody = None;
    for element in 1..s.len() {
        let reference = s.get(element, 2);
        if reference.is_empty() {
            continue;
        }
        match reader.person_of(reference, None) {
            Some(person) => people.push(person),
            None if under.is_none() => {
                reader.warn("unknown_reference", s, format!("SSR {} of traveller {}", short(code), short(reference)));
            }
            None => of_nobody = Some(reference),
        }
    }
    if people.is_empty() {
        match under {
            Some(person) => people.push(person),
            None => people.extend(0..reader.booking.people.len()),
        }
    }
    match code.as_bytes() {
        b"DOCS" => {
            reader.booking.docs += 1;
            let Some(docs) = docs(text(s, reader.message.chars.element)) else {
                return reader.warn("malformed", s, "SSR DOCS");
            };
            if let (Some(reference), [person]) = (of_nobody, people.as_slice()) {
                let Some(named) = bearer_named(reader, &docs, *person) else {
                    let text = format!("SSR DOCS of traveller {}", short(reference));
                    return reader.warn("unknown_reference", s, text);
                };
                people[0] = named;
            }
            identity(reader, s, &docs, &people, given_up);
        }
        b"DOCA" => {
            let Some(doca) = doca(text(s, reader.message.chars.element)) else {
                return reader.warn("malformed", s, "SSR DOCA");
            };
            let country = doca.country.map(|c| reader.country(s, c));
            let people = if doca.of_infant { infant_with(reader, s, &people) } else { people };
            for person in reader.booking.named(&people) {
                if doca.kind == "R" {
                    person.residence = country.clone().or(person.residence.take());
                    if doca.address.is_some() {
                        person.contacts.address.clone_from(&doca.address);
                        person.contacts.country.clone_from(&country);
                    }
                } else {
                    person.stay_address = doca.address.clone().or(person.stay_address.take());
                }
            }
        }
        b"DOCO" => {
            let Some(doco) = doco(text(s, reader.message.chars.element)) else {
                return reader.warn("malformed", s, "SSR DOCO");
            };
            let country = doco.country.map(|c| reader.country(s, c));
            let people = if doco.of_infant { infant_with(reader, s, &people) } else { people };
            for person in reader.booking.named(&people) {
                person.birth_place = person.birth_place.or(doco.birth_place);
                if doco.number.is_some() {
                    person.add_document(Document {
                        kind: doco.kind.map(upper),
                        number: doco.number.map(upper),
                        country: country.clone(),
                        expires: None,
                        issued: doco.issued,
                    });
                }
            }
        }
        b"CTCM" | b"CTCE" | b"CTCH" | b"CTCB" | b"CTCR" => {
            let kind = code.chars().nth(3).unwrap_or('M');
            let sent = text(s, reader.message.chars.element);
            let found = contact(kind, sent).or_else(|| contact_behind(reader, s, kind, sent));
            let Some(found) = found else { return no_contact(reader, s, code, sent) };
            for person in reader.booking.named(&people) {
                person.contacts.add(found.clone());
            }
        }
        b"FQTV" => {
            if let Some((carrier, number)) = loyalty(text(s, reader.message.chars.element)) {
                for person in reader.booking.named(&people) {
                    person.add_loyalty(upper(carrier), upper(number), None);
                }
            }
        }
        b"TKNE" | b"TKNA" | b"TKNM" => {
            let number = ticket(text(s, reader.message.chars.element));
            for person in reader.booking.named(&people) {
                if let (true, Some(number)) = (people.len() == 1, number) {
                    person.add_ticket(upper(number));
                }
            }
        }
        b"INFT" => infant_alone(reader, s),
        // The rest stays in the bytes: places, connections, check-in notes.
        b"CKIN" | b"OTHS" | b"PCTC" | b"CTCF" | b"CTCT" | b"" => {}
        // Meals, assistance and the like tell of health and belief.
        _ => {
            let code = upper(code);
            if !reader.keeps(&code) {
                return;
            }
            for person in reader.booking.named(&people) {
                if !person.services.contains(&code) {
                    person.services.push(code.clone());
                }
            }
        }
    }
}

/// Whether a status says that what was booked does not hold any more: given up by the traveller (HX, XX), or refused by
/// the carrier (UN, UC, NO).
pub fn is_given_up(status: &str) -> bool {
    matches!(status, "HX" | "XX" | "UN" | "UC" | "NO")
}

/// A phone behind a plus that its sender did not release: `:::::+821012345678+::1`. Nobody is named by such an element.
#[cold]
fn contact_behind(reader: &mut Reader<'_, '_, '_>, s: Segment<'_, '_>, kind: char, sent: &str) -> Option<Contact> {
    let number = s.value(1, 0).filter(|_| sent.is_empty() && s.get(1, 2).is_empty())?;
    let is_phone = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-'));
    let found = contact(kind, number).filter(|_| is_phone && reader.message.chars.element == b'+')?;
    let Contact::Phone(phone) = found else { return None };
    reader.warn("short_composite", s, "SSR: the phone stands in an element of its own");
    Some(Contact::Phone(format!("+{phone}")))
}

/// What is said instead of a contact: that there is none, or something that nobody can be reached by.
#[cold]
fn no_contact(reader: &mut Reader<'_, '_, '_>, s: Segment<'_, '_>, code: &str, sent: &str) {
    if code != "CTCR" && !sent.is_empty() {
        reader.warn("malformed", s, format!("SSR {code}"));
    }
}

/// The free text of a service. Where hyphens separate elements, one in the text cuts it: then the text goes on to where
/// the travellers are named.
fn text<'p>(s: Segment<'p, '_>, element_separator: u8) -> &'p str {
    if element_separator == b'-' {
        let start = s.raw().match_indices(':').nth(7).map(|(at, _)| at + 1);
        let text = start.and_then(|at| s.raw().get(at..)).unwrap_or_default();
        let text = text.split("-::").next().unwrap_or_default().trim();
        if !text.is_empty() {
            return text;
        }
    }
    s.value(0, 8).or_else(|| (4..8).rev().find_map(|c| s.value(0, c).filter(|t| t.contains('/')))).unwrap_or_default()
}

/// Seats: `14A::1`, each of a traveller; without a number of the one it stands under, or of the only one.
fn seats<'p>(reader: &mut Reader<'p, '_, '_>, s: Segment<'p, '_>, under: Option<usize>, leg: Option<usize>) {
    // Refused or given back: there is no such seat.
    if is_given_up(s.get(0, 1)) {
        return;
    }
    let Some(leg) = leg_of_seat(reader, s, leg) else { return };
    let alone = (reader.booking.people.len() == 1).then_some(0);
    for element in 1..s.len() {
        let Some(number) = s.value(element, 0).and_then(seat) else { continue };
        let reference = s.get(element, 2);
        let unnumbered = under.or(alone).filter(|_| reference.is_empty());
        let Some(person) = reader.person_of(reference, None).or(unnumbered) else {
            reader.warn("unknown_reference", s, format!("seat of traveller {}", short(reference)));
            continue;
        };
        if let Some(person) = reader.booking.people.get_mut(person) {
            person.on_leg(leg).seat.get_or_insert(number);
        }
    }
}

/// The leg of a seat: that between the ends it names, the one it stands under or the flight of the message before any
/// other. Without ends it is of one of these two.
fn leg_of_seat<'p>(reader: &mut Reader<'p, '_, '_>, s: Segment<'p, '_>, under: Option<usize>) -> Option<usize> {
    let (from, to) = (s.get(0, 6), s.get(0, 7));
    let same = |sent: &str, end: &Option<String>| {
        sent.is_empty() || end.as_deref().is_some_and(|end| end.eq_ignore_ascii_case(sent))
    };
    let legs = &reader.booking.legs;
    let fits = |leg: &Leg<'_>| same(from, &leg.flight.from) && same(to, &leg.flight.to);
    let nearest = under.or(reader.booking.flown);
    if nearest.and_then(|at| legs.get(at)).map_or(from.is_empty() && to.is_empty(), fits) {
        return nearest;
    }
    if let Some(other) = legs.iter().position(fits) {
        return Some(other);
    }
    // Some name the city of an airport; nobody the other end.
    let turned = |leg: &Leg<'_>| same(from, &leg.flight.to) && same(to, &leg.flight.from);
    if under.is_some_and(|at| !legs.get(at).is_some_and(turned)) {
        return under;
    }
    let text = format!("a seat from {} to {}, where no leg goes", short(from), short(to));
    reader.warn("unknown_reference", s, text);
    None
}

fn identity<'p>(
    reader: &mut Reader<'p, '_, '_>,
    s: Segment<'p, '_>,
    docs: &Docs<'p>,
    people: &[usize],
    given_up: bool,
) {
    let bearer = match people {
        [person] => Some(*person),
        // Of a document that was given up nobody is guessed.
        _ => by_name(reader, docs, people).filter(|at| !given_up || is_named(reader, docs, *at)),
    };
    let person = match (docs.of_infant, given_up) {
        (true, true) => None,
        (true, false) => infant(reader, docs, bearer, s),
        (false, _) => bearer,
    };
    let Some(at) = person else {
        if !given_up {
            reader.warn("unknown_reference", s, "SSR DOCS of nobody the booking lists");
        }
        return;
    };
    // Another document tells who he is.
    let is_shown = |person: &Person<'_>| person.document_given.is_some() || person.birth.is_some();
    if given_up && reader.booking.people.get(at).is_some_and(is_shown) {
        return;
    }
    let day = reader.header.day().or(reader.message.envelope.issued_on);
    let kind = reader.booking.people.get(at).and_then(|p| p.kind);
    let birth = docs.birth.and_then(|text| birth(text, kind, day));
    if docs.birth.is_some() && birth.is_none() {
        reader.warn("bad_date", s, "SSR DOCS birth");
    }
    let expires = docs.expiry.and_then(|text| month_named(text, day.map_or(Century::Recent, Century::Near)));
    if docs.expiry.is_some() && expires.is_none() {
        reader.warn("bad_date", s, "SSR DOCS expiry");
    }
    let issuer = docs.issuer.map(|c| reader.country(s, c));
    let nationality = docs.nationality.map(|c| reader.country(s, c));
    let Some(person) = reader.booking.people.get_mut(at) else { return };
    person.gender = docs.sex.or(person.gender);
    person.birth = birth.or(person.birth);
    person.nationality = nationality.or(person.nationality.take());
    if !person.has_name() {
        person.surname = docs.surname;
        person.given_names = docs.given;
    }
    if person.document_given.is_none() && docs.given.is_some() {
        let (given, second) = (docs.given.unwrap_or_default(), docs.second.unwrap_or_default());
        let mut names = String::with_capacity(given.len() + 1 + second.len());
        names.push_str(given);
        if !second.is_empty() {
            names.push(' ');
            names.push_str(second);
        }
        person.document_given = Some(names);
    }
    if docs.number.is_some() {
        let (kind, number) = (docs.kind.map(upper), docs.number.map(upper));
        person.add_document(Document { kind, number, country: issuer, expires, issued: None });
    }
}

/// Whose of several a document is: who has its name, else who comes first without a document.
fn by_name(reader: &Reader<'_, '_, '_>, docs: &Docs<'_>, people: &[usize]) -> Option<usize> {
    let all = &reader.booking.people;
    let fitting = people.iter().copied().take(NAMES_ASKED).find(|at| is_named(reader, docs, *at));
    fitting.or_else(|| people.iter().copied().find(|i| all.get(*i).is_some_and(|p| p.documents.is_empty())))
}

/// Whose a document is that stands under a traveller with the number of nobody: his, where a name of his is on it or he
/// has no number himself, else his whose names are.
fn bearer_named(reader: &Reader<'_, '_, '_>, docs: &Docs<'_>, under: usize) -> Option<usize> {
    let all = &reader.booking.people;
    let surname = |p: &Person<'_>| p.surname.is_some() && p.surname == docs.surname;
    // An infant has often another name, and a booking of one no other.
    let unnamed = docs.of_infant || docs.surname.is_none() || all.len() == 1;
    let own = |p: &Person<'_>| unnamed || p.reference.is_none() || surname(p) || given_fits(p, docs);
    let named = || all.iter().take(NAMES_ASKED).position(|p| surname(p) && given_fits(p, docs));
    Some(under).filter(|under| all.get(*under).is_none_or(own)).or_else(named)
}

/// The infant that a service with an `I` at its end is of: who is named, if he is one, else the next infant listed behind
/// him, else the first.
fn infant_with(reader: &mut Reader<'_, '_, '_>, s: Segment<'_, '_>, people: &[usize]) -> SmallVec<[usize; 4]> {
    let is_infant = |i: &usize| reader.booking.people.get(*i).is_some_and(|p| p.kind == Some("infant"));
    let named = people.iter().copied().find(is_infant);
    let behind = people.first().copied().unwrap_or_default()..reader.booking.people.len();
    let found = named.or_else(|| behind.take(NAMES_ASKED).find(is_infant));
    let found = found.or_else(|| (0..reader.booking.people.len()).take(NAMES_ASKED).find(is_infant));
    if found.is_none() {
        reader.warn("unknown_reference", s, format!("SSR {} of an infant that is not listed", short(s.get(0, 0))));
    }
    found.into_iter().collect()
}

fn is_named(reader: &Reader<'_, '_, '_>, docs: &Docs<'_>, at: usize) -> bool {
    reader.booking.people.get(at).is_some_and(|p| p.surname == docs.surname && given_fits(p, docs))
}

fn given_fits(person: &Person<'_>, docs: &Docs<'_>) -> bool {
    let (Some(given), Some(document)) = (person.given_names, docs.given) else { return false };
    let letters = |name: &str| upper(name).chars().filter(|c| c.is_alphabetic()).collect::<String>();
    let (given, document) = (letters(given), letters(document));
    given.starts_with(&document) || document.starts_with(&given)
}

/// The infant a document is of: the bearer itself, the one of its name, the first without a document; else one who has
/// no TIF of its own.
fn infant<'p>(
    reader: &mut Reader<'p, '_, '_>,
    docs: &Docs<'p>,
    bearer: Option<usize>,
    s: Segment<'p, '_>,
) -> Option<usize> {
    let people = &reader.booking.people;
    let is_infant = |i: &usize| people.get(*i).is_some_and(|p| p.kind == Some("infant"));
    if let Some(bearer) = bearer.filter(is_infant) {
        return Some(bearer);
    }
    let infants: Vec<usize> = (0..people.len()).filter(is_infant).take(NAMES_ASKED).collect();
    let named = infants.iter().copied().find(|i| people.get(*i).is_some_and(|p| given_fits(p, docs)));
    let free = infants.iter().copied().find(|i| people.get(*i).is_some_and(|p| p.documents.is_empty()));
    if let Some(known) = named.or(free) {
        return Some(known);
    }
    if people.len() >= PEOPLE_MAX {
        return None;
    }
    let infant = Person {
        segment: s.number(),
        surname: docs.surname,
        given_names: docs.given,
        kind: Some("infant"),
        ..Person::default()
    };
    reader.booking.people.push(infant);
    Some(reader.booking.people.len() - 1)
}

/// `BELT/SOPHY 20SEP12`: an infant that has neither a TIF nor a document of its own is known by this alone.
fn infant_alone<'p>(reader: &mut Reader<'p, '_, '_>, s: Segment<'p, '_>) {
    let Some((surname, given, date)) = infant_named(text(s, reader.message.chars.element)) else { return };
    if reader.booking.people.len() >= PEOPLE_MAX {
        return;
    }
    let docs = Docs { surname: Some(surname), given: Some(given), ..Docs::default() };
    let is_infant = |p: &&mut Person<'_>| p.kind == Some("infant");
    let day = reader.header.day().or(reader.message.envelope.issued_on);
    let born = birth(date, Some("infant"), day);
    let known = reader.booking.people.iter_mut().filter(is_infant).take(NAMES_ASKED).find(|p| given_fits(p, &docs));
    if let Some(infant) = known {
        infant.birth = infant.birth.or(born);
        return;
    }
    reader.booking.people.push(Person {
        segment: s.number(),
        surname: docs.surname,
        given_names: docs.given,
        kind: Some("infant"),
        birth: born,
        ..Person::default()
    });
}

/// A birth date of two digits: the latest year not after the day behind the flight, and for an adult the latest in which he is one.
pub fn birth(text: &str, kind: Option<&str>, day: Option<NaiveDate>) -> Option<Moment> {
    // Many arrive a day later: who turns twelve on the way may travel as an adult, and is not a hundred and twelve.
    let day = day.and_then(|day| day.checked_add_days(Days::new(1)));
    let latest = month_named(text, day.map_or(Century::Recent, Century::NotAfter))?;
    let Some(day) = day.filter(|_| kind == Some("adult") && text.len() == 7) else { return Some(latest) };
    let age = day.year()
        - latest.date.year()
        - i32::from((day.month(), day.day()) < (latest.date.month(), latest.date.day()));
    if age >= ADULT_YEARS || age + 100 > YEARS_MAX {
        return Some(latest);
    }
    let earlier = latest.date.with_year(latest.date.year() - 100)?;
    Some(Moment { date: earlier, ..latest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_traveller_decides_the_century() {
        let day: NaiveDate = "2027-03-14".parse().unwrap();
        for (text, kind, expected) in [
            ("01MAR26", Some("adult"), "1926-03-01"),
            ("01MAR26", Some("infant"), "2026-03-01"),
            ("01MAR26", None, "2026-03-01"),
            ("15MAR27", Some("infant"), "2027-03-15"),
            ("01MAR20", Some("child"), "2020-03-01"),
            ("01MAR14", Some("adult"), "2014-03-01"),
            ("15MAR27", Some("adult"), "1927-03-15"),
            ("15MAR15", Some("adult"), "2015-03-15"),
            ("16MAR15", Some("adult"), "1915-03-16"),
            ("01MAR2026", Some("adult"), "2026-03-01"),
        ] {
            assert_eq!(birth(text, kind, Some(day)).unwrap().date.to_string(), expected, "{text} {kind:?}");
        }
    }
}
