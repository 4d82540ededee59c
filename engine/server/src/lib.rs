//! The service: settings, HTTP API, metrics, health.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]
