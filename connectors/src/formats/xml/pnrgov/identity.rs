//! Who a passenger is by the documents he shows, and the columns that they fill.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::super::convert::{country, id, moment, text};
use super::super::declaration::records;
use super::super::output::Row;
use super::super::tree::{Element, value};
use super::super::value::Value;
use super::SHEET;
use crate::formats::edifact::dates::{Century, Moment, days, month_named};
use crate::formats::edifact::pnrgov::services::birth;
use crate::formats::edifact::pnrgov::texts::docs;

#[derive(Clone, Default, PartialEq)]
pub(super) struct Document<'u> {
    pub(super) kind: Option<Cow<'u, str>>,
    pub(super) number: Option<Cow<'u, str>>,
    pub(super) country: Option<Cow<'u, str>>,
    pub(super) expires: Option<i32>,
}

/// Who somebody is by a document.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Identity<'u> {
    pub(super) document: Document<'u>,
    pub(super) nationality: Option<Cow<'u, str>>,
    pub(super) born: Option<Cow<'u, str>>,
    pub(super) gender: Option<&'static str>,
    pub(super) surname: Option<Cow<'u, str>>,
    pub(super) given: Option<Cow<'u, str>>,
    pub(super) of_infant: bool,
    /// A date that is none.
    pub(super) odd: bool,
}

/// The letters of a name, which writers space and join as they like.
pub(super) fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphabetic()).collect::<String>().to_uppercase()
}

impl<'u> Identity<'u> {
    /// Whether both are of one person, going by the names.
    pub(super) fn is_also(&self, other: &Self) -> bool {
        let same = |own: &Option<Cow<'u, str>>, other: &Option<Cow<'u, str>>| {
            let (own, other) = (letters(own.as_deref()?), letters(other.as_deref()?));
            Some(own.starts_with(&other) || other.starts_with(&own))
        };
        same(&self.surname, &other.surname) == Some(true) && same(&self.given, &other.given) == Some(true)
    }

    pub(super) fn of_element(docs: Element<'u>, day: Option<NaiveDate>) -> Self {
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

    pub(super) fn of_text(text: &'u str, day: Option<NaiveDate>) -> Option<Self> {
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

fn sex(sent: &str) -> Option<&'static str> {
    let first = value(sent)?.chars().next()?.to_ascii_uppercase();
    ["M", "F", "X", "U"].into_iter().find(|g| g.starts_with(first))
}

fn expiry(sent: &str, day: Option<NaiveDate>) -> Option<i32> {
    let named = || month_named(sent, day.map_or(Century::Recent, Century::Near));
    moment(sent).or_else(named).map(|moment| days(moment.date))
}

/// A country, as a column takes it.
pub(super) fn land<'u>(code: Cow<'u, str>, path: &str, row: &mut Row<'u>) -> Cow<'u, str> {
    let (country, oddity) = country(code);
    if let Some(oddity) = oddity {
        row.warn(oddity.code, path, oddity.text);
    }
    country
}

/// Travel documents, and what they tell of the person.
pub(super) fn identify<'u>(
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
