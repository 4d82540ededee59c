//! The values in a condition: columns, fields of records, reference values and aggregates. Constants are in
//! [`super::constant`], what is handed to DataFusion in [`super::planned`].

use std::sync::Arc;

use datafusion_sql::sqlparser::ast::{
    DataType as SqlType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    UnaryOperator, Value as SqlValue, ValueWithSpan,
};
use haechi_model::{Kind, Member};

use super::constant::{day, instant};
use super::functions::{self, Own};
use super::lower::{LabelHelp, Lowering, is_condition, unnest};
use super::singular;
use crate::diagnostic::{Diagnostic, nearest};
use crate::lists::List;
use crate::program::{Class, Literal, Node, Operand, OperandId, Over, Scope};
use crate::tables::TableValues;

/// A value that has been read.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Literal(Literal),
    Operand(OperandId),
}

/// A call of one of our own functions.
#[derive(Debug)]
pub(super) struct Call<'e> {
    pub own: Own,
    pub name: String,
    pub arguments: Vec<&'e Expr>,
}

impl Lowering<'_, '_> {
    /// Reads a value: a constant, a column, one of ours, or an expression for DataFusion.
    pub fn value(&mut self, expr: &Expr, scope: Scope) -> Option<Value> {
        match expr {
            Expr::Nested(inner) => self.value(inner, scope),
            Expr::Value(value) => self.constant_value(expr, value),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => match unnest(inner) {
                Expr::Value(ValueWithSpan { value: SqlValue::Number(digits, _), .. }) => {
                    self.number(expr, &format!("-{digits}"))
                }
                _ => self.planned_value(expr, scope),
            },
            Expr::Identifier(ident) => self.column_value(ident, scope).map(Value::Operand),
            Expr::CompoundIdentifier(parts) => self.joined_value(expr, parts, scope).map(Value::Operand),
            Expr::TypedString(typed) => {
                let text = match &typed.value.value {
                    SqlValue::SingleQuotedString(text) => text.as_str(),
                    _ => "",
                };
                let parsed = match &typed.data_type {
                    SqlType::Date => day(text),
                    SqlType::Timestamp(..) | SqlType::Datetime(_) => instant(text),
                    _ => None,
                };
                if parsed.is_none() {
                    self.error("E0206", expr, format!("`{text}` is not a date or an instant")).label_help(
                        "cannot be read",
                        Some("write DATE '2026-01-31' or TIMESTAMP '2026-01-31T08:00:00Z'"),
                    );
                }
                // Kept as text until it meets its column, which says whether days or milliseconds are meant.
                parsed.map(|_| Value::Literal(Literal::Text(text.into())))
            }
            Expr::Function(function) => match self.own_call(function) {
                Some(Ok(call)) => self.own_value(expr, &call, scope).map(Value::Operand),
                Some(Err(())) => None,
                None => self.planned_value(expr, scope),
            },
            _ if is_condition(expr) => self.truth(expr, scope),
            _ => self.planned_value(expr, scope),
        }
    }

    /// A condition as a value: true, false or NULL.
    pub fn truth(&mut self, expr: &Expr, scope: Scope) -> Option<Value> {
        let (yes, no) = self.both_ways(expr, scope)?;
        let program = &mut self.compiler.program;
        Some(match (program.node(yes), program.node(no)) {
            (Node::Always, _) => Value::Literal(Literal::Bool(true)),
            (_, Node::Always) => Value::Literal(Literal::Bool(false)),
            (Node::Never, Node::Never) => Value::Null,
            _ => {
                let operand = Operand::Condition { yes, no };
                Value::Operand(program.intern_operand(operand, Class::Bool, scope, || expr.to_string().into()))
            }
        })
    }

    fn constant_value(&mut self, at: &Expr, value: &ValueWithSpan) -> Option<Value> {
        match &value.value {
            SqlValue::Null => Some(Value::Null),
            SqlValue::Boolean(value) => Some(Value::Literal(Literal::Bool(*value))),
            SqlValue::Number(digits, _) => self.number(at, digits),
            SqlValue::SingleQuotedString(text) => Some(Value::Literal(Literal::Text(text.as_str().into()))),
            other => {
                self.error("E0210", at, format!("`{other}` is not a constant that a rule may use"))
                    .label_help("", Some("text stands in single quotes: 'text'"));
                None
            }
        }
    }

    /// The class, index and (inside records) member of a name in this scope.
    pub fn column(&self, name: &str, scope: Scope) -> Option<(u32, Class)> {
        let name = name.to_ascii_lowercase();
        match scope {
            Scope::Row => {
                let index = *self.compiler.columns.get(name.as_str())?;
                let column = self.compiler.program.stream.all_columns().nth(index as usize)?;
                kind_class(column.kind).map(|class| (index, class))
            }
            Scope::Records(list) => {
                let members = self.members(list);
                let index = members.iter().position(|m| m.name == name)?;
                kind_class(members[index].kind).map(|class| (index as u32, class))
            }
        }
    }

    fn members(&self, list: u32) -> &'static [Member] {
        match self.compiler.program.stream.all_columns().nth(list as usize).map(|c| c.kind) {
            Some(Kind::Records(members)) => members,
            _ => &[],
        }
    }

    pub fn column_value(&mut self, ident: &Ident, scope: Scope) -> Option<OperandId> {
        let Some((index, class)) = self.column(&ident.value, scope) else {
            self.unknown_column(ident, scope);
            return None;
        };
        Some(match scope {
            Scope::Row => {
                let name = || ident.value.to_ascii_lowercase().into();
                self.compiler.program.intern_operand(Operand::Column(index), class, scope, name)
            }
            Scope::Records(list) => self.member(list, index, class, &ident.value.to_ascii_lowercase()),
        })
    }

    /// A column that is joined to the rows: `entity.feature`.
    pub fn joined_value(&mut self, at: &Expr, parts: &[Ident], scope: Scope) -> Option<OperandId> {
        let name: Vec<_> = parts.iter().map(|part| part.value.to_ascii_lowercase()).collect();
        let name = name.join(".");
        let program = &self.compiler.program;
        let Some(place) = program.joined.iter().position(|column| *column.name == *name) else {
            self.unknown_feature(at, &name);
            return None;
        };
        if scope != Scope::Row {
            self.error("E0214", at, format!("`{name}` cannot stand inside records"))
                .label_help("a column of the row", Some("compare it outside the parentheses"));
            return None;
        }
        let (class, place) = (program.joined[place].class, program.stream.all_columns().count() + place);
        let operand = Operand::Column(place as u32);
        Some(self.compiler.program.intern_operand(operand, class, scope, || name.into()))
    }

    fn unknown_feature(&mut self, at: &Expr, name: &str) {
        let joined = Arc::clone(&self.compiler.program.joined);
        let near =
            nearest(name, joined.iter().map(|column| &*column.name)).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| {
            "features over time are declared in a pack's profiles; columns are written without a dot".to_owned()
        });
        let stream = self.compiler.program.stream.name;
        self.error("E0213", at, format!("unknown feature `{name}` in stream `{stream}`"))
            .label_help("no such feature", Some(&help));
    }

    pub fn member(&mut self, list: u32, member: u32, class: Class, name: &str) -> OperandId {
        let operand = Operand::Member { list, member };
        self.compiler.program.intern_operand(operand, class, Scope::Records(list), || name.into())
    }

    /// Says what may be meant by a name that is none here.
    pub fn unknown_column(&mut self, ident: &Ident, scope: Scope) {
        let stream = self.compiler.program.stream;
        let span = self.sql.span(self.positions.range(ident.span));
        let name = &ident.value;
        let column = stream.column(&name.to_ascii_lowercase());
        let (message, label, help) = match (scope, column) {
            (Scope::Row, Some(column)) => (
                format!("`{name}` is a list"),
                "holds several values".to_owned(),
                Some(match column.kind {
                    Kind::Records(_) => {
                        let one = singular(column.name);
                        format!("look inside with any_{one}(...), count_{one}s(...) or cardinality({name})")
                    }
                    _ => format!("write array_has({name}, 'X'), any_in_list({name}, 'list') or cardinality({name})"),
                }),
            ),
            (Scope::Row, None) if ident.quote_style == Some('"') => (
                format!("unknown column `{name}` in stream `{}`", stream.name),
                "double quotes name a column".to_owned(),
                Some(format!("text stands in single quotes: '{name}'")),
            ),
            (Scope::Row, None) => (
                format!("unknown column `{name}` in stream `{}`", stream.name),
                "no such column".to_owned(),
                nearest(name, stream.all_columns().map(|c| c.name)).map(|near| format!("did you mean `{near}`?")),
            ),
            (Scope::Records(list), found) => {
                let fields: Vec<_> = self.members(list).iter().map(|m| m.name).collect();
                let near = nearest(name, fields.iter().copied()).map(|near| format!("did you mean `{near}`? "));
                let outside = if found.is_some() { "columns of the row stand outside the parentheses; " } else { "" };
                (
                    format!("unknown field `{name}` in these records"),
                    "no such field".to_owned(),
                    Some(format!("{}{outside}fields here: {}", near.unwrap_or_default(), fields.join(", "))),
                )
            }
        };
        let mut diagnostic = Diagnostic::error("E0202", span, message).label(label);
        diagnostic.help = help;
        self.note(diagnostic);
    }

    /// If this calls one of our functions: the call, or `Err` where its form is wrong (and reported).
    pub fn own_call<'e>(&mut self, function: &'e Function) -> Option<Result<Call<'e>, ()>> {
        let name = function_name(function)?;
        let own = functions::own(self.compiler.program.stream, &name)?;
        let Some(arguments) = plain_arguments(function) else {
            let span = self.sql.span(self.name_range(function));
            self.note(Diagnostic::error("E0205", span, format!("`{name}` takes plain arguments in parentheses")));
            return Some(Err(()));
        };
        Some(Ok(Call { own, name, arguments }))
    }

    /// The call's arguments, exactly `N` of them.
    pub fn arguments<'e, const N: usize>(&mut self, at: &Expr, call: &Call<'e>) -> Option<[&'e Expr; N]> {
        <[&Expr; N]>::try_from(call.arguments.as_slice())
            .map_err(|_| {
                let count = call.arguments.len();
                let wants = if N == 1 { "1 argument".to_owned() } else { format!("{N} arguments") };
                self.error("E0205", at, format!("`{}` takes {wants}, not {count}", call.name)).label_help("", None);
            })
            .ok()
    }

    /// A list by the name that an argument gives in quotes.
    pub fn list_named(&mut self, argument: &Expr) -> Option<Arc<List>> {
        let name = self.quoted_name(argument, "the name of a list")?;
        let catalog = self.compiler.catalog;
        let found = catalog.lists.get(&name).cloned();
        if found.is_none() {
            let help =
                nearest(&name, catalog.lists.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            self.error("E0208", argument, format!("unknown list `{name}`"))
                .label_help("no list of that name in these packs", help.as_deref());
        }
        found
    }

    fn quoted_name(&mut self, argument: &Expr, what: &str) -> Option<String> {
        if let Expr::Value(ValueWithSpan { value: SqlValue::SingleQuotedString(name), .. }) = unnest(argument) {
            return Some(name.clone());
        }
        self.error("E0205", argument, format!("{what} stands here, in single quotes")).label_help("", None);
        None
    }

    /// The column index of a plain list column.
    pub fn plain_list(&mut self, argument: &Expr, scope: Scope) -> Option<u32> {
        let found = self.list_column(argument, scope)?;
        let column = self.compiler.program.stream.all_columns().nth(found as usize)?;
        if matches!(column.kind, Kind::Records(_)) {
            let one = singular(column.name);
            self.error("E0206", argument, format!("`{}` holds records, not plain values", column.name))
                .label_help("a list of records", Some(&format!("write any_{one}(...) with a condition on its fields")));
            return None;
        }
        Some(found)
    }

    fn list_column(&mut self, argument: &Expr, scope: Scope) -> Option<u32> {
        let stream = self.compiler.program.stream;
        if let Expr::Identifier(ident) = unnest(argument)
            && scope == Scope::Row
        {
            let name = ident.value.to_ascii_lowercase();
            if let Some(index) = self.compiler.columns.get(name.as_str()).copied() {
                let column = stream.all_columns().nth(index as usize)?;
                if matches!(column.kind, Kind::List(_) | Kind::Records(_)) {
                    return Some(index);
                }
            } else {
                self.unknown_column(ident, scope);
                return None;
            }
        }
        let lists: Vec<_> = stream.all_columns().filter(|c| matches!(c.kind, Kind::List(_))).map(|c| c.name).collect();
        self.error("E0205", argument, "a list column stands here".into())
            .label_help("not a list", Some(&format!("list columns: {}", lists.join(", "))));
        None
    }

    /// The scope inside an aggregate, if it may stand here.
    pub fn scope_of(&mut self, at: &Expr, call: &Call<'_>, over: Over, outside: Scope) -> Option<Scope> {
        let stream = self.compiler.program.stream;
        if outside != Scope::Row {
            self.error("E0214", at, format!("`{}` cannot stand inside records", call.name)).label_help("", None);
            return None;
        }
        match over {
            Over::Items if stream.column("item_no").is_none() || stream.name != "declaration" => {
                self.error("E0214", at, format!("stream `{}` has no items", stream.name))
                    .label_help("", Some("any_item() and its kin look across the items of a declaration"));
                None
            }
            Over::Items => Some(Scope::Row),
            Over::Records(list) => Some(Scope::Records(list)),
        }
    }

    /// One of our functions where a value stands.
    pub fn own_value(&mut self, at: &Expr, call: &Call<'_>, scope: Scope) -> Option<OperandId> {
        let text: Arc<str> = at.to_string().into();
        match call.own {
            Own::InList | Own::Mentions | Own::ArrayHas | Own::AnyInList | Own::Any(_) | Own::All(_) => {
                let (yes, no) = self.both_ways(at, scope)?;
                Some(self.compiler.program.intern_operand(Operand::Condition { yes, no }, Class::Bool, scope, || text))
            }
            Own::Cardinality => {
                let [column] = self.arguments(at, call)?;
                let list = self.list_column(column, scope)?;
                Some(self.compiler.program.intern_operand(Operand::Size(list), Class::Int, scope, || text))
            }
            Own::Count(over) => {
                let [inner] = self.arguments(at, call)?;
                let inside = self.scope_of(at, call, over, scope)?;
                let node = self.condition(inner, false, inside)?;
                Some(self.compiler.program.intern_operand(Operand::Count(over, node), Class::Int, scope, || text))
            }
            Own::Sum(over) => {
                let [inner] = self.arguments(at, call)?;
                let inside = self.scope_of(at, call, over, scope)?;
                match self.value(inner, inside)? {
                    Value::Operand(operand) if matches!(self.class(operand), Class::Int | Class::Float) => {
                        let operand = Operand::Sum(over, operand);
                        Some(self.compiler.program.intern_operand(operand, Class::Float, scope, || text))
                    }
                    other => {
                        let what = self.describe(&other);
                        self.error("E0206", inner, format!("`{}` adds numbers, and this is {what}", call.name))
                            .label_help("not a number", None);
                        None
                    }
                }
            }
            Own::Lookup => self.lookup(at, call, scope, text),
        }
    }

    fn lookup(&mut self, at: &Expr, call: &Call<'_>, scope: Scope, text: Arc<str>) -> Option<OperandId> {
        let [name_at, key_at] = self.arguments(at, call)?;
        let key = self.value(key_at, scope);
        let full = self.quoted_name(name_at, "the name of a table")?;
        let (name, column) = full.split_once('.').map_or((full.as_str(), None), |(n, c)| (n, Some(c)));
        let catalog = self.compiler.catalog;
        let Some(table) = catalog.tables.get(name) else {
            let near = nearest(name, catalog.tables.keys().map(String::as_str));
            self.error("E0209", name_at, format!("unknown reference table `{name}`")).label_help(
                "no table of that name in these packs",
                near.map(|n| format!("did you mean `{n}`?")).as_deref(),
            );
            return None;
        };
        let position = match column {
            None if table.columns.is_empty() => None,
            None => Some(0),
            Some(column) => table.columns.iter().position(|c| c.name == column),
        };
        let Some(position) = position else {
            let columns: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
            let columns = columns.join(", ");
            self.error("E0209", name_at, format!("table `{name}` has no column `{}`", column.unwrap_or_default()))
                .label_help("no such column", Some(&format!("its columns: {columns}")));
            return None;
        };
        let class = match table.columns[position].values {
            TableValues::Numbers(_) => Class::Float,
            TableValues::Texts(_) => Class::Text,
        };
        let key = self.text_operand(key_at, key?)?;
        let table = self.compiler.program.intern_table(table);
        let operand = Operand::Lookup { table, column: position as u32, key };
        Some(self.compiler.program.intern_operand(operand, class, scope, || text))
    }

    pub fn name_range(&self, function: &Function) -> std::ops::Range<usize> {
        match function.name.0.first().and_then(|part| part.as_ident()) {
            Some(ident) => self.positions.range(ident.span),
            None => 0..self.sql.text.len(),
        }
    }
}

pub(crate) fn kind_class(kind: Kind) -> Option<Class> {
    Some(match kind {
        Kind::Id | Kind::Code | Kind::Text => Class::Text,
        Kind::I32 | Kind::I64 => Class::Int,
        Kind::F64 => Class::Float,
        Kind::Bool => Class::Bool,
        Kind::Date => Class::Date,
        Kind::Ts => Class::Ts,
        Kind::Hash | Kind::List(_) | Kind::Records(_) => return None,
    })
}

fn function_name(function: &Function) -> Option<String> {
    let ObjectName(parts) = &function.name;
    match parts.as_slice() {
        [part] => part.as_ident().map(|ident| ident.value.to_ascii_lowercase()),
        _ => None,
    }
}

/// The arguments of `f(a, b)`, or `None` for any other form of call.
pub(super) fn plain_arguments(function: &Function) -> Option<Vec<&Expr>> {
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = &function.args else { return None };
    if !plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}
