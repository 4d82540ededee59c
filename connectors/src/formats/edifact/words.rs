//! What short texts hold, asked of eight bytes at once: codes and names have three to twenty, and a loop over them ends
//! where the processor did not guess.

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;

/// What `of` finds in the words of a text, together. Bytes may be in several of them, and stand anywhere in one.
#[inline]
fn in_words(text: &[u8], of: impl Fn(u64) -> u64) -> u64 {
    let short = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
    let long = |eight: &[u8; 8]| of(u64::from_le_bytes(*eight));
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let between =
                if text.len() > 16 { text.as_chunks().0.iter().fold(0, |all, eight| all | long(eight)) } else { 0 };
            long(first) | long(last) | between
        }
        _ => match (text.first_chunk(), text.last_chunk(), text) {
            (Some(first), Some(last), _) => of(short(first) | (short(last) << 32)),
            (.., [first, .., last]) => {
                let [first, middle, last] = [*first, text[text.len() / 2], *last].map(u64::from);
                of(((first * EACH) & 0xFFFF_FFFF_FFFF) | (middle << 48) | (last << 56))
            }
            (.., [one]) => of(u64::from(*one) * EACH),
            (.., []) => 0,
        },
    }
}

/// Whether a text has nothing but ASCII digits; an empty one has nothing else.
#[inline]
pub fn are_digits(text: &[u8]) -> bool {
    // More than nine from `0` is no digit.
    let others = |word: u64| {
        let from_zero = word ^ (u64::from(b'0') * EACH);
        (((from_zero & !HIGH) + 0x76 * EACH) | from_zero) & HIGH
    };
    in_words(text, others) == 0
}

/// Whether upper case leaves a text as it is: no letter of lower case, nothing but ASCII.
#[inline]
pub fn are_upper(text: &[u8]) -> bool {
    // Lower case, and the five characters around it that a longer look tells from it.
    let suspects = |word: u64| (word & (word << 1) & (0x40 * EACH)) | (word & HIGH);
    in_words(text, suspects) == 0 || !text.iter().any(|b| b.is_ascii_lowercase() || !b.is_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a look at each byte says, at every length.
        #[test]
        fn words_tell_what_bytes_tell(text in "[0-9]{0,40}|[0-9:/]{0,20}|[A-Z0-9]{0,40}|[A-Za-z0-9`{}]{0,20}|.{0,20}", at in 0usize..40, byte in any::<u8>()) {
            let mut text = text.into_bytes();
            for _ in 0..2 {
                prop_assert_eq!(are_digits(&text), text.iter().all(u8::is_ascii_digit), "{:?}", &text);
                let upper = !text.iter().any(|b| b.is_ascii_lowercase() || !b.is_ascii());
                prop_assert_eq!(are_upper(&text), upper, "{:?}", &text);
                if let Some(changed) = text.get_mut(at) {
                    *changed = byte;
                }
            }
        }
    }
}
