//! What is wrong with a mapping file.

use std::fmt;
use std::io;

/// Why a mapping file was refused.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It cannot be read.
    #[error("{file}: cannot be read")]
    Unreadable {
        /// As named by the user.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is read, and wrong.
    #[error("{}", Lines(.mistakes))]
    Wrong {
        /// Every mistake, in the order of the file.
        mistakes: Vec<Mistake>,
    },
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// As named by the user.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.text)
    }
}

struct Lines<'a>(&'a [Mistake]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

/// Collects the mistakes of one file.
pub(super) struct Mistakes<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<(usize, Mistake)>,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Notes a mistake at a byte of the file.
    pub(super) fn at(&mut self, byte: usize, text: impl Into<String>) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let mistake = Mistake {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            text: text.into(),
        };
        self.found.push((byte, mistake));
    }

    /// The mistakes as an error, if there are any.
    pub(super) fn into_result(mut self) -> Result<(), MappingError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|(byte, _)| *byte);
        Err(MappingError::Wrong { mistakes: self.found.into_iter().map(|(_, mistake)| mistake).collect() })
    }
}
