//! What the system says of a process, its processor time and memory, and of the machine.

use std::fs;

use super::Failure;

/// Clock ticks a second in `/proc/PID/stat`: 100 in every Linux that programs can see.
const TICKS: f64 = 100.0;
/// Where `/proc/stat` has it: after `cpu user nice system idle iowait irq softirq`.
const STOLEN: usize = 8;

/// Processor time that a process has taken, all threads, in seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = parse_ticks(&stat).ok_or("unexpected form of /proc/PID/stat")?;
    Ok(ticks as f64 / TICKS)
}

/// The most memory that was resident at once so far, in MiB.
pub fn resident_max_mib(pid: u32) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/PID/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// Processor time that the host of this virtual machine gave to others while something here was to run, all processors,
/// in seconds. Nothing that runs here can be answered meanwhile.
pub fn stolen_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks = stat.split_ascii_whitespace().nth(STOLEN).ok_or("unexpected form of /proc/stat")?;
    Ok(ticks.parse::<f64>()? / TICKS)
}

/// User and system time. The name of the program comes before and may hold anything, a parenthesis too.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut tick = || fields.next()?.parse::<u64>().ok();
    Some(tick()? + tick()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "17 (a) b) S 1 17 17 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0 100 200";
        assert_eq!(parse_ticks(stat), Some(300));
        assert_eq!(parse_ticks("17 (a"), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_max_mib(std::process::id()).is_ok_and(|mib| mib > 0.5));
    }
}
