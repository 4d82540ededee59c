//! Entry summary declarations of the EU (ICS1), IE315 and its amendment IE313: a consignment an item of goods. Parties
//! and places of the header hold where the item has none of its own.
//!
//! Answers to them, IE351 and IE328 and others, name no goods to decide on: they are checked, counted, and read by
//! [`EntryAnswer`].

use std::borrow::Cow;
use std::sync::LazyLock;

use super::answers::EntryAnswer;
use super::consignment::{Container, Line, Party, Role, SHEET, id_at, notify, text_at};
use super::convert::{self, id, joined, tariff, text, told, value};
use super::declaration::{HEADER_WARNINGS_ROWS_MAX, amount, compare, records};
use super::map::Read::{By, Code, Countries, Country, Id, Instant, Mode};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table, tell};
use super::value::Value;

/// The column `message_format`.
pub const NAME: &str = "ens";
/// The name of answers.
pub const ANSWER: &str = "ens_answer";

/// More seals than one container has.
const SEALS_MAX: usize = 99;

/// Header, under `CC315A` or `CC313A`.
pub const HEADER: &[Field] = &[
    field("HEAHEA/DocNumHEA5", "manifest_id", Id),
    field("HEAHEA/RefNumHEA4", "manifest_id", Id),
    field("HEAHEA/TraModAtBorHEA76", "transport_mode", Mode("ens")),
    field("HEAHEA/IdeOfMeaOfTraCroHEA85", "conveyance_id", Id),
    field("HEAHEA/NatOfMeaOfTraCroHEA87", "conveyance_country", Country),
    field("HEAHEA/ConRefNumHEA", "voyage_no", Id),
    field("HEAHEA/PlaLoaGOOITE334", "loading_port", Id),
    field("HEAHEA/CodPlUnHEA357", "unloading_port", Id),
    field("HEAHEA/PlaUnlGOOITE334", "unloading_port", Id),
    field("HEAHEA/DecDatTimHEA114", "manifested_at", Instant),
    field("HEAHEA/DatTimAmeHEA113", "manifested_at", Instant),
    field("DatOfPreMES9", "manifested_at", By("with TimOfPreMES10, where the header gives no time")),
    field("CUSOFFFENT730/RefNumCUSOFFFENT731", "office", Code),
    field("CUSOFFLON/RefNumCOL1", "office", Code),
    field("CUSOFFFENT730/ExpDatOfArrFIRENT733", "arrival_expected_at", Instant),
    field("ITI/CouOfRouCodITI1", "route_countries", Countries),
    field("TRACARENT601/TINTRACARENT602", "carrier_id", Id),
    field("TRACARENT601/NamTRACARENT604", "carrier_id", Id),
    field("PERLODSUMDEC/TINPLD1", "forwarder_id", Id),
    field("TRACONCO1", "shipper_name", By("TIN, name, street, city, postcode, country of the consignor")),
    field("TRACONCE1", "consignee_name", By("the same of the consignee")),
    field("NOTPAR670/NamNOTPAR672", "notify_name", By("`SAME AS CONSIGNEE` resolved")),
];

/// An item, under `GOOITEGDS`.
pub const ITEMS: &[Field] = &[
    field("IteNumGDS7", "line_no", By("of a missing number its place")),
    field("HEAHEA/DocNumHEA5", "consignment_id", By("the MRN, else sender and own reference, and the item: `MRN/1`")),
    field("PRODOCDC2[DocTypDC21=N714|N703]/DocRefDC23", "house_bill_id", By("kind house")),
    field("PRODOCDC2[DocTypDC21=N705|N740]/DocRefDC23", "house_bill_id", By("kind straight")),
    field("ComRefNumGIM1", "house_bill_id", By("where no document is a bill; then HEAHEA/ComRefNumHEA, the key")),
    field("PRODOCDC2[DocTypDC21=N704|N741]/DocRefDC23", "master_bill_id", Id),
    field("IDEMEATRAGI970/IdeMeaTraGIMEATRA971", "conveyance_id", Id),
    field("IDEMEATRAGI970/NatIDEMEATRAGI973", "conveyance_country", Country),
    field("PlaLoaGOOITE333", "loading_port", Id),
    field("PlaUnlGOOITE333", "unloading_port", Id),
    field("GooDesGDS23", "description", By("also of the one line of goods")),
    field("COMCODGODITM/ComNomCMD1", "hs_codes", By("digits; also of the line")),
    field("GroMasGDS46", "gross_mass_kg", By("kilograms; also of the line")),
    field("UNDanGooCodGDI1", "dangerous", By("yes where there is one; the number is on the line")),
    field("PACGS2/NumOfPacGS24", "package_count", By("summed; pieces (NumOfPieGS25) where no packages are told")),
    field("PACGS2/MarNumOfPacGSL21", "marks", By("all, joined by ` / `")),
    field("CONNR2/ConNumNR21", "containers", By("seals (SEAID529) where the message has one container only")),
    field("SPEMENMT2/AddInfCodMT23", "customs_notes", By("subject MT, the code as kind")),
    field("TRACONCO2", "shipper_name", By("as TRACONCO1")),
    field("TRACONCE2", "consignee_name", By("as TRACONCE1")),
    field("PRTNOT640/NamPRTNOT642", "notify_name", By("as NOTPAR670")),
];

static HEADER_TABLE: LazyTable = LazyLock::new(|| table(HEADER, &SHEET));
static ITEM_TABLE: LazyTable = LazyLock::new(|| table(ITEMS, &SHEET));

/// Reads a declaration.
pub fn read<'u>(unit: &Unit<'u>, out: &mut Output<'_>) {
    let root = unit.element;
    out.saw(NAME, root.name());
    let items: Vec<Element<'u>> = root.all("GOOITEGDS").collect();
    let Some(parts) = Parts::of(unit, &items, out) else { return };
    let sender = id_at(root, "MesSenMES3").unwrap_or_default();
    let (mrn, own) = (id_at(root, "HEAHEA/DocNumHEA5"), id_at(root, "HEAHEA/RefNumHEA4"));
    let Some(key) = mrn.clone().or_else(|| own.map(|own| format!("{sender}:{own}").into())) else {
        let position = format!("byte {}, {}/HEAHEA", unit.place.byte, root.name());
        return out.set_aside("no_bill", &position, "neither MRN nor reference; send it with RefNumHEA4", root.raw());
    };
    if items.is_empty() {
        let position = format!("byte {}, {}", unit.place.byte, root.name());
        let reason = "a declaration without goods; send it again with its GOOITEGDS";
        return out.set_aside("no_item", &position, reason, root.raw());
    }
    let zone = out.options.zone;
    let mut header = Row::default();
    fill(&HEADER_TABLE, root, zone, &|| root.name().to_owned(), &mut header);
    let prepared = prepared(root, zone, &mut header);
    if header.get(&SHEET, "manifested_at").is_none() {
        header.warn("no_manifest_time", format!("{}/HEAHEA", root.name()), "the time of preparation was taken");
        header.put_at(SHEET.at("manifested_at"), prepared.map_or(Value::Null, Value::Ts));
    }
    if root.get("HEAHEA/TraModAtBorHEA76").is_none() {
        header.warn("no_mode", format!("{}/HEAHEA", root.name()), "no TraModAtBorHEA76");
        header.put(&SHEET, "transport_mode", "unknown");
    }
    header.put(&SHEET, "nature", "import");
    let amended = root.name() == "CC313A";
    let version = root.name().to_owned();
    let id = id_at(root, "MesIdeMES19").unwrap_or_default().into_owned();
    let change = if amended { "amend" } else { "new" };
    let reason = amended.then(|| "IE313".to_owned());
    Envelope { format: NAME, version, id, sender, issued_at: prepared, change, reason }.put(&SHEET, &mut header);
    totals(root, &items, &mut header);
    let seals = root.all("SEAID529").filter_map(|s| id_at(s, "SeaIdSEAID530"));
    let seals: Vec<Cow<'u, str>> = seals.take(SEALS_MAX).collect();
    let boxes: rustc_hash::FxHashSet<&str> =
        items.iter().flat_map(|i| i.all("CONNR2")).filter_map(|c| c.get("ConNumNR21")).collect();
    if !seals.is_empty() && boxes.len() > 1 {
        let text = format!("{} seals, {} containers: which is whose is not told", seals.len(), boxes.len());
        header.warn("seals_unassigned", format!("{}/SEAID529", root.name()), text);
    }
    let seals = if boxes.len() == 1 { seals } else { Vec::new() };
    header.bound(items.len(), root.name());
    tell(&header, out);
    let number = |item: &Element<'_>| item.get("IteNumGDS7").and_then(|n| n.parse::<i32>().ok()).filter(|n| *n >= 1);
    // A number that stands twice is replaced by one that is no other's.
    let all_sent: rustc_hash::FxHashSet<i32> = items.iter().filter_map(number).collect();
    let mut seen = rustc_hash::FxHashSet::default();
    let mut free = 1;
    let common = Common::of(root);
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}/GOOITEGDS[{}]", root.name(), index + 1);
        if !parts.is_whole(*item, &path, out) {
            continue;
        }
        let mut row = Row::default();
        fill(&ITEM_TABLE, *item, zone, &|| path.clone(), &mut row);
        goods(&common, *item, &seals, &path, &mut row);
        let line = match number(item) {
            Some(line) if seen.insert(line) => line,
            _ => {
                let line = unused(&all_sent, &mut seen, free.max(i32::try_from(index + 1).unwrap_or(i32::MAX)));
                free = line;
                row.warn("item_numbers", path.as_str(), format!("numbered {line} by its place"));
                line
            }
        };
        row.put(&SHEET, "line_no", line);
        let consignment = format!("{key}/{line}");
        bill(&common, *item, &consignment, &mut row);
        row.put(&SHEET, "consignment_id", consignment);
        if out.write(&SHEET, &[&header, &row], &parts.stand(*item, path)) {
            out.count("consignments", 1);
            if items.len() > HEADER_WARNINGS_ROWS_MAX {
                header.hush();
            }
        }
    }
}

/// DatOfPreMES9 YYMMDD and TimOfPreMES10 HHMM.
fn prepared(root: Element<'_>, zone: chrono_tz::Tz, header: &mut Row<'_>) -> Option<i64> {
    let day = root.at("DatOfPreMES9")?;
    let text = convert::prepared(day.value()?, root.get("TimOfPreMES10"));
    let (instant, oddity) = value(Instant, day, Cow::Owned(text), zone);
    if let Some(oddity) = oddity {
        header.warn(oddity.code, format!("{}/DatOfPreMES9", root.name()), oddity.text);
    }
    match instant {
        Value::Ts(instant) => Some(instant),
        _ => None,
    }
}

/// The first number from here on that no item has.
fn unused(sent: &rustc_hash::FxHashSet<i32>, seen: &mut rustc_hash::FxHashSet<i32>, mut number: i32) -> i32 {
    while (sent.contains(&number) || !seen.insert(number)) && number < i32::MAX {
        number += 1;
    }
    number
}

fn totals(root: Element<'_>, items: &[Element<'_>], header: &mut Row<'_>) {
    let path = |name: &str| format!("{}/HEAHEA/{name}", root.name());
    let said = |name: &str| root.get(&format!("HEAHEA/{name}"));
    let name = "TotNumOfIteHEA305";
    compare(header, "item_count", &path(name), said(name), items.len() as f64);
    // Items need not tell what the header tells of all of them.
    let mut total = |name: &str, each: &mut dyn Iterator<Item = f64>| {
        if let Some(sum) = each.reduce(|sum, n| sum + n) {
            compare(header, "total_mismatch", &path(name), said(name), sum);
        }
    };
    // What is odd about each is told where it stands.
    let mut odd = Row::default();
    total("TotNumOfPacHEA306", &mut items.iter().filter_map(|item| packages(*item, "", &mut odd)));
    total("TotGroMasHEA307", &mut items.iter().filter_map(|item| amount(*item, "GroMasGDS46")));
}

/// Packages of an item; goods in bulk or unpacked have pieces instead.
fn packages(item: Element<'_>, path: &str, row: &mut Row<'_>) -> Option<f64> {
    let counted = ["NumOfPacGS24", "NumOfPieGS25"];
    let name = counted.into_iter().find(|name| item.all("PACGS2").any(|packing| packing.get(name).is_some()))?;
    let counts = item.all("PACGS2").enumerate();
    let counts = counts.filter_map(|(n, packing)| told(packing, name, &format!("{path}/PACGS2[{}]", n + 1), row));
    counts.reduce(|sum, n| sum + n)
}

/// The numbers of its bill.
fn bill<'u>(common: &Common<'u>, item: Element<'u>, consignment: &str, row: &mut Row<'u>) {
    let document = |kinds: &[&str]| {
        let of = |document: &Element<'u>| document.get("DocTypDC21").is_some_and(|kind| kinds.contains(&kind));
        item.all("PRODOCDC2").find(of).and_then(|document| id_at(document, "DocRefDC23"))
    };
    let house = document(&["N714", "N703"]);
    let straight = document(&["N705", "N740"]);
    let kind = if house.is_some() { "house" } else { "straight" };
    row.put(&SHEET, "bill_kind", kind);
    let other = || id_at(item, "ComRefNumGIM1").or_else(|| common.reference.clone());
    let number = house.or(straight).or_else(other).unwrap_or_else(|| consignment.to_owned().into());
    row.put(&SHEET, "house_bill_id", number);
}

/// A party, whose elements have other names in every place they stand and begin alike.
fn party<'u>(element: Element<'u>, at: &str, row: &mut Row<'u>) -> Party<'u> {
    let part = |begins: &[&str]| {
        let of =
            |child: &Element<'u>| begins.iter().any(|b| child.name().starts_with(b)) && !child.name().ends_with("LNG");
        element.children().filter(of).find_map(Element::value)
    };
    let lines = [part(&["StrAndNum", "StrNum"]), part(&["PosCod", "PstCod"]), part(&["Cit", "Cty"])];
    let country = part(&["Cou"]);
    Party::default().numbered(part(&["TIN"])).named(part(&["Nam"])).living(&lines, country, at, row)
}

/// What holds for items that say nothing of their own. Looked up once: an item more is an element more to look through.
struct Common<'u> {
    shipper: Option<Element<'u>>,
    consignee: Option<Element<'u>>,
    notify: Option<&'u str>,
    reference: Option<Cow<'u, str>>,
}

impl<'u> Common<'u> {
    fn of(root: Element<'u>) -> Self {
        Self {
            shipper: root.at("TRACONCO1"),
            consignee: root.at("TRACONCE1"),
            notify: root.get("NOTPAR670/NamNOTPAR672"),
            reference: id_at(root, "HEAHEA/ComRefNumHEA"),
        }
    }
}

fn goods<'u>(common: &Common<'u>, item: Element<'u>, seals: &[Cow<'u, str>], path: &str, row: &mut Row<'u>) {
    for (role, own, common) in
        [(Role::Shipper, "TRACONCO2", common.shipper), (Role::Consignee, "TRACONCE2", common.consignee)]
    {
        if let Some(element) = item.at(own).or(common) {
            let at = if item.at(own).is_some() { format!("{path}/{own}") } else { element.name().to_owned() };
            party(element, &at, row).put(role, row);
        }
    }
    notify(item.get("PRTNOT640/NamPRTNOT642").or(common.notify), row);
    let containers: Vec<Container<'u>> = item
        .all("CONNR2")
        .enumerate()
        .filter_map(|(n, c)| Some((n, c.get("ConNumNR21")?)))
        .map(|(n, number)| {
            let container = Container::new(number, format!("{path}/CONNR2[{}]", n + 1), row);
            Container { seals: seals.to_vec(), ..container }
        })
        .collect();
    let hs_code = item.get("COMCODGODITM/ComNomCMD1").and_then(tariff);
    if hs_code.is_none() && item.get("COMCODGODITM/ComNomCMD1").is_some() {
        row.warn("bad_tariff", format!("{path}/COMCODGODITM/ComNomCMD1"), "no tariff code");
    }
    let mass = told(item, "GroMasGDS46", path, row);
    let un_no = id_at(item, "UNDanGooCodGDI1");
    let count = packages(item, path, row);
    let line = Line {
        number: 1,
        description: text_at(item, "GooDesGDS23").unwrap_or_default(),
        hs_code: hs_code.clone(),
        packages: count,
        package_kind: item.all("PACGS2").find_map(|p| id_at(p, "KinOfPacGS23")),
        gross_mass_kg: mass,
        volume_m3: None,
        un_no: un_no.clone(),
        container_ids: containers.iter().map(|c| c.id.clone()).collect(),
    };
    row.put(&SHEET, "description", text_at(item, "GooDesGDS23"));
    row.put_at(SHEET.at("hs_codes"), Value::texts(hs_code));
    row.put(&SHEET, "gross_mass_kg", mass);
    row.put(&SHEET, "package_count", count);
    row.put(&SHEET, "dangerous", un_no.is_some());
    let marks = item.all("PACGS2").filter_map(|p| p.get("MarNumOfPacGSL21")).map(|t| text(Cow::Borrowed(t)));
    row.put(&SHEET, "marks", joined(marks));
    row.put_at(SHEET.at("lines"), records([line.record()]));
    row.put_at(SHEET.at("containers"), records(containers.into_iter().map(Container::record)));
    let notes = item.all("SPEMENMT2").filter_map(|m| m.get("AddInfCodMT23")).map(|code| {
        let code = id(Cow::Borrowed(code));
        vec![Value::Null, "MT".into(), code.clone().into(), code.into()]
    });
    row.put_at(SHEET.at("customs_notes"), records(notes));
}

/// Reads an answer.
pub fn answer(unit: &Unit<'_>, out: &mut Output<'_>) {
    let root = unit.element;
    out.saw(ANSWER, root.name());
    let Some(_) = Parts::of(unit, &[], out) else { return };
    if let Some(answer) = EntryAnswer::read(root) {
        out.count("answers", 1);
        out.count("interventions", answer.interventions.len() as u64);
    } else {
        let position = format!("byte {}, {}", unit.place.byte, root.name());
        out.set_aside("no_declaration", &position, "the answer names no declaration", root.raw());
    }
}
