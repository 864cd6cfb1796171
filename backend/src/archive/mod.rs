//! Archives: everything of a class in one zip file, and back from it into a folder.
//!
//! ```text
//! README.txt  index.html                 what this is, and everyone, for people
//! participants/ana/index.html            a page of ana's notebooks, which needs no script
//!   exports/m1/day1.html                 a notebook as a document
//!   notebooks/m1/day1.ipynb              the notebook, without its private cells
//! data/events.sqlite3 …                  the service's own: events, history, notices, sharing
//! users.txt                              names, without passwords
//! manifest.json                          every file: kind, size, mode, SHA-256, where it belongs
//! ```
//!
//! A zip opens with a double click everywhere, each file in it can be read without those before it,
//! and a participant's part is cut out as it is. Names in it are portable; the real ones are in the
//! manifest, and nothing else says where a file is restored to. A checksum of the whole file stands
//! at its end (`seal`), so that any byte that changes is noticed.
//!
//! Not here: the command line (`cli/archive.rs`, `cli/restore.rs`), and the archive of builds that
//! the service sends ([`crate::builds`]).

mod contents;
mod manifest;
mod pages;
mod part_file;
mod participants;
mod read_copy;
mod reader;
mod restore;
mod seal;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use self::{
    contents::{ClassSources, FoundClass},
    manifest::{ClassManifest, EntryContent, LeftOut},
    participants::write_participants,
    reader::ClassArchive,
    restore::{INCOMPLETE_FOLDER, restore},
    writer::{SavedArchive, write_archive},
};

/// The version of the format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 1;

/// Is told how far reading or writing is.
pub(crate) trait ArchiveProgress {
    /// Begins something, which is `bytes` long as far as that is known.
    fn begin(&self, what: &str, bytes: u64);
    /// So many more bytes are done.
    fn advance(&self, bytes: u64);
}
