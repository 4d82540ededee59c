//! The rule language: rule files to a checked ruleset.
//!
//! [`mod@load`] reads files to rules as written, [`condition`] compiles their conditions into one [`program`],
//! [`ruleset`] puts both together and freezes them under a content hash. Every mistake of every file is a
//! [`diagnostic`]; none of them is a panic, whatever the file holds. No clock and no socket in here.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

pub mod codes;
pub mod condition;
pub mod decision;
pub mod diagnostic;
pub mod formula_lints;
pub mod lints;
pub mod lists;
pub mod load;
pub mod profile;
pub mod program;
pub mod render;
pub mod rule;
pub mod ruleset;
pub mod source;
pub mod sweep;
pub mod tables;
pub mod yaml;

pub use diagnostic::{Diagnostic, Severity};
pub use load::{LoadOptions, RawRuleset, load};
pub use profile::Profile;
pub use program::Program;
pub use rule::Rule;
pub use ruleset::{Ruleset, compile};
pub use source::Sources;
