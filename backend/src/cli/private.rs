//! Checks that the service's files are for its user alone: the data folder and the files in it,
//! the folder of the builds, a file with a token.
//!
//! A user who may read them can read all participants' notebooks and, with the key of the
//! cookies, sign in as anyone; a user who may write there can replace the service's files. The
//! service refuses to start on such a folder, and `doctor` reports the same. Each finding comes
//! with the command that mends it.

use std::{
    fmt::{self, Write},
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::process::geteuid;
use walkdir::WalkDir;

use crate::telemetry::loggable;

/// The key that cookies are encrypted with.
pub(super) const COOKIE_KEY_FILE: &str = "cookie.key";
/// The folder of the notebooks that participants' servers have pushed.
pub(super) const PUSHED_FOLDER: &str = "copies";
/// The settings of sharing with participants.
pub(super) const SHARING_FILE: &str = "sharing.json";
/// The database of events.
pub(super) const EVENTS_FILE: &str = "events.sqlite3";
/// The databases.
pub(super) const DATABASE_FILES: [&str; 6] = [
    EVENTS_FILE,
    "history.sqlite3",
    "notices.sqlite3",
    "errands.sqlite3",
    "insight.sqlite3",
    "help.sqlite3",
];
/// The endings of SQLite's files for one database.
const SQLITE_SUFFIXES: [&str; 3] = ["", "-wal", "-shm"];

/// Mode bits that a file of the service must not have: all of group and others.
const EXPOSING_FILE_MODE: u32 = 0o077;
/// Mode bits that a file with a secret of the platform's must not have.
const EXPOSING_SECRET_MODE: u32 = 0o037;
/// Mode bits that a folder must not have. The group may read, since it may be one made for this.
const EXPOSING_FOLDER_MODE: u32 = 0o027;
/// Mode bits that let group or others enter a folder and so get at its files.
const ENTER_MODE: u32 = 0o011;

/// A file or folder that other users can get at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExposedPath {
    /// The path, and what is wrong with it.
    pub(super) problem: String,
    /// The command that mends it.
    pub(super) mend: String,
}

/// Refuses a data folder that others may enter or that belongs to another user, or a file in it
/// that others may read. Whatever else in it is open to others, who could not get at it since the
/// folder was closed, is closed.
pub(super) fn check_data(folder: &Path) -> anyhow::Result<()> {
    let exposed = data_folder(folder).into_iter();
    let exposed = exposed.chain(file(&folder.join(COOKIE_KEY_FILE)));
    refuse(exposed.chain(files_exposed(folder)).collect())?;
    close(folder)
}

/// Everything below the folder that is open to others by its mode, with the mode it should have. What
/// belongs to another user is left out: it is none of the service's.
pub(super) fn open_below(folder: &Path) -> impl Iterator<Item = (PathBuf, u32)> {
    let own = geteuid().as_raw();
    let entries = WalkDir::new(folder).min_depth(1).into_iter().flatten();
    entries.filter_map(move |entry| {
        let kind = entry.file_type();
        let closed = match (kind.is_dir(), kind.is_file()) {
            (true, _) => 0o700,
            (_, true) => 0o600,
            // A link has no mode of its own, and the service makes nothing else.
            _ => return None,
        };
        let metadata = entry.metadata().ok()?;
        let is_open = metadata.uid() == own && metadata.mode() & EXPOSING_FILE_MODE != 0;
        is_open.then(|| (entry.into_path(), closed))
    })
}

/// Closes to others what is below a folder that they cannot enter, and tells of it in the log.
fn close(folder: &Path) -> anyhow::Result<()> {
    let mut first = None;
    let mut count = 0;
    for (path, mode) in open_below(folder) {
        let cannot = || format!("cannot close {} to others", path.display());
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(cannot)?;
        count += 1;
        first.get_or_insert(path);
    }
    if let Some(first) = first {
        let (folder, first) = (folder.display().to_string(), first.display().to_string());
        tracing::warn!(
            folder = %loggable(&folder), count, first = %loggable(&first),
            "files and folders whose mode was open to others are closed now"
        );
    }
    Ok(())
}

/// The files in the data folder, but for the key, that others may read and can get at.
pub(super) fn files_exposed(folder: &Path) -> Vec<ExposedPath> {
    let is_open = |folder: &Metadata| folder.mode() & ENTER_MODE != 0;
    let can_get_at = fs::metadata(folder).is_ok_and(|folder| is_open(&folder));
    let files = files().filter(|_| can_get_at);
    files.filter_map(|name| file(&folder.join(name))).collect()
}

/// Refuses a folder of builds that is exposed, once it is a folder of builds, and closes what is in
/// it.
pub(super) fn check_builds(folder: &Path) -> anyhow::Result<()> {
    if !folder.join(".pipalhub").exists() {
        return Ok(());
    }
    refuse(data_folder(folder).into_iter().collect())?;
    close(folder)
}

/// Refuses an exposed file with a secret of the user who runs this.
pub(super) fn check_secret(path: &Path) -> anyhow::Result<()> {
    refuse(file(path).into_iter().collect())
}

/// Refuses a file with a secret that everyone may read, or others than its owner write. It may be
/// another user's, and its group may read it: so platforms give secrets to services.
pub(super) fn check_shared_secret(path: &Path, mode: u32) -> anyhow::Result<()> {
    if mode & EXPOSING_SECRET_MODE != 0 {
        bail!(
            "{} can be read by everyone, or written by others than its owner (mode {:o}); mend it \
             with: chmod 600 {}, or in Kubernetes with `defaultMode: 0440` of the secret's volume",
            path.display(),
            mode & 0o777,
            ShellWord(path)
        );
    }
    Ok(())
}

fn refuse(exposed: Vec<ExposedPath>) -> anyhow::Result<()> {
    if exposed.is_empty() {
        return Ok(());
    }
    let (problems, mends): (Vec<_>, Vec<_>) =
        exposed.into_iter().map(|it| (it.problem, it.mend)).unzip();
    bail!(
        "{}; mend it with: {}",
        problems.join("; "),
        mends.join(" && ")
    )
}

/// The names of the service's data files in the data folder, but for the key.
fn files() -> impl Iterator<Item = String> {
    let databases = DATABASE_FILES.iter();
    let databases =
        databases.flat_map(|name| SQLITE_SUFFIXES.map(|suffix| format!("{name}{suffix}")));
    [SHARING_FILE.to_owned()].into_iter().chain(databases)
}

/// A folder of the service, if it is exposed.
pub(super) fn data_folder(path: &Path) -> Option<ExposedPath> {
    let metadata = fs::metadata(path).ok()?;
    of_other_user(path, &metadata, "chown -R").or_else(|| {
        (metadata.mode() & EXPOSING_FOLDER_MODE != 0).then(|| ExposedPath {
            problem: format!(
                "{} can be entered or written by others than this user (mode {:o})",
                path.display(),
                metadata.mode() & 0o777
            ),
            mend: format!("chmod 700 {}", ShellWord(path)),
        })
    })
}

/// A file of the service, if it is exposed.
pub(super) fn file(path: &Path) -> Option<ExposedPath> {
    let metadata = fs::metadata(path).ok()?;
    of_other_user(path, &metadata, "chown").or_else(|| {
        (metadata.mode() & EXPOSING_FILE_MODE != 0).then(|| ExposedPath {
            problem: format!(
                "{} can be read or written by others than this user (mode {:o})",
                path.display(),
                metadata.mode() & 0o777
            ),
            mend: format!("chmod 600 {}", ShellWord(path)),
        })
    })
}

fn of_other_user(path: &Path, metadata: &Metadata, chown: &str) -> Option<ExposedPath> {
    let own = geteuid().as_raw();
    (metadata.uid() != own).then(|| ExposedPath {
        problem: format!(
            "{} belongs to user {} and not to this one ({own})",
            path.display(),
            metadata.uid()
        ),
        mend: format!("{chown} {own} {}", ShellWord(path)),
    })
}

/// A path as a word of a shell command.
pub(super) struct ShellWord<'a>(pub(super) &'a Path);

impl fmt::Display for ShellWord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c);
        if text.chars().all(is_plain) && !text.starts_with('-') {
            return f.write_str(&text);
        }
        f.write_char('\'')?;
        f.write_str(&text.replace('\'', r"'\''"))?;
        f.write_char('\'')
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use tempfile::TempDir;

    use super::*;

    fn folder(mode: u32, files: &[(&str, u32)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in files {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn refusal(folder: &TempDir) -> String {
        check_data(folder.path()).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused_with_what_mends_it() {
        for mode in [0o755, 0o701, 0o770] {
            let folder = folder(mode, &[("events.sqlite3-wal", 0o644), ("log", 0o644)]);
            let refusal = refusal(&folder);
            let [data, log] = ["", "/events.sqlite3-wal"]
                .map(|name| format!("{}{name}", folder.path().display()));
            let mend = format!("mend it with: chmod 700 {data} && chmod 600 {log}");
            assert!(refusal.ends_with(&mend), "{mode:o}: {refusal}");
        }
        for mode in [0o702, 0o720] {
            assert!(
                refusal(&folder(mode, &[])).contains("chmod 700"),
                "{mode:o}"
            );
        }
        check_data(folder(0o700, &[]).path()).unwrap();
        // The group may be one made for this; it may list the folder and not read the files.
        check_data(folder(0o750, &[("events.sqlite3", 0o600)]).path()).unwrap();
        assert!(refusal(&folder(0o750, &[("events.sqlite3", 0o640)])).contains("chmod 600"));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_wherever_it_is() {
        for mode in [0o640, 0o604, 0o622] {
            let refusal = refusal(&folder(0o700, &[(COOKIE_KEY_FILE, mode)]));
            assert!(
                refusal.contains("chmod 600") && refusal.contains(COOKIE_KEY_FILE),
                "{refusal}"
            );
        }
    }

    /// Files as the service left them before it was careful.
    #[test]
    fn whatever_is_open_in_a_closed_folder_is_closed() {
        let outside = folder(0o755, &[("theirs", 0o644)]);
        let folder = folder(0o700, &[("events.sqlite3", 0o644), (SHARING_FILE, 0o664)]);
        let copies = folder.path().join("copies/ana");
        fs::create_dir_all(&copies).unwrap();
        fs::write(copies.join("copy"), "").unwrap();
        for path in [&copies, &copies.join("copy")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(outside.path().join("theirs"), folder.path().join("link")).unwrap();
        assert!(open_below(folder.path()).count() >= 4);
        check_data(folder.path()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        for name in ["events.sqlite3", SHARING_FILE, "copies/ana/copy"] {
            assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
        }
        assert_eq!(mode(&copies), 0o700);
        assert_eq!(mode(&outside.path().join("theirs")), 0o644);
        assert_eq!(open_below(folder.path()).count(), 0);
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let folder = folder(0o700, &[(COOKIE_KEY_FILE, 0o600)]);
        if chown(folder.path(), Some(12_345), None).is_err() {
            return; // Only root can give things to others.
        }
        let refusal = refusal(&folder);
        assert!(
            refusal.contains("chown -R 0 ") && refusal.contains("user 12345"),
            "{refusal}"
        );
    }

    #[test]
    fn a_path_is_one_word_of_the_command() {
        let word = |path: &str| ShellWord(Path::new(path)).to_string();
        assert_eq!(word("/var/lib/pipalhub"), "/var/lib/pipalhub");
        assert_eq!(word("/a b/it's; rm"), r"'/a b/it'\''s; rm'");
        assert_eq!(word("-rf"), "'-rf'");
    }
}
