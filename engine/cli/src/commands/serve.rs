//! `haechi serve`: the service, until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_server::{Service, ServiceError, Telemetry};
use serde_json::json;

use crate::commands::archive::runtime;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::Output;
use crate::service;

pub const EXAMPLE: &str = "\
Example:
  haechi config > haechi.toml          (then name your rules in it)
  HAECHI_SECRET=$(openssl rand -hex 32) haechi serve --config haechi.toml

Ends on SIGTERM or SIGINT, once everything taken is answered; a second one ends it at once. What is committed is there
after the next start either way.";

/// Arguments of `haechi serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Settings; without it the defaults, and what the environment says
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ServeArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = service::settings(args.config.as_deref())?;
    let secret = service::secret(&settings)?;
    let runtime = runtime()?;
    let code = runtime.block_on(async {
        let telemetry = Telemetry::begin(&settings.telemetry)?;
        let mut signals = Signals::new()?;
        let started = tokio::select! {
            started = Service::start(settings, secret) => Some(started?),
            () = signals.next() => None,
        };
        let code = if let Some(service) = started {
            until_told(service, &mut signals, out).await?
        } else {
            // Nothing was taken yet, and the store is as whole as after a kill.
            tracing::info!("told to stop before it was ready");
            DONE
        };
        // It may wait for the collector, which is no work for a thread that others need.
        let _ = tokio::task::spawn_blocking(move || telemetry.finish()).await;
        Ok::<_, CommandError>(code)
    });
    // Whatever still runs after a second signal is not waited for.
    runtime.shutdown_background();
    code
}

/// Says where it listens, and stops it when that is asked for.
async fn until_told(service: Service, signals: &mut Signals, out: &Output) -> Result<ExitCode, CommandError> {
    let address = service.address();
    if out.json {
        out.document(&json!({ "listening": address.to_string() }))?;
    } else {
        out.line(format!("listening on http://{address}"))?;
    }
    signals.next().await;
    Ok(tokio::select! {
        () = service.stop() => DONE,
        () = signals.next() => {
            tracing::warn!("a second signal: ended at once");
            ExitCode::from(FOUND_WRONG)
        }
    })
}

/// The signals that ask a process to end.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self, CommandError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen =
            |kind| signal(kind).map_err(|error| CommandError::Bug(format!("no signals can be heard: {error}")));
        Ok(Self { term: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "on other systems it can fail")]
    fn new() -> Result<Self, CommandError> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, reason = "on other systems there is something to ask")]
    async fn next(&mut self) {
        // Without a console there is no such signal, and nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl From<ServiceError> for CommandError {
    fn from(error: ServiceError) -> Self {
        Self::Service(Box::new(error))
    }
}
