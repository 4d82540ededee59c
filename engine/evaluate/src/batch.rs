//! A batch made ready for its blocks: columns in the stream's types, dictionaries answered once per distinct value,
//! and the rows of each subject.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Int16Type, Int32Type};
use haechi_rules::program::{AtomId, Operand, OperandId};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::codes::CodeAtoms;
use crate::error::EvaluateError;
use crate::plan::{AtomPlan, Plan};
use crate::schedule::Schedule;
use crate::text::TextIndex;

/// With fewer rows than this, values are looked at row by row.
const CODES_ROWS_MIN: usize = 64;

/// A batch ready to be evaluated block by block.
pub(crate) struct Prepared {
    pub rows: usize,
    /// By column of the stream; `None` where the batch has none: all NULL.
    pub columns: Vec<Option<ArrayRef>>,
    /// By operand: the atoms of every dictionary code; empty for a few rows.
    codes: Vec<Option<CodeAtoms>>,
    /// By atom that compares two dictionary columns.
    pairs: Vec<(AtomId, TextPair)>,
    /// Where each subject's rows begin, and the end; empty where no rule looks across items.
    pub subjects: Vec<u32>,
}

impl Prepared {
    /// With `spread`, columns are looked at on several threads.
    pub fn new(plan: &Plan, schedule: &Schedule, batch: &RecordBatch, spread: bool) -> Result<Self, EvaluateError> {
        let mut prepared = Self::columns(plan, batch)?;
        prepared.answer_codes(plan, schedule, spread);
        Ok(prepared)
    }

    /// The columns alone, without a look at their dictionaries.
    pub fn columns(plan: &Plan, batch: &RecordBatch) -> Result<Self, EvaluateError> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; plan.n_columns];
        let places = plan.places_in(batch.schema_ref());
        for ((index, name, wanted), place) in plan.columns.iter().zip(&*places) {
            if let Some(place) = place {
                columns[*index] = Some(readable(batch.column(*place), name, wanted)?);
            }
        }
        let key = plan.program.stream.subject_key;
        let subjects = if plan.across_items { subject_starts(batch, key)? } else { Vec::new() };
        Ok(Self { subjects, ..Self::of_columns(batch.num_rows(), columns) })
    }

    /// Columns of the stream, by their place, in types that can be read.
    pub fn of_columns(rows: usize, columns: Vec<Option<ArrayRef>>) -> Self {
        Self { rows, columns, codes: Vec::new(), pairs: Vec::new(), subjects: Vec::new() }
    }

    /// Asks the index of each dictionary column for its values, where there are not many more of them than rows.
    fn answer_codes(&mut self, plan: &Plan, schedule: &Schedule, spread: bool) {
        if self.rows < CODES_ROWS_MIN {
            return;
        }
        let answer = |(operand, index): (usize, &Option<TextIndex>)| {
            let Operand::Column(column) = plan.program.operands[operand].operand else { return None };
            let (index, (keys, values)) = (index.as_ref()?, self.dictionary(column)?);
            let n_atoms = plan.atoms_of[operand].len();
            Some(CodeAtoms::new(plan, schedule, index, n_atoms, keys, values))
        };
        self.codes = if spread {
            plan.texts.par_iter().enumerate().map(answer).collect()
        } else {
            plan.texts.iter().enumerate().map(answer).collect()
        };
        for id in &plan.text_pairs {
            let left = plan.program.operand(plan.program.atom(*id).operand);
            let AtomPlan::With(_, right) = plan.atom(*id) else { continue };
            if let (Operand::Column(left), Operand::Column(right)) =
                (&left.operand, &plan.program.operand(*right).operand)
                && let (Some((_, left)), Some((_, right))) = (self.dictionary(*left), self.dictionary(*right))
            {
                self.pairs.push((*id, TextPair::new(left, right)));
            }
        }
    }

    /// Keys and values of a dictionary column, where they are worth a look at each value before the rows.
    fn dictionary(&self, column: u32) -> Option<(&Int32Array, &StringArray)> {
        let dictionary = self.columns[column as usize].as_ref()?.as_dictionary_opt::<Int32Type>()?;
        let values = dictionary.values().as_string_opt::<i32>()?;
        (values.len() <= 4 * self.rows).then(|| (dictionary.keys(), values))
    }

    /// The codes of equal texts, for an atom that compares two dictionary columns.
    pub fn pair(&self, atom: AtomId) -> Option<&TextPair> {
        self.pairs.iter().find(|(of, _)| *of == atom).map(|(_, pair)| pair)
    }

    /// Adds the hits of rules that codes settle, over the whole batch.
    pub fn count_settled(&self, plan: &Plan, counts: &mut [u64]) {
        for (operand, codes) in self.codes.iter().enumerate() {
            let Some(codes) = codes.as_ref().filter(|codes| !codes.settles_nothing()) else { continue };
            let Operand::Column(column) = plan.program.operands[operand].operand else { continue };
            let Some((keys, _)) = self.dictionary(column) else { continue };
            let mut rows = vec![0u64; codes.len()];
            for key in keys.iter().flatten() {
                if let Some(rows) = rows.get_mut(key as usize) {
                    *rows += 1;
                }
            }
            for (code, rows) in rows.into_iter().enumerate().filter(|(_, rows)| *rows > 0) {
                codes.settled_by(code).iter().for_each(|rule| counts[*rule as usize] += rows);
            }
        }
    }

    /// The atoms of every code of an operand, where they have been asked for.
    pub fn codes(&self, operand: OperandId) -> Option<&CodeAtoms> {
        self.codes.get(operand.0 as usize)?.as_ref()
    }

    /// Blocks of about `block_rows` rows that cut no subject apart, where any rule looks across its rows.
    pub fn blocks(&self, block_rows: usize) -> Vec<Range<usize>> {
        let mut blocks = Vec::with_capacity(self.rows / block_rows + 1);
        let mut start = 0;
        while start < self.rows {
            let mut end = (start + block_rows).min(self.rows);
            if !self.subjects.is_empty() {
                let next = self.subjects.partition_point(|s| (*s as usize) < end);
                end = self.subjects.get(next).map_or(self.rows, |s| *s as usize);
            }
            blocks.push(start..end);
            start = end;
        }
        blocks
    }

    /// The subjects' row ranges inside a block, counted from its start.
    pub fn subjects_in(&self, block: &Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let first = self.subjects.partition_point(|s| (*s as usize) < block.start);
        let (start, end) = (block.start, block.end);
        self.subjects[first..]
            .windows(2)
            .take_while(move |pair| (pair[0] as usize) < end)
            .map(move |pair| pair[0] as usize - start..pair[1] as usize - start)
    }
}

/// Text as Utf8 or as a dictionary with Int32 codes, the rest in the stream's own type.
pub(crate) fn readable(array: &ArrayRef, name: &str, wanted: &DataType) -> Result<ArrayRef, EvaluateError> {
    let found = array.data_type();
    let text = is_text(wanted);
    let fits = match found {
        DataType::Utf8 => text,
        DataType::Dictionary(key, value) => text && **key == DataType::Int32 && **value == DataType::Utf8,
        // What stands inside is settled field by field, where it is read.
        DataType::List(_) => matches!(wanted, DataType::List(_)),
        other => other == wanted,
    };
    if fits {
        return Ok(Arc::clone(array));
    }
    if let (1, true, Some(single)) = (array.len(), text, array.as_dictionary_opt::<Int16Type>())
        && let Some(values) = single.values().as_string_opt::<i32>()
    {
        // Of a single row the text alone, as a view into the dictionary: a cast would build another.
        let code = single.key(0).filter(|code| values.is_valid(*code));
        return Ok(code.map_or_else(|| new_null_array(&DataType::Utf8, 1), |code| Arc::new(values.slice(code, 1))));
    }
    let target = match (found, wanted) {
        (DataType::Dictionary(..), DataType::Dictionary(..)) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        (_, DataType::Dictionary(..)) => DataType::Utf8,
        (_, other) => other.clone(),
    };
    cast(array, &target).map_err(|_| EvaluateError::ColumnType {
        column: name.to_owned(),
        found: found.to_string(),
        wanted: wanted.to_string(),
    })
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(..) | DataType::Utf8)
}

/// Two dictionaries whose rows are compared: numbers that are equal where the texts are.
pub(crate) struct TextPair {
    left: Box<[i32]>,
    right: Box<[i32]>,
}

impl TextPair {
    fn new(left: &StringArray, right: &StringArray) -> Self {
        // A dictionary may hold a text twice, so both sides are numbered by text.
        let mut numbers: FxHashMap<Option<&str>, i32> = FxHashMap::default();
        let mut number = |text| {
            let next = numbers.len() as i32;
            *numbers.entry(text).or_insert(next)
        };
        let left = left.iter().map(&mut number).collect();
        let right = right.iter().map(&mut number).collect();
        Self { left, right }
    }

    /// Whether the texts of two codes are the same.
    pub fn same(&self, left: i32, right: i32) -> bool {
        self.left.get(left as usize) == self.right.get(right as usize)
    }
}

/// Where runs of equal subject keys and versions begin, and the end: two versions of a declaration share no items.
/// Readers keep a subject's rows together; a version that is missing is 1.
fn subject_starts(batch: &RecordBatch, key: &str) -> Result<Vec<u32>, EvaluateError> {
    let rows = batch.num_rows();
    let Some(column) = batch.column_by_name(key) else {
        // Without the key every row is its own subject.
        return Ok((0..=rows as u32).collect());
    };
    let versions = batch.column_by_name("version").map(|column| cast(column, &DataType::Int32)).transpose()?;
    let versions = versions.as_ref().map(AsArray::as_primitive::<Int32Type>);
    let version = |row: usize| versions.filter(|v| v.is_valid(row)).map_or(1, |v| v.value(row));
    let mut starts = vec![0u32];
    let mut cut = |same: &dyn Fn(usize) -> bool| {
        let begins = |row: &usize| !same(*row) || version(row - 1) != version(*row);
        starts.extend((1..rows).filter(begins).map(|row| row as u32));
    };
    match column.data_type() {
        DataType::Dictionary(key, value) if (&**key, &**value) == (&DataType::Int32, &DataType::Utf8) => {
            cut(&same_codes::<Int32Type>(column));
        }
        DataType::Dictionary(key, value) if (&**key, &**value) == (&DataType::Int16, &DataType::Utf8) => {
            cut(&same_codes::<Int16Type>(column));
        }
        _ => {
            let text = cast(column, &DataType::Utf8)?;
            let text = text.as_string::<i32>();
            cut(&|row| !text.is_null(row) && !text.is_null(row - 1) && text.value(row) == text.value(row - 1));
        }
    }
    if rows > 0 {
        starts.push(rows as u32);
    }
    Ok(starts)
}

/// Equal codes, or codes of equal values: dictionaries may hold a value twice, and NULL among them.
fn same_codes<K: ArrowDictionaryKeyType>(column: &ArrayRef) -> impl Fn(usize) -> bool + '_ {
    let dictionary = column.as_dictionary::<K>();
    let values = dictionary.values().as_string_opt::<i32>();
    move |row| match (dictionary.key(row - 1), dictionary.key(row)) {
        (Some(a), Some(b)) => {
            values.is_some_and(|v| !v.is_null(a) && !v.is_null(b) && (a == b || v.value(a) == v.value(b)))
        }
        _ => false,
    }
}
