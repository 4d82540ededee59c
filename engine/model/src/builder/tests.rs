use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimeUnit};
use proptest::prelude::*;

use super::*;
use crate::streams::{CONSIGNMENT, DECLARATION, STREAMS, TRAVELLER};

fn of(names: &[&str]) -> StreamBuilder {
    StreamBuilder::with_columns(&DECLARATION, names).unwrap()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let array = arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    array.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect()
}

#[test]
fn rows_come_out_as_they_went_in() {
    let mut b = of(&["declaration_id", "item_no", "declared_at", "hs_code", "net_mass_kg", "container_ids"]);
    for (item, mass) in [(1, Some(2.5)), (2, None)] {
        b.set(0, "D1".into()).unwrap();
        b.set(1, item.into()).unwrap();
        b.set(2, Cell::Ts(1_700_000_000_000)).unwrap();
        b.set(4, mass.into()).unwrap();
        b.finish_row();
    }
    let batch = b.finish();
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(texts(&batch, "declaration_id"), [Some("D1".into()), Some("D1".into())]);
    assert_eq!(batch.column(1).as_primitive::<Int32Type>().values(), &[1, 2]);
    assert_eq!(batch.column(2).data_type(), &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())));
    assert_eq!(texts(&batch, "hs_code"), [None, None], "never set");
    let mass = batch.column(4).as_primitive::<Float64Type>();
    assert_eq!((mass.value(0), mass.is_null(1)), (2.5, true));
    assert_eq!((batch.column(5).null_count(), batch.column(5).as_list::<i32>().value_length(0)), (0, 0));
}

#[test]
fn a_small_batch_behind_one_of_long_texts_holds_little() {
    let mut b = of(&["declaration_id", "description"]);
    let mut bytes = Vec::new();
    for text in ["x".repeat(8 << 20), "short".to_owned()] {
        b.set(0, "D1".into()).unwrap();
        b.set(1, text.as_str().into()).unwrap();
        b.finish_row();
        bytes.push(b.finish().get_array_memory_size());
    }
    assert!(bytes[0] > 8 << 20 && bytes[1] < 2 << 20, "{bytes:?}");
}

#[test]
fn the_last_value_set_holds_and_a_discarded_row_leaves_nothing() {
    let mut b = of(&["declaration_id", "description", "container_ids"]);
    b.set(0, "WRONG".into()).unwrap();
    b.set(0, "D1".into()).unwrap();
    b.set(1, "long text".into()).unwrap();
    b.set(1, "short".into()).unwrap();
    b.finish_row();
    b.set(0, "D2".into()).unwrap();
    b.set(1, "gone".into()).unwrap();
    b.set(2, Cell::List(vec!["MSCU1234566".into()])).unwrap();
    b.discard_row();
    b.set(0, "D3".into()).unwrap();
    b.finish_row();
    b.set(0, "unfinished".into()).unwrap();
    let batch = b.finish();
    assert_eq!(texts(&batch, "declaration_id"), [Some("D1".into()), Some("D3".into())]);
    assert_eq!(texts(&batch, "description"), [Some("short".into()), None]);
    assert_eq!(batch.column(2).as_list::<i32>().values().len(), 0);
    assert!(b.is_empty());
    assert_eq!(b.finish().num_rows(), 0);
}

#[test]
fn a_cell_of_another_kind_is_refused_by_name() {
    let mut b = of(&["item_no", "net_mass_kg", "hs_code", "model_lines"]);
    let check = |result: Result<(), CellError>, text: &str| assert_eq!(result.unwrap_err().to_string(), text);
    check(b.set(0, "one".into()), "column `item_no` holds i32, got text");
    check(b.set(0, Cell::I64(1)), "column `item_no` holds i32, got i64");
    check(b.set(1, f64::NAN.into()), "column `net_mass_kg` holds finite numbers only");
    check(b.set(2, 640_299.into()), "column `hs_code` holds id, got i32");
    check(b.set(9, Cell::Null), "no column at position 9");
    let bad_member = Cell::List(vec![
        Cell::Record(vec![Cell::I32(1), "leather upper".into()]),
        Cell::Record(vec![Cell::I32(2), Cell::I32(7)]),
    ]);
    check(b.set(3, bad_member), "column `model_lines` holds text, got i32");
    assert!(!b.is_set(3));
    b.finish_row();
    assert_eq!(b.finish().column(3).as_list::<i32>().values().len(), 0, "half a list is none");
}

#[test]
fn records_keep_their_members() {
    let mut b = StreamBuilder::with_columns(&CONSIGNMENT, &["consignment_id", "lines"]).unwrap();
    let ids = Cell::List(vec!["MSCU1234566".into(), "TGHU7654321".into()]);
    let full = vec![
        1.into(),
        "shoes".into(),
        "640299".into(),
        10.0.into(),
        "CT".into(),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        ids,
    ];
    b.set(0, "C1".into()).unwrap();
    b.set(1, Cell::List(vec![Cell::Record(full), Cell::Record(vec![2.into(), "bags".into()])])).unwrap();
    b.finish_row();
    b.set(0, "C2".into()).unwrap();
    b.finish_row();
    let batch = b.finish();
    assert_eq!(batch.schema().field(1).data_type(), &CONSIGNMENT.column("lines").unwrap().kind.data_type());
    let lists = batch.column(1).as_list::<i32>();
    assert_eq!((lists.value_length(0), lists.value_length(1)), (2, 0));
    let records = lists.value(0);
    let ids = records.as_struct().column_by_name("container_ids").unwrap().as_list::<i32>();
    assert_eq!((ids.value_length(0), ids.value_length(1)), (2, 0));
    assert_eq!(records.as_struct().column_by_name("packages").unwrap().null_count(), 1);
}

#[test]
fn a_code_column_says_when_it_is_full() {
    let mut b = of(&["office"]);
    for i in 0..32_768 {
        b.set(0, Cell::Text(&format!("{i:05}"))).unwrap();
        b.finish_row();
    }
    let error = b.set(0, "one more".into()).unwrap_err();
    assert_eq!(error.to_string(), "column `office` is full: 32,768 different codes in one batch");
    b.set(0, "00007".into()).unwrap();
    b.finish_row();
    assert_eq!(b.finish().num_rows(), 32_769);
    b.set(0, "one more".into()).unwrap();
}

#[test]
fn lists_are_taken_without_cells_around_them() {
    let mut b = StreamBuilder::with_columns(&TRAVELLER, &["phones", "locators", "surname"]).unwrap();
    b.set_list(0, ["1".into(), "2".into()]).unwrap();
    b.set_records(1, [["ZZ".into(), "ABC".into()], ["KE".into(), "DEF".into()]]).unwrap();
    b.finish_row();
    b.finish_row();
    b.set_records(1, [["ZZ".into()]]).unwrap();
    assert_eq!(b.set_list(2, ["1".into()]).unwrap_err().to_string(), "column `surname` holds text, got list");
    assert_eq!(b.set_records(0, [["1".into()]]).unwrap_err().to_string(), "column `phones` holds text, got record");
    b.set_records(1, [["ZZ".into(), Cell::I32(1)]]).unwrap_err();
    b.finish_row();
    let batch = b.finish();
    let list = |column: usize| batch.column(column).as_list::<i32>().clone();
    assert_eq!((0..3).map(|row| list(0).value_length(row)).collect::<Vec<_>>(), [2, 0, 0]);
    assert_eq!((0..3).map(|row| list(1).value_length(row)).collect::<Vec<_>>(), [2, 0, 0]);
    let records = list(1).value(0);
    let carriers = records.as_struct().column(0).as_string::<i32>();
    assert_eq!(carriers.iter().flatten().collect::<Vec<_>>(), ["ZZ", "KE"]);
}

#[test]
fn what_is_held_stands_in_every_row_that_sets_nothing() {
    let columns = ["declaration_id", "office", "item_no", "description", "net_mass_kg", "container_ids", "model_lines"];
    let mut b = of(&columns);
    b.finish_row();
    let line = |text| Cell::Record(vec![1.into(), Cell::Text(text)]);
    for (column, cell) in [
        (0, Cell::Text("D1")),
        (1, "A".into()),
        (2, 7.into()),
        (3, "shoes".into()),
        (4, 1.5.into()),
        (5, Cell::List(vec!["MSCU1234566".into(), "TGHU7654321".into()])),
        (6, Cell::List(vec![line("left"), line("right")])),
    ] {
        b.hold(column, cell).unwrap();
        assert!(b.is_set(column));
    }
    b.finish_row();
    for column in 0..7 {
        b.set(column, Cell::Null).unwrap();
    }
    b.discard_row();
    for (column, cell) in [(0, Cell::Text("OWN")), (3, "bags".into()), (5, Cell::List(Vec::new())), (4, Cell::Null)] {
        b.set(column, cell).unwrap();
    }
    b.finish_row();
    let first = b.finish();
    b.finish_row();
    b.release();
    b.finish_row();
    b.hold(1, "B".into()).unwrap();
    b.hold(1, Cell::Null).unwrap();
    b.finish_row();
    let second = b.finish();

    let text = |batch, column| texts(batch, column).into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
    for (column, held, own) in [("declaration_id", "D1", "OWN"), ("office", "A", "A"), ("description", "shoes", "bags")]
    {
        assert_eq!(text(&first, column), ["", held, own], "{column}");
        assert_eq!(text(&second, column), [held, "", ""], "{column}");
    }
    let items = |batch: &RecordBatch| batch.column(2).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
    assert_eq!((items(&first), items(&second)), (vec![None, Some(7), Some(7)], vec![Some(7), None, None]));
    let mass = first.column(4).as_primitive::<Float64Type>();
    assert_eq!(mass.iter().collect::<Vec<_>>(), [None, Some(1.5), None]);
    for (column, expected) in [(5, [0, 2, 0]), (6, [0, 2, 2])] {
        let lists = first.column(column).as_list::<i32>();
        assert_eq!((0..3).map(|row| lists.value_length(row)).collect::<Vec<_>>(), expected);
        assert_eq!(second.column(column).as_list::<i32>().value_length(0), 2);
    }
    let lines = second.column(6).as_list::<i32>().value(0);
    let words = lines.as_struct().column(1).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words, ["left", "right"]);
}

#[test]
fn columns_without_a_value_are_as_long_as_the_others_in_every_batch() {
    let names: Vec<_> = TRAVELLER.all_columns().map(|c| c.name).collect();
    let mut b = StreamBuilder::with_columns(&TRAVELLER, &names).unwrap();
    for rows in [2, 1, 3, 0] {
        (0..rows).for_each(|_| b.finish_row());
        let batch = b.finish();
        assert_eq!((batch.num_rows(), batch.schema()), (rows, TRAVELLER.schema()));
        for column in batch.columns() {
            let list = matches!(column.data_type(), DataType::List(_));
            assert_eq!((column.len(), column.null_count()), (rows, if list { 0 } else { rows }));
            column.to_data().validate_full().unwrap();
        }
    }
}

#[test]
fn what_a_column_refuses_is_not_held() {
    let mut b = of(&["item_no", "office"]);
    assert_eq!(b.hold(0, "one".into()).unwrap_err().to_string(), "column `item_no` holds i32, got text");
    b.hold(1, "A".into()).unwrap();
    b.hold(1, 1.into()).unwrap_err();
    b.finish_row();
    assert_eq!(b.finish().column(1).null_count(), 1);
}

#[test]
fn columns_are_chosen_by_name() {
    let unknown = StreamBuilder::with_columns(&DECLARATION, &["orign_country"]).unwrap_err();
    assert_eq!(unknown.to_string(), "stream `declaration` has no column `orign_country`, nearest is `origin_country`");
    let twice = StreamBuilder::with_columns(&DECLARATION, &["item_no", "item_no"]).unwrap_err();
    assert_eq!(twice, BuildError::Twice("item_no"));
    let read = StreamBuilder::new(&TRAVELLER);
    assert_eq!((read.index("traveller_id"), read.index("surname").is_some()), (None, true));
    assert!(StreamBuilder::with_also(&TRAVELLER, &["traveller_id"]).unwrap().index("traveller_id").is_some());
}

#[test]
fn a_reader_can_ask_what_is_missing() {
    let mut b = of(&["declaration_id", "hs_code", "container_ids", "declared_at"]);
    assert_eq!(b.missing().map(|c| c.name), Some("declaration_id"));
    b.set(0, "D1".into()).unwrap();
    assert_eq!(b.missing().map(|c| c.name), Some("declared_at"));
    b.set(3, Cell::Ts(0)).unwrap();
    assert_eq!(b.missing(), None);
}

#[test]
fn every_stream_can_be_built_whole() {
    for stream in STREAMS {
        let names: Vec<_> = stream.all_columns().map(|c| c.name).collect();
        let mut b = StreamBuilder::with_columns(stream, &names).unwrap();
        b.finish_row();
        assert_eq!(b.finish().schema(), stream.schema(), "{}", stream.name);
    }
}

proptest! {
    /// Whatever is set, set again, finished and discarded: the batch holds the finished rows.
    #[test]
    fn finished_rows_are_kept(rows in prop::collection::vec((any::<bool>(), prop::option::of("[a-c]{0,3}")), 0..50)) {
        let mut b = of(&["hs_code", "description", "container_ids"]);
        let mut expected = Vec::new();
        for (keep, text) in rows {
            for column in 0..2 {
                b.set(column, "overwritten".into()).unwrap();
                b.set(column, text.as_deref().into()).unwrap();
            }
            b.set(2, Cell::List(text.as_deref().map(Cell::Text).into_iter().collect())).unwrap();
            if keep { b.finish_row(); expected.push(text) } else { b.discard_row() }
        }
        let batch = b.finish();
        prop_assert_eq!(&texts(&batch, "hs_code"), &expected);
        prop_assert_eq!(&texts(&batch, "description"), &expected);
        let lists = batch.column(2).as_list::<i32>();
        let lengths: Vec<_> = (0..batch.num_rows()).map(|i| lists.value_length(i)).collect();
        prop_assert_eq!(lengths, expected.iter().map(|t| i32::from(t.is_some())).collect::<Vec<_>>());
    }
}
