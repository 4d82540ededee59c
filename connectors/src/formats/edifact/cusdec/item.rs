//! One item of a declaration: from its CST to the next.

use haechi_model::intake::Warning;

use super::super::dates::{Century, days, parse};
use super::super::interchange::Message;
use super::super::measure::{mass_kg, number};
use super::super::places::{country, short, upper};
use super::super::segments::{Arena, Segment};
use super::lines::{ModelLines, words};
use super::money::Money;

/// An item as its segments tell it.
#[derive(Debug, Default)]
pub struct Item {
    /// CST 1496.
    pub number: i32,
    /// CST 122, 169, 108; RFF ABD, HS.
    pub hs_code: Option<String>,
    /// CST 117.
    pub procedure: Option<String>,
    /// CST 116, 184.
    pub preference: Option<String>,
    /// FTX AAA, else IMD, else FTX AAA of its lines.
    pub description: Option<String>,
    /// LOC 27.
    pub origin: Option<String>,
    /// LOC 35.
    pub departure: Option<String>,
    /// MEA AAF.
    pub net_mass_kg: Option<f64>,
    /// MEA ABT, AAR, AAS, AAT, AAA.
    pub quantity: Option<(f64, String)>,
    /// MOA 40, and its currency.
    pub customs_value: Option<(f64, String)>,
    /// MOA 38, 14.
    pub line_value: Option<(f64, String)>,
    /// TAX 1 CUD.
    pub rate: Option<f64>,
    /// MOA 161 under it.
    pub duty: Option<(f64, String)>,
    /// DOC 861.
    pub certificate: Option<String>,
    /// Other DOC: code, number, day of issue.
    pub permits: Vec<(String, Option<String>, Option<i32>)>,
    /// RFF ABT, AAE.
    pub prior: Vec<String>,
    /// GIN VV.
    pub vehicles: Vec<String>,
    /// LIN.
    pub lines: ModelLines,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
}

/// Customs duty: of the directory, of the EU, of South Africa (schedule 1 part 1).
const DUTY: &[&str] = &["CUD", "A00", "1P1"];
/// Documents that are of trade and carriage, no permits.
const COMMERCIAL: &[&str] = &[
    "380", "325", "388", "271", "703", "704", "705", "714", "730", "740", "741", "785", "861", "862", "863", "864",
    "ZZZ",
];

/// Whether a C246 of a CST is a tariff code.
pub fn is_tariff(cst: Segment<'_, '_>, element: usize) -> bool {
    matches!(cst.get(element, 1), "122" | "169" | "108") && cst.value(element, 0).is_some()
}

/// Whether a C246 of a CST is of a list that is read as something else.
fn known(cst: Segment<'_, '_>, element: usize) -> bool {
    matches!(cst.get(element, 1), "" | "116" | "117" | "184")
}

/// Whether a CST begins with a procedure of seven digits, and the tariff of more stands behind it: `4000000+6403911898`.
fn is_procedure(cst: Segment<'_, '_>) -> bool {
    let digits = |element| Some(cst.get(element, 0)).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
    let bare = cst.get(1, 1).is_empty() && cst.get(2, 1).is_empty();
    bare && digits(1).is_some_and(|code| code.len() == 7) && digits(2).is_some_and(|code| code.len() >= 8)
}

impl Item {
    /// Reads the segments of an item, the `nth` of its message.
    pub fn read(group: &Arena<'_>, message: &Message<'_>, money: &Money, nth: i32) -> Self {
        let mut item = Self { number: nth, ..Self::default() };
        let mut in_duty = false;
        let (mut article, mut of_lines) = (Vec::new(), Vec::new());
        let last_line = group.iter().filter(|s| s.tag() == "LIN").map(|s| s.number()).last();
        // Lines that tell their price twice do so to the last.
        let mut twice = false;
        for s in group.iter() {
            let of_line = item.lines.read(s);
            match s.tag() {
                "MOA" if of_line => {}
                // The price of the item stands before its lines, or behind the last of them.
                "MOA" if item.lines.is_open() && s.get(0, 0) == "38" && (twice || item.line_value.is_some()) => {}
                "MOA" if item.lines.is_open() && s.get(0, 0) == "38" && Some(s.number()) < last_line => twice = true,
                "FTX" if of_line => of_lines.extend(words(s, 3)),
                "IMD" if !of_line => article.extend(words(s, 2)),
                "CST" => item.classify(s, message, nth),
                "FTX" if s.get(0, 0) == "AAA" => {
                    let text: Vec<_> = s.components(3).filter(|c| !c.is_empty()).collect();
                    let text = text.join(" ");
                    item.description = Some(match item.description.take() {
                        Some(before) => format!("{before} {text}"),
                        None => text,
                    });
                }
                "LOC" => {
                    // Where a state is named: `AU-VI`, behind an empty place.
                    let state = s.value(2, 0).and_then(|state| state.split_once('-')).map(|(country, _)| country);
                    let Some(code) = s.value(1, 0).or(state) else { continue };
                    let mut read = || country(code, &|| message.path(s.number()), &mut item.warnings).into_owned();
                    match s.get(0, 0) {
                        "27" => item.origin = Some(read()),
                        "35" => item.departure = Some(read()),
                        _ => {}
                    }
                }
                "MEA" => item.measure(s, message),
                "TAX" => {
                    in_duty = s.get(0, 0) == "1" && DUTY.contains(&s.get(1, 0));
                    if in_duty {
                        let sent = s.value(4, 3).map(|rate| rate.trim_end_matches(['%', ' ']));
                        item.rate = sent.and_then(number);
                        if sent.is_some() && item.rate.is_none() {
                            item.warn("bad_number", s, message, "TAX CUD rate".to_owned());
                        }
                    }
                }
                "MOA" => item.amount(s, message, money, in_duty),
                "RFF" => item.reference(s, message),
                "DOC" => item.document(s),
                "DTM" if s.get(0, 0) == "182" => {
                    let issued = parse(s.get(0, 1), s.get(0, 2), Century::Recent).ok().map(|m| days(m.date));
                    if issued.is_none() && !s.get(0, 1).is_empty() {
                        item.warn("bad_date", s, message, "DTM 182".to_owned());
                    }
                    if let Some((.., day)) = item.permits.last_mut() {
                        *day = issued;
                    }
                }
                "GIN" if s.get(0, 0) == "VV" => {
                    item.vehicles.extend((1..s.len()).filter_map(|e| s.value(e, 0)).map(|v| upper(v).into_owned()));
                }
                // Read and kept in the bytes.
                "FTX" | "DTM" | "PAC" | "PCI" | "NAD" | "TDT" | "GIS" | "GEI" | "CUX" | "GIR" | "GIN" | "QTY"
                | "LIN" | "IMD" | "EQD" | "SEL" | "EFI" | "DMS" | "CTA" | "COM" | "TOD" | "PIA" | "AUT" | "DGS"
                | "QVR" | "PRI" => {}
                // Of a declaration that is read as one item.
                "UNS" | "CNT" => {}
                tag => item.warn("unknown_segment", s, message, format!("{tag} in an item")),
            }
        }
        // Where nothing is said of the item, what is said of its lines tells what it is.
        let told = [article, of_lines].into_iter().find(|told| !told.is_empty());
        item.description = item.description.take().or(told.map(|told| told.join(" ")));
        item
    }

    /// Its customs value as sent.
    pub fn value(&self) -> f64 {
        self.customs_value.as_ref().map_or(0.0, |(amount, _)| *amount)
    }

    /// Its duty as sent.
    pub fn duty(&self) -> f64 {
        self.duty.as_ref().map_or(0.0, |(amount, _)| *amount)
    }

    /// Whether a lower rate is asked for.
    pub fn preference_claimed(&self) -> bool {
        self.preference.is_some() || self.certificate.is_some()
    }

    fn warn(&mut self, code: &'static str, s: Segment<'_, '_>, message: &Message<'_>, text: String) {
        self.warnings.push(Warning { code, path: message.path(s.number()), text });
    }

    fn classify(&mut self, cst: Segment<'_, '_>, message: &Message<'_>, nth: i32) {
        match cst.get(0, 0).parse() {
            Ok(number) => self.number = number,
            Err(_) if cst.get(0, 0).is_empty() => {}
            Err(_) => self.warn("bad_number", cst, message, format!("item number; taken as {nth}")),
        }
        for element in 1..cst.len() {
            let Some(code) = cst.value(element, 0) else { continue };
            match cst.get(element, 1) {
                _ if is_tariff(cst, element) => self.tariff(code, cst, message),
                "117" => self.procedure = Some(upper(code).into_owned()),
                // One dialect has the procedure before the tariff, and names neither list.
                "" if element == 1 && is_procedure(cst) => self.procedure = Some(code.to_owned()),
                "" if element == 2 && is_procedure(cst) => self.tariff(code, cst, message),
                "116" | "184" => self.preference = Some(upper(code).into_owned()),
                "" if element == 1 && code.contains(|c: char| c.is_ascii_digit()) => self.tariff(code, cst, message),
                _ => {}
            }
        }
        // The first place is the tariff's, whatever list it is said to be of.
        let digits = |code: &&str| (6..=14).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
        let place = |element: usize| cst.value(element, 0).filter(digits).filter(|_| !known(cst, element));
        // Seven digits are a procedure, where more stand behind it.
        let behind = place(2).filter(|code| code.len() >= 8 && cst.get(1, 0).len() == 7);
        if let Some(code) = behind.or_else(|| place(1)).filter(|_| self.hs_code.is_none()) {
            let list = cst.get(if behind.is_some() { 2 } else { 1 }, 1);
            self.warn("unknown_code", cst, message, format!("list `{}`; taken as tariff", short(list)));
            self.tariff(code, cst, message);
        }
    }

    /// A tariff code: its digits; a check letter behind them is dropped.
    fn tariff(&mut self, code: &str, s: Segment<'_, '_>, message: &Message<'_>) {
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < 6 {
            return self.warn("unknown_code", s, message, format!("`{}` is no HS code", short(code)));
        }
        self.hs_code.get_or_insert(digits);
    }

    fn measure(&mut self, mea: Segment<'_, '_>, message: &Message<'_>) {
        // Some have no kind of measure and put what is measured in its place.
        let what = mea.value(1, 0).unwrap_or_else(|| mea.get(0, 0));
        let (unit, value) = (mea.get(2, 0), mea.get(2, 1));
        if !matches!(what, "AAF" | "AAL" | "AAR" | "AAS" | "AAT" | "ABT" | "ABW" | "AAA") || value.is_empty() {
            return;
        }
        let Some(value) = number(value) else {
            return self.warn("bad_number", mea, message, format!("MEA {what}"));
        };
        if matches!(what, "AAF" | "AAL") {
            match mass_kg(value, unit) {
                Some(kg) => self.net_mass_kg = Some(kg),
                None => self.warn("bad_unit", mea, message, format!("MEA {what} in `{}`", short(unit))),
            }
        } else if self.quantity.is_none() || what == "ABT" {
            self.quantity = Some((value, unit.to_owned()));
        }
    }

    fn amount(&mut self, moa: Segment<'_, '_>, message: &Message<'_>, money: &Money, in_duty: bool) {
        let kind = moa.get(0, 0);
        if moa.get(0, 1).is_empty() {
            return;
        }
        let into = match kind {
            "40" => &mut self.customs_value,
            // On board, or with freight, where no customs value is told.
            "63" | "141" if self.customs_value.is_none() => &mut self.customs_value,
            "38" | "14" => &mut self.line_value,
            "161" | "55" if in_duty => &mut self.duty,
            _ => return,
        };
        match number(moa.get(0, 1)) {
            Some(amount) => *into = Some((amount, money.currency_of(moa.get(0, 2)).to_owned())),
            None => self.warn("bad_number", moa, message, format!("MOA {kind}")),
        }
    }

    fn reference(&mut self, rff: Segment<'_, '_>, message: &Message<'_>) {
        let Some(value) = rff.value(0, 1) else { return };
        match rff.get(0, 0) {
            // One dialect has the tariff here.
            "ABD" | "HS" => self.tariff(value, rff, message),
            "ABT" | "AAE" => self.prior.push(upper(value).into_owned()),
            _ => {}
        }
    }

    fn document(&mut self, doc: Segment<'_, '_>) {
        let number = doc.value(1, 0).map(|n| upper(n).into_owned());
        match doc.get(0, 0) {
            "861" | "862" | "863" | "864" | "865" => self.certificate = number.or(self.certificate.take()),
            code if code.is_empty() || COMMERCIAL.contains(&code) => {}
            code => self.permits.push((upper(code).into_owned(), number, None)),
        }
    }
}
