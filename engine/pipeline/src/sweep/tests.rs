//! A sweep against the rule with each value written into its text, over random rules and rows.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use haechi_model::Stream;
use haechi_model::builder::{Cell, StreamBuilder};
use haechi_rules::condition::{Catalog, Compiler};
use haechi_rules::load::load;
use haechi_rules::rule::{Origin, SqlText};
use haechi_rules::source::{FileId, Sources};
use haechi_rules::sweep::{Parameter, choose, thresholds};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::*;

/// A threshold as a rule may write it (`#` is the constant), its name for `choose`, and values for it.
type Form = (&'static str, &'static str, &'static str);

const DOUBLES: &str = "-1,0,0.5,1,2,2.5,3";
const WHOLE: &str = "-1,0,1,2,3";
const DAYS: &str = "2027-03-01,2027-03-02,2027-03-03,2027-03-05";

const FORMS: &[Form] = &[
    ("customs_value_usd < #", "customs_value_usd <", DOUBLES),
    ("# < customs_value_usd", "customs_value_usd >", DOUBLES),
    ("NOT customs_value_usd >= #", "customs_value_usd >=", DOUBLES),
    ("customs_value_usd <> #", "customs_value_usd =", DOUBLES),
    ("customs_value_usd IN (#)", "customs_value_usd =", DOUBLES),
    ("customs_value_usd BETWEEN # AND 2", "customs_value_usd >=", DOUBLES),
    ("customs_value_usd NOT BETWEEN 1 AND #", "customs_value_usd <=", DOUBLES),
    ("customs_value_usd IS DISTINCT FROM #", "customs_value_usd =", DOUBLES),
    ("customs_value_usd / quantity >= #", "customs_value_usd / quantity", DOUBLES),
    ("sum_items(customs_value_usd) > #", "sum_items(customs_value_usd)", DOUBLES),
    ("lookup('floor', hs4) <= #", "lookup('floor', hs4)", DOUBLES),
    ("item_no <= #", "item_no", WHOLE),
    ("count_items(quantity > 1) > #", "count_items(quantity > 1)", WHOLE),
    ("declared_at >= '#'", "declared_at", DAYS),
];

const OTHERS: &[&str] = &[
    "net_mass_kg > 1",
    "net_mass_kg <= 2",
    "net_mass_kg IS NULL",
    "origin_country = 'CN'",
    "in_list(origin_country, 'watched')",
    "importer_aeo",
    "quantity < net_mass_kg",
    "upper(description) LIKE '%SHOE%'",
];

/// Around conditions, each in place of a `?`.
const AROUND: &[&str] = &[
    "(? AND ?)",
    "(? OR ?)",
    "NOT (?)",
    "(?) IS TRUE",
    "(?) IS NOT TRUE",
    "(?) IS UNKNOWN",
    "any_item(?)",
    "all_items(?)",
    "count_items(?) >= 2",
    "(?) = (?)",
    "CASE WHEN ? THEN ? ELSE ? END",
    "CASE WHEN ? THEN net_mass_kg ELSE quantity END > 1.5",
];

/// Conditions in which `@` stands for the threshold.
fn conditions() -> BoxedStrategy<String> {
    let leaf = prop_oneof![2 => Just("@".to_owned()), 3 => select(OTHERS).prop_map(str::to_owned)];
    let grown = leaf.prop_recursive(4, 12, 3, |inner| {
        (select(AROUND), vec(inner, 3)).prop_map(|(form, parts)| {
            let mut parts = parts.iter();
            form.chars().map(|c| if c == '?' { parts.next().unwrap().clone() } else { c.to_string() }).collect()
        })
    });
    grown.prop_filter("no threshold in it", |text| text.contains('@')).boxed()
}

/// A row: declaration, then what may be NULL.
type Row = (u8, Option<f64>, Option<f64>, Option<f64>, Option<i32>, Option<&'static str>, Option<bool>, Option<u8>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let number = || prop::option::weighted(0.8, select(&[-1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0][..]));
    let text = prop::option::weighted(0.8, select(&["CN", "VN", "DE"][..]));
    let aeo = prop::option::weighted(0.8, any::<bool>());
    let day = prop::option::weighted(0.8, 0u8..6);
    vec((0u8..4, number(), number(), number(), prop::option::of(-1i32..4), text, aeo, day), 0..24)
}

fn batch(mut rows: Vec<Row>) -> RecordBatch {
    const MARCH_MS: i64 = 20_878 * 86_400_000;
    rows.sort_by_key(|row| row.0);
    let names = [
        "declaration_id",
        "customs_value_usd",
        "net_mass_kg",
        "quantity",
        "item_no",
        "origin_country",
        "importer_aeo",
        "declared_at",
        "hs4",
        "description",
    ];
    let mut builder = StreamBuilder::with_columns(declarations(), &names).unwrap();
    for (id, value, mass, quantity, item, origin, aeo, day) in rows {
        let id = format!("D{id}");
        let cells = [
            Cell::Text(&id),
            value.map_or(Cell::Null, Cell::F64),
            mass.map_or(Cell::Null, Cell::F64),
            quantity.map_or(Cell::Null, Cell::F64),
            item.map_or(Cell::Null, Cell::I32),
            origin.map_or(Cell::Null, Cell::Text),
            aeo.map_or(Cell::Null, Cell::Bool),
            day.map_or(Cell::Null, |day| Cell::Ts(MARCH_MS + i64::from(day) * 43_200_000)),
            Cell::Text(if mass.is_some() { "6402" } else { "8517" }),
            Cell::Text(if aeo == Some(true) { "Shoes" } else { "Phones" }),
        ];
        for (place, cell) in cells.into_iter().enumerate() {
            builder.set(place, cell).unwrap();
        }
        builder.finish_row();
    }
    builder.finish()
}

fn declarations() -> &'static Stream {
    Stream::find("declaration").unwrap()
}

fn catalog() -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tables")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("lists.yaml", "lists:\n  - {name: other, entries: [DE]}\n  - {name: watched, entries: [CN, vn]}\n");
    write("tables/other.csv", "hs4,usd_per_kg\n6402,100\n");
    write("tables/floor.csv", "hs4,usd_per_kg\n6402,2.5\n");
    let (raw, problems) = load(&[folder.path().to_owned()], &mut Sources::default());
    assert!(problems.iter().all(|d| d.severity != haechi_rules::Severity::Error), "{problems:?}");
    Catalog::of(&raw)
}

/// These conditions in one program, in order.
fn program(conditions: &[&str]) -> Program {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(catalog);
    let mut compiler = Compiler::new(declarations(), &CATALOG);
    for text in conditions {
        let sql = SqlText { text: (*text).to_owned(), file: FileId(0), origin: Origin::At(0) };
        let mut found = Vec::new();
        let node = compiler.condition("r", &sql, &mut found).unwrap_or_else(|| panic!("{text}: {found:?}"));
        compiler.add_root(node);
    }
    compiler.finish()
}

fn evaluate(text: &str, batch: &RecordBatch) -> Vec<u32> {
    let evaluator = Evaluator::new(Arc::new(program(&[text])), Options::default()).unwrap();
    evaluator.evaluate(batch).unwrap().rows().collect()
}

fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { 400 };
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(7) } else { given.rng_seed };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..given }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_value_hits_what_the_rule_hits_with_it_in_its_text(
        condition in conditions(),
        (form, name, list) in select(FORMS),
        present in any::<prop::sample::Index>(),
        asked in any::<prop::sample::Index>(),
        rows in rows(),
        block_rows in select(&[4_096usize, 5][..]),
    ) {
        let values: Vec<&str> = list.split(',').collect();
        let present = values[present.index(values.len())];
        let with = |value: &str| condition.replace('@', &format!("({})", form.replace('#', value)));
        // Rules before it, so that its places in the program are not those in its own.
        let before = "in_list(origin_country, 'other') AND lookup('other', hs4) > item_no";
        let alike = condition.replace('@', "(customs_value_usd > 7)");
        let ruleset = program(&[before, &alike, &with(present)]);
        let asked = &values[asked.index(values.len())..];
        let parameter = Parameter::parse(&asked.join(",")).unwrap();
        let threshold = choose(&thresholds(&ruleset, 2), Some(name), parameter.kind());
        let threshold = threshold.map_err(|error| TestCaseError::fail(format!("{error}\n{}", with(present))))?;
        let literals = parameter.values(threshold.class).unwrap();
        let sweep = Sweep::new(&ruleset, 2, threshold, literals, Options { block_rows }).unwrap();
        let batch = batch(rows);
        let mut counts = Counts::new(sweep.values().len(), true);
        sweep.count(&batch, &mut counts).unwrap();
        let mut rows_alone = Counts::new(sweep.values().len(), false);
        sweep.count(&batch, &mut rows_alone).unwrap();
        prop_assert_eq!(&rows_alone.hits, &counts.hits);
        let report = sweep.report(&counts, Tally { rows: batch.num_rows() as u64, ..Tally::default() });

        let ids = batch.column_by_name("declaration_id").unwrap();
        let ids = arrow::compute::cast(ids, &arrow::datatypes::DataType::Utf8).unwrap();
        let ids = arrow::array::AsArray::as_string::<i32>(&ids);
        let mut expected: Vec<&str> = asked.iter().copied().chain([present]).collect();
        expected.sort_by_key(|value| values.iter().position(|known| known == value));
        expected.dedup();
        prop_assert_eq!(report.values.len(), expected.len());
        let now = evaluate(&with(present), &batch).len() as i64;
        for (value, swept) in expected.into_iter().zip(&report.values) {
            let hit = evaluate(&with(value), &batch);
            prop_assert_eq!(swept.hits, hit.len() as u64, "{}", with(value));
            prop_assert_eq!(swept.change, hit.len() as i64 - now);
            prop_assert_eq!(swept.present, value == present);
            let subjects: BTreeSet<&str> = hit.iter().map(|row| ids.value(*row as usize)).collect();
            prop_assert_eq!(swept.subjects, Some(subjects.len() as u64), "{}", with(value));
        }
    }
}

#[test]
fn what_does_not_depend_on_the_threshold_stands_once() {
    let text = "in_list(origin_country, 'watched') AND (unit_price_usd < 2 OR customs_value_usd / quantity < 2)";
    let ruleset = program(&[text]);
    let parameter = Parameter::parse("1..100 step 1").unwrap();
    let threshold = choose(&thresholds(&ruleset, 0), Some("unit_price_usd"), parameter.kind()).unwrap();
    let values = parameter.values(threshold.class).unwrap();
    let made = variants(&ruleset, 0, &threshold, &values);
    assert_eq!((made.roots.len(), made.atoms.len(), made.scalars.len()), (100, 102, 1));
}
