//! Reading below the homes so that nobody waits for somebody else's disk: each person's files
//! in their lane ([`crate::lanes`]).

use super::{Fingerprint, HomesTemplate, OnDisk, read_notebook};
use crate::lanes::{Lanes, Unread};

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
        let Some(home) = self.homes.home_of(user) else {
            return Ok(None);
        };
        let filename = filename.to_owned();
        let read = self.lanes.ask(user, move || {
            let (version, file) = read_notebook(&home, &filename, None).ok()?;
            Some((version, file?))
        });
        read.wait()
    }
}
