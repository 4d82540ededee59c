//! What lines tell of a consignment: waybill numbers and quantities, parties, customs notes, days without a year.

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::super::edifact::measure::number;

/// A consignment as its lines tell it.
#[derive(Clone, Debug, Default)]
pub struct Consignment {
    /// `999-12345675`.
    pub waybill: String,
    /// Of a house.
    pub house: Option<String>,
    /// Where from.
    pub origin: Option<String>,
    /// Where to.
    pub destination: Option<String>,
    /// Where it is unloaded, on a flight manifest.
    pub unloading: Option<String>,
    /// It is unloaded elsewhere too, which was listed before.
    pub again: bool,
    /// RTG: where it is taken on its way.
    pub route: Vec<String>,
    /// `T`, `P`, `S`, `D`.
    pub part: Option<char>,
    /// Pieces.
    pub pieces: Option<f64>,
    /// Gross.
    pub mass_kg: Option<f64>,
    /// Gross.
    pub volume_m3: Option<f64>,
    /// Parts joined by a blank.
    pub description: String,
    /// Width of the line of TXT before, where there was one.
    pub text_width: Option<usize>,
    /// More words were sent than are kept.
    pub cut: bool,
    /// It stands for the houses under it.
    pub consolidated: bool,
    /// SPH.
    pub handling: Vec<String>,
    /// Digits.
    pub hs_codes: Vec<String>,
    /// ULD and pieces in it.
    pub ulds: Vec<(String, Option<f64>)>,
    /// AGT: the IATA number of the agent, else his account.
    pub agent: Option<String>,
    /// SHP.
    pub shipper: Party,
    /// CNE.
    pub consignee: Party,
    /// NFY.
    pub notify: Party,
    /// Shipper and consignee as TXT tells customs.
    pub told: (Party, Party),
    /// OCI: country, subject, kind, text.
    pub notes: Vec<[String; 4]>,
    /// CVD.
    pub value_usd: Option<f64>,
    /// PPD, COL.
    pub freight_usd: Option<f64>,
    /// UTC milliseconds.
    pub arrives_at: Option<i64>,
    /// Amounts of which a part cannot be read, as sent.
    pub unread: Option<String>,
    /// Line it begins at.
    pub line: usize,
}

/// A party.
#[derive(Clone, Debug, Default)]
pub struct Party {
    /// First line, and from version 17 what NAM goes on with.
    pub name: Option<String>,
    /// Parts joined by `, `.
    pub address: Vec<String>,
    /// ISO alpha-2.
    pub country: Option<String>,
    /// The line before was NAM.
    pub naming: bool,
}

/// Longer than goods are described; each line of some senders is looked for in it.
const DESCRIPTION_BYTES_MAX: usize = 16 * 1024;

/// Names are folded at this width.
const NAME_WIDTH: usize = 35;
/// Lines of TXT are.
const TEXT_WIDTH: usize = 65;

impl Party {
    /// Goes on with the name: a full line was cut wherever it ended, be it before a blank.
    pub fn name_on(&mut self, text: &str) {
        let name = self.name.get_or_insert_default();
        let full = name.len().is_multiple_of(NAME_WIDTH);
        if !name.is_empty() && (!full || text.starts_with(' ')) {
            name.push(' ');
        }
        name.push_str(text.trim());
    }

    /// Whether the name fills its lines, so that more of it may follow: to the end, or to a blank there that is lost.
    pub fn is_full(&self) -> bool {
        let length = self.name.as_ref().map_or(0, String::len);
        length > 0 && (length.is_multiple_of(NAME_WIDTH) || (length + 1).is_multiple_of(NAME_WIDTH))
    }
}

impl Consignment {
    /// Adds another part of the same waybill on the same flight.
    pub fn add(&mut self, part: &Self) {
        let sum = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
        // With an amount of a part that cannot be read there is no sum.
        let unread = [&*self, part].map(|own| own.unread.is_some());
        let sum = |a: Option<f64>, b: Option<f64>| {
            let known = !(unread[0] && a.is_none() || unread[1] && b.is_none());
            sum(a, b).filter(|_| known)
        };
        self.pieces = sum(self.pieces, part.pieces);
        self.mass_kg = sum(self.mass_kg, part.mass_kg);
        self.volume_m3 = sum(self.volume_m3, part.volume_m3);
        self.unread = self.unread.take().or_else(|| part.unread.clone());
        for code in &part.handling {
            if !self.handling.contains(code) {
                self.handling.push(code.clone());
            }
        }
        self.ulds.extend(part.ulds.iter().cloned());
        self.notes.extend(part.notes.iter().cloned());
        if self.description.is_empty() {
            self.description.clone_from(&part.description);
        }
    }

    /// Whether the check digit of the waybill fits: the first seven digits modulo seven.
    pub fn check_digit_ok(&self) -> bool {
        let digits: Vec<u64> = self.waybill.bytes().skip(4).map(|b| u64::from(b.wrapping_sub(b'0'))).collect();
        digits.len() == 8 && digits[..7].iter().fold(0, |n, d| n * 10 + d) % 7 == digits[7]
    }

    /// A line of TXT. Senders begin again with what had room on the line of the house, and cut a full line wherever it
    /// ended.
    pub fn tell(&mut self, line: &str) {
        let text = line.trim();
        match self.text_width.replace(line.len()) {
            None if text.starts_with(&self.description) => self.description.clear(),
            None if self.description.starts_with(text) => return,
            Some(TEXT_WIDTH) if !line.starts_with(' ') => return self.append("", text),
            _ => {}
        }
        self.append(" ", text);
    }

    /// A goods text.
    pub fn describe(&mut self, text: &str) {
        self.append(" ", text.trim());
    }

    fn append(&mut self, between: &str, text: &str) {
        if self.description.len() + text.len() > DESCRIPTION_BYTES_MAX {
            self.cut = true;
        } else if !text.is_empty() {
            if !self.description.is_empty() {
                self.description.push_str(between);
            }
            self.description.push_str(text);
            self.consolidated |= ["CONSOL", "CNSL"].iter().any(|word| text.starts_with(word));
        }
    }

    /// A line of TXT that Korean forwarders write for their customs: `.COM.SHOES`, `.FLT.20270314-ZZ0421-ZZZZ`,
    /// `.SNM.` and `.SAR.` name and address of the shipper, `.CNM.` and `.CAR.` of the consignee, where he has none
    /// otherwise. Returns whether it is one.
    pub fn tell_customs(&mut self, text: &str) -> bool {
        let Some((code, value)) = text.trim().strip_prefix('.').and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        let value = value.trim();
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            return false;
        }
        let into = match code {
            "COM" if !self.description.contains(value) => {
                self.describe(value);
                return true;
            }
            "SNM" | "SAR" => &mut self.told.0,
            "CNM" | "CAR" => &mut self.told.1,
            _ => return true,
        };
        if code.ends_with("NM") {
            into.name = Some(value.to_owned());
        } else {
            into.address.push(value.to_owned());
        }
        true
    }

    /// Parties that only customs were told of.
    pub fn settle_parties(&mut self) {
        let (shipper, consignee) = std::mem::take(&mut self.told);
        for (party, told) in [(&mut self.shipper, shipper), (&mut self.consignee, consignee)] {
            if party.name.is_none() {
                party.name = told.name;
                party.address.extend(told.address);
            }
        }
    }

    /// Special handling codes between slashes; what is none goes to the description.
    pub fn handle(&mut self, codes: &str) {
        for code in codes.split('/').map(str::trim).filter(|code| !code.is_empty()) {
            let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
            if is_code && !self.handling.iter().any(|known| known == code) {
                self.handling.push(code.to_owned());
            }
        }
    }

    /// OCI, or a line that goes on with one: `country/subject/kind/text`. A blank subject is the one before.
    pub fn note(&mut self, text: &str) {
        let mut parts = text.splitn(4, '/').map(|part| part.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        let mut note = [next(), next(), next(), next()];
        let [_, subject, ..] = &mut note;
        if let (true, Some([_, before, ..])) = (subject.is_empty(), self.notes.last()) {
            subject.clone_from(before);
        }
        if note.iter().any(|part| !part.is_empty()) {
            self.notes.push(note);
        }
    }

    /// Whether customs notes name goods by a UN number: `US/DNR/D/UN1234`.
    pub fn is_dangerous(&self) -> bool {
        self.notes.iter().any(|[_, subject, _, text]| {
            let number = text.strip_prefix("UN").map(str::trim_start).filter(|_| subject == "DNR");
            number.is_some_and(|n| n.len() >= 4 && n.bytes().take(4).all(|b| b.is_ascii_digit()))
        })
    }

    /// The trader number that customs notes give for a subject.
    pub fn trader_id(&self, subject: &str) -> Option<&str> {
        self.notes.iter().find(|note| note[1] == subject && note[2] == "T").map(|note| note[3].as_str())
    }
}

/// `999-12345675ICNLAX/T10K250.5MC1.2` and what is behind it. `None` where there is no waybill number.
pub fn waybill(text: &str, line: usize) -> Option<(Consignment, &str)> {
    let (head, rest) = text.split_once('/').unwrap_or((text, ""));
    let digits = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
    let airline = head.get(..3).filter(digits)?;
    // Some leave the hyphen out, or write a blank for it.
    let serial = if head[3..].starts_with(['-', ' ']) { 4 } else { 3 };
    let number = head.get(serial..serial + 8).filter(digits)?;
    let places = head[serial + 8..].trim_start();
    let place = |from: usize| {
        let code = places.get(from..from + 3)?;
        code.bytes().all(|b| b.is_ascii_uppercase()).then(|| code.to_owned())
    };
    let mut consignment = Consignment {
        waybill: format!("{airline}-{number}"),
        origin: place(0),
        destination: place(3),
        line,
        ..Consignment::default()
    };
    let (amounts, rest) = rest.split_once('/').unwrap_or((rest, ""));
    quantities(amounts.trim(), &mut consignment);
    Some((consignment, rest))
}

/// `T10K250.5MC1.2`, `P5K100T10`: what part, pieces, mass, volume, total pieces of the waybill. An amount behind which
/// something else stands (`K44O`, `K1,234`) is none: it may be a thousand times as much.
pub fn quantities(text: &str, into: &mut Consignment) {
    let mut rest = text.trim_start();
    let mut last: Option<Amount> = None;
    let mut first = true;
    while !rest.is_empty() {
        let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let digits = rest[letters..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (code, value) = (&rest[..letters], number(&rest[letters..letters + digits]));
        let read = match (code, first) {
            ("T" | "P" | "S" | "D" | "M" | "", true) if letters + digits > 0 => {
                into.part = code.chars().next().filter(|c| *c != 'M');
                into.pieces = value;
                last = Some(|into| &mut into.pieces);
                true
            }
            // The pieces of the whole waybill, a group of density.
            ("T" | "DG", false) => {
                last = None;
                true
            }
            _ => match measure(code, value, into) {
                Some(amount) => {
                    last = Some(amount);
                    value.is_some()
                }
                None => false,
            },
        };
        if !read {
            into.unread = Some(text.to_owned());
            if let Some(amount) = last {
                *amount(into) = None;
            }
            if letters + digits == 0 {
                return;
            }
        }
        first = false;
        rest = rest[letters + digits..].trim_start();
    }
}

/// Which amount of a consignment.
pub type Amount = fn(&mut Consignment) -> &mut Option<f64>;

/// A mass or volume by its code. Says which it is, if the code is known.
pub fn measure(code: &str, value: Option<f64>, into: &mut Consignment) -> Option<Amount> {
    const MASS: Amount = |into| &mut into.mass_kg;
    const VOLUME: Amount = |into| &mut into.volume_m3;
    let (amount, factor) = match code {
        "K" => (MASS, 1.0),
        "L" => (MASS, 0.453_592_37),
        "MC" => (VOLUME, 1.0),
        "CC" => (VOLUME, 0.000_001),
        "CF" => (VOLUME, 0.028_316_846_592),
        "CI" => (VOLUME, 0.000_016_387_064),
        _ => return None,
    };
    *amount(into) = value.map(|value| value * factor);
    Some(amount)
}

/// `K250.5` as code and value.
pub fn coded(text: &str) -> (&str, Option<f64>) {
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    (&text[..letters], number(&text[letters..]))
}

/// `12MAR`, `12MAR1230`, `12MAR27`: a day, the year nearest to `near` where it has none, and a time.
pub fn day(text: &str, near: Option<NaiveDate>) -> Option<(NaiveDate, Option<NaiveTime>)> {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let day: u32 = text.get(..2)?.parse().ok()?;
    let month = MONTHS.iter().position(|m| Some(*m) == text.get(2..5))? as u32 + 1;
    let rest = text.get(5..)?;
    let of = |year: i32| NaiveDate::from_ymd_opt(year, month, day);
    if rest.len() == 2 {
        return Some((of(2000 + rest.parse::<i32>().ok()?)?, None));
    }
    let near = near?;
    let years = [near.year() - 1, near.year(), near.year() + 1];
    let date = years.into_iter().filter_map(of).min_by_key(|date| (*date - near).num_days().abs())?;
    let time = match rest.len() {
        4 => NaiveTime::from_hms_opt(rest.get(..2)?.parse().ok()?, rest.get(2..)?.parse().ok()?, 0),
        _ => None,
    };
    Some((date, time))
}
