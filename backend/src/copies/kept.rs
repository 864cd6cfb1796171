//! The files of pushed copies: where each is, and what is in it, for a reader beside the service
//! that keeps them. Nothing is changed here.
//!
//! A file is replaced as a whole, so whoever opens one has all of one version.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{ContentHash, CopyId, PushRecord, record::read_header};

/// The ending of the name of a copy's file.
const ENDING: &str = "copy";

/// One file: the copy it is of, what is known of that, and the two parts it is made of.
pub(crate) struct KeptFile {
    pub(crate) copy: CopyId,
    pub(crate) record: PushRecord,
    /// The first line, with its end.
    pub(crate) header: Vec<u8>,
    /// The notebook.
    pub(crate) content: Vec<u8>,
}

/// The path of the file of `copy` in the folder of all of them: names are hashes, since a
/// participant chooses them.
pub(crate) fn place(copy: &CopyId) -> PathBuf {
    let name = |text: &str| ContentHash::of(text.as_bytes()).to_hex()[..32].to_owned();
    let file = format!("{}.{ENDING}", name(&copy.filename));
    Path::new(&name(&copy.user)).join(file)
}

/// Whether a file of this name is a copy's.
pub(crate) fn is_copy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

/// Everything in the folders of the participants.
pub(super) fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for person in fs::read_dir(folder)? {
        let person = person?;
        // A file system of its own has a `lost+found`, and people leave files anywhere.
        if !person.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(person.path())? {
            files.push(file?.path());
        }
    }
    Ok(files)
}

/// The files of all copies in `folder`; none when it is not there.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = match files_in(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        files => files?,
    };
    files.retain(|path| is_copy(path));
    Ok(files)
}

/// What the first line of a file says.
pub(crate) fn look(path: &Path) -> io::Result<(CopyId, PushRecord)> {
    let (copy, record, _) = read_header(&File::open(path)?)?;
    Ok((copy, record))
}

/// Reads all of a file.
pub(crate) fn read(path: &Path) -> io::Result<KeptFile> {
    let mut file = File::open(path)?;
    let (copy, record, begin) = read_header(&file)?;
    let mut header = vec![0; usize::try_from(begin).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    let mut content = Vec::new();
    file.take(record.size).read_to_end(&mut content)?;
    Ok(KeptFile {
        copy,
        record,
        header,
        content,
    })
}
