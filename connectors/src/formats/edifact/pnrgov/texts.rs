//! Free text with a form of its own: what DOCS, DOCA and DOCO carry between slashes, contacts behind CTC and in ADD.

use super::super::dates::{Century, Moment, month_named};
use super::super::marks::Marks;
use super::super::people::phone;
use super::super::segments::trimmed;

/// The text of an SSR DOCS, aligned.
#[derive(Debug, Default, PartialEq)]
pub struct Docs<'t> {
    /// `P`, `I`, ...
    pub kind: Option<&'t str>,
    /// As sent.
    pub issuer: Option<&'t str>,
    /// As sent.
    pub number: Option<&'t str>,
    /// As sent.
    pub nationality: Option<&'t str>,
    /// As sent: the century depends on the person.
    pub birth: Option<&'t str>,
    /// `M`, `F`, `X`, `U`; without the `I` of an infant.
    pub sex: Option<&'t str>,
    /// `MI`, `FI`: it is the infant of the traveller it hangs on.
    pub of_infant: bool,
    /// As sent.
    pub expiry: Option<&'t str>,
    /// As sent.
    pub surname: Option<&'t str>,
    /// As sent.
    pub given: Option<&'t str>,
    /// As sent.
    pub second: Option<&'t str>,
}

/// The fields between slashes.
fn fields_of(text: &str) -> Vec<&str> {
    // As many as the longest text has.
    let mut fields = Vec::with_capacity(14);
    let mut from = 0;
    for at in Marks::of(text.as_bytes(), 0, [b'/', 0, 0, 0]) {
        fields.push(trimmed(&text[from..at]));
        from = at + 1;
    }
    fields.push(trimmed(&text[from..]));
    fields
}

/// A text without the traveller it is tied to: `1234567-1KIM/ARA`.
fn without_name(text: &str) -> &str {
    let is_name = |at: &usize| {
        let rest = &text[at + 1..];
        let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let given = name.split_once('/').map(|(_, given)| given);
        matches!(rest.len() - name.len(), 1 | 2)
            && name.starts_with(char::is_alphabetic)
            && given.is_some_and(|given| !given.starts_with('/'))
    };
    let end = memchr::memchr_iter(b'-', text.as_bytes()).find(is_name);
    &text[..end.unwrap_or(text.len())]
}

/// The carrier and number of a loyalty card, by itself or behind what was asked: `SSRFQTVZZHK/ZZ123456-KIM/ARA`.
pub fn loyalty(text: &str) -> Option<(&str, &str)> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.starts_with("SSRFQTV"));
    let (carrier, number) = words.find_map(|word| word.split_at_checked(2).filter(|(_, n)| !n.is_empty()))?;
    Some((carrier, number))
}

/// Whether a field looks like `14FEB88`.
pub fn is_date(field: &str) -> bool {
    month_named(field.trim(), Century::Recent).is_some()
}

/// Reads `/P/issuer/number/nationality/DDMMMYY/sex/expiry/surname/given/second/H`. A slash too few or too many at the
/// start is seen by where the date stands. `None` where nothing was recognised.
///
/// Where fewer fields stand before it, the last of them is the number: `//P/M1234567/14FEB88`.
pub fn docs(text: &str) -> Option<Docs<'_>> {
    let fields = fields_of(without_name(text));
    let sex_of = |field: &str| matches!(field, "M" | "F" | "X" | "U" | "MI" | "FI" | "XI" | "UI");
    let birth = match fields.iter().position(|f| is_date(f)) {
        // No birth date: the date behind a sex is the expiry.
        Some(at) if at >= 2 && sex_of(fields[at - 1]) => at - 2,
        Some(at) => at,
        None => match fields.iter().position(|f| sex_of(f)) {
            Some(at) if at >= 4 => at - 1,
            _ => 4 + usize::from(fields.first().is_some_and(|f| f.is_empty())),
        },
    };
    let field = |offset: isize| {
        let at = birth.checked_add_signed(offset)?;
        fields.get(at).copied().filter(|f| !f.is_empty())
    };
    let country = |offset| field(offset).filter(|c| c.bytes().any(|b| b.is_ascii_alphabetic()));
    let sex = field(1).filter(|s| sex_of(s));
    // No country is longer than three letters, or has digits.
    let is_number = |field: &str| field.len() > 3 && field.bytes().any(|b| b.is_ascii_digit());
    let [kind, issuer, number, nationality] = if field(-1).is_some_and(is_number) {
        match country(-2) {
            Some(kind) if kind.len() == 1 && field(-3).is_none() => [Some(kind), None, field(-1), None],
            issuer => [field(-3), issuer, field(-1), None],
        }
    } else {
        [field(-4), country(-3), field(-2), country(-1)]
    };
    let docs = Docs {
        kind: kind.filter(|k| k.len() <= 3),
        issuer,
        number,
        nationality,
        birth: field(0),
        sex: sex.map(|s| &s[..1]),
        of_infant: sex.is_some_and(|s| s.len() == 2),
        expiry: field(2),
        surname: field(3),
        given: field(4),
        second: field(5).filter(|s| *s != "H"),
    };
    (docs != Docs::default()).then_some(docs)
}

/// The text of an SSR DOCA.
#[derive(Debug, PartialEq)]
pub struct Doca<'t> {
    /// `R` residence, `D` destination.
    pub kind: &'t str,
    /// As sent.
    pub country: Option<&'t str>,
    /// Street, city, subdivision and postcode joined by `, `.
    pub address: Option<String>,
    /// It is that of the infant with the traveller named.
    pub of_infant: bool,
}

/// Reads `/R/country/street/city/subdivision/postcode`, with or without the slash at the start.
pub fn doca(text: &str) -> Option<Doca<'_>> {
    let mut fields = text.trim().trim_start_matches('/').split('/').map(str::trim);
    let kind = fields.next().filter(|k| matches!(*k, "R" | "D"))?;
    let country = fields.next().filter(|c| !c.is_empty());
    let fields: Vec<&str> = fields.collect();
    // The last element, where those before it may have been left off.
    let of_infant = fields.len() > 1 && fields.last() == Some(&"I");
    let parts: Vec<&str> = fields.into_iter().take(4).filter(|f| !f.is_empty() && *f != "I").collect();
    Some(Doca { kind, country, address: (!parts.is_empty()).then(|| parts.join(", ")), of_infant })
}

/// The text of an SSR DOCO.
#[derive(Debug, PartialEq)]
pub struct Doco<'t> {
    /// As sent.
    pub birth_place: Option<&'t str>,
    /// `V` visa, `K` redress number, ...
    pub kind: Option<&'t str>,
    /// As sent.
    pub number: Option<&'t str>,
    /// Where it was issued.
    pub place: Option<&'t str>,
    /// When it was issued.
    pub issued: Option<Moment>,
    /// The country it is for.
    pub country: Option<&'t str>,
    /// It is that of the infant with the traveller named.
    pub of_infant: bool,
}

/// Reads `birth place/kind/number/place of issue/DDMMMYY/country`, aligned on the date.
pub fn doco(text: &str) -> Option<Doco<'_>> {
    let fields = fields_of(text);
    let date = fields.iter().position(|f| is_date(f));
    let at = date.unwrap_or(4 + usize::from(fields.len() > 6));
    let field =
        |offset: isize| at.checked_add_signed(offset).and_then(|i| fields.get(i)).copied().filter(|f| !f.is_empty());
    let doco = Doco {
        birth_place: field(-4),
        kind: field(-3),
        number: field(-2),
        place: field(-1),
        issued: date.and_then(|_| month_named(field(0)?, Century::Recent)),
        country: field(1).filter(|c| c.bytes().any(|b| b.is_ascii_alphabetic())),
        of_infant: field(2) == Some("I"),
    };
    (doco.number.is_some() || doco.birth_place.is_some()).then_some(doco)
}

/// A phone or a mail address.
#[derive(Clone, Debug, PartialEq)]
pub enum Contact {
    /// Digits, a plus before them if sent.
    Phone(String),
    /// Lower case.
    Email(String),
}

/// Mail as the trade writes it, since `@` and `_` are not in its alphabet: `//` is `@`, `..` is `_`. A slash behind it
/// begins the language that its owner reads: `A..KIM//EXAMPLE.COM/EN`.
pub fn email(text: &str) -> Option<String> {
    let mut text = as_typed(trimmed(text).trim_start_matches('/'));
    let at = memchr::memchr(b'@', text.as_bytes()).filter(|at| *at > 0)?;
    if let Some(end) = memchr::memchr2(b'/', b'@', &text.as_bytes()[at + 1..]) {
        text.truncate(at + 1 + end);
    }
    memchr::memchr(b'.', &text.as_bytes()[at..])?;
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        text.make_ascii_lowercase();
        return Some(text);
    }
    Some(text.split_whitespace().collect::<String>().to_lowercase())
}

/// The pairs that stand for a character replaced by it: `//` wherever it stands, then `..`, then `./`.
fn as_typed(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut typed = String::with_capacity(text.len());
    let mut from = 0;
    for at in Marks::of(bytes, 0, [b'/', b'.', 0, 0]) {
        let meant = match bytes.get(at..) {
            _ if at < from => continue,
            Some([b'/', b'/', ..]) => '@',
            Some([b'.', b'.', ..]) => '_',
            // Of three characters the last two are a pair.
            Some([b'.', b'/', rest @ ..]) if rest.first() != Some(&b'/') => '-',
            _ => continue,
        };
        typed.push_str(&text[from..at]);
        typed.push(meant);
        from = at + 2;
    }
    typed.push_str(&text[from..]);
    typed
}

/// Whether two characters stand in a text; it is short, so that a searcher for them would cost more than it saves.
fn has_pair(text: &str, pair: &str) -> bool {
    text.as_bytes().windows(2).any(|two| two == pair.as_bytes())
}

/// More letters than a kind or a city before a phone has, with blanks: what stands behind more is a number in a text.
const BEFORE_PHONE_MAX: usize = 5;

/// A contact of this kind (`M` mobile, `H` home, `B` business, `E` mail): the first digits, up to a letter. Before them
/// some repeat the kind, or write a city: `M821012345678`.
pub fn contact(kind: char, text: &str) -> Option<Contact> {
    let text = without_name(text);
    if kind == 'E' || has_pair(text, "//") || text.contains('@') {
        return email(text).map(Contact::Email);
    }
    let begin = text.find(|c: char| c == '+' || c.is_ascii_digit()).filter(|begin| *begin <= BEFORE_PHONE_MAX)?;
    let text = &text[begin..];
    let end = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    phone(&text[..end]).filter(|p| p.len() >= 5).map(Contact::Phone)
}

/// A contact in a remark: `CTCE ...`, `YY CTCM ...`, `EK CTC M ...`. A travel agency's own (`CTCT`) is none of the
/// traveller.
pub fn contact_remark(text: &str) -> Option<Contact> {
    let at = text.find("CTC").filter(|at| *at <= 4)?;
    let rest = &text[at + 3..];
    let kind = rest.trim_start().chars().next()?;
    if !matches!(kind, 'E' | 'M' | 'H' | 'B' | 'R' | 'P') {
        return None;
    }
    let rest = &rest.trim_start()[1..];
    rest.starts_with(|c: char| !c.is_alphabetic()).then_some(())?;
    contact(kind, rest)
}

/// The contacts in the last component of an ADD: phones behind a letter each (`H5555555555 W 1 555 555 5555`), a mail
/// address behind an `E`, or a remark. By the rule the letter is always there, so the first of a name that begins with
/// one is taken for it, unless phones beside it have none.
pub fn contacts_of_address(text: &str, mut each: impl FnMut(Contact)) {
    if text.is_empty() {
        return;
    }
    if let Some(contact) = contact_remark(text) {
        each(contact);
    } else if is_mail(text) {
        let mails = || text.split_whitespace().filter(|word| is_mail(word));
        let others = || text.split_whitespace().filter(|word| !is_mail(word));
        // Phones beside it, a letter before each, and then before the mail too.
        let phones = others().filter(|word| word.bytes().any(|b| b.is_ascii_digit())).count();
        if phones == 0 {
            return email(without_letter(text, "E")).map(Contact::Email).into_iter().for_each(each);
        }
        let is_letter = |word: &str| {
            let rest = word.strip_prefix(['H', 'M', 'B', 'W']);
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
        };
        let lettered = others().any(is_letter);
        let before = if lettered { "E" } else { "" };
        mails().filter_map(|word| email(without_letter(word, before))).map(Contact::Email).for_each(&mut each);
        let rest = others().collect::<Vec<_>>().join(" ");
        contacts_of_address(&rest, each);
    } else {
        let runs = text.split(|c: char| c.is_alphabetic());
        runs.filter_map(phone).filter(|p| p.len() >= 5).map(Contact::Phone).for_each(each);
    }
}

fn is_mail(text: &str) -> bool {
    has_pair(text, "//") || text.contains('@')
}

/// A mail address without the letter of its kind, as far as something is left before its `@`.
pub fn without_letter<'t>(text: &'t str, letter: &str) -> &'t str {
    text.strip_prefix(letter).filter(|rest| !rest.starts_with("//") && !rest.starts_with('@')).unwrap_or(text)
}

/// At most the first six and the last four characters of a card number, whatever was sent.
pub fn masked(number: &str) -> String {
    let n = number.chars().count();
    let shown = |i: usize| (n >= 13 && i < 6) || i + 4 >= n;
    let mut masked = String::with_capacity(n);
    masked.extend(number.chars().enumerate().map(|(i, c)| if shown(i) && c.is_ascii_digit() { c } else { 'X' }));
    masked
}

/// The ticket in the text of SSR TKNE: thirteen digits or more, without the coupon behind them (`...C1`).
pub fn ticket(text: &str) -> Option<&str> {
    let digits = |word: &str| word.bytes().take_while(u8::is_ascii_digit).count();
    let number = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| digits(word) >= 13)?;
    number.split('C').next()
}

/// Surname, given names and birth, which may be empty, of the infant in the text of SSR INFT: `KIM/BABY 01JAN27`.
pub fn infant_named(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim().trim_start_matches('/');
    let (name, date) = text.rsplit_once(' ').filter(|(_, date)| is_date(date)).unwrap_or((text, ""));
    let (surname, given) = name.split_once('/')?;
    let (surname, given) = (surname.trim(), given.trim());
    (!surname.is_empty() && !given.is_empty()).then_some((surname, given, date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_is_aligned_on_its_date() {
        for text in [
            "/P/KOR/M1/KOR/14FEB88/M/30JUN31/KIM/ARA/BO",
            "P/KOR/M1/KOR/14FEB88/M/30JUN31/KIM/ARA/BO/H",
            "//P/KOR/M1/KOR/14FEB88/M/30JUN31/KIM/ARA/BO/",
        ] {
            let read = docs(text).unwrap();
            assert_eq!((read.kind, read.issuer, read.number), (Some("P"), Some("KOR"), Some("M1")), "{text}");
            assert_eq!((read.nationality, read.birth, read.sex), (Some("KOR"), Some("14FEB88"), Some("M")), "{text}");
            assert_eq!((read.expiry, read.surname), (Some("30JUN31"), Some("KIM")), "{text}");
            assert_eq!((read.given, read.second, read.of_infant), (Some("ARA"), Some("BO"), false), "{text}");
        }
        let bare = docs("////GBR/12JUL64/M//JONES/WILLIAMNEVELL").unwrap();
        assert_eq!((bare.kind, bare.number, bare.nationality), (None, None, Some("GBR")));
        assert_eq!((bare.expiry, bare.given), (None, Some("WILLIAMNEVELL")));
        let infant = docs("/P/KOR/M2/KOR/02JAN26/FI/30JUN31/KIM/NURI").unwrap();
        assert_eq!((infant.sex, infant.of_infant), (Some("F"), true));
        let no_birth = docs("/P/KOR/M2/KOR//F/30JUN31/KIM/NURI").unwrap();
        assert_eq!((no_birth.number, no_birth.birth, no_birth.expiry), (Some("M2"), None, Some("30JUN31")));
        let no_country = docs("/P/ERI/191259499/0/28MAY89/F/24JUL22/LAI/BI/DULCE").unwrap();
        assert_eq!((no_country.nationality, no_country.issuer), (None, Some("ERI")));
        assert_eq!(docs(""), None);
    }

    #[test]
    fn docs_with_fewer_fields_still_has_its_number() {
        for (text, kind, issuer, number) in [
            ("//P/M1234567/14FEB88/M/30JUN31/KIM/ARA", Some("P"), None, "M1234567"),
            ("/P/KOR/M1234567/14FEB88/M/30JUN31/KIM/ARA", Some("P"), Some("KOR"), "M1234567"),
            ("/P/KOR/512731999/14FEB88/M/30JUN31/KIM/ARA-1KIM/ARA", Some("P"), Some("KOR"), "512731999"),
            ("//KOR/512731999/14FEB88/M/30JUN31/KIM/ARA", None, Some("KOR"), "512731999"),
        ] {
            let read = docs(text).unwrap();
            assert_eq!((read.kind, read.issuer, read.number), (kind, issuer, Some(number)), "{text}");
            assert_eq!((read.nationality, read.given), (None, Some("ARA")), "{text}");
        }
    }

    #[test]
    fn a_loyalty_card_stands_alone_or_behind_what_was_asked() {
        for text in ["ZZ123456", "/ZZ123456-KIM/ARA", "SSRFQTVZZHK1/ZZ123456-KIM/ARA 1.1"] {
            assert_eq!(loyalty(text), Some(("ZZ", "123456")), "{text}");
        }
        assert_eq!((loyalty("ZZ"), loyalty("")), (None, None));
    }

    #[test]
    fn addresses_and_visas_are_read_with_and_without_a_leading_slash() {
        for text in ["/D/KOR/2 HOTEL/SEOUL//00000", "D/KOR/2 HOTEL/SEOUL//00000"] {
            let read = doca(text).unwrap();
            assert_eq!(
                (read.kind, read.country, read.address.as_deref()),
                ("D", Some("KOR"), Some("2 HOTEL, SEOUL, 00000"))
            );
        }
        assert_eq!(doca("X/KOR"), None);
        for text in ["BEIJING CHN/V/V5/BEIJING/01SEP26/KOR", "/BEIJING CHN/V/V5/BEIJING/01SEP26/KOR"] {
            let read = doco(text).unwrap();
            assert_eq!((read.birth_place, read.kind, read.number), (Some("BEIJING CHN"), Some("V"), Some("V5")));
            assert_eq!((read.country, read.issued.unwrap().date.to_string().as_str()), (Some("KOR"), "2026-09-01"));
        }
        let redress = doco("//K/1234567890123///US");
        assert_eq!(redress.and_then(|d| d.number), Some("1234567890123"));
    }

    #[test]
    fn contacts_are_found_however_they_are_written() {
        let phone = |text: &str| Some(Contact::Phone(text.into()));
        let mail = |text: &str| Some(Contact::Email(text.into()));
        for (text, expected) in [
            ("CTCE MARU..KIM//EXAMPLE.COM", mail("maru_kim@example.com")),
            ("CTCE A.B//EXAMPLE.COM", mail("a.b@example.com")),
            ("YY CTC M 123456789", phone("123456789")),
            ("CTCR 00115555555555", phone("00115555555555")),
            ("CTCM +82 10 0000 0000 KIM", phone("+821000000000")),
            ("CTCM /1800123456789-1KIM/ARA", phone("1800123456789")),
            ("CTCE MARU..KIM//EXAMPLE.COM-1KIM/MARU", mail("maru_kim@example.com")),
            ("CTCE MARU-1A//EXAMPLE.COM", mail("maru-1a@example.com")),
            ("CTCE A..KIM//EXAMPLE.COM/EN", mail("a_kim@example.com")),
            ("CTCE A.B//EXAMPLE.COM//EN", mail("a.b@example.com")),
            ("CTCM /M821012345678", phone("821012345678")),
            ("CTCH SEL 02 123 4567", phone("021234567")),
            ("CTCR REFUSED ON 20270314", None),
            ("CTCT SEA 866 746-4647 TVL", None),
            ("CTCH ABC", None),
            ("THIS PASSENGER", None),
            ("CTC", None),
        ] {
            assert_eq!(contact_remark(text), expected, "{text}");
        }
        let of_address = |text: &str| {
            let mut found = Vec::new();
            contacts_of_address(text, |contact| found.push(contact));
            found
        };
        assert_eq!(of_address("H5555555555 W 1 555 555 5555 ").len(), 2);
        assert_eq!(of_address("EK CTC M 5432109876"), [Contact::Phone("5432109876".into())]);
        assert_eq!(of_address("SL1AA"), []);
        let [phone, mail] = ["5555555555", "kim@example.com"];
        let (phone, mail) = (Contact::Phone(phone.into()), Contact::Email(mail.into()));
        assert_eq!(of_address("H5555555555 EKIM//EXAMPLE.COM"), [Contact::Email("kim@example.com".into()), phone]);
        for phone in ["M+821012345678", "H02-123-4567", "W 1 555 555 5555"] {
            let text = format!("{phone} EKIM//EXAMPLE.COM");
            assert!(of_address(&text).contains(&mail), "{phone}");
        }
        assert_eq!(of_address("E KIM//EXAMPLE.COM"), [mail]);
        let mail = |text: &str| [Contact::Email(text.into())];
        assert_eq!(of_address("EBOB..KIM//EXAMPLE.COM"), mail("bob_kim@example.com"));
        assert_eq!(of_address("EEVE//EXAMPLE.COM"), mail("eve@example.com"));
        assert_eq!(of_address("E//EXAMPLE.COM"), mail("e@example.com"));
        assert_eq!(of_address("KIM//EXAMPLE.COM"), mail("kim@example.com"));
        let [mail, _] = of_address("EVE//EXAMPLE.COM 5555555555").try_into().unwrap();
        assert_eq!(mail, Contact::Email("eve@example.com".into()), "nothing beside it has a letter");
    }

    proptest::proptest! {
        /// As one replacement behind the other makes it.
        #[test]
        fn pairs_are_replaced_in_their_order(text in "[a./]{0,12}|.{0,12}") {
            let expected = text.replace("//", "@").replace("..", "_").replace("./", "-");
            proptest::prop_assert_eq!(as_typed(&text), expected);
        }
    }

    #[test]
    fn cards_are_masked_whatever_was_sent() {
        assert_eq!(masked("4000001234560002"), "400000XXXXXX0002");
        assert_eq!(masked("400000XXXXXX0002"), "400000XXXXXX0002");
        assert_eq!(masked("XXXXXXXX1186"), "XXXXXXXX1186");
        assert_eq!((masked("123456789"), masked("12")), ("XXXXX6789".into(), "12".into()));
    }
}
