//! Requests at a constant rate, whatever comes back: each has an instant at which it is due, and its latency counts
//! from then. So a service that stands still is charged for everything that would have come meanwhile.
//!
//! A thread a connection, each taking the next request that nobody has taken and sleeping until it is due: the system's
//! timers are finer than those of an async runtime, and a sleeping thread costs nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Failure;
use super::http::{Connection, Response};
use super::latency::Latencies;

/// One request and what came of it.
#[derive(Debug)]
pub struct Shot {
    /// Which request.
    pub n: usize,
    /// When it was due, since the first one was.
    pub due: Duration,
    /// How long after that it was sent: what the client itself, or the lack of a free connection, adds.
    pub late: Duration,
    /// From when it was due to the last byte of the answer.
    pub latency: Duration,
    /// The answer.
    pub answer: io::Result<Response>,
}

impl Shot {
    /// When the answer was there, since the first request was due.
    pub fn answered(&self) -> Duration {
        self.due + self.latency
    }
}

/// Sends all requests, `rate` a second, and gives what came of each, in their order. `beside` runs meanwhile and is
/// given the instant at which the first request is due.
pub fn constant_rate<T: Send>(
    address: SocketAddr,
    requests: &[Vec<u8>],
    rate: f64,
    connections: usize,
    beside: impl FnOnce(Instant) -> T + Send,
) -> Result<(Vec<Shot>, T), Failure> {
    // Until then all threads have connected.
    let start = Instant::now() + Duration::from_millis(300);
    let next = AtomicUsize::new(0);
    let (mut shots, besides) = thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| Sender { address, start, rate, requests, next: &next }.run()))
            .collect();
        let besides = beside(start);
        let mut shots = Vec::with_capacity(requests.len());
        for sender in senders {
            shots.extend(sender.join().map_err(|_| "a client thread failed")?);
        }
        Ok::<_, Failure>((shots, besides))
    })?;
    shots.sort_by_key(|shot| shot.n);
    Ok((shots, besides))
}

/// Latencies of those that were answered.
pub fn latencies<'s>(shots: impl IntoIterator<Item = &'s Shot>) -> Latencies {
    shots.into_iter().filter(|shot| shot.answer.is_ok()).map(|shot| shot.latency).collect()
}

/// Writes them to a file, for a look at what happens when.
pub fn write_csv(shots: &[Shot], file: &Path) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "due_ms,late_ms,latency_ms")?;
    for shot in shots {
        let [due, late, latency] = [shot.due, shot.late, shot.latency].map(|time| time.as_secs_f64() * 1e3);
        writeln!(out, "{due:.3},{late:.3},{latency:.3}")?;
    }
    out.flush()
}

/// One connection's thread.
struct Sender<'a> {
    address: SocketAddr,
    start: Instant,
    rate: f64,
    requests: &'a [Vec<u8>],
    next: &'a AtomicUsize,
}

impl Sender<'_> {
    fn run(self) -> Vec<Shot> {
        let mut shots = Vec::new();
        let mut connection = Connection::open(self.address).ok();
        loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(n) else { return shots };
            let due = Duration::from_secs_f64(n as f64 / self.rate);
            let due_at = self.start + due;
            thread::sleep(due_at.saturating_duration_since(Instant::now()));
            let late = due_at.elapsed();
            let answer = self.send(&mut connection, request);
            shots.push(Shot { n, due, late, latency: due_at.elapsed(), answer });
        }
    }

    /// Over the connection, or a new one where the last was lost. Nothing is sent twice.
    fn send(&self, connection: &mut Option<Connection>, request: &[u8]) -> io::Result<Response> {
        let mut open = match connection.take() {
            Some(open) => open,
            None => Connection::open(self.address)?,
        };
        let response = open.exchange(request)?;
        *connection = Some(open);
        Ok(response)
    }
}
