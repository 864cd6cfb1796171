//! How many copies of a notebook stand beside it: what is restored again and again must not
//! fill a home.

use std::os::fd::OwnedFd;

use rustix::{fs::Dir, io::Errno};

/// So many files of one beginning may stand in a folder.
pub(super) const MOST_COPIES: usize = 20;
/// A folder with more names than this is read no further.
const MOST_NAMES: usize = 50_000;

/// Whether there are as many files in `folder` whose names begin like this as there may be.
pub(super) fn has_enough(folder: &OwnedFd, beginning: &str) -> Result<bool, Errno> {
    let mut copies = 0;
    for entry in Dir::read_from(folder)?.take(MOST_NAMES) {
        let is_copy = entry?
            .file_name()
            .to_bytes()
            .starts_with(beginning.as_bytes());
        copies += usize::from(is_copy);
        if copies >= MOST_COPIES {
            return Ok(true);
        }
    }
    Ok(false)
}
