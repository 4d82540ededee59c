//! From the tree of a policy file to a [`Policy`], collecting mistakes on the way.

use haechi_model::{Lane, SubjectKind};

use super::problem::{PolicyMistake, Problem, nearest};
use super::yaml::{self, At, Entry, Node, Value};
use super::{Policy, Stratum, Threshold};

/// A mapping in the file that has a fixed set of keys.
struct Form {
    place: &'static str,
    keys: &'static [&'static str],
}

const POLICY: Form = Form { place: "a policy", keys: &["stream", "scores", "random"] };
const SCORE: Form = Form { place: "a score threshold", keys: &["at_least", "lane"] };
const STRATUM: Form = Form { place: "a stratum", keys: &["stratum", "when", "rate", "lane"] };

/// Reads a policy, or says everything that is wrong with it, in the order of the text.
pub(super) fn policy(text: &str, pack_kind: Option<SubjectKind>) -> Result<Policy, Vec<PolicyMistake>> {
    let mut reader = Reader { mistakes: Vec::new(), kind: pack_kind };
    let root = yaml::read(text, &mut reader.mistakes);
    let policy = reader.policy(root.as_ref(), pack_kind);
    let mut mistakes = reader.mistakes;
    match policy {
        Some(policy) if mistakes.is_empty() => Ok(policy),
        _ => {
            mistakes.sort_by_key(|m| (m.line, m.column));
            Err(mistakes)
        }
    }
}

struct Reader {
    mistakes: Vec<PolicyMistake>,
    /// Known once `stream` is read; lanes are checked against it.
    kind: Option<SubjectKind>,
}

impl Reader {
    fn report(&mut self, at: At, problem: Problem) {
        self.mistakes.push(PolicyMistake { line: at.line, column: at.column, problem });
    }

    fn policy(&mut self, root: Option<&Node>, pack_kind: Option<SubjectKind>) -> Option<Policy> {
        let Some(root) = root else {
            // Nothing at all is a policy that leaves everything out; a broken text is reported already.
            if self.mistakes.is_empty() && pack_kind.is_none() {
                self.report(At { line: 1, column: 1 }, Problem::MissingKey { key: "stream", place: POLICY.place });
            }
            return pack_kind.map(Policy::none);
        };
        if root.is_null() {
            return self.policy(None, pack_kind);
        }
        let entries = self.form(root, "policy", &POLICY)?;
        self.kind = self.stream(root.at, entries, pack_kind);
        let thresholds: Vec<_> = self.list(entries, "scores").iter().filter_map(|node| self.threshold(node)).collect();
        let thresholds = self.in_order(thresholds);
        let strata: Vec<_> = self.list(entries, "random").iter().filter_map(|node| self.stratum(node)).collect();
        let strata = self.apart(strata);
        Some(Policy { kind: self.kind?, thresholds, strata })
    }

    fn stream(&mut self, root: At, entries: &[Entry], pack_kind: Option<SubjectKind>) -> Option<SubjectKind> {
        let Some(entry) = find(entries, "stream") else {
            if pack_kind.is_none() {
                self.report(root, Problem::MissingKey { key: "stream", place: POLICY.place });
            }
            return pack_kind;
        };
        let name = self.text(entry, "stream")?;
        let Some(kind) = SubjectKind::ALL.into_iter().find(|kind| kind.stream() == name) else {
            let nearest = nearest(&name, &SubjectKind::ALL.map(SubjectKind::stream));
            self.report(entry.value.at, Problem::UnknownStream { name, nearest });
            return pack_kind;
        };
        if let Some(pack) = pack_kind.filter(|pack| *pack != kind) {
            let problem = Problem::OtherStream { found: kind.stream(), expected: pack.stream() };
            self.report(entry.value.at, problem);
        }
        Some(kind)
    }

    fn threshold(&mut self, node: &Node) -> Option<(Threshold, At)> {
        let entries = self.form(node, "scores", &SCORE)?;
        let at_least = self.required(node.at, entries, "at_least", &SCORE).and_then(|entry| {
            self.number(entry, "at_least", "a number above 0", |points| points > 0.0 && points.is_finite())
        });
        let lane = self.required(node.at, entries, "lane", &SCORE).and_then(|entry| {
            let lane = self.lane(entry)?;
            self.stricter_than_lowest(entry.value.at, lane)
        });
        Some((Threshold { at_least: at_least?, lane: lane? }, node.at))
    }

    fn stratum(&mut self, node: &Node) -> Option<(Stratum, At)> {
        let entries = self.form(node, "random", &STRATUM)?;
        let name = self.required(node.at, entries, "stratum", &STRATUM).and_then(|entry| self.text(entry, "stratum"));
        let when = find(entries, "when").map(|entry| (self.text(entry, "when"), entry.value.at));
        let rate = self
            .required(node.at, entries, "rate", &STRATUM)
            .and_then(|entry| self.number(entry, "rate", "a part from 0 to 1", |rate| (0.0..=1.0).contains(&rate)));
        let lane = self.required(node.at, entries, "lane", &STRATUM).and_then(|entry| {
            let lane = self.lane(entry)?;
            // At rate 0 nobody is taken: a way to leave a stratum out, whatever its lane.
            if rate == Some(0.0) { Some(lane) } else { self.stricter_than_lowest(entry.value.at, lane) }
        });
        let (when, when_at) = match when {
            Some((text, at)) => (Some(text?), Some((at.line, at.column))),
            None => (None, None),
        };
        Some((Stratum { name: name?, when, when_at, rate: rate?, lane: lane? }, node.at))
    }

    /// Thresholds by rising points; more points have to ask for more.
    fn in_order(&mut self, mut thresholds: Vec<(Threshold, At)>) -> Vec<Threshold> {
        thresholds.sort_by(|(a, _), (b, _)| a.at_least.total_cmp(&b.at_least));
        let mut strictest: Option<Threshold> = None;
        for (threshold, at) in &thresholds {
            match &strictest {
                Some(below) if below.lane >= threshold.lane || below.at_least == threshold.at_least => {
                    let (at_least, other_lane) = (below.at_least, below.lane.name());
                    self.report(*at, Problem::UselessThreshold { at_least, other_lane });
                }
                _ => strictest = Some(threshold.clone()),
            }
        }
        thresholds.into_iter().map(|(threshold, _)| threshold).collect()
    }

    /// Strata have names of their own, and one at most is without a condition.
    fn apart(&mut self, strata: Vec<(Stratum, At)>) -> Vec<Stratum> {
        for (i, (stratum, at)) in strata.iter().enumerate() {
            let earlier = || strata[..i].iter().map(|(s, _)| s);
            if earlier().any(|s| s.name == stratum.name) {
                self.report(*at, Problem::RepeatedStratum { name: stratum.name.clone() });
            }
            let other = earlier().find(|s| s.when.is_none()).filter(|_| stratum.when.is_none());
            if let Some(other) = other {
                let problem = Problem::SecondFallback { name: stratum.name.clone(), other: other.name.clone() };
                self.report(*at, problem);
            }
        }
        strata.into_iter().map(|(stratum, _)| stratum).collect()
    }

    /// The entries of a mapping; keys that do not belong there are reported.
    fn form<'n>(&mut self, node: &'n Node, key: &'static str, form: &Form) -> Option<&'n [Entry]> {
        let Value::Map(entries) = &node.value else {
            self.report(node.at, Problem::WrongType { key, found: node.kind(), wanted: "a mapping" });
            return None;
        };
        for entry in entries.iter().filter(|entry| !form.keys.contains(&entry.key.as_str())) {
            let problem = Problem::UnknownKey {
                key: entry.key.clone(),
                place: form.place,
                nearest: nearest(&entry.key, form.keys),
                known: form.keys,
            };
            self.report(entry.at, problem);
        }
        Some(entries)
    }

    fn required<'n>(&mut self, at: At, entries: &'n [Entry], key: &'static str, form: &Form) -> Option<&'n Entry> {
        let entry = find(entries, key);
        if entry.is_none() {
            self.report(at, Problem::MissingKey { key, place: form.place });
        }
        entry
    }

    fn list<'n>(&mut self, entries: &'n [Entry], key: &'static str) -> &'n [Node] {
        match find(entries, key).map(|entry| &entry.value) {
            Some(Node { value: Value::List(nodes), .. }) => nodes,
            Some(node) if !node.is_null() => {
                self.report(node.at, Problem::WrongType { key, found: node.kind(), wanted: "a list" });
                &[]
            }
            _ => &[],
        }
    }

    fn text(&mut self, entry: &Entry, key: &'static str) -> Option<String> {
        match &entry.value.value {
            Value::Scalar { text, .. } if !entry.value.is_null() && !text.trim().is_empty() => {
                Some(text.trim().to_owned())
            }
            _ => {
                let found = entry.value.kind();
                let found = if found == "text" { "empty" } else { found };
                self.report(entry.value.at, Problem::WrongType { key, found, wanted: "text" });
                None
            }
        }
    }

    fn number(
        &mut self,
        entry: &Entry,
        key: &'static str,
        wanted: &'static str,
        accept: impl Fn(f64) -> bool,
    ) -> Option<f64> {
        let Value::Scalar { text, plain } = &entry.value.value else {
            self.report(entry.value.at, Problem::WrongType { key, found: entry.value.kind(), wanted: "a number" });
            return None;
        };
        let number = text.parse().ok().filter(|number| *plain && accept(*number));
        if number.is_none() {
            self.report(entry.value.at, Problem::BadNumber { key, text: text.clone(), wanted });
        }
        number
    }

    fn lane(&mut self, entry: &Entry) -> Option<Lane> {
        let name = self.text(entry, "lane")?;
        let kind = self.kind?; // without a stream nobody knows its lanes; that is reported already
        let lane = kind.lane(&name);
        if lane.is_none() {
            let nearest = nearest(&name, kind.lanes());
            self.report(entry.value.at, Problem::UnknownLane { name, kind, nearest });
        }
        lane
    }

    fn stricter_than_lowest(&mut self, at: At, lane: Lane) -> Option<Lane> {
        if lane == lane.kind().lowest() {
            self.report(at, Problem::AsksNothing { lane: lane.name() });
            return None;
        }
        Some(lane)
    }
}

fn find<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Entry> {
    entries.iter().find(|entry| entry.key == key)
}
