//! What of others' participants may see: the one notebook of an instructor's that they
//! follow, and summaries of everyone's copies.
//!
//! It is asked here and nowhere else whether something is shared; what is everyone's own is
//! [`Identity`]'s to say. What is shared is kept in one small file of JSON, whole or not
//! at all, and no request waits for that but the instructor's. What they follow is made
//! ready once for all of them (`page.rs`).

mod page;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use anyhow::Context;
use shared::{
    asides::{FOLLOWED, SHARING},
    sharing::{Followed, SharingResponse},
};

use self::page::Page;
use crate::{
    class::{Class, CopyId, Observer, Revision},
    feed::{Asides, Audience},
    files::replace,
    identity::Identity,
};

/// See the module's words.
pub struct Sharing {
    file: PathBuf,
    asides: Asides,
    shared: Mutex<SharingResponse>,
    /// Held by whoever writes the file, so that the last change is what it ends with.
    writing: Mutex<()>,
    page: Page,
}

impl Sharing {
    /// What is shared as the file at `path` has it; nothing, when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, asides: Asides) -> anyhow::Result<Self> {
        let shared = read(path).with_context(|| {
            format!(
                "cannot read what is shared with participants from {}: remove it to share \
                 nothing",
                path.display()
            )
        })?;
        Ok(Self {
            file: path.to_owned(),
            asides,
            shared: Mutex::new(shared),
            writing: Mutex::default(),
            page: Page::default(),
        })
    }

    /// All of it.
    #[must_use]
    pub fn now(&self) -> SharingResponse {
        self.shared.lock().clone()
    }

    /// Whether everyone may see this copy as it is now.
    #[must_use]
    pub fn is_followed(&self, filename: &str, user: &str) -> bool {
        self.shared.lock().is_followed(filename, user)
    }

    /// All cells of the followed notebook, a `Tile` as JSON, and whether that is lent to all who
    /// ask; `None` when there is none.
    pub async fn followed_in(&self, class: &Class) -> Option<(Arc<Vec<u8>>, bool)> {
        let Followed { filename, user } = self.now().followed?;
        let key = CopyId { filename, user };
        let make = async || class.whole_as(&key, |tile| page::json(&tile)).await;
        let tile = match class.readable_version(&key).await {
            Some(version) => {
                let lent = self.page.of(&key, version, make).await;
                lent.map(|tile| (tile, true))
            }
            // What is shown in its place may change without a new version.
            None => make().await.map(|tile| (Arc::new(tile), false)),
        };
        // It may have ended while the file was read.
        tile.filter(|_| self.is_followed(&key.filename, &key.user))
    }

    /// Whether this person may see the summary of everyone's copies of a notebook.
    #[must_use]
    pub fn shows_summary(&self, identity: &Identity, filename: &str) -> bool {
        identity.role.sees_everyone() || self.shared.lock().shows_summary(filename)
    }

    /// Whom the summary of everyone's copies of a notebook is for.
    #[must_use]
    pub fn readers_of_summary(&self, filename: &str) -> Audience {
        match self.shared.lock().shows_summary(filename) {
            true => Audience::Everyone,
            false => Audience::SeeAll,
        }
    }

    /// From now on participants follow this one, or none. Waits for the disk.
    ///
    /// # Errors
    /// When it could not be kept; nothing has changed then.
    pub fn follow(&self, followed: Option<Followed>) -> io::Result<SharingResponse> {
        self.change(|shared| shared.followed = followed)
    }

    /// From now on participants may read the summary of a notebook, or may not. Waits for
    /// the disk.
    ///
    /// # Errors
    /// As above.
    pub fn share_summary(&self, filename: &str, share: bool) -> io::Result<SharingResponse> {
        self.change(|shared| {
            shared.summaries.retain(|other| other != filename);
            if share {
                shared.summaries.push(filename.to_owned());
                shared.summaries.sort();
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut SharingResponse)) -> io::Result<SharingResponse> {
        let _writing = self.writing.lock();
        let before = self.now();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            replace(&self.file, &serde_json::to_vec(&after)?)?;
            self.shared.lock().clone_from(&after);
            self.asides.say(Audience::Everyone, SHARING, &());
        }
        Ok(after)
    }

    /// Tells open pages when it is the followed notebook that has changed.
    fn tell(&self, key: &CopyId) {
        if self.is_followed(&key.filename, &key.user) {
            self.asides.say(Audience::Everyone, FOLLOWED, &());
        }
    }
}

/// Nothing is shared when there is no such file.
fn read(path: &Path) -> io::Result<SharingResponse> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SharingResponse::default()),
        Err(error) => Err(error),
    }
}

impl Observer for Sharing {
    fn revised(&self, revision: &Revision) {
        self.tell(&revision.key);
    }

    fn removed(&self, key: &CopyId) {
        self.tell(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_kept_is_not_shared() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone/sharing.json");
        let sharing = Sharing::open(&gone, Asides::default()).unwrap();
        sharing.share_summary("a.ipynb", true).unwrap_err();
        assert_eq!(sharing.now(), SharingResponse::default());
    }

    #[test]
    fn it_outlives_the_service_and_a_damaged_file_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sharing.json");
        let open = || Sharing::open(&path, Asides::default());
        let sharing = open().unwrap();
        for filename in ["b.ipynb", "a.ipynb", "b.ipynb", "c.ipynb"] {
            sharing.share_summary(filename, true).unwrap();
        }
        sharing.share_summary("c.ipynb", false).unwrap();
        let followed = Followed {
            user: "ines".to_owned(),
            filename: "day1.ipynb".to_owned(),
        };
        sharing.follow(Some(followed.clone())).unwrap();
        let expected = SharingResponse {
            followed: Some(followed),
            summaries: vec!["a.ipynb".to_owned(), "b.ipynb".to_owned()],
        };
        assert_eq!(open().unwrap().now(), expected);
        let left: Vec<_> = folder.path().read_dir().unwrap().collect();
        assert_eq!(left.len(), 1, "no other file is left: {left:?}");
        std::fs::write(&path, "{\"followed\":").unwrap();
        let Err(error) = open() else {
            panic!("half a file is no answer")
        };
        assert!(error.to_string().contains("remove it"), "{error}");
    }
}
