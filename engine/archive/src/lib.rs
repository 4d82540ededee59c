//! Journal and selections as Parquet by day, and SQL over them.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]
