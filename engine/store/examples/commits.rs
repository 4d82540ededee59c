//! What the store costs, on a table of declarations (`benches/README.md` says how to make one).
//!
//! ```sh
//! cargo run --release -p haechi-store --example commits -- FOLDER one 5000 declarations.parquet
//! cargo run --release -p haechi-store --example commits -- FOLDER rows declarations.parquet 10
//! cargo run --release -p haechi-store --example commits -- FOLDER open
//! cargo run --release -p haechi-store --example commits -- FOLDER codecs declarations.parquet
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops where something is wrong")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Float64Array, Int32Array, ListArray,
    RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use haechi_model::conform;
use haechi_model::selection::{hit_schema, selection_schema};
use haechi_model::streams::DECLARATION;
use haechi_store::{Commit, Decisions, Entry, Position, Store, StoreOptions, Subjects};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

#[path = "../tests/support/mod.rs"]
mod support;
use support::{batch, codes, ids};

const BATCH_ROWS: usize = 8_192;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let started = Instant::now();
    let open = |folder| Store::open(Path::new(folder), &StoreOptions::default()).unwrap();
    match args[..] {
        [folder, "one", count, table] => one(&open(folder), count.parse().unwrap(), table),
        [folder, "rows", table, times] => rows(&open(folder), table, times.parse().unwrap()),
        [folder, "open"] => {
            let store = open(folder);
            println!("open in {:.2?}, next position {}", started.elapsed(), store.next_position());
            size(&store);
        }
        [_, "codecs", table] => codecs(table),
        _ => println!("FOLDER one COUNT TABLE | FOLDER rows TABLE TIMES | FOLDER open | FOLDER codecs TABLE"),
    }
}

/// Commits of one row, each synced, and the disk alone.
fn one(store: &Store, count: usize, table: &str) {
    let rows = batches(table).next().unwrap();
    let (mut encode, mut write, mut disk) = (Vec::new(), Vec::new(), Vec::new());
    let mut plain = File::create(store.path().join("appended")).unwrap();
    for i in 0..count {
        let rows = renamed(&rows.slice(i % rows.num_rows(), 1), store.next_position());
        let commit = Commit { entries: vec![entry(store, rows)], ..Commit::default() };
        let started = Instant::now();
        let commit = commit.encode().unwrap();
        encode.push(started.elapsed());
        if i == 0 {
            println!("one row: {} bytes", commit.bytes());
        }
        let started = Instant::now();
        store.write(vec![commit]).unwrap();
        write.push(started.elapsed());
        if i % 10 == 0 {
            let started = Instant::now();
            plain.write_all(&[7; 4096]).unwrap();
            plain.sync_data().unwrap();
            disk.push(started.elapsed());
        }
    }
    quantiles("encode", encode);
    quantiles("write", write);
    quantiles("4 KiB appended and synced", disk);
    size(store);
}

fn quantiles(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let rate = took.len() as f64 / took.iter().sum::<Duration>().as_secs_f64();
    println!("{what}: p50 {:.0?} p99 {:.0?} max {:.0?}, {rate:.0}/s", at(0.5), at(0.99), at(1.0));
}

/// Batches as the pipeline commits them.
fn rows(store: &Store, table: &str, times: usize) {
    let (mut look_up, mut encode, mut write) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let (mut rows, mut bytes) = (0, 0);
    for time in 0..times {
        for batch in batches(table) {
            let batch = renamed(&batch, time as u64 + store.next_position());
            let started = Instant::now();
            let entry = entry(store, batch);
            look_up += started.elapsed();
            rows += entry.rows.num_rows();
            let started = Instant::now();
            let commit = Commit { entries: vec![entry], ..Commit::default() }.encode().unwrap();
            encode += started.elapsed();
            bytes += commit.bytes();
            let started = Instant::now();
            store.write(vec![commit]).unwrap();
            write.push(started.elapsed());
        }
        println!("{rows} rows, {} MiB resident", resident() >> 20);
    }
    let written: Duration = write.iter().sum();
    let all = look_up + encode + written;
    println!("look up and make {look_up:.2?}, encode {encode:.2?}, write {written:.2?}");
    println!("{:.0} rows/s one after the other, {} bytes a row", rows as f64 / all.as_secs_f64(), bytes / rows);
    quantiles("write of a batch", write);
    size(store);
}

/// Rows compressed in several ways.
fn codecs(table: &str) {
    let batch = batches(table).nth(3).unwrap();
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let options = IpcWriteOptions::default().try_with_compression(codec).unwrap();
        let started = Instant::now();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options).unwrap();
        writer.write(&batch).unwrap();
        let bytes = writer.into_inner().unwrap().len();
        println!("{} rows as one stream, {codec:?}: {bytes} bytes in {:.2?}", batch.num_rows(), started.elapsed());
    }
    let entry = Entry { first: 1, stream: &DECLARATION, known_at_ms: 1, rows: batch, subjects: None, decided: None };
    let started = Instant::now();
    let bytes = Commit { entries: vec![entry], ..Commit::default() }.encode().unwrap().bytes();
    println!("as we write them: {bytes} bytes in {:.2?}", started.elapsed());
}

fn batches(table: &str) -> impl Iterator<Item = RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(table).unwrap()).unwrap();
    let reader = reader.with_batch_size(BATCH_ROWS).build().unwrap();
    reader.map(|batch| conform(&DECLARATION, batch.unwrap()).unwrap())
}

/// The same declarations under other numbers.
fn renamed(rows: &RecordBatch, salt: u64) -> RecordBatch {
    let at = rows.schema().index_of("declaration_id").unwrap();
    let ids = rows.column(at).as_dictionary::<Int32Type>();
    let names: StringArray =
        ids.values().as_string::<i32>().iter().map(|id| id.map(|id| format!("{id}{salt:x}"))).collect();
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::new(DictionaryArray::new(ids.keys().clone(), Arc::new(names)));
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

/// An entry whose subjects were looked up, with selections as a policy makes them: one in ten with two hits.
fn entry(store: &Store, rows: RecordBatch) -> Entry {
    let first: Position = store.next_position();
    let names = cast(rows.column_by_name("declaration_id").unwrap(), &DataType::Utf8).unwrap();
    let names = names.as_string::<i32>();
    let begins = |row: &u32| *row == 0 || names.value(*row as usize) != names.value(*row as usize - 1);
    let first_rows: Vec<u32> = (0..rows.num_rows() as u32).filter(begins).collect();
    let subjects: Vec<&str> = first_rows.iter().map(|row| names.value(*row as usize)).collect();
    let earlier = store.versions(&DECLARATION, subjects.iter().copied()).unwrap();
    let versions = vec![1; subjects.len()];
    let examined: Vec<&str> = subjects.iter().copied().step_by(10).collect();
    let decided = Decisions {
        selections: selections(&subjects, &versions),
        hits: batch(
            hit_schema(),
            vec![
                ("subject_id", ids(examined.iter().flat_map(|id| [*id; 2]))),
                ("version", Arc::new(Int32Array::from(vec![1; examined.len() * 2]))),
                ("rule_id", ids(examined.iter().flat_map(|_| ["import/undervalued", "import/new_importer"]))),
                ("score", Arc::new(Float64Array::from(vec![12.5; examined.len() * 2]))),
                (
                    "values",
                    Arc::new(
                        examined.iter().flat_map(|_| [Some("{\"value_per_kg_usd\":1.25}"); 2]).collect::<StringArray>(),
                    ),
                ),
            ],
        ),
        first_rows: first_rows.clone(),
    };
    let subjects = Subjects {
        late: false,
        ids: Arc::new(StringArray::from(subjects.clone())),
        contents: subjects.iter().map(|id| support::content(id, 1)).collect(),
        envelopes: vec![0; subjects.len()],
        versions,
        first_rows,
        earlier,
    };
    let known_at_ms = 1_790_000_000_000 + first as i64;
    Entry { first, stream: &DECLARATION, known_at_ms, rows, subjects: Some(subjects), decided: Some(decided) }
}

fn selections(subjects: &[&str], versions: &[i32]) -> RecordBatch {
    let count = subjects.len();
    let lanes = || codes((0..count).map(|i| if i % 10 == 0 { "examine" } else { "release" }));
    let reasons =
        (0..count).map(|i| (i % 10 == 0).then_some(vec![Some("import/undervalued"), Some("import/new_importer")]));
    let mut lists = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    reasons.for_each(|reasons| lists.append_value(reasons.unwrap_or_default()));
    let lists: ArrayRef = Arc::new(lists.finish());
    let schema = selection_schema();
    let lists = |name: &str| -> ArrayRef {
        let DataType::List(item) = schema.field_with_name(name).unwrap().data_type() else { unreachable!() };
        let lists: &ListArray = lists.as_list();
        Arc::new(ListArray::new(Arc::clone(item), lists.offsets().clone(), Arc::clone(lists.values()), None))
    };
    let hash =
        || -> ArrayRef { Arc::new(FixedSizeBinaryArray::try_from_iter((0..count).map(|_| [0xA7_u8; 32])).unwrap()) };
    batch(
        selection_schema(),
        vec![
            ("subject_id", ids(subjects.iter().copied())),
            ("version", Arc::new(Int32Array::from(versions.to_vec()))),
            ("stream", codes((0..count).map(|_| "declaration"))),
            ("lane", lanes()),
            ("requested_lane", lanes()),
            ("score", Arc::new((0..count).map(|i| Some((i % 10) as f64)).collect::<Float64Array>())),
            ("reasons", lists("reasons")),
            ("instructions", lists("instructions")),
            ("mandatory", Arc::new(BooleanArray::from(vec![false; count]))),
            ("rows", Arc::new(Int32Array::from(vec![3; count]))),
            ("ruleset_hash", hash()),
            ("policy_hash", hash()),
            (
                "decided_at",
                Arc::new(TimestampMillisecondArray::from(vec![1_790_000_000_000; count]).with_timezone("UTC")),
            ),
        ],
    )
}

fn size(store: &Store) {
    let sizes = store.sizes().unwrap();
    for size in sizes.keyspaces.iter().filter(|size| size.bytes > 0) {
        println!("{:>12}: {:>8.1} MiB, {} values", size.keyspace, size.bytes as f64 / 1_048_576.0, size.values);
    }
    println!("{:>12}: {:>8.1} MiB; {} MiB resident", "log", sizes.log_bytes as f64 / 1_048_576.0, resident() >> 20);
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4_096
}
