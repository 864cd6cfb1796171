//! A copy of an environment, in a folder of its own inside it, where a change is made.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, FileTimes, Metadata},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, symlink},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::fs::statvfs;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use super::environment::Environment;
use crate::secret::Secret;

/// What is at the root of an environment that installers change. Anything else, as conda's store
/// of packages, is not copied.
const COPIED: [&str; 8] = [
    "bin",
    "etc",
    "include",
    "lib",
    "lib64",
    "man",
    "pyvenv.cfg",
    "share",
];
/// What begins the names of folders for changes, which are tidied away.
const PREFIX: &str = "next-";
/// What is left free on the disk besides.
const SPARE_BYTES: u64 = 256 << 20;
/// How often it is tried to remove a folder.
const ATTEMPTS: usize = 20;
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(50);
/// Larger files of `bin` are no scripts.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// What of a file is another when it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Print {
    size: u64,
    modified: (i64, i64),
    mode: u32,
    /// Where it leads to, if it is a link.
    link: Option<PathBuf>,
}

impl Print {
    fn of(path: &Path, metadata: &Metadata) -> anyhow::Result<Self> {
        let is_link = metadata.file_type().is_symlink();
        Ok(Self {
            size: metadata.len(),
            // The times of a link say nothing.
            modified: match is_link {
                true => (0, 0),
                false => (metadata.mtime(), metadata.mtime_nsec()),
            },
            mode: metadata.mode(),
            link: is_link.then(|| fs::read_link(path)).transpose()?,
        })
    }
}

/// A folder for a change, which is removed with this.
pub(super) struct StagingFolder(PathBuf);

impl StagingFolder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for StagingFolder {
    fn drop(&mut self) {
        // What stays is tidied away before the next change.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A copy of an environment.
pub(super) struct Staging {
    folder: StagingFolder,
    root: PathBuf,
    /// The files that were copied, by their path below the root.
    copied: BTreeMap<String, Print>,
}

/// What to do with the files of an environment to make a change that was made in a copy.
pub(super) struct Difference {
    /// Files of the copy that take their place.
    pub(super) put: Vec<String>,
    /// Files that go.
    pub(super) removed: Vec<String>,
}

impl Staging {
    /// Makes a folder for a change.
    pub(super) fn folder(environment: &Environment) -> anyhow::Result<StagingFolder> {
        let name = format!("{PREFIX}{}", &Secret::random().reveal()[..8]);
        let folder = environment.own_folder().join(name);
        let cannot = || format!("cannot make the folder {}", folder.display());
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(cannot)?;
        Ok(StagingFolder(folder))
    }

    /// Removes what changes that were broken off have left.
    pub(super) fn tidy(environment: &Environment) -> anyhow::Result<()> {
        for entry in fs::read_dir(environment.own_folder())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Copies an environment into the folder.
    pub(super) fn copy(environment: &Environment, folder: StagingFolder) -> anyhow::Result<Self> {
        let from = &environment.root;
        let root = folder.path().join("env");
        fs::create_dir(&root)?;
        check_space(from)?;
        let mut copied = BTreeMap::new();
        for path in paths_of(from)? {
            let (below, metadata) = path;
            let (source, target) = (from.join(&below), root.join(&below));
            let cannot = || format!("cannot copy {}", source.display());
            if metadata.is_dir() {
                fs::create_dir(&target).with_context(cannot)?;
                fs::set_permissions(&target, metadata.permissions()).with_context(cannot)?;
                continue;
            }
            if metadata.file_type().is_symlink() {
                symlink(fs::read_link(&source)?, &target).with_context(cannot)?;
            } else if metadata.is_file() {
                fs::copy(&source, &target).with_context(cannot)?;
                let times = FileTimes::new().set_modified(metadata.modified()?);
                // A file that may only be read is opened for its times too.
                File::open(&target)?.set_times(times).with_context(cannot)?;
            } else {
                continue;
            }
            copied.insert(below, Print::of(&source, &metadata)?);
        }
        Ok(Self {
            folder,
            root,
            copied,
        })
    }

    /// The root of the copy.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that the copy is in.
    pub(super) fn folder_path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the environment's own path into scripts that were made in the copy.
    pub(super) fn correct_scripts(&self, environment: &Environment) -> anyhow::Result<()> {
        let text = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.with_context(|| format!("{} is not UTF-8", path.display()))
        };
        let (own, real) = (text(&self.root)?, text(&environment.root)?);
        let mut corrected = Vec::new();
        for entry in fs::read_dir(self.root.join("bin"))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if !metadata.is_file() || metadata.len() > MAX_SCRIPT_BYTES {
                continue;
            }
            let path = entry.path();
            let Ok(script) = fs::read_to_string(&path) else {
                continue;
            };
            if script.contains(&own) {
                let script = script.replace(&own, &real);
                replace(&path, script.as_bytes(), &metadata)?;
                let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&script));
                let name = entry.file_name().to_string_lossy().into_owned();
                corrected.push((name, format!("sha256={digest},{}", script.len())));
            }
        }
        self.correct_records(&corrected)
    }

    /// Notes the digests of corrected scripts where packages list their files.
    fn correct_records(&self, corrected: &[(String, String)]) -> anyhow::Result<()> {
        if corrected.is_empty() {
            return Ok(());
        }
        for entry in WalkDir::new(self.root.join("lib")).max_depth(4) {
            let entry = entry?;
            let folder = entry.path().parent().and_then(Path::extension);
            if entry.file_name() != "RECORD" || folder.is_none_or(|it| it != "dist-info") {
                continue;
            }
            let record = fs::read_to_string(entry.path())?;
            let mut is_changed = false;
            let lines = record.lines().map(|line| {
                let file = line.split(',').next().unwrap_or_default();
                let name = file
                    .split_once("/bin/")
                    .filter(|it| it.0.ends_with(".."))
                    .map(|it| it.1);
                match corrected.iter().find(|it| Some(it.0.as_str()) == name) {
                    Some((_, digest)) => {
                        is_changed = true;
                        format!("{file},{digest}\n")
                    }
                    None => format!("{line}\n"),
                }
            });
            let lines: String = lines.collect();
            if is_changed {
                replace(entry.path(), lines.as_bytes(), &entry.metadata()?)?;
            }
        }
        Ok(())
    }

    /// What has become another in the copy.
    pub(super) fn difference(&self) -> anyhow::Result<Difference> {
        let mut left = self.copied.clone();
        let mut put = Vec::new();
        for (below, metadata) in paths_of(&self.root)? {
            if metadata.is_dir() {
                continue;
            }
            let print = Print::of(&self.root.join(&below), &metadata)?;
            if left.remove(&below).as_ref() != Some(&print) {
                put.push(below);
            }
        }
        Ok(Difference {
            put,
            removed: left.into_keys().collect(),
        })
    }

    /// Keeps the folder when this is dropped.
    pub(super) fn into_folder(self) -> StagingFolder {
        self.folder
    }
}

/// The files, folders and links of an environment that installers change, by their path below it,
/// each folder before what is in it.
fn paths_of(root: &Path) -> anyhow::Result<Vec<(String, Metadata)>> {
    let mut paths = Vec::new();
    for name in COPIED {
        let top = root.join(name);
        if fs::symlink_metadata(&top).is_err() {
            continue;
        }
        for entry in WalkDir::new(&top)
            .follow_root_links(false)
            .sort_by_file_name()
        {
            let entry = entry.with_context(|| format!("cannot read {}", top.display()))?;
            let below = entry.path().strip_prefix(root)?;
            let Some(below) = below.to_str() else {
                bail!("the name of {} is not UTF-8", entry.path().display());
            };
            paths.push((below.to_owned(), entry.metadata()?));
        }
    }
    Ok(paths)
}

/// Removes a folder in which a process that was ended may be writing its last.
fn remove(folder: &Path) -> anyhow::Result<()> {
    for _ in 0..ATTEMPTS {
        if fs::remove_dir_all(folder).is_ok() {
            return Ok(());
        }
        sleep(ATTEMPT_INTERVAL);
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Refuses a copy for which there is no room.
fn check_space(root: &Path) -> anyhow::Result<()> {
    let sizes = paths_of(root)?
        .into_iter()
        .map(|(_, it)| it.len())
        .sum::<u64>();
    let disk = statvfs(root)?;
    let (free, needed) = (disk.f_bavail * disk.f_frsize, sizes + SPARE_BYTES);
    ensure!(
        free >= needed,
        "a copy of the environment needs {} MB on the disk of {}, and {} MB are free",
        needed >> 20,
        root.display(),
        free >> 20
    );
    Ok(())
}

/// Replaces a file of the copy; it keeps its mode.
fn replace(path: &Path, bytes: &[u8], metadata: &Metadata) -> anyhow::Result<()> {
    let new = path.with_extension("new-of-pipalhub");
    let mut file = File::create_new(&new)?;
    file.write_all(bytes)?;
    file.set_permissions(metadata.permissions())?;
    fs::rename(new, path)?;
    Ok(())
}
