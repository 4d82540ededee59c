//! Columns of Parquet and Arrow files in our types, a column at a time; what does not fit is a fault of its row.
//!
//! The common cases (same type, text as dictionary, numbers) are done by Arrow kernels or once per distinct value;
//! whatever else a file may hold is read cell by cell through its text, as from CSV.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, AsArray, DictionaryArray, Int32Array, PrimitiveArray, RecordBatch, StringArray,
    StringBuilder, new_null_array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Field, Int16Type, Int32Type, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::{Cell, Column, Kind, Stream, StreamBuilder};

use super::cell::{CellReader, Fault, Raw, Work, composed, is_null};
use super::measures::{amounts, counts, days, instants};
use super::notes::Notes;

/// The first fault of each row that has one.
pub type Faults = HashMap<usize, Fault>;

/// Brings one column of a file into our type.
#[derive(Debug)]
pub struct Converter {
    stream: &'static Stream,
    /// Whether free text that is a dictionary stays one.
    text_by_code: bool,
    known: Option<KnownValues>,
}

/// A dictionary met before: batches of one file mostly share theirs.
#[derive(Debug)]
struct KnownValues {
    before: StringArray,
    after: Translated,
}

#[derive(Clone, Debug)]
struct Translated {
    values: StringArray,
    /// New code of each old one, -1 for NULL; `None` where nothing changed.
    codes: Option<Arc<Vec<i32>>>,
    faults: Arc<HashMap<i32, Fault>>,
}

impl Converter {
    /// For a column of a stream.
    pub fn new(stream: &'static Stream, text_by_code: bool) -> Self {
        Self { stream, text_by_code, known: None }
    }

    /// The column in our type. Where a row has a fault, its value means nothing.
    pub fn convert(
        &mut self,
        reader: &CellReader,
        array: &ArrayRef,
        faults: &mut Faults,
        notes: &mut Notes,
    ) -> Result<ArrayRef, ArrowError> {
        let column = reader.column();
        let (array, may_be_null) = (array.clone(), reader.blank() == Ok(Cell::Null));
        let plain = reader.change().codes.is_none() && reader.change().pad == 0;
        let defaulted = !may_be_null && reader.blank().is_ok();
        if defaulted && array.null_count() > 0 {
            return self.by_text(reader, &array, faults, notes);
        }
        let converted = match (column.kind, array.data_type()) {
            (_, DataType::Null) => conform_one(self.stream, column, array)?,
            (Kind::Id | Kind::Code, found) if is_text(found) => self.ids(reader, &array, faults, notes)?,
            (Kind::Text, found) if is_text(found) && plain => self.text(reader, &array, faults, notes)?,
            (Kind::F64, found) if found.is_numeric() && plain => amounts(reader, &array, faults)?,
            (Kind::I32 | Kind::I64, found) if found.is_integer() && plain => counts(reader, &array, faults)?,
            (Kind::Bool, DataType::Boolean) if plain => array,
            (Kind::Date, DataType::Date32) => days(reader, &array, faults),
            (Kind::Ts, DataType::Timestamp(..)) => instants(reader, &array, faults)?,
            (Kind::List(_) | Kind::Records(_), DataType::List(_) | DataType::LargeList(_)) => {
                match conform_one(self.stream, column, array.clone()) {
                    Ok(lists) => lists,
                    Err(error) => {
                        let fault = reader.fault("bad_list", "", &format!("does not fit: {error}"));
                        for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
                            faults.entry(row).or_insert_with(|| fault.clone());
                        }
                        conform_one(self.stream, column, new_null_array(&DataType::Null, array.len()))?
                    }
                }
            }
            _ => self.by_text(reader, &array, faults, notes)?,
        };
        if !may_be_null
            && converted.null_count() > 0
            && let Err(fault) = reader.blank()
        {
            for row in (0..converted.len()).filter(|row| converted.is_null(*row)) {
                faults.entry(row).or_insert_with(|| fault.clone());
            }
        }
        Ok(converted)
    }

    /// Any column, through the text of its values.
    pub fn by_text(
        &self,
        reader: &CellReader,
        array: &ArrayRef,
        faults: &mut Faults,
        notes: &mut Notes,
    ) -> Result<ArrayRef, ArrowError> {
        let options = FormatOptions::default();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options)?;
        self.read_texts(reader, array.len(), faults, notes, |row, text| {
            if array.is_valid(row) {
                text.push_str(&formatter.value(row).try_to_string().unwrap_or_default());
            }
        })
    }

    /// A column from a text for each row, blank for NULL.
    pub fn read_texts(
        &self,
        reader: &CellReader,
        rows: usize,
        faults: &mut Faults,
        notes: &mut Notes,
        mut write: impl FnMut(usize, &mut String),
    ) -> Result<ArrayRef, ArrowError> {
        let mut builder = StreamBuilder::with_columns(self.stream, &[reader.column().name])
            .map_err(|error| ArrowError::SchemaError(error.to_string()))?;
        let mut finished: Vec<ArrayRef> = Vec::new();
        let (mut text, mut work) = (String::new(), Work::default());
        for row in 0..rows {
            text.clear();
            write(row, &mut text);
            match reader.read(Raw::Text(&text), &mut work, notes) {
                Ok(cell) => {
                    if builder.set(0, cell.clone()).is_err() {
                        finished.push(builder.finish().column(0).clone());
                        if let Err(error) = builder.set(0, cell) {
                            faults.entry(row).or_insert(Fault { code: "bad_type", reason: error.to_string() });
                        }
                    }
                }
                Err(fault) => {
                    faults.entry(row).or_insert(fault);
                }
            }
            builder.finish_row();
        }
        finished.push(builder.finish().column(0).clone());
        match finished.as_slice() {
            [one] => Ok(one.clone()),
            many => concat(&many.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
        }
    }

    /// Ids and codes: each distinct value is read once.
    fn ids(
        &mut self,
        reader: &CellReader,
        array: &ArrayRef,
        faults: &mut Faults,
        notes: &mut Notes,
    ) -> Result<ArrayRef, ArrowError> {
        let by_code = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let array = match array.as_string_opt::<i32>() {
            // Rows of a subject stand together, so each of its runs is a value and nothing need be looked up.
            Some(texts) if reader.column().name == self.stream.subject_key => runs(texts)?,
            _ if *array.data_type() == by_code => array.clone(),
            _ => cast(array, &by_code)?,
        };
        let dictionary = array.as_dictionary::<Int32Type>();
        let translated = self.translated(reader, dictionary.values().as_string::<i32>(), notes);
        let codes = dictionary.keys();
        if !translated.faults.is_empty() {
            for (row, code) in codes.iter().enumerate() {
                if let Some(fault) = code.and_then(|code| translated.faults.get(&code)) {
                    faults.entry(row).or_insert_with(|| fault.clone());
                }
            }
        }
        let codes: Int32Array = match &translated.codes {
            None if reader.column().kind == Kind::Id => return Ok(array),
            None => codes.clone(),
            Some(new) => codes
                .iter()
                .map(|code| code.and_then(|code| new.get(code as usize)).copied().filter(|code| *code >= 0))
                .collect(),
        };
        let values: ArrayRef = Arc::new(translated.values);
        match reader.column().kind {
            Kind::Code => narrow(&codes, &values),
            _ => Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, values)?)),
        }
    }

    fn translated(&mut self, reader: &CellReader, values: &StringArray, notes: &mut Notes) -> Translated {
        if let Some(known) = &self.known
            && same(&known.before, values)
        {
            return known.after.clone();
        }
        let mut work = Work::default();
        let stays =
            |text| matches!(reader.read(Raw::Text(text), &mut work, notes), Ok(Cell::Text(after)) if after == text);
        let after =
            if reader.takes_as_they_are(values) || (values.null_count() == 0 && values.iter().flatten().all(stays)) {
                Translated { values: values.clone(), codes: None, faults: Arc::default() }
            } else {
                Self::translate(reader, values, notes)
            };
        self.known = Some(KnownValues { before: values.clone(), after: after.clone() });
        after
    }

    fn translate(reader: &CellReader, values: &StringArray, notes: &mut Notes) -> Translated {
        let mut kept: Vec<String> = Vec::new();
        let mut codes: Vec<i32> = Vec::with_capacity(values.len());
        let mut by_text: HashMap<String, i32> = HashMap::new();
        let mut faults = HashMap::new();
        let mut work = Work::default();
        for i in 0..values.len() {
            let before = if values.is_valid(i) { values.value(i) } else { "" };
            let after = match reader.read(Raw::Text(before), &mut work, notes) {
                Ok(Cell::Text(after)) => after,
                Ok(_) => {
                    codes.push(-1);
                    continue;
                }
                Err(fault) => {
                    faults.insert(i as i32, fault);
                    codes.push(-1);
                    continue;
                }
            };
            let next = kept.len() as i32;
            let code = *by_text.entry(after.to_owned()).or_insert(next);
            if code == next {
                kept.push(after.to_owned());
            }
            codes.push(code);
        }
        Translated { values: StringArray::from(kept), codes: Some(Arc::new(codes)), faults: Arc::new(faults) }
    }

    /// Free text: mostly fine as it is.
    fn text(
        &self,
        reader: &CellReader,
        array: &ArrayRef,
        faults: &mut Faults,
        notes: &mut Notes,
    ) -> Result<ArrayRef, ArrowError> {
        let by_code = array.as_dictionary_opt::<Int32Type>().filter(|_| self.text_by_code);
        if let Some(values) = by_code.and_then(|dictionary| dictionary.values().as_string_opt::<i32>())
            && all_fine(reader, values)
        {
            return Ok(array.clone());
        }
        let array = if *array.data_type() == DataType::Utf8 { array.clone() } else { cast(array, &DataType::Utf8)? };
        if all_fine(reader, array.as_string::<i32>()) { Ok(array) } else { self.by_text(reader, &array, faults, notes) }
    }
}

/// Whether free texts are all fine as they are.
fn all_fine(reader: &CellReader, texts: &StringArray) -> bool {
    let mut room = String::new();
    let mut fine = |text: &str| {
        text.len() <= super::cell::CELL_BYTES_MAX
            && text.trim().len() == text.len()
            && !is_null(text)
            && composed(text, &mut room).len() == text.len()
            && !text.contains('\0')
    };
    reader.takes_as_they_are(texts) || texts.iter().flatten().all(&mut fine)
}

/// Texts as a dictionary with a value for each run of equal ones.
fn runs(texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    let mut values = StringBuilder::new();
    let mut last = None;
    let codes = texts.iter().map(|text| {
        if text.is_some() && text != last {
            values.append_option(text);
            last = text;
        }
        text.map(|_| values.len() as i32 - 1)
    });
    let codes: Int32Array = codes.collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, Arc::new(values.finish()))?))
}

/// One column by itself in the type of its stream.
pub fn conform_one(stream: &'static Stream, column: &Column, array: ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Field::new(column.name, array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array])?;
    Ok(haechi_model::conform::conform(stream, batch)?.column(0).clone())
}

/// Whether the type is text, as it is or by code.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => values.is_string(),
        other => other.is_string(),
    }
}

/// Whether two arrays are the same memory.
fn same(one: &StringArray, other: &StringArray) -> bool {
    one.len() == other.len()
        && one.values().as_ptr() == other.values().as_ptr()
        && one.value_offsets().as_ptr() == other.value_offsets().as_ptr()
}

/// Codes of sixteen bits: of those values that occur, if all of them are too many.
fn narrow(codes: &Int32Array, values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if i16::try_from(values.len()).is_ok() {
        let narrowed = codes.values().iter().map(|code| *code as i16).collect();
        let codes = PrimitiveArray::<Int16Type>::try_new(narrowed, codes.nulls().cloned())?;
        return Ok(Arc::new(DictionaryArray::<Int16Type>::try_new(codes, values.clone())?));
    }
    let texts = values.as_string::<i32>();
    let mut used: HashMap<i32, i16> = HashMap::new();
    let mut kept = Vec::new();
    let mut narrowed = Vec::with_capacity(codes.len());
    for code in codes {
        let Some(code) = code else {
            narrowed.push(None);
            continue;
        };
        let next = i16::try_from(kept.len()).map_err(|_| ArrowError::DictionaryKeyOverflowError)?;
        let code = *used.entry(code).or_insert_with(|| {
            kept.push(texts.value(code as usize));
            next
        });
        narrowed.push(Some(code));
    }
    let codes = PrimitiveArray::<Int16Type>::from(narrowed);
    Ok(Arc::new(DictionaryArray::<Int16Type>::try_new(codes, Arc::new(StringArray::from(kept)))?))
}

/// A column that has one value on every row.
pub fn same_on_every_row<K: ArrowDictionaryKeyType>(text: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let codes = PrimitiveArray::<K>::from_value(K::Native::default(), rows);
    Ok(Arc::new(DictionaryArray::<K>::try_new(codes, Arc::new(StringArray::from(vec![text])))?))
}
