//! The judgement: what the store holds after the run against what was sent, and what everybody was told against what
//! the store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use haechi_connectors::sinks::SelectionJson;
use haechi_model::Stream;
use haechi_pipeline::release::{Release, ReleaseContext};
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::audit_features;
use haechi_select::Secret;
use haechi_store::{QuarantineFilter, Store, StoreOptions};
use serde_json::Value;

use crate::book::Book;
use crate::seen::{Faults, Notes, content};
use crate::service::SECRET;
use crate::stories::{Kind, mark, marked};
use crate::{events, files, http, kafka, webhook};

/// What was checked, and what is wrong.
#[derive(Debug, Default)]
pub struct Judgement {
    pub counts: BTreeMap<&'static str, usize>,
    pub faults: Faults,
}

/// A version as the journal has it.
#[derive(Clone, Debug)]
struct Found {
    position: u64,
    version: i32,
    letter: Option<char>,
    rows: usize,
}

/// A selection as the store has it.
struct Selected {
    subject: String,
    version: i64,
    content: String,
}

pub fn judge(store_path: &Path, book: &Book, notes: &Notes, has_kafka: bool) -> Judgement {
    let mut judgement = Judgement { faults: notes.faults.clone(), ..Judgement::default() };
    let store = match Store::open(store_path, &StoreOptions::default()) {
        Ok(store) => store,
        Err(error) => {
            judgement.faults.note(format!("the store does not open: {error}"));
            return judgement;
        }
    };
    let selected = judgement.selections(&store);
    let found = judgement.journal(&store);
    judgement.subjects(&store, book, &found, &selected);
    judgement.observers(notes, &selected, has_kafka);
    judgement.quarantine(&store, book);
    judgement.replays(&store);
    judgement.features(&store);
    match store.verify(|_| {}) {
        Ok(report) => {
            judgement.count("values of the store verified", report.values as usize);
            judgement.faults.must(report.is_sound(), || format!("the store is not sound: {:?}", report.faults));
        }
        Err(error) => judgement.faults.note(format!("the store cannot be verified: {error}")),
    }
    for sink in ["files", "webhook", "kafka"] {
        let letters = store.dead_letters(sink, 0, 10).unwrap_or_default();
        judgement.faults.must(letters.is_empty(), || format!("{sink}: dead letters: {letters:?}"));
    }
    judgement
}

impl Judgement {
    fn count(&mut self, what: &'static str, n: usize) {
        *self.counts.entry(what).or_default() += n;
    }

    /// Every selection of the store by position: rising, each once, dated in order.
    fn selections(&mut self, store: &Store) -> BTreeMap<u64, Selected> {
        let mut selected = BTreeMap::new();
        let (mut last, mut last_at) = (0, String::new());
        let mut of_version: BTreeMap<(String, String, i64), u64> = BTreeMap::new();
        for decisions in store.decisions(0) {
            let decisions = match decisions {
                Ok(decisions) => decisions,
                Err(error) => {
                    self.faults.note(format!("decisions after {last} cannot be read: {error}"));
                    break;
                }
            };
            let json = SelectionJson::new(&decisions.selections).unwrap();
            for row in 0..decisions.selections.num_rows() {
                let mut text = Vec::new();
                json.write(row, &mut text);
                let selection: Value = serde_json::from_slice(&text).unwrap();
                let position = selection["position"].as_u64().unwrap();
                self.faults.must(position > last, || format!("selection {position} stands after {last}"));
                last = position;
                let at = selection["decided_at"].as_str().unwrap_or_default().to_owned();
                self.faults.must(at >= last_at, || format!("selection {position} is dated {at}, after {last_at}"));
                last_at = at;
                let subject = selection["subject_id"].as_str().unwrap_or_default().to_owned();
                let version = selection["version"].as_i64().unwrap_or_default();
                let stream = selection["stream"].as_str().unwrap_or_default().to_owned();
                if let Some(other) = of_version.insert((stream, subject.clone(), version), position) {
                    self.faults.note(format!("{subject} version {version} has two ids: {other} and {position}"));
                }
                selected.insert(position, Selected { subject, version, content: content(&selection) });
            }
        }
        self.count("selections in the store", selected.len());
        selected
    }

    /// Every version in the journal, by the subject that its rows say they are of, in the order they came.
    fn journal(&mut self, store: &Store) -> BTreeMap<(Kind, String), Vec<Found>> {
        let mut found: BTreeMap<(Kind, String), Vec<Found>> = BTreeMap::new();
        let mut next = 0;
        for entry in store.entries(0) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.faults.note(format!("the journal cannot be read after {next}: {error}"));
                    break;
                }
            };
            let first = entry.first;
            self.faults.must(first >= next, || format!("entry {first} overlaps the one before, which ends at {next}"));
            next = first + u64::from(entry.rows);
            let rows = match entry.decode() {
                Ok(rows) => rows,
                Err(error) => {
                    self.faults.note(format!("entry {first} cannot be decoded: {error}"));
                    continue;
                }
            };
            self.count("rows in the journal", rows.num_rows());
            let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.stream() == entry.stream.name) else { continue };
            let (key, text) = match kind {
                Kind::Declaration => ("declaration_id", "description"),
                Kind::Consignment => ("consignment_id", "description"),
                Kind::Traveller => ("carrier_pax_ref", "seat"),
            };
            let (keys, texts, versions) = (texts(&rows, key), texts(&rows, text), texts(&rows, "version"));
            let mut before: Option<(String, i32)> = None;
            for row in 0..rows.num_rows() {
                let subject = keys[row].clone().unwrap_or_default();
                let version = versions[row].as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
                let letter = match (kind, texts[row].as_deref()) {
                    (Kind::Traveller, Some(seat)) => seat.chars().last(),
                    (_, text) => text.and_then(marked).and_then(|mark| mark.trim_end_matches('#').chars().last()),
                };
                let of_subject = found.entry((kind, subject.clone())).or_default();
                match of_subject.last_mut().filter(|_| before == Some((subject.clone(), version))) {
                    Some(same) => {
                        same.rows += 1;
                        if same.letter != letter {
                            self.faults.note(format!("{subject} version {version} mixes contents"));
                        }
                    }
                    None => of_subject.push(Found { position: first + row as u64, version, letter, rows: 1 }),
                }
                before = Some((subject, version));
            }
        }
        found
    }

    /// What was sent against what is there.
    fn subjects(
        &mut self,
        store: &Store,
        book: &Book,
        found: &BTreeMap<(Kind, String), Vec<Found>>,
        selected: &BTreeMap<u64, Selected>,
    ) {
        self.count("messages sent", book.messages);
        self.count("subjects", book.subjects.len());
        let subjects: BTreeSet<_> = book.subjects.keys().chain(found.keys()).collect();
        for subject in subjects {
            let expected = book.subjects.get(subject).map_or(&[][..], Vec::as_slice);
            let found = found.get(subject).map_or(&[][..], Vec::as_slice);
            let shown = |list: &[(i32, char, usize, bool)]| format!("{list:?}");
            let wanted: Vec<_> = expected.iter().map(|k| (k.version, k.letter, k.rows, k.decided)).collect();
            let there: Vec<_> = found
                .iter()
                .map(|f| (f.version, f.letter.unwrap_or('?'), f.rows, selected.contains_key(&f.position)))
                .collect();
            self.count("versions", wanted.len());
            self.faults.must(wanted == there, || {
                let places: Vec<_> = found.iter().map(|f| f.position).collect();
                format!(
                    "{} {}: the journal has (version, content, rows, decided) {} at {places:?}, not {}",
                    subject.0.stream(),
                    subject.1,
                    shown(&there),
                    shown(&wanted)
                )
            });
            if subject.0 == Kind::Traveller {
                continue;
            }
            // The index, which settles what comes next, says the same.
            let stream = Stream::find(subject.0.stream()).unwrap();
            let index = store.versions(stream, [subject.1.as_str()]).map(|mut all| all.pop().unwrap_or_default());
            let index: BTreeSet<_> =
                index.unwrap_or_default().iter().map(|v| (v.version, v.position, v.decided)).collect();
            let journal: BTreeSet<_> =
                found.iter().map(|f| (f.version, f.position, selected.contains_key(&f.position))).collect();
            self.faults.must(index == journal, || {
                format!("{}: the index has (version, position, decided) {index:?}, the journal {journal:?}", subject.1)
            });
        }
        self.faults.must(selected.len() == book.n_decided(), || {
            format!("{} selections where {} had to be", selected.len(), book.n_decided())
        });
    }

    /// What everybody was told against what the store holds.
    fn observers(&mut self, notes: &Notes, selected: &BTreeMap<u64, Selected>, has_kafka: bool) {
        for (position, told) in &notes.contents {
            match selected.get(position) {
                None => self.faults.note(format!("told and not in the store: {told}")),
                Some(kept) => self.faults.must(kept.content == *told, || {
                    format!(
                        "told differently than stored at {position}\n    told:   {told}\n    stored: {}",
                        kept.content
                    )
                }),
            }
        }
        let none = Vec::new();
        for (observer, whole, once) in [
            (http::OBSERVER, false, false),
            (events::OBSERVER, true, true),
            (webhook::OBSERVER, true, false),
            (files::OBSERVER, true, true),
            (kafka::OBSERVER, has_kafka, true),
        ] {
            let told = notes.by_observer.get(observer).unwrap_or(&none);
            let distinct: BTreeSet<_> = told.iter().copied().collect();
            match observer {
                http::OBSERVER => self.count("selections in answers", told.len()),
                events::OBSERVER => self.count("selections in events", told.len()),
                webhook::OBSERVER => self.count("selections in calls", told.len()),
                files::OBSERVER => self.count("selections in files", told.len()),
                _ => self.count("selections in topics", told.len()),
            }
            if whole {
                let missing: Vec<_> = selected.keys().filter(|p| !distinct.contains(p)).copied().collect();
                self.faults.must(missing.is_empty(), || {
                    format!(
                        "{observer}: {} selections missing, the first: {:?}",
                        missing.len(),
                        &missing[..missing.len().min(10)]
                    )
                });
            }
            if once {
                let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
                for position in told {
                    *counts.entry(*position).or_default() += 1;
                }
                let twice: Vec<_> = counts.into_iter().filter(|(_, n)| *n > 1).collect();
                self.faults.must(twice.is_empty(), || {
                    format!(
                        "{observer}: {} came more than once, the first: {:?}",
                        twice.len(),
                        &twice[..twice.len().min(10)]
                    )
                });
            }
            if observer == http::OBSERVER {
                continue;
            }
            // The first sight of each selection follows the versions of its subject.
            let mut sighted = BTreeSet::new();
            let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
            for position in told {
                let Some(of) = selected.get(position).filter(|_| sighted.insert(*position)) else { continue };
                let before = versions.insert(&of.subject, of.version).unwrap_or(0);
                self.faults.must(before < of.version, || {
                    format!("{observer}: version {} of {} came after {before}", of.version, of.subject)
                });
            }
        }
    }

    /// Exactly what is bad is in quarantine.
    fn quarantine(&mut self, store: &Store, book: &Book) {
        let (mut after, mut units) = (0, BTreeMap::<String, usize>::new());
        let mut unmarked = 0;
        loop {
            let page = store.quarantine(&QuarantineFilter::default(), after, 1000).unwrap_or_default();
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (position, record) in &page {
                let mark = marked(&record.text).or_else(|| marked(&record.reason)).map(str::to_owned);
                match mark.or_else(|| traveller_mark(&record.text)) {
                    Some(mark) if book.aside.contains_key(&mark) => *units.entry(mark).or_default() += 1,
                    None if record.code == "empty_message" => unmarked += 1,
                    _ => self.faults.note(format!(
                        "{}, {}: set aside without reason at {position}: {record:?}",
                        record.code, record.stream
                    )),
                }
            }
            self.count("units in quarantine", page.len());
        }
        for (mark, aside) in &book.aside {
            let n = units.get(mark).copied().unwrap_or(0);
            let right = (aside.units..=aside.units * aside.sent_max).contains(&n) && n % aside.units == 0;
            self.faults.must(right, || {
                format!("{n} units in quarantine for {mark}, of {} sent up to {} times", aside.units, aside.sent_max)
            });
        }
        self.faults.must(unmarked == book.tombstones, || {
            format!("{unmarked} empty messages in quarantine, {} sent", book.tombstones)
        });
    }

    /// Every decision taken again is the same.
    fn replays(&mut self, store: &Store) {
        let mut replayer = Replayer::new(store.clone(), context());
        for entry in store.entries(0).flatten() {
            match replayer.entry(&entry) {
                Ok(Some(replayed)) => {
                    self.count("decisions replayed", replayed.then.num_rows());
                    self.faults.must(replayed.same(), || {
                        format!("entry {} decides differently now: {:?}", entry.first, replayed.differing())
                    });
                }
                Ok(None) => {}
                Err(error) => self.faults.note(format!("entry {} cannot be decided again: {error}", entry.first)),
            }
        }
    }
}

impl Judgement {
    /// What was told of features, and what is kept of entities, is what the journal leads to.
    fn features(&mut self, store: &Store) {
        let context = context();
        let kept = store.release_at(store.next_position()).ok().flatten();
        let Some(release) = kept.and_then(|(_, kept)| Release::restore(&kept, &context).ok()) else {
            return self.faults.note("there are no rules to work features out by");
        };
        match audit_features(store, &release, 0) {
            Ok(audit) => {
                self.count("values of features worked out again", audit.values as usize);
                self.count("entities worked out again", audit.entities as usize);
                self.faults.must(audit.is_sound(), || format!("features are not what the journal says: {audit:?}"));
            }
            Err(error) => self.faults.note(error.to_string()),
        }
    }
}

fn context() -> ReleaseContext {
    ReleaseContext {
        secret: Secret::from_hex(SECRET).unwrap(),
        zone: chrono_tz::UTC,
        default_stream: None,
        options: haechi_evaluate::Options::default(),
    }
}

/// The mark of a traveller's row, whose content is the seat.
fn traveller_mark(text: &str) -> Option<String> {
    let row: Value = serde_json::from_str(text).ok()?;
    Some(mark(row["carrier_pax_ref"].as_str()?, row["seat"].as_str()?.chars().last()?))
}

/// A column as texts.
fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let Some(array) = rows.column_by_name(name) else { return vec![None; rows.num_rows()] };
    let plain = cast(array, &DataType::Utf8).unwrap();
    let plain = plain.as_any().downcast_ref::<StringArray>().unwrap();
    plain.iter().map(|text| text.map(str::to_owned)).collect()
}
