//! `GET /v1/replays/{stream}/{subject}` and `GET /v1/explanations/{stream}/{subject}`: the decisions on a subject, taken
//! again by the rules of then.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use haechi_model::Stream;
use haechi_pipeline::replay::{ReplayError, Replayer};
use haechi_store::StoreError;
use serde::Deserialize;

use super::problem::Problem;
use super::query::{Asked, Named};
use super::selections::{archived, kept, stream_named};
use super::state::App;
use crate::replays::{Again, Explained, again};

/// Which state of a subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    version: Option<i32>,
}

/// Whether what was selected is selected again.
pub async fn of_subject(
    State(app): State<Arc<App>>,
    Named((stream, subject)): Named<(String, String)>,
    Asked(Query(which)): Asked<Which>,
) -> Result<Json<Vec<Again>>, Problem> {
    let (stream, subject) = (stream_named(&app, &stream)?, kept(&subject));
    let asked = subject.clone();
    let found = app.decide_again(move |replayer| again(replayer, stream, &asked, which.version)).await??;
    if found.is_empty() {
        return Err(nothing(stream, &subject));
    }
    Ok(Json(found))
}

/// What to explain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    version: Option<i32>,
    rule: Option<String>,
}

/// Why what was selected was: every step, and the values that rules saw.
pub async fn explain(
    State(app): State<Arc<App>>,
    Named((stream, subject)): Named<(String, String)>,
    Asked(Query(wanted)): Asked<Wanted>,
) -> Result<Json<Explained>, Problem> {
    let (stream, subject) = (stream_named(&app, &stream)?, kept(&subject));
    let Wanted { version, rule } = wanted;
    let (asked, of_rule) = (subject.clone(), rule.clone());
    let explain = move |replayer: &mut Replayer| replayer.explain(stream, &asked, version, of_rule.as_deref());
    let found = app.decide_again(explain).await??;
    let finding = found.ok_or_else(|| nothing(stream, &subject))?;
    Ok(Json(Explained::of(finding, rule.as_deref())))
}

fn nothing(stream: &Stream, subject: &str) -> Problem {
    Problem::not_found(format!("no decision on {} `{subject}` in the store", stream.name))
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::UnknownRule { .. } | ReplayError::NoVersion { .. } => Self::not_found(error.to_string()),
            ReplayError::AnotherSecret(_) => Self::new(StatusCode::CONFLICT, "another_secret", error.to_string()),
            ReplayError::Store(StoreError::Forgotten { .. }) => archived(),
            ReplayError::Store(error) => error.into(),
            error => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "not_replayed", error.to_string()),
        }
    }
}
