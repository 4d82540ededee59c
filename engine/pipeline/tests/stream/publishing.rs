//! What sinks get: everything, in order, again and again until they have it, and one never waits for another.

use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use haechi_connectors::{BoxFuture, DeliverError, Refusal, Sink};
use haechi_pipeline::stream::publish;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::support::*;

/// Takes note of what it gets, and does as it is told.
struct Recorder {
    name: &'static str,
    got: Arc<Mutex<Vec<i64>>>,
    changed: Arc<Notify>,
    /// Deliveries to fail before the first that works.
    fails: usize,
    /// Positions it will never take.
    refuses: Option<String>,
    dead: bool,
}

impl Sink for Recorder {
    fn name(&self) -> &str {
        self.name
    }

    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>> {
        Box::pin(async move { Ok(delivered) })
    }

    fn deliver<'a>(&'a mut self, selections: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>> {
        Box::pin(async move {
            if self.dead || self.fails > 0 {
                self.fails = self.fails.saturating_sub(1);
                return Err(DeliverError::later("away"));
            }
            let positions = selections["position"].as_primitive::<Int64Type>();
            let mut refused = Vec::new();
            for (row, position) in positions.values().iter().enumerate() {
                if self.refuses.as_deref() == Some(&text(selections, "subject_id", row)) {
                    refused.push(Refusal { position: *position as u64, reason: "no".to_owned() });
                } else {
                    self.got.lock().unwrap().push(*position);
                }
            }
            self.changed.notify_one();
            if refused.is_empty() { Ok(()) } else { Err(DeliverError::Refused { refused }) }
        })
    }
}

struct Running {
    got: Arc<Mutex<Vec<i64>>>,
    changed: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn run(bench: &Bench, name: &'static str, fails: usize, refuses: Option<&str>, dead: bool) -> Running {
    let (got, changed, stop) = (Arc::default(), Arc::new(Notify::new()), CancellationToken::new());
    let recorder = Recorder {
        name,
        got: Arc::clone(&got),
        changed: Arc::clone(&changed),
        fails,
        refuses: refuses.map(str::to_owned),
        dead,
    };
    let task = tokio::spawn(publish(Box::new(recorder), bench.store().clone(), bench.engine.position(), stop.clone()));
    Running { got, changed, stop, task }
}

impl Running {
    async fn got(&self, n: usize) -> Vec<i64> {
        loop {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= n {
                return got;
            }
            tokio::time::timeout(std::time::Duration::from_secs(30), self.changed.notified()).await.unwrap();
        }
    }

    async fn stopped(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn everything_comes_once_and_in_order_and_goes_on_after_a_restart() {
    let bench = Bench::new();
    let mut sent = Vec::new();
    for id in ["A", "B", "C"] {
        sent.push(position(&bench.send(declaration(id, &[1.0, 2.0])).await));
    }
    let dead = run(&bench, "dead", 0, None, true);
    let sink = run(&bench, "sink", 2, None, false);
    sent.push(position(&bench.send(declaration("D", &[1.0])).await));
    assert_eq!(sink.got(4).await, sent);
    sink.stopped().await;
    dead.stopped().await;
    let bench = bench.restart();
    assert_eq!(bench.store().cursor("dead").unwrap().unwrap_or_default(), 0);
    let sink = run(&bench, "sink", 0, None, false);
    let next = position(&bench.send(declaration("E", &[1.0])).await);
    assert_eq!(sink.got(1).await, [next], "what it has is not sent again");
    sink.stopped().await;
}

#[tokio::test]
async fn what_is_refused_becomes_a_dead_letter_and_holds_nothing_up() {
    let bench = Bench::new();
    let sink = run(&bench, "sink", 0, Some("B"), false);
    let mut sent = Vec::new();
    for id in ["A", "B", "C"] {
        sent.push(position(&bench.send(declaration(id, &[1.0])).await));
    }
    assert_eq!(sink.got(2).await, [sent[0], sent[2]]);
    sink.stopped().await;
    let dead = bench.store().dead_letters("sink", 0, 10).unwrap();
    assert_eq!(dead.iter().map(|letter| letter.position as i64).collect::<Vec<_>>(), [sent[1]]);
}

/// Takes one delivery when it is let, and no other.
struct Slow {
    delivers: Arc<Notify>,
    may_go_on: Arc<Notify>,
    took: bool,
}

impl Sink for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>> {
        Box::pin(async move { Ok(delivered) })
    }

    fn deliver<'a>(&'a mut self, _: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>> {
        Box::pin(async move {
            self.delivers.notify_one();
            if std::mem::replace(&mut self.took, true) {
                std::future::pending::<()>().await;
            }
            self.may_go_on.notified().await;
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_publisher_that_is_stopped_leaves_its_cursor_where_it_is() {
    let bench = Bench::new();
    let (delivers, may_go_on, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()), CancellationToken::new());
    let sink = Slow { delivers: Arc::clone(&delivers), may_go_on: Arc::clone(&may_go_on), took: false };
    let task = tokio::spawn(publish(Box::new(sink), bench.store().clone(), bench.engine.position(), stop.clone()));
    let first = position(&bench.send(declaration("A", &[1.0])).await);
    delivers.notified().await;
    bench.send(declaration("B", &[1.0])).await;
    may_go_on.notify_one();
    delivers.notified().await;
    stop.cancel();
    task.await.unwrap();
    assert_eq!(bench.store().cursor("slow").unwrap(), Some(first as u64));
}
