//! The list of the packages: `manifest.json` for programs, `SHA256SUMS` for `sha256sum --check`.

use std::{fs, path::Path};

use anyhow::Context;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Program, read, tarball::VERSION};

/// The packages of one version.
#[derive(Serialize)]
pub(super) struct Manifest {
    version: &'static str,
    files: Vec<ManifestFile>,
}

/// A package.
#[derive(Serialize)]
struct ManifestFile {
    name: String,
    /// In bytes.
    size: usize,
    sha256: String,
    /// The machine that it is for, as Rust calls it; any where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    /// The oldest version of the GNU C library that its program runs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    glibc: Option<String>,
}

impl Manifest {
    pub(super) fn new() -> Self {
        Self {
            version: VERSION,
            files: Vec::new(),
        }
    }

    /// Adds a file, and what the program in it needs.
    pub(super) fn add(&mut self, path: &Path, program: Option<&Program>) -> anyhow::Result<()> {
        let content = read(path)?;
        let name = path.file_name().context("a package has a name")?;
        self.files.push(ManifestFile {
            name: name.to_string_lossy().into_owned(),
            size: content.len(),
            sha256: hexadecimal(&Sha256::digest(&content)),
            target: program.map(|program| program.target.triple()),
            glibc: program.map(|program| program.glibc.to_string()),
        });
        Ok(())
    }

    /// Writes both lists into `dist`.
    pub(super) fn write(&mut self, dist: &Path) -> anyhow::Result<()> {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        fs::write(dist.join("manifest.json"), json)?;
        let lines = self.files.iter();
        let sums: String = lines
            .map(|file| format!("{}  {}\n", file.sha256, file.name))
            .collect();
        fs::write(dist.join("SHA256SUMS"), sums)?;
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{execute, program};

    #[test]
    fn sha256sum_checks_what_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new();
        for name in ["b.whl", "a.deb"] {
            let path = folder.path().join(name);
            fs::write(&path, name).unwrap();
            manifest.add(&path, None).unwrap();
        }
        manifest.write(folder.path()).unwrap();
        let check = || {
            let mut sums = program("sha256sum");
            sums.current_dir(folder.path());
            execute(sums.args(["--check", "--status", "SHA256SUMS"]))
        };
        check().unwrap();
        let json = fs::read(folder.path().join("manifest.json")).unwrap();
        let list: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(list["version"], VERSION);
        assert_eq!(list["files"][0]["name"], "a.deb");
        assert_eq!(list["files"][0]["size"], 5);
        fs::write(folder.path().join("a.deb"), "other").unwrap();
        assert!(check().is_err());
    }
}
