use std::path::Path;

use haechi_store::StoreOptions;

use super::*;

fn disk(folder: &Path) -> Disk {
    Disk { store: Store::open(folder, &StoreOptions::default()).unwrap(), at_work: TaskTracker::new() }
}

#[test]
fn a_pause_is_never_shorter_than_our_own() {
    let ms = Duration::from_millis;
    for (asked, own, expected) in [(None, 100, 100), (Some(0), 100, 100), (Some(50), 100, 100), (Some(9000), 100, 9000)]
    {
        assert_eq!(pause_for(asked.map(ms), ms(own)), ms(expected), "{asked:?}");
    }
}

#[tokio::test]
async fn a_panic_in_work_with_the_store_is_a_failure_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let done = disk(folder.path()).work(|_| -> Result<(), StoreError> { panic!("a bug") }).await;
    assert!(done.unwrap_err().ends_with("this is a bug"));
}

#[tokio::test]
async fn the_store_learns_how_far_a_sink_is_when_all_is_delivered_and_now_and_then_before() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(folder.path());
    let stored = || disk.store.cursor("sink").unwrap().unwrap_or_default();
    let mut cursor = Cursor::new("sink", &disk);
    assert_eq!(cursor.read().await.unwrap(), 0);
    // As if it had been written in the future: however slow this machine is, it is not due.
    cursor.noted_at = Instant::now() + Duration::from_hours(1);
    cursor.moved(1, false).await;
    assert_eq!(stored(), 0);
    cursor.moved(2, true).await;
    assert_eq!(stored(), 2, "all is delivered");
    cursor.noted_at = Instant::now() + Duration::from_hours(1);
    cursor.moved(3, false).await;
    assert_eq!(stored(), 2);
    cursor.noted_at = Instant::now().checked_sub(NOTE).unwrap();
    cursor.moved(4, false).await;
    assert_eq!(stored(), 4, "it is due");
    cursor.noted_at = Instant::now() + Duration::from_hours(1);
    cursor.moved(5, false).await;
    cursor.note().await;
    assert_eq!(stored(), 5, "it is stopped");
}
