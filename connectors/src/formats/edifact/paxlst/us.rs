//! The US variant (`PAXLST:001:000`): one PDT segment a person, in components.
//!
//! `PDT+type/number:expiry:country+surname:given:middle:birth:sex+PAX+from:to`. Sex may miss; when the composite of
//! names is shorter still, what looks like a date is the birth and what looks like a sex is the sex.

use std::borrow::Cow;

use haechi_model::intake::Warning;

use super::super::dates::{self, Century};
use super::super::interchange::Message;
use super::super::people::{gender, split_title, without_title};
use super::super::places::{airport, country, short, upper};
use super::super::segments::Segment;
use super::person::{Document, Person};

/// Reads a PDT.
pub fn read<'p>(pdt: Segment<'p, '_>, message: &Message<'_>, day: Option<chrono::NaiveDate>) -> Person<'p> {
    let day = day.or(message.envelope.issued_on);
    let mut warnings = Vec::new();
    let path = || message.path(pdt.number());
    let warn = |warnings: &mut Vec<Warning>, code, text: &str| {
        warnings.push(Warning { code, path: path(), text: text.to_owned() });
    };
    let role = if pdt.get(2, 0) == "CRW" { "crew" } else { "passenger" };
    let mut person = Person { role, ..Person::default() };

    let (kind, number) = pdt.get(0, 0).split_once('/').unwrap_or(("", pdt.get(0, 0)));
    let filled = |text: &'p str| (!text.is_empty()).then(|| upper(text));
    let mut document = Document { kind: filled(kind), number: filled(number), ..Document::default() };
    if let Some(code) = pdt.value(0, 2) {
        document.country = Some(country(code, &path, &mut warnings));
    }
    if let Some(value) = pdt.value(0, 1) {
        match dates::parse(value, "", day.map_or(Century::Recent, Century::Near)) {
            Ok(expires) => document.expires = Some(expires),
            Err(_) => warn(&mut warnings, "bad_date", "PDT expiry"),
        }
    }
    if document.kind.is_some() || document.number.is_some() {
        person.documents.push(document);
    }

    person.surname = pdt.value(1, 0).map(without_title);
    let mut given = Vec::with_capacity(2);
    let mut birth = None;
    let mut sex = None;
    if pdt.width(1) < 4 {
        warn(&mut warnings, "short_composite", "PDT names, birth and sex");
        for value in (1..pdt.width(1)).filter_map(|c| pdt.value(1, c)) {
            if value.len() == 6 && value.bytes().all(|b| b.is_ascii_digit()) {
                birth = Some(value);
            } else if value.len() == 1 && !given.is_empty() && gender(value).is_some() {
                sex = Some(value);
            } else {
                given.push(value);
            }
        }
    } else {
        given.extend([pdt.value(1, 1), pdt.value(1, 2)].into_iter().flatten());
        (birth, sex) = (pdt.value(1, 3), pdt.value(1, 4));
    }
    let given = given.into_iter().filter_map(|name| split_title(Cow::Borrowed(name))).collect::<Vec<_>>();
    person.given_names = (!given.is_empty()).then(|| Cow::Owned(given.join(" ")));
    if let Some(value) = birth {
        match dates::parse(value, "", day.map_or(Century::Recent, Century::NotAfter)) {
            Ok(birth) => person.birth = Some(birth),
            Err(_) => warn(&mut warnings, "bad_date", "PDT birth"),
        }
    }
    if let Some(code) = sex {
        person.gender = gender(code);
        if person.gender.is_none() {
            warn(&mut warnings, "unknown_gender", &format!("`{}`", short(code)));
            person.gender = (code.len() <= 3).then(|| upper(code));
        }
    }
    person.embark = pdt.value(3, 0).map(|code| airport(code, &path, &mut warnings));
    person.debark = pdt.value(3, 1).map(|code| airport(code, &path, &mut warnings));
    person.warnings = warnings;
    person
}
