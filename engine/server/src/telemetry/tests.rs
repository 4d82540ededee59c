use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn spans_go_to_the_collector() {
    let (sender, mut received) = mpsc::unbounded_channel::<Bytes>();
    let collect = post(move |body: Bytes| async move { sender.send(body).map_err(|e| e.to_string()) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", collect)).await });

    let provider = exporting(&endpoint, "port-of-busan").unwrap();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("haechi"));
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        tracing::info_span!("commit", commits = 3).in_scope(|| {});
    });
    tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE).unwrap()).await.unwrap();
    let body = received.recv().await.unwrap();
    let has = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("commit") && has("commits") && has("port-of-busan"), "{}", body.escape_ascii());
}

/// Where lines are written in a test.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_of_json_has_fields_and_spans() {
    let page = Page::default();
    let writer = page.clone();
    let subscriber = Registry::default().with(lines(LogFormat::Json, move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let _inside = tracing::info_span!("block", rows = 7).entered();
        tracing::warn!(sink = "officers", attempts = 3_u64, "cannot \"deliver\"");
    });
    let line: Value = serde_json::from_slice(&page.0.lock().unwrap()).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"cannot \"deliver\"".into()));
    assert_eq!((&line["sink"], &line["attempts"]), (&"officers".into(), &3.into()));
    assert_eq!((&line["spans"][0]["name"], &line["spans"][0]["fields"]), (&"block".into(), &"rows=7".into()));
}
