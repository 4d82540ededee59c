//! Lines of Cargo-IMP, and how values are made to fit into them.

use std::fmt;

use super::super::record::Record;

/// Name, street, contact, text of OCI.
pub(super) const NAME_WIDTH: usize = 35;

/// Lines of a message under construction.
pub(super) struct Lines(String);

impl Lines {
    /// Opens with name and version.
    pub(super) fn new(message: &str) -> Self {
        let mut lines = Self(String::with_capacity(1024));
        lines.push(format_args!("{message}"));
        lines
    }

    /// A line.
    pub(super) fn push(&mut self, line: fmt::Arguments<'_>) {
        use fmt::Write;
        let _ = write!(self.0, "{line}\r\n");
    }

    /// The message.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Codes of special handling, on a line of their own.
    pub(super) fn handling(&mut self, tag: &str, row: Record<'_>) {
        let codes = row.texts("special_handling");
        if !codes.is_empty() {
            self.push(format_args!("{tag}/{}", codes.join("/")));
        }
    }

    /// OCI of the notes that can be written; a subject that stays the same is told once.
    pub(super) fn notes(&mut self, row: Record<'_>) {
        let mut before = None;
        for note in row.records("customs_notes") {
            let Some(text) = writable(note.text("text")) else { continue };
            let tag = if before.is_none() { "OCI" } else { "" };
            let subject = Some(note.text("subject")).filter(|subject| before != Some(*subject));
            let (country, kind, text) = (note.text("country"), note.text("kind"), cut(text, NAME_WIDTH));
            self.push(format_args!("{tag}/{country}/{}/{kind}/{text}", subject.unwrap_or_default()));
            before = Some(note.text("subject"));
        }
    }
}

/// A party as lines tell it.
pub(super) struct Party {
    pub(super) name: String,
    pub(super) street: String,
    pub(super) place: String,
    pub(super) country: String,
}

impl Party {
    /// Of a row: the name in `name`, address and country of `who`.
    pub(super) fn of(row: Record<'_>, name: &str, who: &str) -> Self {
        let country = row.text(&format!("{who}_country"));
        let address = row.text(&format!("{who}_address"));
        // The country has a field of its own.
        let address = address.strip_suffix(country).map_or(address, |rest| rest.trim_end_matches(", "));
        let (street, place) = address.rsplit_once(", ").unwrap_or((address, ""));
        let [name, street, place] = [row.text(name), street, place].map(plain);
        Self { name, street, place, country: country.to_owned() }
    }
}

fn in_alphabet(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '-')
}

/// The words of a text, in the letters of the format.
pub(super) fn plain(text: &str) -> String {
    let text = text.to_ascii_uppercase();
    let words: Vec<&str> = text.split(|c| !in_alphabet(c)).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A text that stands for itself, or for nothing: an id is not to be changed.
fn writable(text: &str) -> Option<&str> {
    text.chars().all(|c| in_alphabet(c) || c == ' ').then_some(text)
}

/// What a field holds of a plain text.
pub(super) fn cut(text: &str, width: usize) -> &str {
    text.get(..width).unwrap_or(text).trim_end()
}

/// A plain text in lines filled to the last character, words cut: the way senders fold names and texts.
pub(super) fn filled(text: &str, width: usize) -> impl Iterator<Item = &str> {
    (0..text.len()).step_by(width).map(move |at| &text[at..text.len().min(at + width)])
}

/// A plain text in lines of whole words.
pub(super) fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= width) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
