//! How many restored copies of a notebook stand beside it: restoring again and again must not
//! fill a home.

use std::os::fd::OwnedFd;

use rustix::{fs::Dir, io::Errno};

/// So many files whose names begin alike may stand in a folder.
pub(super) const MAX_COPIES: usize = 20;
/// So many names of a folder are read, and no more.
const MAX_NAMES_READ: usize = 50_000;

/// Whether `folder` has [`MAX_COPIES`] files whose names begin with `beginning`.
pub(super) fn has_max_copies(folder: &OwnedFd, beginning: &str) -> Result<bool, Errno> {
    let mut copies = 0;
    for entry in Dir::read_from(folder)?.take(MAX_NAMES_READ) {
        let is_copy = entry?
            .file_name()
            .to_bytes()
            .starts_with(beginning.as_bytes());
        copies += usize::from(is_copy);
        if copies >= MAX_COPIES {
            return Ok(true);
        }
    }
    Ok(false)
}
