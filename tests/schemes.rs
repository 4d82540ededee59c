//! What the packs make of the schemes that the generator plants. This is a floor, not a goal: the generator is ours,
//! and rules that were fitted to it would catch nothing at a real border.

use std::collections::{BTreeMap, BTreeSet};

use haechi_datasets::{Format, Scheme, Spec, planted, write};
use tempfile::TempDir;

use crate::support::{BATCH_ROWS, inputs, ran};

/// Of the subjects of one scheme in one stream.
#[derive(Debug, Default)]
struct Caught {
    planted: u64,
    hit: u64,
    /// In a lane where somebody looks, asked for by rules.
    selected: u64,
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what a reader of this test wants to see")]
fn planted_schemes_are_caught_more_often_than_honest_traffic_is_stopped() {
    let spec = Spec::day(7).scaled(0.05);
    let folder = TempDir::new().unwrap();
    write(&spec, folder.path(), Format::Parquet).unwrap();
    let key: BTreeMap<(&str, String), Scheme> =
        planted(&spec).into_iter().map(|p| ((p.stream, p.subject_id), p.scheme)).collect();
    let mut caught: BTreeMap<(Option<Scheme>, &str), Caught> = BTreeMap::new();
    for (stream, file) in [
        ("declaration", "declarations.parquet"),
        ("consignment", "consignments.parquet"),
        ("traveller", "travellers.parquet"),
    ] {
        let ran = ran(stream, inputs(&[&folder.path().join(file)], None, BATCH_ROWS));
        let hit: BTreeSet<String> = ran.hits().into_iter().map(|mut hit| hit.remove("subject_id").unwrap()).collect();
        let most_lenient = ran.report.lanes.keys().next().unwrap().clone();
        for row in ran.selections() {
            let subject = &row["subject_id"];
            let of = caught.entry((key.get(&(stream, subject.clone())).copied(), stream)).or_default();
            of.planted += 1;
            of.hit += u64::from(hit.contains(subject));
            of.selected += u64::from(row["requested_lane"] != most_lenient);
        }
    }
    for ((scheme, stream), of) in &caught {
        let name = scheme.map_or("honest".to_owned(), |scheme| format!("{scheme:?}"));
        println!(
            "{name:20} {stream:12} {:6} subjects, {:5} hit, {:5} selected by rules",
            of.planted, of.hit, of.selected
        );
    }
    let total: u64 = caught.iter().filter(|((scheme, _), _)| scheme.is_some()).map(|(_, of)| of.planted).sum();
    assert_eq!(total, key.len() as u64, "every planted subject got a selection");
    for ((scheme, stream), of) in caught.iter().filter(|((scheme, _), _)| scheme.is_some()) {
        let honest = &caught[&(None, *stream)];
        assert!(of.hit > 0, "{scheme:?} in {stream}: nothing is hit");
        let (theirs, honest) = (of.hit as f64 / of.planted as f64, honest.hit as f64 / honest.planted as f64);
        assert!(theirs > honest, "{scheme:?} in {stream}: hit {theirs}, honest traffic {honest}");
    }
}
