//! What the rows of a batch bring, in the form that cells take: keys as hashes, values as facts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use arrow::error::ArrowError;
use haechi_rules::program::Literal;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::cell::{Fact, Keeps};
use crate::plan::Input;
use crate::series::Moment;
use crate::shard::KeyHash;

/// The values of an input, one a row or one for all.
pub(crate) enum Values {
    Same(Option<Literal>),
    Each(ArrayRef),
}

impl Values {
    pub fn of(input: &Input, arrays: &[ArrayRef]) -> Self {
        match input {
            Input::Constant(literal) => Self::Same(literal.clone()),
            Input::Expression(place) => Self::Each(Arc::clone(&arrays[*place])),
        }
    }
}

/// The keys of an entity, one a row; `None` where the row is about nobody.
pub(crate) fn keys(values: &Values, rows: usize, seed: u64) -> Result<Vec<Option<KeyHash>>, ArrowError> {
    let hash = |text: &str| hash_key(text, seed);
    Ok(match values {
        Values::Same(literal) => vec![literal.as_ref().map(|literal| hash(&plain(literal))); rows],
        Values::Each(array) => each_text(&texts(array)?, hash),
    })
}

/// The key of a row as text; `None` where it is about nobody.
pub(crate) fn key_text(values: &Values, row: usize) -> Option<String> {
    let text = match values {
        Values::Same(literal) => plain(literal.as_ref()?),
        Values::Each(array) => texts(array).ok()?.at(row)?.to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

/// The hash of a key as text. Nothing and the empty text are keys of nobody, see [`each_text`].
pub(crate) fn hash_key(text: &str, seed: u64) -> KeyHash {
    xxh3_128_with_seed(text.as_bytes(), seed)
}

/// A constant as the text that the same value in a column has.
fn plain(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// Rows for which a filter holds.
pub(crate) enum Filter {
    All,
    None,
    Where(BooleanArray),
}

impl Filter {
    pub fn of(values: Option<&Values>) -> Result<Self, ArrowError> {
        Ok(match values {
            None | Some(Values::Same(Some(Literal::Bool(true)))) => Self::All,
            Some(Values::Same(_)) => Self::None,
            Some(Values::Each(array)) => Self::Where(cast(array, &DataType::Boolean)?.as_boolean().clone()),
        })
    }

    #[inline]
    pub fn holds(&self, row: usize) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Where(array) => array.is_valid(row) && array.value(row),
        }
    }
}

/// What rows bring to a series.
pub(crate) enum Facts {
    There,
    ThereIf(ArrayRef),
    Numbers(Float64Array),
    Holds(BooleanArray),
    Hashes(Vec<Option<u64>>),
    Texts(Texts),
    When,
    Latest(Texts),
    Same(Option<SameFact>),
}

/// A fact that is the same for all rows.
pub(crate) enum SameFact {
    Number(f64),
    Holds(bool),
    Hash(u64),
    Text(Box<str>),
}

impl Facts {
    pub fn of(keeps: Keeps, values: Option<&Values>) -> Result<Self, ArrowError> {
        Ok(match (keeps, values) {
            (Keeps::Instants, _) => Self::When,
            (Keeps::Count, None) => Self::There,
            (Keeps::Count, Some(Values::Each(array))) => Self::ThereIf(Arc::clone(array)),
            (Keeps::Count, Some(Values::Same(literal))) => match literal {
                Some(_) => Self::There,
                None => Self::Same(None),
            },
            (Keeps::Moments | Keeps::Numbers | Keeps::Quantiles, Some(Values::Each(array))) => {
                Self::Numbers(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            (Keeps::Share, Some(Values::Each(array))) => {
                Self::Holds(cast(array, &DataType::Boolean)?.as_boolean().clone())
            }
            (Keeps::Distinct, Some(Values::Each(array))) => Self::Hashes(each_text(&texts(array)?, hash_value)),
            (Keeps::Texts, Some(Values::Each(array))) => Self::Texts(texts(array)?),
            (Keeps::Latest, Some(Values::Each(array))) => Self::Latest(texts(array)?),
            (keeps, Some(Values::Same(literal))) => {
                Self::Same(literal.as_ref().and_then(|literal| same(keeps, literal)))
            }
            // Such a feature was refused when it was read.
            (_, None) => Self::Same(None),
        })
    }

    /// What a row brings; `None` where it says nothing.
    #[inline]
    pub fn at(&self, row: usize, moment: Moment) -> Option<Fact<'_>> {
        match self {
            Self::There => Some(Fact::There),
            Self::ThereIf(array) => array.is_valid(row).then_some(Fact::There),
            Self::Numbers(array) => {
                let value = array.is_valid(row).then(|| array.value(row)).filter(|value| value.is_finite())?;
                Some(Fact::Number(value))
            }
            Self::Holds(array) => array.is_valid(row).then(|| Fact::Holds(array.value(row))),
            Self::Hashes(hashes) => hashes[row].map(Fact::Hash),
            Self::Texts(texts) => texts.at(row).map(Fact::Text),
            Self::When => Some(Fact::At(moment.at_ms)),
            Self::Latest(texts) => Some(Fact::TextAt(texts.at(row), moment.at_ms)),
            Self::Same(same) => same.as_ref().map(|same| match same {
                SameFact::Number(value) => Fact::Number(*value),
                SameFact::Holds(holds) => Fact::Holds(*holds),
                SameFact::Hash(hash) => Fact::Hash(*hash),
                SameFact::Text(text) => Fact::Text(text),
            }),
        }
    }
}

fn same(keeps: Keeps, literal: &Literal) -> Option<SameFact> {
    match (keeps, literal) {
        (Keeps::Moments | Keeps::Numbers | Keeps::Quantiles, literal) => literal.as_f64().map(SameFact::Number),
        (Keeps::Share, Literal::Bool(holds)) => Some(SameFact::Holds(*holds)),
        (Keeps::Distinct, literal) => Some(SameFact::Hash(hash_value(&plain(literal)))),
        (Keeps::Texts, literal) => Some(SameFact::Text(plain(literal).into())),
        _ => None,
    }
}

fn hash_value(text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), 0)
}

/// A text a row, plain or by code.
pub(crate) enum Texts {
    Plain(StringArray),
    Coded(Int32Array, StringArray),
}

impl Texts {
    pub fn at(&self, row: usize) -> Option<&str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Coded(codes, texts) => {
                let code = codes.is_valid(row).then(|| codes.value(row) as usize)?;
                texts.is_valid(code).then(|| texts.value(code))
            }
        }
    }
}

/// The values of any column as text.
fn texts(array: &ArrayRef) -> Result<Texts, ArrowError> {
    if let Some(coded) = array.as_dictionary_opt::<Int32Type>()
        && let Some(texts) = coded.values().as_string_opt::<i32>()
    {
        return Ok(Texts::Coded(coded.keys().clone(), texts.clone()));
    }
    Ok(Texts::Plain(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()))
}

/// Something of each text; of each distinct one once, where they are by code. Empty texts say nothing.
fn each_text<T: Copy>(texts: &Texts, of: impl Fn(&str) -> T) -> Vec<Option<T>> {
    let said = |text: &str| (!text.is_empty()).then(|| of(text));
    match texts {
        Texts::Plain(texts) => texts.iter().map(|text| text.and_then(said)).collect(),
        Texts::Coded(codes, texts) if texts.len() <= 2 * codes.len() => {
            let of_codes: Vec<Option<T>> = texts.iter().map(|text| text.and_then(said)).collect();
            codes.iter().map(|code| of_codes.get(code? as usize).copied().flatten()).collect()
        }
        Texts::Coded(codes, _) => (0..codes.len()).map(|row| texts.at(row).and_then(said)).collect(),
    }
}
