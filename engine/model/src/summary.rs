//! What is known about a part of an input without reading its rows: bounds and NULLs by column. The footer of a Parquet
//! file has them for each row group; whether any rule can hit there is `haechi-evaluate`'s to say.
//!
//! A summary is a promise about rows that nobody looks at, so it says only what is certain. It stays true of fewer
//! rows: some may be set aside when they are read.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::derive::inputs;
use crate::stream::Stream;

/// A part of an input: a row group, a partition, a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartSummary {
    /// Rows, at most.
    pub rows: u64,
    /// Whether rows belong together only within the part: no subject has rows outside too, and no row outside has the
    /// same value in [`Stream::together`]. A part that is not whole cannot be left out where rules look across rows.
    pub whole: bool,
    columns: FxHashMap<&'static str, ColumnSummary>,
}

/// What is known about a column in a part. The default: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnSummary {
    /// No value is below; it need not occur.
    pub min: Option<Value>,
    /// No value is above; it need not occur. Of doubles this says that NaN is not among them, or it is NaN.
    pub max: Option<Value>,
    /// Rows without a value; in list columns, without records. As many as there are rows: all.
    pub nulls: Option<u64>,
}

/// A bound, in the type of its column. Texts order by their bytes; doubles order as rules compare them: zero has no
/// sign, NaN equals NaN and is above all.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Ids, codes and text.
    Text(Arc<str>),
    /// `I32` and `I64`.
    Int(i64),
    /// `F64`.
    Double(f64),
    /// Days since 1970.
    Date(i32),
    /// Milliseconds since 1970, UTC.
    Ts(i64),
    /// Flags; false is below true.
    Bool(bool),
}

impl PartSummary {
    /// A part of that many rows, of which nothing else is known yet.
    pub fn new(rows: u64) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Adds what is known about a column.
    pub fn with(mut self, column: &'static str, known: ColumnSummary) -> Self {
        self.columns.insert(column, known);
        self
    }

    /// Adds that a column has no value at all.
    pub fn with_nulls(self, column: &'static str) -> Self {
        let nulls = Some(self.rows);
        self.with(column, ColumnSummary { nulls, ..ColumnSummary::default() })
    }

    /// What is known about a column; `None` where nothing is.
    pub fn column(&self, name: &str) -> Option<&ColumnSummary> {
        self.columns.get(name)
    }

    /// What is known of the rows once their derived columns are there. A derived column that is given throughout stays
    /// as it is. Of others, the heads of tariff codes have bounds, since a head sorts as its code does.
    pub fn derived(mut self, stream: &'static Stream) -> Self {
        for column in stream.all_columns().filter(|c| c.derived || !inputs(stream, c.name).is_empty()) {
            let given = self.columns.get(column.name);
            if given.is_some_and(|given| given.nulls == Some(0)) {
                continue;
            }
            let absent = given.is_some_and(|given| given.nulls == Some(self.rows));
            let head = TARIFF_HEADS.iter().find(|(name, _)| *name == column.name && absent);
            let known = head.and_then(|(_, digits)| self.columns.get("hs_code")?.head(*digits));
            match known {
                Some(known) => self.columns.insert(column.name, known),
                None => self.columns.remove(column.name),
            };
        }
        self
    }
}

/// Columns that are the first digits of `hs_code`, or NULL.
const TARIFF_HEADS: [(&str, usize); 3] = [("hs2", 2), ("hs4", 4), ("hs6", 6)];

impl ColumnSummary {
    /// A column with the same value in all rows.
    pub fn constant(value: Value) -> Self {
        Self { min: Some(value.clone()), max: Some(value), nulls: Some(0) }
    }

    /// What is known about the first bytes of texts, where some of them may be NULL; `None` where nothing is.
    fn head(&self, bytes: usize) -> Option<Self> {
        let head = |bound: &Option<Value>| match bound {
            Some(Value::Text(text)) => text.get(..bytes.min(text.len())).map(|head| Value::Text(head.into())),
            _ => None,
        };
        let head = Self { min: head(&self.min), max: head(&self.max), nulls: None };
        (head != Self::default()).then_some(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::{DeriveContext, derive};
    use crate::streams::DECLARATION;
    use crate::testing::{instant, read};
    use arrow::array::AsArray;
    use arrow::compute::cast;
    use arrow::datatypes::DataType;

    fn texts(min: &str, max: &str) -> ColumnSummary {
        let text = |text: &str| Some(Value::Text(text.into()));
        ColumnSummary { min: text(min), max: text(max), nulls: Some(0) }
    }

    #[test]
    fn the_head_of_a_tariff_code_is_within_the_heads_of_its_bounds() {
        let table = "hs_code ||
                     640299 ||
                     640391000000 ||
                     6404191000 ||";
        let (batch, _) = read(&DECLARATION, table);
        let rows = derive(&DECLARATION, &batch, &DeriveContext::default()).unwrap();
        let absent = PartSummary::new(3).with("hs_code", texts("64", "6404191000"));
        let part = TARIFF_HEADS.iter().fold(absent, |part, (name, _)| part.with_nulls(name)).derived(&DECLARATION);
        for (name, digits) in TARIFF_HEADS {
            let known = part.column(name).unwrap();
            let (Some(Value::Text(min)), Some(Value::Text(max))) = (&known.min, &known.max) else {
                panic!("{known:?}")
            };
            assert_eq!((&**min, &**max), ("64", &"6404191000"[..digits]), "{name}");
            assert_eq!(known.nulls, None, "a code may be too short for {name}");
            let heads = cast(rows.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
            for head in heads.as_string::<i32>() {
                assert!((&**min..=&**max).contains(&head.unwrap()), "{name} {head:?}");
            }
        }
    }

    #[test]
    fn what_derivation_may_fill_is_unknown() {
        let now = ColumnSummary::constant(Value::Ts(instant("2026-01-31T08:00")));
        let some = ColumnSummary { nulls: Some(1), ..now.clone() };
        let part = PartSummary::new(2)
            .with_nulls("value_per_kg_usd")
            .with_nulls("origin_country")
            .with("hs_code", texts("640299", "640419"))
            .with("hs4", ColumnSummary { nulls: Some(1), ..texts("8517", "8517") })
            .with_nulls("importer_aeo")
            .with("as_of", some)
            .with("known_at", now.clone())
            .derived(&DECLARATION);
        for derived in ["value_per_kg_usd", "hs4", "importer_aeo", "as_of"] {
            assert_eq!(part.column(derived), None, "{derived}");
        }
        assert_eq!(part.column("known_at"), Some(&now));
        assert_eq!(part.column("origin_country").unwrap().nulls, Some(2));
    }
}
