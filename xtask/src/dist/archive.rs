//! Files as tar and ar archives: owned by root, in one order and of one time, so that the same
//! files make the same archive.

use std::{collections::BTreeSet, fs, io::Write, os::unix::fs::PermissionsExt, path::Path};

use anyhow::Context;
use flate2::{Compression, GzBuilder};

use super::{FILE_TIME, read};

/// A file in an archive.
pub(super) struct PackedFile {
    path: String,
    mode: u32,
    content: Vec<u8>,
}

impl PackedFile {
    /// A file that everyone may read.
    pub(super) fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode: 0o644,
            content: content.into(),
        }
    }

    /// A copy of a file.
    pub(super) fn copy(path: impl Into<String>, source: &Path) -> anyhow::Result<Self> {
        Ok(Self::new(path, read(source)?))
    }

    /// How many bytes are in it.
    pub(super) fn size(&self) -> usize {
        self.content.len()
    }

    /// The same file with these permissions.
    pub(super) fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }
}

/// Copies of the files of a folder and of those below it, in the folder `to` of the archive. Programs
/// stay such.
pub(super) fn folder(to: &str, source: &Path) -> anyhow::Result<Vec<PackedFile>> {
    let mut entries = fs::read_dir(source)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read {}", source.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        let path = format!("{to}/{}", entry.file_name().display());
        if entry.file_type()?.is_dir() {
            files.extend(folder(&path, &entry.path())?);
        } else {
            let mode = match entry.metadata()?.permissions().mode() & 0o100 {
                0 => 0o644,
                _ => 0o755,
            };
            files.push(PackedFile::copy(path, &entry.path())?.with_mode(mode));
        }
    }
    Ok(files)
}

/// A compressed tar archive of the files, and of the folders that they are in. `prefix` stands
/// before each path: Debian's archives have `./` there.
pub(super) fn tar_gz(prefix: &str, files: &[PackedFile]) -> anyhow::Result<Vec<u8>> {
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for folder in folders(files) {
        append(&mut tar, &format!("{prefix}{folder}/"), 0o755, None)?;
    }
    for file in files {
        let path = format!("{prefix}{}", file.path);
        append(&mut tar, &path, file.mode, Some(&file.content))?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// The folders of the files, each after the one that it is in.
fn folders(files: &[PackedFile]) -> BTreeSet<&str> {
    let mut folders = BTreeSet::new();
    for PackedFile { path, .. } in files {
        folders.extend(path.match_indices('/').map(|(end, _)| &path[..end]));
    }
    folders
}

/// Appends a file, or a folder where there is no content.
fn append(
    tar: &mut tar::Builder<impl Write>,
    path: &str,
    mode: u32,
    content: Option<&[u8]>,
) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_mtime(FILE_TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_entry_type(match content {
        Some(_) => tar::EntryType::Regular,
        None => tar::EntryType::Directory,
    });
    let content = content.unwrap_or_default();
    header.set_size(content.len() as u64);
    // The crate's own way of setting a path leaves out the `./` that Debian's archives begin with.
    let name = path.as_bytes();
    let field = &mut header.as_old_mut().name;
    let field = field.get_mut(..name.len());
    field
        .with_context(|| format!("{path} is too long a path for a tar archive"))?
        .copy_from_slice(name);
    header.set_cksum();
    tar.append(&header, content)
        .with_context(|| format!("cannot pack {path}"))
}

/// An ar archive: a line for each file, and its content filled up to an even length.
pub(super) fn ar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in files {
        let [owner, mode, size] = [0, 100_644, content.len()];
        let line = format!("{name:<16}{FILE_TIME:<12}{owner:<6}{owner:<6}{mode:<8}{size:<10}`\n");
        archive.extend_from_slice(line.as_bytes());
        archive.extend_from_slice(content);
        if !content.len().is_multiple_of(2) {
            archive.push(b'\n');
        }
    }
    archive
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_has_its_folders_before_the_files_in_them() {
        let files = [
            PackedFile::new("usr/share/doc", "text"),
            PackedFile::new("usr/bin/program", "code").with_mode(0o755),
        ];
        let archive = tar_gz("./", &files).unwrap();
        assert_eq!(archive, tar_gz("./", &files).unwrap());
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
        let mut found = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let header = entry.header();
            assert_eq!(
                (header.uid().unwrap(), header.mtime().unwrap()),
                (0, FILE_TIME)
            );
            found.push((path, header.mode().unwrap(), content));
        }
        let expected = [
            ("./usr/", 0o755, ""),
            ("./usr/bin/", 0o755, ""),
            ("./usr/share/", 0o755, ""),
            ("./usr/share/doc", 0o644, "text"),
            ("./usr/bin/program", 0o755, "code"),
        ];
        let expected = expected.map(|(path, mode, text)| (path.to_owned(), mode, text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_path_that_does_not_fit_is_named() {
        let long = "d/".repeat(60);
        let error = tar_gz("", &[PackedFile::new(long.clone() + "file", "")]).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }
}
