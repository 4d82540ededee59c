//! A listener of server-sent events, that goes on where it was each time the connection breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::seen::Seen;

pub const OBSERVER: &str = "events";

pub struct Listener {
    pub url: String,
    pub seen: Arc<Seen>,
    pub connections: Arc<AtomicUsize>,
}

impl Listener {
    pub async fn run(self, stop: CancellationToken) {
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(2)).build().unwrap();
        let mut last = 0_u64;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.listen(&http, &mut last) => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until the connection breaks.
    async fn listen(&self, http: &reqwest::Client, last: &mut u64) {
        let url = format!("{}/v1/selections/stream?after=0", self.url);
        let mut request = http.get(url).header("accept", "text/event-stream");
        if *last > 0 {
            request = request.header("last-event-id", last.to_string());
        }
        let Ok(mut response) = request.send().await else { return };
        if response.status() == 503 {
            return;
        }
        if !response.status().is_success() {
            return self.seen.fault(format!("events: answered with {}", response.status()));
        }
        self.connections.fetch_add(1, Ordering::Relaxed);
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                self.event(&String::from_utf8_lossy(&event), last);
            }
        }
    }

    fn event(&self, event: &str, last: &mut u64) {
        let field = |name: &str| {
            let lines = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
        };
        let data = field("data");
        if data.is_empty() {
            return;
        }
        let Ok(selection) = serde_json::from_str::<Value>(&data) else {
            return self.seen.fault(format!("events: no JSON: {data}"));
        };
        let Some(position) = self.seen.selection(OBSERVER, &selection) else { return };
        if field("id") != position.to_string() {
            self.seen.fault(format!("events: id `{}` of the selection at {position}", field("id")));
        }
        if position <= *last {
            self.seen.fault(format!("events: {position} came after {last}"));
        }
        *last = position;
    }
}
