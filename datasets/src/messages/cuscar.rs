//! CUSCAR D.95B: one manifest, its boxes, its bills master by master.

use super::{Interchange, released, utc};
use crate::consignment::{Bill, BillKind, BillText, Line, Manifest};
use crate::tables::TABLES;
use crate::timeline::SEOUL_MS;
use crate::world::World;

/// The manifest's message.
pub(super) fn interchange(world: &World, m: &Manifest) -> String {
    let sender = m.carrier;
    // Importers' numbers hold Hangul.
    let mut edi = Interchange::new("UNOW:4", sender, "KRCUSTOMS", utc(m.manifested_at), format!("M{:07}", m.number));
    edi.message("CUSCAR:D:95B:UN");
    edi.segment(format_args!("BGM+{}+{}+9", if m.by_sea { "85" } else { "785" }, m.id));
    edi.segment(format_args!("DTM+137:{}:203", seoul(m.manifested_at)));
    edi.segment(format_args!("RFF+CN:{}", m.id));
    edi.segment(format_args!("NAD+MS+{sender}:172:20"));
    edi.segment(format_args!("NAD+CA+{sender}:172:20+++HAECHI EXAMPLE LINE"));
    match (&m.conveyance_name, m.flag) {
        (Some(name), Some(flag)) => edi.segment(format_args!(
            "TDT+20+{}+1++{sender}:172:20+++{}:146:11:{}:{flag}",
            m.voyage_no,
            m.conveyance_id,
            released(name)
        )),
        _ => edi.segment(format_args!("TDT+20+{}+4++{sender}:172:3", m.voyage_no)),
    }
    let codes = if m.by_sea { "139:6" } else { "139:3" };
    edi.segment(format_args!("LOC+94+{}:{codes}", m.loading_port));
    edi.segment(format_args!("LOC+60+{}:{codes}", m.unloading_port));
    edi.segment(format_args!("DTM+133:{}:203", local(m, m.departed_at)));
    edi.segment(format_args!("DTM+132:{}:203", seoul(m.arrival_expected_at)));
    edi.segment(format_args!("GIS+23"));
    boxes(&mut edi, m);
    let bills: Vec<&Bill> = m.bills.iter().filter(|b| !b.is_empties()).collect();
    let (kg, packages) = bills.iter().fold((0.0, 0.0), |sum, b| (sum.0 + b.gross_mass_kg(), sum.1 + b.packages()));
    edi.segment(format_args!("CNT+7:{kg:.2}:KGM"));
    edi.segment(format_args!("CNT+8:{packages}"));
    edi.segment(format_args!("CNT+10:{}", bills.len()));
    edi.segment(format_args!("CNT+16:{}", m.boxes.len()));
    let mut by_master = bills;
    by_master.sort_by_key(|b| (b.master, b.house));
    let mut master = None;
    let mut masters = 0;
    for bill in by_master {
        let text = BillText::new(world, m, bill);
        if master != Some(bill.master) {
            master = Some(bill.master);
            masters += 1;
            edi.segment(format_args!("CNI+{masters}+{}", text.master_bill));
        }
        write_bill(&mut edi, m, bill, &text);
    }
    edi.finish()
}

fn boxes(edi: &mut Interchange, m: &Manifest) {
    for container in &m.boxes {
        let load = match (container.empty, container.full_load) {
            (true, _) => 4,
            (false, true) => 8,
            (false, false) => 7,
        };
        edi.segment(format_args!("EQD+CN+{}+{}:102:5++3+{load}", container.id, container.iso_type));
        edi.segment(format_args!("MEA+AAE+G+KGM:{}", container.gross_mass_kg));
        for seal in &container.seals {
            edi.segment(format_args!("SEL+{seal}+CA"));
        }
    }
}

fn write_bill(edi: &mut Interchange, m: &Manifest, bill: &Bill, text: &BillText) {
    let codes = if m.by_sea { "139:6" } else { "139:3" };
    let reference = match (bill.kind, m.by_sea) {
        (BillKind::Straight, _) => "BM",
        (_, true) => "BH",
        (_, false) => "HWB",
    };
    edi.segment(format_args!("RFF+{reference}:{}", text.house_bill));
    edi.segment(format_args!("CNT+11:{}", bill.packages()));
    edi.segment(format_args!("MOA+64:{}:USD", bill.freight_usd));
    edi.segment(format_args!("MOA+43:{}:USD", bill.value_usd));
    edi.segment(format_args!("LOC+9+{}:{codes}", bill.loading_port));
    edi.segment(format_args!("LOC+11+{}:{codes}", m.unloading_port));
    edi.segment(format_args!("LOC+20+{}:{codes}", m.unloading_port));
    let nature = match bill.nature {
        "transit" => "24",
        "transhipment" => "28",
        _ => "23",
    };
    edi.segment(format_args!("GIS+{nature}"));
    party(
        edi,
        "CZ",
        &text.shipper_id,
        &text.shipper_name,
        &text.shipper_address,
        TABLES.country(bill.shipper_country).code,
    );
    party(edi, "CN", &text.consignee_id, &text.consignee_name, &text.consignee_address, "KR");
    edi.segment(format_args!("NAD+NI+++SAME AS CONSIGNEE"));
    for (n, line) in bill.lines.iter().enumerate() {
        goods(edi, m, bill, n + 1, line);
        edi.segment(format_args!("PCI+28+{}", released(&text.marks)));
        edi.segment(format_args!("CST++{}:122:ZZZ", TABLES.heading(line.heading).hs6()));
    }
}

/// Street and city stand in the address's first two parts.
fn party(edi: &mut Interchange, role: &str, id: &str, name: &str, address: &str, country: &str) {
    let mut parts = address.split(", ");
    let street = parts.next().unwrap_or_default();
    let city = parts.next().unwrap_or_default();
    let id = if id.is_empty() { String::new() } else { format!("{}:160:ZZZ", released(id)) };
    edi.segment(format_args!(
        "NAD+{role}+{id}++{}+{}+{}+++{country}",
        released(name),
        released(street),
        released(city)
    ));
}

fn goods(edi: &mut Interchange, m: &Manifest, bill: &Bill, n: usize, line: &Line) {
    edi.segment(format_args!("GID+{n}+{}:{}", line.packages, TABLES.heading(line.heading).package));
    edi.segment(format_args!("FTX+AAA+++{}", released(line.description)));
    edi.segment(format_args!("MEA+AAE+G+KGM:{}", line.gross_mass_kg));
    edi.segment(format_args!("MEA+AAE+AAW+MTQ:{}", line.volume_m3));
    let count = bill.boxes.len() as f64;
    for (nth, (at, _)) in bill.boxes.iter().enumerate() {
        let even = (line.packages / count).floor();
        let share = if nth == 0 { line.packages - even * (count - 1.0) } else { even };
        edi.segment(format_args!("SGP+{}+{share}", m.boxes[*at].id));
    }
    if let Some(number) = line.un_no {
        edi.segment(format_args!("DGS+IMD+{}+{number}", class_of(number)));
    }
}

/// Hazard class of the UN numbers in use.
fn class_of(un_no: &str) -> &'static str {
    match un_no {
        "0336" => "1",
        "1057" => "2.1",
        "1230" | "1263" | "1266" | "1993" => "3",
        "2588" => "6.1",
        "1824" => "8",
        _ => "9",
    }
}

fn seoul(ms: i64) -> String {
    utc(ms + SEOUL_MS).format("%Y%m%d%H%M").to_string()
}

/// The clock of the port of loading.
fn local(m: &Manifest, ms: i64) -> String {
    let airport = TABLES.country(m.loading_country).airports[0];
    let zone = TABLES.airport_of(airport).map_or(chrono_tz::UTC, |a| a.zone);
    utc(ms).with_timezone(&zone).format("%Y%m%d%H%M").to_string()
}
