//! Numbers for Prometheus: what is counted as it happens, and what is looked up when it is asked for.

use std::sync::{Mutex, PoisonError};

use haechi_pipeline::stream::Engine;
use haechi_store::Store;
use metrics::gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::status::{SourceState, waiting};

/// Bounds of durations, in seconds: a tenth of a millisecond to ten seconds.
const SECONDS: &[f64] = &[
    0.0001, 0.0002, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2,
    0.5, 1.0, 2.0, 5.0, 10.0,
];
/// Bounds of how many commits were written together.
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// What counts for the whole process; the first call makes it.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    static INSTALLED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full("haechi_commit_group".to_owned()), GROUP)?;
    let handle = builder.install_recorder()?;
    *installed = Some(handle.clone());
    Ok(handle)
}

/// Looks up what is not counted as it happens.
pub fn observe(store: &Store, engine: &Engine, sources: &[SourceState], alert_above: u64) {
    let status = engine.status();
    gauge!("haechi_position").set(status.position as f64);
    for (urgency, rows) in status.waiting_rows {
        gauge!("haechi_waiting_rows", "urgency" => urgency.name()).set(rows as f64);
    }
    gauge!("haechi_store_failing").set(f64::from(u8::from(status.failing.is_some())));
    for source in sources {
        // Whether it reaches what it reads, it says itself as `haechi_source_up`; this is whether it has ended for good.
        gauge!("haechi_source_failed", "source" => source.name.clone())
            .set(f64::from(u8::from(source.failed.is_some())));
    }
    if let Ok(sizes) = store.sizes() {
        for size in sizes.keyspaces {
            gauge!("haechi_store_bytes", "keyspace" => size.keyspace).set(size.bytes as f64);
        }
        gauge!("haechi_store_bytes", "keyspace" => "log").set(sizes.log_bytes as f64);
    }
    if let Ok(counts) = store.quarantine_counts() {
        let waiting = waiting(&counts);
        gauge!("haechi_quarantine_waiting").set(waiting as f64);
        gauge!("haechi_quarantine_alert").set(f64::from(u8::from(waiting > alert_above)));
    }
    if let Some(bytes) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
}

/// Memory that the process has, where the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
