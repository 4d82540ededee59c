//! `haechi check`: every mistake of every file in one go, each at its place.

use crate::support::{Desk, SHOES, repository};

const TWELVE: &str = "\
lists:
  - {name: watched, entries: [CN, VN]}

rules:
  - id: shoes-01
    title: Footwear from watched origins
    stream: declaration
    when: in_list(origin_country, 'watched') AND origin_contry = 'CN'
    lane: red
    instruction: Check the sole.
    owner: footwear-desk
    legal_basis: Customs Act art. 246
    tests:
      - {given: {hscode: '640299'}, expect: no_hit}

  - id: shoes-02
    title: Footwear that is cheap
    stream: declaration
    when: >
      startswith(hs_code, '64')
      AND customs_value_usd < 'cheap'
      AND declared_at < now()
    share: 20
    score: 10
    instructions: Check the invoice.
    owner: footwear-desk
    legal_basis: Customs Act art. 246
    tests: [{given: {hs_code: '640299'}, expect: hit}]

  - id: shoes-02
    title: Schuhe (신발) of another list
    stream: declaration
    when: \"description = '신발' AND in_list(origin_country, 'wached')\"
    valid: {from: 1.3.2026}
    score: 10
    owner: footwear-desk
    legal_basis: Customs Act art. 246
    tests: [{given: {hs_code: '640299'}, expect: hit}]

  - id: shoes-04
    title: Footwear, unfinished
    stream: declaration
    when: hs4 = '6402' AND
    score: 10
    owner: footwear-desk
    legal_basis: Customs Act art. 246
    tests: [{given: {hs_code: '640299'}, expect: hit}]
";

#[test]
fn twelve_mistakes_are_twelve_diagnostics_at_their_places() {
    let desk = Desk::new();
    desk.file("shoes.yaml", TWELVE);
    let ran = desk.haechi("check shoes.yaml --json");
    assert_eq!(ran.code, 1);
    let report = ran.json();
    let found: Vec<String> = report["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| {
            let text = |key: &str| d[key].as_str().unwrap().to_owned();
            // What is underlined, cut out of the file by the position alone.
            let line = TWELVE.lines().nth(d["line"].as_u64().unwrap() as usize - 1).unwrap();
            let (from, to) =
                (d["column"].as_u64().unwrap() as usize - 1, d["end_column"].as_u64().unwrap() as usize - 1);
            let underlined: String = line.chars().skip(from).take(to - from).collect();
            format!("{} {}:{}:{} {underlined}", text("code"), text("file"), d["line"], d["column"])
        })
        .collect();
    assert_eq!(
        found,
        [
            "E0202 shoes.yaml:8:50 origin_contry",
            "E0305 shoes.yaml:9:11 red",
            "E0601 shoes.yaml:14:18 hscode",
            "E0203 shoes.yaml:20:7 startswith",
            "E0206 shoes.yaml:21:11 customs_value_usd < 'cheap'",
            "E0204 shoes.yaml:22:25 now",
            "E0306 shoes.yaml:23:12 20",
            "E0301 shoes.yaml:25:5 instructions",
            "E0308 shoes.yaml:30:9 shoes-02",
            "E0208 shoes.yaml:33:59 'wached'",
            "E0309 shoes.yaml:34:19 1.3.2026",
            "E0201 shoes.yaml:43:24 AND",
        ]
    );
    assert_eq!((&report["errors"], &report["warnings"]), (&12.into(), &0.into()));
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES.replace("origin_country = 'CN'", "origin_contry = 'CN'").replace("examine", "red"));
    let ran = desk.haechi("check shoes.yaml");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r"
    error[E0202]: unknown column `origin_contry` in stream `declaration`
      ┌─ shoes.yaml:6:35
      │
    6 │       hs4 IN ('6402', '6403') AND origin_contry = 'CN'
      │                                   ^^^^^^^^^^^^^ no such column
      │
      = help: did you mean `origin_country`?
      = rule: shoes-01

    error[E0305]: unknown lane `red`
      ┌─ shoes.yaml:8:11
      │
    8 │     lane: red
      │           ^^^
      │
      = help: lanes of a declaration: `release`, `post_audit`, `documents`, `scan`, `examine`
      = rule: shoes-01

    0 rules, 0 lists, 0 tables in 1 file: 2 errors, 0 warnings
    ");
}

#[test]
fn rules_without_mistakes_pass() {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES);
    let ran = desk.haechi("check shoes.yaml --deny-warnings").done();
    assert_eq!(ran.out, "1 rule, 0 lists, 0 tables in 1 file: 0 errors, 0 warnings\n");
    assert_eq!(desk.haechi("test shoes.yaml").done().out, "2 tests passed, 0 failed\n");
}

#[test]
fn warnings_count_only_where_they_are_to() {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES.replace("    owner: footwear-desk\n", ""));
    assert_eq!(desk.haechi("check shoes.yaml").code, 0);
    let ran = desk.haechi("check shoes.yaml --deny-warnings");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("warning[W0706]"), "{}", ran.out);
}

#[test]
fn a_rule_test_that_fails_shows_the_difference() {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES.replace("net_mass_kg: 80", "net_mass_kg: 8"));
    let ran = desk.haechi("test shoes.yaml");
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r"
    shoes.yaml:13:10: shoes-01 test 1
      expected hit, found no_hit
      unknown all of
        yes     hs4 IN ('6402', '6403')   [hs4 = 6402]
        yes     origin_country = 'CN'   [origin_country = CN]
        unknown any of
          no      customs_value_usd / net_mass_kg < 4.5   [customs_value_usd / net_mass_kg = 12.5, customs_value_usd = 100.0, net_mass_kg = 8.0]
          unknown any item has
            unknown description LIKE '%SAMPLE%'   [description = NULL]
    1 test passed, 1 failed
    ");
    let report = desk.haechi("test shoes.yaml --json").json();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &1.into()));
}

#[test]
fn the_shipped_packs_are_clean_together() {
    let desk = Desk::new();
    let packs = repository("rules/packs");
    let report = desk.haechi(&format!("check {} --json --deny-warnings", packs.display())).done().json();
    assert!(report["rules"].as_u64().unwrap() >= 110, "{report}");
}

#[test]
fn a_stream_has_one_policy() {
    let desk = Desk::new();
    for pack in ["one", "two"] {
        std::fs::create_dir(desk.path(pack)).unwrap();
        desk.file(&format!("{pack}/shoes.yaml"), SHOES.replace("shoes-01", &format!("shoes-{pack}")));
        desk.file(&format!("{pack}/policy.yaml"), "scores: [{at_least: 40, lane: documents}]\n");
    }
    let report = desk.haechi("check one two --json").json();
    let errors: Vec<_> =
        report["diagnostics"].as_array().unwrap().iter().filter(|d| d["severity"] == "error").collect();
    assert_eq!(errors.len(), 1, "{report}");
    assert_eq!((&errors[0]["code"], &errors[0]["file"]), (&"E0503".into(), &"two/policy.yaml".into()));
}
