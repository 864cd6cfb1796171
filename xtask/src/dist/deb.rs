//! The Debian package: the program, a unit of systemd that runs it as a user of its own, its
//! settings and documents. The format is deb(5): an ar archive of two tar archives.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    GLIBC, Program,
    archive::{self, PackedFile},
    tarball::VERSION,
};
use crate::command::root;

/// dpkg wants a name with an address.
const MAINTAINER: &str = "the PipalHub contributors <contributors@pipalhub.invalid>";
/// What whoever runs the service may change, and upgrades keep.
const SETTINGS: &str = "etc/pipalhub/pipalhub.env";
/// The folder of documents.
const DOCUMENTS: &str = "usr/share/doc/pipalhub";

/// Writes the package into `dist` and returns its path.
pub(super) fn build(program: &Program, dist: &Path) -> anyhow::Result<PathBuf> {
    let architecture = program.target.debian();
    let path = dist.join(format!("pipalhub_{VERSION}_{architecture}.deb"));
    fs::write(&path, package(program.read()?, architecture)?)?;
    Ok(path)
}

/// The package of a program.
fn package(program: Vec<u8>, architecture: &str) -> anyhow::Result<Vec<u8>> {
    let data = data(program)?;
    let control = control(architecture, &data)?;
    Ok(archive::ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &archive::tar_gz("./", &control)?),
        ("data.tar.gz", &archive::tar_gz("./", &data)?),
    ]))
}

/// The files that the package installs.
fn data(program: Vec<u8>) -> anyhow::Result<Vec<PackedFile>> {
    let from = |path: &str, source: &str| PackedFile::copy(path, &root().join(source));
    let document = |name: &str, source| from(&format!("{DOCUMENTS}/{name}"), source);
    let mut files = vec![
        PackedFile::new("usr/bin/pipalhub", program).with_mode(0o755),
        // It is made to hold a token.
        from(SETTINGS, SETTINGS)?.with_mode(0o600),
        from(
            "usr/lib/systemd/system/pipalhub.service",
            "etc/systemd/pipalhub.service",
        )?,
        from(
            "usr/lib/systemd/system/pipalhub-steward.service",
            "etc/systemd/pipalhub-steward.service",
        )?,
        from(
            "usr/lib/systemd/system/pipalhub-packages.service",
            "etc/systemd/pipalhub-packages.service",
        )?,
        from(
            "usr/lib/sysusers.d/pipalhub.conf",
            "etc/systemd/pipalhub.sysusers",
        )?,
        document("copyright", "LICENSE")?,
        document("CHANGELOG.md", "CHANGELOG.md")?,
        document("examples/homes.conf", "etc/systemd/pipalhub-homes.conf")?,
        document(
            "examples/nginx.conf.sample",
            "etc/nginx/pipalhub.conf.sample",
        )?,
    ];
    files.extend(archive::folder(DOCUMENTS, &root().join("docs"))?);
    Ok(files)
}

/// The files that tell dpkg of the package.
fn control(architecture: &str, data: &[PackedFile]) -> anyhow::Result<Vec<PackedFile>> {
    let kibibytes: usize = data.iter().map(|file| file.size().div_ceil(1024)).sum();
    let control = format!(
        "Package: pipalhub\n\
         Version: {VERSION}\n\
         Architecture: {architecture}\n\
         Maintainer: {MAINTAINER}\n\
         Installed-Size: {kibibytes}\n\
         Depends: libc6 (>= {GLIBC}), systemd\n\
         Section: education\n\
         Priority: optional\n\
         Description: live page of participants' last notebook cells, for JupyterHub\n \
         See everyone's work as it happens: each participant's last notebook cells on\n \
         one page, for hands-on programming workshops on JupyterHub.\n \
         .\n \
         This package runs the service by systemd, as a user of its own.\n"
    );
    let script = |name: &str, text: &str| PackedFile::new(name, text).with_mode(0o755);
    Ok(vec![
        PackedFile::new("control", control),
        PackedFile::new("conffiles", format!("/{SETTINGS}\n")),
        script("postinst", include_str!("debian/postinst")),
        script("prerm", include_str!("debian/prerm")),
        script("postrm", include_str!("debian/postrm")),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::command::{is_there, output, program};

    #[test]
    fn dpkg_reads_the_package() {
        if !is_there("dpkg-deb") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipalhub.deb");
        let content = package(b"#!/bin/sh\n".to_vec(), "arm64").unwrap();
        assert_eq!(content, package(b"#!/bin/sh\n".to_vec(), "arm64").unwrap());
        fs::write(&path, content).unwrap();
        let dpkg = |arguments: &[&str]| {
            let mut dpkg = program("dpkg-deb");
            output(dpkg.args(arguments).arg(&path)).unwrap().unwrap()
        };

        let fields = dpkg(&["--field"]);
        for field in [
            "Package: pipalhub",
            "Architecture: arm64",
            &format!("Version: {VERSION}"),
            "Depends: libc6 (>= 2.28), systemd",
            // A dot stands for an empty line of the description.
            " .",
        ] {
            assert!(
                fields.lines().any(|line| line == field),
                "{field}: {fields}"
            );
        }
        let information = dpkg(&["--info"]);
        for script in ["postinst", "prerm", "postrm"] {
            assert!(information.contains(script), "{information}");
        }
        let files = dpkg(&["--contents"]);
        let paths = files
            .lines()
            .filter_map(|line| line.split_whitespace().last());
        let paths: Vec<&str> = paths.collect();
        let once: BTreeSet<_> = paths.iter().collect();
        assert_eq!(once.len(), paths.len(), "a path is there twice: {files}");
        for (mode, path) in [
            ("-rwxr-xr-x", "./usr/bin/pipalhub"),
            ("-rw-------", "./etc/pipalhub/pipalhub.env"),
            ("-rw-r--r--", "./usr/lib/systemd/system/pipalhub.service"),
            ("-rw-r--r--", "./usr/lib/sysusers.d/pipalhub.conf"),
            ("-rw-r--r--", "./usr/share/doc/pipalhub/install.md"),
            ("drwxr-xr-x", "./etc/"),
        ] {
            let is_there = |line: &str| {
                line.starts_with(&format!("{mode} root/root "))
                    && line.ends_with(&format!(" {path}"))
            };
            assert!(files.lines().any(is_there), "{mode} {path}: {files}");
        }
    }
}
