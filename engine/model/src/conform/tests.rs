use arrow::array::{
    BooleanArray, Float64Array, Int32Array, Int64Array, LargeStringArray, ListBuilder, StringArray, StringBuilder,
    StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::TimeUnit;

use super::*;
use crate::streams::{CONSIGNMENT, DECLARATION};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn what_does_not_fit_is_named_with_the_nearest_column() {
    let theirs = batch(vec![
        ("declaraton_id", text(&["D1"])),
        ("hs_code", Arc::new(Int64Array::from(vec![640_299]))),
        ("office", text(&["030"])),
        ("net_mass_kg", text(&["1.5"])),
        ("item_no", Arc::new(Int64Array::from(vec![1]))),
        ("container_ids", text(&["MSCU1"])),
        ("declared_at", Arc::new(Int64Array::from(vec![0]))),
    ]);
    let mismatches: Vec<_> =
        check_schema(&DECLARATION, &theirs.schema()).iter().map(SchemaMismatch::to_string).collect();
    assert_eq!(
        mismatches,
        [
            "unknown column `declaraton_id`, nearest is `declaration_id`",
            "column `hs_code` holds id, got Int64",
            "column `net_mass_kg` holds f64, got Utf8",
            "column `container_ids` holds list<id>, got Utf8",
            "column `declared_at` holds ts, got Int64",
        ]
    );
    let error = conform(&DECLARATION, theirs).unwrap_err().to_string();
    assert!(error.contains("column `hs_code` holds id, got Int64"), "{error}");
}

#[test]
fn a_batch_of_the_streams_own_types_fits() {
    for stream in crate::streams::STREAMS {
        assert_eq!(check_schema(stream, &stream.schema()), []);
        let empty = RecordBatch::new_empty(stream.schema());
        assert_eq!(conform(stream, empty.clone()).unwrap(), empty);
    }
}

#[test]
fn types_that_say_the_same_are_cast() {
    let theirs = batch(vec![
        ("declaration_id", Arc::new(LargeStringArray::from(vec!["D1", "D1"]))),
        ("office", text(&["030", "040"])),
        ("item_no", Arc::new(Int64Array::from(vec![1, 2]))),
        ("quantity", Arc::new(Int32Array::from(vec![Some(7), None]))),
        ("declared_at", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, -1_000]))),
        ("inspection_wanted", Arc::new(BooleanArray::from(vec![true, false]))),
        ("carried_in_at", new_null_array(&DataType::Null, 2)),
        ("their_own", Arc::new(Int64Array::from(vec![8, 9]))),
    ]);
    let ours = conform(&DECLARATION, theirs).unwrap();
    for field in ours.schema().fields().iter().filter(|f| f.name() != "their_own") {
        assert_eq!(**field, DECLARATION.column(field.name()).unwrap().field());
    }
    let column = |name| ours.column_by_name(name).unwrap();
    assert_eq!(column("quantity").as_primitive::<arrow::datatypes::Float64Type>().value(0), 7.0);
    assert_eq!(column("quantity").null_count(), 1);
    assert_eq!(column("declared_at").data_type(), &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
    let times = column("declared_at").as_primitive::<arrow::datatypes::TimestampMillisecondType>();
    assert_eq!(times.values(), &[1500, -1]);
    assert_eq!(column("their_own").data_type(), &DataType::Int64);
    assert_eq!(column("carried_in_at").null_count(), 2);
}

#[test]
fn a_number_that_does_not_fit_is_an_error() {
    let theirs = batch(vec![("item_no", Arc::new(Int64Array::from(vec![1 << 40])))]);
    let error = conform(&DECLARATION, theirs).unwrap_err().to_string();
    assert!(error.contains("column `item_no`"), "{error}");
}

#[test]
fn null_lists_are_empty_lists() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("MSCU1"), Some("MSCU2")]);
    lists.append_null();
    lists.append_value([Some("TGHU1")]);
    let theirs =
        batch(vec![("container_ids", Arc::new(lists.finish())), ("vehicle_ids", new_null_array(&DataType::Null, 3))]);
    let ours = conform(&DECLARATION, theirs.slice(1, 2)).unwrap();
    let lists = ours.column(0).as_list::<i32>();
    assert_eq!((lists.null_count(), lists.value_length(0), lists.value_length(1)), (0, 0, 1));
    assert_eq!(lists.value(1).as_string::<i32>().value(0), "TGHU1");
    assert_eq!(ours.column(1).as_list::<i32>().value_length(1), 0);
}

#[test]
fn records_are_matched_by_name() {
    let fields: Fields =
        vec![Field::new("gross_mass_kg", DataType::Int32, true), Field::new("container_id", DataType::LargeUtf8, true)]
            .into();
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![900])), Arc::new(LargeStringArray::from(vec!["MSCU1"]))];
    let records = StructArray::new(fields.clone(), columns, None);
    let item = Arc::new(Field::new("item", DataType::Struct(fields), true));
    let lists = ListArray::new(item, OffsetBuffer::from_lengths([1, 0]), Arc::new(records), None);
    let ours = conform(&CONSIGNMENT, batch(vec![("containers", Arc::new(lists))])).unwrap();
    assert_eq!(*ours.schema().field(0), CONSIGNMENT.column("containers").unwrap().field());
    let records = ours.column(0).as_list::<i32>().values().as_struct().clone();
    let mass: &Float64Array = records.column_by_name("gross_mass_kg").unwrap().as_primitive();
    assert_eq!(mass.value(0), 900.0);
    assert_eq!(records.column_by_name("container_id").unwrap().as_string::<i32>().value(0), "MSCU1");
    assert_eq!(records.column_by_name("seals").unwrap().as_list::<i32>().value_length(0), 0);
    assert_eq!(records.column_by_name("fill").unwrap().null_count(), 1);
}

#[test]
fn unknown_members_of_records_do_not_fit() {
    let fields: Fields = vec![Field::new("colour", DataType::Utf8, true)].into();
    let lists = DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)));
    let schema = Schema::new(vec![Field::new("containers", lists, true)]);
    assert_eq!(check_schema(&CONSIGNMENT, &schema).len(), 1);
}
