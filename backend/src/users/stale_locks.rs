//! Locks that a program such as `useradd` has left when it was killed or the power went.
//!
//! Each is a file with the number of its process. The programs take one for stale when there is
//! no such process; but after a start of the machine there often is, another one, and no account
//! could be made until somebody deletes the file.

use std::{fs, path::Path};

/// The locked files, beside which the locks are.
const LOCKED: [&str; 6] = ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"];
/// The programs that take these locks, as the kernel names them.
const PROGRAMS: [&str; 17] = [
    "adduser",
    "chage",
    "chfn",
    "chgpasswd",
    "chpasswd",
    "chsh",
    "gpasswd",
    "groupadd",
    "groupdel",
    "groupmod",
    "newusers",
    "passwd",
    "pwconv",
    "useradd",
    "userdel",
    "usermod",
    "vipw",
];

/// Removes locks of processes that are not there, or are of other programs.
pub(super) fn remove() {
    remove_in(Path::new("/etc"), &|pid| {
        fs::read_to_string(format!("/proc/{pid}/comm")).ok()
    });
}

/// The same in a folder; `program_of` names the program of a process.
fn remove_in(folder: &Path, program_of: &dyn Fn(u32) -> Option<String>) {
    for name in LOCKED {
        let path = folder.join(format!("{name}.lock"));
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let Ok(pid) = text.trim_end_matches(['\0', '\n']).trim().parse() else {
            continue;
        };
        let program = program_of(pid);
        let is_held = program.is_some_and(|it| PROGRAMS.contains(&it.trim()));
        if !is_held && fs::remove_file(&path).is_ok() {
            tracing::warn!(
                lock = %path.display(),
                "a lock that a program had left was removed"
            );
        }
    }
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
        remove_in(folder.path(), &|pid| match pid {
            12 => Some("useradd\n".to_owned()),
            13 => Some("sshd\n".to_owned()),
            _ => None,
        });
        let there = ["passwd", "shadow", "group", "subuid"].map(|name| lock(name).exists());
        // What is no number is no lock of theirs.
        assert_eq!(there, [true, false, false, true]);
    }
}
