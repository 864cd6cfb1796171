//! That what the service keeps is for its user alone: the data folder, what is in it, the
//! folder of the builds, a file with a token.
//!
//! Whoever may read there can read what everyone saved and, with the key of the cookies, sign
//! in as anyone; whoever may write there can put files of theirs into the place of ours. The
//! service refuses to start on such a folder, and `doctor` says the same of it. Each finding
//! comes with the command that mends it.

use std::{
    fmt::{self, Write},
    fs::{self, Metadata},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use anyhow::{Context, bail};
use rustix::process::geteuid;

/// The key that cookies are encrypted with.
pub(super) const KEY: &str = "cookie.key";
/// What is shared with participants.
pub(super) const SHARING: &str = "sharing.json";
/// The databases.
const DATABASES: [&str; 4] = [
    "events.sqlite3",
    "history.sqlite3",
    "notices.sqlite3",
    "errands.sqlite3",
];
/// SQLite's own beside each.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// What only its owner may do with a file.
const FILE: u32 = 0o077;
/// In a folder others may do nothing, and the group, which may be one for this, look.
const FOLDER: u32 = 0o027;
/// Who may get at what is in a folder.
const ENTER: u32 = 0o011;

/// Something that is not for the service's user alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exposed {
    /// What it is, and what is wrong with it.
    pub(super) what: String,
    /// The command that mends it.
    pub(super) mend: String,
}

/// Refuses a data folder that others may enter or that is another's, or a file in it that
/// others may read. What others could never read, since the folder was closed, is closed
/// without a word.
pub(super) fn check_data(folder: &Path) -> anyhow::Result<()> {
    let exposed = data_folder(folder).into_iter();
    let exposed = exposed.chain(file(&folder.join(KEY)));
    refuse(exposed.chain(files_exposed(folder)).collect())?;
    for name in files() {
        let path = folder.join(name);
        if file(&path).is_some() {
            let cannot = || format!("cannot close {} to others", path.display());
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).with_context(cannot)?;
        }
    }
    Ok(())
}

/// The files in the data folder, but for the key, that others may read and can get at.
pub(super) fn files_exposed(folder: &Path) -> Vec<Exposed> {
    let is_open = |folder: &Metadata| folder.mode() & ENTER != 0;
    let can_get_at = fs::metadata(folder).is_ok_and(|folder| is_open(&folder));
    let files = files().filter(|_| can_get_at);
    files.filter_map(|name| file(&folder.join(name))).collect()
}

/// The same of the folder of the builds, once it is one.
pub(super) fn check_builds(folder: &Path) -> anyhow::Result<()> {
    let is_one = folder.join(".pipalhub").exists();
    refuse(
        is_one
            .then(|| data_folder(folder))
            .flatten()
            .into_iter()
            .collect(),
    )
}

/// The same of a file with a secret of whoever runs this.
pub(super) fn check_secret(path: &Path) -> anyhow::Result<()> {
    refuse(file(path).into_iter().collect())
}

fn refuse(exposed: Vec<Exposed>) -> anyhow::Result<()> {
    if exposed.is_empty() {
        return Ok(());
    }
    let (what, mend): (Vec<_>, Vec<_>) = exposed.into_iter().map(|it| (it.what, it.mend)).unzip();
    bail!("{}; mend it with: {}", what.join("; "), mend.join(" && "))
}

/// The files of the service's own in the data folder that hold something, but for the key.
fn files() -> impl Iterator<Item = String> {
    let databases = DATABASES.iter();
    let databases = databases.flat_map(|name| BESIDE.map(|ending| format!("{name}{ending}")));
    [SHARING.to_owned()].into_iter().chain(databases)
}

/// What is wrong with a folder of the service's own, if anything is.
pub(super) fn data_folder(path: &Path) -> Option<Exposed> {
    let metadata = fs::metadata(path).ok()?;
    anothers(path, &metadata, "chown -R").or_else(|| {
        (metadata.mode() & FOLDER != 0).then(|| Exposed {
            what: format!(
                "{} can be entered or written by others than this user (mode {:o})",
                path.display(),
                metadata.mode() & 0o777
            ),
            mend: format!("chmod 700 {}", Word(path)),
        })
    })
}

/// The same of a file.
pub(super) fn file(path: &Path) -> Option<Exposed> {
    let metadata = fs::metadata(path).ok()?;
    anothers(path, &metadata, "chown").or_else(|| {
        (metadata.mode() & FILE != 0).then(|| Exposed {
            what: format!(
                "{} can be read or written by others than this user (mode {:o})",
                path.display(),
                metadata.mode() & 0o777
            ),
            mend: format!("chmod 600 {}", Word(path)),
        })
    })
}

fn anothers(path: &Path, metadata: &Metadata, chown: &str) -> Option<Exposed> {
    let own = geteuid().as_raw();
    (metadata.uid() != own).then(|| Exposed {
        what: format!(
            "{} belongs to user {} and not to this one ({own})",
            path.display(),
            metadata.uid()
        ),
        mend: format!("{chown} {own} {}", Word(path)),
    })
}

/// A path as a word of a shell.
struct Word<'a>(&'a Path);

impl fmt::Display for Word<'_> {
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
    use std::os::unix::fs::chown;

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
        // A group may be one that is made for this; what is in the folder is not for it.
        check_data(folder(0o750, &[("events.sqlite3", 0o600)]).path()).unwrap();
        assert!(refusal(&folder(0o750, &[("events.sqlite3", 0o640)])).contains("chmod 600"));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_wherever_it_is() {
        for mode in [0o640, 0o604, 0o622] {
            let refusal = refusal(&folder(0o700, &[(KEY, mode)]));
            assert!(
                refusal.contains("chmod 600") && refusal.contains(KEY),
                "{refusal}"
            );
        }
    }

    /// As the service left them before it was careful.
    #[test]
    fn what_nobody_could_read_is_closed_without_a_word() {
        let folder = folder(0o700, &[("events.sqlite3", 0o644), (SHARING, 0o664)]);
        check_data(folder.path()).unwrap();
        for name in ["events.sqlite3", SHARING] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn what_belongs_to_another_is_refused() {
        let folder = folder(0o700, &[(KEY, 0o600)]);
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
        let word = |path: &str| Word(Path::new(path)).to_string();
        assert_eq!(word("/var/lib/pipalhub"), "/var/lib/pipalhub");
        assert_eq!(word("/a b/it's; rm"), r"'/a b/it'\''s; rm'");
        assert_eq!(word("-rf"), "'-rf'");
    }
}
