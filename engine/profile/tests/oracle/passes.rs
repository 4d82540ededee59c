//! The profiler under test, and versions on their way through it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type};
use haechi_model::streams::DECLARATION;
use haechi_profile::{DISTINCT_ERROR, ProfilePlan, Profiler, QUANTILE_ERROR, Records, Replaced};
use haechi_rules::condition::Catalog;
use haechi_rules::{Sources, profile};

use super::WINDOWS;
use super::events::{Event, Version, declarations};

/// Aggregates: name, how a pack writes it.
pub const AGGREGATES: &[(&str, &str)] = &[
    ("records", "aggregate: count"),
    ("items", "aggregate: count, each: item"),
    ("values", "aggregate: count, of: customs_value_usd"),
    ("large", "aggregate: count, where: customs_value_usd > 400"),
    ("sum", "aggregate: sum, of: customs_value_usd"),
    ("mean", "aggregate: mean, of: customs_value_usd"),
    ("stddev", "aggregate: stddev, of: customs_value_usd"),
    ("share", "aggregate: share, of: customs_value_usd > 400"),
    ("min", "aggregate: min, of: customs_value_usd"),
    ("max", "aggregate: max, of: customs_value_usd * 2"),
    ("distinct", "aggregate: distinct, of: origin_country"),
    ("p25", "aggregate: quantile, at: 0.25, of: customs_value_usd"),
    ("most", "aggregate: most_frequent, of: origin_country"),
    ("entropy", "aggregate: entropy, of: origin_country"),
    ("first", "aggregate: first_seen"),
    ("last", "aggregate: last_seen"),
    ("since", "aggregate: days_since"),
    ("latest", "aggregate: latest, of: origin_country"),
];

/// A profiler of all aggregates over all windows.
pub fn profiler() -> Profiler {
    profiler_of(&|_, _| true)
}

/// A profiler of some aggregates over some windows.
pub fn profiler_of(takes: &dyn Fn(&str, &str) -> bool) -> Profiler {
    let mut text = "entity: importer\nkeys: {declaration: importer_id}\nfeatures:\n".to_owned();
    for (aggregate, written) in AGGREGATES {
        for (window, form, _) in WINDOWS.iter().filter(|(window, ..)| takes(aggregate, window)) {
            writeln!(text, "  - {{name: {aggregate}_{window}, {written}, window: {form}}}").unwrap();
        }
    }
    Profiler::new(plan_of(&text), 7)
}

/// A plan of one file of profiles.
pub fn plan_of(text: &str) -> Arc<ProfilePlan> {
    let folder = tempfile::tempdir().unwrap();
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("profiles.yaml"), text).unwrap();
    let mut sources = Sources::default();
    let (raw, mut mistakes) = haechi_rules::load(&[folder.path().to_owned()], &mut sources);
    let profiles = profile::compile(&raw.profiles, &Catalog::of(&raw), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    Arc::new(ProfilePlan::new(&profiles, chrono_tz::Tz::UTC).unwrap())
}

/// What every row is told, by feature, where batches have `size` records.
pub fn run(profiler: &mut Profiler, versions: &[Version], size: usize) -> BTreeMap<String, ArrayRef> {
    let size = size.min(versions.len());
    let batches = (0..versions.len()).step_by(size).map(|begin| begin..versions.len().min(begin + size));
    let told: Vec<_> = batches.map(|of| pass(profiler, versions, of)).collect();
    by_feature(profiler, &told)
}

/// What was told to some batches, together.
pub fn by_feature(profiler: &Profiler, told: &[Vec<ArrayRef>]) -> BTreeMap<String, ArrayRef> {
    let whole =
        |column: usize| concat(&told.iter().map(|columns| columns[column].as_ref()).collect::<Vec<_>>()).unwrap();
    profiler.plan().features().map(str::to_owned).enumerate().map(|(column, name)| (name, whole(column))).collect()
}

/// What the rows of some versions are told, a column a feature.
pub fn pass(profiler: &mut Profiler, versions: &[Version], of: Range<usize>) -> Vec<ArrayRef> {
    let plan = Arc::clone(profiler.plan());
    let wanted: Vec<&str> = plan.features().collect();
    let batch = &versions[of.clone()];
    let rows: Vec<Event> = batch.iter().flat_map(|version| version.rows.clone()).collect();
    let replaced = |version: &Version| version.replaces.map_or(Vec::new(), |place| versions[place].rows.clone());
    let old: Vec<Vec<Event>> = batch.iter().map(replaced).collect();
    let starts = starts(batch.iter().map(|version| version.rows.len()));
    let old_starts = starts_of(&old);
    let (rows, old) = (declarations(&rows), declarations(&old.concat()));
    let records = Records {
        stream: &DECLARATION,
        rows: &rows,
        starts: &starts,
        replaced: Some(Replaced { rows: &old, starts: &old_starts }),
        first: position(versions, of.start),
        known_at_ms: &vec![4_102_444_800_000; batch.len()],
    };
    profiler.pass(&records, &wanted).unwrap()
}

/// Where a version stands in the journal.
pub fn position(versions: &[Version], of: usize) -> u64 {
    versions[..of].iter().map(|version| version.rows.len() as u64).sum()
}

fn starts_of(rows: &[Vec<Event>]) -> Vec<u32> {
    starts(rows.iter().map(Vec::len))
}

fn starts(lengths: impl Iterator<Item = usize>) -> Vec<u32> {
    std::iter::once(0)
        .chain(lengths.scan(0u32, |end, length| {
            *end += length as u32;
            Some(*end)
        }))
        .collect()
}

/// The last rows' answers from sketches, against the values themselves.
pub fn check_sketches(versions: &[Version], told: &BTreeMap<String, ArrayRef>) {
    let rows: Vec<(usize, &Version, &Event)> = versions
        .iter()
        .flat_map(|v| v.rows.iter().map(move |e| (v, e)))
        .enumerate()
        .map(|(i, (v, e))| (i, v, e))
        .collect();
    let mut checked = 0;
    for (row, _, asking) in rows.iter().rev().step_by(97).take(40) {
        let Some(importer) = asking.importer else { continue };
        let seen = |(v, e): &(&Version, &Event)| {
            let there = v.replaced_at.is_none_or(|at| at > asking.version_seq);
            e.importer == Some(importer) && e.version_seq < asking.version_seq && e.record != asking.record && there
        };
        let seen: Vec<&Event> = rows.iter().map(|(_, v, e)| (*v, *e)).filter(seen).map(|(_, e)| e).collect();
        let mut origins: Vec<u64> = seen.iter().filter_map(|e| e.origin).collect();
        origins.sort_unstable();
        origins.dedup();
        let distinct = told["importer.distinct_all"].as_primitive::<Int64Type>().value(*row);
        assert!(
            (distinct as f64 / origins.len() as f64 - 1.0).abs() < DISTINCT_ERROR,
            "{distinct} of {}",
            origins.len()
        );
        let values: Vec<f64> = seen.iter().filter_map(|e| e.value).collect();
        let quantile = told["importer.p25_all"].as_primitive::<Float64Type>().value(*row);
        let rank =
            |holds: &dyn Fn(f64) -> bool| values.iter().filter(|v| holds(**v)).count() as f64 / values.len() as f64;
        let (below, upto) = (rank(&|v| v < quantile), rank(&|v| v <= quantile));
        assert!(below - QUANTILE_ERROR < 0.25 && 0.25 < upto + QUANTILE_ERROR, "rank {below} to {upto}");
        checked += usize::from(origins.len() > 2_100);
    }
    assert!(checked > 5, "{checked} answers came from sketches");
}
