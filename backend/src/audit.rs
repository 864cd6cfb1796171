//! Who has changed what by the steward, and when: a line of JSON for each change, in the steward's
//! own folder. It holds no passwords.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use shared::users::AuditEntry;

/// The file's name, and of the file before it.
const FILE: &str = "audit.jsonl";
const OLDER_FILE: &str = "audit.1.jsonl";
/// The file is begun anew beyond this, and the one before it goes.
const MAX_BYTES: u64 = 8 << 20;

/// The audit list of the steward.
pub(crate) struct AuditList {
    folder: PathBuf,
}

impl AuditList {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Adds an entry, on the disk when this returns.
    pub(crate) fn note(&self, entries: &[AuditEntry]) -> io::Result<()> {
        let path = self.folder.join(FILE);
        if fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES) {
            fs::rename(&path, self.folder.join(OLDER_FILE))?;
        }
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let mut options = OpenOptions::new();
        let mut file: File = options.append(true).create(true).mode(0o600).open(path)?;
        file.write_all(&lines)?;
        file.sync_data()
    }

    /// The newest entries, newest first.
    pub(crate) fn newest(&self, most: usize) -> io::Result<Vec<AuditEntry>> {
        let mut entries: Vec<AuditEntry> = Vec::new();
        for name in [OLDER_FILE, FILE] {
            match fs::read_to_string(self.folder.join(name)) {
                // A line that a crash has cut is passed over.
                Ok(text) => {
                    entries.extend(text.lines().filter_map(|it| serde_json::from_str(it).ok()))
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        entries.reverse();
        entries.truncate(most);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_changes_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let list = AuditList::new(folder.path());
        assert!(list.newest(9).unwrap().is_empty());
        for at_ms in 1..=3 {
            let entry = AuditEntry {
                at_ms,
                by: "ines\n".into(),
                action: "add".into(),
                subject: "alice".into(),
                failure: None,
            };
            list.note(&[entry]).unwrap();
        }
        let times: Vec<_> = list.newest(2).unwrap().iter().map(|it| it.at_ms).collect();
        assert_eq!(times, [3, 2]);
    }
}
