use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::source::{SourceSettings, open};
use crate::sources::testing::{Committed, Engine, Running};

/// A folder and the engine that its files go to.
struct Watched {
    dir: tempfile::TempDir,
    engine: Arc<Engine>,
}

impl Watched {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), engine: Arc::default() }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        // As everybody should: under a name that is left alone, then renamed.
        let unfinished = self.dir.path().join(format!(".{name}"));
        fs::write(&unfinished, content).unwrap();
        fs::rename(unfinished, self.dir.path().join(name)).unwrap();
    }

    fn start(&self, batch_rows: usize) -> Running {
        let path = self.dir.path();
        Running::start(FolderSource::open("in", &settings(path, batch_rows)).unwrap(), &self.engine)
    }

    /// Names in the folder and in those where files go, in order.
    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.dir.path().join(folder)) else { return Vec::new() };
        let files = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
        let mut names: Vec<String> = files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    async fn until_all_put_away(&self, n: usize) {
        let away = || self.names("done").len() + self.names("failed").len() == n;
        self.engine.until("files are put away", |committed| away() && committed.stands.is_empty()).await;
    }

    fn rows(&self) -> Vec<String> {
        self.engine.committed().rows.clone()
    }
}

fn settings(path: &Path, batch_rows: usize) -> Settings {
    let text = format!(
        "path = '{}'\nstream = 'declaration'\npoll_ms = 5\nsettle_ms = 0\npattern = '*.csv*'\nbatch_rows = {batch_rows}",
        path.display()
    );
    toml::from_str(&text).unwrap()
}

/// Declarations of one to three items, and what their rows are called; one row in seven is faulty.
fn declarations(prefix: &str, n: usize) -> (String, Vec<String>, usize) {
    let (mut text, mut rows, mut n_faulty) = ("declaration_id,item_no,hs_code\n".to_owned(), Vec::new(), 0);
    for declaration in 0..n {
        for item in 1..=declaration % 3 + 1 {
            let faulty = (declaration + item) % 7 == 0;
            let code = if faulty { "?" } else { "850440" };
            writeln!(text, "{prefix}{declaration},{item},{code}").unwrap();
            n_faulty += usize::from(faulty);
            if !faulty {
                rows.push(format!("{prefix}{declaration}/{item}"));
            }
        }
    }
    (text, rows, n_faulty)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_in_name_order_and_put_away() {
    let watched = Watched::new();
    for name in ["b.csv", "a.csv"] {
        watched.file(name, format!("declaration_id,item_no\n{},1\n", &name[..1]));
    }
    for name in [".c.csv", "c.csv.tmp", "c.csv.part", "c.csv.unfinished", "c.txt"] {
        fs::write(watched.dir.path().join(name), "declaration_id,item_no\nC,1\n").unwrap();
    }
    let running = watched.start(100);
    watched.until_all_put_away(2).await;
    assert_eq!(watched.rows(), ["A/1", "B/1"]);
    assert_eq!(watched.engine.committed().positions, ["in/a.csv line 2", "in/b.csv line 2"]);
    // The same name again is another file.
    watched.file("a.csv", "declaration_id,item_no\nZ,1\n");
    watched.until_all_put_away(3).await;
    running.stop().await;
    assert_eq!(watched.rows(), ["A/1", "B/1", "Z/1"]);
    assert_eq!(watched.names("done"), ["a.csv", "a.csv.2", "b.csv"]);
    assert_eq!(watched.names(""), [".c.csv", "c.csv.part", "c.csv.tmp", "c.csv.unfinished", "c.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_commit_every_row_comes_once() {
    let (text, expected, n_faulty) = declarations("D", 60);
    for killed_after in 0..15 {
        let watched = Watched::new();
        watched.file("day.csv", &text);
        watched.engine.committed().killed_after = Some(killed_after);
        let running = watched.start(5);
        watched.engine.until("it is killed", |committed| !committed.unanswered.is_empty()).await;
        running.kill(&watched.engine).await;
        // The batch size was changed meanwhile.
        let running = watched.start(7);
        watched.until_all_put_away(1).await;
        running.stop().await;
        assert_eq!(watched.rows(), expected, "killed after {killed_after}");
        assert_eq!(watched.engine.committed().set_aside.len(), n_faulty, "killed after {killed_after}");
        assert_eq!(watched.names("done"), ["day.csv"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_ends_it_and_is_read_after_a_restart() {
    let (text, expected, n_faulty) = declarations("D", 60);
    let watched = Watched::new();
    watched.file("day.csv", &text);
    watched.engine.committed().ends_after = Some(3);
    let why = watched.start(5).ended().await;
    assert!(why.starts_with("source `in`: in/day.csv line "), "{why}");
    assert!(why.contains("not committed: the block cannot be encoded"), "{why}");
    assert_eq!(watched.engine.committed().n_deliveries, 3);
    watched.engine.committed().ends_after = None;
    let running = watched.start(5);
    watched.until_all_put_away(1).await;
    running.stop().await;
    assert_eq!(watched.rows(), expected, "each once, in order");
    assert_eq!(watched.engine.committed().set_aside.len(), n_faulty);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_set_aside_whole() {
    let watched = Watched::new();
    watched.file("a.csv", "item_no,hs_code\n1,850440\n");
    watched.file("b.csv", b"\xFF\xFEd\0e\0");
    watched.file("c.csv", "declaration_id,item_no\nC,1\n");
    let running = watched.start(100);
    watched.until_all_put_away(3).await;
    running.stop().await;
    assert_eq!(
        (watched.names("done"), watched.names("failed")),
        (vec!["c.csv".to_owned()], vec!["a.csv".to_owned(), "b.csv".to_owned()])
    );
    let committed = watched.engine.committed();
    assert_eq!(committed.rows, ["C/1"]);
    let units: Vec<_> = committed.set_aside.iter().map(|unit| (&*unit.source, unit.code, &*unit.text)).collect();
    assert_eq!(units[0], ("in/a.csv", "missing_column", "item_no,hs_code\n1,850440\n"));
    assert_eq!((units[1].0, units[1].1, units.len()), ("in/b.csv", "unrecognised", 2));
    assert!(
        committed.set_aside[0].reason.starts_with("no column gives `declaration_id`"),
        "{}",
        committed.set_aside[0].reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_keeps_what_was_read() {
    let (text, expected, _) = declarations("D", 4000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    for killed_after in [None, Some(3), Some(1000)] {
        let watched = Watched::new();
        watched.file("day.csv.gz", &whole[..whole.len() - 100]);
        watched.engine.committed().killed_after = killed_after;
        let mut running = watched.start(50);
        if killed_after == Some(3) {
            watched.engine.until("it is killed", |committed| !committed.unanswered.is_empty()).await;
            running.kill(&watched.engine).await;
            running = watched.start(50);
        }
        watched.until_all_put_away(1).await;
        running.stop().await;
        assert_eq!(watched.names("failed"), ["day.csv.gz"]);
        let committed = watched.engine.committed();
        assert!(expected.starts_with(&committed.rows), "rows stay, once and in order");
        assert!(committed.rows.len() > expected.len() * 9 / 10);
        assert_eq!(committed.set_aside.iter().filter(|unit| unit.code == "damaged").count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_killed_while_its_fault_is_committed_fails_all_the_same() {
    let watched = Watched::new();
    watched.file("a.csv", "item_no\n1\n");
    // The fault is committed; the move is not reached.
    fs::write(watched.dir.path().join("failed"), "a file where a folder has to be").unwrap();
    let running = watched.start(100);
    watched.engine.until("the fault is committed", |committed| committed.set_aside.len() == 1).await;
    running.stop().await;
    fs::remove_file(watched.dir.path().join("failed")).unwrap();
    let running = watched.start(100);
    watched.until_all_put_away(1).await;
    running.stop().await;
    assert_eq!(watched.names("failed"), ["a.csv"]);
    assert_eq!(watched.engine.committed().set_aside.len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_moved_is_not_read_again() {
    let watched = Watched::new();
    fs::write(watched.dir.path().join("done"), "a file where a folder has to be").unwrap();
    watched.file("a.csv", "declaration_id,item_no\nA,1\n");
    let running = watched.start(100);
    watched.engine.until("it is read", |committed| committed.rows.len() == 1).await;
    watched.file("b.csv", "declaration_id,item_no\nB,1\n");
    watched.engine.until("others are read", |committed| committed.rows.len() == 2).await;
    fs::remove_file(watched.dir.path().join("done")).unwrap();
    watched.until_all_put_away(2).await;
    running.stop().await;
    assert_eq!(watched.rows(), ["A/1", "B/1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_could_not_be_moved_and_was_replaced_is_read() {
    let watched = Watched::new();
    fs::write(watched.dir.path().join("done"), "a file where a folder has to be").unwrap();
    watched.file("b.csv", "declaration_id,item_no\nB,1\n");
    let running = watched.start(100);
    watched.engine.until("it is read", |committed| committed.rows == ["B/1"]).await;
    // While another is read, which takes long, it can be moved again, and is replaced.
    watched.engine.committed().killed_after = Some(0);
    watched.file("a.csv", "declaration_id,item_no\nA,1\n");
    watched.engine.until("the other is being read", |committed| !committed.unanswered.is_empty()).await;
    fs::remove_file(watched.dir.path().join("done")).unwrap();
    watched.file("b.csv", "declaration_id,item_no\nB,1\nB,2\n");
    watched.engine.answer_again();
    watched.until_all_put_away(2).await;
    running.stop().await;
    assert_eq!(watched.rows(), ["B/1", "A/1", "B/1", "B/2"]);
    assert_eq!(watched.names("done"), ["a.csv", "b.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_regular_file_is_left_alone() {
    let watched = Watched::new();
    let secret = watched.dir.path().join("secret");
    fs::write(&secret, "declaration_id,item_no\nSECRET,1\n").unwrap();
    std::os::unix::fs::symlink(&secret, watched.dir.path().join("a.csv")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", watched.dir.path().join("b.csv")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(watched.dir.path().join("c.csv")).status().unwrap();
    assert!(made.success());
    watched.file("d.csv", "declaration_id,item_no\nD,1\n");
    let running = watched.start(100);
    watched.until_all_put_away(1).await;
    running.stop().await;
    assert_eq!(watched.rows(), ["D/1"]);
    assert!(watched.engine.committed().set_aside.is_empty());
    assert_eq!(watched.names("done"), ["d.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let (text, expected, _) = declarations("D", 60);
    let watched = Watched::new();
    watched.file("day.csv", &text);
    watched.engine.committed().killed_after = Some(2);
    let running = watched.start(5);
    watched.engine.until("it is being read", |committed| !committed.unanswered.is_empty()).await;
    let (more, _, _) = declarations("E", 3);
    fs::OpenOptions::new()
        .append(true)
        .open(watched.dir.path().join("day.csv"))
        .unwrap()
        .write_all(more.split_once('\n').unwrap().1.as_bytes())
        .unwrap();
    watched.engine.answer_again();
    watched.until_all_put_away(1).await;
    running.stop().await;
    let rows = watched.rows();
    assert!(expected.iter().all(|row| rows.contains(row)));
    assert!(rows.contains(&"E2/3".to_owned()), "what was added is read as well");
    assert_eq!(watched.names("done"), ["day.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_taken_away_keeps_what_was_read() {
    let (text, _, _) = declarations("D", 60);
    let watched = Watched::new();
    watched.file("day.csv", &text);
    watched.engine.committed().killed_after = Some(2);
    let running = watched.start(5);
    watched.engine.until("it is being read", |committed| !committed.unanswered.is_empty()).await;
    fs::remove_file(watched.dir.path().join("day.csv")).unwrap();
    watched.engine.answer_again();
    watched.engine.until("its stand is forgotten", |committed| committed.stands.is_empty()).await;
    watched.file("next.csv", "declaration_id,item_no\nN,1\n");
    watched.engine.until("the next is read", |committed| committed.rows.contains(&"N/1".to_owned())).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stands_of_files_that_are_gone_are_forgotten_but_not_those_of_a_folder_not_mounted() {
    let watched = Watched::new();
    for of in ["in/gone.csv", "in/there.csv", "inbox/other.csv"] {
        watched.engine.committed().stands.insert(of.to_owned(), "{}".to_owned());
    }
    fs::write(watched.dir.path().join("there.csv.tmp"), "").unwrap();
    let running = watched.start(100);
    watched.file("a.csv", "declaration_id,item_no\nA,1\n");
    let read = |committed: &Committed| !committed.rows.is_empty() && !committed.stands.contains_key("in/a.csv");
    watched.engine.until("a file is read", read).await;
    running.stop().await;
    assert_eq!(watched.engine.committed().stands.len(), 3, "nothing was put away here before");
    let running = watched.start(100);
    watched.engine.until("they are forgotten", |committed| committed.stands.len() == 1).await;
    running.stop().await;
    assert!(watched.engine.committed().stands.contains_key("inbox/other.csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_waited_for() {
    let watched = Watched::new();
    let path = watched.dir.path().join("later");
    let engine = watched.engine.clone();
    let running = Running::start(FolderSource::open("in", &settings(&path, 10)).unwrap(), &engine);
    let made = watched.dir.path().join("made");
    fs::create_dir(&made).unwrap();
    fs::write(made.join("a.csv"), "declaration_id,item_no\nA,1\n").unwrap();
    fs::rename(made, path).unwrap();
    engine.until("it is read", |committed| committed.rows == ["A/1"]).await;
    running.stop().await;
}

#[test]
fn settings_are_checked() {
    for (text, expected) in [
        (
            "kind = 'folder'\npath = '/x'\nstream = 'declarations'",
            "source `in`: `stream`: there is no stream `declarations`",
        ),
        (
            "kind = 'folder'\npath = '/x'\nstream = 'declaration'\nzone = 'Seoul'",
            "source `in`: `zone`: there is no zone `Seoul`",
        ),
        ("kind = 'folder'\npath = '/x'\nstream = 'declaration'\nmapping = '/none.toml'", "source `in`: `mapping`: "),
        ("kind = 'folder'\npath = '/x'\nstream = 'declaration'\npattern = '[a'", "source `in`: `pattern`: "),
        ("kind = 'folder'\npath = '/x'\nstream = 'declaration'\ndone = 'failed'", "source `in`: `done` and `failed`: "),
    ] {
        let settings: SourceSettings = toml::from_str(text).unwrap();
        let error = open("in", &settings).err().unwrap().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let unknown = toml::from_str::<SourceSettings>("kind = 'folder'\npath = '/x'\nstream = 'declaration'\npol_ms = 1");
    assert!(unknown.unwrap_err().to_string().contains("pol_ms"));
}
