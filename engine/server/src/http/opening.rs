//! A body that was received, in a form that readers know: unpacked within bounds, a JSON array as lines.
//!
//! A small JSON text, which most bodies are, is read where it is. Everything else is read elsewhere, so that it holds up
//! nobody; and what is large, or may become so, needs one of a few places for it.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use haechi_connectors::sources::Place;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{Bounds, Received, SMALL_BYTES_MAX};
use super::intake::blocking;
use super::problem::Problem;

/// How packed bodies begin.
const PACKED: &[&[u8]] = &[&[0x1F, 0x8B], &[0x28, 0xB5, 0x2F, 0xFD]];
/// How Parquet and both forms of Arrow begin, of which parts may be packed.
const TABLES: &[&[u8]] = &[b"PAR1", b"ARROW1", &[0xFF; 4]];

/// A body that can be read.
#[derive(Debug)]
pub struct Opened {
    /// Its text or table.
    pub bytes: Bytes,
    /// Whether reading it may take a while.
    pub elsewhere: bool,
    /// What it takes of what there is for large ones, as long as it is worked on.
    pub held: (Option<OwnedSemaphorePermit>, Option<OwnedSemaphorePermit>),
}

impl Bounds {
    /// Opens a body: where it is if that takes no time.
    pub async fn open(&self, received: Received) -> Result<Opened, Problem> {
        let Received { bytes, room } = received;
        if bytes.len() <= SMALL_BYTES_MAX && !begins(&bytes, PACKED) && !begins(&bytes, TABLES) {
            let bytes = lines(bytes)?;
            let elsewhere = bytes.trim_ascii_start().first() != Some(&b'{');
            return Ok(Opened { bytes, elsewhere, held: (room, None) });
        }
        // It is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let bounds = self.clone();
        let bytes = blocking(move || lines(bounds.unpack(bytes)?)).await??;
        Ok(Opened { bytes, elsewhere: true, held: (room, place) })
    }

    fn unpack(&self, bytes: Bytes) -> Result<Bytes, Problem> {
        if !begins(&bytes, PACKED) {
            return Ok(bytes);
        }
        let damaged = |error: std::io::Error| Problem::bad_request(format!("the body cannot be unpacked: {error}"));
        let unwrapped = Place::Memory(bytes).unwrap(Arc::default()).map_err(damaged)?;
        let mut unpacked = Vec::new();
        let limit = self.bytes_max as u64 + 1;
        unwrapped.content.take(limit).read_to_end(&mut unpacked).map_err(damaged)?;
        if unpacked.len() > self.bytes_max {
            return Err(self.too_large());
        }
        // Readers would unpack it once more, to any size.
        if begins(&unpacked, PACKED) {
            return Err(Problem::bad_request("the body is packed twice; pack it once"));
        }
        Ok(unpacked.into())
    }
}

fn begins(bytes: &[u8], with: &[&[u8]]) -> bool {
    with.iter().any(|magic| bytes.starts_with(magic))
}

/// The body itself, or a JSON array as lines.
fn lines(bytes: Bytes) -> Result<Bytes, Problem> {
    match bytes.trim_ascii_start().first() {
        None => Err(Problem::bad_request("the body is empty")),
        Some(b'[') => {
            let cut = "the JSON array in the body does not end as one does; nothing of it was taken";
            lines_of(&bytes).map(Bytes::from).ok_or_else(|| Problem::bad_request(cut))
        }
        Some(_) => Ok(bytes),
    }
}

/// A JSON array as lines of its members, without reading them: commas between members become line ends, line ends within
/// them blanks (in a text there are none). `None` if it does not end where the text does.
fn lines_of(array: &[u8]) -> Option<Vec<u8>> {
    let mut lines = array.to_vec();
    let (mut depth, mut in_text, mut escaped, mut ended) = (0_usize, false, false, false);
    for byte in &mut lines {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        if ended && !byte.is_ascii_whitespace() {
            return None;
        }
        match *byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    *byte = b' ';
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    ended = true;
                    *byte = b' ';
                }
            }
            b',' if depth == 1 => *byte = b'\n',
            b'\n' | b'\r' => *byte = b' ',
            _ => {}
        }
    }
    ended.then_some(lines)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::body::LARGE_MAX;
    use super::*;

    #[test]
    fn an_array_becomes_lines_of_its_members() {
        for (array, expected) in [
            ("[]", Some("")),
            ("[{\"a\":1}]", Some("{\"a\":1}")),
            ("[{\"a\":[1,2]},{\"b\":2}]", Some("{\"a\":[1,2]}\n{\"b\":2}")),
            ("[{\"a\":\n1},{}]", Some("{\"a\": 1}\n{}")),
            ("[{\"a\":\"x,]\\\"}\"},{}]", Some("{\"a\":\"x,]\\\"}\"}\n{}")),
            ("[{\"a\":\"\\\\\"},{}]", Some("{\"a\":\"\\\\\"}\n{}")),
            ("[{\"a\":1}", None),
            ("[{\"a\":1}] {}", None),
            ("[\"open", None),
        ] {
            let lines = lines_of(array.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap().trim().to_owned());
            assert_eq!(lines.as_deref(), expected, "{array}");
        }
    }

    #[tokio::test]
    async fn what_unpacks_to_more_than_is_allowed_is_refused() {
        let bounds = Bounds::new(1_000, Duration::from_secs(1));
        assert_eq!(open(&bounds, zstd_run(1_000)).await.unwrap().bytes.len(), 1_000);
        let refused = format!("{:?}", open(&bounds, zstd_run(1_001)).await.unwrap_err());
        assert!(refused.contains("413"), "{refused}");
        let twice = zstd::encode_all(&*zstd_run(1_000_000), 1).unwrap();
        let refused = format!("{:?}", open(&bounds, twice).await.unwrap_err());
        assert!(refused.contains("400") && refused.contains("packed twice"), "{refused}");
    }

    #[tokio::test]
    async fn what_is_or_may_become_large_waits_for_a_place() {
        let bounds = Bounds::new(1 << 20, Duration::from_secs(1));
        let taken = Arc::clone(&bounds.places).acquire_many_owned(LARGE_MAX as u32).await.unwrap();
        for (body, elsewhere) in
            [("{\"a\": 1}", false), (" [{}, {}]", false), ("a,b\n1,2\n", true), ("UNA:+.? '", true)]
        {
            assert_eq!(open(&bounds, body.into()).await.unwrap().elsewhere, elsewhere, "{body}");
        }
        let large = [b"{".to_vec(), vec![b' '; SMALL_BYTES_MAX]].concat();
        let mut waiting: Vec<_> = [zstd_run(10), b"PAR1".to_vec(), b"ARROW1".to_vec(), vec![0xFF; 8], large]
            .into_iter()
            .map(|body| Box::pin(open(&bounds, body)))
            .collect();
        for opening in &mut waiting {
            assert!(tokio::time::timeout(Duration::ZERO, opening).await.is_err(), "there is no place");
        }
        drop(taken);
        for opening in waiting {
            assert!(opening.await.unwrap().elsewhere);
        }
    }

    async fn open(bounds: &Bounds, body: Vec<u8>) -> Result<Opened, Problem> {
        bounds.open(Received { bytes: body.into(), room: None }).await
    }

    /// A frame that is one run of a byte: header, size, and a last block of the kind run.
    fn zstd_run(size: u32) -> Vec<u8> {
        let block = 1 | 1 << 1 | size << 3;
        [PACKED[1], &[0xA0], &size.to_le_bytes(), &block.to_le_bytes()[..3], b"a"].concat()
    }
}
