//! The answer of UNI-PASS to a question about a cargo (API001): one consignment with its events, or, asked by a master
//! bill, several without any. Times are Seoul time.
//!
//! Events come newest first, and again with every answer; their key is made of consignment, kind and time, so that
//! they are the same each time.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono_tz::{Asia::Seoul, Tz};

use super::consignment::{Container, EVENTS, SHEET, id_at, key};
use super::convert::{id, mass_factor, moment, number, short, text, value};
use super::declaration::{amount, records};
use super::map::Read::{By, Code, Country, Id, Instant, Number, Text};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table};
use super::value::Value;
use crate::formats::edifact::places::to_utc_in;

/// The column `message_format`.
pub const NAME: &str = "unipass_cargo";
const VERSION: &str = "API001";
const SENDER: &str = "UNIPASS";
const ZONE: Tz = Seoul;
/// More than any name of an event.
const EVENT_BYTES_MAX: usize = 256;
const CARGO: &str = "cargCsclPrgsInfoQryVo";
const EVENT: &str = "cargCsclPrgsInfoDtlQryVo";

/// A cargo, under `cargCsclPrgsInfoQryVo`.
pub const CARGOES: &[Field] = &[
    field("cargMtNo", "consignment_id", By("cargo control number; without one master and house bill")),
    field("cargMtNo", "manifest_id", By("its first eleven characters")),
    field("mblNo", "master_bill_id", Id),
    field("hblNo", "house_bill_id", By("of a straight bill the master bill")),
    field("blPt", "bill_kind", By("C consolidated: house; else straight where no house bill is named")),
    field("cargTp", "nature", By("수입 import, 수출 export, 환적 transhipment, 통과 transit")),
    field("prnm", "description", Text),
    field("pckGcnt", "package_count", Number),
    field("ttwg", "gross_mass_kg", By("by its unit, wghtUt")),
    field("msrm", "volume_m3", Number),
    field("cntrNo", "containers", By("all numbers in it; its count, cntrGcnt, is compared")),
    field("ldprCd", "loading_port", Id),
    field("dsprCd", "unloading_port", Id),
    field("lodCntyCd", "route_countries", By("of loading, then Korea")),
    field("etprDt", "arrived_at", Instant),
    field("etprCstm", "office", Code),
    field("shipNm", "conveyance_name", Text),
    field("shipNm", "conveyance_id", By("of a flight its number")),
    field("vydf", "voyage_no", Id),
    field("shipNat", "conveyance_country", Country),
    field("shcoFlcoSgn", "carrier_id", Id),
    field("frwrSgn", "forwarder_id", Id),
    field("mtTrgtCargYnNm", "managed", Code),
    field(
        "prgsStCd",
        "transport_mode",
        By("not told: by the form of shipNm, else the name of the port (dsprNm), else the carrier, else the port"),
    ),
    field("prcsDttm", "manifested_at", By("of the event that sends the manifest, else the earliest, else the arrival")),
];

/// An event, under `cargCsclPrgsInfoDtlQryVo`.
pub const EVENT_FIELDS: &[Field] = &[
    field("cargTrcnRelaBsopTpcd", "event_kind", By("by its name, which is kept as text")),
    field("rlbrDttm", "happened_at", By("in Seoul; what is no time, as where bonded goods go, is kept as text")),
    field("prcsDttm", "happened_at", Instant),
    field("prcsDttm", "recorded_at", Instant),
    field("dclrNo", "reference_id", Id),
    field(
        "rlbrBssNo",
        "declaration_id",
        By("where it is a number, else it is kept as text; without it `dclrNo`, of an import declaration"),
    ),
    field("shedSgn", "place_id", Id),
    field("shedNm", "place_name", Text),
    field("pckGcnt", "packages", Number),
    field("wght", "gross_mass_kg", By("by its unit, wghtUt")),
    field("rlbrCn", "text", By("behind the name of the event")),
];

static CARGO_TABLE: LazyTable = LazyLock::new(|| table(CARGOES, &SHEET));
static EVENT_TABLE: LazyTable = LazyLock::new(|| table(EVENT_FIELDS, &EVENTS));

const SUBMITTED: &str = "manifest_submitted";

/// Events by the names that UNI-PASS has for them, of which it changed some over the years; blanks come and go.
const KINDS: &[(&str, &str)] = &[
    ("입항적하목록 제출", SUBMITTED),
    ("입항적하목록 심사완료", "manifest_reviewed"),
    ("입항적하목록 운항정보 정정", "manifest_amended"),
    ("입항적재화물목록 제출", SUBMITTED),
    ("입항적재화물목록 심사완료", "manifest_reviewed"),
    ("입항적재화물목록 운항정보 정정", "manifest_amended"),
    ("입항보고 수리", "arrival_accepted"),
    ("입항보고 승인", "arrival_accepted"),
    ("하선신고 수리", "unloading_accepted"),
    ("하기신고 수리", "unloading_accepted"),
    ("보세운송 신고 접수", "bonded_transport_received"),
    ("보세운송 신고 수리", "bonded_transport_accepted"),
    ("반입신고", "carried_in"),
    ("수입신고", "import_declared"),
    ("수입(사용소비) 심사진행", "import_in_review"),
    ("수입(사용소비) 결재통보", "import_approved"),
    ("수입신고수리", "import_released"),
    ("반출신고", "carried_out"),
];

/// The kind of an event by its name.
fn kind_of(name: &str) -> Option<&'static str> {
    let letters = |name: &'static str| name.chars().filter(|c| *c != ' ');
    let sent = || name.chars().filter(|c| !c.is_whitespace());
    // Nearly all are sent as they are known, without the blanks of others.
    let known = KINDS.iter().find(|(known, _)| *known == name);
    known.or_else(|| KINDS.iter().find(|(known, _)| letters(known).eq(sent()))).map(|(_, kind)| *kind)
}

/// Reads an answer.
pub fn read<'u>(unit: &Unit<'u>, out: &mut Output<'_>) {
    let root = unit.element;
    out.saw(NAME, VERSION);
    out.count("answers", 1);
    let cargoes: Vec<Element<'u>> = root.all(CARGO).collect();
    let events: Vec<Element<'u>> = root.all(EVENT).collect();
    let all: Vec<Element<'u>> = cargoes.iter().chain(&events).copied().collect();
    let Some(parts) = Parts::of(unit, &all, out) else { return };
    let count = root.get("tCnt").and_then(number);
    let path = root.name().to_owned();
    if let Some(notice) = root.get("ntceInfo") {
        let what = if count == Some(-1.0) { "an error" } else { "a notice" };
        out.warn(
            "notice",
            format!("{path}/ntceInfo"),
            format!("{what}: {}", &notice[..notice.floor_char_boundary(200)]),
        );
    }
    if count == Some(-1.0) {
        let position = format!("byte {}, {path}/tCnt", unit.place.byte);
        return out.set_aside("error_answer", &position, "the service answered with an error; ask again", root.raw());
    }
    let told = if events.is_empty() { cargoes.len() } else { events.len() };
    // Some services count the cargoes, others their events.
    let counts = |count: f64| count == told as f64 || count == cargoes.len() as f64;
    if count.is_some_and(|count| !counts(count)) {
        let text = format!("says {}, the answer holds {told}", count.unwrap_or_default());
        out.warn("item_count", format!("{path}/tCnt"), text);
    }
    let mut only = None;
    for (index, cargo) in cargoes.iter().enumerate() {
        let path = format!("{path}/{CARGO}[{}]", index + 1);
        if parts.is_whole(*cargo, &path, out)
            && let Some(id) = consignment(&parts, *cargo, &events, path, out)
        {
            only = Some(id);
        }
    }
    let Some(consignment) = only.filter(|_| cargoes.len() == 1) else {
        for event in events {
            let position = format!("byte {}, {EVENT}", unit.byte(event));
            out.set_aside("no_bill", &position, "an event of which no single cargo is told", event.raw());
        }
        return;
    };
    for (index, event) in events.iter().enumerate() {
        let path = format!("{path}/{EVENT}[{}]", index + 1);
        if parts.is_whole(*event, &path, out) {
            self::event(&parts, *event, &consignment, path, out);
        }
    }
}

fn envelope(id: &str) -> Envelope<'static> {
    Envelope {
        format: NAME,
        version: VERSION.to_owned(),
        id: id.to_owned(),
        sender: SENDER.into(),
        issued_at: None,
        change: "new",
        reason: None,
    }
}

/// Writes a cargo. Returns its id.
fn consignment<'u>(
    parts: &Parts<'_, 'u>,
    cargo: Element<'u>,
    events: &[Element<'u>],
    path: String,
    out: &mut Output<'_>,
) -> Option<String> {
    let mut row = Row::default();
    fill(&CARGO_TABLE, cargo, ZONE, &|| path.clone(), &mut row);
    let number = id_at(cargo, "cargMtNo");
    let (master, house) = (id_at(cargo, "mblNo"), id_at(cargo, "hblNo"));
    let Some(bill) = house.clone().or(master.clone()).or(number.clone()) else {
        let position = format!("byte {}, {path}", parts.unit.byte(cargo));
        out.set_aside("no_bill", &position, "the cargo has neither number nor bill", cargo.raw());
        return None;
    };
    let consignment = match &number {
        Some(number) => number.to_string(),
        None => key(None, master.as_deref().filter(|_| house.is_some()), &bill),
    };
    row.put(&SHEET, "consignment_id", consignment.clone());
    row.put(&SHEET, "manifest_id", number.and_then(|n| n.get(..11).map(str::to_owned)));
    let kind = if house.is_some() { "house" } else { "straight" };
    row.put(&SHEET, "bill_kind", if cargo.get("blPt") == Some("C") { "house" } else { kind });
    row.put(&SHEET, "house_bill_id", bill);
    let goods = cargo.get("cargTp").unwrap_or_default();
    let nature = [("수출", "export"), ("환적", "transhipment"), ("통과", "transit")];
    let nature = nature.iter().find(|(word, _)| goods.contains(word)).map_or("import", |(_, nature)| nature);
    row.put(&SHEET, "nature", nature);
    let (mode, told_by) = mode(cargo);
    if let Some(told_by) = told_by {
        row.warn("no_mode", path.as_str(), format!("taken from {told_by}"));
    }
    row.put(&SHEET, "transport_mode", mode);
    if mode == "air" {
        row.put(&SHEET, "conveyance_id", id_at(cargo, "shipNm").map(|flight| flight.replace(' ', "")));
    }
    let port = cargo.get("dsprCd").unwrap_or_default();
    mass(cargo, "ttwg", "gross_mass_kg", &path, &mut row, &SHEET);
    let numbers = cargo.get("cntrNo").unwrap_or_default().split([',', ' ', ';']).filter(|n| !n.is_empty());
    let containers: Vec<_> = numbers.map(|n| Container::new(n, format!("{path}/cntrNo"), &mut row).record()).collect();
    if amount(cargo, "cntrGcnt").is_some_and(|n| n != containers.len() as f64 && !containers.is_empty()) {
        row.warn("item_count", format!("{path}/cntrGcnt"), format!("{} containers are named", containers.len()));
    }
    row.put_at(SHEET.at("containers"), records(containers));
    let mut route: Vec<Cow<'_, str>> = cargo.get("lodCntyCd").map(|c| id(Cow::Borrowed(c))).into_iter().collect();
    route.extend(port.get(..2).filter(|_| port.len() == 5).map(|c| id(Cow::Borrowed(c))));
    row.put_at(SHEET.at("route_countries"), Value::texts(route));
    manifested(events, &path, &mut row);
    envelope(&consignment).put(&SHEET, &mut row);
    let taken = out.write(&SHEET, &[&row], &parts.stand(cargo, path));
    out.count("consignments", u64::from(taken));
    taken.then_some(consignment)
}

/// How the cargo comes, and what tells so where no ship or flight is named, as in short records.
fn mode(cargo: Element<'_>) -> (&'static str, Option<&'static str>) {
    let of = |flies: bool| if flies { "air" } else { "sea" };
    let port = cargo.get("dsprNm").filter(|port| port.ends_with('항'));
    let at_airport = port.map(|port| port.ends_with("공항"));
    if let Some(name) = cargo.get("shipNm") {
        // Some write a blank into it; so do some ships, which go to a harbour.
        let spaced = name.contains(' ');
        let flies = is_flight(&name.replace(' ', "")) && !(spaced && at_airport == Some(false));
        return (of(flies || at_airport == Some(true)), None);
    }
    if let Some(at_airport) = at_airport {
        return (of(at_airport), Some("the name of the port"));
    }
    // Airlines have two characters, shipping companies four.
    if let Some(carrier) = cargo.get("shcoFlcoSgn").filter(|carrier| matches!(carrier.len(), 2 | 4)) {
        return (of(carrier.len() == 2), Some("the carrier"));
    }
    // Harbours and airports of one town share a code (KRPUS), but Incheon's do not.
    let port = cargo.get("dsprCd").unwrap_or_default();
    (of(port == "KRICN"), Some("the port"))
}

/// Whether a name is a flight: two characters of an airline, a number, perhaps a letter behind it.
fn is_flight(name: &str) -> bool {
    let Some((airline, number)) = name.split_at_checked(2).filter(|(_, number)| !number.is_empty()) else {
        return false;
    };
    let digits = number.strip_suffix(|c: char| c.is_ascii_uppercase()).unwrap_or(number);
    let is_number = (digits.len() > 2 || digits == number) && digits.bytes().all(|b| b.is_ascii_digit());
    name.len() <= 7 && is_number && airline.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// When the manifest was sent: of the event that says so, else of the earliest.
fn manifested<'u>(events: &[Element<'u>], path: &str, row: &mut Row<'u>) {
    let instant = |event: &Element<'u>| {
        let element = event.at("prcsDttm")?;
        match value(Instant, element, Cow::Borrowed(element.value()?), ZONE).0 {
            Value::Ts(instant) => Some(instant),
            _ => None,
        }
    };
    let sends = |event: &&Element<'u>| event.get("cargTrcnRelaBsopTpcd").and_then(kind_of) == Some(SUBMITTED);
    let sent = events.iter().find(sends).and_then(instant);
    if let Some(sent) = sent {
        return row.put_at(SHEET.at("manifested_at"), Value::Ts(sent));
    }
    let earliest = events.iter().filter_map(instant).min();
    let arrived = match row.get(&SHEET, "arrived_at") {
        Some(Value::Ts(arrived)) => Some(*arrived),
        _ => None,
    };
    if let Some(instant) = earliest.or(arrived) {
        row.warn("no_manifest_time", path, "the earliest time told was taken");
        row.put_at(SHEET.at("manifested_at"), Value::Ts(instant));
    }
}

fn mass<'u>(
    element: Element<'u>,
    name: &str,
    column: &str,
    path: &str,
    row: &mut Row<'u>,
    sheet: &super::output::Sheet,
) {
    let Some(sent) = element.get(name) else { return };
    let unit = element.get("wghtUt").unwrap_or("KG");
    match (number(sent), mass_factor(unit)) {
        (Some(mass), Some(factor)) => row.put(sheet, column, mass * factor),
        (None, _) => row.warn("bad_number", format!("{path}/{name}"), format!("`{}`", short(sent))),
        (_, None) => row.warn("bad_unit", format!("{path}/wghtUt"), format!("`{}`", short(unit))),
    }
}

fn event<'u>(parts: &Parts<'_, 'u>, event: Element<'u>, consignment: &str, path: String, out: &mut Output<'_>) {
    let mut row = Row::default();
    fill(&EVENT_TABLE, event, ZONE, &|| path.clone(), &mut row);
    let name = event.get("cargTrcnRelaBsopTpcd").unwrap_or_default();
    let kind = kind_of(name);
    if kind.is_none() {
        row.warn("unknown_code", format!("{path}/cargTrcnRelaBsopTpcd"), format!("event `{}`", short(name)));
    }
    // As sent, and whole: several begin alike.
    let unknown = if name.is_empty() { "unknown" } else { &name[..name.floor_char_boundary(EVENT_BYTES_MAX)] };
    let kind = kind.unwrap_or(unknown).to_owned();
    let told = event.get("rlbrDttm");
    let told_at = told.and_then(moment).and_then(|moment| to_utc_in(moment, ZONE));
    if let Some(instant) = told_at {
        row.put_at(EVENTS.at("happened_at"), Value::Ts(instant));
    } else if let Some(told) = told.filter(|told| told.starts_with(|c: char| c.is_ascii_digit())) {
        row.warn("bad_date", format!("{path}/rlbrDttm"), format!("`{}`", short(told)));
    }
    let happened = match row.get(&EVENTS, "happened_at") {
        Some(Value::Ts(instant)) => Some(*instant),
        _ => None,
    };
    // The instant of the record tells two events of a kind at one time apart.
    let recorded = event.get("prcsDttm").unwrap_or_default();
    let id = format!("{consignment}/{kind}/{}/{recorded}", happened.unwrap_or_default());
    row.put(&EVENTS, "cargo_event_id", id);
    row.put(&EVENTS, "consignment_id", consignment.to_owned());
    row.put(&EVENTS, "event_kind", kind.clone());
    let number = id_at(event, "dclrNo");
    // Events of a broker or a carrier have his name there.
    let base = event.get("rlbrBssNo");
    let is_number = base.is_some_and(|base| base.is_ascii() && base.bytes().any(|b| b.is_ascii_digit()));
    let rests_on = id_at(event, "rlbrBssNo").filter(|_| is_number);
    let rests_on = rests_on.or(number.clone().filter(|_| kind.starts_with("import")));
    row.put(&EVENTS, "reference_id", number);
    row.put(&EVENTS, "declaration_id", rests_on);
    mass(event, "wght", "gross_mass_kg", &path, &mut row, &EVENTS);
    let told = told.filter(|_| told_at.is_none());
    let words = [Some(name), event.get("rlbrCn"), base.filter(|_| !is_number), told];
    let words = words.into_iter().flatten().filter(|t| !t.is_empty());
    let words: Vec<_> = words.map(|t| text(Cow::Borrowed(t))).collect();
    row.put(&EVENTS, "text", (!words.is_empty()).then(|| words.join(": ")));
    envelope(consignment).put(&EVENTS, &mut row);
    if out.write(&EVENTS, &[&row], &parts.stand(event, path)) {
        out.count("events", 1);
    }
}
