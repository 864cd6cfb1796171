//! What of the list has been brought to the system: for each name, a digest of the password that
//! its account was given. So a start with 200 people sets no password that is set, and whoever is
//! gone from the list is known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::{Credential, UserEntry};
use crate::{files, secret::Secret};

/// The file's name, where the list is for accounts of the system.
pub(crate) const STATE_FILE: &str = "users.json";

/// The file in the steward's own folder, which nobody else may read.
pub(super) struct AppliedUsers {
    path: PathBuf,
    kept: KeptUsers,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct KeptUsers {
    /// Without it nobody who reads the digests can try passwords.
    key: String,
    /// The digest for each name.
    users: BTreeMap<String, String>,
    /// The numbers of accounts that were not there and are being made: one that is there after an
    /// end in the middle is ours, and lacks something.
    #[serde(default)]
    begun: BTreeMap<String, u32>,
    /// The numbers of those who were removed and have left their homes.
    #[serde(default)]
    left: BTreeMap<String, u32>,
    /// The highest number that was ever given: none is given twice.
    #[serde(default)]
    highest_number: u32,
    /// The users of the Hub that the list has made; others of the list were there before.
    #[serde(default)]
    made: BTreeSet<String>,
}

impl AppliedUsers {
    /// Reads the file; there is none at the first start.
    pub(super) fn load(folder: &Path, file: &str) -> io::Result<Self> {
        let path = folder.join(file);
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => KeptUsers {
                key: Secret::random().reveal().to_owned(),
                users: BTreeMap::new(),
                begun: BTreeMap::new(),
                left: BTreeMap::new(),
                highest_number: 0,
                made: BTreeSet::new(),
            },
            Err(error) => return Err(error),
        };
        Ok(Self { path, kept })
    }

    /// Whether the account has this password already.
    pub(super) fn is_applied(&self, entry: &UserEntry) -> bool {
        self.kept.users.get(entry.name.as_str()) == Some(&self.digest(entry))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.kept.users.keys().map(String::as_str)
    }

    pub(super) fn note(&mut self, entry: &UserEntry) {
        let digest = self.digest(entry);
        self.kept.users.insert(entry.name.to_string(), digest);
    }

    /// Notes that an account is gone, and which number it had.
    pub(super) fn note_removed(&mut self, name: &str, number: Option<u32>) {
        self.kept.users.remove(name);
        self.kept.made.remove(name);
        if let Some(number) = number {
            self.kept.left.insert(name.to_owned(), number);
        }
    }

    /// The number of somebody who was removed and has left a home.
    pub(super) fn left_number(&self, name: &str) -> Option<u32> {
        self.kept.left.get(name).copied()
    }

    /// Notes that a home that was left is deleted.
    pub(super) fn note_home_deleted(&mut self, name: &str) {
        self.kept.left.remove(name);
    }

    /// The number with which the account was begun to be made, and perhaps not finished.
    pub(super) fn begun(&self, name: &str) -> Option<u32> {
        self.kept.begun.get(name).copied()
    }

    /// Notes that the account is about to be made with this number.
    pub(super) fn begin(&mut self, name: &str, number: u32) {
        self.kept.begun.insert(name.to_owned(), number);
        self.kept.left.remove(name);
        self.kept.highest_number = self.kept.highest_number.max(number);
    }

    /// Notes that all that was begun is made.
    pub(super) fn finish(&mut self) {
        self.kept.begun.clear();
    }

    /// Those users of the Hub whom the list has made, or has begun to.
    pub(super) fn made(&self) -> impl Iterator<Item = &str> {
        let made = self.kept.made.iter().chain(self.kept.begun.keys());
        made.map(String::as_str)
    }

    /// Whether the list has made this user of the Hub.
    pub(super) fn has_made(&self, name: &str) -> bool {
        self.kept.made.contains(name)
    }

    /// Notes that the list has made this user of the Hub.
    pub(super) fn note_made(&mut self, name: &str) {
        self.kept.made.insert(name.to_owned());
    }

    /// The highest number that was ever given.
    pub(super) fn highest_number(&self) -> u32 {
        self.kept.highest_number
    }

    /// How many accounts the list has made.
    pub(super) fn len(&self) -> usize {
        self.kept.users.len()
    }

    /// Writes the file.
    pub(super) fn save(&self) -> io::Result<()> {
        files::replace(&self.path, &serde_json::to_vec(&self.kept)?)
    }

    fn digest(&self, entry: &UserEntry) -> String {
        let UserEntry { name, credential } = entry;
        let kind: &[u8] = match credential {
            Credential::Password(_) => b"password",
            Credential::Hash(_) => b"hash",
            Credential::Absent => b"absent",
        };
        let mut digest = Sha256::new();
        for part in [
            self.kept.key.as_bytes(),
            name.as_str().as_bytes(),
            kind,
            credential.text().unwrap_or_default().as_bytes(),
        ] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
