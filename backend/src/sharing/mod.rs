//! Sharing: what participants may see of others, the one notebook of an instructor that they
//! follow, and summaries of all copies.
//!
//! Only this module knows whether something is shared; [`Identity`] knows what belongs to a user.
//! The state is kept in one small JSON file, which is replaced as a whole; only the instructor's
//! request waits for that. The followed notebook is prepared once for all participants
//! (`followed_cache.rs`).

mod followed_cache;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use anyhow::Context;
use shared::{
    announcements::{FOLLOWED_KIND, SHARING_KIND},
    sharing::{FollowedNotebook, SharingResponse},
};

use self::followed_cache::FollowedCache;
use crate::{
    class::{Class, CopyId, Observer, Revision},
    feed::{Announcements, Recipients},
    files::replace,
    identity::Identity,
};

/// What is shared with participants, and the file that it is kept in.
pub struct Sharing {
    file: PathBuf,
    announcements: Announcements,
    shared: Mutex<SharingResponse>,
    /// Locked while the file is written, so that the file ends with the last change.
    writing: Mutex<()>,
    followed_cache: FollowedCache,
}

impl Sharing {
    /// Reads what is shared from the file at `path`; nothing, when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, announcements: Announcements) -> anyhow::Result<Self> {
        let shared = read(path).with_context(|| {
            format!(
                "cannot read what is shared with participants from {}: remove it to share \
                 nothing",
                path.display()
            )
        })?;
        Ok(Self {
            file: path.to_owned(),
            announcements,
            shared: Mutex::new(shared),
            writing: Mutex::default(),
            followed_cache: FollowedCache::default(),
        })
    }

    /// All that is shared now.
    #[must_use]
    pub fn current(&self) -> SharingResponse {
        self.shared.lock().clone()
    }

    /// Whether all participants may see this copy as it is now.
    #[must_use]
    pub fn is_followed(&self, filename: &str, user: &str) -> bool {
        self.shared.lock().is_followed(filename, user)
    }

    /// All cells of the followed notebook, a `Tile` as JSON, and whether the cache shares these
    /// bytes with other responses; `None` when no notebook is followed.
    pub async fn followed_tile(&self, class: &Class) -> Option<(Arc<Vec<u8>>, bool)> {
        let FollowedNotebook { filename, user } = self.current().followed?;
        let key = CopyId { filename, user };
        let make = async || {
            class
                .whole_as(&key, |tile| followed_cache::json(&tile))
                .await
        };
        let tile = match class.readable_version(&key).await {
            Some(version) => {
                let lent = self.followed_cache.get_or_make(&key, version, make).await;
                lent.map(|tile| (tile, true))
            }
            // The tile that is shown meanwhile may change without a new version.
            None => make().await.map(|tile| (Arc::new(tile), false)),
        };
        // The instructor may have ended it while the file was read.
        tile.filter(|_| self.is_followed(&key.filename, &key.user))
    }

    /// Whether this user may see the summary of all copies of a notebook.
    #[must_use]
    pub fn shows_summary(&self, identity: &Identity, filename: &str) -> bool {
        identity.role.sees_everyone() || self.shared.lock().shows_summary(filename)
    }

    /// The users who may see the summary of all copies of a notebook.
    #[must_use]
    pub fn readers_of_summary(&self, filename: &str) -> Recipients {
        match self.shared.lock().shows_summary(filename) {
            true => Recipients::Everyone,
            false => Recipients::SeeAll,
        }
    }

    /// Has participants follow this notebook, or none. Waits for the disk.
    ///
    /// # Errors
    /// When the file could not be written; nothing has changed then.
    pub fn follow(&self, followed: Option<FollowedNotebook>) -> io::Result<SharingResponse> {
        self.change(|shared| shared.followed = followed)
    }

    /// Shares the summary of a notebook with participants, or ends that. Waits for the disk.
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
        let before = self.current();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            replace(&self.file, &serde_json::to_vec(&after)?)?;
            self.shared.lock().clone_from(&after);
            self.announcements
                .send(Recipients::Everyone, SHARING_KIND, &());
        }
        Ok(after)
    }

    /// Announces a change of the followed notebook.
    fn announce_followed(&self, key: &CopyId) {
        if self.is_followed(&key.filename, &key.user) {
            self.announcements
                .send(Recipients::Everyone, FOLLOWED_KIND, &());
        }
    }
}

/// Reads the file. When there is none, nothing is shared.
fn read(path: &Path) -> io::Result<SharingResponse> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SharingResponse::default()),
        Err(error) => Err(error),
    }
}

impl Observer for Sharing {
    fn revised(&self, revision: &Revision) {
        self.announce_followed(&revision.key);
    }

    fn removed(&self, key: &CopyId) {
        self.announce_followed(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_cannot_be_written_is_not_shared() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone/sharing.json");
        let sharing = Sharing::open(&gone, Announcements::default()).unwrap();
        sharing.share_summary("a.ipynb", true).unwrap_err();
        assert_eq!(sharing.current(), SharingResponse::default());
    }

    #[test]
    fn sharing_survives_a_restart_and_a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sharing.json");
        let open = || Sharing::open(&path, Announcements::default());
        let sharing = open().unwrap();
        for filename in ["b.ipynb", "a.ipynb", "b.ipynb", "c.ipynb"] {
            sharing.share_summary(filename, true).unwrap();
        }
        sharing.share_summary("c.ipynb", false).unwrap();
        let followed = FollowedNotebook {
            user: "ines".to_owned(),
            filename: "day1.ipynb".to_owned(),
        };
        sharing.follow(Some(followed.clone())).unwrap();
        let expected = SharingResponse {
            followed: Some(followed),
            summaries: vec!["a.ipynb".to_owned(), "b.ipynb".to_owned()],
        };
        assert_eq!(open().unwrap().current(), expected);
        let left: Vec<_> = folder.path().read_dir().unwrap().collect();
        assert_eq!(left.len(), 1, "no other file is left: {left:?}");
        std::fs::write(&path, "{\"followed\":").unwrap();
        let Err(error) = open() else {
            panic!("half a file is no answer")
        };
        assert!(error.to_string().contains("remove it"), "{error}");
    }
}
