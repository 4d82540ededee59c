//! `haechi evaluate`: counts held against Arrow's own kernels, which know nothing of rules.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::boolean::{and_kleene, is_null, not, or_kleene};
use arrow::compute::kernels::cmp::{eq, gt, gt_eq, lt, lt_eq, neq};
use arrow::compute::kernels::{comparison, numeric};
use arrow::compute::{cast, concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, UInt64Type};
use haechi_datasets::{Spec, declarations};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use crate::support::Desk;

/// A rule, and how Arrow says the same.
type Case = (&'static str, &'static str, fn(&Columns) -> BooleanArray);

const CASES: &[Case] = &[
    ("R1", "hs_code LIKE '64%'", |c| like(c, "hs_code", "64%")),
    ("R2", "customs_value_usd > 1000 AND net_mass_kg <= 5", |c| {
        and_kleene(
            &gt(&c.number("customs_value_usd"), &number(1000.0)).unwrap(),
            &lt_eq(&c.number("net_mass_kg"), &number(5.0)).unwrap(),
        )
        .unwrap()
    }),
    ("R3", "origin_country IN ('CN', 'VN') OR courier_id IS NULL", |c| {
        let either = or_kleene(&equal(c, "origin_country", "CN"), &equal(c, "origin_country", "VN")).unwrap();
        or_kleene(&either, &is_null(&c.text("courier_id")).unwrap()).unwrap()
    }),
    // Unknown where the courier is not known, and unknown is no hit.
    ("R4", "NOT (courier_id = 'Z' OR origin_country = 'CN')", |c| {
        not(&or_kleene(&equal(c, "courier_id", "Z"), &equal(c, "origin_country", "CN")).unwrap()).unwrap()
    }),
    ("R5", "customs_value_usd / net_mass_kg BETWEEN 1 AND 5", |c| {
        let ratio = numeric::div(&c.number("customs_value_usd"), &c.number("net_mass_kg")).unwrap();
        let ratio: &Float64Array = ratio.as_primitive();
        and_kleene(&gt_eq(ratio, &number(1.0)).unwrap(), &lt_eq(ratio, &number(5.0)).unwrap()).unwrap()
    }),
    ("R6", "origin_country <> departure_country AND NOT preference_claimed", |c| {
        let elsewhere = neq(&c.text("origin_country"), &c.text("departure_country")).unwrap();
        and_kleene(&elsewhere, &not(c.column("preference_claimed").as_boolean()).unwrap()).unwrap()
    }),
    ("R7", "upper(description) LIKE '%COTTON%' OR quantity < 2", |c| {
        or_kleene(&like(c, "description", "%COTTON%"), &lt(&c.number("quantity"), &number(2.0)).unwrap()).unwrap()
    }),
    ("R8", "item_no = 999", |c| {
        eq(c.column("item_no").as_primitive::<Int32Type>(), &arrow::array::Int32Array::new_scalar(999)).unwrap()
    }),
];

#[test]
fn counts_are_those_of_an_independent_oracle() {
    let batches: Vec<RecordBatch> = declarations(&Spec { declarations: 3_000, ..Spec::day(41) }).collect();
    let all = Columns(concat_batches(&batches[0].schema(), &batches).unwrap());
    let desk = Desk::new();
    let mut writer =
        ArrowWriter::try_new(File::create(desk.path("day.parquet")).unwrap(), all.0.schema(), None).unwrap();
    writer.write(&all.0).unwrap();
    writer.close().unwrap();
    let rules: Vec<String> =
        CASES.iter().map(|(id, when, _)| serde_json::json!({"id": id, "when": when}).to_string()).collect();
    desk.file("rules.jsonl", rules.join("\n"));

    for batch_rows in ["", "--batch-rows 100"] {
        let words = "evaluate --stream declaration --rules rules.jsonl --input day.parquet --hits hits.parquet --json";
        let report = desk.haechi(&format!("{words} {batch_rows}")).done().json();

        assert_eq!(report["rows"].as_u64(), Some(all.0.num_rows() as u64));
        assert_eq!(report["rules"].as_u64(), Some(CASES.len() as u64));
        let mut expected: Vec<(u64, String, String)> = Vec::new();
        for (id, when, oracle) in CASES {
            let truth = oracle(&all);
            let hits: Vec<u64> = (0..truth.len())
                .filter(|row| truth.is_valid(*row) && truth.value(*row))
                .map(|row| row as u64)
                .collect();
            assert_eq!(report["per_rule"][id].as_u64(), Some(hits.len() as u64), "{when}");
            let subjects = all.text("declaration_id");
            expected
                .extend(hits.into_iter().map(|row| (row, subjects.value(row as usize).to_owned(), (*id).to_owned())));
        }
        assert!(
            CASES.iter().take(7).all(|(id, ..)| report["per_rule"][id] != 0),
            "a rule without hits proves little: {report}"
        );
        assert_eq!(report["hits"].as_u64(), Some(expected.len() as u64));
        expected.sort();
        assert!(hits_written(&desk) == expected, "hits.parquet holds each hit at its row");
    }
}

/// By value, in row groups of 500 rows; the first row of the cheapest is faulty.
fn sorted_by_value(desk: &Desk) -> usize {
    let batches: Vec<RecordBatch> = declarations(&Spec { declarations: 1_500, ..Spec::day(5) }).collect();
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let order = sort_to_indices(all.column_by_name("customs_value_usd").unwrap(), None, None).unwrap();
    let sorted = take_record_batch(&all, &order).unwrap();
    let mass = sorted.schema().index_of("net_mass_kg").unwrap();
    let masses = sorted.column(mass).as_primitive::<Float64Type>().iter().enumerate();
    let mut columns = sorted.columns().to_vec();
    columns[mass] =
        Arc::new(masses.map(|(row, mass)| if row == 0 { Some(-1.0) } else { mass }).collect::<Float64Array>());
    let sorted = RecordBatch::try_new(sorted.schema(), columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(500)).build();
    let file = File::create(desk.path("sorted.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, sorted.schema(), Some(properties)).unwrap();
    writer.write(&sorted).unwrap();
    assert!(writer.close().unwrap().num_row_groups() > 4);
    sorted.num_rows()
}

#[test]
fn row_groups_without_hits_are_skipped_and_change_no_count() {
    let desk = Desk::new();
    let n = sorted_by_value(&desk) as u64;
    let dear = "customs_value_usd > 20000 AND net_mass_kg >= 0";
    let rules = |name: &str, when: &[&str]| {
        let line = |(i, when): (usize, &&str)| serde_json::json!({"id": format!("R{i}"), "when": when}).to_string();
        desk.file(name, when.iter().enumerate().map(line).collect::<Vec<_>>().join("\n"));
    };
    rules("dear.jsonl", &[dear, "customs_value_usd BETWEEN 30000 AND 30001"]);
    rules("cheap.jsonl", &[dear, "NOT (customs_value_usd > 20000) AND net_mass_kg > 0"]);
    rules("unknown.jsonl", &[dear, "courier_id IS NULL"]);
    let report = |rules: &str, words: &str| {
        let command = format!("evaluate --stream declaration --rules {rules} --input sorted.parquet --json {words}");
        desk.haechi(&command).done().json()
    };
    let number = |report: &serde_json::Value, name: &str| report[name].as_u64().unwrap();

    let (some, every) = (report("dear.jsonl", ""), report("dear.jsonl", "--every-row"));
    assert!(number(&some, "rows_skipped") >= 1_000 && number(&some, "rows_skipped") < n, "{some}");
    assert!(number(&some, "hits") > 0 && some["per_rule"] == every["per_rule"], "{some} {every}");
    let found = |report| ["rows", "set_aside"].map(|name| number(report, name));
    assert_eq!((found(&some), found(&every)), ([n, 0], [n - 1, 1]), "what is skipped is not looked at");
    assert_eq!(number(&every, "rows_skipped"), 0);
    assert_eq!(number(&report("dear.jsonl", "--hits hits.parquet"), "rows_skipped"), 0);

    for rules in ["cheap.jsonl", "unknown.jsonl"] {
        let (some, every) = (report(rules, ""), report(rules, "--every-row"));
        assert_eq!((number(&some, "rows_skipped"), &some["per_rule"]), (0, &every["per_rule"]), "{rules}");
        assert_ne!(some["per_rule"]["R1"], 0);
    }

    let words =
        "--rules dear.jsonl --input sorted.parquet --rule R0 --parameter 10000..40000 step 5000 --of customs_value_usd";
    let sweep = |more: &str| {
        let ran = desk.haechi(&format!("sweep --stream declaration {words} --json {more}"));
        ran.done().json()["sweep"].clone()
    };
    let (some, every, subjects) = (sweep(""), sweep("--every-row"), sweep("--subjects"));
    let skipped = [&some, &every, &subjects].map(|sweep| number(sweep, "rows_skipped"));
    assert!(skipped[0] > 0 && skipped[1..] == [0, 0], "{skipped:?}");
    let hits = |sweep: &serde_json::Value| -> Vec<u64> {
        sweep["values"].as_array().unwrap().iter().map(|value| number(value, "hits")).collect()
    };
    assert_eq!(hits(&some), hits(&every));
    let text = desk.haechi(&format!("sweep --stream declaration {words}")).done().out;
    assert!(text.contains(" skipped), 0 set aside"), "{text}");
}

fn hits_written(desk: &Desk) -> Vec<(u64, String, String)> {
    let file = File::open(desk.path("hits.parquet")).unwrap();
    let mut hits = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let columns = Columns(batch.unwrap());
        let (subjects, rules) = (columns.text("subject_id"), columns.text("rule_id"));
        let rows = columns.column("row").as_primitive::<UInt64Type>().clone();
        hits.extend((0..rows.len()).map(|i| (rows.value(i), subjects.value(i).to_owned(), rules.value(i).to_owned())));
    }
    hits
}

/// Columns by name, dictionaries as plain text.
struct Columns(RecordBatch);

impl Columns {
    fn column(&self, name: &str) -> &ArrayRef {
        self.0.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"))
    }

    fn text(&self, name: &str) -> StringArray {
        cast(self.column(name), &DataType::Utf8).unwrap().as_string::<i32>().clone()
    }

    fn number(&self, name: &str) -> Float64Array {
        cast(self.column(name), &DataType::Float64).unwrap().as_primitive().clone()
    }
}

fn number(value: f64) -> Scalar<Float64Array> {
    Float64Array::new_scalar(value)
}

fn equal(columns: &Columns, name: &str, value: &str) -> BooleanArray {
    eq(&columns.text(name), &StringArray::new_scalar(value)).unwrap()
}

fn like(columns: &Columns, name: &str, pattern: &str) -> BooleanArray {
    comparison::like(&columns.text(name), &StringArray::new_scalar(pattern)).unwrap()
}
