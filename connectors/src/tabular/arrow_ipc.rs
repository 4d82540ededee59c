//! Arrow streams and files, decoded as their bytes come.

use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;

use super::columnar::{ColumnFile, Parts, Shape, decoding};
use crate::options::ReadOptions;

/// An Arrow stream, or an Arrow file, which is one behind its magic.
///
/// The decoder is fed with what the file holds. Arrow's own readers take lengths from the file at their word and ask
/// for that much memory at once, which ends the process where the length is damage.
pub struct ArrowStream {
    content: Box<dyn Read + Send>,
    decoder: StreamDecoder,
    schema: SchemaRef,
    /// Read and not yet decoded.
    rest: Buffer,
}

/// Bytes of an Arrow stream that are read at once.
const ARROW_READ_BYTES: u64 = 1 << 20;
/// Where the schema has to end.
const ARROW_SCHEMA_BYTES_MAX: usize = 4 << 20;

impl ArrowStream {
    /// Reads the schema of a stream.
    pub fn open(mut content: Box<dyn Read + Send>, is_file: bool) -> Result<Self, ArrowError> {
        let breaks_off = |_: std::io::Error| ArrowError::IpcError("breaks off before its schema ends".to_owned());
        if is_file {
            let mut magic = [0; 8];
            content.read_exact(&mut magic).map_err(breaks_off)?;
            // Writers fill up with zeros to their alignment; the stream's first word is not zero.
            let mut word = [0; 4];
            while word == [0; 4] {
                content.read_exact(&mut word).map_err(breaks_off)?;
            }
            content = Box::new(Cursor::new(word).chain(content));
        }
        let schema = Arc::new(Schema::empty());
        let mut stream = Self { content, decoder: StreamDecoder::new(), schema, rest: Buffer::default() };
        // A byte at a time, so that the decoder stops behind the schema and before the first batch.
        let mut byte = [0];
        for _ in 0..ARROW_SCHEMA_BYTES_MAX {
            stream.content.read_exact(&mut byte).map_err(breaks_off)?;
            stream.decoder.decode(&mut Buffer::from(&byte))?;
            if let Some(schema) = stream.decoder.schema() {
                return Ok(Self { schema, ..stream });
            }
        }
        Err(ArrowError::IpcError(format!("no schema in the first {ARROW_SCHEMA_BYTES_MAX} bytes")))
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            if self.rest.is_empty() {
                let mut bytes = Vec::new();
                self.content.by_ref().take(ARROW_READ_BYTES).read_to_end(&mut bytes)?;
                if bytes.is_empty() {
                    return self.decoder.finish().map(|()| None);
                }
                self.rest = bytes.into();
            }
            match self.decoder.decode(&mut self.rest) {
                Ok(None) => {}
                // Behind the end of the stream stands the footer of the file, which the decoder does not expect.
                Err(_) if self.decoder.finish().is_ok() => return Ok(None),
                decoded => return decoded,
            }
        }
    }
}

impl ColumnFile for ArrowStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn read(mut self: Box<Self>, shape: Arc<Shape>, _: &ReadOptions) -> Result<Parts, ArrowError> {
        let mut converters = shape.converters();
        let mut first_row = 0;
        let mut next = move || {
            let Some(batch) = self.next()? else { return Ok(None) };
            let part = shape.part(&mut converters, first_row, batch.project(shape.inputs())?)?;
            first_row += batch.num_rows() as u64;
            Ok(Some(part))
        };
        let parts = std::iter::from_fn(move || decoding(&mut next).transpose());
        Ok(Parts { decoded: Box::new(parts), n_rows: None, n_skipped: 0 })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, StringArray};

    use super::*;

    #[test]
    fn a_length_that_is_damage_costs_no_memory() {
        use arrow::ipc::writer::StreamWriter;

        let ids: ArrayRef = Arc::new(StringArray::from(vec!["A", "B"]));
        let rows = RecordBatch::try_from_iter([("declaration_id", ids)]).unwrap();
        let mut whole = Vec::new();
        let mut writer = StreamWriter::try_new(&mut whole, &rows.schema()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        for at in 0..whole.len() - 8 {
            let mut damaged = whole.clone();
            damaged[at..at + 8].copy_from_slice(&0x4E00_0000_0000_0000_u64.to_le_bytes());
            let read = decoding(|| {
                let mut stream = ArrowStream::open(Box::new(Cursor::new(damaged)), false)?;
                while stream.next()?.is_some() {}
                Ok(())
            });
            drop(read);
        }
    }
}
