//! Everything a decision depends on besides data and policy, frozen and named by its content hash.

use std::sync::Arc;

use haechi_model::Stream;
use sha2::{Digest, Sha256};

use crate::condition::{Catalog, Compiler};
use crate::diagnostic::{Diagnostic, Severity};
use crate::load::RawRuleset;
use crate::profile;
use crate::program::{Literal, NodeId, Program};
use crate::rule::Rule;

/// The checked rules of one stream, with their conditions compiled.
#[derive(Clone, Debug)]
pub struct Ruleset {
    /// The stream whose rows they read.
    pub stream: &'static Stream,
    /// The rules; a rule's place is its index everywhere.
    pub rules: Vec<Rule>,
    /// Their conditions: `program.roots[i]` belongs to `rules[i]`.
    pub program: Arc<Program>,
    /// SHA-256 of the rules, lists and tables, in hex.
    pub hash: String,
}

/// Compiles the rules of one stream. Rules with errors are left out and reported; the caller decides whether a
/// ruleset with errors may be used (it may not).
pub fn compile(
    raw: &RawRuleset,
    catalog: &Catalog,
    stream: &'static Stream,
    diagnostics: &mut Vec<Diagnostic>,
) -> Ruleset {
    let mut compiler = Compiler::new(stream, catalog);
    let of_stream: Vec<&Rule> = raw.rules.iter().filter(|rule| rule.stream.name == stream.name).collect();
    let mut rules = Vec::with_capacity(of_stream.len());
    compiler.conditions(&of_stream, diagnostics, |compiler, rule, node| {
        let Some(node) = node else { return };
        let node = compiler.within_validity(node, rule);
        compiler.add_root(node);
        rules.push(rule.clone());
    });
    let hash = content_hash(raw, stream);
    Ruleset { stream, rules, program: Arc::new(compiler.finish()), hash }
}

impl Ruleset {
    /// The place of a rule.
    pub fn rule_index(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.id == id)
    }
}

/// Whether a list of diagnostics forbids using what they are about.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

impl Compiler<'_> {
    /// A rule outside its validity hits nothing: the bounds become part of the condition, on `as_of`.
    fn within_validity(&mut self, node: NodeId, rule: &Rule) -> NodeId {
        const DAY_MS: i64 = 86_400_000;
        let from = rule.valid_from.map(|day| i64::from(day) * DAY_MS);
        let until = rule.valid_until.map(|day| (i64::from(day) + 1) * DAY_MS);
        self.bounded("as_of", node, from.map(Literal::Int), until.map(Literal::Int))
    }
}

/// Hashes what the rules say, not how their files are laid out: moving a rule to another file changes nothing,
/// changing a threshold, a list entry or an instruction does.
fn content_hash(raw: &RawRuleset, stream: &Stream) -> String {
    let mut hasher = Sha256::new();
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(stream.name);
    let mut rules: Vec<&Rule> = raw.rules.iter().filter(|rule| rule.stream.name == stream.name).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    for rule in rules {
        part(&rule.id);
        part(&rule.when.text);
        part(&format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {} {}",
            rule.lane.map(haechi_model::Lane::name),
            rule.score,
            rule.lower_to.map(haechi_model::Lane::name),
            rule.instruction,
            rule.valid_from,
            rule.valid_until,
            rule.share,
            rule.mandatory
        ));
    }
    let mut lists: Vec<_> = raw.lists.iter().collect();
    lists.sort_by(|a, b| a.name.cmp(&b.name));
    for list in lists {
        part(&list.name);
        part(&format!("{:?}", list.kind));
        let mut entries: Vec<_> = list.entries.iter().collect();
        entries.sort_unstable();
        for entry in entries {
            part(entry);
        }
    }
    let mut tables: Vec<_> = raw.tables.iter().collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    for table in tables {
        part(&table.name);
        part(&format!("{:?} {:?}", table.keys, table.columns));
    }
    let mut profiles: Vec<_> = raw.profiles.iter().map(profile::definition).collect();
    profiles.sort_unstable();
    for definition in profiles {
        part(&definition);
    }
    hex::encode(hasher.finalize())
}
