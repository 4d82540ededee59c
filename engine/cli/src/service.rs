//! What commands about the service share: its settings, and how it is reached while it runs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use haechi_model::Stream;
use haechi_select::Secret;
use haechi_server::Settings;
use haechi_server::settings::SECRET_VARIABLE;
use haechi_store::Store;
use reqwest::{Client, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::CommandError;

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the service is.
#[derive(Debug, Args)]
pub struct Where {
    /// Settings of the service
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Address of a running service, instead of that of its settings
    #[arg(long, global = true, value_name = "URL", conflicts_with = "config")]
    pub url: Option<String>,
}

/// Which subject, and which version of it.
#[derive(Debug, Args)]
pub struct Asked {
    /// Declaration, consignment or traveller
    pub subject: String,

    /// Stream of the subject
    #[arg(long, default_value = "declaration")]
    pub stream: String,

    /// This version of it alone
    #[arg(long, value_name = "N")]
    pub version_of_subject: Option<i32>,
}

impl Asked {
    /// The stream, and the subject as readers keep ids.
    pub fn named(&self) -> Result<(&'static Stream, String), CommandError> {
        Ok((crate::rules::stream(&self.stream)?, self.subject.trim().to_uppercase()))
    }
}

/// What a command speaks to.
pub enum Reached {
    /// A service that runs.
    Running(Remote),
    /// None runs: the store itself, which these settings name.
    Stopped(Box<Settings>),
}

/// A service that runs.
pub struct Remote {
    /// Its address.
    pub base: Url,
    client: Client,
}

/// The settings of a file, with what the environment puts over them.
pub fn settings(path: Option<&Path>) -> Result<Settings, CommandError> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Settings::read(path, variables)?)
}

/// The store that settings name. It is there, or the settings are not those of the service.
pub fn store(settings: &Settings) -> Result<Store, CommandError> {
    Ok(Store::open_existing(&settings.store.path, &settings.store.options())?)
}

/// The secret that settings name, or the environment has.
pub fn secret(settings: &Settings) -> Result<Secret, CommandError> {
    Ok(settings.rules.secret(std::env::var(SECRET_VARIABLE).ok().as_deref())?)
}

impl Where {
    /// Finds out whether it runs.
    pub async fn reach(&self) -> Result<Reached, CommandError> {
        if let Some(url) = &self.url {
            return Ok(Reached::Running(Remote::new(url)?));
        }
        let settings = settings(self.config.as_deref())?;
        let remote = Remote::new(&format!("http://{}", reachable(settings.http.listen)))?;
        match remote.client.get(remote.at(&["healthz"])).send().await {
            Err(error) if error.is_connect() => Ok(Reached::Stopped(Box::new(settings))),
            Err(error) => Err(remote.away(&error)),
            Ok(_) => Ok(Reached::Running(remote)),
        }
    }
}

/// An address that can be spoken to, of one that is listened on.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

impl Remote {
    fn new(address: &str) -> Result<Self, CommandError> {
        let base = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or_else(|| {
            CommandError::Usage(format!("`{address}` is no address of a service, such as http://127.0.0.1:8080"))
        })?;
        let client = Client::builder().timeout(PATIENCE).no_proxy().build();
        let client = client.map_err(|error| CommandError::Bug(format!("cannot speak HTTP: {error}")))?;
        Ok(Self { base, client })
    }

    /// The address of what these steps lead to, whatever characters they have.
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut steps) = url.path_segments_mut() {
            steps.pop_if_empty().extend(path);
        }
        url
    }

    /// What it says there.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, CommandError> {
        let request = self.client.get(self.at(path)).query(query);
        self.told(request.send().await).await
    }

    /// As [`Remote::get`], as a type of ours.
    pub async fn read<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, String)]) -> Result<T, CommandError> {
        let told = self.get(path, query).await?;
        serde_json::from_value(told).map_err(|error| self.otherwise(&error))
    }

    fn otherwise(&self, error: &serde_json::Error) -> CommandError {
        let reason = format!("it answers, but not as this version does: {error}");
        CommandError::Away { url: self.base.to_string(), reason }
    }

    /// What it says to a question that is not for addresses; `None` where nothing is known.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        path: &[&str],
        question: &impl serde::Serialize,
    ) -> Result<Option<T>, CommandError> {
        let answer = self.client.post(self.at(path)).json(question).send().await;
        match self.told(answer).await {
            Ok(told) => serde_json::from_value(told).map(Some).map_err(|error| self.otherwise(&error)),
            Err(CommandError::Refused { status: 404, detail }) if detail.starts_with("nothing is known") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it says to that. `who` is who does it.
    pub async fn post(&self, path: &[&str], who: &str, body: Vec<u8>, media: &str) -> Result<Value, CommandError> {
        let request = self.client.post(self.at(path));
        let request = request.header("content-type", media).header("haechi-user", who).body(body);
        self.told(request.send().await).await
    }

    async fn told(&self, answer: Result<Response, reqwest::Error>) -> Result<Value, CommandError> {
        let answer = answer.map_err(|error| self.away(&error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.away(&error))?;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() && !value.is_null() {
            return Ok(value);
        }
        let detail =
            value["detail"].as_str().map_or_else(|| format!("HTTP {status}, which no haechi says"), str::to_owned);
        Err(CommandError::Refused { status: status.as_u16(), detail })
    }

    fn away(&self, error: &reqwest::Error) -> CommandError {
        let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        let reason = causes.last().map_or_else(|| error.to_string(), ToString::to_string);
        CommandError::Away { url: self.base.to_string(), reason }
    }
}
