//! The HTTP API. What fails is told as problem details; what is asked of the store does not hold up what is decided.

mod body;
mod dead_letters;
mod intake;
mod messages;
mod opening;
mod operation;
mod problem;
mod profiles;
mod quarantine;
mod query;
mod replays;
mod reply;
mod request;
mod selections;
mod state;
mod turns;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use haechi_model::Stream;
use haechi_model::streams::{CONSIGNMENT, DECLARATION, TRAVELLER};

pub use quarantine::{listed, shown};
pub use reply::Reply;
pub use state::{App, Parts};

use problem::Problem;

/// Everything that can be asked.
pub fn router(app: Arc<App>) -> Router {
    let records = |stream: &'static Stream| -> MethodRouter<Arc<App>> {
        post(move |State(app): State<Arc<App>>, request: Request| intake::take(app, stream, request))
    };
    Router::new()
        .route("/v1/declarations", records(&DECLARATION))
        .route("/v1/consignments", records(&CONSIGNMENT))
        .route("/v1/travellers", records(&TRAVELLER))
        .route("/v1/messages", post(messages::take))
        .route("/v1/messages/{*id}", get(messages::show))
        .route("/v1/selections/stream", get(selections::listen))
        .route("/v1/selections/{stream}/{subject}", get(selections::one))
        .route("/v1/replays/{stream}/{subject}", get(replays::of_subject))
        .route("/v1/explanations/{stream}/{subject}", get(replays::explain))
        .route("/v1/profiles", post(profiles::show))
        .route("/v1/features", get(profiles::features))
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/quarantine/{id}", get(quarantine::show))
        .route("/v1/quarantine/{id}/replay", post(quarantine::replay))
        .route("/v1/quarantine/{id}/discard", post(quarantine::discard))
        .route("/v1/rules", get(operation::rules))
        .route("/v1/status", get(operation::status))
        .route("/v1/sinks/{name}/dead-letters", get(dead_letters::list))
        .route("/v1/sinks/{name}/dead-letters/retry", post(dead_letters::retry))
        .route("/v1/sinks/{name}/dead-letters/discard", post(dead_letters::discard))
        .route("/healthz", get(operation::healthy))
        .route("/readyz", get(operation::ready))
        .route("/metrics", get(operation::metrics))
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address takes other methods")
        })
        .fallback(|| async { Problem::not_found("nothing is at this address") })
        .layer(DefaultBodyLimit::max(1 << 20))
        .layer(from_fn(request::measure))
        .with_state(app)
}
