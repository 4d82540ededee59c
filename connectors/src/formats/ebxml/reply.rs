//! What an envelope is answered at once: that its message is in the journal, what is wrong with it, that we are here.
//! What becomes of the declaration in it is another message.

use super::{Answer, Envelope, Opened, Purpose, Status};
use crate::answers::{Answering, Document};

/// Answers the envelope of a message; signals are not answered.
pub fn answer(to: &Answering<'_>) -> Vec<Document> {
    let opened = Opened::new(to.message.bytes);
    let one = |(n, envelope): (usize, &Envelope)| {
        let answer = match &envelope.purpose {
            Purpose::Payloads => Answer::to(to.set_aside),
            Purpose::Ping => Answer::Pong,
            Purpose::StatusRequest { about } => {
                Answer::Status((to.came)(about).map_or(Status::NotRecognized, Status::Processed))
            }
            _ => return None,
        };
        let id = format!("{}-{n}@{}", to.reference, host(envelope, to.settings.party.as_str()));
        let text = answer.write(envelope, &id, to.at_ms)?;
        Some(Document { content_type: envelope.protocol.content_type(), text })
    };
    // A SOAP message is answered by one.
    opened.envelopes().iter().enumerate().find_map(one).into_iter().collect()
}

/// Behind the `@` of an id: who answers, as far as it can stand there.
fn host(envelope: &Envelope, party: &str) -> String {
    let id = if envelope.to.id().is_empty() { party } else { envelope.to.id() };
    let host: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).take(60).collect();
    if host.is_empty() { "haechi".to_owned() } else { host }
}
