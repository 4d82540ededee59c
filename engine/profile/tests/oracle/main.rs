//! Every aggregate over every window, against SQL over the same events: a query that joins each record with all that
//! came before it, run by DataFusion, which shares nothing with the tiles and windows under test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod events;
mod networks;
mod passes;
mod shelf;
mod sql;
mod taken_back;

use events::versions;
use passes::{profiler, profiler_of, run};

/// Aggregates that sketches stand for where there are too many values.
const SKETCHED: [&str; 4] = ["distinct", "p25", "most", "entropy"];

/// Windows, each with what SQL says of an event `e` seen from a row `q`.
const WINDOWS: &[(&str, &str, &str)] = &[
    ("all", "all", "true"),
    ("6h", "6h", "e.ms BETWEEN q.ms - 21600000 AND q.ms"),
    ("24h", "24h", "e.ms BETWEEN q.ms - 86400000 AND q.ms"),
    ("1d", "1d", "e.day BETWEEN q.day - 1 AND q.day"),
    ("30d", "30d", "e.day BETWEEN q.day - 30 AND q.day"),
    ("day", "this day", "e.day = q.day"),
    ("week", "this week", "date_trunc('week', e.at) = date_trunc('week', q.at) AND e.day <= q.day"),
    ("month", "this month", "date_trunc('month', e.at) = date_trunc('month', q.at) AND e.day <= q.day"),
    ("quarter", "this quarter", "date_trunc('quarter', e.at) = date_trunc('quarter', q.at) AND e.day <= q.day"),
    ("year", "this year", "date_trunc('year', e.at) = date_trunc('year', q.at) AND e.day <= q.day"),
];

#[tokio::test]
async fn every_aggregate_and_window_is_what_sql_says() {
    for seed in 1..=5 {
        let versions = versions(seed, 160, 5);
        let told = run(&mut profiler(), &versions, usize::MAX);
        sql::compare(&versions, &told, seed).await;
    }
}

#[test]
fn batches_and_threads_change_nothing() {
    for seed in 11..=13 {
        let versions = versions(seed, 400, 6);
        let mut whole = profiler();
        let expected = run(&mut whole, &versions, usize::MAX);
        for size in [1, 7] {
            let mut parts = profiler();
            assert_eq!(run(&mut parts, &versions, size), expected, "batches of {size}");
            assert_eq!(parts.state(), whole.state(), "batches of {size}");
        }
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let mut alone = profiler();
        assert_eq!(one_thread.install(|| run(&mut alone, &versions, 4_096)), expected, "one thread");
        assert_eq!(alone.state(), whole.state());
    }
}

/// So many values that sketches stand for them: inside their stated error, and the same however the stream was cut.
#[tokio::test]
async fn sketches_keep_their_error_and_are_the_same_however_the_stream_is_cut() {
    let versions = versions(21, 9_000, 6_000);
    let sketched = || profiler_of(&|aggregate, window| SKETCHED.contains(&aggregate) && window == "all");
    let mut whole = sketched();
    let told = run(&mut whole, &versions, usize::MAX);
    let mut parts = sketched();
    assert_eq!(run(&mut parts, &versions, 97), told);
    assert_eq!(parts.state(), whole.state());
    passes::check_sketches(&versions, &told);
}
