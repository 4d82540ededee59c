//! What readers of consignments share: the columns, parties, containers, bills' numbers.

use std::borrow::Cow;
use std::sync::LazyLock;

use haechi_model::ids::ContainerId;
use haechi_model::streams::{CARGO_EVENT, CONSIGNMENT};

use super::convert::{country, id, text};
use super::output::{LazySheet, Row, Sheet};
use super::tree::{Element, value};
use super::unit::sheet;
use super::value::Value;

/// The columns of consignments.
pub static SHEET: LazySheet = LazyLock::new(|| Sheet::new(&CONSIGNMENT, &["message_path", "warnings", "dangerous"]));

/// The columns of cargo events.
pub static EVENTS: LazySheet = LazyLock::new(|| sheet(&CARGO_EVENT));

/// A party: its number, name, address and country.
#[derive(Debug, Default)]
pub struct Party<'u> {
    /// As numbered by the sender.
    pub id: Option<Cow<'u, str>>,
    /// First line.
    pub name: Option<Cow<'u, str>>,
    /// The rest.
    pub address: Vec<Cow<'u, str>>,
    /// ISO alpha-2.
    pub country: Option<Cow<'u, str>>,
}

impl<'u> Party<'u> {
    /// A name that may hold lines of an address, in its first line and the rest.
    pub fn named(mut self, name: Option<&'u str>) -> Self {
        if let Some(name) = name {
            let mut lines = name.lines().map(str::trim).filter_map(value);
            self.name = lines.next().map(|line| text(Cow::Borrowed(line)));
            self.address.extend(lines.map(|line| text(Cow::Borrowed(line))));
        }
        self
    }

    /// Its number.
    pub fn numbered(mut self, number: Option<&'u str>) -> Self {
        self.id = number.map(|number| id(Cow::Borrowed(number)));
        self
    }

    /// Lines of its address, and its country, which stands behind them too.
    pub fn living(mut self, lines: &[Option<&'u str>], code: Option<&'u str>, at: &str, row: &mut Row<'u>) -> Self {
        for line in lines.iter().flatten() {
            self.address.extend(line.lines().map(str::trim).filter_map(value).map(|line| text(Cow::Borrowed(line))));
        }
        if let Some(code) = code {
            let (country, oddity) = country(Cow::Borrowed(code));
            if let Some(oddity) = oddity {
                row.warn(oddity.code, at, oddity.text);
            }
            self.country = Some(country);
        }
        self
    }

    /// Puts it into the columns of the `shipper` or the `consignee`.
    pub fn put(self, role: Role, row: &mut Row<'u>) {
        let [id, name, address, country] = match role {
            Role::Shipper => ["shipper_id", "shipper_name", "shipper_address", "shipper_country"],
            Role::Consignee => ["consignee_id", "consignee_name", "consignee_address", "consignee_country"],
        };
        row.put(&SHEET, id, self.id);
        row.put(&SHEET, name, self.name);
        row.put(&SHEET, address, (!self.address.is_empty()).then(|| self.address.join(", ")));
        row.put(&SHEET, country, self.country);
    }
}

/// Which party.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Who sends.
    Shipper,
    /// Who gets.
    Consignee,
}

/// The name of whom to tell; one that only points at the consignee is his.
pub fn notify<'u>(name: Option<&'u str>, row: &mut Row<'u>) {
    let Some(name) = name else { return };
    let line = name.lines().next().unwrap_or(name).trim();
    let words: Vec<_> = line.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let same = words.first().is_some_and(|first| first.eq_ignore_ascii_case("SAME")) && words.len() <= 4;
    let consignee = row.text(&SHEET, "consignee_name").filter(|_| same).map(str::to_owned);
    match consignee {
        Some(consignee) => row.put(&SHEET, "notify_name", consignee),
        None => row.put(&SHEET, "notify_name", text(Cow::Borrowed(line))),
    }
}

/// A container on a bill.
#[derive(Debug, Default)]
pub struct Container<'u> {
    /// Upper case, without blanks and dashes.
    pub id: String,
    /// ISO 6346 type.
    pub iso_type: Option<Cow<'u, str>>,
    /// `full` or `empty`.
    pub fill: Option<&'static str>,
    /// `FCL` or `LCL`.
    pub load: Option<&'static str>,
    /// As numbered.
    pub seals: Vec<Cow<'u, str>>,
    /// Kilograms.
    pub gross_mass_kg: Option<f64>,
    /// In this container.
    pub packages: Option<f64>,
    /// By ISO 6346; unknown for what is no container.
    pub check_digit_ok: Option<bool>,
}

impl<'u> Container<'u> {
    /// A container by its number; an odd check digit is warned about.
    pub fn new(number: &str, at: impl Into<String>, row: &mut Row<'u>) -> Self {
        let id = container_id(number);
        let ok = ContainerId::parse(&id).is_ok();
        if !ok {
            row.warn("check_digit", at, format!("container number `{}`", super::convert::short(&id)));
        }
        Self { id, check_digit_ok: Some(ok), ..Self::default() }
    }

    /// As the column takes it.
    pub fn record(self) -> Vec<Value<'u>> {
        vec![
            self.id.into(),
            self.iso_type.into(),
            self.fill.into(),
            self.load.into(),
            Value::List(self.seals.into_iter().map(Value::Text).collect()),
            self.gross_mass_kg.into(),
            self.packages.into(),
            self.check_digit_ok.into(),
        ]
    }
}

/// A container number in one spelling.
pub fn container_id(number: &str) -> String {
    number.to_uppercase().chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

/// A line of goods.
#[derive(Debug, Default)]
pub struct Line<'u> {
    /// From 1.
    pub number: i32,
    /// Goods.
    pub description: Cow<'u, str>,
    /// Digits.
    pub hs_code: Option<Cow<'u, str>>,
    /// How many.
    pub packages: Option<f64>,
    /// UN Rec 21.
    pub package_kind: Option<Cow<'u, str>>,
    /// Kilograms.
    pub gross_mass_kg: Option<f64>,
    /// Cubic metres.
    pub volume_m3: Option<f64>,
    /// Dangerous goods.
    pub un_no: Option<Cow<'u, str>>,
    /// In which they are.
    pub container_ids: Vec<String>,
}

impl<'u> Line<'u> {
    /// As the column takes it.
    pub fn record(self) -> Vec<Value<'u>> {
        vec![
            self.number.into(),
            self.description.into(),
            self.hs_code.into(),
            self.packages.into(),
            self.package_kind.into(),
            self.gross_mass_kg.into(),
            self.volume_m3.into(),
            self.un_no.into(),
            Value::List(self.container_ids.into_iter().map(Value::from).collect()),
        ]
    }
}

/// `manifest/master/house`, of those that are known.
pub fn key(manifest: Option<&str>, master: Option<&str>, house: &str) -> String {
    let parts = [manifest, master, Some(house)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The value at a path as an id.
pub fn id_at<'u>(element: Element<'u>, path: &str) -> Option<Cow<'u, str>> {
    element.get(path).map(|text| id(Cow::Borrowed(text)))
}

/// The value at a path as text.
pub fn text_at<'u>(element: Element<'u>, path: &str) -> Option<Cow<'u, str>> {
    element.get(path).map(|t| text(Cow::Borrowed(t)))
}
