//! An explanation as text.

use std::fmt::Write;

use super::{Finding, Origin};

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.source, self.position)?;
        if let Some(id) = &self.message_id {
            write!(f, "; message {id}")?;
        }
        self.path.as_ref().map_or(Ok(()), |path| write!(f, ", {path}"))
    }
}

impl Finding {
    /// An explanation for people. With a rule, the one asked about, that rule alone.
    pub fn text(&self, rule: Option<&str>) -> String {
        let mut text = String::new();
        let mut line = |parts: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{parts}");
        };
        if let Some(rule) = rule {
            for (row, explanation) in self.asked.iter().enumerate() {
                let word = if explanation.truth == Some(true) { "hits" } else { "does not hit" };
                line(format_args!("{rule} {word} row {} of {}:", row + 1, self.rows));
                line(format_args!("{}", explanation.tree(2)));
                if explanation.truth != Some(true) {
                    for part in explanation.decisive() {
                        line(format_args!("  decisive: {}", part.line()));
                    }
                }
            }
        } else {
            line(format_args!("{}", self.decision.to_string().trim_end()));
            for hit in &self.hits {
                line(format_args!("{}: {}", hit.rule, hit.title));
                line(format_args!("{}", hit.explanation.tree(2)));
                if let Some(instruction) = &hit.instruction {
                    line(format_args!("  officer: {instruction}"));
                }
                if let Some(from) = &hit.from {
                    line(format_args!("  from: {from}"));
                }
            }
        }
        text
    }
}
