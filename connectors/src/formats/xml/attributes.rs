//! The attributes of a tag, as they stand between their quotes.
//!
//! Messages that hold most of what they say in attributes are asked for dozens of each tag. So those written as everybody
//! writes them, `name="value"`, are read in place; from the first that is not on, the XML library reads.

use std::borrow::Cow;

use quick_xml::events::attributes::Attributes;

/// The first of a local name; `raw` is what stands behind the name of the tag.
pub fn find<'u>(raw: &'u str, name: &str) -> Option<Cow<'u, str>> {
    all(raw).find(|(key, _)| is_local(key, name)).map(|(_, value)| value)
}

/// All of them: names as written, and values.
pub fn all(raw: &str) -> All<'_> {
    All { rest: raw.trim_ascii_start(), odd: None }
}

/// The attributes of a tag in their order.
pub struct All<'u> {
    rest: &'u str,
    odd: Option<Attributes<'u>>,
}

impl<'u> Iterator for All<'u> {
    type Item = (&'u str, Cow<'u, str>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.odd.is_none() {
            if self.rest.is_empty() {
                return None;
            }
            if let Some((key, value, behind)) = plain(self.rest) {
                self.rest = behind.trim_ascii_start();
                return Some((key, Cow::Borrowed(value)));
            }
            let mut odd = Attributes::new(self.rest, 0);
            odd.with_checks(false);
            self.odd = Some(odd);
        }
        let attribute = self.odd.as_mut()?.flatten().next()?;
        let key = std::str::from_utf8(attribute.key.into_inner()).unwrap_or_default();
        Some((
            key,
            match attribute.value {
                Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes).unwrap_or_default()),
                Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            },
        ))
    }
}

/// Key and value of the attribute that `text` begins with, and what stands behind it; `None` if it is written in any but
/// the usual way.
fn plain(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let in_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-' | b'.');
    let equals = bytes.iter().position(|b| !in_name(b)).filter(|at| *at > 0)?;
    let [b'=', quote @ (b'"' | b'\''), ..] = bytes[equals..] else { return None };
    let from = equals + 2;
    let to = from + memchr::memchr(quote, &bytes[from..])?;
    Some((&text[..equals], &text[from..to], &text[to + 1..]))
}

/// Whether a name is this one behind its prefix, if it has one.
fn is_local(key: &str, name: &str) -> bool {
    match key.strip_suffix(name) {
        Some("") => !name.contains(':'),
        Some(before) => before.ends_with(':') && !before[..before.len() - 1].contains(':'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::events::attributes::Attributes;

    use super::{all, find};

    #[test]
    fn by_local_name() {
        let raw = r#" a:Code="1"  Code='2' xCode="3" "#;
        assert_eq!(find(raw, "Code").as_deref(), Some("1"));
        assert_eq!(find(raw, "xCode").as_deref(), Some("3"));
        assert_eq!(find(raw, "ode"), None);
        assert_eq!(find(r#"a = "1" b=2 c="3""#, "c").as_deref(), Some("3"), "as the library reads it");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever stands there, the library finds the same.
        #[test]
        fn as_the_library(
            parts in prop::collection::vec("[ab:]{0,3}|[ab]|=\"[a'= ]{0,2}\"|='[b\" ]{0,2}'|[ =\"'\n]", 0..12)
        ) {
            let raw = parts.concat();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let mut library = Attributes::new(&raw, 0);
            let expected: Vec<(String, String)> =
                library.with_checks(false).flatten().map(|a| (text(a.key.0), text(&a.value))).collect();
            let found: Vec<(String, String)> =
                all(&raw).map(|(key, value)| (key.to_owned(), value.into_owned())).collect();
            prop_assert_eq!(found, expected, "{:?}", raw);
        }
    }
}
