//! Reading notebooks below the homes so that no request waits for another participant's disk:
//! each person's files in their lane ([`crate::lanes`]).

use std::{thread, time::Duration};

use super::{Fingerprint, HomesTemplate, NotebookFile, read_notebook};
use crate::lanes::{LaneError, LaneTimeouts, PersonLanes};

/// Reads notebooks below the homes, in lanes. A clone reads in the same lanes.
#[derive(Clone)]
pub struct NotebookReader {
    homes: HomesTemplate,
    lanes: PersonLanes,
    /// Callers wait until a file is read, however long that takes.
    has_no_timeouts: bool,
}

impl From<HomesTemplate> for NotebookReader {
    fn from(homes: HomesTemplate) -> Self {
        Self {
            homes,
            lanes: PersonLanes::default(),
            has_no_timeouts: false,
        }
    }
}

impl NotebookReader {
    /// The same homes, read in these lanes.
    #[must_use]
    pub fn in_lanes(homes: HomesTemplate, lanes: PersonLanes) -> Self {
        Self {
            homes,
            lanes,
            has_no_timeouts: false,
        }
    }

    /// A reader for a command, which is done when everything was read: a file may take an hour.
    #[must_use]
    pub fn for_command(homes: HomesTemplate) -> Self {
        const HOUR: Duration = Duration::from_secs(3_600);
        let timeouts = LaneTimeouts {
            running: HOUR,
            waiting: HOUR,
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            homes,
            lanes: PersonLanes::new(cores, timeouts),
            has_no_timeouts: true,
        }
    }

    /// The homes that the notebooks live in.
    #[must_use]
    pub fn homes(&self) -> &HomesTemplate {
        &self.homes
    }

    /// The lanes that they are read in.
    #[must_use]
    pub fn lanes(&self) -> &PersonLanes {
        &self.lanes
    }

    /// Reads the file when its turn comes; `None` where there is no notebook then. Blocks its
    /// thread, which must be none of the runtime's, for `timeout` at most.
    ///
    /// # Errors
    /// When it is not read in time.
    pub fn read_within(
        &self,
        user: &str,
        filename: &str,
        timeout: Duration,
    ) -> Result<Option<(Fingerprint, NotebookFile)>, LaneError> {
        let Some(home) = self.homes.home_of(user) else {
            return Ok(None);
        };
        let filename = filename.to_owned();
        let read = self.lanes.submit(user, move || {
            let (version, file) = read_notebook(&home, &filename, None).ok()?;
            Some((version, file?))
        });
        match self.has_no_timeouts {
            true => read.wait(),
            false => read.wait_for(timeout),
        }
    }
}
