//! A row alone takes a path of its own, by its values instead of by arrays. Its hits are those it has among others: with
//! every kind of value, in every form that a reader delivers, before anything was measured and after.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use haechi_evaluate::Evaluator;
use support::evaluator;
use support::table::Dice;

/// Enough to be measured.
const ROWS: usize = 1_200;

/// Rules by the hundred, so that every column is asked about often enough for its values to rule rules out, and numbers
/// have more thresholds than are kept apart.
fn rules() -> Vec<String> {
    let mut rules = Vec::new();
    let extremes = ["-2147483648", "2147483647", "-1e308", "1e308", "0", "-0.0"];
    for (n, cmp) in (0..180).zip(["<", "<=", ">", ">=", "=", "<>"].into_iter().cycle()) {
        let country = COUNTRIES[n % COUNTRIES.len()];
        rules.push(format!("quantity {cmp} {}", n / 3));
        rules.push(format!("hs_code LIKE '{}%' AND quantity {cmp} {n}", n % 7));
        rules.push(format!("origin_country = '{country}' AND NOT (quantity {cmp} {}.5)", n / 4));
        rules.push(format!("item_no {cmp} {} AND origin_country <> '{country}'", n / 2));
        rules.push(format!("quantity {cmp} {} AND item_no >= {}", extremes[n % 6], n / 6));
        rules.push(format!("hs_code LIKE '%{}' AND item_no {cmp} {}", n % 10, extremes[n % 2]));
        rules.push(format!("declared_at {cmp} TIMESTAMP '2026-01-{:02}T00:00:00Z' AND item_no < 40", 1 + n % 28));
    }
    let flags = [
        "preference_claimed",
        "NOT preference_claimed",
        "preference_claimed IS NULL",
        "preference_claimed IS NOT NULL",
        "preference_claimed IS NOT TRUE",
        "preference_claimed IS NOT FALSE",
        "hs_code IS NULL",
        "hs_code IS NOT NULL",
        "origin_country IS NULL",
        "NOT origin_country IN ('CN', 'VN')",
        "origin_country NOT IN ('CN', NULL)",
        "origin_country LIKE '_N'",
        "quantity IS NULL",
        "quantity IS NOT NULL",
        "item_no IN (1, 5, 9)",
        "item_no NOT IN (1, 5, 9)",
        "item_no NOT IN (1, NULL)",
        "origin_country <> departure_country",
        "origin_country = departure_country",
        "quantity > item_no",
        "NOT quantity > net_mass_kg",
        "departure_country IN ('CN', 'KR')",
        "in_list(departure_country, 'watched')",
        "NOT in_list(hs_code, 'watched')",
        "(quantity < 3 OR item_no > 20)",
        "(hs_code LIKE '%1' OR origin_country = 'CN' AND quantity > 10)",
        "quantity / item_no < 1.5",
        "upper(description) = 'RED SHOES'",
        "description LIKE '%SHOES%'",
        "NOT description LIKE '%shoes%'",
        "mentions(description, 'weapons')",
        "lookup('floor.usd_per_kg', hs4) > 5",
        "trade_name IS NULL",
        "trade_name = 'never there'",
    ];
    for (n, flag) in flags.iter().enumerate() {
        rules.push((*flag).to_owned());
        for other in 0..12 {
            rules.push(format!("{flag} AND {}", flags[(n * 5 + other * 7 + 1) % flags.len()]));
        }
    }
    rules
}

const COUNTRIES: [&str; 9] = ["CN", "VN", "KR", "DE", "", "U", "총", "SN", "IN"];

/// Some rows; a column in twelve values is NULL.
fn batch(dice: &mut Dice, missing: &[&str]) -> RecordBatch {
    let doubles = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e308, f64::MIN];
    let known = |dice: &mut Dice| !dice.one_in(12);
    let of = |dice: &mut Dice, values: &dyn Fn(&mut Dice) -> f64| -> Vec<Option<f64>> {
        (0..ROWS).map(|_| known(dice).then(|| values(dice))).collect()
    };
    let number = |dice: &mut Dice| if dice.one_in(9) { *dice.pick(&doubles) } else { dice.below(140) as f64 / 2.0 };
    let whole = |dice: &mut Dice| match dice.below(12) {
        0 => f64::from(i32::MAX),
        1 => f64::from(i32::MIN),
        _ => dice.below(50) as f64,
    };
    let place = |dice: &mut Dice| dice.below(997) as f64;
    let texts = |places: Vec<Option<f64>>, text: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(places.into_iter().map(|at| at.map(|at| text(at as usize))).collect::<StringArray>())
    };
    let country = |at: usize| COUNTRIES[at % COUNTRIES.len()].to_owned();
    let goods = |at: usize| ["red shoes", "RED SHOES", "toy gun, plastic", "gunpowder", ""][at % 5].to_owned();
    let day = 86_400_000;
    let instants = of(dice, &place).into_iter().map(|at| at.map(|at| 1_767_225_600_000 + at as i64 * day / 30));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("quantity", Arc::new(Float64Array::from(of(dice, &number)))),
        ("net_mass_kg", Arc::new(Float64Array::from(of(dice, &number)))),
        ("item_no", Arc::new(of(dice, &whole).into_iter().map(|n| n.map(|n| n as i32)).collect::<Int32Array>())),
        ("preference_claimed", {
            let flags = of(dice, &place).into_iter().map(|at| at.map(|at| (at as usize).is_multiple_of(3)));
            Arc::new(flags.collect::<BooleanArray>())
        }),
        ("declared_at", Arc::new(instants.collect::<TimestampMillisecondArray>().with_timezone("UTC"))),
        ("origin_country", texts(of(dice, &place), &country)),
        ("departure_country", texts(of(dice, &place), &country)),
        ("hs_code", texts(of(dice, &place), &|at| format!("{:06}", at * 997 % 1_000_000))),
        ("hs4", texts(of(dice, &place), &|at| ["6402", "8517", "1234"][at % 3].to_owned())),
        ("description", texts(of(dice, &place), &goods)),
    ];
    let columns: Vec<_> = columns.into_iter().filter(|(name, _)| !missing.contains(name)).collect();
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// The rows with their text, or instants, in another type.
fn in_form(batch: &RecordBatch, text: &DataType, instant: &DataType) -> RecordBatch {
    let to = |array: &ArrayRef| match array.data_type() {
        DataType::Utf8 => cast(array, text).unwrap(),
        DataType::Timestamp(..) => cast(array, instant).unwrap(),
        _ => Arc::clone(array),
    };
    let columns: Vec<ArrayRef> = batch.columns().iter().map(to).collect();
    let fields = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(f, a)| Field::new(f.name(), a.data_type().clone(), true))
        .collect::<Vec<_>>();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn check(evaluator: &Evaluator, rules: &[String], batch: &RecordBatch, expected: &[(u32, u32)], what: &str) {
    for row in 0..batch.num_rows() {
        let alone = batch.slice(row, 1);
        let of_row = expected.partition_point(|(at, _)| (*at as usize) < row)
            ..expected.partition_point(|(at, _)| (*at as usize) <= row);
        let among: Vec<u32> = expected[of_row].iter().map(|(_, rule)| *rule).collect();
        let hits = evaluator.evaluate(&alone).unwrap();
        let differs = hits.rules().iter().zip(&among).find(|(a, b)| a != b).map(|(a, b)| *a.min(b));
        let differs = differs.or_else(|| hits.rules().get(among.len()).or(among.get(hits.rules().len())).copied());
        assert!(differs.is_none(), "{what}, row {row}: {}\n{alone:?}", rules[differs.unwrap() as usize]);
        assert_eq!(hits.of(0), hits.rules());
        let mut counts = vec![0; rules.len()];
        evaluator.count(&alone, &mut counts).unwrap();
        assert!(
            counts.iter().enumerate().all(|(rule, n)| *n == u64::from(among.binary_search(&(rule as u32)).is_ok()))
        );
    }
}

#[test]
fn a_row_alone_has_the_hits_it_has_among_others() {
    let rules = rules();
    let texts: Vec<&str> = rules.iter().map(String::as_str).collect();
    let coded = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
    let utc = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    let forms = [
        (DataType::Utf8, utc(TimeUnit::Millisecond)),
        (coded(DataType::Int16), utc(TimeUnit::Millisecond)),
        (coded(DataType::Int32), utc(TimeUnit::Second)),
        (DataType::LargeUtf8, DataType::Timestamp(TimeUnit::Millisecond, None)),
        (coded(DataType::UInt16), utc(TimeUnit::Microsecond)),
    ];
    let mut dice = Dice(7);
    for missing in [&[][..], &["quantity", "origin_country"], &["hs_code", "preference_claimed", "declared_at"]] {
        let rows = batch(&mut dice, missing);
        let among = evaluator("declaration", &texts);
        let expected: Vec<(u32, u32)> = among.evaluate(&rows).unwrap().iter().collect();
        assert!(expected.len() > ROWS * 20);
        for (at, (text, instant)) in forms.iter().enumerate() {
            let rows = in_form(&rows, text, instant);
            // As a service sees them: row by row from the first, measured on the way.
            let what = format!("without {missing:?}, {text}, {instant}");
            check(&evaluator("declaration", &texts), &rules, &rows, &expected, &what);
            if at == 1 {
                check(&among, &rules, &rows, &expected, &format!("{what}, measured before"));
            }
        }
    }
}

/// Nothing but what the rule itself reads is there for it. Without a subject's key, every row is a subject.
#[test]
fn a_rule_alone_sees_what_it_needs() {
    let rules = [
        "(quantity > 5 AND NULL) IS NULL",
        "(hs4 = '6402' AND NULL) = preference_claimed",
        "(quantity BETWEEN 5 AND NULL) IS NOT NULL",
        "coalesce(quantity > 5 AND NULL, true)",
        "(quantity > 5) = preference_claimed",
        "CASE WHEN hs4 = '6402' THEN quantity ELSE net_mass_kg END > 20",
        "any_item(quantity > 5 AND hs4 = '6402')",
        "NOT all_items(origin_country = departure_country)",
        "count_items(quantity > 5) = 1 AND hs4 = '8517'",
        "sum_items(quantity) > 20",
        "upper(description) = trade_name OR description > hs_code",
        "lookup('floor.usd_per_kg', hs4) > quantity",
    ];
    let rows = batch(&mut Dice(11), &[]);
    for rule in rules {
        let evaluator = evaluator("declaration", &[rule]);
        let expected: Vec<(u32, u32)> = evaluator.evaluate(&rows).unwrap().iter().collect();
        check(&evaluator, &[rule.to_owned()], &rows, &expected, rule);
    }
}

#[test]
fn a_column_of_another_type_is_refused_alone_too() {
    let rows = RecordBatch::try_from_iter([("item_no", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)]).unwrap();
    let evaluator = evaluator("declaration", &["preference_claimed AND item_no = 1"]);
    assert!(evaluator.evaluate(&rows).is_ok(), "what can be cast is");
    let list = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([Some([Some(1)])]);
    let rows = RecordBatch::try_from_iter([("item_no", Arc::new(list) as ArrayRef)]).unwrap();
    assert!(evaluator.evaluate(&rows).unwrap_err().to_string().contains("item_no"));
}
