//! Ends processes, and all that they started, with their test.

use std::{
    fs,
    path::Path,
    process::Child,
    time::{Duration, Instant},
};

use rustix::{
    param::clock_ticks_per_second,
    process::{Pid, Signal, kill_process},
};

/// Longest wait for the end of a process that has nothing else to end first.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends SIGTERM to a child and waits for its end; kills it when that takes too long.
pub(crate) fn end(child: &mut Child, timeout: Duration) {
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process(pid, Signal::TERM);
    }
    let begin = Instant::now();
    while begin.elapsed() < timeout {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// The memory of all processes that name `folder`, in bytes; shared memory is counted once.
pub(crate) fn memory_of_all(folder: &Path) -> u64 {
    let proportional = |pid: Pid| {
        let file = format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero());
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let kib: u64 = all_of(folder).into_iter().filter_map(proportional).sum();
    kib * 1024
}

/// The processor time of all processes that name `folder`.
pub(crate) fn time_of_all(folder: &Path) -> Duration {
    let ticks = |pid: Pid| {
        let text = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        // The field before, the program's name, may hold any character and ends with the last of
        // these.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let [user, system] = [11, 12].map(|at| fields.get(at)?.parse::<u64>().ok());
        Some(user? + system?)
    };
    let ticks: u64 = all_of(folder).into_iter().filter_map(ticks).sum();
    Duration::from_millis(ticks * 1000 / clock_ticks_per_second())
}

/// Kills every process whose command line or environment names `folder`.
///
/// The Hub starts servers, and the browser its helpers, in sessions of their own, which would stay
/// when their parent dies. A test's temporary folder is in the command line or the environment of
/// all of them, and of no other process.
pub(crate) fn kill_all_of(folder: &Path) {
    for pid in all_of(folder) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Every process whose command line or environment names `folder`.
fn all_of(folder: &Path) -> Vec<Pid> {
    let needle = folder.as_os_str().as_encoded_bytes();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let named = entries.flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let names_it = ["cmdline", "environ"].iter().any(|file| {
            fs::read(entry.path().join(file))
                .is_ok_and(|text| text.windows(needle.len()).any(|window| window == needle))
        });
        names_it.then(|| Pid::from_raw(id)).flatten()
    });
    named.collect()
}

/// The value of a variable in the environment of a process.
pub(crate) fn variable_of(pid: i32, name: &str) -> anyhow::Result<String> {
    let environment = fs::read(format!("/proc/{pid}/environ"))?;
    let prefix = format!("{name}=");
    environment
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(prefix.as_bytes()))
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .ok_or_else(|| anyhow::anyhow!("process {pid} has no {name}"))
}

/// The processes whose command line begins with `program` and this command of it, as the Hub starts
/// them: the service, and not a steward beside it.
pub(crate) fn running(program: &Path, command: &str, folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let needle = folder.as_os_str().as_encoded_bytes();
    // Arguments end in NUL there.
    let program = program.as_os_str().as_encoded_bytes();
    let begin = [program, b"\0", command.as_bytes(), b"\0"].concat();
    entries
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let ours = line.starts_with(&begin)
                && line.windows(needle.len()).any(|window| window == needle);
            ours.then(|| Pid::from_raw(id)).flatten()
        })
        .collect()
}
