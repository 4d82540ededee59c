//! Journal, selections, positions and quarantine on disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]
