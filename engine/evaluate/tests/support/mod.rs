//! Rules from text, rows from JSON: what the tests of this crate share.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod datafusion;
pub mod encode;
pub mod grammar;
pub mod mix;
pub mod naive;
pub mod table;

use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::ReaderBuilder;
use haechi_evaluate::{Evaluator, Options};
use haechi_model::Stream;
use haechi_rules::condition::{Catalog, Compiler};
use haechi_rules::load::load;
use haechi_rules::rule::{Origin, SqlText};
use haechi_rules::source::{FileId, Sources};
use haechi_rules::{Diagnostic, Program};

pub fn sql(text: &str) -> SqlText {
    SqlText { text: text.to_owned(), file: FileId(0), origin: Origin::At(0) }
}

/// Lists and tables to test with, from YAML and CSV as a pack would hold them.
fn catalog() -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "lists.yaml",
        "lists:\n  - {name: watched, entries: [CN, vn]}\n  - {name: weapons, kind: words, entries: [gun, 'air rifle']}\n",
    );
    write("tables/floor.csv", "hs4,usd_per_kg,label\n6402,4.5,shoes\n8517,60,phones\n");
    let mut sources = Sources::default();
    let (raw, problems) = load(&[folder.path().to_owned()], &mut sources);
    assert!(problems.iter().all(|d| d.severity != haechi_rules::Severity::Error), "{problems:?}");
    Catalog::new(raw.lists.into_iter().map(Arc::new), raw.tables.into_iter().map(Arc::new))
}

pub fn program(stream: &str, rules: &[&str]) -> Result<Arc<Program>, Vec<Diagnostic>> {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(catalog);
    let catalog = &*CATALOG;
    let mut compiler = Compiler::new(Stream::find(stream).unwrap(), catalog);
    let mut diagnostics = Vec::new();
    for (i, rule) in rules.iter().enumerate() {
        if let Some(node) = compiler.condition(&format!("r{i}"), &sql(rule), &mut diagnostics) {
            compiler.add_root(node);
        }
    }
    if haechi_rules::ruleset::has_errors(&diagnostics) { Err(diagnostics) } else { Ok(Arc::new(compiler.finish())) }
}

pub fn evaluator(stream: &str, rules: &[&str]) -> Evaluator {
    let program = program(stream, rules).unwrap_or_else(|d| panic!("{d:#?}"));
    Evaluator::new(program, Options::default()).unwrap()
}

/// Rows of a stream from JSON lines; columns not named are NULL.
pub fn rows(stream: &str, lines: &str) -> RecordBatch {
    let wanted = Stream::find(stream).unwrap().schema();
    // Arrow's JSON reader makes no dictionaries: read plain text, then cast.
    let plain = |field: &Field| match field.data_type() {
        DataType::Dictionary(_, value) => Field::new(field.name(), (**value).clone(), true),
        other => Field::new(field.name(), other.clone(), true),
    };
    let fields: Vec<_> = wanted.fields().iter().map(|field| plain(field)).collect();
    let mut decoder = ReaderBuilder::new(Arc::new(Schema::new(fields))).build_decoder().unwrap();
    decoder.decode(lines.as_bytes()).unwrap();
    let read = decoder.flush().unwrap().unwrap();
    let columns = read.columns().iter().zip(wanted.fields());
    let columns = columns.map(|(array, field)| cast(array, field.data_type()).unwrap()).collect();
    let nullable: Vec<_> = wanted.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(nullable)), columns).unwrap()
}
