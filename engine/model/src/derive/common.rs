//! What every stream has: when it was known, what it stands for, when it happened.

use super::kernels::{column, constant_ts, first_known};
use super::rows::Rows;
use super::{Derivation, Derived};

pub(super) const KNOWN_AT: Derivation =
    Derivation::new("known_at", &[], |rows| column(rows.context.now.map(|now| constant_ts(now, rows.len()))));

pub(super) const AS_OF: Derivation = Derivation::new("as_of", &["known_at"], |rows| {
    let now = rows.context.now.map(|now| constant_ts(now, rows.len()));
    column(first_known([rows.ts("known_at"), now.as_ref()]))
});

/// `event_at` of a stream whose event time stands in `$time`.
macro_rules! event_at {
    ($time:literal) => {
        $crate::derive::Derivation::new("event_at", &[$time, "known_at"], |rows| {
            $crate::derive::common::event_time(rows, $time)
        })
    };
}
pub(super) use event_at;

pub(super) fn event_time(rows: &Rows<'_>, time: &str) -> Derived {
    column(first_known([rows.ts(time), rows.ts("known_at")]))
}
