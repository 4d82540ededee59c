//! A receiver of webhooks, of moods: it takes calls, refuses them, takes them without saying so, or hangs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use crate::dice::Dice;
use crate::seen::Seen;

pub const OBSERVER: &str = "webhook";

pub struct Receiver {
    pub address: String,
    moods: Arc<Moods>,
}

struct Moods {
    dice: Mutex<Dice>,
    seen: Arc<Seen>,
    down: AtomicBool,
    calm: AtomicBool,
    n_refused: AtomicUsize,
}

impl Receiver {
    pub async fn start(seen: Arc<Seen>, seed: u64) -> Self {
        let dice = Mutex::new(Dice::of(seed, "webhook"));
        let (down, calm, n_refused) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
        let moods = Arc::new(Moods { dice, seen, down, calm, n_refused });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let routes = Router::new()
            .route("/selections", post(receive))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&moods));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, moods }
    }

    /// Refuses every call until told otherwise.
    pub fn set_down(&self, down: bool) {
        self.moods.down.store(down, Ordering::Relaxed);
    }

    /// Takes every call from now on.
    pub fn calm_down(&self) {
        self.moods.calm.store(true, Ordering::Relaxed);
    }

    /// Calls that were refused, or taken without saying so.
    pub fn n_refused(&self) -> usize {
        self.moods.n_refused.load(Ordering::Relaxed)
    }
}

async fn receive(State(moods): State<Arc<Moods>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mood = moods.dice.lock().unwrap().below(100);
    let mood = if moods.calm.load(Ordering::Relaxed) { 99 } else { mood };
    if moods.down.load(Ordering::Relaxed) || mood < 3 {
        moods.n_refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if mood < 5 {
        moods.n_refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    if !headers.contains_key("haechi-signature") {
        moods.seen.fault("webhook: a call without a signature");
    }
    match serde_json::from_slice::<Vec<Value>>(&body) {
        Ok(selections) => selections.iter().for_each(|selection| {
            moods.seen.selection(OBSERVER, selection);
        }),
        Err(error) => moods.seen.fault(format!("webhook: {error}: {}", String::from_utf8_lossy(&body))),
    }
    // Taken, and the sender does not know.
    if mood < 8 {
        moods.n_refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::BAD_GATEWAY;
    }
    if mood < 10 {
        moods.n_refused.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    StatusCode::OK
}
