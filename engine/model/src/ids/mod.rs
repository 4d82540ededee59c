//! Domain types, parsed once at the edge: further in, holding the value is the proof.

mod cargo_control;
mod container;
mod country;
mod document;
mod hs_code;
mod money;
mod un_locode;

pub use cargo_control::CargoControlNumber;
pub use container::ContainerId;
pub use country::Country;
pub use document::DocumentNumber;
pub use hs_code::HsCode;
pub use money::{Currency, Money};
pub use un_locode::UnLocode;

/// Why a text is no id of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing there.
    #[error("empty {what}")]
    Empty {
        /// Kind of id.
        what: &'static str,
    },
    /// Too short or too long.
    #[error("`{text}` is no {what}: {expected}, got {got}")]
    Length {
        /// Kind of id.
        what: &'static str,
        /// As written; masked where personal.
        text: String,
        /// Lengths that are right.
        expected: &'static str,
        /// Characters that count.
        got: usize,
    },
    /// A character that cannot stand there.
    #[error("`{text}` is no {what}: {expected}, got `{got}`")]
    Character {
        /// Kind of id.
        what: &'static str,
        /// As written; masked where personal.
        text: String,
        /// What can stand there.
        expected: &'static str,
        /// What stands there.
        got: char,
    },
    /// Well formed, and in no list.
    #[error("unknown {what} `{text}`")]
    Unknown {
        /// Kind of id.
        what: &'static str,
        /// As written.
        text: String,
    },
    /// The check digit contradicts the rest: mistyped, misread or made up.
    #[error("`{text}` is no {what}: check digit `{got}` should be `{expected}`")]
    CheckDigit {
        /// Kind of id.
        what: &'static str,
        /// As written; masked where personal.
        text: String,
        /// The digit that fits.
        expected: char,
        /// The digit that stands there.
        got: char,
    },
}

/// How much of a wrong text an error repeats.
const SHOWN_CHARS: usize = 40;

fn shown(text: &str) -> String {
    if text.chars().count() <= SHOWN_CHARS {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS).chain(['…']).collect()
}

/// An id that is text inside: shown as it is, compared as it is.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The normal form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }
    };
}
use text_id;

#[cfg(test)]
mod tests;
