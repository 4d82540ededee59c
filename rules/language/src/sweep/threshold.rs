//! The thresholds of a rule, and which of them is meant.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat};
use rustc_hash::FxHashSet;

use super::Kind;
use crate::program::{AtomId, Class, Cmp, Literal, Node, NodeId, Operand, OperandId, Program, Test};

/// A comparison of a number, a date or an instant with a constant.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// The atom.
    pub(super) atom: AtomId,
    /// What is compared, as SQL.
    pub operand: Arc<str>,
    /// Its class: `Int`, `Float`, `Date` or `Ts`.
    pub class: Class,
    /// How. What is written with NOT, `<>` or the constant first stands here in the form the engine keeps.
    pub cmp: Cmp,
    /// With what, as the rule stands.
    pub literal: Literal,
}

/// Why no threshold could be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// Nothing of that kind is compared with a constant.
    #[error("it compares no {} with a constant{}", .kind.noun(), elsewhere(.others))]
    None {
        /// Number or date.
        kind: Kind,
        /// Thresholds of the other kind.
        others: Vec<String>,
    },
    /// The text names none of them.
    #[error("it has no threshold `{of}`; `--of` may be:{}", listed(.candidates))]
    Unknown {
        /// The text.
        of: String,
        /// What would name one.
        candidates: Vec<String>,
    },
    /// Several could be meant.
    #[error("{} of its thresholds may be meant; choose by `--of`:{}", .candidates.len(), listed(.candidates))]
    Several {
        /// What would name each.
        candidates: Vec<String>,
    },
}

fn elsewhere(others: &[String]) -> String {
    if others.is_empty() {
        let why = "; a constant inside an expression is none: instead of `a < 0.6 * b` write `a / b < 0.6`";
        return why.to_owned();
    }
    format!(", but here:{}", listed(others))
}

fn listed(candidates: &[String]) -> String {
    candidates.iter().flat_map(|candidate| ["\n  ", candidate]).collect()
}

/// The thresholds of a rule, in the order the compiler met them.
pub fn thresholds(program: &Program, rule: usize) -> Vec<Threshold> {
    let mut walk =
        Walk { program, nodes: FxHashSet::default(), operands: FxHashSet::default(), atoms: BTreeSet::new() };
    walk.node(program.roots[rule]);
    walk.atoms.into_iter().filter_map(|atom| Threshold::of(program, atom)).collect()
}

/// The threshold that `of` names: an operand, with the operator where that is not enough, with the constant where that is
/// not enough either; blanks and case do not matter. Without `of`: the only one there is, or the only one with an order
/// (`<`, `<=`, `>`, `>=`), of this kind.
pub fn choose(thresholds: &[Threshold], of: Option<&str>, kind: Kind) -> Result<Threshold, ChooseError> {
    let (fitting, others): (Vec<_>, Vec<_>) = thresholds.iter().partition(|threshold| threshold.kind() == kind);
    if fitting.is_empty() {
        return Err(ChooseError::None { kind, others: others.iter().map(ToString::to_string).collect() });
    }
    let ordered = || fitting.iter().filter(|t| !matches!(t.cmp, Cmp::Eq | Cmp::Ne)).copied().collect();
    let meant: Vec<&Threshold> = match of {
        Some(of) => fitting.iter().filter(|threshold| threshold.answers_to(of)).copied().collect(),
        None if fitting.len() == 1 => fitting.clone(),
        None => ordered(),
    };
    match (meant.as_slice(), of) {
        ([one], _) => Ok((*one).clone()),
        ([], Some(of)) => Err(ChooseError::Unknown { of: of.to_owned(), candidates: names(&fitting, &fitting) }),
        ([], None) => Err(ChooseError::Several { candidates: names(&fitting, &fitting) }),
        (several, Some(_)) => Err(ChooseError::Several { candidates: names(several, &fitting) }),
        (_, None) => Err(ChooseError::Several { candidates: names(&fitting, &fitting) }),
    }
}

/// The shortest text that names each of `these` among `all`.
fn names(these: &[&Threshold], all: &[&Threshold]) -> Vec<String> {
    let only = |text: &str| all.iter().filter(|threshold| threshold.answers_to(text)).count() == 1;
    let name = |threshold: &&Threshold| {
        let with_operator = format!("{} {}", threshold.operand, threshold.cmp.sql());
        let shorter = [threshold.operand.to_string(), with_operator].into_iter().find(|text| only(text));
        let full = threshold.to_string();
        shorter.map_or_else(|| full.clone(), |short| format!("{short:<24}  ({full})"))
    };
    these.iter().map(name).collect()
}

impl Threshold {
    fn of(program: &Program, atom: AtomId) -> Option<Self> {
        let tested = program.atom(atom);
        let operand = program.operand(tested.operand);
        let Test::Compare(cmp, literal) = &tested.test else { return None };
        let compares = matches!(operand.class, Class::Int | Class::Float | Class::Date | Class::Ts);
        let (cmp, literal) = (*cmp, literal.clone());
        compares.then(|| Self { atom, operand: Arc::clone(&operand.text), class: operand.class, cmp, literal })
    }

    /// What its values are.
    pub fn kind(&self) -> Kind {
        if matches!(self.class, Class::Date | Class::Ts) { Kind::Day } else { Kind::Number }
    }

    /// A value of it as people write it: `2.5`, `2026-01-31`.
    pub fn shown(&self, value: &Literal) -> String {
        let Literal::Int(whole) = value else { return value.to_string() };
        let at = match self.class {
            Class::Date => whole.checked_mul(86_400).and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            Class::Ts => DateTime::from_timestamp_millis(*whole),
            _ => None,
        };
        at.map_or_else(
            || value.to_string(),
            |at| match self.class {
                Class::Ts if whole % 86_400_000 != 0 => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                _ => at.date_naive().to_string(),
            },
        )
    }

    fn answers_to(&self, text: &str) -> bool {
        let asked = plain(text);
        let operand = plain(&self.operand);
        let compared = operand.clone() + self.cmp.sql();
        let constant = |rest: &str| match (rest.parse::<f64>(), self.literal.as_f64()) {
            (Ok(asked), Some(number)) if self.kind() == Kind::Number => asked == number,
            _ => rest.trim_matches('\'') == plain(&self.shown(&self.literal)),
        };
        asked == operand || asked == compared || asked.strip_prefix(&compared).is_some_and(constant)
    }
}

/// Without blanks, in lower case.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.kind() == Kind::Day { "'" } else { "" };
        write!(f, "{} {} {quote}{}{quote}", self.operand, self.cmp.sql(), self.shown(&self.literal))
    }
}

/// Every atom below a formula, those inside its operands too.
struct Walk<'p> {
    program: &'p Program,
    nodes: FxHashSet<NodeId>,
    operands: FxHashSet<OperandId>,
    atoms: BTreeSet<AtomId>,
}

impl Walk<'_> {
    fn node(&mut self, id: NodeId) {
        if !self.nodes.insert(id) {
            return;
        }
        match self.program.node(id) {
            Node::Always | Node::Never => {}
            Node::Atom { atom, .. } => {
                let tested = self.program.atom(*atom);
                self.atoms.insert(*atom);
                self.operand(tested.operand);
                if let Test::CompareWith(_, right) = tested.test {
                    self.operand(right);
                }
            }
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| self.node(*part)),
            Node::Any(_, inner) | Node::All(_, inner) | Node::Holds { inner, .. } => self.node(*inner),
        }
    }

    fn operand(&mut self, id: OperandId) {
        if !self.operands.insert(id) {
            return;
        }
        match &self.program.operand(id).operand {
            Operand::Column(_) | Operand::Member { .. } | Operand::Size(_) => {}
            Operand::Lookup { key, .. } => self.operand(*key),
            Operand::Scalar(scalar) => {
                self.program.scalars[*scalar as usize].inputs.iter().for_each(|input| self.operand(*input));
            }
            Operand::Condition { yes, no } => {
                self.node(*yes);
                self.node(*no);
            }
            Operand::Count(_, node) => self.node(*node),
            Operand::Sum(_, summed) => self.operand(*summed),
        }
    }
}

#[cfg(test)]
mod tests {
    use haechi_model::Stream;

    use super::*;
    use crate::condition::{Catalog, Compiler};
    use crate::rule::{Origin, SqlText};
    use crate::source::FileId;

    fn of_rule(when: &str) -> Vec<Threshold> {
        let catalog = Catalog::default();
        let mut compiler = Compiler::new(Stream::find("declaration").unwrap(), &catalog);
        let sql = SqlText { text: when.to_owned(), file: FileId(0), origin: Origin::At(0) };
        let mut found = Vec::new();
        let node = compiler.condition("r", &sql, &mut found).unwrap_or_else(|| panic!("{found:?}"));
        compiler.add_root(node);
        thresholds(&compiler.finish(), 0)
    }

    /// `rule | asked for | the threshold, or the candidates`
    fn check(kind: Kind, cases: &[(&str, &str, &str)]) {
        for (when, of, expected) in cases {
            let of = (!of.is_empty()).then_some(*of);
            let found = match choose(&of_rule(when), of, kind) {
                Ok(threshold) => threshold.to_string(),
                Err(error) => error.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
            };
            assert_eq!(found, *expected, "{when} | {of:?}");
        }
    }

    #[test]
    fn a_threshold_is_found_wherever_it_stands() {
        check(
            Kind::Number,
            &[
                ("unit_price_usd < 2 AND importer_aeo", "", "unit_price_usd < 2"),
                ("hs4 = '6402' AND NOT (2 > unit_price_usd)", "", "unit_price_usd < 2"),
                ("any_item(customs_value_usd / net_mass_kg < 4.5)", "", "customs_value_usd / net_mass_kg < 4.5"),
                ("count_items(origin_country = 'CN') >= 2", "", "count_items(origin_country = 'CN') >= 2"),
                ("customs_value_usd <> 0 AND net_mass_kg > 5", "", "net_mass_kg > 5"),
                ("customs_value_usd <> 0", "", "customs_value_usd = 0"),
                ("count_items(net_mass_kg > 5) > sum_items(quantity)", "", "net_mass_kg > 5"),
                ("CASE WHEN net_mass_kg > 5 THEN quantity ELSE 1 END < unit_price_usd", "", "net_mass_kg > 5"),
                ("(net_mass_kg > 5) = importer_aeo", "", "net_mass_kg > 5"),
                ("net_mass_kg > 5 OR origin_country = 'CN' AND NOT net_mass_kg > 5.0", "", "net_mass_kg > 5"),
            ],
        );
        check(Kind::Day, &[("declared_at >= '2026-01-31' AND quantity > 1", "", "declared_at >= '2026-01-31'")]);
    }

    #[test]
    fn of_several_one_is_named() {
        let two = "net_mass_kg >= 50 AND customs_value_usd / net_mass_kg < 2";
        let range = "quantity BETWEEN 1 AND 5 AND quantity <> 3";
        let twice = "quantity > 1 AND (quantity > 10 OR importer_aeo)";
        let (mass, ratio) = ("net_mass_kg (net_mass_kg >= 50)", "customs_value_usd / net_mass_kg");
        let both = format!("2 of its thresholds may be meant; choose by `--of`: {mass} {ratio} ({ratio} < 2)");
        check(
            Kind::Number,
            &[
                (two, "", &both),
                (two, "NET_MASS_KG", "net_mass_kg >= 50"),
                (two, "customs_value_usd/net_mass_kg", "customs_value_usd / net_mass_kg < 2"),
                (
                    two,
                    "net_mass_kg <",
                    &format!("it has no threshold `net_mass_kg <`; `--of` may be: {mass} {ratio} ({ratio} < 2)"),
                ),
                (range, "quantity >=", "quantity >= 1"),
                (range, "quantity <=", "quantity <= 5"),
                (range, "quantity =", "quantity = 3"),
                (
                    range,
                    "",
                    "3 of its thresholds may be meant; choose by `--of`: quantity >= (quantity >= 1) \
                     quantity <= (quantity <= 5) quantity = (quantity = 3)",
                ),
                (twice, "quantity > 10.0", "quantity > 10"),
                (twice, "quantity", "2 of its thresholds may be meant; choose by `--of`: quantity > 1 quantity > 10"),
            ],
        );
        check(
            Kind::Day,
            &[(
                "declared_at > '2026-01-31T08:00:00Z' AND declared_at > '2026-02-01'",
                "declared_at > 2026-01-31T08:00:00Z",
                "declared_at > '2026-01-31T08:00:00Z'",
            )],
        );
    }

    #[test]
    fn a_rule_may_have_none() {
        let why = "; a constant inside an expression is none: instead of `a < 0.6 * b` write `a / b < 0.6`";
        check(
            Kind::Number,
            &[
                ("hs4 = '6402' AND quantity IN (1, 2)", "", &format!("it compares no number with a constant{why}")),
                (
                    "unit_price_usd < 0.6 * customs_value_usd",
                    "",
                    &format!("it compares no number with a constant{why}"),
                ),
                (
                    "declared_at > '2026-01-31'",
                    "",
                    "it compares no number with a constant, but here: declared_at > '2026-01-31'",
                ),
            ],
        );
        check(Kind::Day, &[("quantity > 1", "", "it compares no date with a constant, but here: quantity > 1")]);
    }
}
