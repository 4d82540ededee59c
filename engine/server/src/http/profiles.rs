//! `POST /v1/profiles` and `GET /v1/features`: what is known of an entity, and what can be.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use haechi_pipeline::ProfileError;
use haechi_pipeline::stream::{recent_records, wall_ms};
use haechi_store::StoreError;

use super::problem::Problem;
use super::query::Told;
use super::state::App;
use crate::profiles::{AskedProfile, DAYS, DAYS_MAX, Features, Profile};

/// What is known of one.
pub async fn show(State(app): State<Arc<App>>, Told(asked): Told<AskedProfile>) -> Result<Json<Profile>, Problem> {
    let days = asked.days.unwrap_or(DAYS);
    if days > DAYS_MAX {
        return Err(Problem::bad_request(format!("`days` is at most {DAYS_MAX}")));
    }
    // A year of four digits.
    if asked.at_ms.is_some_and(|at_ms| !(0..253_402_300_800_000).contains(&at_ms)) {
        return Err(Problem::bad_request("`at_ms` is an instant in ms since 1970, before the year 10000"));
    }
    let catalogue = app.engine.rules().current().value.catalogue();
    if !catalogue.iter().any(|entity| entity.name == asked.entity) {
        let names: Vec<&str> = catalogue.iter().map(|entity| entity.name.as_str()).collect();
        return Err(Problem::not_found(format!("no entity `{}`; there are: {}", asked.entity, names.join(", "))));
    }
    let engine = app.engine.clone();
    let (entity, at_ms) = (asked.entity.clone(), asked.at_ms.unwrap_or_else(wall_ms));
    let found = app.search(move || -> Result<Option<Profile>, Problem> {
        let Some(portrait) = engine.portrait(&asked.entity, &asked.key, at_ms, days)? else { return Ok(None) };
        let recent = recent_records(engine.store(), &portrait.positions)?;
        Ok(Some(Profile { portrait, recent, at_ms }))
    });
    // The key is not repeated: problems are logged by those who get them.
    let nothing = || Problem::not_found(format!("nothing is known of such a key of `{entity}`"));
    found.await??.map(Json).ok_or_else(nothing)
}

/// What rules may ask for.
pub async fn features(State(app): State<Arc<App>>) -> Result<Json<Features>, Problem> {
    let engine = app.engine.clone();
    let looked = app.look(move || Ok::<_, StoreError>((engine.entities()?, engine.forgotten_before()?))).await??;
    let (standing, forgotten_before) = looked;
    Ok(Json(Features { entities: app.engine.rules().current().value.catalogue(), standing, forgotten_before }))
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_read", error.to_string())
    }
}
