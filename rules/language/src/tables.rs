//! Reference tables: `tables/NAME.csv`, a key column and columns of values that `lookup` reads.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diagnostic::{Diagnostic, Span};
use crate::lists::check_name;
use crate::source::{FileId, Sources};
use crate::yaml::number;

pub(crate) mod cells;

use cells::{Cell, Row};

/// A table of reference values.
#[derive(Clone, Debug)]
pub struct ReferenceTable {
    /// Name: the file's, without `.csv`.
    pub name: String,
    /// Header of the key column.
    pub key_column: String,
    /// Columns of values, in order; the first is what `lookup('name', key)` reads.
    pub columns: Vec<TableColumn>,
    /// Key of every row.
    pub keys: Vec<String>,
    /// Where its header stands.
    pub at: Span,
    rows: FxHashMap<String, usize>,
}

/// One column of values.
#[derive(Clone, Debug)]
pub struct TableColumn {
    /// Its header.
    pub name: String,
    /// A value a row.
    pub values: TableValues,
}

/// The values of a column; `None` where the cell is empty.
#[derive(Clone, Debug, PartialEq)]
pub enum TableValues {
    /// Every cell is a number.
    Numbers(Vec<Option<f64>>),
    /// Some cell is not, or is written with a leading zero, as codes are.
    Texts(Vec<Option<String>>),
}

impl ReferenceTable {
    /// The row of a key.
    pub fn row(&self, key: &str) -> Option<usize> {
        self.rows.get(key).copied()
    }

    /// The column of that name; the first for `None`.
    pub fn column(&self, name: Option<&str>) -> Option<&TableColumn> {
        match name {
            Some(name) => self.columns.iter().find(|column| column.name == name),
            None => self.columns.first(),
        }
    }
}

/// Reads a table. `None` where there is no header to go by.
pub(crate) fn read_file(file: FileId, sources: &Sources, out: &mut Vec<Diagnostic>) -> Option<ReferenceTable> {
    let source = sources.file(file);
    let name = source.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let before = out.len();
    let rows = cells::rows(file, &source.text, out);
    let span = |at: &std::ops::Range<usize>| Span { file, range: at.clone() };
    let header = match rows.first() {
        Some(header) if header.cells.len() >= 2 => header,
        _ => {
            if out.len() == before {
                let at = span(&rows.first().map_or(0..0, |row| row.at.clone()));
                let diagnostic = Diagnostic::error("E0411", at, format!("table `{name}` has no column of values"))
                    .help("the first line is a header: the key column, then one or more columns of values");
                out.push(diagnostic);
            }
            return None;
        }
    };
    let at = span(&header.at);
    check_name(&name, &at, "table", out);
    check_header(file, header, out);
    let width = header.cells.len();
    let mut keys = Vec::with_capacity(rows.len());
    let mut index: FxHashMap<String, usize> = FxHashMap::default();
    let mut columns: Vec<Vec<&Cell>> = vec![Vec::new(); width];
    for row in &rows[1..] {
        if row.cells.len() != width {
            out.push(other_width(file, row, width));
            continue;
        }
        let Some((key, values)) = row.cells.split_first() else { continue };
        if index.insert(key.text.clone(), keys.len()).is_some() {
            let message = format!("key `{}` stands in the table twice", key.text);
            out.push(Diagnostic::error("E0412", span(&key.at), message).help("keep one of the rows"));
        }
        keys.push(key.text.clone());
        for (column, cell) in columns.iter_mut().zip(values) {
            column.push(cell);
        }
    }
    let columns = header.cells[1..]
        .iter()
        .zip(columns)
        .map(|(header, cells)| TableColumn { name: header.text.clone(), values: values(file, &cells, out) })
        .collect();
    Some(ReferenceTable { name, key_column: header.cells[0].text.clone(), columns, keys, at, rows: index })
}

pub(crate) fn other_width(file: FileId, row: &Row, width: usize) -> Diagnostic {
    let at = row.cells.get(width).or(row.cells.last()).map_or(row.at.clone(), |cell| cell.at.clone());
    let message = format!("the row has {} cells, the header {width}", row.cells.len());
    Diagnostic::error("E0413", Span { file, range: at }, message)
        .help("a cell that holds a comma stands in double quotes; an empty cell still has its comma")
}

/// Columns stand once, and can be named.
fn check_header(file: FileId, header: &Row, out: &mut Vec<Diagnostic>) {
    let mut seen = FxHashSet::default();
    for cell in &header.cells {
        let at = Span { file, range: cell.at.clone() };
        check_name(&cell.text, &at, "table column", out);
        if !seen.insert(cell.text.as_str()) {
            let message = format!("column `{}` stands in the header twice", cell.text);
            out.push(Diagnostic::error("E0414", at, message).help("name one of them differently"));
        }
    }
}

/// Numbers where all cells are numbers. A leading zero makes a code, so `010` stays `010`.
fn values(file: FileId, cells: &[&Cell], out: &mut Vec<Diagnostic>) -> TableValues {
    let code = |text: &str| text.len() > 1 && text.starts_with('0') && text.as_bytes()[1].is_ascii_digit();
    let filled = || cells.iter().filter(|cell| !cell.text.is_empty());
    let is_number = |cell: &Cell| number(&cell.text).is_some() && !code(&cell.text);
    let numbers = filled().filter(|cell| is_number(cell)).count();
    let total = filled().count();
    if numbers == total && total > 0 {
        return TableValues::Numbers(cells.iter().map(|cell| number(&cell.text)).collect());
    }
    if numbers * 10 >= total * 8 && !filled().any(|cell| code(&cell.text)) {
        for cell in filled().filter(|cell| !is_number(cell)).take(3) {
            let message = format!("`{}` is no number, so the whole column is text", cell.text);
            let at = Span { file, range: cell.at.clone() };
            out.push(Diagnostic::warning("W0716", at, message).help("decimal point, no thousands separator, or empty"));
        }
    }
    let text = |cell: &&Cell| (!cell.text.is_empty()).then(|| cell.text.clone());
    TableValues::Texts(cells.iter().map(text).collect())
}
