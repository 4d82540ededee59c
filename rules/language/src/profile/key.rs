//! What tells one entity from another: a column or an expression, or each element of a list column.

use haechi_model::{Kind, Stream};

use super::read::{read_sql, stream_named};
use crate::condition::Computed;
use crate::load::form::{Form, listed};
use crate::load::rules::find;
use crate::rule::SqlText;
use crate::yaml::{Entry, Node, Value};

/// How the records of a stream say whom they are about.
#[derive(Clone, Debug)]
pub struct EntityKey {
    /// The stream.
    pub stream: &'static Stream,
    /// A column, or an expression that gives text.
    pub key: SqlText,
    /// Where it is a list: each element of it is a key. A row is about all of them then.
    pub each: Option<ListColumn>,
}

/// A list column, or a field of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListColumn {
    /// The column.
    pub column: &'static str,
    /// The field, where the elements are records.
    pub field: Option<&'static str>,
}

/// A key, ready to be read from rows.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyInput {
    /// One a row at most.
    One(Computed),
    /// As many as the list has.
    Each(ListColumn),
}

impl EntityKey {
    /// Whether it is made of what tells people apart.
    pub(super) fn is_personal(&self) -> bool {
        let words = || self.key.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let column =
            |word: &str| word == "traveller_id" || self.stream.column(word).is_some_and(|c| c.personal.is_some());
        matches!(self.stream.name, "traveller" | "crossing") && words().any(column)
    }

    /// As people read it.
    pub fn text(&self) -> String {
        let text = &self.key.text;
        if self.each.is_some() { format!("each of {text}") } else { text.clone() }
    }
}

/// `STREAM: EXPRESSION` or `STREAM: {each: LIST}`, for each stream.
pub(super) fn read_keys(form: &mut Form<'_>, entry: &Entry, code: &'static str, help: &str) -> Vec<EntityKey> {
    let Value::Map(keys) = &entry.value.value else {
        let message = format!("`{}` is no mapping of streams", entry.key);
        form.error(code, entry.key_at.clone(), message, help);
        return Vec::new();
    };
    let mut read: Vec<EntityKey> = Vec::new();
    for key in keys {
        let Some(stream) = stream_named(form, &key.key, key.key_at.clone()) else { continue };
        if let Value::Map(_) = &key.value.value {
            read.extend(read_each(form, &key.value, stream));
        } else if let Some(key) = read_sql(form, &key.value, &key.key) {
            read.push(EntityKey { stream, key, each: None });
        }
    }
    read
}

fn read_each(form: &mut Form<'_>, node: &Node, stream: &'static Stream) -> Option<EntityKey> {
    let entries = form.map(node, "a key", &["each"])?;
    let Some(entry) = find(entries, "each") else {
        form.missing("E0812", node, "a key of nothing", "write a column, or `{each: phones}` for those of a list");
        return None;
    };
    let key = read_sql(form, &entry.value, "each")?;
    let each = list_column(stream, &key.text);
    if each.is_none() {
        let message = format!("`{}` is no list of texts in stream `{}`", key.text, stream.name);
        let help = format!("lists here: {}", listed(lists(stream).iter().map(String::as_str)));
        form.error("E0812", entry.value.at.clone(), message, help);
    }
    each.map(|each| EntityKey { stream, key, each: Some(each) })
}

fn list_column(stream: &'static Stream, text: &str) -> Option<ListColumn> {
    let (name, field) = text.split_once('.').map_or((text, None), |(name, field)| (name, Some(field)));
    let column = stream.column(name.trim())?;
    match (column.kind, field) {
        (Kind::List(of), None) if is_text(*of) => Some(ListColumn { column: column.name, field: None }),
        (Kind::Records(members), Some(field)) => {
            let member = members.iter().find(|member| member.name == field.trim() && is_text(member.kind))?;
            Some(ListColumn { column: column.name, field: Some(member.name) })
        }
        _ => None,
    }
}

fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::Id | Kind::Code | Kind::Text)
}

fn lists(stream: &'static Stream) -> Vec<String> {
    let of = |column: &haechi_model::Column| match column.kind {
        Kind::List(of) if is_text(*of) => vec![column.name.to_owned()],
        Kind::Records(members) => {
            let texts = members.iter().filter(|member| is_text(member.kind));
            texts.map(|member| format!("{}.{}", column.name, member.name)).collect()
        }
        _ => Vec::new(),
    };
    stream.all_columns().flat_map(of).collect()
}
