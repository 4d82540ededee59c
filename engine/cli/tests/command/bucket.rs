//! A bucket on this machine: as much of S3's protocol as an archive needs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

const MODIFIED: [&str; 2] = ["2027-03-03T00:00:00.000Z", "Wed, 03 Mar 2027 00:00:00 GMT"];

/// It is there as long as this is.
pub struct Bucket {
    objects: Objects,
    pub endpoint: String,
    _runtime: Runtime,
}

impl Bucket {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let objects = Objects::default();
        let router = Router::new()
            .route("/bucket", any(list).with_state(Arc::clone(&objects)))
            .route("/bucket/{*key}", any(object).with_state(Arc::clone(&objects)));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { objects, endpoint, _runtime: runtime }
    }

    /// The names of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

/// What is asked of the bucket: a listing, or many objects deleted.
async fn list(
    State(objects): State<Objects>,
    method: Method,
    Query(query): Query<HashMap<String, String>>,
    body: String,
) -> Response {
    let mut objects = objects.lock().unwrap();
    if method == Method::POST {
        for key in body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
            objects.remove(key);
        }
        return "<DeleteResult></DeleteResult>".into_response();
    }
    let prefix = query.get("prefix").map_or("", String::as_str);
    let mut xml = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
    for (key, bytes) in objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let (modified, size) = (MODIFIED[0], bytes.len());
        write!(
            xml,
            "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>\"1\"</ETag><Size>{size}</Size>\
             </Contents>"
        )
        .unwrap();
    }
    xml.push_str("</ListBucketResult>");
    xml.into_response()
}

/// What is asked of an object: put it, or give it or a part of it.
async fn object(
    State(objects): State<Objects>,
    Path(key): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut objects = objects.lock().unwrap();
    let about = [("etag", "\"1\""), ("last-modified", MODIFIED[1])];
    if method == Method::PUT {
        objects.insert(key, body);
        return about.into_response();
    }
    let Some(bytes) = objects.get(&key) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(range) = headers.get("range") else { return (about, bytes.clone()).into_response() };
    let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(bytes.len())),
        (Ok(first), Err(_)) => (first, bytes.len()),
        (Err(_), last) => (bytes.len().saturating_sub(last.unwrap()), bytes.len()),
    };
    let part = [("content-range", format!("bytes {first}-{}/{}", end - 1, bytes.len()))];
    (StatusCode::PARTIAL_CONTENT, about, part, bytes.slice(first..end)).into_response()
}
