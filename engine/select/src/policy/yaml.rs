//! A YAML document as a tree that knows where everything stands.
//!
//! Read from the parser's events rather than through a loader, so that mistakes add up instead of ending the
//! reading, and so that text from outside costs no more than its length: nesting is bounded and aliases, which
//! could repeat a subtree without end, are refused.

use std::collections::HashSet;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::problem::{PolicyMistake, Problem};

/// Deepest nesting accepted. A policy needs three.
const DEPTH_MAX: usize = 16;

/// Where something stands, line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub line: usize,
    pub column: usize,
}

#[derive(Debug)]
pub(super) struct Node {
    pub at: At,
    pub value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Text; `plain` where it is not quoted, so that it may be a number or nothing.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub at: At,
    pub value: Node,
}

impl Node {
    /// Whether it says nothing: left empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
            Value::Scalar { .. } => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads the one document of a file; `None` where it is empty or too broken to go on with.
pub(super) fn read(text: &str, mistakes: &mut Vec<PolicyMistake>) -> Option<Node> {
    let mut tree = Tree { open: Vec::new(), root: None, mistakes };
    let mut n_documents = 0;
    for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let reason = error.info().to_owned();
                tree.report(At::from(*error.marker()), Problem::NotYaml { reason });
                return None;
            }
        };
        let at = At::from(span.start);
        match event {
            Event::DocumentStart(_) => {
                n_documents += 1;
                if n_documents == 2 {
                    tree.report(at, Problem::SecondDocument);
                    break;
                }
            }
            Event::SequenceStart(..) => tree.open.push(Open::List(at, Vec::new())),
            Event::MappingStart(..) => {
                tree.open.push(Open::Map { at, entries: Vec::new(), seen: HashSet::new(), key: Key::Awaited });
            }
            Event::SequenceEnd | Event::MappingEnd => tree.close(),
            Event::Scalar(text, style, ..) => {
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                tree.add(Node { at, value });
            }
            Event::Alias(_) => {
                tree.report(at, Problem::Alias);
                tree.add(Node { at, value: Value::Scalar { text: String::new(), plain: true } });
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        if tree.open.len() > DEPTH_MAX {
            tree.report(at, Problem::TooDeep { depth_max: DEPTH_MAX });
            return None;
        }
    }
    tree.root
}

/// A tree in the making: the collections not closed yet, outermost first.
struct Tree<'m> {
    open: Vec<Open>,
    root: Option<Node>,
    mistakes: &'m mut Vec<PolicyMistake>,
}

enum Open {
    List(At, Vec<Node>),
    Map { at: At, entries: Vec<Entry>, seen: HashSet<String>, key: Key },
}

/// Where a mapping stands between a key and its value.
enum Key {
    Awaited,
    Read(String, At),
    /// The value belongs to a key that was refused.
    Refused,
}

impl Tree<'_> {
    fn report(&mut self, at: At, problem: Problem) {
        self.mistakes.push(PolicyMistake { line: at.line, column: at.column, problem });
    }

    fn close(&mut self) {
        let node = match self.open.pop() {
            Some(Open::List(at, nodes)) => Node { at, value: Value::List(nodes) },
            Some(Open::Map { at, entries, .. }) => Node { at, value: Value::Map(entries) },
            None => return,
        };
        self.add(node);
    }

    fn add(&mut self, node: Node) {
        let problem = match self.open.last_mut() {
            None => {
                self.root.get_or_insert(node);
                return;
            }
            Some(Open::List(_, nodes)) => {
                nodes.push(node);
                return;
            }
            Some(Open::Map { entries, seen, key, .. }) => match std::mem::replace(key, Key::Awaited) {
                Key::Read(name, at) => {
                    entries.push(Entry { key: name, at, value: node });
                    return;
                }
                Key::Refused => return,
                Key::Awaited => {
                    *key = Key::Refused;
                    match node.value {
                        Value::Scalar { text, .. } if seen.insert(text.clone()) => {
                            *key = Key::Read(text, node.at);
                            return;
                        }
                        Value::Scalar { text, .. } => (node.at, Problem::RepeatedKey { key: text }),
                        Value::List(_) | Value::Map(_) => (node.at, Problem::KeyNotText),
                    }
                }
            },
        };
        self.report(problem.0, problem.1);
    }
}

impl From<Marker> for At {
    fn from(mark: Marker) -> Self {
        Self { line: mark.line().max(1), column: mark.col() + 1 }
    }
}
