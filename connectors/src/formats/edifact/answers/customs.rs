//! Customs: which lane a declaration and its items took (CUSRES, BGM 962), the bills of a manifest (961), and why a
//! message is refused (963).
//!
//! The layout is D.96B's; national dialects differ in their codes and in GEI for GIS, which a [`Profile`] says.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::super::dates::{Century, parse};
use super::super::output::Output;
use super::super::places::short;
use super::super::segments::{Arena, Segment};
use super::super::write::{Envelope, Writer};
use super::{Warnings, in_components, text_of};

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 962: a declaration.
    Document,
    /// 961: a manifest.
    Manifest,
    /// 963: a message with errors.
    Errors,
}

/// How a country writes its answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// S009, `CUSRES:D:96B:UN`.
    pub version: String,
    /// Segment that holds a lane: `GIS`, or from 02B on `GEI`.
    pub indicator: String,
    /// First element of a GEI.
    pub indicator_qualifier: String,
    /// BGM of an answer to a declaration.
    pub document: String,
    /// BGM of an answer to a manifest.
    pub manifest: String,
    /// BGM of errors.
    pub errors: String,
    /// Code of the lanes `release` and `post_audit`: the trader is not told of an audit.
    pub release: String,
    /// Code of the lane `documents`.
    pub documents: String,
    /// Code of the lanes `scan`, `examine`, `after_storage`, `immediate`.
    pub examine: String,
    /// Code of a bill that nobody asked for: it may move on.
    pub moving: String,
    /// Segment that the lane of an item rides on, since D.96B has no GIS directly under CST; empty for none.
    pub item_carrier: String,
    /// Qualifier of the text of a lane.
    pub text: String,
    /// Qualifier of the text of an error.
    pub error_text: String,
}

impl Default for Profile {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            version: text("CUSRES:D:96B:UN"),
            indicator: text("GIS"),
            indicator_qualifier: text("5"),
            document: text("962"),
            manifest: text("961"),
            errors: text("963"),
            release: text("4"),
            documents: text("6"),
            examine: text("5"),
            moving: text("8"),
            item_carrier: text("TAX"),
            text: text("AAP"),
            error_text: text("AAO"),
        }
    }
}

impl Profile {
    /// The code of a lane of a declaration or consignment; `None` where the trader is told nothing.
    pub fn status(&self, lane: &str) -> Option<&str> {
        match lane {
            "release" | "post_audit" => Some(&self.release),
            "documents" => Some(&self.documents),
            "scan" | "examine" | "after_storage" | "immediate" => Some(&self.examine),
            // An order to watch stays inside: the bill looks like any other.
            "none" | "surveillance" => Some(&self.moving),
            _ => None,
        }
    }
}

/// An answer to a declaration or manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomsAnswer {
    /// BGM 1001.
    pub kind: Kind,
    /// 0062 of the message.
    pub reference: String,
    /// BGM 1004.
    pub number: String,
    /// DTM 9, local.
    pub decided_at: Option<NaiveDateTime>,
    /// DTM 58, local.
    pub released_at: Option<NaiveDateTime>,
    /// FTX of the header.
    pub text: Option<String>,
    /// LOC 22.
    pub office: Option<String>,
    /// GIS or GEI of the header: of a declaration the strictest lane of its items. Without one what its text says.
    pub status: Option<String>,
    /// RFF: ABT the declaration, ABE the declarant's own, CN the manifest, UCN the cargo.
    pub references: Vec<(String, String)>,
    /// CST groups.
    pub items: Vec<ItemAnswer>,
    /// DOC 714 and 705 groups.
    pub bills: Vec<BillAnswer>,
    /// ERP groups.
    pub errors: Vec<CustomsError>,
}

impl CustomsAnswer {
    /// An answer that says nothing yet.
    pub fn new(kind: Kind, reference: impl Into<String>, number: impl Into<String>) -> Self {
        Self {
            kind,
            reference: reference.into(),
            number: number.into(),
            decided_at: None,
            released_at: None,
            text: None,
            office: None,
            status: None,
            references: Vec::new(),
            items: Vec::new(),
            bills: Vec::new(),
            errors: Vec::new(),
        }
    }
}

/// The lane of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemAnswer {
    /// CST 1496.
    pub item_no: i32,
    /// GIS.
    pub status: String,
    /// FTX.
    pub text: Option<String>,
}

/// The lane of a bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillAnswer {
    /// DOC 1001: `714` house, `705` straight; of some `WOF`, `HLD`, which say what happens to it.
    pub kind: String,
    /// DOC 1004.
    pub number: String,
    /// GIS, else what the kind says.
    pub status: String,
    /// FTX.
    pub text: Option<String>,
    /// EQD: containers concerned.
    pub containers: Vec<String>,
}

/// What is wrong in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomsError {
    /// ERP: `1` header, `2` item.
    pub section: String,
    /// Item and sub-item, where it is of one.
    pub item: Option<(i32, Option<i32>)>,
    /// ERC.
    pub code: String,
    /// FTX.
    pub text: Option<String>,
}

/// Writes answers, a message each.
pub fn write(envelope: &Envelope, profile: &Profile, answers: &[CustomsAnswer]) -> String {
    let mut edi = Writer::new(envelope);
    for answer in answers {
        one(&mut edi, profile, answer);
    }
    edi.finish()
}

fn one(edi: &mut Writer, profile: &Profile, answer: &CustomsAnswer) {
    let bgm = match answer.kind {
        Kind::Document => &profile.document,
        Kind::Manifest => &profile.manifest,
        Kind::Errors => &profile.errors,
    };
    edi.message(&answer.reference, &profile.version, "");
    edi.segment("BGM").value(bgm).value(&answer.number).code("11");
    for (qualifier, time) in [("9", answer.decided_at), ("58", answer.released_at)] {
        if let Some(time) = time {
            edi.segment("DTM").values(&[qualifier, &time.format("%Y%m%d%H%M").to_string(), "203"]);
        }
    }
    text(edi, &profile.text, answer.text.as_deref());
    if let Some(office) = &answer.office {
        edi.segment("LOC").code("22").values(&[office, "113", "ZZZ"]);
    }
    status(edi, profile, answer.status.as_deref());
    for (qualifier, value) in &answer.references {
        edi.segment("RFF").values(&[qualifier, value]);
    }
    for error in &answer.errors {
        let item = error.item.map(|(item, _)| item.to_string()).unwrap_or_default();
        let sub = error.item.and_then(|(_, sub)| sub).map(|sub| sub.to_string()).unwrap_or_default();
        edi.segment("ERP").values(&[&error.section, &item, &sub]);
        edi.segment("ERC").value(&error.code);
        text(edi, &profile.error_text, error.text.as_deref());
    }
    for bill in &answer.bills {
        edi.segment("DOC").value(&bill.kind).value(&bill.number);
        text(edi, &profile.text, bill.text.as_deref());
        status(edi, profile, Some(&bill.status));
        for container in &bill.containers {
            edi.segment("EQD").code("CN").value(container);
        }
    }
    if answer.items.is_empty() {
        return;
    }
    edi.segment("DOC").code("929").value(&answer.number);
    status(edi, profile, answer.status.as_deref());
    for item in &answer.items {
        edi.segment("CST").number(item.item_no);
        text(edi, &profile.text, item.text.as_deref());
        if profile.item_carrier == "TAX" {
            edi.segment("TAX").code("1").code("CUD");
        }
        status(edi, profile, Some(&item.status));
    }
}

fn text(edi: &mut Writer, qualifier: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        edi.segment("FTX").code(qualifier).empty().empty().values(&in_components(text));
    }
}

fn status(edi: &mut Writer, profile: &Profile, status: Option<&str>) {
    let Some(status) = status.filter(|s| !s.is_empty()) else { return };
    let mut segment = edi.segment(&profile.indicator);
    if profile.indicator == "GEI" {
        segment.value(&profile.indicator_qualifier);
    }
    segment.value(status);
}

/// What the next segments belong to.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Header,
    Error,
    Bill,
    /// DOC 929: repeats the header.
    Declaration,
    Item,
}

/// Reads one.
pub(super) fn read(arena: &Arena<'_>, warn: &mut Warnings<'_, '_, '_>) -> CustomsAnswer {
    let mut answer = CustomsAnswer::new(Kind::Document, warn.message.reference.clone(), "");
    let mut at = At::Header;
    let mut said = None;
    for s in arena.iter() {
        match (s.tag(), at) {
            ("BGM", _) => begin(&mut answer, s, warn),
            ("DTM", At::Header) => time(&mut answer, s, warn),
            ("LOC", At::Header) if s.get(0, 0) == "22" => answer.office = s.value(1, 0).map(str::to_owned),
            ("RFF", At::Header) => answer.references.push((s.get(0, 0).to_owned(), s.get(0, 1).to_owned())),
            ("ERP", _) => {
                at = At::Error;
                let sub = s.get(0, 2).parse().ok();
                let item = s.get(0, 1).parse().ok().map(|item| (item, sub));
                // `001` is the header as `1` is.
                let section = s.get(0, 0);
                let section = Some(section.trim_start_matches('0')).filter(|s| !s.is_empty()).unwrap_or(section);
                answer.errors.push(CustomsError { section: section.to_owned(), item, ..CustomsError::default() });
            }
            ("ERC", At::Error) => {
                if let Some(error) = answer.errors.last_mut() {
                    s.get(0, 0).clone_into(&mut error.code);
                }
            }
            ("DOC", _) if s.get(0, 0) == "929" || s.get(0, 0) == "830" => at = At::Declaration,
            ("DOC", _) => {
                at = At::Bill;
                let (kind, number) = (s.get(0, 0).to_owned(), s.get(1, 0).to_owned());
                answer.bills.push(BillAnswer { kind, number, ..BillAnswer::default() });
            }
            ("EQD", At::Bill) => {
                if let (Some(bill), Some(id)) = (answer.bills.last_mut(), s.value(1, 0)) {
                    bill.containers.push(id.to_owned());
                }
            }
            ("CST", _) => {
                at = At::Item;
                let next = answer.items.last().map_or(1, |item| item.item_no.saturating_add(1));
                let item_no = s.get(0, 0).parse().unwrap_or(next);
                answer.items.push(ItemAnswer { item_no, ..ItemAnswer::default() });
            }
            ("FTX", _) => {
                said = said.or_else(|| status_in(s).filter(|_| at == At::Header));
                describe(&mut answer, at, s);
            }
            ("GIS", _) => decide(&mut answer, at, s.get(0, 0)),
            ("GEI", _) => decide(&mut answer, at, s.get(1, 0)),
            // Of errors and bills, and what D.96B and 95B have beyond what we write: read and kept in the bytes.
            (
                "RFF" | "DTM" | "LOC" | "EQD" | "TAX" | "MOA" | "NAD" | "TDT" | "PAC" | "PCI" | "MEA" | "AUT" | "ERC"
                | "CNT" | "CTA" | "COM" | "UNS" | "SEL",
                _,
            ) => {}
            _ => warn.unknown(s),
        }
    }
    answer.status = answer.status.or_else(|| said.map(str::to_owned));
    for bill in answer.bills.iter_mut().filter(|bill| bill.status.is_empty()) {
        status_of_kind(&bill.kind).clone_into(&mut bill.status);
    }
    answer
}

/// Released.
const RELEASED: &str = "4";
/// Detained.
const HELD: &str = "7";

/// What the kind of a bill says of it, where a country has no indicator for that.
fn status_of_kind(kind: &str) -> &'static str {
    match kind {
        "WOF" => RELEASED,
        "HLD" => HELD,
        _ => "",
    }
}

/// What the text of a status says: `AHN+++CLEAR`, `AHN+++CONSOLIDATED STATUS:HELD`.
fn status_in(ftx: Segment<'_, '_>) -> Option<&'static str> {
    let last = ftx.components(3).filter(|part| !part.is_empty()).last().filter(|_| ftx.get(0, 0) == "AHN")?;
    match last {
        "CLEAR" => Some(RELEASED),
        "HELD" => Some(HELD),
        _ => None,
    }
}

fn begin(answer: &mut CustomsAnswer, bgm: Segment<'_, '_>, warn: &mut Warnings<'_, '_, '_>) {
    answer.kind = match bgm.get(0, 0) {
        // Of road carriers 132, which to airlines is a change of mind.
        "961" | "132" => Kind::Manifest,
        "963" => Kind::Errors,
        // Of some 932, of bills too: what it is of, these tell.
        "962" | "932" => Kind::Document,
        other => {
            warn.add("unknown_code", bgm, format!("BGM {}", short(other)));
            Kind::Document
        }
    };
    bgm.get(1, 0).clone_into(&mut answer.number);
}

fn time(answer: &mut CustomsAnswer, dtm: Segment<'_, '_>, warn: &mut Warnings<'_, '_, '_>) {
    let Ok(moment) = parse(dtm.get(0, 1), dtm.get(0, 2), Century::Recent) else {
        return warn.add("bad_date", dtm, format!("DTM {}", short(dtm.get(0, 0))));
    };
    let time = moment.date.and_time(moment.time.unwrap_or_default());
    match dtm.get(0, 0) {
        "9" => answer.decided_at = Some(time),
        "58" => answer.released_at = Some(time),
        _ => {}
    }
}

fn describe(answer: &mut CustomsAnswer, at: At, ftx: Segment<'_, '_>) {
    let text = text_of(ftx);
    match at {
        At::Header => answer.text = text,
        At::Error => answer.errors.last_mut().map_or((), |e| e.text = text),
        At::Bill => answer.bills.last_mut().map_or((), |b| b.text = text),
        At::Item => answer.items.last_mut().map_or((), |i| i.text = text),
        At::Declaration => {}
    }
}

fn decide(answer: &mut CustomsAnswer, at: At, code: &str) {
    match at {
        At::Header => answer.status = Some(code.to_owned()),
        At::Bill => answer.bills.last_mut().map_or((), |b| code.clone_into(&mut b.status)),
        At::Item => answer.items.last_mut().map_or((), |i| code.clone_into(&mut i.status)),
        At::Declaration | At::Error => {}
    }
}

/// Counts what an answer says, under the names of lanes.
pub(super) fn count(answer: &CustomsAnswer, out: &mut Output<'_>) {
    out.count("items", answer.items.len() as u64);
    out.count("bills", answer.bills.len() as u64);
    let errors = |section: &str| answer.errors.iter().filter(|e| (e.section == "1") == (section == "1")).count();
    out.count("header_errors", errors("1") as u64);
    out.count("item_errors", errors("2") as u64);
    let lane = |status: &str, of_bill: bool| match status {
        "4" => Some("release"),
        "5" | "7" if of_bill => Some("scan"),
        "5" | "7" => Some("examine"),
        "6" => Some("documents"),
        _ => None,
    };
    let items = answer.items.iter().filter_map(|item| lane(&item.status, false));
    let bills = answer.bills.iter().filter_map(|bill| lane(&bill.status, true));
    let header = answer.status.as_deref().filter(|_| answer.items.is_empty() && answer.bills.is_empty());
    for name in items.chain(bills).chain(header.and_then(|status| lane(status, false))) {
        out.count(name, 1);
    }
}
