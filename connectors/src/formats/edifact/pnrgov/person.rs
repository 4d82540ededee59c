//! A traveller of a booking: what TIF, the segments behind it, services and check-in tell.

use std::borrow::Cow;

use super::super::dates::Moment;
use super::super::people::{split_title, without_glued_title, without_title};
use super::super::segments::Segment;
use super::booking::Contacts;

/// More tickets, documents, loyalty numbers or services than one traveller has; what stands for all of a booking is
/// repeated for each of its travellers.
const EACH_MAX: usize = 20;

/// Carrier, number, level.
pub type Loyalty<'p> = (Cow<'p, str>, Cow<'p, str>, Option<Cow<'p, str>>);

/// What a booking tells of a person.
#[derive(Debug, Default)]
pub struct Person<'p> {
    /// Number of its TIF.
    pub segment: u32,
    /// As sent, titles split.
    pub surname: Option<&'p str>,
    /// As sent, titles split.
    pub given_names: Option<&'p str>,
    /// Column `person_kind`.
    pub kind: Option<&'static str>,
    /// What services and check-in name it by.
    pub reference: Option<&'p str>,
    /// REF.
    pub unique_reference: Option<Cow<'p, str>>,
    /// SSR DOCS, or that of the adult it travels with.
    pub gender: Option<&'p str>,
    /// SSR DOCS.
    pub birth: Option<Moment>,
    /// SSR DOCO.
    pub birth_place: Option<&'p str>,
    /// SSR DOCS.
    pub nationality: Option<Cow<'p, str>>,
    /// SSR DOCA R.
    pub residence: Option<Cow<'p, str>>,
    /// SSR DOCA D.
    pub stay_address: Option<String>,
    /// SSR DOCS, DOCO.
    pub documents: Vec<Document<'p>>,
    /// Given names of the document, for titles glued to those of the booking.
    pub document_given: Option<String>,
    /// ADD, IFT, SSR CTC.
    pub contacts: Contacts<'p>,
    /// FTI, SSR FQTV: carrier, number, level.
    pub loyalty: Vec<Loyalty<'p>>,
    /// TKT, SSR TKNE.
    pub tickets: Vec<Cow<'p, str>>,
    /// DAT 710 of its ticket.
    pub ticketed_at: Option<i64>,
    /// MON T.
    pub fare_usd: Option<f64>,
    /// FOP.
    pub payment: Option<Payment<'p>>,
    /// IFT 4:43.
    pub payer_name: Option<&'p str>,
    /// Other services, as far as they may be kept.
    pub services: Vec<Cow<'p, str>>,
    /// Seat, check-in and bags, by leg.
    pub legs: Vec<(usize, OnLeg<'p>)>,
}

/// A travel document of a booking.
#[derive(Debug, Default, PartialEq)]
pub struct Document<'p> {
    /// `P`, `I`, `V` ...
    pub kind: Option<Cow<'p, str>>,
    /// As sent, upper case.
    pub number: Option<Cow<'p, str>>,
    /// Who issued it; of a visa the country it is for.
    pub country: Option<Cow<'p, str>>,
    /// Last day.
    pub expires: Option<Moment>,
    /// Day of issue.
    pub issued: Option<Moment>,
}

/// How the ticket was paid.
#[derive(Debug)]
pub struct Payment<'p> {
    /// Column `payment_kind`.
    pub kind: &'static str,
    /// Of a card.
    pub issuer: Option<Cow<'p, str>>,
    /// Of a card, masked.
    pub number: Option<String>,
}

/// What is known of a person on one leg.
#[derive(Debug, Default)]
pub struct OnLeg<'p> {
    /// SSD, else SSR SEAT.
    pub seat: Option<Cow<'p, str>>,
    /// DAT 2.
    pub checked_in_at: Option<i64>,
    /// At a time, with a boarding number (TRI) or with bags (TBD): a seat alone may have been reserved before.
    pub checked_in: bool,
    /// TBD.
    pub bags: Option<Bags<'p>>,
}

/// TBD.
#[derive(Debug, Default)]
pub struct Bags<'p> {
    /// How many.
    pub count: Option<i32>,
    /// Together.
    pub mass_kg: Option<f64>,
    /// Counts expanded.
    pub tags: Vec<Cow<'p, str>>,
    /// Head of a pool, or member of one.
    pub pool_head: Option<bool>,
}

impl<'p> Person<'p> {
    /// A TIF with the traveller in its element `element`.
    pub fn read(tif: Segment<'p, '_>, element: usize) -> Self {
        let kind = match tif.get(element, 1) {
            "A" => Some("adult"),
            "C" => Some("child"),
            "IN" | "I" => Some("infant"),
            _ => None,
        };
        let given = tif.value(element, 0).and_then(|name| match split_title(Cow::Borrowed(name)) {
            Some(Cow::Borrowed(name)) => Some(name),
            _ => None,
        });
        Self {
            segment: tif.number(),
            surname: tif.value(0, 0).map(without_title),
            given_names: given,
            kind,
            reference: tif.value(element, 2),
            ..Self::default()
        }
    }

    /// Whether it has any name.
    pub fn has_name(&self) -> bool {
        self.surname.is_some() || self.given_names.is_some()
    }

    /// Whether there is anything to know the person by.
    pub fn has_identity(&self) -> bool {
        self.has_name() || self.documents.iter().any(|d| d.number.is_some())
    }

    /// The main document: the first passport, else the first.
    pub fn main_document(&self) -> Option<&Document<'p>> {
        let passport = |d: &&Document<'_>| d.kind.as_deref().is_some_and(|k| k.starts_with('P'));
        self.documents.iter().find(passport).or_else(|| self.documents.first())
    }

    /// What is known on this leg.
    pub fn on_leg(&mut self, leg: usize) -> &mut OnLeg<'p> {
        let at = self.legs.iter().position(|(i, _)| *i == leg).unwrap_or_else(|| {
            self.legs.push((leg, OnLeg::default()));
            self.legs.len() - 1
        });
        &mut self.legs[at].1
    }

    /// The same, if anything is.
    pub fn seen_on(&self, leg: usize) -> Option<&OnLeg<'p>> {
        self.legs.iter().find(|(i, _)| *i == leg).map(|(_, on)| on)
    }

    /// The bags on this leg: as checked in for it, else for the last leg before it, since each leg repeats them.
    pub fn bags_on(&self, leg: usize) -> Option<&Bags<'p>> {
        let before = self.legs.iter().filter(|(i, on)| *i <= leg && on.bags.is_some());
        before.max_by_key(|(i, _)| *i).and_then(|(_, on)| on.bags.as_ref())
    }

    /// A ticket, once.
    pub fn add_ticket(&mut self, number: Cow<'p, str>) {
        if self.tickets.len() < EACH_MAX && !self.tickets.contains(&number) {
            self.tickets.push(number);
        }
    }

    /// A frequent traveller number, once.
    pub fn add_loyalty(&mut self, carrier: Cow<'p, str>, number: Cow<'p, str>, level: Option<Cow<'p, str>>) {
        if self.loyalty.len() < EACH_MAX && !self.loyalty.iter().any(|(c, n, _)| *c == carrier && *n == number) {
            self.loyalty.push((carrier, number, level));
        }
    }

    /// A document, once: senders repeat them a leg.
    pub fn add_document(&mut self, document: Document<'p>) {
        if self.documents.len() < EACH_MAX && !self.documents.contains(&document) {
            self.documents.push(document);
        }
    }

    /// Once all is read: the title glued to the name goes, if the document shows the name without it.
    pub fn settle(&mut self) {
        if let (Some(given), Some(document)) = (self.given_names, &self.document_given) {
            self.given_names = Some(without_glued_title(given, document));
        }
    }
}
