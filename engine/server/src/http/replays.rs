//! `GET /v1/replays/{stream}/{subject}`: the decisions on a subject, taken again.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::intake::blocking;
use super::problem::Problem;
use super::query::Asked;
use super::selections::{kept, stream_named};
use super::state::App;
use crate::replays::{Again, again};

/// Which state of a subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    version: Option<i32>,
}

/// Takes decisions again by the rules of then.
pub async fn of_subject(
    State(app): State<Arc<App>>,
    Path((stream, subject)): Path<(String, String)>,
    Asked(Query(which)): Asked<Which>,
) -> Result<Json<Vec<Again>>, Problem> {
    let (stream, subject) = (stream_named(&app, &stream)?, kept(&subject));
    let (store, context) = (app.engine.store().clone(), app.context.clone());
    let found = blocking({
        let subject = subject.clone();
        move || again(&store, context, stream, &subject, which.version)
    })
    .await?;
    let found =
        found.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_replayed", error.to_string()))?;
    if found.is_empty() {
        return Err(Problem::not_found(format!("no decision on {} `{subject}` in the store", stream.name)));
    }
    Ok(Json(found))
}
