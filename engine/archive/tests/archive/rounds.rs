//! From the store to files.

use std::collections::BTreeMap;
use std::sync::Arc;

use haechi_archive::{ArchiveError, ArchiveSettings, Archiver, Place, SqlOptions};
use haechi_model::streams::DECLARATION;
use object_store::memory::InMemory;
use tokio_util::sync::CancellationToken;

use crate::failing::Failing;
use crate::world::{FIRST_DAY_MS, World, ask, ask_with, counted, texts};

fn go_on() -> CancellationToken {
    CancellationToken::new()
}

#[tokio::test]
async fn every_row_comes_back_as_it_was() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let settings = ArchiveSettings { url: folder.path().to_str().unwrap().to_owned(), ..ArchiveSettings::default() };
    let archiver = Archiver::new(world.store.clone(), settings).unwrap();
    archiver.begin().await.unwrap();
    let rounds = archiver.catch_up(&go_on()).await.unwrap();
    assert_eq!(rounds.last().unwrap().last, world.end());
    assert_eq!(archiver.done().unwrap(), world.end());

    let place = Place::open(&format!("file://{}", folder.path().display())).unwrap();
    assert_eq!(counted(&place).await, world.counts);
    for entry in world.store.entries(1) {
        let entry = entry.unwrap();
        let rows = entry.decode().unwrap();
        let names: Vec<&str> = rows.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
        let query = format!(
            "SELECT {} FROM {}s WHERE position BETWEEN {} AND {} ORDER BY position",
            names.join(", "),
            entry.stream.name,
            entry.first,
            entry.first + u64::from(entry.rows) - 1,
        );
        let unmasked = SqlOptions { unmasked: true, ..SqlOptions::default() };
        let archived = ask_with(&place, &query, unmasked).await.unwrap();
        let journalled = texts(&rows);
        assert_eq!(archived.len(), journalled.len(), "{query}");
        for (archived, journalled) in archived.iter().zip(&journalled) {
            for ((name, archived), journalled) in names.iter().zip(archived).zip(journalled) {
                // What the journal lacks may be derived.
                assert!(archived == journalled || journalled.is_empty(), "{name}: {archived} is not {journalled}");
            }
        }
    }
    let decided = world.store.decisions(0).map(|decisions| decisions.unwrap());
    let mut selected: Vec<Vec<String>> = Vec::new();
    let mut reasons = BTreeMap::<String, Vec<String>>::new();
    for decisions in decided {
        selected.extend(texts(&decisions.selections));
        for hit in texts(&decisions.hits().unwrap()) {
            reasons.entry(format!("{} {}", hit[0], hit[1])).or_default().push(hit[3].clone());
        }
    }
    let columns = "position, subject_id, version, stream, lane, requested_lane, score, reasons, instructions, \
                   random_stratum, lowered_by, mandatory, rows, ruleset_hash, policy_hash, decided_at";
    assert_eq!(ask(&place, &format!("SELECT {columns} FROM selections ORDER BY position")).await, selected);
    let joined = "SELECT s.subject_id || ' ' || s.version, h.rule_id FROM hits h JOIN selections s USING (position)";
    let mut joined_reasons = BTreeMap::<String, Vec<String>>::new();
    for row in ask(&place, joined).await {
        joined_reasons.entry(row[0].clone()).or_default().push(row[1].clone());
    }
    assert_eq!(joined_reasons, reasons);
}

#[tokio::test]
async fn rows_say_when_they_were_known_and_what_follows_from_them() {
    let world = World::new();
    let place = Place::of(Arc::new(InMemory::new()));
    world.archiver(&place, 1_000_000).catch_up(&go_on()).await.unwrap();
    let query = "SELECT count(*) FROM declarations WHERE known_at IS NULL OR as_of <> known_at \
                 OR CAST(known_at AS DATE) <> day OR hs4 IS DISTINCT FROM substr(hs_code, 1, 4)";
    assert_eq!(ask(&place, query).await, [["0"]]);
}

#[tokio::test]
async fn what_fails_is_done_again_and_gives_the_same_files() {
    let world = World::new();
    let whole = Failing::new();
    world.archiver(&Place::of(whole.clone()), 400).catch_up(&go_on()).await.unwrap();
    let expected = whole.contents().await;
    assert!(expected.len() > 10, "{} files", expected.len());

    for changes in 0.. {
        world.forget_archive();
        let failing = Failing::new();
        let place = Place::of(failing.clone());
        failing.fail_after(changes);
        let first = world.archiver(&place, 400).catch_up(&go_on()).await;
        if !failing.heal() {
            assert_eq!(first.map(drop).map_err(|e| e.to_string()), Ok(()));
            break;
        }
        // The settings were changed meanwhile: the round in hand stays what it was.
        first.unwrap_err();
        let done = world.archiver(&place, 50).done().unwrap();
        let round = world.archiver(&place, 50).round(&go_on()).await.unwrap().unwrap();
        assert_eq!(round.first, done + 1);
        world.archiver(&place, 400).catch_up(&go_on()).await.unwrap();
        assert!(failing.contents().await == expected, "failing after {changes} changes");
    }
}

#[tokio::test]
async fn a_crash_between_the_files_and_the_note_changes_nothing() {
    let world = World::new();
    let place = Place::of(Arc::new(InMemory::new()));
    let round = world.archiver(&place, 300).round(&go_on()).await.unwrap().unwrap();
    world.note(Some(&format!(r#"{{"done":0,"until":{}}}"#, round.last)));
    let again = world.archiver(&place, 7).round(&go_on()).await.unwrap().unwrap();
    assert_eq!(again, round);
    world.archiver(&place, 100).catch_up(&go_on()).await.unwrap();
    assert_eq!(counted(&place).await, world.counts);
}

#[tokio::test]
async fn an_archive_of_another_store_is_refused() {
    let world = World::new();
    let place = Place::of(Arc::new(InMemory::new()));
    world.archiver(&place, 1_000_000).catch_up(&go_on()).await.unwrap();
    let refused = World::empty().archiver(&place, 1_000_000).begin().await;
    assert!(matches!(refused, Err(ArchiveError::Ahead { store: 0, .. })), "{refused:?}");
}

#[tokio::test]
async fn the_task_archives_until_it_is_stopped() {
    let world = World::new();
    let files = Failing::new();
    let mut put = files.files.subscribe();
    // More wait than are written at once, so it does not wait for the clock.
    let archiver = world.archiver(&Place::of(files.clone()), 100);
    let stop = CancellationToken::new();
    let running = tokio::spawn(archiver.run(stop.clone()));
    put.wait_for(|files| *files > 10).await.unwrap();
    stop.cancel();
    running.await.unwrap();
    let place = Place::of(files);
    world.archiver(&place, 100).catch_up(&go_on()).await.unwrap();
    assert_eq!(counted(&place).await, world.counts);
}

#[tokio::test]
async fn a_step_that_panics_is_done_again() {
    let world = World::new();
    let files = Failing::new();
    files.panic_once();
    let mut put = files.files.subscribe();
    let stop = CancellationToken::new();
    let mut running = tokio::spawn(world.archiver(&Place::of(files.clone()), 100).run(stop.clone()));
    tokio::select! {
        ended = &mut running => panic!("{ended:?}"),
        put = put.wait_for(|files| *files > 10) => assert!(put.is_ok()),
    }
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_store_without_rows_has_nothing_to_archive() {
    let mut world = World::empty();
    let place = Place::of(Arc::new(InMemory::new()));
    assert_eq!(world.archiver(&place, 10).catch_up(&go_on()).await.unwrap(), []);
    let rows = haechi_datasets::declarations(&haechi_datasets::Spec::day(1)).next().unwrap();
    world.enter(&DECLARATION, &rows, 1, FIRST_DAY_MS);
    // An entry is not cut, however few rows are asked for.
    let round = world.archiver(&place, 10).round(&go_on()).await.unwrap().unwrap();
    assert_eq!(round.last, world.end());
}
