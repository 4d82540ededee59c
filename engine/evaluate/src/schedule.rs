//! In which order a plan is run, given for how many rows each atom is true. It never changes what is found.
//!
//! Every rule has a **start**: the part of its condition that the fewest rows meet. Best is an *anchor*, a text atom on a
//! column: one look at a value in the column's index gives all anchors true for it, so a rule whose anchor no row of a
//! block has costs nothing; a rule that is nothing else is *settled* by the value. A rule without one starts at a *gate*, a part that is decided once a block for all rules
//! that start there. What is left of the rule is tried on the rows of the start, most selective and cheapest first.

use std::sync::atomic::{AtomicU64, Ordering};

use haechi_rules::program::{AtomId, Node, NodeId, Operand, OperandId, Over, Test};

use crate::groups::Groups;
use crate::numeric::{Cuts, RankTest};
use crate::plan::{AtomPlan, Plan};
use crate::shares::Shares;
use crate::single::Questions;
use crate::steps::Steps;

/// No anchor: for atoms that are none.
const NONE: u32 = u32::MAX;

/// Of so many rows of a block, a set of more than one is worth a bitmap.
const SPARSE_PART: usize = 21;

/// Rows that are always taken one by one.
const SPARSE_ALWAYS: usize = 32;

/// Rows of a block above which a set of rows is worth a bitmap.
pub(crate) fn sparse_rows(block_rows: usize) -> usize {
    (block_rows / SPARSE_PART).max(SPARSE_ALWAYS)
}

/// An anchor true for more rows than this is no better than a gate.
const ANCHOR_SHARE_MAX: f32 = 0.5;

/// A gate is decided for every block, an anchor only where a row has it: so much rarer has a gate to be.
const GATE_HANDICAP: f32 = 20.0;

/// What deciding a gate for one rule alone counts against it; rules that share one share this.
const GATE_COST: f32 = 0.5;

/// How a plan is run.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// No other schedule of this process has it.
    pub id: u64,
    /// By rule.
    pub rules: Vec<RuleRun>,
    /// By atom: its anchor, or none.
    anchor_of: Vec<u32>,
    /// By anchor.
    pub anchors: Vec<Anchor>,
    /// By atom: the rules that are this atom and nothing else.
    settles: Groups,
    /// Text columns whose values are looked at first: they have anchors, or settle rules.
    pub looked_at: Vec<OperandId>,
    /// Decided once a block.
    pub gates: Vec<Gate>,
    /// By node: parts of AND and OR, in the order they are tried.
    pub parts: Vec<Box<[NodeId]>>,
    /// What formulas ask of one row.
    pub steps: Steps,
    /// What is asked of a row alone.
    pub questions: Questions,
    /// By operand: the cuts of its thresholds that whole blocks are compared with.
    pub cuts: Vec<Option<Cuts>>,
    /// By atom: its question about ranks.
    pub rank_tests: Vec<Option<RankTest>>,
}

/// How one rule is run.
#[derive(Debug)]
pub(crate) struct RuleRun {
    pub start: Start,
    /// Share of the rows that the start leaves.
    share: f32,
    /// What is left to try on the rows of the start.
    pub rest: Box<[NodeId]>,
}

/// Where a rule's rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// None: the value of a column settles it.
    Settled,
    /// The rows of this anchor.
    Anchor(u32),
    /// The rows of any of these anchors.
    AnyAnchor(Box<[u32]>),
    /// The rows of this gate.
    Gate(u32),
    /// All rows, where any row of the block has one of the rule's anchors.
    Block,
}

/// A text atom that rules start at.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub atom: AtomId,
    /// Rules to look at where a row has it.
    pub rules: Vec<u32>,
}

/// A formula that rules start at.
#[derive(Debug)]
pub(crate) struct Gate {
    pub node: NodeId,
    pub rules: Vec<u32>,
}

impl Schedule {
    pub fn new(plan: &Plan, shares: &Shares, block_rows: usize) -> Self {
        let node_shares = shares.nodes(plan);
        let parts = ordered_parts(plan, &node_shares);
        static SCHEDULES: AtomicU64 = AtomicU64::new(1);
        let mut schedule = Self {
            id: SCHEDULES.fetch_add(1, Ordering::Relaxed),
            rules: Vec::with_capacity(plan.program.roots.len()),
            anchor_of: vec![NONE; plan.atoms.len()],
            anchors: Vec::new(),
            settles: Groups::default(),
            looked_at: Vec::new(),
            gates: Vec::new(),
            steps: Steps::new(plan, &parts),
            questions: Questions::default(),
            parts,
            cuts: Vec::new(),
            rank_tests: Vec::new(),
        };
        let uses = conjunct_uses(plan);
        let mut gate_of = vec![NONE; plan.program.nodes.len()];
        let mut settled = Vec::new();
        for (rule, root) in plan.program.roots.iter().enumerate() {
            let rule = rule as u32;
            let run = if let Some(atom) = settling_atom(plan, *root) {
                settled.push((atom.0, rule));
                RuleRun { start: Start::Settled, share: 0.0, rest: Box::default() }
            } else if let Some(run) = schedule.anchored_start(plan, &node_shares, rule, *root) {
                run
            } else {
                schedule.gated_start(plan, &node_shares, &uses, rule, *root, &mut gate_of)
            };
            schedule.rules.push(run);
        }
        schedule.settles = Groups::from_pairs(plan.atoms.len(), &settled);
        let starts = schedule.anchors.iter().map(|anchor| anchor.atom).chain(settled.iter().map(|(id, _)| AtomId(*id)));
        schedule.looked_at = starts.map(|atom| plan.program.atom(atom).operand).collect();
        schedule.looked_at.sort_unstable();
        schedule.looked_at.dedup();
        schedule.rank(plan, &node_shares, block_rows);
        schedule.questions = Questions::new(plan, shares, &schedule);
        schedule
    }

    /// The anchor that an atom is.
    pub fn anchor_of(&self, atom: AtomId) -> Option<u32> {
        self.anchor_of.get(atom.0 as usize).copied().filter(|anchor| *anchor != NONE)
    }

    /// The rules that are an atom and nothing else, ascending.
    pub fn settled_by(&self, atom: AtomId) -> &[u32] {
        self.settles.of(atom.0 as usize)
    }

    /// Starts a rule at its anchors, if it has any that are worth it.
    fn anchored_start(&mut self, plan: &Plan, shares: &[f32], rule: u32, root: NodeId) -> Option<RuleRun> {
        let conjuncts = self.conjuncts(plan, root);
        let share = |id: &NodeId| shares[id.0 as usize];
        let (start, found) = conjuncts
            .iter()
            .filter_map(|id| Some((*id, Anchors::of(plan, *id)?)))
            .min_by(|(a, _), (b, _)| share(a).total_cmp(&share(b)))?;
        let rarest = conjuncts.iter().map(share).min_by(f32::total_cmp).unwrap_or(1.0);
        if share(&start) > (rarest * GATE_HANDICAP).min(ANCHOR_SHARE_MAX) {
            return None;
        }
        let rest = conjuncts.iter().copied().filter(|id| !(found.exact && *id == start)).collect();
        let anchors: Box<[u32]> = found.atoms.iter().map(|atom| self.anchor(*atom, rule)).collect();
        let run_start = match &*anchors {
            _ if !found.same_row => Start::Block,
            [anchor] => Start::Anchor(*anchor),
            _ => Start::AnyAnchor(anchors),
        };
        let share = if found.same_row { share(&start) } else { 1.0 };
        Some(RuleRun { start: run_start, share, rest })
    }

    /// Starts a rule at the gate that leaves the fewest rows, or that it shares with the most rules.
    fn gated_start(
        &mut self,
        plan: &Plan,
        shares: &[f32],
        uses: &[u32],
        rule: u32,
        root: NodeId,
        gate_of: &mut [u32],
    ) -> RuleRun {
        let conjuncts = self.conjuncts(plan, root);
        let cost = |id: &NodeId| shares[id.0 as usize] + GATE_COST / uses[id.0 as usize] as f32;
        let gate = conjuncts.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).copied().unwrap_or(root);
        let rest = conjuncts.iter().copied().filter(|id| *id != gate).collect();
        let slot = &mut gate_of[gate.0 as usize];
        if *slot == NONE {
            *slot = self.gates.len() as u32;
            self.gates.push(Gate { node: gate, rules: Vec::new() });
        }
        self.gates[*slot as usize].rules.push(rule);
        RuleRun { start: Start::Gate(*slot), share: shares[gate.0 as usize], rest }
    }

    fn conjuncts(&self, plan: &Plan, root: NodeId) -> Box<[NodeId]> {
        match plan.program.node(root) {
            Node::And(_) => self.parts[root.0 as usize].clone(),
            _ => [root].into(),
        }
    }

    fn anchor(&mut self, atom: AtomId, rule: u32) -> u32 {
        let slot = &mut self.anchor_of[atom.0 as usize];
        if *slot == NONE {
            *slot = self.anchors.len() as u32;
            self.anchors.push(Anchor { atom, rules: Vec::new() });
        }
        self.anchors[*slot as usize].rules.push(rule);
        *slot
    }

    /// Gives ranks to the thresholds that are likely to be compared with whole blocks.
    fn rank(&mut self, plan: &Plan, shares: &[f32], block_rows: usize) {
        let mut dense = vec![false; plan.atoms.len()];
        let worth_bits = |share: f32| share * block_rows as f32 > sparse_rows(block_rows) as f32;
        for run in &self.rules {
            if let Start::Gate(gate) = run.start {
                mark(plan, self.gates[gate as usize].node, &mut dense);
            }
            let mut reached = run.share;
            for part in &run.rest {
                if worth_bits(reached) {
                    mark(plan, *part, &mut dense);
                }
                reached *= shares[part.0 as usize];
            }
        }
        for entry in &plan.program.operands {
            match &entry.operand {
                Operand::Condition { yes, no } => [*yes, *no].iter().for_each(|id| mark(plan, *id, &mut dense)),
                Operand::Count(_, node) => mark(plan, *node, &mut dense),
                _ => {}
            }
        }
        let key_of = |id: &u32| match &plan.atoms[*id as usize] {
            AtomPlan::Key(cmp, threshold) => Cuts::key(*cmp, *threshold).map(|(key, _)| key),
            _ => None,
        };
        let cuts = |of: &[u32]| Cuts::new(of.iter().filter(|id| dense[**id as usize]).filter_map(key_of).collect());
        self.cuts = plan.atoms_of.iter().map(|of| cuts(of)).collect();
        let rank_test = |(id, atom): (usize, &AtomPlan)| match atom {
            AtomPlan::Key(cmp, threshold) => {
                let operand = plan.program.atom(AtomId(id as u32)).operand;
                self.cuts[operand.0 as usize].as_ref().and_then(|cuts| cuts.test(*cmp, *threshold))
            }
            _ => None,
        };
        self.rank_tests = plan.atoms.iter().enumerate().map(rank_test).collect();
    }
}

/// The text atom that a rule is, if it is no more than that.
fn settling_atom(plan: &Plan, root: NodeId) -> Option<AtomId> {
    match plan.program.node(root) {
        Node::Atom { atom, negated: false } => plan.text_column(*atom).map(|_| *atom),
        _ => None,
    }
}

/// By node: how many rules have it as a conjunct.
fn conjunct_uses(plan: &Plan) -> Vec<u32> {
    let mut uses = vec![0; plan.program.nodes.len()];
    for root in &plan.program.roots {
        match plan.program.node(*root) {
            Node::And(parts) => parts.iter().for_each(|part| uses[part.0 as usize] += 1),
            _ => uses[root.0 as usize] += 1,
        }
    }
    uses
}

/// Marks the atoms of a formula that is decided for whole blocks.
fn mark(plan: &Plan, id: NodeId, dense: &mut [bool]) {
    match plan.program.node(id) {
        Node::Always | Node::Never => {}
        Node::Atom { atom, .. } => dense[atom.0 as usize] = true,
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| mark(plan, *part, dense)),
        Node::Any(_, inner) | Node::All(_, inner) | Node::Holds { inner, .. } => mark(plan, *inner, dense),
    }
}

/// Text atoms of which at least one is true where a formula is.
struct Anchors {
    atoms: Vec<AtomId>,
    /// On the same row, not only somewhere in the subject.
    same_row: bool,
    /// And where one of them is true, so is the formula.
    exact: bool,
}

impl Anchors {
    fn of(plan: &Plan, id: NodeId) -> Option<Self> {
        match plan.program.node(id) {
            Node::Atom { atom, negated: false } => {
                plan.text_column(*atom).map(|_| Self { atoms: vec![*atom], same_row: true, exact: true })
            }
            Node::Or(parts) => {
                let mut all = Self { atoms: Vec::new(), same_row: true, exact: true };
                for part in parts {
                    let of = Self::of(plan, *part)?;
                    all.atoms.extend(of.atoms);
                    all.same_row &= of.same_row;
                    all.exact &= of.exact;
                }
                all.atoms.sort_unstable();
                all.atoms.dedup();
                Some(all)
            }
            // One part will do: the first that can.
            Node::And(parts) => {
                let found = parts.iter().find_map(|part| Self::of(plan, *part))?;
                Some(Self { exact: false, ..found })
            }
            // Blocks hold whole subjects, so some row of the block has the anchor.
            Node::Any(Over::Items, inner) => {
                Self::of(plan, *inner).map(|found| Self { same_row: false, exact: false, ..found })
            }
            Node::Holds { inner, negated: false } => Self::of(plan, *inner),
            _ => None,
        }
    }
}

/// By node: parts of a conjunction with those first that spare the most work for what they cost; of a disjunction those
/// that are true most often.
fn ordered_parts(plan: &Plan, shares: &[f32]) -> Vec<Box<[NodeId]>> {
    let mut costs: Vec<f32> = Vec::with_capacity(plan.program.nodes.len());
    let mut parts = Vec::with_capacity(plan.program.nodes.len());
    for node in &plan.program.nodes {
        let cost = |id: &NodeId| costs.get(id.0 as usize).copied().unwrap_or(1.0);
        let share = |id: &NodeId| shares[id.0 as usize];
        let (children, own): (Box<[NodeId]>, f32) = match node {
            Node::And(children) | Node::Or(children) => {
                let rejects = |id: &NodeId| match node {
                    Node::And(_) => (1.0 - share(id)).max(0.001),
                    _ => share(id).max(0.001),
                };
                let mut children = children.clone();
                children.sort_by(|a, b| (cost(a) / rejects(a)).total_cmp(&(cost(b) / rejects(b))));
                let total = children.iter().map(cost).sum();
                (children, total)
            }
            Node::Atom { atom, .. } => (Box::default(), atom_cost(plan, *atom)),
            Node::Any(_, inner) | Node::All(_, inner) => (Box::default(), cost(inner) + 50.0),
            Node::Holds { inner, .. } => (Box::default(), cost(inner) + 2.0),
            Node::Always | Node::Never => (Box::default(), 0.1),
        };
        costs.push(own);
        parts.push(children);
    }
    parts
}

/// What an atom costs a row, in comparisons of a number.
fn atom_cost(plan: &Plan, id: AtomId) -> f32 {
    let atom = plan.program.atom(id);
    let own = match plan.atom(id) {
        AtomPlan::Nowhere => 0.1,
        AtomPlan::IsTrue | AtomPlan::IsNull | AtomPlan::Key(..) => 1.0,
        AtomPlan::KeyIn(values) => 1.0 + (values.len() + 1).ilog2() as f32,
        AtomPlan::Text(_) => match &atom.test {
            Test::Like { .. } | Test::Mentions(_) => 3.0,
            _ => 1.5,
        },
        AtomPlan::With(..) => 4.0,
    };
    own + match plan.program.operand(atom.operand).operand {
        Operand::Column(_) | Operand::Member { .. } => 0.0,
        Operand::Size(_) => 2.0,
        Operand::Lookup { .. } => 10.0,
        Operand::Scalar(_) => 20.0,
        Operand::Condition { .. } | Operand::Count(..) | Operand::Sum(..) => 40.0,
    }
}
