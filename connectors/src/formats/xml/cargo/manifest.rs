//! Flight manifest (XFFM): the parts of one waybill on one flight, added up.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::consignment::{Container, Line, SHEET, id_at, key, text_at};
use super::super::convert::{id, joined, mass_factor, short, told, volume_factor};
use super::super::declaration::records;
use super::super::output::{Output, Row};
use super::super::scan::Unit;
use super::super::tree::Element;
use super::super::unit::{Parts, fill, tell};
use super::super::value::Value;
use super::{
    CONSIGNMENT_TABLE, DESCRIPTION, MANIFEST, carrier, check_number, count, dangerous, gross, head, local, measured,
    mode, notes, route, tariffs, uld_id, waybill_number,
};

/// A waybill on a flight: where its parts are.
struct OnFlight<'u> {
    number: Cow<'u, str>,
    /// It is unloaded elsewhere too, which was listed before.
    again: bool,
    arrival: Option<Element<'u>>,
    parts: Vec<(Element<'u>, Option<Element<'u>>, usize)>,
}

/// Reads a flight manifest.
pub fn read<'u>(unit: &Unit<'u>, out: &mut Output<'_>) {
    let root = unit.element;
    let mut head = head(unit, MANIFEST, out);
    let cargoes = |arrival: Element<'u>| arrival.all("AssociatedTransportCargo").map(move |cargo| (arrival, cargo));
    let found: Vec<(Element<'u>, Element<'u>, Element<'u>)> = root
        .all("ArrivalEvent")
        .flat_map(cargoes)
        .flat_map(|(arrival, cargo)| cargo.all("IncludedMasterConsignment").map(move |c| (arrival, cargo, c)))
        .collect();
    let elements: Vec<Element<'u>> = found.iter().map(|(.., consignment)| *consignment).collect();
    let Some(parts) = Parts::of(unit, &elements, out) else { return };
    flight(root, &mut head.row);
    head.row.bound(elements.len(), "FlightManifest");
    tell(&head.row, out);
    let manifest = id_at(root, "BusinessHeaderDocument/ID").or_else(|| id_at(root, "MessageHeaderDocument/ID"));
    let mut waybills: Vec<OnFlight<'u>> = Vec::new();
    let mut places: FxHashMap<(Cow<'u, str>, u32), usize> = FxHashMap::default();
    let mut seen: FxHashSet<Cow<'u, str>> = FxHashSet::default();
    for (index, (arrival, cargo, consignment)) in found.iter().enumerate() {
        let path =
            format!("FlightManifest/ArrivalEvent/AssociatedTransportCargo/IncludedMasterConsignment[{}]", index + 1);
        if !parts.is_whole(*consignment, &path, out) {
            continue;
        }
        let Some(number) = waybill_number(*consignment, "TransportContractDocument/ID") else {
            let position = format!("byte {}, {path}", unit.byte(*consignment));
            out.set_aside("no_bill", &position, "the consignment has no waybill number", consignment.raw());
            continue;
        };
        let place = *places.entry((number.clone(), arrival.index())).or_insert_with(|| {
            let again = !seen.insert(number.clone());
            waybills.push(OnFlight { number, again, arrival: Some(*arrival), parts: Vec::new() });
            waybills.len() - 1
        });
        waybills[place].parts.push((*consignment, cargo.at("UtilizedUnitLoadTransportEquipment"), index + 1));
    }
    let mut loaded = [0.0, 0.0];
    for waybill in &waybills {
        let of_one = on_flight(&parts, waybill, manifest.as_deref(), &head.row, out);
        loaded.iter_mut().zip(of_one).for_each(|(sum, n)| *sum += n);
    }
    if waybills.iter().map(|waybill| waybill.parts.len()).sum::<usize>() == found.len() {
        flight_totals(root, loaded, out);
    }
    for (index, stray) in root.all("MasterConsignment").chain(root.all("IncludedMasterConsignment")).enumerate() {
        let position = format!("byte {}, FlightManifest/{}[{}]", unit.byte(stray), stray.name(), index + 1);
        let reason =
            "a waybill outside of an AssociatedTransportCargo of an ArrivalEvent: it is not said where it goes";
        out.set_aside("no_flight", &position, reason, stray.raw());
    }
    if found.is_empty() {
        let nil = root.all("ArrivalEvent").flat_map(cargoes).any(|(_, cargo)| cargo.get("TypeCode") == Some("NIL"));
        let text = if nil { "the flight carries no cargo" } else { "no waybill is on the manifest" };
        out.warn("no_items", "FlightManifest/ArrivalEvent", text);
    }
}

/// The flight of a manifest.
fn flight<'u>(root: Element<'u>, row: &mut Row<'u>) {
    let Some(movement) = root.at("LogisticsTransportMovement") else {
        row.warn("no_mode", "FlightManifest/LogisticsTransportMovement", "taken as air");
        return row.put(&SHEET, "transport_mode", "air");
    };
    mode(movement, "FlightManifest/LogisticsTransportMovement", row);
    carrier(movement, row);
    let from = id_at(movement, "DepartureEvent/OccurrenceDepartureLocation/ID");
    for name in ["DepartureOccurrenceDateTime", "ScheduledOccurrenceDateTime"] {
        if let Some(event) = movement.at("DepartureEvent")
            && event.get(name).is_some()
        {
            let at = local(event, name, from.as_deref(), "FlightManifest/LogisticsTransportMovement", row);
            row.put_at(SHEET.at("departed_at"), at);
            break;
        }
    }
}

fn on_flight<'u>(
    parts: &Parts<'_, 'u>,
    waybill: &OnFlight<'u>,
    manifest: Option<&str>,
    head: &Row<'u>,
    out: &mut Output<'_>,
) -> [f64; 2] {
    let mut row = Row::default();
    let Some((first, _, index)) = waybill.parts.first().copied() else { return [0.0; 2] };
    let path = format!("FlightManifest/ArrivalEvent/AssociatedTransportCargo/IncludedMasterConsignment[{index}]");
    check_number(&waybill.number, &path, &mut row);
    row.put(&SHEET, "bill_kind", "straight");
    row.put(&SHEET, "manifest_id", manifest.map(str::to_owned));
    let elsewhere = waybill.arrival.filter(|_| waybill.again).and_then(|a| id_at(a, "OccurrenceArrivalLocation/ID"));
    let here = key(manifest, None, &waybill.number);
    row.put(&SHEET, "consignment_id", elsewhere.map_or_else(|| here.clone(), |airport| format!("{here}/{airport}")));
    row.put(&SHEET, "master_bill_id", waybill.number.clone());
    row.put(&SHEET, "house_bill_id", waybill.number.clone());
    fill(&CONSIGNMENT_TABLE, first, chrono_tz::Tz::UTC, &|| path.clone(), &mut row);
    if let Some(arrival) = waybill.arrival {
        let airport = id_at(arrival, "OccurrenceArrivalLocation/ID");
        for name in ["ArrivalOccurrenceDateTime", "ScheduledOccurrenceDateTime"] {
            if arrival.get(name).is_some() {
                let at = local(arrival, name, airport.as_deref(), "FlightManifest/ArrivalEvent", &mut row);
                row.put_at(SHEET.at("arrival_expected_at"), at);
                break;
            }
        }
        // The time is that of the arrival itself, once it is actual.
        if arrival.get("ArrivalDateTimeTypeCode") == Some("A")
            && let Some(at) = row.get(&SHEET, "arrival_expected_at").cloned()
        {
            row.put_at(SHEET.at("arrived_at"), at);
        }
        row.put(&SHEET, "unloading_port", airport);
    }
    // Each part says what is in it.
    let handling = waybill.parts.iter().flat_map(|(part, ..)| part.all("HandlingSPHInstructions"));
    let handling = handling.flat_map(|part| part.all("DescriptionCode")).filter_map(Element::value);
    row.put_at(SHEET.at("special_handling"), Value::texts(handling.map(|code| id(Cow::Borrowed(code)))));
    notes(waybill.parts.iter().flat_map(|(part, ..)| part.all("IncludedCustomsNote")), &mut row);
    let (mut mass, mut pieces, mut volume) = (None, None, None);
    let (mut lines, mut containers) = (Vec::new(), Vec::<Container<'u>>::new());
    let mut units: FxHashMap<String, usize> = FxHashMap::default();
    let (mut described, mut hs_codes) = (Vec::new(), Vec::new());
    for (n, (part, uld, index)) in waybill.parts.iter().enumerate() {
        let path = format!("FlightManifest/ArrivalEvent/AssociatedTransportCargo/IncludedMasterConsignment[{index}]");
        let kg = gross(*part, &path, &mut row);
        let m3 = measured(*part, "GrossVolumeMeasure", volume_factor, &path, &mut row);
        let count = count(*part, &path, &mut row);
        let sum = |total: &mut Option<f64>, n: Option<f64>| *total = n.map(|n| total.unwrap_or(0.0) + n).or(*total);
        sum(&mut mass, kg);
        sum(&mut volume, m3);
        sum(&mut pieces, count);
        let uld = uld.map(uld_id);
        let items: Vec<Element<'u>> = part.all("IncludedMasterConsignmentItem").collect();
        let codes: Vec<Cow<'u, str>> = items.iter().flat_map(|item| tariffs(*item, &path, &mut row)).collect();
        let description = text_at(*part, "SummaryDescription")
            .or_else(|| joined(items.iter().filter_map(|item| text_at(*item, DESCRIPTION))));
        lines.push(
            Line {
                number: n as i32 + 1,
                description: description.clone().unwrap_or_default(),
                hs_code: codes.first().cloned(),
                packages: count,
                gross_mass_kg: kg,
                volume_m3: m3,
                container_ids: uld.iter().cloned().collect(),
                ..Line::default()
            }
            .record(),
        );
        described.extend(description);
        hs_codes.extend(codes);
        if let Some(id) = uld {
            let at = *units.entry(id).or_insert_with_key(|id| {
                containers.push(Container { id: id.clone(), fill: Some("full"), ..Container::default() });
                containers.len() - 1
            });
            sum(&mut containers[at].gross_mass_kg, kg);
            sum(&mut containers[at].packages, count);
        }
    }
    if waybill.parts.len() > 1 {
        row.warn("several_parts", path.as_str(), format!("{} parts were added up", waybill.parts.len()));
    }
    row.put(&SHEET, "gross_mass_kg", mass);
    row.put(&SHEET, "package_count", pieces);
    row.put(&SHEET, "volume_m3", volume);
    let split = first.get("TransportSplitDescription");
    match split {
        None => {}
        Some(split) if matches!(split, "T" | "P" | "S" | "D") => row.put(&SHEET, "part_kind", split),
        Some(other) => row.warn("unknown_code", format!("{path}/TransportSplitDescription"), short(other).to_owned()),
    }
    row.put(&SHEET, "description", joined(described));
    row.put_at(SHEET.at("hs_codes"), Value::texts(hs_codes));
    row.put_at(SHEET.at("lines"), records(lines));
    row.put_at(SHEET.at("containers"), records(containers.into_iter().map(Container::record)));
    dangerous(&mut row);
    let (from, to) = (id_at(first, "OriginLocation/ID"), id_at(first, "FinalDestinationLocation/ID"));
    let on = row.text(&SHEET, "unloading_port").map(str::to_owned);
    let stops = [from.as_deref().map(str::to_owned), on, to.as_deref().map(str::to_owned)];
    route(stops.into_iter().flatten(), &mut row);
    if out.write(&SHEET, &[head, &row], &parts.stand(first, path)) {
        out.count("consignments", 1);
        out.count("parts", waybill.parts.len() as u64);
    }
    [mass.unwrap_or(0.0), pieces.unwrap_or(0.0)]
}

/// Compares what the flight carries with its waybills: kilograms and pieces.
fn flight_totals(root: Element<'_>, [mass, pieces]: [f64; 2], out: &mut Output<'_>) {
    let Some(movement) = root.at("LogisticsTransportMovement") else { return };
    let mut row = Row::default();
    let path = "FlightManifest/LogisticsTransportMovement";
    let said = [
        ("TotalGrossWeightMeasure", measured(movement, "TotalGrossWeightMeasure", mass_factor, path, &mut row), mass),
        ("TotalPieceQuantity", told(movement, "TotalPieceQuantity", path, &mut row), pieces),
    ];
    for (name, said, found) in said {
        if let Some(said) = said.filter(|said| (said - found).abs() > 0.05) {
            let text = format!("says {said}, the waybills hold {found}");
            row.warn("total_mismatch", format!("{path}/{name}"), text);
        }
    }
    tell(&row, out);
}
