use arrow::array::{Float64Array, Int32Array, StringArray, TimestampMillisecondArray};
use haechi_model::streams::{DECLARATION, OUTCOME};

use super::*;

fn ids(texts: &[Option<&str>]) -> ArrayRef {
    cast(&StringArray::from(texts.to_vec()), &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
        .unwrap()
}

#[test]
fn deliveries_with_other_columns_are_put_together() {
    let plain: ArrayRef = Arc::new(StringArray::from(vec!["A", "A"]));
    let first = RecordBatch::try_from_iter([
        ("declaration_id", plain),
        ("item_no", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef),
    ]);
    let second = RecordBatch::try_from_iter([
        ("customs_value_usd", Arc::new(Float64Array::from(vec![5.0])) as ArrayRef),
        ("declaration_id", ids(&[Some("B")])),
        ("known_at", Arc::new(TimestampMillisecondArray::from(vec![7])) as ArrayRef),
    ]);
    let rows = unite(&DECLARATION, &[&first.unwrap(), &second.unwrap()]).unwrap();
    let shown = arrow::util::pretty::pretty_format_batches(&[rows]).unwrap().to_string();
    // `known_at` is the engine's to say.
    assert_eq!(
        shown,
        "\
+----------------+---------+-------------------+
| declaration_id | item_no | customs_value_usd |
+----------------+---------+-------------------+
| A              | 1       |                   |
| A              | 2       |                   |
| B              |         | 5.0               |
+----------------+---------+-------------------+"
    );
}

#[test]
fn rows_of_a_subject_end_with_its_delivery_and_its_version() {
    let column = ids(&[Some("A"), Some("A"), Some("A"), Some("B"), None, Some("B"), Some("C")]);
    let versions: ArrayRef = Arc::new(Int32Array::from(vec![None, None, None, Some(1), Some(1), Some(1), Some(2)]));
    let (found, nobody) = runs(&Ids::of(&column).unwrap(), Some(&versions), &[2, 2, 7]);
    let run = |order, rows, version| Run { order, rows, version };
    assert_eq!(
        found,
        [run(0, 0..2, None), run(2, 2..3, None), run(2, 3..4, Some(1)), run(2, 5..6, Some(1)), run(2, 6..7, Some(2))]
    );
    assert_eq!(nobody, [4]);
}

#[test]
fn a_subject_is_found_again_in_its_entry() {
    let versions: ArrayRef = Arc::new(Int32Array::from(vec![1, 1, 2, 2, 1]));
    let batch = RecordBatch::try_from_iter([
        ("declaration_id", ids(&[Some("A"), Some("A"), Some("A"), Some("A"), Some("B")])),
        ("version", versions),
    ]);
    let batch = batch.unwrap();
    let len = |first| subject_rows(&DECLARATION, &batch, first);
    assert_eq!([len(0), len(2), len(4), len(5)], [2, 2, 1, 0]);
}

#[test]
fn no_two_keys_of_facts_are_one_identity() {
    let keys = [
        [Some("O"), None, Some("R\u{1f}S")],
        [Some("O\u{1f}"), Some("1"), Some("R")],
        [Some("O"), None, Some("1\u{1f}R")],
        [Some("O\u{1f}\u{1f}1"), None, Some("R")],
        [Some("O"), Some("1"), Some("R")],
        [Some("O\u{1b}j"), Some("1"), Some("R")],
        [Some("O\u{1b}"), Some("1"), Some("R")],
        [Some("O\u{1b}e"), Some("1"), Some("R")],
    ];
    let items: Int32Array = keys.iter().map(|key| key[1].map(|item| item.parse::<i32>().unwrap())).collect();
    let batch = RecordBatch::try_from_iter([
        ("outcome_id", ids(&keys.map(|key| key[0]))),
        ("item_no", Arc::new(items) as ArrayRef),
        ("rule_id", ids(&keys.map(|key| key[2]))),
    ]);
    let identities = identities(&OUTCOME, &batch.unwrap()).unwrap().unwrap();
    let all = identities.as_string::<i32>();
    let different: std::collections::BTreeSet<&str> = all.iter().flatten().collect();
    assert_eq!(different.len(), keys.len(), "{different:?}");
    assert!(different.contains("O\u{1f}1\u{1f}R"), "what has no such character stays as it is");
}
