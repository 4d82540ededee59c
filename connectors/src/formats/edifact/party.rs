//! Parties of manifests and declarations: NAD with its id, and its name and address in whichever element the sender put them.

use std::borrow::Cow;

use haechi_model::intake::Warning;

use super::places::{country, upper};
use super::segments::Segment;

/// A party.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Party {
    /// C082.
    pub id: Option<String>,
    /// First line, or up to the first comma of a single one.
    pub name: Option<String>,
    /// The rest, parts joined by `, `.
    pub address: Option<String>,
    /// ISO alpha-2.
    pub country: Option<String>,
}

impl Party {
    /// Reads a NAD: C080 with C059, city and country; else the lines of C058; else one line `NAME, STREET, CITY`.
    pub fn read(nad: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> Self {
        let id = nad.value(1, 0).map(|id| upper(id).into_owned());
        let lines = |element| nad.components(element).filter(|c| !c.is_empty());
        let mut parts: Vec<Cow<'_, str>> = Vec::new();
        let mut name = None;
        if lines(3).next().is_some() {
            name = Some(lines(3).collect::<Vec<_>>().join(" "));
        } else if lines(2).count() > 1 {
            name = lines(2).next().map(str::to_owned);
            parts.extend(lines(2).skip(1).map(Cow::Borrowed));
        } else if let Some(line) = lines(2).next() {
            let (first, rest) = name_of_line(line);
            name = Some(first.trim().to_owned());
            parts.extend(rest.split(',').map(|p| Cow::Borrowed(p.trim())).filter(|p| !p.is_empty()));
        }
        parts.extend(lines(4).map(Cow::Borrowed));
        let subdivision = nad.value(6, 3).or_else(|| nad.value(6, 0));
        parts.extend([nad.value(5, 0), subdivision, nad.value(7, 0)].into_iter().flatten().map(Cow::Borrowed));
        let country = nad.value(8, 0).map(|code| country(code, path, warnings).into_owned());
        Self { id, name, address: (!parts.is_empty()).then(|| parts.join(", ")), country }
    }
}

/// The name that begins a line of name and address, and what is behind its comma. A legal form behind a comma is of the
/// name: `ACME CO., LTD, 1 ROAD`.
fn name_of_line(line: &str) -> (&str, &str) {
    let mut end = line.find(',').unwrap_or(line.len());
    while let Some(rest) = line.get(end + 1..) {
        let part = rest.split(',').next().unwrap_or_default();
        if !is_legal_form(part) {
            break;
        }
        end += 1 + part.len();
    }
    (&line[..end], line.get(end + 1..).unwrap_or_default())
}

/// Whether words are nothing but what kind of company a name is of.
fn is_legal_form(words: &str) -> bool {
    let bare: String = upper(words).chars().filter(|c| c.is_alphanumeric()).collect();
    matches!(
        bare.as_str(),
        "LTD"
            | "LIMITED"
            | "COLTD"
            | "PTELTD"
            | "PTYLTD"
            | "PVTLTD"
            | "INC"
            | "LLC"
            | "CORP"
            | "PLC"
            | "GMBH"
            | "SA"
            | "SRL"
            | "SPA"
            | "BV"
            | "NV"
    )
}

/// A party under several qualifiers: the most telling one sent.
#[derive(Clone, Debug, Default)]
pub struct Ranked {
    rank: usize,
    party: Option<Party>,
}

impl Ranked {
    /// Takes `party` if `qualifier` stands earlier in `order` than what was taken before. Returns whether the
    /// qualifier is in `order`.
    pub fn offer(&mut self, order: &[&str], qualifier: &str, party: impl FnOnce() -> Party) -> bool {
        let Some(rank) = order.iter().position(|q| *q == qualifier) else { return false };
        if self.party.is_none() || rank < self.rank {
            *self = Self { rank, party: Some(party()) };
        }
        true
    }

    /// The same of parties that are looked for by their ids: one of any qualifier goes before those that have a name only.
    pub fn offer_by_id(&mut self, order: &[&str], qualifier: &str, party: impl FnOnce() -> Party) -> bool {
        let Some(rank) = order.iter().position(|q| *q == qualifier) else { return false };
        let party = party();
        let rank = if party.id.is_some() { rank } else { rank + order.len() };
        if self.party.is_none() || rank < self.rank {
            *self = Self { rank, party: Some(party) };
        }
        true
    }

    /// The first of the order was sent.
    pub fn is_best(&self) -> bool {
        self.party.is_some() && self.rank == 0
    }

    /// What was taken.
    pub fn party(&self) -> Option<&Party> {
        self.party.as_ref()
    }
}

/// Whether a name only points at the consignee.
pub fn is_same_as_consignee(name: &str) -> bool {
    let name = upper(name);
    let words: Vec<_> = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    matches!(words[..], ["SAME"] | ["SAME", "AS", "CONSIGNEE" | "CNEE" | "ABOVE"] | ["SAME", "AS", "THE", "CONSIGNEE"])
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Arena, Cutter};
    use super::super::service::ServiceChars;
    use super::*;

    const CHARS: ServiceChars = ServiceChars::DEFAULT;

    /// `nad` reads as `id | name | address | country`.
    fn check(nad: &str, expected: &str) {
        let mut arena = Arena::new(CHARS);
        for raw in Cutter::new(nad, CHARS) {
            arena.push(raw).unwrap();
        }
        let party = Party::read(arena.first().unwrap(), &String::new, &mut Vec::new());
        let parts = [party.id, party.name, party.address, party.country].map(Option::unwrap_or_default);
        assert_eq!(parts.join(" | "), expected);
    }

    #[test]
    fn name_and_address_are_found_wherever_the_sender_put_them() {
        check(
            "NAD+CN+KRT1:160:ZZZ++HAECHI TEST+1 EXAMPLE RO+BUSAN+++KOR'",
            "KRT1 | HAECHI TEST | 1 EXAMPLE RO, BUSAN | KR",
        );
        check("NAD+CZ++ACME LTD:1 ROAD:TOWN'", " | ACME LTD | 1 ROAD, TOWN | ");
        check(
            "NAD+SU+sup1+A PERSON, TEST ADDRESS, TOWN, POSTCODE'",
            "SUP1 | A PERSON | TEST ADDRESS, TOWN, POSTCODE | ",
        );
        check("NAD+CN'", " |  |  | ");
        check("NAD+CN++ACME CO., LTD.'", " | ACME CO., LTD. |  | ");
        check("NAD+CN++ACME CO., LTD, 1 ROAD, SEOUL'", " | ACME CO., LTD | 1 ROAD, SEOUL | ");
        check("NAD+CN++ACME,'", " | ACME |  | ");
    }

    #[test]
    fn the_more_telling_qualifier_wins() {
        let mut shipper = Ranked::default();
        let named = |name: &str| Party { name: Some(name.into()), ..Party::default() };
        assert!(shipper.offer(&["CZ", "SU"], "SU", || named("supplier")));
        assert!(shipper.offer(&["CZ", "SU"], "CZ", || named("consignor")));
        assert!(shipper.offer(&["CZ", "SU"], "SU", || named("supplier")));
        assert!(!shipper.offer(&["CZ", "SU"], "CN", || named("consignee")));
        assert_eq!(shipper.party(), Some(&named("consignor")));
    }

    #[test]
    fn same_as_consignee_is_seen() {
        for (name, same) in
            [("SAME AS CONSIGNEE", true), ("Same as cnee.", true), ("SAMEH TRADING", false), ("SAME DAY LTD", false)]
        {
            assert_eq!(is_same_as_consignee(name), same, "{name}");
        }
    }
}
