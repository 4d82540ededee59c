//! Identifiers in the forms the trade uses, with their check digits, all from ranges that nobody was ever given.

use std::fmt::Write;

use crate::dice::mix;

/// Appends `value` in base 36, `width` characters.
pub(crate) fn push_base36(out: &mut String, mut value: u64, width: usize) {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut digits = [b'0'; 13];
    for digit in digits[..width].iter_mut().rev() {
        *digit = DIGITS[(value % 36) as usize];
        value /= 36;
    }
    out.extend(digits[..width].iter().map(|d| char::from(*d)));
}

/// Appends `value` in decimal with leading zeros, `width` digits, the lowest of it.
pub(crate) fn push_decimal(out: &mut String, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    for digit in digits[..width].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend(digits[..width].iter().map(|d| char::from(*d)));
}

/// A declaration's number as Korean customs forms it: declarant, year, serial, kind of office.
pub(crate) fn declaration_id(out: &mut String, declarant: &str, year: i32, index: u64) {
    out.clear();
    out.push_str(declarant);
    push_decimal(out, year.rem_euclid(100) as u64, 2);
    push_base36(out, index, 6);
    out.push('M');
}

/// A container's number with its ISO 6346 check digit. The owners' codes begin with `ZZ`, which the register of
/// owners has not given out.
pub(crate) fn container_id(number: u64) -> String {
    const OWNERS: [&str; 4] = ["ZZZU", "ZZHU", "ZZCU", "ZZEU"];
    let mut id = String::with_capacity(11);
    id.push_str(OWNERS[(mix(number) % 4) as usize]);
    push_decimal(&mut id, number, 6);
    let check = iso6346_check(&id);
    id.push(char::from(b'0' + check));
    id
}

/// The ISO 6346 check digit of owner code and serial: letters count 10 to 38 leaving out multiples of eleven, each
/// place twice the one before, modulo 11, and 10 is written 0.
pub(crate) fn iso6346_check(id: &str) -> u8 {
    let value = |c: u8| {
        if c.is_ascii_digit() {
            return u32::from(c - b'0');
        }
        let n = u32::from(c.to_ascii_uppercase().saturating_sub(b'A')) + 10;
        n + (n - 1) / 10
    };
    let sum: u32 = id.bytes().take(10).enumerate().map(|(place, c)| value(c) << place).sum();
    (sum % 11 % 10) as u8
}

/// Appends a vessel's IMO number: seven digits, the last a check digit; those below 1,000,000 were never assigned.
pub(crate) fn push_imo_number(out: &mut String, number: u64) {
    let digit = |place: u32| number / 10u64.pow(place) % 10;
    let sum: u64 = (0..6).map(|place| digit(place) * u64::from(place + 2)).sum();
    push_decimal(out, number, 6);
    push_decimal(out, sum % 10, 1);
}

/// Appends a master air waybill: prefix `000`, serial, and the serial modulo seven.
pub(crate) fn push_air_waybill(out: &mut String, number: u64) {
    let serial = number % 10_000_000;
    out.push_str("000-");
    push_decimal(out, serial, 7);
    push_decimal(out, serial % 7, 1);
}

/// Appends a manifest's number: year, carrier, serial, inbound.
pub(crate) fn push_manifest(out: &mut String, year: i32, carrier: &str, number: u64) {
    push_decimal(out, year.rem_euclid(100) as u64, 2);
    out.push_str(carrier);
    // Four places for the carrier, whose code may be of two.
    for _ in carrier.len()..4 {
        out.push('X');
    }
    push_base36(out, number, 4);
    out.push('I');
}

/// Appends a cargo control number: manifest, master, house.
pub(crate) fn push_cargo_control(out: &mut String, manifest: &str, master: u64, house: u64) {
    out.push_str(manifest);
    push_decimal(out, master, 4);
    push_decimal(out, house, 4);
}

/// A personal customs code: `P` and twelve digits.
pub(crate) fn personal_code(out: &mut String, person: u64) {
    out.clear();
    out.push('P');
    push_decimal(out, 900_000_000_000 + mix(person) % 99_999_999_999, 12);
}

/// A record locator: six characters, nothing that looks like another.
pub(crate) fn locator(bits: u64) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    (0..6).map(|i| char::from(LETTERS[(bits >> (5 * i)) as usize & 31])).collect()
}

/// A passport number in the form of its issuer: a letter and eight digits, or nine digits.
pub(crate) fn passport(country: &str, bits: u64) -> String {
    let letter = match country {
        "KR" => 'M',
        "CN" => 'E',
        "JP" => 'T',
        "DE" => 'C',
        "US" | "GB" => return format!("{:09}", bits % 1_000_000_000),
        other => char::from(other.bytes().last().unwrap_or(b'P')),
    };
    let mut number = String::with_capacity(9);
    let _ = write!(number, "{letter}{:08}", bits % 100_000_000);
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use haechi_model::ids::{CargoControlNumber, ContainerId};

    #[test]
    fn check_digits_are_those_of_known_numbers() {
        // From the standards' own examples.
        assert_eq!(iso6346_check("CSQU305438"), 3);
        let mut id = String::new();
        push_imo_number(&mut id, 12);
        assert_eq!(id, "0000127", "1*3 + 2*2 = 7");
        id.clear();
        push_air_waybill(&mut id, 1_234_567);
        assert_eq!(id, "000-12345675");
    }

    #[test]
    fn generated_numbers_are_valid_for_those_who_read_them() {
        for number in [0, 1, 77, 123_456, 999_999, 7_654_321] {
            ContainerId::parse(&container_id(number)).unwrap();
        }
        let (mut manifest, mut id) = (String::new(), String::new());
        push_manifest(&mut manifest, 2027, "ZZ", 37);
        push_cargo_control(&mut id, &manifest, 1, 12);
        assert_eq!(id, "27ZZXX0011I00010012");
        CargoControlNumber::parse(&id).unwrap();
        declaration_id(&mut id, "99901", 2027, 123);
        assert_eq!(id, "99901270000".to_owned() + "3F" + "M");
        personal_code(&mut id, 5);
        assert_eq!(id.len(), 13);
    }
}
