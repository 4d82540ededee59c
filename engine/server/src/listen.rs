//! Connections, by HTTP/1.1: how many there may be, how long one may say nothing, and how they end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes connections.
pub struct Listener {
    /// Who answers.
    pub router: Router,
    /// Connections at once; more wait until one ends.
    pub connections_max: usize,
    /// How long the head of a request may take, and a connection be idle.
    pub patience: Duration,
    /// Cancelled when it is to end: what is being answered is answered.
    pub stop: CancellationToken,
}

impl Listener {
    /// Takes connections until it is to end, and waits for those there are.
    pub async fn run(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(self.connections_max.min(Semaphore::MAX_PERMITS)));
        let connections = TaskTracker::new();
        let mut full = false;
        loop {
            if full != (places.available_permits() == 0) {
                full = !full;
                if full {
                    tracing::warn!(connections = self.connections_max, "as many connections as may be; others wait");
                }
            }
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = async {
                    let place = Arc::clone(&places).acquire_owned().await;
                    listener.accept().await.map(|(connection, _)| (connection, place))
                } => accepted,
            };
            let (connection, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // One that has gone already is nothing to speak of; without files to open it is better to wait.
                    if !has_gone(&error) {
                        tracing::error!(%error, "no connection can be taken");
                        tokio::time::sleep(PAUSE).await;
                    }
                    continue;
                }
            };
            // An answer is one small packet that nothing follows.
            let _ = connection.set_nodelay(true);
            let (router, patience, stop) = (self.router.clone(), self.patience, self.stop.clone());
            connections.spawn(async move {
                serve(connection, router, patience, &stop).await;
                drop(place);
            });
        }
        drop(listener);
        connections.close();
        connections.wait().await;
    }
}

fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers what comes on a connection, until the other side or we end it.
async fn serve(connection: TcpStream, router: Router, patience: Duration, stop: &CancellationToken) {
    let mut builder = Builder::new();
    // Who closes its own side after a request still gets the answer.
    builder.timer(TokioTimer::new()).header_read_timeout(patience).half_close(true);
    let service = TowerToHyperService::new(router);
    let mut served = pin!(builder.serve_connection(TokioIo::new(connection), service));
    tokio::select! {
        // Whoever breaks off, or speaks no HTTP, has ended it.
        _ = served.as_mut() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

/// How many connections the limit on open files leaves room for; a quarter of the files are the store's and others'.
pub fn connections_possible() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft: usize = files.split_whitespace().next()?.parse().ok()?;
    Some((soft - soft / 4).max(1))
}
