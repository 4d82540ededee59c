//! Expressions that are handed to DataFusion, once their names and forms are found to be allowed.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, TimezoneInfo, UnaryOperator, Value as SqlValue,
};

use super::constant::literal_of;
use super::functions::SCALAR;
use super::growth;
use super::lower::{LabelHelp, Lowering, is_condition, operator};
use super::scalar::{Refusal, input_type};
use super::value::{Value, plain_arguments};
use crate::diagnostic::Diagnostic;
use crate::program::{Class, Cmp, Literal, OperandId, Scalar, Scope};

/// Functions that exist elsewhere and are refused here for a reason worth telling.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &["now", "current_timestamp", "current_date", "current_time", "today", "getdate"],
        "a replay must give the same answer: use the column `as_of`",
    ),
    (&["random", "rand", "uuid"], "a rule must be deterministic: use `share` or the policy's random arm"),
    (
        &["count", "sum", "avg", "min", "max", "stddev", "median"],
        "look across items with count_items(condition) or sum_items(x)",
    ),
    (&["row_number", "rank", "lag", "lead"], "windows do not stand in rules"),
];

impl Lowering<'_, '_> {
    /// An expression handed to DataFusion, its columns and our functions replaced by named inputs; a constant where it
    /// has none.
    pub fn planned_value(&mut self, expr: &Expr, scope: Scope) -> Option<Value> {
        let mut inputs = Vec::new();
        let mut rewritten = expr.clone();
        if !self.rewrite(&mut rewritten, scope, &mut inputs) {
            return None;
        }
        if let Err(message) = growth::bounded(&mut rewritten) {
            self.error("E0211", expr, message).label_help("too large", Some("split the rule"));
            return None;
        }
        if !inputs.is_empty() {
            return self.typed(expr, rewritten, inputs, scope, &expr.to_string()).map(Value::Operand);
        }
        match self.compiler.planner.constant(rewritten) {
            Ok(value) => {
                let constant = literal_of(&value);
                if constant.is_none() {
                    self.error("E0206", expr, format!("`{value}` is not a constant that can be compared"));
                }
                constant
            }
            Err(refusal) => {
                self.refuse(expr, refusal);
                None
            }
        }
    }

    /// A whole number as a double, or a day as its first instant, to compare it with one. Left to itself, DataFusion
    /// would compare days and instants in nanoseconds and fail on year 9999.
    pub fn widened(&mut self, at: &Expr, operand: OperandId, class: Class) -> Option<OperandId> {
        let data_type = match class {
            Class::Ts => SqlType::Timestamp(Some(3), TimezoneInfo::None),
            _ => SqlType::Double(ExactNumberInfo::None),
        };
        let entry = self.compiler.program.operand(operand);
        let (scope, text) = (entry.scope, Arc::clone(&entry.text));
        let column = Expr::Identifier(Ident::with_quote('"', input_name(operand)));
        self.typed(at, cast_to(data_type, column), vec![operand], scope, &text)
    }

    /// Two operands compared by DataFusion.
    pub fn planned_comparison(&mut self, at: &Expr, cmp: Cmp, l: OperandId, r: OperandId) -> Option<OperandId> {
        let name = |id| Box::new(Expr::Identifier(Ident::with_quote('"', input_name(id))));
        let comparison = Expr::BinaryOp { left: name(l), op: operator(cmp), right: name(r) };
        let (left, right) = (self.compiler.program.operand(l), self.compiler.program.operand(r));
        let text = format!("{} {} {}", left.text, cmp.sql(), right.text);
        let scope = left.scope;
        let inputs = if l == r { vec![l] } else { vec![l, r] };
        self.typed(at, comparison, inputs, scope, &text)
    }

    /// An expression over named inputs, typed by DataFusion; each distinct one once.
    fn typed(
        &mut self,
        at: &Expr,
        rewritten: Expr,
        inputs: Vec<OperandId>,
        scope: Scope,
        text: &str,
    ) -> Option<OperandId> {
        let key = (rewritten.to_string(), inputs.clone());
        if let Some(known) = self.compiler.program.find_scalar(&key) {
            return Some(known);
        }
        let fields: Vec<_> =
            inputs.iter().map(|id| Field::new(input_name(*id), input_type(self.class(*id)), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        match self.compiler.planner.plan(rewritten, &schema) {
            Ok(planned) => {
                let scalar = Scalar { inputs, schema, expr: planned.expr };
                Some(self.compiler.program.add_scalar(key, scalar, planned.class, scope, text))
            }
            Err(refusal) => {
                self.refuse(at, refusal);
                None
            }
        }
    }

    fn refuse(&mut self, at: &Expr, refusal: Refusal) {
        let Refusal { code, message, help } = refusal;
        self.error(code, at, message).help = help;
    }

    /// Replaces columns and our functions by inputs; `false` when something in it is not allowed (and reported).
    fn rewrite(&mut self, expr: &mut Expr, scope: Scope, inputs: &mut Vec<OperandId>) -> bool {
        let operand = match &*expr {
            Expr::Identifier(ident) => match self.column_value(ident, scope) {
                Some(operand) => Some(operand),
                None => return false,
            },
            Expr::CompoundIdentifier(parts) => match self.joined_value(&expr.clone(), &parts.clone(), scope) {
                Some(operand) => Some(operand),
                None => return false,
            },
            Expr::Function(function) => match self.own_call(function) {
                Some(Ok(call)) => match self.own_value(expr, &call, scope) {
                    Some(operand) => Some(operand),
                    None => return false,
                },
                Some(Err(())) => return false,
                None => None,
            },
            condition if is_condition(condition) => match self.truth(condition, scope) {
                Some(Value::Operand(operand)) => Some(operand),
                Some(Value::Literal(Literal::Bool(value))) => {
                    *expr = Expr::Value(SqlValue::Boolean(value).with_empty_span());
                    return true;
                }
                Some(_) => {
                    *expr = cast_to(SqlType::Boolean, Expr::Value(SqlValue::Null.with_empty_span()));
                    return true;
                }
                None => return false,
            },
            _ => None,
        };
        if let Some(operand) = operand {
            if !inputs.contains(&operand) {
                inputs.push(operand);
            }
            *expr = Expr::Identifier(Ident::with_quote('"', input_name(operand)));
            return true;
        }
        if !self.allowed(expr) {
            return false;
        }
        let mut ok = true;
        for child in children(expr) {
            ok &= self.rewrite(child, scope, inputs);
        }
        if let Expr::BinaryOp { left, op: BinaryOperator::Divide | BinaryOperator::Modulo, .. } = expr {
            // Integers would truncate, and fail on zero; doubles give infinity.
            let inner = std::mem::replace(&mut **left, Expr::Value(SqlValue::Null.with_empty_span()));
            **left = cast_to(SqlType::Double(ExactNumberInfo::None), inner);
        }
        ok
    }

    /// Whether this form may stand in an expression for DataFusion; says why not.
    fn allowed(&mut self, expr: &Expr) -> bool {
        let refused = match expr {
            Expr::Nested(_)
            | Expr::Value(_)
            | Expr::TypedString(_)
            | Expr::Interval(_)
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Case { .. } => return true,
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. } => return true,
            Expr::BinaryOp { op, .. } => match op {
                BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
                | BinaryOperator::StringConcat => return true,
                op => (format!("the operator `{op}` is not part of the rule language"), None),
            },
            Expr::Cast { kind: CastKind::TryCast, data_type, .. } if simple_type(data_type) => return true,
            Expr::Cast { data_type, .. } => {
                self.error("E0212", expr, format!("a cast to {data_type} can fail on some row"))
                    .label_help("can fail", Some("write TRY_CAST(x AS DOUBLE): it gives NULL where it cannot"));
                return false;
            }
            Expr::Function(function) => return self.allowed_function(function),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                let help = "put the keys into a list and write in_list(x, 'name'), or lookup('table', key)";
                ("a rule reads no other table".to_owned(), Some(help))
            }
            Expr::RLike { .. } | Expr::SimilarTo { .. } => (
                "this form of pattern is not part of the rule language".to_owned(),
                Some("write regexp_like(x, 'pattern')"),
            ),
            _ => ("this form of SQL is not part of the rule language".to_owned(), None),
        };
        self.error("E0210", expr, refused.0).label_help("not allowed in a rule", refused.1);
        false
    }

    fn allowed_function(&mut self, function: &Function) -> bool {
        let range = self.name_range(function);
        let span = self.sql.span(range);
        let shown = function.name.to_string();
        let name = shown.to_ascii_lowercase();
        let Some((_, usage)) = SCALAR.iter().find(|(known, _)| *known == name) else {
            let reason = REFUSED.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, why)| *why);
            let mut diagnostic = match reason {
                Some(_) => Diagnostic::error("E0204", span, format!("function `{shown}` is not allowed in a rule")),
                None => Diagnostic::error("E0203", span, format!("unknown function `{shown}`")),
            };
            diagnostic.help = reason.map(str::to_owned).or_else(|| self.function_help(&name));
            self.note(diagnostic.label(if reason.is_some() { "not allowed" } else { "no such function" }));
            return false;
        };
        if plain_arguments(function).is_none() {
            let diagnostic = Diagnostic::error("E0205", span, format!("`{name}` takes plain arguments"));
            self.note(diagnostic.help(format!("write {usage}")));
            return false;
        }
        true
    }
}

fn input_name(id: OperandId) -> String {
    format!("o{}", id.0)
}

fn cast_to(data_type: SqlType, expr: Expr) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn simple_type(data_type: &SqlType) -> bool {
    let name = data_type.to_string().to_ascii_uppercase();
    [
        "DOUBLE",
        "DOUBLE PRECISION",
        "FLOAT",
        "REAL",
        "BIGINT",
        "INT",
        "INTEGER",
        "VARCHAR",
        "TEXT",
        "STRING",
        "DATE",
        "BOOLEAN",
    ]
    .contains(&name.as_str())
}

/// The direct subexpressions of an allowed form that is no condition.
pub(super) fn children(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. } => vec![inner],
        Expr::BinaryOp { left, right, .. } => vec![left, right],
        Expr::Position { expr, r#in } => vec![expr, r#in],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let rest = [substring_from, substring_for].into_iter().flatten().map(|e| &mut **e);
            std::iter::once(&mut **expr).chain(rest).collect()
        }
        Expr::Trim { expr, trim_what, trim_characters, .. } => std::iter::once(&mut **expr)
            .chain(trim_what.iter_mut().map(|e| &mut **e))
            .chain(trim_characters.iter_mut().flatten())
            .collect(),
        Expr::Case { operand, conditions, else_result, .. } => operand
            .iter_mut()
            .chain(else_result.iter_mut())
            .map(|e| &mut **e)
            .chain(conditions.iter_mut().flat_map(|when| [&mut when.condition, &mut when.result]))
            .collect(),
        Expr::Function(function) => match &mut function.args {
            FunctionArguments::List(list) => list
                .args
                .iter_mut()
                .filter_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
