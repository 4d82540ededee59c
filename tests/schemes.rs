//! What the packs make of the schemes that the generator plants, over two weeks: history has to be seen before it says
//! anything. This is a floor, not a goal: the generator is ours, and rules that were fitted to it would catch nothing at
//! a real border. `measure schemes` has the figures of a month.

use std::collections::{BTreeMap, BTreeSet};

use haechi_datasets::{Format, Scheme, Spec, planted, write};
use tempfile::TempDir;

use crate::support::{BATCH_ROWS, inputs, ran};

/// Of a stream's subjects, the most that rules may select.
const SELECTED_MOST: f64 = 0.05;
/// Of the planted subjects of a stream, and of each scheme in it, the least that officers are sent to. What comes first
/// in a scheme (a parcel of an order, a use of a stolen passport) has no history yet.
const LOOKED_AT_LEAST: (f64, f64) = (0.8, 0.6);

/// Of the subjects of one scheme in one stream.
#[derive(Debug, Default)]
struct Caught {
    subjects: u64,
    hit: u64,
    /// In another lane than the most lenient, asked for by rules.
    selected: u64,
    /// In a lane in which an officer looks before the subject goes on.
    looked_at: u64,
}

impl Caught {
    fn share(&self, part: u64) -> f64 {
        part as f64 / self.subjects as f64
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are what a reader of this test wants to see")]
fn planted_schemes_are_found_and_honest_traffic_is_left_alone() {
    let spec = Spec { days: 14, declarations: 30_000, house_bills: 3_000, flights: 120, ..Spec::day(7) };
    let folder = TempDir::new().unwrap();
    write(&spec, folder.path(), Format::Parquet).unwrap();
    let key: BTreeMap<(&str, String), Scheme> =
        planted(&spec).into_iter().map(|p| ((p.stream, p.subject_id), p.scheme)).collect();
    let mut caught: BTreeMap<(&str, Option<Scheme>), Caught> = BTreeMap::new();
    for (stream, file) in [
        ("declaration", "declarations.parquet"),
        ("consignment", "consignments.parquet"),
        ("traveller", "travellers.parquet"),
    ] {
        let ran = ran(stream, inputs(&[&folder.path().join(file)], None, BATCH_ROWS));
        let hit: BTreeSet<String> = ran.hits().into_iter().map(|mut hit| hit.remove("subject_id").unwrap()).collect();
        let most_lenient = ran.report.lanes.keys().next().unwrap().clone();
        for row in ran.selections() {
            let (subject, lane) = (&row["subject_id"], &row["requested_lane"]);
            let of = caught.entry((stream, key.get(&(stream, subject.clone())).copied())).or_default();
            of.subjects += 1;
            of.hit += u64::from(hit.contains(subject));
            of.selected += u64::from(*lane != most_lenient);
            of.looked_at +=
                u64::from(!matches!(lane.as_str(), "release" | "post_audit" | "none" | "surveillance" | "clear"));
        }
    }
    for ((stream, scheme), of) in &caught {
        let name = scheme.map_or("honest".to_owned(), |scheme| format!("{scheme:?}"));
        println!(
            "{stream:12} {name:20} {:6} subjects, {:6.2} % hit, {:6.2} % selected by rules, {:6.2} % looked at",
            of.subjects,
            100.0 * of.share(of.hit),
            100.0 * of.share(of.selected),
            100.0 * of.share(of.looked_at)
        );
    }
    let total: u64 = caught.iter().filter(|((_, scheme), _)| scheme.is_some()).map(|(_, of)| of.subjects).sum();
    assert_eq!(total, key.len() as u64, "every planted subject got a selection");
    for stream in ["declaration", "consignment", "traveller"] {
        let (mut all, mut planted) = (Caught::default(), Caught::default());
        for ((_, scheme), of) in caught.iter().filter(|((of, _), _)| *of == stream) {
            let sums: &mut [&mut Caught] =
                if scheme.is_some() { &mut [&mut all, &mut planted] } else { &mut [&mut all] };
            for sum in sums {
                sum.subjects += of.subjects;
                sum.selected += of.selected;
                sum.looked_at += of.looked_at;
            }
            let looked_at = of.share(of.looked_at);
            assert!(scheme.is_none() || looked_at >= LOOKED_AT_LEAST.1, "{stream}, {scheme:?}: looked at {looked_at}");
        }
        let (selected, looked_at) = (all.share(all.selected), planted.share(planted.looked_at));
        assert!(selected <= SELECTED_MOST, "{stream}: {selected} selected");
        assert!(looked_at >= LOOKED_AT_LEAST.0, "{stream}: looked at {looked_at} of what is planted");
    }
}
