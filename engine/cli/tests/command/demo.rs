//! `haechi demo`: the first thing a newcomer sees.

use crate::service::Running;
use crate::support::{Desk, repository};

#[test]
fn a_small_day_arrives_at_the_service_and_is_explained() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let ran = desk.haechi(&format!("demo --scale 0.01 --packs {}", packs.display())).done();
    for stream in ["declaration", "consignment", "traveller"] {
        assert!(ran.out.contains(&format!("\n{stream}: ")), "{stream} arrived:\n{}", ran.out);
        assert_eq!(desk.names(&format!(".demo/in/{stream}/done")).len(), 1, "its file was taken");
    }
    let position = ran.out.lines().find_map(|line| line.split("at position ").nth(1)).unwrap();
    let (after, before) = position.split_once(" of ").unwrap();
    assert_eq!(after, before, "nothing is lost by a stop");
    assert!(ran.out.contains("\"outcome\": \"selected\""), "{}", ran.out);
    let explained = ran.out.lines().filter(|line| line.starts_with('[')).count();
    assert_eq!(explained, 5, "{}", ran.out);
    // What it hints at works as it stands there, under the secret of the demonstration.
    let hint = |word: &str| {
        let line = ran.out.lines().rev().find(|line| line.contains(&format!(" {word} --config "))).unwrap();
        let line = line.trim_start_matches("More:").split("   ").find(|part| part.contains("--config")).unwrap();
        let (program, words) = line.trim().split_once(' ').unwrap();
        assert_eq!(program, env!("CARGO_BIN_EXE_haechi"), "it is not on the path");
        words.to_owned()
    };
    let settings = desk.read(".demo/haechi.toml");
    assert!(!settings.contains("listen"), "the address is that of every service: {settings}");
    let secret = std::fs::metadata(desk.path(".demo/secret")).unwrap();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o777, 0o600);
    let mut serve = desk.command(&format!("{} --json", hint("serve")));
    let running = Running::of(serve.env("HAECHI__HTTP__LISTEN", "127.0.0.1:0"));
    let mut inspect = desk.command(&hint("inspect"));
    let inspected = inspect.env("HAECHI__HTTP__LISTEN", &running.address).output().unwrap();
    let inspected = String::from_utf8(inspected.stdout).unwrap();
    assert!(inspected.starts_with(&format!("service   running, ready\nposition  {before}, ")), "{inspected}");
    let subject = ran.out.lines().find_map(|line| line.strip_prefix("[declaration] ")).unwrap();
    let subject = subject.split(' ').next().unwrap();
    desk.haechi(&format!("explain {subject} --url http://{}", running.address)).done();
    assert_eq!(running.end(), 0);
}

#[test]
fn every_subject_of_the_day_is_selected() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let report = desk.haechi(&format!("demo --scale 0.005 --json --packs {}", packs.display())).done().json();
    let subjects: Vec<(&str, u64)> = report["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| (stream["stream"].as_str().unwrap(), stream["subjects"].as_u64().unwrap()))
        .collect();
    let [("consignment", 15), ("declaration", 590), ("traveller", travellers)] = subjects[..] else {
        panic!("{subjects:?}")
    };
    assert!(travellers > 100, "{travellers}");
    for stream in report["streams"].as_array().unwrap() {
        let lanes: u64 = stream["lanes"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert_eq!(lanes, stream["subjects"].as_u64().unwrap(), "{stream}");
    }
}

#[test]
fn what_is_not_the_demonstrations_is_not_replaced() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let demo = format!("demo --scale 0.001 --out there --packs {}", packs.display());
    for taken in ["there/store/kept", "there/in/kept"] {
        std::fs::create_dir_all(desk.path(taken)).unwrap();
        let refused = desk.haechi(&demo);
        assert_eq!((refused.code, refused.err.contains("is of no demonstration")), (2, true), "{}", refused.err);
        assert!(desk.path(taken).exists());
        std::fs::remove_dir_all(desk.path("there")).unwrap();
    }
    std::fs::create_dir(desk.path("there")).unwrap();
    for taken in ["there/haechi.toml", "there/secret"] {
        desk.file(taken, "ours\n");
        assert_eq!(desk.haechi(&demo).code, 2);
        assert_eq!(desk.read(taken), "ours\n");
        std::fs::remove_file(desk.path(taken)).unwrap();
    }
    for _again in 0..2 {
        desk.haechi(&demo).done();
    }
}
