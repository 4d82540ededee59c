//! `profiles/*.yaml` to entities and their features, with every mistake.

use haechi_model::Stream;

use super::aggregate::{Aggregate, Needs};
use super::key::{EntityKey, read_keys};
use super::network::{Network, read_network};
use super::tests_of;
use super::window::{DAYS_MAX, HOURS_MAX, Window};
use super::{Each, Feature, Profile, Shrink};
use crate::diagnostic::Diagnostic;
use crate::load::form::{Form, head, listed};
use crate::load::rules::find;
use crate::rule::SqlText;
use crate::source::{FileId, Sources};
use crate::yaml::{self, Entry, Node, Value};

const PROFILE_KEYS: &[&str] = &["entity", "title", "owner", "keys", "retention_days", "network", "features", "tests"];
const FEATURE_KEYS: &[&str] =
    &["name", "title", "stream", "aggregate", "at", "of", "where", "window", "each", "shrink"];
const NAME_LEN_MAX: usize = 64;

/// Reads a file: one entity a document.
pub(crate) fn read_file(
    file: FileId,
    sources: &Sources,
    owner: Option<&str>,
    out: &mut Vec<Diagnostic>,
) -> Vec<Profile> {
    let text = &sources.file(file).text;
    let (documents, mistakes) = yaml::parse(file, text);
    out.extend(mistakes);
    let mut form = Form::new(file, text, out);
    documents.iter().filter(|document| !document.is_null()).filter_map(|node| read(&mut form, node, owner)).collect()
}

fn read(form: &mut Form<'_>, node: &Node, owner: Option<&str>) -> Option<Profile> {
    let entries = form.map(node, "an entity", PROFILE_KEYS)?;
    let value = |key: &str| find(entries, key).map(|entry| &entry.value);
    let (entity, at) = read_name(form, node, entries, "entity", "E0801")?;
    let title = value("title").and_then(|node| form.text(node, "title")).unwrap_or_else(|| entity.clone());
    let owner = value("owner").and_then(|node| form.text(node, "owner")).or_else(|| owner.map(str::to_owned));
    let help = "add `keys:`, for each stream the column that says who it is: `declaration: importer_id`";
    let keys = if let Some(entry) = find(entries, "keys") {
        read_keys(form, entry, "E0803", help)
    } else {
        form.missing("E0803", node, "an entity without keys", help);
        Vec::new()
    };
    let network = find(entries, "network").and_then(|entry| read_network(form, entry, &keys));
    let streams: Vec<_> = keys.iter().map(|key| key.stream).collect();
    let mut features: Vec<Feature> = Vec::new();
    match value("features").map(|node| (node, &node.value)) {
        Some((_, Value::List(nodes))) => {
            for node in nodes {
                let Some(feature) = read_feature(form, node, &streams, network.as_ref()) else { continue };
                if features.iter().any(|known| known.name == feature.name) {
                    let message = format!("feature `{}` stands twice", feature.name);
                    form.error("E0804", feature.at.range.clone(), message, "give one of them another name");
                }
                features.push(feature);
            }
        }
        Some((node, _)) if !node.is_null() => form.wrong_kind(node, "features", "a list of features"),
        _ => form.missing("E0803", node, "an entity without features", "add `features:`, a list of `- name: ...`"),
    }
    let retention_days =
        read_retention(form, node, find(entries, "retention_days"), &keys, network.as_ref(), &features);
    let tests = value("tests").map_or(Vec::new(), |node| tests_of::read(form, node, &features));
    Some(Profile { entity, at: form.span(at), title, owner, keys, retention_days, network, features, tests })
}

fn read_name(
    form: &mut Form<'_>,
    node: &Node,
    entries: &[Entry],
    key: &str,
    code: &'static str,
) -> Option<(String, std::ops::Range<usize>)> {
    let Some(entry) = find(entries, key) else {
        form.missing(code, node, &format!("no `{key}` here"), &format!("add `{key}:`, by which rules know it"));
        return None;
    };
    let name = form.text(&entry.value, key)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.len() > NAME_LEN_MAX || !name.chars().all(plain) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        let help = "lower-case letters, digits and `_`, beginning with a letter, such as `declarations_90d`";
        form.error(code, entry.value.at.clone(), format!("`{name}` cannot be a name"), help);
        return None;
    }
    Some((name, entry.value.at.clone()))
}

/// Who is remembered by what a passport says is not remembered for ever.
fn read_retention(
    form: &mut Form<'_>,
    node: &Node,
    entry: Option<&Entry>,
    keys: &[EntityKey],
    network: Option<&Network>,
    features: &[Feature],
) -> Option<u32> {
    let help = "`retention_days: 365` forgets whoever was not seen for a year";
    let Some(entry) = entry else {
        let links = network.iter().flat_map(|network| &network.links).flat_map(|link| &link.keys);
        if keys.iter().chain(links).any(EntityKey::is_personal) {
            form.missing("E0811", node, "features about people, kept for ever", &format!("add {help}"));
        }
        return None;
    };
    let text = form.text(&entry.value, "retention_days")?;
    let Some(days) = text.parse::<u32>().ok().filter(|days| (1..=DAYS_MAX).contains(days)) else {
        let message = format!("`{text}` is no number of days from 1 to {DAYS_MAX}");
        form.error("E0811", entry.value.at.clone(), message, help);
        return None;
    };
    let shorter = |days: u32| format!("give it a window of {days}d or less: what is older has to go");
    for feature in features.iter().filter(|feature| feature.window.days().is_none_or(|window| window > days)) {
        let message = format!("`{}` looks back further than {days} days", feature.name);
        form.error("E0811", feature.at.range.clone(), message, shorter(days));
    }
    if network.is_some_and(|network| network.days > days) {
        let message = format!("the network looks back further than {days} days");
        form.error("E0811", entry.key_at.clone(), message, shorter(days));
    }
    Some(days)
}

pub(super) fn stream_named(form: &mut Form<'_>, name: &str, at: std::ops::Range<usize>) -> Option<&'static Stream> {
    let found = Stream::find(name);
    if found.is_none() {
        let names = || haechi_model::streams::STREAMS.iter().map(|stream| stream.name);
        let help = match form.nearest(name, names()) {
            Some(near) => format!("nearest is `{near}`"),
            None => format!("streams: {}", listed(names())),
        };
        form.error("E0808", at, format!("unknown stream `{name}`"), help);
    }
    found
}

pub(super) fn read_sql(form: &mut Form<'_>, node: &Node, key: &str) -> Option<SqlText> {
    let Some((sql, mistake)) = yaml::sql_text(form.file, form.source, node) else {
        form.wrong_kind(node, key, "an SQL expression");
        return None;
    };
    if let Some(mistake) = mistake {
        form.report(mistake);
    }
    if sql.text.trim().is_empty() {
        form.wrong_kind(node, key, "an SQL expression");
        return None;
    }
    Some(sql)
}

fn read_feature(
    form: &mut Form<'_>,
    node: &Node,
    streams: &[&'static Stream],
    network: Option<&Network>,
) -> Option<Feature> {
    let entries = form.map(node, "a feature", FEATURE_KEYS)?;
    let value = |key: &str| find(entries, key).map(|entry| &entry.value);
    let (name, at) = read_name(form, node, entries, "name", "E0804")?;
    let title = value("title").and_then(|node| form.text(node, "title")).unwrap_or_else(|| name.clone());
    let stream = match (find(entries, "stream"), streams) {
        (Some(entry), _) => {
            let given = form.text(&entry.value, "stream")?;
            let stream = stream_named(form, &given, entry.value.at.clone())?;
            if !streams.contains(&stream) {
                let message = format!("`keys` does not say whom a record of `{given}` is about");
                form.error("E0808", entry.value.at.clone(), message, format!("add `{given}:` to `keys:`"));
                return None;
            }
            stream
        }
        (None, [only]) => *only,
        (None, _) => {
            let help = format!("add `stream:`, one of {}", listed(streams.iter().map(|stream| stream.name)));
            form.missing("E0808", node, "a feature that does not say which records it is made of", &help);
            return None;
        }
    };
    let aggregate = read_aggregate(form, node, entries)?;
    let quantile = read_quantile(form, node, entries, aggregate);
    let of = value("of").and_then(|node| read_sql(form, node, "of"));
    check_of(form, node, entries, aggregate);
    let filter = value("where").and_then(|node| read_sql(form, node, "where"));
    let window = match (aggregate.needs(), network) {
        (Needs::Nothing, Some(network)) => Window::Days(network.days),
        (Needs::Nothing, None) => {
            let message = format!("`{}` of no network", aggregate.name());
            let help = "say with `network:` what joins several of them";
            form.error("E0812", at, message, help);
            return None;
        }
        _ => read_window(form, node, entries)?,
    };
    let each = read_each(form, entries, aggregate, of.is_some())?;
    let shrink = find(entries, "shrink").and_then(|entry| read_shrink(form, entry, aggregate));
    Some(Feature { name, at: form.span(at), title, stream, aggregate, quantile, of, filter, window, each, shrink })
}

fn read_aggregate(form: &mut Form<'_>, node: &Node, entries: &[Entry]) -> Option<Aggregate> {
    let names = || Aggregate::ALL.iter().map(|(name, _)| *name);
    let Some(entry) = find(entries, "aggregate") else {
        let help = format!("add `aggregate:`, one of {}", listed(names()));
        form.missing("E0805", node, "a feature without an aggregate", &help);
        return None;
    };
    let name = form.text(&entry.value, "aggregate")?;
    let found = Aggregate::find(&name);
    if found.is_none() {
        let help = match form.nearest(&name, names()) {
            Some(near) => format!("nearest is `{near}`"),
            None => format!("aggregates: {}", listed(names())),
        };
        form.error("E0805", entry.value.at.clone(), format!("unknown aggregate `{name}`"), help);
    }
    found
}

fn read_quantile(form: &mut Form<'_>, node: &Node, entries: &[Entry], aggregate: Aggregate) -> f64 {
    match (find(entries, "at"), aggregate) {
        (Some(entry), Aggregate::Quantile) => {
            let share = entry.value.number().filter(|share| (0.0..=1.0).contains(share));
            if share.is_none() {
                form.wrong_kind(&entry.value, "at", "a share from 0 to 1, such as 0.1 for the tenth percentile");
            }
            share.unwrap_or(0.5)
        }
        (None, Aggregate::Quantile) => {
            form.missing("E0805", node, "a quantile that does not say which", "add `at:`, 0.5 for the median");
            0.5
        }
        (Some(entry), _) => {
            let message = format!("`at` on `{}`", aggregate.name());
            form.error("E0805", entry.key_at.clone(), message, "only a quantile has `at`");
            0.0
        }
        (None, _) => 0.0,
    }
}

fn check_of(form: &mut Form<'_>, node: &Node, entries: &[Entry], aggregate: Aggregate) {
    let wanted = match (aggregate.needs(), find(entries, "of")) {
        (Needs::Nothing, _) => {
            let given = ["of", "where", "window", "each"].into_iter().find_map(|key| find(entries, key));
            if let Some(entry) = given {
                let message = format!("`{}` on `{}`", entry.key, aggregate.name());
                form.error("E0807", entry.key_at.clone(), message, "it counts whom the network joins; leave it out");
            }
            return;
        }
        (Needs::Records, _) | (Needs::RecordsOnly, None) => return,
        (Needs::RecordsOnly, Some(entry)) => {
            let message = format!("`of` on `{}`", aggregate.name());
            let help = "it looks at when records were; leave out which with `where:`";
            return form.error("E0807", entry.key_at.clone(), message, help);
        }
        (_, Some(_)) => return,
        (Needs::Number, None) => "a number, such as `customs_value_usd`",
        (Needs::Condition, None) => "a condition, such as `severity >= 2`",
        (Needs::Value, None) => "a column or expression",
    };
    let message = format!("`{}` of what?", aggregate.name());
    form.missing("E0807", node, &message, &format!("add `of:`, {wanted}"));
}

fn read_window(form: &mut Form<'_>, node: &Node, entries: &[Entry]) -> Option<Window> {
    let help = format!(
        "`all`, hours up to `{HOURS_MAX}h`, days up to `{DAYS_MAX}d`, or `this month` (day, week, quarter, year)"
    );
    let Some(entry) = find(entries, "window") else {
        form.missing("E0806", node, "a feature without a window", &format!("add `window:`: {help}"));
        return None;
    };
    let text = form.text(&entry.value, "window")?;
    let window = Window::parse(&text);
    if window.is_none() {
        form.error("E0806", entry.value.at.clone(), format!("`{text}` is no window"), help);
    }
    window
}

fn read_each(form: &mut Form<'_>, entries: &[Entry], aggregate: Aggregate, has_of: bool) -> Option<Each> {
    let Some(entry) = find(entries, "each") else {
        // What a whole record says is counted once; what its items say, for each.
        let records = matches!(aggregate, Aggregate::Latest) || aggregate.needs() == Needs::RecordsOnly || !has_of;
        return Some(if records { Each::Record } else { Each::Item });
    };
    match form.text(&entry.value, "each")?.as_str() {
        "record" => Some(Each::Record),
        "item" => Some(Each::Item),
        other => {
            let message = format!("`each` is `{other}`");
            form.error("E0807", entry.value.at.clone(), message, "write `record` or `item`");
            None
        }
    }
}

fn read_shrink(form: &mut Form<'_>, entry: &Entry, aggregate: Aggregate) -> Option<Shrink> {
    if aggregate != Aggregate::Share {
        let message = format!("`shrink` on `{}`", aggregate.name());
        form.error("E0809", entry.key_at.clone(), message, "only a share can be drawn towards another");
        return None;
    }
    let keys = form.map(&entry.value, "`shrink`", &["toward", "weight"])?;
    let toward = find(keys, "toward");
    let weight = find(keys, "weight").and_then(|entry| entry.value.number()).filter(|w| *w > 0.0 && w.is_finite());
    let (Some(toward), Some(weight)) = (toward, weight) else {
        let help = "write `shrink: {toward: everyone.hit_rate_365d, weight: 20}`";
        form.error("E0809", head(&entry.value), "`shrink` needs `toward` and a positive `weight`", help);
        return None;
    };
    let name = form.text(&toward.value, "toward")?;
    Some(Shrink { toward: name, at: form.span(toward.value.at.clone()), weight })
}
