//! Announces new builds to open pages.

use std::sync::Arc;

use shared::announcements::{BUILT_KIND, BuildAnnouncement};

use crate::{
    feed::{Announcements, Recipients},
    sharing::Sharing,
};

/// Sends an announcement for each build to the users who may see it.
pub(super) struct BuildAnnouncer {
    announcements: Announcements,
    sharing: Arc<Sharing>,
}

impl BuildAnnouncer {
    pub(super) fn new(announcements: Announcements, sharing: Arc<Sharing>) -> Self {
        Self {
            announcements,
            sharing,
        }
    }

    /// Announces new files of the participant `user`, or without one a new summary.
    pub(super) fn announce(&self, filename: &str, user: Option<&str>) {
        let recipients = match user {
            Some(user) => Recipients::MaySee(user.to_owned()),
            None => self.sharing.readers_of_summary(filename),
        };
        let built = BuildAnnouncement {
            filename: filename.to_owned(),
            user: user.map(str::to_owned),
        };
        self.announcements.send(recipients, BUILT_KIND, &built);
    }
}
