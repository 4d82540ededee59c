//! Lints that read formulas: rules that can never hit, always do, say the same as another, or add nothing to one.

use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::program::{AtomId, Cmp, Literal, Node, NodeId, Program, Test};
use crate::rule::Rule;
use crate::ruleset::Ruleset;

mod anchor;

pub use anchor::anchored;

/// Most rules compared with each other for one containing another; the comparison is by shared parts, so this bounds
/// the work for packs whose rules all share one part.
const CANDIDATES_MAX: usize = 64;

/// Rules without an anchor that a stream may have before it is said: a small part of a ruleset in which it matters.
const BROAD_RULES_MAX: usize = 100;

/// Rules without an anchor that are named besides the first.
const BROAD_RULES_NAMED: usize = 4;

/// Checks the compiled rules of one stream.
pub fn lint(ruleset: &Ruleset) -> Vec<Diagnostic> {
    let program = &ruleset.program;
    let mut found = Vec::new();
    let mut first_with: FxHashMap<NodeId, &Rule> = FxHashMap::default();
    for (rule, root) in ruleset.rules.iter().zip(&program.roots) {
        if never(program, *root) {
            found.push(warning("W0701", rule, "this condition is never true", "no row can meet all of it"));
        } else if matches!(program.node(*root), Node::Always) {
            found.push(warning(
                "W0702",
                rule,
                "this condition is true for every row",
                "it selects nothing in particular",
            ));
        }
        if let Some(other) = first_with.get(root) {
            let message = format!("rule `{}` has the same condition as `{}`", rule.id, other.id);
            found.push(warning("W0703", rule, &message, "the same rows are hit twice"));
        } else {
            first_with.insert(*root, rule);
        }
    }
    found.extend(subsumed(ruleset));
    found.extend(broad(ruleset));
    found
}

fn warning(code: &'static str, rule: &Rule, message: &str, label: &str) -> Diagnostic {
    let end = rule.when.text.trim_end().len();
    let start = rule.when.text.len() - rule.when.text.trim_start().len();
    let span: Span = rule.when.span(start.min(end)..end);
    Diagnostic::warning(code, span, message).label(label).in_rule(&rule.id)
}

/// The parts of a conjunction; of anything else the node alone.
fn parts<'p>(program: &'p Program, id: &'p NodeId) -> &'p [NodeId] {
    match program.node(*id) {
        Node::And(parts) => parts,
        _ => std::slice::from_ref(id),
    }
}

/// Whether a formula contradicts itself plainly: `x = 'a' AND x = 'b'`, `x > 5 AND x < 3`, `a AND NOT a`.
fn never(program: &Program, id: NodeId) -> bool {
    if let Node::Or(parts) = program.node(id) {
        return parts.iter().all(|part| never(program, *part));
    }
    if matches!(program.node(id), Node::Never) {
        return true;
    }
    let parts = parts(program, &id);
    let atoms: Vec<(AtomId, bool)> = parts
        .iter()
        .filter_map(|part| match program.node(*part) {
            Node::Atom { atom, negated } => Some((*atom, *negated)),
            _ => None,
        })
        .collect();
    let nested_never =
        parts.len() > 1 && parts.iter().any(|part| matches!(program.node(*part), Node::Or(_)) && never(program, *part));
    nested_never || atoms.iter().enumerate().any(|(i, a)| atoms[i + 1..].iter().any(|b| contradict(program, *a, *b)))
}

fn contradict(program: &Program, (a, a_negated): (AtomId, bool), (b, b_negated): (AtomId, bool)) -> bool {
    if a == b {
        return a_negated != b_negated;
    }
    let (left, right) = (program.atom(a), program.atom(b));
    if left.operand != right.operand {
        return false;
    }
    // A value that passes any test is not NULL.
    let is_null = |test: &Test, negated: bool| matches!(test, Test::IsNull) && !negated;
    if is_null(&left.test, a_negated) || is_null(&right.test, b_negated) {
        return true;
    }
    if a_negated || b_negated {
        return false;
    }
    match (&left.test, &right.test) {
        (Test::Compare(Cmp::Eq, one), Test::In { values, .. })
        | (Test::In { values, .. }, Test::Compare(Cmp::Eq, one)) => values.binary_search(one).is_err(),
        (Test::In { values: one, .. }, Test::In { values: two, .. }) => {
            !one.iter().any(|v| two.binary_search(v).is_ok())
        }
        (Test::Compare(p, one), Test::Compare(q, two)) => disjoint(*p, one, *q, two),
        (Test::Compare(Cmp::Eq, Literal::Text(text)), Test::Like { pattern, ignore_case: false })
        | (Test::Like { pattern, ignore_case: false }, Test::Compare(Cmp::Eq, Literal::Text(text))) => {
            plain_prefix(pattern).is_some_and(|prefix| !text.starts_with(prefix))
        }
        (Test::Like { pattern: one, ignore_case: false }, Test::Like { pattern: two, ignore_case: false }) => {
            match (plain_prefix(one), plain_prefix(two)) {
                (Some(one), Some(two)) => !one.starts_with(two) && !two.starts_with(one),
                _ => false,
            }
        }
        _ => false,
    }
}

/// `text` of a pattern `text%` without other wildcards.
fn plain_prefix(pattern: &str) -> Option<&str> {
    pattern.strip_suffix('%').filter(|prefix| !prefix.contains(['%', '_', '\\']))
}

fn disjoint(p: Cmp, one: &Literal, q: Cmp, two: &Literal) -> bool {
    let order = match (one, two) {
        (Literal::Text(a), Literal::Text(b)) => a.cmp(b),
        (a, b) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => return false,
        },
    };
    match (p, q) {
        (Cmp::Eq, q) => !q.holds(order),
        (p, Cmp::Eq) => !p.holds(order.reverse()),
        (Cmp::Lt | Cmp::Le, Cmp::Gt | Cmp::Ge) => order.is_lt() || (order.is_eq() && (p == Cmp::Lt || q == Cmp::Gt)),
        (Cmp::Gt | Cmp::Ge, Cmp::Lt | Cmp::Le) => order.is_gt() || (order.is_eq() && (p == Cmp::Gt || q == Cmp::Lt)),
        _ => false,
    }
}

/// Rules all of whose hits another rule has too, and that ask for nothing stricter.
fn subsumed(ruleset: &Ruleset) -> Vec<Diagnostic> {
    let program = &ruleset.program;
    let all: Vec<&[NodeId]> = program.roots.iter().map(|root| parts(program, root)).collect();
    let mut by_part: FxHashMap<NodeId, Vec<usize>> = FxHashMap::default();
    for (i, parts) in all.iter().enumerate() {
        for part in *parts {
            by_part.entry(*part).or_default().push(i);
        }
    }
    let mut found = Vec::new();
    for (i, narrow) in all.iter().enumerate() {
        let candidates = narrow.iter().flat_map(|part| by_part[part].iter().take(CANDIDATES_MAX));
        let wider = candidates.copied().find(|j| {
            let (a, b) = (&ruleset.rules[i], &ruleset.rules[*j]);
            *j != i
                && all[*j].len() < narrow.len()
                && all[*j].iter().all(|part| narrow.contains(part))
                && a.lane <= b.lane
                && a.score.is_none()
                && a.lower_to.is_none()
                && b.lower_to.is_none()
                && b.share >= 1.0
                && (!a.mandatory || b.mandatory)
        });
        if let Some(j) = wider {
            let (rule, other) = (&ruleset.rules[i], &ruleset.rules[j]);
            let message = format!("rule `{}` adds nothing to `{}`", rule.id, other.id);
            let label = "every row it hits is hit by the wider rule, for at least the same lane";
            found.push(warning("W0704", rule, &message, label));
        }
    }
    found
}

/// Says once for the whole stream that many rules have no anchor: each costs a look at every row, which nobody notices
/// of a few, and of a few a look at every row is often what their author wants.
fn broad(ruleset: &Ruleset) -> Option<Diagnostic> {
    let program = &ruleset.program;
    let rules = ruleset.rules.iter().zip(&program.roots);
    let broad: Vec<&Rule> = rules.filter(|(_, root)| !anchored(program, **root)).map(|(rule, _)| rule).collect();
    let (first, others) = broad.split_first().filter(|_| broad.len() > BROAD_RULES_MAX)?;
    let named: Vec<_> = others.iter().take(BROAD_RULES_NAMED).map(|rule| format!("`{}`", rule.id)).collect();
    let message = format!(
        "{} of {} rules of stream `{}` have no anchor, so every row is held against each of them",
        broad.len(),
        ruleset.rules.len(),
        ruleset.stream.name
    );
    let help = format!(
        "where a rule means few rows, say so by text: `= 'X'`, IN, LIKE 'X%', in_list(), mentions(); others: {} and {} more",
        named.join(", "),
        others.len() - named.len()
    );
    Some(warning("W0718", first, &message, "nothing here to look the rule up by").help(help))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::condition::Catalog;
    use crate::{Sources, compile, load};
    use haechi_model::streams::DECLARATION;

    /// The lints of rules `r0`, `r1`, ... with these conditions, all asking for `scan`.
    fn lints(conditions: &[&str]) -> Vec<(&'static str, String)> {
        let folder = tempfile::tempdir().unwrap();
        let rule = |(i, when): (usize, &&str)| {
            format!("  - {{id: r{i}, stream: declaration, lane: scan, when: \"{when}\"}}\n")
        };
        let rules: String = conditions.iter().enumerate().map(rule).collect();
        fs::write(folder.path().join("rules.yaml"), format!("rules:\n{rules}")).unwrap();
        let mut sources = Sources::default();
        let (raw, _) = load(&[folder.path().to_owned()], &mut sources);
        let mut diagnostics = Vec::new();
        let ruleset = compile(&raw, &Catalog::of(&raw), &DECLARATION, &mut diagnostics);
        assert!(diagnostics.iter().all(|d| d.severity == crate::Severity::Warning), "{diagnostics:?}");
        lint(&ruleset).into_iter().map(|d| (d.code, d.rule.unwrap())).collect()
    }

    #[test]
    fn what_can_never_be_true_is_said() {
        for never in [
            "hs4 = '6402' AND hs4 = '6403'",
            "hs4 = '6402' AND hs4 IN ('6403', '6404')",
            "hs4 LIKE '64%' AND hs4 = '8517'",
            "net_mass_kg > 5 AND net_mass_kg < 3",
            "net_mass_kg >= 5 AND net_mass_kg < 5",
            "importer_aeo AND NOT importer_aeo",
            "net_mass_kg IS NULL AND net_mass_kg > 1",
            "(hs4 = 'a' AND hs4 = 'b') OR (hs4 = 'c' AND hs4 = 'd')",
        ] {
            assert_eq!(lints(&[never]), [("W0701", "r0".to_owned())], "{never}");
        }
        for possible in
            ["net_mass_kg >= 5 AND net_mass_kg <= 5", "hs4 LIKE '64%' AND hs4 = '6402'", "hs4 <> 'a' AND hs4 <> 'b'"]
        {
            assert_eq!(lints(&[possible]), [], "{possible}");
        }
    }

    #[test]
    fn the_same_condition_is_found_however_it_is_written() {
        let same = ["hs4 = '6402' AND net_mass_kg > 5", "5.0 < net_mass_kg and  HS4 IN ('6402')"];
        assert_eq!(lints(&same), [("W0703", "r1".to_owned())]);
    }

    #[test]
    fn a_narrower_rule_that_adds_nothing_is_said() {
        let rules = ["hs4 = '6402'", "hs4 = '6402' AND net_mass_kg > 5"];
        assert_eq!(lints(&rules), [("W0704", "r1".to_owned())]);
        assert_eq!(lints(&["1 = 1"]), [("W0702", "r0".to_owned())]);
    }

    #[test]
    fn rules_that_every_row_is_held_against_are_said_once_when_there_are_many() {
        let broad: Vec<String> = (0..=BROAD_RULES_MAX).map(|i| format!("quantity > {i}.5")).collect();
        let anchored: Vec<String> = (0..=BROAD_RULES_MAX).map(|i| format!("hs4 = '{i}'")).collect();
        let rules: Vec<&str> = anchored.iter().chain(&broad).map(String::as_str).collect();
        assert_eq!(lints(&rules), [("W0718", format!("r{}", anchored.len()))]);
        assert_eq!(lints(&rules[..rules.len() - 1]), []);
    }
}
