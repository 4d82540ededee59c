//! The rule-evaluation workload, made in memory: declaration items and targeting rules over them.
//!
//! The shape is that of `benches/peers/workload.py`: the same columns, the same mix of rules by share, the same skew
//! (few importers and few tariff codes make up most of the rows, and what is frequent in the rows is frequent in the
//! rules). The draws are other ones, so counts of hits are not comparable; to measure on the very files that other
//! engines ran on, name their folder ([`crate::source`]). Begin at [`World`].

mod chance;
mod kinds;
mod rows;
mod rules;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use haechi_model::streams::DECLARATION;

pub use chance::Dice;
use chance::Zipf;
pub use kinds::{Kind, WATCHED, watched};
pub use rows::{COLUMNS, Rows};
pub use rules::Rule;

const COUNTRIES: [&str; 70] = [
    "CN", "US", "JP", "VN", "DE", "TW", "AU", "SA", "IT", "FR", "MY", "TH", "ID", "SG", "GB", "IN", "NL", "RU", "MX",
    "CA", "BR", "CL", "PH", "HK", "AE", "QA", "KW", "PL", "CZ", "ES", "CH", "BE", "SE", "AT", "TR", "ZA", "NG", "KE",
    "PK", "BD", "LK", "MM", "KH", "LA", "PE", "CO", "EC", "AR", "NZ", "IL", "EG", "MA", "UA", "KZ", "UZ", "IR", "IQ",
    "OM", "NO", "FI", "DK", "IE", "PT", "GR", "HU", "RO", "BG", "SK", "SI", "HR",
];
#[rustfmt::skip]
const WORDS: [&str; 37] = [
    "USED", "NEW", "PARTS", "SHOES", "LEATHER", "COTTON", "FROZEN", "GARLIC", "PEPPER", "STEEL", "BATTERY", "LITHIUM",
    "PHONE", "CASE", "TOY", "PLASTIC", "BAG", "WATCH", "TABLET", "PILL", "POWDER", "MACHINE", "VALVE", "PUMP", "WINE",
    "TOBACCO", "COSMETIC", "CREAM", "FURNITURE", "WOOD", "PAPER", "SEED", "HERBAL", "GINSENG", "KNIFE", "REPLICA",
    "MODEL",
];
const MODES: [&str; 4] = ["sea", "air", "post", "express"];
const OFFICES: u64 = 50;
const IMPORTERS: usize = 100_000;
const EXPORTERS: usize = 50_000;
const DECLARANTS: usize = 1_500;
const TARIFF_CODES: usize = 8_000;

/// What rows and rules have in common: the tariff codes in use, and which of everything is frequent.
#[derive(Debug)]
pub struct World {
    seed: u64,
    tariff_codes: Vec<String>,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let code = |dice: &mut Dice| {
            let (chapter, heading) = (1 + dice.below(96), 1 + dice.below(98));
            format!("{chapter:02}{heading:02}{:04}00", dice.below(10_000))
        };
        let mut tariff_codes: Vec<String> = (0..TARIFF_CODES).map(|_| code(&mut dice)).collect();
        tariff_codes.sort();
        tariff_codes.dedup();
        Self { seed, tariff_codes }
    }

    /// Declaration items without end, each batch with dictionaries of its own; the same for a seed, however they
    /// are cut.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(self)
    }

    /// `count` rules in the mix of the workload.
    pub fn rules(&self, count: usize) -> Vec<Rule> {
        rules::mixed(self, count)
    }

    /// `count` rules of one kind.
    pub fn rules_of(&self, kind: Kind, count: usize) -> Vec<Rule> {
        kinds::rules(self, kind, count)
    }
}

/// How text stands in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// As the stream has it: ids and codes by code, descriptions plain.
    AsStream,
    /// Everything by code: one dictionary a column, with the values that occur and no others.
    ByCode,
    /// Everything plain.
    Plain,
}

impl Text {
    /// The batch with its text columns in this form; other columns, and lists, are left as they are.
    pub fn of(self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = batch.schema();
        let mut fields = Vec::with_capacity(batch.num_columns());
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let column = DECLARATION.column(field.name()).filter(|column| column.kind.is_text());
            let array = match column {
                None => array.clone(),
                // By way of plain text: what is left of a dictionary is what the rows need.
                Some(column) => cast(&cast(array, &DataType::Utf8)?, &self.data_type(&column.kind.data_type()))?,
            };
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            columns.push(array);
        }
        RecordBatch::try_new(Schema::new(fields).into(), columns)
    }

    fn data_type(self, of_stream: &DataType) -> DataType {
        match (self, of_stream) {
            (Self::AsStream, _) | (Self::ByCode, DataType::Dictionary(..)) => of_stream.clone(),
            (Self::ByCode, _) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            (Self::Plain, _) => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests;
