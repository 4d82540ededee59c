//! Files of several row groups: whatever the number of threads and the size of batches, the same rows come, and the same
//! are set aside, in the order of the file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use haechi_model::intake::{SetAside, Warning};
use haechi_model::streams::DECLARATION;
use haechi_model::summary::Value;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::options::Keep;
use crate::sources::Place;
use crate::tabular::open::{open, read_all};

/// Where row groups end: in the middle of subjects, and one of a single row.
const GROUPS: [usize; 6] = [13, 14, 45, 60, 61, 100];

struct Rows {
    ids: Vec<Option<String>>,
    items: Vec<i32>,
    flows: Vec<&'static str>,
    codes: Vec<String>,
    texts: Vec<Option<String>>,
    masses: Vec<Option<f64>>,
}

/// Declarations of two items each.
fn rows(n: usize) -> Rows {
    Rows {
        ids: (0..n).map(|row| Some(format!("D{}", row / 2))).collect(),
        items: (0..n).map(|row| (row % 2) as i32 + 1).collect(),
        flows: vec!["import"; n],
        codes: (0..n).map(|row| format!("{}", 640_200 + row % 7)).collect(),
        texts: (0..n).map(|row| (row % 5 > 0).then(|| format!("shoes of kind {}", row * 7919 % 61))).collect(),
        masses: (0..n).map(|row| (row % 9 > 0).then_some(row as f64 / 2.0)).collect(),
    }
}

impl Rows {
    fn batch(&self) -> RecordBatch {
        let columns: Vec<(&str, Arc<dyn Array>)> = vec![
            ("declaration_id", Arc::new(self.ids.iter().map(Option::as_deref).collect::<StringArray>())),
            ("item_no", Arc::new(Int32Array::from(self.items.clone()))),
            ("flow", Arc::new(StringArray::from(self.flows.clone()))),
            ("hs_code", Arc::new(self.codes.iter().map(Some).collect::<StringArray>())),
            ("description", Arc::new(self.texts.iter().map(Option::as_deref).collect::<StringArray>())),
            ("net_mass_kg", Arc::new(self.masses.iter().copied().collect::<Float64Array>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }
}

/// What a row can have wrong with it, in every row group but the last.
fn with_faults() -> Rows {
    let mut rows = rows(100);
    rows.items[4] = 0;
    rows.ids[13] = None;
    rows.masses[20] = Some(-1.0);
    rows.codes[33] = "64".to_owned();
    rows.items[41] = 1;
    rows.ids[55] = Some("d3".to_owned());
    rows.masses[56] = Some(f64::NAN);
    rows.texts[57] = Some(" padded ".to_owned());
    rows.flows[60] = "smuggling";
    rows
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, batch: &RecordBatch, ends: &[usize], properties: WriterProperties) -> PathBuf {
        let path = self.0.path().join("rows.parquet");
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
        let mut start = 0;
        for end in ends {
            writer.write(&batch.slice(start, end - start)).unwrap();
            writer.flush().unwrap();
            start = *end;
        }
        writer.close().unwrap();
        path
    }
}

fn read(
    path: &Path,
    columns: Option<&[&str]>,
    options: &ReadOptions,
) -> (Vec<RecordBatch>, Vec<Warning>, Vec<SetAside>) {
    read_all(open(&[path.display().to_string()], &DECLARATION, None, options, columns).unwrap())
}

fn texts(batches: &[RecordBatch], name: &str) -> Vec<Option<String>> {
    let mut texts = Vec::new();
    for batch in batches {
        let array = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        texts.extend(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
    }
    texts
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new();
    let path = folder.write(&with_faults().batch(), &GROUPS, WriterProperties::default());
    let (mut ids, mut reasons) = (Vec::new(), Vec::new());
    for batch_rows in [1, 7, 30, 1000] {
        let of = |threads| read(&path, None, &ReadOptions { batch_rows, threads, ..ReadOptions::default() });
        let one = of(1);
        for threads in [2, 4, 100] {
            assert_eq!(of(threads), one, "{threads} threads, {batch_rows} rows a batch");
        }
        ids.push(texts(&one.0, "declaration_id"));
        reasons.push(one.2);
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]) && reasons.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(ids[0].len() + reasons[0].len(), 100);
    let shown: Vec<_> = reasons[0].iter().map(|unit| format!("{}: {}", unit.code, unit.reason)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    out_of_range: row 5, column "item_no": "0" is out of range; write 1 or more
    missing_key: row 14, column "declaration_id": is blank; every row needs `declaration_id`
    out_of_range: row 21, column "net_mass_kg": "-1" is negative; write 0 or more
    bad_hs_code: row 34, column "hs_code": "64" is no tariff code; write 6 to 12 digits
    duplicate_row: row 42, declaration_id "D20": the same key came before; send a row once
    subject_returned: row 56, declaration_id "D3" came before and other rows since; put all its rows together
    out_of_range: row 57, column "net_mass_kg": "NaN" is not a number
    "#);
    assert!(reasons[0][3].text.contains(r#""hs_code":"64""#), "{:?}", reasons[0][3]);
}

#[test]
fn what_changes_a_value_is_done_in_its_row_group_only() {
    let folder = Folder::new();
    let path = folder.write(&with_faults().batch(), &GROUPS, WriterProperties::default());
    for text_by_code in [false, true] {
        let options = ReadOptions { text_by_code, ..ReadOptions::default() };
        let (batches, warnings, _) = read(&path, None, &options);
        let (positions, found) = (texts(&batches, "source_position"), texts(&batches, "description"));
        let padded = positions.iter().position(|at| at.as_deref() == Some("row 58")).unwrap();
        assert_eq!(found[padded].as_deref(), Some("padded"));
        let whole = rows(100).texts;
        for (at, text) in positions.iter().flatten().zip(&found) {
            let row: usize = at["row ".len()..].parse().unwrap();
            assert!(row == 58 || *text == whole[row - 1], "{at}: {text:?}");
        }
        let told: Vec<_> = warnings.iter().map(|warning| (warning.code, &*warning.path)).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].0 == "unknown_code" && told[0].1.ends_with("row 61 and on"), "{told:?}");
    }
}

#[test]
fn rows_that_stand_alone_need_no_key() {
    let folder = Folder::new();
    let path = folder.write(&with_faults().batch(), &GROUPS, WriterProperties::default());
    for threads in [1, 4] {
        let options = ReadOptions { threads, rows_alone: true, ..ReadOptions::default() };
        let (batches, _, set_aside) = read(&path, Some(&["hs_code"]), &options);
        assert!(batches.iter().all(|batch| batch.num_columns() == 1));
        let mut expected = with_faults().codes;
        expected.remove(33);
        assert_eq!(texts(&batches, "hs_code").into_iter().flatten().collect::<Vec<_>>(), expected);
        assert_eq!(set_aside.iter().map(|unit| &*unit.position).collect::<Vec<_>>(), ["row 34"]);

        let (batches, ..) = read(&path, Some(&[]), &options);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 100, "rows without columns are rows");
    }
}

#[test]
fn row_groups_that_are_not_kept_are_skipped_and_counted() {
    let folder = Folder::new();
    let mut all = rows(100);
    all.masses[20] = Some(-1.0);
    let path = folder.write(&all.batch(), &GROUPS, WriterProperties::default());
    let open_with = |options: &ReadOptions| {
        open(&[path.display().to_string()], &DECLARATION, None, options, Some(&["source_position", "net_mass_kg"]))
            .unwrap()
    };
    // Groups end at rows 13, 14, 45, 60, 61 and 100; masses are half the row.
    for (above, first_row, skipped) in [(-1.0, 1, 0), (6.5, 15, 14), (23.0, 46, 45), (30.0, 62, 61), (50.0, 101, 100)] {
        for threads in [1, 4] {
            let keep = Keep::new(move |part| {
                let Some(Value::Double(max)) = part.column("net_mass_kg").and_then(|known| known.max.clone()) else {
                    return above < 0.0;
                };
                max > above
            });
            let options = ReadOptions { threads, rows_alone: true, keep: Some(keep), ..ReadOptions::default() };
            let mut reader = open_with(&options);
            let (mut found, mut set_aside) = (Vec::new(), 0);
            for intake in reader.by_ref() {
                let intake = intake.unwrap();
                set_aside += intake.set_aside.len();
                found.extend(texts(&[intake.batch], "source_position").into_iter().flatten());
            }
            assert_eq!(reader.rows_skipped(), skipped, "above {above}");
            assert_eq!(found.first().cloned(), (first_row <= 100).then(|| format!("row {first_row}")));
            assert_eq!(found.len() + set_aside, 100 - skipped as usize);
            assert_eq!(set_aside, usize::from(first_row <= 21), "what is skipped is not looked at");

            let mut reader = open_with(&ReadOptions { rows_alone: false, ..options });
            assert_eq!(reader.by_ref().map(|intake| intake.unwrap().batch.num_rows()).sum::<usize>(), 99);
            assert_eq!(reader.rows_skipped(), 0, "subjects stay whole");
        }
    }
}

#[test]
fn a_dictionary_that_is_given_up_in_the_middle_is_read_on() {
    let folder = Folder::new();
    let all = rows(4_000);
    let properties = WriterProperties::builder()
        .set_dictionary_page_size_limit(2_000)
        .set_write_batch_size(64)
        .set_data_page_row_count_limit(100)
        .build();
    let path = folder.write(&all.batch(), &[3_001, 4_000], properties);
    let file = ParquetFile::open(&Place::File(path.clone())).unwrap();
    let by_code: Vec<bool> = file.metadata.metadata().row_group(0).columns().iter().map(all_by_code).collect();
    assert_eq!(by_code, [false, true, true, true, true, false], "keys and masses are too many for a dictionary");
    let expected = |values: &[Option<String>]| values.to_vec();
    for (text_by_code, batch_rows) in [(false, 16_384), (true, 16_384), (true, 50), (true, 3_500)] {
        let options = ReadOptions { batch_rows, text_by_code, ..ReadOptions::default() };
        let (batches, _, set_aside) = read(&path, None, &options);
        assert_eq!(set_aside, []);
        assert_eq!(texts(&batches, "declaration_id"), expected(&all.ids), "{batch_rows}");
        assert_eq!(texts(&batches, "description"), expected(&all.texts), "{batch_rows}");
        let kept = batches
            .iter()
            .all(|b| matches!(b.column_by_name("description").unwrap().data_type(), DataType::Dictionary(..)));
        assert_eq!(kept, text_by_code);
    }
}

#[test]
fn text_that_is_a_dictionary_in_one_row_group_only_is_joined() {
    let folder = Folder::new();
    let mut all = rows(200);
    for (row, text) in all.texts.iter_mut().enumerate().skip(99) {
        *text = Some(format!("shoes number {row}"));
    }
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(1_200).set_write_batch_size(10).build();
    let path = folder.write(&all.batch(), &[99, 200], properties);
    let file = ParquetFile::open(&Place::File(path.clone())).unwrap();
    let by_code = |group: usize| all_by_code(file.metadata.metadata().row_group(group).column(4));
    assert!(by_code(0) && !by_code(1));
    for batch_rows in [30, 150, 1_000] {
        let options = ReadOptions { text_by_code: true, batch_rows, ..ReadOptions::default() };
        assert_eq!(texts(&read(&path, None, &options).0, "description"), all.texts, "{batch_rows}");
    }
}

#[test]
fn damage_in_a_row_group_costs_nothing_before_it() {
    let folder = Folder::new();
    let path = folder.write(&rows(100).batch(), &GROUPS, WriterProperties::default());
    let (start, length) =
        ParquetFile::open(&Place::File(path.clone())).unwrap().metadata.metadata().row_group(2).column(0).byte_range();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[start as usize..(start + length) as usize].fill(0xFF);
    std::fs::write(&path, bytes).unwrap();
    for threads in [1, 4] {
        let options = ReadOptions { threads, batch_rows: 5, ..ReadOptions::default() };
        let reader = open(&[path.display().to_string()], &DECLARATION, None, &options, None).unwrap();
        let (good, bad): (Vec<_>, Vec<_>) = reader.partition(Result::is_ok);
        let rows: usize = good.into_iter().flatten().map(|intake| intake.batch.num_rows()).sum();
        assert_eq!((rows, bad.len()), (14, 1), "{threads} threads");
        assert!(bad[0].as_ref().unwrap_err().to_string().ends_with("is damaged"));
    }
}
