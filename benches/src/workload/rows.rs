//! Declaration items, row by row.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, ListBuilder, RecordBatch, StringBuilder,
    StringDictionaryBuilder, TimestampMillisecondBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use haechi_model::streams::DECLARATION;

use super::{COUNTRIES, DECLARANTS, Dice, EXPORTERS, IMPORTERS, MODES, OFFICES, WORDS, World, Zipf};
use crate::must;

/// The columns of a workload in files. What is made here has one more, `container_ids`: a list.
pub const COLUMNS: [&str; 20] = [
    "declaration_id",
    "item_no",
    "declared_at",
    "office",
    "transport_mode",
    "procedure",
    "importer_id",
    "exporter_id",
    "declarant_id",
    "origin_country",
    "departure_country",
    "hs_code",
    "description",
    "quantity",
    "net_mass_kg",
    "customs_value_usd",
    "unit_price_usd",
    "tariff_rate",
    "preference_claimed",
    "importer_aeo",
];

/// 2025-01-01T00:00:00Z.
const FIRST_MS: i64 = 1_735_689_600_000;
/// Between two rows: a million rows take a year.
const STEP_MS: u64 = 31_536;
const ITEMS_IN_DECLARATION: u64 = 2;
/// Few, so that each is in about a hundredth of the rows.
const CONTAINERS: u64 = 150;
const TARIFF_RATES: [f64; 8] = [0.0, 3.0, 5.0, 6.5, 8.0, 13.0, 20.0, 40.0];
/// Mostly of one kind: a share of each, in twentieths.
const MODE_SHARES: [usize; 20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3];
const PROCEDURES: [&str; 20] = [
    "11", "11", "11", "11", "11", "11", "11", "11", "11", "11", "11", "11", "11", "11", "12", "12", "15", "15", "21",
    "40",
];

/// The rows of a world, from the first on.
#[derive(Debug)]
pub struct Rows<'w> {
    world: &'w World,
    dice: Dice,
    made: u64,
    at_ms: i64,
    offices: Zipf,
    importers: Zipf,
    exporters: Zipf,
    declarants: Zipf,
    countries: Zipf,
    tariff_codes: Zipf,
}

impl<'w> Rows<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self {
            world,
            dice: Dice::new(world.seed, 1),
            made: 0,
            at_ms: FIRST_MS,
            offices: Zipf::new(OFFICES as usize, 1.1),
            importers: Zipf::new(IMPORTERS, 1.05),
            exporters: Zipf::new(EXPORTERS, 1.05),
            declarants: Zipf::new(DECLARANTS, 1.0),
            countries: Zipf::new(COUNTRIES.len(), 1.0),
            tariff_codes: Zipf::new(world.tariff_codes.len(), 0.9),
        }
    }

    /// The next rows, in the types of the stream.
    pub fn batch(&mut self, rows: usize) -> RecordBatch {
        let mut columns = Columns::default();
        for _ in 0..rows {
            self.row(&mut columns);
        }
        columns.finish()
    }

    fn row(&mut self, to: &mut Columns) {
        let dice = &mut self.dice;
        to.declaration_id.append_value(format!("D{:010}", self.made / ITEMS_IN_DECLARATION));
        to.item_no.append_value((self.made % ITEMS_IN_DECLARATION) as i32 + 1);
        self.made += 1;
        self.at_ms += dice.below(2 * STEP_MS) as i64;
        to.declared_at.append_value(self.at_ms);
        to.office.append_value(format!("{:03}", 10 + self.offices.draw(dice)));
        to.transport_mode.append_value(MODES[dice.one(&MODE_SHARES)]);
        to.procedure.append_value(dice.one(&PROCEDURES));
        to.importer_id.append_value(format!("I{:07}", self.importers.draw(dice)));
        let exporter = format!("X{:07}", self.exporters.draw(dice));
        to.exporter_id.append_option((!dice.chance(0.03)).then_some(exporter));
        to.declarant_id.append_value(format!("B{:07}", self.declarants.draw(dice)));
        let origin = self.countries.draw(dice);
        let departure = if dice.chance(0.85) { origin } else { self.countries.draw(dice) };
        to.origin_country.append_value(COUNTRIES[origin]);
        to.departure_country.append_value(COUNTRIES[departure]);
        let code = self.tariff_codes.draw(dice);
        to.hs_code.append_value(&self.world.tariff_codes[code]);
        let words = format!("{} {} {}", dice.one(&WORDS), dice.one(&WORDS), dice.one(&WORDS));
        to.description.append_option((!dice.chance(0.02)).then_some(words));
        let quantity = dice.log_normal(3.0, 1.5).ceil();
        let price = dice.log_normal(2.0 + (code % 7) as f64 * 0.5, 1.2);
        to.quantity.append_value(quantity);
        let mass = dice.log_normal(4.0, 2.0);
        to.net_mass_kg.append_option((!dice.chance(0.01)).then_some(mass));
        to.customs_value_usd.append_value(price * quantity);
        to.unit_price_usd.append_value(price);
        to.tariff_rate.append_value(dice.one(&TARIFF_RATES));
        to.preference_claimed.append_value(dice.chance(0.3));
        to.importer_aeo.append_value(dice.chance(0.25));
        for _ in 0..dice.below(4) {
            to.container_ids.values().append_value(format!("MSKU{:07}", dice.below(CONTAINERS)));
        }
        to.container_ids.append(true);
    }
}

type Codes = StringDictionaryBuilder<Int32Type>;

/// Builders by column.
#[derive(Default)]
struct Columns {
    declaration_id: Codes,
    item_no: Int32Builder,
    declared_at: TimestampMillisecondBuilder,
    office: Codes,
    transport_mode: Codes,
    procedure: Codes,
    importer_id: Codes,
    exporter_id: Codes,
    declarant_id: Codes,
    origin_country: Codes,
    departure_country: Codes,
    hs_code: Codes,
    description: StringBuilder,
    quantity: Float64Builder,
    net_mass_kg: Float64Builder,
    customs_value_usd: Float64Builder,
    unit_price_usd: Float64Builder,
    tariff_rate: Float64Builder,
    preference_claimed: BooleanBuilder,
    importer_aeo: BooleanBuilder,
    container_ids: ListBuilder<StringBuilder>,
}

impl Columns {
    fn finish(mut self) -> RecordBatch {
        let arrays: [ArrayRef; 21] = [
            Arc::new(self.declaration_id.finish()),
            Arc::new(self.item_no.finish()),
            Arc::new(self.declared_at.finish()),
            Arc::new(self.office.finish()),
            Arc::new(self.transport_mode.finish()),
            Arc::new(self.procedure.finish()),
            Arc::new(self.importer_id.finish()),
            Arc::new(self.exporter_id.finish()),
            Arc::new(self.declarant_id.finish()),
            Arc::new(self.origin_country.finish()),
            Arc::new(self.departure_country.finish()),
            Arc::new(self.hs_code.finish()),
            Arc::new(self.description.finish()),
            Arc::new(self.quantity.finish()),
            Arc::new(self.net_mass_kg.finish()),
            Arc::new(self.customs_value_usd.finish()),
            Arc::new(self.unit_price_usd.finish()),
            Arc::new(self.tariff_rate.finish()),
            Arc::new(self.preference_claimed.finish()),
            Arc::new(self.importer_aeo.finish()),
            Arc::new(self.container_ids.finish()),
        ];
        let names = COLUMNS.into_iter().chain(["container_ids"]);
        let typed = names.zip(arrays).map(|(name, array)| {
            let wanted = DECLARATION.column(name).map_or(DataType::Null, |column| column.kind.data_type());
            (name, must(cast(&array, &wanted)), true)
        });
        must(RecordBatch::try_from_iter_with_nullable(typed))
    }
}
