//! Reading below the homes so that nobody waits for somebody else's disk: each person's files
//! in their lane ([`crate::lanes`]).

use std::{thread, time::Duration};

use super::{Fingerprint, HomesTemplate, OnDisk, read_notebook};
use crate::lanes::{Lanes, Patience, Unread};

/// See the module's words. A clone reads in the same lanes.
#[derive(Clone)]
pub struct Reader {
    homes: HomesTemplate,
    lanes: Lanes,
    /// Who asked for something waits for all of it, however long that takes.
    is_patient: bool,
}

impl From<HomesTemplate> for Reader {
    fn from(homes: HomesTemplate) -> Self {
        Self {
            homes,
            lanes: Lanes::default(),
            is_patient: false,
        }
    }
}

impl Reader {
    /// The same homes, read in these lanes.
    #[must_use]
    pub fn in_lanes(homes: HomesTemplate, lanes: Lanes) -> Self {
        Self {
            homes,
            lanes,
            is_patient: false,
        }
    }

    /// For a command that is done when everything was read: a file that takes long is no file
    /// that is late.
    #[must_use]
    pub fn patient(homes: HomesTemplate) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        let patience = Patience {
            running: HOUR,
            waiting: HOUR,
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            homes,
            lanes: Lanes::new(cores, patience),
            is_patient: true,
        }
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

    /// The file as it is when its turn comes; `None` where there is no notebook then. Waits so
    /// long, on a thread that is none of the runtime's.
    ///
    /// # Errors
    /// When it is not read in time.
    pub fn read_within(
        &self,
        user: &str,
        filename: &str,
        patience: Duration,
    ) -> Result<Option<(Fingerprint, OnDisk)>, Unread> {
        let Some(home) = self.homes.home_of(user) else {
            return Ok(None);
        };
        let filename = filename.to_owned();
        let read = self.lanes.ask(user, move || {
            let (version, file) = read_notebook(&home, &filename, None).ok()?;
            Some((version, file?))
        });
        match self.is_patient {
            true => read.wait(),
            false => read.wait_for(patience),
        }
    }
}
