use haechi_model::streams::DECLARATION;

use super::*;
use crate::rule::Origin;
use crate::source::FileId;

/// The codes of everything said about a condition, and whether it compiled.
fn check(text: &str) -> (Vec<&'static str>, bool) {
    let catalog = Catalog::default();
    let mut compiler = Compiler::new(&DECLARATION, &catalog);
    let sql = SqlText { text: text.to_owned(), file: FileId(0), origin: Origin::At(0) };
    let mut diagnostics = Vec::new();
    let node = compiler.condition("r", &sql, &mut diagnostics);
    (diagnostics.iter().map(|d| d.code).collect(), node.is_some())
}

#[test]
fn a_condition_that_does_not_compile_always_says_why() {
    // The warning comes first, and must not pass for the reason.
    assert_eq!(check("hs4 = NULL OR item_no > INTERVAL '1 day'"), (vec!["W0717", "E0206"], false));
}

#[test]
fn days_and_instants_may_be_computed_from_constants() {
    for fine in [
        "declared_at > DATE '2026-01-31' + INTERVAL '1 day'",
        "declared_at > TIMESTAMP '2026-01-31T08:00:00Z' - INTERVAL '90 minutes'",
        "CASE WHEN TRUE THEN DATE '2026-01-01' END < declared_at",
    ] {
        assert_eq!(check(fine), (vec![], true), "{fine}");
    }
}

#[test]
fn what_fails_on_some_numbers_only_may_stand() {
    for fine in ["sqrt(net_mass_kg - 5) > 1", "power(item_no, -1) > 0.5", "sqrt(0 - net_mass_kg) > 1"] {
        assert_eq!(check(fine), (vec![], true), "{fine}");
    }
    for (never, code) in [
        ("regexp_like(description, '(')", "E0215"),
        ("split_part(description, ',', 0) = 'a'", "E0206"),
        ("round(net_mass_kg, 2147483648) > 1", "E0206"),
    ] {
        assert_eq!(check(never), (vec![code], false), "{never}");
    }
}

#[test]
fn short_conditions_that_unfold_without_end_are_refused() {
    let deep = (0..20).fold("net_mass_kg".to_owned(), |inner, _| format!("coalesce({inner}, 1)"));
    assert_eq!(check(&format!("{deep} > 1")), (vec!["E0211"], false));
    let long = (0..20).fold("description".to_owned(), |inner, _| format!("replace({inner}, 'x', 'xxxxxxxxxx')"));
    assert_eq!(check(&format!("{long} = 'a'")), (vec!["E0211"], false));
}
