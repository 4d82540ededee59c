//! From the text of a mapping file to a checked [`Mapping`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use haechi_model::{Column, Kind, Stream};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::errors::Mistakes;
use super::{Change, CodeTable, MappedColumn, Mapping, MappingError, Origin, Piece, units};
use crate::tabular::cell::CellReader;

/// Columns that the reader itself fills.
const READER_OWNED: &[&str] = &["source", "source_position"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    stream: Spanned<String>,
    zone: Option<Spanned<String>>,
    #[serde(default)]
    columns: BTreeMap<Spanned<String>, Spanned<Rule>>,
    #[serde(default)]
    constants: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    #[serde(default)]
    codes: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
}

/// `"Their name"`, or a table with more to say.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RuleTable {
    from: Option<String>,
    template: Option<String>,
    unit: Option<String>,
    scale: Option<f64>,
    divide_by: Option<f64>,
    date: Option<String>,
    pad: Option<usize>,
    codes: Option<String>,
    otherwise: Option<String>,
}

struct Rule(RuleTable);

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Rule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or a table with `from` or `template`")
            }

            fn visit_str<E>(self, name: &str) -> Result<Rule, E> {
                Ok(Rule(RuleTable { from: Some(name.to_owned()), ..RuleTable::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rule, A::Error> {
                RuleTable::deserialize(MapAccessDeserializer::new(map)).map(Rule)
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

pub(super) fn parse(file: &str, text: &str) -> Result<Mapping, MappingError> {
    let mut mistakes = Mistakes::new(file, text);
    let raw: File = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            mistakes.at(error.span().map_or(0, |span| span.start), error.message());
            mistakes.into_result()?;
            unreachable!("a mistake was noted");
        }
    };
    let Some(stream) = Stream::find(raw.stream.get_ref()) else {
        let known: Vec<_> = haechi_model::streams::STREAMS.iter().map(|s| s.name).collect();
        mistakes.at(
            raw.stream.span().start,
            format!("no stream `{}`; there are {}", raw.stream.get_ref(), known.join(", ")),
        );
        mistakes.into_result()?;
        unreachable!("a mistake was noted");
    };
    let zone = raw.zone.as_ref().and_then(|zone| {
        let parsed = zone.get_ref().parse();
        if parsed.is_err() {
            let text = format!("no zone `{}`; write an IANA name such as `Asia/Seoul`", zone.get_ref());
            mistakes.at(zone.span().start, text);
        }
        parsed.ok()
    });

    let codes = code_tables(&raw.codes, &mut mistakes);
    let mut columns = Vec::new();
    for (name, rule) in &raw.columns {
        let Some(column) = column_of(stream, name, &mut mistakes) else { continue };
        let at = rule.span().start;
        match mapped(column, &rule.get_ref().0, &codes) {
            Ok(mapped) => columns.push(mapped),
            Err(texts) => texts.into_iter().for_each(|text| mistakes.at(at, text)),
        }
    }
    let mut constants = Vec::new();
    for (name, value) in &raw.constants {
        let Some(column) = column_of(stream, name, &mut mistakes) else { continue };
        if raw.columns.keys().any(|mapped| mapped.get_ref() == name.get_ref()) {
            mistakes.at(name.span().start, format!("`{}` is under [columns] too; keep one", name.get_ref()));
        }
        match scalar(value.get_ref()) {
            None => mistakes.at(value.span().start, "a constant is text, a number, true or false"),
            Some(text) => {
                if let Err(fault) = CellReader::new(column, zone.unwrap_or_default()).check(&text) {
                    mistakes.at(value.span().start, fault.reason);
                }
                constants.push((column, text));
            }
        }
    }
    mistakes.into_result()?;
    Ok(Mapping { stream, zone, columns, constants })
}

fn column_of(stream: &'static Stream, name: &Spanned<String>, mistakes: &mut Mistakes<'_>) -> Option<&'static Column> {
    let (at, name) = (name.span().start, name.get_ref());
    match stream.column(name) {
        None => {
            let nearest = stream.nearest(name);
            mistakes.at(at, format!("stream `{}` has no column `{name}`, nearest is `{nearest}`", stream.name));
            None
        }
        Some(column) if READER_OWNED.contains(&column.name) => {
            mistakes.at(at, format!("`{name}` says where a row was read, and is not mapped"));
            None
        }
        found => found,
    }
}

fn code_tables(
    raw: &BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, CodeTable> {
    let mut tables = BTreeMap::new();
    for (name, entries) in raw {
        let mut table = CodeTable { name: name.get_ref().clone(), ours: HashMap::new(), otherwise: None };
        for (theirs, ours) in entries {
            match scalar(ours.get_ref()) {
                Some(ours) => drop(table.ours.insert(theirs.get_ref().clone(), ours)),
                None => mistakes.at(ours.span().start, "a code becomes text, a number, true or false"),
            }
        }
        tables.insert(name.get_ref().clone(), table);
    }
    tables
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(n) => Some(n.to_string()),
        toml::Value::Float(x) => Some(x.to_string()),
        toml::Value::Boolean(b) => Some(b.to_string()),
        toml::Value::Datetime(when) => Some(when.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

/// One entry under `[columns]`, or everything that is wrong with it.
fn mapped(
    column: &'static Column,
    rule: &RuleTable,
    codes: &BTreeMap<String, CodeTable>,
) -> Result<MappedColumn, Vec<String>> {
    let mut wrong = Vec::new();
    let origin = match (&rule.from, &rule.template) {
        (Some(name), None) => Some(Origin::Column(name.clone())),
        (None, Some(text)) => template(text).map(Origin::Template).map_err(|text| wrong.push(text)).ok(),
        (Some(_), Some(_)) => {
            wrong.push("`from` and `template` exclude each other".to_owned());
            None
        }
        (None, None) => {
            wrong.push("say where the values come from: `from = \"Their column\"`".to_owned());
            None
        }
    };
    let is_number = matches!(column.kind, Kind::F64);
    if !is_number && (rule.unit.is_some() || rule.scale.is_some() || rule.divide_by.is_some()) {
        wrong.push(format!("`{}` is {}; only f64 columns take a unit or scale", column.name, column.kind.word()));
    }
    let factor = if is_number { factor(column, rule).map_err(|text| wrong.push(text)).ok().flatten() } else { None };
    if let Some(pattern) = &rule.date {
        if !matches!(column.kind, Kind::Date | Kind::Ts) {
            wrong.push(format!("`{}` is {}; only dates and times take a pattern", column.name, column.kind.word()));
        } else if chrono::format::StrftimeItems::new(pattern).any(|item| item == chrono::format::Item::Error) {
            wrong.push(format!("`{pattern}` is no strftime pattern; write one like `%Y-%m-%d`"));
        }
    }
    if rule.pad.is_some() && !column.kind.is_text() {
        wrong.push(format!("`{}` is {}; only text is padded", column.name, column.kind.word()));
    }
    if rule.pad.is_some_and(|pad| pad > 64) {
        wrong.push("`pad` is 64 at most".to_owned());
    }
    let table = match &rule.codes {
        None => {
            if rule.otherwise.is_some() {
                wrong.push("`otherwise` belongs to `codes`".to_owned());
            }
            None
        }
        Some(name) => {
            let table = codes.get(name);
            if table.is_none() {
                wrong.push(format!("no table [codes.{name}]"));
            }
            table.map(|table| CodeTable { otherwise: rule.otherwise.clone(), ..table.clone() })
        }
    };
    match origin {
        Some(from) if wrong.is_empty() => Ok(MappedColumn {
            column,
            from,
            change: Change { factor, date: rule.date.clone(), pad: rule.pad.unwrap_or(0), codes: table },
        }),
        _ => Err(wrong),
    }
}

fn factor(column: &Column, rule: &RuleTable) -> Result<Option<f64>, String> {
    let mut factor = None;
    if let Some(unit) = &rule.unit {
        let ours = column.unit().unwrap_or("");
        let Some(units) = units::of(ours) else {
            return Err(format!("`{}` has no unit to convert to; use `scale` or `divide_by`", column.name));
        };
        let Some((_, by)) = units.iter().find(|(name, _)| name == unit) else {
            let known: Vec<_> = units.iter().map(|(name, _)| *name).collect();
            return Err(format!("no unit `{unit}` for {ours}; there are {}", known.join(", ")));
        };
        factor = Some(*by);
    }
    for (name, by) in [("scale", rule.scale), ("divide_by", rule.divide_by.map(f64::recip))] {
        let Some(by) = by else { continue };
        if !by.is_finite() || by <= 0.0 {
            return Err(format!("`{name}` is a positive number"));
        }
        factor = Some(factor.unwrap_or(1.0) * by);
    }
    Ok(factor.filter(|by| *by != 1.0))
}

fn template(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}').map(|at| open + at) else {
            return Err(format!("`{text}`: a `{{` is not closed"));
        };
        if open > 0 {
            pieces.push(Piece::Text(rest[..open].to_owned()));
        }
        pieces.push(Piece::Column(rest[open + 1..close].to_owned()));
        rest = &rest[close + 1..];
    }
    if pieces.is_empty() {
        return Err(format!("`{text}` names no column; write it as `{{Their column}}`"));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}
