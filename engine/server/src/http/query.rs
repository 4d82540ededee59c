//! Paths and queries of addresses, and JSON bodies, refused as problems.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// What stands behind `?` in the address.
pub struct Asked<T>(pub Query<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |error: QueryRejection| Problem::bad_request(error.body_text());
        Query::from_request_parts(parts, state).await.map(Self).map_err(refused)
    }
}

/// What is named in the path of the address.
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let refused = |error: PathRejection| Problem::bad_request(error.body_text());
        Path::from_request_parts(parts, state).await.map(|Path(named)| Self(named)).map_err(refused)
    }
}

/// A JSON body.
pub struct Told<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Told<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let refused = |error: JsonRejection| Problem::new(error.status(), "bad_request", error.body_text());
        Json::from_request(request, state).await.map(|Json(value)| Self(value)).map_err(refused)
    }
}
