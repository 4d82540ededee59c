//! The body of a request, received within bounds.
//!
//! Small bodies are bounded by how many requests there may be. Larger ones share room that is counted by what of them has
//! arrived, so that who sends slowly takes no room from others; who finds none is told to come again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

use super::problem::Problem;

/// Bodies up to this size are read where they arrive; larger ones elsewhere, and only a few at a time.
pub const SMALL_BYTES_MAX: usize = 64 << 10;
/// Larger bodies worked on at once, and room for so many of the largest while they are received and wait.
pub const LARGE_MAX: usize = 8;
/// What room is counted in, so that there can be enough of it.
const ROOM_BYTES: usize = 1 << 10;

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
    "application/soap+xml",
    "message/rfc822",
    "multipart/mixed",
    "multipart/related",
    "text/xml",
    "text/plain",
    "application/octet-stream",
];

/// A body, received.
#[derive(Debug)]
pub struct Received {
    /// All of it, as it came.
    pub bytes: Bytes,
    /// The room it takes, if it is a large one.
    pub room: Option<OwnedSemaphorePermit>,
}

/// What may be received and worked on.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Bytes, packed and unpacked.
    pub bytes_max: usize,
    /// How long it may take.
    pub timeout: Duration,
    /// Room for large ones.
    room: Arc<Semaphore>,
    /// Places of those that are unpacked and read.
    pub places: Arc<Semaphore>,
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
    /// Bounds of one body, from which those of all together follow.
    pub fn new(bytes_max: usize, timeout: Duration) -> Self {
        let room = bytes_max.div_ceil(ROOM_BYTES).saturating_mul(LARGE_MAX).min(Semaphore::MAX_PERMITS);
        let (room, places) = (Arc::new(Semaphore::new(room)), Arc::new(Semaphore::new(LARGE_MAX)));
        Self { bytes_max, timeout, room, places }
    }

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
        let mut room: Option<OwnedSemaphorePermit> = None;
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
            if size > SMALL_BYTES_MAX {
                self.make_room(size, &mut room)?;
            }
            if size == piece.len() {
                first = piece;
                continue;
            }
            if !first.is_empty() {
                // What is announced is not there yet: it is not believed before a good part of it is.
                all.reserve(size.max(announced.min(SMALL_BYTES_MAX)));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&piece);
        }
        Ok(Received { bytes: if all.is_empty() { first } else { all.freeze() }, room })
    }

    /// Takes room for so many bytes in all.
    fn make_room(&self, size: usize, room: &mut Option<OwnedSemaphorePermit>) -> Result<(), Problem> {
        let taken = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = size.div_ceil(ROOM_BYTES).saturating_sub(taken);
        let full = |_| Problem::later("busy", "too many large bodies are being received; send it again in a moment", 1);
        let more = Arc::clone(&self.room).try_acquire_many_owned(wanted.min(u32::MAX as usize) as u32).map_err(full)?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        Ok(())
    }

    /// Refuses what has more bytes.
    pub fn too_large(&self) -> Problem {
        let detail = format!("the body has more than {} bytes; send it in parts", self.bytes_max);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }
}

#[cfg(test)]
mod tests {
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    fn sent(pieces: Vec<usize>) -> Body {
        let pieces = pieces.into_iter().map(|size| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; size])));
        Body::from_stream(tokio_stream::iter(pieces))
    }

    #[tokio::test]
    async fn who_sends_slowly_takes_no_room_from_others() {
        let bounds = Bounds::new(128 << 10, Duration::from_hours(1));
        let headers = HeaderMap::new();
        // As many as there may be large ones, each with a first piece and nothing behind it.
        let mut slow = Vec::new();
        for _ in 0..LARGE_MAX {
            let (sender, pieces) = tokio::sync::mpsc::channel(1);
            sender.send(Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; 65 << 10]))).await.unwrap();
            let mut receiving = Box::pin(bounds.receive(&headers, Body::from_stream(ReceiverStream::new(pieces))));
            assert!(
                tokio::time::timeout(Duration::ZERO, &mut receiving).await.is_err(),
                "the rest of it is waited for"
            );
            slow.push((sender, receiving));
        }
        let whole = bounds.receive(&headers, sent(vec![64 << 10, 64 << 10])).await.unwrap();
        assert_eq!(whole.bytes.len(), 128 << 10);
        // What has really arrived is bounded for all together.
        let mut others = Vec::new();
        let refused = loop {
            match bounds.receive(&headers, sent(vec![128 << 10])).await {
                Ok(received) => others.push(received),
                Err(refused) => break format!("{refused:?}"),
            }
        };
        assert!(refused.contains("503") && refused.contains("busy"), "{refused}");
        assert_eq!(others.len(), 2, "half of the room is left by those who are slow, less one body");
        drop((whole, others));
        assert!(bounds.receive(&headers, sent(vec![128 << 10])).await.is_ok(), "it is given back");
        assert!(bounds.receive(&headers, sent(vec![10, 10])).await.unwrap().room.is_none(), "small ones need none");
    }
}
