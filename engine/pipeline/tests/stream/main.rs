//! The running stream on a real store: what a sender is answered, what is kept, and that both depend on nothing but what
//! was sent.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cutting;
mod features;
mod messages;
mod publishing;
mod release;
mod support;
