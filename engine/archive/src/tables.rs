//! The tables of an archive, by the names an analyst looks for.
//!
//! Each stream of the journal is a table under its plural. It has every version of every row, as do `selections` and
//! `hits`; the views `current_...` have the last version of each subject.

use std::sync::Arc;

use datafusion::catalog::{TableProvider, default_table_source::provider_as_source, view::ViewTable};
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{LogicalPlanBuilder, col};
use datafusion::prelude::SessionContext;
use haechi_model::stream::column;
use haechi_model::streams::STREAMS;
use haechi_model::{Column, Kind, Stream};
use serde::Serialize;

use crate::layout::Dataset;
use crate::table::{ArchiveTable, DAY};
use crate::{Place, mask, rows};

const DAY_COLUMN: Column = column(DAY, Kind::Date, "UTC day of `known_at`; naming it spares reading the other days");

/// A table of the archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableInfo {
    /// Its name in queries.
    pub table: String,
    /// What a row is.
    pub row: String,
    /// Its columns.
    pub columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds, in the words of the stream tables.
    #[serde(rename = "type")]
    pub kind: String,
    /// Class of personal data.
    pub personal: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
}

/// What a table is made of.
struct Source {
    name: String,
    dataset: Dataset,
    stream: Option<&'static Stream>,
    row: String,
}

/// A view of the last versions.
struct Current {
    name: String,
    of: String,
    key: &'static [&'static str],
}

fn sources() -> impl Iterator<Item = Source> {
    let of_stream = |stream: &&'static Stream| Source {
        name: plural(stream.name),
        dataset: Dataset::Journal,
        stream: Some(*stream),
        row: format!("{}; every version", stream.row),
    };
    let of_all = |dataset: Dataset, row: &str| Source {
        name: dataset.folder().to_owned(),
        dataset,
        stream: None,
        row: row.to_owned(),
    };
    let decided = [
        of_all(Dataset::Selections, "what was decided on a version of a subject"),
        of_all(Dataset::Hits, "a rule that matched a row of a version"),
    ];
    decided.into_iter().chain(STREAMS.iter().map(of_stream))
}

fn currents() -> Vec<Current> {
    let of_stream = |stream: &'static Stream| Current {
        name: format!("current_{}", plural(stream.name)),
        of: plural(stream.name),
        key: std::slice::from_ref(&stream.subject_key),
    };
    let selections =
        Current { name: "current_selections".to_owned(), of: "selections".to_owned(), key: &["stream", "subject_id"] };
    let subjects = STREAMS.iter().copied().filter(|stream| stream.lanes.is_some());
    std::iter::once(selections).chain(subjects.map(of_stream)).collect()
}

fn plural(name: &str) -> String {
    match name.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{name}s"),
    }
}

/// The tables, as they are listed.
pub(crate) fn all() -> Vec<TableInfo> {
    let info = |column: Column| TableColumn {
        name: column.name,
        kind: column.kind.word(),
        personal: column.personal.map(haechi_model::Personal::word),
        meaning: column.meaning,
    };
    let tables: Vec<TableInfo> = sources()
        .map(|source| {
            let columns = rows::columns(source.dataset, source.stream).into_iter().chain([DAY_COLUMN]);
            TableInfo { table: source.name, row: source.row, columns: columns.map(info).collect() }
        })
        .collect();
    let current = currents().into_iter().map(|current| TableInfo {
        table: current.name,
        row: format!("as in `{}`; the last version of each alone", current.of),
        columns: Vec::new(),
    });
    let current: Vec<_> = current.collect();
    tables.into_iter().chain(current).collect()
}

/// Gives the session its tables.
pub(crate) async fn register(
    session: &SessionContext,
    place: &Place,
    url: &ObjectStoreUrl,
    unmasked: bool,
) -> Result<()> {
    for source in sources() {
        let columns = rows::columns(source.dataset, source.stream);
        let table = ArchiveTable::new(place.clone(), url.clone(), source.dataset, source.stream);
        let table: Arc<dyn TableProvider> = Arc::new(table);
        let shown = if unmasked { table } else { masked(&source.name, table, &columns)? };
        session.register_table(source.name, shown)?;
    }
    for Current { name, of, key } in currents() {
        let keys = key.join(", ");
        let same: Vec<String> = key.iter().map(|key| format!("every.{key} = newest.{key}")).collect();
        let query = format!(
            "SELECT every.* FROM {of} AS every \
             JOIN (SELECT {keys}, max(version) AS version FROM {of} GROUP BY {keys}) AS newest \
             ON {} AND every.version = newest.version",
            same.join(" AND ")
        );
        let plan = session.sql(&query).await?.into_unoptimized_plan();
        session.register_table(name, Arc::new(ViewTable::new(plan, None)))?;
    }
    Ok(())
}

/// The table with masks over its personal columns; itself where it has none.
fn masked(name: &str, table: Arc<dyn TableProvider>, columns: &[Column]) -> Result<Arc<dyn TableProvider>> {
    let masks: Vec<_> = columns.iter().map(|column| mask::masked(column, columns)).collect();
    if masks.iter().all(Option::is_none) {
        return Ok(table);
    }
    let shown = columns.iter().zip(masks).map(|(column, mask)| mask.unwrap_or_else(|| col(column.name)));
    let plan =
        LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.project(shown.chain([col(DAY)]))?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
