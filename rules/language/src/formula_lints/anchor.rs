//! Anchors: what a rule can be looked up by. A rule that begins with `hs4 = '6402'` concerns nobody but the rows with
//! that heading, so the others need never be held against it. A rule made only of comparisons of numbers and dates,
//! flags, NULLs, negations and computed values has to be tried on every row.

use crate::program::{Atom, Class, Cmp, Literal, Node, NodeId, Operand, Program, Test};

/// Whether a formula has a part that all its rows meet and that an index of texts finds: equality, IN, a beginning or
/// word of LIKE, a list; any of several such; or such a part in an item or record. Bounds of validity are no anchor.
pub fn anchored(program: &Program, id: NodeId) -> bool {
    match program.node(id) {
        Node::And(parts) => parts.iter().any(|part| anchored(program, *part)),
        Node::Or(parts) => parts.iter().all(|part| is_key(program, *part)),
        // No row is ever looked at for its sake.
        Node::Never => true,
        _ => is_key(program, id),
    }
}

fn is_key(program: &Program, id: NodeId) -> bool {
    match program.node(id) {
        Node::Atom { atom, negated: false } => finds(program, program.atom(*atom)),
        Node::Any(_, inner) => anchored(program, *inner),
        _ => false,
    }
}

fn finds(program: &Program, atom: &Atom) -> bool {
    let entry = program.operand(atom.operand);
    let is_stored = matches!(entry.operand, Operand::Column(_) | Operand::Member { .. } | Operand::Lookup { .. });
    is_stored
        && entry.class == Class::Text
        && match &atom.test {
            Test::Compare(Cmp::Eq, Literal::Text(_)) | Test::In { .. } | Test::InList(_) | Test::Mentions(_) => true,
            Test::Like { pattern, ignore_case: false } => has_fixed_text(pattern),
            _ => false,
        }
}

/// Whether a pattern is a text, its beginning or something in it: `X`, `X%`, `%X%`.
fn has_fixed_text(pattern: &str) -> bool {
    let (mut text, mut ended) = (false, false);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '_' => return false,
            '%' => ended = text,
            _ if ended => return false,
            '\\' => {
                chars.next();
                text = true;
            }
            _ => text = true,
        }
    }
    text && (ended || !pattern.starts_with('%'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::{Catalog, Compiler};
    use crate::lists::{List, ListKind};
    use crate::rule::{Origin, SqlText};
    use crate::source::FileId;
    use haechi_model::streams::DECLARATION;

    fn check(when: &str) -> bool {
        let at = crate::diagnostic::Span { file: FileId(0), range: 0..0 };
        let entries = vec!["X".to_owned()];
        let watch = List { name: "watch".to_owned(), kind: ListKind::Id, title: None, owner: None, entries, at };
        let catalog = Catalog::new([watch.into()], []);
        let mut compiler = Compiler::new(&DECLARATION, &catalog);
        let sql = SqlText { text: when.to_owned(), file: FileId(0), origin: Origin::At(0) };
        let mut found = Vec::new();
        let node = compiler.condition("r", &sql, &mut found).unwrap_or_else(|| panic!("{when}: {found:?}"));
        let bounded = compiler.bounded("as_of", node, Some(Literal::Int(0)), Some(Literal::Int(1)));
        assert_eq!(anchored(compiler.program(), node), anchored(compiler.program(), bounded), "{when} while valid");
        anchored(compiler.program(), node)
    }

    #[test]
    fn texts_that_few_rows_hold_are_anchors() {
        for when in [
            "hs4 = '6402'",
            "hs4 IN ('6402', '6403') AND net_mass_kg > 5",
            "net_mass_kg > 5 AND (hs4 = '6402' OR description LIKE '%SHOE%')",
            "hs_code LIKE '64%'",
            "hs_code LIKE '64'",
            "description LIKE '%100\\% COTTON%'",
            "in_list(origin_country, 'watch')",
            "mentions(description, 'watch') AND NOT importer_aeo",
            "any_item(hs4 = '6402' AND net_mass_kg > 5)",
            "any_permit(kind = 'X') OR array_has(container_ids, 'ABCU1234567')",
            "NOT (hs4 <> '6402' OR importer_aeo)",
            "hs4 = '6402' AND 1 = 2",
        ] {
            assert!(check(when), "{when}");
        }
    }

    #[test]
    fn whatever_most_rows_may_meet_is_none() {
        for when in [
            "net_mass_kg > 5 AND customs_value_usd / net_mass_kg < 2",
            "importer_aeo AND courier_id IS NULL",
            "hs4 <> '6402' AND hs4 NOT IN ('6403', '6404')",
            "NOT in_list(origin_country, 'watch')",
            "hs4 = '6402' OR net_mass_kg > 5",
            "(hs4 = '6402' AND net_mass_kg > 5) OR net_mass_kg > 50",
            "hs_code LIKE '%64'",
            "hs_code LIKE '6_%'",
            "hs_code LIKE '6%4%'",
            "hs_code LIKE '%'",
            "description ILIKE '%shoe%'",
            "upper(description) = 'SHOES'",
            "hs4 >= '6402'",
            "origin_country = departure_country",
            "all_items(hs4 = '6402')",
            "count_items(hs4 = '6402') > 3",
            "as_of = DATE '2026-01-01'",
            "quantity IN (1, 2, 3)",
            "1 = 1",
        ] {
            assert!(!check(when), "{when}");
        }
    }
}
