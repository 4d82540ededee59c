//! The logic of a condition: AND, OR, NOT, comparisons and our own functions, to formula nodes.
//!
//! NOT is pushed down on the way ("is it false?" instead of "is it true?"), so nodes are made once, in final form.
//! A mistake is noted and the rest of the condition is still checked: `None` means "already reported".

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

use datafusion_sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as SqlValue, ValueWithSpan};
use haechi_model::Kind;

use super::constant::{Fitted, fitted, written};
use super::constant_lists::ConstantLists;
use super::functions::Own;
use super::parse::{self, Parsed, Positions, Read, Reading, SyntaxError};
use super::value::{Call, Value};
use super::{Compiler, Computed, functions};
use crate::diagnostic::{Diagnostic, nearest};
use crate::program::{Class, Cmp, Literal, Node, NodeId, Operand, OperandId, Over, Scope, Test};
use crate::rule::SqlText;

/// One condition on its way through.
pub(super) struct Lowering<'c, 'a> {
    pub compiler: &'c mut Compiler<'a>,
    pub rule: &'c str,
    pub sql: &'c SqlText,
    pub positions: &'c Positions<'c>,
    pub diagnostics: &'c mut Vec<Diagnostic>,
    /// Constants that the tree leaves out.
    lists: &'c ConstantLists<'c>,
    /// `<>` and NOT IN on columns that may be NULL, unless the condition turns out to ask about NULL itself.
    traps: Vec<(OperandId, Diagnostic)>,
    null_checked: Vec<OperandId>,
    /// Conditions lowered for both answers, by their text.
    both: HashMap<(String, Scope), (NodeId, NodeId)>,
}

/// Room for a condition at the bounds of [`parse`], without optimisation.
const STACK_BYTES: usize = 64 << 20;

/// Compiles an expression to a value.
pub(super) fn compile_value(
    compiler: &mut Compiler<'_>,
    of: &str,
    sql: &SqlText,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Computed> {
    let as_value = |lowering: &mut Lowering<'_, '_>, expr: &Expr| lowering.value(expr, Scope::Row).map(computed);
    compile_as(compiler, of, sql, &mut Reading::of(&sql.text), diagnostics, as_value)
}

/// Compiles a condition to its truth.
pub(super) fn compile_truth(
    compiler: &mut Compiler<'_>,
    of: &str,
    sql: &SqlText,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Computed> {
    let as_truth = |lowering: &mut Lowering<'_, '_>, expr: &Expr| lowering.truth(expr, Scope::Row).map(computed);
    compile_as(compiler, of, sql, &mut Reading::of(&sql.text), diagnostics, as_truth)
}

fn computed(value: Value) -> Computed {
    match value {
        Value::Null => Computed::Constant(None),
        Value::Literal(literal) => Computed::Constant(Some(literal)),
        Value::Operand(operand) => Computed::Operand(operand),
    }
}

/// Compiles a condition that was read.
pub(super) fn compile(
    compiler: &mut Compiler<'_>,
    rule: &str,
    sql: &SqlText,
    reading: &mut Reading<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<NodeId> {
    let as_condition = |lowering: &mut Lowering<'_, '_>, expr: &Expr| lowering.condition(expr, false, Scope::Row);
    compile_as(compiler, rule, sql, reading, diagnostics, as_condition)
}

/// Lowers an expression that was read. The bounds of [`parse`] are wider than the stack of a common thread: the few
/// conditions that may come near them get one of their own.
fn compile_as<T: Send>(
    compiler: &mut Compiler<'_>,
    rule: &str,
    sql: &SqlText,
    reading: &mut Reading<'_>,
    diagnostics: &mut Vec<Diagnostic>,
    form: impl Fn(&mut Lowering<'_, '_>, &Expr) -> Option<T> + Sync,
) -> Option<T> {
    let Reading { positions, read } = reading;
    let mut lower =
        |parsed: &Result<Parsed<'_>, SyntaxError>| lower(compiler, rule, sql, positions, parsed, diagnostics, &form);
    let tokens = match read {
        Read::Parsed(parsed) => return lower(parsed),
        Read::Deep(tokens) => std::mem::take(tokens),
    };
    let done = thread::scope(|scope| {
        let lower = || lower(&tokens.parse(positions));
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, lower).ok()?;
        Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    // Without a thread to be had, the stack at hand has to do.
    done.unwrap_or_else(|| lower(&parse::tokens(positions).and_then(|tokens| tokens.parse(positions))))
}

fn lower<T>(
    compiler: &mut Compiler<'_>,
    rule: &str,
    sql: &SqlText,
    positions: &Positions<'_>,
    parsed: &Result<Parsed<'_>, SyntaxError>,
    diagnostics: &mut Vec<Diagnostic>,
    form: impl Fn(&mut Lowering<'_, '_>, &Expr) -> Option<T>,
) -> Option<T> {
    match parsed {
        Ok(Parsed { expr, lists }) => {
            let (traps, null_checked, both) = (Vec::new(), Vec::new(), HashMap::new());
            let mut lowering =
                Lowering { compiler, rule, sql, positions, diagnostics, lists, traps, null_checked, both };
            let made = form(&mut lowering, expr);
            lowering.report_traps();
            made
        }
        Err(SyntaxError { code, message, range, help }) => {
            let mistake = Diagnostic::error(code, sql.span(range.clone()), message.clone()).in_rule(rule);
            diagnostics.push(Diagnostic { help: help.clone(), ..mistake });
            None
        }
    }
}

impl Lowering<'_, '_> {
    /// Where the condition is true; `negated`: where it is false.
    pub fn condition(&mut self, expr: &Expr, negated: bool, scope: Scope) -> Option<NodeId> {
        match expr {
            Expr::Nested(inner) => self.condition(inner, negated, scope),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.condition(expr, !negated, scope),
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
                let mut parts = Vec::new();
                for part in chain(expr, op) {
                    parts.push(self.condition(part, negated, scope));
                }
                let parts: Vec<NodeId> = parts.into_iter().collect::<Option<_>>()?;
                let is_and = (*op == BinaryOperator::And) != negated;
                Some(if is_and { self.compiler.program.and(parts) } else { self.compiler.program.or(parts) })
            }
            Expr::BinaryOp { left, op, right } if comparison(op).is_some() => {
                let cmp = comparison(op)?;
                let (left, right) = (self.value(left, scope), self.value(right, scope));
                self.compare(expr, cmp, &left?, &right?, negated)
            }
            Expr::Between { expr: value, negated: not, low, high } => {
                let (value, low, high) = (self.value(value, scope), self.value(low, scope), self.value(high, scope));
                let value = value?;
                let negated = negated != *not;
                let above = self.compare(expr, Cmp::Ge, &value, &low?, negated);
                let below = self.compare(expr, Cmp::Le, &value, &high?, negated);
                let parts = [above?, below?];
                Some(if negated { self.compiler.program.or(parts) } else { self.compiler.program.and(parts) })
            }
            Expr::InList { expr: value, list, negated: not } => self.in_values(value, list, negated != *not, scope),
            Expr::Like { negated: not, any: false, expr: value, pattern, escape_char } => {
                self.like(value, pattern, escape_char.as_ref(), false, negated != *not, scope)
            }
            Expr::ILike { negated: not, any: false, expr: value, pattern, escape_char } => {
                self.like(value, pattern, escape_char.as_ref(), true, negated != *not, scope)
            }
            Expr::IsNull(inner) => self.is_null(inner, negated, scope),
            Expr::IsNotNull(inner) => self.is_null(inner, !negated, scope),
            Expr::IsTrue(inner) => self.holds(inner, false, negated, scope),
            Expr::IsNotTrue(inner) => self.holds(inner, false, !negated, scope),
            Expr::IsFalse(inner) => self.holds(inner, true, negated, scope),
            Expr::IsNotFalse(inner) => self.holds(inner, true, !negated, scope),
            Expr::IsNotDistinctFrom(left, right) => self.same(expr, left, right, negated, scope),
            Expr::IsDistinctFrom(left, right) => self.same(expr, left, right, !negated, scope),
            Expr::IsUnknown(inner) => self.unknown(inner, negated, scope),
            Expr::IsNotUnknown(inner) => self.unknown(inner, !negated, scope),
            Expr::Function(function) => match self.own_call(function) {
                Some(Ok(call)) => self.own_condition(expr, &call, negated, scope),
                Some(Err(())) => None,
                None => self.boolean(expr, negated, scope),
            },
            Expr::Value(ValueWithSpan { value: SqlValue::Boolean(value), .. }) => {
                let node = if *value == negated { Node::Never } else { Node::Always };
                Some(self.compiler.program.intern_node(node))
            }
            Expr::Value(ValueWithSpan { value: SqlValue::Null, .. }) => Some(self.never()),
            Expr::Identifier(ident) if ident.quote_style == Some('"') && self.column(&ident.value, scope).is_none() => {
                self.unknown_column(ident, scope);
                None
            }
            _ => self.boolean(expr, negated, scope),
        }
    }

    /// A value that has to be Boolean to stand alone as a condition.
    fn boolean(&mut self, expr: &Expr, negated: bool, scope: Scope) -> Option<NodeId> {
        match self.value(expr, scope)? {
            Value::Null => Some(self.never()),
            Value::Literal(Literal::Bool(value)) => {
                let node = if value == negated { Node::Never } else { Node::Always };
                Some(self.compiler.program.intern_node(node))
            }
            Value::Operand(operand) if self.class(operand) == Class::Bool => {
                Some(self.compiler.program.test(operand, Test::IsTrue, negated))
            }
            other => {
                let what = self.describe(&other);
                self.error("E0207", expr, format!("a condition is needed here, and this is {what}"))
                    .label_help("not a condition", Some("compare it with something, such as `= 'X'` or `> 0`"));
                None
            }
        }
    }

    /// Compares two values that have been read already. `at` is what to underline.
    fn compare(&mut self, at: &Expr, cmp: Cmp, left: &Value, right: &Value, negated: bool) -> Option<NodeId> {
        match (left, right) {
            (Value::Null, _) | (_, Value::Null) => {
                self.warning("W0717", at, "a comparison with NULL is never true".into())
                    .label_help("always unknown", Some("write IS NULL or IS NOT NULL"));
                Some(self.never())
            }
            (Value::Operand(operand), Value::Literal(literal)) => self.against(at, cmp, *operand, literal, negated),
            (Value::Literal(literal), Value::Operand(operand)) => {
                self.against(at, cmp.flipped(), *operand, literal, negated)
            }
            (Value::Literal(left), Value::Literal(right)) => {
                let order = match (left, right) {
                    (Literal::Text(l), Literal::Text(r)) => l.cmp(r),
                    (Literal::Bool(l), Literal::Bool(r)) => l.cmp(r),
                    (Literal::Int(l), Literal::Int(r)) => l.cmp(r),
                    (l, r) => match (l.as_f64(), r.as_f64()) {
                        (Some(l), Some(r)) => l.total_cmp(&r),
                        _ => return self.mismatch(at, &Value::Literal(l.clone()), &Value::Literal(r.clone())),
                    },
                };
                let node = if cmp.holds(order) == negated { Node::Never } else { Node::Always };
                Some(self.compiler.program.intern_node(node))
            }
            (Value::Operand(l), Value::Operand(r)) => self.with_each_other(at, cmp, *l, *r, negated),
        }
    }

    fn with_each_other(&mut self, at: &Expr, cmp: Cmp, l: OperandId, r: OperandId, negated: bool) -> Option<NodeId> {
        let (left, right) = (self.class(l), self.class(r));
        let (l, r) = match (left, right) {
            (Class::Bool, Class::Bool) => {
                let operand = self.planned_comparison(at, cmp, l, r)?;
                return Some(self.compiler.program.test(operand, Test::IsTrue, negated));
            }
            (left, right) if left == right => (l, r),
            (Class::Int, Class::Float) | (Class::Date, Class::Ts) => (self.widened(at, l, right)?, r),
            (Class::Float, Class::Int) | (Class::Ts, Class::Date) => (l, self.widened(at, r, left)?),
            _ => return self.mismatch(at, &Value::Operand(l), &Value::Operand(r)),
        };
        let (l, cmp, r) = if l <= r { (l, cmp, r) } else { (r, cmp.flipped(), l) };
        Some(self.compiler.program.test(l, Test::CompareWith(cmp, r), negated))
    }

    fn against(&mut self, at: &Expr, cmp: Cmp, operand: OperandId, literal: &Literal, negated: bool) -> Option<NodeId> {
        let class = self.class(operand);
        if class == Class::Bool {
            let Literal::Bool(wanted) = literal else {
                return self.mismatch(at, &Value::Operand(operand), &Value::Literal(literal.clone()));
            };
            let equal = match cmp {
                Cmp::Eq => true,
                Cmp::Ne => false,
                _ => return self.mismatch(at, &Value::Operand(operand), &Value::Literal(literal.clone())),
            };
            return Some(self.compiler.program.test(operand, Test::IsTrue, negated != (equal != *wanted)));
        }
        let Fitted::To(cmp, literal) = self.fit(at, cmp, operand, literal)? else {
            // No integer equals 2.5: false where there is a value, unknown where there is none.
            let nothing = Test::In { values: Arc::from([]), with_null: false };
            return Some(self.compiler.program.test(operand, nothing, negated != (cmp == Cmp::Ne)));
        };
        // `<>` is the negation of `=`, so that both share an atom.
        Some(match cmp {
            Cmp::Ne => {
                self.trap(at, operand, !negated);
                self.compiler.program.test(operand, Test::Compare(Cmp::Eq, literal), !negated)
            }
            cmp => {
                self.trap(at, operand, negated && cmp == Cmp::Eq);
                self.compiler.program.test(operand, Test::Compare(cmp, literal), negated)
            }
        })
    }

    fn in_values(&mut self, value: &Expr, list: &[Expr], negated: bool, scope: Scope) -> Option<NodeId> {
        let operand = self.value(value, scope);
        if let Some(Value::Operand(operand)) = operand
            && let Some(constants) = self.fitting(operand, list)
        {
            return Some(self.one_of(value, operand, constants, false, negated));
        }
        let all = self.lists.all(list);
        let list = all.as_deref().unwrap_or(list);
        let values: Vec<_> = list.iter().map(|item| self.value(item, scope)).collect();
        let operand = match operand? {
            Value::Operand(operand) => operand,
            Value::Null => return Some(self.never()),
            Value::Literal(literal) => {
                let left = Value::Literal(literal);
                return self.one_by_one(value, &left, values, negated);
            }
        };
        let plain = values.iter().all(|v| matches!(v, Some(Value::Literal(_) | Value::Null)));
        if !plain || self.class(operand) == Class::Bool {
            return self.one_by_one(value, &Value::Operand(operand), values, negated);
        }
        let mut with_null = false;
        let mut constants = Vec::with_capacity(values.len());
        let mut wrong = false;
        for (item, value) in list.iter().zip(&values) {
            match value {
                Some(Value::Literal(literal)) => match self.fit(item, Cmp::Eq, operand, literal) {
                    Some(Fitted::To(_, literal)) => constants.push(literal),
                    Some(Fitted::Never) => {}
                    None => wrong = true,
                },
                _ => with_null = true,
            }
        }
        if wrong {
            return None;
        }
        if with_null && negated {
            self.warning("W0717", value, "NOT IN with a NULL in the list is never true".into())
                .label_help("never a hit", Some("remove NULL from the list"));
        }
        Some(self.one_of(value, operand, constants, with_null, negated))
    }

    /// The constants of a list that the tree leaves out, if all of them fit the operand; those that nothing equals
    /// left out. Where one does not fit, there is more to say, and a tree to say it with.
    fn fitting(&self, operand: OperandId, list: &[Expr]) -> Option<Vec<Literal>> {
        let list = self.lists.written(list)?;
        let class = self.class(operand);
        let mut constants = Vec::with_capacity(list.len());
        for text in list {
            match fitted(class, Cmp::Eq, written(text)?).ok()? {
                Fitted::To(_, constant) => constants.push(constant),
                Fitted::Never => {}
            }
        }
        Some(constants)
    }

    /// The operand is one of the constants.
    fn one_of(
        &mut self,
        at: &Expr,
        operand: OperandId,
        mut constants: Vec<Literal>,
        with_null: bool,
        negated: bool,
    ) -> NodeId {
        constants.sort_unstable();
        constants.dedup();
        self.trap(at, operand, negated && !with_null);
        let test = match <[Literal; 1]>::try_from(constants) {
            Ok([only]) if !with_null => Test::Compare(Cmp::Eq, only),
            Ok(one) => Test::In { values: Arc::from(one), with_null },
            Err(many) => Test::In { values: many.into(), with_null },
        };
        self.compiler.program.test(operand, test, negated)
    }

    fn one_by_one(&mut self, at: &Expr, left: &Value, values: Vec<Option<Value>>, negated: bool) -> Option<NodeId> {
        let mut parts = Vec::with_capacity(values.len());
        for value in values {
            parts.push(value.and_then(|value| self.compare(at, Cmp::Eq, left, &value, negated)));
        }
        let parts: Vec<NodeId> = parts.into_iter().collect::<Option<_>>()?;
        Some(if negated { self.compiler.program.and(parts) } else { self.compiler.program.or(parts) })
    }

    fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
        ignore_case: bool,
        negated: bool,
        scope: Scope,
    ) -> Option<NodeId> {
        let operand = self.value(value, scope);
        let pattern_value = self.value(pattern, scope);
        if escape.is_some_and(|e| !matches!(&e.value, SqlValue::SingleQuotedString(s) if s == "\\")) {
            self.error("E0215", pattern, "the escape character of LIKE is `\\`".into())
                .label_help("", Some("leave ESCAPE out and write `\\%` for a per cent sign"));
            return None;
        }
        let text = match pattern_value? {
            Value::Literal(Literal::Text(text)) => text,
            Value::Null => return Some(self.never()),
            other => {
                let what = self.describe(&other);
                self.error("E0215", pattern, format!("a LIKE pattern is text in single quotes, and this is {what}"))
                    .label_help("not a pattern", None);
                return None;
            }
        };
        match operand? {
            Value::Operand(operand) if self.class(operand) == Class::Text => {
                Some(self.compiler.program.test(operand, Test::Like { pattern: text, ignore_case }, negated))
            }
            Value::Null => Some(self.never()),
            other => {
                let what = self.describe(&other);
                self.error("E0206", value, format!("LIKE looks at text, and this is {what}"))
                    .label_help("not text", None);
                None
            }
        }
    }

    fn is_null(&mut self, inner: &Expr, negated: bool, scope: Scope) -> Option<NodeId> {
        if let Expr::Identifier(ident) = unnest(inner)
            && let Scope::Row = scope
            && let Some(index) = self.compiler.columns.get(ident.value.to_ascii_lowercase().as_str()).copied()
            && matches!(
                self.compiler.program.stream.all_columns().nth(index as usize)?.kind,
                Kind::List(_) | Kind::Records(_)
            )
        {
            self.error("E0206", inner, format!("`{}` is a list and never NULL", ident.value))
                .label_help("a list", Some("write cardinality(x) = 0 for an empty list"));
            return None;
        }
        match self.value(inner, scope)? {
            Value::Operand(operand) => {
                self.null_checked.push(operand);
                Some(self.compiler.program.test(operand, Test::IsNull, negated))
            }
            Value::Null => Some(self.constant(!negated)),
            Value::Literal(_) => Some(self.constant(negated)),
        }
    }

    /// `left IS NOT DISTINCT FROM right`: equal or both NULL, never unknown.
    fn same(&mut self, at: &Expr, left: &Expr, right: &Expr, negated: bool, scope: Scope) -> Option<NodeId> {
        let nulls = [self.is_null(left, false, scope)?, self.is_null(right, false, scope)?];
        let equal = match (self.value(left, scope)?, self.value(right, scope)?) {
            (Value::Null, _) | (_, Value::Null) => self.never(),
            (left, right) => self.compare(at, Cmp::Eq, &left, &right, false)?,
        };
        let program = &mut self.compiler.program;
        let both_null = program.and(nulls);
        let inner = program.or([equal, both_null]);
        Some(program.intern_node(Node::Holds { inner, negated }))
    }

    /// `inner IS TRUE` (or IS FALSE with `of_false`), never unknown.
    fn holds(&mut self, inner: &Expr, of_false: bool, negated: bool, scope: Scope) -> Option<NodeId> {
        let inner = self.condition(inner, of_false, scope)?;
        Some(self.compiler.program.intern_node(Node::Holds { inner, negated }))
    }

    fn unknown(&mut self, inner: &Expr, negated: bool, scope: Scope) -> Option<NodeId> {
        let (yes, no) = self.both_ways(inner, scope)?;
        let program = &mut self.compiler.program;
        let parts = [yes, no].map(|inner| program.intern_node(Node::Holds { inner, negated: !negated }));
        Some(if negated { program.or(parts) } else { program.and(parts) })
    }

    /// Where the condition is true, and where it is false.
    pub fn both_ways(&mut self, expr: &Expr, scope: Scope) -> Option<(NodeId, NodeId)> {
        // Remembered, or what is nested in this way twenty times would be lowered a million times.
        let key = (expr.to_string(), scope);
        if let Some(known) = self.both.get(&key) {
            return Some(*known);
        }
        let yes = self.condition(expr, false, scope)?;
        let (noted, traps) = (self.diagnostics.len(), self.traps.len());
        let no = self.condition(expr, true, scope);
        // Whatever there was to say about it has been said the first time.
        self.diagnostics.truncate(noted);
        self.traps.truncate(traps);
        let both = (yes, no?);
        self.both.insert(key, both);
        Some(both)
    }

    /// One of our functions where a condition stands.
    fn own_condition(&mut self, at: &Expr, call: &Call<'_>, negated: bool, scope: Scope) -> Option<NodeId> {
        match call.own {
            Own::InList | Own::Mentions => {
                let [value, name] = self.arguments(at, call)?;
                let operand = self.value(value, scope);
                let list = self.list_named(name);
                let operand = self.text_operand(value, operand?)?;
                let list = self.compiler.program.intern_list(&list?);
                let test = if call.own == Own::InList { Test::InList(list) } else { Test::Mentions(list) };
                Some(self.compiler.program.test(operand, test, negated))
            }
            Own::ArrayHas | Own::AnyInList => {
                let [column, key] = self.arguments(at, call)?;
                let list = self.plain_list(column, scope);
                let member = list.map(|list| self.member(list, 0, Class::Text, "value"));
                let node = if call.own == Own::ArrayHas {
                    let key_value = self.value(key, scope);
                    let (member, key_value) = (member?, key_value?);
                    let Value::Literal(literal) = key_value else {
                        self.error("E0205", key, "array_has() looks for text in single quotes".into())
                            .label_help("not a text", None);
                        return None;
                    };
                    self.against(key, Cmp::Eq, member, &literal, negated)?
                } else {
                    let named = self.list_named(key);
                    let member = member?;
                    let named = self.compiler.program.intern_list(&named?);
                    self.compiler.program.test(member, Test::InList(named), negated)
                };
                Some(self.quantified(Over::Records(list?), node, negated))
            }
            Own::Any(over) | Own::All(over) => {
                let [inner] = self.arguments(at, call)?;
                let inner_scope = self.scope_of(at, call, over, scope)?;
                let node = self.condition(inner, negated, inner_scope)?;
                Some(self.quantified(over, node, negated != matches!(call.own, Own::All(_))))
            }
            Own::Lookup | Own::Cardinality | Own::Count(_) | Own::Sum(_) => self.boolean(at, negated, scope),
        }
    }

    fn quantified(&mut self, over: Over, inner: NodeId, all: bool) -> NodeId {
        self.compiler.program.intern_node(if all { Node::All(over, inner) } else { Node::Any(over, inner) })
    }

    /// A text column (or expression) for a function that needs one.
    pub fn text_operand(&mut self, at: &Expr, value: Value) -> Option<OperandId> {
        match value {
            Value::Operand(operand) if self.class(operand) == Class::Text => Some(operand),
            other => {
                let what = self.describe(&other);
                self.error("E0206", at, format!("a text column is needed here, and this is {what}"))
                    .label_help("not a text column", None);
                None
            }
        }
    }

    /// Remembers a "not equal" on a column that may be NULL: NULL is not unequal, as many an author expects.
    fn trap(&mut self, at: &Expr, operand: OperandId, negated: bool) {
        let Operand::Column(index) = self.compiler.program.operand(operand).operand else { return };
        let column = self.compiler.program.stream.all_columns().nth(index as usize);
        if let Some(column) = column.filter(|column| negated && column.nullable) {
            let span = self.sql.span(self.positions.of(at));
            let message = format!("rows where `{}` is NULL are not hit", column.name);
            let help =
                format!("add `OR {0} IS NULL` to hit them, or `AND {0} IS NOT NULL` to say you mean it", column.name);
            let trap =
                Diagnostic::warning("W0708", span, message).label("NULL is neither equal nor unequal").help(help);
            self.traps.push((operand, trap.in_rule(self.rule)));
        }
    }

    fn report_traps(&mut self) {
        let traps = std::mem::take(&mut self.traps);
        let unasked = traps.into_iter().filter(|(operand, _)| !self.null_checked.contains(operand));
        let unasked: Vec<Diagnostic> = unasked.map(|(_, trap)| trap).collect();
        self.diagnostics.extend(unasked);
    }

    fn never(&mut self) -> NodeId {
        self.compiler.program.intern_node(Node::Never)
    }

    fn constant(&mut self, value: bool) -> NodeId {
        self.compiler.program.intern_node(if value { Node::Always } else { Node::Never })
    }

    pub fn class(&self, operand: OperandId) -> Class {
        self.compiler.program.operand(operand).class
    }

    /// A value in words, for messages.
    pub fn describe(&self, value: &Value) -> String {
        let class = |class: Class| match class {
            Class::Text => "text",
            Class::Int | Class::Float => "a number",
            Class::Bool => "true or false",
            Class::Date => "a date",
            Class::Ts => "an instant",
        };
        match value {
            Value::Null => "NULL".into(),
            Value::Operand(operand) => {
                let entry = self.compiler.program.operand(*operand);
                format!("{} (`{}`)", class(entry.class), entry.text)
            }
            Value::Literal(literal) => match literal {
                Literal::Text(_) => format!("the text {literal}"),
                Literal::Bool(_) => format!("the constant {literal}"),
                _ => format!("the number {literal}"),
            },
        }
    }

    pub fn mismatch<T>(&mut self, at: &Expr, left: &Value, right: &Value) -> Option<T> {
        let (l, r) = (self.describe(left), self.describe(right));
        let help = match (left, right) {
            (Value::Operand(operand), Value::Literal(number @ (Literal::Int(_) | Literal::Float(_))))
            | (Value::Literal(number @ (Literal::Int(_) | Literal::Float(_))), Value::Operand(operand))
                if self.class(*operand) == Class::Text =>
            {
                Some(format!("write the text in single quotes: '{number}'"))
            }
            (Value::Operand(_), Value::Literal(Literal::Text(text)))
            | (Value::Literal(Literal::Text(text)), Value::Operand(_))
                if text.parse::<f64>().is_ok() =>
            {
                Some(format!("write the number without quotes: {text}"))
            }
            _ => None,
        };
        self.error("E0206", at, format!("cannot compare {l} with {r}")).label_help("different kinds", help.as_deref());
        None
    }

    /// Notes an error at an expression.
    pub fn error(&mut self, code: &'static str, at: &Expr, message: String) -> &mut Diagnostic {
        let span = self.sql.span(self.positions.of(at));
        self.note(Diagnostic::error(code, span, message))
    }

    fn warning(&mut self, code: &'static str, at: &Expr, message: String) -> &mut Diagnostic {
        let span = self.sql.span(self.positions.of(at));
        self.note(Diagnostic::warning(code, span, message))
    }

    pub fn note(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic.in_rule(self.rule));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// The nearest function name, as help.
    pub fn function_help(&self, name: &str) -> Option<String> {
        let names = functions::names(self.compiler.program.stream);
        nearest(name, names.iter().map(String::as_str)).map(|near| {
            let usage = functions::SCALAR.iter().find(|(known, _)| *known == near).map(|(_, usage)| *usage);
            format!("did you mean `{}`?", usage.unwrap_or(near))
        })
    }
}

/// Words beside an excerpt, on a diagnostic already noted.
pub(super) trait LabelHelp {
    fn label_help(&mut self, label: &str, help: Option<&str>);
}

impl LabelHelp for Diagnostic {
    fn label_help(&mut self, label: &str, help: Option<&str>) {
        label.clone_into(&mut self.label);
        self.help = help.map(str::to_owned);
    }
}

pub(super) fn comparison(op: &BinaryOperator) -> Option<Cmp> {
    Some(match op {
        BinaryOperator::Eq => Cmp::Eq,
        BinaryOperator::NotEq => Cmp::Ne,
        BinaryOperator::Lt => Cmp::Lt,
        BinaryOperator::LtEq => Cmp::Le,
        BinaryOperator::Gt => Cmp::Gt,
        BinaryOperator::GtEq => Cmp::Ge,
        _ => return None,
    })
}

/// Whether this form is true, false or unknown by our own rules, wherever it stands.
pub(super) fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp { op, .. } => *op == UnaryOperator::Not,
        Expr::BinaryOp { op, .. } => matches!(op, BinaryOperator::And | BinaryOperator::Or) || comparison(op).is_some(),
        Expr::Like { any, .. } | Expr::ILike { any, .. } => !any,
        Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => true,
        _ => false,
    }
}

pub(super) fn operator(cmp: Cmp) -> BinaryOperator {
    match cmp {
        Cmp::Eq => BinaryOperator::Eq,
        Cmp::Ne => BinaryOperator::NotEq,
        Cmp::Lt => BinaryOperator::Lt,
        Cmp::Le => BinaryOperator::LtEq,
        Cmp::Gt => BinaryOperator::Gt,
        Cmp::Ge => BinaryOperator::GtEq,
    }
}

/// The parts of `a AND b AND c`, which the parser nests to the left as deep as it is long: walked, not recursed.
fn chain<'e>(expr: &'e Expr, wanted: &BinaryOperator) -> Vec<&'e Expr> {
    let mut parts = Vec::new();
    let mut rest = expr;
    while let Expr::BinaryOp { left, op, right } = rest
        && op == wanted
    {
        parts.push(&**right);
        rest = left;
    }
    parts.push(rest);
    parts.reverse();
    parts
}

pub(super) fn unnest(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}
