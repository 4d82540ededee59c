//! What is settled about a program once and for all: how each atom is decided, and what each operand can answer at
//! once. What depends on the data as well, in which order things are tried, is a [`crate::schedule`].

use std::sync::{Arc, PoisonError, RwLock};

use arrow::datatypes::{DataType, SchemaRef};
use haechi_rules::Program;
use haechi_rules::program::{Atom, AtomId, Class, Cmp, Literal, Node, NodeId, Operand, OperandId, Over, Scope, Test};

use crate::error::EvaluateError;
use crate::numeric::literal_key;
use crate::text::{TextIndex, TextTest};

/// A program made ready to run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub program: Arc<Program>,
    /// By operand: the index of its text atoms, if it has any.
    pub texts: Vec<Option<TextIndex>>,
    /// By operand: its atoms.
    pub atoms_of: Vec<Box<[u32]>>,
    /// By atom.
    pub atoms: Vec<AtomPlan>,
    /// By atom: its place among the atoms of its operand.
    pub places: Vec<u32>,
    /// By node: used by several others, so worth keeping within a block.
    pub shared: Vec<bool>,
    /// Atoms that ask whether two text columns are the same.
    pub text_pairs: Vec<AtomId>,
    /// The columns of the stream that rules read: place, name, type.
    pub columns: Vec<(usize, Box<str>, DataType)>,
    /// How many columns the stream has.
    pub n_columns: usize,
    /// Operands that are columns, each with its place among those.
    pub column_operands: Vec<(OperandId, usize)>,
    /// Columns, by their place among those, that other operands and formulas over items or records read.
    pub computed_from: Vec<usize>,
    /// Where those columns stand in the batches that came last: they mostly come from the same place.
    last_schema: RwLock<Option<(SchemaRef, Places)>>,
    /// Whether any rule looks across the rows of a subject.
    pub across_items: bool,
}

/// By column that rules read: its place in a batch.
pub(crate) type Places = Arc<[Option<usize>]>;

/// How an atom is decided.
#[derive(Debug)]
pub(crate) enum AtomPlan {
    /// By the text of its operand, alone or by the index together with all others there.
    Text(TextTest),
    /// Its key compares so with a threshold.
    Key(Cmp, i64),
    /// Its key is one of these, sorted.
    KeyIn(Vec<i64>),
    /// Boolean and true.
    IsTrue,
    /// NULL.
    IsNull,
    /// Compares so with another operand.
    With(Cmp, OperandId),
    /// True nowhere.
    Nowhere,
}

impl Plan {
    pub fn new(program: Arc<Program>) -> Result<Self, EvaluateError> {
        let atoms =
            program.atoms.iter().map(|atom| atom_plan(&program, atom)).collect::<Result<Vec<_>, EvaluateError>>()?;
        let mut atoms_of: Vec<Vec<u32>> = vec![Vec::new(); program.operands.len()];
        let mut places = Vec::with_capacity(atoms.len());
        for (id, atom) in program.atoms.iter().enumerate() {
            let of = &mut atoms_of[atom.operand.0 as usize];
            places.push(of.len() as u32);
            of.push(id as u32);
        }
        let texts = atoms_of.iter().map(|of| {
            let mut tests = of.iter().filter_map(|id| match &atoms[*id as usize] {
                AtomPlan::Text(test) => Some((*id, test)),
                _ => None,
            });
            let any = tests.clone().next().is_some();
            any.then(|| TextIndex::new(&program, &mut tests)).transpose()
        });
        let texts = texts.collect::<Result<_, EvaluateError>>()?;
        let atoms_of = atoms_of.into_iter().map(Into::into).collect();
        let all: Vec<_> = program.all_columns().collect();
        let column = |at: usize| (at, Box::from(all[at].0), all[at].1.clone());
        let columns: Vec<(usize, Box<str>, DataType)> = program.columns().into_iter().map(column).collect();
        let n_columns = all.len();
        let place = |column: usize| columns.binary_search_by_key(&column, |(at, ..)| *at).ok();
        let column_operands = (0..program.operands.len() as u32).map(OperandId).filter_map(|id| {
            let Operand::Column(column) = program.operand(id).operand else { return None };
            place(column as usize).map(|at| (id, at))
        });
        let column_operands = column_operands.collect();
        let computed_from = columns_to_compute(&program).into_iter().filter_map(place).collect();
        let across_items = program.looks_across_items();
        let text_pairs = (0..atoms.len() as u32).map(AtomId).filter(|id| pairs_texts(&program, *id)).collect();
        let shared = shared(&program);
        Ok(Self {
            texts,
            atoms_of,
            atoms,
            places,
            shared,
            text_pairs,
            columns,
            n_columns,
            column_operands,
            computed_from,
            last_schema: RwLock::default(),
            across_items,
            program,
        })
    }

    /// Where the columns that rules read stand in batches of a schema.
    pub fn places_in(&self, schema: &SchemaRef) -> Places {
        if let Some((known, places)) = &*self.last_schema.read().unwrap_or_else(PoisonError::into_inner)
            && (Arc::ptr_eq(known, schema) || same_names(known, schema))
        {
            return Arc::clone(places);
        }
        let places: Places =
            self.columns.iter().map(|(_, name, _)| schema.column_with_name(name).map(|(place, _)| place)).collect();
        let last = (Arc::clone(schema), Arc::clone(&places));
        *self.last_schema.write().unwrap_or_else(PoisonError::into_inner) = Some(last);
        places
    }

    /// How an atom is decided.
    pub fn atom(&self, id: AtomId) -> &AtomPlan {
        &self.atoms[id.0 as usize]
    }

    /// Whether the atom is never false: where it is not true, it is unknown.
    pub fn unknown_when_absent(&self, id: AtomId) -> bool {
        matches!(&self.program.atom(id).test, Test::In { with_null: true, .. })
    }

    /// Whether an operand is a column, not computed from any.
    pub fn is_column(&self, id: OperandId) -> bool {
        matches!(self.program.operand(id).operand, Operand::Column(_))
    }

    /// The column of the stream whose text the atom looks at, if it does: the index can say for every value of it which
    /// atoms are true.
    pub fn text_column(&self, id: AtomId) -> Option<u32> {
        let entry = self.program.operand(self.program.atom(id).operand);
        match (self.atom(id), &entry.operand, entry.scope) {
            (AtomPlan::Text(_), Operand::Column(column), Scope::Row) => Some(*column),
            _ => None,
        }
    }
}

fn atom_plan(program: &Program, atom: &Atom) -> Result<AtomPlan, EvaluateError> {
    let class = program.operand(atom.operand).class;
    Ok(match &atom.test {
        Test::IsTrue => AtomPlan::IsTrue,
        Test::IsNull => AtomPlan::IsNull,
        Test::CompareWith(cmp, right) => AtomPlan::With(*cmp, *right),
        test if class == Class::Text => TextTest::new(test)?.map_or(AtomPlan::Nowhere, AtomPlan::Text),
        Test::Compare(cmp, literal) => {
            literal_key(class, literal).map_or(AtomPlan::Nowhere, |key| AtomPlan::Key(*cmp, key))
        }
        Test::In { values, .. } => {
            let mut keys: Vec<i64> = values.iter().filter_map(|v: &Literal| literal_key(class, v)).collect();
            keys.sort_unstable();
            AtomPlan::KeyIn(keys)
        }
        Test::Like { .. } | Test::InList(_) | Test::Mentions(_) => AtomPlan::Nowhere,
    })
}

fn pairs_texts(program: &Program, id: AtomId) -> bool {
    let atom = program.atom(id);
    let equality = matches!(atom.test, Test::CompareWith(Cmp::Eq | Cmp::Ne, _));
    equality && program.operand(atom.operand).class == Class::Text
}

/// Whether two schemas have the same names in the same order: types are looked at where values are read.
fn same_names(a: &SchemaRef, b: &SchemaRef) -> bool {
    let (a, b) = (a.fields(), b.fields());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name() == b.name())
}

/// The columns behind operands that are none themselves, and behind formulas over items or records; sorted.
fn columns_to_compute(program: &Program) -> Vec<usize> {
    let mut columns = Vec::new();
    for (id, entry) in program.operands.iter().enumerate() {
        if !matches!(entry.operand, Operand::Column(_)) {
            columns_of_operand(program, OperandId(id as u32), &mut columns);
        }
    }
    for atom in &program.atoms {
        if let Test::CompareWith(_, right) = atom.test {
            // Where one has to be computed, both are compared where that is done.
            let pair = [atom.operand, right];
            if !pair.iter().all(|id| matches!(program.operand(*id).operand, Operand::Column(_))) {
                for id in pair {
                    columns_of_operand(program, id, &mut columns);
                }
            }
        }
    }
    for (id, node) in program.nodes.iter().enumerate() {
        if matches!(node, Node::Any(..) | Node::All(..)) {
            columns_of_node(program, NodeId(id as u32), &mut columns);
        }
    }
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Formulas that stand under several others.
fn shared(program: &Program) -> Vec<bool> {
    let mut uses = vec![0u32; program.nodes.len()];
    let mut used = |id: &NodeId| uses[id.0 as usize] += 1;
    for node in &program.nodes {
        match node {
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(&mut used),
            Node::Any(_, inner) | Node::All(_, inner) | Node::Holds { inner, .. } => used(inner),
            Node::Always | Node::Never | Node::Atom { .. } => {}
        }
    }
    for entry in &program.operands {
        match &entry.operand {
            Operand::Condition { yes, no } => [yes, no].into_iter().for_each(&mut used),
            Operand::Count(_, node) => used(node),
            _ => {}
        }
    }
    program.roots.iter().for_each(&mut used);
    let composite = |node: &Node| !matches!(node, Node::Always | Node::Never | Node::Atom { .. });
    program.nodes.iter().zip(uses).map(|(node, uses)| uses > 1 && composite(node)).collect()
}

/// Adds the stream's columns that a formula reads, by their place.
pub(crate) fn columns_of_node(program: &Program, id: NodeId, seen: &mut Vec<usize>) {
    match program.node(id) {
        Node::Always | Node::Never => {}
        Node::Atom { atom, .. } => {
            let atom = program.atom(*atom);
            columns_of_operand(program, atom.operand, seen);
            if let Test::CompareWith(_, right) = &atom.test {
                columns_of_operand(program, *right, seen);
            }
        }
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| columns_of_node(program, *part, seen)),
        Node::Any(over, inner) | Node::All(over, inner) => {
            if let Over::Records(list) = over {
                seen.push(*list as usize);
            }
            columns_of_node(program, *inner, seen);
        }
        Node::Holds { inner, .. } => columns_of_node(program, *inner, seen),
    }
}

fn columns_of_operand(program: &Program, id: OperandId, seen: &mut Vec<usize>) {
    match &program.operand(id).operand {
        Operand::Column(column) | Operand::Size(column) | Operand::Member { list: column, .. } => {
            seen.push(*column as usize);
        }
        Operand::Lookup { key, .. } => columns_of_operand(program, *key, seen),
        Operand::Scalar(scalar) => {
            for input in &program.scalars[*scalar as usize].inputs {
                columns_of_operand(program, *input, seen);
            }
        }
        // A constant NULL may leave nothing of one of them.
        Operand::Condition { yes, no } => [yes, no].into_iter().for_each(|id| columns_of_node(program, *id, seen)),
        Operand::Count(over, node) => {
            if let Over::Records(list) = over {
                seen.push(*list as usize);
            }
            columns_of_node(program, *node, seen);
        }
        Operand::Sum(_, operand) => columns_of_operand(program, *operand, seen),
    }
}
