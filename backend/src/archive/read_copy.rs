//! Reads one participant's copy of a notebook for an archive, as the service may see it.

use std::{
    io,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use shared::{notebook::Notebook, prepare, sanitize::Ammonia, standalone};

use super::{
    contents::{ClassSources, FoundCopy},
    manifest::EntryContent,
};
use crate::{
    builds::export_title,
    copies::{ContentHash, CopyId, kept},
    homes::{Fingerprint, ReadError, open_notebook},
};

/// A file is read so often, since its owner's server may be writing it.
const READ_ATTEMPTS: usize = 4;
/// The pause between two attempts.
const READ_PAUSE: Duration = Duration::from_millis(150);
/// A file that was changed longer ago than this is written by nobody.
const FRESH: Duration = Duration::from_secs(5);

/// A notebook without its private cells, and what is to be said of it.
pub(super) struct ReadCopy {
    pub(super) key: CopyId,
    pub(super) content: EntryContent,
    pub(super) bytes: Vec<u8>,
    /// Milliseconds since the Unix epoch.
    pub(super) saved_ms: i64,
}

/// Reads a copy; none when it is gone.
pub(super) fn read(
    sources: &ClassSources<'_>,
    user: &str,
    found: &FoundCopy,
) -> Result<Option<ReadCopy>, String> {
    let key = CopyId {
        filename: found.filename.clone(),
        user: user.to_owned(),
    };
    match &found.pushed {
        Some(path) => read_pushed(key, path),
        None => read_in_home(sources, key),
    }
}

fn read_pushed(key: CopyId, path: &Path) -> Result<Option<ReadCopy>, String> {
    let file = match kept::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("the pushed notebook cannot be read: {error}")),
        Ok(file) => file,
    };
    if file.copy != key || ContentHash::of(&file.content) != file.record.hash {
        return Err("the file of the pushed notebook is damaged".to_owned());
    }
    let header = String::from_utf8(file.header).map_err(|error| error.to_string())?;
    let CopyId { user, filename } = key.clone();
    Ok(Some(ReadCopy {
        key,
        content: EntryContent::Pushed {
            user,
            filename,
            header,
        },
        bytes: file.content,
        saved_ms: file.record.saved_at_ms,
    }))
}

fn read_in_home(sources: &ClassSources<'_>, key: CopyId) -> Result<Option<ReadCopy>, String> {
    let mut attempt = 1;
    loop {
        let home = sources.homes.and_then(|homes| homes.home_of(&key.user));
        let Some(home) = home else {
            return Ok(None);
        };
        let opened = match open_notebook(&home, &key.filename) {
            Err(ReadError::Missing) => return Ok(None),
            opened => opened.map_err(|error| error.to_string())?,
        };
        let version = opened.version();
        let file = opened.read().map_err(|error| error.to_string())?;
        let whole = file.content();
        let is_half = match &whole {
            // Half of a notebook is none.
            Ok(bytes) => is_fresh(version) && Notebook::parse(bytes).is_err(),
            Err(_) => is_fresh(version),
        };
        if is_half && attempt < READ_ATTEMPTS {
            attempt += 1;
            thread::sleep(READ_PAUSE);
            continue;
        }
        return match whole {
            Ok(bytes) => home_copy(key, version, bytes).map(Some),
            Err(error) => Err(format!("it may have private cells, and {error}")),
        };
    }
}

fn home_copy(key: CopyId, version: Fingerprint, bytes: Vec<u8>) -> Result<ReadCopy, String> {
    let modified = Timestamp::from_nanosecond(version.modified_ns);
    let modified = modified.map_err(|error| error.to_string())?;
    let CopyId { user, filename } = key.clone();
    Ok(ReadCopy {
        key,
        content: EntryContent::Notebook {
            user,
            filename,
            modified: modified.to_string(),
        },
        bytes,
        saved_ms: version.modified_ms(),
    })
}

/// Whether this version may be half of one.
fn is_fresh(version: Fingerprint) -> bool {
    let saved = Duration::from_millis(u64::try_from(version.modified_ms()).unwrap_or(0));
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + saved);
    age.is_ok_and(|age| age < FRESH)
}

/// The notebook as a document; none when it is no notebook.
pub(super) fn document(key: &CopyId, bytes: &[u8]) -> Option<String> {
    let notebook = Notebook::parse(bytes).ok()?.notebook;
    let cells = prepare::cells(&notebook, 0, &Ammonia);
    Some(standalone::document(&export_title(key), &cells, "en"))
}
