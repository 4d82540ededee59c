//! What cannot be done is said in a sentence, with an exit code that programs can tell apart, and leaves no half run
//! behind under the name of a whole one.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{DAY, Desk, SHOES};

const RUN: &str = "run --stream declaration --rules shoes.yaml --input day.csv --out out";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES).file("day.csv", DAY).file("blocked", "a file, not a folder");
    desk.file("slip.toml", "stream = \"declaration\"\n[columns]\ndeclaraton_id = \"Nr\"\n");
    desk.file("other.toml", "stream = \"declaration\"\n[columns]\ndeclaration_id = \"Nr\"\n");
    desk.file("wrong.yaml", SHOES.replace("origin_country", "origin_contry"));
    desk
}

#[test]
fn exit_codes_and_messages_are_those_that_help_documents() {
    let cases = [
        // 1: done, and something was found wrong.
        (RUN.replace("shoes.yaml", "wrong.yaml"), 1, "the rules have errors"),
        (RUN.replace("shoes.yaml", "nowhere.yaml"), 1, "the rules have errors"),
        // 2: what was asked for does not exist.
        (RUN.replace("declaration", "declarations"), 2, "unknown stream `declarations`; did you mean `declaration`?"),
        (RUN.replace("declaration", "traveller"), 2, "no rules for stream `traveller`"),
        (RUN.replace("declaration", "permit"), 2, "stream `permit` has no selections"),
        (format!("{RUN} --zone Asia/Soul"), 2, "unknown time zone `Asia/Soul`"),
        (format!("{RUN} --mapping slip.toml"), 2, "slip.toml:3:1: stream `declaration` has no column `declaraton_id`"),
        ("explain-error E9999".to_owned(), 2, "unknown code `E9999`"),
        (
            "evaluate --stream traveller --rules shoes.yaml --input day.csv".to_owned(),
            2,
            "no rules for stream `traveller`",
        ),
        // 3: an input or output cannot be used.
        (RUN.replace("day.csv", "nowhere.csv"), 3, "nowhere.csv: cannot be read: No such file"),
        (RUN.replace("day.csv", "*.parquet"), 3, "*.parquet: matches no file"),
        (RUN.replace("day.csv", "blocked"), 3, "no column gives `declaration_id`"),
        (format!("{RUN} --mapping nowhere.toml"), 3, "nowhere.toml: cannot be read: No such file"),
        (format!("{RUN} --mapping other.toml"), 3, "day.csv: no column \"Nr\", which the mapping reads"),
        (RUN.replace("--out out", "--out blocked/out"), 3, "cannot use `blocked/out`: Not a directory"),
        ("explain --in nowhere D1".to_owned(), 3, "cannot use `nowhere/run.json`: No such file"),
        ("convert nowhere.edi".to_owned(), 3, "nowhere.edi: cannot be read: No such file"),
        ("dataset generate --out blocked/day".to_owned(), 3, "cannot write `blocked/day`: Not a directory"),
    ];
    let desk = desk();
    for (words, code, message) in &cases {
        let ran = desk.haechi(words);
        assert_eq!(ran.code, *code, "{words}: {}", ran.err);
        assert!(ran.err.contains(message), "{words}: {}", ran.err);
        assert_eq!(ran.out, "", "{words}: nothing on standard output");
        // The same for programs: one JSON document on standard output, the same exit code.
        let ran = desk.haechi(&format!("{words} --json"));
        assert_eq!(ran.code, *code, "{words} --json");
        assert!(ran.json()["error"].as_str().unwrap().contains(message), "{words} --json: {}", ran.out);
        assert_eq!(ran.err, "", "{words} --json: nothing beside it");
    }
    assert_eq!(desk.names("out"), Vec::<String>::new(), "none of them began a run");
}

#[test]
fn a_wrong_secret_is_refused() {
    let desk = desk();
    let output = desk.command(RUN).env("HAECHI_SECRET", "not hex").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HAECHI_SECRET"));
    let output = desk.command(RUN).env("HAECHI_SECRET", "5a".repeat(32)).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "no note about the demonstration secret");
}

#[test]
fn programs_are_told_what_is_wrong_with_the_rules() {
    let ran = desk().haechi(&format!("{} --json", RUN.replace("shoes.yaml", "wrong.yaml")));
    let diagnostics = ran.json()["diagnostics"].clone();
    assert_eq!((&diagnostics[0]["code"], &diagnostics[0]["line"]), (&"E0202".into(), &6.into()));
}

/// A file that breaks off behind good rows: nothing of it counts, and what an earlier run left stays whole.
#[test]
fn a_run_that_fails_midway_leaves_what_was_there() {
    let desk = desk();
    let torn = gzip(&many_rows(40_000));
    desk.file("torn.csv.gz", &torn[..torn.len() / 2]);
    let torn_run = RUN.replace("day.csv", "torn.csv.gz");

    let ran = desk.haechi(&torn_run);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("torn.csv.gz: cannot be read to its end"), "{}", ran.err);
    assert!(desk.names("out").iter().all(|name| name.ends_with(".unfinished")), "{:?}", desk.names("out"));

    desk.haechi(RUN).done();
    let whole = ["hits.parquet", "quarantine.ndjson", "run.json", "selections.parquet"];
    assert_eq!(desk.names("out"), whole);
    let before = whole.map(|name| std::fs::read(desk.path("out").join(name)).unwrap());
    assert_eq!(desk.haechi(&torn_run).code, 3);
    let after = whole.map(|name| std::fs::read(desk.path("out").join(name)).unwrap());
    assert!(before == after, "the earlier run stands");
    desk.haechi("explain --in out D1").done();
}

#[test]
fn a_run_that_is_killed_leaves_no_selections() {
    let desk = desk();
    desk.file("many.csv", many_rows(200_000));
    let mut run = desk.command(&RUN.replace("day.csv", "many.csv")).spawn().unwrap();
    let patience = Instant::now() + Duration::from_mins(1);
    while desk.names("out").is_empty() {
        assert!(Instant::now() < patience && run.try_wait().unwrap().is_none(), "the run never began to write");
        std::thread::sleep(Duration::from_millis(2));
    }
    run.kill().unwrap();
    assert!(!run.wait().unwrap().success(), "it was killed before it was done");
    assert!(desk.names("out").iter().all(|name| name.ends_with(".unfinished")), "{:?}", desk.names("out"));
    assert_eq!(desk.haechi("explain --in out D1").code, 3, "there is no run to explain");
    // The next run is not disturbed by what was left.
    desk.haechi(RUN).done();
    desk.haechi("explain --in out D1").done();
}

#[test]
fn bad_rows_do_not_make_a_run_fail() {
    let desk = desk();
    desk.file("day.csv", format!("{DAY}D4,1,6402991000,BOOTS,CN,cheap,80\nD5,1,6402991000,BOOTS,CN,5,80\n"));
    let report = desk.haechi(&format!("{RUN} --json")).done().json();
    assert_eq!((&report["rows"], &report["subjects"], &report["set_aside"]), (&5.into(), &4.into(), &1.into()));
    for key in ["stream", "lanes", "hits"] {
        assert!(!report[key].is_null(), "{key}: {report}");
    }
    for key in ["read", "evaluate", "select", "write", "total"] {
        assert!(report["seconds"][key].is_f64(), "{key}: {report}");
    }
    let unit: serde_json::Value = serde_json::from_str(&desk.read("out/quarantine.ndjson")).unwrap();
    assert_eq!((&unit["position"], &unit["code"]), (&"line 6".into(), &"bad_number".into()));
}

fn many_rows(rows: usize) -> Vec<u8> {
    let mut text = b"declaration_id,item_no,hs_code,origin_country,customs_value_usd,net_mass_kg\n".to_vec();
    for row in 0..rows {
        // Numbers that do not repeat, so that compressing them leaves something to cut off.
        let value = row.wrapping_mul(2_654_435_761) % 1_000_003;
        writeln!(text, "D{row},1,6402991000,CN,{value},80").unwrap();
    }
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}
