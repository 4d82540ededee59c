//! The rule language over rows, one condition a line: which rows it hits.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use support::{evaluator, program, rows};

/// Each line: a condition, `->`, the rows (from 0) it hits.
fn check(stream: &str, data: &str, table: &str) {
    let batch = rows(stream, data);
    let cases: Vec<(&str, &str)> =
        table.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| l.rsplit_once("->").unwrap()).collect();
    let rules: Vec<&str> = cases.iter().map(|(rule, _)| rule.trim()).collect();
    let hits = evaluator(stream, &rules).evaluate(&batch).unwrap();
    for (i, (rule, expected)) in cases.iter().enumerate() {
        let found: Vec<String> =
            hits.iter().filter(|(_, r)| *r as usize == i).map(|(row, _)| row.to_string()).collect();
        assert_eq!(found.join(" "), expected.trim(), "{rule}");
    }
}

const ITEMS: &str = r#"
{"declaration_id":"A","item_no":1,"hs4":"6402","origin_country":"CN","departure_country":"CN","customs_value_usd":100,"net_mass_kg":80,"quantity":10,"importer_aeo":false,"description":"Toy GUN, plastic"}
{"declaration_id":"A","item_no":2,"hs4":"8517","origin_country":"vn","departure_country":"HK","customs_value_usd":5000,"net_mass_kg":2,"importer_aeo":false,"description":"begun 100%"}
{"declaration_id":"B","item_no":1,"hs4":null,"origin_country":null,"departure_country":"JP","customs_value_usd":null,"net_mass_kg":0,"importer_aeo":true,"description":null}
{"declaration_id":"C","item_no":1,"hs4":"6403","origin_country":"KR","departure_country":"KR","customs_value_usd":-1.5,"net_mass_kg":null,"quantity":2.5,"importer_aeo":null,"description":"AIR RIFLE"}
"#;

#[test]
fn comparisons_follow_three_valued_logic() {
    check(
        "declaration",
        ITEMS,
        "hs4 = '6402'                                             -> 0
         hs4 <> '6402'                                            -> 1 3
         NOT hs4 = '6402'                                         -> 1 3
         hs4 IN ('6402', '8517')                                  -> 0 1
         hs4 NOT IN ('6402')                                      -> 1 3
         hs4 IN ('6402', NULL)                                    -> 0
         hs4 NOT IN ('6402', NULL)                                ->
         hs4 IS NULL                                              -> 2
         hs4 IS NOT NULL AND origin_country LIKE 'C%'             -> 0
         hs4 LIKE '64%'                                           -> 0 3
         hs4 NOT LIKE '64%'                                       -> 1
         hs4 >= '6403'                                            -> 1 3
         customs_value_usd > 50                                   -> 0 1
         NOT customs_value_usd > 50                               -> 3
         customs_value_usd BETWEEN -2 AND 100                     -> 0 3
         customs_value_usd NOT BETWEEN -2 AND 100                 -> 1
         customs_value_usd / net_mass_kg < 4.5                    -> 0
         item_no > 1.5                                            -> 1
         item_no = 1.5                                            ->
         item_no <> 1.5                                           -> 0 1 2 3
         importer_aeo                                             -> 2
         NOT importer_aeo                                         -> 0 1
         importer_aeo IS NOT TRUE                                 -> 0 1 3
         importer_aeo = false                                     -> 0 1
         origin_country <> departure_country                      -> 1
         (hs4 = 'x' OR importer_aeo) IS UNKNOWN                   -> 3
         (origin_country = 'KR') IS NOT TRUE                      -> 0 1 2
         hs4 = '6402' OR customs_value_usd < 0                    -> 0 3
         TRUE                                                     -> 0 1 2 3
         1 > 2                                                    -> ",
    );
}

#[test]
fn lists_tables_and_words() {
    check(
        "declaration",
        ITEMS,
        "in_list(origin_country, 'watched')                       -> 0 1
         NOT in_list(origin_country, 'watched')                   -> 3
         mentions(description, 'weapons')                         -> 0 3
         NOT mentions(description, 'weapons')                     -> 1
         description LIKE '%100\\%'                               -> 1
         description ILIKE '%air%'                                -> 3
         lookup('floor', hs4) > 10                                -> 1
         customs_value_usd / net_mass_kg < lookup('floor', hs4)   -> 0
         lookup('floor.label', hs4) = 'shoes'                     -> 0
         lookup('floor', hs4) IS NULL                             -> 2 3",
    );
}

#[test]
fn expressions_are_datafusions() {
    check(
        "declaration",
        ITEMS,
        "upper(origin_country) = 'VN'                             -> 1
         substr(hs4, 1, 2) = '64'                                 -> 0 3
         length(description) > 10                                 -> 0
         CASE WHEN importer_aeo THEN 1 ELSE 2 END = 1             -> 2
         CASE WHEN in_list(origin_country, 'watched') THEN 1 ELSE 2 END = 1 -> 0 1
         coalesce(customs_value_usd, 0) = 0                       -> 2
         round(quantity) = 3                                      -> 3
         item_no + quantity > 5                                   -> 0
         date_part('year', declared_at) = 2026                    ->
         regexp_like(description, '^[a-z]')                       -> 1",
    );
}

#[test]
fn conditions_look_across_the_items_of_a_declaration() {
    check(
        "declaration",
        ITEMS,
        "any_item(hs4 = '6402') AND hs4 = '8517'                  -> 1
         all_items(item_no >= 1)                                  -> 0 1 2 3
         all_items(hs4 LIKE '64%')                                -> 3
         count_items(customs_value_usd > 50) = 2                  -> 0 1
         sum_items(customs_value_usd) > 5000                      -> 0 1
         sum_items(net_mass_kg) IS NULL                           -> 3
         NOT any_item(hs4 = '8517')                               -> 3
         any_item(hs4 = '6402' AND customs_value_usd < 200) AND NOT importer_aeo -> 0 1",
    );
}

#[test]
fn two_versions_of_a_declaration_share_no_items() {
    let versions = r#"
{"declaration_id":"A","version":1,"item_no":1}
{"declaration_id":"A","version":1,"item_no":2}
{"declaration_id":"A","version":2,"item_no":1}
"#;
    check(
        "declaration",
        versions,
        "count_items(TRUE) = 2 -> 0 1
         count_items(TRUE) = 1 -> 2",
    );
}

#[test]
fn conditions_look_into_records_and_lists() {
    let bills = r#"
{"consignment_id":"1","route_countries":["CN","KP","KR"],"containers":[{"container_id":"ABCU1","iso_type":"22R1","fill":"full","gross_mass_kg":100},{"container_id":"ABCU2","iso_type":"22G1","fill":"empty","gross_mass_kg":900}]}
{"consignment_id":"2","route_countries":[],"containers":[]}
{"consignment_id":"3","containers":[{"container_id":"X","fill":null,"gross_mass_kg":null}]}
"#;
    check(
        "consignment",
        bills,
        "array_has(route_countries, 'KP')                         -> 0
         NOT array_has(route_countries, 'KP')                     -> 1 2
         any_in_list(route_countries, 'watched')                  -> 0
         cardinality(containers) = 0                              -> 1
         cardinality(route_countries) < 1                         -> 1 2
         any_container(fill = 'empty' AND gross_mass_kg > 500)    -> 0
         any_container(fill = 'full' AND gross_mass_kg > 500)     ->
         all_containers(iso_type LIKE '22%')                      -> 0 1
         NOT any_container(fill = 'empty')                        -> 1
         count_containers(fill = 'full') = 1                      -> 0
         sum_containers(gross_mass_kg) = 1000                     -> 0
         sum_containers(gross_mass_kg) IS NULL                    -> 1 2",
    );
}

#[test]
fn what_rules_share_stands_once() {
    let program = program(
        "declaration",
        &["hs4 = '6402' AND origin_country = 'CN'", "origin_country IN ('CN') AND '6402' = hs4", "hs4 <> '6402'"],
    )
    .unwrap();
    assert_eq!(program.atoms.len(), 2);
    assert_eq!(program.roots[0], program.roots[1]);
}

#[test]
fn mistakes_have_codes() {
    let cases = [
        ("hs4 = ", "E0201"),
        ("hs44 = '6402'", "E0202"),
        ("any_line(x = 1)", "E0203"),
        ("now() > declared_at", "E0204"),
        ("in_list(hs4)", "E0205"),
        ("hs4 = 6402", "E0206"),
        ("customs_value_usd = '12'", "E0206"),
        ("hs4", "E0207"),
        ("in_list(hs4, 'watchd')", "E0208"),
        ("lookup('floor.usd', hs4) > 1", "E0209"),
        ("hs4 IN (SELECT 1)", "E0210"),
        ("CAST(hs4 AS INT) > 1", "E0212"),
        ("importer.declarations_90d > 1", "E0213"),
        ("any_item(any_item(item_no = 1))", ""),
        ("regexp_like(description, '(')", "E0215"),
        ("container_ids = 'X'", "E0202"),
        ("upper(hs4, 3) = 'X'", "E0206"),
        ("hs4 = \"6402\"", "E0202"),
    ];
    for (rule, code) in cases {
        let found = program("declaration", &[rule]).err().map(|d| d[0].code).unwrap_or_default();
        assert_eq!(found, code, "{rule}");
    }
    assert_eq!(program("traveller", &["any_item(carrier = 'ZZ')"]).unwrap_err()[0].code, "E0214");
}

#[test]
fn an_explanation_says_which_part_failed_and_what_it_saw() {
    let evaluator =
        evaluator("declaration", &["hs4 = '6402' AND customs_value_usd / net_mass_kg < 1 AND NOT importer_aeo"]);
    let why = evaluator.explain(&rows("declaration", ITEMS), 0, 0).unwrap();
    assert_eq!(why.truth, Some(false));
    let failed = why.decisive();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].condition, "customs_value_usd / net_mass_kg < 1");
    assert_eq!(failed[0].values[0].1.as_deref(), Some("1.25"));
    assert_eq!(evaluator.columns_of(0), ["net_mass_kg", "customs_value_usd", "importer_aeo", "hs4"]);
}

#[test]
fn nesting_compiles_up_to_the_bound_and_is_refused_beyond() {
    let forms = [
        "NOT (?)",
        "(?) IS UNKNOWN",
        "(?) = (item_no = 1)",
        "(?) IS DISTINCT FROM importer_aeo",
        "any_item(?)",
        "(? OR item_no = 1) AND importer_aeo",
        "CASE WHEN ? THEN TRUE ELSE FALSE END",
    ];
    for form in forms {
        let nested = |levels: usize| (0..levels).fold("importer_aeo".to_owned(), |inner, _| form.replace('?', &inner));
        assert!(program("declaration", &[&nested(40)]).is_ok(), "{form}");
        assert_eq!(program("declaration", &[&nested(60)]).unwrap_err()[0].code, "E0211", "{form}");
    }
    let chain = |operator: &str, links: usize| vec!["item_no = 1"; links].join(operator);
    assert!(program("declaration", &[&format!("({}) IS UNKNOWN", chain(" AND ", 900))]).is_ok());
    assert_eq!(program("declaration", &[&chain(" + ", 900)]).unwrap_err()[0].code, "E0211");
}
