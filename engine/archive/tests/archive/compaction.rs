//! Many files of a day become one, and no query ever sees the difference.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use haechi_archive::{ArchiveSettings, Archiver, Compacted, Day, Place, compact};
use object_store::memory::InMemory;
use tokio_util::sync::CancellationToken;

use crate::failing::Failing;
use crate::world::{DAY_MS, FIRST_DAY_MS, World, counted};

const NOTHING: Duration = Duration::ZERO;

/// The day after two whole ones.
fn third_day() -> Day {
    Day::of_ms(FIRST_DAY_MS + 2 * DAY_MS)
}

/// When files that were put just now are an hour old.
fn in_an_hour() -> DateTime<Utc> {
    Utc::now() + TimeDelta::hours(1)
}

async fn archived(world: &World, place: &Place) {
    world.archiver(place, 100).catch_up(&CancellationToken::new()).await.unwrap();
}

#[tokio::test]
async fn a_finished_day_becomes_one_file_a_stream() {
    let world = World::new();
    let files = Failing::new();
    let place = Place::of(files.clone());
    archived(&world, &place).await;
    let before = files.contents().await.len();
    let done = compact(&place, third_day(), in_an_hour(), NOTHING).await.unwrap();
    let after = files.contents().await;
    assert!(done.merged > done.into && done.into > 0, "{done:?}");
    assert_eq!(after.len() as u64, before as u64 - done.merged + done.into);
    assert_eq!(done.deleted, done.merged);
    let finished = world.counts.keys().filter(|(_, _, day)| *day < third_day()).count();
    assert_eq!(after.iter().filter(|(path, _)| !path.contains("day=2027-03-05")).count(), finished);
    assert_eq!(counted(&place).await, world.counts);
    let again = compact(&place, third_day(), in_an_hour(), NOTHING).await.unwrap();
    assert_eq!(again, Compacted::default());
}

#[tokio::test]
async fn merged_files_stay_a_while_and_nobody_reads_them() {
    let world = World::new();
    let files = Failing::new();
    let place = Place::of(files.clone());
    archived(&world, &place).await;
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let before = files.contents().await.len() as u64;
    let done = compact(&place, third_day(), in_an_hour(), hours(2)).await.unwrap();
    assert_eq!((done.deleted, done.waiting), (0, done.merged));
    assert_eq!(files.contents().await.len() as u64, before + done.into);
    assert_eq!(counted(&place).await, world.counts);
    let later = compact(&place, third_day(), in_an_hour() + TimeDelta::hours(2), hours(2)).await.unwrap();
    assert_eq!((later.merged, later.deleted), (0, done.merged));
    assert_eq!(counted(&place).await, world.counts);
}

#[tokio::test]
async fn a_crash_at_any_step_changes_no_answer() {
    let world = World::new();
    let whole = Failing::new();
    archived(&world, &Place::of(whole.clone())).await;
    for changes in 0.. {
        let files = whole.fork();
        let place = Place::of(files.clone());
        files.fail_after(changes);
        let done = compact(&place, third_day(), in_an_hour(), NOTHING).await;
        if !files.heal() {
            done.unwrap();
            break;
        }
        assert!(done.is_err(), "after {changes} changes");
        assert_eq!(counted(&place).await, world.counts, "after {changes} changes");
        compact(&place, third_day(), in_an_hour(), NOTHING).await.unwrap();
        assert_eq!(counted(&place).await, world.counts, "after {changes} changes, and again");
        let nothing = compact(&place, third_day(), in_an_hour(), NOTHING).await.unwrap();
        assert_eq!(nothing, Compacted::default());
    }
}

#[tokio::test]
async fn a_round_done_again_after_its_files_were_merged_is_not_read_twice() {
    let world = World::new();
    let place = Place::of(Arc::new(InMemory::new()));
    archived(&world, &place).await;
    compact(&place, third_day(), in_an_hour(), NOTHING).await.unwrap();
    let again = haechi_store::Commit { state: vec![(b"archive".to_vec(), None)], ..Default::default() };
    world.store.write(vec![again.encode().unwrap()]).unwrap();
    world.archiver(&place, 100).round(&CancellationToken::new()).await.unwrap();
    assert_eq!(counted(&place).await, world.counts);
}

#[tokio::test]
async fn the_store_forgets_days_that_are_archived_and_delivered() {
    let kept = |keep_days, delivered: Option<u64>| async move {
        let world = World::new();
        let place = Place::of(Arc::new(InMemory::new()));
        let settings = ArchiveSettings { rows_max: 1, keep_days_in_store: keep_days, ..ArchiveSettings::default() };
        let archiver = Archiver::at(world.store.clone(), settings, place.clone());
        let archiver = archiver.with_delivered(move || delivered);
        archiver.catch_up(&CancellationToken::new()).await.unwrap();
        archiver.tend().await.unwrap();
        assert_eq!(counted(&place).await, world.counts);
        let days = world.store.entries(1).map(|entry| (entry.unwrap().known_at_ms - FIRST_DAY_MS) / DAY_MS);
        let mut entries = [0; 3];
        days.for_each(|day| entries[day as usize] += 1);
        entries
    };
    let all = kept(0, Some(u64::MAX - 1)).await;
    assert_eq!(all, [5, 5, 1], "nothing is forgotten by default");
    assert_eq!(kept(1, None).await, all, "a sink has not begun");
    assert_eq!(kept(1, Some(5)).await, all, "a sink is behind");
    assert_eq!(kept(2, Some(u64::MAX - 1)).await, all, "not old enough");
    // The entry before the first that is kept may stay.
    let left = kept(1, Some(u64::MAX - 1)).await;
    assert!(left[0] <= 1 && left[1..] == all[1..], "{left:?}");
}
