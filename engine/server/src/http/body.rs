//! The body of a request: received within bounds, unpacked within bounds, in a form that readers know.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use haechi_connectors::sources::Place;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

use super::problem::Problem;

/// Bodies up to this size are read where they arrive; larger ones elsewhere, and only a few at a time.
const SMALL_BYTES_MAX: usize = 64 << 10;
/// Larger bodies in memory at once: what bounds how much all requests take together.
pub const LARGE_MAX: usize = 8;
/// How packed bodies begin.
const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];

/// Media types of bodies. What a body is, its content says; the type only has to be one of them.
const MEDIA_TYPES: &[&str] = &[
    "application/json",
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
    "text/csv",
    "application/edifact",
    "application/xml",
    "text/xml",
    "text/plain",
    "application/octet-stream",
];

/// A body, received.
#[derive(Debug)]
pub struct Received {
    /// All of it, as it came.
    pub bytes: Bytes,
    /// Its place among the large ones, if it is one.
    pub large: Option<OwnedSemaphorePermit>,
}

/// What may be received.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Bytes, packed and unpacked.
    pub bytes_max: usize,
    /// How long it may take.
    pub timeout: Duration,
    /// Places for large ones.
    pub large: Arc<Semaphore>,
}

/// Refuses bodies of other types, or packed in a way not known here.
pub fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    let refuse = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    if let Some(given) = text(header::CONTENT_TYPE) {
        let kind = given.split(';').next().unwrap_or_default().trim();
        if !MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            return refuse(format!("no reader for `{kind}`; send one of {}", MEDIA_TYPES.join(", ")));
        }
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("" | "identity" | "gzip" | "x-gzip" | "zstd") => Ok(()),
        Some(other) => refuse(format!("cannot unpack `{other}`; send gzip, zstd or nothing of the kind")),
    }
}

impl Bounds {
    /// Receives a body.
    pub async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Received, Problem> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > self.bytes_max) {
            return Err(self.too_large());
        }
        let received = tokio::time::timeout(self.timeout, self.gather(length.unwrap_or_default(), body)).await;
        received.unwrap_or_else(|_| {
            let secs = self.timeout.as_secs();
            let detail = format!("the body did not arrive within {secs} s; nothing of it was taken");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail))
        })
    }

    async fn gather(&self, announced: usize, body: Body) -> Result<Received, Problem> {
        let mut large = if announced > SMALL_BYTES_MAX { self.place().await } else { None };
        // Most bodies come in one piece, which is not copied.
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Problem::bad_request("the body broke off; nothing of it was taken"))?;
            let size = first.len() + all.len() + piece.len();
            if size > self.bytes_max {
                return Err(self.too_large());
            }
            if size > SMALL_BYTES_MAX && large.is_none() {
                large = self.place().await;
            }
            if size == piece.len() {
                first = piece;
                continue;
            }
            if !first.is_empty() {
                all.reserve(announced.max(size));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&piece);
        }
        Ok(Received { bytes: if all.is_empty() { first } else { all.freeze() }, large })
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.large).acquire_owned().await.ok()
    }

    fn too_large(&self) -> Problem {
        let detail = format!("the body has more than {} bytes; send it in parts", self.bytes_max);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// Unpacks a body, and makes lines of a JSON array.
    pub fn open(&self, bytes: Bytes) -> Result<Bytes, Problem> {
        let bytes = self.unpack(bytes)?;
        match bytes.trim_ascii_start().first() {
            None => Err(Problem::bad_request("the body is empty")),
            Some(b'[') => {
                let cut = "the JSON array in the body does not end as one does; nothing of it was taken";
                lines_of(&bytes).map(Bytes::from).ok_or_else(|| Problem::bad_request(cut))
            }
            Some(_) => Ok(bytes),
        }
    }

    fn unpack(&self, bytes: Bytes) -> Result<Bytes, Problem> {
        if !bytes.starts_with(GZIP) && !bytes.starts_with(ZSTD) {
            return Ok(bytes);
        }
        let damaged = |error: std::io::Error| Problem::bad_request(format!("the body cannot be unpacked: {error}"));
        let unwrapped = Place::Memory(bytes).unwrap(Arc::default()).map_err(damaged)?;
        let mut unpacked = Vec::new();
        let limit = self.bytes_max as u64 + 1;
        unwrapped.content.take(limit).read_to_end(&mut unpacked).map_err(damaged)?;
        if unpacked.len() > self.bytes_max { Err(self.too_large()) } else { Ok(unpacked.into()) }
    }
}

/// A JSON array as lines of its members, without reading them: commas between members become line ends, line ends within
/// them blanks (in a text there are none). `None` if it does not end where the text does.
fn lines_of(array: &[u8]) -> Option<Vec<u8>> {
    let mut lines = array.to_vec();
    let (mut depth, mut in_text, mut escaped, mut ended) = (0_usize, false, false, false);
    for byte in &mut lines {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        if ended && !byte.is_ascii_whitespace() {
            return None;
        }
        match *byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    *byte = b' ';
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    ended = true;
                    *byte = b' ';
                }
            }
            b',' if depth == 1 => *byte = b'\n',
            b'\n' | b'\r' => *byte = b' ',
            _ => {}
        }
    }
    ended.then_some(lines)
}

/// Whether a body is to be read elsewhere than where it arrived.
pub fn is_large(bytes: &[u8]) -> bool {
    bytes.len() > SMALL_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_becomes_lines_of_its_members() {
        for (array, expected) in [
            ("[]", Some("")),
            ("[{\"a\":1}]", Some("{\"a\":1}")),
            ("[{\"a\":[1,2]},{\"b\":2}]", Some("{\"a\":[1,2]}\n{\"b\":2}")),
            ("[{\"a\":\n1},{}]", Some("{\"a\": 1}\n{}")),
            ("[{\"a\":\"x,]\\\"}\"},{}]", Some("{\"a\":\"x,]\\\"}\"}\n{}")),
            ("[{\"a\":\"\\\\\"},{}]", Some("{\"a\":\"\\\\\"}\n{}")),
            ("[{\"a\":1}", None),
            ("[{\"a\":1}] {}", None),
            ("[\"open", None),
        ] {
            let lines = lines_of(array.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap().trim().to_owned());
            assert_eq!(lines.as_deref(), expected, "{array}");
        }
    }

    #[test]
    fn what_unpacks_to_more_than_is_allowed_is_refused() {
        let bounds = Bounds { bytes_max: 1_000, timeout: Duration::from_secs(1), large: Arc::new(Semaphore::new(1)) };
        assert_eq!(bounds.open(zstd_run(1_000).into()).unwrap().len(), 1_000);
        let refused = format!("{:?}", bounds.open(zstd_run(1_001).into()).unwrap_err());
        assert!(refused.contains("413"), "{refused}");
    }

    /// A frame that is one run of a byte: header, size, and a last block of the kind run.
    fn zstd_run(size: u32) -> Vec<u8> {
        let block = 1 | 1 << 1 | size << 3;
        [ZSTD, &[0xA0], &size.to_le_bytes(), &block.to_le_bytes()[..3], b"a"].concat()
    }
}
