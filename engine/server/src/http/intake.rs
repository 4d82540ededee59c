//! `POST /v1/{declarations,consignments,travellers}`: records in, selections out, once both are on disk.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use haechi_connectors::{Delivery, Document};
use haechi_model::Stream;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Received, check_headers, is_large};
use super::problem::Problem;
use super::reply::Reply;
use super::request::RequestId;
use super::state::App;

/// What rows that came this way have in the column `source`.
pub const SOURCE: &str = "http";

/// Takes the records of a request.
pub async fn take(app: Arc<App>, stream: &'static Stream, request: Request) -> Result<Response, Problem> {
    let seat = app.seat()?;
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    if app.engine.rules().current().value.decider(stream).is_none() {
        let detail = format!("no rules for stream `{}` are in force; add a pack under [rules] paths", stream.name);
        return Err(Problem::later("no_rules", detail, 60));
    }
    let received = app.bounds.receive(&parts.headers, body).await?;
    let id = parts.extensions.get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let timeout = app.http.timeout();
    // On a task of its own: what has arrived is decided, whether or not the sender waits for the answer.
    let work = tokio::spawn(decide(app, stream, received, id, seat));
    match tokio::time::timeout(timeout, work).await {
        Ok(Ok(decided)) => decided.map(IntoResponse::into_response),
        Ok(Err(_)) => Err(Problem::bug("reading the body failed")),
        Err(_) => {
            let detail = "no answer in time; what arrived is being worked on, the same sent again gets the same answer";
            Err(Problem::later("slow", detail, 5))
        }
    }
}

async fn decide(
    app: Arc<App>,
    stream: &'static Stream,
    received: Received,
    id: String,
    _seat: OwnedSemaphorePermit,
) -> Result<Reply, Problem> {
    let Received { bytes, large } = received;
    let bytes = if large.is_none() {
        app.bounds.open(bytes)?
    } else {
        let bounds = app.bounds.clone();
        blocking(move || bounds.open(bytes)).await??
    };
    let elsewhere = is_large(&bytes);
    let document = Document { source: SOURCE.into(), position: id, bytes };
    let mut reply = Reply::default();
    let mut steps = app.readers.of(stream).message(&document);
    drop(document);
    loop {
        let intake = if elsewhere {
            let step;
            (steps, step) = blocking(move || {
                let step = steps.next();
                (steps, step)
            })
            .await?;
            step
        } else {
            steps.next()
        };
        let Some(intake) = intake else { return Ok(reply) };
        reply.add(app.engine.submit(Delivery::new(stream, intake, None)).await?)?;
    }
}

/// Work that takes a while, where it holds nobody up.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::bug("a request failed"))
}
