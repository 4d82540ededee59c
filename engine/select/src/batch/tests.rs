use arrow::datatypes::Int16Type;

use super::*;

fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn subjects(batch: &RecordBatch) -> Vec<(String, i32, Range<u32>)> {
    let batch = SubjectBatch::from_rows(SubjectKind::Declaration, batch).unwrap();
    (0..batch.len()).map(|i| (batch.id(i).to_owned(), batch.version(i), batch.rows(i))).collect()
}

#[test]
fn rows_with_one_id_and_version_are_one_subject() {
    let ids = ["A", "A", "B", "C", "C", "C"];
    let versions: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(1), None, Some(2), Some(3), Some(3)]));
    let plain: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
    let dictionary: ArrayRef = Arc::new(ids.into_iter().collect::<DictionaryArray<Int32Type>>());
    // The same value under two keys, as concatenation leaves it behind.
    let twice: ArrayRef = Arc::new(DictionaryArray::new(
        Int32Array::from(vec![0, 1, 2, 3, 3, 4]),
        Arc::new(StringArray::from_iter_values(["A", "A", "B", "C", "C"])),
    ));
    let expected =
        [("A", 1, 0..2), ("B", 1, 2..3), ("C", 2, 3..4), ("C", 3, 4..6)].map(|(id, v, r)| (id.to_owned(), v, r));
    for ids in [plain, dictionary, twice] {
        assert_eq!(subjects(&rows(vec![("declaration_id", ids), ("version", versions.clone())])), expected);
    }
}

#[test]
fn no_rows_are_no_subjects() {
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values([""; 0]));
    let batch = SubjectBatch::from_rows(SubjectKind::Declaration, &rows(vec![("declaration_id", ids)])).unwrap();
    assert!(batch.is_empty() && batch.n_rows() == 0 && batch.first_rows().is_empty());
}

#[test]
fn rows_that_belong_to_nobody_are_refused() {
    let text = |ids: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(ids)) };
    let short: ArrayRef = Arc::new(vec!["A"].into_iter().collect::<DictionaryArray<Int16Type>>());
    let null_value: ArrayRef =
        Arc::new(DictionaryArray::new(Int32Array::from(vec![1, 0]), text(vec![None, Some("A")])));
    for (columns, message) in [
        (
            vec![("consignment_id", text(vec![Some("A")]))],
            "rows have no column `declaration_id`: it names the subject of each row",
        ),
        (
            vec![("declaration_id", text(vec![Some("A"), None]))],
            "row 1: `declaration_id` is NULL, so the row belongs to no subject",
        ),
        (vec![("declaration_id", null_value)], "row 1: `declaration_id` is NULL, so the row belongs to no subject"),
        (
            vec![("declaration_id", short)],
            "column `declaration_id` is Dictionary(Int16, Utf8), not text or a dictionary of text with 32-bit keys",
        ),
        (
            vec![("declaration_id", text(vec![Some("A")])), ("version", text(vec![Some("1")]))],
            "column `version` is Utf8, not Int32",
        ),
    ] {
        let error = SubjectBatch::from_rows(SubjectKind::Declaration, &rows(columns)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn strata_are_given_for_all_subjects_or_none() {
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(["A", "B"]));
    let batch = SubjectBatch::from_rows(SubjectKind::Declaration, &rows(vec![("declaration_id", ids)])).unwrap();
    let error = batch.with_strata(vec![None]).unwrap_err();
    assert_eq!(error, SubjectError::StrataCount { found: 1, subjects: 2 });
}
