//! How a value stands on disk: four bytes that say what it is, a checksum, a head that is read without decompressing,
//! and a body.
//!
//! ```text
//! 'h' format codec 0 | crc32 of all but itself | length of head u16 | head | length of body u32 | body
//! ```

use std::cell::RefCell;

use crate::bytes::Reader;

/// The format of values, and of the store as a whole.
pub(crate) const FORMAT: u8 = 2;

const MAGIC: u8 = b'h';
const STORED: u8 = 0;
const ZSTD: u8 = 1;
/// Bodies below this many bytes are stored as they are.
const WORTH_BYTES: usize = 128;
/// Fastest of zstd's ordinary levels. Of 8,192 declarations, 1.06 MB in Arrow, it makes 0.47 MB where lz4 makes 0.69 MB
/// in about the same time (`examples/measure.rs`, `codecs`).
const LEVEL: i32 = 1;

thread_local! {
    // A context is half a megabyte that is made once a thread and not once a value.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A value for disk.
pub(crate) fn seal(head: &[u8], body: &[u8]) -> Vec<u8> {
    let packed =
        if body.len() < WORTH_BYTES { None } else { compress(body).filter(|packed| packed.len() < body.len()) };
    let (codec, written) = packed.as_ref().map_or((STORED, body), |packed| (ZSTD, packed.as_slice()));
    let mut value = Vec::with_capacity(14 + head.len() + written.len());
    value.extend_from_slice(&[MAGIC, FORMAT, codec, 0, 0, 0, 0, 0]);
    value.extend_from_slice(&(head.len() as u16).to_le_bytes());
    value.extend_from_slice(head);
    value.extend_from_slice(&(body.len() as u32).to_le_bytes());
    value.extend_from_slice(written);
    let sum = checksum(&value);
    value[4..8].copy_from_slice(&sum.to_le_bytes());
    value
}

/// A value from disk whose checksum is right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened<'a> {
    /// What can be read at once.
    pub head: &'a [u8],
    codec: u8,
    body_bytes: usize,
    written: &'a [u8],
}

/// Checks a value. The error says what is wrong with it.
pub(crate) fn open(value: &[u8]) -> Result<Opened<'_>, String> {
    let mut reader = Reader(value);
    let short = || format!("{} bytes are too few", value.len());
    let [magic, format, codec, _] = reader.array().ok_or_else(short)?;
    if magic != MAGIC || format != FORMAT {
        return Err(format!("it begins with {magic:02x} {format:02x}, which is no value of this store"));
    }
    let written_sum = reader.u32().ok_or_else(short)?;
    let sum = checksum(value);
    if sum != written_sum {
        return Err(format!("checksum {sum:08x} where {written_sum:08x} was written"));
    }
    let head_bytes = reader.u16().ok_or_else(short)?;
    let head = reader.take(head_bytes as usize).ok_or_else(short)?;
    let body_bytes = reader.u32().ok_or_else(short)? as usize;
    Ok(Opened { head, codec, body_bytes, written: reader.0 })
}

impl Opened<'_> {
    /// The body, decompressed.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        let body = match self.codec {
            STORED => self.written.to_vec(),
            ZSTD => decompress(self.written, self.body_bytes)?,
            other => return Err(format!("compressed by a way {other} that this program does not know")),
        };
        if body.len() == self.body_bytes {
            Ok(body)
        } else {
            Err(format!("{} bytes where {} were written", body.len(), self.body_bytes))
        }
    }
}

/// Over everything but the place of the checksum.
fn checksum(value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&value[..4]);
    hasher.update(value.get(8..).unwrap_or_default());
    hasher.finalize()
}

fn compress(body: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        kept.as_mut()?.compress(body).ok()
    })
}

fn decompress(written: &[u8], body_bytes: usize) -> Result<Vec<u8>, String> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(kept) => kept,
            None => kept.insert(zstd::bulk::Decompressor::new().map_err(|error| error.to_string())?),
        };
        decompressor.decompress(written, body_bytes).map_err(|error| format!("it does not decompress: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flipped_bit_is_always_seen() {
        let body: Vec<u8> = (0..2_000_u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let value = seal(b"head", &body);
        assert!(value.len() < body.len(), "it compresses");
        assert_eq!(open(&value).unwrap().body().unwrap(), body);
        for place in 0..value.len() {
            let mut damaged = value.clone();
            damaged[place] ^= 1 << (place % 8);
            let unseen = open(&damaged).and_then(|opened| Ok((opened.head == b"head") && opened.body()? == body));
            assert!(!matches!(unseen, Ok(true)) || place == 3, "byte {place}");
            assert!(unseen.is_err(), "byte {place}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(opened) = open(&value) {
                let _ = opened.body();
            }
        }

        #[test]
        fn what_was_sealed_is_read(
            head in proptest::collection::vec(any::<u8>(), 0..40),
            body in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let value = seal(&head, &body);
            let opened = open(&value).unwrap();
            prop_assert_eq!(opened.head, &head);
            prop_assert_eq!(opened.body().unwrap(), body);
        }
    }
}
