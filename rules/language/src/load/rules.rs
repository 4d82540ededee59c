//! One rule out of its keys, whether they stand in YAML or in the cells of a decision table.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};
use haechi_model::{Lane, Stream, SubjectKind};

use super::form::{Form, head, listed};
use super::given;
use crate::rule::{Day, Rule, SqlText};
use crate::yaml::{self, Entry, Node, Value};

/// What `pack.yaml` says for the rules of its folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub stream: Option<&'static Stream>,
    pub owner: Option<String>,
}

/// Keys of a rule, as in the README.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "title",
    "stream",
    "when",
    "lane",
    "score",
    "lower_to",
    "instruction",
    "owner",
    "legal_basis",
    "valid",
    "share",
    "mandatory",
    "tags",
    "tests",
];

const ID_LEN_MAX: usize = 128;

/// Reads a rule of a YAML file. Without a condition or a stream to read it by there is none.
pub(crate) fn read_node(form: &mut Form<'_>, node: &Node, defaults: &Defaults) -> Option<Rule> {
    if let Value::Map(entries) = &node.value {
        form.rule = find(entries, "id").and_then(|id| id.value.text()).map(str::to_owned);
    }
    let entries = form.map(node, "a rule", KEYS);
    let rule = entries.and_then(|entries| read_with_condition(form, node, entries, defaults));
    form.rule = None;
    rule
}

fn read_with_condition(form: &mut Form<'_>, node: &Node, entries: &[Entry], defaults: &Defaults) -> Option<Rule> {
    let when = find(entries, "when");
    if when.is_none() {
        let help = "add `when:`, a condition over the columns of the stream";
        form.missing("E0304", node, "a rule without a condition", help);
    }
    let when = when.and_then(|when| read_when(form, &when.value, &when.key_at));
    read(form, node, entries, when, defaults)
}

fn read_when(form: &mut Form<'_>, node: &Node, key_at: &Range<usize>) -> Option<SqlText> {
    let Some((sql, mistake)) = yaml::sql_text(form.file, form.source, node) else {
        if node.is_null() {
            form.error("E0304", key_at.clone(), "an empty condition", "write an SQL condition after `when:`");
        } else {
            form.wrong_kind(node, "when", "text");
        }
        return None;
    };
    if let Some(mistake) = mistake {
        form.report(mistake);
    }
    if sql.text.trim().is_empty() {
        form.error("E0304", key_at.clone(), "an empty condition", "write an SQL condition after `when:`");
        return None;
    }
    Some(sql)
}

/// Reads the keys of a rule whose condition is known already. Reports all it finds, then makes what it can.
pub(crate) fn read(
    form: &mut Form<'_>,
    node: &Node,
    entries: &[Entry],
    when: Option<SqlText>,
    defaults: &Defaults,
) -> Option<Rule> {
    let (id, at) = read_id(form, node, entries);
    form.rule = (!id.is_empty()).then(|| id.clone());
    let stream = read_stream(form, node, entries, defaults);
    let kind = stream.and_then(|stream| stream.lanes);
    let value = |key: &str| find(entries, key).map(|entry| &entry.value);
    let text = |form: &mut Form<'_>, key: &str| value(key).and_then(|node| form.text(node, key));

    let title = text(form, "title").unwrap_or_else(|| id.clone());
    let lane = value("lane").and_then(|node| read_lane(form, node, kind));
    let lower_to = value("lower_to").and_then(|node| read_lane(form, node, kind));
    let score = value("score").and_then(|node| read_score(form, node));
    let share = value("share").and_then(|node| read_share(form, node));
    let mandatory = value("mandatory").and_then(|node| form.flag(node, "mandatory"));
    let instruction = text(form, "instruction");
    let owner = text(form, "owner").or_else(|| defaults.owner.clone());
    let legal_basis = text(form, "legal_basis");
    let tags = value("tags").map_or(Vec::new(), |node| form.texts(node, "tags"));
    let (valid_from, valid_until) = value("valid").map_or((None, None), |node| read_valid(form, node));
    check_consequence(form, node, entries, mandatory == Some(true));
    let tests = match (value("tests"), stream) {
        (Some(node), Some(stream)) => given::read_tests(form, node, stream),
        _ => Vec::new(),
    };
    form.rule = None;
    Some(Rule {
        id,
        at: form.span(at),
        title,
        stream: stream?,
        when: when?,
        lane,
        score,
        lower_to,
        instruction,
        owner,
        legal_basis,
        valid_from,
        valid_until,
        share: share.unwrap_or(1.0),
        mandatory: mandatory.unwrap_or(false),
        tags,
        tests,
    })
}

pub(crate) fn find<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// The id and where it stands. A rule without one is read on, so that its other mistakes show too.
fn read_id(form: &mut Form<'_>, node: &Node, entries: &[Entry]) -> (String, Range<usize>) {
    let Some(entry) = find(entries, "id") else {
        form.missing("E0303", node, "a rule without `id`", "add `id:`, which stays the same whatever else changes");
        return (String::new(), head(node));
    };
    let Some(id) = form.text(&entry.value, "id") else { return (String::new(), entry.key_at.clone()) };
    if !id_is_fine(&id) {
        let help = format!("1 to {ID_LEN_MAX} characters without blanks, such as `import-0142`");
        form.error("E0315", entry.value.at.clone(), format!("`{id}` cannot be an id"), help);
    }
    (id, entry.value.at.clone())
}

pub(crate) fn id_is_fine(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_LEN_MAX && !id.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn read_stream(form: &mut Form<'_>, node: &Node, entries: &[Entry], defaults: &Defaults) -> Option<&'static Stream> {
    match find(entries, "stream") {
        Some(entry) => {
            let name = form.text(&entry.value, "stream")?;
            subject_stream(form, &name, entry.value.at.clone())
        }
        None if defaults.stream.is_some() => defaults.stream,
        None => {
            let help = "add `stream: declaration`, here or in the `pack.yaml` of the folder";
            form.missing("E0311", node, "a rule without a stream", help);
            None
        }
    }
}

/// The stream of that name, if rules can read it.
pub(crate) fn subject_stream(form: &mut Form<'_>, name: &str, at: Range<usize>) -> Option<&'static Stream> {
    let found = Stream::find(name).filter(|stream| stream.lanes.is_some());
    if found.is_none() {
        let names = SubjectKind::ALL.map(SubjectKind::stream);
        let help = match form.nearest(name, names) {
            Some(near) => format!("nearest is `{near}`"),
            None => format!("rules read {}", listed(names)),
        };
        form.error("E0310", at, format!("unknown stream `{name}`"), help);
    }
    found
}

fn read_lane(form: &mut Form<'_>, node: &Node, kind: Option<SubjectKind>) -> Option<Lane> {
    let name = form.text(node, "lane")?;
    let kind = kind?;
    let lane = kind.lane(&name);
    if lane.is_none() {
        let lanes = listed(kind.lanes().iter().copied());
        let help = match form.nearest(&name, kind.lanes().iter().copied()) {
            Some(near) => format!("nearest is `{near}`; lanes of a {}: {lanes}", kind.stream()),
            None => format!("lanes of a {}: {lanes}", kind.stream()),
        };
        form.error("E0305", node.at.clone(), format!("unknown lane `{name}`"), help);
    }
    lane
}

fn read_score(form: &mut Form<'_>, node: &Node) -> Option<f64> {
    let score = node.number().filter(|score| *score >= 0.0);
    if score.is_none() {
        let shown = node.text().unwrap_or(node.kind());
        let help = "a finite number, zero or more; `lower_to` is what lowers";
        form.error("E0314", node.at.clone(), format!("`{shown}` is no score"), help);
    }
    score
}

fn read_share(form: &mut Form<'_>, node: &Node) -> Option<f64> {
    let share = node.number().filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        let shown = node.text().unwrap_or(node.kind());
        let help = match node.number() {
            Some(percent) if (1.0..=100.0).contains(&percent) => {
                format!("a number from 0 to 1; {percent} % is `{}`", percent / 100.0)
            }
            _ => "a number from 0 to 1".to_owned(),
        };
        form.error("E0306", node.at.clone(), format!("`{shown}` is no share"), help);
    }
    share
}

fn read_valid(form: &mut Form<'_>, node: &Node) -> (Option<Day>, Option<Day>) {
    let Some(entries) = form.map(node, "`valid`", &["from", "until"]) else { return (None, None) };
    let from = find(entries, "from").and_then(|entry| read_day(form, &entry.value, "from"));
    let until = find(entries, "until").map(|entry| &entry.value);
    let until_day = until.and_then(|node| read_day(form, node, "until"));
    if let (Some(from), Some(until_day), Some(until)) = (from, until_day, until)
        && until_day < from
    {
        let help = "`from` is the first and `until` the last day the rule holds";
        form.error("E0312", until.at.clone(), "the rule's validity ends before it begins", help);
    }
    (from, until_day)
}

fn read_day(form: &mut Form<'_>, node: &Node, key: &str) -> Option<Day> {
    let text = form.text(node, key)?;
    let day = parse_day(&text);
    if day.is_none() {
        form.error("E0309", node.at.clone(), format!("`{text}` is no date"), "write year-month-day: `2026-03-01`");
    }
    day
}

/// Days since 1970 of `2026-03-01`.
pub(crate) fn parse_day(text: &str) -> Option<Day> {
    let date = (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()?;
    Some(date.num_days_from_ce() - NaiveDate::default().num_days_from_ce())
}

/// A rule asks for a lane, adds a score, or lowers; keys that are there but wrong are reported where they stand.
fn check_consequence(form: &mut Form<'_>, node: &Node, entries: &[Entry], mandatory: bool) {
    let has = |key: &str| find(entries, key).filter(|entry| !entry.value.is_null());
    match (has("lower_to"), has("lane").or(has("score"))) {
        (None, None) => {
            let help = "add `lane:`, `score:`, or for a trusted-trader rule `lower_to:`";
            form.missing("E0307", node, "a rule that neither asks for a lane nor adds a score", help);
        }
        (Some(_), Some(raises)) => {
            let message = format!("a rule with `lower_to` has no `{}`", raises.key);
            form.error("E0313", raises.key_at.clone(), message, "make two rules of it");
        }
        (Some(lowers), None) if mandatory => {
            let message = "a rule with `lower_to` cannot be `mandatory`";
            form.error("E0313", lowers.key_at.clone(), message, "a mandatory hit is one that nothing lowers");
        }
        _ => {}
    }
}

/// The rules of a `rules:` list.
pub(crate) fn read_list(form: &mut Form<'_>, node: &Node, defaults: &Defaults, rules: &mut Vec<Rule>) {
    match &node.value {
        Value::List(nodes) => {
            for node in nodes {
                rules.extend(read_node(form, node, defaults));
            }
        }
        _ if node.is_null() => {}
        _ => {
            let message = format!("`rules` is {}, not a list", node.kind());
            form.error("E0302", head(node), message, "every rule begins with `- id:`");
        }
    }
}
