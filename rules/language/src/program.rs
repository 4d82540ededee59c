//! The typed form of all conditions of a ruleset: operands, atoms and formula nodes, each distinct one once.
//!
//! NOT stands at the atoms only. So a formula needs just one bitmap, *where it is true*: "unknown" matters only where a
//! negated atom asks "is it false?", and there it is the operand's NULLs. `NOT any(c)` is kept as `all(NOT c)`,
//! `c IS FALSE` as "`NOT c` holds": both are the same in three-valued logic.
//!
//! Begin at [`Program`]; [`crate::condition`] makes it from SQL text, `haechi-evaluate` runs it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use haechi_model::Stream;

use crate::lists::List;
use crate::tables::ReferenceTable;

/// Index into [`Program::operands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperandId(pub u32);

/// Index into [`Program::atoms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AtomId(pub u32);

/// Index into [`Program::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// What kind of value an operand has, as far as comparing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Text of any sort, dictionary or plain.
    Text,
    /// Int32 or Int64.
    Int,
    /// Float64, compared in IEEE total order of [`canonical`] values: -0.0 equals 0.0, NaN equals NaN and is above all.
    Float,
    /// Boolean.
    Bool,
    /// Date32.
    Date,
    /// Timestamp in milliseconds, UTC.
    Ts,
}

/// Which rows a formula is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The rows of the stream.
    Row,
    /// The records (or values) in the list column of this index.
    Records(u32),
}

/// What an aggregate looks over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// The rows of the same subject: the items of a declaration.
    Items,
    /// The records in the list column of this index.
    Records(u32),
}

/// A value that atoms test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A column: by its place in [`Stream::all_columns`], or behind those in [`Program::joined`].
    Column(u32),
    /// A field of the records in a list column; for a plain list the value itself, field 0.
    Member {
        /// The list column.
        list: u32,
        /// The field's place.
        member: u32,
    },
    /// A value of a reference table.
    Lookup {
        /// Place in [`Program::tables`].
        table: u32,
        /// Place among the table's value columns.
        column: u32,
        /// The key.
        key: OperandId,
    },
    /// Whatever else SQL can compute, by its place in [`Program::scalars`].
    Scalar(u32),
    /// The truth of a condition as a Boolean: true, false, NULL.
    Condition {
        /// True where this is.
        yes: NodeId,
        /// False where this is true.
        no: NodeId,
    },
    /// How many rows or records meet a condition.
    Count(Over, NodeId),
    /// The sum of a number over rows or records; NULL where none has a value.
    Sum(Over, OperandId),
    /// The length of a list column.
    Size(u32),
}

/// An operand with what is known of it.
#[derive(Clone, Debug)]
pub struct OperandEntry {
    /// What it is.
    pub operand: Operand,
    /// What it holds.
    pub class: Class,
    /// Which rows it has values for.
    pub scope: Scope,
    /// Its SQL, for explanations.
    pub text: Arc<str>,
}

/// An expression left to DataFusion: computed once a block for all rules that use it.
#[derive(Clone, Debug)]
pub struct Scalar {
    /// Columns of the expression's own little schema, in order.
    pub inputs: Vec<OperandId>,
    /// That schema: one field an input.
    pub schema: SchemaRef,
    /// The typed expression.
    pub expr: Arc<dyn PhysicalExpr>,
}

/// Order comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cmp {
    /// `=`
    Eq,
    /// `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A constant, already of the operand's class.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Literal {
    /// Text.
    Text(Arc<str>),
    /// Int, Date (days) or Ts (milliseconds).
    Int(i64),
    /// A double, by its bits.
    Float(u64),
    /// A Boolean.
    Bool(bool),
}

/// What an atom asks of its operand. Unknown exactly where the operand is NULL, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The operand is Boolean and true.
    IsTrue,
    /// Never unknown.
    IsNull,
    /// Against a constant. A `Float` constant on an `Int` operand compares as doubles.
    Compare(Cmp, Literal),
    /// Against another operand of the same class and scope; unknown where either is NULL.
    CompareWith(Cmp, OperandId),
    /// One of these, sorted; `with_null` makes "not found" unknown, as `IN (..., NULL)` does.
    In {
        /// Sorted, distinct.
        values: Arc<[Literal]>,
        /// A NULL stood in the list.
        with_null: bool,
    },
    /// SQL LIKE with `\` as escape character.
    Like {
        /// The pattern.
        pattern: Arc<str>,
        /// ILIKE.
        ignore_case: bool,
    },
    /// Trimmed and upper-cased, the operand stands in a list, by its place in [`Program::lists`].
    InList(u32),
    /// The operand contains an entry of a list as whole words, whatever the case.
    Mentions(u32),
}

/// A predicate; each distinct one stands once for all rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Atom {
    /// What is tested.
    pub operand: OperandId,
    /// How.
    pub test: Test,
}

/// A formula; children come before parents in [`Program::nodes`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// True everywhere.
    Always,
    /// True nowhere: false or unknown.
    Never,
    /// True where the atom is true, or, negated, where it is false.
    Atom {
        /// Which.
        atom: AtomId,
        /// Ask for false.
        negated: bool,
    },
    /// All of them, sorted, at least two.
    And(Box<[NodeId]>),
    /// Any of them, sorted, at least two.
    Or(Box<[NodeId]>),
    /// True for a row if true for any row or record it looks over.
    Any(Over, NodeId),
    /// True for a row if true for every row or record it looks over.
    All(Over, NodeId),
    /// `c IS TRUE`; negated: `c IS NOT TRUE`. Never unknown.
    Holds {
        /// The condition.
        inner: NodeId,
        /// IS NOT TRUE.
        negated: bool,
    },
}

/// A column that rows do not bring: a feature of somebody they are about, or a column of a record they speak of.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinedColumn {
    /// `importer.declarations_90d`.
    pub name: Arc<str>,
    /// What it holds.
    pub class: Class,
    /// Its Arrow type.
    pub data_type: DataType,
}

/// All conditions of a ruleset over one stream.
#[derive(Debug)]
pub struct Program {
    /// The stream whose rows it reads.
    pub stream: &'static Stream,
    /// Columns that may stand beside those of the stream.
    pub joined: Arc<[JoinedColumn]>,
    /// Distinct operands; inputs come before what uses them.
    pub operands: Vec<OperandEntry>,
    /// Distinct expressions left to DataFusion.
    pub scalars: Vec<Scalar>,
    /// Distinct atoms.
    pub atoms: Vec<Atom>,
    /// Distinct formulas; children first.
    pub nodes: Vec<Node>,
    /// The condition of each rule, in rule order.
    pub roots: Vec<NodeId>,
    /// Lists that atoms refer to.
    pub lists: Vec<Arc<List>>,
    /// Tables that operands refer to.
    pub tables: Vec<Arc<ReferenceTable>>,
    atom_index: HashMap<Atom, AtomId, rustc_hash::FxBuildHasher>,
    node_index: HashMap<Node, NodeId, rustc_hash::FxBuildHasher>,
    operand_index: HashMap<Operand, OperandId, rustc_hash::FxBuildHasher>,
    scalar_index: HashMap<(String, Vec<OperandId>), u32, rustc_hash::FxBuildHasher>,
}

impl Program {
    /// A program without rules.
    pub fn new(stream: &'static Stream, joined: Arc<[JoinedColumn]>) -> Self {
        Self {
            stream,
            joined,
            operands: Vec::new(),
            scalars: Vec::new(),
            atoms: Vec::new(),
            nodes: Vec::new(),
            roots: Vec::new(),
            lists: Vec::new(),
            tables: Vec::new(),
            atom_index: HashMap::default(),
            node_index: HashMap::default(),
            operand_index: HashMap::default(),
            scalar_index: HashMap::default(),
        }
    }

    /// The operand of that id.
    pub fn operand(&self, id: OperandId) -> &OperandEntry {
        &self.operands[id.0 as usize]
    }

    /// The atom of that id.
    pub fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id.0 as usize]
    }

    /// The node of that id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// Name and type of each column: those of the stream, then those that are joined.
    pub fn all_columns(&self) -> impl Iterator<Item = (&str, DataType)> {
        let own = self.stream.all_columns().map(|column| (column.name, column.kind.data_type()));
        own.chain(self.joined.iter().map(|column| (&*column.name, column.data_type.clone())))
    }

    /// Columns that are joined and that any rule touches, in their order.
    pub fn joined_columns(&self) -> impl Iterator<Item = &JoinedColumn> {
        let own = self.stream.all_columns().count();
        self.columns().into_iter().filter_map(move |column| self.joined.get(column.checked_sub(own)?))
    }

    /// Indices of the columns that any rule touches, sorted: all that need be read.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self
            .operands
            .iter()
            .filter_map(|entry| match entry.operand {
                Operand::Column(c)
                | Operand::Size(c)
                | Operand::Member { list: c, .. }
                | Operand::Count(Over::Records(c), _) => Some(c as usize),
                _ => None,
            })
            .chain(self.nodes.iter().filter_map(|node| match node {
                Node::Any(Over::Records(c), _) | Node::All(Over::Records(c), _) => Some(*c as usize),
                _ => None,
            }))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether any rule looks across the rows of a subject.
    pub fn looks_across_items(&self) -> bool {
        let items = |over: &Over| *over == Over::Items;
        self.nodes.iter().any(|n| matches!(n, Node::Any(o, _) | Node::All(o, _) if items(o)))
            || self.operands.iter().any(|e| matches!(&e.operand, Operand::Count(o, _) | Operand::Sum(o, _) if items(o)))
    }

    pub(crate) fn intern_operand(
        &mut self,
        operand: Operand,
        class: Class,
        scope: Scope,
        text: impl FnOnce() -> Arc<str>,
    ) -> OperandId {
        if let Some(id) = self.operand_index.get(&operand) {
            return *id;
        }
        let id = OperandId(self.operands.len() as u32);
        self.operand_index.insert(operand.clone(), id);
        self.operands.push(OperandEntry { operand, class, scope, text: text() });
        id
    }

    pub(crate) fn find_scalar(&self, key: &(String, Vec<OperandId>)) -> Option<OperandId> {
        let scalar = *self.scalar_index.get(key)?;
        self.operand_index.get(&Operand::Scalar(scalar)).copied()
    }

    pub(crate) fn add_scalar(
        &mut self,
        key: (String, Vec<OperandId>),
        scalar: Scalar,
        class: Class,
        scope: Scope,
        text: &str,
    ) -> OperandId {
        let index = self.intern_scalar(key, scalar);
        self.intern_operand(Operand::Scalar(index), class, scope, || text.into())
    }

    pub(crate) fn intern_scalar(&mut self, key: (String, Vec<OperandId>), scalar: Scalar) -> u32 {
        let next = self.scalars.len() as u32;
        *self.scalar_index.entry(key).or_insert_with(|| {
            self.scalars.push(scalar);
            next
        })
    }

    pub(crate) fn intern_list(&mut self, list: &Arc<List>) -> u32 {
        intern_arc(&mut self.lists, list)
    }

    pub(crate) fn intern_table(&mut self, table: &Arc<ReferenceTable>) -> u32 {
        intern_arc(&mut self.tables, table)
    }

    pub(crate) fn intern_node(&mut self, node: Node) -> NodeId {
        if let Some(id) = self.node_index.get(&node) {
            return *id;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.node_index.insert(node.clone(), id);
        self.nodes.push(node);
        id
    }

    /// The node that is true where this test of the operand is true (or false, if negated).
    pub(crate) fn test(&mut self, operand: OperandId, test: Test, negated: bool) -> NodeId {
        let atom = Atom { operand, test };
        let next = AtomId(self.atoms.len() as u32);
        let id = *self.atom_index.entry(atom).or_insert_with_key(|atom| {
            self.atoms.push(atom.clone());
            next
        });
        self.intern_node(Node::Atom { atom: id, negated })
    }

    /// The conjunction, flattened, sorted and without repeats.
    pub(crate) fn and(&mut self, parts: impl IntoIterator<Item = NodeId>) -> NodeId {
        let mut flat = Vec::new();
        for part in parts {
            match self.node(part) {
                Node::Always => {}
                Node::Never => return self.intern_node(Node::Never),
                Node::And(inner) => flat.extend(inner.iter().copied()),
                _ => flat.push(part),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.len() {
            0 => self.intern_node(Node::Always),
            1 => flat[0],
            _ => self.intern_node(Node::And(flat.into())),
        }
    }

    /// The disjunction, flattened, sorted and without repeats.
    pub(crate) fn or(&mut self, parts: impl IntoIterator<Item = NodeId>) -> NodeId {
        let mut flat = Vec::new();
        for part in parts {
            match self.node(part) {
                Node::Never => {}
                Node::Always => return self.intern_node(Node::Always),
                Node::Or(inner) => flat.extend(inner.iter().copied()),
                _ => flat.push(part),
            }
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.len() {
            0 => self.intern_node(Node::Never),
            1 => flat[0],
            _ => self.intern_node(Node::Or(flat.into())),
        }
    }
}

fn intern_arc<T>(all: &mut Vec<Arc<T>>, one: &Arc<T>) -> u32 {
    let found = all.iter().position(|known| Arc::ptr_eq(known, one));
    found.unwrap_or_else(|| {
        all.push(Arc::clone(one));
        all.len() - 1
    }) as u32
}

/// The one form of doubles that compare as equal: zero without a sign, and one NaN. The sign of NaN says nothing; what
/// 0 / 0 gets depends on the machine.
pub fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

impl Literal {
    /// A double.
    pub fn float(value: f64) -> Self {
        Self::Float(canonical(value).to_bits())
    }

    /// The double, of an `Int` too.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(bits) => Some(f64::from_bits(*bits)),
            Self::Int(value) => Some(*value as f64),
            Self::Text(_) | Self::Bool(_) => None,
        }
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(bits) => write!(f, "{}", f64::from_bits(*bits)),
            Self::Bool(value) => write!(f, "{value}"),
        }
    }
}

impl Cmp {
    /// The operator with its sides swapped.
    pub fn flipped(self) -> Self {
        match self {
            Self::Eq | Self::Ne => self,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }

    /// Its SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// Whether it holds for this order of left to right.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}
