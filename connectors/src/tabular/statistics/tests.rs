use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::concat_batches;
use haechi_model::streams::DECLARATION;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::properties::WriterProperties;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::mapping::Mapping;
use crate::options::ReadOptions;
use crate::tabular::open::{open, read_all};
use crate::tabular::plan::{Inputs, Wanted};

/// A file of one row group, read: what its footer says, and the rows.
struct Both {
    part: PartSummary,
    rows: RecordBatch,
}

fn read(columns: Vec<(&str, ArrayRef)>, mapping: Option<&str>, zone: Tz) -> Both {
    read_cut(columns, mapping, zone, None)
}

/// As [`read`], with the bounds of texts cut to so many bytes.
fn read_cut(columns: Vec<(&str, ArrayRef)>, mapping: Option<&str>, zone: Tz, bytes: Option<usize>) -> Both {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let properties = WriterProperties::builder().set_statistics_truncate_length(bytes).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let mapping = mapping.map(|text| Mapping::parse("m.toml", text).unwrap());
    let file = std::fs::File::open(&path).unwrap();
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).unwrap();
    let names: Vec<String> = metadata.schema().fields().iter().map(|field| field.name().clone()).collect();
    let plan =
        Plan::new(Inputs::Exactly(&names), &DECLARATION, mapping.as_ref(), Wanted { columns: None, keys: true }, zone)
            .unwrap();
    let part = summary(&DECLARATION, &plan, metadata.schema(), metadata.metadata().row_group(0));

    let options = ReadOptions { zone, ..ReadOptions::default() };
    let reader = open(&[path.display().to_string()], &DECLARATION, mapping.as_ref(), &options, None).unwrap();
    let schema = reader.schema();
    let (batches, _, _) = read_all(reader);
    Both { part, rows: concat_batches(&schema, &batches).unwrap() }
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => one.cmp(other),
        (Value::Double(one), Value::Double(other)) => (one + 0.0).total_cmp(&(other + 0.0)),
        (Value::Int(one), Value::Int(other)) | (Value::Ts(one), Value::Ts(other)) => one.cmp(other),
        (Value::Date(one), Value::Date(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        other => panic!("{other:?} in one column"),
    }
}

/// Every value that was read is as the summary says.
fn check(Both { part, rows }: &Both) -> Result<(), TestCaseError> {
    for column in DECLARATION.all_columns() {
        let (Some(known), Some(array)) = (part.column(column.name), rows.column_by_name(column.name)) else { continue };
        for row in 0..rows.num_rows() {
            let value = value(array, row);
            let shown = format!("{} is {value:?} in row {row}, {known:?}", column.name);
            match &value {
                _ if matches!(column.kind, Kind::List(_) | Kind::Records(_)) => {}
                None => prop_assert!(known.nulls != Some(0), "{shown}"),
                Some(value) => {
                    prop_assert!(known.nulls != Some(part.rows), "{shown}");
                    prop_assert!(known.min.as_ref().is_none_or(|min| order(min, value).is_le()), "{shown}");
                    prop_assert!(known.max.as_ref().is_none_or(|max| order(max, value).is_ge()), "{shown}");
                }
            }
        }
    }
    Ok(())
}

const IDS: &[&str] =
    &["24DE01", "24de02", " 24DE03", "24DE00000001", "24", "31x", "é1", "E\u{301}2", "-", "", "9\u{338}"];
const CODES: &[&str] = &["640299", "6402.99.31", "64 02 99", "640391000000", "6404", "850110", " 640110", "x", ""];
const WORDS: &[&str] =
    &["KR", "kr", "KOR", "Korea", "410", "156", "import", "IMPORT", "NULL", "e\u{301}", "zzzzzzzz", ""];
const NUMBERS: &[f64] = &[0.0, -0.0, 1.5, 1e300, -1.0, f64::NAN, f64::INFINITY, 12.0];
const TIMES: &[i64] = &[0, -1, 999, 1_698_541_200_000_000, 1_698_544_800_000_001, i64::MIN, i64::MAX];

/// Up to `n` values, few of them different, some NULL.
fn column<T: Copy + std::fmt::Debug + 'static>(pool: &'static [T], n: usize) -> BoxedStrategy<Vec<Option<T>>> {
    let few = vec(select(pool), 1..3);
    few.prop_flat_map(move |few| vec(prop::option::weighted(0.85, select(few)), n)).boxed()
}

type Texts = Vec<Option<&'static str>>;
type Rows = ((Texts, Texts, Texts, Texts), Vec<Option<f64>>, Vec<Option<i64>>, Vec<Option<i64>>);

fn rows() -> impl Strategy<Value = (Rows, u8)> {
    let rows = (1usize..6).prop_flat_map(|n| {
        let texts = (column(IDS, n), column(CODES, n), column(WORDS, n), column(WORDS, n));
        (texts, column(NUMBERS, n), column(TIMES, n), column(&[0, 1, 2, -5, i64::MAX], n))
    });
    (rows, 0u8..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_row_is_read_that_the_summary_excludes((rows, form) in rows()) {
        let ((ids, codes, countries, words), numbers, times, counts) = rows;
        let text = |texts: &Texts| -> ArrayRef { Arc::new(StringArray::from(texts.clone())) };
        let micros = TimestampMicrosecondArray::from(times.clone());
        let zoned = form % 2 == 0;
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("declaration_id", Arc::new(StringArray::from_iter_values((0..ids.len()).map(|i| format!("D{i}"))))),
            ("item_no", Arc::new(Int32Array::from_iter_values(1..=ids.len() as i32))),
            ("importer_id", text(&ids)),
            ("hs_code", text(&codes)),
            ("origin_country", text(&countries)),
            ("flow", text(&words)),
            ("description", text(&words)),
            ("customs_value_usd", Arc::new(Float64Array::from(numbers.clone()))),
            ("net_mass_kg", Arc::new(numbers.iter().map(|x| x.map(|x| x as f32)).collect::<Float32Array>())),
            ("quantity", match form {
                0 => Arc::new(counts.iter().copied().collect::<Int64Array>()),
                1 => Arc::new(counts.iter().map(|n| n.map(|n| n as u64)).collect::<UInt64Array>()),
                2 => Arc::new(counts.iter().map(|n| n.map(i128::from)).collect::<Decimal128Array>()),
                _ => Arc::new(counts.iter().map(|n| n.map(|n| n as f64)).collect::<Float64Array>()),
            }),
            ("version", Arc::new(counts.iter().map(|n| n.map(|n| n.min(3))).collect::<Int64Array>())),
            ("journal_position", Arc::new(counts.iter().map(|n| n.map(|n| n as u64)).collect::<UInt64Array>())),
            ("declared_at", if zoned { Arc::new(micros.clone().with_timezone("+09:00")) } else { Arc::new(micros.clone()) }),
            ("arrival_at", Arc::new(times.iter().map(|t| t.map(|t| (t % 40_000) as i32)).collect::<Date32Array>())),
            ("importer_aeo", Arc::new(counts.iter().map(|n| n.map(|n| n > 0)).collect::<BooleanArray>())),
        ];
        let mapping = (form == 3).then_some(
            "stream = \"declaration\"\n[columns]\ncustoms_value_usd = { from = \"net_mass_kg\", scale = 0.5 }\n\
             trade_name = { template = \"{description}-{flow}\" }\n[constants]\ndeparture_country = \"KOR\"\n",
        );
        let zone = if form == 1 { chrono_tz::Europe::Berlin } else { Tz::UTC };
        for bytes in [None, Some(4)] {
            check(&read_cut(columns.clone(), mapping, zone, bytes))?;
        }
    }
}

/// Two declared items of one flow.
fn clean() -> Vec<(&'static str, ArrayRef)> {
    let text = |texts: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
    vec![
        ("declaration_id", text(["24DE001", "24DE002"])),
        ("item_no", Arc::new(Int32Array::from(vec![1, 4]))),
        ("flow", text(["IMPORT", "IMPORT"])),
        ("hs_code", text(["640299", "640391000000"])),
        ("origin_country", text(["156", "410"])),
        ("customs_value_usd", Arc::new(Float64Array::from(vec![10.5, 500.0]))),
        ("net_mass_kg", Arc::new(Float64Array::from(vec![Some(2.0), None]))),
        (
            "declared_at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_767_225_600_000_000, 1_767_225_601_000_999])
                    .with_timezone("UTC"),
            ),
        ),
        ("importer_aeo", Arc::new(BooleanArray::from(vec![false, true]))),
        ("importer_name", Arc::new(StringArray::new_null(2))),
    ]
}

#[test]
fn the_footer_bounds_what_is_taken_over_as_it_is() {
    let Both { part, .. } = read(clean(), None, Tz::UTC);
    let show = |name: &str| {
        let bound = |bound: &Option<Value>| bound.as_ref().map_or("?".to_owned(), |value| format!("{value:?}"));
        part.column(name).map_or("unknown".to_owned(), |known| {
            let nulls = known.nulls.map_or("?".to_owned(), |n| n.to_string());
            format!("{} {} {nulls}", bound(&known.min), bound(&known.max))
        })
    };
    assert_eq!((part.rows, part.whole), (2, false));
    let expected = BTreeMap::from([
        ("declaration_id", r#"Text("24") Text("25") 0"#),
        ("item_no", "Int(1) Int(4) 0"),
        // Closed lists are spelled in one way.
        ("flow", r#"Text("import") Text("import") 0"#),
        ("hs_code", r#"Text("6402") Text("6404") 0"#),
        // Countries are translated, and not in their order.
        ("origin_country", "unknown"),
        ("customs_value_usd", "Double(10.5) Double(500.0) 0"),
        ("net_mass_kg", "Double(2.0) Double(2.0) 1"),
        ("declared_at", "Ts(1767225600000) Ts(1767225601000) 0"),
        ("importer_aeo", "Bool(false) Bool(true) 0"),
        ("importer_name", "? ? 2"),
        // What the file does not have.
        ("description", "? ? 2"),
        ("container_ids", "? ? 2"),
        ("source_position", "unknown"),
    ]);
    let found: BTreeMap<&str, String> = expected.keys().map(|name| (*name, show(name))).collect();
    assert_eq!(found, expected.into_iter().map(|(name, shown)| (name, shown.to_owned())).collect());
}

#[test]
fn what_a_mapping_changes_is_unknown_and_a_constant_is_read() {
    let mapping = "stream = \"declaration\"\n[columns]\nnet_mass_kg = { from = \"net_mass_kg\", unit = \"lb\" }\n\
                   trade_name = { template = \"{hs_code}-{flow}\" }\n[constants]\ndeparture_country = \"KOR\"\n";
    let Both { part, .. } = read(clean(), Some(mapping), Tz::UTC);
    assert_eq!(part.column("net_mass_kg"), None);
    assert_eq!(part.column("trade_name"), None);
    assert_eq!(part.column("departure_country"), Some(&ColumnSummary::constant(Value::Text("KR".into()))));
}

#[test]
fn wall_times_have_bounds_in_utc_only() {
    let mut columns = clean();
    let wall = TimestampMicrosecondArray::from(vec![1_767_225_600_000_000, 1_767_225_601_000_999]);
    columns.retain(|(name, _)| *name != "declared_at");
    columns.push(("declared_at", Arc::new(wall)));
    let bounds = |zone| read(columns.clone(), None, zone).part.column("declared_at").map(|known| known.min.clone());
    assert_eq!(bounds(Tz::UTC), Some(Some(Value::Ts(1_767_225_600_000))));
    assert_eq!(bounds(chrono_tz::Europe::Berlin), None);
}

#[test]
fn bounds_that_no_row_may_have_are_none() {
    let reader = CellReader::new(DECLARATION.column("customs_value_usd").unwrap(), Tz::UTC);
    let bounds = |min, max| {
        let stored = Stored { bounds: Arc::new(Float64Array::from(vec![min, max])), nulls: Some(0) };
        let known = stored.read(&DECLARATION, &reader, 2).unwrap();
        (known.min, known.max)
    };
    let double = |value| Some(Value::Double(value));
    assert_eq!(bounds(1.0, 2.0), (double(1.0), double(2.0)));
    // Not every writer leaves NaN out.
    assert_eq!(bounds(f64::NAN, 2.0), (None, double(2.0)));
    assert_eq!(bounds(-1.0, f64::INFINITY), (None, None));
}

#[test]
fn ids_have_the_digits_in_common_that_their_bounds_have() {
    for (min, max, expected) in [
        ("640299", "640399", Some(("6402", "6404"))),
        ("24DE001", "24DE999", Some(("24", "25"))),
        ("64", "6409", Some(("64", "65"))),
        ("0199", "9701", Some(("0", ":"))),
        ("64A", "64b", Some(("64", "65"))),
        ("64 1", "64 9", Some(("64", "65"))),
        ("DE1", "DE2", None),
        ("1", "A", None),
        ("", "9", None),
        ("é", "é9", None),
    ] {
        let found = by_first_digits(min, max).map(|known| (known.min, known.max));
        let text = |text: &str| Some(Value::Text(text.into()));
        assert_eq!(found, expected.map(|(min, max)| (text(min), text(max))), "{min} {max}");
    }
}
