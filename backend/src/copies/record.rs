//! The file that a pushed copy is kept in: one line of JSON, and after it the notebook.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use serde::{Deserialize, Serialize};
use shared::copies::WithheldReason;

use super::{ContentHash, CopyId};
use crate::homes::Fingerprint;

/// The longest first line that is read, in bytes.
const HEADER_MAX: u64 = 64 << 10;

/// What is known of a pushed copy beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRecord {
    /// The named server that pushed it, empty for the default one.
    pub server: String,
    /// Its absolute path on that server, for people.
    pub path: String,
    /// When it was saved, milliseconds since the Unix epoch.
    pub saved_at_ms: i64,
    /// Bytes of what is kept.
    pub size: u64,
    /// Hash of what is kept.
    pub hash: ContentHash,
    /// Hash of what was pushed, which is the same unless private cells were taken out here.
    pub pushed: ContentHash,
    /// Why what is kept is older than the file, where it is.
    pub withheld: Option<WithheldReason>,
    /// Whether there is any content at all.
    pub has_content: bool,
}

impl PushRecord {
    /// The version that is kept.
    #[must_use]
    pub fn version(&self) -> Fingerprint {
        Fingerprint::of_content(self.saved_at_ms, self.size, self.hash.halves())
    }
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct CopyHeader {
    user: String,
    filename: String,
    server: String,
    path: String,
    saved_at_ms: i64,
    size: u64,
    sha256: String,
    pushed_sha256: String,
    withheld: Option<WithheldReason>,
    has_content: bool,
}

/// The first line for `record`.
pub(super) fn header(copy: &CopyId, record: &PushRecord) -> Vec<u8> {
    let header = CopyHeader {
        user: copy.user.clone(),
        filename: copy.filename.clone(),
        server: record.server.clone(),
        path: record.path.clone(),
        saved_at_ms: record.saved_at_ms,
        size: record.size,
        sha256: record.hash.to_hex(),
        pushed_sha256: record.pushed.to_hex(),
        withheld: record.withheld,
        has_content: record.has_content,
    };
    let mut line = serde_json::to_vec(&header).expect("texts and numbers are JSON");
    line.push(b'\n');
    line
}

/// Reads the first line; the last number is where the content begins.
///
/// # Errors
/// When the file cannot be read, or is no such file or not all of one.
pub(super) fn read_header(file: &File) -> io::Result<(CopyId, PushRecord, u64)> {
    let mut line = Vec::new();
    BufReader::new(file.take(HEADER_MAX)).read_until(b'\n', &mut line)?;
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let header: CopyHeader =
        serde_json::from_slice(&line).map_err(|_| invalid("its first line is no header"))?;
    let begin = line.len() as u64;
    if file.metadata()?.len() != begin + header.size {
        return Err(invalid("its length is not what its first line says"));
    }
    let hash = |text: &str| ContentHash::from_hex(text).ok_or_else(|| invalid("a hash is none"));
    let record = PushRecord {
        server: header.server,
        path: header.path,
        saved_at_ms: header.saved_at_ms,
        size: header.size,
        hash: hash(&header.sha256)?,
        pushed: hash(&header.pushed_sha256)?,
        withheld: header.withheld,
        has_content: header.has_content,
    };
    let copy = CopyId {
        filename: header.filename,
        user: header.user,
    };
    Ok((copy, record, begin))
}
