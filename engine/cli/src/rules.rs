//! What several commands share: loading packs and showing what is wrong with them, streams, zones, inputs, the clock.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use haechi_connectors::ReadOptions;
use haechi_connectors::mapping::Mapping;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_model::streams::STREAMS;
use haechi_pipeline::{Inputs, Packs};
use haechi_rules::diagnostic::nearest;
use haechi_rules::{Severity, render};
use haechi_select::Secret;

use crate::error::CommandError;
use crate::output::Output;

const DAY_MS: i64 = 86_400_000;

/// Rules of one stream, and files to hold against them: what commands that only count hits are asked for.
#[derive(Debug, Args)]
pub struct RulesOverFiles {
    /// Stream of the inputs
    #[arg(long)]
    pub stream: String,

    /// Rule packs, rule files, or JSON lines of {"id", "when"}
    #[arg(long, required = true, num_args = 1.., value_name = "RULES")]
    pub rules: Vec<PathBuf>,

    /// Files or globs, recognised by content
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub input: Vec<String>,

    /// Mapping file: their columns to ours
    #[arg(long, value_name = "TOML")]
    pub mapping: Option<PathBuf>,

    /// Zone of wall times that carry none
    #[arg(long, default_value = "UTC")]
    pub zone: String,
}

impl RulesOverFiles {
    /// The inputs, read in batches of so many rows.
    pub fn inputs(&self, batch_rows: usize) -> Result<Inputs, CommandError> {
        inputs(&self.input, self.mapping.as_deref(), &self.zone, Some(batch_rows))
    }
}

/// Milliseconds since 1970, now.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// Reads packs, whatever is wrong with them. `stream` is that of rules which name none. They are kept as long as the
/// process lives: thousands of rules take time to free, and nothing would come after it.
pub fn read(paths: &[PathBuf], stream: Option<&'static Stream>) -> &'static Packs {
    Box::leak(Box::new(Packs::load(paths, stream, Some((now_ms() / DAY_MS) as i32))))
}

/// Loads packs; with errors, they are shown and the command ends.
pub fn load(paths: &[PathBuf], stream: Option<&'static Stream>, out: &Output) -> Result<&'static Packs, CommandError> {
    let packs = read(paths, stream);
    if packs.usable() {
        return Ok(packs);
    }
    let errors: Vec<_> = packs.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    if !out.json {
        out.note(render::render(&errors, &packs.sources, out.note_color).trim_end())?;
    }
    Err(CommandError::Rules(errors.iter().map(|error| render::to_json(error, &packs.sources)).collect()))
}

/// The stream of that name.
pub fn stream(name: &str) -> Result<&'static Stream, CommandError> {
    Stream::find(name).ok_or_else(|| {
        let names: Vec<_> = STREAMS.iter().map(|s| s.name).collect();
        let near = nearest(name, names.iter().copied()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        CommandError::Usage(format!("unknown stream `{name}`{near} (streams: {})", names.join(", ")))
    })
}

/// Inputs of a command line.
pub fn inputs(
    files: &[String],
    mapping: Option<&Path>,
    zone: &str,
    batch_rows: Option<usize>,
) -> Result<Inputs, CommandError> {
    // As many as evaluate: `--threads` governs both.
    let threads = rayon::current_num_threads();
    let mut options = ReadOptions { zone: self::zone(zone)?, threads, ..ReadOptions::default() };
    options.batch_rows = batch_rows.unwrap_or(options.batch_rows).max(1);
    let mapping = mapping.map(Mapping::read).transpose()?;
    Ok(Inputs { files: files.to_vec(), mapping, options })
}

/// Files of facts, each `stream=file`.
pub fn facts(named: &[String], zone: &str) -> Result<Vec<(&'static Stream, Inputs)>, CommandError> {
    let of = |text: &String| {
        let (stream, file) = text.split_once('=').unwrap_or((text, ""));
        Ok((self::stream(stream)?, inputs(&[file.to_owned()], None, zone, None)?))
    };
    named.iter().map(of).collect()
}

/// A time zone by its IANA name.
pub fn zone(name: &str) -> Result<chrono_tz::Tz, CommandError> {
    let parsed = name.parse();
    parsed
        .map_err(|_| CommandError::Usage(format!("unknown time zone `{name}`; write an IANA name such as Asia/Seoul")))
}

/// What derived columns need besides the rows.
pub fn derive_context(now_ms: i64, zone: &str, secret: &Secret) -> Result<DeriveContext, CommandError> {
    let id_key = secret.subkey("traveller_id");
    Ok(DeriveContext { now: Some(now_ms), zone: self::zone(zone)?, id_key, ..DeriveContext::default() })
}

/// The secret of random draws and pseudonyms: HAECHI_SECRET in hex, or the one for demonstrations, with a note, once.
pub fn secret(out: &Output) -> Result<Secret, CommandError> {
    Ok(Secret::from_hex(&secret_hex(out)?)?)
}

/// The same as it is written.
pub fn secret_hex(out: &Output) -> Result<String, CommandError> {
    static NOTED: AtomicBool = AtomicBool::new(false);
    if let Some(hex) = std::env::var_os("HAECHI_SECRET") {
        let hex = hex.to_string_lossy().trim().to_owned();
        Secret::from_hex(&hex)?;
        return Ok(hex);
    }
    if !out.json && !NOTED.swap(true, Ordering::Relaxed) {
        out.note("note: random draws and traveller ids use the public demonstration secret; set HAECHI_SECRET (32 bytes in hex)")?;
    }
    Ok(Secret::demo_hex())
}
