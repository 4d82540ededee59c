//! FFM/8: the masters of a flight.

use super::super::clock::local;
use super::super::record::{Record, Records};
use super::lines::{Lines, cut, plain};

/// What comes back of a flight manifest, a row a master. Not `manifest_id`: a flight, its day and airport are all there
/// is; not `manifested_at`: it does not say when it was sent; not `containers`: rows of bills by air have none.
pub(super) const COLUMNS: &[&str] = &[
    "master_bill_id",
    "transport_mode",
    "carrier_id",
    "conveyance_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "departed_at",
    "arrival_expected_at",
    "consignee_id",
    "description",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "part_kind",
    "special_handling",
    "customs_notes",
    "change_kind",
];

const GOODS_WIDTH: usize = 15;

/// FFM of the bills of a flight.
pub(super) fn write(rows: &Records) -> String {
    let all: Vec<Record<'_>> = (0..rows.len()).map(|at| rows.at(at)).collect();
    let h = rows.at(0);
    let (from, to) = (h.text("loading_port"), h.text("unloading_port"));
    let moment = |name, airport| local(h.instant(name), airport, "%d%b%H%M").to_uppercase();
    let mut ffm = Lines::new("FFM/8");
    ffm.push(format_args!("1/{}/{}/{from}", h.text("voyage_no"), moment("departed_at", from)));
    ffm.push(format_args!("{to}/{}", moment("arrival_expected_at", to)));
    let masters: Vec<&[Record<'_>]> =
        all.chunk_by(|a, b| a.text("master_bill_id") == b.text("master_bill_id")).collect();
    for bills in masters.iter().filter(|bills| bills.len() == 1) {
        let row = bills[0];
        let pieces = row.number("package_count").unwrap_or_default();
        match row.text("part_kind") {
            "P" | "S" => {
                // Another piece is on another flight.
                part(&mut ffm, row, row.text("part_kind"), Some(pieces + 1.0));
            }
            kind => part(&mut ffm, row, kind, None),
        }
    }
    // Of masters with several bills, the first bills stand together in a ULD, the second in the next, and so on.
    let most = masters.iter().map(|bills| bills.len()).max().unwrap_or_default();
    for n in 0..if most > 1 { most } else { 0 } {
        ffm.push(format_args!("ULD/AKE{:05}{}", n + 1, h.text("carrier_id")));
        for bills in masters.iter().filter(|bills| bills.len() > 1 && bills.len() > n) {
            let total = bills.iter().filter_map(|row| row.number("package_count")).sum();
            part(&mut ffm, bills[n], "S", Some(total));
        }
    }
    ffm.push(format_args!("LAST"));
    ffm.finish()
}

/// A waybill, or the part of it that is in a ULD, with the pieces of the whole.
fn part(ffm: &mut Lines, row: Record<'_>, kind: &str, total: Option<f64>) {
    let [pieces, kg, m3] = ["package_count", "gross_mass_kg", "volume_m3"].map(|name| row.figure(name));
    let total = total.map_or(String::new(), |total| format!("T{total}"));
    let description = plain(row.text("description"));
    ffm.push(format_args!(
        "{}{}{}/{kind}{pieces}K{kg}MC{m3}{total}/{}",
        row.text("master_bill_id"),
        row.text("loading_port"),
        row.text("destination_place"),
        cut(&description, GOODS_WIDTH)
    ));
    ffm.handling("", row);
    ffm.notes(row);
}
