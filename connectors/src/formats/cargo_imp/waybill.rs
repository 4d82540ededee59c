//! FWB: one air waybill. FHL: the houses under one.

use haechi_model::codes;
use haechi_model::intake::Warning;

use super::super::edifact::measure::number;
use super::super::edifact::output::Output;
use super::super::edifact::places::{country, short, to_utc_in};
use super::consignment::{Consignment, Party, coded, day, measure, quantities, waybill};
use super::format_of;
use super::lines::{Message, position};
use super::manifest::{amounts, moment, undated};
use super::rows::{Shared, write};

/// More stops than a route has.
const ROUTE_MAX: usize = 20;

/// Reads an air waybill.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(format_of(message), message.version);
    let mut lines = message.lines.iter();
    let head = lines.next();
    let Some((mut own, _)) = head.and_then(|line| waybill(line.text, line.number)) else {
        return no_waybill(message, out);
    };
    let mut shared = Shared::default();
    let mut warnings = Vec::new();
    warnings.extend(amounts(&own, message));
    let mut currency = "";
    let mut block = "";
    for line in lines {
        let mut warn = |code, text: String| warnings.push(Warning { code, path: message.path(line.number), text });
        let (tag, rest) = line.text.split_once('/').unwrap_or((line.text, ""));
        let parts: Vec<&str> = rest.split('/').map(str::trim).collect();
        let part = |n: usize| parts.get(n).copied().unwrap_or_default();
        // NAM, ADR and LOC are lines of the party before them.
        if !matches!(tag, "" | "NAM" | "ADR" | "LOC") {
            block = tag;
        }
        match (block, tag) {
            // Flights and their days: the last one brings it in.
            ("FLT", "FLT") => {
                let last = parts.iter().step_by(2).rfind(|flight| !flight.is_empty());
                shared.flight = last.map(|flight| (*flight).to_owned());
            }
            // Where it goes and who takes it there: `ORDLH`.
            ("RTG", "RTG") => {
                own.route.extend(parts.iter().take(ROUTE_MAX).filter_map(|stop| stop.get(..3)).map(str::to_owned));
            }
            ("AGT", "AGT") => own.agent = [part(1), part(0)].into_iter().find(|id| !id.is_empty()).map(str::to_owned),
            ("SHP", _) => party(&mut own.shipper, tag, rest, &mut warn),
            ("CNE", _) => party(&mut own.consignee, tag, rest, &mut warn),
            ("NFY", "NFY") if !part(0).is_empty() => own.notify.name = Some(part(0).to_owned()),
            ("NFY", _) => party(&mut own.notify, tag, rest, &mut warn),
            ("RTD", _) => goods(&mut own, &parts, &mut warn),
            ("CVD", "CVD") => {
                currency = part(0);
                let value = number(part(4)).filter(|_| part(4).starts_with(|c: char| c.is_ascii_digit()));
                own.value_usd = value.filter(|_| currency == "USD");
                if value.is_some() && currency != "USD" {
                    warn("amount_currency", format!("CVD in `{}`", short(currency)));
                }
            }
            ("PPD" | "COL", "PPD" | "COL") => {
                let (code, amount) = coded(part(0));
                if code == "WT" && currency == "USD" {
                    own.freight_usd = amount;
                } else if code == "WT" && amount.is_some_and(|amount| amount > 0.0) {
                    warn("amount_currency", format!("{tag} in `{}`", short(currency)));
                }
            }
            ("ISU", "ISU") => {
                if let Some((date, time)) = day(part(0), out.input.options.received_on) {
                    // The day at the place it names, which may be a name; a waybill is made out where the goods begin.
                    let place = [Some(part(1)), own.origin.as_deref()].into_iter().flatten().find_map(codes::airport);
                    let zone = place.map_or(out.input.options.zone, |airport| airport.tz);
                    shared.issued_at = to_utc_in(moment(date, time), zone);
                } else {
                    let (code, text) = undated(part(0), out.input.options.received_on);
                    warn(code, format!("ISU {text}"));
                }
            }
            ("SPH", _) => own.handle(rest),
            ("OCI", _) => own.note(rest),
            // Read and kept in the bytes: routes, agents, services, charges, signatures, references.
            (
                "RTG" | "AGT" | "SSR" | "ACC" | "OTH" | "CER" | "ISU" | "OSI" | "CDC" | "REF" | "COR" | "COI" | "SII"
                | "ARD" | "NOM" | "SRI" | "OPI" | "PPD" | "COL" | "CVD" | "FLT" | "",
                _,
            ) => {}
            (other, _) => warn("unknown_segment", format!("`{}` in an air waybill", short(other))),
        }
    }
    if shared.issued_at.is_none() {
        let text = "no ISU says when the waybill was made out".to_owned();
        warnings.push(Warning { code: "no_manifest_time", path: message.path(message.line), text });
    }
    finish(message, &shared, &own, warnings, out);
}

/// Reads the houses of a waybill.
pub fn read_houses(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(format_of(message), message.version);
    let mut master: Option<Consignment> = None;
    let mut house: Option<(Consignment, Vec<Warning>)> = None;
    let (mut n_houses, mut n_masters) = (0, 0);
    let mut block = "";
    let shared = Shared::default();
    let text = "a house manifest says neither when it was sent nor what happens to the goods; taken as import";
    out.warn("no_nature", message.path(message.line), text);
    for line in &message.lines {
        let (tag, rest) = line.text.split_once('/').unwrap_or((line.text, ""));
        let parts: Vec<&str> = rest.split('/').map(str::trim).collect();
        let part = |n: usize| parts.get(n).copied().unwrap_or_default();
        if !matches!(tag, "" | "NAM" | "ADR" | "LOC") {
            block = tag;
        }
        if tag == "MBI" {
            done(message, &shared, house.take(), out);
            master = waybill(rest, line.number).map(|(own, _)| own);
            n_masters += u32::from(master.is_some());
            continue;
        }
        if tag == "HBS" {
            done(message, &shared, house.take(), out);
            n_houses += 1;
            let Some(master) = &master else {
                if n_masters == 0 {
                    return no_waybill(message, out);
                }
                // Those under another waybill stand.
                let position = position(line.number);
                let reason = format!("{position}: a house waybill under no waybill number; send it again with one");
                out.set_aside("no_bill", position, reason, line.text.as_bytes());
                continue;
            };
            if part(0).is_empty() {
                let position = position(line.number);
                let reason = format!("{position}: a house waybill without number; send it again with one");
                out.set_aside("no_bill", position, reason, line.text.as_bytes());
                continue;
            }
            let mut own = Consignment {
                waybill: master.waybill.clone(),
                house: Some(part(0).to_owned()),
                origin: part(1).get(..3).map(str::to_owned),
                destination: part(1).get(3..6).map(str::to_owned),
                pieces: number(part(2)),
                line: line.number,
                ..Consignment::default()
            };
            let mut warnings = Vec::new();
            if own.pieces.is_none() {
                // Some write pieces and mass as a waybill has them.
                quantities(part(2), &mut own);
                own.part = None;
            }
            if (own.pieces.is_none() || own.unread.is_some()) && !part(2).is_empty() {
                let text = format!("HBS `{}`; what cannot be read of it is left NULL", short(part(2)));
                warnings.push(Warning { code: "bad_number", path: message.path(line.number), text });
            }
            let (code, mass) = coded(part(3));
            let known = measure(code, mass, &mut own).is_some();
            if !part(3).is_empty() && (!known || mass.is_none()) {
                let (kind, text) = if known { ("bad_number", "mass") } else { ("bad_unit", "unit of mass") };
                let text = format!("HBS {text}: `{}`; left NULL", short(part(3)));
                warnings.push(Warning { code: kind, path: message.path(line.number), text });
            }
            own.describe(part(5));
            house = Some((own, warnings));
            continue;
        }
        let Some((own, warnings)) = &mut house else { continue };
        let mut warn = |code, text: String| warnings.push(Warning { code, path: message.path(line.number), text });
        match (block, tag) {
            ("TXT", _) if own.tell_customs(rest) => {}
            ("TXT", _) => own.tell(rest),
            ("HTS", _) => own.hs_codes.extend(parts.iter().filter_map(|code| hs(code))),
            ("SHP", _) => party(&mut own.shipper, named(tag), rest, &mut warn),
            ("CNE", _) => party(&mut own.consignee, named(tag), rest, &mut warn),
            ("OCI", _) => own.note(rest),
            ("SPH" | "HBS", _) => own.handle(rest),
            ("CVD", "CVD") => {
                let value = number(part(3)).filter(|_| part(3).starts_with(|c: char| c.is_ascii_digit()));
                own.value_usd = value.filter(|_| part(0) == "USD");
            }
            ("CVD" | "", _) => {}
            (other, _) => warn("unknown_segment", format!("`{}` in a house manifest", short(other))),
        }
    }
    if n_masters == 0 {
        return no_waybill(message, out);
    }
    if n_houses == 0 {
        let position = position(message.line);
        let reason = format!("{position}: no house waybill; send the message again with its HBS");
        let raw: Vec<&str> = message.lines.iter().map(|line| line.text).collect();
        return out.set_aside("no_bill", position, reason, raw.join("\n").as_bytes());
    }
    done(message, &shared, house, out);
}

fn done(message: &Message<'_>, shared: &Shared, house: Option<(Consignment, Vec<Warning>)>, out: &mut Output<'_>) {
    if let Some((mut own, warnings)) = house {
        own.settle_parties();
        finish(message, shared, &own, warnings, out);
    }
}

fn finish(message: &Message<'_>, shared: &Shared, own: &Consignment, mut warnings: Vec<Warning>, out: &mut Output<'_>) {
    if !own.check_digit_ok() {
        let text = format!("waybill {}", own.waybill);
        warnings.push(Warning { code: "check_digit", path: message.path(own.line), text });
    }
    if own.cut {
        let text = "more words for the goods than are kept".to_owned();
        warnings.push(Warning { code: "value_cut", path: message.path(own.line), text });
    }
    for warning in &warnings {
        out.warn_with(warning.clone());
    }
    if write(message, shared, own, &warnings, out) {
        out.count("bills", 1);
        out.count("house_bills", u64::from(own.house.is_some()));
    }
}

fn no_waybill(message: &Message<'_>, out: &mut Output<'_>) {
    let position = position(message.line);
    let reason = format!("{position}: no waybill number; send the message again with it");
    let raw: Vec<&str> = message.lines.iter().map(|line| line.text).collect();
    out.set_aside("no_bill", position, reason, raw.join("\n").as_bytes());
}

/// Houses have no account numbers: `SHP/` is followed by the name at once, or by `NAM/` on the next line.
fn named(tag: &str) -> &str {
    if matches!(tag, "SHP" | "CNE") { "" } else { tag }
}

/// A line of a party: `NAM/`, `ADR/`, `LOC/` and `/country/postcode/TE/number` from version 17 on; before it bare lines
/// of name, street, place and country.
fn party(party: &mut Party, tag: &str, rest: &str, warn: &mut dyn FnMut(&'static str, String)) {
    let parts: Vec<&str> = rest.split('/').map(str::trim).collect();
    let first = parts.first().copied().unwrap_or_default();
    let filled = |parts: &[&str]| parts.iter().filter(|p| !p.is_empty()).map(|p| (*p).to_owned()).collect::<Vec<_>>();
    let is_country = first.len() == 2 && first.bytes().all(|b| b.is_ascii_uppercase());
    let naming = std::mem::replace(&mut party.naming, tag == "NAM");
    match tag {
        "NAM" => party.name = Some(parts.join("/")),
        // Two letters behind a full line are the end of the name: `MANUFACTURING` and `CO`.
        "" if naming && (!is_country || (party.is_full() && parts.len() == 1)) => {
            party.name_on(rest);
            party.naming = true;
        }
        "ADR" | "LOC" => party.address.extend(filled(&parts)),
        "" if first.is_empty() && parts.len() < 2 => {}
        "" if party.name.is_none() => party.name = Some(parts.join("/")),
        "" if is_country && party.country.is_none() => {
            let mut found = Vec::new();
            party.country = Some(country(first, &String::new, &mut found).into_owned());
            if !found.is_empty() {
                warn("unknown_country", format!("`{}` is in no country list", short(first)));
            }
            // Postcode; behind it come kinds and numbers of contact.
            party.address.extend(parts.get(1).filter(|p| !p.is_empty()).map(|p| (*p).to_owned()));
        }
        "" => party.address.extend(filled(&parts)),
        // SHP, CNE, NFY: an account number.
        _ => {}
    }
}

/// A line of RTD: `1/P10/K250.5/...` or `2/NG/DESCRIPTION`.
fn goods(own: &mut Consignment, parts: &[&str], warn: &mut dyn FnMut(&'static str, String)) {
    let Some(at) = parts.iter().position(|p| matches!(*p, "NG" | "NC" | "NV" | "NH" | "NU")) else { return };
    let rest = &parts[at + 1..];
    let first = rest.first().copied().unwrap_or_default();
    match parts[at] {
        "NV" => {
            let (code, volume) = coded(first);
            if measure(code, volume, own).is_none() || volume.is_none() {
                warn("bad_number", format!("NV `{}`; left out", short(first)));
            }
        }
        "NH" => own.hs_codes.extend(hs(first)),
        "NU" if !first.is_empty() => own.ulds.push((first.to_owned(), None)),
        "NU" => {}
        kind => {
            own.consolidated |= kind == "NC";
            own.describe(&rest.join("/"));
        }
    }
}

/// A tariff code of at least four digits.
fn hs(code: &str) -> Option<String> {
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    (4..=18).contains(&digits.len()).then_some(digits)
}
