//! Code tables: countries, airports, currencies, modes of transport. Built once, on first use, from the tables
//! in `codes/`. What is in none of them stays as the sender wrote it: that is the reader's business.

mod airports;
mod letters;
mod table;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::ids::{Country, Currency};
pub use airports::{Airport, airport};
use letters::ByLetters;
use table::rows;

const COUNTRIES: &str = include_str!("../../codes/countries.tsv");
const PASSPORT_CODES: &str = include_str!("../../codes/travel_document_country_codes.tsv");
/// In no list of ISO, and in every declaration of the United Kingdom and the Union that concerns it.
const NORTHERN_IRELAND: (&str, &str) = ("XI", "Northern Ireland");
const CURRENCIES: &str = include_str!("../../codes/currencies.tsv");
const MODES: &str = include_str!("../../codes/transport_modes.tsv");
const MODE_ALIASES: &str = include_str!("../../codes/transport_mode_aliases.tsv");

/// The country that a code stands for: ISO alpha-2, alpha-3, or as printed in passports (`D`, `GBD`, `RKS`).
/// Upper case only. Passport codes of no country (`XXA` stateless, `UNO`) have none.
pub fn country(code: &str) -> Option<Country> {
    COUNTRY_OF.get(code).copied()
}

/// Short English name of a country.
pub fn country_name(country: Country) -> &'static str {
    COUNTRY_NAMES.get(&country).copied().unwrap_or("")
}

/// Whether the code stands in passports, of a country or not: `XXA` does and `ABC` does not.
pub fn is_passport_code(code: &str) -> bool {
    country(code).is_some() || rows::<1>(PASSPORT_CODES).any(|[known]| known == code)
}

/// The currency of an ISO 4217 code in upper case.
pub fn currency(code: &str) -> Option<Currency> {
    CURRENCY_OF.get(code).copied()
}

/// The letters of a currency by its ISO 4217 number: `840` is USD.
pub fn currency_numbered(number: &str) -> Option<&'static str> {
    static LETTERS_OF: LazyLock<FxHashMap<&str, &str>> =
        LazyLock::new(|| rows(CURRENCIES).map(|[code, number]| (number, code)).collect());
    LETTERS_OF.get(number).copied()
}

/// The mode of transport that `source` means by `alias`, as streams write it.
///
/// Sources differ (`20` is rail to customs and main carriage on passenger lists), so the source's own aliases come
/// first, then the value itself (`sea`), then UN Rec 19 (`1`) and the Korean code (`10`).
pub fn transport_mode(source: &str, alias: &str) -> Option<&'static str> {
    let of = |source| MODE_OF.get(&(source, alias)).copied();
    static MODE_OF: LazyLock<FxHashMap<(&str, &str), &'static str>> = LazyLock::new(mode_aliases);
    of(source).or_else(|| of(ANY))
}

/// Stands for every source.
const ANY: &str = "";

fn mode_aliases() -> FxHashMap<(&'static str, &'static str), &'static str> {
    let mut modes = FxHashMap::default();
    for [rec19, kcs, mode] in rows(MODES) {
        for alias in [rec19, kcs, mode].into_iter().filter(|alias| !alias.is_empty()) {
            modes.insert((ANY, alias), mode);
        }
    }
    for [source, alias, mode] in rows(MODE_ALIASES) {
        modes.insert((source, alias), mode);
        modes.entry((ANY, mode)).or_insert(mode);
    }
    modes
}

static COUNTRY_OF: LazyLock<ByLetters<Country>> = LazyLock::new(|| {
    let countries = rows(COUNTRIES).flat_map(|[alpha2, alpha3]| [(alpha2, alpha2), (alpha3, alpha2)]);
    let countries = countries.chain([(NORTHERN_IRELAND.0, NORTHERN_IRELAND.0)]);
    let passports = rows(PASSPORT_CODES).flat_map(|[code, alpha2]| [(alpha2, alpha2), (code, alpha2)]);
    countries.chain(passports).filter_map(|(code, alpha2)| Some((code, Country::from_letters(alpha2)?))).collect()
});

static COUNTRY_NAMES: LazyLock<FxHashMap<Country, &str>> = LazyLock::new(|| {
    let named = rows(COUNTRIES).map(|[alpha2, _, _, name]| (alpha2, name)).chain([NORTHERN_IRELAND]);
    let passports = rows(PASSPORT_CODES).map(|[_, alpha2, name]| (alpha2, name));
    let mut names = FxHashMap::default();
    for (alpha2, name) in named.chain(passports) {
        if let Some(country) = Country::from_letters(alpha2) {
            names.entry(country).or_insert(name);
        }
    }
    names
});

static CURRENCY_OF: LazyLock<ByLetters<Currency>> = LazyLock::new(|| {
    rows(CURRENCIES)
        .filter_map(|[code, _, digits]| Some((code, Currency::from_letters(code, digits.parse().ok())?)))
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_by_every_code_in_use() {
        for (code, expected) in [
            ("KR", Some("KR")),
            ("KOR", Some("KR")),
            ("NA", Some("NA")),
            ("D", Some("DE")),
            ("DEU", Some("DE")),
            ("GBD", Some("GB")),
            ("RKS", Some("XK")),
            ("XK", Some("XK")),
            ("XXA", None),
            ("ABC", None),
            ("kr", None),
            ("", None),
        ] {
            assert_eq!(country(code).map(|c| c.to_string()).as_deref(), expected, "{code}");
        }
        assert!(is_passport_code("XXA") && is_passport_code("KOR") && !is_passport_code("ABC"));
        assert_eq!(country("KOR").map(country_name), Some("South Korea"));
        assert_eq!(country("RKS").map(country_name), Some("Kosovo"));
    }

    #[test]
    fn modes_by_source_and_by_list() {
        for (source, alias, expected) in [
            ("korea_open_data", "10", Some("sea")),
            ("korea_open_data", "90", Some("other")),
            ("govcbr929", "4", Some("air")),
            ("paxlst", "20", Some("air")),
            ("csv", "20", Some("rail")),
            ("csv", "express", Some("express")),
            ("csv", "multimodal", Some("multimodal")),
            ("ens", "11", Some("sea")),
            ("csv", "11", None),
            ("csv", "", None),
        ] {
            assert_eq!(transport_mode(source, alias), expected, "{source} {alias}");
        }
    }

    #[test]
    fn every_mode_is_one_the_streams_know() {
        let known = crate::streams::DECLARATION.column("transport_mode").map(|c| c.values).unwrap();
        for mode in mode_aliases().values() {
            assert!(known.contains(mode), "{mode}");
        }
    }

    #[test]
    fn currencies_know_their_minor_digits() {
        for (code, digits) in [("KRW", Some(0)), ("USD", Some(2)), ("KWD", Some(3)), ("XAU", None)] {
            assert_eq!(currency(code).unwrap().minor_digits(), digits, "{code}");
        }
        assert!(currency("ZZZ").is_none());
        assert_eq!(
            (currency_numbered("840"), currency_numbered("008"), currency_numbered("000")),
            (Some("USD"), Some("ALL"), None)
        );
    }

    #[test]
    fn every_line_of_every_table_is_used() {
        let lines = |table: &str| table.lines().count() - 1;
        let passports = rows(PASSPORT_CODES).filter(|[_, alpha2]| !alpha2.is_empty()).count();
        assert_eq!(COUNTRY_NAMES.len(), lines(COUNTRIES) + 2, "and Kosovo, and Northern Ireland");
        assert_eq!(COUNTRY_OF.len(), 2 * lines(COUNTRIES) + passports + 2, "and Kosovo, and Northern Ireland");
        assert_eq!(CURRENCY_OF.len(), lines(CURRENCIES));
        assert_eq!(rows::<3>(MODE_ALIASES).count(), lines(MODE_ALIASES));
        assert_eq!(airports::known(), lines(airports::AIRPORTS) + lines(airports::CITIES));
    }
}
