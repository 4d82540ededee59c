//! Every format that comes in or goes out, in one list: what it is, which way it goes, which rows it gives, and its page
//! of mapping. What commands and documentation show.
//!
//! Begin at [`catalogue`]. Names are those of the column `message_format` where rows have one, so the messages of an
//! EDIFACT interchange stand here by themselves.

use std::fmt::Write;

use super::edifact::mapping;
use super::xml::pages;
use super::{FORMATS, ebxml, edifact, mail};

/// Which way a format goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read only.
    Read,
    /// Answers: written, and read by partners' systems and our own checks.
    Both,
}

impl Direction {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Both => "read, written",
        }
    }
}

/// A format.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name in commands and in `message_format`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Which way it goes.
    pub direction: Direction,
    /// Versions known to be read, as messages write them.
    pub versions: Vec<&'static str>,
    /// Streams of its rows; none where it makes no rows, or where what is in it does.
    pub streams: &'static [&'static str],
}

impl Entry {
    /// Its page of mapping: from where each column is read, as Markdown.
    pub fn page(&self) -> String {
        let hand_written = match self.name {
            ebxml::NAME => Some(include_str!("../../pages/ebxml.md")),
            mail::NAME => Some(include_str!("../../pages/mail.md")),
            "cargo_imp" => Some(include_str!("../../pages/cargo_imp.md")),
            _ => None,
        };
        let made = || pages::page(self.name).or_else(|| mapping::page(self.name));
        hand_written.map(str::to_owned).or_else(made).unwrap_or_else(|| self.table_page())
    }

    /// Tables are mapped by the names of their columns.
    fn table_page(&self) -> String {
        let mut page = format!("# {}: {}\n\n", self.name, self.title);
        let _ = writeln!(
            page,
            "Columns are those of the stream, by name (`haechi schema STREAM`); other names by a mapping file."
        );
        page
    }
}

/// Which way, and which streams; the rest is in [`FORMATS`].
const MESSAGES: &[(&str, Direction, &[&str])] = &[
    (ebxml::NAME, Direction::Both, &[]),
    (mail::NAME, Direction::Read, &[]),
    ("govcbr929", Direction::Read, &["declaration"]),
    ("govcbr830", Direction::Read, &["declaration"]),
    ("unipass_cargo", Direction::Read, &["consignment", "cargo_event"]),
    ("wco_res", Direction::Both, &[]),
    ("wco_dec", Direction::Read, &["declaration"]),
    ("ens", Direction::Read, &["consignment"]),
    ("ens_answer", Direction::Both, &[]),
    ("ncts_release", Direction::Read, &["outcome"]),
    ("asycuda_sad", Direction::Read, &["declaration"]),
    ("awmds", Direction::Read, &["consignment"]),
    ("xfwb", Direction::Read, &["consignment"]),
    ("xfzb", Direction::Read, &["consignment"]),
    ("xffm", Direction::Read, &["consignment"]),
    ("pnrgov_xml", Direction::Read, &["traveller"]),
    ("govcbr_notice", Direction::Both, &[]),
    ("cargo_imp", Direction::Read, &["consignment"]),
];

/// The messages of an EDIFACT interchange; titles and pages are in [`mapping`].
const IN_INTERCHANGES: &[(&str, Direction, &[&str])] = &[
    ("paxlst", Direction::Read, &["traveller"]),
    ("pnrgov", Direction::Read, &["traveller"]),
    ("cuscar", Direction::Read, &["consignment"]),
    ("cusdec", Direction::Read, &["declaration"]),
    ("cusrep", Direction::Read, &["cargo_event"]),
    ("iftsta", Direction::Read, &["cargo_event"]),
    ("coarri", Direction::Read, &["cargo_event"]),
    ("codeco", Direction::Read, &["cargo_event"]),
    ("coprar", Direction::Read, &["cargo_event"]),
    ("cusres", Direction::Both, &[]),
    ("contrl", Direction::Both, &[]),
];

/// Tables give rows of whatever stream is asked for.
const TABLES: &[(&str, &str, Direction)] = &[
    ("csv", "table of rows: comma, semicolon or tab", Direction::Read),
    ("ndjson", "one JSON object a line", Direction::Both),
    ("parquet", "Apache Parquet", Direction::Both),
    ("arrow_file", "Arrow IPC, file format", Direction::Read),
    ("arrow_stream", "Arrow IPC, stream format", Direction::Read),
];

/// Every format, messages first, in the order they are recognised.
pub fn catalogue() -> Vec<Entry> {
    let mut entries = Vec::new();
    for format in FORMATS {
        if format.name == edifact::NAME {
            entries.extend(IN_INTERCHANGES.iter().filter_map(|(name, direction, streams)| {
                let page = mapping::PAGES.iter().find(|page| page.format == *name)?;
                let upper = name.to_ascii_uppercase();
                let versions = format.versions.iter().filter_map(|version| version.strip_prefix(upper.as_str()));
                let versions = versions.map(str::trim_start).collect();
                Some(Entry { name, title: page.title, direction: *direction, versions, streams })
            }));
        } else if let Some((name, direction, streams)) = MESSAGES.iter().find(|(name, ..)| *name == format.name) {
            let versions = format.versions.to_vec();
            entries.push(Entry { name, title: format.title, direction: *direction, versions, streams });
        }
    }
    let table = |(name, title, direction): &(&'static str, &'static str, Direction)| Entry {
        name,
        title,
        direction: *direction,
        versions: Vec::new(),
        streams: &["declaration", "consignment", "traveller", "cargo_event"],
    };
    entries.extend(TABLES.iter().map(table));
    entries
}

/// The streams of a format's rows, by its name in `message_format` or in the list of formats.
pub fn streams_of(format: &str) -> &'static [&'static str] {
    let all = || MESSAGES.iter().chain(IN_INTERCHANGES);
    all().find(|(name, ..)| *name == format).map_or(&[], |(.., streams)| streams)
}

#[cfg(test)]
mod tests {
    use haechi_model::Stream;

    use super::super::cargo_imp;
    use super::*;

    #[test]
    fn every_format_is_in_the_list_once() {
        let entries = catalogue();
        let mut names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), entries.len());
        for format in FORMATS.iter().filter(|format| format.name != edifact::NAME) {
            assert!(names.contains(&format.name), "{}", format.name);
        }
        for page in mapping::PAGES {
            let entry = entries.iter().find(|entry| entry.name == page.format);
            let streams: &[&str] = entry.unwrap_or_else(|| panic!("{}", page.format)).streams;
            assert_eq!(streams.first().copied().unwrap_or_default(), page.stream, "{}", page.format);
        }
        assert_eq!(entries.len(), FORMATS.len() - 1 + mapping::PAGES.len() + TABLES.len());
    }

    #[test]
    fn every_format_has_its_page_and_its_streams_exist() {
        for entry in catalogue() {
            assert!(entry.page().starts_with("# ") && entry.page().len() > 100, "{}", entry.name);
            assert!(entry.streams.iter().all(|name| Stream::find(name).is_some()), "{}", entry.name);
            assert!(!entry.title.is_empty());
            let table = TABLES.iter().any(|(name, ..)| *name == entry.name);
            assert_eq!(entry.versions.is_empty(), table, "{}", entry.name);
        }
    }

    #[test]
    fn pages_written_by_hand_name_every_code() {
        let page = include_str!("../../pages/ebxml.md");
        for (code, _) in ebxml::codes::WARNINGS.iter().chain(ebxml::codes::REASONS) {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
        assert!(include_str!("../../pages/cargo_imp.md").contains(cargo_imp::FORMAT.title));
    }
}
