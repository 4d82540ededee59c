//! Batches cut between subjects: about as many rows as asked for, never half a subject, and never between neighbours
//! that a derived column looks across (the bills of a manifest).

use std::collections::VecDeque;

use arrow::array::{Array, AsArray};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

/// Rows beyond a full batch that are kept for the sake of equal neighbours.
const TOGETHER_ROWS_MAX: usize = 200_000;

/// Rows that are copied rather than handed on apart: below that, a batch of its own costs more than the copy.
const COPY_ROWS_MAX: usize = 4_096;

/// What decides whether two neighbours may be cut apart.
#[derive(Clone, Copy)]
struct Row<'a> {
    subject: Option<&'a str>,
    together: Option<&'a str>,
}

impl Row<'_> {
    fn apart_from(&self, next: &Self, whatever_neighbours: bool) -> bool {
        let neighbours = self.together.is_some() && self.together == next.together;
        // Without a key yet, a row is a subject of its own.
        let subjects = self.subject.is_none() || self.subject != next.subject;
        subjects && (whatever_neighbours || !neighbours)
    }
}

/// Rows waiting to be cut into batches.
#[derive(Debug)]
pub struct Seams {
    schema: SchemaRef,
    /// Position of the subject's key; `None` where rows stand alone.
    key: Option<usize>,
    /// Position of the column whose equal neighbours stay together.
    together: Option<usize>,
    rows: usize,
    parts: VecDeque<RecordBatch>,
    n_rows: usize,
}

impl Seams {
    /// Cuts batches of about `rows` rows.
    pub fn new(schema: SchemaRef, key: Option<usize>, together: Option<usize>, rows: usize) -> Self {
        Self { schema, key, together, rows: rows.max(1), parts: VecDeque::new(), n_rows: 0 }
    }

    /// Adds rows.
    pub fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.n_rows += batch.num_rows();
            self.parts.push_back(batch);
        }
    }

    /// The next batch, if it is known where it ends; at the end of the input, whatever is left.
    pub fn next(&mut self, at_end: bool) -> Result<Option<RecordBatch>, ArrowError> {
        let rows_of = |part: usize| self.parts.get(part).map(RecordBatch::num_rows);
        let Some(first) = rows_of(0) else { return Ok(None) };
        // A part that is about right is passed on as it is, which costs nothing.
        let about_right = |rows: usize| rows >= self.rows.div_ceil(2) && rows <= self.rows.saturating_mul(2);
        let large = |rows: usize| rows > COPY_ROWS_MAX && about_right(rows);
        let before_large = rows_of(1).is_some_and(large);
        let wanted = if about_right(first) || before_large { first } else { self.rows };
        let cut = match self.cut_after(wanted) {
            Some(cut) => cut,
            None if at_end => self.n_rows,
            None => return Ok(None),
        };
        // A large part is not copied for the sake of a subject that goes on behind it: that one comes by itself.
        let early = if cut > first && large(first) { self.last_seam() } else { None };
        self.take(early.unwrap_or(cut)).map(Some)
    }

    /// Where the last subject of the first part begins, if that is in its second half.
    fn last_seam(&self) -> Option<usize> {
        let rows = self.parts.front()?.num_rows();
        let apart = |row: &usize| self.row(0, row - 1).apart_from(&self.row(0, *row), false);
        (rows / 2 + 1..rows).rev().find(apart)
    }

    /// Takes out the rows of one subject, wherever they are.
    pub fn remove(&mut self, subject: &str) -> Result<RecordBatch, ArrowError> {
        let Some(key) = self.key else { return Ok(RecordBatch::new_empty(self.schema.clone())) };
        let mut removed = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            let gone: arrow::array::BooleanArray =
                (0..part.num_rows()).map(|row| Some(key_at(part.column(key), row) == Some(subject))).collect();
            if gone.true_count() == 0 {
                self.parts.push_back(part);
                continue;
            }
            removed.push(filter_record_batch(&part, &gone)?);
            let kept = filter_record_batch(&part, &arrow::compute::not(&gone)?)?;
            if kept.num_rows() > 0 {
                self.parts.push_back(kept);
            }
        }
        self.n_rows = self.parts.iter().map(RecordBatch::num_rows).sum();
        self.join(&removed)
    }

    /// The first place at or after `wanted` rows where a subject ends and the next is seen to begin.
    fn cut_after(&self, wanted: usize) -> Option<usize> {
        if self.n_rows < wanted {
            return None;
        }
        if self.key.is_none() {
            return Some(wanted);
        }
        // Memory is bounded by cutting all the same where neighbours go on for too long to be one manifest.
        let too_long = wanted.saturating_add(TOGETHER_ROWS_MAX);
        let (mut part, mut before) = (0, 0);
        let mut last: Option<Row<'_>> = None;
        for row in wanted.saturating_sub(1)..self.n_rows {
            while row - before >= self.parts.get(part)?.num_rows() {
                before += self.parts.get(part)?.num_rows();
                part += 1;
            }
            let this = self.row(part, row - before);
            if last.is_some_and(|last| last.apart_from(&this, row >= too_long)) {
                return Some(row);
            }
            last = Some(this);
        }
        None
    }

    fn row(&self, part: usize, row: usize) -> Row<'_> {
        let at = |column: Option<usize>| key_at(self.parts.get(part)?.column(column?), row);
        Row { subject: at(self.key), together: at(self.together) }
    }

    fn take(&mut self, n: usize) -> Result<RecordBatch, ArrowError> {
        let mut taken = Vec::new();
        let mut missing = n;
        while missing > 0 {
            let Some(part) = self.parts.pop_front() else { break };
            if part.num_rows() > missing {
                taken.push(part.slice(0, missing));
                self.parts.push_front(part.slice(missing, part.num_rows() - missing));
                missing = 0;
            } else {
                missing -= part.num_rows();
                taken.push(part);
            }
        }
        self.n_rows -= n - missing;
        match taken.len() {
            1 => Ok(taken.remove(0)),
            _ => self.join(&taken),
        }
    }

    /// Puts parts together; text that is a dictionary in some of them only is none in the whole.
    fn join(&self, parts: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
        let Some(first) = parts.first() else { return Ok(RecordBatch::new_empty(self.schema.clone())) };
        if parts.iter().all(|part| part.schema() == first.schema()) {
            return concat_batches(&first.schema(), parts);
        }
        let same = |part: &RecordBatch| {
            let fields = self.schema.fields().iter().zip(part.columns());
            let columns = fields.map(|(field, array)| cast(array, field.data_type())).collect::<Result<_, _>>()?;
            let rows = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
            RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)
        };
        concat_batches(&self.schema, &parts.iter().map(same).collect::<Result<Vec<_>, _>>()?)
    }
}

/// The subject's key in a row of an id column.
pub(super) fn key_at(column: &dyn Array, row: usize) -> Option<&str> {
    if !matches!(column.data_type(), DataType::Dictionary(..)) {
        return None;
    }
    let ids = column.as_dictionary_opt::<Int32Type>()?;
    let values = ids.values().as_string_opt::<i32>()?;
    (row < ids.len()).then(|| ids.key(row))?.map(|value| values.value(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use haechi_model::streams::{CONSIGNMENT, DECLARATION};
    use haechi_model::{Cell, StreamBuilder};

    fn part(ids: &str) -> RecordBatch {
        let mut builder = StreamBuilder::with_columns(&DECLARATION, &["declaration_id"]).unwrap();
        for id in ids.split("").filter(|id| !id.is_empty()) {
            builder.set(0, Cell::Text(id)).unwrap();
            builder.finish_row();
        }
        builder.finish()
    }

    fn ids(batch: &RecordBatch) -> String {
        (0..batch.num_rows()).filter_map(|row| key_at(batch.column(0), row)).collect()
    }

    fn cut(rows: usize, parts: &[&str]) -> Vec<String> {
        let mut seams = Seams::new(part("").schema(), Some(0), None, rows);
        let mut batches = Vec::new();
        for ids_of_part in parts {
            seams.push(part(ids_of_part));
            while let Some(batch) = seams.next(false).unwrap() {
                batches.push(ids(&batch));
            }
        }
        while let Some(batch) = seams.next(true).unwrap() {
            batches.push(ids(&batch));
        }
        batches
    }

    #[test]
    fn batches_end_where_subjects_end() {
        for (rows, parts, expected) in [
            (1, &["AABBBC"][..], &["AA", "BBB", "C"][..]),
            (2, &["AABBBC"], &["AA", "BBBC"]),
            (3, &["AAB", "BBC"], &["AABBB", "C"]),
            (3, &["AAB", "BBB", "BBB", "C"], &["AABBBBBBB", "C"]),
            (3, &["ABC", "DEF"], &["ABC", "DEF"]),
            (4, &["A", "B", "C", "D", "E", "F"], &["ABCD", "EF"]),
            (100, &["AAB", "BBC"], &["AABBBC"]),
            (2, &[], &[]),
        ] {
            assert_eq!(cut(rows, parts), expected, "{rows} {parts:?}");
        }
    }

    #[test]
    fn the_bills_of_a_manifest_stay_together() {
        let mut builder = StreamBuilder::with_columns(&CONSIGNMENT, &["consignment_id", "manifest_id"]).unwrap();
        for (bill, manifest) in [("1", "M"), ("2", "M"), ("3", "M"), ("4", ""), ("5", ""), ("6", "N")] {
            builder.set(0, Cell::Text(bill)).unwrap();
            if !manifest.is_empty() {
                builder.set(1, Cell::Text(manifest)).unwrap();
            }
            builder.finish_row();
        }
        let rows = builder.finish();
        let mut seams = Seams::new(rows.schema(), Some(0), Some(1), 1);
        seams.push(rows);
        let next = |seams: &mut Seams| seams.next(true).unwrap().map(|batch| ids(&batch));
        assert_eq!(next(&mut seams).as_deref(), Some("123"));
        assert_eq!(next(&mut seams).as_deref(), Some("4"));
        assert_eq!(next(&mut seams).as_deref(), Some("56"));
    }

    #[test]
    fn a_large_part_is_not_copied_for_a_subject_that_goes_on() {
        let rows = COPY_ROWS_MAX * 2;
        let part = |ids: &mut dyn Iterator<Item = String>| {
            let mut builder = StreamBuilder::with_columns(&DECLARATION, &["declaration_id"]).unwrap();
            for id in ids {
                builder.set(0, Cell::Text(&id)).unwrap();
                builder.finish_row();
            }
            builder.finish()
        };
        let parts = [
            part(&mut (0..rows).map(|row| format!("A{}", row.min(rows - 2)))),
            part(&mut (0..rows).map(|row| if row < 3 { format!("A{}", rows - 2) } else { format!("B{row}") })),
            part(&mut (0..rows).map(|row| format!("C{row}"))),
        ];
        let mut seams = Seams::new(parts[0].schema(), Some(0), None, rows);
        let mut taken = Vec::new();
        for part in &parts {
            seams.push(part.clone());
            taken.extend(seams.next(false).unwrap());
        }
        while let Some(batch) = seams.next(true).unwrap() {
            taken.push(batch);
        }
        assert_eq!(taken.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [rows - 2, 5, rows - 3, rows]);
        assert_eq!(taken.iter().map(ids).collect::<String>(), parts.iter().map(ids).collect::<String>());
    }

    #[test]
    fn a_subject_can_be_taken_out() {
        let mut seams = Seams::new(part("").schema(), Some(0), None, 10);
        seams.push(part("AABB"));
        seams.push(part("BBC"));
        assert_eq!(ids(&seams.remove("B").unwrap()), "BBBB");
        assert_eq!(ids(&seams.next(true).unwrap().unwrap()), "AAC");
    }
}
