//! FWB/17: an air waybill.

use super::super::clock::local;
use super::super::record::{Record, Records};
use super::lines::{Lines, NAME_WIDTH, Party, filled, folded, plain};

/// What comes back of an air waybill. The consignee's number and notes as far as there is no Hangul in them. Not
/// `part_kind`: a waybill is made out for all pieces; not `route_countries`: it names airports on the way, of which rows
/// know the last.
pub(super) const COLUMNS: &[&str] = &[
    "master_bill_id",
    "transport_mode",
    "carrier_id",
    "forwarder_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "manifested_at",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "notify_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "hs_codes",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "freight_usd",
    "value_usd",
    "special_handling",
    "customs_notes",
    "change_kind",
];

const GOODS_WIDTH: usize = 20;

/// FWB of a bill.
pub(super) fn write(rows: &Records) -> String {
    let row = rows.at(0);
    let (origin, destination) = (row.text("loading_port"), row.text("destination_place"));
    let [pieces, kg, m3] = ["package_count", "gross_mass_kg", "volume_m3"].map(|name| row.figure(name));
    let mut fwb = Lines::new("FWB/17");
    fwb.push(format_args!("{}{origin}{destination}/T{pieces}K{kg}MC{m3}", row.text("master_bill_id")));
    fwb.push(format_args!("FLT/{}/{}", row.text("voyage_no"), local(row.instant("departed_at"), origin, "%d")));
    fwb.push(format_args!("RTG/{}{}", row.text("unloading_port"), row.text("carrier_id")));
    party(&mut fwb, "SHP", &Party::of(row, "shipper_name", "shipper"));
    party(&mut fwb, "CNE", &Party::of(row, "consignee_name", "consignee"));
    // Invented forwarders have no number of IATA; their own stands where an account does.
    fwb.push(format_args!("AGT/{}", row.text("forwarder_id")));
    fwb.push(format_args!("/EXAMPLE FORWARDING"));
    fwb.push(format_args!("/{origin}"));
    party(&mut fwb, "NFY", &Party::of(row, "notify_name", "consignee"));
    let amount = |name: &str| row.number(name).map(|amount| format!("{amount:.2}"));
    let value = amount("value_usd").unwrap_or_else(|| "NCV".to_owned());
    fwb.push(format_args!("CVD/USD/PP/PP/NVD/{value}/XXX"));
    let freight = amount("freight_usd").unwrap_or_default();
    fwb.push(format_args!("RTD/1/P{pieces}/K{kg}/CQ/W{kg}/T{freight}"));
    goods(&mut fwb, row);
    fwb.push(format_args!("PPD/WT{freight}"));
    fwb.push(format_args!("/CT{freight}"));
    fwb.push(format_args!("CER/EXAMPLE FORWARDING"));
    let day = local(row.instant("manifested_at"), origin, "%d%b%y").to_uppercase();
    fwb.push(format_args!("ISU/{day}/{origin}"));
    fwb.push(format_args!("REF/ICNFMZZ"));
    fwb.handling("SPH", row);
    fwb.notes(row);
    fwb.finish()
}

/// From version 17 on a party has lines with names, and a name may go on.
fn party(fwb: &mut Lines, tag: &str, party: &Party) {
    fwb.push(format_args!("{tag}"));
    for (n, part) in filled(&party.name, NAME_WIDTH).enumerate() {
        fwb.push(format_args!("{}/{part}", if n == 0 { "NAM" } else { "" }));
    }
    fwb.push(format_args!("ADR/{}", party.street));
    fwb.push(format_args!("LOC/{}", party.place));
    fwb.push(format_args!("/{}", party.country));
}

/// Description, volume and codes behind the first line of the rate, numbered on from it.
fn goods(fwb: &mut Lines, row: Record<'_>) {
    let texts = folded(&plain(row.text("description")), GOODS_WIDTH).into_iter().map(|text| format!("NG/{text}"));
    let volume = row.number("volume_m3").map(|m3| format!("NV/MC{m3}"));
    let codes = row.texts("hs_codes").into_iter().map(|code| format!("NH/{code}"));
    for (n, detail) in texts.chain(volume).chain(codes).enumerate() {
        match n {
            0 => fwb.push(format_args!("/{detail}")),
            _ => fwb.push(format_args!("/{}/{detail}", n + 1)),
        }
    }
}
