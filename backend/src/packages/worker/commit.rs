//! A change takes effect: the files that are another in the copy take their place in the
//! environment, each at once, and those that are gone go.
//!
//! What is to be done is on the disk before any of it is done, so an end in the middle is finished
//! by the next start. Files that nothing has changed stay as they are, and so do the pages of them
//! that running kernels have in memory.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::fs::syncfs;
use serde::{Deserialize, Serialize};
use shared::requirement::normalized_name;

use super::{
    environment::Environment,
    protocol::LastChange,
    staging::{Difference, Staging},
};
use crate::files;

/// What is known of an environment.
const STATE_FILE: &str = "state.json";
/// The change that is taking effect.
const COMMIT_FILE: &str = "commit.json";
const LOCK_FILE: &str = "lock";
/// How long another process is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// What is known of an environment besides what is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeptState {
    /// Normalized names of what was there before anything was installed from here.
    pub(super) base: BTreeSet<String>,
    /// What has changed it last.
    last: Option<LastChange>,
}

/// A change that is taking effect.
#[derive(Serialize, Deserialize)]
struct Commit {
    /// The folder of the copy.
    folder: PathBuf,
    /// The root of the copy.
    root: PathBuf,
    put: Vec<String>,
    removed: Vec<String>,
    after: KeptState,
}

impl KeptState {
    fn load(environment: &Environment) -> anyhow::Result<Option<Self>> {
        read_json(&environment.own_folder().join(STATE_FILE))
    }

    /// What is known, or what is there where nothing is known yet.
    pub(super) fn load_or_begin(environment: &Environment) -> anyhow::Result<Self> {
        if let Some(kept) = Self::load(environment)? {
            return Ok(kept);
        }
        let packages = environment.installed(None)?.packages;
        let names = packages.iter().map(|it| normalized_name(&it.name));
        Ok(Self {
            base: names.collect(),
            last: None,
        })
    }

    /// The same after a change that has dropped these.
    pub(super) fn after(mut self, change: LastChange, dropped: &[String]) -> Self {
        for name in dropped {
            self.base.remove(&normalized_name(name));
        }
        self.last = Some(change);
        self
    }

    fn save(&self, environment: &Environment) -> anyhow::Result<()> {
        let path = environment.own_folder().join(STATE_FILE);
        files::replace(&path, &serde_json::to_vec(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Keeps other processes from changing the environment. One that was ended a moment ago is waited
/// for.
pub(super) fn lock(environment: &Environment) -> anyhow::Result<File> {
    let path = environment.own_folder().join(LOCK_FILE);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600);
    let file = file
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let end = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => sleep(LOCK_INTERVAL),
            Err(TryLockError::WouldBlock) => {
                bail!("another process changes {}", environment.root.display())
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Makes the change of the copy the environment's.
pub(super) fn commit(
    environment: &Environment,
    staging: Staging,
    after: &KeptState,
) -> anyhow::Result<()> {
    let Difference { put, removed } = staging.difference()?;
    let root = staging.root().to_owned();
    let folder = staging.into_folder();
    let commit = Commit {
        folder: folder.path().to_owned(),
        root,
        put,
        removed,
        after: after.clone(),
    };
    // All of the copy is on the disk before the word that it counts.
    syncfs(File::open(&environment.root)?)?;
    let path = environment.own_folder().join(COMMIT_FILE);
    files::replace(&path, &serde_json::to_vec(&commit)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    finish(environment, &commit)
}

/// Finishes a change that had begun to take effect, and tidies away any other. Returns what has
/// changed the environment last.
pub(super) fn recover(environment: &Environment) -> anyhow::Result<Option<LastChange>> {
    let _lock = lock(environment)?;
    recover_locked(environment)
}

/// The same for whoever holds the lock.
pub(super) fn recover_locked(environment: &Environment) -> anyhow::Result<Option<LastChange>> {
    let path = environment.own_folder().join(COMMIT_FILE);
    if let Some(commit) = read_json::<Commit>(&path)? {
        finish(environment, &commit)?;
    }
    Staging::tidy(environment)?;
    Ok(KeptState::load(environment)?.and_then(|it| it.last))
}

fn finish(environment: &Environment, commit: &Commit) -> anyhow::Result<()> {
    let cannot = |below: &str| format!("cannot replace {}", environment.root.join(below).display());
    for below in &commit.put {
        let (from, to) = (commit.root.join(below), environment.root.join(below));
        let placed = place(&from, &to, &commit.root, below);
        placed.with_context(|| cannot(below))?;
    }
    for below in &commit.removed {
        let path = environment.root.join(below);
        match fs::remove_file(&path) {
            // A file that has become a folder is gone as a file.
            Err(error) if error.kind() == ErrorKind::IsADirectory => continue,
            Err(error) if !is_gone(&error) => return Err(error).with_context(|| cannot(below)),
            _ => {}
        }
        remove_empty_folders(&environment.root, below);
    }
    commit.after.save(environment)?;
    syncfs(File::open(&environment.root)?)?;
    fs::remove_file(environment.own_folder().join(COMMIT_FILE))?;
    // What stays is tidied away before the next change.
    let _ = fs::remove_dir_all(&commit.folder);
    Ok(())
}

/// Moves a file of the copy to its place; one that is not there has been moved before.
fn place(from: &Path, to: &Path, root: &Path, below: &str) -> io::Result<()> {
    if is_missing(from)? {
        return Ok(());
    }
    make_folders(root, to, below)?;
    match fs::rename(from, to) {
        // A folder was there, and has become a file.
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            fs::remove_dir_all(to)?;
            fs::rename(from, to)
        }
        moved => moved,
    }
}

/// Makes the folders above a file, with the modes that they have in the copy.
fn make_folders(root: &Path, to: &Path, below: &str) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut pairs = to
        .ancestors()
        .skip(1)
        .zip(Path::new(below).ancestors().skip(1));
    for (folder, below) in &mut pairs {
        match fs::symlink_metadata(folder) {
            Ok(there) if there.is_dir() || there.is_symlink() && folder.is_dir() => break,
            // A file was there, and has become a folder.
            Ok(_) => fs::remove_file(folder)?,
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
        missing.push((folder, below));
    }
    for (folder, below) in missing.into_iter().rev() {
        fs::create_dir(folder)?;
        fs::set_permissions(folder, fs::metadata(root.join(below))?.permissions())?;
    }
    Ok(())
}

/// Removes the folders above a file that are left empty.
fn remove_empty_folders(root: &Path, below: &str) {
    for folder in Path::new(below).ancestors().skip(1) {
        // One that is not empty stays.
        if folder.as_os_str().is_empty() || fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
}

fn is_missing(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(false),
        Err(error) if is_gone(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Option<T>> {
    let cannot = || format!("cannot read {}", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(cannot)
            .map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(cannot),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;
    use crate::packages::worker::installer::Installer;

    /// An environment of a few files, and a change of it that was made in a copy.
    fn changed() -> (tempfile::TempDir, Environment, Commit) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        fs::create_dir(root.join(".pipalhub")).unwrap();
        fs::create_dir_all(root.join("lib/old")).unwrap();
        for name in [
            "pyvenv.cfg",
            "lib/same.py",
            "lib/other.py",
            "lib/old/gone.py",
            "lib/kind",
        ] {
            fs::write(root.join(name), "before").unwrap();
        }
        symlink("same.py", root.join("lib/link")).unwrap();
        let version = "0".to_owned();
        let installer = Installer::Pip { version };
        let environment = Environment { root, installer };
        let staging = Staging::folder(&environment).unwrap();
        let staging = Staging::copy(&environment, staging).unwrap();
        let copy = staging.root().to_owned();
        fs::write(copy.join("lib/other.py"), "afterwards").unwrap();
        fs::create_dir_all(copy.join("lib/new/deep")).unwrap();
        fs::write(copy.join("lib/new/deep/b.py"), "new").unwrap();
        fs::remove_dir_all(copy.join("lib/old")).unwrap();
        fs::remove_file(copy.join("lib/kind")).unwrap();
        fs::create_dir(copy.join("lib/kind")).unwrap();
        fs::write(copy.join("lib/kind/c.py"), "new").unwrap();
        fs::remove_file(copy.join("lib/link")).unwrap();
        symlink("other.py", copy.join("lib/link")).unwrap();
        let Difference { put, removed } = staging.difference().unwrap();
        assert_eq!(
            put,
            [
                "lib/kind/c.py",
                "lib/link",
                "lib/new/deep/b.py",
                "lib/other.py"
            ]
            .map(str::to_owned)
        );
        assert_eq!(removed, ["lib/kind", "lib/old/gone.py"].map(str::to_owned));
        let after = KeptState {
            base: BTreeSet::new(),
            last: Some(LastChange {
                job: 7,
                changes: Vec::new(),
            }),
        };
        let root = staging.root().to_owned();
        let kept = staging.into_folder();
        let folder_of_copy = kept.path().to_owned();
        std::mem::forget(kept);
        let commit = Commit {
            folder: folder_of_copy,
            root,
            put,
            removed,
            after,
        };
        (folder, environment, commit)
    }

    fn assert_changed(environment: &Environment) {
        let read = |name: &str| fs::read_to_string(environment.root.join(name)).unwrap();
        assert_eq!(read("lib/same.py"), "before");
        assert_eq!(read("lib/other.py"), "afterwards");
        assert_eq!(read("lib/link"), "afterwards");
        assert_eq!(read("lib/new/deep/b.py") + &read("lib/kind/c.py"), "newnew");
        assert!(!environment.root.join("lib/old").exists());
        let own = fs::read_dir(environment.own_folder()).unwrap();
        let mut left: Vec<_> = own.map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [LOCK_FILE, STATE_FILE].map(std::ffi::OsString::from));
    }

    #[test]
    fn a_change_that_broke_off_anywhere_is_finished() {
        let steps = {
            let (_folder, _, commit) = changed();
            commit.put.len() + commit.removed.len()
        };
        for done in 0..=steps {
            let (_folder, environment, commit) = changed();
            let same = environment.root.join("lib/same.py");
            let number = fs::metadata(&same).unwrap().ino();
            let path = environment.own_folder().join(COMMIT_FILE);
            files::replace(&path, &serde_json::to_vec(&commit).unwrap()).unwrap();
            // What had been done before the end.
            for below in commit.put.iter().take(done) {
                let to = environment.root.join(below);
                place(&commit.root.join(below), &to, &commit.root, below).unwrap();
            }
            for below in commit
                .removed
                .iter()
                .take(done.saturating_sub(commit.put.len()))
            {
                // It may have become a folder already.
                let _ = fs::remove_file(environment.root.join(below));
            }
            assert_eq!(recover(&environment).unwrap().unwrap().job, 7, "{done}");
            assert_changed(&environment);
            assert_eq!(fs::metadata(&same).unwrap().ino(), number);
            assert_eq!(recover(&environment).unwrap().unwrap().job, 7, "{done}");
            assert_changed(&environment);
        }
    }

    #[test]
    fn a_change_that_had_not_begun_to_take_effect_is_forgotten() {
        let (_folder, environment, commit) = changed();
        assert!(commit.folder.exists());
        assert_eq!(recover(&environment).unwrap(), None);
        assert!(!commit.folder.exists());
        assert_eq!(
            fs::read(environment.root.join("lib/other.py")).unwrap(),
            b"before"
        );
    }
}
