//! Reading keys and values of one YAML file into what they must be, and saying so where they are not.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Span, nearest};
use crate::source::FileId;
use crate::yaml::{Entry, Node, Value};

/// One file while its form is checked.
pub(crate) struct Form<'a> {
    pub file: FileId,
    pub source: &'a str,
    /// The rule being read, for its mistakes to name.
    pub rule: Option<String>,
    pub out: &'a mut Vec<Diagnostic>,
    before: usize,
}

impl<'a> Form<'a> {
    pub fn new(file: FileId, source: &'a str, out: &'a mut Vec<Diagnostic>) -> Self {
        let before = out.len();
        Self { file, source, rule: None, out, before }
    }

    pub fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, range }
    }

    /// The nearest right name; none any more in a file with more mistakes than are shown.
    pub fn nearest<'n>(&self, wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        let shown = self.out.len() - self.before <= super::FILE_MISTAKES_MAX;
        shown.then(|| nearest(wrong, names)).flatten()
    }

    /// Reports a mistake of the rule being read.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.out.push(match &self.rule {
            Some(rule) => diagnostic.in_rule(rule),
            None => diagnostic,
        });
    }

    /// Reports an error.
    pub fn error(&mut self, code: &'static str, at: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.report(Diagnostic::error(code, self.span(at), message).help(help));
    }

    /// Reports what a mapping lacks, unless the file broke off inside it.
    pub fn missing(&mut self, code: &'static str, node: &Node, message: &str, help: &str) {
        if !node.cut {
            self.error(code, head(node), message, help);
        }
    }

    /// The entries of a mapping; keys that are not among `keys` are mistakes. `what` is "a rule", "a list", ...
    pub fn map<'n>(&mut self, node: &'n Node, what: &str, keys: &[&str]) -> Option<&'n [Entry]> {
        let Value::Map(entries) = &node.value else {
            let help = format!("{what} is a mapping with the keys {}", listed(keys.iter().copied()));
            self.error("E0302", node.at.clone(), format!("{} where {what} is expected", node.kind()), help);
            return None;
        };
        for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let help = match self.nearest(&entry.key, keys.iter().copied()) {
                Some(near) => format!("nearest is `{near}`"),
                None => format!("keys of {what}: {}", listed(keys.iter().copied())),
            };
            self.error("E0301", entry.key_at.clone(), format!("unknown key `{}` in {what}", entry.key), help);
        }
        Some(entries)
    }

    /// A value that is to be text.
    pub fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = node.text().map(str::trim).filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong_kind(node, key, "text");
        }
        text.map(str::to_owned)
    }

    /// A value that is to be `true` or `false`.
    pub fn flag(&mut self, node: &Node, key: &str) -> Option<bool> {
        let flag = node.bool();
        if flag.is_none() {
            self.wrong_kind(node, key, "true or false");
        }
        flag
    }

    /// A list of texts, or one text standing for a list of one.
    pub fn texts(&mut self, node: &Node, key: &str) -> Vec<String> {
        match &node.value {
            Value::List(nodes) => nodes.iter().filter_map(|node| self.text(node, key)).collect(),
            _ => self.text(node, key).into_iter().collect(),
        }
    }

    pub fn wrong_kind(&mut self, node: &Node, key: &str, wanted: &str) {
        let message = format!("`{key}` is {}, not {wanted}", node.kind());
        self.error("E0302", node.at.clone(), message, format!("write {wanted} after `{key}:`"));
    }
}

/// The place by which a list or mapping is known: its first key, or its start.
pub(crate) fn head(node: &Node) -> Range<usize> {
    match &node.value {
        Value::Map(entries) => entries.first().map_or(node.at.clone(), |entry| entry.key_at.clone()),
        Value::List(_) => node.at.start..node.at.start,
        Value::Scalar(_) => node.at.clone(),
    }
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
