//! Which parts of an input no rule can hit, from their summaries alone, so that they need not be read.
//!
//! An abstract run of the program: an operand has an [`Extent`] instead of values, a test [`Answers`] instead of bits, a
//! formula a [`Truth`]. Each is an upper bound of what rows may bring and stays one from step to step, so what is not
//! understood is simply anything. Formulas ask "where is it true?" only, as everywhere; the other half of a [`Truth`],
//! true on all rows, is there for `IS NOT TRUE` and for conditions used as values.
//!
//! Columns know their bounds; of the rest, computed values, reference values, fields of records and sums are anything.
//! Begin at [`Pruner::may_hit`].

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use haechi_model::derive::inputs;
use haechi_model::summary::{PartSummary, Value};
use haechi_rules::Program;
use haechi_rules::program::{
    Atom, AtomId, Class, Cmp, Literal, Node, NodeId, Operand, OperandId, Over, Test, canonical,
};

/// A program made ready to be asked about parts.
#[derive(Debug)]
pub struct Pruner {
    program: Arc<Program>,
    /// By column of the stream.
    names: Vec<Arc<str>>,
    /// By atom: how texts begin that a LIKE matches.
    heads: Vec<Option<String>>,
    /// Whether a row that is left out may change the hits of another.
    across_rows: bool,
    /// The rule that was not ruled out last time: parts of an input are alike.
    likely: AtomicUsize,
}

impl Pruner {
    /// Makes a program ready.
    pub fn new(program: Arc<Program>) -> Self {
        let stream = program.stream;
        let names: Vec<Arc<str>> = program.all_columns().map(|(name, _)| name.into()).collect();
        let heads = program.atoms.iter().map(|atom| head(&atom.test)).collect();
        // A derivation that looks across rows asks which of them belong together.
        let reads_neighbours =
            |column: usize| stream.together.is_some_and(|together| inputs(stream, &names[column]).contains(&together));
        let across_rows = program.looks_across_items() || program.columns().into_iter().any(reads_neighbours);
        Self { names, heads, across_rows, likely: AtomicUsize::new(0), program }
    }

    /// Whether any rule may hit any row of the part, as far as its summary tells. Where not, evaluating the part finds
    /// nothing, and without it the hits of all other parts are the same.
    ///
    /// The summary is of the rows that the evaluator sees, derived columns included: [`PartSummary::derived`].
    pub fn may_hit(&self, part: &PartSummary) -> bool {
        if part.rows == 0 {
            return false;
        }
        if self.across_rows && !part.whole {
            return true;
        }
        let mut run = Run::new(self, part);
        let roots = &self.program.roots;
        let likely = self.likely.load(Relaxed);
        let mut order = (likely..roots.len()).chain(0..likely.min(roots.len()));
        let found = order.find(|rule| run.truth(roots[*rule]).some);
        if let Some(rule) = found {
            self.likely.store(rule, Relaxed);
        }
        found.is_some()
    }
}

/// How every text begins that a test is true for, if it says so.
fn head(test: &Test) -> Option<String> {
    let Test::Like { pattern, ignore_case: false } = test else { return None };
    let mut head = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next().filter(|c| !matches!(c, '%' | '_')) {
        head.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    Some(head)
}

/// What a formula may be over the rows (or records) of a part.
#[derive(Clone, Copy, Debug)]
struct Truth {
    /// It may be true for some.
    some: bool,
    /// It is certainly true for all.
    all: bool,
}

/// What a test may say, here or there in the part.
#[derive(Clone, Copy, Debug)]
struct Answers {
    yes: bool,
    no: bool,
    unknown: bool,
}

/// What values an operand may have.
#[derive(Clone, Copy, Debug)]
struct Extent<'a> {
    /// NULL may occur.
    null: bool,
    /// Something else may occur: none below `min`, none above `max`.
    value: bool,
    min: Option<Point<'a>>,
    max: Option<Point<'a>>,
}

/// A value that can be compared.
#[derive(Clone, Copy, Debug)]
enum Point<'a> {
    Text(&'a str),
    /// Whole numbers, days, milliseconds; flags as 0 and 1.
    Int(i64),
    Double(f64),
}

/// One part on its way through the program.
struct Run<'a> {
    pruner: &'a Pruner,
    program: &'a Program,
    part: &'a PartSummary,
    nodes: Vec<Option<Truth>>,
    operands: Vec<Option<Extent<'a>>>,
}

impl<'a> Run<'a> {
    fn new(pruner: &'a Pruner, part: &'a PartSummary) -> Self {
        let program = &*pruner.program;
        let (nodes, operands) = (vec![None; program.nodes.len()], vec![None; program.operands.len()]);
        Self { pruner, program, part, nodes, operands }
    }

    fn truth(&mut self, id: NodeId) -> Truth {
        if let Some(known) = self.nodes[id.0 as usize] {
            return known;
        }
        let truth = match self.program.node(id) {
            Node::Always => Truth { some: true, all: true },
            Node::Never => Truth { some: false, all: false },
            Node::Atom { atom, negated } => self.answers(*atom).truth(*negated),
            Node::And(parts) => self.both(parts),
            Node::Or(parts) => parts.iter().fold(Truth { some: false, all: false }, |truth, part| {
                let part = self.truth(*part);
                Truth { some: truth.some || part.some, all: truth.all || part.all }
            }),
            // A row is one of its subject's, so neither says less than the row itself.
            Node::Any(Over::Items, inner) | Node::All(Over::Items, inner) => self.truth(*inner),
            Node::Any(Over::Records(list), inner) => {
                Truth { some: self.has_records(*list) && self.truth(*inner).some, all: false }
            }
            // True where there is no record.
            Node::All(Over::Records(list), inner) => {
                Truth { some: true, all: !self.has_records(*list) || self.truth(*inner).all }
            }
            Node::Holds { inner, negated: false } => self.truth(*inner),
            Node::Holds { inner, negated: true } => {
                let Truth { some, all } = self.truth(*inner);
                Truth { some: !all, all: !some }
            }
        };
        self.nodes[id.0 as usize] = Some(truth);
        truth
    }

    /// A conjunction, up to the first part that is nowhere true.
    fn both(&mut self, parts: &[NodeId]) -> Truth {
        let mut all = true;
        for part in parts {
            let part = self.truth(*part);
            if !part.some {
                return Truth { some: false, all: false };
            }
            all &= part.all;
        }
        Truth { some: true, all }
    }

    fn answers(&mut self, id: AtomId) -> Answers {
        let program = self.program;
        let Atom { operand, test } = program.atom(id);
        let class = program.operand(*operand).class;
        let extent = self.extent(*operand);
        let Extent { null, value, .. } = extent;
        let compared = |yes: bool, no: bool| Answers { yes, no, unknown: null };
        match test {
            Test::IsNull => Answers { yes: null, no: value, unknown: false },
            _ if !value => compared(false, false),
            Test::IsTrue => {
                let one = Extent::point(Point::Int(1));
                compared(extent.may(Cmp::Eq, one), extent.may(Cmp::Ne, one))
            }
            Test::Compare(cmp, literal) => {
                let constant = Extent::constant(class, literal);
                compared(extent.may(*cmp, constant), extent.may(opposite(*cmp), constant))
            }
            Test::CompareWith(cmp, right) => {
                let right = self.extent(*right);
                Answers {
                    yes: right.value && extent.may(*cmp, right),
                    no: right.value && extent.may(opposite(*cmp), right),
                    unknown: null || right.null,
                }
            }
            Test::In { values, with_null } => {
                let yes = extent.may_be_one_of(class, values);
                // Only where all values are the same can all of them be in the list.
                let differs = |value| extent.may(Cmp::Ne, Extent::constant(class, value));
                let no = !with_null && (!extent.is_point() || values.iter().all(differs));
                Answers { unknown: null || *with_null, ..compared(yes, no) }
            }
            Test::Like { .. } => {
                let head = self.pruner.heads[id.0 as usize].as_deref().unwrap_or("");
                compared(extent.may_begin(head), true)
            }
            Test::InList(_) | Test::Mentions(_) => compared(true, true),
        }
    }

    fn extent(&mut self, id: OperandId) -> Extent<'a> {
        if let Some(known) = self.operands[id.0 as usize] {
            return known;
        }
        let entry = self.program.operand(id);
        let counted = |max: Option<u64>| Extent {
            null: false,
            value: true,
            min: Some(Point::Int(0)),
            max: max.and_then(|max| i64::try_from(max).ok()).map(Point::Int),
        };
        let extent = match &entry.operand {
            Operand::Column(column) => self.column(*column, entry.class),
            Operand::Condition { yes, no } => {
                let (yes, no) = (self.truth(*yes), self.truth(*no));
                Extent {
                    null: !(yes.all || no.all),
                    value: yes.some || no.some,
                    min: Some(Point::Int(i64::from(!no.some))),
                    max: Some(Point::Int(i64::from(yes.some))),
                }
            }
            Operand::Count(Over::Items, node) => counted(Some(if self.truth(*node).some { self.part.rows } else { 0 })),
            Operand::Count(Over::Records(list), node) => {
                let any = self.has_records(*list) && self.truth(*node).some;
                counted((!any).then_some(0))
            }
            Operand::Size(list) => counted((!self.has_records(*list)).then_some(0)),
            Operand::Member { .. } | Operand::Lookup { .. } | Operand::Scalar(_) | Operand::Sum(..) => Extent::ANY,
        };
        self.operands[id.0 as usize] = Some(extent);
        extent
    }

    fn column(&self, column: u32, class: Class) -> Extent<'a> {
        let Some(known) = self.part.column(&self.pruner.names[column as usize]) else { return Extent::ANY };
        Extent {
            null: known.nulls != Some(0),
            value: known.nulls != Some(self.part.rows),
            min: known.min.as_ref().and_then(|min| Point::bound(class, min)),
            max: known.max.as_ref().and_then(|max| Point::bound(class, max)),
        }
    }

    fn has_records(&self, list: u32) -> bool {
        let known = self.part.column(&self.pruner.names[list as usize]);
        known.is_none_or(|known| known.nulls != Some(self.part.rows))
    }
}

impl Answers {
    /// Of the formula that is true where the answer is yes; negated: where it is no.
    fn truth(self, negated: bool) -> Truth {
        let Self { yes, no, unknown } = self;
        if negated { Truth { some: no, all: !yes && !unknown } } else { Truth { some: yes, all: !no && !unknown } }
    }
}

impl<'a> Extent<'a> {
    const ANY: Self = Self { null: true, value: true, min: None, max: None };

    fn point(point: Point<'a>) -> Self {
        Self { null: false, value: true, min: Some(point), max: Some(point) }
    }

    /// A constant beside an operand of this class; anything where it is of another.
    fn constant(class: Class, literal: &'a Literal) -> Self {
        Point::of(class, literal).map_or(Self::ANY, Self::point)
    }

    /// Whether all values are the same.
    fn is_point(self) -> bool {
        self.min.zip(self.max).and_then(|(min, max)| min.order(max)).is_some_and(Ordering::is_eq)
    }

    /// Whether a value of this one may compare so with one of the other.
    fn may(self, cmp: Cmp, other: Extent<'_>) -> bool {
        let below = may_stand(self.min, other.max, Ordering::is_lt);
        let above = may_stand(self.max, other.min, Ordering::is_gt);
        let equal = may_stand(self.min, other.max, Ordering::is_le) && may_stand(self.max, other.min, Ordering::is_ge);
        let possible = [(below, Ordering::Less), (equal, Ordering::Equal), (above, Ordering::Greater)];
        possible.into_iter().any(|(possible, order)| possible && cmp.holds(order))
    }

    /// Whether a value may be one of some sorted constants.
    fn may_be_one_of(self, class: Class, values: &[Literal]) -> bool {
        let may_equal = |value: &Literal| self.may(Cmp::Eq, Extent::constant(class, value));
        if class == Class::Float {
            // They are sorted by their bits.
            return values.iter().any(may_equal);
        }
        let below = |value: &Literal| !may_stand(Extent::constant(class, value).max, self.min, Ordering::is_ge);
        values[values.partition_point(below)..].first().is_some_and(may_equal)
    }

    /// Whether a text may begin so.
    fn may_begin(self, head: &str) -> bool {
        let starts_above = matches!(self.min, Some(Point::Text(min)) if min > head && !min.starts_with(head));
        let ends_below = matches!(self.max, Some(Point::Text(max)) if max < head);
        !starts_above && !ends_below
    }
}

fn may_stand(left: Option<Point<'_>>, right: Option<Point<'_>>, holds: fn(Ordering) -> bool) -> bool {
    left.zip(right).and_then(|(left, right)| left.order(right)).is_none_or(holds)
}

fn opposite(cmp: Cmp) -> Cmp {
    match cmp {
        Cmp::Eq => Cmp::Ne,
        Cmp::Ne => Cmp::Eq,
        Cmp::Lt => Cmp::Ge,
        Cmp::Ge => Cmp::Lt,
        Cmp::Gt => Cmp::Le,
        Cmp::Le => Cmp::Gt,
    }
}

impl<'a> Point<'a> {
    /// A constant beside an operand of this class; `None` where it is of another.
    fn of(class: Class, literal: &'a Literal) -> Option<Self> {
        match (class, literal) {
            (Class::Text, Literal::Text(text)) => Some(Self::Text(text)),
            (Class::Int | Class::Date | Class::Ts, Literal::Int(value)) => Some(Self::Int(*value)),
            (Class::Float, literal) => literal.as_f64().map(Self::Double),
            _ => None,
        }
    }

    /// A bound of a column of this class; `None` where it is of another.
    fn bound(class: Class, value: &'a Value) -> Option<Self> {
        match (class, value) {
            (Class::Text, Value::Text(text)) => Some(Self::Text(text)),
            (Class::Int, Value::Int(value)) | (Class::Ts, Value::Ts(value)) => Some(Self::Int(*value)),
            (Class::Date, Value::Date(day)) => Some(Self::Int(i64::from(*day))),
            (Class::Bool, Value::Bool(flag)) => Some(Self::Int(i64::from(*flag))),
            (Class::Float, Value::Double(value)) => Some(Self::Double(*value)),
            _ => None,
        }
    }

    /// `None` where they cannot be compared.
    fn order(self, other: Point<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Point::Text(right)) => Some(left.cmp(right)),
            (Self::Int(left), Point::Int(right)) => Some(left.cmp(&right)),
            (Self::Double(left), Point::Double(right)) => Some(canonical(left).total_cmp(&canonical(right))),
            _ => None,
        }
    }
}
