//! `haechi profile`, `haechi features`, `haechi replay --journal`: what is remembered, of a service that runs and of its store.

use std::fs;

use serde_json::Value;

use crate::service::{Running, SECRET, SETTINGS};
use crate::support::{Desk, Ran};

const PROFILE: &str = "\
entity: importer
title: Who brings goods in
owner: desk
keys: {declaration: importer_id}
features:
  - {name: declarations_90d, title: Declarations in a quarter, aggregate: count, window: 90d}
  - {name: days_90d, aggregate: distinct, of: declared_at, window: 90d}
";
const RULES: &str = "\
rules:
  - id: often
    title: Comes often
    stream: declaration
    owner: desk
    instruction: Look.
    legal_basis: Customs Act
    when: importer.declarations_90d >= 2
    lane: documents
";

fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("pack/profiles")).unwrap();
    desk.file("pack/profiles/importer.yaml", PROFILE).file("pack/rules.yaml", RULES);
    desk.file("haechi.toml", SETTINGS.replace("shoes.yaml", "pack"));
    desk
}

/// A command on the store, with its secret.
fn stopped(desk: &Desk, line: &str) -> Ran {
    let output = desk.command(&format!("{line} --config haechi.toml")).env("HAECHI_SECRET", SECRET).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[test]
fn what_is_known_is_told_by_a_service_and_by_its_store() {
    let desk = desk();
    let running = Running::on(&desk);
    for (id, hour) in [("D1", 1), ("D2", 2), ("D3", 3)] {
        let answer = running.post(&format!(
            "{{\"declaration_id\": \"{id}\", \"item_no\": 1, \"importer_id\": \"I1\", \
             \"declared_at\": \"2026-05-01T0{hour}:00:00Z\"}}"
        ));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(answer.contains("\"lane\":\"documents\""), id == "D3", "{answer}");
    }
    let url = format!("--url http://{}", running.address);
    let ask = "profile importer I1 --at 2026-05-02T00:00:00Z --days 3";
    let told = desk.haechi(&format!("{ask} {url}")).done().out;
    assert!(told.starts_with("importer I1: Who brings goods in\n"), "{told}");
    assert!(told.contains(" declarations_90d     3   \u{2581}\u{2581}\u{2588}\u{2588} "), "{told}");
    let last = told.lines().find(|line| line.contains("D3")).unwrap_or_default();
    assert!(last.contains("documents") && last.trim_end().ends_with("often"), "{told}");
    let json = desk.haechi(&format!("{ask} {url} --json")).done().json();
    assert_eq!(json["features"][0]["now"], serde_json::json!({"Count": 3}), "{json}");
    let ids: Vec<&Value> = json["recent"].as_array().unwrap().iter().map(|record| &record["id"]).collect();
    assert_eq!(ids, ["D3", "D2", "D1"]);

    let nobody = desk.haechi(&format!("profile importer I2 {url}"));
    assert_eq!((nobody.code, nobody.out.as_str()), (1, "nothing is known of importer `I2`\n"), "{}", nobody.err);
    let no_entity = desk.haechi(&format!("profile exporter I2 {url}"));
    assert!(no_entity.code != 0 && no_entity.err.contains("there are: importer"), "{}", no_entity.err);
    let features = desk.haechi(&format!("features {url}")).done().out;
    assert!(features.contains("told since position 1, 1 in memory") && features.contains("often"), "{features}");
    assert!(features.ends_with("2 features of 1 entity, kept in 2 series; 1 no rule asks for\n"), "{features}");
    let busy = desk.haechi(&format!("replay --journal as-known {url}"));
    assert_eq!((busy.code, busy.err.contains("stop it")), (2, true), "{}", busy.err);
    assert_eq!(running.end(), 0);

    assert_eq!(stopped(&desk, ask).done().out, told, "the store says the same");
    let verified = stopped(&desk, "inspect --verify").done().out;
    assert!(
        verified.ends_with("3 values of features and 1 entity worked out again from the journal; all the same\n"),
        "{verified}"
    );
    let replayed = stopped(&desk, "replay --journal as-known").done().out;
    assert!(replayed.starts_with("as known: ") && replayed.contains("3 decisions, 0 in another lane"), "{replayed}");
    let of_packs = desk.haechi("features --rules pack --json").done().json();
    assert_eq!(of_packs["entities"][0]["features"][0]["rules"], serde_json::json!(["often"]), "{of_packs}");
}

#[test]
fn a_journal_is_decided_again_as_known_and_as_corrected() {
    let desk = desk();
    let running = Running::on(&desk);
    // D1 was I2's, and is corrected to be I1's: with what was known D3 was the second of I1, in truth it is the third.
    for (id, importer) in [("D1", "I2"), ("D2", "I1"), ("D3", "I1"), ("D1", "I1"), ("D4", "I2")] {
        let answer = running.post(&format!(
            "{{\"declaration_id\": \"{id}\", \"item_no\": 1, \"importer_id\": \"{importer}\", \
             \"declared_at\": \"2026-05-01T01:00:00Z\"}}"
        ));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(running.end(), 0);
    let known = stopped(&desk, "replay --journal as-known --json").done().json();
    let of = &known["streams"]["declaration"];
    assert_eq!((&known["mode"], &of["decisions"], &of["other_lane"]), (&"as_known".into(), &5.into(), &0.into()));
    let corrected = stopped(&desk, "replay --journal as-corrected --json").done().json();
    let of = &corrected["streams"]["declaration"];
    assert_eq!(
        (&corrected["mode"], &of["decisions"], &of["other_lane"]),
        (&"as_corrected".into(), &4.into(), &1.into())
    );
    assert_eq!(of["first"], serde_json::json!([["D3", "release", "documents"]]), "{corrected}");
}

#[test]
fn a_replay_of_nobody_says_that_all_can_be_replayed() {
    let refused = Desk::new().haechi("replay --config haechi.toml");
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("<SUBJECT>") && refused.err.contains("--journal"), "{}", refused.err);
}
