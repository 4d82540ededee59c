//! Values on their way from a unit into a row.

use std::borrow::Cow;

use haechi_model::Cell;
use haechi_model::intake::Warning;

/// A value that a unit gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'u> {
    /// Nothing.
    #[default]
    Null,
    /// Ids, codes, text.
    Text(Cow<'u, str>),
    /// Whole numbers.
    I32(i32),
    /// Amounts and measures.
    F64(f64),
    /// Flags.
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Milliseconds since 1970, UTC.
    Ts(i64),
    /// Elements of a list.
    List(Vec<Value<'u>>),
    /// Members of a record.
    Record(Vec<Value<'u>>),
}

impl<'u> Value<'u> {
    /// Nothing was given.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null) || matches!(self, Self::List(items) if items.is_empty())
    }

    /// As a builder takes it.
    pub fn cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Text(text) => Cell::Text(text),
            Self::I32(n) => Cell::I32(*n),
            Self::F64(n) => Cell::F64(*n),
            Self::Bool(b) => Cell::Bool(*b),
            Self::Date(day) => Cell::Date(*day),
            Self::Ts(instant) => Cell::Ts(*instant),
            Self::List(items) => Cell::List(items.iter().map(Value::cell).collect()),
            Self::Record(members) => Cell::Record(members.iter().map(Value::cell).collect()),
        }
    }

    /// The same, held by itself.
    pub fn into_owned(self) -> Value<'static> {
        let each = |items: Vec<Self>| items.into_iter().map(Value::into_owned).collect();
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::I32(n) => Value::I32(n),
            Self::F64(n) => Value::F64(n),
            Self::Bool(b) => Value::Bool(b),
            Self::Date(day) => Value::Date(day),
            Self::Ts(instant) => Value::Ts(instant),
            Self::List(items) => Value::List(each(items)),
            Self::Record(members) => Value::Record(each(members)),
        }
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::F64(n) => Some(*n),
            Self::I32(n) => Some(f64::from(*n)),
            _ => None,
        }
    }

    /// A list of texts, each once, in the order given.
    pub fn texts(texts: impl IntoIterator<Item = Cow<'u, str>>) -> Self {
        let mut list: Vec<Value<'u>> = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        for text in texts {
            // Most lists are short.
            let known = if list.len() < SHORT_LIST {
                list.iter().any(|known| known.text() == Some(&text))
            } else {
                if seen.is_empty() {
                    seen.extend(list.iter().filter_map(|known| known.text().map(str::to_owned)));
                }
                !seen.insert(text.to_string())
            };
            if !known {
                list.push(Value::Text(text));
            }
        }
        Self::List(list)
    }
}

/// Lists up to here are looked through.
const SHORT_LIST: usize = 16;

impl<'u> From<&'u str> for Value<'u> {
    fn from(text: &'u str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'u> From<Cow<'u, str>> for Value<'u> {
    fn from(text: Cow<'u, str>) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value<'_> {
    fn from(n: f64) -> Self {
        if n.is_finite() { Self::F64(n) } else { Self::Null }
    }
}

impl From<i32> for Value<'_> {
    fn from(n: i32) -> Self {
        Self::I32(n)
    }
}

impl From<bool> for Value<'_> {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl<'u, T: Into<Value<'u>>> From<Option<T>> for Value<'u> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Warnings as a row keeps them; of very many the first.
pub fn warning_cells<'w>(warnings: impl Iterator<Item = &'w Warning>) -> Cell<'w> {
    let cell = |Warning { code, path, text }: &'w Warning| {
        Cell::Record(vec![Cell::Text(code), Cell::Text(path), Cell::Text(text)])
    };
    Cell::List(warnings.take(ROW_WARNINGS_MAX).map(cell).collect())
}

/// More than anybody reads of one row.
const ROW_WARNINGS_MAX: usize = 50;
