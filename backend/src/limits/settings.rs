//! The numbers of all limits, and why each is what it is.

use std::time::Duration;

use super::{AnswerLimits, PushLimits, Rate};
use crate::{auth::HubLimits, server::ConnectionLimits};

/// All numbers. The service runs with the defaults; tests use smaller ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitSettings {
    /// Of connections.
    pub connections: ConnectionLimits,
    /// Of event streams.
    pub streams: StreamLimits,
    /// Of events that are posted.
    pub events: EventLimits,
    /// Of questions to the Hub.
    pub hub: HubLimits,
    /// Of notices that are written.
    pub notices: NoticeLimits,
    /// Of notes that participants change.
    pub notes: NoteLimits,
    /// Of whole notebooks and versions that are read.
    pub reads: ReadLimits,
    /// Of versions that are restored.
    pub restores: RestoreLimits,
    /// Of answers that wait to be sent.
    pub answers: AnswerLimits,
    /// Of notebooks that are pushed.
    pub pushes: PushLimits,
    /// Of files that are uploaded to be handed out.
    pub uploads: UploadLimits,
}

/// How many event streams there may be.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// Of one person, where a Hub tells people apart. A page has one, and a browser opens
    /// six connections to one address: enough for two browsers and some scripts.
    pub each: usize,
    /// Of all. Half of the connections, so that there are always some for the rest.
    pub all: usize,
    /// A stream that has sent nothing for so long sends a comment: proxies cut silent
    /// ones, the strictest after 10 s.
    pub heartbeat: Duration,
    /// How often a stream checks that its reader still may read, and has not signed out or lost a
    /// right. A change at the Hub is noticed later by as long as an answer of the Hub's is
    /// believed: [`HubLimits::fresh_of_observers`] for readers who see others' notebooks, and
    /// [`HubLimits::fresh_of_participants`] for readers of their own.
    pub recheck: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            each: 16,
            all: 2_000,
            heartbeat: Duration::from_secs(8),
            recheck: Duration::from_secs(8),
        }
    }
}

/// How many events one person may post.
#[derive(Clone, Copy, Debug)]
pub struct EventLimits {
    /// A participant, or a helper. JupyterLab saves an open notebook every five seconds, so this is
    /// fifty open notebooks, and the burst is to save them all. A class of three hundred
    /// at its busiest, 150 saves a second in all, is one save in two seconds for each.
    pub participant: Rate,
    /// A token that may report for everyone: an instructor's, or the one there is without a
    /// Hub. Twice as many as the store is built to commit, so that an import or a load test is
    /// paced by the disk alone, and a loop that ran wild is stopped all the same.
    pub instructor: Rate,
    /// Entries of a participant in the list of events: they are never removed, and each new path
    /// is one more. No home has so many notebooks.
    pub entries: u32,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            participant: Rate {
                a_second: 10,
                burst: 50,
            },
            instructor: Rate {
                a_second: 50_000,
                burst: 100_000,
            },
            entries: 10_000,
        }
    }
}

/// How many notices one instructor may write: everyone is interrupted by each.
#[derive(Clone, Copy, Debug)]
pub struct NoticeLimits {
    /// One in so long, in the long run.
    pub every: Duration,
    /// At once, after a pause.
    pub burst: u32,
}

impl Default for NoticeLimits {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(6),
            burst: 10,
        }
    }
}

/// How often one participant may change their note, and the text of their ticket: each is written
/// to the disk, and everyone who sees the queue is told.
#[derive(Clone, Copy, Debug)]
pub struct NoteLimits {
    /// One in so long, in the long run.
    pub every: Duration,
    /// At once, after a pause.
    pub burst: u32,
}

impl Default for NoteLimits {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(3),
            burst: 20,
        }
    }
}

/// How often one person may have a whole notebook, or a version of one, read for them. Each
/// is read anew, unlike a tile, and may be large.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// A participant: a page asks once for each save, and once for each version that is looked
    /// at.
    pub participant: Rate,
    /// An instructor or a helper, who sees everyone.
    pub observer: Rate,
    /// Requests for tiles, the wall and lists, of a participant: twice as often as they may
    /// report saves.
    pub looks: Rate,
    /// The same of an instructor or a helper, whose page fetches a tile for each save of three
    /// hundred participants.
    pub looks_of_observer: Rate,
    /// At the same time, of one person, where a Hub tells people apart.
    pub each: usize,
    /// At the same time, of all people.
    pub all: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            participant: Rate {
                a_second: 5,
                burst: 50,
            },
            observer: Rate {
                a_second: 50,
                burst: 500,
            },
            looks: Rate {
                a_second: 20,
                burst: 200,
            },
            looks_of_observer: Rate {
                a_second: 1_000,
                burst: 10_000,
            },
            each: 4,
            all: 256,
        }
    }
}

/// How much may be restored into one home.
#[derive(Clone, Copy, Debug)]
pub struct RestoreLimits {
    /// One in so long, in the long run.
    pub every: Duration,
    /// At once, after a pause.
    pub burst: u32,
    /// MiB that are written in an hour, and at once after a pause; each restore counts as one at
    /// least. It is several of the largest notebooks that there may be.
    pub mib_an_hour: u32,
}

impl Default for RestoreLimits {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(6),
            burst: 10,
            mib_an_hour: 256,
        }
    }
}

/// How many files that are to be handed out may be in memory. Each has up to
/// [`shared::errands::MAX_HANDOUT_BYTES`].
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// Of one instructor, where a Hub tells people apart.
    pub each: usize,
    /// Of all.
    pub all: usize,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { each: 1, all: 3 }
    }
}
