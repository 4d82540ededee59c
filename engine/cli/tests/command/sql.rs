//! `haechi archive` fills an archive, `haechi sql` asks it.

use std::process::Command;

use haechi_datasets::{Spec, outcomes};
use haechi_model::streams::OUTCOME;
use haechi_store::{Commit, Entry, Store, StoreOptions};

use crate::bucket::Bucket;
use crate::support::{Desk, Ran};

const CONFIG: &str = "[store]\npath = 'store'\n\n[archive]\nurl = 'archive'\n";

/// A desk with a store of some inspections, and how many.
fn desk() -> (Desk, usize) {
    let desk = Desk::new();
    desk.file("haechi.toml", CONFIG);
    let store = Store::open(&desk.path("store"), &StoreOptions::default()).unwrap();
    let rows = outcomes(&Spec { batch_rows: 50, ..Spec::day(7) }).next().unwrap();
    let count = rows.num_rows();
    let entry =
        Entry { first: 1, stream: &OUTCOME, known_at_ms: 1_804_032_000_000, rows, subjects: None, decided: None };
    let commit = Commit { entries: vec![entry], ..Commit::default() };
    store.write([commit.encode().unwrap()]).unwrap();
    (desk, count)
}

fn sql(desk: &Desk, words: &str, query: &str) -> Ran {
    ran(desk.command(&format!("sql {words}")).arg(query))
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn what_was_archived_is_asked_for() {
    let (desk, count) = desk();
    let rounds = desk.haechi("archive --config haechi.toml --json").done().json_lines();
    assert_eq!((rounds.len(), &rounds[0]["rows"]), (1, &count.into()));
    assert!(desk.haechi("archive --config haechi.toml").done().out.contains("nothing is new"));

    let query = "SELECT count(*) AS inspected, min(day) AS day FROM outcomes";
    let json = sql(&desk, "--config haechi.toml --json", query).done().json_lines();
    assert_eq!(json, [serde_json::json!({"inspected": count, "day": "2027-03-03"})]);
    let table = sql(&desk, "--archive archive", query).done().out;
    assert!(table.contains("inspected") && table.contains(&count.to_string()), "{table}");

    let officers = "SELECT position, officer_id, irregularities FROM outcomes ORDER BY position LIMIT 2";
    for (file, unmasked) in [("masked.csv", ""), ("plain.csv", "--unmasked")] {
        sql(&desk, &format!("--archive archive {unmasked} --out {file}"), officers).done();
    }
    let [masked, plain] = ["masked.csv", "plain.csv"].map(|file| desk.read(file));
    assert_eq!(masked.lines().next(), Some("position,officer_id,irregularities"));
    assert_eq!((masked.lines().count(), plain.lines().count()), (3, 3));
    assert!(masked.lines().nth(1).unwrap().ends_with("[]") || masked.contains("\"[\"\""), "{masked}");
    assert!(masked.contains("***") && !plain.contains("***"), "{masked}{plain}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(desk.path("plain.csv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "personal data is for who asked for it");
    }
    // The environment may hold anything.
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let mut odd = desk.command("sql --config haechi.toml --json");
        ran(odd.env("ODD", std::ffi::OsStr::from_bytes(b"\xFF")).arg(query)).done();
    }
    for file in ["out.ndjson", "out.parquet"] {
        sql(&desk, &format!("--archive archive --out {file}"), officers).done();
        assert!(desk.path(file).exists(), "{file}");
    }
    assert_eq!(desk.read("out.ndjson").lines().count(), 2);
}

#[test]
fn an_archive_may_be_a_bucket() {
    let (desk, count) = desk();
    let bucket = Bucket::new();
    desk.file("haechi.toml", "[store]\npath = 'store'\n\n[archive]\nurl = 's3://bucket/some/where'\n");
    let there = |words: &str| {
        let mut command = desk.command(words);
        command.env("AWS_ENDPOINT_URL", &bucket.endpoint).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_REGION", "here");
        command
    };
    ran(&mut there("archive --config haechi.toml")).done();
    let key = format!("some/where/journal/stream=outcome/day=2027-03-03/00000000000000000001-{count:020}.parquet");
    assert_eq!(bucket.keys(), [key]);
    let query = "SELECT count(*) AS n FROM outcomes WHERE day = '2027-03-03'";
    let json = ran(there("sql --archive s3://bucket/some/where --json").arg(query)).done().json_lines();
    assert_eq!(json, [serde_json::json!({"n": count})]);
    ran(&mut there("archive --archive s3://bucket/some/where --compact")).done();
}

#[test]
fn tables_are_listed_and_files_merged() {
    let (desk, _) = desk();
    let tables = desk.haechi("sql --json").done().json_lines();
    assert!(tables.iter().any(|table| table["table"] == "current_declarations"), "{tables:?}");
    assert!(desk.haechi("sql").done().out.contains("selections: what was decided"));
    desk.haechi("archive --config haechi.toml").done();
    let merged = desk.haechi("archive --archive archive --compact --json").done().json();
    assert_eq!(merged["merged"], 0, "{merged}");
}

#[test]
fn wrong_questions_are_the_askers_and_say_what_is_wrong() {
    let (desk, _) = desk();
    desk.haechi("archive --config haechi.toml").done();
    for (words, query, code, told) in [
        ("--archive archive", "SELECT lanes FROM selections", 2, "lanes"),
        ("--archive archive", "SELEC 1", 2, "SELEC"),
        ("--archive archive", "DROP TABLE hits", 2, "DDL"),
        ("--archive nowhere", "SELECT 1", 2, "no such folder"),
        ("--archive archive --out rows.xlsx", "SELECT 1", 2, ".parquet"),
        ("", "SELECT 1", 2, "--archive"),
    ] {
        let ran = sql(&desk, words, query);
        assert_eq!(ran.code, code, "{query}: {}", ran.err);
        assert!(ran.err.contains(told), "{query}: {}", ran.err);
    }
}
