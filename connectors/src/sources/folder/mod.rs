//! `folder`: files that appear in a folder, each read when it is finished, then moved to `done/` or `failed/`.
//!
//! A file is finished once its size and its time have not changed for a while; who can, writes it under a name that is
//! left alone (beginning with `.`, or ending in `.tmp`, `.part` or `.unfinished`) and renames it. The folder is looked
//! at again and again, which works on network file systems too. Files are read in the order of their names.
//!
//! A large file is read in batches, each of them a delivery with the stand of the file in it ([`FileStand`]): after a
//! kill it is read on exactly where the last commit stood. The file is moved once all of it is committed, and then its
//! stand forgotten. Of a file of the same name and identity that comes again while its stand is still kept (moved, and
//! killed before the stand was forgotten) nothing is read twice.
//!
//! | what | what becomes of it |
//! |---|---|
//! | read to its end | `done/`; what could not be read of it is in quarantine |
//! | cannot be read at all | `failed/`, and one unit in quarantine that says why |
//! | breaks off in the middle | `failed/`; what was read stays, the fault is in quarantine |
//! | the system refuses it (permissions, a network away) | left where it is and tried again |
//! | changes while it is read | left where it is and read again from its start: subjects that say the same are known |
//! | is replaced before it is moved | the new one stays, or is moved back where it was moved already, and is read |
//! | is taken away while it is read | what was read stays |
//! | is no regular file (a link, a pipe, a device) | left alone, which is said once |
//!
//! Neither folder ever loses a file to another of the same name: the later one gets a number behind its name.

mod files;
mod reader;
mod stand;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glob::Pattern;
use haechi_model::Stream;
use haechi_model::intake::SetAside;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use self::files::{Folders, Found, Look, Moved};
use self::reader::{Reads, Step};
use self::stand::{FileStand, Identity};
use super::in_flight::{Ended, InFlight};
use super::reading::{Reading, default_zone};
use crate::mapping::Mapping;
use crate::options::ReadOptions;
use crate::read::no_rows;
use crate::source::{BoxFuture, Delivery, FeedError, Source, SourceContext, SourceError, Stand};

/// What stands in the settings of a source of the kind `folder`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder.
    pub path: PathBuf,
    /// What the rows of its files are: `declaration`, `consignment`, `traveller` or another stream.
    pub stream: String,
    /// Mapping file that says which of their columns is which of ours; default: columns have our names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<PathBuf>,
    /// Zone of times that carry none, by its IANA name; default: `UTC`. A mapping may say otherwise.
    #[serde(default = "default_zone")]
    pub zone: String,
    /// Which files are read, by name; default: `*`, all of them.
    #[serde(default = "default_pattern")]
    pub pattern: String,
    /// How often the folder is looked at, in milliseconds; default: 1000.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// How long a file has not changed when it is finished, in milliseconds; default: 2000.
    #[serde(default = "default_settle_ms")]
    pub settle_ms: u64,
    /// Rows of a delivery; default: 16,384.
    #[serde(default = "default_batch_rows")]
    pub batch_rows: usize,
    /// Where files go that were read, inside the folder if relative; default: `done`. On the same file system.
    #[serde(default = "default_done")]
    pub done: PathBuf,
    /// Where files go that could not be read; default: `failed`.
    #[serde(default = "default_failed")]
    pub failed: PathBuf,
}

fn default_pattern() -> String {
    "*".to_owned()
}

fn default_poll_ms() -> u64 {
    1_000
}

fn default_settle_ms() -> u64 {
    2_000
}

fn default_batch_rows() -> usize {
    ReadOptions::default().batch_rows
}

fn default_done() -> PathBuf {
    "done".into()
}

fn default_failed() -> PathBuf {
    "failed".into()
}

/// A folder that is watched.
pub struct FolderSource {
    name: String,
    stream: &'static Stream,
    mapping: Option<Arc<Mapping>>,
    options: ReadOptions,
    pattern: Pattern,
    poll: Duration,
    settle: Duration,
    folders: Arc<Folders>,
}

impl FolderSource {
    /// Checks the settings. The folder need not be there yet.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, String> {
        let Settings { stream, mapping, zone, .. } = settings;
        let Reading { stream, mapping, options } = Reading::open(stream, mapping.as_deref(), zone)?;
        let pattern = Pattern::new(&settings.pattern).map_err(|error| format!("`pattern`: {error}"))?;
        if settings.done == settings.failed {
            return Err("`done` and `failed`: are the same folder; name two".to_owned());
        }
        let options = ReadOptions { batch_rows: settings.batch_rows.max(1), ..options };
        Ok(Self {
            name: name.to_owned(),
            stream,
            mapping: mapping.map(Arc::new),
            options,
            pattern,
            poll: Duration::from_millis(settings.poll_ms.max(1)),
            settle: Duration::from_millis(settings.settle_ms),
            folders: Arc::new(Folders::new(&settings.path, &settings.done, &settings.failed)),
        })
    }
}

impl Source for FolderSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, Result<(), SourceError>> {
        let in_flight = InFlight::new(&self.name, &context);
        let name = self.name.clone();
        let mut watch = Watch {
            source: *self,
            context,
            in_flight,
            look: Look::default(),
            unmoved: HashMap::new(),
            no_files: HashSet::new(),
            refused: HashSet::new(),
            is_up: None,
        };
        Box::pin(async move { watch.run().await.or_else(|ended| ended.result(&name)) })
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Failed,
    /// Not there any more.
    Gone,
    /// It stays where it is, to be read again.
    Stays,
    /// It stays where it is, and what was read of it is not known any more.
    Changed,
}

/// A folder being watched.
struct Watch {
    source: FolderSource,
    context: SourceContext,
    in_flight: InFlight,
    look: Look,
    /// Files that are read but could not be moved.
    unmoved: HashMap<String, (Found, Fate)>,
    /// What is neither file nor folder, and of which that was said.
    no_files: HashSet<String>,
    /// Files that the system would not let us read or move, and of which that was said.
    refused: HashSet<String>,
    /// Whether the folder could be looked at the last time.
    is_up: Option<bool>,
}

impl Watch {
    async fn run(&mut self) -> Result<(), Ended> {
        let mut begins = true;
        while !self.context.stop.is_cancelled() {
            match self.look_once(begins).await {
                Ok(looked) => begins &= !looked,
                Err(Ended::Stopped) => break,
                Err(fault) => return Err(fault),
            }
            tokio::select! {
                () = self.context.stop.cancelled() => {}
                () = tokio::time::sleep(self.source.poll) => {}
            }
        }
        // What was handed over is waited for.
        self.in_flight.settled().await
    }

    /// Looks at the folder and reads what is finished in it; `false` where the folder cannot be looked at.
    async fn look_once(&mut self, begins: bool) -> Result<bool, Ended> {
        let (folders, pattern) = (self.source.folders.clone(), self.source.pattern.clone());
        let listed = spawn_blocking(move || folders.list(&pattern)).await.map_err(std::io::Error::other);
        let listed = match listed.and_then(|listed| listed) {
            Ok(listed) => listed,
            Err(error) => {
                self.is_up(false, &error.to_string());
                return Ok(false);
            }
        };
        self.is_up(true, "");
        if begins && listed.is_ours {
            self.forget_those_gone(&listed.all).await?;
        }
        self.leave_alone(listed.no_files);
        let finished = self.look.finished(listed.files, self.source.settle, Instant::now());
        metrics::gauge!("haechi_source_files_waiting", "source" => self.source.name.clone()).set(finished.len() as f64);
        for found in finished {
            if self.context.stop.is_cancelled() {
                return Err(Ended::Stopped);
            }
            let fate = match self.unmoved.remove(&found.name) {
                Some((same, fate)) if same == found => self.still_the_same(&found).await.unwrap_or(fate),
                _ => self.read(&found).await?,
            };
            self.put_away(found, fate).await?;
        }
        self.in_flight.settled().await?;
        Ok(true)
    }

    fn is_up(&mut self, is_up: bool, why: &str) {
        metrics::gauge!("haechi_source_up", "source" => self.source.name.clone()).set(f64::from(u8::from(is_up)));
        let was = self.is_up.replace(is_up);
        let (source, path) = (&self.source.name, self.source.folders.path().display());
        match (was, is_up) {
            (Some(true) | None, false) => {
                tracing::warn!(source, %path, why, "the folder cannot be read; it is tried again");
            }
            (Some(false), true) => tracing::info!(source, %path, "the folder can be read again"),
            _ => {}
        }
    }

    /// What is no regular file is not read: a pipe would block for ever, a link may lead to what is nobody's to send.
    fn leave_alone(&mut self, no_files: Vec<String>) {
        let before = std::mem::take(&mut self.no_files);
        for file in no_files {
            if !before.contains(&file) {
                tracing::warn!(source = self.source.name, file, "is no regular file and is left alone");
            }
            self.no_files.insert(file);
        }
    }

    /// The stand of a file is of no use once the file has gone.
    async fn forget_those_gone(&mut self, all: &HashSet<String>) -> Result<(), Ended> {
        let prefix = format!("{}/", self.source.name);
        for (of, _) in self.stands(&prefix).await? {
            if of.strip_prefix(&prefix).is_some_and(|name| !all.contains(name)) {
                self.forget(of).await?;
            }
        }
        Ok(())
    }

    async fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, Ended> {
        let (feed, prefix) = (self.context.feed.clone(), prefix.to_owned());
        let stands = spawn_blocking(move || feed.stands(&prefix)).await;
        stands.map_err(|error| Ended::from(FeedError(Box::new(error)))).and_then(|stands| Ok(stands?))
    }

    async fn forget(&mut self, of: String) -> Result<(), Ended> {
        self.in_flight.hand_over(self.delivery(Some(Stand { of, at: None }))).await
    }

    /// A delivery without rows.
    fn delivery(&self, stand: Option<Stand>) -> Delivery {
        let stream = self.source.stream;
        Delivery { stream, rows: no_rows(stream), warnings: Vec::new(), set_aside: Vec::new(), stand }
    }

    /// Reads a file from where it stands; returns once everything is committed.
    async fn read(&mut self, found: &Found) -> Result<Fate, Ended> {
        let of = format!("{}/{}", self.source.name, found.name);
        let path = found.path.clone();
        // Others were read since it was found: it may be no file any more.
        let identity = spawn_blocking(move || Found::at(path).and_then(|now| Identity::of(&now.path))).await;
        let identity = match identity.map_err(std::io::Error::other) {
            Ok(Ok(identity)) => identity,
            Ok(Err(error)) | Err(error) => return Ok(self.refused(found, &error)),
        };
        let known =
            self.stands(&of).await?.into_iter().find(|(name, _)| *name == of).map(|(_, at)| FileStand::parse(&at));
        let mut stand = match known {
            Some(Some(stand)) if stand.file == identity => {
                tracing::info!(source = self.source.name, file = found.name, rows = stand.rows, "reading on");
                stand
            }
            Some(_) => {
                let (source, file) = (&self.source.name, &found.name);
                tracing::warn!(source, file, "is not the file that was begun; it is read from its start");
                FileStand::begin(identity, self.source.options.batch_rows)
            }
            None => FileStand::begin(identity, self.source.options.batch_rows),
        };
        let mut steps = Reads {
            name: of.clone(),
            path: found.path.clone(),
            stream: self.source.stream,
            mapping: self.source.mapping.clone(),
            options: ReadOptions { batch_rows: stand.batch_rows, ..self.source.options.clone() },
            from: stand.clone(),
        }
        .start();
        let fate = loop {
            let step = tokio::select! {
                biased;
                () = self.context.stop.cancelled() => return Err(Ended::Stopped),
                step = steps.recv() => step,
            };
            let delivery = match step {
                Some(Step::Intake(intake)) => Delivery::new(self.source.stream, intake, None),
                Some(Step::Fault { code, reason, text }) => {
                    let unit = SetAside::new(&*of, "byte 0", code, reason, &text);
                    Delivery { set_aside: vec![unit], ..self.delivery(None) }
                }
                Some(Step::Refused(error)) => break self.refused(found, &error),
                Some(Step::Failed) => break Fate::Failed,
                Some(Step::Done) => break Fate::Done,
                None => {
                    tracing::error!(source = self.source.name, file = found.name, "the reader failed; this is a bug");
                    break Fate::Failed;
                }
            };
            stand.add(&delivery);
            let stand = Some(Stand { of: of.clone(), at: Some(stand.to_string()) });
            self.in_flight.hand_over(Delivery { stand, ..delivery }).await?;
        };
        self.in_flight.settled().await?;
        Ok(match fate {
            Fate::Done | Fate::Failed => self.still_the_same(found).await.unwrap_or(fate),
            other => other,
        })
    }

    /// What the system will not let us read may be there later.
    fn refused(&mut self, found: &Found, error: &std::io::Error) -> Fate {
        let (source, file) = (&self.source.name, &found.name);
        if error.kind() == std::io::ErrorKind::NotFound {
            tracing::warn!(source, file, "was taken away before it was read to its end; what was read of it stays");
            return Fate::Gone;
        }
        if self.refused.insert(found.name.clone()) {
            tracing::warn!(source, file, %error, "cannot be read; it is left where it is and tried again");
        }
        Fate::Stays
    }

    /// Whether the file changed or went while it was read.
    async fn still_the_same(&self, found: &Found) -> Option<Fate> {
        let path = found.path.clone();
        let now = spawn_blocking(move || Found::at(path)).await.ok()?;
        let (source, file) = (&self.source.name, &found.name);
        match now {
            Ok(now) if now == *found => None,
            Ok(_) => {
                tracing::warn!(
                    source,
                    file,
                    "was changed while it was read; what was read stays, and it is read again from its start once it is \
                     finished. Write files under a name that begins with `.` and rename them"
                );
                Some(Fate::Changed)
            }
            Err(_) => {
                tracing::warn!(source, file, "was taken away while it was read; what was read of it stays");
                Some(Fate::Gone)
            }
        }
    }

    /// Moves a file where it belongs and forgets its stand.
    async fn put_away(&mut self, found: Found, fate: Fate) -> Result<(), Ended> {
        if fate == Fate::Stays {
            self.look.forget(&found.name);
            return Ok(());
        }
        if matches!(fate, Fate::Done | Fate::Failed) {
            let (folders, of) = (self.source.folders.clone(), found.clone());
            let moved = spawn_blocking(move || folders.put_away(&of, fate == Fate::Done)).await;
            match moved.map_err(std::io::Error::other).and_then(|moved| moved) {
                Ok(moved) => self.count(&found, fate, &moved),
                Err(error) => {
                    let (source, file) = (&self.source.name, &found.name);
                    if self.refused.insert(file.clone()) {
                        tracing::error!(
                            source,
                            file,
                            %error,
                            "is read, but cannot be moved; `done` and `failed` have to be on its file system and \
                             writable. It is tried again"
                        );
                    }
                    self.unmoved.insert(found.name.clone(), (found, fate));
                    return Ok(());
                }
            }
        }
        self.refused.remove(&found.name);
        self.look.forget(&found.name);
        self.forget(format!("{}/{}", self.source.name, found.name)).await
    }

    fn count(&self, found: &Found, fate: Fate, moved: &Moved) {
        let (source, file) = (&self.source.name, &found.name);
        let result = if fate == Fate::Done { "done" } else { "failed" };
        metrics::counter!("haechi_source_messages_total", "source" => source.clone(), "result" => result).increment(1);
        metrics::counter!("haechi_source_bytes_total", "source" => source.clone()).increment(found.bytes());
        match moved {
            Moved::To(to) => tracing::info!(source, file, to = %to.display(), "read"),
            Moved::Replaced => {
                tracing::warn!(source, file, "read, and replaced before it could be moved; the new one is read next");
            }
            Moved::Astray(at) => tracing::error!(
                source,
                file,
                at = %at.display(),
                "was replaced twice while it was moved: the one that came between is not read. Move it back, under a \
                 name that is not taken"
            ),
        }
    }
}
