//! Lists: named sets of keys or words that rules refer to, from `lists:` in YAML or `lists/NAME.txt` and `.csv`.

use rustc_hash::FxHashSet;

use crate::diagnostic::{Diagnostic, Span};
use crate::load::form::Form;
use crate::source::{FileId, Sources};
use crate::tables::cells;
use crate::yaml::{Node, Value};

/// How the entries of a list are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Keys, compared whole.
    #[default]
    Id,
    /// Words and phrases, looked for inside text.
    Words,
}

/// A named set of keys.
#[derive(Clone, Debug)]
pub struct List {
    /// Name, as in `in_list(x, 'name')`.
    pub name: String,
    /// How entries are compared.
    pub kind: ListKind,
    /// What it holds, in a line.
    pub title: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Entries as written, in order, each once.
    pub entries: Vec<String>,
    /// Where its name stands, or the file's start.
    pub at: Span,
}

const KEYS: &[&str] = &["name", "title", "owner", "kind", "entries"];
const KINDS: &[&str] = &["id", "words"];

/// One list of a YAML file.
pub(crate) fn read_yaml(form: &mut Form<'_>, node: &Node, owner: Option<&str>) -> Option<List> {
    let entries = form.map(node, "a list", KEYS)?;
    let key = |name: &str| entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value);
    let name = key("name").and_then(|name| Some((form.text(name, "name")?, name.at.clone())));
    if key("name").is_none() {
        form.missing("E0404", node, "a list without `name`", "add `name:`, the word that conditions refer to");
    }
    let title = key("title").and_then(|node| form.text(node, "title"));
    let owner = key("owner").and_then(|node| form.text(node, "owner")).or(owner.map(str::to_owned));
    let kind = key("kind").map_or(ListKind::Id, |node| read_kind(form, node));
    let mut values = Vec::new();
    let mut fine = false;
    match key("entries").map(|node| (node, &node.value)) {
        None => {
            form.missing("E0404", node, "a list without `entries`", "add `entries: [...]`");
        }
        Some((_, Value::List(nodes))) => {
            fine = true;
            for node in nodes {
                values.extend(form.text(node, "entries").map(|text| (text, form.span(node.at.clone()))));
            }
        }
        Some((node, _)) => {
            let message = format!("`entries` is {}, not a list", node.kind());
            form.error("E0302", node.at.clone(), message, "write `entries: [CN, VN]`");
        }
    }
    let (name, at) = name?;
    let at = form.span(at);
    check_name(&name, &at, "list", form.out);
    let entries = if fine { distinct(values, &at, form.out) } else { Vec::new() };
    Some(List { name, kind, title, owner, entries, at })
}

fn read_kind(form: &mut Form<'_>, node: &Node) -> ListKind {
    match node.text() {
        Some("id") => ListKind::Id,
        Some("words") => ListKind::Words,
        other => {
            let help = match other.and_then(|text| form.nearest(text, KINDS.iter().copied())) {
                Some(near) => format!("nearest is `{near}`; a list is of kind `id` or `words`"),
                None => "a list is of kind `id` or `words`".to_owned(),
            };
            let shown = other.unwrap_or(node.kind()).to_owned();
            form.error("E0403", node.at.clone(), format!("unknown kind of list `{shown}`"), help);
            ListKind::Id
        }
    }
}

/// `lists/NAME.txt` (an entry a line) or `lists/NAME.csv` (first column). Comments at the top may say
/// `# title: ...`, `# owner: ...`, `# kind: words`.
pub(crate) fn read_file(file: FileId, sources: &Sources, out: &mut Vec<Diagnostic>) -> List {
    let source = sources.file(file);
    let name = source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let at = Span { file, range: 0..0 };
    check_name(&name, &at, "list", out);
    let mut list = List { name, kind: ListKind::Id, title: None, owner: None, entries: Vec::new(), at };
    let text = source.text.trim_start_matches('\u{feff}');
    for (key, value) in text.lines().map_while(|line| line.strip_prefix('#')).filter_map(|c| c.split_once(':')) {
        let value = value.trim();
        match key.trim() {
            "title" => list.title = Some(value.to_owned()),
            "owner" => list.owner = Some(value.to_owned()),
            "kind" if value == "words" => list.kind = ListKind::Words,
            _ => {}
        }
    }
    let values = if source.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        let rows = cells::rows(file, &source.text, out);
        rows.into_iter()
            .filter_map(|row| row.cells.into_iter().next())
            .map(|cell| (cell.text, Span { file, range: cell.at }))
            .collect()
    } else {
        lines(file, &source.text)
    };
    list.entries = distinct(values, &list.at, out);
    list
}

fn lines(file: FileId, text: &str) -> Vec<(String, Span)> {
    let mut values = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let entry = line.trim_start_matches('\u{feff}').trim();
        if !entry.is_empty() && !entry.starts_with('#') {
            let from = start + line.find(entry).unwrap_or(0);
            values.push((entry.to_owned(), Span { file, range: from..from + entry.len() }));
        }
        start += line.len();
    }
    values
}

fn distinct(values: Vec<(String, Span)>, at: &Span, out: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let mut entries = Vec::with_capacity(values.len());
    for (text, span) in values {
        if text.trim().is_empty() {
            continue;
        }
        if seen.insert(text.to_uppercase()) {
            entries.push(text);
        } else {
            out.push(Diagnostic::warning("W0715", span, format!("`{text}` stands in the list twice")));
        }
    }
    if entries.is_empty() {
        let diagnostic = Diagnostic::warning("W0715", at.clone(), "a list without entries")
            .help("no row is ever in it: a condition that asks for it never holds");
        out.push(diagnostic);
    }
    entries
}

/// Names stand in quotes in conditions, and `.` separates table and column.
pub(crate) fn check_name(name: &str, at: &Span, what: &str, out: &mut Vec<Diagnostic>) {
    let fine = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if !fine {
        let message = format!("`{name}` cannot be the name of a {what}");
        out.push(Diagnostic::error("E0402", at.clone(), message).help("use letters, digits, `_` and `-`"));
    }
}
