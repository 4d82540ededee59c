//! Declarations without end: those of a workload again and again, each time under new ids, so that every one is new to
//! the service and what the rules say of it is known.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use haechi_datasets::Spec;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Failure;
use crate::source::Source;
use crate::workload::{COLUMNS, Text};

/// Declarations by number, from 0 on.
pub struct Traffic {
    /// Text plain, as other people's files have it; the id comes first.
    template: RecordBatch,
    /// The first row of each declaration, and where the last one ends.
    starts: Vec<usize>,
    /// What the ids of this run begin with: a service that is run again must not know them.
    run: String,
}

impl Traffic {
    /// From the first rows of a workload.
    pub fn new(source: &Source, rows: usize) -> Result<Self, Failure> {
        let batches = source.batches(rows, rows, Text::Plain).map_err(|error| error.to_string())?;
        let batch = batches.first().ok_or("no rows")?;
        let places = COLUMNS.iter().map(|name| batch.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
        Self::of(batch.project(&places)?)
    }

    /// Declarations of the generator, in the order in which they were declared.
    pub fn generated(spec: &Spec) -> Result<Self, Failure> {
        spec.check()?;
        let batches: Vec<RecordBatch> =
            haechi_datasets::declarations(spec).map(|batch| id_first(&batch)).collect::<Result<_, _>>()?;
        let first = batches.first().ok_or("no rows")?;
        Self::of(concat_batches(first.schema_ref(), &batches)?)
    }

    fn of(template: RecordBatch) -> Result<Self, Failure> {
        let ids = template.column(0).as_string::<i32>();
        let rows = template.num_rows();
        let mut starts: Vec<usize> =
            (0..rows).filter(|row| *row == 0 || ids.value(*row) != ids.value(row - 1)).collect();
        starts.push(rows);
        let millis = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        Ok(Self { template, starts, run: format!("L{millis:X}-") })
    }

    /// Declarations that differ in more than their ids: number `n` says the same as number `n` plus this.
    pub fn distinct(&self) -> usize {
        self.starts.len() - 1
    }

    /// Items of that many declarations from the first on.
    pub fn items(&self, declarations: u64) -> u64 {
        let (rounds, rest) = (declarations / self.distinct() as u64, declarations as usize % self.distinct());
        rounds * self.template.num_rows() as u64 + self.starts[rest] as u64
    }

    /// How many declarations make up at least so many items.
    pub fn declarations_of(&self, items: u64) -> u64 {
        let rounds = items / self.template.num_rows() as u64;
        let rest = (items % self.template.num_rows() as u64) as usize;
        rounds * self.distinct() as u64 + self.starts.partition_point(|start| *start < rest) as u64
    }

    /// The id of a declaration.
    pub fn id(&self, n: u64) -> String {
        format!("{}{n:010}", self.run)
    }

    /// The rows of `count` declarations.
    pub fn rows(&self, first: u64, count: u64) -> Result<RecordBatch, Failure> {
        let mut parts = Vec::new();
        let mut n = first;
        while n < first + count {
            let begin = (n % self.distinct() as u64) as usize;
            let end = self.distinct().min(begin + (first + count - n) as usize);
            let rows = self.starts[begin]..self.starts[end];
            parts.push(self.template.slice(rows.start, rows.len()));
            n += (end - begin) as u64;
        }
        let rows = concat_batches(&self.template.schema(), &parts)?;
        let lengths = (first..first + count).map(|n| {
            let place = (n % self.distinct() as u64) as usize;
            (n, self.starts[place + 1] - self.starts[place])
        });
        let ids: StringArray = lengths.flat_map(|(n, length)| vec![Some(self.id(n)); length]).collect();
        let mut columns = rows.columns().to_vec();
        columns[0] = Arc::new(ids) as ArrayRef;
        Ok(RecordBatch::try_new(rows.schema(), columns)?)
    }

    /// `count` declarations as JSON, one nested document each.
    pub fn documents(&self, first: u64, count: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let lines = lines(&self.rows(first, count)?)?;
        let mut lines = lines.split(|byte| *byte == b'\n');
        (first..first + count)
            .map(|n| {
                let place = (n % self.distinct() as u64) as usize;
                let id = format!("{{\"declaration_id\":\"{}\",", self.id(n));
                let mut document = [id.as_bytes(), b"\"items\":["].concat();
                for item in self.starts[place]..self.starts[place + 1] {
                    let line = lines.next().and_then(|line| line.strip_prefix(id.as_bytes()));
                    if item > self.starts[place] {
                        document.push(b',');
                    }
                    document.push(b'{');
                    document.extend_from_slice(line.ok_or("a row is not on a line of its own")?);
                }
                document.extend_from_slice(b"]}");
                Ok(document)
            })
            .collect()
    }

    /// Writes `count` declarations to a file of this form, and to the disk.
    pub fn write(&self, path: &Path, format: Format, first: u64, count: u64) -> Result<(), Failure> {
        let rows = self.rows(first, count)?;
        let mut file = File::create(path)?;
        match format {
            Format::Ndjson => file.write_all(&lines(&rows)?)?,
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
                // As a file of anybody else: without a word on how we would hold its columns.
                let options =
                    ArrowWriterOptions::new().with_properties(properties.build()).with_skip_arrow_metadata(true);
                let mut writer = ArrowWriter::try_new_with_options(&mut file, rows.schema(), options)?;
                writer.write(&rows)?;
                writer.close()?;
            }
        }
        Ok(file.sync_all()?)
    }
}

/// The batch with its texts plain and the id of declarations before all else.
fn id_first(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let id = schema.index_of("declaration_id")?;
    let order = std::iter::once(id).chain((0..batch.num_columns()).filter(|place| *place != id));
    let columns = order.map(|place| {
        let column = batch.column(place);
        let column = match column.data_type() {
            DataType::Dictionary(_, value) => cast(column, value)?,
            _ => Arc::clone(column),
        };
        Ok((schema.field(place).name().clone(), column, true))
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Result<Vec<_>, ArrowError>>()?)
}

/// What a file of rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns, compressed with zstd.
    Parquet,
    /// A JSON object an item, a line each.
    Ndjson,
}

impl Format {
    /// As the names of files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
        }
    }
}

/// A JSON object a row, each with its line end.
fn lines(rows: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(rows)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Traffic {
        Traffic::new(&Source::new(None), 10).unwrap()
    }

    #[test]
    fn declarations_come_again_under_other_ids() {
        let traffic = five();
        assert_eq!(traffic.distinct(), 5);
        let rows = traffic.rows(4, 3).unwrap();
        let ids: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
        let of = |n| traffic.id(n);
        assert_eq!(ids, [of(4), of(4), of(5), of(5), of(6), of(6)]);
        let again = traffic.rows(9, 1).unwrap();
        assert_eq!(rows.slice(0, 2).columns()[1..], again.columns()[1..]);
    }

    #[test]
    fn the_generators_declarations_are_documents_too() {
        let spec = Spec { declarations: 20, house_bills: 0, flights: 0, ..Spec::day(3) };
        let traffic = Traffic::generated(&spec).unwrap();
        assert_eq!(traffic.distinct(), 20);
        for (n, document) in traffic.documents(0, 20).unwrap().iter().enumerate() {
            let value: serde_json::Value = serde_json::from_slice(document).unwrap();
            assert_eq!(value["declaration_id"], traffic.id(n as u64));
            assert!(value["items"][0]["importer_id"].is_string(), "{value}");
        }
    }

    #[test]
    fn items_are_counted_over_the_end() {
        let traffic = five();
        assert_eq!([0, 1, 5, 7].map(|n| traffic.items(n)), [0, 2, 10, 14]);
        assert_eq!([0, 1, 2, 10, 14].map(|n| traffic.declarations_of(n)), [0, 1, 1, 5, 7]);
    }

    #[test]
    fn a_document_holds_its_items() {
        let traffic = five();
        let documents = traffic.documents(3, 4).unwrap();
        assert_eq!(documents.len(), 4);
        for (n, document) in (3..).zip(&documents) {
            let value: serde_json::Value = serde_json::from_slice(document).unwrap();
            assert_eq!(value["declaration_id"], traffic.id(n));
            let items: Vec<_> =
                value["items"].as_array().unwrap().iter().map(|item| item["item_no"].as_u64()).collect();
            assert_eq!(items, [Some(1), Some(2)]);
        }
    }
}
