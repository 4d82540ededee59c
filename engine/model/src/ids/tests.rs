use super::*;

/// A case: what is written, and its normal form or what is wrong with it.
fn check<T: ToString>(parse: fn(&str) -> Result<T, IdError>, cases: &[(&str, Result<&str, &str>)]) {
    for (text, expected) in cases {
        let got = parse(text).map(|id| id.to_string()).map_err(|error| error.to_string());
        assert_eq!(got.as_deref().map_err(String::as_str), *expected, "{text}");
    }
}

#[test]
fn hs_codes() {
    check(
        HsCode::parse,
        &[
            ("6402991000", Ok("6402991000")),
            ("6402.99.1000", Ok("6402991000")),
            (" 0102 21", Ok("010221")),
            ("640299100012", Ok("640299100012")),
            ("6402", Err("`6402` is no HS code: 6 to 12 digits, got 4")),
            ("6402991000123", Err("`6402991000123` is no HS code: 6 to 12 digits, got 13")),
            ("64O299", Err("`64O299` is no HS code: digits, dots and blanks only, got `O`")),
            ("６４０２９９", Err("`６４０２９９` is no HS code: digits, dots and blanks only, got `６`")),
            (" . ", Err("empty HS code")),
        ],
    );
    let code = HsCode::parse("6402.99.1000").unwrap();
    assert_eq!((code.hs2(), code.hs4(), code.hs6()), ("64", "6402", "640299"));
}

#[test]
fn countries() {
    check(
        Country::parse,
        &[
            ("KR", Ok("KR")),
            (" kor ", Ok("KR")),
            ("D", Ok("DE")),
            ("GBS", Ok("GB")),
            ("NA", Ok("NA")),
            ("XXA", Err("unknown country code `XXA`")),
            ("ZZ", Err("unknown country code `ZZ`")),
            ("한국", Err("unknown country code `한국`")),
            ("", Err("empty country code")),
        ],
    );
    assert_eq!(Country::KR.name(), "South Korea");
}

#[test]
fn un_locodes() {
    check(
        UnLocode::parse,
        &[
            ("KRPUS", Ok("KRPUS")),
            ("kr pus", Ok("KRPUS")),
            ("US2AB", Ok("US2AB")),
            ("K1PUS", Err("`K1PUS` is no UN/LOCODE: two letters first, got `1`")),
            ("KRP1S", Err("`KRP1S` is no UN/LOCODE: letters and digits 2 to 9, got `1`")),
            ("ICN", Err("`ICN` is no UN/LOCODE: 5 characters, got 3")),
            ("", Err("empty UN/LOCODE")),
        ],
    );
    assert_eq!(UnLocode::parse("KRPUS").unwrap().country(), Some(Country::KR));
    assert_eq!(UnLocode::parse("XZSEA").unwrap().country(), None);
}

#[test]
fn cargo_control_numbers() {
    check(
        CargoControlNumber::parse,
        &[
            ("27ZZLX0001I00010001", Ok("27ZZLX0001I00010001")),
            ("27ZZLX0001I-0001-0001", Ok("27ZZLX0001I00010001")),
            ("27zzlx0001i0001", Ok("27ZZLX0001I0001")),
            ("00ZZLU083N59007001", Ok("00ZZLU083N59007001")),
            (
                "27ZZLX0001I00",
                Err("`27ZZLX0001I00` is no cargo control number: 15 (master) or 19 (house) characters, got 13"),
            ),
            (
                "27ZZLX0001IX001",
                Err("`27ZZLX0001IX001` is no cargo control number: digits after the 11 characters of the manifest, \
                     got `X`"),
            ),
            (
                "27ZZLX가001I0001",
                Err("`27ZZLX가001I0001` is no cargo control number: letters and digits only, got `가`"),
            ),
        ],
    );
    let house = CargoControlNumber::parse("27ZZLX0001I00020003").unwrap();
    assert_eq!((house.manifest(), house.master(), house.house()), ("27ZZLX0001I", "0002", Some("0003")));
    assert_eq!(CargoControlNumber::parse("27ZZLX0001I0002").unwrap().house(), None);
}

#[test]
fn container_ids() {
    check(
        ContainerId::parse,
        &[
            ("CSQU3054383", Ok("CSQU3054383")),
            ("csqu 305438-3", Ok("CSQU3054383")),
            ("MSKU9070323", Ok("MSKU9070323")),
            ("CSQU3054384", Err("`CSQU3054384` is no container id: check digit `4` should be `3`")),
            ("CSQU305438", Err("`CSQU305438` is no container id: 11 characters, got 10")),
            ("CSQ13054383", Err("`CSQ13054383` is no container id: four letters first, got `1`")),
            ("CSQU30543가3", Err("`CSQU30543가3` is no container id: digits after the letters, got `가`")),
        ],
    );
    assert_eq!(ContainerId::parse("CSQU3054383").unwrap().owner(), "CSQU");
}

#[test]
fn document_numbers_carry_an_icao_check_digit() {
    check(
        DocumentNumber::parse_checked,
        &[
            ("L898902C36", Ok("******2C3")),
            ("D23145890<7", Ok("******890")),
            ("L898902C37", Err("`******2C3` is no document number: check digit `7` should be `6`")),
            ("", Err("empty document number")),
            ("6", Err("empty document number")),
            ("L89가902C36", Err("`******2C3` is no document number: letters and digits only, got `가`")),
        ],
    );
    let number = DocumentNumber::parse(" m1234-5678 ").unwrap();
    assert_eq!(number.as_str(), "M12345678");
    assert_eq!(format!("{number} {number:?}"), "******678 DocumentNumber(******678)");
    assert_eq!(DocumentNumber::parse("AB").unwrap().to_string(), "*B");
}

#[test]
fn money() {
    check(
        Money::parse,
        &[
            ("USD 1250.5", Ok("1250.50 USD")),
            ("1250.5 usd", Ok("1250.50 USD")),
            ("KRW1000000", Ok("1000000 KRW")),
            ("-3.25EUR", Ok("-3.25 EUR")),
            ("1,250 USD", Err("`1,250 USD` is no amount of money: digits and a decimal point, got `,`")),
            ("1250", Err("empty currency code")),
            ("1.2.3 USD", Err("unknown amount of money `1.2.3 USD`")),
            ("12 ZZZ", Err("unknown currency code `ZZZ`")),
        ],
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,24}") {
        let _ = (HsCode::parse(&text), Country::parse(&text), UnLocode::parse(&text), Money::parse(&text));
        let _ = (CargoControlNumber::parse(&text), ContainerId::parse(&text), DocumentNumber::parse_checked(&text));
    }
}
