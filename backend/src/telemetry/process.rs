//! Metrics of this process from the kernel, under the names that Prometheus has for them.

use std::fs;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// The unit in which the kernel counts processor time, on every Linux.
const TICKS_PER_SECOND: u64 = 100;

pub(super) fn describe() {
    describe_gauge!(
        "process_resident_memory_bytes",
        Unit::Bytes,
        "Memory in use"
    );
    describe_counter!(
        "process_cpu_seconds_total",
        Unit::Seconds,
        "Time on a processor"
    );
    describe_gauge!("process_open_fds", "Open files and connections");
    describe_gauge!("process_max_fds", "How many there may be");
    describe_gauge!("process_threads", "Threads");
}

/// Brings the gauges up to date. A value that the kernel does not tell is left out.
pub(super) fn report() {
    if let Some(stat) = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|text| stat(&text))
    {
        counter!("process_cpu_seconds_total").absolute(stat.ticks / TICKS_PER_SECOND);
        gauge!("process_threads").set(stat.threads as f64);
    }
    if let Some(bytes) = resident_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Without the descriptor that lists this folder.
        gauge!("process_open_fds").set(open.count().saturating_sub(1) as f64);
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        gauge!("process_max_fds").set(most as f64);
    }
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Processor time and threads, from `/proc/self/stat`.
#[derive(Debug, PartialEq, Eq)]
struct ProcessStat {
    ticks: u64,
    threads: u64,
}

/// Parses `/proc/self/stat`. After the program's name, which may hold any character, in brackets:
/// `utime` and `stime` are the 12th and 13th field, `num_threads` is the 18th.
fn stat(text: &str) -> Option<ProcessStat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(ProcessStat {
        ticks: field(11)? + field(12)?,
        threads: field(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_reads_the_kernels_line() {
        let text = "77 (a) b (c) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        let read = ProcessStat {
            ticks: 300,
            threads: 9,
        };
        assert_eq!(stat(text), Some(read));
        assert_eq!(stat("nonsense"), None);
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
