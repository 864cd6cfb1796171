//! Locks that a program such as `useradd` has left when it was killed or the power went.
//!
//! Each is a file with the number of its process. The programs take one for stale when there is
//! no such process; but after a start of the machine there often is, another one, and no account
//! could be made until somebody deletes the file. A process that is younger than the lock has not
//! taken it.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::param::clock_ticks_per_second;

/// The locked files, beside which the locks are.
const LOCKED: [&str; 6] = ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"];
/// So much younger a process is for certain: the kernel counts in hundredths of a second.
const MARGIN: Duration = Duration::from_millis(50);

/// Removes locks of processes that are not there, or that are younger.
pub(super) fn remove() {
    remove_in(Path::new("/etc"), &start_of);
}

/// The same in a folder; `start_of` says when a process has started, if it is there.
fn remove_in(folder: &Path, start_of: &dyn Fn(u32) -> Option<SystemTime>) {
    for name in LOCKED {
        let path = folder.join(format!("{name}.lock"));
        let taken = fs::symlink_metadata(&path).and_then(|lock| lock.modified());
        let (Ok(taken), Ok(text)) = (taken, fs::read_to_string(&path)) else {
            continue;
        };
        let Ok(pid) = text.trim_end_matches(['\0', '\n']).trim().parse() else {
            continue;
        };
        let is_held = start_of(pid).is_some_and(|start| start <= taken + MARGIN);
        if !is_held && fs::remove_file(&path).is_ok() {
            tracing::warn!(
                lock = %path.display(),
                "a lock that a program had left was removed"
            );
        }
    }
}

/// When a process has started: `/proc` counts from the start of the machine.
fn start_of(pid: u32) -> Option<SystemTime> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: u64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let since_start = Duration::from_millis(ticks * 1_000 / clock_ticks_per_second());
    let age = Duration::from_secs_f64(uptime).saturating_sub(since_start);
    SystemTime::now().checked_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_removed_unless_its_process_may_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = |name: &str| folder.path().join(format!("{name}.lock"));
        for (name, text) in [
            ("passwd", "12\0"),
            ("shadow", "13"),
            ("group", "14\n"),
            ("subuid", "?"),
        ] {
            fs::write(lock(name), text).unwrap();
        }
        let now = SystemTime::now();
        let hour = Duration::from_secs(3_600);
        remove_in(folder.path(), &|pid| match pid {
            12 => Some(now - hour),
            13 => Some(now + hour),
            _ => None,
        });
        let there = ["passwd", "shadow", "group", "subuid"].map(|name| lock(name).exists());
        // What is no number is no lock of theirs.
        assert_eq!(there, [true, false, false, true]);
    }

    #[test]
    fn the_start_of_a_process_is_in_the_past() {
        let start = start_of(std::process::id()).unwrap();
        let age = SystemTime::now().duration_since(start).unwrap();
        assert!(age < Duration::from_secs(3_600), "{age:?}");
        assert!(start_of(u32::MAX).is_none());
    }
}
