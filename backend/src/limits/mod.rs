//! How much one person may ask for, and all of them together.
//!
//! * `rate.rs`: events a second
//! * `slots.rs`: event streams at once, and expensive reads
//! * `answers.rs`: bytes of answers that wait to be sent
//!
//! The limits of a connection are enforced by [`crate::server`]. Their numbers are in
//! [`LimitSettings`] with the others, so that there is one place to look.

mod answers;
mod pushes;
mod rate;
mod slots;

use std::time::{Duration, Instant};

use shared::wire::Role;
use tokio_util::sync::CancellationToken;

pub use answers::AnswerLimits;
pub(crate) use pushes::BodyRoom;
pub use pushes::PushLimits;
use pushes::Pushes;
pub use rate::Rate;
pub(crate) use rate::TokenBuckets;
pub(crate) use slots::Slot;

use crate::{auth::HubLimits, identity::Identity, server::ConnectionLimits};
pub(crate) use answers::UnsentAnswer;
use answers::UnsentAnswers;
use slots::{CapacityReached, Slots};

/// The refusal of a request that exceeds a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitExceeded {
    /// Names the limit, and the remedy.
    pub message: String,
    /// How long to wait before another try.
    pub wait: Duration,
}

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
    /// Of whole notebooks and versions that are read.
    pub reads: ReadLimits,
    /// Of versions that are restored.
    pub restores: RestoreLimits,
    /// Of answers that wait to be sent.
    pub answers: AnswerLimits,
    /// Of notebooks that are pushed.
    pub pushes: PushLimits,
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

/// An event whose texts have more bytes than this counts as several, in the rate as in the
/// list: a path of a page takes up as much as twenty plain ones.
const PLAIN_EVENT_BYTES: usize = 1_024;

/// Counts requests and refuses those that exceed a limit.
pub struct Limits {
    settings: LimitSettings,
    streams: Slots,
    posts: TokenBuckets,
    notices: TokenBuckets,
    looks: TokenBuckets,
    reads: TokenBuckets,
    reading: Slots,
    restores: TokenBuckets,
    restored: TokenBuckets,
    answers: UnsentAnswers,
    pushes: Pushes,
}

impl Limits {
    /// Limits before any request.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            streams: Slots::new(
                settings.streams.each,
                settings.streams.all,
                "pipalhub_streams_open",
            ),
            posts: TokenBuckets::default(),
            notices: TokenBuckets::default(),
            looks: TokenBuckets::default(),
            reads: TokenBuckets::default(),
            reading: Slots::new(
                settings.reads.each,
                settings.reads.all,
                "pipalhub_reads_under_way",
            ),
            restores: TokenBuckets::default(),
            restored: TokenBuckets::default(),
            answers: UnsentAnswers::new(settings.answers),
            pushes: Pushes::new(settings.pushes),
        }
    }

    /// The numbers.
    #[must_use]
    pub fn settings(&self) -> &LimitSettings {
        &self.settings
    }

    /// Counts a post of this person's.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn post(&self, identity: &Identity) -> Result<(), LimitExceeded> {
        self.count_posts(identity, 1)
    }

    /// Counts a post whose texts have so many bytes as several, beyond the one that
    /// [`Limits::post`] counts.
    ///
    /// # Errors
    /// As [`Limits::post`].
    pub(crate) fn post_extra_bytes(
        &self,
        identity: &Identity,
        bytes: usize,
    ) -> Result<(), LimitExceeded> {
        match u32::try_from(bytes / PLAIN_EVENT_BYTES).unwrap_or(u32::MAX) {
            0 => Ok(()),
            more => self.count_posts(identity, more),
        }
    }

    fn count_posts(&self, identity: &Identity, count: u32) -> Result<(), LimitExceeded> {
        let rate = match identity.role {
            Role::Participant | Role::Helper => self.settings.events.participant,
            Role::Instructor => self.settings.events.instructor,
        };
        self.posts
            .take(&identity.user, count, rate, Instant::now())
            .map_err(|wait| {
                let Rate { a_second, .. } = rate;
                too_many(
                    "events",
                    format!(
                        "{} has posted more than {a_second} events a second for a while; wait, \
                         and post the newest of each notebook.",
                        identity.user
                    ),
                    wait,
                )
            })
    }

    /// Room for the body of a push of `user` that has so many bytes, until it is dropped.
    ///
    /// # Errors
    /// When too much arrives at the moment, or `user` has pushed too much lately.
    pub(crate) fn push(&self, user: &str, bytes: usize) -> Result<BodyRoom, LimitExceeded> {
        self.pushes.take(user, bytes)
    }

    /// Counts a pushed notebook of `user` that has so many bytes, before it is put together.
    ///
    /// # Errors
    /// When there was too much lately.
    pub(crate) fn push_written(&self, user: &str, bytes: u64) -> Result<(), LimitExceeded> {
        self.pushes.write(user, bytes)
    }

    /// Counts a notice of this person's.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn notice(&self, identity: &Identity) -> Result<(), LimitExceeded> {
        let NoticeLimits { every, burst } = self.settings.notices;
        self.notices
            .take_one(&identity.user, every, burst, Instant::now())
            .map_err(|wait| {
                let message = format!(
                    "{} has written {burst} notices in the last minute: wait a moment, or say it \
                     all in one.",
                    identity.user
                );
                too_many("notices", message, wait)
            })
    }

    /// Counts a restore into the home of `user`.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn restore(&self, user: &str) -> Result<(), LimitExceeded> {
        let RestoreLimits { every, burst, .. } = self.settings.restores;
        self.restores
            .take_one(user, every, burst, Instant::now())
            .map_err(|wait| {
                let message = format!(
                    "{burst} versions were restored for {user} in the last minute: wait a moment."
                );
                too_many("restores", message, wait)
            })
    }

    /// Counts the bytes that such a restore is about to write.
    ///
    /// # Errors
    /// When there was too much lately.
    pub(crate) fn restore_bytes(&self, user: &str, bytes: usize) -> Result<(), LimitExceeded> {
        const HOUR: Duration = Duration::from_secs(3_600);
        let most = self.settings.restores.mib_an_hour.max(1);
        let mib = u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX);
        self.restored
            .take_many(user, mib.max(1), HOUR / most, most, Instant::now())
            .map_err(|wait| {
                let message = format!(
                    "{most} MiB were restored for {user} in the last hour: wait a while, or \
                     download the version."
                );
                too_many("restores", message, wait)
            })
    }

    /// How many entries this person may have in the list of events when the next one's texts have
    /// so many bytes; `None` when any number.
    pub(crate) fn max_entries(&self, identity: &Identity, bytes: usize) -> Option<u32> {
        let counted = !identity.role.changes_the_class();
        let parts = u32::try_from(bytes / PLAIN_EVENT_BYTES).unwrap_or(u32::MAX);
        counted.then_some(self.settings.events.entries / parts.saturating_add(1))
    }

    /// Counts a request for a tile, the wall or a list.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn look(&self, identity: &Identity) -> Result<(), LimitExceeded> {
        let ReadLimits {
            looks,
            looks_of_observer,
            ..
        } = self.settings.reads;
        let rate = match identity.role.sees_everyone() {
            true => looks_of_observer,
            false => looks,
        };
        let taken = self.looks.take(&identity.user, 1, rate, Instant::now());
        taken.map_err(|wait| {
            let Rate { a_second, .. } = rate;
            let message = format!(
                "{} has asked for more than {a_second} tiles or lists a second for a while: wait a \
                 moment.",
                identity.user
            );
            too_many("looks", message, wait)
        })
    }

    /// A slot for one expensive read of this person's, free again when it is dropped.
    ///
    /// # Errors
    /// When there were too many lately, or are under way.
    pub(crate) fn read(&self, identity: &Identity) -> Result<Slot, LimitExceeded> {
        const READ_RETRY_AFTER: Duration = Duration::from_secs(1);
        let ReadLimits {
            participant,
            observer,
            each,
            all,
            ..
        } = self.settings.reads;
        let rate = match identity.role.sees_everyone() {
            true => observer,
            false => participant,
        };
        let taken = self.reads.take(&identity.user, 1, rate, Instant::now());
        taken.map_err(|wait| {
            let Rate { a_second, .. } = rate;
            let message = format!(
                "{} has asked for more than {a_second} whole notebooks or versions a second for a \
                 while: wait a moment.",
                identity.user
            );
            too_many("reads", message, wait)
        })?;
        let person = identity.from_hub.then_some(identity.user.as_str());
        self.reading.take(person).map_err(|full| {
            let message = match full {
                CapacityReached::Person => format!(
                    "{each} whole notebooks or versions are being read for {} already: wait for \
                     those.",
                    identity.user
                ),
                CapacityReached::All => format!(
                    "{all} whole notebooks or versions are being read, as many as this service \
                     reads at once: try again in a moment."
                ),
            };
            too_many("reads", message, READ_RETRY_AFTER)
        })
    }

    /// Counts an answer for this person that waits to be sent over `connection`, until the result
    /// is dropped. Answers for instructors and helpers are not counted.
    ///
    /// # Errors
    /// When too much waits already.
    pub(crate) fn answer(
        &self,
        identity: &Identity,
        bytes: usize,
        connection: &CancellationToken,
    ) -> Result<Option<UnsentAnswer>, LimitExceeded> {
        const ANSWER_RETRY_AFTER: Duration = Duration::from_secs(2);
        if identity.role.sees_everyone() {
            return Ok(None);
        }
        let taken = self.answers.take(&identity.user, bytes, connection);
        taken.map_err(|full| {
            let message = match full {
                CapacityReached::Person => format!(
                    "More than {} MiB of answers wait for {} to read them: read those first.",
                    self.settings.answers.each >> 20,
                    identity.user
                ),
                CapacityReached::All => {
                    "Too many large answers wait to be read: try again in a moment, or \
                              ask for less."
                        .to_owned()
                }
            };
            too_many("answers", message, ANSWER_RETRY_AFTER)
        })
    }

    /// A slot for an event stream of this person's, free again when it is dropped.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn stream(&self, identity: &Identity) -> Result<Slot, LimitExceeded> {
        /// Pages that were closed free theirs at once.
        const STREAM_RETRY_AFTER: Duration = Duration::from_secs(5);
        let StreamLimits { each, all, .. } = self.settings.streams;
        // Without a Hub everyone is the one instructor.
        let person = identity.from_hub.then_some(identity.user.as_str());
        self.streams.take(person).map_err(|full| {
            let message = match full {
                CapacityReached::Person => format!(
                    "{} has {each} event streams open, as many as one person may: close some \
                     pages or programs that follow the class.",
                    identity.user
                ),
                CapacityReached::All => format!(
                    "{all} event streams are open, as many as this service takes: try again, \
                     or ask GET /api/updates now and then."
                ),
            };
            too_many("streams", message, STREAM_RETRY_AFTER)
        })
    }
}

/// Counts a refusal in the metrics.
fn too_many(limit: &'static str, message: String, wait: Duration) -> LimitExceeded {
    metrics::counter!("pipalhub_requests_limited_total", "limit" => limit).increment(1);
    LimitExceeded { message, wait }
}
