//! One person of a passenger list: group 4, from NAD to the next.
//!
//! Segments are taken in any order; only what hangs on a document (its dates, its issuer) needs its DOC before it.

use std::borrow::Cow;

use haechi_model::intake::Warning;

use super::super::dates::{self, Century, Moment};
use super::super::interchange::Message;
use super::super::measure::{mass_kg, number};
use super::super::people::{gender, phone, split_title, tags, without_padding, without_title};
use super::super::places::{airport, country, short, upper};
use super::super::pnrgov::texts::email;
use super::super::segments::{Arena, Segment};

/// What a passenger list tells of a person.
#[derive(Debug, Default)]
pub struct Person<'p> {
    /// Column `role`.
    pub role: &'static str,
    /// As sent, titles split.
    pub surname: Option<&'p str>,
    /// As sent, titles split, parts joined by a blank.
    pub given_names: Option<Cow<'p, str>>,
    /// Column `gender`.
    pub gender: Option<Cow<'p, str>>,
    /// DTM 329.
    pub birth: Option<Moment>,
    /// LOC 180.
    pub birth_place: Option<&'p str>,
    /// NAT.
    pub nationality: Option<Cow<'p, str>>,
    /// LOC 174.
    pub residence: Option<Cow<'p, str>>,
    /// EMP.
    pub crew_kind: Option<Cow<'p, str>>,
    /// GEI or GIS before any DOC.
    pub verified: Option<bool>,
    /// DOC groups.
    pub documents: Vec<Document<'p>>,
    /// RFF AEA: numbers given by authorities.
    pub redress: Vec<Cow<'p, str>>,
    /// LOC 178.
    pub embark: Option<Cow<'p, str>>,
    /// LOC 179.
    pub debark: Option<Cow<'p, str>>,
    /// LOC 22.
    pub clearance: Option<Cow<'p, str>>,
    /// RFF AVF.
    pub locator: Option<Cow<'p, str>>,
    /// RFF ABO.
    pub reference: Option<Cow<'p, str>>,
    /// RFF SEA, without padding.
    pub seat: Option<Cow<'p, str>>,
    /// RFF CR.
    pub loyalty: Vec<Cow<'p, str>>,
    /// RFF YZY.
    pub tickets: Vec<Cow<'p, str>>,
    /// MEA CT, else the number of tags.
    pub bag_count: Option<i32>,
    /// MEA WT.
    pub bag_mass_kg: Option<f64>,
    /// FTX BAG, counts expanded.
    pub bag_tags: Vec<Cow<'p, str>>,
    /// COM TE, AL.
    pub phones: Vec<String>,
    /// COM EM.
    pub emails: Vec<String>,
    /// NAD C059 and on.
    pub address: Option<String>,
    /// NAD 3207.
    pub address_country: Option<Cow<'p, str>>,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
}

/// A travel document.
#[derive(Debug, Default)]
pub struct Document<'p> {
    /// C002 1001; `None` where blank.
    pub kind: Option<Cow<'p, str>>,
    /// C503 1004.
    pub number: Option<Cow<'p, str>>,
    /// LOC 91.
    pub country: Option<Cow<'p, str>>,
    /// DTM 36.
    pub expires: Option<Moment>,
    /// DTM 182.
    pub issued: Option<Moment>,
    /// GEI or GIS under it.
    pub verified: Option<bool>,
}

/// Kinds of document met on passenger lists; every kind that begins with P is a passport.
fn is_document_kind(kind: &str) -> bool {
    matches!(
        kind.as_bytes(),
        [b'P', ..] | b"V" | b"A" | b"C" | b"I" | b"AC" | b"IP" | b"F" | b"T" | b"K" | b"L" | b"39" | b"5K"
    )
}

/// More tags than one person checks in.
const TAGS_MAX: usize = 99;

impl<'p> Person<'p> {
    /// Whether there is anything to know the person by.
    pub fn has_identity(&self) -> bool {
        self.surname.is_some() || self.given_names.is_some() || self.documents.iter().any(|d| d.number.is_some())
    }

    /// The main document: the first passport, else the first.
    pub fn main_document(&self) -> Option<&Document<'p>> {
        let passport = |d: &&Document<'_>| d.kind.as_deref().is_some_and(|k| k.starts_with('P'));
        self.documents.iter().find(passport).or_else(|| self.documents.first())
    }

    /// Reads a group.
    pub fn read<'t>(group: &'p Arena<'t>, message: &Message<'_>, day: Option<chrono::NaiveDate>) -> Self {
        let mut person = Self::default();
        let mut reader = Reader { person: &mut person, message, day, document: Current::None, nationality_told: false };
        for segment in group.iter() {
            reader.segment(segment);
        }
        if person.bag_count.is_none() && !person.bag_tags.is_empty() {
            person.bag_count = Some(person.bag_tags.len() as i32);
        }
        person
    }
}

/// The document that dates and issuer go to.
#[derive(PartialEq)]
enum Current {
    None,
    /// Its DOC was empty: what hangs on it goes with it.
    Dropped,
    Last,
}

struct Reader<'r, 'p, 'm> {
    /// Written where it stays: it is large.
    person: &'r mut Person<'p>,
    message: &'m Message<'m>,
    /// The day of the flight, for two-digit years.
    day: Option<chrono::NaiveDate>,
    document: Current,
    /// The nationality is that of now.
    nationality_told: bool,
}

impl<'p> Reader<'_, 'p, '_> {
    // Codes are matched as bytes: a tree of comparisons, where texts are compared one after the other.
    fn segment(&mut self, s: Segment<'p, '_>) {
        match s.tag().as_bytes() {
            b"NAD" => self.name_and_address(s),
            b"ATT" if s.get(0, 0) == "2" => self.gender(s),
            b"DTM" => self.date(s),
            b"MEA" => self.measure(s),
            b"GEI" => self.verification(s, s.get(1, 0)),
            b"GIS" => self.verification(s, s.get(0, 0)),
            b"FTX" if s.get(0, 0) == "BAG" => self.bag_tag(s),
            b"LOC" => self.place(s),
            b"COM" => self.contact(s),
            b"EMP" => self.crew_kind(s),
            b"NAT" => {
                // That of now before those of birth and others; of those the first. A name where the code is missing.
                let sent = s.value(1, 0).or_else(|| s.value(1, 3));
                let is_present = s.get(0, 0) == "2";
                let wanted = self.person.nationality.is_none() || is_present && !self.nationality_told;
                if let Some(code) = sent.filter(|_| wanted) {
                    self.person.nationality = Some(self.country(s, code));
                    self.nationality_told = is_present;
                }
            }
            b"RFF" => self.reference(s),
            b"DOC" => self.document(s),
            // Read and kept in the bytes: other attributes and texts, document extras, contacts.
            b"ATT" | b"FTX" | b"CPI" | b"QTY" | b"CTA" | b"TSR" => {}
            _ => {
                let text = format!("{} in the group of a person", s.tag());
                self.warn("unknown_segment", s, text);
            }
        }
    }

    fn warn(&mut self, code: &'static str, s: Segment<'p, '_>, text: impl Into<String>) {
        self.person.warnings.push(Warning { code, path: self.message.path(s.number()), text: text.into() });
    }

    fn country(&mut self, s: Segment<'p, '_>, code: &'p str) -> Cow<'p, str> {
        country(code, &|| self.message.path(s.number()), &mut self.person.warnings)
    }

    fn airport(&mut self, s: Segment<'p, '_>, code: &'p str) -> Cow<'p, str> {
        airport(code, &|| self.message.path(s.number()), &mut self.person.warnings)
    }

    fn name_and_address(&mut self, s: Segment<'p, '_>) {
        self.person.role = role_of(s.get(0, 0));
        if self.person.role.is_empty() {
            self.warn("unknown_party", s, format!("NAD {}: taken as a passenger", short(s.get(0, 0))));
            self.person.role = "passenger";
        }
        // C080 holds the name; some road carriers write it into C058.
        let name = if s.width(3) > 0 && s.components(3).any(|c| !c.is_empty()) { 3 } else { 2 };
        self.person.surname = s.value(name, 0).map(without_title);
        let mut given = (1..s.width(name).min(5)).filter_map(|c| s.value(name, c));
        self.person.given_names =
            given.next().map(|first| given.fold(Cow::Borrowed(first), |all, next| Cow::Owned(format!("{all} {next}"))));
        self.person.given_names = self.person.given_names.take().and_then(split_title);
        let subdivision = s.value(6, 3).or_else(|| s.value(6, 0));
        let street = s.components(4).filter(|c| !c.is_empty());
        let parts = street.chain(s.value(5, 0)).chain(subdivision).chain(s.value(7, 0));
        self.person.address = None;
        for part in parts {
            // As long as the segment: written once, into room made once.
            let address = self.person.address.get_or_insert_with(|| String::with_capacity(s.raw().len()));
            if !address.is_empty() {
                address.push_str(", ");
            }
            address.push_str(part);
        }
        if let Some(code) = s.value(8, 0) {
            self.person.address_country = Some(self.country(s, code));
        }
    }

    fn gender(&mut self, s: Segment<'p, '_>) {
        // Road carriers repeat it: `M*M`.
        let code = match s.get(2, 0) {
            code @ ("M" | "F") => code,
            // An element too few: `ATT+2+M`.
            "" => s.get(1, 0),
            code => code.split('*').next().unwrap_or_default(),
        };
        if let Some(gender) = gender(code) {
            self.person.gender = Some(gender);
        } else if !code.is_empty() {
            self.warn("unknown_gender", s, format!("`{}`", short(code)));
            self.person.gender = (code.len() <= 3).then(|| upper(code));
        }
    }

    fn date(&mut self, s: Segment<'p, '_>) {
        let (value, format) = match (s.get(0, 1), s.get(1, 0)) {
            ("", "") => return,
            // `+` where `:` belongs.
            ("", value) => {
                self.warn("short_composite", s, format!("DTM {}: `+` for `:`", short(s.get(0, 0))));
                (value, s.get(1, 1))
            }
            (value, _) => (value, s.get(0, 2)),
        };
        let day = self.day.or(self.message.envelope.issued_on);
        let past = day.map_or(Century::Recent, Century::NotAfter);
        let qualifier = s.get(0, 0);
        let century = if qualifier == "36" { day.map_or(Century::Recent, Century::Near) } else { past };
        let read = dates::parse(value, format, century);
        let Ok(moment) = read else {
            self.warn("bad_date", s, format!("DTM {}", short(qualifier)));
            return;
        };
        match (qualifier, &self.document) {
            ("329", _) => self.person.birth = Some(moment),
            ("36" | "182", Current::Dropped) => {}
            ("36" | "182", Current::None) => self.warn("orphan_segment", s, format!("DTM {qualifier} before any DOC")),
            ("36", _) => self.last(|d| d.expires = Some(moment)),
            ("182", _) => self.last(|d| d.issued = Some(moment)),
            _ => self.warn("unknown_code", s, format!("DTM {}", short(qualifier))),
        }
    }

    fn last(&mut self, set: impl FnOnce(&mut Document<'p>)) {
        if let Some(document) = self.person.documents.last_mut() {
            set(document);
        }
    }

    fn measure(&mut self, s: Segment<'p, '_>) {
        // `++:2` and `++2` are both in use.
        let (unit, value) = if s.width(2) > 1 { (s.get(2, 0), s.get(2, 1)) } else { ("", s.get(2, 0)) };
        if value.is_empty() {
            return;
        }
        let number = number(value);
        match (s.get(0, 0), number) {
            (_, None) => self.warn("bad_number", s, format!("MEA {}", short(s.get(0, 0)))),
            ("CT", Some(bags)) if bags <= 9999.0 => self.person.bag_count = Some(bags as i32),
            ("WT", Some(mass)) => match mass_kg(mass, unit) {
                Some(mass) => {
                    self.person.bag_mass_kg = Some(mass);
                    if unit.is_empty() {
                        self.warn("bad_unit", s, "MEA WT without a unit: taken as kilograms");
                    }
                }
                None => self.warn("bad_unit", s, format!("MEA WT in `{}`", short(unit))),
            },
            (code, _) => self.warn("unknown_code", s, format!("MEA {}", short(code))),
        }
    }

    fn verification(&mut self, s: Segment<'p, '_>, code: &'p str) {
        let verified = match code {
            "173" => true,
            "174" => false,
            other => return self.warn("unknown_code", s, format!("{} {}", s.tag(), short(other))),
        };
        match self.document {
            Current::None => self.person.verified = Some(verified),
            Current::Dropped => {}
            Current::Last => self.last(|d| d.verified = Some(verified)),
        }
    }

    fn bag_tag(&mut self, s: Segment<'p, '_>) {
        let Some(tag) = s.value(3, 0) else { return };
        let tag = upper(tag);
        let count = match s.get(3, 1) {
            "" => 1,
            n => n.parse().unwrap_or_else(|_| {
                self.warn("bad_number", s, "FTX BAG: how many tags");
                1
            }),
        };
        let room = TAGS_MAX.saturating_sub(self.person.bag_tags.len());
        if count > room {
            self.warn("too_many_tags", s, format!("more than {TAGS_MAX}"));
        }
        self.person.bag_tags.extend(tags(tag, count.min(room)));
    }

    fn place(&mut self, s: Segment<'p, '_>) {
        let qualifier = s.get(0, 0);
        let code = s.value(1, 0);
        match qualifier.as_bytes() {
            b"180" => self.person.birth_place = s.value(1, 3).or(code),
            b"178" => self.person.embark = code.map(|c| self.airport(s, c)),
            b"179" => self.person.debark = code.map(|c| self.airport(s, c)),
            b"22" => self.person.clearance = code.map(|c| self.airport(s, c)),
            b"174" => self.person.residence = code.map(|c| self.country(s, c)),
            // Of list 163 it is a part of a country, and the country stands in a LOC of its own.
            b"91" if s.get(1, 1) == "163" => {}
            b"91" => match self.document {
                Current::Last => {
                    let country = code.map(|c| self.country(s, c));
                    self.last(|d| d.country = country);
                }
                Current::Dropped => {}
                Current::None => self.warn("orphan_segment", s, "LOC 91 before any DOC"),
            },
            _ => self.warn("unknown_code", s, format!("LOC {}", short(qualifier))),
        }
    }

    fn contact(&mut self, s: Segment<'p, '_>) {
        for element in 0..s.len() {
            let Some(value) = s.value(element, 0) else { continue };
            // The qualifier stands behind; of some before.
            let (value, kind) = match (value, s.value(element, 1)) {
                (kind @ ("EM" | "TE" | "AL"), Some(value)) => (value, kind),
                (value, kind) => (value, kind.unwrap_or_default()),
            };
            match kind {
                "EM" => self.person.emails.push(email(value).unwrap_or_else(|| value.to_lowercase())),
                "TE" | "AL" => {
                    self.person.phones.extend(phone(value));
                }
                "FX" | "TX" => {}
                // What is longer is no qualifier, but may be somebody's number.
                other if other.len() <= 3 => self.warn("unknown_code", s, format!("COM {other}")),
                _ => self.warn("unknown_code", s, "COM of no kind"),
            }
        }
    }

    fn crew_kind(&mut self, s: Segment<'p, '_>) {
        let Some(code) = s.value(1, 0) else { return };
        let code = upper(code);
        if !matches!(&*code, "CR1" | "CR2" | "CR3" | "CR4" | "CR5") {
            self.warn("unknown_code", s, format!("EMP {}", short(&code)));
        }
        self.person.crew_kind = Some(code);
    }

    fn reference(&mut self, s: Segment<'p, '_>) {
        let Some(value) = s.value(0, 1).map(upper) else { return };
        match s.get(0, 0).as_bytes() {
            b"AVF" => self.person.locator = Some(value),
            b"ABO" => self.person.reference = Some(value),
            b"SEA" => self.person.seat = Some(without_padding(value)),
            b"YZY" => self.person.tickets.push(value),
            b"CR" => self.person.loyalty.push(value),
            b"AEA" => self.person.redress.push(value),
            _ => self.warn("unknown_code", s, format!("RFF {}", short(s.get(0, 0)))),
        }
    }

    fn document(&mut self, s: Segment<'p, '_>) {
        let kind = s.value(0, 0).map(upper);
        let number = s.value(1, 0).map(upper);
        if kind.is_none() && number.is_none() {
            self.document = Current::Dropped;
            self.warn("empty_document", s, "DOC without kind and number");
            return;
        }
        if let Some(kind) = &kind
            && !is_document_kind(kind)
        {
            self.warn("unknown_code", s, format!("DOC {}", short(kind)));
        }
        self.document = Current::Last;
        self.person.documents.push(Document { kind, number, ..Document::default() });
    }
}

/// Column `role` of a NAD qualifier; empty for other parties.
pub fn role_of(qualifier: &str) -> &'static str {
    match qualifier.as_bytes() {
        b"FL" => "passenger",
        b"FM" => "crew",
        b"DDU" => "transit_passenger",
        b"DDT" => "transit_crew",
        b"VW" => "driver",
        _ => "",
    }
}
