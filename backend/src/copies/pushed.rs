//! Copies that participants' servers push: the newest content of each, in files of the service's
//! own, and an index of them in memory.
//!
//! There is one folder for each participant and one file for each copy, named by hashes, since
//! a participant chooses the names. A file is replaced as a whole ([`crate::files`]): after a crash
//! there is the version before or the new one. What private cells a push has are taken out before
//! anything is written.
//!
//! Two pushes of one participant are never handled at the same time: both are in their lane
//! ([`crate::lanes`]).

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use shared::copies::WithheldReason;

use super::{
    ContentHash, CopyId, Delta, DeltaError, PushRecord, kept,
    record::{header, read_header},
};
use crate::{
    files::{make_folder, replace_parts},
    homes::{MAX_NOTEBOOKS_PER_HOME, NotebookFile, OpenNotebook, ReadError},
    reserve::Reserve,
    telemetry::loggable,
};

/// How much is kept of one participant, in bytes.
const KEPT_MAX: u64 = 512 << 20;

/// One push: what a participant's server says of a notebook, and its content.
#[derive(Clone, Debug)]
pub struct Push<'a> {
    /// The named server, empty for the default one.
    pub server: String,
    /// The absolute path there, for people.
    pub path: String,
    /// When it was saved, milliseconds since the Unix epoch.
    pub saved_at_ms: i64,
    /// The content, or why there is none.
    pub content: Result<PushedContent<'a>, WithheldReason>,
}

/// The content of a push.
#[derive(Clone, Debug)]
pub struct PushedContent<'a> {
    /// The version that the delta was made for; none when all of it is there.
    pub base: Option<ContentHash>,
    /// How to make it of that version.
    pub delta: Delta<'a>,
}

/// Why a push is not kept.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Its delta gives no content.
    #[error(transparent)]
    Delta(#[from] DeltaError),
    /// The participant has as many notebooks here as there may be.
    #[error(
        "{MAX_NOTEBOOKS_PER_HOME} notebooks of yours are kept here already; delete some that are no \
         longer wanted"
    )]
    TooMany,
    /// The participant's notebooks are as large as they may be together.
    #[error(
        "Your notebooks have more than {} MiB together; delete some that are no longer wanted",
        KEPT_MAX >> 20
    )]
    TooMuch,
    /// The disk is full, or what the operating system says.
    #[error("the notebook cannot be kept: {0}")]
    Io(#[from] io::Error),
}

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// The copy is another one than before.
    Changed,
    /// It was like this before.
    Unchanged,
}

/// Everything that was pushed and is kept.
pub struct PushedCopies {
    folder: PathBuf,
    reserve: Reserve,
    copies: Mutex<HashMap<String, BTreeMap<String, PushRecord>>>,
}

impl PushedCopies {
    /// What is kept in `folder`, which is made when it is not there. Nothing is written when the
    /// reserve of free space would be touched.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path, reserve: u64) -> io::Result<Self> {
        make_folder(folder)?;
        let mut copies: HashMap<String, BTreeMap<String, PushRecord>> = HashMap::new();
        for path in kept::files_in(folder)? {
            match kept_in(&path) {
                Ok(Some((copy, record))) => {
                    let own = copies.entry(copy.user).or_default();
                    own.insert(copy.filename, record);
                }
                Ok(None) => {}
                Err(error) => {
                    // Its owner's server is asked for it again by the next inventory.
                    let file = loggable(&path.display().to_string()).to_string();
                    tracing::warn!(%file, "a pushed copy cannot be read: {error}");
                }
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            reserve: Reserve::new(folder, reserve, "pushed notebooks"),
            copies: Mutex::new(copies),
        })
    }

    /// Whether this participant's server has pushed anything that is still kept.
    #[must_use]
    pub fn has_any_of(&self, user: &str) -> bool {
        self.copies.lock().contains_key(user)
    }

    /// What is known of one copy.
    #[must_use]
    pub fn record(&self, copy: &CopyId) -> Option<PushRecord> {
        let copies = self.copies.lock();
        copies.get(&copy.user)?.get(&copy.filename).cloned()
    }

    /// Every copy, or every copy of one participant.
    #[must_use]
    pub fn list(&self, of: Option<&str>) -> Vec<(CopyId, PushRecord)> {
        let copies = self.copies.lock();
        let people = copies
            .iter()
            .filter(|(user, _)| of.is_none_or(|of| of == *user));
        let all = people.flat_map(|(user, own)| {
            own.iter().map(|(filename, record)| {
                let copy = CopyId {
                    filename: filename.clone(),
                    user: user.clone(),
                };
                (copy, record.clone())
            })
        });
        all.collect()
    }

    /// Keeps a push; it is on the disk when this returns.
    ///
    /// # Errors
    /// See [`PushError`]; what was kept before is kept then.
    pub fn push(&self, copy: &CopyId, push: &Push<'_>) -> Result<PushOutcome, PushError> {
        let before = self.record(copy);
        let content = match &push.content {
            Ok(content) => content,
            Err(withheld) => return self.withhold(copy, push, before.as_ref(), *withheld),
        };
        let hash = content.delta.hash;
        if let Some(before) = &before
            && before.has_content
            && before.pushed == hash
            && before.withheld.is_none()
        {
            return Ok(PushOutcome::Unchanged);
        }
        self.check_count(copy, before.is_some())?;
        let base = match content.base {
            None => None,
            Some(base) => Some(self.base(copy, before.as_ref(), base)?),
        };
        let pushed = content.delta.apply(base.as_deref())?;
        drop(base);
        // Whatever the server has taken out already: no private cell is ever written here.
        let Ok(kept) = NotebookFile::from(pushed).content() else {
            return self.withhold(copy, push, before.as_ref(), WithheldReason::Unreadable);
        };
        // Nothing is ever put in: what is as long as before is as before.
        let kept_hash = match kept.len() == content.delta.size {
            true => hash,
            false => ContentHash::of(&kept),
        };
        let record = PushRecord {
            server: push.server.clone(),
            path: push.path.clone(),
            saved_at_ms: push.saved_at_ms,
            size: kept.len() as u64,
            hash: kept_hash,
            pushed: hash,
            withheld: None,
            has_content: true,
        };
        self.check_bytes(copy, before.as_ref(), record.size)?;
        self.reserve.check(record.size)?;
        self.write(copy, record, &kept)?;
        Ok(PushOutcome::Changed)
    }

    /// Keeps what there was before, and why there is nothing newer.
    fn withhold(
        &self,
        copy: &CopyId,
        push: &Push<'_>,
        before: Option<&PushRecord>,
        withheld: WithheldReason,
    ) -> Result<PushOutcome, PushError> {
        self.check_count(copy, before.is_some())?;
        let content = match before {
            Some(before) if before.has_content => self.content(copy)?,
            _ => Vec::new(),
        };
        let mut record = before.cloned().unwrap_or_else(|| PushRecord {
            server: push.server.clone(),
            path: push.path.clone(),
            saved_at_ms: push.saved_at_ms,
            size: 0,
            hash: ContentHash::of(b""),
            pushed: ContentHash::of(b""),
            withheld: None,
            has_content: false,
        });
        record.saved_at_ms = push.saved_at_ms;
        record.withheld = Some(withheld);
        if before == Some(&record) {
            return Ok(PushOutcome::Unchanged);
        }
        self.reserve.check(record.size)?;
        self.write(copy, record, &content)?;
        Ok(PushOutcome::Changed)
    }

    /// The version that a delta was made for.
    fn base(
        &self,
        copy: &CopyId,
        before: Option<&PushRecord>,
        base: ContentHash,
    ) -> Result<Vec<u8>, PushError> {
        match before {
            // Where private cells were taken out here, what was pushed is not kept.
            Some(before) if before.pushed == base && before.hash == base => {
                // A damaged file is noticed by the hash of what is made of it.
                self.content(copy).map_err(|_| DeltaError::OtherBase.into())
            }
            _ => Err(DeltaError::OtherBase.into()),
        }
    }

    fn check_count(&self, copy: &CopyId, is_known: bool) -> Result<(), PushError> {
        let copies = self.copies.lock();
        let own = copies.get(&copy.user).map_or(0, BTreeMap::len);
        match is_known || own < MAX_NOTEBOOKS_PER_HOME {
            true => Ok(()),
            false => Err(PushError::TooMany),
        }
    }

    fn check_bytes(
        &self,
        copy: &CopyId,
        before: Option<&PushRecord>,
        bytes: u64,
    ) -> Result<(), PushError> {
        let copies = self.copies.lock();
        let own = copies.get(&copy.user).into_iter().flatten();
        let kept: u64 = own.map(|(_, record)| record.size).sum();
        let before = before.map_or(0, |before| before.size);
        // Who has too much may still make a notebook smaller.
        match bytes <= before || kept - before + bytes <= KEPT_MAX {
            true => Ok(()),
            false => Err(PushError::TooMuch),
        }
    }

    fn write(&self, copy: &CopyId, record: PushRecord, content: &[u8]) -> io::Result<()> {
        let path = self.path(copy);
        let folder = path.parent().expect("a copy's file is in a folder");
        if !folder.is_dir() {
            make_folder(folder)?;
            File::open(&self.folder)?.sync_all()?;
        }
        replace_parts(&path, &[&header(copy, &record), content])?;
        let mut copies = self.copies.lock();
        let own = copies.entry(copy.user.clone()).or_default();
        own.insert(copy.filename.clone(), record);
        Ok(())
    }

    /// Keeps this copy no longer.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn remove(&self, copy: &CopyId) -> io::Result<()> {
        match fs::remove_file(self.path(copy)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut copies = self.copies.lock();
        if let Some(own) = copies.get_mut(&copy.user) {
            own.remove(&copy.filename);
            if own.is_empty() {
                copies.remove(&copy.user);
            }
        }
        Ok(())
    }

    /// Opens the content of a copy.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn open_copy(&self, copy: &CopyId) -> Result<OpenNotebook, ReadError> {
        let record = self.record(copy).ok_or(ReadError::Missing)?;
        match record.withheld {
            Some(WithheldReason::TooLarge) => {
                return Err(ReadError::Withheld(
                    "The file has more than 32 MiB, which is more than a server pushes: what is shown \
                 is an earlier version, if there was one.",
                ));
            }
            Some(WithheldReason::Unreadable) => {
                return Err(ReadError::Withheld(
                    "The file is not a notebook, and may have private cells, so that the server keeps \
                 it to itself: what is shown is an earlier version, if there was one.",
                ));
            }
            None => {}
        }
        let file = File::open(self.path(copy)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::Io(error),
        })?;
        // The file may have been replaced since the index was asked: it says itself what it is.
        let (_, record, begin) = read_header(&file).map_err(ReadError::Io)?;
        Ok(OpenNotebook::at(file, begin, record.version()))
    }

    /// What is kept of a copy, whatever its server has withheld since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn content(&self, copy: &CopyId) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(copy))?;
        let (_, record, begin) = read_header(&file)?;
        file.seek(SeekFrom::Start(begin))?;
        let mut content = Vec::with_capacity(usize::try_from(record.size).unwrap_or(0));
        file.take(record.size).read_to_end(&mut content)?;
        Ok(content)
    }

    fn path(&self, copy: &CopyId) -> PathBuf {
        self.folder.join(kept::place(copy))
    }
}

/// The copy in the file at `path`; none when it is another file. What a crash has left of a write is
/// removed.
fn kept_in(path: &Path) -> io::Result<Option<(CopyId, PushRecord)>> {
    if path.extension().is_some_and(|ending| ending == "new") {
        fs::remove_file(path)?;
        return Ok(None);
    }
    if !kept::is_copy(path) {
        return Ok(None);
    }
    let (copy, record, _) = read_header(&File::open(path)?)?;
    Ok(Some((copy, record)))
}

#[cfg(test)]
mod tests;
