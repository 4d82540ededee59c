//! The meaning of a program as plainly as it can be said: one row at a time, one value at a time, in three-valued logic.
//! No bitmaps, no index, nothing kept. Slow, and so simple that it can be read and believed.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use datafusion_common::ScalarValue;
use haechi_rules::Program;
use haechi_rules::condition::input_type;
use haechi_rules::program::{AtomId, Class, Literal, Node, NodeId, Operand, OperandId, Over, Test};
use haechi_rules::tables::TableValues;

use super::table::{Cell, Table};

pub struct Naive<'a> {
    pub program: &'a Program,
    pub table: &'a Table,
}

/// What a formula is about: a row, or a record in a list of a row.
#[derive(Clone, Debug)]
pub enum Place {
    Row(usize),
    Record(Cell),
}

impl Naive<'_> {
    /// The truth of a rule for a row.
    pub fn rule(&self, rule: usize, row: usize) -> Option<bool> {
        self.truth(self.program.roots[rule], &Place::Row(row))
    }

    fn truth(&self, node: NodeId, place: &Place) -> Option<bool> {
        match self.program.node(node) {
            Node::Always => Some(true),
            Node::Never => None,
            Node::Atom { atom, negated } => self.atom(*atom, place).map(|truth| truth != *negated),
            Node::And(parts) => all(parts.iter().map(|part| self.truth(*part, place))),
            Node::Or(parts) => any(parts.iter().map(|part| self.truth(*part, place))),
            Node::Any(over, inner) => any(self.places(*over, place).iter().map(|p| self.truth(*inner, p))),
            Node::All(over, inner) => all(self.places(*over, place).iter().map(|p| self.truth(*inner, p))),
            Node::Holds { inner, negated } => Some((self.truth(*inner, place) == Some(true)) != *negated),
        }
    }

    fn atom(&self, id: AtomId, place: &Place) -> Option<bool> {
        let atom = self.program.atom(id);
        let value = self.value(atom.operand, place);
        if let Test::IsNull = atom.test {
            return Some(value == Cell::Null);
        }
        match (&atom.test, value) {
            (_, Cell::Null) => None,
            (Test::IsTrue, Cell::Bool(value)) => Some(value),
            (Test::Compare(cmp, literal), value) => Some(cmp.holds(order(&value, &constant(literal)))),
            (Test::CompareWith(cmp, right), value) => match self.value(*right, place) {
                Cell::Null => None,
                right => Some(cmp.holds(order(&value, &right))),
            },
            (Test::In { values, with_null }, value) => {
                let found = values.iter().any(|literal| order(&value, &constant(literal)) == Ordering::Equal);
                if !found && *with_null { None } else { Some(found) }
            }
            (Test::Like { pattern, ignore_case }, Cell::Text(text)) => {
                let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
                Some(like(&text, &pattern, *ignore_case))
            }
            (Test::InList(list), Cell::Text(text)) => {
                Some(self.entries(*list).any(|entry| entry == text.trim().to_uppercase()))
            }
            (Test::Mentions(list), Cell::Text(text)) => Some(self.entries(*list).any(|entry| mentions(&text, &entry))),
            (test, value) => panic!("{test:?} of {value:?}"),
        }
    }

    fn value(&self, id: OperandId, place: &Place) -> Cell {
        let entry = self.program.operand(id);
        match &entry.operand {
            Operand::Column(column) => self.column(*column, place),
            Operand::Member { member, .. } => match place {
                Place::Record(Cell::Record(fields)) => fields[*member as usize].clone(),
                Place::Record(plain) => plain.clone(),
                Place::Row(_) => panic!("a field outside its record"),
            },
            Operand::Lookup { table, column, key } => {
                let Cell::Text(key) = self.value(*key, place) else { return Cell::Null };
                let table = &self.program.tables[*table as usize];
                let Some(row) = table.keys.iter().position(|known| *known == key) else { return Cell::Null };
                match &table.columns[*column as usize].values {
                    TableValues::Numbers(numbers) => numbers[row].map_or(Cell::Null, Cell::Float),
                    TableValues::Texts(texts) => texts[row].clone().map_or(Cell::Null, Cell::Text),
                }
            }
            Operand::Scalar(scalar) => self.scalar(*scalar as usize, entry.class, place),
            Operand::Condition { yes, no } => {
                match (self.truth(*yes, place) == Some(true), self.truth(*no, place) == Some(true)) {
                    (true, false) => Cell::Bool(true),
                    (false, true) => Cell::Bool(false),
                    (false, false) => Cell::Null,
                    (true, true) => panic!("`{}` both holds and does not", entry.text),
                }
            }
            Operand::Count(over, node) => {
                let places = self.places(*over, place);
                Cell::Int(places.iter().filter(|p| self.truth(*node, p) == Some(true)).count() as i64)
            }
            Operand::Sum(over, operand) => {
                let values = self.places(*over, place).into_iter().filter_map(|p| match self.value(*operand, &p) {
                    Cell::Float(value) => Some(value),
                    Cell::Int(value) => Some(value as f64),
                    _ => None,
                });
                values.reduce(|sum, value| sum + value).map_or(Cell::Null, |sum| Cell::Float(sum + 0.0))
            }
            Operand::Size(column) => match self.column(*column, place) {
                Cell::List(cells) => Cell::Int(cells.len() as i64),
                _ => Cell::Int(0),
            },
        }
    }

    fn column(&self, index: u32, place: &Place) -> Cell {
        let Place::Row(row) = place else { panic!("a column inside a record") };
        let column = self.table.stream.all_columns().nth(index as usize).expect("a column");
        self.table.cell(column.name, *row)
    }

    /// DataFusion's own expression on a batch of one row; NULL where it fails.
    fn scalar(&self, index: usize, class: Class, place: &Place) -> Cell {
        let scalar = &self.program.scalars[index];
        let input = |id: &OperandId| array_of(self.program.operand(*id).class, &self.value(*id, place));
        let columns: Vec<ArrayRef> = scalar.inputs.iter().map(input).collect();
        let row = RecordBatch::try_new(Arc::clone(&scalar.schema), columns).unwrap();
        match scalar.expr.evaluate(&row).and_then(|value| value.into_array(1)) {
            Ok(array) => cell_of(&cast(&array, &input_type(class)).unwrap()),
            Err(_) => Cell::Null,
        }
    }

    fn places(&self, over: Over, place: &Place) -> Vec<Place> {
        let Place::Row(row) = *place else { panic!("nothing looks out of a record") };
        match over {
            Over::Items => self.items(row).map(Place::Row).collect(),
            Over::Records(list) => match self.column(list, place) {
                Cell::List(records) => records.into_iter().map(Place::Record).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// The rows around a row with the same key and version; a row without a key stands alone.
    fn items(&self, row: usize) -> std::ops::Range<usize> {
        let key = |row| self.table.cell(self.table.stream.subject_key, row);
        let version = |row| match self.table.cell("version", row) {
            Cell::Null => Cell::Int(1),
            version => version,
        };
        let subject = |row| (key(row), version(row));
        let same = |other: &usize| key(row) != Cell::Null && subject(*other) == subject(row);
        let before = (0..row).rev().take_while(same).count();
        let after = (row + 1..self.table.rows).take_while(same).count();
        row - before..row + after + 1
    }

    fn entries(&self, list: u32) -> impl Iterator<Item = String> + '_ {
        self.program.lists[list as usize].entries.iter().map(|entry| entry.trim().to_uppercase())
    }
}

fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let truths: Vec<Option<bool>> = truths.collect();
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    all(truths.map(|truth| truth.map(|t| !t))).map(|none| !none)
}

fn constant(literal: &Literal) -> Cell {
    match literal {
        Literal::Text(text) => Cell::Text(text.to_string()),
        Literal::Int(value) => Cell::Int(*value),
        Literal::Float(bits) => Cell::Float(f64::from_bits(*bits)),
        Literal::Bool(value) => Cell::Bool(*value),
    }
}

fn order(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Text(l), Cell::Text(r)) => l.cmp(r),
        (Cell::Int(l), Cell::Int(r)) => l.cmp(r),
        // Zero has no sign; NaN equals NaN and is above all.
        (Cell::Float(l), Cell::Float(r)) => l.partial_cmp(r).unwrap_or_else(|| l.is_nan().cmp(&r.is_nan())),
        (Cell::Int(l), Cell::Float(_)) => order(&Cell::Float(*l as f64), right),
        (Cell::Float(_), Cell::Int(r)) => order(left, &Cell::Float(*r as f64)),
        _ => panic!("{left:?} beside {right:?}"),
    }
}

fn like(text: &[char], pattern: &[char], ignore_case: bool) -> bool {
    let same = |a: char, b: char| {
        let equal = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| a.eq(b);
        a == b
            || ignore_case
                && (equal(&mut a.to_lowercase(), &mut b.to_lowercase())
                    || equal(&mut a.to_uppercase(), &mut b.to_uppercase()))
    };
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skip| like(&text[skip..], rest, ignore_case)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest, ignore_case),
        ['\\', escaped, rest @ ..] | [escaped, rest @ ..] => {
            text.first().is_some_and(|c| same(*c, *escaped)) && like(&text[1..], rest, ignore_case)
        }
    }
}

/// Whether an upper-case word stands in the text with neither letter nor digit at its sides.
fn mentions(text: &str, word: &str) -> bool {
    let (text, word): (Vec<char>, Vec<char>) = (text.to_uppercase().chars().collect(), word.chars().collect());
    let apart = |c: Option<&char>| c.is_none_or(|c| !c.is_alphanumeric());
    (0..text.len()).any(|start| {
        text[start..].starts_with(&word)
            && apart(start.checked_sub(1).map(|before| &text[before]))
            && apart(text.get(start + word.len()))
    })
}

fn array_of(class: Class, cell: &Cell) -> ArrayRef {
    let zone = || Some(Arc::from("UTC"));
    let value = match (class, cell) {
        (_, Cell::Null) => ScalarValue::try_from(&input_type(class)).unwrap(),
        (Class::Text, Cell::Text(text)) => ScalarValue::from(text.as_str()),
        (Class::Int, Cell::Int(value)) => ScalarValue::from(*value),
        (Class::Float, Cell::Float(value)) => ScalarValue::from(*value),
        (Class::Bool, Cell::Bool(value)) => ScalarValue::from(*value),
        (Class::Date, Cell::Int(days)) => ScalarValue::Date32(Some(*days as i32)),
        (Class::Ts, Cell::Int(millis)) => ScalarValue::TimestampMillisecond(Some(*millis), zone()),
        (class, cell) => panic!("{cell:?} is no {class:?}"),
    };
    value.to_array().unwrap()
}

fn cell_of(array: &ArrayRef) -> Cell {
    let value = ScalarValue::try_from_array(array, 0).unwrap();
    if value.is_null() {
        return Cell::Null;
    }
    match value {
        ScalarValue::Utf8(Some(text)) => Cell::Text(text),
        ScalarValue::Int64(Some(value)) | ScalarValue::TimestampMillisecond(Some(value), _) => Cell::Int(value),
        ScalarValue::Float64(Some(value)) => Cell::Float(value),
        ScalarValue::Boolean(Some(value)) => Cell::Bool(value),
        ScalarValue::Date32(Some(days)) => Cell::Int(days.into()),
        other => panic!("no cell for {other:?}"),
    }
}
