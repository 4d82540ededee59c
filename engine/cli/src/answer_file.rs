//! Rows to a file, in the format that its name ends in.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, LineDelimited, NullableEncoder, make_encoder};
use arrow::json::{Writer, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::CommandError;
use crate::new_file::NewFile;

/// A file of rows.
pub struct AnswerFile {
    path: PathBuf,
    new: NewFile,
    format: Format,
}

enum Format {
    Csv(csv::Writer<File>),
    Ndjson(Writer<BufWriter<File>, LineDelimited>),
    /// Before and after its columns are known.
    ParquetFile(Option<File>),
    Parquet(ArrowWriter<File>),
}

impl AnswerFile {
    /// A file that is begun beside its name.
    pub fn create(path: &Path) -> Result<Self, CommandError> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !matches!(extension, "csv" | "ndjson" | "jsonl" | "parquet") {
            let message = format!("`{}` has to end in .csv, .ndjson or .parquet", path.display());
            return Err(CommandError::Usage(message));
        }
        let at = |source| CommandError::File { path: path.to_owned(), source };
        let (new, file) = NewFile::create(path).map_err(at)?;
        let format = match extension {
            "csv" => Format::Csv(csv::Writer::from_writer(file)),
            "parquet" => Format::ParquetFile(Some(file)),
            _ => Format::Ndjson(WriterBuilder::new().with_explicit_nulls(true).build(BufWriter::new(file))),
        };
        Ok(Self { path: path.to_owned(), new, format })
    }

    /// Says which columns come.
    pub fn begin(&mut self, schema: &SchemaRef) -> Result<(), CommandError> {
        let begun = match &mut self.format {
            Format::Csv(csv) => csv.write_record(schema.fields().iter().map(|field| field.name())).map_err(of_csv),
            Format::ParquetFile(file) => match file.take() {
                Some(file) => parquet_writer(file, schema).map(|writer| self.format = Format::Parquet(writer)),
                None => Ok(()),
            },
            Format::Ndjson(_) | Format::Parquet(_) => Ok(()),
        };
        self.told(begun)
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), CommandError> {
        let written = match &mut self.format {
            Format::Csv(csv) => write_csv(csv, batch),
            Format::Ndjson(writer) => writer.write(batch).map_err(of_arrow),
            Format::Parquet(writer) => writer.write(batch).map_err(of_parquet),
            Format::ParquetFile(_) => Ok(()),
        };
        self.told(written)
    }

    /// Gives it its name.
    pub fn finish(self) -> Result<(), CommandError> {
        let written = match self.format {
            Format::Csv(csv) => csv.into_inner().map(drop).map_err(|error| io::Error::other(error.to_string())),
            Format::Ndjson(mut writer) => {
                let finished = writer.finish().map_err(of_arrow);
                finished.and_then(|()| writer.into_inner().flush())
            }
            Format::Parquet(writer) => writer.close().map(drop).map_err(of_parquet),
            Format::ParquetFile(_) => Ok(()),
        };
        let named = written.and_then(|()| self.new.finish());
        named.map_err(|source| CommandError::File { path: self.path, source })
    }

    fn told<T>(&self, result: io::Result<T>) -> Result<T, CommandError> {
        result.map_err(|source| CommandError::File { path: self.path.clone(), source })
    }
}

fn parquet_writer(file: File, schema: &SchemaRef) -> io::Result<ArrowWriter<File>> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    ArrowWriter::try_new(file, Arc::clone(schema), Some(properties)).map_err(of_parquet)
}

/// A column on its way to text.
enum Cells<'a> {
    Plain(ArrayFormatter<'a>),
    Json(NullableEncoder<'a>),
}

/// Lists are JSON, as in all our CSV.
fn write_csv(csv: &mut csv::Writer<File>, batch: &RecordBatch) -> io::Result<()> {
    let options = FormatOptions::default();
    let encoding = EncoderOptions::default();
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        columns.push(if field.data_type().is_nested() {
            Cells::Json(make_encoder(field, array, &encoding).map_err(of_arrow)?)
        } else {
            Cells::Plain(ArrayFormatter::try_new(array, &options).map_err(of_arrow)?)
        });
    }
    for row in 0..batch.num_rows() {
        for cells in &mut columns {
            match cells {
                Cells::Plain(plain) => {
                    csv.write_field(plain.value(row).try_to_string().map_err(of_arrow)?).map_err(of_csv)?;
                }
                Cells::Json(json) => {
                    let mut text = Vec::new();
                    if !json.is_null(row) {
                        json.encode(row, &mut text);
                    }
                    csv.write_field(text).map_err(of_csv)?;
                }
            }
        }
        csv.write_record(None::<&[u8]>).map_err(of_csv)?;
    }
    Ok(())
}

fn of_arrow(error: ArrowError) -> io::Error {
    io::Error::other(error)
}

fn of_parquet(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

fn of_csv(error: csv::Error) -> io::Error {
    io::Error::other(error)
}
