//! What was asked for in a lane, on its way back to who reports.

use std::{
    sync::mpsc::{Sender, SyncSender},
    time::Duration,
};

use super::{Key, Look};
use crate::homes::{Fingerprint, Found, Poke};

/// What comes back from a lane.
pub(super) enum Answer {
    /// What is in this home.
    Walked {
        user: String,
        found: Vec<Found>,
        /// Of what was told of before, and not found: what is not there, when that is known.
        absent: Option<Vec<String>>,
        took: Duration,
    },
    /// How a look at a file ended; `None` when it panicked.
    Looked {
        key: Key,
        look: Option<Look>,
        why: Why,
    },
}

/// Why a file is looked at.
#[derive(Clone, Copy)]
pub(super) enum Why {
    /// It was written, and is new when nobody knew of it before.
    Written { is_new: bool },
    /// It was not found any more; this had been reported of it by then.
    Gone { reported: Option<Fingerprint> },
}

/// Where answers are put, one for each thing that was asked for.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) answers: Sender<Answer>,
    pub(super) wake: SyncSender<Poke>,
}

/// An answer, which is sent in any case.
pub(super) struct Letter {
    post: Post,
    answer: Option<Answer>,
}

impl Letter {
    pub(super) fn write(mut self, answer: Answer) {
        self.answer = Some(answer);
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        let answer = self.answer.take().expect("it is taken once");
        // The other end is gone only while the service ends; while it has more to look at
        // than it can take it needs no waking.
        let _ = self.post.answers.send(answer);
        let _ = self.post.wake.try_send(Poke::Wake);
    }
}

impl Post {
    /// A letter that says this, unless something else is written into it.
    pub(super) fn letter(&self, answer: Answer) -> Letter {
        Letter {
            post: self.clone(),
            answer: Some(answer),
        }
    }
}
