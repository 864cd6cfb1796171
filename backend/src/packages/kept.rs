//! What is kept of packages in the steward's own folder: the last change with the end of its log,
//! and what the environment was brought to.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use shared::packages::{PackageEdit, PackageJob};

use crate::files;

/// The file's name.
const FILE: &str = "packages.json";

/// What is kept, in a file.
pub(super) struct KeptPackages {
    path: PathBuf,
    pub(super) kept: Kept,
}

/// What the file holds.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The last change, or the one that is being made.
    pub(super) job: Option<PackageJob>,
    /// What it was to do; none where the file was edited by hand.
    pub(super) edit: Option<PackageEdit>,
    /// The end of its log.
    pub(super) log: Vec<String>,
    /// The requirements that the environment was brought to.
    pub(super) applied: Vec<String>,
}

impl KeptPackages {
    /// Reads the file; there is none at the first start.
    pub(super) fn load(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, kept })
    }

    pub(super) fn save(&self) -> io::Result<()> {
        files::replace(&self.path, &serde_json::to_vec(&self.kept)?)
    }
}
