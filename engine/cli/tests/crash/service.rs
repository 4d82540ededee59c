//! The service under test: a process that is started, killed and started again.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a process ends that was asked to.
const STOPPING: Duration = Duration::from_mins(1);
/// Longest until a process is ready.
const STARTING: Duration = Duration::from_mins(1);

/// Key of random draws in the run.
pub const SECRET: &str = "0707070707070707070707070707070707070707070707070707070707070707";

pub struct Service {
    folder: PathBuf,
    pub address: String,
    child: Option<Child>,
    client: reqwest::Client,
    /// Variables of the environment, beyond those that are always set.
    pub environment: Vec<(String, String)>,
    /// Words before the command.
    pub wrapper: Vec<String>,
    started: Instant,
    /// Seconds from each start to the first time it was ready.
    pub ready_after: Vec<f64>,
}

impl Service {
    /// A service with its settings in `folder/haechi.toml`.
    pub fn new(folder: &Path, address: &str) -> Self {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().unwrap();
        Self {
            folder: folder.to_owned(),
            address: address.to_owned(),
            child: None,
            client,
            environment: Vec::new(),
            wrapper: Vec::new(),
            started: Instant::now(),
            ready_after: Vec::new(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("service.log")
    }

    pub fn start(&mut self) {
        let log = || -> File { OpenOptions::new().create(true).append(true).open(self.log()).unwrap() };
        let mut words = self.wrapper.clone();
        words.push(env!("CARGO_BIN_EXE_haechi").to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["serve", "--config", "haechi.toml"]).current_dir(&self.folder);
        command.env("HAECHI_SECRET", SECRET).env("CRASH_WEBHOOK", "a secret of the crash run").env("NO_COLOR", "1");
        command.env_remove("RUST_LOG").envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log()).stderr(log());
        self.started = Instant::now();
        self.child = Some(command.spawn().unwrap_or_else(|e| panic!("{}: {e}", words[0])));
    }

    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Waits until it is ready; an error if it ends before, or never is.
    pub async fn ready(&mut self) -> Result<(), String> {
        loop {
            let request = self.client.get(self.url("/readyz")).send().await;
            if request.is_ok_and(|response| response.status().is_success()) {
                self.ready_after.push(self.started.elapsed().as_secs_f64());
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(format!("the service ended before it was ready: {status}"));
            }
            if self.started.elapsed() > STARTING {
                return Err(format!("not ready after {} s", STARTING.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().unwrap())
    }

    /// Ends it without a warning; how it had ended before, if it had.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        let ended = self.ended();
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        ended
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let id = self.id().expect("it was started").to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(status.success(), "kill -TERM {id}: {status}");
    }

    /// Asks it to end, and waits.
    pub async fn stop(&mut self) -> Result<(), String> {
        self.terminate();
        let asked = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                self.child = None;
                return if status.success() { Ok(()) } else { Err(format!("a graceful stop ended with {status}")) };
            }
            if asked.elapsed() > STOPPING {
                return Err(format!("did not stop within {} s", STOPPING.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The end of its log, for a report.
    pub fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
