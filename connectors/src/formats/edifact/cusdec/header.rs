//! What a declaration says before and behind its items: which one it is, what it does, who, where, how carried, in
//! which money.

use haechi_model::ids::ContainerId;
use haechi_model::intake::Warning;

use super::super::carriage::{flight, mode};
use super::super::dates::{Century, Moment, Precision, clock, parse};
use super::super::equipment::container_id;
use super::super::interchange::{Message, leading_number};
use super::super::measure::{self, number};
use super::super::packages::Packages;
use super::super::party::{Party, Ranked};
use super::super::places::{country, short, to_utc_in, upper, zone_of_port};
use super::super::segments::{Arena, Segment};
use super::lines::ModelLines;
use super::money::Money;

/// Qualifiers of the times that are read: accepted, declared, issued, processed; arrived; arrives, is imported, is
/// exported; left, leaves.
const TIMES: [&[&str]; 7] =
    [&["150"], &["148"], &["137"], &["9"], &["178"], &["132", "151", "129"], &["136", "133", "189"]];

/// More containers, and more earlier declarations, than one declaration names.
const LISTED_MAX: usize = 5_000;
/// Most of them that all rows of a declaration repeat together: a header must not make more of a message than it is.
const REPEATED_MAX: usize = 1_000_000;

/// Everything but the items.
#[derive(Debug, Default)]
pub struct Header {
    /// BGM 1001.
    pub flow: &'static str,
    /// BGM 1004, else `sender:reference`.
    pub id: Option<String>,
    /// Behind BGM 1004.
    pub version: Option<i32>,
    /// BGM 1225.
    pub function: String,
    /// DTM 150, 148, 137.
    pub declared_at: Option<i64>,
    /// DTM 178, 132; of goods that leave 136, 133.
    pub arrival_at: Option<i64>,
    /// CST 105.
    pub filing_type: Option<String>,
    /// CST 117.
    pub procedure: Option<String>,
    /// LOC 41, 22.
    pub office: Option<String>,
    /// TDT C220.
    pub mode: Option<&'static str>,
    /// TDT C222, else 8028.
    pub conveyance_id: Option<String>,
    /// NAD IM, CN.
    pub importer: Ranked,
    /// NAD SE, SU, EX, CZ.
    pub exporter: Ranked,
    /// NAD CB, DT, AE, AG.
    pub declarant: Ranked,
    /// NAD FW.
    pub forwarder: Option<String>,
    /// LOC 35.
    pub departure_country: Option<String>,
    /// LOC 27, of the items that name none.
    pub origin_country: Option<String>,
    /// LOC 36.
    pub destination_country: Option<String>,
    /// LOC 9.
    pub loading_port: Option<String>,
    /// LOC 11.
    pub unloading_port: Option<String>,
    /// LOC 14, 18.
    pub warehouse: Option<String>,
    /// RFF BH, BM, HWB; DOC 714, 705, 703; RFF AWB and DOC 740 where it is no house of theirs.
    pub house_bill: Option<String>,
    /// RFF MB, MWB; DOC 704, 741; RFF AWB and DOC 740 where there is a house bill.
    pub master_bill: Option<String>,
    /// RFF UCN.
    pub cargo_control: Option<String>,
    /// RFF ABT, where the number of the declaration is another.
    pub prior: Vec<String>,
    /// EQD.
    pub containers: Vec<String>,
    /// EQD 8169.
    pub container_mode: Option<&'static str>,
    /// MEA AAD, G, else CNT 7.
    pub gross_mass_kg: Option<f64>,
    /// PAC, all of them, else CNT 11, 8.
    pub packages: Option<f64>,
    /// PAC.
    pub package_kind: Option<String>,
    /// TOD.
    pub incoterm: Option<String>,
    /// MOA 39.
    pub invoice: Option<(f64, String)>,
    /// MOA 64.
    pub freight_usd: Option<f64>,
    /// CUX.
    pub money: Money,
    /// CNT 5.
    pub items: Option<u64>,
    /// LIN of the invoices.
    pub lines: ModelLines,
}

impl Header {
    /// Column `change_kind`.
    pub fn change_kind(&self) -> &'static str {
        match self.function.as_str() {
            "1" | "3" => "cancel",
            "4" | "5" => "amend",
            _ => "new",
        }
    }

    /// Whether it changes single items only, and says nothing of the rest.
    pub fn changes_items(&self) -> bool {
        self.function == "4"
    }

    /// Column `version`: as sent; else what the message alone can say, since whoever knows the state counts on.
    pub fn version(&self) -> i32 {
        self.version.unwrap_or(if self.change_kind() == "new" { 1 } else { 2 })
    }

    /// Reads everything of a message but its items.
    pub fn read(arena: &Arena<'_>, message: &Message<'_>, zone: chrono_tz::Tz, warnings: &mut Vec<Warning>) -> Self {
        let money = Money::at_office(zone);
        let mut header = Self { flow: "import", function: "9".to_owned(), money, ..Self::default() };
        let mut own = None;
        let mut times: [Option<Moment>; TIMES.len()] = [None; TIMES.len()];
        // Amounts are read once the rate is known, wherever it stands.
        for s in arena.iter().filter(|s| s.tag() == "CUX") {
            header.money.read(s);
        }
        let (mut in_tax, mut at_border, mut of_document) = (false, false, false);
        let (mut waybill, mut transport_document, mut office_elsewhere) = (None, None, None);
        let mut counted = (None, None);
        // Of the whole, and of the invoices that its goods are on.
        let (mut amounts, mut invoiced, mut in_invoices) = (Amounts::default(), Amounts::default(), false);
        let (mut packed, mut packed_before) = (Packages::default(), false);
        for s in arena.iter() {
            let path = || message.path(s.number());
            let mut warn = |code, text: String| warnings.push(Warning { code, path: path(), text });
            in_tax = s.tag() == "TAX" || (in_tax && matches!(s.tag(), "MOA" | "GIS" | "GEI"));
            if s.tag() == "DMS" && !in_invoices {
                packed_before = packed.count.is_some();
            }
            in_invoices = s.tag() == "DMS" || (in_invoices && s.tag() != "UNS");
            of_document = match s.tag() {
                "RFF" => !matches!(s.get(0, 0), "ABE" | "ABO" | "ABT"),
                tag => tag == "DOC" || (of_document && tag == "DTM"),
            };
            header.lines.read(s);
            match s.tag() {
                // When another document was issued.
                "DTM" if of_document && matches!(s.get(0, 0), "137" | "9") => {}
                "BGM" => header.begin(s, &mut warn),
                "CST" => header.regime(s),
                // Some name the office by what is done there.
                "LOC" if matches!(s.get(0, 0), "96" | "116") => {
                    office_elsewhere = office_elsewhere.or(s.value(1, 0).map(|code| upper(code).into_owned()));
                }
                "LOC" => header.place(s, &path, warnings),
                "DTM" => {
                    let Some(at) = TIMES.iter().position(|qualifiers| qualifiers.contains(&s.get(0, 0))) else {
                        continue;
                    };
                    // The time of the day, behind the day.
                    if let (Some(hour), Some(moment)) = (clock(s.get(0, 1), s.get(0, 2)), &mut times[at]) {
                        moment.time = moment.time.or(Some(hour));
                        continue;
                    }
                    match parse(s.get(0, 1), s.get(0, 2), Century::Recent) {
                        Ok(moment) => times[at] = times[at].or(Some(moment)),
                        Err(_) => warn("bad_date", format!("DTM {}", short(s.get(0, 0)))),
                    }
                }
                "MEA" if matches!(s.get(1, 0), "AAD" | "G" | "AAB") => match measure::read(s) {
                    Ok(measure::Measure::GrossMassKg(kg)) => header.gross_mass_kg = Some(kg),
                    Ok(_) => {}
                    Err((code, text)) => warn(code, text),
                },
                "EQD" => header.equipment(s, &mut warn),
                "RFF" if s.get(0, 0) == "AAS" => {
                    transport_document = transport_document.or(s.value(0, 1).map(|n| upper(n).into_owned()));
                }
                "RFF" if s.get(0, 0) == "AWB" => {
                    waybill = waybill.or(s.value(0, 1).map(|n| upper(n).into_owned()));
                }
                "DOC" if s.get(0, 0) == "740" => {
                    waybill = waybill.or(s.value(1, 0).map(|n| upper(n).into_owned()));
                }
                "RFF" => header.reference(s, &mut own),
                "DOC" => header.document(s),
                // Told for the whole already.
                "PAC" if in_invoices && packed_before => {}
                "PAC" => {
                    if let Err((code, text)) = packed.add(s) {
                        warn(code, text);
                    }
                }
                // At the border; at departure where nothing else is told.
                "TDT" if matches!(s.get(0, 0), "20" | "11" | "") => {
                    header.transport(s);
                    at_border = true;
                }
                "TDT" if s.get(0, 0) == "12" && !at_border => header.transport(s),
                "NAD" => header.party(s, &path, warnings),
                "TOD" => {
                    header.incoterm = header.incoterm.take().or_else(|| s.value(2, 0).map(|i| upper(i).into_owned()));
                }
                "MOA" if !in_tax && in_invoices => invoiced.read(s, &header.money, true, &mut warn),
                "MOA" if !in_tax => amounts.read(s, &header.money, false, &mut warn),
                "CNT" => match s.get(0, 0) {
                    "5" => header.items = leading_number(s.get(0, 1)),
                    "11" => counted.0 = number(s.get(0, 1)),
                    "8" => counted.0 = counted.0.or_else(|| number(s.get(0, 1))),
                    "7" => {
                        let unit = s.get(0, 2);
                        counted.1 = number(s.get(0, 1)).and_then(|mass| measure::mass_kg(mass, unit));
                    }
                    _ => {}
                },
                // Read and kept in the bytes: totals of duties, texts, seals, payment, what is behind UNS.
                "MOA" | "MEA" | "TAX" | "GIS" | "GEI" | "FTX" | "SEL" | "FII" | "PCI" | "TPL" | "CTA" | "COM"
                | "CUX" | "UNS" | "AUT" | "DMS" | "LIN" | "TDT" | "PIA" | "QTY" | "IMD" | "PRI" | "ALI" | "GIR"
                | "GIN" | "EFI" | "PYT" | "PAT" | "QVR" => {}
                tag => warn("unknown_segment", format!("{tag} in the header of a declaration")),
            }
        }
        header.invoice = amounts.invoice.or(invoiced.invoice).or(amounts.cost).or(invoiced.cost);
        header.freight_usd = amounts.freight_usd.or(invoiced.freight_usd);
        header.packages = packed.count.or(counted.0);
        header.package_kind = packed.kind;
        header.gross_mass_kg = header.gross_mass_kg.or(counted.1);
        let sender = &message.envelope.sender;
        header.id = header.id.take().or_else(|| own.map(|own| format!("{sender}:{own}")));
        // An air waybill, and a document of carriage of no kind: the house bill, or what stands above it.
        for number in [waybill, transport_document].into_iter().flatten() {
            if [&header.house_bill, &header.master_bill].into_iter().flatten().any(|known| *known == number) {
                continue;
            }
            let bill = if header.house_bill.is_none() { &mut header.house_bill } else { &mut header.master_bill };
            bill.get_or_insert(number);
        }
        header.office = header.office.take().or(office_elsewhere);
        header.settle_times(times, message, zone, warnings);
        header
    }

    /// Cuts the lists that each of so many rows repeats. Returns whether there was anything to cut.
    pub fn bound(&mut self, n_rows: usize) -> bool {
        let most = (REPEATED_MAX / n_rows.max(1)).clamp(5, LISTED_MAX);
        let cut = self.containers.len().max(self.prior.len()) > most;
        self.containers.truncate(most);
        self.prior.truncate(most);
        cut
    }

    fn begin(&mut self, bgm: Segment<'_, '_>, warn: &mut dyn FnMut(&'static str, String)) {
        self.id = bgm.value(1, 0).map(|id| upper(id).into_owned());
        // The version, else the revision behind it.
        self.version = [1, 2].iter().find_map(|part| bgm.get(1, *part).parse().ok().filter(|v| *v > 0));
        let function = bgm.get(2, 0);
        if !function.is_empty() {
            function.clone_into(&mut self.function);
        }
        if !matches!(self.function.as_str(), "1" | "2" | "3" | "4" | "5" | "6" | "7" | "9" | "22" | "35") {
            warn("unknown_code", format!("BGM 1225 {}", short(&self.function)));
        }
        self.flow = match (bgm.get(0, 0), bgm.get(0, 3)) {
            ("929" | "930", _) => "import",
            ("830", _) => "export",
            ("950" | "952" | "820" | "821" | "822", _) => "transit",
            // One dialect names the kind in words, behind a code of its own.
            (_, name) if name.starts_with("EX") => "export",
            (_, name) if name.starts_with("IM") => "import",
            (code, _) => {
                warn("unknown_code", format!("BGM {}; taken as import", short(code)));
                "import"
            }
        };
    }

    /// CST of the header: its first element, the item number, is empty.
    fn regime(&mut self, cst: Segment<'_, '_>) {
        for element in 1..cst.len() {
            let code = cst.value(element, 0).map(|c| upper(c).into_owned());
            match cst.get(element, 1) {
                "117" => self.procedure = code.or(self.procedure.take()),
                "105" => self.filing_type = code.or(self.filing_type.take()),
                _ => {}
            }
        }
    }

    fn place(&mut self, loc: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) {
        let Some(code) = loc.value(1, 0).map(|c| upper(c).into_owned()) else { return };
        match loc.get(0, 0) {
            "41" | "22" => self.office = self.office.take().or(Some(office(&code))),
            "35" => self.departure_country = Some(country(&code, path, warnings).into_owned()),
            "27" => self.origin_country = Some(country(&code, path, warnings).into_owned()),
            "36" => self.destination_country = Some(country(&code, path, warnings).into_owned()),
            // The place of the terms of delivery comes again behind TOD.
            "9" => self.loading_port = self.loading_port.take().or(Some(code)),
            "28" if self.destination_country.is_none() => {
                self.destination_country = Some(country(&code, path, warnings).into_owned());
            }
            "11" | "12" => self.unloading_port = self.unloading_port.take().or(Some(code)),
            "14" | "18" => self.warehouse = self.warehouse.take().or(Some(code)),
            _ => {}
        }
    }

    fn equipment(&mut self, eqd: Segment<'_, '_>, warn: &mut dyn FnMut(&'static str, String)) {
        let id = container_id(eqd.get(1, 0));
        if eqd.get(0, 0) == "CN" && !id.is_empty() && ContainerId::parse(&id).is_err() {
            warn("check_digit", format!("container {}", short(&id)));
        }
        // One more than are kept tells that some were cut.
        if !id.is_empty() && self.containers.len() <= LISTED_MAX && !self.containers.contains(&id) {
            self.containers.push(id);
        }
        self.container_mode = match eqd.get(5, 0) {
            "8" | "5" => Some("FC"),
            "7" => Some("LC"),
            _ => self.container_mode,
        };
    }

    fn reference(&mut self, rff: Segment<'_, '_>, own: &mut Option<String>) {
        let Some(value) = rff.value(0, 1).map(|r| upper(r).into_owned()) else { return };
        match rff.get(0, 0) {
            "MB" | "MWB" => self.master_bill = Some(value),
            "BH" | "BM" | "HWB" => self.house_bill = Some(value),
            "UCN" => self.cargo_control = Some(value),
            "ABE" => *own = Some(value),
            // The declarant's own number, where there is no other.
            "ABO" => {
                own.get_or_insert(value);
            }
            // Terms of delivery, where there is no TOD.
            "APH" if value.len() == 3 => {
                self.incoterm.get_or_insert(value);
            }
            "ABT" if Some(&value) != self.id.as_ref() && self.prior.len() <= LISTED_MAX => self.prior.push(value),
            _ => {}
        }
    }

    fn document(&mut self, doc: Segment<'_, '_>) {
        let Some(number) = doc.value(1, 0).map(|n| upper(n).into_owned()) else { return };
        match doc.get(0, 0) {
            "714" | "705" | "703" => self.house_bill = self.house_bill.take().or(Some(number)),
            "704" | "741" => self.master_bill = self.master_bill.take().or(Some(number)),
            _ => {}
        }
    }

    fn transport(&mut self, tdt: Segment<'_, '_>) {
        self.mode = mode(tdt).or(self.mode);
        // An aircraft is known by its flight, whatever else is told of it.
        let flight = if self.mode == Some("air") { flight(tdt) } else { None };
        let vessel = || tdt.value(7, 0).or_else(|| tdt.value(7, 3)).or_else(|| tdt.value(1, 0));
        let named = flight.or_else(|| vessel().map(|id| upper(id).into_owned()));
        self.conveyance_id = named.or(self.conveyance_id.take());
    }

    fn party(&mut self, nad: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) {
        let mut of_party = Vec::new();
        let mut read = || Party::read(nad, path, &mut of_party);
        let qualifier = nad.get(0, 0);
        // On export we are the exporter, and who buys is abroad.
        let importers: &[&str] =
            if self.flow == "export" { &["IM", "BY", "CN"] } else { &["IM", "AT", "GO", "CN", "BY"] };
        let exporters: &[&str] =
            if self.flow == "export" { &["EX", "GO", "CZ", "SE", "SU"] } else { &["SE", "SU", "EX", "CZ"] };
        if qualifier == "FW" {
            self.forwarder = read().id;
        } else {
            let known = self.importer.offer(importers, qualifier, &mut read)
                || self.exporter.offer(exporters, qualifier, &mut read)
                || self.declarant.offer_by_id(&["CB", "DT", "AE", "AG"], qualifier, &mut read);
            if !known
                && !matches!(
                    qualifier,
                    "WH" | "MS" | "MR" | "CA" | "CG" | "NI" | "ST" | "PR" | "VT" | "CM" | "DP" | "WP"
                )
            {
                let text = format!("NAD {}", short(qualifier));
                of_party.push(Warning { code: "unknown_party", path: path(), text });
            }
        }
        warnings.append(&mut of_party);
    }

    fn settle_times(
        &mut self,
        [accepted, declared, issued, processed, arrived, arrives, leaves]: [Option<Moment>; TIMES.len()],
        message: &Message<'_>,
        zone: chrono_tz::Tz,
        warnings: &mut Vec<Warning>,
    ) {
        let declared = accepted.or(declared).or(issued).or(processed);
        if declared.is_some_and(|m| m.time.is_none() && m.precision == Precision::Day) {
            let text = "the day is known, not the hour: taken as its beginning".to_owned();
            warnings.push(Warning { code: "day_only", path: message.path(1), text });
        }
        self.declared_at = declared.and_then(|m| to_utc_in(m, zone)).or_else(|| {
            let text = "no usable DTM 150, 148 or 137; the interchange's time was taken".to_owned();
            warnings.push(Warning { code: "no_declared_time", path: message.path(1), text });
            message.envelope.issued_at
        });
        // Goods for export leave; some call that an arrival as well.
        let export = self.flow == "export";
        let (port, moment) = if export {
            (&self.loading_port, leaves.or(arrived).or(arrives))
        } else {
            (&self.unloading_port, arrived.or(arrives))
        };
        let known = port.as_deref().and_then(zone_of_port);
        if let (Some(port), None, Some(None)) = (port, known, moment.map(|m| m.offset_minutes)) {
            let text = format!("`{}` has no time zone we know; read in that of the office, {zone}", short(port));
            warnings.push(Warning { code: "unknown_port", path: message.path(1), text });
        }
        self.arrival_at = moment.and_then(|m| to_utc_in(m, known.unwrap_or(zone)));
    }
}

/// Amounts of all goods together.
#[derive(Default)]
struct Amounts {
    /// MOA 39.
    invoice: Option<(f64, String)>,
    /// MOA 63, 141: what the goods cost on board, or with freight.
    cost: Option<(f64, String)>,
    /// MOA 64.
    freight_usd: Option<f64>,
}

impl Amounts {
    /// Reads a MOA. Amounts of one kind replace each other, or `add` up: those of invoices, as far as they are in one
    /// currency.
    fn read(&mut self, moa: Segment<'_, '_>, money: &Money, add: bool, warn: &mut dyn FnMut(&'static str, String)) {
        let kind = moa.get(0, 0);
        // A currency alone is no amount.
        if !matches!(kind, "39" | "63" | "141" | "64") || moa.get(0, 1).is_empty() {
            return;
        }
        let Some(amount) = number(moa.get(0, 1)) else {
            return warn("bad_number", format!("MOA {kind}"));
        };
        let currency = money.currency_of(moa.get(0, 2));
        let into = match kind {
            "64" => {
                let Some(usd) = money.usd(amount, currency) else {
                    self.freight_usd = self.freight_usd.filter(|_| add);
                    return warn("amount_currency", format!("MOA {kind} in `{}`", short(currency)));
                };
                self.freight_usd = Some(usd + self.freight_usd.filter(|_| add).unwrap_or_default());
                return;
            }
            "39" => &mut self.invoice,
            // The first says it.
            _ if self.cost.is_some() => return,
            _ => &mut self.cost,
        };
        match into {
            Some((sum, known)) if add && known == currency => *sum += amount,
            Some((_, known)) if add => {
                warn("amount_currency", format!("MOA {kind} in `{}` beside `{}`", short(currency), short(known)));
            }
            _ => *into = Some((amount, currency.to_owned())),
        }
    }
}

/// A customs office: of the five digits of office and section, the office.
fn office(code: &str) -> String {
    let five_digits = code.len() == 5 && code.bytes().all(|b| b.is_ascii_digit());
    code[..if five_digits { 3 } else { code.len() }].to_owned()
}
