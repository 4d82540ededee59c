//! Rules that change while the stream runs, and decisions taken again.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use haechi_model::streams::DECLARATION;
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
