//! Subjects of one batch of rows: which rows belong to which subject, and who it is.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use haechi_model::{Stream, SubjectKind};

/// A rule hit a row; both by index, the row within its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowHit {
    /// Row of the batch.
    pub row: u32,
    /// Rule of the ruleset.
    pub rule: u32,
}

/// The subjects of one batch: runs of rows with the same id and version.
///
/// All rows of a subject stand together and in one batch: the caller sees to that, as it does for rules that look
/// across the items of a declaration.
#[derive(Clone, Debug)]
pub struct SubjectBatch {
    kind: SubjectKind,
    ids: Ids,
    /// Subject `i` has the rows from `offsets[i]` up to `offsets[i + 1]`.
    offsets: Vec<u32>,
    versions: Vec<i32>,
    strata: Option<Vec<Option<u32>>>,
}

/// The id of each row, in the array it came in.
#[derive(Clone, Debug)]
enum Ids {
    Plain(StringArray),
    Dictionary { keys: Int32Array, values: StringArray },
}

/// Why rows were refused as subjects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The stream's key is not among the columns.
    #[error("rows have no column `{column}`: it names the subject of each row")]
    NoKey {
        /// The key.
        column: &'static str,
    },
    /// The key or the version is of another type than the stream says.
    #[error("column `{column}` is {found}, not {wanted}")]
    WrongType {
        /// Which column.
        column: &'static str,
        /// Its type.
        found: DataType,
        /// What it should be.
        wanted: &'static str,
    },
    /// A row belongs to nobody.
    #[error("row {row}: `{column}` is NULL, so the row belongs to no subject")]
    NullKey {
        /// Which column.
        column: &'static str,
        /// The first such row, from 0.
        row: usize,
    },
    /// As many strata as subjects are needed.
    #[error("{found} strata for {subjects} subjects")]
    StrataCount {
        /// How many were given.
        found: usize,
        /// How many subjects there are.
        subjects: usize,
    },
}

impl SubjectBatch {
    /// The subjects of a batch of the kind's stream. Only the stream's key and `version` are read; where there is
    /// no version, or it is NULL, it is 1.
    pub fn from_rows(kind: SubjectKind, rows: &RecordBatch) -> Result<Self, SubjectError> {
        let key = Stream::find(kind.stream()).map_or("subject_id", |stream| stream.subject_key);
        let column = rows.column_by_name(key).ok_or(SubjectError::NoKey { column: key })?;
        let ids = Ids::new(key, column)?;
        let versions =
            match rows.column_by_name("version") {
                None => None,
                Some(column) => Some(column.as_primitive_opt::<Int32Type>().ok_or_else(|| {
                    SubjectError::WrongType { column: "version", found: column.data_type().clone(), wanted: "Int32" }
                })?),
            };
        let version = |row: usize| versions.filter(|v| v.is_valid(row)).map_or(1, |v| v.value(row));
        Ok(Self::cut(kind, ids, rows.num_rows(), version))
    }

    fn cut(kind: SubjectKind, ids: Ids, n_rows: usize, version: impl Fn(usize) -> i32) -> Self {
        let (mut offsets, mut versions) = (vec![0], Vec::new());
        for row in 0..n_rows {
            if row == 0 || !ids.same(row - 1, row) || version(row - 1) != version(row) {
                versions.push(version(row));
                if row > 0 {
                    offsets.push(row as u32);
                }
            }
        }
        if n_rows > 0 {
            offsets.push(n_rows as u32);
        }
        Self { kind, ids, offsets, versions, strata: None }
    }

    /// With the stratum of each subject: the index in [`crate::Policy::strata`] of the first whose condition holds
    /// for the subject's first row, none where no condition holds. Left out, all are in the one without a condition.
    pub fn with_strata(self, strata: Vec<Option<u32>>) -> Result<Self, SubjectError> {
        if strata.len() != self.len() {
            return Err(SubjectError::StrataCount { found: strata.len(), subjects: self.len() });
        }
        Ok(Self { strata: Some(strata), ..self })
    }

    /// What kind of subjects they are.
    pub fn kind(&self) -> SubjectKind {
        self.kind
    }

    /// How many subjects.
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// How many rows they have together.
    pub fn n_rows(&self) -> usize {
        self.offsets.last().map_or(0, |&end| end as usize)
    }

    /// The id of a subject.
    pub fn id(&self, subject: usize) -> &str {
        self.ids.value(self.offsets[subject] as usize)
    }

    /// The version of a subject.
    pub fn version(&self, subject: usize) -> i32 {
        self.versions[subject]
    }

    /// The rows of a subject.
    pub fn rows(&self, subject: usize) -> Range<u32> {
        self.offsets[subject]..self.offsets[subject + 1]
    }

    /// The first row of each subject: the one on which conditions of strata are evaluated.
    pub fn first_rows(&self) -> &[u32] {
        &self.offsets[..self.len()]
    }

    /// The first subject of that id.
    pub fn find(&self, id: &str) -> Option<usize> {
        (0..self.len()).find(|&subject| self.id(subject) == id)
    }

    /// The stratum of a subject, as given.
    pub(crate) fn stratum(&self, subject: usize) -> Option<u32> {
        self.strata.as_ref().and_then(|strata| strata[subject])
    }

    /// The strata, as given.
    pub(crate) fn strata(&self) -> &[Option<u32>] {
        self.strata.as_deref().unwrap_or_default()
    }

    pub(crate) fn versions(&self) -> &[i32] {
        &self.versions
    }

    /// The ids as a column of one value a subject. A dictionary is kept and shared, not copied.
    pub(crate) fn id_column(&self) -> ArrayRef {
        self.ids.pick(self.first_rows())
    }
}

impl Ids {
    fn new(column: &'static str, array: &ArrayRef) -> Result<Self, SubjectError> {
        let wrong = || SubjectError::WrongType {
            column,
            found: array.data_type().clone(),
            wanted: "text or a dictionary of text with 32-bit keys",
        };
        let ids = if let Some(plain) = array.as_string_opt::<i32>() {
            Self::Plain(plain.clone())
        } else {
            let array = array.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
            let values = array.values().as_string_opt::<i32>().ok_or_else(wrong)?;
            Self::Dictionary { keys: array.keys().clone(), values: values.clone() }
        };
        match ids.first_null() {
            Some(row) => Err(SubjectError::NullKey { column, row }),
            None => Ok(ids),
        }
    }

    fn first_null(&self) -> Option<usize> {
        match self {
            Self::Plain(array) if array.null_count() == 0 => None,
            Self::Plain(array) => (0..array.len()).find(|&row| array.is_null(row)),
            Self::Dictionary { keys, values } => {
                if keys.null_count() == 0 && values.null_count() == 0 {
                    return None;
                }
                (0..keys.len()).find(|&row| keys.is_null(row) || values.is_null(keys.value(row) as usize))
            }
        }
    }

    fn value(&self, row: usize) -> &str {
        match self {
            Self::Plain(array) => array.value(row),
            Self::Dictionary { keys, values } => values.value(keys.value(row) as usize),
        }
    }

    fn same(&self, a: usize, b: usize) -> bool {
        if let Self::Dictionary { keys, .. } = self
            && keys.value(a) == keys.value(b)
        {
            return true;
        }
        // A dictionary may hold a value twice, so differing keys prove nothing.
        self.value(a) == self.value(b)
    }

    fn pick(&self, rows: &[u32]) -> ArrayRef {
        match self {
            Self::Plain(array) => {
                Arc::new(rows.iter().map(|&row| Some(array.value(row as usize))).collect::<StringArray>())
            }
            Self::Dictionary { keys, values } => {
                let picked: Int32Array = rows.iter().map(|&row| Some(keys.value(row as usize))).collect();
                Arc::new(DictionaryArray::new(picked, Arc::new(values.clone())))
            }
        }
    }
}

#[cfg(test)]
mod tests;
