//! Rules that change while the stream runs, and decisions taken again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use haechi_model::streams::DECLARATION;
use haechi_pipeline::release::ReleaseContext;
use haechi_pipeline::release::{RuleSource, RuleWatch};
use haechi_pipeline::replay::{ReplayError, Replayer};
use haechi_pipeline::stream::{Engine, EngineOptions};
use haechi_store::{Store, StoreError, StoreOptions};
use tokio_util::sync::CancellationToken;

use super::support::*;

/// Waits until it is so.
async fn until(so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap();
}

#[tokio::test]
async fn rules_are_replaced_when_they_are_good_and_every_decision_can_be_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    write_rules(folder.path(), LIMIT, TEST);
    let store = Store::open(&folder.path().join("store"), &StoreOptions::default()).unwrap();
    let watch = RuleWatch::begin(source(folder.path()), context()).unwrap();
    let (live, state) = (watch.live(), watch.state());
    let engine = Engine::start(store.clone(), live.clone(), &EngineOptions::default()).unwrap();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch.run(stop.clone()));
    let send = |id: &'static str| {
        let engine = engine.clone();
        async move { shown(&engine.submit(delivery(&[declaration(id, &[500.0])])).await.unwrap()) }
    };
    assert_eq!(send("A").await, ["selected A v1: release v1"]);

    write_rules(folder.path(), 100.0, TEST);
    until(|| live.current().generation == 2).await;
    assert_eq!(send("B").await, ["selected B v1: examine v1"]);

    // A test that fails, and text that is no rule: what is in force stays.
    write_rules(folder.path(), 9e9, TEST);
    until(|| state.lock().unwrap().refused.is_some()).await;
    let refused = state.lock().unwrap().refused.clone().unwrap();
    assert_eq!(refused.failed_tests.len(), 1, "{}", refused.report);
    std::fs::write(folder.path().join("rules.yaml"), "rules: [{id: r-value, when: 'customs_valeu_usd > 1'}]").unwrap();
    until(|| state.lock().unwrap().refused.as_ref().is_some_and(|r| !r.diagnostics.is_empty())).await;
    assert_eq!(send("C").await, ["selected C v1: examine v1"]);
    write_rules(folder.path(), LIMIT, TEST);
    until(|| state.lock().unwrap().refused.is_none() && live.current().generation == 3).await;
    assert_eq!(send("D").await, ["selected D v1: release v1"]);
    stop.cancel();
    watching.await.unwrap();

    let releases = store.releases().unwrap();
    assert_eq!(releases.len(), 3);
    assert_eq!(releases[0].hash, releases[2].hash, "the same files are the same release");
    let mut replayer = Replayer::new(store.clone(), context());
    for id in ["A", "B", "C", "D"] {
        let replayed = replayer.subject(&DECLARATION, id, None).unwrap();
        assert_eq!(replayed.len(), 1);
        assert!(replayed[0].same(), "{id}: {:?}", replayed[0].differing());
    }
    // The same rows, and what was in force then: for A and D it is not the newest of its time.
    for (id, lane, limit) in [("A", "release", "1000"), ("B", "examine", "100"), ("D", "release", "1000")] {
        let explained = replayer.explain(&DECLARATION, id, None, Some("r-value")).unwrap().unwrap();
        let told = explained.text(Some("r-value"));
        assert!(told.contains(&format!("customs_value_usd > {limit} ")), "{id}: {told}");
        assert_eq!(explained.decision.lane.name(), lane, "{id}");
    }
    for entry in store.entries(1) {
        let replayed = replayer.entry(&entry.unwrap()).unwrap().unwrap();
        assert!(replayed.same(), "{:?}", replayed.differing());
    }
}

#[tokio::test]
async fn rules_that_change_before_the_first_look_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    write_rules(folder.path(), LIMIT, TEST);
    let watch = RuleWatch::begin(source(folder.path()), context()).unwrap();
    let live = watch.live();
    write_rules(folder.path(), 100.0, TEST);
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch.run(stop.clone()));
    until(|| live.current().generation == 2).await;
    stop.cancel();
    watching.await.unwrap();
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=desk", "-c", "user.email=desk@example.org"];
    let done = Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn a_checkout_that_git_cannot_read_is_tried_again_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "-q"]);
    let commit = |limit| {
        write_rules(path, limit, TEST);
        git(path, &["add", "rules.yaml"]);
        git(path, &["commit", "-q", "-m", "rules"]);
    };
    commit(LIMIT);
    let source = RuleSource { committed_only: true, ..source(path) };
    let watch = RuleWatch::begin(source, context()).unwrap();
    let (live, state) = (watch.live(), watch.state());
    commit(100.0);
    // Where HEAD is can be read, and whether the files are those of it cannot.
    let index = path.join(".git/index");
    let whole = std::fs::read(&index).unwrap();
    std::fs::write(&index, b"half written").unwrap();
    let stop = CancellationToken::new();
    let watching = tokio::spawn(watch.run(stop.clone()));
    until(|| state.lock().unwrap().refused.is_some()).await;
    std::fs::write(&index, whole).unwrap();
    until(|| live.current().generation == 2 && state.lock().unwrap().refused.is_none()).await;
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test]
async fn versions_that_were_forgotten_do_not_keep_the_others_from_being_decided_again() {
    let bench = Bench::new();
    bench.send(declaration("A", &[500.0])).await;
    bench.send(declaration("A", &[5000.0])).await;
    bench.store().forget_before(2).unwrap();
    let mut replayer = Replayer::new(bench.store().clone(), context());
    let replayed = replayer.subject(&DECLARATION, "A", None).unwrap();
    assert_eq!(replayed.iter().map(|r| (r.position, r.same())).collect::<Vec<_>>(), [(2, true)]);
    let forgotten = replayer.subject(&DECLARATION, "A", Some(1)).unwrap_err();
    assert!(matches!(forgotten, ReplayError::Store(StoreError::Forgotten { position: 1, .. })), "{forgotten}");
}

#[tokio::test]
async fn of_several_in_one_entry_the_one_asked_about_is_explained() {
    let bench = Bench::new();
    let sent = [declaration("A", &[500.0]), declaration("B", &[5_000.0, 1.0]), declaration("C", &[700.0])];
    bench.engine.submit(delivery(&sent)).await.unwrap();
    assert_eq!(bench.store().entries(1).count(), 1);
    let mut replayer = Replayer::new(bench.store().clone(), context());
    for (id, lane, rows) in [("A", "release", 1), ("B", "examine", 2), ("C", "release", 1)] {
        let explained = replayer.explain(&DECLARATION, id, None, None).unwrap().unwrap();
        let decision = &explained.decision;
        assert_eq!((decision.subject_id.as_str(), decision.lane.name(), explained.rows), (id, lane, rows));
    }
    assert!(replayer.explain(&DECLARATION, "D", None, None).unwrap().is_none());
}

/// A rule that is valid since a day is not valid at the beginning of time, nor one until a day at its end.
#[tokio::test]
async fn a_decision_is_explained_as_of_its_instant() {
    let folder = tempfile::tempdir().unwrap();
    let rules = write_rules(folder.path(), LIMIT, TEST);
    let text = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, text.replacen("owner: desk", "owner: desk\n    valid: {from: 2020-01-01}", 1)).unwrap();
    let bench = Bench::on(folder);
    assert_eq!(shown(&bench.send(declaration("A", &[5_000.0])).await), ["selected A v1: examine v1"]);
    let explained = Replayer::new(bench.store().clone(), context()).explain(&DECLARATION, "A", None, None);
    let explained = explained.unwrap().unwrap();
    assert_eq!(explained.decision.lane.name(), "examine");
    assert!(explained.hits.iter().any(|hit| hit.rule == "r-value"), "{:?}", explained.hits);
}

#[tokio::test]
async fn a_version_that_is_not_there_is_told_with_those_that_are() {
    let bench = Bench::new();
    for value in [500.0, 5_000.0] {
        bench.send(declaration("A", &[value])).await;
    }
    let mut replayer = Replayer::new(bench.store().clone(), context());
    let told = "no decision on version 9 of declaration `A` in the store; there is one on versions 1 and 2";
    assert_eq!(replayer.subject(&DECLARATION, "A", Some(9)).unwrap_err().to_string(), told);
    assert_eq!(replayer.explain(&DECLARATION, "A", Some(9), None).unwrap_err().to_string(), told);
    assert!(replayer.subject(&DECLARATION, "B", Some(9)).unwrap().is_empty(), "nobody of that name");
    let second = replayer.explain(&DECLARATION, "A", None, None).unwrap().unwrap();
    let first = replayer.explain(&DECLARATION, "A", Some(1), None).unwrap().unwrap();
    assert_eq!((first.decision.version, second.decision.version), (1, 2));
}

/// Draws follow from the secret: under another one they are not those of then.
#[tokio::test]
async fn nothing_is_explained_under_another_secret() {
    let bench = Bench::new();
    bench.send(declaration("A", &[500.0])).await;
    let secret = haechi_select::Secret::from_bytes(b"another secret, long enough").unwrap();
    let mut replayer = Replayer::new(bench.store().clone(), ReleaseContext { secret, ..context() });
    let refused = replayer.explain(&DECLARATION, "A", None, None).unwrap_err();
    assert!(matches!(refused, ReplayError::AnotherSecret(1)), "{refused}");
    assert!(!replayer.subject(&DECLARATION, "A", None).unwrap()[0].same(), "and a replay says that it differs");
}
