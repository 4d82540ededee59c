//! A batch made ready for its blocks: columns in the stream's types, dictionaries answered once per distinct value,
//! and the rows of each subject.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Int16Type, Int32Type};
use haechi_rules::program::{Operand, OperandId, Scope};
use rayon::prelude::*;

use crate::error::EvaluateError;
use crate::plan::Plan;
use crate::text::{Scratch, TextIndex};

/// A batch ready to be evaluated block by block.
pub(crate) struct Prepared {
    pub rows: usize,
    /// By column of the stream; `None` where the batch has none: all NULL.
    pub columns: Vec<Option<ArrayRef>>,
    /// By operand: the atoms of every dictionary code.
    pub codes: Vec<Option<CodeAtoms>>,
    /// Where each subject's rows begin, and the end; empty where no rule looks across items.
    pub subjects: Vec<u32>,
}

/// For a dictionary column: the atoms true for each code.
pub(crate) struct CodeAtoms {
    starts: Vec<u32>,
    atoms: Vec<u32>,
}

impl CodeAtoms {
    pub fn of(&self, code: usize) -> &[u32] {
        match (self.starts.get(code), self.starts.get(code + 1)) {
            (Some(start), Some(end)) => &self.atoms[*start as usize..*end as usize],
            _ => &[],
        }
    }

    fn new(index: &TextIndex, values: &StringArray, used: impl Fn(usize) -> bool) -> Self {
        let mut scratch = Scratch::default();
        let mut starts = Vec::with_capacity(values.len() + 1);
        let mut atoms = Vec::new();
        for code in 0..values.len() {
            starts.push(atoms.len() as u32);
            if !values.is_null(code) && used(code) {
                index.atoms_of(values.value(code), &mut scratch, |atom| atoms.push(atom));
            }
        }
        starts.push(atoms.len() as u32);
        Self { starts, atoms }
    }
}

impl Prepared {
    pub fn new(plan: &Plan, batch: &RecordBatch) -> Result<Self, EvaluateError> {
        let stream = plan.program.stream;
        let mut columns: Vec<Option<ArrayRef>> = vec![None; stream.all_columns().count()];
        let wanted = plan.program.columns();
        for (index, column) in stream.all_columns().enumerate() {
            if wanted.binary_search(&index).is_err() {
                continue;
            }
            if let Some(array) = batch.column_by_name(column.name) {
                columns[index] = Some(readable(array, column.name, &column.kind.data_type())?);
            }
        }
        let codes = plan
            .operands
            .par_iter()
            .enumerate()
            .map(|(i, operand)| {
                let Operand::Column(column) = plan.program.operand(OperandId(i as u32)).operand else { return None };
                let index = operand.text.as_ref()?;
                let array = columns[column as usize].as_ref()?;
                let dictionary = array.as_dictionary_opt::<Int32Type>()?;
                let values = dictionary.values().as_string_opt::<i32>()?;
                let used = used_codes(dictionary.keys(), values.len());
                Some(CodeAtoms::new(index, values, |code| used.as_ref().is_none_or(|used| used[code])))
            })
            .collect();
        let subjects =
            if plan.program.looks_across_items() { subject_starts(batch, stream.subject_key)? } else { Vec::new() };
        Ok(Self { rows: batch.num_rows(), columns, codes, subjects })
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
    let text = matches!(wanted, DataType::Dictionary(..) | DataType::Utf8);
    let fits = match found {
        DataType::Utf8 => text,
        DataType::Dictionary(key, value) => text && **key == DataType::Int32 && **value == DataType::Utf8,
        // What stands inside is settled field by field, where it is read.
        DataType::List(_) => matches!(wanted, DataType::List(_)),
        other => other == wanted,
    };
    if fits {
        return Ok(std::sync::Arc::clone(array));
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

/// Which codes occur, where the dictionary is larger than the batch and most do not.
fn used_codes(keys: &Int32Array, values: usize) -> Option<Vec<bool>> {
    if values <= keys.len() {
        return None;
    }
    let mut used = vec![false; values];
    for key in keys.iter().flatten() {
        if let Some(slot) = used.get_mut(key as usize) {
            *slot = true;
        }
    }
    Some(used)
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
        DataType::Dictionary(key, _) if **key == DataType::Int32 => cut(&same_codes::<Int32Type>(column)),
        DataType::Dictionary(key, _) if **key == DataType::Int16 => cut(&same_codes::<Int16Type>(column)),
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

/// Whether operands of this scope read the batch's own rows.
pub(crate) fn reads_rows(scope: Scope) -> bool {
    scope == Scope::Row
}
