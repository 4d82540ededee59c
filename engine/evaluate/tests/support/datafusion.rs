//! What DataFusion says of a condition, given nothing but its text and the rows: parsed, typed and evaluated whole.
//! It is not simplified first, which would change its meaning: a row of `=` becomes an IN, which tells -0.0 from 0.0.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, DataFusionError, TableReference, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::create_physical_expr;
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::Parser;

/// The rows for which the condition is true.
pub fn true_rows(condition: &str, rows: &RecordBatch) -> Result<Vec<usize>, DataFusionError> {
    let sql = Parser::new(&GenericDialect {}).try_with_sql(condition)?.parse_expr()?;
    let schema = DFSchema::try_from(rows.schema())?;
    let options = ParserOptions::new().with_map_string_types_to_utf8view(false);
    let expr =
        SqlToRel::new_with_options(&*FUNCTIONS, options).sql_to_expr(sql, &schema, &mut PlannerContext::new())?;
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build());
    let expr = simplifier.coerce(expr, &schema)?;
    let expr = create_physical_expr(&expr, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
    let truth = expr.evaluate(rows)?.into_array(rows.num_rows())?;
    if truth.data_type() == &DataType::Null {
        return Ok(Vec::new());
    }
    let truth = truth.as_boolean();
    Ok((0..truth.len()).filter(|row| truth.is_valid(*row) && truth.value(*row)).collect())
}

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let functions = datafusion_functions::all_default_functions().into_iter().flat_map(|function| {
        let names: Vec<String> =
            std::iter::once(function.name().to_owned()).chain(function.aliases().iter().cloned()).collect();
        names.into_iter().map(move |name| (name, Arc::clone(&function)))
    });
    Functions {
        by_name: functions.collect(),
        planners: vec![
            Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
            Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
            Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        ],
        options: ConfigOptions::default(),
    }
});

struct Functions {
    by_name: HashMap<String, Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
}

impl ContextProvider for Functions {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>, DataFusionError> {
        plan_err!("no table {name}")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.by_name.get(name).cloned()
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, _: &str) -> Option<Arc<AggregateUDF>> {
        None
    }

    fn get_window_meta(&self, _: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}
