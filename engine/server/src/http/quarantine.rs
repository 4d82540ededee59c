//! `/v1/quarantine`: what was set aside, listed, shown, mended, given up.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use haechi_store::{Position, QuarantineFilter, QuarantineState, SetAsideRecord};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::check_headers;
use super::intake::blocking;
use super::problem::Problem;
use super::query::{Asked, Named, Told};
use super::reply::Reply;
use super::request::who;
use super::state::App;
use crate::quarantine::{self, QuarantineError, state_name};

/// Units of a page, where nothing else is asked for, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// Which units.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    code: Option<String>,
    source: Option<String>,
    state: Option<QuarantineState>,
    after: Position,
    limit: Option<usize>,
}

/// A page of units, without their texts, oldest first. `next` is what `after` is to be for the next page.
pub async fn list(State(app): State<Arc<App>>, Asked(Query(filter)): Asked<Filter>) -> Result<Json<Value>, Problem> {
    let Filter { code, source, state, after, limit } = filter;
    let limit = limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let store = app.engine.store().clone();
    let filter = QuarantineFilter { code, source, state };
    let units = app.search(move || store.quarantine(&filter, after, limit)).await??;
    let next = (units.len() == limit).then(|| units.last().map(|(id, _)| *id)).flatten();
    let units: Vec<Value> = units.iter().map(|(id, record)| listed(*id, record)).collect();
    Ok(Json(json!({ "units": units, "next": next })))
}

/// One unit with its text and all that became of it.
pub async fn show(State(app): State<Arc<App>>, Named(id): Named<Position>) -> Result<Json<Value>, Problem> {
    let store = app.engine.store().clone();
    let record = app.look(move || quarantine::show(&store, id)).await??;
    Ok(Json(shown(id, &record)))
}

/// Reads a unit again: as it is, or as the body has it.
pub async fn replay(
    State(app): State<Arc<App>>,
    Named(id): Named<Position>,
    request: Request,
) -> Result<Response, Problem> {
    let _seat = app.seat()?;
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    let who = who(&parts.headers);
    let received = app.bounds.receive(&parts.headers, body).await?;
    let mended = if received.bytes.is_empty() { None } else { Some(app.bounds.open(received).await?) };
    let text = mended.as_ref().map(|mended| mended.bytes.clone());
    let answer = quarantine::replay(&app.engine, &app.readers, id, who, text).await?;
    let mut reply = Reply::default();
    reply.add(answer)?;
    Ok(reply.into_response())
}

/// Why a unit is given up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discard {
    reason: String,
}

/// Gives a unit up.
pub async fn discard(
    State(app): State<Arc<App>>,
    Named(id): Named<Position>,
    headers: HeaderMap,
    Told(Discard { reason }): Told<Discard>,
) -> Result<Json<Value>, Problem> {
    let _seat = app.seat()?;
    if reason.trim().is_empty() {
        return Err(Problem::bad_request("`reason` is empty; say why it is given up"));
    }
    let (store, who) = (app.engine.store().clone(), who(&headers));
    let record = blocking(move || quarantine::discard(&store, id, &who, &reason)).await??;
    Ok(Json(shown(id, &record)))
}

/// A unit in a list.
pub fn listed(id: Position, record: &SetAsideRecord) -> Value {
    let SetAsideRecord { stream, source, place, code, reason, received_at_ms, .. } = record;
    let (state, received_at) = (state_name(record.state()), instant(*received_at_ms));
    json!({
        "id": id, "state": state, "stream": stream, "source": source, "position": place, "code": code, "reason": reason,
        "received_at": received_at,
    })
}

/// A unit by itself. `head` is what has to stand before the text, where it cannot be read by itself.
pub fn shown(id: Position, record: &SetAsideRecord) -> Value {
    let mut unit = listed(id, record);
    unit["head"] = json!(record.head);
    unit["text"] = json!(record.text);
    let resolutions = record.resolutions.iter().map(
        |resolution| json!({ "outcome": resolution.outcome, "who": resolution.who, "at": instant(resolution.at_ms) }),
    );
    unit["resolutions"] = resolutions.collect();
    unit
}

fn instant(ms: i64) -> Option<String> {
    Some(DateTime::from_timestamp_millis(ms)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl From<QuarantineError> for Problem {
    fn from(error: QuarantineError) -> Self {
        let detail = error.to_string();
        match error {
            QuarantineError::Unknown(_) => Self::not_found(detail),
            QuarantineError::Settled { state, .. } => {
                Self::new(StatusCode::CONFLICT, "settled", detail).with("state", state_name(state))
            }
            QuarantineError::Unreadable(units) => {
                let unit = |unit: &haechi_model::SetAside| json!({ "position": unit.position, "code": unit.code, "reason": unit.reason });
                let units: Value = units.iter().take(100).map(unit).collect();
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_readable", detail).with("set_aside", units)
            }
            QuarantineError::Source(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "source_settings", detail),
            QuarantineError::Cut | QuarantineError::Merge(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_whole", detail)
            }
            QuarantineError::NoRules(_) => Self::later("no_rules", detail, 60),
            QuarantineError::Store(error) => error.into(),
            QuarantineError::Closed(closed) => closed.into(),
            QuarantineError::Failed => Self::bug("replaying failed"),
        }
    }
}
