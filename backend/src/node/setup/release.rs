//! A release: what one version of this program sets up. Each has a folder of its own, so that an
//! earlier one is there to go back to.

use std::{
    env, fs,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::bundle;

/// Hexadecimal digits of the checksum in a release's name.
const DIGITS: usize = 12;
/// Releases that are kept: the one that runs and the one before.
const KEPT: usize = 2;
/// In a release's folder when all of it is there.
const COMPLETE: &str = "complete";

/// The name of a release: the version, and a checksum of the program with all that it brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReleaseName(String);

impl ReleaseName {
    /// That of this program.
    pub(super) fn own() -> anyhow::Result<Self> {
        let path = own_program()?;
        let mut hasher = Sha256::new();
        let mut file = fs::File::open(&path)?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                read => hasher.update(&chunk[..read]),
            }
        }
        // A build for development reads these where they are.
        for (path, content) in bundle::everything() {
            hasher.update(path.as_bytes());
            hasher.update(content);
        }
        let digest: String = hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let version = env!("CARGO_PKG_VERSION");
        Ok(Self(format!("{version}-{}", &digest[..DIGITS])))
    }

    /// A name that was kept in a file; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        let is_name = !text.is_empty() && text.bytes().all(is_allowed) && !text.starts_with('.');
        is_name.then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The program that runs.
pub(crate) fn own_program() -> anyhow::Result<PathBuf> {
    env::current_exe().context("cannot find this program's own file")
}

/// The releases in a folder.
pub(super) struct Releases {
    pub(super) folder: &'static str,
}

impl Releases {
    pub(super) fn path(&self, release: &ReleaseName) -> String {
        format!("{}/{}", self.folder, release.as_str())
    }

    pub(super) fn is_complete(&self, release: &ReleaseName) -> bool {
        fs::metadata(format!("{}/{COMPLETE}", self.path(release))).is_ok()
    }

    /// Removes what an interrupted run has left of it and makes its folder anew.
    pub(super) fn begin(&self, release: &ReleaseName) -> anyhow::Result<()> {
        let path = self.path(release);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&path),
        }
        .with_context(|| format!("cannot make {path} anew"))
    }

    /// Says that all of it is there, and on the disk.
    pub(super) fn complete(&self, release: &ReleaseName) -> anyhow::Result<()> {
        rustix::fs::sync();
        let path = format!("{}/{COMPLETE}", self.path(release));
        let file = fs::File::create(&path).with_context(|| format!("cannot write {path}"))?;
        file.sync_all()?;
        Ok(())
    }

    /// Removes all but the newest and these.
    pub(super) fn tidy(&self, needed: &[&ReleaseName]) -> anyhow::Result<()> {
        let mut others: Vec<_> = fs::read_dir(self.folder)?
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                !needed.iter().any(|release| name == release.as_str())
            })
            .collect();
        others.sort_by_key(|entry| entry.metadata().and_then(|it| it.modified()).ok());
        let kept = KEPT.saturating_sub(needed.len());
        let removed = others.len().saturating_sub(kept);
        for entry in others.into_iter().take(removed) {
            fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_after_the_program_and_what_it_brings() {
        let name = ReleaseName::own().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            name.as_str().starts_with(&format!("{version}-")),
            "{name:?}"
        );
        assert_eq!(name, ReleaseName::own().unwrap());
        assert_eq!(ReleaseName::parse(name.as_str()), Some(name));
        for wrong in ["", "..", "a/b", "a b", "\n"] {
            assert_eq!(ReleaseName::parse(wrong), None, "{wrong:?}");
        }
    }
}
