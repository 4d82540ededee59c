//! What every request goes through: its id, its span, and how long it took.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The header that says who does something.
const USER_HEADER: &str = "haechi-user";
const TRACE_HEADER: &str = "traceparent";
const ID_BYTES_MAX: usize = 128;

/// Names a request: as its sender does, or else by a number of ours. It stands in the answer, in the rows that came with
/// it, and in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The one that was given to a request.
    pub fn given(parts: &Parts) -> String {
        parts.extensions.get::<Self>().map_or_else(String::new, |id| id.0.clone())
    }

    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(ID_HEADER).and_then(|value| value.to_str().ok());
        let fit = |id: &&str| !id.is_empty() && id.len() <= ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_graphic());
        given.filter(fit).map_or_else(Self::new, |id| Self(id.to_owned()))
    }

    /// One that no other process has, as far as chance can tell.
    fn new() -> Self {
        static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self(format!("{:016x}", SEED.hash_one(COUNT.fetch_add(1, Ordering::Relaxed))))
    }
}

/// Who sends it, as long as nobody has to sign in.
pub fn who(headers: &HeaderMap) -> String {
    let given = headers.get(USER_HEADER).and_then(|value| value.to_str().ok()).map(str::trim);
    given.filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned()
}

/// Gives the request an id and a span, and measures it.
pub async fn measure(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = RequestId::of(request.headers());
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = method_name(&request);
    let span = tracing::info_span!("request", id = id.0, method, path, status = tracing::field::Empty);
    if request.headers().contains_key(TRACE_HEADER) {
        // Without a span that is exported there is nothing to be the parent of.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(request.headers())));
    }
    let header = HeaderValue::from_str(&id.0);
    request.extensions_mut().insert(id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("status", status.as_u16());
    if let Ok(header) = header {
        response.headers_mut().insert(ID_HEADER, header);
    }
    let labels = [("method", method.into()), ("path", path), ("status", status.as_str().to_owned())];
    let labels: [(&'static str, String); 3] = labels;
    metrics::histogram!("haechi_http_seconds", &labels).record(start.elapsed());
    response
}

/// Methods that nobody knows are one in metrics.
fn method_name(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
