//! Tables of a format: which element is which column, and how it is read. A format is mostly such tables; its page
//! of documentation is made from them, and code says only what no table can.
//!
//! A path is local names: `GoodsShipment/Consignment/Carrier/ID`. `@name` behind it is an attribute, `[NAME=a|b]` and
//! `[@name=a|b]` hold a step to those whose child or attribute has one of these values. Several lines for one column
//! are asked in their order, and the first that gives something holds.

use std::borrow::Cow;

use chrono_tz::Tz;
use haechi_model::intake::Warning;
use haechi_model::{Stream, StreamBuilder};

use super::convert::{self, Oddity};
use super::tree::Element;
use super::value::Value;

/// A line of a table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Where it stands.
    pub path: &'static str,
    /// Where it goes.
    pub column: &'static str,
    /// What is done to it.
    pub read: Read,
}

/// A line of a table.
pub const fn field(path: &'static str, column: &'static str, read: Read) -> Field {
    Field { path, column, read }
}

/// How a text becomes a value.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// Upper case.
    Id,
    /// Upper case, of a list of codes.
    Code,
    /// As sent, in one normal form.
    Text,
    /// A number, with the decimals of its sender.
    Number,
    /// A whole number.
    Count,
    /// A mass, its unit in this attribute, or the first of several between bars; kilograms without.
    Mass(&'static str),
    /// A volume in the same way; cubic metres without.
    Volume(&'static str),
    /// A country, to ISO alpha-2.
    Country,
    /// Digits of a tariff code.
    Tariff,
    /// A day or an instant, in the zone of the format where it has none of its own.
    Instant,
    /// The same; a bare day is its midnight, and is warned about.
    DayOrInstant,
    /// A day.
    Day,
    /// Yes or no.
    Flag,
    /// A mode of transport, by the names that this source has for it.
    Mode(&'static str),
    /// Theirs and ours; a code not in the list is kept, with a warning.
    OneOf(&'static [(&'static str, &'static str)]),
    /// The first characters.
    First(usize),
    /// All that are there, each once, as ids.
    Ids,
    /// All that are there, each once, as countries.
    Countries,
    /// All that are there, joined by ` / `.
    Joined,
    /// Read by the code of the format, as this says.
    By(&'static str),
}

impl Read {
    /// What is done, as the documentation says it.
    pub fn says(self) -> Cow<'static, str> {
        match self {
            Self::Id => "id: upper case".into(),
            Self::Code => "code: upper case".into(),
            Self::Text => "text".into(),
            Self::Number => "number".into(),
            Self::Count => "whole number".into(),
            Self::Mass("") => "kilograms".into(),
            Self::Mass(unit) => format!("mass, to kilograms by `@{}`", unit.replace('|', "`, `@")).into(),
            Self::Volume("") => "cubic metres".into(),
            Self::Volume(unit) => format!("volume, to cubic metres by `@{}`", unit.replace('|', "`, `@")).into(),
            Self::Country => "country, to ISO alpha-2".into(),
            Self::Tariff => "digits".into(),
            Self::Instant => "instant".into(),
            Self::DayOrInstant => "instant; a bare day is its midnight, `day_only`".into(),
            Self::Day => "day".into(),
            Self::Flag => "yes or no".into(),
            Self::Mode(_) => "mode of transport".into(),
            Self::OneOf(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(theirs, ours)| format!("`{theirs}` {ours}")).collect();
                pairs.join(", ").into()
            }
            Self::First(n) => format!("first {n} characters").into(),
            Self::Ids => "list of ids, each once".into(),
            Self::Countries => "list of countries, each once".into(),
            Self::Joined => "all, joined by ` / `".into(),
            Self::By(what) => what.into(),
        }
    }
}

/// A step of a path.
#[derive(Debug)]
struct Step {
    name: &'static str,
    only: Option<Only>,
}

/// What a step is held to.
#[derive(Debug)]
struct Only {
    attribute: bool,
    name: &'static str,
    values: Vec<&'static str>,
}

#[derive(Debug)]
struct Line {
    steps: Vec<Step>,
    attribute: Option<&'static str>,
    column: usize,
    read: Read,
    path: &'static str,
}

/// A table made ready: paths cut into steps, columns looked up.
#[derive(Debug)]
pub struct Table {
    lines: Vec<Line>,
}

impl Table {
    /// Makes a table ready for rows of `stream` with the derived columns `also`.
    pub fn new(fields: &'static [Field], stream: &'static Stream, also: &[&str]) -> Self {
        let builder = StreamBuilder::with_also(stream, also).expect("columns of the stream; every test reads them");
        let line = |field: &Field| {
            let (path, attribute) = match field.path.rsplit_once('@') {
                Some((path, attribute)) if !attribute.contains(']') => (path, Some(attribute)),
                _ => (field.path, None),
            };
            let column = builder.index(field.column).expect("a column of the stream; every test reads it");
            Line { steps: steps(path), attribute, column, read: field.read, path: field.path }
        };
        Self { lines: fields.iter().filter(|f| !matches!(f.read, Read::By(_))).map(line).collect() }
    }

    /// Reads an element by this table. `put` takes each value that is one, with its column.
    pub fn read<'u>(
        &self,
        element: Element<'u>,
        zone: Tz,
        at: &dyn Fn() -> String,
        warnings: &mut Vec<Warning>,
        put: &mut dyn FnMut(usize, Value<'u>),
    ) {
        let mut done = 0u128;
        for line in &self.lines {
            let bit = 1u128 << (line.column & 127);
            if done & bit != 0 {
                continue;
            }
            let (value, oddity) = line.value(element, zone);
            if let Some(Oddity { code, text }) = oddity {
                warnings.push(Warning { code, path: format!("{}/{}", at(), line.path), text });
            }
            if !value.is_null() {
                done |= bit;
                put(line.column, value);
            }
        }
    }
}

impl Line {
    fn value<'u>(&self, element: Element<'u>, zone: Tz) -> (Value<'u>, Option<Oddity>) {
        let mut oddity = None;
        let mut list: Vec<Cow<'u, str>> = Vec::new();
        let mut found = Value::Null;
        visit(element, &self.steps, &mut |element| {
            let text = match self.attribute {
                None => element.value().map(Cow::Borrowed),
                Some(attribute) => element.attribute_value(attribute),
            };
            let Some(text) = text else { return false };
            match self.read {
                Read::Ids => list.push(convert::id(text)),
                Read::Countries => {
                    let (country, odd) = convert::country(text);
                    oddity = oddity.take().or(odd);
                    list.push(country);
                }
                Read::Joined => list.push(convert::text(text)),
                read => {
                    let (value, odd) = convert::value(read, element, text, zone);
                    oddity = oddity.take().or(odd);
                    found = value;
                    return !found.is_null();
                }
            }
            false
        });
        let value = match self.read {
            Read::Ids | Read::Countries => Value::texts(list),
            Read::Joined => convert::joined(list).into(),
            _ => found,
        };
        (value, oddity)
    }
}

/// Visits every element at the path, until one is enough.
fn visit<'u>(element: Element<'u>, steps: &[Step], enough: &mut dyn FnMut(Element<'u>) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return enough(element) };
    element.all(step.name).any(|child| step.takes(child) && visit(child, rest, enough))
}

impl Step {
    fn takes(&self, element: Element<'_>) -> bool {
        let Some(Only { attribute, name, values }) = &self.only else { return true };
        if *attribute {
            return element.attribute(name).is_some_and(|value| values.contains(&value.trim()));
        }
        element.get(name).is_some_and(|value| values.contains(&value))
    }
}

fn steps(path: &'static str) -> Vec<Step> {
    if path.is_empty() {
        return Vec::new();
    }
    // No `/` stands in a condition.
    path.split('/')
        .map(|step| match step.split_once('[') {
            None => Step { name: step, only: None },
            Some((name, only)) => {
                let only = only.trim_end_matches(']');
                let (what, values) = only.split_once('=').expect("a condition has a value; every test reads it");
                let attribute = what.starts_with('@');
                let what = what.trim_start_matches('@');
                Step { name, only: Some(Only { attribute, name: what, values: values.split('|').collect() }) }
            }
        })
        .collect()
}
