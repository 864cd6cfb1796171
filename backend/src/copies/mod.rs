//! Copies: each participant's file of each notebook, wherever its bytes come from.
//!
//! There are two sources. Where this service can read participants' homes, a copy is a file
//! there ([`crate::homes`]). Else their own servers push what was saved (`pushed`). What a
//! participant's server has pushed wins: their home is then not looked at. Everything above
//! ([`crate::class`], builds, history) asks here and knows no path.
//!
//! Reading and writing is done in the lane of the participant ([`crate::lanes`]), so that no
//! participant's disk makes others wait.

mod delta;
pub(crate) mod kept;
mod pushed;
mod record;

use std::{sync::Arc, thread, time::Duration};

pub use self::{
    delta::{CONTENT_MAX, ContentHash, Delta, DeltaError},
    pushed::{Push, PushError, PushOutcome, PushedContent, PushedCopies},
    record::PushRecord,
};
use crate::{
    homes::{
        Fingerprint, FoundNotebook, Homes, HomesTemplate, NotebookFile, OpenNotebook, ReadError,
        open_notebook,
    },
    lanes::{LaneError, LaneTimeouts, PersonLanes},
};

/// One participant's copy of one notebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyId {
    /// The path below the home. First, so that everyone's copies stand together.
    pub filename: String,
    /// The participant.
    pub user: String,
}

impl From<FoundNotebook> for CopyId {
    fn from(found: FoundNotebook) -> Self {
        Self {
            filename: found.filename,
            user: found.user,
        }
    }
}

/// The filename here of the file that is called `filename` on a server of a participant, which is
/// empty for the default one. Named servers may have files of the same name, and keep apart.
#[must_use]
pub fn filename_on(server: &str, filename: &str) -> String {
    // A folder that looks like the name of a server is not taken for one.
    match (server, filename.starts_with('@')) {
        ("", false) => filename.to_owned(),
        _ => format!("@{server}/{filename}"),
    }
}

/// The path of a pushed copy below the folder of the server that has pushed it.
#[must_use]
pub fn path_on_server(filename: &str) -> &str {
    place_of(filename).1
}

/// The name of the server that has pushed such a copy; empty for the default one.
#[must_use]
pub fn server_of(filename: &str) -> &str {
    place_of(filename).0
}

/// The server and the path on it, of which [`filename_on`] makes the name here.
fn place_of(filename: &str) -> (&str, &str) {
    let named = filename.strip_prefix('@').and_then(|it| it.split_once('/'));
    named.unwrap_or(("", filename))
}

/// The sources of copies, and the lanes in which they are read. A clone reads in the same lanes.
#[derive(Clone)]
pub struct Copies {
    homes: Option<Homes>,
    pushed: Option<Arc<PushedCopies>>,
    lanes: PersonLanes,
    /// A caller waits for what it asked for however long that takes.
    has_no_timeouts: bool,
}

impl From<HomesTemplate> for Copies {
    fn from(homes: HomesTemplate) -> Self {
        Self::of(Some(homes), None)
    }
}

impl Copies {
    /// Copies in these homes, and those that were pushed.
    #[must_use]
    pub fn of(homes: Option<impl Into<Homes>>, pushed: Option<Arc<PushedCopies>>) -> Self {
        Self {
            homes: homes.map(Into::into),
            pushed,
            lanes: PersonLanes::default(),
            has_no_timeouts: false,
        }
    }

    /// Copies in these homes, read in these lanes.
    #[must_use]
    pub fn in_lanes(homes: HomesTemplate, lanes: PersonLanes) -> Self {
        Self {
            lanes,
            ..Self::from(homes)
        }
    }

    /// Copies in these homes, for a command that ends when everything was read: a file that
    /// takes long is waited for.
    #[must_use]
    pub fn for_command(homes: impl Into<Homes>) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        let timeouts = LaneTimeouts {
            running: HOUR,
            waiting: HOUR,
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            lanes: PersonLanes::new(cores, timeouts),
            has_no_timeouts: true,
            ..Self::of(Some(homes), None)
        }
    }

    /// Where homes are, unless none are read.
    #[must_use]
    pub fn homes(&self) -> Option<&Homes> {
        self.homes.as_ref()
    }

    /// What was pushed, unless no pushes are taken.
    #[must_use]
    pub fn pushed(&self) -> Option<&Arc<PushedCopies>> {
        self.pushed.as_ref()
    }

    /// The lanes in which they are read.
    #[must_use]
    pub fn lanes(&self) -> &PersonLanes {
        &self.lanes
    }

    /// Whether the copies of this participant are what their server has pushed.
    #[must_use]
    pub fn are_pushed(&self, user: &str) -> bool {
        let pushed = self.pushed.as_ref();
        pushed.is_some_and(|pushed| pushed.has_any_of(user))
    }

    /// Opens a copy; nothing of it is read yet.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(&self, copy: &CopyId) -> Result<OpenNotebook, ReadError> {
        if let Some(pushed) = &self.pushed
            && pushed.has_any_of(&copy.user)
        {
            return pushed.open_copy(copy);
        }
        let homes = self.homes.as_ref().ok_or(ReadError::Missing)?;
        let home = homes.home_of(&copy.user).ok_or(ReadError::Missing)?;
        open_notebook(&home, &copy.filename)
    }

    /// Every copy that was pushed.
    #[must_use]
    pub fn all_pushed(&self) -> Vec<FoundNotebook> {
        let pushed = self.pushed.iter().flat_map(|pushed| pushed.list(None));
        let found = pushed.map(|(copy, record)| FoundNotebook {
            user: copy.user,
            filename: copy.filename,
            fingerprint: record.version(),
        });
        found.collect()
    }

    /// Whether [`Copies::copy_of`] answers without opening the user's home, which may block.
    #[must_use]
    pub fn knows_without_a_look(&self, user: &str, path: &str) -> bool {
        self.pushed.is_none() || self.are_pushed(user) || self.copy_at(path).is_some()
    }

    /// The copy that an event of `user` is about, by what it says of the file. May open the user's
    /// home, in whose lane it is called then.
    #[must_use]
    pub fn copy_of(&self, user: &str, server: &str, filename: &str, path: &str) -> Option<CopyId> {
        if !self.are_pushed(user) {
            let homes = self.homes.as_ref();
            let own = homes.and_then(|homes| homes.below_home_of(user, path.as_ref()));
            let own = own.map(|filename| CopyId {
                filename,
                user: user.to_owned(),
            });
            if let Some(copy) = own.or_else(|| self.copy_at(path)) {
                return Some(copy);
            }
            // Who has a home here has their notebooks in it.
            let home = self.homes.as_ref().and_then(|homes| homes.home_of(user));
            if self.pushed.is_none() || home.is_some_and(|home| home.open().is_ok()) {
                return None;
            }
        }
        Some(CopyId {
            filename: filename_on(server, filename),
            user: user.to_owned(),
        })
    }

    /// The copy that a stored event of `user` is about, whose filename is the one it has here.
    #[must_use]
    pub fn copy_of_stored(&self, user: &str, filename: &str, path: &str) -> Option<CopyId> {
        let in_home = self.copy_at(path).filter(|_| !self.are_pushed(user));
        in_home.or_else(|| {
            self.pushed.as_ref()?;
            Some(CopyId {
                filename: filename.to_owned(),
                user: user.to_owned(),
            })
        })
    }

    /// The copy at `path`, if that is in a home.
    #[must_use]
    pub fn copy_at(&self, path: &str) -> Option<CopyId> {
        let (user, filename) = self.homes.as_ref()?.split(path.as_ref())?;
        Some(CopyId { filename, user })
    }

    /// The whole path of a copy, for people and as events carry it.
    #[must_use]
    pub fn shown(&self, copy: &CopyId) -> Option<String> {
        if let Some(pushed) = &self.pushed
            && pushed.has_any_of(&copy.user)
        {
            return pushed.record(copy).map(|record| record.path);
        }
        let home = self.homes.as_ref()?.home_of(&copy.user)?;
        Some(home.shown(&copy.filename))
    }

    /// The copy as it is when its turn comes; `None` where there is no notebook then. Waits so
    /// long, on a thread that is none of the runtime's.
    ///
    /// # Errors
    /// When it is not read in time.
    pub fn read_within(
        &self,
        copy: &CopyId,
        timeout: Duration,
    ) -> Result<Option<(Fingerprint, NotebookFile)>, LaneError> {
        let (copies, owned) = (self.clone(), copy.clone());
        let read = self.lanes.submit(&copy.user, move || {
            let opened = copies.open(&owned).ok()?;
            let file = opened.read().ok()?;
            Some((opened.version(), file))
        });
        match self.has_no_timeouts {
            true => read.wait(),
            false => read.wait_for(timeout),
        }
    }
}
