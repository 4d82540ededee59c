//! Files of an archive as a table: those that count, of the days that a query asks for.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, Date32Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use haechi_model::Stream;

use crate::layout::{ArchivedFile, Dataset, list};
use crate::{Place, rows};

/// The column that stands in the path.
pub(crate) const DAY: &str = "day";

/// A dataset, of one stream or all of them.
#[derive(Debug)]
pub(crate) struct ArchiveTable {
    place: Place,
    url: ObjectStoreUrl,
    dataset: Dataset,
    stream: Option<&'static Stream>,
    schema: TableSchema,
}

impl ArchiveTable {
    /// The place has to be registered under the address.
    pub fn new(place: Place, url: ObjectStoreUrl, dataset: Dataset, stream: Option<&'static Stream>) -> Self {
        // Views of texts are what the engine works with fastest; dictionaries could overflow where files are read on.
        let field = |column: haechi_model::Column| {
            let data_type = if column.kind.is_text() { DataType::Utf8View } else { column.kind.data_type() };
            Field::new(column.name, data_type, true)
        };
        let fields: Vec<Field> = rows::columns(dataset, stream).into_iter().map(field).collect();
        let day = Arc::new(Field::new(DAY, DataType::Date32, false));
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(vec![day]).build();
        Self { place, url, dataset, stream, schema }
    }

    /// The files that a query has to read.
    async fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<ArchivedFile>> {
        let listing = list(&self.place, self.dataset, self.stream.map(|stream| stream.name)).await;
        let files = listing.map_err(|error| DataFusionError::External(Box::new(error)))?.current;
        let of_days = filters.iter().filter(|filter| is_of_days(filter)).cloned();
        let Some(filter) = conjunction(of_days) else { return Ok(files) };
        let schema = Arc::new(Schema::new(vec![Field::new(DAY, DataType::Date32, false)]));
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(schema.as_ref().clone())?)?;
        let days: Date32Array = files.iter().map(|file| Some(file.partition.day.0)).collect();
        let batch = RecordBatch::try_new(schema, vec![Arc::new(days)])?;
        let wanted = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let wanted = wanted.as_boolean().iter().map(|wanted| wanted == Some(true));
        Ok(files.into_iter().zip(wanted).filter_map(|(file, wanted)| wanted.then_some(file)).collect())
    }
}

/// Whether a condition is about days alone, and is settled once the files are chosen.
fn is_of_days(filter: &Expr) -> bool {
    let columns: HashSet<_> = filter.column_refs();
    !filter.is_volatile() && !columns.is_empty() && columns.iter().all(|column| column.name == DAY)
}

#[async_trait]
impl TableProvider for ArchiveTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| {
            if is_of_days(filter) { TableProviderFilterPushDown::Exact } else { TableProviderFilterPushDown::Inexact }
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files(state, filters).await?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(self.schema.table_schema(), projection)?)));
        }
        let files = files.into_iter().map(|file| {
            let day = ScalarValue::Date32(Some(file.partition.day.0));
            PartitionedFile::new_from_meta(file.meta).with_partition_values(vec![day])
        });
        let groups = FileGroup::new(files.collect()).split_files(state.config().target_partitions());
        let source =
            ParquetSource::new(self.schema.clone()).with_table_parquet_options(state.default_table_options().parquet);
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
