//! `haechi serve`: the service, until it is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_server::settings::SECRET_VARIABLE;
use haechi_server::{Service, Settings, Telemetry};

use crate::commands::DONE;
use crate::error::CommandError;
use crate::output::Output;

pub const EXAMPLE: &str = "\
Example:
  haechi config > haechi.toml      # every setting with its default
  haechi serve --config haechi.toml";

/// Arguments of `haechi serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Settings file; what stands in neither it nor the environment has its default
    #[arg(long, value_name = "TOML")]
    config: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &ServeArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let settings = Settings::read(args.config.as_deref(), std::env::vars())?;
    let variable = std::env::var(SECRET_VARIABLE).ok();
    let secret = settings.rules.secret(variable.as_deref())?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| CommandError::Bug(e.to_string()))?;
    runtime.block_on(async {
        let telemetry = Telemetry::begin(&settings.telemetry)?;
        let mut told = told_to_stop().map_err(|e| CommandError::Bug(e.to_string()))?;
        let service = Service::start(settings, secret).await?;
        if out.json {
            out.document(&serde_json::json!({ "listening": service.address().to_string() }))?;
        } else {
            out.line(format!("listening on http://{}", service.address()))?;
        }
        told.recv().await;
        tokio::select! {
            () = service.stop() => {}
            _ = told.recv() => out.note("stopped at once; what was not answered was not taken")?,
        }
        tokio::task::spawn_blocking(move || telemetry.finish()).await.map_err(|e| CommandError::Bug(e.to_string()))?;
        Ok(DONE)
    })
}

/// Hears SIGINT and SIGTERM: each is one message.
fn told_to_stop() -> std::io::Result<tokio::sync::mpsc::UnboundedReceiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let (mut signals, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(()).is_ok() {} });
    }
    Ok(receiver)
}
