//! Conditions: SQL text to the program's formulas, every mistake with its place.
//!
//! [`Compiler`] takes rules one by one into one [`Program`], so that what two rules share stands there once.
//! Parsing is sqlparser's ([`parse`], without long lists of constants: [`constant_lists`]; on a second thread where
//! there are many rules: [`ahead`]). Names, functions and shapes are checked on its tree and lowered to our own forms
//! ([`lower`], [`value`], [`constant`]); whatever computes beyond those ([`planned`]), within bounds ([`growth`]), is
//! typed and planned by DataFusion ([`scalar`]).

mod ahead;
mod constant;
mod constant_lists;
mod functions;
mod growth;
mod lower;
mod parse;
mod planned;
mod scalar;
mod value;

use std::collections::HashMap;
use std::sync::Arc;

use haechi_model::{Stream, SubjectKind};
use rustc_hash::FxHashMap;

pub use functions::{SCALAR, singular};
pub use scalar::input_type;
pub(crate) use value::kind_class as column_class;

use crate::diagnostic::Diagnostic;
use crate::lists::List;
use crate::load::RawRuleset;
use crate::profile;
use crate::program::{Class, Cmp, JoinedColumn, Literal, NodeId, Operand, OperandId, Program, Scope, Test};
use crate::rule::{Rule, SqlText};
use crate::tables::ReferenceTable;
use ahead::read_ahead;
use parse::Reading;
use scalar::ScalarPlanner;

/// The named things a condition may refer to.
#[derive(Debug, Default)]
pub struct Catalog {
    lists: HashMap<String, Arc<List>>,
    tables: HashMap<String, Arc<ReferenceTable>>,
    joined: FxHashMap<&'static str, Arc<[JoinedColumn]>>,
}

impl Catalog {
    /// The lists, tables and features of loaded packs.
    pub fn of(raw: &RawRuleset) -> Self {
        let named = Self::new(raw.lists.iter().cloned().map(Arc::new), raw.tables.iter().cloned().map(Arc::new));
        SubjectKind::ALL
            .iter()
            .filter_map(|kind| Stream::find(kind.stream()))
            .fold(named, |named, stream| named.with_joined(stream, profile::columns(&raw.profiles, stream)))
    }

    /// With columns beside those of a stream.
    fn with_joined(mut self, stream: &'static Stream, columns: Vec<JoinedColumn>) -> Self {
        self.joined.insert(stream.name, columns.into());
        self
    }

    /// The same lists and tables, with other columns beside those of a stream.
    pub(crate) fn with_columns(&self, stream: &'static Stream, columns: Vec<JoinedColumn>) -> Self {
        let Self { lists, tables, joined: _ } = self;
        Self { lists: lists.clone(), tables: tables.clone(), joined: FxHashMap::default() }.with_joined(stream, columns)
    }

    /// What lists and tables of these names hold, in a fixed order.
    pub(crate) fn contents_of(&self, named: impl Fn(&str) -> bool) -> Vec<String> {
        let lists = self.lists.values().filter(|list| named(&list.name));
        let lists = lists.map(|list| {
            let mut entries = list.entries.clone();
            entries.sort_unstable();
            format!("list {} {:?} {entries:?}", list.name, list.kind)
        });
        let tables = self.tables.values().filter(|table| named(&table.name));
        let tables = tables.map(|table| format!("table {} {:?} {:?}", table.name, table.keys, table.columns));
        let mut contents: Vec<String> = lists.chain(tables).collect();
        contents.sort_unstable();
        contents
    }

    /// Lists and tables by name.
    pub fn new(
        lists: impl IntoIterator<Item = Arc<List>>,
        tables: impl IntoIterator<Item = Arc<ReferenceTable>>,
    ) -> Self {
        Self {
            lists: lists.into_iter().map(|l| (l.name.clone(), l)).collect(),
            tables: tables.into_iter().map(|t| (t.name.clone(), t)).collect(),
            joined: FxHashMap::default(),
        }
    }
}

/// A value that an expression computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Computed {
    /// The same for all rows; `None` is NULL.
    Constant(Option<Literal>),
    /// What the operand has.
    Operand(OperandId),
}

/// Compiles conditions over one stream into one program.
#[derive(Debug)]
pub struct Compiler<'a> {
    program: Program,
    catalog: &'a Catalog,
    columns: FxHashMap<&'static str, u32>,
    planner: ScalarPlanner,
}

impl<'a> Compiler<'a> {
    /// A compiler without rules yet.
    pub fn new(stream: &'static Stream, catalog: &'a Catalog) -> Self {
        let columns = stream.all_columns().enumerate().map(|(i, c)| (c.name, i as u32)).collect();
        let joined = catalog.joined.get(stream.name).cloned().unwrap_or_default();
        Self { program: Program::new(stream, joined), catalog, columns, planner: ScalarPlanner::new() }
    }

    /// Compiles one condition; `None` when it has errors, which stand in `diagnostics` with any warnings.
    pub fn condition(&mut self, rule: &str, sql: &SqlText, diagnostics: &mut Vec<Diagnostic>) -> Option<NodeId> {
        lower::compile(self, rule, sql, &mut Reading::of(&sql.text), diagnostics)
    }

    /// Compiles an expression to a value, as [`Compiler::condition`] does a condition.
    pub fn value(&mut self, of: &str, sql: &SqlText, diagnostics: &mut Vec<Diagnostic>) -> Option<Computed> {
        lower::compile_value(self, of, sql, diagnostics)
    }

    /// Compiles a condition to a value: true, false or NULL.
    pub fn truth(&mut self, of: &str, sql: &SqlText, diagnostics: &mut Vec<Diagnostic>) -> Option<Computed> {
        lower::compile_truth(self, of, sql, diagnostics)
    }

    /// Compiles the conditions of many rules in order, and says of each what became of it.
    pub fn conditions<'r>(
        &mut self,
        rules: &[&'r Rule],
        diagnostics: &mut Vec<Diagnostic>,
        mut done: impl FnMut(&mut Self, &'r Rule, Option<NodeId>),
    ) {
        let texts: Vec<_> = rules.iter().map(|rule| rule.when.text.as_str()).collect();
        read_ahead(&texts, |index, reading| {
            let rule = rules[index];
            let node = lower::compile(self, &rule.id, &rule.when, reading, diagnostics);
            done(self, rule, node);
        });
    }

    /// The condition within `from <= column < until` of an instant column; without bounds, the condition.
    pub fn bounded(&mut self, column: &str, node: NodeId, from: Option<Literal>, until: Option<Literal>) -> NodeId {
        let Some(index) = self.columns.get(column).copied() else { return node };
        let program = &mut self.program;
        let bounds = [(Cmp::Ge, from), (Cmp::Lt, until)];
        let parts: Vec<NodeId> = bounds
            .into_iter()
            .filter_map(|(cmp, bound)| {
                let operand = Operand::Column(index);
                let operand = program.intern_operand(operand, Class::Ts, Scope::Row, || column.into());
                bound.map(|bound| program.test(operand, Test::Compare(cmp, bound), false))
            })
            .collect();
        program.and(parts.into_iter().chain(std::iter::once(node)))
    }

    /// Adds a compiled condition as the next rule of the program.
    pub fn add_root(&mut self, node: NodeId) {
        self.program.roots.push(node);
    }

    /// The program so far.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The program.
    pub fn finish(self) -> Program {
        self.program
    }
}

#[cfg(test)]
mod tests;
