//! Announcements: what streams send beside the events, that something else has changed and
//! where a page asks for it.
//!
//! An announcement has no sequence number and is stored nowhere. A page asks for the thing
//! itself when it reconnects, so a reader that has missed announcements is disconnected.
//! The kinds and the data of each are in [`shared::announcements`].

use std::{collections::BTreeSet, sync::Arc};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;

use super::frame::unnumbered;
use crate::identity::Identity;

/// How many announcements may be queued for the slowest reader: a class of three hundred saves
/// half as many notebooks in the time after which a reader that takes nothing is disconnected.
const MAX_QUEUED_ANNOUNCEMENTS: usize = 1_024;

/// The users that an announcement is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// Every user who is signed in.
    Everyone,
    /// Users who may see what belongs to this user: the user, helpers and instructors.
    MaySee(String),
    /// Users who may see what belongs to at least one of these users.
    MaySeeAny(BTreeSet<String>),
    /// Users who see every participant: helpers and instructors.
    SeeAll,
}

impl Recipients {
    fn include(&self, identity: &Identity) -> bool {
        match self {
            Self::Everyone => true,
            Self::MaySee(user) => identity.may_see(user),
            Self::MaySeeAny(users) => match identity.confined_to() {
                Some(own) => users.contains(own),
                None => true,
            },
            Self::SeeAll => identity.role.sees_everyone(),
        }
    }
}

/// One announcement, encoded once for all its recipients.
#[derive(Debug)]
pub(crate) struct Announcement {
    recipients: Recipients,
    frame: Bytes,
}

impl Announcement {
    /// The announcement as bytes, when this user is one of its recipients.
    pub(crate) fn frame_for(&self, identity: &Identity) -> Option<Bytes> {
        self.recipients
            .include(identity)
            .then(|| self.frame.clone())
    }
}

/// The channel of announcements to all open streams. Clones share it.
#[derive(Clone, Debug)]
pub struct Announcements {
    sender: broadcast::Sender<Arc<Announcement>>,
}

impl Default for Announcements {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(MAX_QUEUED_ANNOUNCEMENTS),
        }
    }
}

impl Announcements {
    /// Sends an announcement to the open streams of its recipients. Never waits.
    pub fn send(&self, recipients: Recipients, kind: &str, data: &impl Serialize) {
        let frame = unnumbered(kind, data);
        // It fails when no stream is open, and then no page needs to be told.
        let _ = self
            .sender
            .send(Arc::new(Announcement { recipients, frame }));
    }

    /// Receives the announcements that are sent from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Announcement>> {
        self.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Role;

    use super::*;

    fn identity(user: &str, role: Role) -> Identity {
        Identity {
            user: user.to_owned(),
            role,
            from_hub: true,
            groups: Vec::new(),
        }
    }

    #[test]
    fn an_announcement_reaches_its_recipients_only() {
        let announcements = Announcements::default();
        let mut receiver = announcements.subscribe();
        announcements.send(Recipients::Everyone, "built", &1);
        announcements.send(Recipients::MaySee("ana".to_owned()), "built", &2);
        announcements.send(Recipients::SeeAll, "built", &3);
        let users = ["bob", "cy"].map(str::to_owned).into();
        announcements.send(Recipients::MaySeeAny(users), "built", &4);
        let sent: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        let received = |user: &str, role| {
            let identity = identity(user, role);
            let frames = sent
                .iter()
                .filter_map(|announcement| announcement.frame_for(&identity));
            frames
                .map(|frame| String::from_utf8(frame.to_vec()).unwrap())
                .collect::<String>()
        };
        let frame = |data: u8| format!("event: built\ndata: {data}\n\n");
        assert_eq!(received("bob", Role::Participant), frame(1) + &frame(4));
        assert_eq!(received("ana", Role::Participant), frame(1) + &frame(2));
        let all: String = (1..=4).map(frame).collect();
        assert_eq!(received("eva", Role::Helper), all);
    }
}
