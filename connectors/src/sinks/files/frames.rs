//! Frames: batches appended to a file one by one, each whole or not there. What a Parquet file is made from: that can
//! only be written in one go, and a delivery must not wait until enough has come together for it.
//!
//! A frame is the length of its content and the CRC-32 of it (4 bytes each, little endian), then the content: an Arrow
//! IPC stream of one batch.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

const HEAD_BYTES: usize = 8;

/// Appends a frame.
pub fn write(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    let mut writer = StreamWriter::try_new(&mut *out, batch.schema_ref())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let content = &out[start + HEAD_BYTES..];
    let length = u32::try_from(content.len()).map_err(|_| ArrowError::IpcError("a batch of 4 GiB".to_owned()))?;
    let crc = crc32fast::hash(content);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

/// The batches of a file, up to the first frame that is not whole.
pub fn read(path: &Path) -> io::Result<impl Iterator<Item = io::Result<RecordBatch>>> {
    let file = File::open(path)?;
    let mut left = file.metadata()?.len();
    let mut file = BufReader::new(file);
    let mut next = move || -> io::Result<Option<RecordBatch>> {
        if left < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        file.read_exact(&mut head)?;
        let [length, crc] = [[head[0], head[1], head[2], head[3]], [head[4], head[5], head[6], head[7]]];
        let length = u32::from_le_bytes(length);
        left -= HEAD_BYTES as u64;
        if length == 0 || u64::from(length) > left {
            return Ok(None);
        }
        let mut content = vec![0; length as usize];
        file.read_exact(&mut content)?;
        left -= u64::from(length);
        if crc32fast::hash(&content) != u32::from_le_bytes(crc) {
            return Ok(None);
        }
        let mut batches = StreamReader::try_new(content.as_slice(), None).map_err(io::Error::other)?;
        batches.next().transpose().map_err(io::Error::other)
    };
    Ok(std::iter::from_fn(move || next().transpose()))
}
