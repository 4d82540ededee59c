//! Derived columns of `declaration`.

use arrow::array::{Array, BooleanArray, Float64Array, Int32Array};
use arrow::compute::kernels::cmp::neq;
use arrow::datatypes::Int32Type;
use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::common::{AS_OF, KNOWN_AT, event_at};
use super::kernels::{DAY_MS, HOUR_MS, column, elapsed, map_text, ratio, run_ends, test_text};
use super::rows::Rows;
use super::{Derivation, Derived};

pub(super) const DERIVATIONS: &[Derivation] = &[
    KNOWN_AT,
    AS_OF,
    Derivation::new("importer_is_person", &["importer_id"], |rows| {
        let by_id = rows.text("importer_id").map(|ids| test_text(&ids, is_personal_code));
        // Nobody named is no person: the column is never NULL.
        column(by_id.map(|flags| flags.iter().map(|flag| Some(flag.unwrap_or(false))).collect::<BooleanArray>()))
    }),
    // The register of trusted traders knows better, and fills this in before.
    Derivation::new("importer_aeo", &[], |rows| column(Some(BooleanArray::from(vec![false; rows.len()])))),
    Derivation::new("hs2", &["hs_code"], |rows| prefix(rows, 2)),
    Derivation::new("hs4", &["hs_code"], |rows| prefix(rows, 4)),
    Derivation::new("hs6", &["hs_code"], |rows| prefix(rows, 6)),
    Derivation::new("unit_price_usd", &["customs_value_usd", "quantity"], |rows| {
        quotient(rows, "customs_value_usd", "quantity")
    }),
    Derivation::new("value_per_kg_usd", &["customs_value_usd", "net_mass_kg"], |rows| {
        quotient(rows, "customs_value_usd", "net_mass_kg")
    }),
    Derivation::new("mass_per_unit_kg", &["net_mass_kg", "quantity"], |rows| quotient(rows, "net_mass_kg", "quantity")),
    Derivation::new("items_in_declaration", &["declaration_id", "version"], |rows| {
        let counts = declarations(rows).map(|ends| spread(&ends, |from, to| Some((to - from) as i32)));
        column(counts.map(Int32Array::from))
    }),
    Derivation::new("declaration_value_usd", &["declaration_id", "version", "customs_value_usd"], |rows| {
        let (Some(ends), Some(values)) = (declarations(rows), rows.f64("customs_value_usd")) else { return Ok(None) };
        let sum = |from: usize, to: usize| arrow::compute::sum(&values.slice(from, to - from));
        column(Some(Float64Array::from(spread(&ends, sum))))
    }),
    Derivation::new("hours_before_arrival", &["declared_at", "arrival_at"], |rows| {
        column(rows.ts("declared_at").zip(rows.ts("arrival_at")).map(|(from, to)| elapsed(from, to, HOUR_MS)))
    }),
    Derivation::new("days_in_storage", &["carried_in_at", "declared_at"], |rows| {
        column(rows.ts("carried_in_at").zip(rows.ts("declared_at")).map(|(from, to)| elapsed(from, to, DAY_MS)))
    }),
    Derivation::new("declared_hour", &["declared_at"], |rows| {
        let mut hours = LocalHours::of(rows.context.zone);
        let local = rows.ts("declared_at").map(|at| at.iter().map(|at| hours.hour(at?)).collect::<Int32Array>());
        column(local)
    }),
    Derivation::new("transhipped", &["departure_country", "origin_country"], |rows| {
        let (Some(from), Some(origin)) = (rows.array("departure_country"), rows.array("origin_country")) else {
            return Ok(None);
        };
        column(Some(neq(from, origin)?))
    }),
    event_at!("declared_at"),
];

/// A personal customs code: `P` and twelve digits.
pub(super) fn is_personal_code(id: &str) -> bool {
    id.len() == 13 && id.starts_with('P') && id.bytes().skip(1).all(|b| b.is_ascii_digit())
}

fn prefix(rows: &Rows<'_>, digits: usize) -> Derived {
    let Some(codes) = rows.text("hs_code") else { return Ok(None) };
    map_text::<Int32Type>(&codes, |code| code.get(..digits).filter(|_| code.bytes().all(|b| b.is_ascii_digit())))
        .map(Some)
}

fn quotient(rows: &Rows<'_>, upper: &str, lower: &str) -> Derived {
    column(rows.f64(upper).zip(rows.f64(lower)).map(|(upper, lower)| ratio(upper, lower)))
}

/// Where each declaration's items end. An item without a declaration stands alone.
fn declarations(rows: &Rows<'_>) -> Option<Vec<usize>> {
    let ids = rows.text("declaration_id")?;
    let versions = rows.i32("version");
    let same_version = |one: usize, other: usize| {
        versions.is_none_or(|v| (v.is_null(one) && v.is_null(other)) || v.value(one) == v.value(other))
    };
    Some(run_ends(rows.len(), |one, other| ids.same(one, other) && same_version(one, other)))
}

/// One value a run, on each of its rows.
fn spread<T: Copy>(ends: &[usize], value: impl Fn(usize, usize) -> T) -> Vec<T> {
    let mut column = Vec::with_capacity(ends.last().copied().unwrap_or(0));
    for end in ends {
        column.resize(*end, value(column.len(), *end));
    }
    column
}

/// Hours of the day in a zone. Rows come in order of time, so the offset of the row before mostly holds.
struct LocalHours {
    zone: Tz,
    quarter: i64,
    offset_ms: i64,
}

const QUARTER_MS: i64 = 15 * 60 * 1000;
const DAY: i64 = 24 * 60 * 60 * 1000;

impl LocalHours {
    fn of(zone: Tz) -> Self {
        Self { zone, quarter: i64::MIN, offset_ms: 0 }
    }

    fn hour(&mut self, at: i64) -> Option<i32> {
        let quarter = at.div_euclid(QUARTER_MS);
        if quarter != self.quarter {
            let utc = DateTime::<Utc>::from_timestamp_millis(at)?;
            self.offset_ms =
                i64::from(self.zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()) * 1000;
            self.quarter = quarter;
        }
        Some(((at + self.offset_ms).rem_euclid(DAY) / (DAY / 24)) as i32)
    }
}
