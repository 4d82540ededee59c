//! `/v1/sinks/{name}/dead-letters`: selections that a sink has refused, listed, delivered again, given up.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use haechi_connectors::SinkSettings;
use haechi_store::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use super::intake::blocking;
use super::problem::Problem;
use super::query::{Asked, Named, Told};
use super::request::who;
use super::state::App;
use crate::letters::{self, Given, Retried, RetryError};
use crate::settings::Connector;

/// Dead letters of a page at most.
const PAGE: usize = 1_000;

/// Which dead letters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    after: Position,
    limit: Option<usize>,
}

/// A page of them, oldest first. `next` is what `after` is to be for the next page.
pub async fn list(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Asked(Query(Page { after, limit })): Asked<Page>,
) -> Result<Json<Value>, Problem> {
    let name = sink(&app, &name)?.name.clone();
    let limit = limit.unwrap_or(100).clamp(1, PAGE);
    let store = app.engine.store().clone();
    let letters = app.look(move || store.dead_letters(&name, after, limit)).await??;
    let next = (letters.len() == limit).then(|| letters.last().map(|letter| letter.position)).flatten();
    Ok(Json(json!({ "dead_letters": letters, "next": next })))
}

/// Delivers a page of them again.
pub async fn retry(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    Asked(Query(Page { after, limit })): Asked<Page>,
) -> Result<Json<Retried>, Problem> {
    let _seat = app.seat()?;
    let (sink, limit) = (sink(&app, &name)?, limit.unwrap_or(PAGE).clamp(1, PAGE));
    let retried = letters::retry(app.engine.store(), sink, after, limit).await.map_err(|error| match error {
        RetryError::Store(error) => error.into(),
        RetryError::Failed => Problem::bug("retrying failed"),
        error => Problem::later("sink_away", error.to_string(), 60),
    })?;
    Ok(Json(retried))
}

/// Which are given up, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    through: Option<Position>,
    positions: Option<Vec<Position>>,
    reason: String,
}

/// Gives some up: the sink never gets them.
pub async fn discard(
    State(app): State<Arc<App>>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Told(Discard { through, positions, reason }): Told<Discard>,
) -> Result<Json<Value>, Problem> {
    let _seat = app.seat()?;
    let name = sink(&app, &name)?.name.clone();
    if reason.trim().is_empty() {
        return Err(Problem::bad_request("`reason` is empty; say why they are given up"));
    }
    let given = match (through, positions) {
        (Some(through), None) => Given::Through(through),
        (None, Some(positions)) => Given::Listed(positions),
        _ => return Err(Problem::bad_request("say which: either `through`, a position, or `positions`, a list")),
    };
    let (store, who) = (app.engine.store().clone(), who(&headers));
    let discarded = blocking(move || letters::discard(&store, &name, given, &who, &reason)).await??;
    Ok(Json(json!({ "discarded": discarded })))
}

fn sink<'a>(app: &'a App, name: &str) -> Result<&'a Connector<SinkSettings>, Problem> {
    let names = || app.sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>().join(", ");
    let unknown = || Problem::not_found(format!("no sink `{name}`; there are: {}", names()));
    app.sinks.iter().find(|sink| sink.name == name).ok_or_else(unknown)
}
