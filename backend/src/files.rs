//! Small files of the service's own, each replaced as a whole and readable by it alone, and
//! folders for them.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use crate::secret::Secret;

/// Links that lead to each other, of which the kernel follows no more.
const MAX_LINKS: usize = 40;

/// Makes the folder at `path`, and those above it that are not there, for the service's user alone
/// whatever the umask.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes `bytes` the content of the file at `path`, on the disk when this returns. After a
/// crash the file has its old or its new content, and none in between. There is one writer: the
/// service holds its data folder's lock.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_parts(path, &[bytes])
}

/// The same with a content of several parts, one after the other.
pub(crate) fn replace_parts(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let written = path.with_extension("new");
    let file = new_file(OpenOptions::new().create(true).truncate(true), &written)?;
    replace_by(file, &written, path, parts, None)
}

/// The same for a file that a person may edit: it keeps its owner, its group and its mode. Nothing
/// that somebody has put beside it is written to.
pub(crate) fn replace_edited(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Where the name is a link, the file it leads to is the one that is edited.
    let (path, old) = match fs::canonicalize(path) {
        Ok(path) => {
            let old = fs::symlink_metadata(&path)?;
            (path, Some(old))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (end_of_links(path), None),
        Err(error) => return Err(error),
    };
    let written = path.with_extension(format!("new-{}", Secret::random().reveal()));
    let made = new_file(OpenOptions::new().create_new(true), &written)
        .and_then(|file| replace_by(file, &written, &path, &[bytes], old.as_ref()));
    if made.is_err() {
        // It may not have been made, or have its place already.
        let _ = fs::remove_file(&written);
    }
    made
}

/// Where the first file is made that is written by this name, as the kernel would make it: a link may
/// lead to one that is not there yet.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        path = folder.join(target);
    }
    path
}

fn new_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.write(true).mode(0o600).open(path)
}

fn replace_by(
    mut file: File,
    written: &Path,
    path: &Path,
    parts: &[&[u8]],
    old: Option<&Metadata>,
) -> io::Result<()> {
    // A crash may have left a file with another mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    for part in parts {
        file.write_all(part)?;
    }
    if let Some(old) = old {
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    file.sync_all()?;
    fs::rename(written, path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_is_edited_keeps_its_mode_and_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["users.txt", "link"].map(|name| folder.path().join(name));
        symlink("users.txt", &link).unwrap();
        fs::write(&path, "by hand").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace_edited(&link, b"by the service").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"by the service");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        fs::remove_file(&path).unwrap();
        // The link leads nowhere now, and the file is made where it leads.
        replace_edited(&link, b"made").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"made");
        let other = folder.path().join("other");
        symlink("other", &other).unwrap();
        assert!(replace_edited(&other, b"a circle").is_err());
        let new = folder.path().join("new.txt");
        replace_edited(&new, b"new").unwrap();
        assert_eq!(fs::metadata(&new).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let left = folder.path().join("a.new");
        fs::write(&left, "of a crash").unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o666)).unwrap();
        for bytes in [&b"the longer one"[..], b"short", b""] {
            replace(&path, bytes).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
