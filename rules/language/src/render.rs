//! Diagnostics for people (the excerpt underlined, as compilers do) and for programs (JSON).

use std::ops::Range;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::{Error as FilesError, Files};
use codespan_reporting::term;
use codespan_reporting::term::termcolor::Buffer;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{SourceFile, Sources};

/// Longer lines are shown in part.
const LINE_BYTES_MAX: usize = 160;

/// All diagnostics as text for a terminal, in their order.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let config = term::Config::default();
    let mut buffer = if color { Buffer::ansi() } else { Buffer::no_color() };
    let styles = term::Styles::default();
    let mut text = String::new();
    for diagnostic in diagnostics {
        let file = sources.file(diagnostic.span.file);
        let range = whole_characters(&file.text, &diagnostic.span.range);
        let excerpt = Excerpt::around(file, &range);
        let shown = to_codespan(diagnostic, excerpt.shown(&range));
        let mut writer = term::StylesWriter::new(&mut buffer, &styles);
        if term::emit_to_write_style(&mut writer, &config, &excerpt, &shown).is_err() {
            // An excerpt that cannot be shown is no reason to keep the mistake to ourselves.
            let at = diagnostic.position(sources);
            text.extend([&at, ": ", diagnostic.code, ": ", &diagnostic.message, "\n"]);
        }
        text.push_str(&String::from_utf8_lossy(buffer.as_slice()));
        buffer.clear();
    }
    text
}

/// One diagnostic for a program. Lines and columns count from 1, columns in characters.
pub fn to_json(diagnostic: &Diagnostic, sources: &Sources) -> serde_json::Value {
    let file = sources.file(diagnostic.span.file);
    let (line, column) = file.line_column(diagnostic.span.range.start);
    let (end_line, end_column) = file.line_column(diagnostic.span.range.end);
    serde_json::json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "file": file.path.display().to_string(),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "rule": diagnostic.rule,
    })
}

fn to_codespan(diagnostic: &Diagnostic, range: Range<usize>) -> codespan::Diagnostic<()> {
    let severity = match diagnostic.severity {
        Severity::Error => codespan::Severity::Error,
        Severity::Warning => codespan::Severity::Warning,
    };
    let label = codespan::Label::primary((), range).with_message(&diagnostic.label);
    let rule = diagnostic.rule.iter().map(|rule| format!("rule: {rule}"));
    let notes = diagnostic.help.iter().map(|help| format!("help: {help}")).chain(rule);
    codespan::Diagnostic::new(severity)
        .with_code(diagnostic.code)
        .with_message(&diagnostic.message)
        .with_label(label)
        .with_notes(notes.collect())
}

/// The range inside the text, widened to whole characters.
fn whole_characters(text: &str, range: &Range<usize>) -> Range<usize> {
    let mut start = range.start.min(text.len());
    let mut end = range.end.clamp(start, text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// One file as codespan asks for it. Of a line of some thousand characters only what surrounds the mistake is shown.
struct Excerpt<'s> {
    file: &'s SourceFile,
    /// The bytes shown, where that is part of one line.
    window: Option<Range<usize>>,
}

impl<'s> Excerpt<'s> {
    fn around(file: &'s SourceFile, range: &Range<usize>) -> Self {
        let (line, _) = file.line_column(range.start);
        let whole = file.line_start(line)..file.line_start(line + 1);
        let long = whole.len() > LINE_BYTES_MAX && range.end <= whole.end;
        let window = long.then(|| {
            let start = range.start.saturating_sub(LINE_BYTES_MAX / 2).max(whole.start);
            let end = (range.start + LINE_BYTES_MAX / 2).max(range.end.min(range.start + LINE_BYTES_MAX));
            whole_characters(&file.text, &(start..end.min(whole.end)))
        });
        Self { file, window }
    }

    /// A range of the file as one of the text shown.
    fn shown(&self, range: &Range<usize>) -> Range<usize> {
        let Some(window) = &self.window else { return range.clone() };
        let inside = |byte: usize| byte.clamp(window.start, window.end) - window.start;
        inside(range.start)..inside(range.end)
    }

    /// A byte of the text shown as one of the file.
    fn in_file(&self, byte: usize) -> usize {
        self.window.as_ref().map_or(0, |window| window.start) + byte
    }
}

impl<'a> Files<'a> for Excerpt<'_> {
    type FileId = ();
    type Name = String;
    type Source = &'a str;

    fn name(&'a self, (): ()) -> Result<String, FilesError> {
        Ok(self.file.path.display().to_string())
    }

    fn source(&'a self, (): ()) -> Result<&'a str, FilesError> {
        let text = self.file.text.as_str();
        Ok(self.window.clone().and_then(|window| text.get(window)).unwrap_or(text))
    }

    fn line_index(&'a self, (): (), byte: usize) -> Result<usize, FilesError> {
        Ok(if self.window.is_some() { 0 } else { self.file.line_column(byte).0 - 1 })
    }

    fn line_number(&'a self, (): (), index: usize) -> Result<usize, FilesError> {
        Ok(self.window.as_ref().map_or(index + 1, |window| self.file.line_column(window.start).0))
    }

    fn column_number(&'a self, (): (), _line: usize, byte: usize) -> Result<usize, FilesError> {
        Ok(self.file.line_column(self.in_file(byte)).1)
    }

    fn line_range(&'a self, (): (), index: usize) -> Result<Range<usize>, FilesError> {
        Ok(match &self.window {
            Some(window) => 0..window.len(),
            None => self.file.line_start(index + 1)..self.file.line_start(index + 2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn sources() -> (Sources, Diagnostic) {
        let mut sources = Sources::default();
        let text = "when: >\n  설명 = '신발' AND\n  orgin = 'CN'\n";
        let file = sources.add("packs/a.yaml", text);
        let start = text.find("orgin").unwrap();
        let diagnostic = Diagnostic::error("E0202", Span { file, range: start..start + 5 }, "unknown column `orgin`")
            .label("no column of `declaration`")
            .help("nearest is `origin_country`")
            .in_rule("a-1");
        (sources, diagnostic)
    }

    #[test]
    fn the_excerpt_is_underlined() {
        let (sources, diagnostic) = sources();
        insta::assert_snapshot!(render(&[diagnostic], &sources, false), @r"
        error[E0202]: unknown column `orgin`
          ┌─ packs/a.yaml:3:3
          │
        3 │   orgin = 'CN'
          │   ^^^^^ no column of `declaration`
          │
          = help: nearest is `origin_country`
          = rule: a-1
        ");
    }

    #[test]
    fn colours_are_there_when_asked_for() {
        let (sources, diagnostic) = sources();
        assert!(render(std::slice::from_ref(&diagnostic), &sources, true).contains("\u{1b}["));
        assert!(!render(&[diagnostic], &sources, false).contains('\u{1b}'));
    }

    #[test]
    fn programs_get_the_same_facts() {
        let (sources, diagnostic) = sources();
        let json = to_json(&diagnostic, &sources);
        assert_eq!(json["code"], "E0202");
        assert_eq!((&json["line"], &json["column"], &json["end_column"]), (&3.into(), &3.into(), &8.into()));
        assert_eq!((&json["severity"], &json["rule"]), (&"error".into(), &"a-1".into()));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mistake_is_shown() {
        let mut sources = Sources::default();
        let text = format!("{{}}\n{} orgin = 'CN' {}\n", "가".repeat(2_000), "x".repeat(5_000));
        let file = sources.add("r.jsonl", text.as_str());
        let start = text.find("orgin").unwrap();
        let diagnostic = Diagnostic::error("E0202", Span { file, range: start..start + 5 }, "unknown column `orgin`");
        let shown = render(&[diagnostic], &sources, false);
        assert!(shown.contains("r.jsonl:2:2002") && shown.contains("orgin = 'CN'"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    }

    #[test]
    fn a_place_outside_the_text_is_still_shown() {
        let (sources, mut diagnostic) = sources();
        diagnostic.span.range = 9..99_999;
        assert!(render(std::slice::from_ref(&diagnostic), &sources, false).contains("E0202"));
        diagnostic.span.range = 99_999..99_999;
        assert!(render(&[diagnostic], &sources, false).contains("E0202"));
    }
}
