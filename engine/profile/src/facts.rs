//! What the rows of a batch bring, in the form that cells take: keys as hashes, values as facts.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use arrow::error::ArrowError;
use haechi_rules::profile::ListColumn;
use haechi_rules::program::Literal;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

use crate::cell::{Fact, Keeps};
use crate::plan::{Input, KeyFrom};
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

/// So many different elements of one list are keys, or join: the first ones that say anything. No bill has more containers;
/// whoever sends a message of ninety thousand telephones is told of, and joined by, these.
pub(crate) const LIST_KEYS_MAX: usize = 1_024;

/// Among so few of a list another one is looked for one by one.
const FEW: usize = 16;

/// Appends the elements of one list that count: each once, and no more than [`LIST_KEYS_MAX`].
fn add_different<T: Clone + Eq + Hash>(all: &mut Vec<T>, of_list: impl Iterator<Item = T>) {
    let first = all.len();
    let mut seen = HashSet::new();
    for one in of_list {
        let known = &all[first..];
        if known.len() == LIST_KEYS_MAX {
            return;
        }
        if known.len() == FEW && seen.is_empty() {
            seen.extend(known.iter().cloned());
        }
        let is_new = if known.len() < FEW { !known.contains(&one) } else { seen.insert(one.clone()) };
        if is_new {
            all.push(one);
        }
    }
}

/// Whom rows are about, by row: the keys of an entity, as hashes.
pub(crate) fn keys(
    from: &KeyFrom,
    arrays: &[ArrayRef],
    rows: &RecordBatch,
    seed: u64,
) -> Result<Vec<(u32, KeyHash)>, ArrowError> {
    let hash = |text: &str| hash_key(text, seed);
    let one = |of: Vec<Option<KeyHash>>| (0..).zip(of).filter_map(|(row, key)| Some((row, key?))).collect();
    Ok(match from {
        KeyFrom::One(input) => match Values::of(input, arrays) {
            Values::Same(literal) => {
                let key = literal.as_ref().map(plain).filter(|text| !text.is_empty());
                one(vec![key.map(|text| hash(&text)); rows.num_rows()])
            }
            Values::Each(array) => one(each_text(&texts(&array)?, hash)),
        },
        KeyFrom::Each(list) => {
            let Some((starts, of)) = elements(rows, *list)? else { return Ok(Vec::new()) };
            let hashes = each_text(&of, hash);
            let mut keys = Vec::with_capacity(hashes.len());
            for (row, window) in (0..).zip(starts.windows(2)) {
                let of_row = hashes[window[0] as usize..window[1] as usize].iter().flatten();
                add_different(&mut keys, of_row.map(|key| (row, *key)));
            }
            keys
        }
    })
}

/// Whom a row is about, as texts.
pub(crate) fn key_texts(from: &KeyFrom, arrays: &[ArrayRef], rows: &RecordBatch, row: usize) -> Vec<String> {
    let mut keys = Vec::new();
    let says = |text: &String| !text.is_empty();
    match from {
        KeyFrom::One(input) => keys.extend(
            match Values::of(input, arrays) {
                Values::Same(literal) => literal.as_ref().map(plain),
                Values::Each(array) => texts(&array).ok().and_then(|texts| texts.at(row).map(str::to_owned)),
            }
            .filter(says),
        ),
        KeyFrom::Each(list) => {
            let Ok(Some((starts, of))) = elements(rows, *list) else { return Vec::new() };
            let of_row = (starts[row] as usize..starts[row + 1] as usize).filter_map(|at| of.at(at));
            add_different(&mut keys, of_row.map(str::to_owned).filter(says));
        }
    }
    keys
}

/// The elements of a list column in these rows, and where those of each begin; `None` where there is no such column.
fn elements(rows: &RecordBatch, list: ListColumn) -> Result<Option<(Vec<i32>, Texts)>, ArrowError> {
    let column = rows.column_by_name(list.column).and_then(|column| column.as_list_opt::<i32>());
    let Some(column) = column else { return Ok(None) };
    let values = match list.field {
        None => Some(column.values()),
        Some(field) => column.values().as_struct_opt().and_then(|records| records.column_by_name(field)),
    };
    let Some(values) = values else { return Ok(None) };
    // Rows may be a few of a batch, and the column still has the elements of all.
    let offsets = column.value_offsets();
    let first = offsets.first().copied().unwrap_or_default();
    let starts: Vec<i32> = offsets.iter().map(|offset| offset - first).collect();
    let of_rows = values.slice(first as usize, starts.last().copied().unwrap_or_default() as usize);
    Ok(Some((starts, texts(&of_rows)?)))
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

/// The array in a type; itself where it has that.
pub(crate) fn in_type(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted { Ok(Arc::clone(array)) } else { cast(array, wanted) }
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
            Some(Values::Each(array)) => Self::Where(in_type(array, &DataType::Boolean)?.as_boolean().clone()),
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
        Ok(match (keeps.takes(), values) {
            (Keeps::Instants, _) => Self::When,
            (Keeps::Count, None) => Self::There,
            (Keeps::Count, Some(Values::Each(array))) => Self::ThereIf(Arc::clone(array)),
            (Keeps::Count, Some(Values::Same(literal))) => match literal {
                Some(_) => Self::There,
                None => Self::Same(None),
            },
            (Keeps::Numbers, Some(Values::Each(array))) => {
                Self::Numbers(in_type(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            (Keeps::Share, Some(Values::Each(array))) => {
                Self::Holds(in_type(array, &DataType::Boolean)?.as_boolean().clone())
            }
            (Keeps::Distinct, Some(Values::Each(array))) => Self::Hashes(each_text(&texts(array)?, hash_value)),
            (Keeps::Texts, Some(Values::Each(array))) => Self::Texts(texts(array)?),
            (Keeps::Latest, Some(Values::Each(array))) => Self::Latest(texts(array)?),
            (keeps, Some(Values::Same(literal))) => {
                Self::Same(literal.as_ref().and_then(|literal| same(keeps, literal)))
            }
            // Such a feature was refused when it was read.
            (_, None) | (Keeps::Members | Keeps::Ties | Keeps::Sums | Keeps::Moments | Keeps::Quantiles, _) => {
                Self::Same(None)
            }
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
        (Keeps::Numbers, literal) => literal.as_f64().map(SameFact::Number),
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
    Ok(Texts::Plain(in_type(array, &DataType::Utf8)?.as_string::<i32>().clone()))
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

#[cfg(test)]
mod tests {
    use arrow::array::{ListBuilder, StringBuilder};

    use super::*;

    const PHONES: KeyFrom = KeyFrom::Each(ListColumn { column: "phones", field: None });

    fn rows(lists: &[Vec<String>]) -> RecordBatch {
        let mut phones = ListBuilder::new(StringBuilder::new());
        for list in lists {
            phones.append_value(list.iter().map(Some));
        }
        RecordBatch::try_from_iter([("phones", Arc::new(phones.finish()) as ArrayRef)]).unwrap()
    }

    /// So many telephones, each twice, with an empty one and the first between.
    fn many(n: usize) -> Vec<String> {
        let phone = |n: usize| format!("+82{n}");
        (0..n).flat_map(|of| [phone(of), String::new(), phone(0), phone(of)]).collect()
    }

    #[test]
    fn the_first_elements_of_a_list_are_keys_each_once() {
        let rows = rows(&[many(3), Vec::new(), many(17), many(1_024), many(90_000)]);
        let keys = keys(&PHONES, &[], &rows, 7).unwrap();
        for (row, expected) in [(0, 3), (1, 0), (2, 17), (3, 1_024), (4, 1_024)] {
            let texts: Vec<String> = (0..expected).map(|phone| format!("+82{phone}")).collect();
            let of_row: Vec<KeyHash> = keys.iter().filter(|(of, _)| *of == row).map(|(_, key)| *key).collect();
            assert_eq!(of_row, texts.iter().map(|text| hash_key(text, 7)).collect::<Vec<_>>());
            assert_eq!(key_texts(&PHONES, &[], &rows, row as usize), texts);
        }
    }
    #[test]
    fn of_a_few_rows_of_a_batch_only_their_elements_are_read() {
        let all = rows(&[many(40), many(3), many(2), many(50)]);
        let few = all.slice(1, 2);
        let KeyFrom::Each(list) = PHONES else { unreachable!("it is a list") };
        let (starts, of) = elements(&few, list).unwrap().unwrap();
        assert_eq!(starts, [0, 12, 20]);
        assert_eq!(each_text(&of, str::len).len(), 20);
        let alone = rows(&[many(3), many(2)]);
        assert_eq!(keys(&PHONES, &[], &few, 7).unwrap(), keys(&PHONES, &[], &alone, 7).unwrap());
        assert_eq!(key_texts(&PHONES, &[], &few, 1), key_texts(&PHONES, &[], &alone, 1));
        assert_eq!(keys(&PHONES, &[], &all.slice(4, 0), 7).unwrap(), []);
    }
}
