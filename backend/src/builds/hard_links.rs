//! Hard links: files that have several names in one home.
//!
//! Such a file is built under one of its names, its first name here. The builds of its other names
//! are hard links to those of the first, and cost next to nothing.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{class::CopyId, homes::FileId};

/// The names of all files in all homes, to find hard links.
#[derive(Default)]
pub(super) struct HardLinks(Mutex<HardLinkMaps>);

#[derive(Default)]
struct HardLinkMaps {
    files: HashMap<CopyId, FileId>,
    /// The filenames in the order in which they were recorded, by owner and file.
    names: HashMap<(String, FileId), Vec<String>>,
}

/// The result of [`HardLinks::record`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LinkOutcome {
    /// The first name of the file, when the recorded name is a second one.
    pub(super) first: Option<String>,
    /// The copy that is now the first name of the file that the recorded name stood for before.
    pub(super) promoted: Option<CopyId>,
}

impl HardLinks {
    /// Records that `key` is a name of `file`.
    pub(super) fn record(&self, key: &CopyId, file: FileId) -> LinkOutcome {
        let mut maps = self.0.lock();
        let promoted = match maps.files.get(key) {
            Some(known) if *known != file => maps.remove(key),
            _ => None,
        };
        maps.files.insert(key.clone(), file);
        let names = maps.names.entry((key.user.clone(), file)).or_default();
        if !names.contains(&key.filename) {
            names.push(key.filename.clone());
        }
        let first = (names[0] != key.filename).then(|| names[0].clone());
        LinkOutcome { first, promoted }
    }

    /// Removes the name `key`; returns the copy that takes its place as the first name.
    pub(super) fn forget(&self, key: &CopyId) -> Option<CopyId> {
        self.0.lock().remove(key)
    }

    /// The first name of the file, when `key` is a second name of it.
    pub(super) fn first_of(&self, key: &CopyId) -> Option<CopyId> {
        let maps = self.0.lock();
        let first = maps.names_of(key).first()?;
        (*first != key.filename).then(|| CopyId {
            filename: first.clone(),
            user: key.user.clone(),
        })
    }

    /// The second names of the file that `key` is the first name of.
    pub(super) fn others(&self, key: &CopyId) -> Vec<CopyId> {
        let maps = self.0.lock();
        match maps.names_of(key) {
            [first, others @ ..] if *first == key.filename => others
                .iter()
                .map(|filename| CopyId {
                    filename: filename.clone(),
                    user: key.user.clone(),
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl HardLinkMaps {
    fn names_of(&self, key: &CopyId) -> &[String] {
        let file = self.files.get(key);
        let names = file.and_then(|file| self.names.get(&(key.user.clone(), *file)));
        names.map_or(&[], Vec::as_slice)
    }

    fn remove(&mut self, key: &CopyId) -> Option<CopyId> {
        let file = (key.user.clone(), self.files.remove(key)?);
        let names = self.names.get_mut(&file)?;
        let was_first = names.first() == Some(&key.filename);
        names.retain(|filename| *filename != key.filename);
        let next = names.first().cloned();
        if next.is_none() {
            self.names.remove(&file);
        }
        let filename = next.filter(|_| was_first)?;
        let user = key.user.clone();
        Some(CopyId { filename, user })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::homes::Fingerprint;

    fn key(filename: &str) -> CopyId {
        CopyId {
            filename: filename.to_owned(),
            user: "ana".to_owned(),
        }
    }

    #[test]
    fn the_first_name_stands_for_all_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = |record: &str| {
            let path = folder.path().join(record);
            fs::write(&path, "").unwrap();
            Fingerprint::from(&fs::metadata(path).unwrap()).file()
        };
        let (one, two) = (file("one"), file("two"));
        let names = HardLinks::default();
        assert_eq!(names.record(&key("a"), one), LinkOutcome::default());
        for other in ["b", "c", "b"] {
            let named = names.record(&key(other), one);
            assert_eq!(named.first.as_deref(), Some("a"));
        }
        let bob = CopyId {
            user: "bob".to_owned(),
            ..key("a")
        };
        assert_eq!(
            names.record(&bob, one),
            LinkOutcome::default(),
            "another's home"
        );
        assert_eq!(names.others(&key("a")), [key("b"), key("c")]);
        assert_eq!(names.others(&key("b")), []);
        assert_eq!(names.first_of(&key("c")), Some(key("a")));

        assert_eq!(names.forget(&key("c")), None);
        // The name is written anew, as another file.
        assert_eq!(names.record(&key("a"), two).promoted, Some(key("b")));
        assert_eq!(names.first_of(&key("b")), None);
        assert_eq!(names.forget(&key("b")), None);
        assert_eq!(names.forget(&key("a")), None);
        assert_eq!(names.forget(&key("a")), None);
        assert!(names.0.lock().names.len() == 1 && names.0.lock().files.len() == 1);
    }
}
