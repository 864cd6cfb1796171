//! Keeping what is shared: one file of JSON, replaced as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use shared::sharing::SharingResponse;

/// Nothing is shared when there is no such file.
pub(super) fn read(path: &Path) -> io::Result<SharingResponse> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SharingResponse::default()),
        Err(error) => Err(error),
    }
}

/// After a crash there is what was or what is, and nothing in between. There is one writer:
/// the service holds its data folder's lock.
pub(super) fn write(path: &Path, shared: &SharingResponse) -> io::Result<()> {
    let written = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&written)?;
    file.write_all(&serde_json::to_vec(shared)?)?;
    file.sync_all()?;
    fs::rename(&written, path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
