//! Mistakes and warnings in rule files: where, what, what to do; rendered with the excerpt underlined.

use std::ops::Range;

use crate::source::{FileId, Sources};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look; the ruleset still compiles.
    Warning,
    /// The ruleset is refused.
    Error,
}

/// A place in a rule file, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Which file.
    pub file: FileId,
    /// Bytes of it.
    pub range: Range<usize>,
}

/// One mistake or warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable code such as `E0201`; [`crate::codes`] describes it.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// Where; the excerpt underlined.
    pub span: Span,
    /// What is wrong, lower case, no final stop, the author's own text in backticks.
    pub message: String,
    /// What stands under the excerpt.
    pub label: String,
    /// What to do, nearest right names.
    pub help: Option<String>,
    /// The rule it is about, where known.
    pub rule: Option<String>,
}

impl Diagnostic {
    /// An error with an empty label.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span,
            message: message.into(),
            label: String::new(),
            help: None,
            rule: None,
        }
    }

    /// A warning with an empty label.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// With the words under the excerpt.
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// With what to do.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// About this rule.
    pub fn in_rule(self, rule: &str) -> Self {
        Self { rule: Some(rule.to_owned()), ..self }
    }

    /// `file:line:column`, lines and columns from 1, columns in characters.
    pub fn position(&self, sources: &Sources) -> String {
        sources.position(&self.span)
    }
}

/// No name is longer: comparing takes the product of both lengths.
const NAME_BYTES_MAX: usize = 128;

/// The name in `names` nearest to `wrong`, if any is near enough to be what was meant.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if wrong.len() > NAME_BYTES_MAX {
        return None;
    }
    let wrong = wrong.to_ascii_lowercase();
    names
        .into_iter()
        .filter(|name| name.len() <= NAME_BYTES_MAX)
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_ascii_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(wrong.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
