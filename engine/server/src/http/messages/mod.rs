//! `POST /v1/messages`: a message of any format in, whatever streams it speaks of; out what was decided on it, as JSON or
//! in the manner of its format. `GET /v1/messages/{id}`: the bytes of a message, or what it was answered.
//!
//! An answer is sent when rows, selections, the message itself and the answer are on disk: an acknowledgement is a
//! promise. A message in an envelope that comes again is answered as it was, and makes no second row.

mod message;
mod submit;

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use haechi_connectors::formats::ebxml;
use haechi_connectors::{Delivery, Document, MessageFormat};
use haechi_store::{KeptAnswer, KeptMessage, StoreError};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Received, check_headers};
use super::intake::{blocking, in_time};
use super::opening::Opened;
use super::problem::Problem;
use super::query::{Asked, Named};
use super::reply::Reply;
use super::request::RequestId;
use super::state::App;
use crate::readers::HTTP;
use message::{CARRY_INTERCHANGES, Message, Wrapped, first_part, request_key};
use submit::{Submitted, submit};

/// Media types by which a sender asks for an answer in the manner of the format.
const IN_KIND: &[&str] = &[
    "application/edifact",
    "application/xml",
    "text/xml",
    "application/soap+xml",
    "multipart/mixed",
    "multipart/related",
];
const FORMAT_HEADER: HeaderName = HeaderName::from_static("haechi-message-format");
const RECEIVED_HEADER: HeaderName = HeaderName::from_static("haechi-received-at");
const REPEATED_HEADER: HeaderName = HeaderName::from_static("haechi-repeated");

/// What the sender wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// Selections as JSON.
    Json,
    /// Documents in the manner of the format.
    InKind,
    /// What senders of the format expect.
    AsUsual,
}

impl Wants {
    /// What the sender likes best (RFC 9110, 12.5.1); of what he likes alike, what he names first.
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
        let mut best = (0.0, Self::AsUsual);
        for range in accept.flat_map(|list| list.split(',')) {
            let mut parameters = range.split(';').map(str::trim);
            let kind = parameters.next().unwrap_or_default();
            let wants = if kind.eq_ignore_ascii_case("application/json") {
                Self::Json
            } else if IN_KIND.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
                Self::InKind
            } else {
                continue;
            };
            let weight = parameters.find_map(|p| p.strip_prefix("q=").or(p.strip_prefix("Q=")));
            let weight: f32 = weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0));
            if weight > best.0 {
                best = (weight, wants);
            }
        }
        best.1
    }

    /// Gateways wait for a receipt; everybody else may read JSON.
    fn in_kind(self, format: &MessageFormat) -> bool {
        self == Self::InKind || (self == Self::AsUsual && format.name == ebxml::NAME)
    }
}

/// Takes a message.
pub async fn take(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let seat = app.seat()?;
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    let wants = Wants::of(&parts.headers);
    let received = app.bounds.receive(&parts.headers, body).await?;
    let id = RequestId::given(&parts);
    let timeout = app.http.timeout();
    in_time(timeout, decide(app, received, id, wants, seat)).await
}

async fn decide(
    app: Arc<App>,
    received: Received,
    id: String,
    wants: Wants,
    _seat: OwnedSemaphorePermit,
) -> Result<Response, Problem> {
    let Opened { bytes, held: _held, .. } = app.bounds.open(received).await?;
    let at_ms = Utc::now().timestamp_millis();
    let options = app.readers.message_options(at_ms);
    let message = blocking(move || Message::read(bytes, options, at_ms)).await??;
    let in_kind = wants.in_kind(message.format);
    // Of two that come at once the second is answered as the first was.
    let _turn = match &message.envelope {
        Some(envelope) => Some(app.turn_of(&envelope.key).await),
        None => None,
    };
    let before = answered_before(&app, &message).await?;
    match before {
        Some(Before { answer, same: true }) if in_kind => return Ok(repeated(answer)),
        Some(Before { answer, same: false }) => return another(&app, &message, id, answer, in_kind).await,
        _ => {}
    }
    for stream in message.streams().into_iter().filter(|stream| stream.lanes.is_some()) {
        app.need_rules(stream)?;
    }
    let mut ids = message.ids();
    ids.insert(request_key(&id));
    let mut kept = KeptMessage {
        ids: ids.into_iter().collect(),
        format: message.format.name.to_owned(),
        source: HTTP.to_owned(),
        received_at_ms: message.at_ms,
        bytes: message.bytes.to_vec(),
        answer: None,
    };
    // Before its rows, so that no row is without its message; without an answer it counts as not yet answered.
    if before.is_none() {
        kept = keep(&app, kept).await?;
    }
    let Submitted { message, reply, taken, set_aside } = submit(&app, message, id).await?;
    let asked = Arc::clone(&app);
    let answer = blocking(move || message.answer(&asked, &taken, &set_aside)).await?;
    if before.is_none() && answer.is_some() {
        kept.answer.clone_from(&answer);
        keep(&app, kept).await?;
    }
    Ok(match answer {
        Some(KeptAnswer { content_type, text }) if in_kind => {
            ([(header::CONTENT_TYPE, content_type)], text).into_response()
        }
        // Nothing of why leaves in this manner: where there is no document, there is no body.
        None if in_kind && reply.body().is_none() && !reply.is_empty() => reply.problem().into_response(),
        None if in_kind => StatusCode::ACCEPTED.into_response(),
        // A signal, or a list of nobody: it came, and there is nothing to decide on.
        _ if reply.is_empty() => {
            (StatusCode::ACCEPTED, [(header::CONTENT_TYPE, "application/json")], reply.object()).into_response()
        }
        _ => reply.into_response(),
    })
}

/// Keeps a message, and gives it back.
async fn keep(app: &Arc<App>, message: KeptMessage) -> Result<KeptMessage, Problem> {
    let store = app.engine.store().clone();
    blocking(move || store.keep_message(&message).map(|()| message)).await?.map_err(Problem::from)
}

/// A message of the same sender and id that was answered before.
struct Before {
    answer: KeptAnswer,
    /// Whether it carried the same.
    same: bool,
}

async fn answered_before(app: &Arc<App>, message: &Message) -> Result<Option<Before>, Problem> {
    let Some(Wrapped { key, hash, .. }) = &message.envelope else { return Ok(None) };
    let (store, key, hash) = (app.engine.store().clone(), key.clone(), *hash);
    let found = app.look(move || store.messages(&key, 1)).await??.pop();
    Ok(found.and_then(|kept| {
        let same = ebxml::Opened::new(&kept.bytes).payload_hash() == hash;
        Some(Before { answer: kept.answer?, same })
    }))
}

fn repeated(KeptAnswer { content_type, text }: KeptAnswer) -> Response {
    ([(header::CONTENT_TYPE, content_type), (REPEATED_HEADER, "true".to_owned())], text).into_response()
}

/// A message that has the id of one before and carries something else: it makes no row, and is not lost either.
async fn another(
    app: &Arc<App>,
    message: &Message,
    id: String,
    answer: KeptAnswer,
    in_kind: bool,
) -> Result<Response, Problem> {
    // All of it, under the request alone: the quarantine has the beginning.
    let kept = KeptMessage {
        ids: vec![request_key(&id)],
        format: message.format.name.to_owned(),
        source: HTTP.to_owned(),
        received_at_ms: message.at_ms,
        bytes: message.bytes.to_vec(),
        answer: None,
    };
    keep(app, kept).await?;
    let stream = message.likely_stream();
    let document = Document { source: HTTP.into(), position: id, bytes: message.bytes.clone() };
    let reason = "its MessageId was used before, for a message with another content; ask the sender for a new one";
    let intake = app.readers.of_messages(stream).refused(&document, "message_id_reused", reason);
    let mut reply = Reply::default();
    reply.add(app.engine.submit(Delivery::new(stream, intake, None)).await?)?;
    Ok(if in_kind { repeated(answer) } else { reply.into_response() })
}

/// What of a message is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it was answered, instead of the message.
    #[serde(default)]
    answer: bool,
}

/// The newest message of an id: that of the message, of one in it (the column `message_id`), or of the request, which no
/// other message has; it stands first in the column `source_position`.
pub async fn show(
    State(app): State<Arc<App>>,
    Named(id): Named<String>,
    Asked(Query(part)): Asked<Part>,
) -> Result<Response, Problem> {
    let store = app.engine.store().clone();
    let asked = id.clone();
    let find = move || {
        let mut found = store.messages(&asked, 1)?;
        if found.is_empty() {
            found = store.messages(&request_key(&asked), 1)?;
        }
        if found.is_empty() && !first_part(&asked).is_empty() {
            // Of an interchange of many messages only its own reference is kept.
            found = store.messages(first_part(&asked), 1)?;
            found.retain(|kept| CARRY_INTERCHANGES.contains(&kept.format.as_str()));
        }
        Ok::<_, StoreError>(found.pop())
    };
    let Some(kept) = app.look(find).await?? else {
        return Err(Problem::not_found(format!("no message `{id}` was kept; messages go with their rows")));
    };
    let stamp = DateTime::from_timestamp_millis(kept.received_at_ms).unwrap_or_default().to_rfc3339();
    let headers = [(FORMAT_HEADER, kept.format), (RECEIVED_HEADER, stamp)];
    match kept.answer {
        Some(answer) if part.answer => {
            Ok((headers, [(header::CONTENT_TYPE, answer.content_type)], answer.text).into_response())
        }
        None if part.answer => {
            Err(Problem::not_found(format!("message `{id}` was answered with its selections alone")))
        }
        _ => Ok((headers, [(header::CONTENT_TYPE, "application/octet-stream")], kept.bytes).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_liked_best_is_answered() {
        for (accept, wants) in [
            (&["application/json"][..], Wants::Json),
            (&["application/edifact, application/json"], Wants::InKind),
            (&["application/edifact;q=0.5, application/json"], Wants::Json),
            (&["application/json;q=0.1", "text/xml;charset=utf-8;q=0.9"], Wants::InKind),
            (&["application/edifact;q=0"], Wants::AsUsual),
            (&["*/*"], Wants::AsUsual),
            (&["text/plain", "APPLICATION/XML"], Wants::InKind),
            (&[], Wants::AsUsual),
        ] {
            let headers = accept.iter().map(|value| (header::ACCEPT, value.parse().unwrap())).collect();
            assert_eq!(Wants::of(&headers), wants, "{accept:?}");
        }
    }
}
