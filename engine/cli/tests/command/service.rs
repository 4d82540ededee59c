//! `haechi serve` and the commands that speak to it, or to its store while it does not run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Desk, SHOES};

/// Nobody listens there.
pub const SETTINGS: &str = "[store]\npath = 'store'\n[rules]\npaths = ['shoes.yaml']\n[http]\nlisten = '127.0.0.1:1'\n";
pub const SECRET: &str = "00112233445566778899aabbccddeeff";

/// A service that runs beside the test.
pub struct Running {
    child: Child,
    pub address: String,
}

impl Running {
    pub fn on(desk: &Desk) -> Self {
        let mut command = desk.command("serve --config haechi.toml --json");
        Self::of(command.env("HAECHI_SECRET", SECRET).env("HAECHI__HTTP__LISTEN", "127.0.0.1:0"))
    }

    /// What this command starts, once it listens.
    pub fn of(command: &mut Command) -> Self {
        command.env("HAECHI__TELEMETRY__LOG", "warn");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, address: told["listening"].as_str().unwrap().to_owned() }
    }

    pub fn post(&self, body: &str) -> String {
        self.post_to("/v1/declarations", body)
    }

    fn post_to(&self, path: &str, body: &str) -> String {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let n = body.len();
        write!(connection, "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {n}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks it to end; its exit code.
    pub fn end(mut self) -> i32 {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.child.kill();
    }
}

/// A desk with rules and settings, and a service on it that was sent two declarations with a fault each.
fn served() -> (Desk, Running) {
    let desk = Desk::new();
    desk.file("shoes.yaml", SHOES).file("haechi.toml", SETTINGS);
    let running = Running::on(&desk);
    for id in ["D1", "D2"] {
        let items = "[{\"hs_code\": \"6402991000\", \"net_mass_kg\": 80}, {\"hs_code\": \"6402991000\", \"net_mass_kg\": \"x\"}]";
        let answer = running.post(&format!("{{\"declaration_id\": \"{id}\", \"items\": {items}}}"));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"rows\":1"), "{answer}");
    }
    (desk, running)
}

fn ids(list: &Value) -> Vec<u64> {
    list["units"].as_array().unwrap().iter().map(|unit| unit["id"].as_u64().unwrap()).collect()
}

const MENDED: &str = "{\"declaration_id\": \"D1\", \"item_no\": 2, \"hs_code\": \"6402991000\", \"origin_country\": \"CN\", \
                      \"customs_value_usd\": 100, \"net_mass_kg\": 80}";

#[test]
fn a_running_service_is_asked_over_http() {
    let (desk, running) = served();
    let url = format!("--url http://{}", running.address);
    let shown = desk.haechi(&format!("inspect {url}")).done().out;
    assert!(shown.starts_with("service   running, ready\nposition  4, 0 rows waiting\n"), "{shown}");
    let status = desk.haechi(&format!("inspect {url} --json")).done().json();
    assert_eq!((&status["running"], &status["quarantine"][0]["units"]), (&true.into(), &2.into()));

    let listed = desk.haechi(&format!("quarantine list {url} --json")).done().json();
    let ids = ids(&listed);
    assert!(desk.haechi(&format!("quarantine list {url}")).done().out.contains("bad_number"));
    let unit = desk.haechi(&format!("quarantine show {} {url}", ids[0])).done().out;
    assert!(unit.contains("state       waiting") && unit.contains("\"x\""), "{unit}");
    desk.file("mended.json", MENDED);
    let replayed = desk.haechi(&format!("quarantine replay {} mended.json {url} --user ara", ids[0])).done().out;
    assert!(replayed.starts_with("D1 version 2: examine (selected, position "), "{replayed}");
    let explained = desk.haechi(&format!("explain d1 --rule shoes-01 {url}")).done().out;
    assert!(explained.contains("shoes-01 hits row 2 of 2:\n"), "{explained}");
    let first = desk.haechi(&format!("explain D1 --version-of-subject 1 {url} --json")).done().json();
    assert_eq!((&first["rows"], &first["decision"]["version"]), (&1.into(), &1.into()), "{first}");
    let unknown = desk.haechi(&format!("explain D1 --rule shoes-02 {url}"));
    assert_eq!((unknown.code, unknown.err.contains("did you mean `shoes-01`?")), (1, true), "{}", unknown.err);
    for word in ["explain", "replay"] {
        let none = desk.haechi(&format!("{word} D1 --version-of-subject 9 {url}"));
        assert_eq!((none.code, none.err.contains("there is one on versions 1 and 2")), (1, true), "{}", none.err);
    }
    let nobody = desk.haechi(&format!("explain a/b?c {url}"));
    assert_eq!((nobody.code, nobody.err.contains("no decision on declaration `A/B?C`")), (1, true), "{}", nobody.err);
    let refused = desk.haechi(&format!("quarantine replay {} {url}", ids[0]));
    assert_eq!((refused.code, refused.err.contains("is replayed already")), (1, true), "{}", refused.err);
    let given_up = desk.haechi(&format!("quarantine discard {} twice {url} --user ara", ids[1])).done().out;
    assert!(
        given_up.contains("state       discarded") && given_up.contains("then        discarded (twice) by ara at "),
        "{given_up}"
    );
    // The store is the service's as long as it runs.
    let locked = desk.haechi("inspect --config haechi.toml");
    assert_eq!((locked.code, locked.err.contains("another process has this store open")), (3, true), "{}", locked.err);
    let busy = desk.haechi(&format!("inspect --verify {url}"));
    assert_eq!((busy.code, busy.err.contains("stop it, or verify a copy")), (2, true), "{}", busy.err);
    assert_eq!(running.end(), 0);
}

#[test]
fn the_store_is_asked_while_no_service_runs() {
    let (desk, running) = served();
    assert_eq!(running.end(), 0);
    let shown = desk.haechi("inspect --config haechi.toml").done().out;
    assert!(shown.starts_with("service   not running; this is its store\n"), "{shown}");
    let verified = desk.haechi("inspect --verify --config haechi.toml").done().out;
    assert!(verified.ends_with(" values read: 2 rows, 2 selections; all sound\n"), "{verified}");
    let explain = |rule: &str| {
        let mut command = desk.command(&format!("explain D2 --rule {rule} --config haechi.toml"));
        let output = command.env("HAECHI_SECRET", SECRET).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, explained) = explain("shoes-01");
    assert_eq!((code, explained.starts_with("shoes-01 does not hit row 1 of 1:\n")), (Some(0), true), "{explained}");
    assert_eq!(explain("shoes-02").0, Some(2));
    for word in ["explain", "replay"] {
        let mut command = desk.command(&format!("{word} D2 --version-of-subject 9 --config haechi.toml"));
        let none = command.env("HAECHI_SECRET", SECRET).output().unwrap();
        let told = String::from_utf8(none.stderr).unwrap();
        assert_eq!((none.status.code(), told.contains("there is one on version 1\n")), (Some(1), true), "{told}");
    }
    let mut command = desk.command("explain D2 --config haechi.toml");
    let other = command.env("HAECHI_SECRET", SECRET.replace("00", "11")).output().unwrap();
    let told = String::from_utf8(other.stderr).unwrap();
    assert_eq!((other.status.code(), told.contains("made with another secret or policy")), (Some(2), true), "{told}");
    let ids = ids(&desk.haechi("quarantine list --config haechi.toml --json").done().json());
    desk.file("mended.json", MENDED);
    let replay = |id: u64| {
        let mut command = desk.command(&format!("quarantine replay {id} mended.json --config haechi.toml --json"));
        command.env("HAECHI_SECRET", SECRET).output().unwrap()
    };
    let told: Value = serde_json::from_slice(&replay(ids[0]).stdout).unwrap();
    assert_eq!((&told["selections"][0]["version"], &told["selections"][0]["rows"]), (&2.into(), &2.into()));
    assert_eq!(replay(ids[0]).status.code(), Some(1));
    desk.haechi(&format!("quarantine discard {} twice --config haechi.toml", ids[1])).done();
    let waiting = desk.haechi("quarantine list --config haechi.toml --json").done().json();
    assert_eq!(waiting["units"], serde_json::json!([]));
    let all = desk.haechi("quarantine list --state all --config haechi.toml --json").done().json();
    assert_eq!(all["units"].as_array().unwrap().len(), 2);
    let away = desk.haechi("inspect --url http://127.0.0.1:1");
    assert_eq!((away.code, away.err.contains("no service answers there")), (3, true), "{}", away.err);
}

#[test]
fn settings_are_printed_and_checked() {
    let desk = Desk::new();
    let printed = desk.haechi("config").done().out;
    assert!(printed.contains("#gather_messages = 16_384") && printed.contains("#kind = \"webhook\""), "{printed}");
    desk.file("haechi.toml", &printed);
    let no_rules = desk.haechi("config --check haechi.toml");
    assert_eq!((no_rules.code, no_rules.err.contains("[rules] paths: no rules")), (2, true), "{}", no_rules.err);
    desk.file("shoes.yaml", SHOES);
    desk.file("right.toml", SETTINGS);
    assert_eq!(desk.haechi("config --check right.toml").done().out, "right.toml is right: 0 sources, 0 sinks\n");
    desk.file("archive.toml", format!("{SETTINGS}[archive]\nurl = 'ftp://there'\n"));
    let archive = desk.haechi("config --check archive.toml");
    assert_eq!((archive.code, archive.err.contains("`ftp` is not known")), (2, true), "{}", archive.err);
    desk.file("bad.yaml", SHOES.replace("origin_country", "origin_contry"));
    desk.file("rules.toml", SETTINGS.replace("shoes", "bad"));
    let rules = desk.haechi("config --check rules.toml");
    assert_eq!((rules.code, rules.err.contains("origin_contry")), (1, true), "{}", rules.err);
    let sink = "[[sink]]\nname = 'a'\nkind = 'webhook'\nurl = 'http://user:hunter2@a/'\nsecret_env = 'HOME'\n";
    desk.file("secrets.toml", format!("{SETTINGS}{sink}"));
    let told = desk.haechi("config --check secrets.toml --json").done();
    assert_eq!(told.json(), serde_json::json!({"file": "secrets.toml", "sources": 0, "sinks": 1}));
    assert_eq!(desk.names("store"), Vec::<String>::new(), "nothing is made");
    desk.file("wrong.toml", "[http]\nlisten = '127.0.0.1:1'\n\n[engine]\nblok_rows = 1\n");
    let wrong = desk.haechi("config --check wrong.toml");
    assert_eq!(wrong.code, 2);
    assert_eq!(wrong.err, "error: wrong.toml:5:1: unknown key `blok_rows`, nearest is `block_rows`\n");
    desk.file("sink.toml", "[[sink]]\nname = 'a'\nkind = 'webhook'\nurl = 'ftp://a'\nsecret_env = 'HOME'\n");
    let sink = desk.haechi("config --check sink.toml");
    assert_eq!((sink.code, sink.err.contains("sink `a`: `url`")), (2, true), "{}", sink.err);
    let gone = desk.haechi("serve --config nowhere.toml");
    assert_eq!((gone.code, gone.err.contains("cannot read settings `nowhere.toml`")), (3, true), "{}", gone.err);
    let secret = desk.haechi("serve --config haechi.toml");
    assert_eq!((secret.code, secret.err.contains("openssl rand -hex 32")), (2, true), "{}", secret.err);
    let rules = desk.command("serve --config haechi.toml").env("HAECHI_SECRET", SECRET).output().unwrap();
    assert_eq!(rules.status.code(), Some(2));
    assert!(String::from_utf8(rules.stderr).unwrap().contains("[rules] paths: no rules"));
}

#[test]
fn what_became_of_a_unit_is_told_in_words_and_by_whom() {
    let (desk, running) = served();
    assert_eq!(running.end(), 0);
    let ids = ids(&desk.haechi("quarantine list --config haechi.toml --json").done().json());
    desk.file("mended.json", MENDED);
    let by = |words: String, user: &[(&str, &str)]| {
        let mut command = desk.command(&format!("quarantine {words} --config haechi.toml"));
        command.env_remove("USER").env_remove("LOGNAME").env("HAECHI_SECRET", SECRET).envs(user.iter().copied());
        assert!(command.output().unwrap().status.success(), "{words}");
    };
    by(format!("replay {} mended.json", ids[0]), &[("USER", "ara"), ("LOGNAME", "kim")]);
    by(format!("discard {} twice", ids[1]), &[("USER", ""), ("LOGNAME", "kim")]);
    let then = |id: u64| {
        let shown = desk.haechi(&format!("quarantine show {id} --config haechi.toml")).done().out;
        shown.lines().find_map(|line| line.strip_prefix("then        ")).unwrap_or_else(|| panic!("{shown}")).to_owned()
    };
    let replayed = then(ids[0]);
    assert!(replayed.starts_with("replayed as position ") && replayed.contains(" by ara at "), "{replayed}");
    assert!(then(ids[1]).starts_with("discarded (twice) by kim at "), "{}", then(ids[1]));
}

#[cfg(target_os = "linux")]
#[test]
fn who_has_no_name_has_a_number() {
    let (desk, running) = served();
    assert_eq!(running.end(), 0);
    let ids = ids(&desk.haechi("quarantine list --config haechi.toml --json").done().json());
    let mut command = desk.command(&format!("quarantine discard {} twice --config haechi.toml", ids[0]));
    let output = command.env_remove("USER").env_remove("LOGNAME").output().unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains(&format!("discarded (twice) by uid {uid} at ")), "{told}");
}

#[test]
fn a_damaged_value_is_told_and_found_wrong() {
    let (desk, running) = served();
    assert_eq!(running.end(), 0);
    {
        let database = fjall::Database::builder(desk.path("store")).open().unwrap();
        let journal = database.keyspace("journal", fjall::KeyspaceCreateOptions::default).unwrap();
        let (key, value) = journal.iter().next().unwrap().into_inner().unwrap();
        let mut value = value.to_vec();
        *value.last_mut().unwrap() ^= 1;
        journal.insert(key, value).unwrap();
        database.persist(fjall::PersistMode::SyncAll).unwrap();
    }
    let found = desk.haechi("inspect --verify --config haechi.toml");
    let lines: Vec<&str> = found.out.lines().collect();
    assert_eq!(found.code, 1, "{}{}", found.out, found.err);
    assert!(lines[0].contains("journal") && lines[0].contains(": checksum"), "{}", found.out);
    assert!(lines.last().unwrap().ends_with(" damaged"), "{}", found.out);
    let told = desk.haechi("inspect --verify --config haechi.toml --json");
    assert_eq!((told.code, told.json()["faults"][0].as_str()), (1, Some(lines[0])));
}

/// A slip in a path is not to look like a service without anything in it.
#[test]
fn a_store_that_is_not_there_is_not_made() {
    let desk = Desk::new();
    desk.file("haechi.toml", SETTINGS).file("shoes.yaml", SHOES);
    for words in [
        "inspect",
        "inspect --verify",
        "replay D1",
        "explain D1",
        "quarantine list",
        "quarantine show 1",
        "quarantine replay 1",
        "quarantine discard 1 twice",
    ] {
        let output =
            desk.command(&format!("{words} --config haechi.toml")).env("HAECHI_SECRET", SECRET).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), told.contains("store: no store is there")),
            (Some(3), true),
            "{words}: {told}"
        );
        assert_eq!(desk.names("store"), Vec::<String>::new(), "{words}");
    }
}

#[test]
fn a_replay_that_sets_aside_again_is_no_success() {
    let desk = Desk::new();
    let person = "  - {id: person-01, title: Anybody, stream: traveller, owner: desk, when: 'surname IS NOT NULL', \
                  lane: refer, instruction: Ask.}\n";
    desk.file("haechi.toml", SETTINGS).file("shoes.yaml", format!("{SHOES}{person}"));
    let running = Running::on(&desk);
    let traveller = |version: &str| {
        format!(
            "{{\"traveller_id\": \"t1\", \"version\": {version}, \"flight_number\": \"ZZ421\", \"surname\": \"KIM\"}}"
        )
    };
    for (version, status) in [("1", "200"), ("\"x\"", "422")] {
        let answer = running.post_to("/v1/travellers", &traveller(version));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert_eq!(running.end(), 0);
    let ids = ids(&desk.haechi("quarantine list --config haechi.toml --json").done().json());
    // It can be read now, but says other things of a version that is known.
    desk.file("mended.json", traveller("1").replace("KIM", "LEE"));
    let mut command = desk.command(&format!("quarantine replay {} mended.json --config haechi.toml", ids[0]));
    let output = command.env("HAECHI_SECRET", SECRET).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.contains("kept in quarantine under")), (Some(1), true), "{told}");
}

/// What is started and stopped at once has taken nothing, and ends all the same.
#[cfg(unix)]
#[test]
fn a_stop_is_heard_before_it_is_ready() {
    let desk = Desk::new();
    let source =
        "[[source]]\nname = 'a'\nkind = 'folder'\npath = 'in'\nstream = 'declaration'\nmapping = 'mapping.toml'\n";
    desk.file("haechi.toml", format!("{SETTINGS}{source}")).file("shoes.yaml", SHOES);
    // A file that cannot be read before somebody writes it.
    assert!(Command::new("mkfifo").arg(desk.path("mapping.toml")).status().unwrap().success());
    let mut command = desk.command("serve --config haechi.toml");
    let mut child = command.env("HAECHI_SECRET", SECRET).stderr(Stdio::piped()).spawn().unwrap();
    // Opening it returns once the service reads: it is starting.
    let writer = std::fs::OpenOptions::new().write(true).open(desk.path("mapping.toml")).unwrap();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let patience = Instant::now() + Duration::from_secs(30);
    let ended = loop {
        match child.try_wait().unwrap() {
            None if Instant::now() < patience => std::thread::sleep(Duration::from_millis(5)),
            ended => break ended,
        }
    };
    // It has ended already where the test went well.
    let _ = child.kill();
    assert_eq!(ended.expect("the signal is heard").code(), Some(0));
    drop(writer);
}
