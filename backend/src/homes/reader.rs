//! Reading below the homes so that nobody waits for somebody else's disk: each person's files
//! in their lane ([`crate::lanes`]).

use std::time::Duration;

use super::{Fingerprint, HomesTemplate, OnDisk, read_notebook};
use crate::lanes::{Lanes, Pending, Unread};

/// See the module's words. A clone reads in the same lanes.
#[derive(Clone)]
pub struct Reader {
    homes: HomesTemplate,
    lanes: Lanes,
}

impl From<HomesTemplate> for Reader {
    fn from(homes: HomesTemplate) -> Self {
        Self {
            homes,
            lanes: Lanes::default(),
        }
    }
}

impl Reader {
    /// The same homes, read in these lanes.
    #[must_use]
    pub fn in_lanes(homes: HomesTemplate, lanes: Lanes) -> Self {
        Self { homes, lanes }
    }

    /// Where notebooks live.
    #[must_use]
    pub fn homes(&self) -> &HomesTemplate {
        &self.homes
    }

    /// What they are read in.
    #[must_use]
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The file as it is when its turn comes; `None` where there is no notebook then. Waits, on
    /// a thread that is none of the runtime's.
    ///
    /// # Errors
    /// When it is not read in time.
    pub fn read(
        &self,
        user: &str,
        filename: &str,
    ) -> Result<Option<(Fingerprint, OnDisk)>, Unread> {
        let read = self.ask(user, filename);
        read.map_or(Ok(None), Pending::wait)
    }

    /// The same, for a thread that others wait for: it waits no longer than `patience`.
    ///
    /// # Errors
    /// When it is not read in time.
    pub fn read_within(
        &self,
        user: &str,
        filename: &str,
        patience: Duration,
    ) -> Result<Option<(Fingerprint, OnDisk)>, Unread> {
        let read = self.ask(user, filename);
        read.map_or(Ok(None), |read| read.wait_for(patience))
    }

    fn ask(&self, user: &str, filename: &str) -> Option<Pending<Option<(Fingerprint, OnDisk)>>> {
        let home = self.homes.home_of(user)?;
        let filename = filename.to_owned();
        Some(self.lanes.ask(user, move || {
            let (version, file) = read_notebook(&home, &filename, None).ok()?;
            Some((version, file?))
        }))
    }
}
