//! `POST /v1/{declarations,consignments,travellers}`: records in, selections out, once both are on disk.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use haechi_connectors::{Delivery, Document};
use haechi_model::Stream;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Received, check_headers};
use super::opening::Opened;
use super::problem::Problem;
use super::reply::Reply;
use super::request::RequestId;
use super::state::App;
use crate::readers::HTTP;

/// Takes the records of a request.
pub async fn take(app: Arc<App>, stream: &'static Stream, request: Request) -> Result<Response, Problem> {
    let seat = app.seat()?;
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    app.need_rules(stream)?;
    let received = app.bounds.receive(&parts.headers, body).await?;
    let id = RequestId::given(&parts);
    let timeout = app.http.timeout();
    in_time(timeout, decide(app, stream, received, id, seat)).await
}

/// Works on a task of its own: what has arrived is decided, whether or not the sender waits for the answer.
pub async fn in_time<R: IntoResponse + Send + 'static>(
    timeout: Duration,
    work: impl Future<Output = Result<R, Problem>> + Send + 'static,
) -> Result<Response, Problem> {
    match tokio::time::timeout(timeout, tokio::spawn(work)).await {
        Ok(Ok(done)) => done.map(IntoResponse::into_response),
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
    let Opened { bytes, elsewhere, held: _held } = app.bounds.open(received).await?;
    let document = Document { source: HTTP.into(), position: id, bytes };
    let mut reply = Reply::default();
    let mut steps = if elsewhere {
        let reader = Arc::clone(&app.readers);
        blocking(move || reader.of(stream).message(&document)).await?
    } else {
        app.readers.of(stream).message(&document)
    };
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
