//! What a request is told when it fails: problem details (RFC 9457) as `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use haechi_connectors::Closed;
use haechi_connectors::sinks::published::NotPublished;
use haechi_store::StoreError;
use serde_json::{Map, Value, json};

/// Why a request failed.
#[derive(Clone, Debug)]
pub struct Problem(Box<Told>);

#[derive(Clone, Debug)]
struct Told {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after_secs: Option<u32>,
    members: Map<String, Value>,
}

impl Problem {
    /// A problem under a stable code; the detail says what to do.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Told { status, code, detail: detail.into(), retry_after_secs: None, members: Map::new() }))
    }

    /// One that passes: the same request may succeed later.
    pub fn later(code: &'static str, detail: impl Into<String>, retry_after_secs: u32) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        problem.0.retry_after_secs = Some(retry_after_secs);
        problem
    }

    /// The service is on its way out.
    pub fn stopping() -> Self {
        Self::later("stopping", "the service is stopping; send it again when it is back", 5)
    }

    /// There is nothing under that name.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The request is not one we understand.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// Ours to mend.
    pub fn bug(detail: &str) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "bug",
            format!("{detail}; this is a bug, see the log of the service"),
        )
    }

    /// Says more, under a name of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Closed> for Problem {
    fn from(_: Closed) -> Self {
        Self::stopping()
    }
}

impl From<NotPublished> for Problem {
    fn from(error: NotPublished) -> Self {
        tracing::error!(%error, "selections of another form");
        Self::bug("the selections cannot be written")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store could not answer a request");
        Self::later("store", "the store cannot be used at the moment; see the log of the service", 5)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Told { status, code, detail, retry_after_secs, mut members } = *self.0;
        let mut body = json!({
            "type": format!("urn:haechi:problem:{code}"),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": detail,
        });
        if let Some(object) = body.as_object_mut() {
            object.append(&mut members);
        }
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(secs) = retry_after_secs {
            headers.insert(header::RETRY_AFTER, secs.into());
        }
        response
    }
}
