//! `haechi serve` as a process of its own, in a folder of its own.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, http, proc};

/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_mins(5);
/// Pause between two looks at whether it is ready: what a measured start is too long by, at most.
const LOOK: Duration = Duration::from_millis(2);
/// A key for draws that nothing here makes.
const SECRET: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Where everything of one service lies.
#[derive(Clone, Debug)]
pub struct Place(pub PathBuf);

impl Place {
    /// Its rules.
    pub fn pack(&self) -> PathBuf {
        self.0.join("rules")
    }

    /// The folder it watches.
    pub fn incoming(&self) -> PathBuf {
        self.0.join("in")
    }

    fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }
}

/// Where it takes records from, besides HTTP.
#[derive(Clone, Debug)]
pub enum From {
    /// Nowhere.
    Requests,
    /// [`Place::incoming`].
    Folder,
    /// A topic.
    Topic {
        /// `host:port`.
        brokers: String,
        /// Its name.
        topic: String,
    },
}

/// A service that runs, and is killed when this is dropped.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Seconds from the start of the process until it said that it is ready.
    pub ready_seconds: f64,
    log: PathBuf,
}

impl Service {
    /// Starts it, with the defaults of all settings but for where things are, and waits until it is ready. What is set
    /// in the environment (`HAECHI__SECTION__KEY`) it gets too.
    pub fn start(haechi: &Path, place: &Place, from: &From) -> Result<Self, Failure> {
        Self::start_by(haechi, place, &[place.pack()], from)
    }

    /// As [`Service::start`], by the rules of these packs.
    pub fn start_by(haechi: &Path, place: &Place, packs: &[PathBuf], from: &From) -> Result<Self, Failure> {
        fs::create_dir_all(place.incoming())?;
        let address = free_address()?;
        let settings = place.0.join("haechi.toml");
        fs::write(&settings, settings_text(place, packs, address, from))?;
        let log = File::options().create(true).append(true).open(place.log())?;
        let start = Instant::now();
        let child = Command::new(haechi)
            .arg("serve")
            .arg("--config")
            .arg(&settings)
            .env("HAECHI_SECRET", SECRET)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", haechi.display()))?;
        let mut service = Self { child, address, ready_seconds: 0.0, log: place.log() };
        while !http::get(address, "/readyz").is_ok_and(|response| response.status == 200) {
            if let Some(status) = service.child.try_wait()? {
                return Err(format!("the service ended with {status}:\n{}", service.log_end()).into());
            }
            if start.elapsed() > START_MAX {
                return Err(format!("the service does not become ready:\n{}", service.log_end()).into());
            }
            thread::sleep(LOOK);
        }
        service.ready_seconds = start.elapsed().as_secs_f64();
        Ok(service)
    }

    /// Processor time so far, in seconds.
    pub fn cpu_seconds(&self) -> Result<f64, Failure> {
        proc::cpu_seconds(self.child.id())
    }

    /// The most memory that was resident so far, in MiB.
    pub fn resident_max_mib(&self) -> Result<f64, Failure> {
        proc::resident_max_mib(self.child.id())
    }

    /// Kills it, as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// A counter, summed over the series that carry all these labels (`name="value"`).
    pub fn counter(&self, name: &str, labels: &[&str]) -> Result<f64, Failure> {
        let response = http::get(self.address, "/metrics")?;
        let text = String::from_utf8_lossy(&response.body);
        Ok(sum(&text, name, labels))
    }

    /// What it has logged.
    pub fn log(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    fn log_end(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Where it is gone already, there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on loopback that nobody uses now.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn settings_text(place: &Place, packs: &[PathBuf], address: SocketAddr, from: &From) -> String {
    // A text in JSON is one in TOML.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let path = |path: PathBuf| text(&path.display().to_string());
    let source = match from {
        From::Requests => String::new(),
        From::Folder => format!(
            "\n[[source]]\nname = \"files\"\nkind = \"folder\"\nstream = \"declaration\"\npath = {}\n",
            path(place.incoming())
        ),
        From::Topic { brokers, topic } => format!(
            "\n[[source]]\nname = \"topic\"\nkind = \"kafka\"\nbrokers = {}\ntopics = {{ {} = {{ stream = \"declaration\" }} }}\n",
            text(brokers),
            text(topic)
        ),
    };
    format!(
        "[store]\npath = {}\n\n[rules]\npaths = [{}]\n\n[http]\nlisten = {}\n{source}",
        path(place.store()),
        packs.iter().map(|pack| path(pack.clone())).collect::<Vec<_>>().join(", "),
        text(&address.to_string())
    )
}

/// Sums the samples of a metric in the text form of Prometheus.
fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let samples = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let of_it = series.strip_prefix(name)?;
        let named = of_it.is_empty() || of_it.starts_with('{');
        (named && labels.iter().all(|label| of_it.contains(label))).then(|| value.parse::<f64>().ok())?
    });
    samples.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_label() {
        let text = "# TYPE subjects counter\nsubjects{stream=\"a\",outcome=\"selected\"} 3\n\
                    subjects{stream=\"a\",outcome=\"late\"} 5\nsubjects_sum 9\n\
                    subjects{outcome=\"selected\",stream=\"b\"} 4\n";
        assert_eq!(sum(text, "subjects", &["outcome=\"selected\""]), 7.0);
        assert_eq!(sum(text, "subjects", &["outcome=\"selected\"", "stream=\"a\""]), 3.0);
        assert_eq!(sum(text, "subject", &[]), 0.0);
    }

    #[test]
    fn settings_are_toml() {
        let topic = From::Topic { brokers: "127.0.0.1:9".to_owned(), topic: "declarations".to_owned() };
        for from in [From::Requests, From::Folder, topic] {
            let place = Place(PathBuf::from("/a \"b\""));
            let text = settings_text(&place, &[place.pack()], "127.0.0.1:80".parse().unwrap(), &from);
            let table: toml::Table = text.parse().unwrap();
            assert_eq!(table["rules"]["paths"][0].as_str(), Some("/a \"b\"/rules"));
        }
    }
}
