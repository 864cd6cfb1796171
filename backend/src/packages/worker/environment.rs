//! An environment of Python, as far as it can be looked at.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use shared::packages::InstalledPackage;

use super::{
    installer::{Installer, find_installer},
    protocol::{Inspection, InstallerChoice},
};

/// What says what is installed.
const INSPECT: &str = include_str!("inspect.py");
/// The folder in an environment for what belongs to its changes.
const OWN_FOLDER: &str = ".pipalhub";
/// What pip is not to take from the settings of whoever started the steward: it would install into
/// another place.
const PLACES_OF_PIP: [&str; 5] = [
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_PYTHON",
];

/// An environment that this process may change.
pub(super) struct Environment {
    pub(super) root: PathBuf,
    pub(super) installer: Installer,
}

/// What is installed, and what of it is needed.
#[derive(Deserialize)]
pub(super) struct Installed {
    pub(super) python: String,
    pub(super) packages: Vec<InstalledPackage>,
    /// Names of what the roots need; none where nothing can tell.
    pub(super) needed: Option<BTreeSet<String>>,
}

#[derive(Serialize)]
struct Roots<'a> {
    roots: Option<&'a [String]>,
}

impl Environment {
    /// The environment at `root`.
    ///
    /// # Errors
    /// When it is none, is not this user's, or nothing can install into it.
    pub(super) fn open(root: &Path, choice: InstallerChoice) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use the environment {}", root.display());
        let root = fs::canonicalize(root).with_context(cannot)?;
        let is_one = ["pyvenv.cfg", "conda-meta"].map(|mark| root.join(mark).exists());
        ensure!(
            is_one.contains(&true),
            "{} is no environment of Python: make one with `python3 -m venv {0}`",
            root.display()
        );
        let owner = fs::metadata(&root).with_context(cannot)?.uid();
        ensure!(
            owner == geteuid().as_raw(),
            "{} belongs to the user {owner}, and not to {}",
            root.display(),
            geteuid().as_raw()
        );
        let own = root.join(OWN_FOLDER);
        match DirBuilder::new().mode(0o700).create(&own) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(cannot);
            }
            _ => {}
        }
        ensure!(
            own.symlink_metadata()?.is_dir(),
            "{} is no folder",
            own.display()
        );
        let installer = find_installer(&root, choice)?;
        Ok(Self { root, installer })
    }

    /// The folder for what belongs to its changes.
    pub(super) fn own_folder(&self) -> PathBuf {
        self.root.join(OWN_FOLDER)
    }

    pub(super) fn inspection(&self) -> anyhow::Result<Inspection> {
        let installed = self.installed(None)?;
        Ok(Inspection {
            python: installed.python,
            installer: self.installer.to_string(),
            packages: installed.packages,
        })
    }

    /// What is installed; with `roots`, what of it they need.
    pub(super) fn installed(&self, roots: Option<&[String]>) -> anyhow::Result<Installed> {
        installed_in(&self.root, roots)
    }
}

/// What is installed in the environment at `root`, which may be a copy.
pub(super) fn installed_in(root: &Path, roots: Option<&[String]>) -> anyhow::Result<Installed> {
    let argument = serde_json::to_string(&Roots { roots })?;
    let cannot = || format!("the Python of {} does not run", root.display());
    let output = python(root)
        .args(["-c", INSPECT, &argument])
        .stdin(Stdio::null())
        .output()
        .with_context(cannot)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the Python of {} fails: {}", root.display(), said.trim());
    }
    let cannot = || format!("the Python of {} prints something else", root.display());
    serde_json::from_slice(&output.stdout).with_context(cannot)
}

/// The Python of the environment at `root`, apart from this user's own modules and settings.
pub(super) fn python(root: &Path) -> Command {
    let mut command = Command::new(root.join("bin").join("python3"));
    command.args(["-I", "-B"]);
    for name in PLACES_OF_PIP {
        command.env_remove(name);
    }
    command
}
