//! What a reader promises, on whole files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::intake::{SetAside, Warning};
use haechi_model::streams::{CONSIGNMENT, DECLARATION, OUTCOME, TRAVELLER};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

use super::open::{Reader, open, read_all};
use crate::mapping::Mapping;
use crate::options::ReadOptions;

const HEADER: &str = "declaration_id,item_no,declared_at,flow,hs_code,description,net_mass_kg,customs_value_usd,preference_claimed,container_ids";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }
}

fn reader(inputs: &[String], mapping: Option<&Mapping>, batch_rows: usize) -> Reader {
    let options = ReadOptions { batch_rows, ..ReadOptions::default() };
    open(inputs, &DECLARATION, mapping, &options, None).unwrap()
}

struct Read {
    rows: RecordBatch,
    sizes: Vec<usize>,
    warnings: Vec<Warning>,
    set_aside: Vec<SetAside>,
}

fn read(inputs: &[String], mapping: Option<&Mapping>, batch_rows: usize) -> Read {
    let reader = reader(inputs, mapping, batch_rows);
    let schema = reader.schema();
    let (batches, warnings, set_aside) = read_all(reader);
    let sizes = batches.iter().map(RecordBatch::num_rows).filter(|n| *n > 0).collect();
    Read { rows: concat_batches(&schema, &batches).unwrap(), sizes, warnings, set_aside }
}

fn column(rows: &RecordBatch, name: &str) -> Vec<String> {
    let array = rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    // Arrow writes times with a zone only where it is built with all zones.
    let array = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => cast(array, &DataType::Timestamp(*unit, None)).unwrap(),
        _ => array.clone(),
    };
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    (0..rows.num_rows()).map(|row| formatter.value(row).to_string()).collect()
}

fn without_zones(rows: &RecordBatch) -> RecordBatch {
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, array)| match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            (field.name().clone(), cast(array, &DataType::Timestamp(*unit, None)).unwrap())
        }
        _ => (field.name().clone(), array.clone()),
    });
    RecordBatch::try_from_iter(columns.collect::<Vec<_>>()).unwrap()
}

/// Everything but where it was read.
fn content(rows: &RecordBatch) -> Vec<(String, Vec<String>)> {
    let names = rows.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    let content = names.into_iter().filter(|name| !name.starts_with("source"));
    content.map(|name| (name.clone(), column(rows, &name))).collect()
}

fn csv(rows: &str) -> Read {
    let folder = Folder::new();
    read(&[folder.file("a.csv", format!("{HEADER}\n{rows}"))], None, 100)
}

fn shared(path: &str) -> PathBuf {
    let root = std::env::var("HAECHI_SHARED")
        .map_or_else(|_| Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")).to_owned(), PathBuf::from);
    let path = root.join(path);
    assert!(
        path.exists(),
        "{} is needed for this test; set HAECHI_SHARED to the folder of shared data",
        path.display()
    );
    path
}

fn korea() -> Mapping {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/mappings/korea-customs-declarations.toml");
    Mapping::read(Path::new(path)).unwrap()
}

#[test]
fn cells_become_the_columns_of_the_stream() {
    let read = csv(
        "d1,1,2027-03-02T09:00:00+09:00,import,6402.99.1000,\"Shoes, of \"\"leather\"\"\",920.0,5e3,Y,\"[\"\"zzzu0000010\"\"]\"\n\
                    d1,2,2027-03-02T09:00:00+09:00,IMPORT,420222, ,-,,0,\n",
    );
    assert_eq!(read.set_aside, []);
    assert_eq!(read.warnings, []);
    for (name, expected) in [
        ("declaration_id", ["D1", "D1"]),
        ("item_no", ["1", "2"]),
        ("declared_at", ["2027-03-02T00:00:00", "2027-03-02T00:00:00"]),
        ("flow", ["import", "import"]),
        ("hs_code", ["6402991000", "420222"]),
        ("description", ["Shoes, of \"leather\"", "null"]),
        ("net_mass_kg", ["920.0", "null"]),
        ("customs_value_usd", ["5000.0", "null"]),
        ("preference_claimed", ["true", "false"]),
        ("container_ids", ["[ZZZU0000010]", "[]"]),
        ("source_position", ["line 2", "line 3"]),
    ] {
        assert_eq!(column(&read.rows, name), expected, "{name}");
    }
    let schema = read.rows.schema();
    for field in schema.fields() {
        let canonical = DECLARATION.column(field.name()).unwrap().field();
        assert_eq!(field.data_type(), canonical.data_type(), "{}", field.name());
    }
}

#[test]
fn each_kind_of_damage_has_its_true_reason() {
    let good = "D0,1,2027-03-02,import,640299,SHOES,1.5,2,N,";
    let last = "D9,1,2027-03-02,import,640299,SHOES,1.5,2,N,";
    let long = "x".repeat(super::cell::CELL_BYTES_MAX + 1);
    let mut shown = String::new();
    for damaged in [
        "D1,1,2027-03-02,import,640299,SHOES,abc,2,N,",
        "D1,1,2027-03-02,import,640299,SHOES,\"1,5\",2,N,",
        "D1,1,2027-03-02,import,640299,SHOES,-1,2,N,",
        "D1,1,2027-03-02,import,640299,SHOES,1,NaN,N,",
        "D1,1,2027-03-02,import,640299,SHOES,1,1e999,N,",
        "D1,1,2027-02-30,import,640299,SHOES,1,2,N,",
        "D1,1,02/03/2027,import,640299,SHOES,1,2,N,",
        "D1,1,1027-03-02,import,640299,SHOES,1,2,N,",
        "D1,1,,import,640299,SHOES,1,2,N,",
        ",1,2027-03-02,import,640299,SHOES,1,2,N,",
        "D1,0,2027-03-02,import,640299,SHOES,1,2,N,",
        "D1,one,2027-03-02,import,640299,SHOES,1,2,N,",
        "D1,99999999999,2027-03-02,import,640299,SHOES,1,2,N,",
        "D1,1,2027-03-02,import,64O299,SHOES,1,2,N,",
        "D1,1,2027-03-02,import,6402,SHOES,1,2,N,",
        "D1,1,2027-03-02,import,640299,SHOES,1,2,perhaps,",
        "D1,1,2027-03-02,import,640299,SHOES,1,2,N,ZZZU1",
        "D1,1,2027-03-02,import,640299,SHOES,1,2,N",
        "D1,1,2027-03-02,import,640299,SHOES,1,2,N,,,",
        "D1,1,2027-03-02,import,640299,\"SHOES,1,2,N,",
        "D1,1,2027-03-02,import,640299,\"SHO\"ES,1,2,N,",
        "D1,1,2027-03-02,import,640299,SH\0ES,1,2,N,",
        "D1,1,2027-03-02,import,640299,SH\u{1}\u{FFFE}ES,1,2,N,",
        "",
        good,
    ] {
        let read = csv(&format!("{good}\n{damaged}\n{last}\n"));
        assert_eq!(column(&read.rows, "declaration_id").last().unwrap(), "D9", "{damaged}: the next row is kept");
        assert_eq!(read.rows.num_rows() + read.set_aside.len(), 3, "{damaged}");
        let reasons = read.set_aside.iter().map(|unit| format!("{}: {}\n", unit.code, unit.reason));
        shown.extend(reasons);
        assert!(read.set_aside.iter().all(|unit| unit.text == damaged && unit.position == "line 3"), "{damaged}");
    }
    let too_long = csv(&format!("{good}\nD1,1,2027-03-02,import,640299,{long},1,2,N,\n{last}\n"));
    shown.extend(
        too_long.set_aside.iter().map(|unit| format!("{}: {}\n", unit.code, unit.reason.replace(&long, "x..."))),
    );
    insta::assert_snapshot!(shown, @r#"
    bad_number: line 3, column "net_mass_kg": "abc" is not a number; write digits with a decimal point
    bad_number: line 3, column "net_mass_kg": "1,5" is not a number; write digits with a decimal point
    out_of_range: line 3, column "net_mass_kg": "-1" is negative; write 0 or more
    bad_number: line 3, column "customs_value_usd": "NaN" is not a number; write digits with a decimal point
    out_of_range: line 3, column "customs_value_usd": "1e999" is too large
    impossible_date: line 3, column "declared_at": "2027-02-30" does not exist in the calendar or on the clock
    bad_date: line 3, column "declared_at": "02/03/2027" is not a time; write 2026-01-31T09:30:00+09:00
    date_out_of_range: line 3, column "declared_at": "1027-03-02" is not between the years 1900 and 2100
    missing_value: line 3, column "declared_at": is blank; every row needs `declared_at`
    missing_key: line 3, column "declaration_id": is blank; every row needs `declaration_id`
    out_of_range: line 3, column "item_no": "0" is out of range; write 1 or more
    bad_number: line 3, column "item_no": "one" is not a whole number; write digits
    out_of_range: line 3, column "item_no": "99999999999" is out of range; write 1 or more
    bad_hs_code: line 3, column "hs_code": "64O299" is no tariff code; write 6 to 12 digits
    bad_hs_code: line 3, column "hs_code": "6402" is no tariff code; write 6 to 12 digits
    bad_boolean: line 3, column "preference_claimed": "perhaps" is no yes or no; write true, false, Y, N, 1 or 0
    bad_list: line 3, column "container_ids": "ZZZU1" is no JSON list; write ["A", "B"]
    wrong_cell_count: line 3, the row has 9 cells and the header 10; the row is cut, or lacks a separator
    wrong_cell_count: line 3, the row has 12 cells and the header 10; put quotes around cells that hold a separator
    open_quote: line 3, column "description": a quote is opened and not closed; close it, or double it
    bad_quote: line 3, column "description": text follows a closing quote; double the quotes inside a cell
    nul_byte: line 3, byte 33: a NUL; remove it
    blank_line: line 3, the line is blank; remove it
    duplicate_row: line 3, declaration_id "D0": the same key came before; send a row once
    cell_too_long: line 3, column "description": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"... has more than 65536 bytes; shorten it
    "#);
}

#[test]
fn bytes_that_are_no_utf8_cost_one_row() {
    let folder = Folder::new();
    let mut bytes = format!("{HEADER}\n").into_bytes();
    bytes.extend(b"D1,1,2027-03-02,import,640299,SHOES,1,2,N,\n");
    bytes.extend(b"D2,1,2027-03-02,import,640299,\xBD\xC5,1,2,N,\n");
    bytes.extend(b"D3,1,2027-03-02,import,640299,SHOES,1,2,N,\n");
    let read = read(&[folder.file("a.csv", bytes)], None, 100);
    assert_eq!(column(&read.rows, "declaration_id"), ["D1", "D3"]);
    assert_eq!(read.set_aside[0].code, "bad_utf8");
    assert_eq!(read.set_aside[0].reason, "line 3, byte 31: 0xBD is no UTF-8; save the file as UTF-8");
}

#[test]
fn a_stray_quote_swallows_nothing_and_a_cell_of_several_lines_is_whole() {
    let row = |id: &str, text: &str| format!("{id},1,2027-03-02,import,640299,{text},1,2,N,\n");
    let ids = |rows: &str| {
        let read = csv(rows);
        (
            column(&read.rows, "declaration_id").join(" "),
            read.set_aside.iter().map(|unit| unit.code).collect::<Vec<_>>(),
        )
    };
    // A true cell of three lines.
    let lines = row("D1", "\"two\nor, well,\nthree\"") + &row("D2", "x");
    assert_eq!(ids(&lines), ("D1 D2".into(), vec![]));
    // Opened and never closed.
    let open = row("D1", "\"x") + &row("D2", "x") + &row("D3", "x");
    assert_eq!(ids(&open), ("D2 D3".into(), vec!["open_quote"]));
    // Opened in one row and closed in the next, or the one after: still no cell of several lines.
    let closed = row("D1", "\"x") + &row("D2", "x\"") + &row("D3", "x");
    assert_eq!(ids(&closed), ("D2 D3".into(), vec!["open_quote"]));
    let later = row("D1", "\"x") + &row("D2", "x") + &row("D3", "x\"") + &row("D4", "x");
    assert_eq!(ids(&later), ("D2 D3 D4".into(), vec!["open_quote"]));
    // The quote at the very beginning of the line.
    let first = row("\"D1", "x") + &row("D2", "\"y, z\"") + &row("D3", "x");
    assert_eq!(ids(&first), ("D2 D3".into(), vec!["open_quote"]));
}

#[test]
fn separators_line_breaks_and_blank_lines() {
    let folder = Folder::new();
    for (name, separator, line_break) in [("a", ";", "\r\n"), ("b", "\t", "\n"), ("c", ",", "\r\n")] {
        let text =
            ["\u{FEFF}declaration_id,item_no,description", "D1,1,x", "", "D2,1,\"a\"\"b\"", "", ""].join(line_break);
        let path = folder.file(name, text.replace(',', separator));
        let read = read(&[path], None, 100);
        assert_eq!(column(&read.rows, "description"), ["x", "a\"b"], "{name}");
        assert_eq!(
            read.set_aside.iter().map(|u| (u.code, u.position.as_str())).collect::<Vec<_>>(),
            [("blank_line", "line 3")]
        );
    }
}

#[test]
fn what_is_odd_is_said_once() {
    let read = csv("D1,1,2027-03-02,smuggling,640299,x,1,2,N,\nD1,2,2027-03-02,smuggling,640299,x,1,2,N,\n");
    let told: Vec<_> = read.warnings.iter().map(|w| format!("{}: {}", w.code, w.text)).collect();
    assert_eq!(
        told,
        [
            "day_only: column \"declared_at\": has days without a time; read as 00:00 in UTC",
            "unknown_code: column \"flow\": \"smuggling\" is none of import, export, transit, warehouse, return; kept as sent",
        ]
    );
    assert_eq!(column(&read.rows, "flow"), ["smuggling", "smuggling"]);
    let folder = Folder::new();
    let read = self::read(&[folder.file("a.csv", "declaration_id,item_no,Colour,Fraud\nD1,1,red,0\n")], None, 10);
    assert_eq!(read.warnings[0].text, "2 columns are not in stream declaration and left out: Colour, Fraud");
}

#[test]
fn subjects_are_whole_and_come_once() {
    let row = |id: &str, item: u32| format!("{id},{item},2027-03-02,import,640299,x,1,2,N,\n");
    let rows = row("A", 1) + &row("A", 2) + &row("B", 1) + &row("B", 1) + &row("A", 3) + &row("B", 2) + &row("C", 1);
    for batch_rows in [1, 2, 3, 100] {
        let folder = Folder::new();
        let read = read(&[folder.file("a.csv", format!("{HEADER}\n{rows}"))], None, batch_rows);
        assert_eq!(column(&read.rows, "declaration_id").join(""), "AABBC", "{batch_rows}");
        let reasons: Vec<_> = read.set_aside.iter().map(|unit| unit.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "line 5, declaration_id \"B\": the same key came before; send a row once",
                "line 6, declaration_id \"A\" came before and other rows since; put all its rows together",
            ]
        );
        if batch_rows == 1 {
            assert_eq!(read.sizes, [2, 2, 1]);
        }
    }
}

#[test]
fn a_subject_that_goes_on_in_the_next_file_is_one_subject() {
    let folder = Folder::new();
    folder.file("1.csv", "declaration_id,item_no,hs_code\nA,1,640299\nB,1,640299\n");
    folder.file("2.csv", "declaration_id,item_no,description\nB,2,x\nC,1,y\n");
    let read = read(&[folder.at("*.csv")], None, 2);
    assert_eq!(read.sizes, [3, 1]);
    assert_eq!(column(&read.rows, "hs_code"), ["640299", "640299", "null", "null"]);
    assert_eq!(column(&read.rows, "description"), ["null", "null", "x", "y"]);
}

#[test]
fn a_subject_without_end_is_set_aside_whole() {
    let mut text = "declaration_id,item_no\nA,1\n".to_owned();
    (1..=50).for_each(|item| writeln!(text, "B,{item}").unwrap());
    text += "C,1\n";
    let folder = Folder::new();
    let path = folder.file("a.csv", &text);
    for batch_rows in [1, 10, 100] {
        let options = ReadOptions { batch_rows, subject_rows_max: 20, ..ReadOptions::default() };
        let reader = open(std::slice::from_ref(&path), &DECLARATION, None, &options, None).unwrap();
        let (batches, _, set_aside) = read_all(reader);
        let ids: Vec<_> = batches.iter().flat_map(|batch| column(batch, "declaration_id")).collect();
        assert_eq!(ids, ["A", "C"]);
        assert_eq!(set_aside.len(), 50);
        assert!(set_aside.iter().all(|unit| unit.code == "subject_too_large"));
        let mut lines: Vec<u32> = set_aside.iter().map(|u| u.position[5..].parse().unwrap()).collect();
        lines.sort_unstable();
        assert_eq!(lines, (3..=52).collect::<Vec<_>>());
    }
}

#[test]
fn several_subjects_without_end_in_one_batch_are_set_aside_whole() {
    let mut text = "declaration_id,item_no\nA,1\n".to_owned();
    for id in ["B", "C"] {
        (1..=50).for_each(|item| writeln!(text, "{id},{item}").unwrap());
    }
    text += "D,1\n";
    let folder = Folder::new();
    let rows = read(&[folder.file("a.csv", &text)], None, 1000).rows;
    let mut file = Vec::new();
    let mut writer = StreamWriter::try_new(&mut file, &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    let options = ReadOptions { subject_rows_max: 20, ..ReadOptions::default() };
    let reader = open(&[folder.file("a.arrow", &file)], &DECLARATION, None, &options, None).unwrap();
    let (batches, _, set_aside) = read_all(reader);
    let ids: Vec<_> = batches.iter().flat_map(|batch| column(batch, "declaration_id")).collect();
    assert_eq!(ids, ["A", "D"]);
    assert_eq!(set_aside.len(), 100);
    assert!(set_aside.iter().all(|unit| unit.code == "subject_too_large"));
}

#[test]
fn rows_of_another_stream_in_a_message_are_said_to_be_left_out() {
    let envelope = |message: &str| format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{message}UNZ+1+R1'\n");
    let list = "UNH+1+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ1'LOC+125+BKK'LOC+87+ICN'NAD+FL+++KIM:ARA'UNT+7+1'";
    let manifest = "UNH+2+CUSCAR:D:95B:UN'BGM+85+M1'CNI+1'RFF+BM:B1'CNI+2'RFF+BM:B2'UNT+7+2'";
    let folder = Folder::new();
    let path = folder.file("both.edi", envelope(list) + &envelope(manifest));
    let reader = open(&[path], &TRAVELLER, None, &ReadOptions::default(), None).unwrap();
    let (batches, warnings, _) = read_all(reader);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let said: Vec<_> = warnings.iter().filter(|w| w.code == "other_stream").map(|w| w.text.as_str()).collect();
    assert_eq!(said, ["2 rows of other streams than traveller were left out; run them by themselves"]);
}

#[test]
fn a_header_without_end_is_refused_as_such() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "x".repeat(9 * 1024 * 1024));
    let error = open(&[path], &DECLARATION, None, &ReadOptions::default(), None).err().unwrap();
    assert!(error.to_string().ends_with("the header line has more than 8388608 bytes"), "{error}");
}

#[test]
fn json_is_flat_or_nested() {
    let folder = Folder::new();
    let path = folder.file(
        "a.jsonl",
        concat!(
            r#"{"declaration_id": "D1", "item_no": 1, "declared_at": "2027-03-02T00:00:00Z", "net_mass_kg": 2, "container_ids": ["a"], "colour": "red"}"#, "\n",
            r#"{"declaration_id": "D2", "declared_at": "2027-03-02", "items": [{"hs_code": "640299"}, {"hs_code": "x"}, {"hs_code": 420222, "item_no": 7}]}"#, "\n",
            r#"{"header": {"declaration_id": "D3", "flow": "import"}, "items": [{"permits": [{"law": "L", "issued_on": "1970-01-02"}]}]}"#, "\n",
            r#"{"declaration_id": "D4", "item_no": 1,"#, "\n",
            r#"[1]"#, "\n",
            r#"{"declaration_id": "D5", "items": []}"#, "\n",
            r#"{"item_no": 1}"#, "\n",
            r#"{"declaration_id": "D6", "item_no": 1, "net_mass_kg": {"kg": 1}}"#, "\n",
            r#"{"declaration_id": "D7", "item_no": 1, "permits": [{"kind": "1"}]}"#, "\n",
        ),
    );
    let read = read(&[path], None, 100);
    assert_eq!(column(&read.rows, "declaration_id"), ["D1", "D2", "D2", "D3"]);
    assert_eq!(column(&read.rows, "item_no"), ["1", "1", "7", "1"]);
    assert_eq!(column(&read.rows, "hs_code"), ["null", "640299", "420222", "null"]);
    assert_eq!(column(&read.rows, "container_ids"), ["[A]", "[]", "[]", "[]"]);
    assert_eq!(column(&read.rows, "source_position"), ["line 1", "line 2, item 1", "line 2, item 3", "line 3, item 1"]);
    assert_eq!(
        column(&read.rows, "permits")[3],
        "[{law: L, permit_id: null, kind: null, issued_on: 1970-01-02, exempt_reason: null}]"
    );
    let reasons: Vec<_> = read.set_aside.iter().map(|u| format!("{}: {}", u.code, u.reason)).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    bad_hs_code: line 2, item 2, column "hs_code": "x" is no tariff code; write 6 to 12 digits
    bad_json: line 4, character 38: EOF while parsing a value
    bad_json: line 5, the line is no JSON object; write one object a line
    no_items: line 6, the declaration has no items; send at least one
    missing_key: line 7, column "declaration_id": is blank; every row needs `declaration_id`
    bad_type: line 8, column "net_mass_kg": the value is a list or an object; write one value
    bad_list: line 9, column "permits": the value has a bad element 1: "law" is missing
    "#);
    assert_eq!(
        read.set_aside[0].text,
        r#"{"declaration_id":"D2","declared_at":"2027-03-02","items":[{"hs_code":"x","item_no":2}]}"#
    );
    assert!(read.warnings.iter().any(|w| w.code == "unknown_columns" && w.text.contains("colour")));
}

#[test]
fn refused_items_are_kept_with_what_fits_of_their_header() {
    let folder = Folder::new();
    // With the whole header to each of them this would take longer than anybody waits.
    let remarks = "x".repeat(3 << 20);
    let items = "1,".repeat(100_000);
    let line = format!(r#"{{"declaration_id": "D1", "remarks": "{remarks}", "items": [{items}{{"hs_code": "y"}}]}}"#);
    let read = read(&[folder.file("a.jsonl", line)], None, 100);
    assert_eq!((read.rows.num_rows(), read.set_aside.len()), (0, 100_001));
    assert_eq!(read.set_aside[0].text, r#"{"declaration_id":"D1","items":[1]}"#);
    assert_eq!(read.set_aside[100_000].text, r#"{"declaration_id":"D1","items":[{"hs_code":"y","item_no":100001}]}"#);
}

#[test]
fn the_samples_of_one_declaration_agree() {
    let csv = read(&[shared("data/messages/synthetic/declarations.csv").display().to_string()], None, 100);
    let json = read(&[shared("data/messages/synthetic/declarations.jsonl").display().to_string()], None, 100);
    assert_eq!(csv.set_aside, []);
    assert_eq!(json.set_aside, []);
    assert_eq!((csv.rows.num_rows(), json.rows.num_rows()), (3, 6));
    for (name, values) in content(&csv.rows) {
        assert_eq!(values, column(&json.rows, &name)[..3], "{name}");
    }
    assert_eq!(column(&csv.rows, "importer_id")[0], "해치시험0000001");
    assert_eq!(column(&json.rows, "item_no"), ["1", "2", "3", "1", "2", "3"]);
}

#[test]
fn every_row_of_the_korean_data_is_read() {
    for (name, rows) in [("df_syn_train_eng.csv", 37_385), ("df_syn_valid_eng.csv", 8_134)] {
        let path = shared(&format!("data/declarations/{name}")).display().to_string();
        let read = read(&[path], Some(&korea()), 4096);
        assert_eq!(read.set_aside, []);
        assert_eq!(read.rows.num_rows(), rows, "{name}");
        // Goods of no known origin are declared as from ZZ, which is kept for rules to see.
        for warning in &read.warnings {
            let expected = matches!(warning.code, "unknown_columns" | "day_only") || warning.text.contains("\"ZZ\"");
            assert!(expected, "{warning:?}");
        }
        if name == "df_syn_train_eng.csv" {
            for (name, first) in [
                ("declaration_id", "97061800"),
                ("declared_at", "2019-12-31T15:00:00"),
                ("office", "030"),
                ("transport_mode", "sea"),
                ("importer_id", "QLRUBN9"),
                ("courier_id", "null"),
                ("origin_country", "BE"),
                ("preference_claimed", "true"),
                ("customs_value_local", "372254.4"),
                ("item_no", "1"),
                ("flow", "import"),
            ] {
                assert_eq!(column(&read.rows, name)[0], first, "{name}");
            }
            let usd: f64 = column(&read.rows, "customs_value_usd")[0].parse().unwrap();
            assert!((usd - 372_254.4 / 1180.0).abs() < 1e-9);
        }
    }
}

#[test]
fn one_row_in_twenty_damaged_costs_no_other_row() {
    let whole = std::fs::read_to_string(shared("data/declarations/df_syn_train_eng.csv")).unwrap();
    let mut text = Vec::new();
    let mut hurt = Vec::new();
    for (i, line) in whole.lines().enumerate() {
        if i > 0 && i % 20 == 0 {
            hurt.push(format!("line {}", i + 1));
            text.extend(damage(line, i / 20 % 13, i / 3 % 151));
        } else {
            text.extend(line.as_bytes());
        }
        text.push(b'\n');
    }
    let folder = Folder::new();
    let read = read(&[folder.file("damaged.csv", text)], Some(&korea()), 4096);
    assert_eq!(read.rows.num_rows() + read.set_aside.len(), 37_385);
    assert!(read.set_aside.len() > hurt.len() / 2, "{}", read.set_aside.len());
    let wrong: Vec<_> = read.set_aside.iter().filter(|unit| !hurt.contains(&unit.position)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_reader_can_be_moved_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Reader>();
}

#[test]
fn batches_do_not_change_what_is_read() {
    let path = shared("data/declarations/df_syn_valid_eng.csv").display().to_string();
    let whole = read(std::slice::from_ref(&path), Some(&korea()), 4096);
    for batch_rows in [1, 7] {
        let cut = read(std::slice::from_ref(&path), Some(&korea()), batch_rows);
        assert!(cut.sizes.iter().all(|n| *n <= 2 * batch_rows), "{batch_rows}");
        assert_eq!(content(&cut.rows), content(&whole.rows), "{batch_rows}");
    }
}

#[test]
fn every_format_and_wrapping_gives_the_same_rows() {
    let row = |i: usize| {
        let (id, item, day) = (i / 3, i % 3 + 1, i % 28 + 1);
        let mass = if i.is_multiple_of(7) { String::new() } else { format!("{i}.5") };
        let text = format!("\"say \"\"{i}\"\"\"");
        format!(
            "D{id},{item},2027-03-{day:02}T01:02:03.004Z,import,640299,{text},{mass},{i},{},\"[\"\"C{i}\"\"]\"",
            i % 2
        )
    };
    let rows = (0..50).map(row).collect::<Vec<_>>().join("\n");
    let text = format!("{HEADER}\n{rows}");
    let folder = Folder::new();
    let plain = folder.file("plain.csv", &text);
    let expected = read(std::slice::from_ref(&plain), None, 10);
    assert_eq!(expected.rows.num_rows(), 50);
    let batch = expected.rows.project(&(0..expected.rows.num_columns() - 2).collect::<Vec<_>>()).unwrap();

    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let mut parquet = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut arrow_file = Vec::new();
    let mut writer = FileWriter::try_new(&mut arrow_file, &batch.schema()).unwrap();
    writer.write(&batch.slice(0, 17)).unwrap();
    writer.write(&batch.slice(17, 33)).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut arrow_stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut arrow_stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let mut lines = Vec::new();
    let mut writer = arrow::json::LineDelimitedWriter::new(&mut lines);
    writer.write(&without_zones(&batch)).unwrap();
    writer.finish().unwrap();

    for (name, bytes) in [
        ("gzip", gzip(text.as_bytes())),
        ("gzip of two members", [gzip(&text.as_bytes()[..700]), gzip(&text.as_bytes()[700..])].concat()),
        ("zstd", zstd::encode_all(text.as_bytes(), 3).unwrap()),
        ("parquet", parquet),
        ("arrow file", arrow_file.clone()),
        ("arrow file in zstd", zstd::encode_all(arrow_file.as_slice(), 3).unwrap()),
        ("arrow stream", arrow_stream.clone()),
        ("arrow stream in gzip", gzip(&arrow_stream)),
        ("json lines", lines.clone()),
        ("json lines in gzip", gzip(&lines)),
    ] {
        let path = folder.file(&name.replace(' ', "_"), bytes);
        for batch_rows in [1, 10, 1000] {
            let mut reader = reader(std::slice::from_ref(&path), None, batch_rows);
            let schema = reader.schema();
            let mut batches = Vec::new();
            for intake in reader.by_ref() {
                let intake = intake.unwrap();
                assert_eq!(intake.set_aside, [], "{name}");
                batches.push(intake.batch);
            }
            assert_eq!(reader.bytes_read(), reader.total_bytes(), "{name}");
            let rows = concat_batches(&schema, &batches).unwrap();
            let keys: Vec<_> = batches.iter().map(|batch| column(batch, "declaration_id")).collect();
            let cut = keys.windows(2).any(|pair| pair[0].last() == pair[1].first());
            assert!(!cut, "{name}: a declaration was cut");
            for (column_name, values) in content(&expected.rows) {
                assert_eq!(column(&rows, &column_name), values, "{name}: {column_name}");
            }
        }
    }
}

#[test]
fn columns_of_other_types_are_read_or_their_rows_set_aside() {
    use arrow::array::{
        ArrayRef, Float32Array, Int64Array, LargeStringArray, StringArray, TimestampMicrosecondArray, UInt8Array,
    };
    use std::sync::Arc;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "declaration_id",
            Arc::new(LargeStringArray::from(vec![
                Some("a"),
                Some("b"),
                Some("c"),
                None,
                Some("e"),
                Some("a"),
                Some("g"),
            ])),
        ),
        ("item_no", Arc::new(UInt8Array::from(vec![1, 0, 1, 1, 1, 2, 1]))),
        ("declared_at", Arc::new(TimestampMicrosecondArray::from(vec![1_600_000_000_000_000; 7]))),
        ("hs_code", Arc::new(Int64Array::from(vec![640_299, 640_299, 64, 640_299, 640_299, 640_299, 640_299]))),
        ("net_mass_kg", Arc::new(Float32Array::from(vec![1.5, 1.5, 1.5, 1.5, -1.0, 1.5, f32::NAN]))),
        ("origin_country", Arc::new(StringArray::from(vec!["KOR"; 7]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let folder = Folder::new();
    let path = folder.at("odd.parquet");
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    let (batches, _, set_aside) = read_all(open(&[path], &DECLARATION, None, &options, None).unwrap());
    // Rows set aside for other reasons do not end a subject.
    assert_eq!(column(&batches[0], "declaration_id"), ["A", "A"]);
    assert_eq!(column(&batches[0], "declared_at"), ["2020-09-13T03:26:40", "2020-09-13T03:26:40"]);
    assert_eq!(column(&batches[0], "hs_code"), ["640299", "640299"]);
    assert_eq!(column(&batches[0], "origin_country"), ["KR", "KR"]);
    let reasons: Vec<_> = set_aside.iter().map(|u| format!("{}: {}", u.code, u.reason)).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    out_of_range: row 2, column "item_no": "0" is out of range; write 1 or more
    bad_hs_code: row 3, column "hs_code": "64" is no tariff code; write 6 to 12 digits
    missing_key: row 4, column "declaration_id": is blank; every row needs `declaration_id`
    out_of_range: row 5, column "net_mass_kg": "-1" is negative; write 0 or more
    out_of_range: row 7, column "net_mass_kg": "NaN" is not a number
    "#);
}

#[test]
fn batches_have_the_columns_asked_for_and_text_is_checked_whole() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "declaration_id,item_no,hs_code,net_mass_kg\nD1,1,640299,bad\nD2,1,640299,1\n");
    let asked = |path: &str| {
        let options = ReadOptions::default();
        let reader = open(&[path.to_owned()], &DECLARATION, None, &options, Some(&["hs_code", "flow"])).unwrap();
        let names: Vec<_> = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["declaration_id", "item_no", "hs_code", "source", "source_position"]);
        let (batches, _, set_aside) = read_all(reader);
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        (rows, set_aside.iter().map(|unit| unit.code).collect::<Vec<_>>())
    };
    assert_eq!(asked(&path), (1, vec!["bad_number"]));

    let whole = read(&[folder.file("b.csv", "declaration_id,item_no,hs_code,net_mass_kg\nD1,1,640299,1\n")], None, 10);
    let path = folder.at("b.parquet");
    let rows = whole.rows.project(&[0, 1, 2, 3]).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    assert_eq!(asked(&path), (1, vec![]));
}

#[test]
fn messages_are_read_like_tables() {
    let folder = shared("data/messages/synthetic");
    let at = |pattern: &str| vec![folder.join(pattern).display().to_string()];
    let options = ReadOptions::default();
    let manifest = open(&at("cuscar_03b_sea_manifest.edi"), &CONSIGNMENT, None, &options, None).unwrap();
    assert!(read_all(manifest).0.iter().map(RecordBatch::num_rows).sum::<usize>() > 0);

    // Several lists, one of them gzipped, in batches of one traveller each.
    let dir = Folder::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&std::fs::read(folder.join("paxlst_12b_745.edi")).unwrap()).unwrap();
    let inputs = [dir.file("a.gz", encoder.finish().unwrap()), at("paxlst_15b_745_everything.edi").remove(0)];
    let options = ReadOptions { batch_rows: 1, ..options };
    let columns = ["surname", "hs2"];
    assert!(open(&inputs, &TRAVELLER, None, &options, Some(&columns)).is_err(), "hs2 is no column of a traveller");
    let reader = open(&inputs, &TRAVELLER, None, &options, Some(&columns[..1])).unwrap();
    let (batches, _, set_aside) = read_all(reader);
    assert_eq!(set_aside, []);
    assert!(batches.len() > 2);
    assert!(batches.iter().all(|batch| batch.num_rows() == 1 && batch.column_by_name("surname").is_some()));

    let error = open(&at("cuscar_03b_sea_manifest.edi"), &TRAVELLER, None, &options, None).err().unwrap();
    assert!(error.to_string().ends_with("message has no traveller rows"), "{error}");
}

/// A table gives travellers their key; a passenger list does not, theirs follows from the other columns.
#[test]
fn a_key_that_follows_later_is_not_missing() {
    let folder = Folder::new();
    let table = folder.file("a.csv", "traveller_id,flight_id,surname\nT1,F1,KIM\nT2,F1,LEE\n");
    let list = shared("data/messages/synthetic").join("paxlst_15b_745_everything.edi").display().to_string();
    let options = ReadOptions { batch_rows: 1, ..ReadOptions::default() };
    let alone = read_all(open(std::slice::from_ref(&list), &TRAVELLER, None, &options, None).unwrap()).0;
    let in_list: usize = alone.iter().map(RecordBatch::num_rows).sum();
    let (batches, _, set_aside) = read_all(open(&[table, list], &TRAVELLER, None, &options, None).unwrap());
    assert_eq!(set_aside, []);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2 + in_list);
    assert!(batches.len() > 2, "rows without a key are still cut into batches");
}

#[test]
fn facts_stand_alone() {
    let folder = Folder::new();
    let text = "outcome_id,item_no,version\nO1,1,1\nO2,1,1\nO1,2,1\nO1,1,2\nO1,1,1\n";
    let path = folder.file("a.csv", text);
    let options = ReadOptions { batch_rows: 2, ..ReadOptions::default() };
    let (batches, _, set_aside) = read_all(open(&[path], &OUTCOME, None, &options, None).unwrap());
    assert_eq!(batches.iter().flat_map(|b| column(b, "outcome_id")).collect::<Vec<_>>(), ["O1", "O2", "O1", "O1"]);
    assert_eq!(
        set_aside.iter().map(|u| (u.code, u.position.as_str())).collect::<Vec<_>>(),
        [("duplicate_row", "line 6")]
    );
}

#[test]
fn inputs_that_cannot_do_are_refused_before_the_first_row() {
    let folder = Folder::new();
    let gz_parquet = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"PAR1....").unwrap();
        encoder.finish().unwrap()
    };
    let mut shown = String::new();
    for (name, content) in [
        ("no_key.csv", b"Declaration ID,item_no\n1,1\n".to_vec()),
        ("twice.csv", b"declaration_id,item_no,item_no\n".to_vec()),
        ("sheet.xlsx", b"PK\x03\x04....".to_vec()),
        ("wrapped.parquet.gz", gz_parquet),
        ("damaged.parquet", b"PAR1 and nothing more".to_vec()),
        ("damaged.arrow", b"ARROW1\0\0 and nothing more".to_vec()),
        ("korean.csv", b"\xBD\xC5\xB0\xED,item_no\n".to_vec()),
        ("quote.csv", b"\"declaration_id,item_no\n".to_vec()),
    ] {
        let path = folder.file(name, content);
        match open(&[path], &DECLARATION, None, &ReadOptions::default(), None) {
            Ok(_) => panic!("{name} was opened"),
            Err(error) => writeln!(shown, "{}", error.to_string().replace(&folder.at(""), "")).unwrap(),
        }
    }
    insta::assert_snapshot!(shown, @r#"
    no_key.csv: no column gives `declaration_id`, the key of every declaration; nearest is "Declaration ID"
    twice.csv: column "item_no" is there twice
    sheet.xlsx: is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV
    wrapped.parquet.gz: is a compressed Parquet file; unpack it, Parquet compresses by itself
    damaged.parquet: is damaged: Parquet argument error: Parquet error: Invalid Parquet file. Corrupt footer
    damaged.arrow: is damaged: Ipc error: breaks off before its schema ends
    korean.csv: line 1: the header is not UTF-8; save the file as UTF-8
    quote.csv: line 1: a quote in the header is not closed
    "#);
}

#[test]
fn a_file_that_breaks_off_gives_what_was_whole() {
    let folder = Folder::new();
    let line = |i: usize| format!("D{i},1,some text that does not compress too well {}", i * 7919 % 5000);
    let text = (0..5000).map(line).collect::<Vec<_>>().join("\n");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!("declaration_id,item_no,description\n{text}").as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let broken = folder.file("broken.csv.gz", &whole[..whole.len() / 2]);
    let good = folder.file("good.csv", "declaration_id,item_no\nX,1\n");
    let (mut rows, mut errors, mut ids, mut torn) = (0, Vec::new(), Vec::new(), 0);
    for intake in reader(&[broken, good], None, 100) {
        match intake {
            Ok(intake) => {
                rows += intake.batch.num_rows();
                ids.extend(column(&intake.batch, "declaration_id"));
                torn += intake.set_aside.iter().filter(|unit| unit.code == "torn_line").count();
            }
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert!(rows > 1000, "{rows}");
    assert_eq!(torn, 1);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].ends_with("broken.csv.gz: cannot be read to its end"), "{errors:?}");
    assert_eq!(ids.last().unwrap(), "X", "the next file is read");
    assert_eq!(ids[rows - 2], format!("D{}", rows - 2), "no row before the break is lost");
}

/// One way to damage a line.
fn damage(line: &str, how: usize, at: usize) -> Vec<u8> {
    let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
    let n = cells.len();
    let cell = at % n;
    match how {
        0 => cells[cell].insert(0, '"'),
        1 => cells[cell].push('"'),
        2 => drop(cells.remove(cell)),
        3 => cells.insert(cell, "extra".into()),
        4 => cells[cell] = "abc".into(),
        5 => cells[cell].clear(),
        6 => cells[cell].push('\0'),
        7 => cells[cell] = "2027-02-31".into(),
        8 => cells[cell] = "-5".into(),
        9 => return line.as_bytes()[..at % line.len()].to_vec(),
        10 => return [line.as_bytes(), b"\xFF\xFE"].concat(),
        11 => {
            let middle = cells[cell].len() / 2;
            cells[cell].insert(middle, '"');
        }
        _ => cells[cell] = "x".repeat(70_000),
    }
    cells.join(",").into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is wrong with lines, each is a row that is kept or a unit that is set aside.
    #[test]
    fn nothing_is_lost_from_a_damaged_file(
        wounds in prop::collection::vec((0usize..60, 0usize..13, 0usize..200), 0..20),
        batch_rows in 1usize..20,
    ) {
        let n = 60;
        let mut lines: Vec<Vec<u8>> = (0..n)
            .map(|i| format!("D{i},1,2027-03-02,import,640299,SHOES {i},{i}.5,{i},N,").into_bytes())
            .collect();
        let mut hurt = BTreeMap::new();
        for (line, how, at) in wounds {
            let whole = format!("D{line},1,2027-03-02,import,640299,SHOES {line},{line}.5,{line},N,");
            lines[line] = damage(&whole, how, at);
            hurt.insert(line, how);
        }
        // A blank last line is no row; make it one.
        lines.push(b"D999,1,2027-03-02,import,640299,LAST,1,1,N,".to_vec());
        let mut text = format!("{HEADER}\n").into_bytes();
        for line in &lines {
            text.extend(line);
            text.push(b'\n');
        }
        let folder = Folder::new();
        let read = read(&[folder.file("a.csv", text)], None, batch_rows);
        prop_assert_eq!(read.rows.num_rows() + read.set_aside.len(), n + 1);
        let kept = column(&read.rows, "source_position");
        for line in (0..n).filter(|line| !hurt.contains_key(line)) {
            let position = format!("line {}", line + 2);
            prop_assert!(kept.contains(&position), "whole {} is not there", position);
        }
    }

    /// No bytes make the reader panic, and no line is lost.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'"'), Just(b'\n'), Just(b'{'), any::<u8>()], 0..400)) {
        let folder = Folder::new();
        let n_lines = bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        for head in ["declaration_id,item_no,description,hs_code\n", "{\"declaration_id\": \"D\", \"item_no\": 1}\n"] {
            let mut text = head.as_bytes().to_vec();
            text.extend(&bytes);
            let read = read(&[folder.file("a", text)], None, 3);
            let taken = read.rows.num_rows() + read.set_aside.iter().filter(|u| u.code != "blank_line").count();
            prop_assert!(taken <= n_lines + 1);
        }
    }
}

#[test]
fn a_row_set_aside_can_be_read_again_below_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("odd.csv");
    let header = "declaration_id;item_no;\"an \"\"odd; name\"\"\";net_mass_kg";
    std::fs::write(&path, format!("{header}\nA;1;x;2.5\nB;1;x;abc\n")).unwrap();
    let open =
        |path: &Path| open(&[path.display().to_string()], &DECLARATION, None, &ReadOptions::default(), None).unwrap();
    let (_, _, set_aside) = read_all(open(&path));
    assert_eq!(set_aside.iter().map(|unit| unit.code).collect::<Vec<_>>(), ["bad_number"]);
    let head = set_aside[0].head.as_deref().unwrap();
    assert_eq!(head, header);
    std::fs::write(&path, format!("{head}\n{}", set_aside[0].text.replace("abc", "3"))).unwrap();
    let (batches, _, set_aside) = read_all(open(&path));
    assert_eq!((batches.iter().map(RecordBatch::num_rows).sum::<usize>(), set_aside.len()), (1, 0));
}

#[test]
fn json_may_be_spread_over_lines_or_stand_in_an_array() {
    let folder = Folder::new();
    for (name, content, positions) in [
        (
            "nested.json",
            "{\n  \"declaration_id\": \"D1\",\n  \"items\": [\n    {\"hs_code\": \"640299\"},\n    {\"hs_code\": \"420222\"}\n  ]\n}\n",
            &["line 1, item 1", "line 1, item 2"][..],
        ),
        (
            "array.json",
            "[\n  {\"declaration_id\": \"D1\", \"item_no\": 1},\n  {\n \"declaration_id\": \"D2\", \"item_no\": 1},\n \
             {\"declaration_id\": \"D3\", \"item_no\": 1}\n]\n",
            &["line 2", "line 3", "line 5"],
        ),
    ] {
        let read = read(&[folder.file(name, content)], None, 100);
        assert_eq!(column(&read.rows, "source_position"), positions, "{name}");
        assert_eq!(read.set_aside.len(), 0, "{name}: {:?}", read.set_aside);
    }
    // Damage costs what it damages; an array that is cut off says so.
    let cut = read(&[folder.file("cut.json", "[\n{\"declaration_id\": \"D1\", \"item_no\": 1},\n")], None, 100);
    assert_eq!((cut.rows.num_rows(), cut.set_aside.len()), (1, 1));
}

#[test]
fn columns_tell_the_stream_of_a_table() {
    let folder = Folder::new();
    for (content, stream) in [
        ("declaration_id,item_no,hs_code\nD1,1,640299\n", Some("declaration")),
        ("consignment_id;house_bill_id;bill_kind\nC1;H1;house\n", Some("consignment")),
        (
            "cargo_event_id,consignment_id,event_kind,happened_at\n1,C1,arrived,2027-03-02T00:00:00Z\n",
            Some("cargo_event"),
        ),
        ("{\"declaration_id\": \"D1\", \"items\": [{\"hs_code\": \"640299\"}]}\n", Some("declaration")),
        ("[\n{\"consignment_id\": \"C1\",\n\"bill_kind\": \"house\"}]", Some("consignment")),
        ("name,colour\nA,red\n", None),
        ("hs_code,colour\n640299,red\n", None),
    ] {
        let path = folder.file("table", content);
        let found = super::stream_of(Path::new(&path)).unwrap().map(|stream| stream.name);
        assert_eq!(found, stream, "{content}");
    }
}

#[test]
fn a_container_need_not_say_whether_it_is_full() {
    let folder = Folder::new();
    let row =
        r#"{"consignment_id":"C1","house_bill_id":"H1","containers":[{"container_id":"ZZZU0000010","seals":["S1"]}]}"#;
    let path = folder.file("a.jsonl", row);
    let (batches, _, set_aside) = read_all(open(&[path], &CONSIGNMENT, None, &ReadOptions::default(), None).unwrap());
    assert_eq!((batches.iter().map(RecordBatch::num_rows).sum::<usize>(), set_aside.len()), (1, 0), "{set_aside:?}");
}

#[test]
fn names_of_columns_may_be_in_capitals() {
    let folder = Folder::new();
    let read = read(&[folder.file("a.csv", "DECLARATION_ID,Item_No,colour\nd1,1,red\n")], None, 100);
    assert_eq!(column(&read.rows, "declaration_id"), ["D1"]);
    assert!(read.warnings.iter().any(|warning| warning.text.contains("colour")), "{:?}", read.warnings);
}
