//! Warnings that need no types: about validity, duties of a rule's author, and things said twice or never used.
//! Time is an argument: the caller says what day it is.

use rustc_hash::FxHashSet;

use crate::diagnostic::{Diagnostic, Span};
use crate::load::RawRuleset;
use crate::rule::{Day, Rule};
use crate::source::Sources;

/// Warnings about a ruleset as its authors wrote it. Rules from JSON lines are made by programs and have no
/// owner, test or instruction to ask for.
pub fn lint(ruleset: &RawRuleset, sources: &Sources, today: Option<Day>) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    for rule in &ruleset.rules {
        if let (Some(until), Some(today)) = (rule.valid_until, today)
            && until < today
        {
            let message = format!("rule `{}` has expired", rule.id);
            out.push(warn(rule, "W0705", message, "prolong `valid.until`, or take the rule out"));
        }
        if !written_by_program(rule, sources) {
            duties(rule, &mut out);
        }
    }
    unused(ruleset, sources, &mut out);
    out.sort_by_key(|diagnostic| (diagnostic.span.file, diagnostic.span.range.start));
    out
}

fn warn(rule: &Rule, code: &'static str, message: String, help: &str) -> Diagnostic {
    Diagnostic::warning(code, rule.at.clone(), message).help(help).in_rule(&rule.id)
}

fn written_by_program(rule: &Rule, sources: &Sources) -> bool {
    let extension = sources.file(rule.at.file).path.extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"))
}

/// What the author of a rule owes to those who live with it.
fn duties(rule: &Rule, out: &mut Vec<Diagnostic>) {
    let id = &rule.id;
    if rule.owner.is_none() {
        let help = "add `owner:`, here or in `pack.yaml`";
        out.push(warn(rule, "W0706", format!("nobody owns rule `{id}`"), help));
    }
    if rule.tests.is_empty() {
        let help = "add `tests:`: one row it hits, one it does not";
        out.push(warn(rule, "W0707", format!("rule `{id}` has no test"), help));
    }
    if rule.legal_basis.is_none() {
        let help = "add `legal_basis:`, a law, regulation or reason";
        out.push(warn(rule, "W0712", format!("rule `{id}` names no legal basis"), help));
    }
    if rule.instruction.is_none() && rule.lane.is_some_and(|lane| lane.rank() > 0) {
        let help = "add `instruction:`, what the officer is to look at";
        out.push(warn(rule, "W0713", format!("rule `{id}` does not say what to do"), help));
    }
}

/// Lists and tables that no condition, and no policy, names.
fn unused(ruleset: &RawRuleset, sources: &Sources, out: &mut Vec<Diagnostic>) {
    let lists = ruleset.lists.iter().map(|list| list.name.as_str());
    let mut unnamed: FxHashSet<&str> = lists.chain(ruleset.tables.iter().map(|table| table.name.as_str())).collect();
    let policies = ruleset.policies.iter().filter_map(|path| sources.find(path));
    let policies = policies.map(|file| sources.file(file).text.as_str());
    for text in ruleset.rules.iter().map(|rule| rule.when.text.as_str()).chain(policies) {
        if unnamed.is_empty() {
            return;
        }
        // Every other piece between quotes is a text; a doubled quote only adds an empty one.
        for name in text.split('\'').skip(1).step_by(2) {
            unnamed.remove(name);
            unnamed.remove(name.split('.').next().unwrap_or(name));
        }
    }
    let mut check = |code, what: &str, name: &str, at: &Span, help: String| {
        if unnamed.contains(name) && !ruleset.context.contains(&at.file) {
            out.push(Diagnostic::warning(code, at.clone(), format!("no rule uses the {what} `{name}`")).help(help));
        }
    };
    for list in &ruleset.lists {
        let help = format!("`in_list(column, '{}')`, or delete it", list.name);
        check("W0709", "list", &list.name, &list.at, help);
    }
    for table in &ruleset.tables {
        let help = format!("`lookup('{}', column)`, or delete it", table.name);
        check("W0710", "table", &table.name, &table.at, help);
    }
}

#[cfg(test)]
mod tests;
