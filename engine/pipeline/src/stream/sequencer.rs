//! Where the one order of everything arises: what a message is to what is known of its subject, positions, decisions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_model::intake::SetAside;
use haechi_store::{Commit, Outcome as QuarantineOutcome, Position, Resolution, SetAsideRecord, Store, StoreError};

use super::block::{ID_BYTES_MAX, Ids, identities, runs, unite, with_what_follows};
use super::clock::Clock;
use super::content::Hasher;
use super::engine::EngineOptions;
use super::entities::Entities;
use super::inbox::{Inbox, Order, Reply, Urgency};
use super::overlay::Overlay;
use super::placing::{Placing, place_all};
use super::reach::Reach;
use super::remembering::{Known, Remembering};
use super::settling::Settlement;
use super::versions::Fate;
use super::work::{From, Settled, Work};
use crate::decide::DecideError;
use crate::live::Rules;
use crate::release::{LiveRelease, Release};

/// Takes deliveries out of the inbox, and gives work to the encoder.
pub(crate) struct Sequencer {
    inbox: Arc<Inbox>,
    store: Store,
    rules: Arc<LiveRelease>,
    clock: Clock,
    next: Position,
    overlay: Overlay,
    remembering: Remembering,
    /// Hash of the release that the last commit was made by.
    release: Option<[u8; 32]>,
    number: u64,
    block_rows: usize,
}

/// A block in the making: the deliveries taken out together, and what has become of them so far.
struct Turn<'a> {
    release: &'a Release,
    /// The rows of each delivery.
    parts: &'a [RecordBatch],
    settled: &'a mut [Settled],
    work: &'a mut Work,
}

/// Rows could not be settled together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Decide(#[from] DecideError),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    #[error("settling failed; this is a bug")]
    Bug,
}

/// Pause before the store is asked again.
const PAUSE: Duration = Duration::from_millis(50);

impl Sequencer {
    /// A sequencer that goes on where the store ends. `committed` will hold the number of the last commit written.
    pub fn new(
        inbox: Arc<Inbox>,
        store: Store,
        rules: Arc<LiveRelease>,
        committed: Arc<AtomicU64>,
        options: &EngineOptions,
    ) -> Result<Self, SettleError> {
        let next = store.next_position();
        let release = store.release_at(next)?.map(|(_, release)| release.hash);
        let clock = Clock::after(store.last_known_at_ms());
        let overlay = Overlay::new(Arc::clone(&committed));
        let reach = Reach::behind(options.features_behind);
        let remembering = Remembering::start(&store, Arc::clone(&rules.current().value.memory), committed, reach)?;
        let block_rows = options.block_rows.max(1);
        Ok(Self { inbox, store, rules, clock, next, overlay, remembering, release, number: 0, block_rows })
    }

    /// All that is known of entities, for whoever asks, and what the store keeps of them.
    pub fn known(&self) -> (Known, Arc<Entities>) {
        (self.remembering.shared(), Arc::clone(self.remembering.entities()))
    }

    /// Works until the inbox is closed and empty, or nobody takes the work.
    pub fn run(mut self, to_encoder: &SyncSender<Work>) {
        let inbox = Arc::clone(&self.inbox);
        while let Some((urgency, orders)) = inbox.take(self.block_rows) {
            let work = self.work(urgency, orders);
            if to_encoder.send(work).is_err() {
                return inbox.abandon();
            }
        }
    }

    #[tracing::instrument(name = "block", skip_all, fields(urgency = urgency.name(), deliveries = orders.len(), rows, first = self.next))]
    fn work(&mut self, urgency: Urgency, orders: Vec<Order>) -> Work {
        let start = Instant::now();
        self.overlay.prune();
        self.number += 1;
        let rules = self.rules.current();
        let now_ms = self.clock.now();
        let mut work = Work::new(self.number, urgency, now_ms);
        self.note_release(&rules, &mut work.commit);
        self.remember_under(&rules.value);

        let mut streams: Vec<(&'static Stream, Vec<usize>)> = Vec::new();
        let mut settled: Vec<Settled> = Vec::with_capacity(orders.len());
        let mut parts: Vec<RecordBatch> = Vec::with_capacity(orders.len());
        for (place, order) in orders.into_iter().enumerate() {
            let Order { delivery, reply, replays, arrived, room } = order;
            let stream = delivery.stream;
            match streams.iter_mut().find(|(known, _)| known.name == stream.name) {
                Some((_, places)) => places.push(place),
                None => streams.push((stream, vec![place])),
            }
            parts.push(delivery.rows);
            work.commit.stands.extend(delivery.stand.map(|stand| (stand.of, stand.at)));
            let mut of_order = Settled::new(reply, room, arrived, delivery.warnings);
            of_order.replays = replays;
            for unit in delivery.set_aside {
                self.set_aside(stream, unit, &mut of_order, &mut work);
            }
            settled.push(of_order);
        }
        tracing::Span::current().record("rows", parts.iter().map(RecordBatch::num_rows).sum::<usize>());
        let mut turn = Turn { release: &rules.value, parts: &parts, settled: &mut settled, work: &mut work };
        for (stream, places) in streams {
            self.stream_or_apart(&mut turn, stream, &places);
        }
        for of_order in &mut settled {
            resolve(of_order, now_ms, &mut work.commit);
        }
        self.remembering.keep(&mut work.commit, self.number, self.next, now_ms);
        work.orders = settled;
        metrics::histogram!("haechi_block_seconds", "urgency" => urgency.name()).record(start.elapsed());
        work
    }

    /// The rules in force are those of this block from here on: it is kept with them in the same commit.
    fn note_release(&mut self, rules: &Rules<Release>, commit: &mut Commit) {
        let kept = &rules.value.kept;
        if self.release != Some(kept.hash) {
            self.release = Some(kept.hash);
            commit.release = Some((self.next, (**kept).clone()));
        }
    }

    /// What is remembered goes on under these rules. While the store cannot be read, nothing goes on.
    fn remember_under(&mut self, release: &Release) {
        let Self { remembering, overlay, store, next, .. } = self;
        let versions = |stream, ids: &[&str]| overlay.versions(store, stream, ids.iter().copied());
        loop {
            match remembering.turn(&release.memory, *next, &versions) {
                Ok(()) => return,
                Err(SettleError::Store(error)) if error.may_pass() => {
                    tracing::debug!(%error, "what is remembered cannot be read yet");
                    std::thread::sleep(PAUSE);
                }
                Err(error) => {
                    tracing::error!(%error, "new features cannot be filled and stay NULL");
                    return;
                }
            }
        }
    }

    /// Settles the rows of a stream. What fails as a whole is tried one delivery at a time; what fails alone is set aside.
    fn stream_or_apart(&mut self, turn: &mut Turn<'_>, stream: &'static Stream, places: &[usize]) {
        let error = match self.stream_in_time(turn, stream, places) {
            Ok(()) => return,
            Err(error) => error,
        };
        let [place] = places else {
            for place in places {
                self.stream_or_apart(turn, stream, &[*place]);
            }
            return;
        };
        tracing::error!(stream = stream.name, %error, "a delivery could not be settled and is set aside");
        let reason = error.to_string();
        for row in 0..turn.parts[*place].num_rows() {
            let unit = unit_of_row(&turn.parts[*place], row, "not_settled", &reason);
            self.set_aside(stream, unit, &mut turn.settled[*place], turn.work);
        }
    }

    /// As [`Sequencer::stream`], again and again while it is the store that cannot be read: it is opened anew where a
    /// write has failed, and nothing is wrong with what waits for that. A panic is an error like others.
    fn stream_in_time(
        &mut self,
        turn: &mut Turn<'_>,
        stream: &'static Stream,
        places: &[usize],
    ) -> Result<(), SettleError> {
        let first = self.next;
        let mark = self.remembering.mark();
        loop {
            let settled = catch_unwind(AssertUnwindSafe(|| self.stream(turn, stream, places)));
            let error = match settled {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => SettleError::Bug,
            };
            self.next = first;
            self.remembering.take_back(mark);
            match error {
                SettleError::Store(error) if error.may_pass() => {
                    tracing::debug!(%error, "what is known of subjects cannot be read yet");
                    std::thread::sleep(PAUSE);
                }
                error => return Err(error),
            }
        }
    }

    /// Settles and decides the rows of one stream. Where it fails, the turn is as it was.
    fn stream(&mut self, turn: &mut Turn<'_>, stream: &'static Stream, places: &[usize]) -> Result<(), SettleError> {
        let Turn { release, parts, settled, work } = turn;
        let of_stream: Vec<&RecordBatch> = places.iter().map(|place| &parts[*place]).collect();
        if of_stream.iter().all(|part| part.num_rows() == 0) {
            return Ok(());
        }
        let rows = unite(stream, &of_stream)?;
        // Facts are settled like subjects, and nothing is decided about them.
        let decider = match stream.lanes {
            Some(_) => Some(release.decider(stream).ok_or(DecideError::NoRules(stream.name))?),
            None => None,
        };
        let ends: Vec<usize> = of_stream
            .iter()
            .scan(0, |end, part| {
                *end += part.num_rows();
                Some(*end)
            })
            .collect();
        let no_key = || DecideError::Arrow(ArrowError::SchemaError(format!("no column `{}`", stream.subject_key)));
        let with_key = decider.map(|decider| decider.derive_key(&rows, work.now_ms)).transpose()?;
        let key = identities(stream, with_key.as_ref().unwrap_or(&rows))?.ok_or_else(no_key)?;
        let ids = Ids::of(&key).ok_or_else(no_key)?;
        let (runs, nobody) = runs(&ids, rows.column_by_name("version"), &ends);
        let known = runs.iter().map(|run| ids.get(run.rows.start).unwrap_or_default());
        let known = self.overlay.versions(&self.store, stream, known)?;
        let mut settlement = Settlement::of(&ids, runs, known, &mut Hasher::new(&rows)?);

        let kept = match decider {
            Some(decider) => with_what_follows(stream, &rows, &of_stream, &key, |rows, column| {
                decider.derive_column(rows, column, work.now_ms)
            })?,
            None => rows.clone(),
        };
        let (overlay, store) = (&self.overlay, &self.store);
        let versions = |stream, ids: &[&str]| overlay.versions(store, stream, ids.iter().copied());
        let placing =
            Placing { stream, now_ms: work.now_ms, decider, remembering: &mut self.remembering, versions: &versions };
        let placed = place_all(placing, self.next, &kept, &mut settlement)?;

        // Nothing fails from here on.
        self.next = placed.next;
        placed.entries.iter().for_each(|entry| self.remembering.note(self.number, entry));
        let noted =
            settlement.changed().filter_map(|(row, versions)| Some((Box::from(ids.get(row)?), versions.to_vec())));
        self.overlay.note(self.number, stream, noted);
        for (place, sent) in settlement.sent.iter().enumerate() {
            let of_order = &mut settled[places[sent.run.order]];
            let id = ids.get(sent.run.rows.start).unwrap_or_default();
            // What repeats something that could not be decided on is no better than that.
            let original = settlement.original(place).unwrap_or(place);
            let fault = match (placed.failed.get(&original), sent.fate) {
                (Some(reason), _) => Some(("not_decided", reason.clone())),
                (None, Fate::Conflict { version }) => Some(("version_conflict", conflict(stream, version))),
                _ => None,
            };
            if let Some((code, reason)) = fault {
                for row in sent.run.rows.clone() {
                    self.set_aside(stream, unit_of_row(&rows, row, code, &reason), of_order, work);
                }
                continue;
            }
            work.count(stream, sent.fate);
            let here = placed.selections.get(&place).map(|(batch, row)| From::Here(batch.clone(), *row));
            if let Some(position) = settlement.stands_at(place) {
                of_order.first_position.get_or_insert(position);
            }
            if matches!(of_order.reply, Reply::Answer(_)) && decider.is_some() {
                of_order.subjects.push(settlement.pending(place, id, here));
            }
        }
        for row in nobody {
            let order = places[ends.partition_point(|end| *end <= row)];
            let (code, reason) = no_id(stream, &ids, row);
            self.set_aside(stream, unit_of_row(&rows, row, code, &reason), &mut settled[order], work);
        }
        work.commit.entries.extend(placed.entries);
        Ok(())
    }

    fn set_aside(&mut self, stream: &'static Stream, unit: SetAside, of_order: &mut Settled, work: &mut Work) {
        let position = self.next;
        self.next += 1;
        metrics::counter!("haechi_set_aside_total", "code" => unit.code, "stream" => stream.name).increment(1);
        let record = SetAsideRecord::new(unit.clone(), stream.name, work.now_ms);
        work.commit.quarantined.push((position, record));
        of_order.set_aside.push((position, unit));
    }
}

fn conflict(stream: &Stream, version: i32) -> String {
    format!(
        "version {version} of {} was sent before with other content; send the change under a higher version, or without one",
        stream.subject_key
    )
}

/// Why a row belongs to nobody.
fn no_id(stream: &Stream, ids: &Ids<'_>, row: usize) -> (&'static str, String) {
    match ids.given(row) {
        None => ("missing_key", format!("`{}` is missing and nothing gives it", stream.subject_key)),
        Some(id) => (
            "long_key",
            format!("`{}` has {} bytes; an identifier has at most {ID_BYTES_MAX}", stream.subject_key, id.len()),
        ),
    }
}

/// A unit of the quarantine that was sent again and read is out of it with the same commit.
fn resolve(of_order: &mut Settled, now_ms: i64, commit: &mut Commit) {
    let Some((unit, who)) = of_order.replays.take() else { return };
    if let (Some(position), true) = (of_order.first_position, of_order.set_aside.is_empty()) {
        let outcome = QuarantineOutcome::Replayed { position };
        commit.resolved.push((unit, Resolution { outcome, who, at_ms: now_ms }));
    }
}

/// A row as a unit that is set aside.
fn unit_of_row(rows: &RecordBatch, row: usize, code: &'static str, reason: &str) -> SetAside {
    let text = |name: &str| {
        let plain = rows.column_by_name(name).and_then(|array| cast(array, &DataType::Utf8).ok())?;
        let texts = plain.as_any().downcast_ref::<StringArray>()?;
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    let raw = haechi_connectors::tabular::row_text(rows, row);
    let (source, position) = (text("source").unwrap_or_default(), text("source_position").unwrap_or_default());
    SetAside::new(source, position, code, reason, raw.as_bytes())
}
