//! `haechi explain`: why a subject got its lane, and why a rule did not hit it.

use crate::support::{DAY, Desk, SHOES};

fn run() -> Desk {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES).file("day.csv", DAY);
    desk.haechi("run --stream declaration --rules shoes.yaml --input day.csv --out out").done();
    desk
}

#[test]
fn a_selection_is_explained_by_the_values_its_rules_saw() {
    let desk = run();
    let explained = desk.haechi("explain --in out D1").done();
    // Where the first row that a rule hit came from, in full: it is to be found again.
    let from = format!("  from: {}, line 2\n", desk.path("day.csv").display());
    assert!(explained.out.contains(&from), "{}", explained.out);
    insta::assert_snapshot!(explained.out.replace(&from, ""), @r"
    D1 examine
      shoes-01 hits row 1, asks for examine
      asked for: examine
      lane: examine
    shoes-01: Undervalued footwear
      yes     all of
        yes     hs4 IN ('6402', '6403')   [hs4 = 6402]
        yes     origin_country = 'CN'   [origin_country = CN]
        yes     any of
          yes     customs_value_usd / net_mass_kg < 4.5   [customs_value_usd / net_mass_kg = 1.25, customs_value_usd = 100.0, net_mass_kg = 80.0]
          no      any item has
            no      description LIKE '%SAMPLE%'   [description = BOOTS]
      officer: Check sole material and invoice.
    ");
}

#[test]
fn a_rule_that_did_not_hit_names_what_was_decisive() {
    let desk = run();
    insta::assert_snapshot!(desk.haechi("explain --in out D2 --rule shoes-01").done().out, @r"
    shoes-01 does not hit row 1 of 1:
      no      all of
        yes     hs4 IN ('6402', '6403')   [hs4 = 6402]
        yes     origin_country = 'CN'   [origin_country = CN]
        no      any of
          no      customs_value_usd / net_mass_kg < 4.5   [customs_value_usd / net_mass_kg = 12.5, customs_value_usd = 1000.0, net_mass_kg = 80.0]
          no      any item has
            no      description LIKE '%SAMPLE%'   [description = BOOTS]
      decisive: no      customs_value_usd / net_mass_kg < 4.5   [customs_value_usd / net_mass_kg = 12.5, customs_value_usd = 1000.0, net_mass_kg = 80.0]
      decisive: no      description LIKE '%SAMPLE%'   [description = BOOTS]
    ");
    // A value that is missing decides as well, and is not the same as a wrong one.
    insta::assert_snapshot!(desk.haechi("explain --in out D3 --rule shoes-01").done().out, @r"
    shoes-01 does not hit row 1 of 1:
      unknown all of
        yes     hs4 IN ('6402', '6403')   [hs4 = 6402]
        unknown origin_country = 'CN'   [origin_country = NULL]
        yes     any of
          yes     customs_value_usd / net_mass_kg < 4.5   [customs_value_usd / net_mass_kg = 1.25, customs_value_usd = 100.0, net_mass_kg = 80.0]
          no      any item has
            no      description LIKE '%SAMPLE%'   [description = BOOTS]
      decisive: unknown origin_country = 'CN'   [origin_country = NULL]
    ");
}

#[test]
fn programs_get_the_same_as_json() {
    let desk = run();
    let explained = desk.haechi("explain --in out D1 --json").done().json();
    assert_eq!(explained["decision"]["lane"], "examine");
    assert_eq!(explained["hits"][0]["rule"], "shoes-01");
    let asked = desk.haechi("explain --in out D2 --rule shoes-01 --json").done().json();
    assert_eq!(asked["asked"][0]["truth"], false);
}

#[test]
fn nobody_of_that_name_is_something_wrong() {
    let desk = run();
    let ran = desk.haechi("explain --in out D9");
    assert_eq!((ran.code, ran.out.as_str()), (1, "no `D9` in the inputs of this run\n"));
    let ran = desk.haechi("explain --in out D9 --json");
    assert_eq!((ran.code, &ran.json()["found"]), (1, &false.into()));
    let ran = desk.haechi("explain --in out D1 --rule shoes-1");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("unknown rule `shoes-1`; did you mean `shoes-01`?"), "{}", ran.err);
}

/// Rules that were changed since the run explain what they say now, and it is said that they were.
#[test]
fn changed_rules_are_noticed() {
    let desk = run();
    desk.file("shoes.yaml", SHOES.replace("< 4.5", "< 0.5"));
    let ran = desk.haechi("explain --in out D1").done();
    assert!(ran.err.contains("the rules have changed since the run"), "{}", ran.err);
    assert!(ran.out.starts_with("D1 release"), "{}", ran.out);
}
