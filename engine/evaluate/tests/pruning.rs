//! A part that the pruner rules out has no hit: over random rules and rows, summarised exactly or loosely. And what it
//! must rule out, or let pass, case by case.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use std::cell::Cell as Counter;
use std::sync::Arc;

use haechi_evaluate::{Evaluator, Options, Pruner};
use haechi_model::Kind;
use haechi_model::summary::{ColumnSummary, PartSummary, Value};
use haechi_rules::program::canonical;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use support::grammar::{Extra, Sql, conditions, into_lists};
use support::table::{CODES, COUNTRIES, Cell, Dice, Domain, Table, WORDS};
use support::{encode, program};

const ITEMS: &Domain = &Domain {
    stream: "declaration",
    texts: &[("origin_country", COUNTRIES), ("hs4", CODES), ("description", WORDS)],
    floats: &["customs_value_usd", "quantity"],
    ints: &["item_no"],
    longs: &["journal_position"],
    bools: &["importer_aeo"],
    instants: &["declared_at"],
    ..Domain::NONE
};

const TRAVELLERS: &Domain = &Domain {
    stream: "traveller",
    texts: &[("nationality", COUNTRIES), ("surname", WORDS)],
    floats: &["bag_mass_kg"],
    ints: &["bag_count"],
    bools: &["document_verified"],
    dates: &["birth_date", "document_expires_on"],
    instants: &["booked_at", "checked_in_at"],
    ..Domain::NONE
};

const CONSIGNMENTS: &Domain = &Domain {
    stream: "consignment",
    texts: &[("shipper_country", COUNTRIES)],
    floats: &["gross_mass_kg"],
    ints: &["container_count"],
    bools: &["dangerous"],
    lists: &[("route_countries", COUNTRIES)],
    records: &[(
        "containers",
        &Domain {
            texts: &[("container_id", CODES), ("fill", WORDS)],
            floats: &["gross_mass_kg"],
            bools: &["check_digit_ok"],
            ..Domain::NONE
        },
    )],
    ..Domain::NONE
};

/// What a reader could know of these rows at best; `loose` leaves some of it out.
fn summary(table: &Table, loose: Option<&mut Dice>) -> PartSummary {
    let mut part = PartSummary::new(table.rows as u64);
    part.whole = true;
    let mut dice = loose;
    for column in table.stream.all_columns() {
        let Some(cells) = table.columns.get(column.name) else {
            part = part.with_nulls(column.name);
            continue;
        };
        let mut known = column_summary(column.kind, cells);
        if let Some(dice) = &mut dice {
            for bound in [&mut known.min, &mut known.max] {
                bound.take_if(|_| dice.one_in(4));
            }
            known.nulls.take_if(|_| dice.one_in(2));
        }
        part = part.with(column.name, known);
    }
    part
}

fn column_summary(kind: Kind, cells: &[Cell]) -> ColumnSummary {
    let nulls = cells.iter().filter(|cell| matches!(cell, Cell::Null) || matches!(cell, Cell::List(l) if l.is_empty()));
    let nulls = Some(nulls.count() as u64);
    let order = |one: &&Cell, other: &&Cell| match (one, other) {
        (Cell::Text(one), Cell::Text(other)) => one.cmp(other),
        (Cell::Int(one), Cell::Int(other)) => one.cmp(other),
        (Cell::Bool(one), Cell::Bool(other)) => one.cmp(other),
        (Cell::Float(one), Cell::Float(other)) => canonical(*one).total_cmp(&canonical(*other)),
        other => panic!("{other:?} in one column"),
    };
    let values = || cells.iter().filter(|cell| !matches!(cell, Cell::Null | Cell::List(_)));
    let value = |cell: &Cell| match (kind, cell) {
        (_, Cell::Text(text)) => Value::Text(text.as_str().into()),
        (Kind::Date, Cell::Int(day)) => Value::Date(*day as i32),
        (Kind::Ts, Cell::Int(ms)) => Value::Ts(*ms),
        (_, Cell::Int(value)) => Value::Int(*value),
        (_, Cell::Float(value)) => Value::Double(*value),
        (_, Cell::Bool(flag)) => Value::Bool(*flag),
        other => panic!("no bound of {other:?}"),
    };
    ColumnSummary { min: values().min_by(order).map(value), max: values().max_by(order).map(value), nulls }
}

/// Rules over parts of few rows, whose summaries say much; at least one in `share` is ruled out.
fn check(domain: &'static Domain, extra: &Extra, depth: usize, share: usize) {
    let (tried, ruled_out) = (Counter::new(0), Counter::new(0));
    let cases =
        (vec(conditions(domain, extra, depth), 1..4), prop::sample::select(vec![1usize, 1, 2, 3, 8]), any::<u64>());
    let config = ProptestConfig::default();
    let rng_seed = if config.rng_seed == RngSeed::Random { RngSeed::Fixed(7) } else { config.rng_seed };
    let n_cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { 300 };
    let config = ProptestConfig { cases: n_cases, rng_seed, failure_persistence: None, ..config };
    let outcome = TestRunner::new(config).run(&cases, |(rules, rows, seed): (Vec<Sql>, usize, u64)| {
        let mut dice = Dice(seed);
        let table = Table::random(domain, rows, &mut dice);
        let parts = [summary(&table, None), summary(&table, Some(&mut dice))];
        let batch = encode::encoded(&table, &mut dice);
        let together: Vec<&str> = rules.iter().map(|rule| rule.ours.as_str()).collect();
        let alone = together.iter().map(std::slice::from_ref);
        for rules in alone.chain([together.as_slice()]) {
            let program = program(domain.stream, rules).map_err(|d| TestCaseError::fail(format!("refused: {d:#?}")))?;
            let hits = Evaluator::new(Arc::clone(&program), Options::default()).unwrap().evaluate(&batch).unwrap();
            let pruner = Pruner::new(program);
            for part in &parts {
                let may_hit = pruner.may_hit(part);
                tried.set(tried.get() + 1);
                ruled_out.set(ruled_out.get() + usize::from(!may_hit));
                if let (false, Some((row, rule))) = (may_hit, hits.iter().next()) {
                    let shown = table.describe(row as usize);
                    return Err(TestCaseError::fail(format!("row {row} is hit\n{}{shown}", rules[rule as usize])));
                }
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(ruled_out.get() * share > tried.get(), "{} of {} ruled out", ruled_out.get(), tried.get());
}

#[test]
fn declarations_ruled_out_have_no_hit() {
    check(ITEMS, &Extra::default(), 2, 6);
}

#[test]
fn travellers_ruled_out_have_no_hit() {
    check(TRAVELLERS, &Extra::default(), 2, 6);
}

#[test]
fn items_ruled_out_have_no_hit() {
    check(ITEMS, &Extra { items: true, ..Extra::default() }, 2, 8);
}

#[test]
fn consignments_ruled_out_have_no_hit() {
    check(CONSIGNMENTS, &into_lists(CONSIGNMENTS), 2, 8);
}

/// Ten declared items of one flow in January 2026, between headings 6402 and 6404, worth 10 to 500 USD each, of which
/// some have no mass and none is of a trusted trader; those with an office are of one, and nobody knows the quantity.
fn january() -> PartSummary {
    let known = |min, max, nulls| ColumnSummary { min: Some(min), max: Some(max), nulls: Some(nulls) };
    let text = |text: &str| Value::Text(text.into());
    PartSummary::new(10)
        .with("flow", ColumnSummary::constant(text("import")))
        .with("hs4", known(text("6402"), text("6404"), 2))
        .with("customs_value_usd", known(Value::Double(10.0), Value::Double(500.0), 0))
        .with("net_mass_kg", ColumnSummary { min: Some(Value::Double(-0.0)), max: None, nulls: Some(3) })
        .with("item_no", known(Value::Int(1), Value::Int(4), 0))
        .with("declared_at", known(Value::Ts(1_767_225_600_000), Value::Ts(1_769_903_999_999), 0))
        .with("importer_aeo", ColumnSummary::constant(Value::Bool(false)))
        .with("office", ColumnSummary { nulls: None, ..ColumnSummary::constant(text("020")) })
        .with_nulls("courier_id")
}

#[test]
fn what_bounds_rule_out() {
    for (rule, may_hit) in [
        // Numbers, and NaN, which is above all of them.
        ("customs_value_usd > 500", false),
        ("customs_value_usd >= 500", true),
        ("customs_value_usd < 10", false),
        ("customs_value_usd NOT BETWEEN 1 AND 1000", false),
        ("customs_value_usd = 9.99", false),
        ("customs_value_usd IN (1, 2, 501)", false),
        ("customs_value_usd IN (1, 10, 501)", true),
        ("customs_value_usd IN (-5, -1, 20)", true),
        ("customs_value_usd IN (1, 2, NULL)", false),
        ("customs_value_usd NOT IN (50, NULL)", false),
        ("(customs_value_usd IN (1, 2, NULL)) IS NOT FALSE", true),
        ("(customs_value_usd IN (1, 2)) IS NOT FALSE", false),
        ("net_mass_kg > 1e300", true),
        ("net_mass_kg < 0", false),
        ("net_mass_kg <= 0", true),
        ("item_no > 4.5", false),
        ("item_no > 3.5", true),
        ("item_no = 2.5", false),
        ("quantity > 1e9", true),
        // Operands beside each other.
        ("customs_value_usd < net_mass_kg", true),
        ("net_mass_kg <> net_mass_kg", true),
        ("declared_at > declared_at", true),
        // Text, by its bytes.
        ("flow = 'export'", false),
        ("flow <> 'import'", false),
        ("flow = 'import'", true),
        ("flow NOT IN ('export', 'import')", false),
        ("flow NOT IN ('export')", true),
        ("hs4 = '6403'", true),
        ("hs4 = '8517'", false),
        ("hs4 IN ('01', '8517')", false),
        ("hs4 < '64'", false),
        ("hs4 LIKE '64%'", true),
        ("hs4 LIKE '6403%9'", true),
        ("hs4 LIKE '85%'", false),
        ("hs4 LIKE '6405'", false),
        ("hs4 LIKE '6401%'", false),
        ("hs4 LIKE '_5%'", true),
        ("hs4 ILIKE '85%'", true),
        ("hs4 NOT LIKE '64%'", true),
        ("hs4 LIKE '\\64%'", true),
        ("hs4 LIKE '\\85%'", false),
        // Instants.
        ("declared_at >= TIMESTAMP '2026-02-01T00:00:00Z'", false),
        ("declared_at < TIMESTAMP '2026-01-01T00:00:00Z'", false),
        ("declared_at >= TIMESTAMP '2026-01-31T23:59:59Z'", true),
        // Flags and NULL.
        ("importer_aeo", false),
        ("NOT importer_aeo", true),
        ("importer_aeo IS NOT TRUE", true),
        ("importer_aeo IS FALSE", true),
        ("importer_aeo NOT IN (TRUE)", true),
        ("importer_aeo NOT IN (FALSE)", false),
        ("importer_aeo IS NOT FALSE", false),
        ("courier_id = 'X'", false),
        ("courier_id <> 'X'", false),
        ("courier_id NOT LIKE 'X%'", false),
        ("courier_id IS NULL", true),
        ("courier_id IS NOT NULL", false),
        ("in_list(courier_id, 'watched')", false),
        ("NOT mentions(courier_id, 'weapons')", false),
        ("customs_value_usd IS NULL", false),
        ("hs4 IS NULL", true),
        ("office IS NULL", true),
        ("(office = '020') IS UNKNOWN", true),
        ("(customs_value_usd > 1) IS UNKNOWN", false),
        ("(hs4 = '6402') IS UNKNOWN", true),
        ("(customs_value_usd >= 10) IS NOT TRUE", false),
        // Put together.
        ("hs4 = '6403' AND customs_value_usd > 500", false),
        ("hs4 = '8517' OR customs_value_usd > 500", false),
        ("hs4 = '8517' OR customs_value_usd > 400", true),
        ("NOT (hs4 = '6403' OR customs_value_usd <= 500)", false),
        ("(customs_value_usd > 500) = (quantity > 1)", true),
        ("(customs_value_usd > 500) = TRUE", false),
        ("TRUE", true),
        ("FALSE", false),
        // What is computed or looked up may be anything.
        ("customs_value_usd / 2 > 1e6", true),
        ("upper(flow) = 'EXPORT'", true),
        ("customs_value_usd < lookup('floor', hs4)", true),
        ("description LIKE 'gun%'", true),
    ] {
        let pruner = Pruner::new(program("declaration", &[rule]).unwrap());
        assert_eq!(pruner.may_hit(&january()), may_hit, "{rule}");
    }
}

#[test]
fn a_part_that_cuts_subjects_stays_where_rules_look_across_rows() {
    let mut whole = january();
    whole.whole = true;
    for (rule, may_hit) in [
        ("any_item(hs4 = '8517')", false),
        ("all_items(hs4 = '8517')", false),
        ("all_items(customs_value_usd >= 10)", true),
        ("count_items(hs4 = '8517') > 0", false),
        ("count_items(hs4 = '6403') > 10", false),
        ("count_items(hs4 = '6403') >= 10", true),
        ("sum_items(customs_value_usd) > 1e9", true),
        // Derived from the other items, so not for this part to say even where it has bounds.
        ("items_in_declaration > 2 AND flow = 'export'", false),
    ] {
        let pruner = Pruner::new(program("declaration", &[rule]).unwrap());
        assert!(pruner.may_hit(&january()), "{rule} cut");
        assert_eq!(pruner.may_hit(&whole), may_hit, "{rule}");
    }
}

#[test]
fn lists_without_records_have_nothing_in_them() {
    let part = PartSummary::new(5).with_nulls("containers").with_nulls("route_countries");
    for (rule, known_empty, unknown) in [
        ("any_container(fill = 'empty')", false, true),
        ("any_container(FALSE)", false, false),
        ("NOT all_containers(fill = 'empty')", false, true),
        ("all_containers(fill = 'empty')", true, true),
        ("count_containers(fill = 'empty') > 0", false, true),
        ("count_containers(FALSE) > 0", false, false),
        ("cardinality(route_countries) > 0", false, true),
        ("array_has(route_countries, 'CN')", false, true),
        ("NOT array_has(route_countries, 'CN')", true, true),
    ] {
        let pruner = Pruner::new(program("consignment", &[rule]).unwrap());
        assert_eq!(pruner.may_hit(&part), known_empty, "{rule}");
        assert_eq!(pruner.may_hit(&PartSummary::new(5)), unknown, "{rule} of anything");
    }
}

#[test]
fn nothing_hits_no_rows_and_no_rule_hits_nothing() {
    let always = Pruner::new(program("declaration", &["TRUE"]).unwrap());
    assert!(always.may_hit(&PartSummary::new(1)) && !always.may_hit(&PartSummary::new(0)));
    assert!(!Pruner::new(program("declaration", &[]).unwrap()).may_hit(&january()));
}

#[test]
fn one_pruner_answers_for_many_parts() {
    let pruner = Pruner::new(program("declaration", &["item_no = 1", "item_no = 2", "item_no = 3"]).unwrap());
    let part = |item| PartSummary::new(1).with("item_no", ColumnSummary::constant(Value::Int(item)));
    for (item, may_hit) in [(3, true), (1, true), (4, false), (2, true), (0, false), (3, true)] {
        assert_eq!(pruner.may_hit(&part(item)), may_hit, "{item}");
    }
}
