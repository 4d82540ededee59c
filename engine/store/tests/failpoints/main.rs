//! Every step of a commit fails once: nothing of it is seen, then or later, and the store goes on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use fail::FailScenario;
use haechi_model::streams::DECLARATION;
use haechi_store::{Commit, Encoded, Store, StoreError};

#[path = "../support/mod.rs"]
mod support;
use support::*;

/// A commit that adds to what is there and changes it.
fn second(store: &Store) -> Vec<Encoded> {
    let earlier = store.versions(&DECLARATION, ["a"]).unwrap().remove(0);
    let changes = Commit {
        entries: vec![entry(store.next_position(), &[Subject { earlier, ..subject("a", 2, 3) }, subject("c", 1, 1)])],
        stands: vec![("file".into(), Some("2".into())), ("other".into(), Some("1".into()))],
        state: vec![(b"key".to_vec(), None)],
        ..Commit::default()
    };
    vec![changes.encode().unwrap()]
}

fn first(store: &Store) {
    let commit = Commit {
        entries: vec![entry(1, &[subject("a", 1, 2), subject("b", 1, 1)])],
        stands: vec![("file".into(), Some("1".into()))],
        state: vec![(b"key".to_vec(), Some(b"value".to_vec()))],
        ..Commit::default()
    };
    store.write(vec![commit.encode().unwrap()]).unwrap();
}

fn all(store: &Store) -> String {
    format!("{} {:?}", everything(store), store.versions(&DECLARATION, ["a", "b", "c"]).unwrap())
}

#[test]
fn a_commit_that_fails_leaves_nothing_and_can_be_written_again() {
    let _scenario = FailScenario::setup();
    for (point, action) in
        [("store::commit", "1*return(no space left on device)"), ("store::sync", "1*return(input/output error)")]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        first(&store);
        let before = all(&store);
        fail::cfg(point, action).unwrap();
        let error = store.write(second(&store)).unwrap_err().to_string();
        fail::remove(point);
        assert!(error.contains("cannot write: ") && error.contains("recovered"), "{error}");
        assert_eq!(all(&store), before, "{point}: readers go on");
        let refused = store.write(second(&store)).unwrap_err();
        assert!(matches!(refused, StoreError::NotWritten { .. }), "{refused}");
        store.recover().unwrap();
        assert_eq!(all(&store), before, "{point}");
        drop(store);
        let store = open(folder.path());
        assert_eq!(all(&store), before, "{point}: nor does it turn up later");
        store.write(second(&store)).unwrap();
        assert_ne!(all(&store), before);
        assert!(store.verify(|_| ()).unwrap().is_sound());
    }
}

#[test]
fn a_store_that_cannot_recover_says_so_until_it_can() {
    let _scenario = FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    first(&store);
    let before = all(&store);
    fail::cfg("store::sync", "1*return").unwrap();
    store.write(second(&store)).unwrap_err();
    for point in ["store::reopen", "store::take_back"] {
        fail::cfg(point, "1*return(no space left on device)").unwrap();
        let error = store.recover().unwrap_err();
        assert!(error.to_string().contains("no space left on device"), "{error}");
        assert!(matches!(store.entry(1).unwrap_err(), StoreError::Unavailable { .. }));
        assert!(matches!(store.write(vec![commit(9, &[subject("x", 1, 1)])]), Err(StoreError::NotWritten { .. })));
    }
    store.recover().unwrap();
    assert_eq!(all(&store), before);
    store.write(second(&store)).unwrap();
}

#[test]
fn a_commit_whose_thread_dies_once_it_is_durable_stays() {
    let _scenario = FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    first(&store);
    let commits = second(&store);
    fail::cfg("store::committed", "1*panic").unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| store.write(commits))).is_err());
    assert!(store.write(vec![commit(9, &[subject("x", 1, 1)])]).unwrap_err().may_pass());
    store.recover().unwrap();
    assert_eq!(store.next_position(), 8);
    assert_eq!(store.versions(&DECLARATION, ["a"]).unwrap()[0].len(), 2);
    write(&store, &[subject("x", 1, 1)]).unwrap();
}
