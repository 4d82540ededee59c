//! The service is killed, starved and cut off while records come in by every way there is, and selections go out by
//! every way there is. Afterwards everything sent is there once, everybody was told everything, and nobody was told
//! two different things.
//!
//! `CRASH_SEED` gives another run, `KILLS` a longer one: `make crash KILLS=200`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod book;
mod check;
mod dice;
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
