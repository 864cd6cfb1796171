//! The system's limits of one program: watches of folders, open files.

use std::fs;

use rustix::process::{Resource, getrlimit};

use crate::findings::{Finding, counted};

/// Fewest open files to be allowed: every open page is a connection, and so is every save on its
/// way.
const MIN_OPEN_FILES: u64 = 1_024;

pub(super) fn check(folders: usize) -> Vec<Finding> {
    vec![watches(folders), files()]
}

fn watches(folders: usize) -> Finding {
    let subject = "file watching";
    let limit = |name: &str| -> Option<usize> {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse().ok()
    };
    let Some(most) = limit("max_user_watches") else {
        return Finding::warning(
            subject,
            "this system has no inotify",
            "Saves are found by scanning the homes, within two seconds instead of at once.",
        );
    };
    let message = format!("{} to watch, {most} may be", counted(folders, "folder"));
    if folders > most {
        return Finding::warning(
            subject,
            message,
            "Folders beyond that are scanned every two seconds. For all to be watched: \
             sysctl fs.inotify.max_user_watches=524288, and in /etc/sysctl.d to keep it",
        );
    }
    Finding::ok(subject, message)
}

fn files() -> Finding {
    let subject = "open files";
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < MIN_OPEN_FILES => Finding::warning(
            subject,
            format!("only {most} may be open at once"),
            "Raise it: LimitNOFILE=65536 in the Hub's systemd unit, or `ulimit -n`.",
        ),
        Some(most) => Finding::ok(subject, format!("{most} may be open at once")),
        None => Finding::ok(subject, "as many as there are"),
    }
}
