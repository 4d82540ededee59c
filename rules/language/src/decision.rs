//! Decision tables: `decisions/NAME.csv`, a rule a row. A row becomes the SQL its author would have written, every
//! byte of it pointing back at the cell it came from, so that a mistake in a cell is underlined in the table.

use std::ops::Range;

use haechi_model::{Column, Stream};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::Diagnostic;
use crate::load::form::Form;
use crate::load::given;
use crate::load::rules::{self, Defaults};
use crate::rule::{Origin, Rule, SqlText};
use crate::source::{FileId, Sources};
use crate::tables::cells::{self, Cell, Row};
use crate::tables::other_width;
use crate::yaml::{self, Entry, Node, Value};

mod clause;
mod template;

use template::Template;

/// Headers that fill a key of the rule; all others are conditions.
const KEYS: &[&str] = &[
    "id",
    "title",
    "stream",
    "lane",
    "score",
    "lower_to",
    "instruction",
    "owner",
    "legal_basis",
    "share",
    "mandatory",
    "valid_from",
    "valid_until",
    "tags",
];

/// What a column of the table is for.
enum Header {
    /// Fills a key.
    Key(&'static str),
    /// A condition on a column of the stream.
    Column(&'static Column),
    /// A condition with a place for the cell.
    Template(Template),
    /// A mistake already reported.
    Bad,
}

/// Reads a table, with its tests if it has some, into rules.
pub(crate) fn read_file(
    file: FileId,
    tests: Option<FileId>,
    sources: &Sources,
    defaults: &Defaults,
    out: &mut Vec<Diagnostic>,
) -> Vec<Rule> {
    let text = &sources.file(file).text;
    let rows = cells::rows(file, text, out);
    let mut form = Form::new(file, text, out);
    let Some((header, rows)) = rows.split_first() else {
        let help = "the first line is a header: rule keys such as `id` and `lane`, and conditions";
        form.error("E0411", 0..0, "a decision table without a header", help);
        return Vec::new();
    };
    let stream_cell = header.cells.iter().position(|cell| cell.text == "stream");
    let stream_cell = stream_cell.and_then(|i| rows.first()?.cells.get(i)).filter(|cell| !cell.text.is_empty());
    let stream = match stream_cell {
        Some(cell) => rules::subject_stream(&mut form, &cell.text, cell.at.clone()),
        None => defaults.stream,
    };
    let Some(stream) = stream else {
        if stream_cell.is_none() {
            let help = "add `stream: declaration` to `pack.yaml`, or a column `stream`";
            form.error("E0311", header.at.clone(), "a decision table without a stream", help);
        }
        return Vec::new();
    };
    let headers = read_headers(&mut form, header, stream);
    if !headers.iter().any(|header| matches!(header, Header::Key("id"))) {
        form.error("E0303", header.at.clone(), "a decision table without a column `id`", "every row has an id");
        return Vec::new();
    }
    let mut rules = Vec::with_capacity(rows.len());
    for row in rows {
        if row.cells.len() == header.cells.len() {
            let table = Table { header, headers: &headers, stream, defaults };
            rules.extend(table.rule(&mut form, row));
        } else {
            form.report(other_width(file, row, header.cells.len()));
        }
    }
    if let Some(tests) = tests {
        read_tests(tests, sources, &mut rules, out);
    }
    rules
}

fn read_headers(form: &mut Form<'_>, header: &Row, stream: &'static Stream) -> Vec<Header> {
    let mut headers = Vec::with_capacity(header.cells.len());
    let mut seen = FxHashSet::default();
    for cell in &header.cells {
        if !seen.insert(cell.text.as_str()) && !cell.text.contains('?') {
            let message = format!("column `{}` stands in the header twice", cell.text);
            form.error("E0414", cell.at.clone(), message, "put both conditions into one cell, or use a template");
            headers.push(Header::Bad);
            continue;
        }
        headers.push(read_header(form, cell, stream));
    }
    headers
}

fn read_header(form: &mut Form<'_>, cell: &Cell, stream: &'static Stream) -> Header {
    if let Some(key) = KEYS.iter().find(|key| **key == cell.text) {
        return Header::Key(key);
    }
    if let Some(column) = stream.column(&cell.text) {
        if clause::can_ask(column.kind) {
            return Header::Column(column);
        }
        let help = format!("use a template such as `array_has({}, ?)`", column.name);
        form.error("E0427", cell.at.clone(), format!("`{}` holds a list", column.name), help);
        return Header::Bad;
    }
    match template::places(&cell.text).as_slice() {
        [place] => Header::Template(Template::new(&cell.text, *place, stream)),
        [] => {
            let names = KEYS.iter().copied().chain(stream.all_columns().map(|column| column.name));
            let help = match form.nearest(&cell.text, names) {
                Some(near) => format!("nearest is `{near}`"),
                None => "a rule key, a column of the stream, or a condition with `?` for the cell".to_owned(),
            };
            let message = format!("`{}` is neither a rule key nor a column of `{}`", cell.text, stream.name);
            form.error("E0421", cell.at.clone(), message, help);
            Header::Bad
        }
        _ => {
            let help = "make two columns of it";
            form.error("E0422", cell.at.clone(), "a template with more than one `?`", help);
            Header::Bad
        }
    }
}

struct Table<'t> {
    header: &'t Row,
    headers: &'t [Header],
    stream: &'static Stream,
    defaults: &'t Defaults,
}

impl Table<'_> {
    fn rule(&self, form: &mut Form<'_>, row: &Row) -> Option<Rule> {
        let id = self.headers.iter().position(|header| matches!(header, Header::Key("id")));
        let id = id.and_then(|i| row.cells.get(i)).filter(|cell| !cell.text.is_empty());
        form.rule = id.map(|cell| cell.text.clone());
        let mut sql = Composer::default();
        let mut fine = true;
        for ((cell, header), header_cell) in row.cells.iter().zip(self.headers).zip(&self.header.cells) {
            if cell.text.is_empty() {
                continue;
            }
            fine &= match header {
                Header::Key(_) => true,
                Header::Bad => false,
                Header::Column(column) => clause::compose(form, &mut sql, column, cell),
                Header::Template(template) => template.compose(&mut sql, header_cell, cell),
            };
        }
        if sql.text.is_empty() && fine {
            let help = "fill one of the condition cells; the row would hit everything";
            form.error("E0425", row.at.clone(), "a row without a condition", help);
        }
        let when = (fine && !sql.text.is_empty()).then(|| sql.finish(form.file));
        let node = Node::plain(row.cells.first().map_or(row.at.clone(), |cell| cell.at.clone()), "row");
        let defaults = Defaults { stream: Some(self.stream), owner: self.defaults.owner.clone() };
        rules::read(form, &node, &self.entries(row), when, &defaults)
    }

    /// The cells under rule keys, as the keys of a YAML rule would hold them.
    fn entries(&self, row: &Row) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut valid = Vec::new();
        for ((cell, header), header_cell) in row.cells.iter().zip(self.headers).zip(&self.header.cells) {
            let Header::Key(key) = header else { continue };
            if cell.text.is_empty() {
                continue;
            }
            let entry = |key: &str, value: Node| Entry { key: key.to_owned(), key_at: header_cell.at.clone(), value };
            let value = Node::plain(cell.at.clone(), cell.text.as_str());
            match *key {
                "valid_from" => valid.push(entry("from", value)),
                "valid_until" => valid.push(entry("until", value)),
                "tags" => entries.push(entry("tags", tags(cell))),
                key => entries.push(entry(key, value)),
            }
        }
        if let Some(first) = valid.first() {
            let at = first.value.at.clone();
            let value = Node { at: at.clone(), value: Value::Map(valid), cut: false };
            entries.push(Entry { key: "valid".to_owned(), key_at: at, value });
        }
        entries
    }
}

fn tags(cell: &Cell) -> Node {
    let tags = cell.text.split(['|', ',', ';']).map(str::trim).filter(|tag| !tag.is_empty());
    let nodes = tags.map(|tag| Node::plain(cell.at.clone(), tag)).collect();
    Node { at: cell.at.clone(), value: Value::List(nodes), cut: false }
}

/// `NAME.tests.yaml`: tests under the ids of the rows.
fn read_tests(file: FileId, sources: &Sources, rules: &mut [Rule], out: &mut Vec<Diagnostic>) {
    let text = &sources.file(file).text;
    let (documents, mistakes) = yaml::parse(file, text);
    out.extend(mistakes);
    let mut form = Form::new(file, text, out);
    let by_id: FxHashMap<String, usize> = rules.iter().enumerate().map(|(i, rule)| (rule.id.clone(), i)).collect();
    for document in documents.iter().filter(|document| !document.is_null()) {
        let Some(entries) = form.map(document, "a file of tests", &["tests"]) else { continue };
        let Some(tests) = rules::find(entries, "tests") else { continue };
        let Value::Map(tests) = &tests.value.value else {
            form.wrong_kind(&tests.value, "tests", "a mapping from ids to tests");
            continue;
        };
        for entry in tests {
            if let Some(rule) = by_id.get(&entry.key).and_then(|i| rules.get_mut(*i)) {
                form.rule = Some(entry.key.clone());
                let stream = rule.stream;
                rule.tests.extend(given::read_tests(&mut form, &entry.value, stream));
                form.rule = None;
            } else {
                let help = match form.nearest(&entry.key, rules.iter().map(|rule| rule.id.as_str())) {
                    Some(near) => format!("nearest is `{near}`"),
                    None => "the table has no row of that id, or the row has mistakes".to_owned(),
                };
                let message = format!("tests of `{}`, which is no row of the table", entry.key);
                form.error("E0426", entry.key_at.clone(), message, help);
            }
        }
    }
}

/// SQL text while it is put together, every byte with the byte of the file it came from.
#[derive(Default)]
pub(crate) struct Composer {
    text: String,
    map: Vec<usize>,
    cells: Vec<Range<usize>>,
}

impl Composer {
    /// Opens a clause taken from this cell.
    fn clause(&mut self, cell: &Cell) {
        if !self.text.is_empty() {
            self.word(" AND ", cell);
        }
        self.cells.push(cell.at.clone());
    }

    /// Text of our own, which a cell made necessary.
    fn word(&mut self, text: &str, cell: &Cell) {
        self.text.push_str(text);
        self.map.extend(std::iter::repeat_n(cell.at.start, text.len()));
    }

    /// Part of a cell as it stands.
    fn part(&mut self, cell: &Cell, range: Range<usize>) {
        self.text.push_str(cell.text.get(range.clone()).unwrap_or(""));
        self.map.extend(range.map(|byte| cell.origin(byte)));
    }

    /// Part of a cell as an SQL text: in quotes, quotes doubled.
    fn quoted(&mut self, cell: &Cell, range: Range<usize>) {
        let place = |byte: usize| cell.origin(byte);
        self.text.push('\'');
        self.map.push(place(range.start));
        for (i, c) in cell.text.get(range.clone()).unwrap_or("").char_indices() {
            let at = range.start + i;
            if c == '\'' {
                self.text.push('\'');
                self.map.push(place(at));
            }
            self.text.push(c);
            self.map.extend((at..at + c.len_utf8()).map(place));
        }
        self.text.push('\'');
        self.map.push(place(range.end.saturating_sub(1).max(range.start)));
    }

    fn finish(mut self, file: FileId) -> SqlText {
        self.map.push(self.map.last().map_or(0, |last| last + 1));
        SqlText { text: self.text, file, origin: Origin::Cells { map: self.map, cells: self.cells } }
    }
}

#[cfg(test)]
mod tests;
