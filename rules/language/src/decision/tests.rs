use haechi_model::streams;

use super::*;

const FILE: &str = "decisions/footwear.csv";

fn read(table: &str, tests: Option<&str>) -> (Vec<Rule>, Sources, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let file = sources.add(FILE, table);
    let tests = tests.map(|text| sources.add("decisions/footwear.tests.yaml", text));
    let defaults = Defaults { stream: Some(&streams::DECLARATION), owner: Some("desk".into()) };
    let mut out = Vec::new();
    let rules = read_file(file, tests, &sources, &defaults, &mut out);
    (rules, sources, out)
}

/// The condition made of one cell under one header.
fn condition(header: &str, cell: &str) -> Result<String, &'static str> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (rules, _, out) = read(&format!("id,score,{}\nr-1,1,{}\n", quoted(header), quoted(cell)), None);
    match (rules.first(), out.first()) {
        (_, Some(mistake)) => Err(mistake.code),
        (Some(rule), None) => Ok(rule.when.text.clone()),
        (None, None) => Err("no rule and no mistake"),
    }
}

#[test]
fn cells_become_conditions() {
    let cases = [
        ("hs4", "6402", "hs4 = '6402'"),
        ("hs4", "6402|6403", "hs4 IN ('6402', '6403')"),
        ("hs4", "!=6402", "hs4 <> '6402'"),
        ("hs4", "!=6402|6403", "hs4 NOT IN ('6402', '6403')"),
        ("hs_code", "LIKE 64%", "hs_code LIKE '64%'"),
        ("hs_code", "not like 64%", "hs_code NOT LIKE '64%'"),
        ("hs_code", "0101..0199", "hs_code BETWEEN '0101' AND '0199'"),
        ("description", "O'Neill", "description = 'O''Neill'"),
        ("description", "'null'", "description = 'null'"),
        ("description", "'a|b'", "description = 'a|b'"),
        ("description", "'; --", "description = '''; --'"),
        ("origin_country", "null", "origin_country IS NULL"),
        ("origin_country", "NOT NULL", "origin_country IS NOT NULL"),
        ("net_mass_kg", ">4.5", "net_mass_kg > 4.5"),
        ("net_mass_kg", "<= 10", "net_mass_kg <= 10"),
        ("net_mass_kg", "1..5", "net_mass_kg BETWEEN 1 AND 5"),
        ("net_mass_kg", "-1 .. 5", "net_mass_kg BETWEEN -1 AND 5"),
        ("net_mass_kg", "1|2", "net_mass_kg IN (1, 2)"),
        ("importer_aeo", "yes", "importer_aeo"),
        ("importer_aeo", "FALSE", "NOT importer_aeo"),
        ("declared_at", ">=2026-03-01", "declared_at >= TIMESTAMP '2026-03-01'"),
        ("customs_value_usd / net_mass_kg < ?", "4.5", "(customs_value_usd / net_mass_kg < 4.5)"),
        ("in_list(origin_country, ?)", "watch", "(in_list(origin_country, 'watch'))"),
        ("starts_with(hs_code, ?)", "64", "(starts_with(hs_code, '64'))"),
        ("hs4 = ?", "6402", "(hs4 = '6402')"),
        ("hs4 IN (?)", "6402|6403", "(hs4 IN ('6402', '6403'))"),
        ("item_no IN (?)", "1|2", "(item_no IN (1, 2))"),
        ("description = 'why?' OR hs4 = ?", "6402", "(description = 'why?' OR hs4 = '6402')"),
        ("lookup('price', hs6) > ?", "5", "(lookup('price', hs6) > 5)"),
    ];
    for (header, cell, expected) in cases {
        assert_eq!(condition(header, cell).as_deref(), Ok(expected), "{header} | {cell}");
    }
}

#[test]
fn cells_that_do_not_fit_are_mistakes() {
    let cases = [
        ("net_mass_kg", "heavy", "E0423"),
        ("net_mass_kg", "1,5", "E0423"),
        ("net_mass_kg", "1; DROP TABLE", "E0423"),
        ("net_mass_kg", ">", "E0423"),
        ("net_mass_kg", "5..1", "E0424"),
        ("importer_aeo", "maybe", "E0423"),
        ("hs4", "6402||6403", "E0423"),
        ("declared_at", "1.3.2026", "E0423"),
        ("hs5", "1", "E0421"),
        ("net_mass_kg BETWEEN ? AND ?", "1", "E0422"),
        ("container_numbers", "X", "E0427"),
        ("hs4", "", "E0425"),
    ];
    let list_column = streams::DECLARATION.all_columns().find(|c| matches!(c.kind, haechi_model::Kind::List(_)));
    for (header, cell, code) in cases {
        let header = if code == "E0427" { list_column.unwrap().name } else { header };
        assert_eq!(condition(header, cell), Err(code), "{header} | {cell}");
    }
}

const TABLE: &str = "# 신발 하한가
id,title,hs4,customs_value_usd / net_mass_kg < ?,lane,owner,share,valid_from,valid_until,tags,instruction
foot-1,운동화,6402|6403,4.5,examine,,0.5,2026-01-01,2026-12-31,valuation|footwear,\"Check \"\"sole\"\"\"
foot-2,,6404,,scan,other-desk,,,,,
";

#[test]
fn a_row_is_a_rule() {
    let tests = "tests:\n  foot-1:\n    - {given: {hs_code: '6402991000'}, expect: hit}\n  foot-3: []\n";
    let (rules, sources, out) = read(TABLE, Some(tests));
    let found: Vec<_> = out.iter().map(|d| (d.code, d.position(&sources))).collect();
    assert_eq!(found, [("E0426", "decisions/footwear.tests.yaml:4:3".to_owned())]);
    assert_eq!(out[0].help.as_deref(), Some("nearest is `foot-1`"));
    let rule = &rules[0];
    assert_eq!((rule.id.as_str(), rule.title.as_str(), rule.owner.as_deref()), ("foot-1", "운동화", Some("desk")));
    assert_eq!(rule.when.text, "hs4 IN ('6402', '6403') AND (customs_value_usd / net_mass_kg < 4.5)");
    assert_eq!(rule.instruction.as_deref(), Some("Check \"sole\""));
    assert_eq!((rule.share, rule.tags.len(), rule.tests.len()), (0.5, 2, 1));
    assert_eq!((rule.valid_from, rule.valid_until), (Some(20_454), Some(20_818)));
    assert_eq!(sources.position(&rule.at), "decisions/footwear.csv:3:1");
    assert_eq!((rules[1].title.as_str(), rules[1].owner.as_deref()), ("foot-2", Some("other-desk")));
}

#[test]
fn every_part_of_a_condition_points_at_its_cell() {
    let (rules, _, _) = read(TABLE, None);
    let when = &rules[0].when;
    let shown = |needle: &str| {
        let start = when.text.find(needle).unwrap();
        TABLE[when.span(start..start + needle.len()).range].to_owned()
    };
    assert_eq!(shown("6403"), "6403");
    assert_eq!(shown("net_mass_kg"), "net_mass_kg");
    assert_eq!(shown("4.5"), "4.5");
    // A comparison as a whole is shown at the value.
    assert_eq!(shown("customs_value_usd / net_mass_kg < 4.5"), "4.5");
    assert_eq!(shown(&when.text), "4.5");
}

#[test]
fn mistakes_stand_where_the_cell_stands() {
    let table = "id,hs4,net_mass_kg,lane,hs5\n가-1,6402,무거움,examine,\n가-2,6402,>1,red,\n,6402,,scan,\n가-4,6402\n";
    let (rules, sources, mut out) = read(table, None);
    out.sort_by_key(|d| d.span.range.start);
    let found: Vec<_> = out.iter().map(|d| d.position(&sources).replace(FILE, "") + " " + d.code).collect();
    assert_eq!(found, [":1:25 E0421", ":2:10 E0423", ":3:13 E0305", ":4:1 E0303", ":5:5 E0413"]);
    assert_eq!(out[1].rule.as_deref(), Some("가-1"));
    assert_eq!(rules.len(), 2);
}

#[test]
fn a_table_needs_a_header_an_id_and_a_stream() {
    let codes = |table: &str| read(table, None).2.iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(codes("# nothing\n"), ["E0411"]);
    assert_eq!(codes("hs4,lane\n6402,scan\n"), ["E0303"]);
    assert_eq!(codes("id,stream,hs4,lane\nr-1,traveler,6402,scan\n"), ["E0310"]);
    assert_eq!(codes("id,stream,nationality,lane\nr-1,traveller,KP,refer\n"), [""; 0]);
}
