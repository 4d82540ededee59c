//! The process dies, or the disk takes no more: what was acknowledged is there, what was not is there whole or not at
//! all.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use haechi_model::streams::DECLARATION;
use haechi_store::{Commit, Encoded, Position, Store};

use crate::support::*;

const FOLDER: &str = "HAECHI_STORE_OF_CHILD";

/// The commit that begins at a position. Everything in it follows from the position, so that all of it can be checked.
fn at(first: Position) -> Encoded {
    let items = if first.is_multiple_of(3) { 700 } else { 1 };
    Commit {
        entries: vec![entry(first, &[subject(format!("s{first}"), 1, items), subject(format!("t{first}"), 1, 2)])],
        stands: vec![("source".to_owned(), Some(first.to_string()))],
        state: vec![(b"last".to_vec(), Some(first.to_be_bytes().to_vec()))],
        ..Commit::default()
    }
    .encode()
    .unwrap()
}

/// Checks that a store holds whole commits only; gives the last position.
fn check(store: &Store) -> Position {
    let mut last = 0;
    for stored in store.entries(0) {
        let stored = stored.unwrap();
        assert_eq!(stored.first, last + 1, "no entry is missing");
        let given = at(stored.first);
        let again = store.decisions(stored.first - 1).next().unwrap().unwrap();
        assert_eq!(again.first, stored.first);
        let first = stored.first;
        let subjects = [format!("s{first}"), format!("t{first}")];
        assert_eq!(texts(&again.selections, "subject_id"), subjects);
        let versions = store.versions(&DECLARATION, subjects.iter().map(String::as_str)).unwrap();
        let positions: Vec<_> = versions.iter().map(|versions| versions[0].position).collect();
        assert_eq!(positions, again.positions());
        assert!(given.bytes() > 0);
        let source = store.stands("source").unwrap().remove(0).1.parse::<Position>().unwrap();
        assert!(source >= first);
        last = stored.end() - 1;
        if source == first {
            assert_eq!(store.next_position(), last + 1);
            assert_eq!(store.state(b"last").unwrap().unwrap(), first.to_be_bytes());
        }
    }
    assert_eq!(store.next_position(), last + 1);
    assert!(store.verify(|_| ()).unwrap().is_sound());
    last
}

/// A process that writes until it is killed, and says so.
struct Writing {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    acknowledged: Position,
}

impl Writing {
    fn start(folder: &Path) -> Self {
        // Past its limit a file must fail to grow, and not end the process.
        let mut child = Command::new("bash")
            .args(["-c", "trap '' XFSZ; exec \"$0\" --exact kill::child --ignored --nocapture"])
            .arg(std::env::current_exe().unwrap())
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, acknowledged: 0 }
    }

    /// Reads on until that was said so many times.
    fn wait(&mut self, word: &str, times: usize) {
        let mut said = 0;
        while said < times {
            let line = self.lines.next().expect("the child goes on").unwrap();
            if let Some(position) = line.strip_prefix("committed ") {
                self.acknowledged = position.parse().unwrap();
            }
            said += usize::from(line.starts_with(word));
        }
    }

    /// Kills it; gives the last position that was acknowledged.
    fn kill(mut self) -> Position {
        self.child.kill().unwrap();
        for line in self.lines.map_while(Result::ok) {
            if let Some(position) = line.strip_prefix("committed ").and_then(|position| position.parse().ok()) {
                self.acknowledged = position;
            }
        }
        self.child.wait().unwrap();
        self.acknowledged
    }

    /// Lets its files grow to so many bytes.
    fn limit(&self, bytes: &str) -> bool {
        let pid = self.child.id().to_string();
        let limited = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
        limited.is_ok_and(|status| status.success())
    }
}

#[test]
#[ignore = "the tests below run it as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder));
    let say = |what: &str, position: Position| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{what} {position}").unwrap();
        out.flush().unwrap();
    };
    loop {
        let first = store.next_position();
        let (one, two) = (at(first), at(first + if first.is_multiple_of(3) { 702 } else { 3 }));
        let group = if first.is_multiple_of(2) { vec![one, two] } else { vec![one] };
        if store.write(group).is_ok() {
            say("committed", store.next_position() - 1);
            continue;
        }
        assert_eq!(store.next_position(), first);
        assert!(store.entry(first).unwrap().is_none(), "nothing of a failed write is seen");
        while let Err(error) = store.recover() {
            say("not recovered", first);
            assert!(error.to_string().contains(&*folder.to_string_lossy()), "{error}");
        }
        assert_eq!(store.next_position(), first);
        assert!(store.entry(first).unwrap().is_none(), "nor after recovery");
        say("recovered", first);
    }
}

#[test]
fn whoever_kills_the_process_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    for commits in [1, 30, 7, 55, 13] {
        let mut child = Writing::start(folder.path());
        child.wait("committed", commits);
        let acknowledged = child.kill();
        let store = open(folder.path());
        let last = check(&store);
        assert!(last >= acknowledged, "{acknowledged} was acknowledged, {last} is the last");
    }
}

#[test]
fn a_disk_that_takes_no_more_stops_writing_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Writing::start(folder.path());
    child.wait("committed", 5);
    if !child.limit("200000") {
        child.kill();
        return; // Without `prlimit` (util-linux) there is no way to have files stop growing.
    }
    child.wait("recovered", 3);
    assert!(child.limit("unlimited"));
    child.wait("committed", 40);
    let acknowledged = child.kill();
    let last = check(&open(folder.path()));
    assert!(last >= acknowledged, "{acknowledged} was acknowledged, {last} is the last");
}
