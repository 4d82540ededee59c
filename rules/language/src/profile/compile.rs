//! The expressions of all entities, compiled: one program a stream that feeds them.

use std::sync::Arc;

use haechi_model::Stream;
use haechi_model::streams::{Reference, references};
use sha2::{Digest, Sha256};

use super::aggregate::Needs;
use super::{Aggregate, EntityKey, Feature, KeyInput, Link, Network, Profile};
use crate::condition::{Catalog, Compiler, Computed, input_type};
use crate::diagnostic::Diagnostic;
use crate::program::{Class, JoinedColumn, Literal, Program};
use crate::rule::SqlText;

/// All entities of packs, ready to be fed.
#[derive(Debug, Default)]
pub struct Profiles {
    /// The entities, as declared.
    pub entities: Vec<Profile>,
    /// SHA-256 of what each entity is made of, lists and tables that it names included: what was kept under another one
    /// cannot be gone on with.
    pub hashes: Vec<[u8; 32]>,
    /// One a stream, by its name.
    pub feeds: Vec<Feed>,
}

/// What a stream's records bring to entities.
#[derive(Debug)]
pub struct Feed {
    /// The stream.
    pub stream: &'static Stream,
    /// All expressions over it.
    pub program: Arc<Program>,
    /// Streams whose subjects its records speak of, and from which columns are joined.
    pub references: Vec<&'static Reference>,
    /// By entity: the key; `None` where this stream says nothing of it.
    pub keys: Vec<Option<KeyInput>>,
    /// What joins entities that are networks.
    pub links: Vec<LinkInput>,
    /// The features made of this stream.
    pub features: Vec<FeatureInputs>,
}

/// Something that entities of a kind may share.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkInput {
    /// Place of the entity.
    pub entity: usize,
    /// Its name.
    pub name: String,
    /// Its values.
    pub of: KeyInput,
}

/// What one feature reads.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureInputs {
    /// Place of the entity, and of the feature in it.
    pub place: (usize, usize),
    /// What is aggregated.
    pub of: Option<(Computed, Class)>,
    /// Only where this is true.
    pub filter: Option<Computed>,
}

/// The features that rules over a stream may name: those of entities that its records are about.
pub(crate) fn columns(profiles: &[Profile], stream: &Stream) -> Vec<JoinedColumn> {
    let about = profiles.iter().filter(|profile| profile.keys.iter().any(|key| key.stream.name == stream.name));
    about
        .flat_map(|profile| {
            profile.features.iter().map(|feature| {
                let class = feature.aggregate.class();
                let name = format!("{}.{}", profile.entity, feature.name).into();
                JoinedColumn { name, class, data_type: input_type(class) }
            })
        })
        .collect()
}

/// The columns of subjects that a stream's records speak of.
fn joined(stream: &Stream) -> Vec<JoinedColumn> {
    let of = |reference: &Reference| {
        let subject = reference.subject;
        subject.all_columns().filter_map(move |column| {
            let class = crate::condition::column_class(column.kind)?;
            let name = format!("{}.{}", subject.name, column.name).into();
            Some(JoinedColumn { name, class, data_type: column.kind.data_type() })
        })
    };
    references(stream).flat_map(of).collect()
}

/// Compiles all entities. Those with mistakes are left incomplete and reported.
pub fn compile(profiles: &[Profile], catalog: &Catalog, diagnostics: &mut Vec<Diagnostic>) -> Profiles {
    let mut streams: Vec<&'static Stream> = Vec::new();
    for key in profiles.iter().flat_map(|profile| &profile.keys) {
        if !streams.contains(&key.stream) {
            streams.push(key.stream);
        }
    }
    // In one order, whatever other entities there are: what an entity keeps stands in it.
    streams.sort_unstable_by_key(|stream| stream.name);
    let feeds = streams.into_iter().map(|stream| feed(profiles, catalog, stream, diagnostics)).collect();
    check_shrinking(profiles, diagnostics);
    let hashes = profiles.iter().map(|profile| made_of_hash(profile, catalog)).collect();
    Profiles { entities: profiles.to_vec(), hashes, feeds }
}

fn feed(profiles: &[Profile], catalog: &Catalog, stream: &'static Stream, out: &mut Vec<Diagnostic>) -> Feed {
    // Features are not made of features: what they say would depend on the order in which they are brought up to date.
    let catalog = catalog.with_columns(stream, joined(stream));
    let mut compiler = Compiler::new(stream, &catalog);
    let mut keys = Vec::with_capacity(profiles.len());
    let (mut links, mut features) = (Vec::new(), Vec::new());
    for (entity, profile) in profiles.iter().enumerate() {
        let key = profile.keys.iter().find(|key| key.stream == stream);
        keys.push(key.and_then(|key| read_key(&mut compiler, &profile.entity, key, out)));
        for link in profile.network.iter().flat_map(|network| &network.links) {
            let of = link.keys.iter().find(|key| key.stream == stream);
            let of = of.and_then(|key| read_key(&mut compiler, &profile.entity, key, out));
            links.extend(of.map(|of| LinkInput { entity, name: link.name.clone(), of }));
        }
        for (place, feature) in profile.features.iter().enumerate().filter(|(_, feature)| feature.stream == stream) {
            let name = format!("{}.{}", profile.entity, feature.name);
            let of = feature.of.as_ref().and_then(|of| read_of(&mut compiler, &name, feature, of, out));
            let filter = feature.filter.as_ref().and_then(|filter| compiler.truth(&name, filter, out));
            features.push(FeatureInputs { place: (entity, place), of, filter });
        }
    }
    let program = Arc::new(compiler.finish());
    let read: Vec<_> = program.joined_columns().map(|column| Arc::clone(&column.name)).collect();
    let speaks = |reference: &&Reference| {
        let prefix = format!("{}.", reference.subject.name);
        read.iter().any(|name| name.starts_with(&prefix))
    };
    let references = references(stream).filter(speaks).collect();
    Feed { stream, program, references, keys, links, features }
}

fn read_key(compiler: &mut Compiler<'_>, entity: &str, key: &EntityKey, out: &mut Vec<Diagnostic>) -> Option<KeyInput> {
    if let Some(each) = key.each {
        return Some(KeyInput::Each(each));
    }
    let key = &key.key;
    let computed = compiler.value(entity, key, out)?;
    match class_of(compiler, &computed) {
        Some(Class::Float) => {
            let span = key.span(0..key.text.len());
            let help = "a key is text, a whole number, a date or true and false; round a number or make it text";
            out.push(Diagnostic::error("E0803", span, "an amount tells nobody apart").help(help).in_rule(entity));
            None
        }
        _ => Some(KeyInput::One(computed)),
    }
}

fn read_of(
    compiler: &mut Compiler<'_>,
    name: &str,
    feature: &Feature,
    of: &SqlText,
    out: &mut Vec<Diagnostic>,
) -> Option<(Computed, Class)> {
    if feature.aggregate.needs() == Needs::Condition {
        return compiler.truth(name, of, out).map(|computed| (computed, Class::Bool));
    }
    let computed = compiler.value(name, of, out)?;
    let class = class_of(compiler, &computed).unwrap_or(Class::Text);
    if feature.aggregate.needs() == Needs::Number && !matches!(class, Class::Int | Class::Float) {
        let span = of.span(0..of.text.len());
        let message = format!("`{}` needs a number", feature.aggregate.name());
        let help = "for text there are `distinct`, `most_frequent`, `entropy` and `latest`; for times `first_seen` and `last_seen`";
        out.push(Diagnostic::error("E0807", span, message).label("not a number").help(help).in_rule(name));
        return None;
    }
    Some((computed, class))
}

fn class_of(compiler: &Compiler<'_>, computed: &Computed) -> Option<Class> {
    Some(match computed {
        Computed::Operand(operand) => compiler.program().operand(*operand).class,
        Computed::Constant(literal) => match literal.as_ref()? {
            Literal::Text(_) => Class::Text,
            Literal::Int(_) => Class::Int,
            Literal::Float(_) => Class::Float,
            Literal::Bool(_) => Class::Bool,
        },
    })
}

/// A share is drawn towards one that is known wherever it is asked for, and never towards itself.
fn check_shrinking(profiles: &[Profile], out: &mut Vec<Diagnostic>) {
    let find = |name: &str| {
        let (entity, feature) = name.split_once('.')?;
        let profile = profiles.iter().find(|profile| profile.entity == entity)?;
        profile.features.iter().find(|known| known.name == feature).map(|feature| (profile, feature))
    };
    for profile in profiles {
        for feature in &profile.features {
            let Some(shrink) = &feature.shrink else { continue };
            let mut report = |message: String, help: String| {
                let name = format!("{}.{}", profile.entity, feature.name);
                out.push(Diagnostic::error("E0809", shrink.at.clone(), message).help(help).in_rule(&name));
            };
            let Some((parent, toward)) = find(&shrink.toward) else {
                let shares = profiles.iter().flat_map(|p| {
                    let shares = p.features.iter().filter(|f| f.aggregate == Aggregate::Share);
                    shares.map(move |f| format!("`{}.{}`", p.entity, f.name))
                });
                let shares: Vec<_> = shares.collect();
                report(format!("unknown feature `{}`", shrink.toward), format!("shares here: {}", shares.join(", ")));
                continue;
            };
            if toward.aggregate != Aggregate::Share {
                report(format!("`{}` is no share", shrink.toward), "draw it towards a share".to_owned());
            }
            let lacks = profile.keys.iter().filter(|key| key.stream.lanes.is_some());
            let lacks = lacks.filter(|key| parent.keys.iter().all(|known| known.stream != key.stream));
            for key in lacks {
                let message = format!("`{}` has no key in stream `{}`", parent.entity, key.stream.name);
                report(message, format!("add `{}:` to its keys", key.stream.name));
            }
            let mut next = Some(toward);
            for _ in 0..profiles.iter().map(|p| p.features.len()).sum::<usize>() {
                next = next.and_then(|feature| find(&feature.shrink.as_ref()?.toward)).map(|(_, feature)| feature);
            }
            if next.is_some() {
                report("a circle of shares drawn towards each other".to_owned(), "leave out one `shrink`".to_owned());
            }
        }
    }
}

/// What an entity is made of, whatever its features are called and whatever is made of them.
fn made_of_hash(profile: &Profile, catalog: &Catalog) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut part = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    part(&profile.entity);
    for key in &profile.keys {
        part(key.stream.name);
        part(&key.text());
    }
    part(&format!("{:?}", profile.retention_days));
    for part_of_network in profile.network.iter().flat_map(network_parts) {
        part(&part_of_network);
    }
    for feature in &profile.features {
        let Feature { stream, aggregate, quantile, of, filter, window, each, .. } = feature;
        part(stream.name);
        part(&format!("{aggregate:?} {quantile:?} {window} {each:?}"));
        part(of.as_ref().map_or("", |of| &of.text));
        part(filter.as_ref().map_or("", |filter| &filter.text));
    }
    let texts = || {
        let of_features = profile.features.iter().flat_map(|feature| feature.of.iter().chain(&feature.filter));
        let links = profile.network.iter().flat_map(|network| &network.links).flat_map(|link| &link.keys);
        profile.keys.iter().chain(links).map(|key| &key.key).chain(of_features)
    };
    for contents in catalog.contents_of(|name| texts().any(|sql| sql.text.contains(name))) {
        part(&contents);
    }
    hasher.finalize().into()
}

fn network_parts(network: &Network) -> Vec<String> {
    let link = |link: &Link| {
        let keys: Vec<String> = link.keys.iter().map(|key| format!("{}: {}", key.stream.name, key.text())).collect();
        format!("{} {keys:?}", link.name)
    };
    let bounds = format!("network {} {}", network.days, network.hub);
    std::iter::once(bounds).chain(network.links.iter().map(link)).collect()
}

/// What a definition says, not how it is laid out. Lists and tables are not in it.
pub(crate) fn definition(profile: &Profile) -> String {
    let Profile { entity, keys, retention_days, network, features, .. } = profile;
    let keys = keys.iter().map(|key| format!("{}: {}", key.stream.name, key.text()));
    let features = features.iter().map(|feature| {
        let Feature { name, stream, aggregate, quantile, of, filter, window, each, shrink, at: _, title: _ } = feature;
        let text = |sql: &Option<SqlText>| sql.as_ref().map_or(String::new(), |sql| sql.text.clone());
        let shrink = shrink.as_ref().map(|shrink| (&shrink.toward, shrink.weight));
        format!(
            "{name} {} {aggregate:?} {quantile:?} {window} {each:?} {:?} {:?} {shrink:?}",
            stream.name,
            text(of),
            text(filter)
        )
    });
    let retention = retention_days.map(|days| format!("retention {days}"));
    let network = network.iter().flat_map(network_parts);
    let parts = std::iter::once(entity.clone()).chain(retention).chain(network).chain(keys).chain(features);
    let parts: Vec<String> = parts.collect();
    format!("{parts:?}")
}
