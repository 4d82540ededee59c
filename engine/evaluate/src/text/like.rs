//! LIKE patterns by their shape: most are an equality, a prefix or a word inside, which have faster ways than a regex.
//! `\` takes the next character as it is, as in Arrow's own kernel.

use regex::{Regex, RegexBuilder};

use crate::error::EvaluateError;

/// What a pattern asks.
#[derive(Debug)]
pub(crate) enum Like {
    /// No wildcard.
    Exact(String),
    /// `text%`
    Prefix(String),
    /// `%text`
    Suffix(String),
    /// `%text%`
    Contains(String),
    /// Only `%`: any value.
    Any,
    /// Whatever else.
    Pattern(Regex),
}

enum Piece {
    Text(String),
    Run,
    One,
}

impl Like {
    pub fn new(pattern: &str, ignore_case: bool) -> Result<Self, EvaluateError> {
        let pieces = pieces(pattern);
        if ignore_case {
            return regex(&pieces, true, pattern);
        }
        Ok(match pieces.as_slice() {
            [] => Self::Exact(String::new()),
            [Piece::Text(text)] => Self::Exact(text.clone()),
            [Piece::Run] => Self::Any,
            [Piece::Text(text), Piece::Run] => Self::Prefix(text.clone()),
            [Piece::Run, Piece::Text(text)] => Self::Suffix(text.clone()),
            [Piece::Run, Piece::Text(text), Piece::Run] => Self::Contains(text.clone()),
            _ => return regex(&pieces, false, pattern),
        })
    }

    /// Whether a value matches.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
            Self::Contains(text) => value.contains(text.as_str()),
            Self::Any => true,
            Self::Pattern(regex) => regex.is_match(value),
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '%' => {
                if !matches!(pieces.last(), Some(Piece::Run)) {
                    pieces.push(Piece::Run);
                }
                continue;
            }
            '_' => {
                pieces.push(Piece::One);
                continue;
            }
            '\\' => chars.next().unwrap_or('\\'),
            c => c,
        };
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(literal),
            _ => pieces.push(Piece::Text(literal.into())),
        }
    }
    pieces
}

fn regex(pieces: &[Piece], ignore_case: bool, pattern: &str) -> Result<Like, EvaluateError> {
    let body: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => regex::escape(text),
            Piece::Run => ".*".into(),
            Piece::One => ".".into(),
        })
        .collect();
    RegexBuilder::new(&format!("^{body}$"))
        .case_insensitive(ignore_case)
        .dot_matches_new_line(true)
        .build()
        .map(Like::Pattern)
        .map_err(|e| EvaluateError::Pattern { pattern: pattern.to_owned(), reason: e.to_string() })
}
