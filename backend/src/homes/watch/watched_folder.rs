//! A folder that is watched, or the file that a link leads to, and what the kernel's events in it
//! mean.

use rustix::fs::inotify::ReadFlags;

use super::Poke;

/// An entry came into the folder, or went.
const CREATED: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);
const REMOVED: ReadFlags = ReadFlags::DELETE.union(ReadFlags::MOVED_FROM);

/// A folder that is watched, by its place among the homes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WatchedFolder {
    /// The folder that holds all users' folders.
    Base,
    /// A folder above the home of `user`, which leads to it by its entry `child`.
    Parent { user: String, child: String },
    /// The folder at the path `below` in the home of `user`.
    InHome { user: String, below: String },
    /// The file that the notebook `filename`, a link in the home of `user`, leads to.
    LinkedFile { user: String, filename: String },
}

impl WatchedFolder {
    /// The user whose folder it is, if it is one user's.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::Base => None,
            Self::Parent { user, .. }
            | Self::InHome { user, .. }
            | Self::LinkedFile { user, .. } => Some(user),
        }
    }

    /// Asks for a walk of its user's home, or of all homes.
    pub(super) fn rescan(&self) -> Poke {
        let user = self.user().map(str::to_owned);
        Poke::Rescan { user }
    }

    /// What is to be looked at after `events` of the entry `name` of this folder; of the folder
    /// itself when the name is empty.
    pub(super) fn poke(&self, events: ReadFlags, name: &str) -> Option<Poke> {
        let is_folder = events.contains(ReadFlags::ISDIR);
        let has_come_or_gone = events.intersects(CREATED | REMOVED);
        let (user, below) = match self {
            Self::Base => return (is_folder && has_come_or_gone).then_some(self.rescan()),
            Self::Parent { child, .. } => {
                let is_child = is_folder && name == child;
                return (is_child && has_come_or_gone).then_some(self.rescan());
            }
            Self::InHome { user, below } => (user, below),
            Self::LinkedFile { user, filename } => {
                let (user, filename) = (user.clone(), filename.clone());
                return Some(Poke::Written { user, filename });
            }
        };
        // Hidden entries are not looked at.
        if name.is_empty() || name.starts_with('.') {
            return None;
        }
        if is_folder {
            return has_come_or_gone.then_some(self.rescan());
        }
        if !name.ends_with(".ipynb") {
            return None;
        }
        if events.intersects(REMOVED) {
            return Some(self.rescan());
        }
        let filename = match &**below {
            "" => name.to_owned(),
            below => format!("{below}/{name}"),
        };
        let user = user.clone();
        Some(Poke::Written { user, filename })
    }
}
