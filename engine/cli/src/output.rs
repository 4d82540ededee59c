//! Printing: text and tables for people, JSON for programs, errors on standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use serde::Serialize;

use crate::error::CommandError;

/// Where and how to print.
#[derive(Debug)]
pub struct Output {
    /// JSON instead of text.
    pub json: bool,
    /// Colours on standard output: on a terminal, unless NO_COLOR is set.
    pub color: bool,
    /// Colours on standard error, likewise.
    pub note_color: bool,
}

#[expect(clippy::unused_self, reason = "commands print through one value, whatever a way of printing needs to know")]
impl Output {
    /// For this process.
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none();
        Self { json, color: wanted && io::stdout().is_terminal(), note_color: wanted && io::stderr().is_terminal() }
    }

    /// Prints a line of text.
    pub fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", text.as_ref())
    }

    /// Prints one JSON document on one line.
    pub fn document(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)
    }

    /// Prints a note on standard error.
    pub fn note(&self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(io::stderr().lock(), "{}", text.as_ref())
    }

    /// Prints why the command failed, and gives its exit code.
    pub fn fail(&self, error: &CommandError) -> ExitCode {
        let broken_pipe = matches!(error, CommandError::Print(e) if e.kind() == io::ErrorKind::BrokenPipe);
        if !broken_pipe {
            // Nothing is left to do where even this cannot be printed; the exit code still tells.
            let _ = match (self.json, error) {
                (false, _) => self.note(format!("error: {}", error.told())),
                (true, CommandError::Rules(diagnostics)) => {
                    self.document(&serde_json::json!({ "error": error.told(), "diagnostics": diagnostics }))
                }
                (true, _) => self.document(&serde_json::json!({ "error": error.told() })),
            };
        }
        ExitCode::from(error.exit_code())
    }
}

/// A table with a header; the columns of `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    *table.style_mut() = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A count with thousands apart: `118,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && i % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of them: `1 file`, `2,000 files`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{count, counted};

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2_000].map(|n| counted(n, "file")), ["0 files", "1 file", "2,000 files"]);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 7, 999, 1_000, 118_000, 4_838_266].map(count),
            ["0", "7", "999", "1,000", "118,000", "4,838,266"]
        );
    }
}
