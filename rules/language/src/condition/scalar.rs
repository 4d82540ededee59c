//! The expressions that our own forms do not cover, typed and planned by DataFusion.
//!
//! An expression arrives with its columns and our own functions already replaced by named inputs, and with nothing in
//! it but whitelisted forms. DataFusion types it; what it would only decide while running (an implicit cast of text to
//! a number, an invalid pattern) is refused here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, ScalarValue, TableReference, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{AggregateUDF, Expr, ExprSchemable, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::Expr as SqlExpr;

use super::functions::SCALAR;
use crate::program::Class;

/// DataFusion's side of a condition: the functions it may use and how to plan them.
#[derive(Debug)]
pub(super) struct ScalarPlanner {
    functions: HashMap<String, Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
}

/// A typed expression.
pub(super) struct Planned {
    pub expr: Arc<dyn PhysicalExpr>,
    pub class: Class,
}

/// Why DataFusion or we refused it.
pub(super) struct Refusal {
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

impl ScalarPlanner {
    pub fn new() -> Self {
        let allowed = |name: &str| SCALAR.iter().any(|(known, _)| *known == name);
        let functions = datafusion_functions::all_default_functions()
            .into_iter()
            .flat_map(|udf| {
                let names: Vec<_> =
                    std::iter::once(udf.name()).chain(udf.aliases().iter().map(String::as_str)).collect();
                names.into_iter().map(|name| (name.to_owned(), Arc::clone(&udf))).collect::<Vec<_>>()
            })
            .filter(|(name, _)| allowed(name))
            .collect();
        let planners: Vec<Arc<dyn ExprPlanner>> = vec![
            Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
            Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
            Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
        ];
        Self { functions, planners, options: ConfigOptions::default() }
    }

    /// Types and plans an expression over `inputs`.
    pub fn plan(&self, expr: SqlExpr, inputs: &SchemaRef) -> Result<Planned, Refusal> {
        let schema = DFSchema::try_from(Arc::clone(inputs)).map_err(|e| refused(&e))?;
        // Text is Utf8 here, not Utf8View: the evaluator's columns are, and a cast a block buys nothing.
        let options = ParserOptions::new().with_map_string_types_to_utf8view(false);
        let logical = SqlToRel::new_with_options(self, options)
            .sql_to_expr(expr, &schema, &mut PlannerContext::new())
            .map_err(|e| refused(&e))?;
        let context = SimplifyContext::builder().with_schema(Arc::new(schema.clone())).build();
        let simplifier = ExprSimplifier::new(context);
        let logical = simplifier.coerce(logical, &schema).map_err(|e| refused(&e))?;
        if let Some(kind) = fallible_cast(&logical, &schema) {
            return Err(Refusal {
                code: "E0206",
                message: format!("text would have to be read as {kind} here, and that can fail"),
                help: Some("compare text with text in single quotes, or write TRY_CAST(x AS DOUBLE)".into()),
            });
        }
        // Some functions only exist in simplified form (coalesce is a CASE).
        let logical = simplifier.simplify(logical).map_err(|e| refused(&e))?;
        let data_type = logical.get_type(&schema).map_err(|e| refused(&e))?;
        let class = class_of(&data_type).ok_or_else(|| Refusal {
            code: "E0206",
            message: format!("the expression gives {data_type}, which cannot be compared"),
            help: Some("use the derived columns in hours or days, or date_part()".into()),
        })?;
        let physical =
            create_physical_expr(&logical, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
                .map_err(|e| refused(&e))?;
        probe(&physical, inputs)?;
        Ok(Planned { expr: physical, class })
    }

    /// The value of an expression without inputs.
    pub fn constant(&self, expr: SqlExpr) -> Result<ScalarValue, Refusal> {
        let schema: SchemaRef = Arc::new(arrow::datatypes::Schema::empty());
        let planned = self.plan(expr, &schema)?;
        let one =
            RecordBatch::try_new_with_options(schema, Vec::new(), &RecordBatchOptions::new().with_row_count(Some(1)))
                .map_err(|e| refused(&e.into()))?;
        let column = planned.expr.evaluate(&one).and_then(|value| value.into_array(1)).map_err(|e| refused(&e))?;
        ScalarValue::try_from_array(&column, 0).map_err(|e| refused(&e))
    }
}

/// The class of an Arrow type, if its values can be compared.
pub(super) fn class_of(data_type: &DataType) -> Option<Class> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Class::Text,
        DataType::Dictionary(_, value) => return class_of(value),
        DataType::Boolean => Class::Bool,
        DataType::Date32 => Class::Date,
        DataType::Timestamp(..) => Class::Ts,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Class::Float,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Class::Float
        }
        other if other.is_integer() => Class::Int,
        _ => return None,
    })
}

/// The Arrow type in which values of a class go into an expression.
pub fn input_type(class: Class) -> DataType {
    match class {
        Class::Text => DataType::Utf8,
        Class::Int => DataType::Int64,
        Class::Float => DataType::Float64,
        Class::Bool => DataType::Boolean,
        Class::Date => DataType::Date32,
        Class::Ts => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    }
}

/// A cast from text that the author did not write and that may fail on some row.
fn fallible_cast(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    let mut found = None;
    let walked = expr.apply(|node| {
        if let Expr::Cast(cast) = node {
            let from = cast.expr.get_type(schema)?;
            let to = cast.field.data_type();
            let is_text = |t: &DataType| class_of(t) == Some(Class::Text);
            if is_text(&from) && !is_text(to) && !matches!(*cast.expr, Expr::Literal(..)) {
                found = Some(to.clone());
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.ok().and(found)
}

/// What stands for every number of a probed row: roots, powers and divisions fail on some of them and not on others.
const PROBES: [i32; 4] = [0, 1, 1_000_000, -1_000_000];

/// Runs the expression over plain values, so that an invalid pattern or a literal that cannot be cast is refused when
/// the rule is checked and not when the first declaration comes. What fails on some numbers only may stand: where it
/// fails, its value is NULL.
fn probe(expr: &Arc<dyn PhysicalExpr>, inputs: &SchemaRef) -> Result<(), Refusal> {
    let mut refusal = Ok(());
    for number in PROBES {
        match probe_with(number, expr, inputs) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = refusal.and(Err(error)),
        }
    }
    refusal
}

/// Runs the expression over a row of NULLs and a row of this number, zeros and a text.
fn probe_with(number: i32, expr: &Arc<dyn PhysicalExpr>, inputs: &SchemaRef) -> Result<(), Refusal> {
    let plain = |data_type: &DataType| match data_type {
        DataType::Utf8 => ScalarValue::from("x"),
        DataType::Int64 => ScalarValue::from(i64::from(number)),
        DataType::Float64 => ScalarValue::from(f64::from(number)),
        other => ScalarValue::new_zero(other).unwrap_or(ScalarValue::Null),
    };
    let columns: Result<Vec<ArrayRef>, DataFusionError> = inputs
        .fields()
        .iter()
        .map(|field| {
            let value = plain(field.data_type());
            let value = if value.data_type() == *field.data_type() {
                value.to_array_of_size(1)?
            } else {
                new_null_array(field.data_type(), 1)
            };
            let null = new_null_array(field.data_type(), 1);
            Ok(arrow::compute::concat(&[null.as_ref(), value.as_ref()])?)
        })
        .collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(2));
    let batch = columns
        .and_then(|columns| Ok(RecordBatch::try_new_with_options(Arc::clone(inputs), columns, &rows)?))
        .map_err(|e| refused(&e))?;
    expr.evaluate(&batch).map(|_| ()).map_err(|error| refused(&error))
}

fn refused(error: &DataFusionError) -> Refusal {
    let message = first_line(error);
    let pattern = message.contains("egular expression") || message.contains("egex");
    Refusal { code: if pattern { "E0215" } else { "E0206" }, message, help: None }
}

/// DataFusion's message without its prefixes and hints.
fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let line = text.lines().next().unwrap_or_default();
    let line = ["Error during planning: ", "type_coercion", "Internal error: ", "Execution error: ", "caused by"]
        .iter()
        .fold(line, |line, prefix| line.strip_prefix(prefix).unwrap_or(line));
    let line = line.split(" No function matches").next().unwrap_or(line).trim().trim_end_matches('.');
    let mut chars = line.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

impl ContextProvider for ScalarPlanner {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>, DataFusionError> {
        plan_err!("a condition reads no table such as {name}")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.get(name).cloned()
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
        self.functions.keys().cloned().collect()
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
