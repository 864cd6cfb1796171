//! Files that have several names in one home: hard links.
//!
//! What is built of such a file is built under one of its names, which is known here as the
//! first. The others get a second name of what was built, and cost next to nothing.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::{class::CopyId, homes::FileId};

/// See the module's words.
#[derive(Default)]
pub(super) struct Names(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    files: HashMap<CopyId, FileId>,
    /// By the owner and the file, the filenames in the order in which they came.
    names: HashMap<(String, FileId), Vec<String>>,
}

/// What a name turned out to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The filename that this file was known by before.
    pub(super) first: Option<String>,
    /// What this name stood for before is known by this one from now on.
    pub(super) promoted: Option<CopyId>,
}

impl Names {
    /// `key` names this file.
    pub(super) fn name(&self, key: &CopyId, file: FileId) -> Named {
        let mut inner = self.0.lock();
        let promoted = match inner.files.get(key) {
            Some(known) if *known != file => inner.remove(key),
            _ => None,
        };
        inner.files.insert(key.clone(), file);
        let names = inner.names.entry((key.user.clone(), file)).or_default();
        if !names.contains(&key.filename) {
            names.push(key.filename.clone());
        }
        let first = (names[0] != key.filename).then(|| names[0].clone());
        Named { first, promoted }
    }

    /// `key` names nothing any more; the answer is who takes its place as the first name.
    pub(super) fn forget(&self, key: &CopyId) -> Option<CopyId> {
        self.0.lock().remove(key)
    }

    /// The first name of the file that `key` is another name of.
    pub(super) fn first_of(&self, key: &CopyId) -> Option<CopyId> {
        let inner = self.0.lock();
        let first = inner.names_of(key).first()?;
        (*first != key.filename).then(|| CopyId {
            filename: first.clone(),
            user: key.user.clone(),
        })
    }

    /// The other names of the file that `key` is the first name of.
    pub(super) fn others(&self, key: &CopyId) -> Vec<CopyId> {
        let inner = self.0.lock();
        match inner.names_of(key) {
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

impl Inner {
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
    fn the_first_name_stands_for_all_until_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            Fingerprint::from(&fs::metadata(path).unwrap()).file()
        };
        let (one, two) = (file("one"), file("two"));
        let names = Names::default();
        assert_eq!(names.name(&key("a"), one), Named::default());
        for other in ["b", "c", "b"] {
            let named = names.name(&key(other), one);
            assert_eq!(named.first.as_deref(), Some("a"));
        }
        let bob = CopyId {
            user: "bob".to_owned(),
            ..key("a")
        };
        assert_eq!(names.name(&bob, one), Named::default(), "another's home");
        assert_eq!(names.others(&key("a")), [key("b"), key("c")]);
        assert_eq!(names.others(&key("b")), []);
        assert_eq!(names.first_of(&key("c")), Some(key("a")));

        assert_eq!(names.forget(&key("c")), None);
        // It is written anew, as another file.
        assert_eq!(names.name(&key("a"), two).promoted, Some(key("b")));
        assert_eq!(names.first_of(&key("b")), None);
        assert_eq!(names.forget(&key("b")), None);
        assert_eq!(names.forget(&key("a")), None);
        assert_eq!(names.forget(&key("a")), None);
        assert!(names.0.lock().names.len() == 1 && names.0.lock().files.len() == 1);
    }
}
