//! The tests of an entity: records in their order, and what the last of them sees of its features.

use super::{Feature, ProfileTest};
use crate::load::form::{Form, head, listed};
use crate::load::given::read_row;
use crate::load::rules::find;
use crate::program::Class;
use crate::yaml::{Node, Value};

/// The tests under `tests:`.
pub(super) fn read(form: &mut Form<'_>, node: &Node, features: &[Feature]) -> Vec<ProfileTest> {
    if let Value::List(nodes) = &node.value {
        return nodes.iter().filter_map(|node| read_test(form, node, features)).collect();
    }
    if !node.is_null() {
        form.wrong_kind(node, "tests", "a list of tests");
    }
    Vec::new()
}

fn read_test(form: &mut Form<'_>, node: &Node, features: &[Feature]) -> Option<ProfileTest> {
    let entries = form.map(node, "a test", &["records", "expect"])?;
    let (Some(records), Some(expect)) = (find(entries, "records"), find(entries, "expect")) else {
        let help =
            "write `records: [{declaration: {...}}, ...]` and `expect: {feature: value}`: what the last one sees";
        form.missing("E0810", node, "a test needs `records` and `expect`", help);
        return None;
    };
    let Value::List(nodes) = &records.value.value else {
        form.wrong_kind(&records.value, "records", "a list of records");
        return None;
    };
    let mut rows = Vec::new();
    for node in nodes {
        let Value::Map(of_stream) = &node.value else {
            form.wrong_kind(node, "records", "a record: `{declaration: {column: value}}`");
            continue;
        };
        for entry in of_stream {
            if let Some(stream) = super::read::stream_named(form, &entry.key, entry.key_at.clone()) {
                rows.push((stream, read_row(form, &entry.value, stream)));
            }
        }
    }
    let Value::Map(expected) = &expect.value.value else {
        form.wrong_kind(&expect.value, "expect", "a mapping of features");
        return None;
    };
    let mut expect = Vec::new();
    for entry in expected {
        let Some(feature) = features.iter().find(|feature| feature.name == entry.key) else {
            let names = || features.iter().map(|feature| feature.name.as_str());
            let help = match form.nearest(&entry.key, names()) {
                Some(near) => format!("nearest is `{near}`"),
                None => format!("features here: {}", listed(names())),
            };
            form.error("E0810", entry.key_at.clone(), format!("unknown feature `{}` in a test", entry.key), help);
            continue;
        };
        let value = &entry.value;
        let json = match feature.aggregate.class() {
            _ if value.is_null() => Some(serde_json::Value::Null),
            Class::Text | Class::Ts => value.text().map(Into::into),
            _ => value.number().map(Into::into),
        };
        match json {
            Some(json) => expect.push((entry.key.clone(), form.span(value.at.clone()), json)),
            None => form.wrong_kind(value, &entry.key, "a value"),
        }
    }
    let at = form.span(head(node).start..node.at.end.max(head(node).end));
    Some(ProfileTest { at, records: rows, expect })
}
