//! Derived columns of `consignment`.

use arrow::array::{Array, AsArray, BooleanArray, Int32Array, ListArray, StringArray};
use arrow::datatypes::Int16Type;
use rustc_hash::FxHashMap;

use super::Derivation;
use super::common::{AS_OF, KNOWN_AT, event_at};
use super::declaration::is_personal_code;
use super::kernels::{DAY_MS, HOUR_MS, column, elapsed, first_known, map_text, ratio, test_text};
use super::rows::{Rows, Texts};
use crate::codes;

pub(super) const DERIVATIONS: &[Derivation] = &[
    KNOWN_AT,
    AS_OF,
    Derivation::new("departure_country", &["loading_port"], |rows| {
        rows.text("loading_port").map(|ports| map_text::<Int16Type>(&ports, country_of_place)).transpose()
    }),
    Derivation::new("consignee_is_person", &["consignee_id"], |rows| {
        column(rows.text("consignee_id").map(|ids| test_text(&ids, is_personal_code)))
    }),
    Derivation::new("dangerous", &["lines", "special_handling"], |rows| {
        let (lines, handling) = (rows.list("lines"), rows.list("special_handling"));
        if lines.is_none() && handling.is_none() {
            return Ok(None);
        }
        let un_nos = lines.and_then(|lists| Some((lists, member(lists, "un_no")?)));
        let codes = handling.and_then(|lists| Some((lists, lists.values().as_string_opt::<i32>()?)));
        let dangerous =
            |row: usize| any(un_nos, row, |un_no| !un_no.is_empty()) || any(codes, row, is_dangerous_handling);
        column(Some((0..rows.len()).map(|row| Some(dangerous(row))).collect::<BooleanArray>()))
    }),
    Derivation::new("container_count", &["containers"], |rows| {
        let counts = rows.list("containers").map(|lists| (0..lists.len()).map(|row| Some(lists.value_length(row))));
        column(counts.map(Iterator::collect::<Int32Array>))
    }),
    Derivation::new("mass_per_package_kg", &["gross_mass_kg", "package_count"], |rows| {
        column(rows.f64("gross_mass_kg").zip(rows.f64("package_count")).map(|(mass, count)| ratio(mass, count)))
    }),
    Derivation::new("hours_before_arrival", &["manifested_at", "arrived_at", "arrival_expected_at"], |rows| {
        let arrival = first_known([rows.ts("arrived_at"), rows.ts("arrival_expected_at")]);
        column(rows.ts("manifested_at").zip(arrival).map(|(from, to)| elapsed(from, &to, HOUR_MS)))
    }),
    Derivation::new("transit_days", &["departed_at", "arrived_at", "arrival_expected_at"], |rows| {
        let arrival = first_known([rows.ts("arrived_at"), rows.ts("arrival_expected_at")]);
        column(rows.ts("departed_at").zip(arrival).map(|(from, to)| elapsed(from, &to, DAY_MS)))
    }),
    Derivation::new("shared_container", &["manifest_id", "containers", "consignee_id", "consignee_name"], |rows| {
        column(shared_containers(rows))
    })
    .across(),
    event_at!("manifested_at"),
];

/// Whether an air handling code is of dangerous goods.
pub fn is_dangerous_handling(code: &str) -> bool {
    DANGEROUS_HANDLING.contains(&code)
}

/// By IATA class; dry ice (UN 1845) and magnetised material (UN 2807), whose codes are older; and what only they are
/// marked with: for freighters alone, with the shipper's declaration.
const DANGEROUS_HANDLING: &[&str] = &[
    "CAO", "DGD", "DGR", "ICE", "MAG", "RBI", "RBM", "RCL", "RCM", "RCX", "RDS", "REX", "RFG", "RFL", "RFS", "RFW",
    "RGX", "RIS", "RLI", "RLM", "RMD", "RNG", "ROP", "ROX", "RPB", "RPG", "RRE", "RRW", "RRY", "RSB", "RSC", "RXB",
    "RXC", "RXD", "RXE", "RXG", "RXP", "RXS",
];

/// The country of a UN/LOCODE (its first two letters) or an IATA airport.
pub(super) fn country_of_place(place: &str) -> Option<&str> {
    let country = match place.len() {
        3 => codes::airport(place).map(|airport| airport.country),
        5 => place.get(..2).and_then(codes::country),
        _ => None,
    };
    country.map(crate::ids::Country::as_str)
}

/// Whether another consignee of the manifest has goods in one of the bill's containers. NULL where the bill's own
/// consignee is not known, and such a bill makes nobody else's container shared.
fn shared_containers(rows: &Rows<'_>) -> Option<BooleanArray> {
    let lists = rows.list("containers")?;
    let ids = member(lists, "container_id")?;
    let (by_id, by_name) = (rows.text("consignee_id"), rows.text("consignee_name"));
    let consignee = |row| Texts::get_opt(by_id.as_ref(), row).or_else(|| Texts::get_opt(by_name.as_ref(), row));

    let manifests = rows.text("manifest_id");
    let manifest = |row| Texts::get_opt(manifests.as_ref(), row);

    // Manifest by manifest, as readers keep them together: the same box on another voyage is another shipment.
    let mut flags = Vec::with_capacity(rows.len());
    let mut start = 0;
    while start < rows.len() {
        let same = |row: &usize| manifest(start).is_some() && manifest(*row) == manifest(start);
        let end = start + 1 + (start + 1..rows.len()).take_while(same).count();
        // A container's first consignee, and whether there was another.
        let mut containers: FxHashMap<&str, (&str, bool)> = FxHashMap::default();
        for row in start..end {
            let Some(consignee) = consignee(row) else { continue };
            for container in texts_of((lists, ids), row) {
                let (first, shared) = containers.entry(container).or_insert((consignee, false));
                *shared |= *first != consignee;
            }
        }
        let shared = |container| containers.get(container).is_some_and(|(_, shared)| *shared);
        flags.extend((start..end).map(|row| match consignee(row) {
            Some(_) => Some(texts_of((lists, ids), row).any(shared)),
            None => (lists.value_length(row) == 0).then_some(false),
        }));
        start = end;
    }
    Some(flags.into_iter().collect())
}

/// A text member of the records in a list column.
fn member<'a>(lists: &'a ListArray, name: &str) -> Option<&'a StringArray> {
    lists.values().as_struct_opt()?.column_by_name(name)?.as_string_opt()
}

/// The texts in a row's list.
fn texts_of<'a>((lists, texts): (&'a ListArray, &'a StringArray), row: usize) -> impl Iterator<Item = &'a str> {
    let range = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
    range.filter(|i| texts.is_valid(*i)).map(|i| texts.value(i))
}

fn any(column: Option<(&ListArray, &StringArray)>, row: usize, test: impl Fn(&str) -> bool) -> bool {
    column.is_some_and(|column| texts_of(column, row).any(test))
}
