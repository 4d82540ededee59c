//! Cargo-XML of IATA: master waybill (XFWB), house waybill (XFZB), flight manifest (XFFM).
//!
//! A waybill without houses is a consignment of its own, a house another. Pieces win over packages. Times without offset
//! are in the zone of their airport.

pub mod manifest;

use std::borrow::Cow;
use std::sync::LazyLock;

use haechi_model::codes;
use haechi_model::derive::is_dangerous_handling;
use rustc_hash::FxHashSet;

use super::consignment::{Container, Line, Party, Role, SHEET, id_at, key, notify, text_at};
use super::convert::{id, joined, mass_factor, moment, number, scaled, short, tariff, text, told, volume_factor};
use super::declaration::{money, records};
use super::map::Read::{By, Id, Ids};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table, tell};
use super::value::Value;
use crate::formats::edifact::places::{to_utc_at, to_utc_in};

/// The column `message_format` of master waybills.
pub const WAYBILL: &str = "xfwb";
/// Of house waybills.
pub const HOUSE: &str = "xfzb";
/// Of flight manifests.
pub const MANIFEST: &str = "xffm";

/// What all three have in their head.
pub const HEADER: &[Field] = &[
    field("MessageHeaderDocument/ID", "message_id", By("as sent")),
    field("MessageHeaderDocument/IssueDateTime", "manifested_at", By("also message_issued_at")),
    field(
        "MessageHeaderDocument/PurposeCode",
        "change_kind",
        By("Creation (9) new, Update (2, 4, 5) amend, Deletion or Cancellation (1, 3) cancel, in whatever case"),
    ),
    field("MessageHeaderDocument/SenderParty/PrimaryID", "sender_id", By("of scheme C, else the first")),
];

/// A consignment, master or house.
pub const CONSIGNMENTS: &[Field] = &[
    field("OriginLocation/ID", "loading_port", Id),
    field("FinalDestinationLocation/ID", "destination_place", Id),
    field("FinalDestinationLocation/ID", "unloading_port", By("the last arrival of its movements, else this")),
    field("HandlingSPHInstructions/DescriptionCode", "special_handling", Ids),
    field("FreightForwarderParty/CargoAgentID", "forwarder_id", Id),
    field("FreightForwarderParty/AccountID", "forwarder_id", Id),
    field("IncludedTareGrossWeightMeasure", "gross_mass_kg", By("by `@unitCode`; else GrossWeightMeasure")),
    field("GrossVolumeMeasure", "volume_m3", By("by `@unitCode`")),
    field("TotalPieceQuantity", "package_count", By("else PackageQuantity, else the sum of its lines")),
    field(
        "ConsignorParty",
        "shipper_name",
        By("Name, its first line; the rest and PostalStructuredAddress are shipper_address"),
    ),
    field("ConsigneeParty", "consignee_name", By("as ConsignorParty")),
    field("AssociatedParty[RoleCode=NI]/Name", "notify_name", By("first line")),
    field("SpecifiedLogisticsTransportMovement", "voyage_no", By("ID of the last; its carrier, arrival and the route")),
    field(
        "IncludedCustomsNote",
        "customs_notes",
        By("CountryID, SubjectCode, ContentCode, Content; T of SHP is shipper_id, T of CNE consignee_id"),
    ),
    field("SummaryDescription", "description", By("else NatureIdentificationTransportCargo of the lines, joined")),
    field(
        "ApplicableRating/IncludedMasterConsignmentItem",
        "lines",
        By("SequenceNumeric, TypeCode as HS, NatureIdentificationTransportCargo, pieces, mass, volume, ULDs; in a \
            house IncludedHouseConsignmentItem"),
    ),
    field(
        "AssociatedUnitLoadTransportEquipment",
        "containers",
        By("CharacteristicCode, ID and OperatingParty joined: PMC1337XX; in a manifest \
            UtilizedUnitLoadTransportEquipment"),
    ),
    field("DeclaredValueForCustomsAmount", "value_usd", By("where it is in USD")),
    field("ApplicableTotalRating//GrandTotalAmount", "freight_usd", By("where it is in USD")),
    field("TotalPrepaidChargeAmount", "freight_usd", By("of a house, with TotalCollectChargeAmount; where in USD")),
    field("TransportSplitDescription", "part_kind", By("on a manifest, of the first part: T, P, S, D")),
    field("ArrivalEvent/ArrivalDateTimeTypeCode", "arrived_at", By("on a manifest: its time, where it is A, actual")),
    field("HandlingSPHInstructions/DescriptionCode", "dangerous", By("yes where one is of dangerous goods")),
];

static CONSIGNMENT_TABLE: LazyTable = LazyLock::new(|| table(CONSIGNMENTS, &SHEET));

/// Head of a message, and what depends on it.
struct Head<'u> {
    row: Row<'u>,
}

fn head<'u>(unit: &Unit<'u>, format: &'static str, out: &mut Output<'_>) -> Head<'u> {
    let root = unit.element;
    let mut row = Row::default();
    let path = format!("{}/MessageHeaderDocument", root.name());
    let document = root.at("MessageHeaderDocument");
    let get = |name: &str| document.and_then(|d| d.get(name));
    let version = get("VersionID").unwrap_or_default();
    out.saw(format, short(version));
    let issued = get("IssueDateTime").and_then(moment).and_then(|m| to_utc_in(m, out.options.zone));
    match get("IssueDateTime").filter(|_| issued.is_none()) {
        Some(sent) => row.warn("bad_date", format!("{path}/IssueDateTime"), format!("`{}`", short(sent))),
        None if issued.is_none() => row.warn("no_manifest_time", path.as_str(), "no IssueDateTime"),
        None => {}
    }
    let is = |purpose: &str, words: &[&str]| words.iter().any(|word| purpose.eq_ignore_ascii_case(word));
    let (change, reason) = match get("PurposeCode") {
        None => ("new", None),
        Some(purpose) if is(purpose, &["Creation", "9"]) => ("new", None),
        Some(purpose) if is(purpose, &["Deletion", "Cancellation", "1", "3"]) => ("cancel", Some(purpose.to_owned())),
        Some(purpose) => {
            if !is(purpose, &["Update", "Amendment", "Replacement", "2", "4", "5"]) {
                row.warn("unknown_code", format!("{path}/PurposeCode"), format!("`{}`", short(purpose)));
            }
            ("amend", Some(short(purpose).to_owned()))
        }
    };
    let senders = || document.into_iter().flat_map(|d| d.all("SenderParty")).filter_map(|party| party.at("PrimaryID"));
    let sender = senders().find(|id| id.attribute("schemeID").as_deref() == Some("C")).or_else(|| senders().next());
    let sender = sender.and_then(Element::value).map_or(Cow::Borrowed(""), |sender| id(Cow::Borrowed(sender)));
    row.put_at(SHEET.at("manifested_at"), issued.map_or(Value::Null, Value::Ts));
    row.put(&SHEET, "nature", "import");
    let id = get("ID").unwrap_or_default().to_owned();
    let version = short(version).to_owned();
    Envelope { format, version, id, sender, issued_at: issued, change, reason }.put(&SHEET, &mut row);
    Head { row }
}

/// Reads a master waybill.
pub fn waybill(unit: &Unit<'_>, out: &mut Output<'_>) {
    let root = unit.element;
    let head = head(unit, WAYBILL, out);
    let Some(parts) = Parts::of(unit, &[], out) else { return };
    let Some(number) = waybill_number(root, "BusinessHeaderDocument/ID") else {
        let position = format!("byte {}, Waybill/BusinessHeaderDocument", unit.place.byte);
        return out.set_aside(
            "no_bill",
            &position,
            "the waybill has no number; send it with BusinessHeaderDocument/ID",
            root.raw(),
        );
    };
    tell(&head.row, out);
    let path = "Waybill/MasterConsignment".to_owned();
    let mut row = Row::default();
    let consolidated = root
        .at("BusinessHeaderDocument")
        .is_some_and(|header| header.all("IncludedHeaderNote").any(|note| note.get("ContentCode") == Some("C")));
    check_number(&number, "Waybill/BusinessHeaderDocument/ID", &mut row);
    row.put(&SHEET, "bill_kind", if consolidated { "master_only" } else { "straight" });
    row.put(&SHEET, "master_bill_id", number.clone());
    row.put(&SHEET, "consignment_id", number.clone());
    row.put(&SHEET, "house_bill_id", number);
    match root.at("MasterConsignment") {
        Some(consignment) => {
            movements(consignment, &path, &mut row);
            fill_consignment(consignment, &path, &mut row);
        }
        None => row.warn("missing_value", "Waybill", "no MasterConsignment"),
    }
    if out.write(&SHEET, &[&head.row, &row], &parts.stand(root, path)) {
        out.count("consignments", 1);
    }
}

/// Reads a house waybill.
pub fn house<'u>(unit: &Unit<'u>, out: &mut Output<'_>) {
    let root = unit.element;
    let head = head(unit, HOUSE, out);
    let masters: Vec<Element<'u>> = root.all("MasterConsignment").collect();
    let houses: Vec<(Element<'u>, Element<'u>)> =
        masters.iter().flat_map(|m| m.all("IncludedHouseConsignment").map(move |h| (*m, h))).collect();
    let elements: Vec<Element<'u>> = houses.iter().map(|(_, house)| *house).collect();
    let Some(parts) = Parts::of(unit, &elements, out) else { return };
    tell(&head.row, out);
    if houses.is_empty() {
        let position = format!("byte {}, HouseWaybill", unit.place.byte);
        return out.set_aside("no_bill", &position, "the message has no IncludedHouseConsignment", root.raw());
    }
    let business = id_at(root, "BusinessHeaderDocument/ID").filter(|_| houses.len() == 1);
    for (index, (master, house)) in houses.iter().enumerate() {
        let path = format!("HouseWaybill/MasterConsignment/IncludedHouseConsignment[{}]", index + 1);
        if !parts.is_whole(*house, &path, out) {
            continue;
        }
        let Some(number) = id_at(*house, "ID").or_else(|| business.clone()) else {
            let position = format!("byte {}, {path}", unit.byte(*house));
            out.set_aside("no_bill", &position, "the house waybill has no number", house.raw());
            continue;
        };
        let mut row = Row::default();
        let above = waybill_number(*master, "TransportContractDocument/ID");
        const MASTER: &str = "HouseWaybill/MasterConsignment/TransportContractDocument/ID";
        match &above {
            Some(above) => check_number(above, MASTER, &mut row),
            None => row.warn("missing_value", MASTER, "no number of the master waybill: the house meets it nowhere"),
        }
        row.put(&SHEET, "bill_kind", "house");
        row.put(&SHEET, "consignment_id", key(None, above.as_deref(), &number));
        row.put(&SHEET, "master_bill_id", above);
        row.put(&SHEET, "house_bill_id", number);
        movements(if house.at(MOVEMENT).is_some() { *house } else { *master }, &path, &mut row);
        fill_consignment(*house, &path, &mut row);
        if out.write(&SHEET, &[&head.row, &row], &parts.stand(*house, path)) {
            out.count("consignments", 1);
        }
    }
}

const MOVEMENT: &str = "SpecifiedLogisticsTransportMovement";

/// What a master and a house waybill have alike.
fn fill_consignment<'u>(consignment: Element<'u>, path: &str, row: &mut Row<'u>) {
    fill(&CONSIGNMENT_TABLE, consignment, chrono_tz::Tz::UTC, &|| path.to_owned(), row);
    for (role, name) in [(Role::Shipper, "ConsignorParty"), (Role::Consignee, "ConsigneeParty")] {
        let Some(party) = consignment.at(name) else { continue };
        let at = format!("{path}/{name}");
        let part = |part: &str| party.get(&format!("PostalStructuredAddress/{part}"));
        let subdivision = part("CountrySubDivisionName").or_else(|| part("CountrySubDivisionID"));
        let lines = [part("StreetName"), part("PostOfficeBox"), part("PostcodeCode"), part("CityName"), subdivision];
        let country = part("CountryID");
        let party = Party::default().named(party.get("Name")).living(&lines, country, &at, row);
        party.put(role, row);
    }
    let told = consignment.all("AssociatedParty").find(|party| party.get("RoleCode") == Some("NI"));
    notify(told.and_then(|party| party.get("Name")), row);
    notes(consignment.all("IncludedCustomsNote"), row);
    let mass = gross(consignment, path, row);
    row.put(&SHEET, "gross_mass_kg", mass);
    let volume = measured(consignment, "GrossVolumeMeasure", volume_factor, path, row);
    row.put(&SHEET, "volume_m3", volume);
    items(consignment, path, row);
    amounts(consignment, path, row);
    dangerous(row);
}

fn items<'u>(consignment: Element<'u>, path: &str, row: &mut Row<'u>) {
    // Goods are rated again for each purpose (face, actual): the first tells of all of them.
    let purpose = consignment.at("ApplicableRating").and_then(|rating| rating.get("TypeCode"));
    let ratings = consignment.all("ApplicableRating").filter(|rating| rating.get("TypeCode") == purpose);
    let rated = ratings.flat_map(|r| r.all("IncludedMasterConsignmentItem"));
    let items: Vec<Element<'u>> = rated.chain(consignment.all("IncludedHouseConsignmentItem")).collect();
    let (mut lines, mut loaded, mut hs_codes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut described, mut pieces) = (Vec::new(), None);
    // Lines of dimensions tell the same goods again in packages: pieces win.
    let in_pieces = items.iter().any(|item| item.get("PieceQuantity").is_some());
    let pieces_of = if in_pieces { "PieceQuantity" } else { "PackageQuantity" };
    for (n, item) in items.iter().enumerate() {
        let at = format!("{path}/item[{}]", n + 1);
        let codes = tariffs(*item, &at, row);
        let equipment = || {
            let ulds = item.all("AssociatedUnitLoadTransportEquipment");
            ulds.chain(item.all("UtilizedUnitLoadTransportEquipment")).map(uld_id)
        };
        let description = text_at(*item, DESCRIPTION);
        let count = told(*item, pieces_of, &at, row);
        pieces = count.map(|count| pieces.unwrap_or(0.0) + count).or(pieces);
        let line = Line {
            number: item.get("SequenceNumeric").and_then(|n| n.parse().ok()).unwrap_or(n as i32 + 1),
            description: description.clone().unwrap_or_default(),
            hs_code: codes.first().cloned(),
            packages: count,
            package_kind: None,
            gross_mass_kg: measured(*item, "GrossWeightMeasure", mass_factor, &at, row),
            volume_m3: measured(*item, "GrossVolumeMeasure", volume_factor, &at, row),
            un_no: None,
            container_ids: equipment().collect(),
        };
        lines.push(line.record());
        hs_codes.extend(codes);
        described.extend(description);
        loaded.extend(equipment());
    }
    loaded.extend(consignment.all("UtilizedUnitLoadTransportEquipment").map(uld_id));
    let mut seen = FxHashSet::default();
    let of = |id: String| Container { id, fill: Some("full"), ..Container::default() }.record();
    let containers: Vec<_> = loaded.into_iter().filter(|id| seen.insert(id.clone())).map(of).collect();
    let count = count(consignment, path, row);
    if let (Some(count), Some(pieces)) = (count, pieces.filter(|pieces| Some(*pieces) != count)) {
        row.warn(
            "pieces_mismatch",
            format!("{path}/TotalPieceQuantity"),
            format!("says {count}, the lines have {pieces}"),
        );
    }
    row.put(&SHEET, "package_count", count.or(pieces));
    let summary = text_at(consignment, "SummaryDescription");
    row.put(&SHEET, "description", summary.or_else(|| joined(described)));
    row.put_at(SHEET.at("hs_codes"), Value::texts(hs_codes));
    row.put_at(SHEET.at("lines"), records(lines));
    row.put_at(SHEET.at("containers"), records(containers));
}

/// What an item is, in words.
const DESCRIPTION: &str = "NatureIdentificationTransportCargo/Identification";

/// The tariff codes of an item; what is none is told.
fn tariffs<'u>(item: Element<'u>, at: &str, row: &mut Row<'u>) -> Vec<Cow<'u, str>> {
    let sent: Vec<&'u str> = item.all("TypeCode").filter_map(Element::value).collect();
    if let Some(code) = sent.iter().find(|code| tariff(code).is_none()) {
        row.warn("bad_tariff", format!("{at}/TypeCode"), format!("`{}`", short(code)));
    }
    sent.into_iter().filter_map(tariff).collect()
}

/// `PMC1337XX`: type, number, owner.
fn uld_id(equipment: Element<'_>) -> String {
    let parts = ["CharacteristicCode", "ID", "OperatingParty/PrimaryID"];
    parts.into_iter().filter_map(|path| equipment.get(path)).collect::<String>().to_uppercase()
}

fn count(consignment: Element<'_>, path: &str, row: &mut Row<'_>) -> Option<f64> {
    let names = ["TotalPieceQuantity", "PieceQuantity", "PackageQuantity"];
    let name = names.into_iter().find(|name| consignment.get(name).is_some())?;
    told(consignment, name, path, row)
}

fn gross(consignment: Element<'_>, path: &str, row: &mut Row<'_>) -> Option<f64> {
    let tare = measured(consignment, "IncludedTareGrossWeightMeasure", mass_factor, path, row);
    tare.or_else(|| measured(consignment, "GrossWeightMeasure", mass_factor, path, row))
}

fn measured(
    element: Element<'_>,
    name: &str,
    factor: fn(&str) -> Option<f64>,
    path: &str,
    row: &mut Row<'_>,
) -> Option<f64> {
    let measure = element.at(name)?;
    let sent = measure.value()?;
    let unit = measure.attribute_value("unitCode");
    match (number(sent).filter(|n| *n >= 0.0), unit.as_deref().map_or(Some(1.0), factor)) {
        (Some(n), Some(factor)) => Some(scaled(n, factor)),
        (None, _) => {
            row.warn("bad_number", format!("{path}/{name}"), format!("`{}`", short(sent)));
            None
        }
        (_, None) => {
            row.warn("bad_unit", format!("{path}/{name}"), format!("`{}`", short(unit.as_deref().unwrap_or_default())));
            None
        }
    }
}

/// Where it goes, by which flight, and when it comes.
fn movements<'u>(consignment: Element<'u>, path: &str, row: &mut Row<'u>) {
    let mut movements: Vec<Element<'u>> = consignment.all(MOVEMENT).collect();
    let place = |movement: &Element<'u>| movement.get("SequenceNumeric").and_then(|n| n.parse::<u32>().ok());
    if movements.iter().all(|movement| place(movement).is_some()) {
        movements.sort_by_key(place);
    }
    let from = id_at(consignment, "OriginLocation/ID");
    let to = id_at(consignment, "FinalDestinationLocation/ID");
    let arrival = |movement: &Element<'u>| id_at(*movement, "ArrivalEvent/OccurrenceArrivalLocation/ID");
    let mut stops: Vec<String> = from.iter().map(ToString::to_string).collect();
    stops.extend(movements.iter().filter_map(arrival).map(Cow::into_owned));
    stops.extend(to.iter().map(ToString::to_string));
    route(stops.into_iter(), row);
    if let Some(last) = movements.last() {
        mode(*last, &format!("{path}/{MOVEMENT}"), row);
        carrier(*last, row);
        let airport = arrival(last);
        if let Some(event) = last.at("ArrivalEvent") {
            for name in ["ArrivalOccurrenceDateTime", "ScheduledOccurrenceDateTime"] {
                if event.get(name).is_some() {
                    let at = local(event, name, airport.as_deref(), path, row);
                    row.put_at(SHEET.at("arrival_expected_at"), at);
                    break;
                }
            }
        }
        row.put(&SHEET, "unloading_port", airport.or(to));
    } else {
        row.put(&SHEET, "transport_mode", "air");
        row.put(&SHEET, "unloading_port", to);
    }
    if let Some(first) = movements.first()
        && let Some(event) = first.at("DepartureEvent")
    {
        let airport = id_at(event, "OccurrenceDepartureLocation/ID").or(from);
        for name in ["DepartureOccurrenceDateTime", "ScheduledOccurrenceDateTime"] {
            if event.get(name).is_some() {
                let at = local(event, name, airport.as_deref(), path, row);
                row.put_at(SHEET.at("departed_at"), at);
                break;
            }
        }
    }
}

fn mode(movement: Element<'_>, path: &str, row: &mut Row<'_>) {
    let mode = movement.get("ModeCode").and_then(|code| codes::transport_mode("cargo_xml", code));
    if mode.is_none() {
        row.warn("no_mode", format!("{path}/ModeCode"), "taken as air");
    }
    row.put(&SHEET, "transport_mode", mode.unwrap_or("air"));
}

fn carrier<'u>(movement: Element<'u>, row: &mut Row<'u>) {
    let flight = id_at(movement, "ID");
    // Some name the aircraft there.
    let named = id_at(movement, "UsedLogisticsTransportMeans/Name").filter(|name| matches!(name.len(), 2 | 3));
    let prefix = flight.as_deref().and_then(|flight| flight.get(..2)).map(str::to_owned);
    row.put(&SHEET, "carrier_id", named.map(Cow::into_owned).or(prefix));
    row.put(&SHEET, "conveyance_id", flight.clone());
    row.put(&SHEET, "voyage_no", flight);
}

/// A time that has an offset, or is that of an airport.
fn local<'u>(event: Element<'u>, name: &str, airport: Option<&str>, path: &str, row: &mut Row<'u>) -> Value<'u> {
    let Some(sent) = event.get(name) else { return Value::Null };
    let Some(moment) = moment(sent) else {
        row.warn("bad_date", format!("{path}/{name}"), format!("`{}`", short(sent)));
        return Value::Null;
    };
    if let Some(instant) = to_utc_at(moment, airport) {
        return Value::Ts(instant);
    }
    let text = match airport {
        Some(airport) => format!("`{}` is in no airport list", short(airport)),
        None => "no airport is named; its time is left out".to_owned(),
    };
    row.warn("unknown_airport", format!("{path}/{name}"), text);
    Value::Null
}

fn route(stops: impl Iterator<Item = String>, row: &mut Row<'_>) {
    let countries =
        stops.filter_map(|stop| codes::airport(&stop).map(|airport| Cow::Borrowed(airport.country.as_str())));
    row.put_at(SHEET.at("route_countries"), Value::texts(countries));
}

fn notes<'u>(sent: impl Iterator<Item = Element<'u>>, row: &mut Row<'u>) {
    let mut notes = Vec::new();
    for note in sent {
        let part = |name: &str| note.get(name).map(|code| id(Cow::Borrowed(code)));
        let (subject, kind) = (part("SubjectCode"), part("ContentCode"));
        let content = note.get("Content").map(|t| text(Cow::Borrowed(t)));
        if kind.as_deref() == Some("T") {
            let trader = content.clone().map(id);
            match subject.as_deref() {
                Some("SHP") => row.put(&SHEET, "shipper_id", trader),
                Some("CNE") => row.put(&SHEET, "consignee_id", trader),
                _ => {}
            }
        }
        notes.push(vec![part("CountryID").into(), subject.into(), kind.into(), content.unwrap_or_default().into()]);
    }
    row.put_at(SHEET.at("customs_notes"), records(notes));
}

fn amounts<'u>(consignment: Element<'u>, path: &str, row: &mut Row<'u>) {
    let mut usd = |amounts: &mut dyn Iterator<Item = Element<'u>>| {
        let mut total = None;
        for amount in amounts {
            match money(amount) {
                Some((Some(currency), sum)) if currency == "USD" => total = Some(total.unwrap_or(0.0) + sum),
                // Nothing in whatever currency is nothing.
                Some((_, 0.0)) | None => {}
                Some((currency, _)) => {
                    let currency = short(currency.as_deref().unwrap_or_default()).to_owned();
                    row.warn("amount_currency", format!("{path}/{}", amount.name()), format!("in `{currency}`"));
                }
            }
        }
        total
    };
    let value = usd(&mut consignment.all("DeclaredValueForCustomsAmount").take(1));
    // What is prepaid and what is collected, of the first rating; a house says both itself.
    let total = consignment.at("ApplicableTotalRating");
    let totals = total.into_iter().flat_map(|total| total.all("ApplicablePrepaidCollectMonetarySummation"));
    let total = usd(&mut totals.filter_map(|total| total.at("GrandTotalAmount")));
    let parts = ["TotalPrepaidChargeAmount", "TotalCollectChargeAmount"];
    let parts = usd(&mut parts.iter().filter_map(|name| consignment.at(name)));
    row.put(&SHEET, "value_usd", value);
    row.put(&SHEET, "freight_usd", total.or(parts));
}

/// Whether handling codes tell of dangerous goods.
fn dangerous(row: &mut Row<'_>) {
    let codes = match row.get(&SHEET, "special_handling") {
        Some(Value::List(codes)) => codes.as_slice(),
        _ => &[],
    };
    let dangerous = codes.iter().filter_map(Value::text).any(is_dangerous_handling);
    row.put(&SHEET, "dangerous", dangerous);
}

/// The number of a master waybill, `999-12345675`, as some send it without its hyphen or with a blank.
fn waybill_number<'u>(element: Element<'u>, path: &str) -> Option<Cow<'u, str>> {
    let number = id_at(element, path)?;
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let is_one = digits.len() == 11 && digits.bytes().all(|b| b.is_ascii_digit());
    let is_written = number.len() == 12 && number.as_bytes()[3] == b'-';
    Some(if is_one && !is_written { format!("{}-{}", &digits[..3], &digits[3..]).into() } else { number })
}

/// A waybill number ends in the remainder of its serial by seven.
fn check_number(number: &str, path: &str, row: &mut Row<'_>) {
    let digits: Vec<u32> = number.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() == 11 {
        let serial = digits[3..10].iter().fold(0, |sum, digit| sum * 10 + digit);
        if serial % 7 != digits[10] {
            row.warn("check_digit", path, "waybill number");
        }
    }
}
