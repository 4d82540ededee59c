//! What is kept of whom, and where it comes from: entities with their series, and streams with what they bring.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use haechi_evaluate::{EvaluateError, Evaluator, Options};
use haechi_model::Stream;
use haechi_rules::condition::Computed;
use haechi_rules::profile::{Aggregate, Each, Feature, Feed, KeyInput, ListColumn, Profile, Profiles};
use haechi_rules::program::{Class, JoinedColumn, Literal, OperandId};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::cell::Keeps;
use crate::days::Days;
use crate::facts::key_texts;
use crate::network::NetworkPlan;
use crate::series::{Grain, SeriesPlan, place_of};
use crate::shelf::StateId;

/// How features are computed; made once a release.
#[derive(Debug)]
pub struct ProfilePlan {
    pub(crate) entities: Vec<EntityPlan>,
    pub(crate) feeds: Vec<FeedPlan>,
    pub(crate) networks: Vec<NetworkPlan>,
    pub(crate) days: Days,
    /// What each entity is made of, and in which days.
    hashes: Vec<[u8; 32]>,
    zone: Tz,
    /// By `entity.feature`.
    places: HashMap<String, FeaturePlace>,
    /// By entity: what people are told of it.
    about: Vec<AboutEntity>,
}

/// What people are told of an entity.
#[derive(Clone, Debug)]
pub struct AboutEntity {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub title: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The streams that speak of it, and how they say whom they mean.
    pub keys: Vec<(&'static str, String)>,
    /// In the order of their declaration.
    pub features: Vec<AboutFeature>,
}

/// What people are told of a feature.
#[derive(Clone, Debug)]
pub struct AboutFeature {
    /// Its name, without the entity.
    pub name: String,
    /// What it says, in a line; may be empty.
    pub title: String,
    /// The stream it is made of.
    pub stream: &'static str,
    /// How it is made: aggregate, of what, where, over which window.
    pub made: String,
    /// What is kept for it: the series of its entity, and in which tiles.
    pub series: usize,
    /// Tiles that a series has at most; 1 where it is for all time, none where they are instants.
    pub tiles: Option<i64>,
}

/// How entities are packed; another way is another state.
const FORMAT: u64 = 2;

/// One entity.
#[derive(Debug)]
pub(crate) struct EntityPlan {
    pub name: String,
    pub series: Vec<SeriesPlan>,
    pub features: Vec<FeaturePlan>,
    /// Days after its last record after which nothing is known of one any more: what its pack says, or else when it is in
    /// no window any more; none where something is known for all time.
    pub forget_after: Option<i64>,
}

/// One feature.
#[derive(Debug)]
pub(crate) struct FeaturePlan {
    /// `entity.feature`.
    pub name: String,
    pub class: Class,
    pub series: usize,
    pub question: usize,
    /// The place of a share that it is drawn towards, and by how many records.
    pub shrink: Option<(FeaturePlace, f64)>,
}

/// Place of an entity, and of a feature in it.
pub(crate) type FeaturePlace = (usize, usize);

/// What a stream brings.
#[derive(Debug)]
pub(crate) struct FeedPlan {
    pub stream: &'static Stream,
    pub evaluator: Evaluator,
    /// All expressions, each once.
    pub operands: Vec<OperandId>,
    /// By entity: its key, if this stream says it.
    pub keys: Vec<Option<KeyFrom>>,
    /// By network: what joins, each under a number of its own.
    pub links: Vec<Vec<(u64, KeyFrom)>>,
    /// By entity: what its series take from this stream.
    pub inputs: Vec<Vec<SeriesInput>>,
    /// What records bring to a kind of series, each once; see [`Keeps::takes`].
    pub facts: Vec<(Keeps, Option<Input>)>,
    /// Which records do.
    pub filters: Vec<Option<Input>>,
}

/// A value for each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// The same for all.
    Constant(Option<Literal>),
    /// What an expression has, by its place in [`FeedPlan::operands`].
    Expression(usize),
}

/// Keys of each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyFrom {
    /// One at most.
    One(Input),
    /// The elements of a list.
    Each(ListColumn),
}

/// What a series takes from a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeriesInput {
    pub series: usize,
    /// Its place in [`FeedPlan::facts`].
    pub facts: usize,
    /// Its place in [`FeedPlan::filters`].
    pub filter: usize,
    pub each: Each,
}

impl ProfilePlan {
    /// Plans what packs declare; days are those of `zone`.
    pub fn new(profiles: &Profiles, zone: Tz) -> Result<Self, EvaluateError> {
        let entity = |profile: &Profile| EntityPlan {
            name: profile.entity.clone(),
            series: Vec::new(),
            features: Vec::new(),
            forget_after: None,
        };
        let mut entities: Vec<EntityPlan> = profiles.entities.iter().map(entity).collect();
        let mut feeds = Vec::with_capacity(profiles.feeds.len());
        let mut places: Vec<(FeaturePlace, usize, usize)> = Vec::new();
        let networks = NetworkPlan::all(profiles);
        for feed in &profiles.feeds {
            let mut plan = FeedPlan::new(feed, entities.len() + networks.len(), &networks)?;
            for inputs in &feed.features {
                let (entity, place) = inputs.place;
                let feature = &profiles.entities[entity].features[place];
                let of = inputs.of.as_ref().map(|(of, _)| plan.input(of));
                let filter = inputs.filter.as_ref().map(|filter| plan.input(filter));
                let (series, question) = plan.series(&mut entities[entity], entity, feature, of, filter);
                places.push((inputs.place, series, question));
            }
            feeds.push(plan);
        }
        // Features come by stream; their places are those of the declaration.
        places.sort_unstable();
        let find = |name: &str| find(profiles, name);
        for ((entity, place), series, question) in places {
            let (profile, feature) = (&profiles.entities[entity], &profiles.entities[entity].features[place]);
            entities[entity].features.push(FeaturePlan {
                name: format!("{}.{}", profile.entity, feature.name),
                class: feature.aggregate.class(),
                series,
                question,
                shrink: feature.shrink.as_ref().and_then(|shrink| Some((find(&shrink.toward)?, shrink.weight))),
            });
        }
        for (plan, profile) in entities.iter_mut().zip(&profiles.entities) {
            plan.forget_after = profile.retention_days.map(i64::from).or_else(|| longest(&plan.series));
        }
        let about = profiles.entities.iter().zip(&entities).map(|(profile, plan)| about(profile, plan)).collect();
        let mut hashes = profiles.hashes.clone();
        // Who is tied to whom is kept beside what is known of each.
        for network in &networks {
            let mut ties = SeriesPlan::new(Keeps::Ties, Grain::Day);
            ties.ask(network.window, Aggregate::Members, 0.0);
            let retention = profiles.entities[network.entity].retention_days.map(i64::from);
            let forget_after = retention.or(Some(ties.span));
            let name = format!("{} ties", entities[network.entity].name);
            entities.push(EntityPlan { name, series: vec![ties], features: Vec::new(), forget_after });
            let mut hash = hashes[network.entity];
            hash[0] = !hash[0];
            hashes.push(hash);
        }
        let mut places = HashMap::new();
        for (entity, plan) in entities.iter().enumerate() {
            places.extend(plan.features.iter().enumerate().map(|(place, of)| (of.name.clone(), (entity, place))));
        }
        Ok(Self { entities, feeds, networks, days: Days::new(zone), hashes, zone, places, about })
    }

    /// What people are told of entities and features.
    pub fn about(&self) -> &[AboutEntity] {
        &self.about
    }

    /// What names the state of each entity, with keys hashed under this seed.
    pub fn state_ids(&self, seed: u64) -> Vec<StateId> {
        let seed = seed ^ FORMAT;
        let zone = self.zone.name().as_bytes();
        self.hashes.iter().map(|hash| StateId(xxh3_64_with_seed(&[hash, zone].concat(), seed))).collect()
    }

    /// Whether nothing is remembered of anybody.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// All features, as rules write them.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        self.entities.iter().flat_map(|entity| &entity.features).map(|feature| feature.name.as_str())
    }

    /// The stream whose records a feature is made of.
    pub fn made_of(&self, feature: &str) -> Option<&'static Stream> {
        let (entity, place) = self.feature(feature)?;
        let series = self.entities[entity].features[place].series;
        let fed = |feed: &&FeedPlan| feed.inputs[entity].iter().any(|input| input.series == series);
        self.feeds.iter().find(fed).map(|feed| feed.stream)
    }

    /// These features, and the shares that they are drawn towards.
    pub fn with_groups<'n>(&self, features: impl Iterator<Item = &'n str>) -> Vec<String> {
        let places: Vec<FeaturePlace> = features.filter_map(|name| self.feature(name)).collect();
        let all = with_parents(self, &places);
        all.into_iter().map(|(entity, place)| self.entities[entity].features[place].name.clone()).collect()
    }

    /// Whether a feature says how many a network joins.
    pub(crate) fn is_members(&self, (entity, place): FeaturePlace) -> bool {
        let entity = &self.entities[entity];
        entity.series[entity.features[place].series].keeps == Keeps::Members
    }

    /// The expressions over a stream: the columns that they read are those to read.
    pub fn evaluator(&self, stream: &Stream) -> Option<&Evaluator> {
        self.feed(stream).map(|feed| &feed.evaluator)
    }

    /// The list columns of a stream that have to be read beside.
    pub fn lists(&self, stream: &Stream) -> impl Iterator<Item = &'static str> {
        self.feed(stream).into_iter().flat_map(FeedPlan::lists)
    }

    /// Whom the rows of a stream are about: the entities, each with its key on a row that has it.
    pub fn keys(&self, stream: &Stream, rows: &RecordBatch, row: usize) -> Result<Vec<(&str, String)>, EvaluateError> {
        let Some(feed) = self.feed(stream) else { return Ok(Vec::new()) };
        let arrays = feed.evaluator.values(rows, &feed.operands)?;
        let mut keys = Vec::new();
        for (entity, key) in self.entities.iter().zip(&feed.keys) {
            let of = key.iter().flat_map(|key| key_texts(key, &arrays, rows, row));
            keys.extend(of.map(|key| (entity.name.as_str(), key)));
        }
        Ok(keys)
    }

    /// Columns of other records that may be joined to those of a stream.
    pub fn joined(&self, stream: &Stream) -> &[JoinedColumn] {
        self.feed(stream).map_or(&[], |feed| &feed.evaluator.program().joined)
    }

    /// What a stream brings, if it brings anything.
    pub(crate) fn feed(&self, stream: &Stream) -> Option<&FeedPlan> {
        self.feeds.iter().find(|feed| feed.stream == stream)
    }

    /// The place of `entity.feature`.
    pub(crate) fn feature(&self, name: &str) -> Option<FeaturePlace> {
        self.places.get(name).copied()
    }

    /// A feature, and the shares that it is drawn towards, one by one.
    pub(crate) fn lineage(&self, place: FeaturePlace) -> impl Iterator<Item = FeaturePlace> {
        let parent =
            |(entity, place): &FeaturePlace| self.entities[*entity].features[*place].shrink.map(|(parent, _)| parent);
        std::iter::successors(Some(place), parent)
    }
}

/// The features asked for, and the shares that they are drawn towards.
pub(crate) fn with_parents(plan: &ProfilePlan, places: &[FeaturePlace]) -> Vec<FeaturePlace> {
    let mut all: Vec<FeaturePlace> = Vec::with_capacity(places.len());
    let mut seen = HashSet::with_capacity(places.len());
    for place in places {
        all.extend(plan.lineage(*place).take_while(|place| seen.insert(*place)));
    }
    all
}

/// The most days that any of these series keeps; none where one keeps all.
fn longest(series: &[SeriesPlan]) -> Option<i64> {
    const DAY_MS: i64 = 86_400_000;
    let days = |plan: &SeriesPlan| match plan.grain {
        Grain::All => None,
        Grain::Day => Some(plan.span),
        Grain::Instant => Some(plan.span / DAY_MS + 1),
    };
    series.iter().map(days).try_fold(0, |most, days| days.map(|days: i64| days.max(most)))
}

fn about(profile: &Profile, plan: &EntityPlan) -> AboutEntity {
    let feature = |(feature, planned): (&Feature, &FeaturePlan)| {
        let text = |before: &str, sql: &Option<haechi_rules::rule::SqlText>| {
            sql.as_ref().map_or(String::new(), |sql| format!("{before}{}", sql.text))
        };
        let at =
            if feature.aggregate == Aggregate::Quantile { format!(" {}", feature.quantile) } else { String::new() };
        let (name, of, filter) =
            (feature.aggregate.name(), text(" of ", &feature.of), text(" where ", &feature.filter));
        let series = &plan.series[planned.series];
        AboutFeature {
            name: feature.name.clone(),
            title: feature.title.clone(),
            stream: feature.stream.name,
            made: format!("{name}{at}{of}{filter}, {}", feature.window),
            series: planned.series,
            tiles: match series.grain {
                Grain::All => Some(1),
                Grain::Day => Some(series.span),
                Grain::Instant => None,
            },
        }
    };
    AboutEntity {
        name: profile.entity.clone(),
        title: profile.title.clone(),
        owner: profile.owner.clone(),
        keys: profile.keys.iter().map(|key| (key.stream.name, key.text())).collect(),
        features: profile.features.iter().zip(&plan.features).map(feature).collect(),
    }
}

fn find(profiles: &Profiles, name: &str) -> Option<FeaturePlace> {
    let (entity, feature) = name.split_once('.')?;
    let place = profiles.entities.iter().position(|profile| profile.entity == entity)?;
    Some((place, profiles.entities[place].features.iter().position(|known| known.name == feature)?))
}

impl FeedPlan {
    fn new(feed: &Feed, entities: usize, networks: &[NetworkPlan]) -> Result<Self, EvaluateError> {
        let mut plan = Self {
            stream: feed.stream,
            evaluator: Evaluator::new(std::sync::Arc::clone(&feed.program), Options::default())?,
            operands: Vec::new(),
            keys: Vec::new(),
            links: vec![Vec::new(); networks.len()],
            inputs: vec![Vec::new(); entities],
            facts: Vec::new(),
            filters: Vec::new(),
        };
        plan.keys = feed.keys.iter().map(|key| key.as_ref().map(|key| plan.key(key))).collect();
        plan.keys.resize(entities, None);
        for link in &feed.links {
            let network = networks.iter().position(|network| network.entity == link.entity);
            if let Some(network) = network {
                let from = plan.key(&link.of);
                plan.links[network].push((xxh3_64_with_seed(link.name.as_bytes(), 0), from));
            }
        }
        Ok(plan)
    }

    fn key(&mut self, key: &KeyInput) -> KeyFrom {
        match key {
            KeyInput::One(computed) => KeyFrom::One(self.input(computed)),
            KeyInput::Each(list) => KeyFrom::Each(*list),
        }
    }

    /// The list columns that keys and links are read from.
    fn lists(&self) -> impl Iterator<Item = &'static str> {
        let links = self.links.iter().flatten().map(|(_, from)| from);
        self.keys.iter().flatten().chain(links).filter_map(|from| match from {
            KeyFrom::Each(list) => Some(list.column),
            KeyFrom::One(_) => None,
        })
    }

    fn input(&mut self, computed: &Computed) -> Input {
        match computed {
            Computed::Constant(literal) => Input::Constant(literal.clone()),
            Computed::Operand(operand) => Input::Expression(place_of(&mut self.operands, *operand)),
        }
    }

    /// The series and question of a feature. Features that look at the same values in tiles of the same size share both
    /// values and tiles.
    fn series(
        &mut self,
        plan: &mut EntityPlan,
        entity: usize,
        feature: &Feature,
        of: Option<Input>,
        filter: Option<Input>,
    ) -> (usize, usize) {
        let keeps = Keeps::of(feature.aggregate);
        let grain = Grain::of(feature.window);
        let Feature { aggregate, quantile, window, each, .. } = *feature;
        let (facts, filter) = (place_of(&mut self.facts, (keeps.takes(), of)), place_of(&mut self.filters, filter));
        let both = |input: &SeriesInput| {
            let series = &plan.series[input.series];
            let same = series.grain == grain && (input.facts, input.filter, input.each) == (facts, filter, each);
            Some((input.series, series.keeps.with(keeps).filter(|_| same)?))
        };
        let known = self.inputs[entity].iter().find_map(both);
        let series = if let Some((series, both)) = known {
            plan.series[series].keeps = both;
            series
        } else {
            plan.series.push(SeriesPlan::new(keeps, grain));
            let series = plan.series.len() - 1;
            self.inputs[entity].push(SeriesInput { series, facts, filter, each });
            series
        };
        let share = if aggregate == Aggregate::Quantile { quantile } else { 0.0 };
        (series, plan.series[series].ask(window, aggregate, share))
    }
}
