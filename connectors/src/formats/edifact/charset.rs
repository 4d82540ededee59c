//! Character sets of the syntax levels, to UTF-8.
//!
//! `edifact-rs` decodes too, but refuses a whole interchange for one byte outside the declared repertoire. Senders
//! write Latin-1 names under UNOA every day, so here a byte that does not fit is replaced and warned about.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// Text of an interchange whose UNB names `syntax` (`UNOA`, `UNOC`, `KECA` ...), and whether it is not as declared: bytes
/// were replaced, it is UTF-8 where one byte a letter was said, or holds letters where none but those of ASCII were.
pub fn decode<'a>(bytes: Cow<'a, [u8]>, syntax: &str) -> (Cow<'a, str>, bool) {
    let (text, odd) = decoded(bytes, syntax);
    let odd = odd || (is_ascii(syntax) && !text.is_ascii());
    (text, odd)
}

fn decoded<'a>(bytes: Cow<'a, [u8]>, syntax: &str) -> (Cow<'a, str>, bool) {
    let shifted = syntax == "UNOX" && memchr::memchr2(SHIFT_OUT, ESCAPE, &bytes).is_some();
    let bytes = if shifted { Cow::Owned(unshifted(&bytes)) } else { bytes };
    let bytes = match bytes {
        Cow::Borrowed(b) => match std::str::from_utf8(b) {
            Ok(text) if text.is_ascii() || !is_single_byte(syntax) => return (Cow::Borrowed(text), false),
            Ok(text) if is_latin(syntax) => return (Cow::Borrowed(text), true),
            _ => Cow::Borrowed(b),
        },
        Cow::Owned(b) => match String::from_utf8(b) {
            Ok(text) if text.is_ascii() || !is_single_byte(syntax) => return (Cow::Owned(text), false),
            Ok(text) if is_latin(syntax) => return (Cow::Owned(text), true),
            Ok(text) => Cow::Owned(text.into_bytes()),
            Err(error) => Cow::Owned(error.into_bytes()),
        },
    };
    let (text, replaced) = encoding(syntax).decode_without_bom_handling(&bytes);
    (Cow::Owned(text.into_owned()), replaced)
}

const ESCAPE: u8 = 0x1B;
const SHIFT_OUT: u8 = 0x0E;
const SHIFT_IN: u8 = 0x0F;

/// Hangul as ISO 2022 writes it in seven bits, in eight: what stands between the shifts has its high bit set, and what
/// designates the set (`ESC $ ) C`) is gone.
#[cold]
fn unshifted(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut out = false;
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        at += 1;
        match b {
            SHIFT_OUT => out = true,
            SHIFT_IN => out = false,
            ESCAPE => {
                // Intermediate bytes, and the final one, which names the set.
                at += bytes[at..].iter().take_while(|b| (0x20..0x30).contains(*b)).count();
                at += usize::from(bytes.get(at).is_some_and(|b| (0x30..0x7F).contains(b)));
            }
            // A line ends in the set that it began in.
            b'\r' | b'\n' => {
                out = false;
                plain.push(b);
            }
            0x21..=0x7E if out => plain.push(b | 0x80),
            b => plain.push(b),
        }
    }
    plain
}

/// Declared as ASCII: what stands beside it was guessed.
fn is_ascii(syntax: &str) -> bool {
    matches!(syntax, "UNOA" | "UNOB")
}

/// Declared as Latin letters of one byte: those that make UTF-8 (`Ã¼`) never stand next to each other in a name.
fn is_latin(syntax: &str) -> bool {
    matches!(syntax, "UNOC" | "UNOD" | "UNOG" | "UNOH" | "UNOK" | "UNOL")
}

/// Declared as one byte a character beyond ASCII: valid UTF-8 would be a coincidence, except where the declared
/// repertoire is plain ASCII and the sender did not care.
fn is_single_byte(syntax: &str) -> bool {
    matches!(syntax, "UNOC" | "UNOD" | "UNOE" | "UNOF" | "UNOG" | "UNOH" | "UNOI" | "UNOJ" | "UNOK" | "UNOL")
}

fn encoding(syntax: &str) -> &'static Encoding {
    match syntax {
        "UNOD" => encoding_rs::ISO_8859_2,
        "UNOE" => encoding_rs::ISO_8859_5,
        "UNOF" => encoding_rs::ISO_8859_7,
        "UNOG" => encoding_rs::ISO_8859_3,
        "UNOH" => encoding_rs::ISO_8859_4,
        "UNOI" => encoding_rs::ISO_8859_6,
        "UNOJ" => encoding_rs::ISO_8859_8,
        "UNOK" => encoding_rs::WINDOWS_1254,
        "UNOL" => encoding_rs::ISO_8859_15,
        // Code extension: in this region Hangul, as under the Korean conformance body's own identifier.
        "UNOX" | "KECA" => encoding_rs::EUC_KR,
        "UNOW" | "UNOY" => encoding_rs::UTF_8,
        // UNOA and UNOB are ASCII, UNOC is Latin-1; 1252 holds both and the quotes that word processors make.
        _ => encoding_rs::WINDOWS_1252,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_its_letters() {
        for (syntax, bytes, text) in [
            ("UNOA", &b"ABC"[..], "ABC"),
            ("UNOC", b"M\xFCLLER", "M\u{fc}LLER"),
            ("UNOD", b"KO\xB3O", "KO\u{142}O"),
            ("UNOE", b"\xBC\xDE\xE1", "\u{41c}\u{43e}\u{441}"),
            ("UNOF", b"\xC1\xE8", "\u{391}\u{3b8}"),
            ("UNOX", b"\xB0\xA1", "\u{ac00}"),
            ("UNOX", b"\x1B$)C+\x0E0!\x0F:\x0E0!\x0FA'", "+\u{ac00}:\u{ac00}A'"),
            ("UNOY", "\u{ac00}".as_bytes(), "\u{ac00}"),
        ] {
            assert_eq!(decode(Cow::Borrowed(bytes), syntax), (Cow::Borrowed(text), false), "{syntax}");
            assert_eq!(decode(Cow::Owned(bytes.to_vec()), syntax), (Cow::Borrowed(text), false), "{syntax}");
        }
    }

    #[test]
    fn what_does_not_fit_is_replaced_and_said() {
        let (text, replaced) = decode(Cow::Borrowed(b"A\xFFB"), "UNOY");
        assert_eq!((&*text, replaced), ("A\u{fffd}B", true));
    }

    #[test]
    fn what_is_not_in_the_declared_set_is_read_and_said() {
        for (syntax, bytes, text, odd) in [
            ("UNOC", "M\u{fc}LLER \u{ac00}".as_bytes(), "M\u{fc}LLER \u{ac00}", true),
            ("UNOL", "\u{142}".as_bytes(), "\u{142}", true),
            ("UNOC", b"ABC", "ABC", false),
            ("UNOA", b"M\xFCLLER", "M\u{fc}LLER", true),
            ("UNOB", "M\u{fc}LLER".as_bytes(), "M\u{fc}LLER", true),
            ("IATA", "M\u{fc}LLER".as_bytes(), "M\u{fc}LLER", false),
            // Two capitals of another script may well look like UTF-8.
            ("UNOE", b"\xC2\xB0", "\u{422}\u{410}", false),
        ] {
            assert_eq!(decode(Cow::Borrowed(bytes), syntax), (Cow::Borrowed(text), odd), "{syntax}");
            assert_eq!(decode(Cow::Owned(bytes.to_vec()), syntax), (Cow::Borrowed(text), odd), "{syntax}");
        }
    }
}
