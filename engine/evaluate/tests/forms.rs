//! Forms in which text may come that no test of the language would think of: plain or coded, with codes that mean nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use support::evaluator;

fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

#[test]
fn hits_of_plain_text_come_in_order() {
    let rules = ["description LIKE 'a%'", "trade_name = 'x'", "hs4 = '64'", "description = 'ab'", "hs4 LIKE '6%'"];
    let column = |text| -> ArrayRef { Arc::new(StringArray::from(vec![text; 3])) };
    let batch = rows(vec![("description", column("ab")), ("trade_name", column("x")), ("hs4", column("64"))]);
    let hits = evaluator("declaration", &rules).evaluate(&batch).unwrap();
    let expected: Vec<(u32, u32)> = (0..3).flat_map(|row| (0..5).map(move |rule| (row, rule))).collect();
    assert_eq!(hits.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_text_that_stands_in_a_rule_twice_hits_once() {
    let rules = ["hs4 IN ('64', '64')", "hs4 IN ('64', '64') AND item_no IS NULL", "hs4 = '64' OR hs4 = '64'"];
    let batch = rows(vec![("hs4", Arc::new(StringArray::from(vec!["64"; 2])))]);
    let hits = evaluator("declaration", &rules).evaluate(&batch).unwrap();
    assert_eq!(hits.iter().collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
}

/// Rows of two values stand value by value where a rule starts at either, and alternatives within alternatives share them
/// out: each hits once, whichever of them take it.
#[test]
fn rows_that_come_by_value_hit_once() {
    let rule = "importer_id IN ('A', 'B') AND (item_no < 300 OR item_no >= 0 AND (quantity > 5 OR item_no < 1100))";
    let importer = |row: i32| match row % 80 {
        0 => "A".to_owned(),
        1 => "B".to_owned(),
        _ => format!("other {}", row % 700),
    };
    let all = 0..1_200;
    let importers = all.clone().map(|row| Some(importer(row)));
    let coded: StringArray = importers.collect();
    let coded =
        arrow::compute::cast(&coded, Field::new_dictionary("", DataType::Int32, DataType::Utf8, true).data_type());
    let batch = rows(vec![
        ("importer_id", coded.unwrap()),
        ("item_no", Arc::new(Int32Array::from_iter_values(all.clone()))),
        ("quantity", Arc::new(Float64Array::from_iter_values(all.clone().map(|row| f64::from(row % 9))))),
    ]);
    let expected = all.filter(|row| row % 80 < 2 && (row % 9 > 5 || *row < 1_100)).map(|row| (row as u32, 0));
    let expected: Vec<(u32, u32)> = expected.collect();
    let evaluator = evaluator("declaration", &[rule]);
    assert_eq!(evaluator.evaluate(&batch).unwrap().iter().collect::<Vec<_>>(), expected);
    let mut counts = [0];
    evaluator.count(&batch, &mut counts).unwrap();
    assert_eq!(counts, [expected.len() as u64]);
}

#[test]
fn codes_behind_null_may_be_anything() {
    let rules = [
        "hs4 LIKE '%1'",
        "NOT hs4 LIKE '%1'",
        "hs4 <> 'v2' AND item_no IS NULL",
        "hs4 >= 'v' AND hs4 < 'v5'",
        "NOT hs4 IN ('v1', 'v2')",
        "hs4 = departure_country",
        "hs4 <> hs6",
    ];
    for (values, code) in [(50, -1), (50, i32::MIN), (50, i32::MAX), (50, 50), (200, -1), (200, i32::MIN), (200, 255)] {
        let keys: Vec<i32> = (0..400).map(|row| if row % 2 == 0 { row % values } else { code }).collect();
        let known: Vec<bool> = (0..400).map(|row| row % 2 == 0).collect();
        let texts: StringArray = (0..values).map(|value| Some(format!("v{value}"))).collect();
        let coded = Int32Array::new(keys.into(), Some(NullBuffer::from(known)));
        let coded = DictionaryArray::<Int32Type>::try_new(coded, Arc::new(texts)).unwrap();
        let plain = arrow::compute::cast(&coded, &DataType::Utf8).unwrap();
        let other: ArrayRef = Arc::new((0..400).map(|_| Some("v7")).collect::<DictionaryArray<Int32Type>>());
        let found = |column: ArrayRef| {
            let batch = rows(vec![("hs4", column), ("hs6", Arc::clone(&other))]);
            evaluator("declaration", &rules).evaluate(&batch).unwrap()
        };
        assert_eq!(found(Arc::new(coded)), found(plain), "{values} values, code {code}");
    }
}
