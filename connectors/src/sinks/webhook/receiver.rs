//! The other side of a webhook: one call, and what its answer means.

use std::error::Error;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest, Sha256};

use super::signing::Secret;

/// The longest pause that a receiver is granted.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// How much of an answer is read, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Selections to send.
pub struct Call {
    /// Selections in a form.
    pub body: Vec<u8>,
    /// Its media type.
    pub media_type: &'static str,
    /// Position of the first selection in it.
    pub first: u64,
    /// Position of the last.
    pub last: u64,
    /// How often these are tried, with this time.
    pub attempt: u32,
}

/// What became of a call.
#[derive(Debug)]
pub enum Verdict {
    /// The other side has it.
    Taken,
    /// It is away, busy or not set up: no selection is at fault.
    Later { reason: String, pause: Option<Duration> },
    /// It failed: it is ill, or a selection makes it so.
    Failed(String),
    /// It does not take what was sent.
    Refused(String),
}

/// An address that takes calls.
pub struct Receiver {
    client: Client,
    url: Url,
    secret: Secret,
}

impl Receiver {
    /// Checks the address.
    pub fn new(url: &str, secret: Secret, timeout: Duration) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("`url`: is not an address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`url`: `{}` is not spoken here, only https and http", url.scheme()));
        }
        let client = Client::builder()
            .user_agent(concat!("haechi/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .timeout(timeout)
            .build()
            .map_err(|error| format!("`url`: {error}"))?;
        Ok(Self { client, url, secret })
    }

    /// Sends, and waits for the answer.
    pub async fn call(&self, call: &Call) -> Verdict {
        let now = SystemTime::now();
        let unix = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let digest = hex::encode(&Sha256::digest(&call.body)[..4]);
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, call.media_type)
            .header("Haechi-Signature", self.secret.sign(unix, &call.body))
            .header("Haechi-Attempt", call.attempt)
            .header("Idempotency-Key", format!("{}-{}-{digest}", call.first, call.last))
            .body(call.body.clone());
        match request.send().await {
            Ok(response) => {
                let verdict = verdict(response.status(), pause(response.headers(), now.into()));
                drain(response).await;
                verdict
            }
            Err(error) => Verdict::Later { reason: told(error), pause: None },
        }
    }
}

/// What a status means: the table in the documentation of the module above.
fn verdict(status: StatusCode, pause: Option<Duration>) -> Verdict {
    match status.as_u16() {
        200..=299 => Verdict::Taken,
        408 | 409 | 425 | 429 | 502..=504 => Verdict::Later { reason: format!("busy or away: {status}"), pause },
        300..=399 | 401 | 403..=405 | 407 | 410 | 421 => {
            Verdict::Later { reason: format!("answered {status}: check the address and the secret"), pause }
        }
        500..=599 => Verdict::Failed(format!("the receiver failed: {status}")),
        _ => Verdict::Refused(format!("refused: {status}")),
    }
}

/// `Retry-After`, in seconds or as a date.
fn pause(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok()?,
    };
    Some(pause.min(PAUSE_MAX))
}

/// Reads an answer to its end, unless that is far. Nothing in it is of use: it may repeat personal data.
async fn drain(mut response: Response) {
    let mut n_read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        n_read += chunk.len();
        if n_read > ANSWER_BYTES_MAX {
            break;
        }
    }
}

/// An error with its causes, without the address: that may hold a token.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        let now = "2015-10-21T07:27:30Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(30)),
            ("Wed, 21 Oct 2015 07:27:00 GMT", None),
            ("999999999", Some(3600)),
            ("soon", None),
        ];
        for (text, secs) in cases {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(pause(&headers, now), secs.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn only_addresses_that_can_be_called_are_taken() {
        let secret = || Secret::from_env("PATH").unwrap();
        let refused = |url: &str| Receiver::new(url, secret(), PAUSE_MAX).err().unwrap();
        assert_eq!(refused("ftp://a/b"), "`url`: `ftp` is not spoken here, only https and http");
        assert_eq!(refused("officers"), "`url`: is not an address: relative URL without a base");
        assert!(Receiver::new("https://a.example/b?c=d", secret(), PAUSE_MAX).is_ok());
    }
}
