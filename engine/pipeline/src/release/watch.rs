//! Watches rule packs, and puts what has changed into force once it is checked and its tests have passed.
//!
//! Files are looked at, not waited for: that works on every file system, network ones too. A change is taken once two
//! looks in a row find the same, so that an editor or a `git pull` in the middle of its work is let finish. A checkout
//! of which only commits count is taken when its HEAD has moved and nothing in it differs from that commit.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::{LiveRelease, Refused, Release, ReleaseContext};
use crate::live::{Compiled, Refusal};
use crate::stream::wall_ms;

/// Code of the mistake that a file is there and cannot be read.
const UNREADABLE: &str = "E0101";

/// Where rules come from.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// Rule packs or rule files.
    pub paths: Vec<PathBuf>,
    /// Whether only what is committed to git counts.
    pub committed_only: bool,
    /// Pause between two looks.
    pub poll: Duration,
}

/// What came of watching.
#[derive(Clone, Debug, Default)]
pub struct WatchState {
    /// Why the newest state of the files is not in force; `None` if it is.
    pub refused: Option<Arc<Refused>>,
    /// Releases put into force since the start.
    pub swaps: u64,
}

/// Watches a rule source for a live release.
pub struct RuleWatch {
    source: RuleSource,
    context: ReleaseContext,
    live: Arc<LiveRelease>,
    state: Arc<Mutex<WatchState>>,
    /// What stood there before it was loaded.
    begun: Look,
}

/// Why a checkout is not taken.
struct Untaken {
    why: String,
    /// Git did not say what stands there; it may the next time.
    unread: bool,
}

/// What the files look like without being read: changes of it are changes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    files: Vec<(PathBuf, u64, Option<SystemTime>)>,
    revision: Option<String>,
}

impl RuleWatch {
    /// Loads what there is now; without a release that can be used, nothing can begin.
    pub fn begin(source: RuleSource, context: ReleaseContext) -> Result<Self, Refused> {
        // First, so that what changes while it is loaded is a change.
        let begun = source.look();
        let revision = source.revision().map_err(|untaken| Refused::because(untaken.why))?;
        let release = Release::load(&source.paths, revision, &context, wall_ms())?;
        tracing::info!(
            release = %release.hash(), rules = release.rules(), tests = release.tests, warnings = release.warnings,
            "rules loaded"
        );
        let live = Arc::new(LiveRelease::new(Compiled::from(release), |swap| {
            tracing::info!(release = %swap.hash, compiling_ms = swap.compiling.as_millis() as u64, "rules replaced");
            metrics::counter!("haechi_rules_swaps_total").increment(1);
        }));
        Ok(Self { source, context, live, state: Arc::default(), begun })
    }

    /// The release in force, now and later.
    pub fn live(&self) -> Arc<LiveRelease> {
        Arc::clone(&self.live)
    }

    /// What came of watching, now and later.
    pub fn state(&self) -> Arc<Mutex<WatchState>> {
        Arc::clone(&self.state)
    }

    /// Looks again and again until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let source = self.source.clone();
        let look = move || source.look();
        let mut before = self.begun.clone();
        // What was read last; `None` where it could not be, and is looked at again, changed or not.
        let mut known = Some(before.clone());
        let mut pause = tokio::time::interval(self.source.poll.max(Duration::from_millis(10)));
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let watch = Arc::new(self);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = pause.tick() => {}
            }
            let Ok(seen) = tokio::task::spawn_blocking(look.clone()).await else { continue };
            let steady = seen == before;
            before = seen.clone();
            if !steady || known.as_ref() == Some(&seen) {
                continue;
            }
            let taking = Arc::clone(&watch);
            // A panic is reported by the compiler's thread, and what was in force stays.
            let read = tokio::task::spawn_blocking(move || taking.take()).await.unwrap_or(true);
            known = read.then_some(seen);
        }
    }

    /// Has what stands there now compiled, and waits for it. Whether it could be read.
    fn take(&self) -> bool {
        let revision = match self.source.revision() {
            Ok(revision) => revision,
            Err(Untaken { why, unread }) => {
                self.refuse(Refused::because(why));
                return !unread;
            }
        };
        let in_force = self.live.current();
        let (paths, context, streams) =
            (self.source.paths.clone(), self.context.clone(), in_force.value.streams().collect::<Vec<_>>());
        let hash = in_force.hash.clone();
        self.live.request(move || {
            let release = Release::load(&paths, revision, &context, wall_ms())?;
            if let Some(stream) = streams.iter().find(|stream| release.decider(stream).is_none()) {
                return Err(Refused::because(format!(
                    "no rules for stream `{}` any more; records of it keep coming, so the old rules stay",
                    stream.name
                )));
            }
            Ok(Compiled::from(release))
        });
        self.live.settle();
        match self.live.refusal().as_deref() {
            None => {
                let mut state = self.locked();
                state.refused = None;
                state.swaps += u64::from(self.live.current().hash != hash);
                metrics::gauge!("haechi_rules_refused").set(0.0);
            }
            Some(Refusal::Mistakes(refused)) => {
                self.refuse(refused.clone());
                return !refused.diagnostics.iter().any(|mistake| mistake["code"] == UNREADABLE);
            }
            Some(Refusal::Panicked) => self.refuse(Refused::because("the rule compiler failed; this is a bug")),
        }
        true
    }

    fn refuse(&self, refused: Refused) {
        metrics::gauge!("haechi_rules_refused").set(1.0);
        let mut state = self.locked();
        // What is tried again and again is told once.
        if state.refused.as_ref().is_none_or(|known| known.report != refused.report) {
            tracing::error!(report = %refused.report, "rules refused, those in force stay: {}", refused.summary);
        }
        state.refused = Some(Arc::new(refused));
    }

    /// Every change of the state is an assignment.
    fn locked(&self) -> std::sync::MutexGuard<'_, WatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RuleSource {
    fn look(&self) -> Look {
        Look { files: self.files(), revision: self.head() }
    }

    /// All files below the paths, by name, hidden ones left out.
    fn files(&self) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
        let mut files = Vec::new();
        let mut folders = self.paths.clone();
        while let Some(path) = folders.pop() {
            let Ok(about) = std::fs::metadata(&path) else { continue };
            if !about.is_dir() {
                files.push((path, about.len(), about.modified().ok()));
                continue;
            }
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            folders.extend(entries.filter(|e| !e.file_name().to_string_lossy().starts_with('.')).map(|e| e.path()));
        }
        files.sort();
        files
    }

    /// The commit that a checkout stands at, if it is one of which only commits count.
    fn head(&self) -> Option<String> {
        self.committed_only.then(|| self.git(&["rev-parse", "HEAD"]).ok()).flatten()
    }

    /// The commit to take, or why it cannot be taken. Without git there is none.
    fn revision(&self) -> Result<Option<String>, Untaken> {
        if !self.committed_only {
            return Ok(None);
        }
        let unread = |why| Untaken { why, unread: true };
        let head = self.git(&["rev-parse", "HEAD"]).map_err(unread)?;
        let mut status = vec!["status", "--porcelain", "--"];
        let paths: Vec<String> = self.paths.iter().map(|path| absolute(path).display().to_string()).collect();
        status.extend(paths.iter().map(String::as_str));
        let differs = self.git(&status).map_err(unread)?;
        if differs.is_empty() {
            return Ok(Some(head));
        }
        let why = format!("the checkout differs from commit {head}; commit or discard:\n{differs}");
        Err(Untaken { why, unread: false })
    }

    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        let path = self.paths.first().ok_or("no rules are named")?;
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new(".")) };
        let output = Command::new("git").arg("-C").arg(folder).args(arguments).output();
        let output = output.map_err(|e| format!("cannot run git, which `committed_only` needs: {e}"))?;
        if !output.status.success() {
            return Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
