//! The same answers by SQL.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;

use super::WINDOWS;
use super::events::{Version, table};

/// By aggregate: what it is over the events `e` that a row `q` sees, and what it is of none.
const AGGREGATES: &[(&str, &str)] = &[
    ("records", "count(DISTINCT e.record)"),
    ("items", "count(e.row)"),
    ("values", "count(e.value)"),
    ("large", "count(DISTINCT CASE WHEN e.value > 400 THEN e.record END)"),
    ("sum", "coalesce(sum(e.value), 0.0)"),
    ("mean", "avg(e.value)"),
    ("stddev", "stddev_samp(e.value)"),
    ("share", "avg(CASE WHEN e.value > 400 THEN 1.0 WHEN e.value <= 400 THEN 0.0 END)"),
    ("min", "min(e.value)"),
    ("max", "max(e.value * 2)"),
    ("distinct", "count(DISTINCT e.origin)"),
    ("first", "min(e.ms)"),
    ("last", "max(e.ms)"),
    ("since", "(min(q.ms) - max(e.ms)) / 86400000.0"),
    ("latest", "last_value(e.origin ORDER BY e.ms, e.seq) FILTER (WHERE e.item = 1)"),
];

/// Those that need the events in an order, or counted by value, first.
const NESTED: &[(&str, &str)] = &[
    (
        "p25",
        "SELECT row, min(value) AS answer FROM (
           SELECT row, value, row_number() OVER (PARTITION BY row ORDER BY value) AS rank, count(*) OVER (PARTITION BY row) AS n
           FROM seen WHERE value IS NOT NULL) WHERE rank >= ceil(0.25 * n) GROUP BY row",
    ),
    (
        "most",
        "SELECT row, first_value(origin ORDER BY n DESC, origin) AS answer FROM (
           SELECT row, origin, count(*) AS n FROM seen WHERE origin IS NOT NULL GROUP BY row, origin) GROUP BY row",
    ),
    (
        "entropy",
        "SELECT row, log2(sum(n)) - sum(n * log2(n)) / sum(n) AS answer FROM (
           SELECT row, origin, CAST(count(*) AS DOUBLE) AS n FROM seen WHERE origin IS NOT NULL GROUP BY row, origin)
         GROUP BY row",
    ),
];

const SEES: &str =
    "e.importer = q.importer AND e.seq < q.seq AND e.record <> q.record AND (e.gone IS NULL OR e.gone > q.seq)";

/// Compares what every row was told with what SQL says.
pub async fn compare(versions: &[Version], told: &BTreeMap<String, ArrayRef>, seed: u64) {
    let context = SessionContext::new();
    context.register_batch("events", table(versions)).unwrap();
    for (window, _, holds) in WINDOWS {
        let plain: Vec<String> = AGGREGATES.iter().map(|(name, sql)| format!("{sql} AS {name}")).collect();
        let query = format!(
            "SELECT q.row AS row, {} FROM events q LEFT JOIN events e ON {SEES} AND {holds} GROUP BY q.row ORDER BY q.row",
            plain.join(", ")
        );
        let answers = all(&context, &query).await;
        for (place, (name, _)) in AGGREGATES.iter().enumerate() {
            same(
                versions,
                &told[&format!("importer.{name}_{window}")],
                &answers[place + 1],
                &format!("{name}_{window}, seed {seed}"),
            );
        }
        for (name, sql) in NESTED {
            let query = format!(
                "WITH seen AS (SELECT q.row AS row, e.value AS value, e.origin AS origin FROM events q JOIN events e ON {SEES} AND {holds}),
                 answers AS ({sql})
                 SELECT q.row, a.answer FROM events q LEFT JOIN answers a ON a.row = q.row ORDER BY q.row"
            );
            let answers = all(&context, &query).await;
            same(
                versions,
                &told[&format!("importer.{name}_{window}")],
                &answers[1],
                &format!("{name}_{window}, seed {seed}"),
            );
        }
    }
}

async fn all(context: &SessionContext, query: &str) -> Vec<ArrayRef> {
    let batches = context.sql(query).await.unwrap().collect().await.unwrap();
    let whole = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    whole.columns().to_vec()
}

fn same(versions: &[Version], told: &ArrayRef, expected: &ArrayRef, what: &str) {
    let importers: Vec<bool> = versions.iter().flat_map(|v| v.rows.iter().map(|e| e.importer.is_some())).collect();
    assert_eq!(told.len(), expected.len());
    let is_text = matches!(told.data_type(), DataType::Utf8);
    let wanted = if is_text { DataType::Utf8 } else { DataType::Float64 };
    let numeric = |array: &ArrayRef| match array.data_type() {
        DataType::Timestamp(..) => cast(&cast(array, &DataType::Int64).unwrap(), &wanted).unwrap(),
        _ => cast(array, &wanted).unwrap(),
    };
    let (told, expected) = (numeric(told), numeric(expected));
    for (row, known) in importers.iter().enumerate() {
        if !known {
            assert!(told.is_null(row), "{what}, row {row}: a row of nobody is told nothing");
            continue;
        }
        assert_eq!(told.is_null(row), expected.is_null(row), "{what}, row {row}: {told:?} {expected:?}");
        if told.is_null(row) {
            continue;
        }
        if is_text {
            assert_eq!(told.as_string::<i32>().value(row), expected.as_string::<i32>().value(row), "{what}, row {row}");
            continue;
        }
        let (told, expected) =
            (told.as_primitive::<Float64Type>().value(row), expected.as_primitive::<Float64Type>().value(row));
        let near = (told - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        assert!(near, "{what}, row {row}: {told}, SQL says {expected}");
    }
}
