//! How much one person may ask for, and all of them together.
//!
//! * `rate.rs`: events a second
//! * `slots.rs`: event streams at once, and expensive reads
//! * `answers.rs`: bytes of answers that wait to be sent
//! * `pushes.rs`: bytes of pushes, and memory for them
//! * `settings.rs`: the numbers
//!
//! The limits of a connection are enforced by [`crate::server`]. Their numbers are in
//! [`LimitSettings`] with the others, so that there is one place to look.

mod answers;
mod pushes;
mod rate;
mod settings;
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
pub use settings::{
    EventLimits, LimitSettings, NoteLimits, NoticeLimits, ReadLimits, RestoreLimits, StreamLimits,
    UploadLimits,
};
pub(crate) use slots::Slot;

use crate::identity::Identity;
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

/// An event whose texts have more bytes than this counts as several, in the rate as in the
/// list: a path of a page takes up as much as twenty plain ones.
const PLAIN_EVENT_BYTES: usize = 1_024;

/// Counts requests and refuses those that exceed a limit.
pub struct Limits {
    settings: LimitSettings,
    streams: Slots,
    posts: TokenBuckets,
    notices: TokenBuckets,
    notes: TokenBuckets,
    looks: TokenBuckets,
    reads: TokenBuckets,
    reading: Slots,
    restores: TokenBuckets,
    restored: TokenBuckets,
    answers: UnsentAnswers,
    pushes: Pushes,
    uploads: Slots,
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
            notes: TokenBuckets::default(),
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
            uploads: Slots::new(
                settings.uploads.each,
                settings.uploads.all,
                "pipalhub_uploads_under_way",
            ),
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
            Role::Participant | Role::Observer | Role::Helper => self.settings.events.participant,
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

    /// A slot for a file that this instructor uploads, free again when it is dropped.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn upload(&self, identity: &Identity) -> Result<Slot, LimitExceeded> {
        const UPLOAD_RETRY_AFTER: Duration = Duration::from_secs(2);
        let person = identity.from_hub.then_some(identity.user.as_str());
        self.uploads.take(person).map_err(|full| {
            let message = match full {
                CapacityReached::Person => format!(
                    "A file of {} is being uploaded already: wait until it is there.",
                    identity.user
                ),
                CapacityReached::All => {
                    "Files of others are being uploaded: try again in a moment.".to_owned()
                }
            };
            too_many("uploads", message, UPLOAD_RETRY_AFTER)
        })
    }

    /// Counts a notice of this person's, or that they ask the class whether it is done: everyone is
    /// interrupted by each.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn notice(&self, identity: &Identity) -> Result<(), LimitExceeded> {
        let NoticeLimits { every, burst } = self.settings.notices;
        self.notices
            .take_one(&identity.user, every, burst, Instant::now())
            .map_err(|wait| {
                let message = format!(
                    "{} has interrupted the class {burst} times in the last minute: wait a moment, \
                     or say it all in one notice.",
                    identity.user
                );
                too_many("notices", message, wait)
            })
    }

    /// Counts a change of this person's note.
    ///
    /// # Errors
    /// When there were too many lately.
    pub(crate) fn note(&self, identity: &Identity) -> Result<(), LimitExceeded> {
        let NoteLimits { every, burst } = self.settings.notes;
        self.notes
            .take_one(&identity.user, every, burst, Instant::now())
            .map_err(|wait| {
                let message = format!(
                    "{} has changed their note {burst} times in the last minute: wait a moment.",
                    identity.user
                );
                too_many("notes", message, wait)
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
