//! `haechi sweep`: what every value of a threshold would hit.

use crate::support::{Desk, SHOES};

const RULES: &str = "\
rules:
  - id: mine-0001
    title: Cheap goods of traders that are not trusted
    stream: declaration
    when: unit_price_usd < 2 AND NOT importer_aeo AND quantity >= 10
    lane: documents
    owner: me
    legal_basis: none
    instruction: Ask for the invoice.
  - id: mine-0002
    title: Many items, late in the year
    stream: declaration
    when: count_items(net_mass_kg > 1) >= 2 AND declared_at >= '2027-03-02'
    lane: documents
    owner: me
    legal_basis: none
    instruction: Count.
";

const DAY: &str = "\
declaration_id,item_no,unit_price_usd,quantity,importer_aeo,net_mass_kg,declared_at
D1,1,0.4,10,false,5,2027-03-01T10:00:00Z
D1,2,0.9,20,false,3,2027-03-01T10:00:00Z
D2,1,1.5,10,false,,2027-03-02T10:00:00Z
D2,2,2.5,10,true,2,2027-03-02T10:00:00Z
D3,1,2.5,40,false,9,2027-03-03T00:00:00Z
D3,2,,50,false,7,2027-03-03T00:00:00Z
D4,1,3,5,false,1,2027-03-04T00:00:00Z
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("rules.yaml", RULES).file("day.csv", DAY);
    desk
}

fn sweep(words: &str) -> String {
    format!("sweep --stream declaration --rules rules.yaml --input day.csv {words}")
}

/// What was printed, without the time it took.
fn untimed(text: &str) -> String {
    let untimed = |line: &str| line.find(" set aside").map_or(line.len(), |at| at + " set aside".len());
    text.lines().map(|line| line[..untimed(line)].trim_end()).collect::<Vec<_>>().join("\n")
}

#[test]
fn values_stand_beside_the_present_one() {
    let words = "--rule mine-0001 --of unit_price_usd --parameter 0.5..3 step 0.5";
    let ran = desk().haechi(&sweep(words)).done();
    insta::assert_snapshot!(untimed(&ran.out), @r"
    mine-0001: Cheap goods of traders that are not trusted
    unit_price_usd < 2 at 6 values: 7 rows, 0 set aside
           value   hits   of rows   change
    ──────────────────────────────────────────────────────────────────
             0.5      1   14.29 %       -2   ██████
             1.0      2   28.57 %       -1   ████████████
             1.5      2   28.57 %       -1   ████████████
     now     2.0      3   42.86 %        0   ██████████████████
             2.5      3   42.86 %        0   ██████████████████
             3.0      4   57.14 %       +1   ████████████████████████
    ");
    let ran = desk().haechi(&sweep("--rule mine-0001 --parameter 1,2.25 --of unit_price_usd< --subjects")).done();
    insta::assert_snapshot!(untimed(&ran.out), @r"
    mine-0001: Cheap goods of traders that are not trusted
    unit_price_usd < 2 at 3 values: 7 rows of 4 declarations, 0 set aside
           value   hits   of rows   change   declarations
    ─────────────────────────────────────────────────────────────────────────────────
            1.00      2   28.57 %       -1              1   ████████████████
     now    2.00      3   42.86 %        0              2   ████████████████████████
            2.25      3   42.86 %        0              2   ████████████████████████
    ");
}

#[test]
fn days_and_whole_numbers_are_swept_too() {
    let ran = desk().haechi(&sweep("--rule mine-0002 --parameter 2027-03-01..2027-03-04 step 2")).done();
    insta::assert_snapshot!(untimed(&ran.out), @r"
    mine-0002: Many items, late in the year
    declared_at >= '2027-03-02' at 4 values: 7 rows, 0 set aside
                value   hits   of rows   change
    ───────────────────────────────────────────────────────────────────────
           2027-03-01      4   57.14 %       +2   ████████████████████████
     now   2027-03-02      2   28.57 %        0   ████████████
           2027-03-03      2   28.57 %        0   ████████████
           2027-03-04      0    0.00 %       -2
    ");
    let ran = desk().haechi(&sweep("--rule mine-0002 --parameter 0..3 --of COUNT_ITEMS(net_mass_kg>1)>=")).done();
    insta::assert_snapshot!(untimed(&ran.out), @r"
    mine-0002: Many items, late in the year
    count_items(net_mass_kg > 1) >= 2 at 4 values: 7 rows, 0 set aside
           value   hits   of rows   change
    ──────────────────────────────────────────────────────────────────
               0      5   71.43 %       +3   ████████████████████████
               1      4   57.14 %       +2   ███████████████████▎
     now       2      2   28.57 %        0   █████████▋
               3      0    0.00 %       -2
    ");
}

#[test]
fn programs_get_the_same() {
    let words = "--rule mine-0001 --of unit_price_usd --parameter 1..2 step 1 --subjects --json";
    let mut report = desk().haechi(&sweep(words)).done().json();
    assert!(report["sweep"]["seconds"]["total"].as_f64().unwrap() > 0.0);
    report["sweep"].as_object_mut().unwrap().remove("seconds");
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap(), @r#"
    {
      "rule": "mine-0001",
      "title": "Cheap goods of traders that are not trusted",
      "sweep": {
        "threshold": "unit_price_usd < 2",
        "rows": 7,
        "rows_skipped": 0,
        "subjects": 4,
        "set_aside": 0,
        "values": [
          {
            "value": 1.0,
            "present": false,
            "hits": 2,
            "share": 0.2857142857142857,
            "change": -1,
            "subjects": 1
          },
          {
            "value": 2.0,
            "present": true,
            "hits": 3,
            "share": 0.42857142857142855,
            "change": 0,
            "subjects": 2
          }
        ]
      }
    }
    "#);
}

#[test]
fn what_cannot_be_swept_is_said() {
    let desk = desk();
    desk.file("shoes.yaml", SHOES.replace("customs_value_usd / net_mass_kg < 4.5", "customs_value_usd < net_mass_kg"));
    let refused = |words: &str| {
        let ran = desk.haechi(&sweep(words));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}: {}", ran.err);
        ran.err
    };
    insta::assert_snapshot!(refused("--rule mine-0001 --parameter 1..2"), @r"
    error: rule `mine-0001`: 2 of its thresholds may be meant; choose by `--of`:
      unit_price_usd            (unit_price_usd < 2)
      quantity                  (quantity >= 10)
    ");
    insta::assert_snapshot!(refused("--rule mine-0001 --parameter 1..2 --of quantity<"), @r"
    error: rule `mine-0001`: it has no threshold `quantity<`; `--of` may be:
      unit_price_usd            (unit_price_usd < 2)
      quantity                  (quantity >= 10)
    ");
    insta::assert_snapshot!(refused("--rule mine-0001 --parameter 2027-01-01..2027-02-01"), @r"
    error: rule `mine-0001`: it compares no date with a constant, but here:
      unit_price_usd < 2
      quantity >= 10
    ");
    insta::assert_snapshot!(refused("--rule mine-001 --parameter 1..2"), @"error: no rule `mine-001` for stream `declaration`; did you mean `mine-0001`?");
    insta::assert_snapshot!(refused("--rule mine-0001 --parameter 2..1 --of quantity"), @"error: --parameter: `2..1` is empty: it ends before it begins");
    insta::assert_snapshot!(refused("--rule mine-0001 --parameter 1..2 step 0.0001 --of quantity"), @"error: --parameter: 10001 values are more than 10000; take a longer step");
    insta::assert_snapshot!(refused("--rule mine-0002 --parameter 0.5..2 --of count_items(net_mass_kg>1)"), @"error: --parameter: `0.5` has a fraction, and the threshold counts in whole numbers");
    insta::assert_snapshot!(refused("--rule shoes-01 --rules shoes.yaml --parameter 1"), @"error: rule `shoes-01`: it compares no number with a constant; a constant inside an expression is none: instead of `a < 0.6 * b` write `a / b < 0.6`");
    let ran = desk.haechi(&sweep("--rule mine-0001 --parameter=-1..2 --of unit_price_usd")).done();
    assert!(ran.out.contains("at 16 values"), "{}", ran.out);
}
