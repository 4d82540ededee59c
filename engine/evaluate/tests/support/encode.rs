//! A table as Arrow: plainly, for DataFusion; and in every form that a reader may deliver, for the evaluator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, BooleanArray, Date32Array, DictionaryArray, Float64Array, Int32Array,
    Int64Array, LargeStringArray, ListArray, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray,
    StringViewArray, StructArray, TimestampMillisecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowDictionaryKeyType, ArrowNativeType, Field, Fields, Int16Type, Int32Type, Schema};
use haechi_model::{Kind, Member};

use super::table::{Cell, Dice, Domain, Table};

/// Every plain column of the domain in one simple type a kind. Absent columns are there, all NULL.
pub fn plain(table: &Table, domain: &Domain) -> RecordBatch {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for name in domain.plain_columns() {
        let kind = table.stream.column(name).expect("a column").kind;
        let cells: Vec<Cell> = (0..table.rows).map(|row| table.cell(name, row)).collect();
        let array: ArrayRef = match kind {
            Kind::Id | Kind::Code | Kind::Text => Arc::new(cells.iter().map(text_of).collect::<StringArray>()),
            Kind::I32 | Kind::I64 => Arc::new(cells.iter().map(int_of).collect::<Int64Array>()),
            _ => typed(kind, &cells, None),
        };
        fields.push(Field::new(name, array.data_type().clone(), true));
        columns.push(array);
    }
    batch(fields, columns, table.rows)
}

/// The table in random forms: plain text or dictionaries (with unused, repeated and NULL values), other integer widths,
/// values left standing under NULLs, and the whole cut out of a longer batch.
pub fn encoded(table: &Table, dice: &mut Dice) -> RecordBatch {
    let (before, after) = if dice.one_in(2) { (dice.below(70), dice.below(9)) } else { (0, 0) };
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (name, cells) in &table.columns {
        let kind = table.stream.column(name).expect("a column").kind;
        let mut padding = |rows: usize| -> Vec<Cell> {
            (0..rows).map(|_| if cells.is_empty() { Cell::Null } else { dice.pick(cells).clone() }).collect()
        };
        let cells: Vec<Cell> = [padding(before), cells.clone(), padding(after)].concat();
        let array = encode(kind, &cells, dice);
        fields.push(Field::new(*name, array.data_type().clone(), true));
        columns.push(array);
    }
    batch(fields, columns, before + table.rows + after).slice(before, table.rows)
}

fn batch(fields: Vec<Field>, columns: Vec<ArrayRef>, rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

fn encode(kind: Kind, cells: &[Cell], dice: &mut Dice) -> ArrayRef {
    match kind {
        Kind::Id | Kind::Code | Kind::Text => text(cells, dice),
        Kind::List(inner) => list(cells, dice, |cells, dice| encode(*inner, cells, dice)),
        Kind::Records(members) => list(cells, dice, |cells, dice| records(members, cells, dice)),
        Kind::I32 if dice.one_in(3) => typed(Kind::I64, cells, Some(dice)),
        other => typed(other, cells, Some(dice)),
    }
}

/// Numbers and flags; with dice, NULLs cover values instead of zeros.
fn typed(kind: Kind, cells: &[Cell], mut dice: Option<&mut Dice>) -> ArrayRef {
    let nulls = Some(nulls_of(cells));
    let mut int = |cell: &Cell| match (cell, dice.as_deref_mut()) {
        (Cell::Null, Some(dice)) => dice.below(3) as i64,
        (cell, _) => int_of(cell).unwrap_or_default(),
    };
    match kind {
        Kind::I32 => Arc::new(Int32Array::new(cells.iter().map(|c| int(c) as i32).collect(), nulls)),
        Kind::I64 => Arc::new(Int64Array::new(cells.iter().map(int).collect(), nulls)),
        Kind::Date => Arc::new(Date32Array::new(cells.iter().map(|c| int(c) as i32).collect(), nulls)),
        Kind::Ts => {
            let millis = TimestampMillisecondArray::new(cells.iter().map(int).collect(), nulls);
            Arc::new(millis.with_timezone("UTC"))
        }
        Kind::F64 => {
            let values = cells.iter().map(|cell| if let Cell::Float(value) = cell { *value } else { int(cell) as f64 });
            Arc::new(Float64Array::new(values.collect(), nulls))
        }
        Kind::Bool => {
            let values = cells.iter().map(|cell| if let Cell::Bool(value) = cell { *value } else { int(cell) == 1 });
            Arc::new(BooleanArray::new(values.collect::<BooleanBuffer>(), nulls))
        }
        other => panic!("no array of {other:?}"),
    }
}

fn text(cells: &[Cell], dice: &mut Dice) -> ArrayRef {
    match dice.below(8) {
        0 => Arc::new(cells.iter().map(text_of).collect::<StringArray>()),
        1 => Arc::new(cells.iter().map(text_of).collect::<LargeStringArray>()),
        2 => Arc::new(cells.iter().map(text_of).collect::<StringViewArray>()),
        3 => Arc::new(cells.iter().map(text_of).collect::<DictionaryArray<Int32Type>>()),
        4 => Arc::new(cells.iter().map(text_of).collect::<DictionaryArray<Int16Type>>()),
        5 => untidy::<Int16Type>(cells, dice),
        _ => untidy::<Int32Type>(cells, dice),
    }
}

/// A dictionary with unused values, values that stand in it twice, and NULL among them; behind NULL keys, any code.
fn untidy<K: ArrowDictionaryKeyType>(cells: &[Cell], dice: &mut Dice) -> ArrayRef {
    let mut values: Vec<Option<&str>> = vec![None, Some("unused"), Some("gun"), Some("CN"), None];
    let distinct: BTreeSet<&str> = cells.iter().filter_map(text_of).collect();
    for text in distinct {
        for _ in 0..=usize::from(dice.one_in(4)) {
            values.insert(dice.below(values.len() + 1), Some(text));
        }
    }
    let mut codes: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (code, value) in values.iter().enumerate() {
        codes.entry(*value).or_default().push(code);
    }
    let mut code = |cell: &Cell| {
        let code = K::Native::from_usize(*dice.pick(&codes[&text_of(cell)])).unwrap();
        if *cell != Cell::Null || dice.one_in(2) {
            return (code, true);
        }
        (*dice.pick(&[code, K::Native::MIN_TOTAL_ORDER, K::Native::MAX_TOTAL_ORDER]), false)
    };
    let (codes, valid): (Vec<K::Native>, Vec<bool>) = cells.iter().map(&mut code).unzip();
    let keys = PrimitiveArray::<K>::new(ScalarBuffer::from(codes), Some(NullBuffer::from(valid)));
    Arc::new(DictionaryArray::new(keys, Arc::new(StringArray::from(values))))
}

/// Lists that begin somewhere in their values; a NULL list may have values behind it.
fn list(cells: &[Cell], dice: &mut Dice, items: impl FnOnce(&[Cell], &mut Dice) -> ArrayRef) -> ArrayRef {
    let spare: Vec<Cell> =
        cells.iter().find_map(|cell| if let Cell::List(l) = cell { Some(l.clone()) } else { None }).unwrap_or_default();
    let mut flat = if dice.one_in(2) { spare.clone() } else { Vec::new() };
    let mut offsets = vec![flat.len() as i32];
    for cell in cells {
        match cell {
            Cell::List(cells) => flat.extend(cells.iter().cloned()),
            _ if dice.one_in(2) => flat.extend(spare.iter().cloned()),
            _ => {}
        }
        offsets.push(flat.len() as i32);
    }
    let values = items(&flat, dice);
    let nulls = nulls_of(cells);
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::new(offsets.into()), values, nulls))
}

/// Records whose fields may come in another order, some of the empty ones not at all; with values left standing in
/// records that are NULL.
fn records(members: &[Member], cells: &[Cell], dice: &mut Dice) -> ArrayRef {
    let known = |place: usize| cells.iter().any(|cell| matches!(cell, Cell::Record(f) if f[place] != Cell::Null));
    let mut order: Vec<usize> = (0..members.len()).filter(|place| known(*place) || dice.one_in(2)).collect();
    if dice.one_in(2) {
        order.reverse();
    }
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for place in order {
        let spare =
            cells.iter().find_map(|cell| if let Cell::Record(fields) = cell { Some(&fields[place]) } else { None });
        let field: Vec<Cell> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Record(fields) => fields[place].clone(),
                _ => spare.cloned().unwrap_or(Cell::Null),
            })
            .collect();
        let array = encode(members[place].kind, &field, dice);
        fields.push(Field::new(members[place].name, array.data_type().clone(), true));
        columns.push(array);
    }
    let nulls = Some(nulls_of(cells));
    Arc::new(StructArray::try_new_with_length(Fields::from(fields), columns, nulls, cells.len()).unwrap())
}

fn nulls_of(cells: &[Cell]) -> NullBuffer {
    cells.iter().map(|cell| *cell != Cell::Null).collect::<Vec<bool>>().into()
}

fn text_of(cell: &Cell) -> Option<&str> {
    if let Cell::Text(text) = cell { Some(text) } else { None }
}

fn int_of(cell: &Cell) -> Option<i64> {
    if let Cell::Int(value) = cell { Some(*value) } else { None }
}
