//! FHL/4: the house waybills of a master.

use super::super::record::{Record, Records};
use super::lines::{Lines, NAME_WIDTH, Party, cut, filled, plain};
use crate::declaration::round_to;

/// What comes back of a house waybill: names in one line, of their first 35 characters. It says no flight, no time, no
/// volume, no freight.
pub(super) const COLUMNS: &[&str] = &[
    "master_bill_id",
    "house_bill_id",
    "bill_kind",
    "transport_mode",
    "loading_port",
    "unloading_port",
    "destination_place",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "hs_codes",
    "package_count",
    "gross_mass_kg",
    "value_usd",
    "special_handling",
    "customs_notes",
    "change_kind",
];

const SUMMARY_WIDTH: usize = 15;
const TEXT_WIDTH: usize = 65;

/// FHL of the bills of a master.
pub(super) fn write(rows: &Records) -> String {
    let all = || (0..rows.len()).map(|at| rows.at(at));
    let sum = |name: &str| round_to(all().filter_map(|row| row.number(name)).sum(), 2);
    let first = rows.at(0);
    let mut fhl = Lines::new("FHL/4");
    let (pieces, kg) = (sum("package_count"), sum("gross_mass_kg"));
    fhl.push(format_args!("MBI/{}{}/T{pieces}K{kg}", first.text("master_bill_id"), route(first)));
    for row in all() {
        house(&mut fhl, row);
    }
    fhl.finish()
}

fn route(row: Record<'_>) -> String {
    format!("{}{}", row.text("loading_port"), row.text("destination_place"))
}

/// The house's number is a letter longer than the twelve of the format, which readers do not mind.
fn house(fhl: &mut Lines, row: Record<'_>) {
    let [pieces, kg] = ["package_count", "gross_mass_kg"].map(|name| row.figure(name));
    let description = plain(row.text("description"));
    // Senders begin the text again in TXT.
    let summary = cut(&description, SUMMARY_WIDTH);
    fhl.push(format_args!("HBS/{}/{}/{pieces}/K{kg}//{summary}", row.text("house_bill_id"), route(row)));
    fhl.handling("", row);
    for (n, text) in filled(&description, TEXT_WIDTH).enumerate() {
        fhl.push(format_args!("{}/{text}", if n == 0 { "TXT" } else { "" }));
    }
    for (n, code) in row.texts("hs_codes").into_iter().enumerate() {
        fhl.push(format_args!("{}/{code}", if n == 0 { "HTS" } else { "" }));
    }
    fhl.notes(row);
    for (tag, who) in [("SHP", "shipper"), ("CNE", "consignee")] {
        let party = Party::of(row, &format!("{who}_name"), who);
        fhl.push(format_args!("{tag}/{}", cut(&party.name, NAME_WIDTH)));
        fhl.push(format_args!("/{}", party.street));
        fhl.push(format_args!("/{}", party.place));
        fhl.push(format_args!("/{}", party.country));
    }
    let value = row.number("value_usd").map_or_else(|| "NCV".to_owned(), |value| format!("{value:.2}"));
    fhl.push(format_args!("CVD/USD/PP/NVD/{value}/XXX"));
}
