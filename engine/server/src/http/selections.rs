//! `GET /v1/selections/{stream}/{subject}` and `GET /v1/selections/stream`.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::json::ArrayWriter;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use haechi_connectors::sinks::SelectionJson;
use haechi_model::Stream;
use haechi_store::{Position, StoreError};
use serde::Deserialize;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::problem::Problem;
use super::query::{Asked, Named};
use super::state::App;
use crate::events::Wanted;

/// Which state of a subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    version: Option<i32>,
}

/// An identifier as readers keep it.
pub(super) fn kept(subject: &str) -> String {
    subject.trim().to_uppercase()
}

/// What was asked for was here.
pub(super) fn archived() -> Problem {
    let detail = "the selection was archived and is no longer in the store; ask the archive with `haechi sql`";
    Problem::new(StatusCode::GONE, "archived", detail)
}

/// A selection with its hits: that of a version, or the last one made.
pub async fn one(
    State(app): State<Arc<App>>,
    Named((stream, subject)): Named<(String, String)>,
    Asked(Query(which)): Asked<Which>,
) -> Result<Response, Problem> {
    let (stream, subject) = (stream_named(&app, &stream)?, kept(&subject));
    let store = app.engine.store().clone();
    let version = which.version;
    let asked = subject.clone();
    let found = app.look(move || store.selection(stream, &asked, version)).await?;
    let found = match found {
        Err(StoreError::Forgotten { .. }) => return Err(archived()),
        found => found?.filter(|found| found.selections.num_rows() > 0),
    };
    let Some(found) = found else {
        let version = version.map_or(String::new(), |version| format!(" in version {version}"));
        return Err(Problem::not_found(format!("no selection of {} `{subject}`{version}", stream.name)));
    };
    let mut body = Vec::new();
    let writer = SelectionJson::new(&found.selections)?;
    writer.write(0, &mut body);
    body.pop();
    body.extend_from_slice(b",\"hits\":");
    body.extend_from_slice(&hits(&found.hits()?).map_err(|_| Problem::bug("the hits cannot be written"))?);
    body.push(b'}');
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Hits as a JSON array; subject and version stand in the selection.
fn hits(hits: &RecordBatch) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let kept = |name: &str| !matches!(name, "subject_id" | "version");
    let columns: Vec<usize> = (0..hits.num_columns()).filter(|i| kept(hits.schema_ref().field(*i).name())).collect();
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write(&hits.project(&columns)?)?;
    writer.finish()?;
    let written = writer.into_inner();
    Ok(if written.is_empty() { b"[]".to_vec() } else { written })
}

/// What a listener asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    after: Option<Position>,
    stream: Option<String>,
}

/// Server-sent events: a selection each, its position as the id. Begins after `after`, or after the `Last-Event-ID` of a
/// listener that comes again, else with what is made from now on.
pub async fn listen(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Asked(Query(from)): Asked<From>,
) -> Result<Response, Problem> {
    let stream = from.stream.as_deref().map(|name| stream_named(&app, name)).transpose()?;
    let last = headers.get("last-event-id").map(|value| {
        let position = value.to_str().ok().and_then(|text| text.trim().parse::<Position>().ok());
        position.ok_or_else(|| Problem::bad_request("`Last-Event-ID` is the position of a selection, a whole number"))
    });
    let end = app.events.position();
    let after = last.transpose()?.or(from.after).unwrap_or(end);
    if after > end {
        let detail =
            format!("position {after} is beyond the end of this journal, which is {end}; it is of another store");
        return Err(Problem::bad_request(detail));
    }
    let store = app.engine.store().clone();
    if let Err(StoreError::Forgotten { first, .. }) = app.look(move || store.entry(after + 1)).await? {
        let detail =
            format!("selections up to position {first} were archived; ask the archive for them, and begin there");
        return Err(Problem::new(StatusCode::GONE, "archived", detail).with("first", first));
    }
    let heartbeat = Duration::from_secs(app.http.heartbeat_secs);
    let Some(events) = app.events.listen(Wanted { after, stream, heartbeat }) else {
        return Err(Problem::later("busy", "as many listen as may; raise `listeners_max` under [http]", 30));
    };
    let body = Body::from_stream(ReceiverStream::new(events).map(Ok::<_, std::convert::Infallible>));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, [("x-accel-buffering", "no")], body).into_response())
}

pub(super) fn stream_named(app: &App, name: &str) -> Result<&'static Stream, Problem> {
    let unknown =
        || Problem::not_found(format!("no stream `{name}`; there are declaration, consignment and traveller"));
    app.readers.stream(name).ok_or_else(unknown)
}
