//! `haechi demo`: the first thing a newcomer sees.

use crate::support::{Desk, repository};

#[test]
fn a_small_day_ends_with_five_explained_selections() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let ran = desk.haechi(&format!("demo --scale 0.01 --packs {}", packs.display())).done();
    for stream in ["declaration", "consignment", "traveller"] {
        assert!(ran.out.contains(&format!("\n{stream}: ")), "{stream} was run:\n{}", ran.out);
        assert_eq!(
            desk.names(&format!(".demo/{stream}")),
            ["hits.parquet", "quarantine.ndjson", "run.json", "selections.parquet"]
        );
    }
    assert!(ran.out.contains("\n5 selections, explained\n"), "{}", ran.out);
    let explained = ran.out.lines().filter(|line| line.starts_with('[')).count();
    assert_eq!(explained, 5, "{}", ran.out);
    // The last line names a command; it works.
    let subject = ran.out.lines().find_map(|line| line.strip_prefix("[declaration] ")).unwrap();
    let subject = subject.split_whitespace().next().unwrap();
    let again = desk.haechi(&format!("explain --in .demo/declaration {subject}")).done();
    assert!(ran.out.contains(again.out.trim_end()), "the demo and `explain` say the same");
}

#[test]
fn the_same_seed_gives_the_same_selections() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let demo = |threads: u8| {
        let words = format!("demo --scale 0.005 --json --threads {threads} --packs {}", packs.display());
        let mut report = desk.haechi(&words).done().json();
        for run in report["runs"].as_array_mut().unwrap() {
            run.as_object_mut().unwrap().remove("seconds");
        }
        report
    };
    assert_eq!(demo(1), demo(2));
}
