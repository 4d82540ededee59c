//! What passenger lists and bookings write alike about people: names with titles, genders, phones, seats, bag tags.

use std::borrow::Cow;

use super::places::upper;
use super::segments::trimmed;
use super::words::are_digits;

/// Titles, the longer ones first, as they are cut from the end of a name.
const TITLES: &[&str] = &["MSTR", "MISS", "MRS", "MR", "MS", "DR"];

/// M, F, X or U, by word too.
pub fn gender(code: &str) -> Option<Cow<'_, str>> {
    let code = upper(code);
    match &*code {
        "M" | "F" | "X" | "U" => Some(code),
        "MALE" => Some(Cow::Borrowed("M")),
        "FEMALE" => Some(Cow::Borrowed("F")),
        _ => None,
    }
}

/// A title is split only as the first or last token, and never leaves nothing of a surname.
pub fn without_title(name: &str) -> &str {
    let name = trimmed(name);
    if memchr::memchr(b' ', name.as_bytes()).is_none() {
        return name;
    }
    if let Some((first, rest)) = name.split_once(' ')
        && is_title(first)
    {
        return rest.trim_start();
    }
    match name.rsplit_once(' ') {
        Some((rest, last)) if is_title(last) => rest.trim_end(),
        _ => name,
    }
}

/// The same for given names, of which nothing may be left.
pub fn split_title(name: Cow<'_, str>) -> Option<Cow<'_, str>> {
    if is_title(&name) {
        return None;
    }
    Some(match name {
        Cow::Borrowed(name) => Cow::Borrowed(without_title(name)),
        Cow::Owned(name) => Cow::Owned(without_title(&name).to_owned()),
    })
}

/// Cuts a title glued to the end of `given` (`MARUMR`), if `document`, the given names of the same person's document,
/// shows the name without it. `YASIR` and `AMR` stay whole: their documents show them whole.
pub fn without_glued_title<'n>(given: &'n str, document: &str) -> &'n str {
    let cut = TITLES.iter().find_map(|title| {
        let at = given.len().checked_sub(title.len()).filter(|at| *at > 0 && given.is_char_boundary(*at))?;
        given[at..].eq_ignore_ascii_case(title).then_some(&given[..at])
    });
    let Some(cut) = cut else { return given };
    let letters =
        |name: &str| -> String { name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase).collect() };
    let (whole, cut_letters, document) = (letters(given), letters(cut), letters(document));
    let fits = |name: &str| !name.is_empty() && document.starts_with(name);
    if !fits(&whole) && (fits(&cut_letters) || (!document.is_empty() && cut_letters.starts_with(&document))) {
        cut
    } else {
        given
    }
}

fn is_title(token: &str) -> bool {
    (2..=4).contains(&token.len()) && TITLES.iter().any(|title| token.eq_ignore_ascii_case(title))
}

/// `014A` and `14A` are one seat.
pub fn without_padding(seat: Cow<'_, str>) -> Cow<'_, str> {
    match seat.trim_start_matches('0') {
        trimmed if trimmed.len() == seat.len() || !trimmed.starts_with(|c: char| c.is_ascii_digit()) => seat,
        trimmed => Cow::Owned(trimmed.to_owned()),
    }
}

/// A phone number: its digits, and a plus before them. `None` where there is no digit.
pub fn phone(text: &str) -> Option<String> {
    let plus = text.trim_start().starts_with('+');
    if !text.is_empty() && are_digits(&text.as_bytes()[usize::from(plus)..]) {
        // What most are: copied at once.
        return (text.len() > usize::from(plus)).then(|| text.to_owned());
    }
    let mut phone = String::with_capacity(text.len());
    phone.extend(plus.then_some('+'));
    phone.extend(text.bytes().filter(u8::is_ascii_digit).map(char::from));
    (phone.len() > usize::from(plus)).then_some(phone)
}

/// Bytes of a bag tag that others are counted on from; a longer one is none, and a hundred of it would fill the memory.
const TAG_BYTES_MAX: usize = 35;

/// `count` consecutive bag tags from `first` on; just the first where it has no number to count on from.
pub fn tags(first: Cow<'_, str>, count: usize) -> impl Iterator<Item = Cow<'_, str>> {
    let digits = first.len() - first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let at = first.len() - digits;
    let number: Option<u64> = first[at..].parse().ok().filter(|_| first.len() <= TAG_BYTES_MAX);
    let count = if number.is_some() { count } else { count.min(1) };
    (0..count).map(move |i| match number {
        Some(number) if i > 0 => Cow::Owned(format!("{}{:0digits$}", &first[..at], number.saturating_add(i as u64))),
        _ => first.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_split_as_tokens_only() {
        for (name, expected) in [
            ("MARU MR", Some("MARU")),
            ("Mrs ANNA MARIA", Some("ANNA MARIA")),
            ("YASIR", Some("YASIR")),
            ("AMR", Some("AMR")),
            ("NASR", Some("NASR")),
            ("MRINAL", Some("MRINAL")),
            ("MR", None),
            ("X", Some("X")),
        ] {
            assert_eq!(split_title(Cow::Borrowed(name)).as_deref(), expected, "{name}");
        }
        assert_eq!((without_title("DR"), without_title("LEE DR")), ("DR", "LEE"));
    }

    #[test]
    fn glued_titles_are_split_only_against_the_document() {
        for (given, document, expected) in [
            ("MARUMR", "MARU", "MARU"),
            ("JACKIMRS", "JACKI ANNE", "JACKI"),
            ("KEVINMICHAELMR", "KEVIN MICHAEL", "KEVINMICHAEL"),
            ("MOLLYMRS", "MOLLYMRS ZARA", "MOLLYMRS"),
            ("AMR", "AMR", "AMR"),
            ("AMR", "", "AMR"),
            ("MARUMR", "JAN", "MARUMR"),
            ("MR", "MR", "MR"),
            ("LIMSTR", "LI", "LI"),
        ] {
            assert_eq!(without_glued_title(given, document), expected, "{given} / {document}");
        }
    }

    #[test]
    fn seats_lose_their_padding() {
        for (seat, expected) in [("014A", "14A"), ("14A", "14A"), ("07F", "7F"), ("0", "0"), ("00", "00"), ("A1", "A1")]
        {
            assert_eq!(without_padding(Cow::Borrowed(seat)), expected);
        }
    }

    #[test]
    fn tags_count_on() {
        let all = |first: &'static str, count| tags(Cow::Borrowed(first), count).collect::<Vec<_>>().join(" ");
        assert_eq!(all("ZZ000099", 3), "ZZ000099 ZZ000100 ZZ000101");
        assert_eq!((all("ABC", 3), all("0", 0)), ("ABC".to_owned(), String::new()));
        // What is no tag is not written a hundred times.
        let long = format!("{}1", "0".repeat(60_000));
        assert_eq!(tags(Cow::Borrowed(long.as_str()), 99).count(), 1);
    }
}
