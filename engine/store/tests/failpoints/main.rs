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
        assert!(error.contains("cannot write: "), "{error}");
        assert_eq!(all(&store), before, "{point}: readers go on");
        store.recover().unwrap();
        assert_eq!(all(&store), before, "{point}");
        drop(store);
        let store = open(folder.path());
        assert_eq!(all(&store), before, "{point}: nor does it turn up later");
        // Whoever writes next need not know of the failure.
        fail::cfg(point, action).unwrap();
        store.write(second(&store)).unwrap_err();
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
        fail::cfg(point, "return(no space left on device)").unwrap();
        for attempt in [store.recover(), store.set_cursor("hook", 1), store.write([commit(9, &[subject("x", 1, 1)])])] {
            let error = attempt.unwrap_err();
            assert!(error.to_string().contains("no space left on device") && error.may_pass(), "{error}");
        }
        fail::remove(point);
        assert!(matches!(store.entry(1).unwrap_err(), StoreError::Unavailable { .. }));
    }
    // Sinks go on as soon as it can be, whether or not records come.
    store.set_cursor("hook", 1).unwrap();
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
    store.write([commit(8, &[subject("x", 1, 1)])]).unwrap();
    assert_eq!(store.next_position(), 9);
    assert_eq!(store.versions(&DECLARATION, ["a"]).unwrap()[0].len(), 2);
}

#[test]
fn a_failed_commit_takes_its_schema_back_and_the_next_one_brings_it() {
    let _scenario = FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let never_written_before = || [commit(1, &[subject("a", 1, 2)])];
    fail::cfg("store::sync", "1*return(input/output error)").unwrap();
    store.write(never_written_before()).unwrap_err();
    store.recover().unwrap();
    store.write(never_written_before()).unwrap();
    let before = all(&store);
    drop(store);
    let store = open(folder.path());
    assert_eq!(all(&store), before);
    assert!(store.verify(|_| ()).unwrap().is_sound());
}

#[test]
fn a_reader_can_read_a_commit_from_the_instant_it_is_there() {
    let _scenario = FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (sender, read) = std::sync::mpsc::channel();
    let reader = store.clone();
    fail::cfg_callback("store::committed", move || {
        let entry = reader.entry(1).unwrap().unwrap();
        sender.send(entry.decode().map(|rows| rows.num_rows())).unwrap();
    })
    .unwrap();
    store.write([commit(1, &[subject("a", 1, 2)])]).unwrap();
    assert_eq!(read.recv().unwrap().unwrap(), 2);
}

#[test]
fn a_store_that_was_closed_stays_closed_also_where_a_write_failed_before() {
    let _scenario = FailScenario::setup();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fail::cfg("store::sync", "1*return").unwrap();
    let commits = [commit(1, &[subject("a", 1, 2)])];
    assert!(store.write(&commits).unwrap_err().may_pass());
    store.close();
    for attempt in [store.recover(), store.write(&commits)] {
        assert!(matches!(attempt.unwrap_err(), StoreError::Closed { .. }));
    }
}
