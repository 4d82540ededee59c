//! Instants as messages write them: by a pattern, on the clock that the format says.

use chrono::{DateTime, Utc};

use crate::timeline::SEOUL_MS;

/// An instant by a pattern, UTC.
pub(super) fn utc(instant: Option<i64>, pattern: &str) -> String {
    let at = instant.map(|at| DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default());
    at.map_or(String::new(), |at| at.format(pattern).to_string())
}

/// The same in Seoul.
pub(super) fn seoul(instant: Option<i64>, pattern: &str) -> String {
    utc(instant.map(|at| at + SEOUL_MS), pattern)
}

/// On the clock of an airport.
pub(super) fn local(instant: Option<i64>, airport: &str, pattern: &str) -> String {
    let zone = haechi_model::codes::airport(airport).map_or(chrono_tz::UTC, |airport| airport.tz);
    let at = instant.map(|at| DateTime::<Utc>::from_timestamp_millis(at).unwrap_or_default());
    at.map_or(String::new(), |at| at.with_timezone(&zone).format(pattern).to_string())
}
