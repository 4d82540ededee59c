use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;
use haechi_model::streams::DECLARATION;
use proptest::prelude::*;

use super::*;
use crate::condition::parse::parse;
use crate::condition::{Catalog, Compiler};
use crate::rule::{Origin, SqlText};
use crate::source::FileId;

/// The tree with every span, as the parser makes it of the whole text.
fn whole(text: &str) -> Option<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().ok()?;
    let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().ok().filter(|_| parser.peek_token() == Token::EOF)?;
    Some(format!("{expr:?}"))
}

fn taken(text: &str) -> usize {
    ConstantLists::taken_from(text).map_or(0, |(_, lists)| lists.lists.len())
}

fn check_tree(text: &str) {
    let ours = parse(text).ok().map(|expr| format!("{expr:?}"));
    assert_eq!(ours, whole(text), "{text}");
}

/// The nodes and atoms of a condition, and what is said about it with the bytes it is said of.
fn compiled(text: &str, before: usize) -> String {
    let catalog = Catalog::default();
    let mut compiler = Compiler::new(&DECLARATION, &catalog);
    let sql = SqlText { text: text.to_owned(), file: FileId(0), origin: Origin::At(0) };
    let mut diagnostics = Vec::new();
    let node = compiler.condition("r", &sql, &mut diagnostics);
    let said: Vec<_> = diagnostics
        .iter()
        .map(|d| (d.code, &d.message, d.span.range.start - before, d.span.range.end - before, &d.label, &d.help))
        .collect();
    format!("{node:?} {:?} {:?} {said:?}", compiler.program().nodes, compiler.program().atoms)
}

/// The same as where everything is left to the parser, which a comment sees to.
fn check_program(text: &str) {
    assert_eq!(compiled(text, 0), compiled(&format!("/**/{text}"), 4), "{text}");
}

#[test]
fn the_tree_is_the_one_of_the_whole_text() {
    for (text, lists) in [
        ("a IN ('x', 'y', 'z')", 1),
        ("a NOT IN ( 1 ,2.5, 'it''s' ) AND b IN\n('x','y')", 2),
        ("NOT (a IN ('x', 'y') OR f(b IN (1, 2))) AND c + 1 > 2", 2),
        ("CASE WHEN a IN ('x', 'y') THEN 1 ELSE 2 END = 1", 1),
        ("(a IN ('x', 'y')) IS NOT TRUE", 1),
        ("position('a' IN ('b', 'c')) > 1", 1),
        ("f.in ('a', 'b')", 1),
        ("a in('x','y')and b In ('x','y')or c=1", 2),
        ("a IN ('x',\n\n 'y''\n', 'z'\n) AND\r\nb IN ('x',\r\n 'y') AND c = 1", 2),
        ("a IN ('', '''', '''''') AND b = 'IN (''x'', ''y'')'", 1),
        ("설명 IN ('가', '나\n다') AND é IN ('ß', 'ﬁ') AND b = 'c'", 2),
        ("a IN ('x', 'y') AND \"b IN ('x', 'y')\" IN ('x', 'y')", 1),
        ("a IN ('x', 'y') -- b IN ('x', 'y')\n AND b IN ('x', 'y')", 1),
        ("a IN ('x', 'y') /* ' b IN ('x', 'y') */ AND b IN ('x', 'y')", 1),
        ("a IN ('x', /* 'z', */ 'y') AND b IN ('x', 'y')", 0),
        ("a IN ('x', -- 'z',\n 'y')", 0),
        ("a - -b > 1 / 2 AND b IN (1, 2) AND a - - b IN (1, 2) ", 2),
        ("a = E'\\' AND b IN (''x'', ''y'')'", 0),
        ("a IN (E'\\'', 'y') AND a IN ('x', 'y')", 0),
        ("a = N'x' AND a IN ('x', 'y')", 0),
        ("a = DATE'2026-01-31' AND a IN ('x', 'y')", 0),
        ("a = DATE '2026-01-31' AND a IN ('x', 'y')", 1),
        ("a = U&'x' AND a IN ('x', 'y')", 0),
        ("a = $$'$$ AND a IN ('x', 'y')", 0),
        ("a = `'` AND a IN ('x', 'y')", 0),
        ("a IN ('x')", 0),
        ("a IN ('x', NULL, 'y')", 0),
        ("a IN ('x', -1)", 0),
        ("a IN (1e3, 2)", 0),
        ("a IN (1L, 2)", 0),
        ("a IN (0x1F, 2)", 0),
        ("a IN (1., .5)", 0),
        ("a IN (1.5.2, 2)", 0),
        ("a IN ('x' 'y', 'z')", 0),
        ("a IN (('x', 'y'), ('z', 'z'))", 0),
        ("a IN ('x', 'y',)", 0),
        ("a IN ()", 0),
        ("a IN (SELECT b)", 0),
        ("a IN ('x', 'y' b)", 0),
        ("a IN ('x', 'y'", 0),
        ("a IN ('x', 'y", 0),
        ("a IN", 0),
        ("a IN ('x', 'y') b IN ('x', 'y')", 2),
        ("a IN ('x', 'y') = b IN ('x', 'y')", 2),
        ("aIN ('x', 'y') OR a.in IN ('x', 'y') OR 5IN (1, 2)", 1),
    ] {
        assert_eq!(taken(text), lists, "{text}");
        check_tree(text);
    }
}

#[test]
fn what_is_said_and_compiled_is_that_of_the_whole_text() {
    for text in [
        "hs4 IN ('6404', '6402', '6404') AND origin_country NOT IN ('CN', 'it''s')",
        "net_mass_kg IN (1, 2.50, 1.0) OR item_no IN (1, 2.5, 2.0)",
        "importer_aeo IN ('x', 'y') OR importer_aeo IN (1, 2)",
        "hs4 IN ('a',\n 5, 'b', 6) AND hs5 IN ('x', 'y')",
        "declared_at IN ('2026-01-31', 'never') AND declared_at IN ('2026-01-31', '2026-01-31T08:00:00Z')",
        "item_no IN (1, 'x') AND unknown IN (1, 2)",
        "unknown IN (1, 99999999999999999999) AND net_mass_kg IN (1, 99999999999999999999)",
        "'CN' IN ('CN', 'DE') AND NULL IN (1, 2) AND 1 IN ('a', 'b')",
        "(hs4 IN ('a', 'b')) IS UNKNOWN AND (hs4 IN ('a', 'c')) IS UNKNOWN",
        "CASE WHEN hs4 IN ('a', 'b') THEN 1 ELSE 2 END IN (1, 2)",
        "CASE WHEN hs4 IN ('a', 'b') THEN 1 END = 1 OR CASE WHEN hs4 IN ('a', 'c') THEN 1 END = 2",
        "count_items(hs4 IN ('a', 'b')) > 1 AND any_item(hs4 NOT IN ('a', 'c'))",
        "hs4 IN ('a', 'b') AND AND",
        "hs4 IN ('a', 'b') AND hs4 = 'c",
    ] {
        check_program(text);
    }
}

#[test]
fn constants_are_sorted_and_stand_once() {
    assert_eq!(compiled("hs4 IN ('c', 'a', 'b', 'a')", 0), compiled("hs4 IN ('a', 'b', 'c')", 0));
    assert_eq!(compiled("net_mass_kg IN (1, 1.0)", 0), compiled("net_mass_kg = 1", 0));
}

#[test]
fn tokenizer_and_parser_see_one_constant_of_a_list() {
    let (tokens, _) = ConstantLists::taken_from("a IN ('x', 'y', 'z') AND b").unwrap();
    assert_eq!(tokens.iter().map(|token| token.token.to_string()).collect::<String>(), "a IN ('x') AND b");
}

/// Pieces of which conditions, and what looks like them, are put together.
const PIECES: &[&str] = &[
    "hs4",
    "item_no",
    " IN ",
    " NOT IN ",
    "in",
    "(",
    ")",
    ",",
    ", ",
    " AND ",
    " OR ",
    "NOT ",
    "'x'",
    "'y''z'",
    "''",
    "'",
    "1",
    "2.5",
    "NULL",
    " ",
    "\n",
    "\r\n",
    "--",
    "/*",
    "*/",
    "\"",
    "E'\\''",
    "x'",
    "가",
    "é'",
    " = ",
    "-",
    "/",
    "$",
    "&",
    "`",
    "CASE WHEN ",
    " THEN ",
    " END",
    "f(",
    " IS NULL",
    " IN ('IN (1, 2)', 'b')",
    " IN (1,\n2)",
    " IN ('가', 'b', '')",
];

/// Conditions that mostly parse: tests joined by words, over lists of constants in any layout.
fn condition() -> impl Strategy<Value = String> {
    let blank = prop::sample::select(vec!["", " ", "\n", " \r\n ", "\t", "/* ' */", "--'\n"]);
    let blank = prop_oneof![4 => Just(" "), 1 => blank];
    let text = prop::sample::select(vec![
        "'x'",
        "'it''s'",
        "''",
        "'가\n'",
        "'IN (1, 2)'",
        "'--'",
        "1",
        "2.5",
        "1e2",
        "NULL",
        "E'\\''",
    ]);
    let constant = prop_oneof![6 => prop::sample::select(vec!["'a'", "'b'", "7"]), 1 => text];
    let list = prop::collection::vec((blank.clone(), constant, blank.clone()), 1..5).prop_map(|constants| {
        let constants: Vec<_> = constants.into_iter().map(|(a, constant, b)| format!("{a}{constant}{b}")).collect();
        format!("({})", constants.join(","))
    });
    let operand = prop::sample::select(vec![
        "hs4",
        "\"hs4\"",
        "item_no",
        "importer_aeo",
        "declared_at",
        "unknown",
        "'x'",
        "설명",
    ]);
    let test = (operand, prop::sample::select(vec![" IN ", " NOT IN", " in\n"]), list)
        .prop_map(|(operand, is, list)| format!("{operand}{is}{list}"));
    test.prop_recursive(4, 16, 3, move |inner| {
        let wrapped = (prop::sample::select(vec!["NOT (", "(", "any_item(", "count_items("]), inner.clone());
        let asked = (inner.clone(), prop::sample::select(vec![" IS TRUE", " IS UNKNOWN"]));
        prop_oneof![
            (inner.clone(), blank.clone(), inner.clone()).prop_map(|(a, blank, b)| format!("{a} AND{blank} {b}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} OR {b}")),
            wrapped.prop_map(|(open, inner)| format!("{open}{inner})")),
            asked.prop_map(|(inner, asks)| format!("({inner}){asks}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn any_text_gives_the_tree_of_the_whole(pieces in prop::collection::vec(prop::sample::select(PIECES), 1..14)) {
        check_tree(&pieces.concat());
    }

    #[test]
    fn any_condition_gives_the_tree_and_the_program_of_the_whole(text in condition()) {
        check_tree(&text);
        check_program(&text);
    }
}
