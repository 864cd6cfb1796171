//! What streams say beside the events: that something else is news, and where to ask.
//!
//! An aside has no number and is kept nowhere. Who was not there when it was said asks for
//! the thing itself on reconnecting, so a reader that has missed some is simply let go.
//! The kinds, and what each one's data are, stand in [`shared::asides`].

use std::{collections::BTreeSet, sync::Arc};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::broadcast;

use super::frame::unnumbered;
use crate::identity::Identity;

/// How many may be on their way to the slowest reader: a class of three hundred saves half
/// as many notebooks in the time after which one that takes nothing is dropped.
const ON_THEIR_WAY: usize = 1_024;

/// Whom an aside is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone who is signed in.
    Everyone,
    /// Who may see what belongs to this user: they, helpers and instructors.
    MaySee(String),
    /// Who may see what belongs to one of these users, or to more.
    MaySeeAny(BTreeSet<String>),
    /// Who sees everyone: helpers and instructors.
    SeeAll,
}

impl Audience {
    fn has(&self, identity: &Identity) -> bool {
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

/// One aside, encoded once for all who hear it.
#[derive(Debug)]
pub(crate) struct Aside {
    audience: Audience,
    frame: Bytes,
}

impl Aside {
    /// How it is sent to this person, when it is for them.
    pub(crate) fn frame_for(&self, identity: &Identity) -> Option<Bytes> {
        self.audience.has(identity).then(|| self.frame.clone())
    }
}

/// See the module's words.
#[derive(Clone, Debug)]
pub struct Asides {
    sender: broadcast::Sender<Arc<Aside>>,
}

impl Default for Asides {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(ON_THEIR_WAY),
        }
    }
}

impl Asides {
    /// Says something to all whose streams are open now. Waits for nobody.
    pub fn say(&self, audience: Audience, kind: &str, data: &impl Serialize) {
        let frame = unnumbered(kind, data);
        // Nobody may be listening, and that is as well.
        let _ = self.sender.send(Arc::new(Aside { audience, frame }));
    }

    /// What is said from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Aside>> {
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
    fn tells_each_what_is_for_them() {
        let asides = Asides::default();
        let mut heard = asides.listen();
        asides.say(Audience::Everyone, "built", &1);
        asides.say(Audience::MaySee("ana".to_owned()), "built", &2);
        asides.say(Audience::SeeAll, "built", &3);
        let users = ["bob", "cy"].map(str::to_owned).into();
        asides.say(Audience::MaySeeAny(users), "built", &4);
        let said: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
        let told = |user: &str, role| {
            let identity = identity(user, role);
            let frames = said.iter().filter_map(|aside| aside.frame_for(&identity));
            frames
                .map(|frame| String::from_utf8(frame.to_vec()).unwrap())
                .collect::<String>()
        };
        let frame = |data: u8| format!("event: built\ndata: {data}\n\n");
        assert_eq!(told("bob", Role::Participant), frame(1) + &frame(4));
        assert_eq!(told("ana", Role::Participant), frame(1) + &frame(2));
        let all: String = (1..=4).map(frame).collect();
        assert_eq!(told("eva", Role::Helper), all);
    }
}
