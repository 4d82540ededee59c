//! The tests of a rule: rows of columns, each value in the kind its column has.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use haechi_model::{Column, Kind, Member, Stream};
use serde_json::{Number, Value as Json};

use super::form::{Form, head, listed};
use super::rules::{find, parse_day};
use crate::diagnostic::Diagnostic;
use crate::rule::{GivenValue, RuleTest};
use crate::yaml::{Entry, Node, Scalar, Style, Value};

/// The tests under `tests:`.
pub(crate) fn read_tests(form: &mut Form<'_>, node: &Node, stream: &'static Stream) -> Vec<RuleTest> {
    let Value::List(nodes) = &node.value else {
        if !node.is_null() {
            form.wrong_kind(node, "tests", "a list of tests");
        }
        return Vec::new();
    };
    nodes.iter().filter_map(|node| read_test(form, node, stream)).collect()
}

fn read_test(form: &mut Form<'_>, node: &Node, stream: &'static Stream) -> Option<RuleTest> {
    let entries = form.map(node, "a test", &["given", "items", "expect"])?;
    let rows = match (find(entries, "given"), find(entries, "items")) {
        (Some(given), None) => Some(vec![read_row(form, &given.value, stream)]),
        (None, Some(items)) => Some(read_items(form, items, stream)),
        (Some(_), Some(items)) => {
            let help = "`given` is one row, `items` are the items of one declaration";
            form.error("E0603", items.key_at.clone(), "a test with both `given` and `items`", help);
            None
        }
        (None, None) => {
            let help = "write `given: {column: value}` and `expect: hit`";
            form.missing("E0603", node, "a test without a row: neither `given` nor `items`", help);
            None
        }
    };
    let expect = find(entries, "expect");
    if expect.is_none() {
        form.missing("E0603", node, "a test without `expect`", "add `expect: hit` or `expect: no_hit`");
    }
    let expect_hit = expect.and_then(|entry| read_expect(form, &entry.value));
    let at = form.span(head(node).start..node.at.end.max(head(node).end));
    Some(RuleTest { at, rows: rows?, expect_hit: expect_hit? })
}

fn read_expect(form: &mut Form<'_>, node: &Node) -> Option<bool> {
    match node.text() {
        Some("hit") => Some(true),
        Some("no_hit") => Some(false),
        other => {
            let shown = other.unwrap_or(node.kind());
            let near = other.and_then(|text| form.nearest(text, ["hit", "no_hit"]));
            let help =
                near.map_or("a test expects `hit` or `no_hit`".to_owned(), |near| format!("nearest is `{near}`"));
            form.error("E0604", node.at.clone(), format!("unknown expectation `{shown}`"), help);
            None
        }
    }
}

fn read_items(form: &mut Form<'_>, entry: &Entry, stream: &'static Stream) -> Vec<BTreeMap<String, GivenValue>> {
    if !stream.all_columns().any(|column| column.header) {
        let message = format!("a {} has no items", stream.name);
        form.error("E0605", entry.key_at.clone(), message, "write `given: {...}`");
    }
    match &entry.value.value {
        Value::List(nodes) if !nodes.is_empty() => nodes.iter().map(|node| read_row(form, node, stream)).collect(),
        _ => {
            form.wrong_kind(&entry.value, "items", "a list of rows");
            Vec::new()
        }
    }
}

pub(crate) fn read_row(form: &mut Form<'_>, node: &Node, stream: &'static Stream) -> BTreeMap<String, GivenValue> {
    let Value::Map(entries) = &node.value else {
        // `given:` with nothing after it is a row of NULLs.
        if !node.is_null() {
            form.wrong_kind(node, "given", "a mapping of columns");
        }
        return BTreeMap::new();
    };
    let mut row = BTreeMap::new();
    for entry in entries {
        if entry.key.contains('.') {
            // A feature, or a column of a record it speaks of: which there are is known once all files are read.
            if let Some(value) = read_joined(form, &entry.value, &entry.key) {
                let (at, key_at) = (form.span(entry.value.at.clone()), form.span(entry.key_at.clone()));
                row.insert(entry.key.clone(), GivenValue { value, at, key_at });
            }
            continue;
        }
        let Some(column) = stream.column(&entry.key) else {
            let help = match form.nearest(&entry.key, stream.all_columns().map(|column| column.name)) {
                Some(near) => format!("nearest is `{near}`"),
                None => format!("`haechi schema {}` lists the columns", stream.name),
            };
            let message = format!("unknown column `{}` in a test", entry.key);
            form.error("E0601", entry.key_at.clone(), message, help);
            continue;
        };
        let Some(value) = read_value(form, &entry.value, column.kind, column.name) else { continue };
        check_code(form, &entry.value, column);
        let at = form.span(entry.value.at.clone());
        let key_at = form.span(entry.key_at.clone());
        row.insert(entry.key.clone(), GivenValue { value, at, key_at });
    }
    row
}

/// The value of a column that is joined: as it is written.
fn read_joined(form: &mut Form<'_>, node: &Node, name: &str) -> Option<Json> {
    if node.is_null() {
        return Some(Json::Null);
    }
    let value = node.bool().map(Json::Bool);
    let value = value.or_else(|| integer(node).map(Json::from));
    let value = value.or_else(|| node.number().and_then(Number::from_f64).map(Json::Number));
    let value = value.or_else(|| node.text().map(|text| Json::String(text.to_owned())));
    if value.is_none() {
        form.wrong_kind(node, name, "a value");
    }
    value
}

/// A value outside a closed code list is a test of something that never comes.
fn check_code(form: &mut Form<'_>, node: &Node, column: &Column) {
    let Some(text) = node.text() else { return };
    if column.values.is_empty() || column.values.contains(&text) {
        return;
    }
    let near = form.nearest(text, column.values.iter().copied());
    let help = match near {
        Some(near) => format!("nearest is `{near}`"),
        None => format!("values of `{}`: {}", column.name, listed(column.values.iter().copied())),
    };
    let message = format!("`{text}` is no value of `{}`", column.name);
    form.report(Diagnostic::warning("W0714", form.span(node.at.clone()), message).help(help));
}

/// The value as JSON of the column's kind. Text columns take what is written, so a bare `0402100000` keeps its zero.
fn read_value(form: &mut Form<'_>, node: &Node, kind: Kind, name: &str) -> Option<Json> {
    let value = match kind {
        Kind::List(of) => return read_list(form, node, name, |form, node| read_value(form, node, *of, name)),
        Kind::Records(members) => return read_list(form, node, name, |form, node| read_record(form, node, members)),
        _ if node.is_null() => Some(Json::Null),
        Kind::Id | Kind::Code | Kind::Text => node.text().map(|text| Json::String(text.to_owned())),
        Kind::Bool => node.bool().map(Json::Bool),
        Kind::I32 => integer(node).filter(|n| i32::try_from(*n).is_ok()).map(Json::from),
        Kind::I64 => integer(node).map(Json::from),
        Kind::F64 => node.number().and_then(Number::from_f64).map(Json::Number),
        Kind::Date => node.text().filter(|text| parse_day(text).is_some()).map(|text| Json::String(text.to_owned())),
        Kind::Ts => node.text().and_then(instant).map(Json::String),
        Kind::Hash => node
            .text()
            .filter(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .map(|text| Json::String(text.to_ascii_lowercase())),
    };
    if value.is_none() {
        let wanted = match kind {
            Kind::Bool => "`true` or `false`",
            Kind::I32 | Kind::I64 => "a whole number",
            Kind::F64 => "a number",
            Kind::Date => "a date such as `2026-03-01`",
            Kind::Ts => "an instant such as `2026-03-01T09:30:00Z`",
            Kind::Hash => "64 hexadecimal digits",
            _ => "text",
        };
        let shown = node.text().map_or(node.kind().to_owned(), |text| format!("`{text}`"));
        let message = format!("{shown} does not fit `{name}`");
        let diagnostic = Diagnostic::error("E0602", form.span(node.at.clone()), message);
        form.report(diagnostic.label(format!("`{name}` is {}", kind.word())).help(format!("write {wanted}")));
    }
    value
}

fn read_list(
    form: &mut Form<'_>,
    node: &Node,
    name: &str,
    mut element: impl FnMut(&mut Form<'_>, &Node) -> Option<Json>,
) -> Option<Json> {
    match &node.value {
        Value::List(nodes) => nodes.iter().map(|node| element(form, node)).collect::<Option<_>>().map(Json::Array),
        _ if node.is_null() => Some(Json::Array(Vec::new())),
        _ => {
            let message = format!("`{name}` holds a list, not {}", node.kind());
            form.error("E0602", node.at.clone(), message, format!("write `{name}: [...]`"));
            None
        }
    }
}

fn read_record(form: &mut Form<'_>, node: &Node, members: &[Member]) -> Option<Json> {
    let Value::Map(entries) = &node.value else {
        let help = format!("a mapping of {}", listed(members.iter().map(|member| member.name)));
        form.error("E0602", node.at.clone(), format!("{} where a record is expected", node.kind()), help);
        return None;
    };
    let mut record = serde_json::Map::new();
    for entry in entries {
        let Some(member) = members.iter().find(|member| member.name == entry.key) else {
            let names = || members.iter().map(|member| member.name);
            let help = match form.nearest(&entry.key, names()) {
                Some(near) => format!("nearest is `{near}`"),
                None => format!("fields of the record: {}", listed(names())),
            };
            form.error("E0601", entry.key_at.clone(), format!("unknown field `{}` in a test", entry.key), help);
            continue;
        };
        if let Some(value) = read_value(form, &entry.value, member.kind, member.name) {
            record.insert(entry.key.clone(), value);
        }
    }
    Some(Json::Object(record))
}

fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Scalar(Scalar { text, style: Style::Plain }) => text.parse().ok(),
        _ => None,
    }
}

/// An instant in UTC as RFC 3339; without a zone it is UTC already.
fn instant(text: &str) -> Option<String> {
    let instant = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).ok().or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .map(|at| at.and_utc())
    })?;
    Some(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
