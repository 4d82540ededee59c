//! What comes in memory reads as it would from a file, and nothing of it is lost.

use std::io::Write;

use arrow::array::ArrayRef;
use arrow::ipc::writer::StreamWriter;
use haechi_model::streams::{DECLARATION, OUTCOME, TRAVELLER};
use parquet::arrow::ArrowWriter;

use super::*;

fn document(position: &str, bytes: impl Into<Bytes>) -> Document {
    Document { source: "customs/orders/0".into(), position: position.to_owned(), bytes: bytes.into() }
}

fn offsets<T: Into<Bytes>>(texts: impl IntoIterator<Item = T>) -> Vec<Document> {
    texts.into_iter().enumerate().map(|(offset, text)| document(&format!("offset {offset}"), text)).collect()
}

fn documents() -> Documents {
    Documents::new(&DECLARATION, None, ReadOptions::default()).unwrap()
}

fn text(batch: &RecordBatch, column: &str) -> Vec<String> {
    let Some(array) = batch.column_by_name(column) else { return Vec::new() };
    let options = arrow::util::display::FormatOptions::default();
    let formatter = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    (0..batch.num_rows()).map(|row| formatter.value(row).to_string()).collect()
}

/// Each gathered batch in a line: documents so far, its subjects, and positions and codes set aside.
fn shown(gathered: &[Gathered]) -> Vec<String> {
    let line = |Gathered { intake, n_documents }: &Gathered| {
        let aside = intake.set_aside.iter().map(|unit| format!(" {}: {}", unit.position, unit.code));
        format!("{n_documents} {}|{}", text(&intake.batch, "declaration_id").join(","), aside.collect::<String>())
    };
    gathered.iter().map(line).collect()
}

fn check_gather(texts: &[&'static str], expected: &[&str]) {
    assert_eq!(shown(&documents().gather(&offsets(texts.iter().copied()))), expected, "{texts:?}");
}

#[test]
fn documents_gather_into_one_batch_and_faults_keep_their_place() {
    check_gather(
        &[
            r#"{"declaration_id":"A","item_no":1,"hs_code":"850440"}"#,
            r#"{"declaration_id":"B","item_no":"one"}"#,
            "{\"declaration_id\":\"C\",",
            r#"{"declaration_id":"D","items":[{"hs_code":"850440"},{"hs_code":"?"},7,{"hs_code":"010121"}]}"#,
            r#"{"item_no":1}"#,
            "{\n  \"declaration_id\": \"E\",\n  \"item_no\": 1\n}\n",
        ],
        &["6 A,D,D,E| offset 1, line 1: bad_number offset 2, line 1: bad_json \
           offset 3, line 1, item 2: bad_hs_code offset 3, line 1, item 3: bad_json offset 4, line 1: missing_key"],
    );
}

/// What was set aside is read again under the position it had, whatever its text is like.
#[test]
fn each_part_of_a_position_is_said_once() {
    let csv = "declaration_id,item_no\nA,1\n";
    let json = r#"{"declaration_id":"A","items":[{}]}"#;
    for (within, bytes, expected) in [
        ("", csv, "line 2"),
        ("offset 3", csv, "offset 3, line 2"),
        ("offset 3, line 7", csv, "offset 3, line 7"),
        ("", json, "line 1, item 1"),
        ("offset 3", json, "offset 3, line 1, item 1"),
        ("line 7", json, "line 7, item 1"),
        ("offset 3, line 7, item 2", json, "offset 3, line 7, item 2"),
        ("row 7", r#"{"declaration_id":"A","item_no":1}"#, "row 7"),
    ] {
        let document = document(within, bytes);
        let gathered = documents().gather(&[document]);
        assert_eq!(text(&gathered[0].intake.batch, "source_position"), [expected], "{within:?} {bytes}");
    }
}

#[test]
fn a_subject_that_comes_again_begins_another_batch() {
    check_gather(
        &[
            r#"{"declaration_id":"A","item_no":1}"#,
            r#"{"declaration_id":"B","item_no":1}"#,
            r#"{"declaration_id":"A","items":[{},{}]}"#,
            r#"{"declaration_id":"A","items":[{},{"declaration_id":"B"},{}]}"#,
            r#"{"declaration_id":"C","items":[{},{"declaration_id":"A"},{"declaration_id":"C"}]}"#,
            r#"{"declaration_id":"C","item_no":1}"#,
        ],
        &[
            "2 A,B|",
            "3 A,A|",
            "4 A,B| offset 3, line 1, item 3: subject_returned",
            "5 C,A| offset 4, line 1, item 3: subject_returned",
            "6 C|",
        ],
    );
}

#[test]
fn rows_without_subjects_come_again_too() {
    let outcomes = Documents::new(&OUTCOME, None, ReadOptions::default()).unwrap();
    let key: Vec<&str> = OUTCOME.all_columns().filter(|c| c.key && !c.derived).map(|c| c.name).collect();
    let fields: Vec<String> = key.iter().map(|name| format!("\"{name}\":1")).collect();
    let one = format!("{{{}}}", fields.join(","));
    let gathered = outcomes.gather(&offsets([one.clone(), one]));
    assert_eq!(
        gathered.iter().map(|g| (g.n_documents, g.intake.batch.num_rows())).collect::<Vec<_>>(),
        [(1, 1), (2, 1)]
    );
}

#[test]
fn travellers_gather_by_the_id_they_were_given() {
    let travellers = Documents::new(&TRAVELLER, None, ReadOptions::default()).unwrap();
    let texts = ["A", "B", "A"].map(|id| format!("{{\"traveller_id\":\"{id}\",\"carrier\":\"ZZ\"}}"));
    let without = [r#"{"carrier":"ZZ","flight_no":421}"#.to_owned()];
    travellers.gather(&offsets(texts.clone()));
    let gathered = travellers.gather(&offsets(texts.into_iter().chain(without)));
    let units = |g: &Gathered| (g.n_documents, g.intake.batch.num_rows(), g.intake.set_aside.len());
    assert_eq!(gathered.iter().map(units).collect::<Vec<_>>(), [(2, 2, 0), (3, 1, 0), (4, 0, 1)]);
    assert_eq!(gathered[2].intake.set_aside[0].code, "missing_key");
}

#[test]
fn other_formats_are_read_one_by_one_between_the_objects() {
    check_gather(
        &[
            r#"{"declaration_id":"A","item_no":1}"#,
            "declaration_id,item_no,hs_code\nB,1,850440\nB,2,x\nC,1,850440\n",
            "{\"declaration_id\":\"D\",\"item_no\":1}\n{\"declaration_id\":\"E\",\"item_no\":1}\n",
            "{\"declaration_id\":\"F\",\"item_no\":1\n{\"declaration_id\":\"G\",\"item_no\":1}\n",
            r#"{"declaration_id":"H","item_no":1}"#,
            "",
            "  \n",
            "[{}]",
            "hs_code,item_no,flow\n850440,1,import\n",
            "declaration_id,item_no\n",
            "\u{FEFF}{\"declaration_id\":\"I\",\"item_no\":1}",
        ],
        &[
            "1 A|",
            "2 B,C| offset 1, line 3: bad_hs_code",
            "3 D,E|",
            "4 G| offset 3, line 1: bad_json",
            "5 H|",
            "6 | offset 5: empty_message",
            "7 | offset 6: empty_message",
            "8 | offset 7, line 1: missing_key",
            "9 | offset 8: missing_column",
            "10 | offset 9: no_rows",
            "11 I|",
        ],
    );
}

#[test]
fn what_is_set_aside_whole_keeps_its_text_and_says_why() {
    let gathered = documents().gather(&offsets(["<declaration_id>A</declaration_id>"]));
    let unit = &gathered[0].intake.set_aside[0];
    assert_eq!((&*unit.source, &*unit.text), ("customs/orders/0", "<declaration_id>A</declaration_id>"));
    assert_eq!(unit.reason, "offset 0, is XML of a kind not read here");
}

fn wrapped() -> Vec<(&'static str, Bytes)> {
    let csv = "declaration_id,item_no,hs_code\nA,1,850440\nA,2,010121\nB,1,850440\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).unwrap();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["A", "A", "B"]));
    let items: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![1, 2, 1]));
    let codes: ArrayRef = Arc::new(StringArray::from(vec!["850440", "010121", "850440"]));
    let rows = RecordBatch::try_from_iter([("declaration_id", ids), ("item_no", items), ("hs_code", codes)]).unwrap();
    let mut ipc = StreamWriter::try_new(Vec::new(), &rows.schema()).unwrap();
    ipc.write(&rows).unwrap();
    let mut parquet = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut parquet, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    vec![
        ("csv", csv.into()),
        ("gzip", gzip.finish().unwrap().into()),
        ("zstd", zstd::encode_all(csv.as_bytes(), 1).unwrap().into()),
        ("arrow", ipc.into_inner().unwrap().into()),
        ("parquet", parquet.into()),
    ]
}

#[test]
fn every_format_of_files_is_read_from_memory() {
    for (format, content) in wrapped() {
        let intakes: Vec<Intake> = documents().message(&document("offset 4", content.clone())).collect();
        let [intake] = intakes.as_slice() else { panic!("{format}: {} intakes", intakes.len()) };
        assert_eq!(text(&intake.batch, "declaration_id"), ["A", "A", "B"], "{format}");
        assert_eq!(text(&intake.batch, "hs_code"), ["850440", "010121", "850440"], "{format}");
        assert!(text(&intake.batch, "source_position").iter().all(|at| at.starts_with("offset 4, ")), "{format}");
        assert_eq!(text(&intake.batch, "source"), vec!["customs/orders/0"; 3], "{format}");
        // The same bytes as a file of that name.
        let rows = bytes("customs/orders/0", content, &DECLARATION, None, &ReadOptions::default()).unwrap();
        assert_eq!(rows.map(|intake| intake.unwrap().batch.num_rows()).sum::<usize>(), 3, "{format}");
    }
}

#[test]
fn a_document_cut_at_any_byte_is_rows_or_set_aside() {
    for (format, content) in wrapped() {
        for end in 0..content.len() {
            let intakes: Vec<Intake> = documents().message(&document("", content.slice(..end))).collect();
            let units = intakes.iter().map(|intake| intake.batch.num_rows() + intake.set_aside.len()).sum::<usize>();
            assert!(units > 0, "{format} cut at {end}");
        }
    }
}

#[test]
fn objects_read_as_the_lines_of_a_file_do() {
    let lines = [
        r#"{"declaration_id":"A","item_no":1,"flow":"import","net_mass_kg":1.5}"#,
        r#"{"declaration_id":"B","item_no":1,"hs4":"8504","version":2}"#,
        r#"{"declaration_id":"C","item_no":1,"container_ids":["X","Y"],"odd":1}"#,
    ];
    let file = bytes("f", lines.join("\n").into(), &DECLARATION, None, &ReadOptions::default()).unwrap();
    let file: Vec<RecordBatch> = file.map(|intake| intake.unwrap().batch).collect();
    let documents = documents();
    // The first documents make the room that the later ones need; after that all go into one batch.
    assert_eq!(documents.gather(&offsets(lines)).iter().map(|g| g.n_documents).collect::<Vec<_>>(), [1, 2, 3]);
    let gathered = documents.gather(&offsets(lines));
    assert_eq!(gathered.len(), 1);
    let batch = &gathered[0].intake.batch;
    assert!(batch.num_columns() < 20, "no room for what nobody sends");
    for field in batch.schema().fields().iter().filter(|field| !field.name().starts_with("source")) {
        assert_eq!(text(batch, field.name()), text(&file[0], field.name()), "{}", field.name());
    }
    assert_eq!(gathered[0].intake.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["unknown_column"]);
}

#[test]
fn a_mapping_is_followed() {
    let mapping = "stream = \"declaration\"\n[columns]\ndeclaration_id = \"ID\"\n[constants]\nitem_no = 1\n";
    let mapping = Mapping::parse("m.toml", mapping).unwrap();
    let documents = Documents::new(&DECLARATION, Some(mapping), ReadOptions::default()).unwrap();
    let gathered = documents.gather(&offsets([r#"{"ID":"A"}"#, r#"{"ID":"B","hs_code":"850440"}"#]));
    assert_eq!(shown(&gathered), ["1 A|", "2 B|"]);
    assert_eq!(text(&gathered[1].intake.batch, "hs_code"), ["850440"]);
    let other = Mapping::parse("m.toml", "stream = \"traveller\"\n[columns]\ncarrier = \"C\"\n").unwrap();
    assert!(matches!(
        Documents::new(&DECLARATION, Some(other), ReadOptions::default()),
        Err(OpenError::OtherMapping { .. })
    ));
}

#[test]
fn batches_are_bounded_between_documents() {
    let options = ReadOptions { batch_rows: 2, ..ReadOptions::default() };
    let documents = Documents::new(&DECLARATION, None, options).unwrap();
    let texts = (0..5).map(|i| format!("{{\"declaration_id\":\"D{i}\",\"item_no\":1}}"));
    assert_eq!(shown(&documents.gather(&offsets(texts))), ["2 D0,D1|", "4 D2,D3|", "5 D4|"]);
}

#[test]
fn a_subject_too_large_goes_alone() {
    let options = ReadOptions { subject_rows_max: 2, ..ReadOptions::default() };
    let documents = Documents::new(&DECLARATION, None, options).unwrap();
    let gathered = documents.gather(&offsets([
        r#"{"declaration_id":"A","item_no":1}"#,
        r#"{"declaration_id":"B","items":[{},{},{}]}"#,
        r#"{"declaration_id":"C","item_no":1}"#,
    ]));
    let ids: Vec<_> = gathered.iter().flat_map(|g| text(&g.intake.batch, "declaration_id")).collect();
    assert_eq!(ids, ["A", "C"]);
    let codes: Vec<_> = gathered.iter().flat_map(|g| &g.intake.set_aside).map(|unit| unit.code).collect();
    assert_eq!(codes, ["subject_too_large"; 3]);
}
