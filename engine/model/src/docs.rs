//! Streams as a page to read: what `haechi schema STREAM` prints and the documentation holds.

use std::fmt::Write;

use crate::derive;
use crate::stream::{Column, Personal, Stream};

/// The stream as Markdown: what a row is, and a table of its columns.
pub fn markdown(stream: &'static Stream) -> String {
    let mut page = String::new();
    write_page(&mut page, stream).expect("writing to a string does not fail");
    page
}

fn write_page(page: &mut String, stream: &'static Stream) -> std::fmt::Result {
    writeln!(page, "# {}\n\nA row is {}.\n", stream.name, stream.row)?;
    writeln!(page, "- Subject: `{}`", stream.subject_key)?;
    writeln!(page, "- Event time: `{}`", stream.event_time)?;
    if let Some(kind) = stream.lanes {
        let lanes: Vec<_> = kind.lanes().iter().map(|lane| format!("`{lane}`")).collect();
        writeln!(page, "- Lanes, strictest last: {}", lanes.join(", "))?;
    }
    writeln!(
        page,
        "\n`?` may be NULL, **K** part of the key, **D** derived by the engine, **h** repeated on every item."
    )?;
    for (title, common) in [("Columns", false), ("Columns that every stream has", true)] {
        writeln!(page, "\n## {title}\n\n| column | type | unit | meaning | personal |\n|---|---|---|---|---|")?;
        let is_common = |column: &Column| crate::streams::COMMON.iter().any(|c| c.name == column.name);
        for column in stream.all_columns().filter(|c| is_common(c) == common) {
            writeln!(
                page,
                "| `{}` | {} | {} | {} | {} |",
                column.name,
                type_words(column),
                column.unit().unwrap_or(""),
                meaning(stream, column),
                column.personal.map_or("", Personal::word),
            )?;
        }
    }
    Ok(())
}

fn type_words(column: &Column) -> String {
    let mut words = format!("{}{}", column.kind.word(), if column.nullable { "?" } else { "" });
    for (holds, mark) in [(column.key, " **K**"), (column.derived, " **D**"), (column.header, " **h**")] {
        if holds {
            words.push_str(mark);
        }
    }
    words
}

fn meaning(stream: &'static Stream, column: &Column) -> String {
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
    let mut text = column.meaning.to_owned();
    if !column.values.is_empty() {
        text = format!("{text}: {}", list(column.values));
    }
    let inputs = derive::inputs(stream, column.name);
    if !inputs.is_empty() {
        text = format!("{text}; from {}", list(inputs));
    }
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{DECLARATION, STREAMS, TRAVELLER};

    fn line<'a>(page: &'a str, column: &str) -> &'a str {
        page.lines().find(|line| line.starts_with(&format!("| `{column}` |"))).unwrap()
    }

    #[test]
    fn a_page_says_what_each_column_is() {
        let page = markdown(&DECLARATION);
        assert!(page.contains("- Lanes, strictest last: `release`, `post_audit`, `documents`, `scan`, `examine`"));
        assert_eq!(line(&page, "item_no"), "| `item_no` | i32 **K** |  | from 1 |  |");
        assert_eq!(line(&page, "net_mass_kg"), "| `net_mass_kg` | f64? | kg | net mass of the item |  |");
        assert_eq!(
            line(&page, "hs4"),
            "| `hs4` | id **D** |  | heading: first four digits of `hs_code`; from `hs_code` |  |"
        );
        assert_eq!(
            line(&page, "importer_id"),
            "| `importer_id` | id? **h** |  | importer, as customs numbers it | business |"
        );
        let page = markdown(&TRAVELLER);
        assert_eq!(line(&page, "gender"), "| `gender` | code? |  | as in the document: `M` `F` `X` `U` |  |");
    }

    #[test]
    fn every_column_has_its_line() {
        for stream in STREAMS {
            let page = markdown(stream);
            for column in stream.all_columns() {
                assert_eq!(line(&page, column.name).matches(" | ").count(), 4, "{} {}", stream.name, column.name);
            }
        }
    }
}
