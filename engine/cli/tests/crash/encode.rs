//! Messages as bytes, in the formats that senders use.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, ListBuilder, RecordBatch, StringArray, StringBuilder};
use serde_json::{Map, Value};

use crate::stories::Message;

pub type Row = Map<String, Value>;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Ndjson,
    NdjsonGzip,
    Csv,
    Parquet,
    ArrowStream,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::NdjsonGzip => "ndjson.gz",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::ArrowStream => "arrows",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::NdjsonGzip => "application/octet-stream",
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::ArrowStream => "application/vnd.apache.arrow.stream",
        }
    }

    pub fn encode(self, rows: &[Row]) -> Vec<u8> {
        match self {
            Self::Json if rows.len() == 1 => serde_json::to_vec(&rows[0]).unwrap(),
            Self::Json => serde_json::to_vec(rows).unwrap(),
            Self::Ndjson => ndjson(rows),
            Self::NdjsonGzip => {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(&ndjson(rows)).unwrap();
                gzip.finish().unwrap()
            }
            Self::Csv => csv(rows),
            Self::Parquet => {
                let batch = batch(rows);
                let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
                writer.write(&batch).unwrap();
                writer.into_inner().unwrap()
            }
            Self::ArrowStream => {
                let batch = batch(rows);
                let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
                writer.write(&batch).unwrap();
                writer.finish().unwrap();
                writer.into_inner().unwrap()
            }
        }
    }
}

fn ndjson(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut out, row).unwrap();
        out.push(b'\n');
    }
    out
}

/// All columns that any row has.
fn columns(rows: &[Row]) -> Vec<&str> {
    let mut columns: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns
}

fn csv(rows: &[Row]) -> Vec<u8> {
    let columns = columns(rows);
    let mut out = columns.join(",");
    for row in rows {
        out.push('\n');
        let cells = columns.iter().map(|name| match row.get(*name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            // JSON, with its quotes doubled.
            Some(list @ Value::Array(_)) => format!("\"{}\"", list.to_string().replace('"', "\"\"")),
            Some(other) => other.to_string(),
        });
        out.push_str(&cells.collect::<Vec<_>>().join(","));
    }
    out.push('\n');
    out.into_bytes()
}

fn batch(rows: &[Row]) -> RecordBatch {
    let array = |name: &str| -> ArrayRef {
        let values = rows.iter().map(|row| row.get(name));
        match name {
            "item_no" | "version" | "flight_no" => {
                Arc::new(values.map(|v| v.and_then(Value::as_i64).map(|v| v as i32)).collect::<Int32Array>())
            }
            "customs_value_usd" | "value_usd" => {
                Arc::new(values.map(|v| v.and_then(Value::as_f64)).collect::<Float64Array>())
            }
            "container_ids" => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for texts in values {
                    let texts = texts.and_then(Value::as_array).into_iter().flatten();
                    lists.append_value(texts.map(Value::as_str));
                }
                Arc::new(lists.finish())
            }
            _ => Arc::new(values.map(|v| v.and_then(Value::as_str)).collect::<StringArray>()),
        }
    };
    RecordBatch::try_from_iter(columns(rows).into_iter().map(|name| (name, array(name)))).unwrap()
}

/// A passenger list of these travellers: the revision of that number, in an envelope of that number.
pub fn passenger_list(number: i32, travellers: &[Message]) -> Vec<u8> {
    let mut segments = vec![
        format!("UNH+{number}+PAXLST:D:15B:UN:IATA"),
        "BGM+745".to_owned(),
        format!("RFF+TN:ZZ421:::{number}"),
        "TDT+20+ZZ421+++ZZ".to_owned(),
        "LOC+125+BKK".to_owned(),
        "DTM+189:2703140105:201".to_owned(),
        "LOC+87+ICN".to_owned(),
        "DTM+232:2703140830:201".to_owned(),
    ];
    for traveller in travellers {
        segments.push("NAD+FL+++KIM:ARA".to_owned());
        segments.push(format!("RFF+ABO:{}", traveller.subject));
        segments.push(format!("RFF+SEA:{}", traveller.seat()));
    }
    segments.push(format!("CNT+42:{}", travellers.len()));
    segments.push(format!("UNT+{}+{number}", segments.len() + 1));
    let body = segments.join("'\n");
    format!("UNB+UNOA:4+ZZ+KR+270313:2200+{number}'\n{body}'\nUNZ+1+{number}'\n").into_bytes()
}
