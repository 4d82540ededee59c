//! What operators and their tools ask: rules, status, health, metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::problem::Problem;
use super::state::App;
use crate::metrics::observe;
use crate::status::{ReleaseStatus, Status, hex};

/// The process lives.
pub async fn healthy() -> &'static str {
    "ok\n"
}

/// Whether records can be taken, and why not.
pub async fn ready(State(app): State<Arc<App>>) -> Response {
    let reasons = not_ready(&app);
    let failed: Vec<Value> = app
        .source_states()
        .into_iter()
        .filter_map(|source| Some(json!({ "source": source.name, "reason": source.failed? })))
        .collect();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": reasons.is_empty(), "reasons": reasons, "failed_sources": failed });
    (status, Json(body)).into_response()
}

/// What keeps the service from taking records. A source that failed does not: the others go on.
fn not_ready(app: &App) -> Vec<String> {
    let mut reasons = Vec::new();
    if app.is_stopping() {
        reasons.push("the service is stopping".to_owned());
    }
    reasons.extend(app.engine.status().failing.map(|why| format!("the store cannot be written: {why}")));
    reasons
}

/// The rules in force, and why the newest files are not, where that is so.
pub async fn rules(State(app): State<Arc<App>>) -> Json<Value> {
    let release = release_of(&app).await;
    let rules = app.engine.rules().current();
    let state = app.watch_state();
    let refused = state.refused.as_deref().map(|refused| {
        json!({
            "summary": refused.summary, "report": refused.report, "diagnostics": refused.diagnostics,
            "failed_tests": refused.failed_tests,
        })
    });
    Json(json!({
        "release": release.hash, "revision": release.revision, "since_position": release.from,
        "rules": rules.value.rules(), "warnings": rules.value.warnings, "tests": rules.value.tests,
        "rulesets": release.rulesets.into_iter().map(|(stream, hash)| json!({ "stream": stream, "hash": hash }))
            .collect::<Vec<_>>(),
        "swaps": state.swaps, "refused": refused,
    }))
}

async fn release_of(app: &App) -> ReleaseStatus {
    let rules = app.engine.rules().current();
    let kept = Arc::clone(&rules.value.kept);
    let store = app.engine.store().clone();
    let hash = kept.hash;
    let from = app.look(move || store.releases()).await.ok().and_then(Result::ok);
    // One that came back is in force since it came back.
    let from = from.and_then(|releases| releases.last().filter(|last| last.hash == hash).map(|last| last.from));
    ReleaseStatus {
        hash: hex(&kept.hash),
        revision: kept.revision.clone(),
        from,
        rulesets: kept.rulesets.iter().map(|(stream, hash)| (stream.clone(), hex(hash))).collect(),
        refused: app.watch_state().refused.map(|refused| refused.summary.clone()),
    }
}

/// All that `haechi inspect` shows.
pub async fn status(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    let (store, sources) = (app.engine.store().clone(), app.source_states());
    let sinks: Vec<String> = app.sinks.iter().map(|sink| sink.name.clone()).collect();
    let status = app.look(move || Status::of(&store, &sources, &sinks)).await??;
    let waiting_rows = app.engine.status().waiting_rows.iter().map(|(_, rows)| *rows as u64).sum();
    let (not_ready, alert_above) = (not_ready(&app), Some(app.alert_above));
    Ok(Json(Status {
        running: true,
        not_ready,
        waiting_rows,
        alert_above,
        release: Some(release_of(&app).await),
        ..status
    }))
}

/// Numbers for Prometheus.
pub async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let (store, engine, handle, alert_above) =
        (app.engine.store().clone(), app.engine.clone(), app.metrics.clone(), app.alert_above);
    let failed = app.source_states();
    let render = move || {
        observe(&store, &engine, &failed, alert_above);
        handle.render()
    };
    let text = app.look(render).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
