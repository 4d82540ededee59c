//! What was done to a payload on its way, undone: transfer encoding, then compression, within limits.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;

/// Bytes that all payloads of one message may unpack to.
pub const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes to which one payload may unpack whatever it was before.
const UNPACKED_BYTES_FREE: usize = 16 * 1024 * 1024;
/// How many times as large a payload may become beyond that. Messages of the trade reach some 30 times.
const UNPACKED_RATIO_MAX: usize = 200;
const GZIP: &[u8] = b"\x1F\x8B";

/// Takes base64 with or without its padding, and with what some encoders leave in the last bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why a payload cannot be unpacked: a code of [`super::codes::REASONS`], and what is wrong.
pub type Refusal = (&'static str, String);

/// Undoes a Content-Transfer-Encoding. Also whether something in it had to be tolerated.
pub fn decode<'b>(encoding: &str, bytes: &'b [u8]) -> Result<(Cow<'b, [u8]>, bool), Refusal> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "7bit" | "8bit" | "binary" => Ok((Cow::Borrowed(bytes), false)),
        "base64" => {
            let letters: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
            let decoded = BASE64.decode(letters);
            let broken = |error| ("transfer_encoding", format!("is no base64 ({error}); send the message again"));
            Ok((Cow::Owned(decoded.map_err(broken)?), false))
        }
        "quoted-printable" => {
            let (decoded, damaged) = quoted_printable(bytes);
            Ok((Cow::Owned(decoded), damaged))
        }
        other => {
            let other: String = other.chars().filter(|c| !c.is_control()).take(40).collect();
            let says = format!("has the transfer encoding `{other}`; send binary, base64 or quoted-printable");
            Err(("transfer_encoding", says))
        }
    }
}

/// Undoes quoted-printable; also whether an `=` in it means nothing.
fn quoted_printable(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len());
    let mut damaged = false;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let end = [&b"\r\n"[..], b"\n"].into_iter().find(|end| line.ends_with(end)).unwrap_or_default();
        // Blanks at the end of a line were added on the way.
        let mut rest = line[..line.len() - end.len()].trim_ascii_end();
        let soft = rest.last() == Some(&b'=');
        rest = if soft { &rest[..rest.len() - 1] } else { rest };
        while let Some(at) = memchr::memchr(b'=', rest) {
            out.extend_from_slice(&rest[..at]);
            let digits = rest.get(at + 1..at + 3).and_then(|d| str::from_utf8(d).ok());
            if let Some(byte) = digits.filter(|d| !d.starts_with('+')).and_then(|d| u8::from_str_radix(d, 16).ok()) {
                out.push(byte);
                rest = &rest[at + 3..];
            } else {
                out.push(b'=');
                damaged = true;
                rest = &rest[at + 1..];
            }
        }
        out.extend_from_slice(rest);
        if !soft {
            out.extend_from_slice(end);
        }
    }
    (out, damaged)
}

/// Undoes a compression, if there is one: as announced (`application/gzip`), else as the bytes are. `left` is how much
/// the payloads of this message may still unpack to.
pub fn unpack<'b>(announced: &str, bytes: Cow<'b, [u8]>, left: &mut usize) -> Result<Cow<'b, [u8]>, Refusal> {
    if bytes.starts_with(GZIP) {
        let unpacked = gunzip(&bytes, left)?;
        if unpacked.starts_with(GZIP) {
            return Err(("compression", "is compressed twice; send it compressed once".to_owned()));
        }
        return Ok(Cow::Owned(unpacked));
    }
    let announced = announced.trim().to_ascii_lowercase();
    if announced.is_empty() {
        return Ok(bytes);
    }
    if announced.ends_with("gzip") {
        return Err(("compression", "is announced as gzip and is none; send the message again".to_owned()));
    }
    let announced: String = announced.chars().filter(|c| !c.is_control()).take(40).collect();
    Err(("compression", format!("is compressed as `{announced}`; send gzip or nothing")))
}

/// The first bytes of what is encoded and packed so, of which only the first bytes are known; empty where it cannot be told.
pub fn beginning(encoding: &str, bytes: &[u8], most: usize) -> Vec<u8> {
    let encoding = encoding.trim().to_ascii_lowercase();
    let Ok((bytes, _)) = decode(&encoding, &whole_letters(&encoding, bytes)).map(|(b, d)| (b.into_owned(), d)) else {
        return Vec::new();
    };
    if !bytes.starts_with(GZIP) {
        return bytes;
    }
    let mut out = Vec::new();
    // It ends where what is known of it does.
    let _ = MultiGzDecoder::new(bytes.as_slice()).take(most as u64).read_to_end(&mut out);
    out
}

/// Base64 that is cut off, as the first bytes of a file are, without the letter that means nothing by itself.
pub fn whole_letters<'b>(encoding: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
    if encoding != "base64" {
        return Cow::Borrowed(body);
    }
    let mut letters: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    Cow::Owned(letters)
}

fn gunzip(bytes: &[u8], left: &mut usize) -> Result<Vec<u8>, Refusal> {
    let ratio = bytes.len().saturating_mul(UNPACKED_RATIO_MAX).max(UNPACKED_BYTES_FREE);
    let most = ratio.min(*left);
    let mut out = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut out);
    // What was unpacked has cost its time, kept or not.
    *left = left.saturating_sub(out.len());
    if out.len() > most {
        let says = format!("is {} bytes that unpack to more than {most}; send it in smaller messages", bytes.len());
        return Err(("too_large", says));
    }
    match read {
        Ok(_) => Ok(out),
        Err(error) => {
            let says = format!("is a damaged or cut off gzip ({error}) behind {} bytes; send it again", out.len());
            Err(("compression", says))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn encodings_are_undone() {
        for (encoding, sent, expected) in [
            ("", "a=\r\nb", "a=\r\nb"),
            ("Binary", "a", "a"),
            ("BASE64", "VU5CK1VO\r\nT0E6NCc=\r\n", "UNB+UNOA:4'"),
            ("base64", "VU5CK1VOT0E6NCc", "UNB+UNOA:4'"),
            ("quoted-printable", "=EA=B0=80 a=\r\nb  \r\nc=3D1\n", "가 ab\r\nc=1\n"),
            ("quoted-printable", "a=\nb", "ab"),
        ] {
            assert_eq!(decode(encoding, sent.as_bytes()).unwrap(), (expected.as_bytes().into(), false), "{sent}");
        }
        assert_eq!(decode("quoted-printable", b"a=zz b==3D").unwrap(), (b"a=zz b==".into(), true));
        assert_eq!(decode("base64", b"a*b").unwrap_err().0, "transfer_encoding");
        assert_eq!(decode("x-uuencode", b"a").unwrap_err().0, "transfer_encoding");
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone_within_limits() {
        let mut left = UNPACKED_BYTES_MAX;
        let packed = gzip(b"UNB+UNOA:4'");
        for announced in ["", "application/gzip"] {
            let unpacked = unpack(announced, packed.as_slice().into(), &mut left).unwrap();
            assert_eq!(&*unpacked, b"UNB+UNOA:4'");
        }
        for cut in 3..packed.len() {
            assert_eq!(unpack("", packed[..cut].into(), &mut left).unwrap_err().0, "compression", "{cut}");
        }
        assert_eq!(unpack("application/gzip", b"UNB"[..].into(), &mut left).unwrap_err().0, "compression");
        assert_eq!(unpack("application/brotli", b"UNB"[..].into(), &mut left).unwrap_err().0, "compression");
        let bomb = gzip(&vec![b'a'; 64 << 20]);
        assert_eq!(unpack("", bomb.as_slice().into(), &mut left).unwrap_err().0, "too_large");
        // What all payloads together unpack to is bounded too.
        let mut left = 5;
        assert_eq!(unpack("", packed.as_slice().into(), &mut left).unwrap_err().0, "too_large");
        assert_eq!(left, 0);
    }
}
