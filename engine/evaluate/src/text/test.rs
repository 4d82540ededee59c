//! One text atom asked of one value: what is left to do where few rows are left. For many rows, or many atoms, the
//! index answers all of them at once.

use std::sync::Arc;

use haechi_rules::program::{Cmp, Literal, Test};

use super::like::Like;
use crate::error::EvaluateError;

/// What an atom asks of a text.
#[derive(Debug)]
pub(crate) enum TextTest {
    /// Compares so with a text.
    Compare(Cmp, Arc<str>),
    /// Is one of these, sorted.
    OneOf(Arc<[Literal]>),
    /// Matches a pattern.
    Like(Like),
    /// Stands in a list, or mentions an entry of one: only the index knows the list.
    Listed,
}

impl TextTest {
    /// The test of a text atom; `None` where the constant is no text.
    pub fn new(test: &Test) -> Result<Option<Self>, EvaluateError> {
        Ok(match test {
            Test::Compare(cmp, Literal::Text(text)) => Some(Self::Compare(*cmp, Arc::clone(text))),
            Test::In { values, .. } => Some(Self::OneOf(Arc::clone(values))),
            Test::Like { pattern, ignore_case } => Some(Self::Like(Like::new(pattern, *ignore_case)?)),
            Test::InList(_) | Test::Mentions(_) => Some(Self::Listed),
            Test::Compare(..) | Test::IsTrue | Test::IsNull | Test::CompareWith(..) => None,
        })
    }

    /// Whether it holds for a value; `None` where only the index can say.
    pub fn holds(&self, value: &str) -> Option<bool> {
        Some(match self {
            Self::Compare(cmp, text) => cmp.holds(value.cmp(text)),
            Self::OneOf(values) => values
                .binary_search_by(|literal| match literal {
                    Literal::Text(text) => (**text).cmp(value),
                    // Texts sort first among literals.
                    _ => std::cmp::Ordering::Greater,
                })
                .is_ok(),
            Self::Like(like) => like.matches(value),
            Self::Listed => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_among_sorted_texts() {
        let values = ["AA", "CN", "Ü"].map(|text| Literal::Text(text.into()));
        let test = TextTest::new(&Test::In { values: values.into(), with_null: false }).unwrap().unwrap();
        for (value, expected) in [("AA", true), ("CN", true), ("Ü", true), ("B", false), ("", false), ("Z", false)] {
            assert_eq!(test.holds(value), Some(expected), "{value}");
        }
    }
}
