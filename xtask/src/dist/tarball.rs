//! The tarball: the program, its documents and files to install, in one folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    Program,
    archive::{self, PackedFile},
};
use crate::command::root;

/// The version of all packages, which is the workspace's.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes the tarball into `dist` and returns its path.
pub(super) fn build(program: &Program, dist: &Path) -> anyhow::Result<PathBuf> {
    let name = format!("pipalhub-{VERSION}-{}", program.target.triple());
    let mut files = vec![PackedFile::new("bin/pipalhub", program.read()?).with_mode(0o755)];
    for document in ["LICENSE", "README.md", "CHANGELOG.md"] {
        files.push(PackedFile::copy(document, &root().join(document))?);
    }
    for folder in [
        "docs",
        "etc/container",
        "etc/nginx",
        "etc/node",
        "etc/pipalhub",
        "etc/systemd",
    ] {
        files.extend(archive::folder(folder, &root().join(folder))?);
    }
    let path = dist.join(format!("{name}.tar.gz"));
    fs::write(&path, archive::tar_gz(&format!("{name}/"), &files)?)?;
    Ok(path)
}
