//! Names in normal form, for joining the same person across messages. Matching names that only resemble each
//! other is screening's business.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// What senders write where a name is missing.
const PLACEHOLDERS: &[&str] = &["FNU", "LNU", "X", ""];

/// Titles that stand as tokens beside a name.
const TITLES: &[&str] = &["MR", "MRS", "MS", "MISS", "MSTR", "DR"];

/// Surname, then given names: upper-case letters only, without blanks, marks and placeholders, so that
/// hyphens, apostrophes, diacritics and given names glued to the surname do not matter. `None` if no letter is left.
///
/// Letters of other scripts stay as they are.
///
/// ```
/// use haechi_model::names::name_key;
/// assert_eq!(name_key(Some("O'Brien-García"), Some("Ana María")).as_deref(), Some("OBRIENGARCIAANAMARIA"));
/// assert_eq!(name_key(Some("KIM"), Some("FNU")).as_deref(), Some("KIM"));
/// ```
pub fn name_key(surname: Option<&str>, given_names: Option<&str>) -> Option<String> {
    let mut key = String::new();
    write_name_key(&mut key, surname, given_names);
    (!key.is_empty()).then_some(key)
}

/// As [`name_key`], behind what is in `key` already.
pub fn write_name_key(key: &mut String, surname: Option<&str>, given_names: Option<&str>) {
    for part in [surname, given_names].into_iter().flatten() {
        let start = key.len();
        write_letters(key, part);
        if PLACEHOLDERS.contains(&&key[start..]) {
            key.truncate(start);
        }
    }
}

/// Whether two ways of writing a name have the same words, in whatever order, titles aside. `None` if one of
/// them has no letters.
pub fn same_words(one: &str, other: &str) -> Option<bool> {
    let (one, other) = (words(one), words(other));
    if one.is_empty() || other.is_empty() { None } else { Some(one == other || one.concat() == other.concat()) }
}

/// Upper-case words, sorted, titles left out.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = name
        .split(|c: char| c.is_whitespace() || matches!(c, '/' | ',' | '.' | '-'))
        .map(|word| {
            let mut letters = String::new();
            write_letters(&mut letters, word);
            letters
        })
        .filter(|word| !word.is_empty() && !TITLES.contains(&word.as_str()))
        .collect();
    words.sort_unstable();
    words
}

fn write_letters(out: &mut String, text: &str) {
    if text.is_ascii() {
        out.extend(text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()));
        return;
    }
    let letters = text.nfkd().filter(|c| c.is_alphabetic()).flat_map(char::to_uppercase);
    let (start, folded) = (out.len(), letters.flat_map(fold));
    out.extend(folded);
    // Korean letters were taken apart with the diacritics; put them together again.
    if let Cow::Owned(composed) = composed(&out[start..]) {
        out.truncate(start);
        out.push_str(&composed);
    }
}

fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Latin letters that no decomposition takes apart, as ICAO 9303 part 3 writes them.
fn fold(letter: char) -> impl Iterator<Item = char> {
    let pair = match letter {
        'Æ' => ['A', 'E'],
        'Ø' | 'Œ' => ['O', 'E'],
        'Þ' => ['T', 'H'],
        'Ð' | 'Đ' => ['D', '\0'],
        'Ł' => ['L', '\0'],
        'Ħ' => ['H', '\0'],
        'Ŧ' => ['T', '\0'],
        other => [other, '\0'],
    };
    pair.into_iter().filter(|c| *c != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_keys_forget_how_a_name_was_written() {
        for (surname, given, key) in [
            (Some("KIM"), Some("MIN SU"), Some("KIMMINSU")),
            (Some("Kim"), Some("Min-Su"), Some("KIMMINSU")),
            (Some("KIMMINSU"), None, Some("KIMMINSU")),
            (Some("O'NEILL"), Some("SEÁN"), Some("ONEILLSEAN")),
            (Some("Müller"), Some("Jörg"), Some("MULLERJORG")),
            (Some("GROß"), Some("ŁUCJA"), Some("GROSSLUCJA")),
            (Some("Sørensen"), Some("Æsa"), Some("SOERENSENAESA")),
            (Some("LNU"), Some("ARJUN"), Some("ARJUN")),
            (Some("PATEL"), Some("FNU"), Some("PATEL")),
            (Some("X"), Some("."), None),
            (Some("XU"), Some("X"), Some("XU")),
            (Some("김"), Some("민수"), Some("김민수")),
            (Some("ИВАНОВ"), Some("Пётр"), Some("ИВАНОВПЕТР")),
            (Some("123"), None, None),
            (None, None, None),
        ] {
            assert_eq!(name_key(surname, given).as_deref(), key, "{surname:?} {given:?}");
        }
    }

    #[test]
    fn the_same_words_in_another_order_are_the_same_name() {
        for (one, other, same) in [
            ("KIM/MINSU MR", "MINSU KIM", Some(true)),
            ("GARCIA-LOPEZ, ANA", "Ana García López", Some(true)),
            ("KIM MINSU", "KIM MINJI", Some(false)),
            ("AMR NASR", "NASR AMR", Some(true)),
            ("MR", "KIM", None),
            ("", "KIM", None),
        ] {
            assert_eq!(same_words(one, other), same, "{one} {other}");
        }
    }
}
