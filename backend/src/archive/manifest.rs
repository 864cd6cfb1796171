//! The manifest: what is in an archive, and where each file of it belongs.
//!
//! It may have been made by anyone, so that the paths are checked that are made of it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::copies::{CopyId, kept};

/// The name of the manifest in the archive.
pub(super) const MANIFEST: &str = "manifest.json";
/// The folder of the service's data, in the archive and in a restored folder.
pub(super) const DATA_FOLDER: &str = "data";
/// The folder of the participants' homes in a restored folder.
pub(super) const HOMES_FOLDER: &str = "homes";
/// The names of the class's list.
pub(super) const USERS_FILE: &str = "users.txt";
/// The folder of the pushed notebooks in the data folder.
const PUSHED_FOLDER: &str = "copies";
/// The mode of every file that is restored.
pub(super) const FILE_MODE: u32 = 0o600;
/// The longest name of a file or folder, in bytes.
const MAX_PART_BYTES: usize = 255;

/// Everything that is in an archive.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClassManifest {
    /// The version of the format.
    pub(crate) format: u32,
    /// The program that has written it.
    pub(crate) program: String,
    /// When, in UTC.
    pub(crate) made_at: String,
    /// The hostname of the server that the class was on, where that knows its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<String>,
    /// The files, in the order in which they stand in the archive.
    pub(crate) entries: Vec<ArchiveEntry>,
    /// What is not in it, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveEntry {
    /// The name in the archive.
    pub(crate) name: String,
    /// What it is.
    #[serde(flatten)]
    pub(crate) content: EntryContent,
    /// Its size, in bytes.
    pub(crate) size: u64,
    /// The mode that it is restored with, in octal digits.
    pub(crate) mode: String,
    /// Its SHA-256, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// What a file of an archive is, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum EntryContent {
    /// For people: a page, or the text that explains the archive.
    Page {
        /// The participant whose page it is.
        user: Option<String>,
    },
    /// The names of the class's list.
    Users,
    /// A file of the service's data folder.
    Data {
        /// Its name there.
        file: String,
    },
    /// A notebook of a home.
    Notebook {
        user: String,
        /// The path below the home.
        filename: String,
        /// When it was saved, to the nanosecond.
        modified: String,
    },
    /// A notebook that a participant's server has pushed.
    Pushed {
        user: String,
        filename: String,
        /// The first line of the file that it is kept in.
        header: String,
    },
    /// A notebook as a document; it is made anew from the notebook, and not restored.
    Export { user: String, filename: String },
}

/// Something that is not in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// Whose it is.
    pub(crate) user: String,
    /// The notebook; empty when it is not known.
    pub(crate) filename: String,
    /// Why, in words.
    pub(crate) reason: String,
}

impl EntryContent {
    /// The participant whose part of the archive it is in.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Page { user } => user.as_deref(),
            Self::Users | Self::Data { .. } => None,
            Self::Notebook { user, .. } | Self::Pushed { user, .. } | Self::Export { user, .. } => {
                Some(user)
            }
        }
    }

    /// The path it is restored to, below the folder that is restored; none when it is not.
    ///
    /// # Errors
    /// When there can be no such file, as in an archive that was made to write elsewhere.
    pub(super) fn place(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(match self {
            Self::Page { .. } | Self::Export { .. } => None,
            Self::Users => Some(USERS_FILE.into()),
            Self::Data { file } => {
                // The files with the service's secrets have names that are none of these.
                let stem = file
                    .strip_suffix(".sqlite3")
                    .or_else(|| file.strip_suffix(".json"));
                let is_plain =
                    |stem: &str| !stem.is_empty() && stem.chars().all(|c| c.is_ascii_lowercase());
                if !stem.is_some_and(is_plain) {
                    bail!("{file:?} is no file of a data folder");
                }
                Some(Path::new(DATA_FOLDER).join(file))
            }
            Self::Notebook { user, filename, .. } => {
                let home = Path::new(HOMES_FOLDER).join(part(user)?);
                Some(home.join(below(filename)?))
            }
            Self::Pushed { user, filename, .. } => {
                let copy = CopyId {
                    filename: filename.clone(),
                    user: user.clone(),
                };
                let pushed = Path::new(DATA_FOLDER).join(PUSHED_FOLDER);
                Some(pushed.join(kept::place(&copy)))
            }
        })
    }

    /// The bytes of the restored file before those in the archive.
    pub(super) fn header(&self) -> &str {
        match self {
            Self::Pushed { header, .. } => header,
            _ => "",
        }
    }

    /// When the restored file was changed last; none when that is nothing to keep.
    pub(super) fn modified(&self) -> anyhow::Result<Option<SystemTime>> {
        let Self::Notebook { modified, .. } = self else {
            return Ok(None);
        };
        let read = modified.parse::<Timestamp>();
        let read = read.with_context(|| format!("{modified:?} is no time"))?;
        let ns = read.as_nanosecond();
        let away = Duration::from_nanos(u64::try_from(ns.unsigned_abs())?);
        Ok(match ns < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(away),
            false => SystemTime::UNIX_EPOCH.checked_add(away),
        })
    }
}

/// The bytes of these files together; a manifest may claim any.
pub(super) fn total<'a>(entries: impl IntoIterator<Item = &'a ArchiveEntry>) -> u64 {
    let sizes = entries.into_iter().map(|entry| entry.size);
    sizes.fold(0, u64::saturating_add)
}

/// The path of a notebook below a home, each part of which is a name.
pub(super) fn below(filename: &str) -> anyhow::Result<PathBuf> {
    filename.split('/').map(part).collect()
}

fn part(name: &str) -> anyhow::Result<&str> {
    if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) || name.len() > MAX_PART_BYTES
    {
        bail!("{name:?} is no name of a file or folder");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(user: &str, filename: &str) -> EntryContent {
        EntryContent::Notebook {
            user: user.to_owned(),
            filename: filename.to_owned(),
            modified: String::new(),
        }
    }

    #[test]
    fn no_path_of_a_manifest_leads_out_of_the_folder() {
        for (user, filename) in [
            ("..", "a.ipynb"),
            ("ana/../..", "a.ipynb"),
            ("", "a.ipynb"),
            ("ana", "../a.ipynb"),
            ("ana", "/etc/a.ipynb"),
            ("ana", "a/../../b.ipynb"),
            ("ana", "a//b.ipynb"),
            ("ana", "a\0.ipynb"),
        ] {
            let place = notebook(user, filename).place();
            assert!(place.is_err(), "{user:?} {filename:?}: {place:?}");
        }
        for file in ["cookie.key", "../a.sqlite3", "lock", ".sqlite3", "a/b.json"] {
            let file = file.to_owned();
            let data = EntryContent::Data { file };
            assert!(data.place().is_err(), "{data:?}");
        }
        let place = notebook("a b..é", "m 1/Ü.ipynb").place().unwrap().unwrap();
        assert_eq!(place, Path::new("homes/a b..é/m 1/Ü.ipynb"));
        // Names of pushed copies are hashes, whatever the participant has called them.
        let pushed = EntryContent::Pushed {
            user: "../..".to_owned(),
            filename: "/etc/passwd".to_owned(),
            header: String::new(),
        };
        let place = pushed.place().unwrap().unwrap();
        let is_hash = |c: char| c.is_ascii_hexdigit();
        let name = place.strip_prefix("data/copies").unwrap().to_str().unwrap();
        let (folder, file) = name.split_once('/').unwrap();
        let stem = file.strip_suffix(".copy").unwrap();
        assert!(folder.chars().all(is_hash) && stem.chars().all(is_hash));
    }
}
