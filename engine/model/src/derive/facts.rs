//! Facts and reference records: times only.

use super::Derivation;
use super::common::{AS_OF, KNOWN_AT, event_at};

pub(super) fn derivations(stream: &str) -> &'static [Derivation] {
    match stream {
        "outcome" => const { &[KNOWN_AT, AS_OF, event_at!("inspected_at")] },
        "crossing" => const { &[KNOWN_AT, AS_OF, event_at!("crossed_at")] },
        "permit" => const { &[KNOWN_AT, AS_OF, event_at!("decided_at")] },
        "cargo_event" => const { &[KNOWN_AT, AS_OF, event_at!("happened_at")] },
        "watchlist" => const { &[KNOWN_AT, AS_OF, event_at!("valid_from")] },
        "company" => const { &[KNOWN_AT, AS_OF, event_at!("known_at")] },
        _ => &[],
    }
}
