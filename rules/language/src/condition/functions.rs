//! The functions a condition may use: ours, that look into lists, tables and items, and DataFusion's, whitelisted.
//! A new function of DataFusion's is one line in [`SCALAR`]; a new one of ours is one in [`own`] and its lowering.

use haechi_model::{Kind, Stream};

use crate::program::Over;

/// DataFusion functions that are scalar and deterministic, with their signature as shown in help. Where one fails on a
/// value (the root of a number below zero), the evaluator makes that NULL.
pub const SCALAR: &[(&str, &str)] = &[
    ("abs", "abs(x)"),
    ("btrim", "btrim(text)"),
    ("ceil", "ceil(x)"),
    ("char_length", "char_length(text)"),
    ("coalesce", "coalesce(a, b, ...)"),
    ("concat", "concat(a, b, ...)"),
    ("contains", "contains(text, 'part')"),
    ("date_part", "date_part('hour', ts)"),
    ("ends_with", "ends_with(text, 'end')"),
    ("exp", "exp(x)"),
    ("floor", "floor(x)"),
    ("greatest", "greatest(a, b, ...)"),
    ("least", "least(a, b, ...)"),
    ("left", "left(text, n)"),
    ("length", "length(text)"),
    ("ln", "ln(x)"),
    ("lower", "lower(text)"),
    ("ltrim", "ltrim(text)"),
    ("nullif", "nullif(a, b)"),
    ("power", "power(x, y)"),
    ("regexp_like", "regexp_like(text, 'pattern')"),
    ("replace", "replace(text, 'from', 'to')"),
    ("right", "right(text, n)"),
    ("round", "round(x, digits)"),
    ("rtrim", "rtrim(text)"),
    ("signum", "signum(x)"),
    ("split_part", "split_part(text, 'separator', 1)"),
    ("sqrt", "sqrt(x)"),
    ("starts_with", "starts_with(text, 'start')"),
    ("strpos", "strpos(text, 'part')"),
    ("substr", "substr(text, from, length)"),
    ("substring", "substring(text, from, length)"),
    ("translate", "translate(text, 'from', 'to')"),
    ("trim", "trim(text)"),
    ("upper", "upper(text)"),
];

/// A function of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    InList,
    Mentions,
    Lookup,
    ArrayHas,
    AnyInList,
    Cardinality,
    Any(Over),
    All(Over),
    Count(Over),
    Sum(Over),
}

/// Our functions that do not depend on the stream.
const FIXED: &[(&str, Own)] = &[
    ("in_list", Own::InList),
    ("mentions", Own::Mentions),
    ("lookup", Own::Lookup),
    ("array_has", Own::ArrayHas),
    ("any_in_list", Own::AnyInList),
    ("cardinality", Own::Cardinality),
];

/// Record columns whose singular is not the name without its `s`.
const SINGULARS: &[(&str, &str)] = &[("itinerary", "leg"), ("loyalty", "loyalty")];

/// What one record of a list column is called: `containers` gives `container`, `itinerary` gives `leg`.
pub fn singular(column: &str) -> &str {
    let known = SINGULARS.iter().find(|(name, _)| *name == column).map(|(_, singular)| *singular);
    known.unwrap_or_else(|| column.strip_suffix('s').unwrap_or(column))
}

/// The function of that (lower-case) name on this stream.
pub(super) fn own(stream: &Stream, name: &str) -> Option<Own> {
    if let Some((_, own)) = FIXED.iter().find(|(known, _)| *known == name) {
        return Some(*own);
    }
    let (verb, noun) = name.split_once('_')?;
    let over = if noun == "item" || noun == "items" {
        Over::Items
    } else {
        let is_it = |column: &str| {
            let one = singular(column);
            noun == one || noun.strip_suffix('s').is_some_and(|n| n == one)
        };
        let mut columns = stream.all_columns().enumerate();
        let (index, _) = columns.find(|(_, c)| matches!(c.kind, Kind::Records(_)) && is_it(c.name))?;
        Over::Records(index as u32)
    };
    match verb {
        "any" => Some(Own::Any(over)),
        "all" => Some(Own::All(over)),
        "count" => Some(Own::Count(over)),
        "sum" => Some(Own::Sum(over)),
        _ => None,
    }
}

/// Every function name that may be written on this stream, for "did you mean".
pub(super) fn names(stream: &Stream) -> Vec<String> {
    let records = stream.all_columns().filter(|c| matches!(c.kind, Kind::Records(_)));
    let over: Vec<&str> = records.map(|c| singular(c.name)).chain(std::iter::once("item")).collect();
    SCALAR
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(FIXED.iter().map(|(name, _)| (*name).to_owned()))
        .chain(over.iter().flat_map(|one| {
            [format!("any_{one}"), format!("all_{one}s"), format!("count_{one}s"), format!("sum_{one}s")]
        }))
        .collect()
}
