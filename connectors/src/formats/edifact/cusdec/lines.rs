//! Specification lines (LIN): the models that the goods of an item are, each with its quantity, price and amount. Most
//! stand with the invoice, before the items.

use haechi_model::Cell;

use super::super::measure::number;
use super::super::segments::Segment;

/// More lines than one item has.
const LINES_MAX: usize = 99;

/// One line.
#[derive(Debug, Default)]
struct ModelLine {
    /// LIN 1082.
    number: i32,
    /// IMD.
    text: String,
    /// FTX AAA.
    free_text: String,
    /// LIN C212.
    article: String,
    /// QTY, and its unit.
    quantity: Option<(f64, String)>,
    /// PRI.
    unit_price: Option<f64>,
    /// MOA 203, 38, 66.
    amount: Option<f64>,
}

/// The lines of an item, or of an invoice.
#[derive(Debug, Default)]
pub struct ModelLines {
    lines: Vec<ModelLine>,
    open: bool,
    /// The line that is read where more were sent than are kept.
    beyond: Option<ModelLine>,
    /// More were sent than are kept.
    pub cut: bool,
}

impl ModelLines {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether what comes next may be of a line.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes what a segment says of a line. Returns whether it is of one: an amount behind that of the line may be of
    /// the item.
    pub fn read(&mut self, s: Segment<'_, '_>) -> bool {
        if s.tag() == "LIN" {
            self.begin(s);
            return true;
        }
        self.open &= !matches!(s.tag(), "CST" | "UNS" | "DMS" | "TAX" | "CNT" | "PAC" | "DOC" | "GIS" | "GEI" | "EQD");
        let line = self.beyond.as_mut().or(self.lines.last_mut());
        let Some(line) = line.filter(|_| self.open) else { return false };
        let amount = || number(s.get(0, 1));
        match (s.tag(), s.get(0, 0)) {
            ("IMD", _) => describe(&mut line.text, s, 2),
            ("FTX", "AAA") => describe(&mut line.free_text, s, 3),
            ("QTY", _) => {
                let told = amount().map(|quantity| (quantity, s.get(0, 2).to_owned()));
                line.quantity = line.quantity.take().or(told);
            }
            ("PRI", _) => line.unit_price = line.unit_price.or_else(amount),
            ("MOA", kind @ ("203" | "38" | "66")) => {
                let told = line.amount.is_some();
                line.amount = line.amount.or_else(amount);
                return !told || kind == "203";
            }
            _ => return false,
        }
        true
    }

    fn begin(&mut self, lin: Segment<'_, '_>) {
        self.open = true;
        if self.lines.len() == LINES_MAX {
            self.cut = true;
            self.beyond = Some(ModelLine::default());
            return;
        }
        let next = self.lines.len() as i32 + 1;
        let number = lin.get(0, 0).parse().unwrap_or(next);
        self.lines.push(ModelLine { number, article: lin.get(2, 0).to_owned(), ..ModelLine::default() });
    }

    /// The column `model_lines`.
    pub fn records(&self) -> impl Iterator<Item = [Cell<'_>; 7]> {
        self.lines.iter().map(|line| {
            let texts = [&line.text, &line.free_text];
            let text = texts.into_iter().find(|text| !text.is_empty()).unwrap_or(&line.article);
            let unit = line.quantity.as_ref().map(|(_, unit)| unit.as_str()).filter(|unit| !unit.is_empty());
            [
                line.number.into(),
                Cell::Text(text),
                Cell::Null,
                line.quantity.as_ref().map(|(quantity, _)| *quantity).into(),
                unit.into(),
                line.unit_price.into(),
                line.amount.into(),
            ]
        })
    }
}

/// Adds the words of an element, or of an IMD its text without its codes.
fn describe(text: &mut String, s: Segment<'_, '_>, element: usize) {
    for word in words(s, element) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// The words of an IMD or FTX: of an IMD those behind its codes.
pub fn words<'a>(s: Segment<'a, '_>, element: usize) -> impl Iterator<Item = &'a str> {
    let codes = if s.tag() == "IMD" { 3 } else { 0 };
    s.components(element).skip(codes).filter(|word| !word.is_empty())
}
