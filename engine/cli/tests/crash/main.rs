//! The service is killed, starved and cut off while records come in by every way there is, and selections go out by
//! every way there is. Afterwards everything sent is there once, everybody was told everything, and nobody was told
//! two different things.
//!
//! `CRASH_SEED` gives another run, `KILLS` a longer one: `make crash KILLS=200`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod book;
mod check;
mod dice;
mod disk;
mod encode;
mod events;
mod files;
mod folder;
mod http;
mod kafka;
mod rules;
mod run;
mod seen;
mod service;
mod settings;
mod stories;
mod webhook;

use std::time::Duration;

use disk::SmallDisk;
use run::{Run, Setup, number};

/// Runs take turns: each has the machine to itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// When in its life the service is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// As it starts.
    Starting,
    /// At work.
    Working,
    /// While rules are replaced.
    Swapping,
    /// While it stops as it was asked to.
    Stopping,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_instants() {
    let _turn = TURN.lock().await;
    let mut run = Run::begin(Setup::new("crash")).await;
    for _ in 0..number("KILLS", 6) {
        use Moment::{Starting, Stopping, Swapping, Working};
        let moment = *run.dice.pick(&[Starting, Working, Working, Working, Swapping, Stopping]);
        if !matches!(moment, Starting) {
            run.ready().await;
        }
        let pause = match moment {
            Starting => run.dice.pause(50),
            Working => run.dice.pause(1500),
            Swapping => {
                run.rules.swap();
                run.dice.pause(500)
            }
            Stopping => {
                tokio::time::sleep(run.dice.pause(500)).await;
                run.service.terminate();
                run.dice.pause(200)
            }
        };
        tokio::time::sleep(pause).await;
        if matches!(moment, Stopping) && run.service.ended().is_some_and(|status| status.success()) {
            // It was quicker.
            run.n_kills += 1;
            run.service.kill();
        } else {
            run.kill();
        }
        run.start();
    }
    run.ready().await;
    run.finish().await;
}

/// Commits before a failpoint counts: some of everything has gone by then.
const BEFORE: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_of_a_commit() {
    let _turn = TURN.lock().await;
    // Where a commit comes by, in its order. The process stands still there, and is killed.
    let steps = ["store::commit", "store::sync", "store::committed", "committed-not-answered"];
    let mut setup = Setup::new("steps");
    setup.environment = vec![stopping_at(steps[0])];
    let mut run = Run::begin(setup).await;
    for (place, step) in steps.iter().enumerate() {
        if !run.stands_still().await {
            run.seen.fault(format!("nothing stood still at `{step}`: is there such a failpoint?"));
        }
        run.kill();
        run.service.environment = steps.get(place + 1).map(|step| stopping_at(step)).into_iter().collect();
        run.start();
        run.ready().await;
    }
    run.finish().await;
}

fn stopping_at(step: &str) -> (String, String) {
    ("FAILPOINTS".to_owned(), format!("{step}={BEFORE}*off->pause"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_refuses_and_takes_again() {
    let _turn = TURN.lock().await;
    for step in ["store::commit", "store::sync"] {
        let mut setup = Setup::new("refusals");
        let refusals = format!("{step}={BEFORE}*off->4*return(no space left on device)->off");
        setup.environment = vec![("FAILPOINTS".to_owned(), refusals)];
        let run = Run::begin(setup).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        run.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_full() {
    let _turn = TURN.lock().await;
    let Some(disk) = SmallDisk::mount(160) else { return };
    let mut setup = Setup::new("full");
    setup.store = Some(disk.path().join("store"));
    let mut run = Run::begin(setup).await;
    for killed in [false, true] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        disk.fill();
        assert!(run.stands_still().await, "a full disk takes nothing");
        if killed {
            run.kill();
        }
        disk.free();
        if killed {
            run.start();
            run.ready().await;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_is_down_and_nobody_else_waits() {
    let _turn = TURN.lock().await;
    let run = Run::begin(Setup::new("down")).await;
    run.receiver.set_down(true);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = run.seen.n_distinct(webhook::OBSERVER);
    let sent = run.book.lock().unwrap().n_decided();
    run.until("others go on", |run| run.seen.n_distinct(events::OBSERVER) > sent + 200).await;
    let during = run.seen.n_distinct(webhook::OBSERVER);
    assert_eq!(before, during, "a receiver that is down takes nothing");
    run.receiver.set_down(false);
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_goes_and_comes_back() {
    let _turn = TURN.lock().await;
    let mut run = Run::begin(Setup::new("broker")).await;
    for killed in [false, true, false] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let door = &run.broker.as_ref().unwrap().door;
        door.shut();
        let sent = run.book.lock().unwrap().n_decided();
        run.until("others go on", |run| run.seen.n_distinct(events::OBSERVER) > sent + 50).await;
        if killed {
            // It starts without a broker.
            run.kill();
            run.start();
            run.ready().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        run.broker.as_ref().unwrap().door.reopen().await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    run.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_jumps_back() {
    let _turn = TURN.lock().await;
    let mut setup = Setup::new("clock");
    // An hour back while it runs, and two from the start after a kill.
    setup.environment = vec![("FAILPOINTS".to_owned(), "clock-back=60*off->return(3600000)".to_owned())];
    let mut run = Run::begin(setup).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    run.kill();
    run.service.environment = vec![("FAILPOINTS".to_owned(), "clock-back=return(7200000)".to_owned())];
    run.start();
    run.ready().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    run.finish().await;
}
