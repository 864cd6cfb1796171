//! A folder that is watched, and what its news mean.

use rustix::fs::inotify::ReadFlags;

use super::Poke;

/// What came or went.
const COMES: ReadFlags = ReadFlags::CREATE.union(ReadFlags::MOVED_TO);
const GOES: ReadFlags = ReadFlags::DELETE.union(ReadFlags::MOVED_FROM);

/// See the module's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// That of everyone's.
    Base,
    /// One that leads to the home of `user`, by what is called `next` in it.
    Way { user: String, next: String },
    /// What is called `below` in the home of `user`.
    Folder { user: String, below: String },
}

impl Place {
    /// Whose it is, if it is one person's.
    pub(super) fn user(&self) -> Option<&str> {
        match self {
            Self::Base => None,
            Self::Way { user, .. } | Self::Folder { user, .. } => Some(user),
        }
    }

    /// That whose it is is walked.
    pub(super) fn rescan(&self) -> Poke {
        let user = self.user().map(str::to_owned);
        Poke::Rescan { user }
    }

    /// What is to be looked at after `events` of what is called `name` in this folder.
    pub(super) fn poke(&self, events: ReadFlags, name: &str) -> Option<Poke> {
        let is_folder = events.contains(ReadFlags::ISDIR);
        let may_be_news = events.intersects(COMES | GOES);
        let (user, below) = match self {
            Self::Base => return (is_folder && may_be_news).then_some(self.rescan()),
            Self::Way { next, .. } => {
                let is_next = is_folder && name == next;
                return (is_next && may_be_news).then_some(self.rescan());
            }
            Self::Folder { user, below } => (user, below),
        };
        // Hidden ones hold nothing that is looked at.
        if name.starts_with('.') {
            return None;
        }
        if is_folder {
            return may_be_news.then_some(self.rescan());
        }
        if !name.ends_with(".ipynb") {
            return None;
        }
        if events.intersects(GOES) {
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
